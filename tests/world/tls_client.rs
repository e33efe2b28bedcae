//! The client's side of TLS: accepts any certificate, and shows one or none.
#![allow(dead_code)] // no test uses all of it

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme,
    SupportedProtocolVersion,
};
use std::io::Read;
use std::sync::Arc;
use stonechat::tls::SelfSigned;

pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// The config of a client of one version, without a certificate.
pub fn client(version: &'static SupportedProtocolVersion) -> Arc<ClientConfig> {
    Arc::new(builder(version).with_no_client_auth())
}

/// The config of a client that shows `certificate`, and signs with `key`.
pub fn client_with(
    version: &'static SupportedProtocolVersion,
    certificate: &SelfSigned,
    key: &SelfSigned,
) -> Arc<ClientConfig> {
    let chain = vec![CertificateDer::from_pem_slice(certificate.certificate.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(key.key.as_bytes()).unwrap();
    let key = ring::sign::any_supported_type(&key).unwrap();
    let shown = rustls::sign::SingleCertAndKey::from(rustls::sign::CertifiedKey::new(chain, key));
    Arc::new(builder(version).with_client_cert_resolver(Arc::new(shown)))
}

/// A session with a server named `srv`, without a limit on buffered input.
pub fn session(config: Arc<ClientConfig>) -> ClientConnection {
    let name = ServerName::try_from("srv").unwrap();
    let mut tls = ClientConnection::new(config, name).unwrap();
    tls.set_buffer_limit(None);
    tls
}

/// The pending records for the server.
pub fn encrypted(tls: &mut ClientConnection) -> Vec<u8> {
    let mut bytes = Vec::new();
    while tls.wants_write() {
        tls.write_tls(&mut bytes).unwrap();
    }
    bytes
}

/// Decrypts `bytes` of the server into `heard`. Returns whether it has sent close_notify.
pub fn decrypt(
    tls: &mut ClientConnection,
    mut bytes: &[u8],
    heard: &mut Vec<u8>,
) -> Result<bool, Error> {
    let mut plain = [0; 1 << 12];
    let mut ended = false;
    while !bytes.is_empty() {
        assert!(!ended, "something follows the close_notify");
        tls.read_tls(&mut bytes).unwrap();
        tls.process_new_packets()?;
        ended = loop {
            match tls.reader().read(&mut plain) {
                Ok(0) => break true,
                Ok(n) => heard.extend_from_slice(&plain[..n]),
                Err(_) => break false,
            }
        };
    }
    Ok(ended)
}

fn builder(
    version: &'static SupportedProtocolVersion,
) -> rustls::ConfigBuilder<ClientConfig, rustls::client::WantsClientCert> {
    ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[version])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anyone))
}

/// Accepts every certificate.
#[derive(Debug)]
struct Anyone;

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        shown: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = provider().signature_verification_algorithms;
        verify_tls12_signature(message, shown, signature, &algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        shown: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = provider().signature_verification_algorithms;
        verify_tls13_signature(message, shown, signature, &algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider().signature_verification_algorithms.supported_schemes()
    }
}
