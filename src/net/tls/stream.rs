//! One TLS connection, either side of it, as a [`Stream`].
//!
//! Records are decrypted as they come and encrypted as they go: one for the output of a turn. Its
//! buffers are allocated only while something is in them.

use super::records::{Phase, RecordError, Records};
use crate::net::{Effort, Progress, Refusal, Secure, Stream, TlsVersion};
use rustls::client::UnbufferedClientConnection;
use rustls::server::UnbufferedServerConnection;
use rustls::{CommonState, ProtocolVersion};
use sha2::{Digest, Sha256};
use std::io::{self, ErrorKind, Read, Write};

/// TLS over `S`.
pub struct TlsStream<S> {
    carrier: S,
    session: TlsSession,
    records: Records,
    /// The carrier had nothing more when it was last read.
    dry: bool,
}

/// The side that we are.
#[allow(clippy::large_enum_variant)] // nearly all are servers
pub(super) enum TlsSession {
    Server(UnbufferedServerConnection),
    /// In a box, as few connections are outgoing and an accepted one should not pay for their size.
    Client(Box<UnbufferedClientConnection>),
}

impl TlsSession {
    fn common(&self) -> &CommonState {
        match self {
            TlsSession::Server(server) => server,
            TlsSession::Client(client) => client,
        }
    }
}

/// The type of the records of a handshake. RFC 8446 §5.1.
const HANDSHAKE_RECORD: u8 = 22;

/// A record with a fatal alert: the sender has decided not to proceed. RFC 8446 §6.2.
const ACCESS_DENIED: [u8; 7] = [21, 3, 3, 0, 2, 2, 49];

/// Read at once while shaking hands: a hello has some hundreds of bytes.
const HANDSHAKE_READ_BYTES: usize = 4 << 10;

/// Received and not decrypted: the longest record, or a handshake message torn into very small ones,
/// and one read. Beyond it the connection ends.
const INCOMING_MAX: usize = 64 << 10;

/// Plain bytes in one record. RFC 8446 §5.1.
const RECORD_MAX: usize = 16 << 10;

impl<S: Stream> TlsStream<S> {
    pub(super) fn new(carrier: S, session: TlsSession) -> TlsStream<S> {
        let phase = match session {
            TlsSession::Server(_) if carrier.is_established() => Phase::Handshake,
            _ => Phase::Carrying,
        };
        let records =
            Records { phase, incoming: Vec::new(), unread: Vec::new(), outgoing: Vec::new() };
        TlsStream { carrier, session, records, dry: false }
    }

    /// The stream below.
    pub fn carrier(&mut self) -> &mut S {
        &mut self.carrier
    }

    fn tls_handshake(&mut self, effort: &mut Effort) -> io::Result<Progress> {
        self.send()?;
        let fetched = self.fetch(HANDSHAKE_READ_BYTES)?;
        // The end may be behind a part of a flight, and is reported only once.
        self.dry = fetched.is_none();
        let ended = fetched == Some(0);
        let is_server = matches!(self.session, TlsSession::Server(_));
        let first = self.records.incoming.first();
        if is_server
            && self.has_heard_nothing()
            && first.is_some_and(|first| *first != HANDSHAKE_RECORD)
        {
            self.records.phase = Phase::Plain;
            return Ok(Progress::Refused(Refusal::NotTls));
        }
        let said_before = self.records.outgoing.len();
        let heard = self.decrypt(&mut []);
        // The first flight is signed, and the last one checked.
        if self.records.outgoing.len() > said_before || !self.session.common().is_handshaking() {
            effort.spend();
        }
        let sent = self.send();
        heard?;
        sent?;
        let shaking = self.session.common().is_handshaking();
        if !shaking && self.records.outgoing.is_empty() {
            if self.records.phase == Phase::Handshake {
                self.records.phase = Phase::Open;
            }
            return Ok(Progress::Established);
        }
        let ended = ended || self.records.phase != Phase::Handshake;
        match () {
            () if ended && shaking => Err(ErrorKind::UnexpectedEof.into()),
            // Its flight is here; the carrier has not taken all of ours.
            () if ended || self.dry => Ok(Progress::Waits),
            () => Ok(Progress::More),
        }
    }

    /// Whether not even the first flight of the far end is complete.
    fn has_heard_nothing(&self) -> bool {
        self.session.common().protocol_version().is_none()
    }

