//! Heads and bodies as clients send them, torn at every byte, and what is refused.

use super::*;
use proptest::prelude::*;

const HEAD_MAX: usize = 8192;

fn head(text: &str) -> Result<Option<Head<'_>>, Refused> {
    parse_head(text.as_bytes(), HEAD_MAX)
}

#[track_caller]
fn is_refused(text: &str, status: u16) {
    assert_eq!(head(text).map_err(|refused| refused.status), Err(status), "{text:?}");
}

/// A GET with these lines of head.
fn get(lines: &str) -> String {
    format!("GET / HTTP/1.1\r\nHost: a\r\n{lines}\r\n")
}

#[test]
fn a_head_is_read_once_it_is_whole() {
    let text =
        "GET /a%20b?x=%20 HTTP/1.1\r\nHost: chat.example:80\r\nConnection: x, Close\r\n\r\nrest";
    let whole = text.len() - 4;
    for end in 0..whole {
        assert_eq!(head(&text[..end]), Ok(None), "cut at {end}");
    }
    let head = head(text).unwrap().unwrap();
    assert_eq!((head.method, &*head.path, head.query), ("GET", "/a b", "x=%20"));
    assert_eq!((head.host, head.len, head.body), ("chat.example:80", whole, Framing::Sized(0)));
    assert!(head.is_1_1 && !head.keeps_alive() && head.lists("connection", "X"));
}

#[test]
fn targets_have_one_meaning() {
    let path = |target: &str| {
        let text = format!("GET {target} HTTP/1.1\r\nHost: own\r\n\r\n");
        let head = head(&text).map(|head| head.expect("a whole head"));
        head.map(|head| (head.path.clone(), head.host.to_owned())).map_err(|refused| refused.status)
    };
    assert_eq!(path("http://other/x?y"), Ok(("/x".into(), "other".into())));
    assert_eq!(path("HTTP://other"), Ok(("/".into(), "other".into())));
    assert_eq!(path("//host/x"), Ok(("//host/x".into(), "own".into())));
    for bad in [
        "*",
        "x",
        "http://",
        "http://u@h/",
        "/a%00",
        "/%2e%2e%2fetc",
        "/../x",
        "/./x",
        "/%",
        "/%2",
        "/%zz",
        "/%ff",
        "/a#b",
        "ftp://h/",
    ] {
        assert_eq!(path(bad), Err(400), "{bad}");
    }
    assert_eq!(head("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n").unwrap().unwrap().path, "*");
}

