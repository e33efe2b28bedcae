//! HTTP as requests and responses, over pipes that tear every byte: routes, framing, limits, and the
//! way to a WebSocket, behind which chat and echo speak.

mod world;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use stonechat::app::{App, Protocol, Request};
use stonechat::net::{ConnId, EventLoop, Framed, Limits, Peer};
use stonechat::web::{Settings, routes};
use world::by_hand::{ENDPOINT, at, rest};
use world::{Choices, ServerEnd, Wire};

struct Site {
    server: EventLoop<Framed<ServerEnd>, App>,
    now_ms: u64,
}

struct Client {
    id: ConnId,
    wire: Rc<RefCell<Wire>>,
}

impl Site {
    fn new() -> Site {
        Site::with(Settings::default())
    }

    fn with(settings: Settings) -> Site {
        let mut app = App::new(512, Default::default());
        app.web.set_settings(settings);
        app.add_endpoint(Protocol::Http).unwrap();
        Site { server: EventLoop::new(app, Limits::default()), now_ms: 0 }
    }

    fn come(&mut self) -> Client {
        self.come_from(Some("127.0.0.1:50000"), usize::MAX)
    }

    fn come_from(&mut self, address: Option<&str>, down_max: usize) -> Client {
        let wire = Wire::new(down_max);
        wire.borrow_mut().whole_reads = true;
        let end = ServerEnd { wire: wire.clone(), choices: Choices::from_bytes(&[]) };
        let address = address.map(|address| address.parse().unwrap());
        let peer = Peer::accepted(ENDPOINT, address);
        let id = self.server.accept(Framed::plain(end), peer).expect("room for one");
        Client { id, wire }
    }

    /// Runs until nothing is left to do, and answers questions to the program.
    fn settle(&mut self) {
        self.server.wake(at(self.now_ms));
        rest(&mut self.server, at(self.now_ms));
        for request in self.server.service.take_requests() {
            let Request::Metrics(id) = request else { panic!("no operator is here") };
            self.server.inject(|app, out| app.tell_metrics(out, id, "up 1\n".into()));
        }
        rest(&mut self.server, at(self.now_ms));
        self.server.check();
        self.server.service.check();
    }

    fn send(&mut self, client: &Client, bytes: &[u8]) {
        client.wire.borrow_mut().send(bytes);
        self.server.readable(client.id.slot());
        self.settle();
    }

    fn hear(&mut self, client: &Client) -> Vec<u8> {
        client.wire.borrow_mut().down.drain(..).collect()
    }

    /// All that is answered to `text` on a connection of its own, and whether that was closed.
    fn ask(&mut self, text: &str) -> (String, bool) {
        let client = self.come();
        self.send(&client, text.as_bytes());
        let heard = String::from_utf8(self.hear(&client)).expect("text");
        let closed = client.wire.borrow().down_ended;
        (heard, closed)
    }

    fn status(&mut self, text: &str) -> String {
        self.ask(text).0.lines().next().unwrap_or_default().to_owned()
    }
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")
}

/// The bodies of responses that follow each other.
fn bodies(mut text: &str) -> Vec<&str> {
    let mut bodies = Vec::new();
    while let Some((head, rest)) = text.split_once("\r\n\r\n") {
        let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
        let length = length.map_or(0, |length| length.parse().unwrap());
        bodies.push(&rest[..length]);
        text = &rest[length..];
    }
    assert_eq!(text, "", "something behind the last response");
    bodies
}

