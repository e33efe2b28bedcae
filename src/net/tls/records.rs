//! The records of one TLS connection: input is decrypted in place, output encrypted behind what is
//! still to be sent. They do not know the carrier.

use rustls::CommonState;
use rustls::client::{ClientConnectionData, UnbufferedClientConnection};
use rustls::server::{ServerConnectionData, UnbufferedServerConnection};
use rustls::unbuffered::{
    ConnectionState, EncodeError, EncodeTlsData, EncryptError, UnbufferedStatus, WriteTraffic,
};
use std::io::{self, ErrorKind};

/// The records of a connection, and how far it has come.
pub(super) struct Records {
    pub phase: Phase,
    /// Received and not decrypted: a partial record, or records of a partial handshake message.
    pub incoming: Vec<u8>,
    /// Decrypted, and more than the last reader had room for.
    pub unread: Vec<u8>,
    /// Encrypted, and more than the carrier has taken: at most one write and a handshake's flight.
    pub outgoing: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
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

/// Why records could not be processed.
pub(super) enum RecordError {
    /// The far end has sent something bad, or an alert.
    Tls(rustls::Error),
    /// We cannot go on.
    Ours(io::Error),
}

impl From<io::Error> for RecordError {
    fn from(e: io::Error) -> RecordError {
        RecordError::Ours(e)
    }
}

impl Records {
    pub fn decrypt<C: Side>(
        &mut self,
        session: &mut C,
        to: &mut [u8],
    ) -> Result<usize, RecordError> {
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
                Err(e) => break Err(RecordError::Tls(e)),
            }
        };
        self.incoming.drain(..used);
        if self.incoming.is_empty() || self.phase == Phase::PeerClosed {
            self.incoming = Vec::new();
        }
        self.incoming.shrink_to_fit();
        result
    }

    pub fn encrypt<C: Side>(
        &mut self,
        session: &mut C,
        text: Option<&[u8]>,
    ) -> Result<(), RecordError> {
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
                Err(e) => return Err(RecordError::Tls(e)),
            };
            self.incoming.drain(..used);
            if let Some(result) = done {
                return Ok(result?);
            }
        }
    }

    /// Encodes the alert that is due, and nothing after it: the session would look at the bad record
    /// again.
    pub fn alert<C: Side>(&mut self, session: &mut C) {
        while session.wants_write() {
            let state = session.process(&mut self.incoming).state;
            let Ok(ConnectionState::EncodeTlsData(alert)) = state else { break };
            if encode(alert, &mut self.outgoing).is_err() {
                break;
            }
        }
    }
}

/// Both kinds of session, which share no trait of rustls.
pub(super) trait Side {
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

/// Bytes that encryption adds to a record: its header, and with TLS 1.2 the nonce, and the tag.
const RECORD_OVERHEAD: usize = 64;

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
