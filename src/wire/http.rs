//! HTTP/1.1 on the wire: the head of a request, and its body. RFC 9112, RFC 9110.
//!
//! Sans I/O. `httparse` reads the lines; what it leaves open and servers have fallen to is judged
//! here: framing, the host, the form of the target. Where two readings are possible, the request is
//! refused.

use httparse::{EMPTY_HEADER, Header, Status};

/// Headers of one request.
pub const HEADERS_MAX: usize = 64;

/// Bytes of the line that begins a chunk, and of all trailers together.
const CHUNK_LINE_MAX: usize = 256;

/// The head of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head<'a> {
    /// As written: `GET`.
    pub method: &'a str,
    /// Percent-decoded; begins with `/`, or is `*`.
    pub path: String,
    /// Behind the `?`, as written; empty without one.
    pub query: &'a str,
    /// The value of `Host`; empty only in HTTP/1.0.
    pub host: &'a str,
    /// Whether it is HTTP/1.1.
    pub is_1_1: bool,
    /// Name and value of each header, in order.
    headers: Vec<(&'a str, &'a [u8])>,
    /// The framing of its body.
    pub body: Framing,
    /// Bytes of the head.
    pub len: usize,
}

/// How the end of a body is known. RFC 9112 §6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// So many bytes; 0 for no body.
    Sized(u64),
    /// In chunks.
    Chunked,
}

/// A request that is refused, and after which nothing more is read from its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The status code of the answer.
    pub status: u16,
    /// The fault, for the person at the other end.
    pub text: &'static str,
}

const fn refused(status: u16, text: &'static str) -> Refused {
    Refused { status, text }
}

/// Reads the head at the beginning of `bytes`; `None` if it is not whole yet. A head has at most
/// `head_max` bytes.
pub fn parse_head(bytes: &[u8], head_max: usize) -> Result<Option<Head<'_>>, Refused> {
    let seen = &bytes[..bytes.len().min(head_max)];
    if has_bare_line_feed(seen) {
        return Err(refused(400, "a line ends without a carriage return"));
    }
    let mut headers = [EMPTY_HEADER; HEADERS_MAX];
    let mut request = httparse::Request::new(&mut headers);
    let len = match request.parse(seen) {
        Ok(Status::Complete(len)) => len,
        Ok(Status::Partial) if bytes.len() < head_max => return Ok(None),
        Ok(Status::Partial) => return Err(refused(431, "the head of the request is too long")),
        Err(httparse::Error::TooManyHeaders) => return Err(refused(431, "too many headers")),
        Err(httparse::Error::Version) => return Err(refused(505, "this server speaks HTTP/1.1")),
        Err(_) => return Err(refused(400, "the head of the request is malformed")),
    };
    let (Some(method), Some(target), Some(version)) =
        (request.method, request.path, request.version)
    else {
        return Err(refused(400, "the head of the request is malformed"));
    };
    let is_1_1 = version == 1;
    let headers = named(request.headers)?;
    let (authority, path, query) = split_target(method, target)?;
    let host = host_of(&headers, is_1_1)?;
    let body = framing_of(&headers, is_1_1)?;
    let (path, host) = (decoded(path)?, authority.unwrap_or(host));
    Ok(Some(Head { method, path, query, host, is_1_1, headers, body, len }))
}

/// Whether a line ends in a line feed alone: servers and proxies disagree on that.
fn has_bare_line_feed(bytes: &[u8]) -> bool {
    let head = memchr::memmem::find(bytes, b"\r\n\r\n").map_or(bytes, |end| &bytes[..end]);
    memchr::memchr_iter(b'\n', head).any(|at| at == 0 || head[at - 1] != b'\r')
}

fn named<'a>(headers: &[Header<'a>]) -> Result<Vec<(&'a str, &'a [u8])>, Refused> {
    let is_clean = |value: &[u8]| !value.iter().any(|byte| matches!(byte, 0 | b'\r' | b'\n'));
    if !headers.iter().all(|header| is_clean(header.value)) {
        return Err(refused(400, "a header has a control character"));
    }
    Ok(headers.iter().map(|header| (header.name, header.value)).collect())
}

