//! TLS over any stream, by rustls without buffers of its own: a connection holds its keys between
//! turns, and a partial record while there is one.

mod records;
mod stream;

pub use stream::TlsStream;

use super::{Host, Stream};
use rustls::client::{ClientConfig, UnbufferedClientConnection};
use rustls::pki_types::ServerName;
use rustls::server::{ServerConfig, UnbufferedServerConnection};
use std::io;
use std::sync::Arc;
use stream::TlsSession;

/// The server's side of handshakes: versions, ciphers, certificates, tickets.
#[derive(Clone, Debug)]
pub struct Acceptor(Arc<ServerConfig>);

/// The client's side of handshakes: versions, ciphers, and which servers are trusted.
#[derive(Clone, Debug)]
pub struct Connector(Arc<ClientConfig>);

impl Acceptor {
    /// An acceptor by `config`, whose certificates may change behind its resolver.
    pub fn new(config: ServerConfig) -> Acceptor {
        Acceptor(Arc::new(config))
    }

    /// Begins a handshake over `carrier`, which may have a handshake of its own before it.
    pub fn accept<S: Stream>(&self, carrier: S) -> io::Result<TlsStream<S>> {
        let session = UnbufferedServerConnection::new(self.0.clone()).map_err(io::Error::other)?;
        Ok(TlsStream::new(carrier, TlsSession::Server(session)))
    }
}

impl Connector {
    /// A connector by `config`.
    pub fn new(config: ClientConfig) -> Connector {
        Connector(Arc::new(config))
    }

    /// Begins a handshake with `host` over `carrier`, once that is connected. Fails with
    /// `InvalidData` if the name of the host can be in no certificate.
    pub fn connect<S: Stream>(&self, carrier: S, host: &Host) -> io::Result<TlsStream<S>> {
        let name = match host {
            Host::Address(address) => ServerName::from(*address),
            Host::Name(name) => ServerName::try_from(name.clone())
                .map_err(|e| io::Error::new(io::ErrorKind::InvalidData, format!("TLS: {e}")))?,
        };
        let session = UnbufferedClientConnection::new(self.0.clone(), name);
        let session = TlsSession::Client(Box::new(session.map_err(io::Error::other)?));
        Ok(TlsStream::new(carrier, session))
    }
}

/// Whether both are one connector.
impl PartialEq for Connector {
    fn eq(&self, other: &Connector) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}