#[test]
fn every_route_is_answered_and_in_the_docs() {
    let docs = include_str!("../docs/http.md");
    let documented: BTreeSet<&str> =
        docs.lines().filter_map(|line| line.strip_prefix("| `/")?.split('`').next()).collect();
    let routes: BTreeSet<&str> = routes::ALL.iter().map(|route| &route.path[1..]).collect();
    assert_eq!(documented, routes);
    let mut site = Site::new();
    for route in routes::ALL {
        let status = site.status(&get(route.path));
        let is_socket = matches!(route.resource, routes::Resource::Socket(_));
        let expected = if is_socket { "426 Upgrade Required" } else { "200 OK" };
        assert_eq!(status, format!("HTTP/1.1 {expected}"), "{}", route.path);
    }
    assert_eq!(site.status(&get("/nothing")), "HTTP/1.1 404 Not Found");
    assert_eq!(site.status(&get("/%2e%2e%2fetc")), "HTTP/1.1 400 Bad Request");
    assert_eq!(site.status(&get("//livez")), "HTTP/1.1 404 Not Found");
}

#[test]
fn pipelined_requests_are_answered_in_order_however_they_are_cut() {
    let said = [get("/metrics"), get("/livez"), get("/metrics"), get("/none")].concat();
    for cut in 0..=said.len() {
        let mut site = Site::new();
        let client = site.come();
        let (first, second) = said.as_bytes().split_at(cut);
        site.send(&client, first);
        site.send(&client, second);
        for _ in 0..3 {
            site.settle();
        }
        let heard = String::from_utf8(site.hear(&client)).unwrap();
        let expected = ["up 1\n", "ok\n", "up 1\n", "There is nothing here\n"];
        assert_eq!(bodies(&heard), expected, "cut at {cut}");
        assert!(!client.wire.borrow().down_ended);
    }
}

#[test]
fn head_has_the_head_of_get_and_no_body() {
    let mut site = Site::new();
    let (by_get, _) = site.ask(&get("/livez"));
    let (by_head, _) = site.ask(&get("/livez").replace("GET", "HEAD"));
    assert_eq!(by_get.strip_suffix("ok\n"), Some(&*by_head));
    assert!(by_head.contains("\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\nServer: stonechat\r\n"));
}

#[test]
fn a_connection_ends_where_it_was_asked_to() {
    let mut site = Site::new();
    let close = "GET /livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let (heard, closed) = site.ask(&[close, &get("/livez")].concat());
    assert!(closed && heard.contains("Connection: close\r\n"), "{heard}");
    assert_eq!(bodies(&heard), ["ok\n"]);
    assert!(site.ask("GET /livez HTTP/1.0\r\n\r\n").1);
    assert!(!site.ask("GET /livez HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").1);
}

#[test]
fn what_can_be_read_in_two_ways_is_refused_and_nothing_behind_it_is_read() {
    let mut site = Site::new();
    for bad in [
        "GET /livez HTTP/1.1\nHost: a\n\n",
        "GET /livez HTTP/1.1\r\n\r\n",
        "GET /livez HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
        "GET /livez HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
        "GET /livez HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        "GET /livez HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n",
        "NICK ann\r\n",
        "\x16\x03\x01",
    ] {
        let (heard, closed) = site.ask(&[bad, &get("/livez")].concat());
        assert!(heard.starts_with("HTTP/1.1 400 ") && closed, "{bad:?}: {heard}");
        assert_eq!(bodies(&heard).len(), 1, "{bad:?}: {heard}");
    }
}

#[test]
fn bodies_are_read_and_bounded() {
    let mut site = Site::with(Settings { body_max: 10, ..Settings::default() });
    let sized = |n: usize| {
        let body = "x".repeat(n);
        format!("GET /livez HTTP/1.1\r\nHost: a\r\nContent-Length: {n}\r\n\r\n{body}")
    };
    let (heard, _) = site.ask(&[sized(10), get("/livez")].concat());
    assert_eq!(bodies(&heard), ["ok\n", "ok\n"]);
    assert_eq!(site.status(&sized(11)), "HTTP/1.1 413 Content Too Large");
    let chunked = "GET /livez HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let (heard, _) = site.ask(&format!("{chunked}A\r\n0123456789\r\n0\r\n\r\n{}", get("/livez")));
    assert_eq!(bodies(&heard), ["ok\n", "ok\n"]);
    let (heard, closed) = site.ask(&format!("{chunked}B\r\n01234567890\r\n0\r\n\r\n"));
    assert!(heard.starts_with("HTTP/1.1 413 ") && closed, "{heard}");
}

