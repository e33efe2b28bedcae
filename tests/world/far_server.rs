//! The far end of an outgoing connection: a server that echoes what it is sent, in plain or over TLS by
//! rustls; or that does what one can do to a client.

use super::tls_client::provider;
use super::{Choices, ServerEnd, Wire};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, ServerConnection, SupportedProtocolVersion};
use std::cell::RefCell;
use std::io::{ErrorKind, Read, Write};
use std::rc::Rc;
use std::sync::Arc;
use stonechat::tls::SelfSigned;

/// What it does as soon as it is connected to.
pub enum Manner {
    /// Sends back what it is sent.
    Plain,
    Tls(Arc<ServerConfig>),
    /// Sends this, whatever it hears.
    Says(Vec<u8>),
}

pub struct FarServer {
    pub wire: Rc<RefCell<Wire>>,
    /// What it was sent, decrypted.
    pub heard: Vec<u8>,
    tls: Option<Box<ServerConnection>>,
    echoes: bool,
    /// To be sent.
    unsent: Vec<u8>,
    /// So many bytes are sent, and then the connection ends, or is cut.
    pub ends_after: Option<(usize, Option<ErrorKind>)>,
}

/// A server that shows this certificate.
pub fn config(version: &'static SupportedProtocolVersion, pair: &SelfSigned) -> Arc<ServerConfig> {
    let chain = vec![CertificateDer::from_pem_slice(pair.certificate.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap();
    Arc::new(builder(version).with_no_client_auth().with_single_cert(chain, key).unwrap())
}

/// A server that has no certificate for anyone, and says so by an alert.
pub fn refusing(version: &'static SupportedProtocolVersion) -> Arc<ServerConfig> {
    Arc::new(builder(version).with_no_client_auth().with_cert_resolver(Arc::new(Nothing)))
}

fn builder(
    version: &'static SupportedProtocolVersion,
) -> rustls::ConfigBuilder<ServerConfig, rustls::WantsVerifier> {
    ServerConfig::builder_with_provider(provider()).with_protocol_versions(&[version]).unwrap()
}

#[derive(Debug)]
struct Nothing;

impl ResolvesServerCert for Nothing {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        None
    }
}

impl FarServer {
    pub fn new(wire: Rc<RefCell<Wire>>, manner: Manner) -> FarServer {
        let (tls, echoes, unsent) = match manner {
            Manner::Plain => (None, true, Vec::new()),
            Manner::Tls(config) => {
                let mut tls = ServerConnection::new(config).unwrap();
                tls.set_buffer_limit(None);
                (Some(Box::new(tls)), true, Vec::new())
            }
            Manner::Says(bytes) => (None, false, bytes),
        };
        FarServer { wire, heard: Vec::new(), tls, echoes, unsent, ends_after: None }
    }

    /// The loop's end of it.
    pub fn stream(&self, choices: &Choices) -> ServerEnd {
        ServerEnd { wire: self.wire.clone(), choices: choices.clone() }
    }

    /// Reads what has come, and sends `most` bytes at most of what it has to send. Returns whether
    /// anything was done.
    pub fn serve(&mut self, most: usize) -> bool {
        let mut wire = self.wire.borrow_mut();
        let came: Vec<u8> = wire.down.drain(..).collect();
        wire.wants_room = false;
        drop(wire);
        self.hear(&came);
        self.send(most) || !came.is_empty()
    }

    fn hear(&mut self, mut bytes: &[u8]) {
        let Some(tls) = &mut self.tls else {
            self.heard.extend_from_slice(bytes);
            if self.echoes {
                self.unsent.extend_from_slice(bytes);
            }
            return;
        };
        let mut plain = [0; 1 << 12];
        while !bytes.is_empty() {
            let _ = tls.read_tls(&mut bytes).unwrap();
            if tls.process_new_packets().is_err() {
                break;
            }
            while let Ok(n @ 1..) = tls.reader().read(&mut plain) {
                self.heard.extend_from_slice(&plain[..n]);
                tls.writer().write_all(&plain[..n]).unwrap();
            }
        }
        while tls.wants_write() {
            tls.write_tls(&mut self.unsent).unwrap();
        }
    }

    fn send(&mut self, most: usize) -> bool {
        let mut wire = self.wire.borrow_mut();
        if wire.up_ended || wire.client_gone || wire.cut.is_some() || wire.server_gone {
            return false;
        }
        let mut n = self.unsent.len().min(most);
        if let Some((left, how)) = &mut self.ends_after {
            n = n.min(*left);
            *left -= n;
            if *left == 0 {
                wire.up.extend(self.unsent.drain(..n));
                match *how {
                    Some(kind) => wire.cut = Some(kind),
                    None => wire.up_ended = true,
                }
                return true;
            }
        }
        wire.up.extend(self.unsent.drain(..n));
        n > 0
    }
}
