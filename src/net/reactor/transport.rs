//! What carries a connection's bytes over a socket: nothing else, or TLS.

use super::Socket;
use crate::net::tls::{Acceptor, TlsStream};
use crate::net::{Effort, Progress, Proxied, Secure, Stream};
use mio::event::Source;
use std::io::{self, Read, Write};

/// A socket, behind a proxy perhaps, and with TLS if its listener says so.
pub enum Transport {
    /// What is said is written as it is.
    Plain(Proxied<Socket>),
    /// Some kilobytes, most of them rustls's.
    Tls(Box<TlsStream<Proxied<Socket>>>),
}

impl Transport {
    pub(super) fn new(socket: Proxied<Socket>, tls: Option<&Acceptor>) -> io::Result<Transport> {
        Ok(match tls {
            Some(tls) => Transport::Tls(Box::new(tls.accept(socket)?)),
            None => Transport::Plain(socket),
        })
    }

    pub(super) fn source(&mut self) -> &mut dyn Source {
        match self {
            Transport::Plain(socket) => socket.get_mut().source(),
            Transport::Tls(tls) => tls.carrier().get_mut().source(),
        }
    }
}

impl Stream for Transport {
    fn finish(&mut self) -> io::Result<()> {
        match self {
            Transport::Plain(socket) => socket.finish(),
            Transport::Tls(tls) => tls.finish(),
        }
    }

    fn write_last(&mut self, said: &[u8]) -> io::Result<usize> {
        match self {
            Transport::Plain(socket) => socket.write_last(said),
            Transport::Tls(tls) => tls.write_last(said),
        }
    }

    fn is_established(&self) -> bool {
        match self {
            Transport::Plain(socket) => socket.is_established(),
            Transport::Tls(tls) => tls.is_established(),
        }
    }

    fn awaits_header(&self) -> bool {
        match self {
            Transport::Plain(socket) => socket.awaits_header(),
            Transport::Tls(tls) => tls.awaits_header(),
        }
    }

    fn establish(&mut self, effort: &mut Effort) -> io::Result<Progress> {
        match self {
            Transport::Plain(socket) => socket.establish(effort),
            Transport::Tls(tls) => tls.establish(effort),
        }
    }

    fn secure(&self) -> Option<Secure> {
        match self {
            Transport::Plain(_) => None,
            Transport::Tls(tls) => tls.secure(),
        }
    }

    fn short_read_empties(&self) -> bool {
        match self {
            Transport::Plain(socket) => socket.short_read_empties(),
            Transport::Tls(tls) => tls.short_read_empties(),
        }
    }

    fn holds_more(&self) -> bool {
        match self {
            Transport::Plain(socket) => socket.holds_more(),
            Transport::Tls(tls) => tls.holds_more(),
        }
    }
}

impl Read for Transport {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self {
            Transport::Plain(socket) => socket.read(buf),
            Transport::Tls(tls) => tls.read(buf),
        }
    }
}

impl Write for Transport {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        match self {
            Transport::Plain(socket) => socket.write(buf),
            Transport::Tls(tls) => tls.write(buf),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Transport::Plain(socket) => socket.flush(),
            Transport::Tls(tls) => tls.flush(),
        }
    }
}