#[test]
fn a_client_may_ask_whether_its_body_is_wanted() {
    let mut site = Site::new();
    let head =
        "GET /livez HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n";
    let client = site.come();
    site.send(&client, head.as_bytes());
    assert_eq!(site.hear(&client), b"HTTP/1.1 100 Continue\r\n\r\n");
    site.send(&client, b"x");
    assert!(site.hear(&client).ends_with(b"ok\n"));
    let other = head.replace("100-continue", "200-ok");
    assert_eq!(site.status(&other), "HTTP/1.1 417 Expectation Failed");
}

#[test]
fn methods_and_heads_are_bounded() {
    let mut site = Site::new();
    let (heard, closed) = site.ask(&get("/livez").replace("GET", "DELETE"));
    assert!(heard.starts_with("HTTP/1.1 405 ") && heard.contains("Allow: GET, HEAD\r\n"));
    assert!(!closed);
    let many = "X: y\r\n".repeat(10_000);
    let many = format!("GET / HTTP/1.1\r\nHost: a\r\n{many}\r\n");
    assert_eq!(site.status(&many), "HTTP/1.1 431 Request Header Fields Too Large");
    let long = format!("GET /{} HTTP/1.1\r\n", "a".repeat(9000));
    assert_eq!(site.status(&long), "HTTP/1.1 431 Request Header Fields Too Large");
}

#[test]
fn a_request_must_come_in_time_and_a_silent_client_goes() {
    let mut site = Site::new();
    let client = site.come();
    site.send(&client, b"GET /livez HT");
    // A byte now and then does not make it longer.
    for byte in b"TP" {
        site.now_ms += 9_000;
        site.send(&client, &[*byte]);
    }
    assert!(site.hear(&client).starts_with(b"HTTP/1.1 408 Request Timeout\r\n"));
    assert!(client.wire.borrow().down_ended);
    let silent = site.come();
    site.send(&silent, get("/livez").as_bytes());
    site.hear(&silent);
    site.now_ms += 62_000;
    site.settle();
    assert!(site.hear(&silent).is_empty() && silent.wire.borrow().down_ended);
}

#[test]
fn the_metrics_are_for_their_networks_and_under_own_names() {
    let mut site =
        Site::with(Settings { hosts: vec!["chat.example".into()], ..Settings::default() });
    let asks = |host: &str| format!("GET /metrics HTTP/1.1\r\nHost: {host}\r\n\r\n");
    for own in ["localhost", "127.0.0.1:8080", "[::1]:8080", "Chat.Example", "chat.example:8080"] {
        assert_eq!(site.status(&asks(own)), "HTTP/1.1 200 OK", "{own}");
    }
    for foreign in ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80"] {
        assert_eq!(site.status(&asks(foreign)), "HTTP/1.1 403 Forbidden", "{foreign}");
    }
    let far = site.come_from(Some("192.0.2.1:5"), usize::MAX);
    site.send(&far, get("/metrics").as_bytes());
    assert!(site.hear(&far).starts_with(b"HTTP/1.1 403 "));
}

#[test]
fn a_long_answer_goes_at_the_pace_of_its_reader_and_the_next_request_waits() {
    let mut site = Site::new();
    let client = site.come_from(None, 1000);
    client.wire.borrow_mut().send([get("/metrics"), get("/livez")].concat().as_bytes());
    site.server.readable(client.id.slot());
    rest(&mut site.server, at(0));
    let [Request::Metrics(id)] = site.server.service.take_requests()[..] else { panic!("one") };
    let long = "x".repeat(1 << 20);
    site.server.inject(|app, out| app.tell_metrics(out, id, long.clone()));
    let mut heard = Vec::new();
    loop {
        rest(&mut site.server, at(0));
        site.server.check();
        assert!(site.server.backlog_bytes() < 200_000, "{}", site.server.backlog_bytes());
        let more = site.hear(&client);
        if more.is_empty() {
            break;
        }
        heard.extend(more);
        site.server.writable(client.id.slot());
    }
    assert_eq!(bodies(str::from_utf8(&heard).unwrap()), [&*long, "ok\n"]);
}

