//! The client's end of a wire, in plain or with TLS by rustls.
//!
//! With TLS, input waits for the end of the handshake. Records go into the wire whole or in pieces,
//! which the pipe tears further, long ones or of one byte each. The client may also break TLS in
//! any way.

use super::tls_client::{client, client_with, decrypt, encrypted, session};
use super::{Choices, ServerEnd, Wire, far_server};
use rustls::version::{TLS12, TLS13};
use rustls::{
    AlertDescription, ClientConfig, ClientConnection, Error, HandshakeKind, ServerConfig,
};
use std::cell::RefCell;
use std::collections::{BTreeSet, VecDeque};
use std::io::Write;
use std::rc::Rc;
use std::sync::Arc;
use stonechat::net::tls::{Acceptor, Connector};
use stonechat::net::{TlsVersion, Transport};
use stonechat::tls::{SelfSigned, Shelf, Trust, acceptor, connector, pem_fingerprint};

/// The TLS setup of server and clients in one run.
pub struct Keys {
    acceptor: Acceptor,
    /// Client configs by [`TlsVersion`]: without and with a certificate.
    configs: [[Arc<ClientConfig>; 2]; 2],
    /// For outgoing connections, and what far ends have that answer or refuse.
    connector: Connector,
    far_servers: [Arc<ServerConfig>; 2],
}

/// Readiness events to be reported to the loop.
#[derive(Clone, Copy, Default)]
pub struct News {
    pub readable: bool,
    pub hung_up: bool,
    pub writable: bool,
}

pub struct ClientEnd {
    pub wire: Rc<RefCell<Wire>>,
    pub news: News,
    /// Input that is in the wire, or is the next to enter it.
    pub sent: Vec<u8>,
    /// Its own actions on TLS.
    pub sights: BTreeSet<&'static str>,
    choices: Choices,
    /// The server's acceptor; `None` in plain.
    acceptor: Option<Acceptor>,
    tls: Option<Box<Tls>>,
}

struct Tls {
    session: ClientConnection,
    version: TlsVersion,
    /// Input that is not encrypted yet.
    unsaid: Vec<u8>,
    /// Encrypted bytes that are not in the wire yet.
    unsent: VecDeque<u8>,
    /// Does its part of the handshake as soon as it can.
    prompt: bool,
    /// Sends records in pieces.
    torn: bool,
    /// Sends records of one byte each.
    small_records: bool,
    /// Sends its hello in records of this many bytes.
    small_hello: Option<usize>,
    /// Stalls after this many bytes.
    stalls: Option<usize>,
    /// It has sent invalid TLS, or has ended its half in the handshake.
    spoilt: bool,
    hearing: Hearing,
}

#[derive(Clone, Copy, PartialEq)]
enum Hearing {
    Open,
    /// The server has sent close_notify.
    Ended,
    /// The server has reported an error; further input is ignored.
    Broken,
}

/// Ed25519, whose signatures have one length: so all records have the same length in each run of a
/// seed, and the run is the same. It protects nothing.
const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----
MIIBQjCB9aADAgECAhRhYAXOqh2zTtJ6wo3Z8KXlzGEDdTAFBgMrZXAwDjEMMAoG
A1UEAwwDc3J2MCAXDTI2MTEyMjAwMTEyMloYDzIxMjYxMDI5MDAxMTIyWjAOMQww
CgYDVQQDDANzcnYwKjAFBgMrZXADIQA8ZBoCQEADv4oRuwVb+K+n8p7XqE9m1tFl
eF5JQjt+E6NjMGEwHQYDVR0OBBYEFPdo86VJaaazCZHuaIaQkAuMzzQMMB8GA1Ud
IwQYMBaAFPdo86VJaaazCZHuaIaQkAuMzzQMMA8GA1UdEwEB/wQFMAMBAf8wDgYD
VR0RBAcwBYIDc3J2MAUGAytlcANBAJTQH+ReFcTh5hqcnqYYDBmWvgVdK2kjSR95
476fiTvx3YhF6vShXyS/zts4w9NCng3vVd5KCL7SI1XGqlySWAg=
-----END CERTIFICATE-----
";
const KEY: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIHmP6mNyRfGMdUDUXk0zbEUXYSnajiify2HS+yRYdRK2
-----END PRIVATE KEY-----
";

