//! Outgoing connections as services ask for them, and why they may fail.

use super::EndpointId;
use super::tls::Connector;
use std::collections::VecDeque;
use std::fmt;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// An outgoing connection that a service asks for with [`super::Outbox::dial`].
#[derive(Clone, Debug, PartialEq)]
pub struct Dial {
    /// The service's own number for it: it comes back in [`super::Peer::dialled`].
    pub token: u64,
    /// The endpoint it belongs to and is counted at.
    pub endpoint: EndpointId,
    /// The far end.
    pub to: Remote,
    /// How long to wait before it begins.
    pub after: Duration,
}

/// Where to connect to.
#[derive(Clone, Debug, PartialEq)]
pub struct Remote {
    /// A name or an address.
    pub host: Host,
    /// Its port.
    pub port: u16,
    /// `None` to talk in plain.
    pub tls: Option<Connector>,
}

/// A host as it is written in a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    /// Looked up each time it is dialled. All its addresses are tried, in the order found.
    Name(String),
    /// Not looked up.
    Address(IpAddr),
}

/// Why a dial failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DialError {
    /// The name has no address, or could not be looked up.
    LookUp(String),
    /// None of its addresses answers; this of the last one.
    Connect(ErrorKind),
    /// One answered, and the handshake failed: it speaks no TLS, or refused us, or is not trusted.
    Tls(String),
}

/// The next thing for the reactor to do for a dial.
#[derive(Debug, PartialEq)]
pub enum Step {
    /// Look up its host, and call [`super::EventLoop::found`].
    LookUp(Dial),
    /// Connect, and call [`super::EventLoop::connect`] or [`super::EventLoop::not_connected`].
    Connect(Attempt),
}

/// A dial whose addresses are known, and one of which is being connected to.
#[derive(Clone, Debug, PartialEq)]
pub struct Attempt {
    /// The dial it is an attempt of.
    pub dial: Dial,
    /// The address to connect to.
    pub address: SocketAddr,
    /// To be tried after it.
    rest: VecDeque<SocketAddr>,
}

impl From<&str> for Host {
    fn from(text: &str) -> Host {
        text.parse().map_or_else(|_| Host::Name(text.to_owned()), Host::Address)
    }
}

impl Attempt {
    /// Begins with the first of `addresses`; `None` if there are none.
    pub(super) fn first(dial: Dial, mut addresses: VecDeque<SocketAddr>) -> Option<Attempt> {
        let address = addresses.pop_front()?;
        Some(Attempt { dial, address, rest: addresses })
    }

    /// Goes on with the next address; fails with the dial if there is none.
    pub(super) fn next(self) -> Result<Attempt, Dial> {
        let Attempt { dial, mut rest, .. } = self;
        match rest.pop_front() {
            Some(address) => Ok(Attempt { dial, address, rest }),
            None => Err(dial),
        }
    }
}

impl DialError {
    /// Sockets fail with any kind but `InvalidData`, and TLS with that alone.
    pub(super) fn of(e: &io::Error) -> DialError {
        match e.kind() {
            ErrorKind::InvalidData => DialError::Tls(e.to_string()),
            kind => DialError::Connect(kind),
        }
    }
}

impl fmt::Display for DialError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DialError::LookUp(why) | DialError::Tls(why) => f.write_str(why),
            DialError::Connect(kind) => kind.fmt(f),
        }
    }
}
