//! A stream on which a proxy may first name its client, by a header of the PROXY protocol.

use super::{Effort, Progress, Refusal, Stream};
use crate::wire::proxy::{self, HEADER_MAX, Origin, Start};
use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;

/// A stream, and its PROXY header where a proxy is trusted.
pub struct Proxied<S> {
    stream: S,
    /// `None` once it carries nothing but the client's bytes, as most do from the beginning.
    front: Option<Box<Front>>,
}

/// The beginning of a stream from a trusted proxy.
struct Front {
    awaited: Awaited,
    /// From where the stream itself comes.
    address: Option<SocketAddr>,
    /// Received, and not used yet; at most a header, or what came with it.
    bytes: Vec<u8>,
}

/// The input that is due first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Awaited {
    /// A header must come, or one may.
    Header { demanded: bool },
    /// The proxy has named no client: the first input of a client at this address is due, or the end if
    /// this is a health check.
    Word(Option<SocketAddr>),
    /// None: `bytes` are the client's.
    Nothing,
}

impl<S> Proxied<S> {
    /// A stream on which no proxy is trusted.
    pub fn plain(stream: S) -> Proxied<S> {
        Proxied { stream, front: None }
    }

    /// A stream from `address`, where a proxy is trusted. If a header is `demanded`, other input is
    /// refused; otherwise it is a client's that connects from there itself.
    pub fn trusting(stream: S, address: Option<SocketAddr>, demanded: bool) -> Proxied<S> {
        let awaited = Awaited::Header { demanded };
        Proxied { stream, front: Some(Box::new(Front { awaited, address, bytes: Vec::new() })) }
    }

    /// The stream below.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.stream
    }
}

impl Front {
    /// Looks at what has come so far.
    fn read_header(&mut self, demanded: bool) -> Progress {
        let (used, origin) = match proxy::parse(&self.bytes) {
            Ok(Start::Unclear) => return Progress::More,
            Ok(Start::Header(used, origin)) => (used, origin),
            Ok(Start::Other) if !demanded => (0, Origin::Unknown),
            Ok(Start::Other) | Err(_) => return Progress::Refused(Refusal::BadHeader),
        };
        self.bytes.drain(..used);
        let (address, of_a_client) = match origin {
            // As HAProxy's checks do by version 1, which has no word for them.
            Origin::Client(address) if self.is_the_streams(address) => (self.address, false),
            Origin::Client(address) => (Some(address), true),
            Origin::Unknown => (self.address, false),
            Origin::Proxy => (None, false),
        };
        if self.bytes.is_empty() && !of_a_client {
            self.awaited = Awaited::Word(address);
            return Progress::More;
        }
        self.awaited = Awaited::Nothing;
        if of_a_client { Progress::From(address) } else { Progress::FromProxy(address) }
    }

    /// Whether the proxy names the very connection that it speaks on.
    fn is_the_streams(&self, address: SocketAddr) -> bool {
        let key = |address: SocketAddr| (address.ip().to_canonical(), address.port());
        self.address.is_some_and(|own| key(own) == key(address))
    }
}

impl<S: Stream> Stream for Proxied<S> {
    fn finish(&mut self) -> io::Result<()> {
        self.stream.finish()
    }

    fn write_last(&mut self, said: &[u8]) -> io::Result<usize> {
        self.stream.write_last(said)
    }

    fn is_established(&self) -> bool {
        self.front.is_none() && self.stream.is_established()
    }

    fn awaits_header(&self) -> bool {
        let front = self.front.as_ref();
        front.is_some_and(|front| front.awaited != Awaited::Nothing)
    }

    fn handshake(&mut self, effort: &mut Effort) -> io::Result<Progress> {
        let Some(front) = &mut self.front else { return self.stream.handshake(effort) };
        let mut piece = [0; HEADER_MAX];
        if front.awaited == Awaited::Nothing {
            return self.stream.handshake(effort);
        }
        let n = match self.stream.read(&mut piece) {
            Ok(n) => n,
            Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(Progress::Waits),
            Err(e) if e.kind() == ErrorKind::Interrupted => return Ok(Progress::More),
            // A health check that resets the connection, as HAProxy's do.
            Err(_) if front.bytes.is_empty() => return Ok(Progress::Nobody),
            Err(e) => return Err(e),
        };
        front.bytes.extend_from_slice(&piece[..n]);
        match front.awaited {
            _ if front.bytes.is_empty() => Ok(Progress::Nobody),
            Awaited::Header { .. } if n == 0 => Err(ErrorKind::UnexpectedEof.into()),
            Awaited::Header { demanded } => Ok(front.read_header(demanded)),
            Awaited::Word(address) => {
                front.awaited = Awaited::Nothing;
                Ok(Progress::FromProxy(address))
            }
            Awaited::Nothing => Ok(Progress::More),
        }
    }

    fn short_read_empties(&self) -> bool {
        self.front.is_none() && self.stream.short_read_empties()
    }
}

impl<S: Stream> Read for Proxied<S> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let Some(front) = self.front.as_mut().filter(|front| !front.bytes.is_empty()) else {
            self.front = None;
            return self.stream.read(buf);
        };
        // Until it is found to be empty, as a read that takes the last of it leaves the stream unread.
        let n = front.bytes.len().min(buf.len());
        buf[..n].copy_from_slice(&front.bytes[..n]);
        front.bytes.drain(..n);
        Ok(n)
    }
}

impl<S: Stream> Write for Proxied<S> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.stream.write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}