/// Invalid records: too long, endless, an unencrypted alert, an unexpected type, no record at all.
const SPOILT: [&[u8]; 5] = [
    &[23, 3, 3, 0xff, 0xff, 1],
    &[23, 3, 3, 0x40, 0, 1, 2, 3],
    &[21, 3, 3, 0, 2, 1, 0],
    &[20, 3, 3, 0, 1, 1],
    b"QUIT :as if nobody listened\r\n",
];

impl Keys {
    pub fn new() -> Keys {
        let pair = SelfSigned { certificate: CERTIFICATE.to_owned(), key: KEY.to_owned() };
        let acceptor = acceptor(&Shelf::in_memory(&pair).expect("a certificate")).expect("TLS");
        let configs =
            [&TLS12, &TLS13].map(|version| [client(version), client_with(version, &pair, &pair)]);
        let fingerprint = pem_fingerprint(pair.certificate.as_bytes()).expect("a certificate");
        let connector = connector(&Trust::Fingerprint(fingerprint)).expect("TLS");
        let far_servers = [far_server::config(&TLS13, &pair), far_server::refusing(&TLS13)];
        Keys { acceptor, configs, connector, far_servers }
    }

    pub fn connector(&self) -> Connector {
        self.connector.clone()
    }

    pub fn far_server(&self, refuses: bool) -> Arc<ServerConfig> {
        self.far_servers[usize::from(refuses)].clone()
    }
}

impl ClientEnd {
    /// Makes a client in plain; or if there are keys, with TLS two times in three. A steady one
    /// does nothing that closes it.
    pub fn new(
        wire: Rc<RefCell<Wire>>,
        choices: &Choices,
        keys: Option<&Keys>,
        steady: bool,
    ) -> ClientEnd {
        let mut end = ClientEnd {
            wire,
            news: News::default(),
            sent: Vec::new(),
            sights: BTreeSet::new(),
            choices: choices.clone(),
            acceptor: None,
            tls: None,
        };
        let Some(keys) = keys else { return end };
        let version = match choices.pick(0..3) {
            0 => return end,
            1 => TlsVersion::Tls12,
            _ => TlsVersion::Tls13,
        };
        end.acceptor = Some(keys.acceptor.clone());
        if !steady && choices.one_in(12) {
            return end;
        }
        let config = &keys.configs[version as usize][usize::from(choices.one_in(3))];
        let may = |n: usize| !steady && choices.one_in(n);
        end.tls = Some(Box::new(Tls {
            session: session(config.clone()),
            version,
            unsaid: Vec::new(),
            unsent: VecDeque::new(),
            prompt: !choices.one_in(4),
            torn: may(2),
            small_records: choices.one_in(6),
            small_hello: choices.one_in(4).then(|| choices.pick(1..80)),
            stalls: may(8).then(|| choices.pick(0..500)),
            spoilt: false,
            hearing: Hearing::Open,
        }));
        end.push(false);
        end
    }

    /// The server's end of the wire.
    pub fn accept(&self) -> Transport<ServerEnd> {
        let end = ServerEnd { wire: self.wire.clone(), choices: self.choices.clone() };
        Transport::new(end, self.acceptor.as_ref()).expect("a handshake begins")
    }

    /// The client's TLS version.
    pub fn version(&self) -> Option<TlsVersion> {
        self.tls.as_ref().map(|tls| tls.version)
    }

    /// Whether its handshake will succeed, given time.
    pub fn shakes_hands(&self) -> bool {
        let wire = self.wire.borrow();
        let there = !wire.client_gone && wire.cut.is_none();
        there && self.tls.as_ref().is_some_and(|tls| !tls.spoilt && tls.stalls.is_none())
    }

