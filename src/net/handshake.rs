//! The handshake of a stream, before its service is told of it: connecting, a proxy's header, TLS.

use super::Refusal;
use std::net::SocketAddr;

/// How far a step has taken a handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It waits for its far end, until it can be read or written.
    Waits,
    /// There is more to do, in a turn to come.
    More,
    /// A proxy's header names the address of its client: limits apply to that. There is more to do.
    From(Option<SocketAddr>),
    /// A proxy speaks for itself or for an unknown client: limits apply to this address, and it may
    /// still be a health check. There is more to do.
    FromProxy(Option<SocketAddr>),
    /// It can be read and written from now on.
    Established,
    /// It fails, and the far end is told why.
    Refused(Refusal),
    /// A proxy's health check, and no client. Nothing is sent or counted.
    Nobody,
}

/// Costly steps that are left in this turn, each as costly as cryptography, so that open connections
/// are read in between, however many handshakes are under way.
#[derive(Clone, Copy, Debug)]
pub struct Effort(u32);

/// A handshake has two such steps, of some 0.1 ms each. With four in a turn the p99 of open connections
/// was twelve times that of a calm; and a turn more costs microseconds.
const EFFORTS_PER_TURN: u32 = 1;

impl Effort {
    pub(super) fn of_a_turn() -> Effort {
        Effort(EFFORTS_PER_TURN)
    }

    /// A step that costs was taken.
    pub fn spend(&mut self) {
        self.0 = self.0.saturating_sub(1);
    }

    /// Nothing more that may cost is to be begun.
    pub fn is_spent(self) -> bool {
        self.0 == 0
    }
}

/// The outcome of a TLS handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Secure {
    /// The version of the protocol.
    pub version: TlsVersion,
    /// The cipher suite, by its name in IANA's registry.
    pub cipher: &'static str,
    /// The SHA-256 of the certificate, in DER, that the far end has shown and holds the key of.
    pub fingerprint: Option<[u8; 32]>,
}

/// The versions of TLS that are spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsVersion {
    /// RFC 5246.
    Tls12,
    /// RFC 8446.
    Tls13,
}

impl TlsVersion {
    /// Each once, in the order of the counters.
    pub const ALL: [TlsVersion; 2] = [TlsVersion::Tls12, TlsVersion::Tls13];

    /// As people write it.
    pub fn text(self) -> &'static str {
        match self {
            TlsVersion::Tls12 => "TLSv1.2",
            TlsVersion::Tls13 => "TLSv1.3",
        }
    }
}
