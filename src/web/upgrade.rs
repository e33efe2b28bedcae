//! The way from a request to a WebSocket: RFC 6455 §4.2, and the origins that may take it.

use crate::net::Layer;
use crate::web::response::{Response, date};
use crate::web::settings::Settings;
use crate::wire::http::Head;
use crate::wire::websocket::Kind;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use sha1::{Digest, Sha1};

/// What makes an answer of a key. RFC 6455 §1.3.
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// The subprotocols of the IRCv3 WebSocket specification.
const SUBPROTOCOLS: [(&str, Kind); 2] =
    [("text.ircv3.net", Kind::Text), ("binary.ircv3.net", Kind::Binary)];

/// Whether a request asks for a WebSocket.
pub fn is_asked(head: &Head) -> bool {
    head.lists("connection", "upgrade") && head.lists("upgrade", "websocket")
}

/// The head of the answer that begins a WebSocket, and its layer; or the refusal.
pub fn accept(head: &Head, settings: &Settings, unix_ms: u64) -> Result<(String, Layer), Response> {
    if head.method != "GET" || !head.is_1_1 {
        return Err(Response::text(400, "A WebSocket is asked for by GET and HTTP/1.1"));
    }
    if head.header("sec-websocket-version") != Some("13") {
        let refusal = Response::text(426, "This server speaks version 13 of WebSocket");
        return Err(refusal.with("Sec-WebSocket-Version", "13").with("Upgrade", "websocket"));
    }
    let key = head.header("sec-websocket-key").unwrap_or_default();
    if BASE64.decode(key).is_ok_and(|nonce| nonce.len() == 16) {
        check_origin(head, settings)?;
    } else {
        return Err(Response::text(400, "The Sec-WebSocket-Key must be 16 bytes in base64"));
    }
    let offered = head.list("sec-websocket-protocol");
    let known = |name: &&str| SUBPROTOCOLS.iter().find(|(known, _)| known == name);
    let chosen = offered.iter().find_map(known);
    let answer = BASE64.encode(Sha1::new().chain_update(key).chain_update(GUID).finalize());
    let subprotocol =
        chosen.map_or_else(String::new, |(name, _)| format!("Sec-WebSocket-Protocol: {name}\r\n"));
    let date = date(unix_ms);
    let text = format!(
        "HTTP/1.1 101 Switching Protocols\r\nDate: {date}\r\nServer: stonechat\r\n\
         Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {answer}\r\n\
         {subprotocol}\r\n"
    );
    let kind = chosen.map(|(_, kind)| *kind);
    Ok((text, Layer { kind, message_max: MESSAGE_MAX }))
}

/// Bytes of a client's message: the longest line with tags that chat takes, and some more, which
/// chat then refuses in words.
const MESSAGE_MAX: usize = 16 << 10;

/// Browsers name the page that opens a WebSocket, and leave it to the server whether it may: any page
/// could otherwise speak for its visitors. RFC 6455 §10.2.
fn check_origin(head: &Head, settings: &Settings) -> Result<(), Response> {
    let Some(origin) = head.header("origin") else { return Ok(()) };
    let host = origin.split_once("://").map_or("", |(_, host)| host);
    let is_own = !host.is_empty() && host.eq_ignore_ascii_case(head.host);
    let is_listed = settings.origins.iter().any(|listed| listed == "*" || listed == origin);
    if is_own || is_listed {
        return Ok(());
    }
    log::info!("a page of {origin:?} may not open a WebSocket; web.origins can list it");
    Err(Response::text(403, "Pages of this origin may not connect; web.origins can list it"))
}
