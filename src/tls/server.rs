//! Which servers an outgoing connection trusts: by the system's roots, by given roots, or by the
//! fingerprint of one certificate.

use super::provider;
use crate::net::tls::Connector;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    version,
};
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// Which servers are trusted.
#[derive(Clone, Debug)]
pub enum Trust {
    /// A certificate for the server's name under one of the system's roots.
    System,
    /// A certificate for the server's name under one of these roots, in PEM.
    Roots(String),
    /// The one certificate that has this SHA-256, in DER, whatever names and dates it bears.
    Fingerprint([u8; 32]),
}

/// TLS 1.2 and 1.3 to servers that `trust` trusts; we show no certificate. For the system's roots it
/// reads files, some hundred certificates in a few milliseconds: once for a configuration.
pub fn connector(trust: &Trust) -> Result<Connector, String> {
    let failed = |e: Error| format!("cannot set up TLS: {e}");
    let provider = provider();
    let algorithms = provider.signature_verification_algorithms;
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&version::TLS13, &version::TLS12])
        .map_err(failed)?;
    let builder = match trust {
        Trust::System => builder.with_root_certificates(system_roots()?),
        Trust::Roots(pem) => builder.with_root_certificates(roots_in(pem)?),
        Trust::Fingerprint(fingerprint) => {
            let pinned = Pinned { fingerprint: *fingerprint, algorithms };
            builder.dangerous().with_custom_certificate_verifier(Arc::new(pinned))
        }
    };
    Ok(Connector::new(builder.with_no_client_auth()))
}

fn system_roots() -> Result<RootCertStore, String> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    // Some systems have a root or two that no library can read.
    roots.add_parsable_certificates(found.certs);
    match found.errors.first() {
        _ if !roots.is_empty() => Ok(roots),
        Some(e) => Err(format!("cannot read the system's root certificates: {e}")),
        None => Err("the system has no root certificates".to_owned()),
    }
}

fn roots_in(pem: &str) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for root in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        let root = root.map_err(|e| format!("a root certificate is not PEM: {e}"))?;
        roots.add(root).map_err(|e| format!("a root certificate cannot be used: {e}"))?;
    }
    if roots.is_empty() { Err("there is no root certificate".to_owned()) } else { Ok(roots) }
}

/// Trusts one certificate, whose owner has to sign the handshake as with any other.
#[derive(Debug)]
struct Pinned {
    fingerprint: [u8; 32],
    algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        _chain: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if Sha256::digest(shown)[..] == self.fingerprint {
            return Ok(ServerCertVerified::assertion());
        }
        Err(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        shown: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, shown, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        shown: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, shown, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