#[test]
fn a_late_answer_is_not_for_the_next_connection() {
    let mut site = Site::new();
    let client = site.come();
    client.wire.borrow_mut().send(get("/metrics").as_bytes());
    site.server.readable(client.id.slot());
    rest(&mut site.server, at(0));
    let [Request::Metrics(id)] = site.server.service.take_requests()[..] else { panic!("one") };
    site.server.inject(|_, out| out.close(id));
    rest(&mut site.server, at(0));
    client.wire.borrow_mut().up_ended = true;
    site.server.readable(client.id.slot());
    rest(&mut site.server, at(0));
    let next = site.come();
    assert_eq!(next.id.slot(), id.slot());
    site.send(&next, b"GET /metr");
    site.server.inject(|app, out| app.tell_metrics(out, id, "secret".into()));
    site.settle();
    assert_eq!(site.hear(&next), b"");
}

const KEY: &str = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

fn upgrade(path: &str, more: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: chat.example\r\nConnection: keep-alive, Upgrade\r\n\
         Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n{more}\r\n"
    )
}

/// A client's text message.
fn message(text: &str) -> Vec<u8> {
    let mask = [1, 2, 3, 4];
    let masked = text.bytes().enumerate().map(|(i, byte)| byte ^ mask[i % 4]);
    [0x81, 0x80 | text.len() as u8].into_iter().chain(mask).chain(masked).collect()
}

/// The messages in a server's frames, and the code of the Close frame.
fn messages(mut frames: &[u8]) -> (Vec<String>, Option<u16>) {
    let mut texts = Vec::new();
    while let [first, second, rest @ ..] = frames {
        let (len, rest) = match second {
            126 => (usize::from(u16::from_be_bytes([rest[0], rest[1]])), &rest[2..]),
            short => (usize::from(*short), rest),
        };
        match first {
            0x81 => texts.push(String::from_utf8(rest[..len].to_vec()).unwrap()),
            0x88 => {
                assert_eq!(rest.len(), len, "something behind the end");
                return (texts, Some(u16::from_be_bytes([rest[0], rest[1]])));
            }
            other => panic!("a frame of type {other:#x}"),
        }
        frames = &rest[len..];
    }
    (texts, None)
}

#[test]
fn chat_goes_over_a_websocket_however_the_request_is_cut() {
    let request = upgrade("/irc", &format!("{KEY}Sec-WebSocket-Protocol: x, text.ircv3.net\r\n"));
    let behind = [message("NICK ann"), message("USER ann 0 * :Ann"), message("PING 1")].concat();
    let said = [request.as_bytes(), &behind].concat();
    for cut in (0..=said.len()).step_by(3) {
        let mut site = Site::new();
        let client = site.come();
        site.send(&client, &said[..cut]);
        site.send(&client, &said[cut..]);
        let heard = site.hear(&client);
        let end = heard.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap() + 4;
        let head = String::from_utf8(heard[..end].to_vec()).unwrap();
        assert!(head.starts_with("HTTP/1.1 101 Switching Protocols\r\n"), "{head}");
        assert!(head.contains("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"), "{head}");
        assert!(head.contains("Sec-WebSocket-Protocol: text.ircv3.net\r\n"), "{head}");
        let (lines, end) = messages(&heard[end..]);
        assert!(lines[0].contains(" 001 ann :"), "{lines:?}");
        assert!(lines.last().unwrap().ends_with(" :1") && end.is_none(), "{lines:?}");
        site.server.shut_down();
        site.settle();
        let (lines, end) = messages(&site.hear(&client));
        assert_eq!((&*lines[0], end), ("ERROR :server shutting down", Some(1012)));
    }
}

