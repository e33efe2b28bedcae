//! TLS over any stream, by rustls without buffers of its own: what a connection holds between turns
//! is its keys, and a partial record while there is one.

mod stream;

pub use stream::TlsStream;

use super::Stream;
use rustls::server::{ServerConfig, UnbufferedServerConnection};
use std::io;
use std::sync::Arc;

/// What an accepted stream is to shake hands with: versions, ciphers, certificates, tickets.
#[derive(Clone, Debug)]
pub struct Acceptor(Arc<ServerConfig>);

impl Acceptor {
    /// One by `config`, whose certificates may change behind its resolver.
    pub fn new(config: ServerConfig) -> Acceptor {
        Acceptor(Arc::new(config))
    }

    /// Begins a handshake over `carrier`, which may have to be established first itself.
    pub fn accept<S: Stream>(&self, carrier: S) -> io::Result<TlsStream<S>> {
        let session = UnbufferedServerConnection::new(self.0.clone()).map_err(io::Error::other)?;
        Ok(TlsStream::new(carrier, session))
    }
}