    /// One read from the carrier to behind what has come; `None` if there is nothing now.
    fn fetch(&mut self, most: usize) -> io::Result<Option<usize>> {
        let had = self.records.incoming.len();
        if had > INCOMING_MAX {
            return Err(self.breaks("a record or handshake message is too long"));
        }
        self.records.incoming.resize(had + most, 0);
        let read = loop {
            match self.carrier.read(&mut self.records.incoming[had..]) {
                Err(e) if e.kind() == ErrorKind::Interrupted => continue,
                result => break result,
            }
        };
        self.records.incoming.truncate(had + *read.as_ref().unwrap_or(&0));
        match read {
            Ok(n) => {
                self.dry = n < most && n > 0 && self.carrier.short_read_empties();
                Ok(Some(n))
            }
            Err(e) if e.kind() == ErrorKind::WouldBlock => {
                self.dry = true;
                Ok(None)
            }
            Err(e) => Err(e),
        }
    }

    /// Reads from the carrier and drops the input. Returns 0 at the end.
    fn forget(&mut self, most: usize) -> io::Result<usize> {
        let fetched = self.fetch(most)?;
        self.records.incoming = Vec::new();
        match fetched {
            Some(0) => Ok(0),
            fetched => Err(self.awaits_more(fetched)),
        }
    }

    /// `WouldBlock` after a read that gave nothing for the service. Behind that may be the end, which is
    /// reported only once: the carrier is to be read again.
    fn awaits_more(&mut self, fetched: Option<usize>) -> io::Error {
        self.dry = fetched.is_none();
        ErrorKind::WouldBlock.into()
    }

    /// Decrypts every whole record that has come, to `to` as far as that has room. Returns how much
    /// was put there.
    fn decrypt(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let decrypted = match &mut self.session {
            TlsSession::Server(server) => self.records.decrypt(server, to),
            TlsSession::Client(client) => self.records.decrypt(&mut **client, to),
        };
        decrypted.map_err(|e| self.fails(e))
    }

    /// Encrypts `text`, or close_notify in its place.
    fn encrypt(&mut self, text: Option<&[u8]>) -> io::Result<()> {
        let encrypted = match &mut self.session {
            TlsSession::Server(server) => self.records.encrypt(server, text),
            TlsSession::Client(client) => self.records.encrypt(&mut **client, text),
        };
        encrypted.map_err(|e| self.fails(e))
    }

    /// Tells the far end by an alert what was wrong with its records.
    fn fails(&mut self, why: RecordError) -> io::Error {
        let why = match why {
            RecordError::Ours(e) => return e,
            RecordError::Tls(e) => e.to_string(),
        };
        match &mut self.session {
            TlsSession::Server(server) => self.records.alert(server),
            TlsSession::Client(client) => self.records.alert(&mut **client),
        }
        let _ = self.send();
        self.breaks(&why)
    }

    fn breaks(&mut self, why: &str) -> io::Error {
        self.records.phase = Phase::Broken;
        (self.records.incoming, self.records.unread) = (Vec::new(), Vec::new());
        failed(why)
    }

    /// Writes encrypted output to the carrier. The part it doesn't take stays.
    fn send(&mut self) -> io::Result<()> {
        let mut sent = 0;
        let result = loop {
            if sent == self.records.outgoing.len() {
                break Ok(());
            }
            match self.carrier.write(&self.records.outgoing[sent..]) {
                Ok(0) => break Err(ErrorKind::WriteZero.into()),
                Ok(n) => sent += n,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) if e.kind() == ErrorKind::WouldBlock => break Ok(()),
                Err(e) => break Err(e),
            }
        };
        if sent == self.records.outgoing.len() {
            self.records.outgoing = Vec::new();
        } else {
            self.records.outgoing.drain(..sent);
        }
        result
    }

    fn must_be_sent(&mut self) -> io::Result<()> {
        self.send()?;
        if self.records.outgoing.is_empty() { Ok(()) } else { Err(ErrorKind::WouldBlock.into()) }
    }
}

/// However the handshake with a server has failed, it has failed for want of TLS and not of a
/// connection.
fn of_a_server(e: io::Error) -> io::Error {
    match e.kind() {
        ErrorKind::InvalidData => e,
        ErrorKind::UnexpectedEof => failed("the server ended the connection in the handshake"),
        _ => failed(&e.to_string()),
    }
}

fn failed(why: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, format!("TLS: {why}"))
}

