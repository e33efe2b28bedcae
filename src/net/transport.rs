//! A stream in plain or with TLS.

use super::tls::{Acceptor, TlsStream};
use super::{Effort, Progress, Remote, Secure, Stream};
use std::io::{self, Read, Write};

/// A stream as it is, or with TLS if its listener says so.
pub enum Transport<S> {
    /// Bytes go out as they are.
    Plain(S),
    /// Some kilobytes, most of them rustls's.
    Tls(Box<TlsStream<S>>),
}

impl<S: Stream> Transport<S> {
    /// An accepted stream, which shakes hands with `tls` first if there is that.
    pub fn new(carrier: S, tls: Option<&Acceptor>) -> io::Result<Transport<S>> {
        Ok(match tls {
            Some(tls) => Transport::Tls(Box::new(tls.accept(carrier)?)),
            None => Transport::Plain(carrier),
        })
    }

    /// An outgoing stream to `remote`, which shakes hands once it is connected if TLS is asked for.
    pub fn connect(carrier: S, remote: &Remote) -> io::Result<Transport<S>> {
        Ok(match &remote.tls {
            Some(tls) => Transport::Tls(Box::new(tls.connect(carrier, &remote.host)?)),
            None => Transport::Plain(carrier),
        })
    }

    /// The stream below.
    pub fn carrier(&mut self) -> &mut S {
        match self {
            Transport::Plain(carrier) => carrier,
            Transport::Tls(tls) => tls.carrier(),
        }
    }
}

impl<S: Stream> Stream for Transport<S> {
    fn finish(&mut self) -> io::Result<()> {
        match self {
            Transport::Plain(carrier) => carrier.finish(),
            Transport::Tls(tls) => tls.finish(),
        }
    }

    fn write_last(&mut self, said: &[u8]) -> io::Result<usize> {
        match self {
            Transport::Plain(carrier) => carrier.write_last(said),
            Transport::Tls(tls) => tls.write_last(said),
        }
    }

    fn is_established(&self) -> bool {
        match self {
            Transport::Plain(carrier) => carrier.is_established(),
            Transport::Tls(tls) => tls.is_established(),
        }
    }

    fn awaits_header(&self) -> bool {
        match self {
            Transport::Plain(carrier) => carrier.awaits_header(),
            Transport::Tls(tls) => tls.awaits_header(),
        }
    }

    fn handshake(&mut self, effort: &mut Effort) -> io::Result<Progress> {
        match self {
            Transport::Plain(carrier) => carrier.handshake(effort),
            Transport::Tls(tls) => tls.handshake(effort),
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
            Transport::Plain(carrier) => carrier.short_read_empties(),
            Transport::Tls(tls) => tls.short_read_empties(),
        }
    }

    fn holds_more(&self) -> bool {
        match self {
            Transport::Plain(carrier) => carrier.holds_more(),
            Transport::Tls(tls) => tls.holds_more(),
        }
    }
}

impl<S: Stream> Read for Transport<S> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self {
            Transport::Plain(carrier) => carrier.read(buf),
            Transport::Tls(tls) => tls.read(buf),
        }
    }
}

impl<S: Stream> Write for Transport<S> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        match self {
            Transport::Plain(carrier) => carrier.write(buf),
            Transport::Tls(tls) => tls.write(buf),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Transport::Plain(carrier) => carrier.flush(),
            Transport::Tls(tls) => tls.flush(),
        }
    }
}
