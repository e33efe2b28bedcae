//! TLS setup: certificate files, the crypto provider, and which client certificates are accepted.

mod certificate;
mod client;
mod self_signed;
mod server;
mod settings;
mod shelf;

pub use certificate::{Certificate, hex, pem_fingerprint};
pub use self_signed::{SelfSigned, self_signed};
pub use server::{Trust, connector};
pub use settings::{Files, Settings};
pub use shelf::Shelf;

use crate::net::tls::Acceptor;
use client::AnyClient;
use rustls::crypto::{CryptoProvider, ring};
use rustls::server::NoServerSessionStorage;
use rustls::{ServerConfig, version};
use std::sync::Arc;

/// The crypto provider of TLS: ring.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// Makes an acceptor of TLS 1.2 and 1.3. Each handshake uses the certificates that are on `shelf`
/// at that time. Clients may show a certificate, and resume sessions by tickets, for which nothing
/// is stored here.
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
    // A ticket costs some 200 bytes for clients that never return; one is enough to resume.
    config.send_tls13_tickets = 1;
    Ok(Acceptor::new(config))
}
