//! TLS setup: certificates and their files, the provider of cryptography, which client certificates are
//! accepted and which servers are trusted.

mod certificate;
mod client;
mod self_signed;
mod server;
mod shelf;

pub use certificate::{Certificate, Files, hex, pem_fingerprint};
pub use self_signed::{SelfSigned, self_signed};
pub use server::{Trust, connector};
pub use shelf::Shelf;

use crate::net::tls::Acceptor;
use client::AnyClient;
use rustls::crypto::{CryptoProvider, ring};
use rustls::server::NoServerSessionStorage;
use rustls::{ServerConfig, version};
use std::sync::Arc;

/// The one library that all cryptography of TLS is left to.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// TLS 1.2 and 1.3 with the certificates on `shelf`, whichever those are when a client connects. A
/// client that returns resumes by a ticket, of which nothing is kept here. Any client may show a
/// certificate.
pub fn acceptor(shelf: &Shelf) -> Result<Acceptor, String> {
    let failed = |e: rustls::Error| format!("cannot set up TLS: {e}");
    let provider = provider();
    let verifier = Arc::new(AnyClient::new(provider.signature_verification_algorithms));
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&version::TLS13, &version::TLS12])
        .map_err(failed)?
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(shelf.resolver());
    config.ticketer = ring::Ticketer::new().map_err(failed)?;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    // A ticket costs a client that never returns some 200 bytes; one is enough to return.
    config.send_tls13_tickets = 1;
    Ok(Acceptor::new(config))
}