#[test]
fn echo_goes_over_a_websocket_too() {
    let mut site = Site::new();
    let client = site.come();
    site.send(&client, &[upgrade("/echo", KEY).as_bytes(), &message("hello")].concat());
    let heard = site.hear(&client);
    assert!(heard.ends_with(b"\r\n\r\n\x81\x05HELLO"));
    site.send(&client, &message("CLOSE SOCKET"));
    assert_eq!(messages(&site.hear(&client)), (vec!["CLOSE SOCKET".to_owned()], Some(1000)));
}

#[test]
fn a_bad_frame_ends_the_connection_with_its_code() {
    for (bad, code) in [
        (&[0x81, 0x01, b'a'][..], 1002),
        (&[0x81, 0x81, 0, 0, 0, 0, 0xff], 1007),
        (&[0x81, 0x81, 0, 0, 0, 0, b'\n', 0x81, 0x81, 0, 0, 0, 0, 0], 1007),
        (&[0x82, 0xff, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0], 1009),
    ] {
        let mut site = Site::new();
        let client = site.come();
        site.send(&client, upgrade("/irc", KEY).as_bytes());
        site.hear(&client);
        site.send(&client, bad);
        assert_eq!(messages(&site.hear(&client)), (vec![], Some(code)), "{bad:?}");
        assert!(client.wire.borrow().down_ended);
    }
}

#[test]
fn a_request_for_a_websocket_is_whole_or_refused() {
    let mut site = Site::new();
    let refused = |site: &mut Site, text: &str| site.status(text);
    let no_key = upgrade("/irc", "");
    assert_eq!(refused(&mut site, &no_key), "HTTP/1.1 400 Bad Request");
    let short = upgrade("/irc", "Sec-WebSocket-Key: c2hvcnQ=\r\n");
    assert_eq!(refused(&mut site, &short), "HTTP/1.1 400 Bad Request");
    let old = upgrade("/irc", KEY).replace("Version: 13", "Version: 8");
    let (heard, _) = site.ask(&old);
    assert!(heard.starts_with("HTTP/1.1 426 ") && heard.contains("Sec-WebSocket-Version: 13\r\n"));
    let post = upgrade("/irc", KEY).replace("GET", "POST");
    assert_eq!(refused(&mut site, &post), "HTTP/1.1 405 Method Not Allowed");
    let body = upgrade("/irc", &format!("{KEY}Content-Length: 1\r\n"));
    assert_eq!(refused(&mut site, &body), "HTTP/1.1 400 Bad Request");
    // On a later request of a connection it works as well.
    let (heard, _) = {
        let client = site.come();
        site.send(&client, get("/livez").as_bytes());
        site.hear(&client);
        site.send(&client, upgrade("/socket", KEY).as_bytes());
        (String::from_utf8(site.hear(&client)).unwrap(), ())
    };
    assert!(heard.starts_with("HTTP/1.1 101 "), "{heard}");
}

#[test]
fn pages_of_other_origins_may_not_open_a_websocket() {
    let origins = vec!["https://friend.example".to_owned()];
    let mut site = Site::with(Settings { origins, ..Settings::default() });
    for (origin, status) in [
        ("http://chat.example", 101),
        ("https://friend.example", 101),
        ("https://evil.example", 403),
        ("http://friend.example", 403),
        ("http://chat.example.evil.example", 403),
        ("null", 403),
        ("", 403),
    ] {
        let asked = upgrade("/irc", &format!("{KEY}Origin: {origin}\r\n"));
        let heard = site.status(&asked);
        assert!(heard.starts_with(&format!("HTTP/1.1 {status} ")), "{origin}: {heard}");
    }
}
