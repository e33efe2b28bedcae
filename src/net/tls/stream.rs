//! One TLS connection, either side of it, as a [`Stream`].
//!
//! Records are decrypted as they come and encrypted as they go: one for the output of a turn. Its
//! buffers are allocated only while something is in them.

use crate::net::{Effort, Progress, Refusal, Secure, Stream, TlsVersion};
use rustls::client::{ClientConnectionData, UnbufferedClientConnection};
use rustls::server::{ServerConnectionData, UnbufferedServerConnection};
use rustls::unbuffered::{
    ConnectionState, EncodeError, EncodeTlsData, EncryptError, UnbufferedStatus, WriteTraffic,
};
use rustls::{CommonState, ProtocolVersion};
use sha2::{Digest, Sha256};
use std::io::{self, ErrorKind, Read, Write};

/// TLS over `S`.
pub struct TlsStream<S> {
    carrier: S,
    session: Session,
    records: Records,
    /// The carrier had nothing more when it was last read.
    dry: bool,
}

/// The side that we are.
#[allow(clippy::large_enum_variant)] // nearly all are servers
pub(super) enum Session {
    Server(UnbufferedServerConnection),
    /// In a box, as few connections are outgoing and an accepted one should not pay for their size.
    Client(Box<UnbufferedClientConnection>),
}

/// The records of a connection, and how far it has come.
struct Records {
    phase: Phase,
    /// Received and not decrypted: a partial record, or records of a partial handshake message.
    incoming: Vec<u8>,
    /// Decrypted, and more than the last reader had room for.
    unread: Vec<u8>,
    /// Encrypted, and more than the carrier has taken: at most one write and a handshake's flight.
    outgoing: Vec<u8>,
}

/// Both kinds of session, which share no trait of rustls.
trait Side {
    type Data;

    fn wants_write(&self) -> bool;

    fn process<'c, 'i>(
        &'c mut self,
        incoming: &'i mut [u8],
    ) -> UnbufferedStatus<'c, 'i, Self::Data>;
}

impl Side for UnbufferedServerConnection {
    type Data = ServerConnectionData;

    fn wants_write(&self) -> bool {
        CommonState::wants_write(self)
    }

    fn process<'c, 'i>(
        &'c mut self,
        incoming: &'i mut [u8],
    ) -> UnbufferedStatus<'c, 'i, Self::Data> {
        self.process_tls_records(incoming)
    }
}

impl Side for UnbufferedClientConnection {
    type Data = ClientConnectionData;

    fn wants_write(&self) -> bool {
        CommonState::wants_write(self)
    }

    fn process<'c, 'i>(
        &'c mut self,
        incoming: &'i mut [u8],
    ) -> UnbufferedStatus<'c, 'i, Self::Data> {
        self.process_tls_records(incoming)
    }
}

