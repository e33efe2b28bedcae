//! The bounds of the loop. Each has one consequence, and a counter of how often it was met.

use std::time::Duration;

/// What connections may use. Sizes in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections in all. Beyond it none is accepted until 95 % is reached.
    pub connections: usize,
    /// How long a full server accepts no connection before those in the backlog are told and closed.
    pub accept_wait: Duration,
    /// Connections from one IPv4 address or IPv6 /64. Here and below some networks are exempt: see
    /// [`super::EventLoop::set_exempt`].
    pub connections_per_ip: u32,
    /// New connections from one IPv4 address or IPv6 /64 within a minute.
    pub connects_per_ip_per_minute: u32,
    /// Connections from one IPv4 /24 or IPv6 /48.
    pub connections_per_network: u32,
    /// New connections from one IPv4 /24 or IPv6 /48 within a minute.
    pub connects_per_network_per_minute: u32,
    /// How long an outgoing connection may take to be made, for each address and with its handshake.
    pub connect_timeout: Duration,
    /// How long a proxy may take to send its header.
    pub header_timeout: Duration,
    /// How long the handshake of an accepted connection may take, with TLS or behind a proxy.
    pub handshake_timeout: Duration,
    /// Handshakes under way; above this the one that has waited longest for its peer is refused.
    pub handshakes_max: usize,
    /// Bytes a service may leave unused before the connection is ended.
    pub recvq_max: usize,
    /// Queued bytes above which we stop reading from a connection.
    pub sendq_pause: usize,
    /// Queued bytes above which we give a connection up.
    pub sendq_max: usize,
    /// Queued bytes of all connections together above which the longest queues are given up.
    pub memory_max: usize,
    /// How long a closing connection may take to be written out.
    pub drain_timeout: Duration,
    /// How long a closed connection is kept for its peer to read our last word and close too.
    pub linger_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            connections: 16_000,
            accept_wait: Duration::from_secs(5),
            connections_per_ip: 64,
            connects_per_ip_per_minute: 60,
            connections_per_network: 512,
            connects_per_network_per_minute: 600,
            connect_timeout: Duration::from_secs(10),
            header_timeout: Duration::from_secs(3),
            handshake_timeout: Duration::from_secs(10),
            handshakes_max: 1_000,
            recvq_max: 16 << 10,
            sendq_pause: 64 << 10,
            sendq_max: 1 << 20,
            memory_max: 256 << 20,
            drain_timeout: Duration::from_secs(10),
            linger_timeout: Duration::from_secs(2),
        }
    }
}