    /// Whether it has a step of its handshake to do, and does it at once.
    pub fn hurries(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.prompt && tls.session.is_handshaking())
    }

    /// Whether it speaks in plain to a server that speaks TLS.
    pub fn is_mistaken(&self) -> bool {
        self.acceptor.is_some() && self.tls.is_none()
    }

    /// Whether it stalls and sends nothing more.
    pub fn is_silent(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.stalls.is_some())
    }

    /// Whether its input has ended in good order, with close_notify if it uses TLS.
    pub fn is_told_of_end(&self) -> bool {
        let told = self.tls.as_ref().is_none_or(|tls| tls.hearing == Hearing::Ended);
        told && self.wire.borrow().down_ended
    }

    pub fn say(&mut self, said: &[u8]) {
        match &mut self.tls {
            Some(tls) => {
                tls.unsaid.extend_from_slice(said);
                self.push(false);
            }
            None => {
                self.sent.extend_from_slice(said);
                self.send(said);
            }
        }
    }

    /// Puts pending input into the wire, all or a part of it. Returns whether there was any.
    pub fn push(&mut self, all: bool) -> bool {
        let Some(tls) = &mut self.tls else { return false };
        let wire = self.wire.borrow();
        if wire.up_ended || wire.client_gone || wire.cut.is_some() {
            return false;
        }
        drop(wire);
        tls.encrypt(&mut self.sent);
        let shaking = tls.session.is_handshaking();
        let whole = tls.unsent.len().min(tls.stalls.unwrap_or(usize::MAX));
        let most = if tls.torn && !all { self.choices.pick(0..whole + 1) } else { whole };
        if let Some(left) = &mut tls.stalls {
            *left -= most;
        }
        if most > 0 {
            self.sights.extend((shaking && most < tls.unsent.len()).then_some("torn flight"));
            self.sights.extend((shaking && tls.small_hello.is_some()).then_some("hello in parts"));
            self.sights.extend((!shaking && tls.small_records).then_some("records of one byte"));
        }
        let bytes: Vec<u8> = tls.unsent.drain(..most).collect();
        self.send(&bytes);
        !bytes.is_empty()
    }

    fn send(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.wire.borrow_mut().send(bytes);
            self.news.readable = true;
        }
    }

    /// Reads at most `most` bytes from the wire. Returns whether there were any.
    pub fn hear(&mut self, most: usize, heard: &mut Vec<u8>) -> bool {
        let mut wire = self.wire.borrow_mut();
        let most = most.min(wire.down.len());
        let bytes: Vec<u8> = wire.down.drain(..most).collect();
        if most > 0 && wire.wants_room {
            wire.wants_room = false;
            self.news.writable = true;
        }
        drop(wire);
        match &mut self.tls {
            None => heard.extend(bytes),
            Some(tls) => {
                match tls.hear(&bytes, heard) {
                    Hearing::Broken => self.sights.insert("alert"),
                    Hearing::Open | Hearing::Ended => false,
                };
                if tls.session.handshake_kind() == Some(HandshakeKind::Resumed) {
                    self.sights.insert("resumed");
                }
                self.push(false);
            }
        }
        most > 0
    }

    /// Ends its half after all input: ends the wire's half, with close_notify or without.
    pub fn end_half(&mut self) {
        if self.tls.is_some() {
            let said = self.choices.one_in(2) && self.say_close_notify();
            self.push(true);
            if !said && !self.wire.borrow().down_ended {
                self.sight("end in mid-handshake", "end without close_notify");
            }
        }
        if let Some(tls) = &mut self.tls {
            tls.spoilt |= tls.session.is_handshaking();
        }
        self.wire.borrow_mut().up_ended = true;
        self.news.hung_up = true;
    }

    /// Ends its half by close_notify alone. Returns whether it has.
    pub fn say_close_notify(&mut self) -> bool {
        let Some(tls) = &mut self.tls else { return false };
        if tls.session.is_handshaking() || tls.spoilt || tls.stalls.is_some() {
            return false;
        }
        tls.encrypt(&mut self.sent);
        tls.session.send_close_notify();
        self.sights.insert("close_notify");
        self.push(true);
        true
    }

    /// Whether the server may read a part of a record, which is no input yet; in plain it would be
    /// a sign of life.
    pub fn is_heard_in_parts(&self) -> bool {
        self.tls.is_some() && !self.wire.borrow().whole_reads
    }

    /// Sends whole records from now on.
    pub fn mend(&mut self) {
        self.wire.borrow_mut().whole_reads |= self.tls.is_some();
    }

    /// Changes its keys, if it can.
    pub fn change_keys(&mut self) {
        let Some(tls) = &mut self.tls else { return };
        let may = !tls.spoilt && !tls.session.is_handshaking();
        if may && tls.version == TlsVersion::Tls13 {
            tls.encrypt(&mut self.sent);
            tls.session.refresh_traffic_keys().expect("a new key");
            self.sights.insert("new keys");
        }
    }

    /// Sends an invalid record after all pending input. Returns whether it has.
    pub fn spoil(&mut self) -> bool {
        let kind = self.choices.pick(0..SPOILT.len() + 3);
        self.push(true);
        let Some(tls) = &mut self.tls else { return false };
        if tls.spoilt || tls.stalls.is_some() {
            return false;
        }
        tls.spoilt = true;
        let talks = !tls.session.is_handshaking();
        let bytes = match SPOILT.get(kind) {
            Some(bytes) => bytes.to_vec(),
            None if !talks => b"\x16".to_vec(),
            None if kind > SPOILT.len() && tls.version == TlsVersion::Tls13 => {
                self.sights.insert("storm of new keys");
                (0..40).for_each(|_| tls.session.refresh_traffic_keys().expect("a new key"));
                encrypted(&mut tls.session)
            }
            None => {
                tls.session.writer().write_all(b"not to be heard\r\n").expect("room");
                let mut record = encrypted(&mut tls.session);
                *record.last_mut().expect("a record") ^= 1;
                record
            }
        };
        self.sights.insert(if talks { "bad record" } else { "bad flight" });
        self.send(&bytes);
        true
    }

    /// Records an action, by whether the handshake is under way.
    pub fn sight(&mut self, shaking: &'static str, talking: &'static str) {
        if let Some(tls) = &self.tls {
            self.sights.insert(if tls.session.is_handshaking() { shaking } else { talking });
        }
    }
}

