//! Why a connection ended, or never began: the one list, with what the peer and the operator hear.

use super::{ConnId, EndpointId};
use std::io::{self, ErrorKind};

/// Why a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// The peer ended its half, was answered, and the rest followed.
    Hangup,
    /// The service had nothing more to say to it, and all was written.
    Done,
    /// The peer or the network cut the connection.
    Reset,
    /// The network gave up on a peer that no longer answered.
    TimedOut,
    /// The stream failed in another way, as TLS does over a bad record.
    Failed,
    /// It fell more than `Limits::sendq_max` behind in reading what we sent.
    SendqExceeded,
    /// It sent more than `Limits::recvq_max` without completing a unit.
    RecvqExceeded,
    /// All queues together passed `Limits::memory_max`, and its was the longest.
    MemoryExceeded,
    /// It was being closed, and did not read its last word within `Limits::drain_timeout`.
    DrainTimeout,
    /// Its real address, learned after it was opened, may not connect.
    Refused,
    /// The program ends.
    Shutdown,
}

/// Why a connection was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// `Limits::connections`, or the system's own limit of descriptors, is reached.
    ServerFull,
    /// `Limits::connections_per_ip` is reached.
    TooManyFromAddress,
    /// `Limits::connects_per_ip_per_minute` is reached.
    TooFastFromAddress,
    /// `Limits::connections_per_network` is reached.
    TooManyFromNetwork,
    /// `Limits::connects_per_network_per_minute` is reached.
    TooFastFromNetwork,
    /// Its address is in [`super::Denied`], which says why.
    Banned,
    /// Its endpoint is for proxies, and it comes from where none is believed.
    NotProxy,
    /// What was to be a PROXY header is none.
    BadHeader,
    /// Its first bytes were no TLS, at an endpoint that speaks nothing else.
    NotTls,
    /// Its handshake was wrong, or was cut off.
    HandshakeFailed,
    /// Its handshake took longer than `Limits::handshake_timeout`.
    HandshakeTimeout,
    /// `Limits::handshakes_max` is reached, and it kept us waiting longest.
    TooManyHandshakes,
}

/// A connection that the loop refuses or closes, for [`super::Service::farewell`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastWord<'a> {
    /// Where it connected.
    pub endpoint: EndpointId,
    /// `None` if its service has not been told of it with `opened`.
    pub conn: Option<ConnId>,
    /// The reason.
    pub why: Parting,
    /// The reason in words: that of `why`, or more precisely what a ban says.
    pub text: &'a str,
}

/// Why the loop ends a connection that its service has not closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parting {
    /// It may not connect.
    Refused(Refusal),
    /// It was open.
    Closed(CloseReason),
}

impl CloseReason {
    /// Each once, in the order of the counters.
    pub const ALL: [CloseReason; 11] = [
        CloseReason::Hangup,
        CloseReason::Done,
        CloseReason::Reset,
        CloseReason::TimedOut,
        CloseReason::Failed,
        CloseReason::SendqExceeded,
        CloseReason::RecvqExceeded,
        CloseReason::MemoryExceeded,
        CloseReason::DrainTimeout,
        CloseReason::Refused,
        CloseReason::Shutdown,
    ];

    /// The text for people, among them the peer where it can still be told.
    pub fn text(self) -> &'static str {
        match self {
            CloseReason::Hangup => "hangup",
            CloseReason::Done => "done",
            CloseReason::Reset => "reset",
            CloseReason::TimedOut => "timed out",
            CloseReason::Failed => "failed",
            CloseReason::SendqExceeded => "SendQ exceeded",
            CloseReason::RecvqExceeded => "RecvQ exceeded",
            CloseReason::MemoryExceeded => "memory exceeded",
            CloseReason::DrainTimeout => "drain timeout",
            CloseReason::Refused => "refused",
            CloseReason::Shutdown => "server shutting down",
        }
    }

    /// As it stands in the metrics.
    pub fn label(self) -> &'static str {
        match self {
            CloseReason::Hangup => "hangup",
            CloseReason::Done => "done",
            CloseReason::Reset => "reset",
            CloseReason::TimedOut => "timed_out",
            CloseReason::Failed => "failed",
            CloseReason::SendqExceeded => "sendq_exceeded",
            CloseReason::RecvqExceeded => "recvq_exceeded",
            CloseReason::MemoryExceeded => "memory_exceeded",
            CloseReason::DrainTimeout => "drain_timeout",
            CloseReason::Refused => "refused",
            CloseReason::Shutdown => "shutdown",
        }
    }

    pub(super) fn of(error: &io::Error) -> CloseReason {
        match error.kind() {
            ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::NotConnected
            | ErrorKind::BrokenPipe
            | ErrorKind::UnexpectedEof => CloseReason::Reset,
            ErrorKind::TimedOut | ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => {
                CloseReason::TimedOut
            }
            _ => CloseReason::Failed,
        }
    }
}

impl Refusal {
    /// Each once, in the order of the counters.
    pub const ALL: [Refusal; 12] = [
        Refusal::ServerFull,
        Refusal::TooManyFromAddress,
        Refusal::TooFastFromAddress,
        Refusal::TooManyFromNetwork,
        Refusal::TooFastFromNetwork,
        Refusal::Banned,
        Refusal::NotProxy,
        Refusal::BadHeader,
        Refusal::NotTls,
        Refusal::HandshakeFailed,
        Refusal::HandshakeTimeout,
        Refusal::TooManyHandshakes,
    ];

    /// The text for the refused client.
    pub fn text(self) -> &'static str {
        match self {
            Refusal::ServerFull => "server full",
            Refusal::TooManyFromAddress => "too many connections from your address",
            Refusal::TooFastFromAddress => "too many connects from your address, wait a minute",
            Refusal::TooManyFromNetwork => "too many connections from your network",
            Refusal::TooFastFromNetwork => "too many connects from your network, wait a minute",
            Refusal::Banned => "you are banned",
            Refusal::NotProxy => "this port is for proxies, and yours is not known",
            Refusal::BadHeader => "bad PROXY header",
            Refusal::NotTls => "This port speaks TLS; connect with it, or use a plain port",
            Refusal::HandshakeFailed => "handshake failed",
            Refusal::HandshakeTimeout => "handshake timed out",
            Refusal::TooManyHandshakes => "too many handshakes at once, try again",
        }
    }

    /// As it stands in the metrics.
    pub fn label(self) -> &'static str {
        match self {
            Refusal::ServerFull => "server_full",
            Refusal::TooManyFromAddress => "connections_per_ip",
            Refusal::TooFastFromAddress => "connects_per_ip_per_minute",
            Refusal::TooManyFromNetwork => "connections_per_network",
            Refusal::TooFastFromNetwork => "connects_per_network_per_minute",
            Refusal::Banned => "banned",
            Refusal::NotProxy => "not_proxy",
            Refusal::BadHeader => "bad_proxy_header",
            Refusal::NotTls => "not_tls",
            Refusal::HandshakeFailed => "handshake_failed",
            Refusal::HandshakeTimeout => "handshake_timeout",
            Refusal::TooManyHandshakes => "too_many_handshakes",
        }
    }
}
