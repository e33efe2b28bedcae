//! The PROXY protocol, versions 1 and 2: a header in which a proxy names the client that it speaks
//! for. <https://www.haproxy.org/download/3.2/doc/proxy-protocol.txt>.

use proxy_header::{Error, ParseConfig, Protocol, ProxyHeader};
use std::net::SocketAddr;

/// The beginning of the received bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// Too short to decide whether it is a header.
    Unclear,
    /// No header.
    Other,
    /// A header, with its length in bytes.
    Header(usize, Origin),
}

/// The client that a proxy speaks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The proxy itself: LOCAL, as in a health check.
    Proxy,
    /// A client whose address is unknown, or of a family without use here.
    Unknown,
    /// The client at this address.
    Client(SocketAddr),
}

/// An invalid header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadHeader;

/// The longest header that is read. In version 2 it may contain extensions, which are ignored.
pub const HEADER_MAX: usize = 2048;

/// The longest header of version 1, with its CRLF.
const TEXT_MAX: usize = 107;

const TEXT: &[u8] = b"PROXY ";
const BINARY: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// The signature of version 2, then version and command, family, and the length of what follows.
const BINARY_FRONT: usize = BINARY.len() + 4;
const LOCAL: u8 = 0x20;

/// Parses the first bytes received. Returns an error or [`Start::Other`] as soon as they can't
/// become a valid header.
pub fn parse(bytes: &[u8]) -> Result<Start, BadHeader> {
    if bytes.starts_with(TEXT) {
        return parse_text(bytes);
    }
    if bytes.starts_with(BINARY) {
        return parse_binary(bytes);
    }
    let may_become = TEXT.starts_with(bytes) || BINARY.starts_with(bytes);
    Ok(if may_become { Start::Unclear } else { Start::Other })
}

fn parse_text(bytes: &[u8]) -> Result<Start, BadHeader> {
    let front = &bytes[..bytes.len().min(TEXT_MAX)];
    let Some(end) = front.windows(2).position(|pair| pair == b"\r\n") else {
        return if bytes.len() < TEXT_MAX { Ok(Start::Unclear) } else { Err(BadHeader) };
    };
    let text = &bytes[..end + 2];
    let unknown = text[TEXT.len()..].starts_with(b"UNKNOWN");
    let (header, used) = ProxyHeader::parse(text, CONFIG).map_err(|_| BadHeader)?;
    let whole = used == text.len() && unknown == header.proxied_address().is_none();
    if whole { Ok(Start::Header(used, origin(&header))) } else { Err(BadHeader) }
}

fn parse_binary(bytes: &[u8]) -> Result<Start, BadHeader> {
    let Some(front) = bytes.get(..BINARY_FRONT) else { return Ok(Start::Unclear) };
    let length = u16::from_be_bytes([front[BINARY_FRONT - 2], front[BINARY_FRONT - 1]]);
    let whole = BINARY_FRONT + usize::from(length);
    if whole > HEADER_MAX {
        return Err(BadHeader);
    }
    match ProxyHeader::parse(bytes, CONFIG) {
        // The address of a LOCAL header is to be ignored.
        _ if front[BINARY.len()] == LOCAL && bytes.len() >= whole => {
            Ok(Start::Header(whole, Origin::Proxy))
        }
        Ok((header, used)) => Ok(Start::Header(used, origin(&header))),
        Err(Error::BufferTooShort) if bytes.len() < whole => Ok(Start::Unclear),
        Err(_) => Err(BadHeader),
    }
}

const CONFIG: ParseConfig = ParseConfig { include_tlvs: false, allow_v1: true, allow_v2: true };