#[test]
fn a_body_has_one_length() {
    let framing = |lines: &str| {
        head(&get(lines)).map(|head| head.unwrap().body).map_err(|refused| refused.status)
    };
    assert_eq!(framing("Content-Length: 5\r\n"), Ok(Framing::Sized(5)));
    assert_eq!(framing("Transfer-Encoding: Chunked\r\n"), Ok(Framing::Chunked));
    for bad in [
        "Content-Length: 5\r\nContent-Length: 5\r\n",
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Content-Length: 5, 5\r\n",
        "Content-Length: +5\r\n",
        "Content-Length: -5\r\n",
        "Content-Length: 0x5\r\n",
        "Content-Length: 5 5\r\n",
        "Content-Length:\r\n",
        "Content-Length: 99999999999999999999\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
    ] {
        assert_eq!(framing(bad), Err(400), "{bad}");
    }
    for unknown in ["gzip, chunked", "chunked, chunked", "identity", "xchunked", "chunked;q=1"] {
        assert_eq!(framing(&format!("Transfer-Encoding: {unknown}\r\n")), Err(501), "{unknown}");
    }
    is_refused("GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400);
}

#[test]
fn lines_have_one_form() {
    is_refused("GET / HTTP/1.1\nHost: a\n\n", 400);
    is_refused("GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", 400);
    is_refused(&get("X: a\r\n b\r\n"), 400);
    is_refused(&get("X : a\r\n"), 400);
    is_refused(&get(" X: a\r\n"), 400);
    is_refused(&get("X: a\0b\r\n"), 400);
    is_refused(&get("X: a\rb\r\n"), 400);
    is_refused(&get("X\r\n"), 400);
    is_refused("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400);
    is_refused("GET / HTTP/1.1 \r\nHost: a\r\n\r\n", 400);
    is_refused("GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505);
    is_refused("\x16\x03\x01\x02\0\x01\0\x01", 400);
}

#[test]
fn a_request_has_one_host() {
    is_refused("GET / HTTP/1.1\r\n\r\n", 400);
    is_refused(&get("Host: b\r\n"), 400);
    is_refused("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", 400);
    is_refused("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400);
    assert_eq!(head("GET / HTTP/1.0\r\n\r\n").unwrap().unwrap().host, "");
    assert!(!head("GET / HTTP/1.0\r\n\r\n").unwrap().unwrap().keeps_alive());
}

#[test]
fn a_head_is_bounded() {
    is_refused(&get(&"X: a\r\n".repeat(10_000)), 431);
    is_refused(&get(&"X: a\r\n".repeat(HEADERS_MAX)), 431);
    assert!(head(&get(&"X: a\r\n".repeat(HEADERS_MAX - 1))).is_ok());
    is_refused(&format!("GET /{} HTTP/1.1\r\n", "a".repeat(10 << 20)), 431);
    is_refused(&format!("GET / HTTP/1.1\r\nX: {}", "a".repeat(HEAD_MAX)), 431);
}

/// A body read in pieces that end at `cuts`: its data, and the bytes behind it.
fn body(framing: Framing, bytes: &[u8], cuts: &[usize]) -> Result<(Vec<u8>, Option<usize>), u16> {
    let mut reader = BodyReader::new(framing);
    let (mut data, mut start) = (Vec::new(), 0);
    let mut ends: Vec<usize> = cuts.iter().map(|cut| *cut.min(&bytes.len())).collect();
    ends.push(bytes.len());
    ends.sort_unstable();
    for end in ends {
        loop {
            match reader.read(&bytes[start..end]).map_err(|refused| refused.status)? {
                Piece::Data(piece, used) => {
                    data.extend_from_slice(piece);
                    start += used;
                }
                Piece::End(used) => return Ok((data, Some(start + used))),
                Piece::More(used) => {
                    start += used;
                    break;
                }
            }
        }
    }
    Ok((data, None))
}

#[test]
fn bodies_end_where_they_say() {
    assert_eq!(body(Framing::Sized(3), b"abcd", &[1]), Ok((b"abc".to_vec(), Some(3))));
    assert_eq!(body(Framing::Sized(0), b"abcd", &[]), Ok((vec![], Some(0))));
    let chunked = b"3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\nnext";
    for cut in 0..=chunked.len() {
        let read = body(Framing::Chunked, chunked, &[cut]);
        assert_eq!(read, Ok((b"abc0123456789".to_vec(), Some(chunked.len() - 4))), "cut at {cut}");
    }
}

#[test]
fn chunks_have_one_form() {
    for bad in [
        &b"\r\n"[..],
        b"g\r\n",
        b"+3\r\nabc\r\n",
        b"0x3\r\nabc\r\n",
        b" 3\r\nabc\r\n",
        b"3 \r\nabc\r\n",
        b"3\nabc\r\n",
        b"3\r\nabcd\r\n",
        b"fffffffffffffffff\r\n",
        b"8000000000000000\r\n",
        b"-1\r\n",
        &[b'0'; 300],
    ] {
        assert_eq!(body(Framing::Chunked, bad, &[]), Err(400), "{bad:?}");
    }
    let trailers = [&b"0\r\n"[..], &b"Trailer: xxxxxxxxx\r\n".repeat(20)].concat();
    assert_eq!(body(Framing::Chunked, &trailers, &[]), Err(431));
}

proptest! {
    #[test]
    fn no_head_does_harm(
        bytes in proptest::collection::vec(
            prop_oneof![
                prop_oneof![Just(b"GET / HTTP/1.1\r\n".to_vec()), Just(b"Host: a\r\n".to_vec())],
                prop_oneof![Just(b"\r\n".to_vec()), Just(b"Content-Length: 1".to_vec())],
                proptest::collection::vec(any::<u8>(), 1..4),
            ], 0..12),
        cut in 0usize..100,
    ) {
        let bytes = bytes.concat();
        let whole = parse_head(&bytes, 200);
        // More input does not change the reading of a complete head.
        if let Ok(Some(head)) = parse_head(&bytes[..cut.min(bytes.len())], 200) {
            prop_assert_eq!(whole, Ok(Some(head)));
        }
    }

    #[test]
    fn a_chunked_body_is_its_chunks(
        chunks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..20), 0..5),
        cuts in proptest::collection::vec(0usize..150, 0..6),
    ) {
        let mut bytes = Vec::new();
        for chunk in &chunks {
            bytes.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
            bytes.extend_from_slice(chunk);
            bytes.extend(b"\r\n");
        }
        bytes.extend(b"0\r\n\r\n");
        let end = bytes.len();
        bytes.extend(b"GET /");
        prop_assert_eq!(body(Framing::Chunked, &bytes, &cuts), Ok((chunks.concat(), Some(end))));
    }
}
