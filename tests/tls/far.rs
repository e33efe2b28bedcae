//! The far end of a connection: a client that speaks TLS through a pipe, and the server it talks to.

use crate::world::by_hand::{ENDPOINT, at, rest};
use crate::world::{Choices, ServerEnd, Wire};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme,
    SupportedProtocolVersion,
};
use std::cell::RefCell;
use std::io::{Read, Write};
use std::rc::Rc;
use std::sync::Arc;
use stonechat::app::{App, Protocol};
use stonechat::net::tls::{Acceptor, TlsStream};
use stonechat::net::{ConnId, EventLoop, Limits, Peer, Refusal, Service};
use stonechat::tls::{SelfSigned, Shelf, acceptor, self_signed};

pub type Server<V> = EventLoop<TlsStream<ServerEnd>, V>;

/// An echo, with lines as long as one likes.
pub fn echo(limits: Limits) -> Server<App> {
    let mut app = App::new(limits.recvq_max - 2, Default::default());
    app.add_endpoint(Protocol::Echo).unwrap();
    EventLoop::new(app, limits)
}

/// What a server named `srv` shakes hands with.
pub fn shaker() -> Acceptor {
    acceptor(&Shelf::in_memory(&self_signed("srv").unwrap()).unwrap()).unwrap()
}

/// A client that takes any certificate, and notes which.
pub struct Far {
    pub id: ConnId,
    pub wire: Rc<RefCell<Wire>>,
    pub tls: ClientConnection,
    pub heard: Vec<u8>,
}

/// How a pipe behaves.
pub enum Pipe {
    /// As a socket does.
    Whole,
    /// It tears what goes through it, by the choices of this seed, and holds so much.
    Torn(u64, usize),
}

impl Far {
    pub fn connect<V: Service>(
        server: &mut Server<V>,
        acceptor: &Acceptor,
        config: Arc<ClientConfig>,
        pipe: Pipe,
    ) -> Far {
        let (choices, down_max, whole_reads) = match pipe {
            Pipe::Whole => (Choices::from_bytes(&[]), usize::MAX, true),
            Pipe::Torn(seed, down_max) => (Choices::from_seed(seed), down_max, false),
        };
        let wire = Wire::new(down_max);
        wire.borrow_mut().whole_reads = whole_reads;
        let stream = acceptor.accept(ServerEnd { wire: wire.clone(), choices }).unwrap();
        let peer = Peer { endpoint: ENDPOINT, address: None, secure: None };
        let id = server.accept(stream, peer).unwrap();
        let name = ServerName::try_from("srv").unwrap();
        let mut tls = ClientConnection::new(config, name).unwrap();
        tls.set_buffer_limit(None);
        Far { id, wire, tls, heard: Vec::new() }
    }

    pub fn say(&mut self, said: &[u8]) {
        self.tls.writer().write_all(said).unwrap();
    }

    /// What the client has for the server goes into the pipe.
    pub fn push<V: Service>(&mut self, server: &mut Server<V>) -> bool {
        let mut bytes = Vec::new();
        while self.tls.wants_write() {
            self.tls.write_tls(&mut bytes).unwrap();
        }
        if !bytes.is_empty() && !self.wire.borrow().server_gone {
            self.send(server, &bytes);
        }
        !bytes.is_empty()
    }

    /// These bytes go into the pipe as they are.
    pub fn send<V: Service>(&mut self, server: &mut Server<V>, bytes: &[u8]) {
        self.wire.borrow_mut().send(bytes);
        server.readable(self.id.slot());
    }

    /// What has come through the pipe is read. What is wrong with it is told.
    pub fn pull<V: Service>(&mut self, server: &mut Server<V>) -> Result<bool, Error> {
        let bytes: Vec<u8> = self.wire.borrow_mut().down.drain(..).collect();
        if self.wire.borrow().wants_room {
            self.wire.borrow_mut().wants_room = false;
            server.writable(self.id.slot());
        }
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            self.tls.read_tls(&mut rest).unwrap();
            self.tls.process_new_packets()?;
            let mut plain = vec![0; 1 << 16];
            while let Ok(n @ 1..) = self.tls.reader().read(&mut plain) {
                self.heard.extend_from_slice(&plain[..n]);
            }
        }
        Ok(!bytes.is_empty())
    }

    /// Until neither has anything more for the other.
    pub fn settle<V: Service>(&mut self, server: &mut Server<V>) -> Result<(), Error> {
        loop {
            let said = self.push(server);
            rest(server, at(0));
            server.check();
            let heard = self.pull(server)?;
            if !said && !heard && !self.tls.wants_write() {
                return Ok(());
            }
        }
    }
}

pub fn refused<V: Service>(server: &mut Server<V>, why: Refusal) -> u64 {
    let index = Refusal::ALL.iter().position(|each| *each == why).unwrap();
    server.counters().endpoints.first().map_or(0, |counted| counted.refused[index])
}

pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// A client of one version, which shows no certificate.
pub fn client(version: &'static SupportedProtocolVersion) -> Arc<ClientConfig> {
    Arc::new(builder(version).with_no_client_auth())
}

/// One that shows `certificate`, and signs with `key`.
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

fn builder(
    version: &'static SupportedProtocolVersion,
) -> rustls::ConfigBuilder<ClientConfig, rustls::client::WantsClientCert> {
    ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[version])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anyone))
}

/// Takes every certificate.
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