impl Session {
    fn common(&self) -> &CommonState {
        match self {
            Session::Server(server) => server,
            Session::Client(client) => client,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The carrier itself must be established.
    Carrying,
    /// Shaking hands.
    Handshake,
    /// The first bytes were no TLS: output goes to the client in plain.
    Plain,
    /// Both halves are open.
    Open,
    /// The far end has sent close_notify; it may still read.
    PeerClosed,
    /// We have sent close_notify. Input is read and not decrypted: were it bad, rustls would have an
    /// alert to send, and nothing may follow our close_notify (rustls#959).
    Finished,
    /// Broken, or cut in the handshake: nothing is carried any more.
    Broken,
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

/// Bytes that encryption adds to a record: its header, and with TLS 1.2 the nonce, and the tag.
const RECORD_OVERHEAD: usize = 64;

impl<S: Stream> TlsStream<S> {
    pub(super) fn new(carrier: S, session: Session) -> TlsStream<S> {
        let phase = match session {
            Session::Server(_) if carrier.is_established() => Phase::Handshake,
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
        let is_server = matches!(self.session, Session::Server(_));
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
            Session::Server(server) => self.records.decrypt(server, to),
            Session::Client(client) => self.records.decrypt(&mut **client, to),
        };
        decrypted.map_err(|e| self.fails(e))
    }

    /// Encrypts `text`, or close_notify in its place.
    fn encrypt(&mut self, text: Option<&[u8]>) -> io::Result<()> {
        let encrypted = match &mut self.session {
            Session::Server(server) => self.records.encrypt(server, text),
            Session::Client(client) => self.records.encrypt(&mut **client, text),
        };
        encrypted.map_err(|e| self.fails(e))
    }

    /// Tells the far end by an alert what was wrong with its records.
    fn fails(&mut self, why: Failure) -> io::Error {
        let why = match why {
            Failure::Ours(e) => return e,
            Failure::Tls(e) => e.to_string(),
        };
        match &mut self.session {
            Session::Server(server) => self.records.alert(server),
            Session::Client(client) => self.records.alert(&mut **client),
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

/// Why records could not be processed.
enum Failure {
    /// The far end has sent something bad, or an alert.
    Tls(rustls::Error),
    /// We cannot go on.
    Ours(io::Error),
}

impl From<io::Error> for Failure {
    fn from(e: io::Error) -> Failure {
        Failure::Ours(e)
    }
}

impl Records {
    fn decrypt<C: Side>(&mut self, session: &mut C, to: &mut [u8]) -> Result<usize, Failure> {
        let (mut put, mut used) = (0, 0);
        let result = loop {
            let status = session.process(&mut self.incoming[used..]);
            used += status.discard;
            match status.state {
                Ok(ConnectionState::ReadTraffic(_)) if self.phase == Phase::Handshake => {
                    break Ok(put); // it stays there until the service can hear it
                }
                Ok(ConnectionState::ReadTraffic(mut traffic)) => {
                    while let Some(Ok(record)) = traffic.next_record() {
                        used += record.discard;
                        let fits = record.payload.len().min(to.len() - put);
                        let (first, rest) = record.payload.split_at(fits);
                        to[put..put + fits].copy_from_slice(first);
                        put += fits;
                        self.unread.extend_from_slice(rest);
                    }
                }
                Ok(ConnectionState::EncodeTlsData(flight)) => {
                    encode(flight, &mut self.outgoing)?;
                }
                Ok(ConnectionState::TransmitTlsData(flight)) => flight.done(),
                Ok(ConnectionState::PeerClosed | ConnectionState::Closed) => {
                    self.phase = Phase::PeerClosed;
                    break Ok(put);
                }
                Ok(_) => break Ok(put),
                Err(e) => break Err(Failure::Tls(e)),
            }
        };
        self.incoming.drain(..used);
        if self.incoming.is_empty() || self.phase == Phase::PeerClosed {
            self.incoming = Vec::new();
        }
        self.incoming.shrink_to_fit();
        result
    }

    fn encrypt<C: Side>(&mut self, session: &mut C, text: Option<&[u8]>) -> Result<(), Failure> {
        loop {
            // Input that is not decrypted stays where the session knows it to be.
            let status = session.process(&mut self.incoming);
            let mut used = status.discard;
            let done = match status.state {
                Ok(ConnectionState::WriteTraffic(traffic)) => {
                    Some(write(traffic, text, &mut self.outgoing))
                }
                // The first words, which came with the end of the handshake.
                Ok(ConnectionState::ReadTraffic(mut traffic)) => {
                    while let Some(Ok(record)) = traffic.next_record() {
                        used += record.discard;
                        self.unread.extend_from_slice(record.payload);
                    }
                    None
                }
                Ok(ConnectionState::EncodeTlsData(flight)) => {
                    encode(flight, &mut self.outgoing)?;
                    None
                }
                Ok(ConnectionState::TransmitTlsData(flight)) => {
                    flight.done();
                    None
                }
                Ok(ConnectionState::PeerClosed) => {
                    self.phase = Phase::PeerClosed;
                    None
                }
                // We have sent close_notify.
                Ok(_) if text.is_none() => Some(Ok(())),
                Ok(_) => Some(Err(ErrorKind::NotConnected.into())),
                Err(e) => return Err(Failure::Tls(e)),
            };
            self.incoming.drain(..used);
            if let Some(result) = done {
                return Ok(result?);
            }
        }
    }

    /// Encodes the alert that is due, and nothing after it: the session would look at the bad record
    /// again.
    fn alert<C: Side>(&mut self, session: &mut C) {
        while session.wants_write() {
            let state = session.process(&mut self.incoming).state;
            let Ok(ConnectionState::EncodeTlsData(alert)) = state else { break };
            if encode(alert, &mut self.outgoing).is_err() {
                break;
            }
        }
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

fn encode<D>(mut flight: EncodeTlsData<'_, D>, outgoing: &mut Vec<u8>) -> io::Result<()> {
    append(outgoing, 0, |room| {
        flight.encode(room).map_err(|e| match e {
            EncodeError::InsufficientSize(e) => Some(e.required_size),
            EncodeError::AlreadyEncoded => None,
        })
    })
}

fn write<D>(
    mut traffic: WriteTraffic<'_, D>,
    said: Option<&[u8]>,
    outgoing: &mut Vec<u8>,
) -> io::Result<()> {
    append(outgoing, said.map_or(0, <[u8]>::len) + RECORD_OVERHEAD, |room| {
        let encrypted = match said {
            Some(said) => traffic.encrypt(said, room),
            None => traffic.queue_close_notify(room),
        };
        encrypted.map_err(|e| match e {
            EncryptError::InsufficientSize(e) => Some(e.required_size),
            EncryptError::EncryptExhausted => None,
        })
    })
}

/// Has `write` append to `buffer`, for which `room` bytes may do; if not, it says how many it needs,
/// or that no room will do.
fn append(
    buffer: &mut Vec<u8>,
    room: usize,
    mut write: impl FnMut(&mut [u8]) -> Result<usize, Option<usize>>,
) -> io::Result<()> {
    let had = buffer.len();
    buffer.resize(had + room, 0);
    let written = match write(&mut buffer[had..]) {
        Err(Some(needed)) => {
            buffer.resize(had + needed, 0);
            write(&mut buffer[had..])
        }
        result => result,
    };
    buffer.truncate(had + *written.as_ref().unwrap_or(&0));
    written.map(drop).map_err(|_| io::Error::other("TLS: the keys are worn out"))
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
                Session::Server(_) => progress,
                Session::Client(_) => progress.map_err(of_a_server),
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