/// The bytes in the wires, up and down, and the number of writes. They change while the loop does
/// anything. No sum: one wire may be read by as much as another is written.
pub fn motion<'a>(ends: impl Iterator<Item = &'a ClientEnd>) -> [usize; 3] {
    let wires = ends.map(|end| end.wire.borrow());
    wires.fold([0; 3], |[up, down, writes], wire| {
        [up + wire.up.len(), down + wire.down.len(), writes + wire.writes]
    })
}

/// The most idle turns in a row that the loop may ask for: each handshake gets one turn more than
/// it needs.
pub const STILL_TURNS_MAX: usize = 20;

impl Tls {
    fn hear(&mut self, bytes: &[u8], heard: &mut Vec<u8>) -> Hearing {
        if self.hearing == Hearing::Broken {
            return Hearing::Broken;
        }
        match decrypt(&mut self.session, bytes, heard) {
            Ok(true) => self.hearing = Hearing::Ended,
            Ok(false) => {}
            Err(e) => {
                // A client that is banned or too slow receives an alert during its handshake.
                let denied = e == Error::AlertReceived(AlertDescription::AccessDenied);
                let refused = denied && self.session.is_handshaking();
                assert!(self.spoilt || refused, "what it was sent is bad: {e}");
                self.hearing = Hearing::Broken;
            }
        }
        self.hearing
    }

    /// Encrypts pending input, once the handshake allows it.
    fn encrypt(&mut self, sent: &mut Vec<u8>) {
        if self.session.is_handshaking() {
            let flight = encrypted(&mut self.session);
            let first = self.session.protocol_version().is_none();
            match self.small_hello.filter(|_| first) {
                Some(bytes) if !flight.is_empty() => self.unsent.extend(in_records(&flight, bytes)),
                _ => self.unsent.extend(flight),
            }
            return;
        }
        if self.spoilt || self.stalls.is_some() {
            self.unsaid.clear();
        }
        let most = if self.small_records && self.unsaid.len() < 1_000 { 1 } else { usize::MAX };
        for piece in self.unsaid.chunks(most) {
            self.session.writer().write_all(piece).expect("room without bounds");
        }
        sent.append(&mut self.unsaid);
        self.unsent.extend(encrypted(&mut self.session));
    }
}

/// Splits the message of one record into records of `bytes` each.
fn in_records(record: &[u8], bytes: usize) -> Vec<u8> {
    let (header, message) = record.split_at(5);
    let parts = message.chunks(bytes);
    let part = |part: &[u8]| [&header[..3], &(part.len() as u16).to_be_bytes(), part].concat();
    parts.flat_map(part).collect()
}