/// The authority of an absolute form, the path, and the query. RFC 9112 §3.2.
fn split_target<'a>(
    method: &str,
    target: &'a str,
) -> Result<(Option<&'a str>, &'a str, &'a str), Refused> {
    let bad = refused(400, "the target of the request is malformed");
    if target == "*" {
        return if method == "OPTIONS" { Ok((None, "*", "")) } else { Err(bad) };
    }
    let lower = target.get(..8).unwrap_or(target).to_ascii_lowercase();
    let scheme = ["http://", "https://"].into_iter().find(|scheme| lower.starts_with(scheme));
    let (authority, rest) = match scheme {
        Some(scheme) => {
            let rest = &target[scheme.len()..];
            let (authority, rest) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
            if authority.is_empty() || authority.contains('@') {
                return Err(bad);
            }
            (Some(authority), if rest.is_empty() { "/" } else { rest })
        }
        None => (None, target),
    };
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    if !path.starts_with('/') || rest.contains('#') {
        return Err(bad);
    }
    Ok((authority, path, query))
}

/// Undoes percent-encoding. RFC 3986 §2.1.
fn decoded(path: &str) -> Result<String, Refused> {
    let bad = refused(400, "the path is malformed");
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
                let (high, low) = (digit(rest.next()), digit(rest.next()));
                let (high, low) = high.zip(low).ok_or(bad)?;
                (high << 4 | low) as u8
            }
            byte => byte,
        });
    }
    let path = String::from_utf8(bytes).map_err(|_| bad)?;
    let climbs = path.split('/').any(|segment| matches!(segment, "." | ".."));
    if path.contains(char::is_control) || climbs { Err(bad) } else { Ok(path) }
}

fn host_of<'a>(headers: &[(&str, &'a [u8])], is_1_1: bool) -> Result<&'a str, Refused> {
    let mut hosts = values(headers, "host");
    match (hosts.next(), hosts.next()) {
        (Some(host), None) => {
            let host = str::from_utf8(host).ok().map(str::trim);
            let fit = |c: char| c.is_ascii_alphanumeric() || "-._~:[]%".contains(c);
            host.filter(|host| host.chars().all(fit)).ok_or(refused(400, "the host is malformed"))
        }
        (None, _) if !is_1_1 => Ok(""),
        (None, _) => Err(refused(400, "the request names no host")),
        (Some(_), Some(_)) => Err(refused(400, "the request names several hosts")),
    }
}

/// RFC 9112 §6.3, without the ways in which a request could be read in two.
fn framing_of(headers: &[(&str, &[u8])], is_1_1: bool) -> Result<Framing, Refused> {
    let mut lengths = values(headers, "content-length");
    let mut encodings = values(headers, "transfer-encoding");
    let (length, encoding) = (lengths.next(), encodings.next());
    if lengths.next().is_some()
        || encodings.next().is_some()
        || length.is_some() && encoding.is_some()
    {
        return Err(refused(400, "the length of the body is given twice"));
    }
    match (length, encoding) {
        (Some(length), _) => {
            let digits = !length.is_empty() && length.iter().all(u8::is_ascii_digit);
            let length = str::from_utf8(length).ok().filter(|_| digits);
            let length = length.and_then(|length| length.parse().ok());
            length.map(Framing::Sized).ok_or(refused(400, "the length of the body is no number"))
        }
        (None, Some(_)) if !is_1_1 => Err(refused(400, "HTTP/1.0 has no transfer encoding")),
        (None, Some(encoding)) if encoding.eq_ignore_ascii_case(b"chunked") => Ok(Framing::Chunked),
        (None, Some(_)) => Err(refused(501, "this transfer encoding is unknown")),
        (None, None) => Ok(Framing::Sized(0)),
    }
}

/// The values of a header, `name` in small letters.
fn values<'h, 'a>(
    headers: &'h [(&str, &'a [u8])],
    name: &'h str,
) -> impl Iterator<Item = &'a [u8]> + 'h {
    let known = headers.iter().filter(move |(known, _)| known.eq_ignore_ascii_case(name));
    known.map(|(_, value)| *value)
}

impl<'a> Head<'a> {
    /// The value of a header that is sent once, if it is text; `name` in small letters.
    pub fn header(&self, name: &str) -> Option<&'a str> {
        let known = self.headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
        let mut known = known.map(|(_, value)| *value);
        let first = known.next()?;
        str::from_utf8(first).ok().filter(|_| known.next().is_none()).map(str::trim)
    }

    /// The elements of all headers of that name, as comma-separated lists. RFC 9110 §5.6.1.
    pub fn list(&self, name: &str) -> Vec<&'a str> {
        let known = self.headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
        let texts = known.filter_map(|(_, value)| str::from_utf8(value).ok());
        let items = texts.flat_map(|text| text.split(',')).map(str::trim);
        items.filter(|item| !item.is_empty()).collect()
    }

    /// Whether a list has that element, without regard to case.
    pub fn lists(&self, name: &str, item: &str) -> bool {
        self.list(name).iter().any(|known| known.eq_ignore_ascii_case(item))
    }

    /// Whether the connection stays open behind the answer. RFC 9112 §9.3.
    pub fn keeps_alive(&self) -> bool {
        match self.is_1_1 {
            true => !self.lists("connection", "close"),
            false => self.lists("connection", "keep-alive"),
        }
    }
}