fn origin(header: &ProxyHeader) -> Origin {
    match header.proxied_address() {
        Some(address) if address.protocol == Protocol::Stream => Origin::Client(address.source),
        _ => Origin::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn binary(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let length = (rest.len() as u16).to_be_bytes();
        [BINARY, &[command, family], &length, rest].concat()
    }

    fn from(address: &str) -> Origin {
        Origin::Client(address.parse().unwrap())
    }

    const FOUR: &[u8] = &[192, 0, 2, 7, 198, 51, 100, 1, 0xdb, 0xf1, 0x1a, 0x0b];

    fn headers() -> Vec<(Vec<u8>, Origin)> {
        let mut six = [0; 36];
        six[..4].copy_from_slice(&[0x20, 0x01, 0x0d, 0xb8]);
        (six[15], six[33]) = (9, 5);
        let unix = [b'/'; 216];
        let extended = [FOUR, &[3, 0, 4, 1, 2, 3, 4, 0x20, 0, 1, 0]].concat();
        vec![
            (b"PROXY TCP4 192.0.2.7 198.51.100.1 56305 6667\r\n".to_vec(), from("192.0.2.7:56305")),
            (b"PROXY TCP6 2001:db8::9 ::1 5 6667\r\n".to_vec(), from("[2001:db8::9]:5")),
            (b"PROXY UNKNOWN\r\n".to_vec(), Origin::Unknown),
            (b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n".to_vec(), Origin::Unknown),
            (binary(0x21, 0x11, FOUR), from("192.0.2.7:56305")),
            (binary(0x21, 0x21, &six), from("[2001:db8::9]:5")),
            (binary(0x21, 0x11, &extended), from("192.0.2.7:56305")),
            (binary(0x21, 0x12, FOUR), Origin::Unknown),
            (binary(0x21, 0x31, &unix), Origin::Unknown),
            (binary(0x21, 0x00, &[]), Origin::Unknown),
            (binary(0x20, 0x00, &[]), Origin::Proxy),
            (binary(0x20, 0x11, FOUR), Origin::Proxy),
            (binary(0x20, 0xff, b"whatever"), Origin::Proxy),
        ]
    }

    #[test]
    fn a_header_says_for_whom_the_proxy_speaks_once_it_is_whole() {
        for (header, origin) in headers() {
            for cut in 0..header.len() {
                let start = parse(&header[..cut]);
                assert_eq!(start, Ok(Start::Unclear), "{}", header[..cut].escape_ascii());
            }
            let whole = Ok(Start::Header(header.len(), origin));
            assert_eq!(parse(&header), whole, "{}", header.escape_ascii());
            let more = [&*header, b"NICK ann\r\n"].concat();
            assert_eq!(parse(&more), whole, "what follows is none of its business");
        }
    }

    #[test]
    fn what_others_say_first_is_no_header() {
        for text in
            ["NICK ann\r\n", "P", "PRO", "PROXYS", "proxy UNKNOWN\r\n", "\r\nNICK", "\x16\x03"]
        {
            let expected =
                if TEXT.starts_with(text.as_bytes()) { Start::Unclear } else { Start::Other };
            assert_eq!(parse(text.as_bytes()), Ok(expected), "{text:?}");
        }
    }

    #[test]
    fn what_begins_as_a_header_and_is_none_is_bad() {
        let long = format!("PROXY UNKNOWN {}\r\n", "x".repeat(TEXT_MAX));
        for text in [
            "PROXY TCP4 192.0.2.7 198.51.100.1 56305\r\n",
            "PROXY TCP4 192.0.2.7 198.51.100.1 56305 66670\r\n",
            "PROXY TCP4 2001:db8::9 ::1 5 6667\r\n",
            "PROXY TCP4 192.0.2.7 198.51.100.1 1 2 3\r\n",
            "PROXY TCP5 192.0.2.7 198.51.100.1 1 2\r\n",
            "PROXY \r\n",
            "PROXY  TCP4 192.0.2.7 198.51.100.1 1 2\r\n",
            &long,
        ] {
            assert_eq!(parse(text.as_bytes()), Err(BadHeader), "{text:?}");
        }
        for (command, family, rest) in [
            (0x21, 0x11, &FOUR[..11]),
            (0x21, 0x21, FOUR),
            (0x21, 0x31, FOUR),
            (0x21, 0x99, FOUR),
            (0x22, 0x11, FOUR),
            (0x11, 0x11, FOUR),
            (0x21, 0x11, &[0; HEADER_MAX]),
            (0x20, 0x00, &[0; HEADER_MAX]),
        ] {
            let bytes = binary(command, family, rest);
            assert_eq!(parse(&bytes), Err(BadHeader), "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn no_more_is_waited_for_than_a_header_may_have() {
        let text = b"PROXY UNKNOWN ".iter().copied().chain(std::iter::repeat(b'x'));
        let text: Vec<u8> = text.take(TEXT_MAX).collect();
        assert_eq!(parse(&text[..TEXT_MAX - 1]), Ok(Start::Unclear));
        assert_eq!(parse(&text), Err(BadHeader));
        let mut front = binary(0x21, 0x11, &[]);
        front[BINARY_FRONT - 2..].copy_from_slice(&u16::MAX.to_be_bytes());
        assert_eq!(parse(&front), Err(BadHeader), "it is told by the length alone");
    }
}