impl<S: Stream> Stream for TlsStream<S> {
    fn finish(&mut self) -> io::Result<()> {
        if self.records.phase == Phase::Open || self.records.phase == Phase::PeerClosed {
            // Twice is once: the session says it at the first call alone.
            self.encrypt(None)?;
            if self.records.phase == Phase::Open {
                (self.records.phase, self.records.incoming) = (Phase::Finished, Vec::new());
            }
        }
        if self.records.phase != Phase::Plain {
            self.must_be_sent()?;
        }
        self.carrier.finish()
    }

    /// A client that has not had our flight yet understands an alert alone, and nothing after it.
    fn write_last(&mut self, said: &[u8]) -> io::Result<usize> {
        if self.records.phase == Phase::Handshake && self.has_heard_nothing() {
            self.records.phase = Phase::Plain; // what has come is read by whoever drops it
            return self.carrier.write_last(&ACCESS_DENIED).map(|_| 0);
        }
        let n = self.write(said)?;
        self.finish().and(Ok(n))
    }

    fn is_established(&self) -> bool {
        matches!(self.records.phase, Phase::Open | Phase::PeerClosed | Phase::Finished)
    }

    fn awaits_header(&self) -> bool {
        self.records.phase == Phase::Carrying && self.carrier.awaits_header()
    }

    fn handshake(&mut self, effort: &mut Effort) -> io::Result<Progress> {
        if self.records.phase != Phase::Carrying {
            let progress = self.tls_handshake(effort);
            return match &self.session {
                TlsSession::Server(_) => progress,
                TlsSession::Client(_) => progress.map_err(of_a_server),
            };
        }
        let progress = self.carrier.handshake(effort)?;
        if progress != Progress::Established {
            return Ok(progress);
        }
        self.records.phase = Phase::Handshake;
        Ok(Progress::More)
    }

    fn secure(&self) -> Option<Secure> {
        let version = match self.session.common().protocol_version()? {
            ProtocolVersion::TLSv1_3 => TlsVersion::Tls13,
            _ => TlsVersion::Tls12,
        };
        let cipher = self.session.common().negotiated_cipher_suite()?.suite().as_str()?;
        let shown = self.session.common().peer_certificates().and_then(<[_]>::first);
        let fingerprint = shown.map(|shown| Sha256::digest(shown).into());
        Some(Secure { version, cipher, fingerprint })
    }

    fn short_read_empties(&self) -> bool {
        !self.holds_more()
    }

    fn holds_more(&self) -> bool {
        !self.records.unread.is_empty() || !self.dry || self.records.phase == Phase::PeerClosed
    }
}

impl<S: Stream> Read for TlsStream<S> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if !self.records.unread.is_empty() {
            let n = self.records.unread.len().min(buf.len());
            buf[..n].copy_from_slice(&self.records.unread[..n]);
            self.records.unread.drain(..n);
            if self.records.unread.is_empty() {
                self.records.unread = Vec::new();
            }
            // More may have come since the carrier was read, and nothing would tell of it again.
            self.dry = false;
            return Ok(n);
        }
        match self.records.phase {
            Phase::Open => {}
            Phase::PeerClosed => return Ok(0),
            Phase::Finished => return self.forget(buf.len()),
            Phase::Plain => return self.carrier.read(buf),
            Phase::Carrying | Phase::Handshake | Phase::Broken => {
                return Err(ErrorKind::NotConnected.into());
            }
        }
        let fetched = self.fetch(buf.len())?;
        let put = self.decrypt(buf)?;
        match fetched {
            _ if put > 0 => Ok(put),
            // An end without close_notify is an end like any other: a line that was cut short has
            // no ending, and no command of ours goes without.
            Some(0) => Ok(0),
            _ if self.records.phase == Phase::PeerClosed => Ok(0),
            fetched => Err(self.awaits_more(fetched)),
        }
    }
}

impl<S: Stream> Write for TlsStream<S> {
    /// Takes what fits in one record, and all of that: what the carrier doesn't take is kept.
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        match self.records.phase {
            Phase::Open | Phase::PeerClosed => {}
            Phase::Plain => return self.carrier.write(buf),
            Phase::Carrying | Phase::Handshake | Phase::Finished | Phase::Broken => {
                return Err(ErrorKind::NotConnected.into());
            }
        }
        self.must_be_sent()?;
        let said = &buf[..buf.len().min(RECORD_MAX)];
        self.encrypt(Some(said))?;
        self.send()?;
        Ok(said.len())
    }

    /// `WouldBlock` while something encrypted is unsent.
    fn flush(&mut self) -> io::Result<()> {
        self.must_be_sent()
    }
}