/// Reads the body of a request, in pieces as they come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BodyReader {
    state: BodyState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum BodyState {
    /// So many bytes of data are due; the end of the body follows if it is not `chunked`.
    Data {
        left: u64,
        chunked: bool,
    },
    /// The line with a chunk's size is due.
    Size,
    /// The end of a chunk's data is due.
    DataEnd,
    /// Trailers are due, of which so many bytes have come.
    Trailers(usize),
    Done,
}

/// A piece of a body.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Data, and how many bytes of the input are used with it.
    Data(&'a [u8], usize),
    /// So many bytes of the input are used; the body is complete.
    End(usize),
    /// So many bytes of the input are used; more must come.
    More(usize),
}

impl BodyReader {
    /// A reader at the beginning of a body.
    pub fn new(framing: Framing) -> BodyReader {
        let state = match framing {
            Framing::Sized(left) => BodyState::Data { left, chunked: false },
            Framing::Chunked => BodyState::Size,
        };
        BodyReader { state }
    }

    /// Whether the end of the body is known to have come.
    pub fn is_complete(&self) -> bool {
        matches!(self.state, BodyState::Done | BodyState::Data { left: 0, chunked: false })
    }

    /// The next piece of the body in `bytes`.
    pub fn read<'a>(&mut self, bytes: &'a [u8]) -> Result<Piece<'a>, Refused> {
        let mut used = 0;
        loop {
            let rest = &bytes[used..];
            match self.state {
                BodyState::Done | BodyState::Data { left: 0, chunked: false } => {
                    self.state = BodyState::Done;
                    return Ok(Piece::End(used));
                }
                BodyState::Data { left: 0, chunked: true } => self.state = BodyState::DataEnd,
                BodyState::Data { .. } if rest.is_empty() => return Ok(Piece::More(used)),
                BodyState::Data { left, chunked } => {
                    let n = left.min(rest.len() as u64);
                    self.state = BodyState::Data { left: left - n, chunked };
                    let n = n as usize;
                    return Ok(Piece::Data(&rest[..n], used + n));
                }
                BodyState::Size | BodyState::DataEnd | BodyState::Trailers(_) => {
                    let Some(line) = line(rest)? else { return Ok(Piece::More(used)) };
                    used += line.len() + 2;
                    self.state = self.after(line)?;
                }
            }
        }
    }

    fn after(&self, line: &[u8]) -> Result<BodyState, Refused> {
        match self.state {
            BodyState::DataEnd if line.is_empty() => Ok(BodyState::Size),
            BodyState::DataEnd => Err(refused(400, "a chunk is longer than it says")),
            BodyState::Trailers(_) if line.is_empty() => Ok(BodyState::Done),
            BodyState::Trailers(came) if came + line.len() > CHUNK_LINE_MAX => {
                Err(refused(431, "the trailers are too long"))
            }
            BodyState::Trailers(came) => Ok(BodyState::Trailers(came + line.len() + 2)),
            _ => {
                let end = memchr::memchr(b';', line).unwrap_or(line.len());
                let digits = &line[..end];
                let is_number = (1..=15).contains(&digits.len())
                    && digits.iter().all(u8::is_ascii_hexdigit)
                    && !line.iter().any(u8::is_ascii_control);
                let number = str::from_utf8(digits).ok().filter(|_| is_number);
                match number.and_then(|digits| u64::from_str_radix(digits, 16).ok()) {
                    Some(0) => Ok(BodyState::Trailers(0)),
                    Some(left) => Ok(BodyState::Data { left, chunked: true }),
                    None => Err(refused(400, "the size of a chunk is no number")),
                }
            }
        }
    }
}

/// The line at the beginning of `bytes`, without its end.
fn line(bytes: &[u8]) -> Result<Option<&[u8]>, Refused> {
    match memchr::memchr(b'\n', bytes) {
        Some(end) if end > 0 && bytes[end - 1] == b'\r' && end <= CHUNK_LINE_MAX => {
            Ok(Some(&bytes[..end - 1]))
        }
        None if bytes.len() <= CHUNK_LINE_MAX => Ok(None),
        _ => Err(refused(400, "a line of the body is malformed")),
    }
}

#[cfg(test)]
mod tests;
