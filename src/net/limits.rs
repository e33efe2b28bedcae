//! The bounds of the loop, the config's `[limits]`. Each has one consequence, and a counter of how
//! often it was met.

use crate::setting::{Problem, Problems, seconds, settings};
use std::time::Duration;

settings! {
    /// What connections may use. Sizes in bytes.
    #[derive(Copy)]
    pub struct Limits {
        times {
            /// How long a full server accepts no connection before those in the backlog are told
            /// and closed.
            accept_wait = seconds(5), ..;
            /// How long a closing connection may take to be written out.
            drain_timeout = seconds(10), ..;
            /// How long a closed connection is kept for its peer to read our last word and close
            /// too.
            linger_timeout = seconds(2), ..;
        }
        sizes {
            /// Bytes a service may leave unused before the connection is ended. The loop keeps one
            /// buffer of this size. Beyond 4 GiB the positions in a line would not fit.
            recvq_max = 16 << 10, 1..=1 << 30;
            /// Queued bytes above which we stop reading from a connection.
            sendq_pause = 64 << 10, ..;
            /// Queued bytes above which we give a connection up.
            sendq_max = 1 << 20, ..;
            /// Queued bytes of all connections together above which the longest queues are given up.
            memory_max = 256 << 20, ..;
        }
        values {
            /// Connections in all. Beyond it none is accepted until 95 % is reached.
            connections: usize = Limits::CONNECTIONS_MAX, 1..;
            /// Connections from one IPv4 address or IPv6 /64. Here and below some networks are
            /// exempt: see [`super::EventLoop::set_exempt`].
            connections_per_ip: u32 = 64, 1..;
            /// New connections from one IPv4 address or IPv6 /64 within a minute.
            connects_per_ip_per_minute: u32 = 60, 1..;
            /// Connections from one IPv4 /24 or IPv6 /48.
            connections_per_network: u32 = 512, 1..;
            /// New connections from one IPv4 /24 or IPv6 /48 within a minute.
            connects_per_network_per_minute: u32 = 600, 1..;
            /// How long an outgoing connection may take to be made, for each address and with its
            /// handshake.
            #[serde(skip)]
            connect_timeout: Duration = seconds(10);
            /// How long a proxy may take to send its header.
            #[serde(skip)]
            header_timeout: Duration = seconds(3);
            /// How long the handshake of an accepted connection may take, with TLS or behind a
            /// proxy.
            #[serde(skip)]
            handshake_timeout: Duration = seconds(10);
            /// Handshakes under way; above this the one that has waited longest for its peer is
            /// refused.
            #[serde(skip)]
            handshakes_max: usize = 1_000;
        }
    }
}

impl Limits {
    /// A number of connections at which other bounds are met first, such as file descriptors.
    pub const CONNECTIONS_MAX: usize = usize::MAX / 100;

    /// Reports values that are out of their range, or do not fit each other.
    pub fn check(&self, section: &str, problems: &mut Problems) {
        self.check_values(section, problems);
        for (key, value, least, why) in [
            ("sendq_max", self.sendq_max, self.sendq_pause, "sendq_pause"),
            ("memory_max", self.memory_max, self.sendq_max, "sendq_max"),
        ] {
            if value < least {
                let what = format!("must be at least {least} ({why}), not {value}");
                let problem = Problem::at(format!("{section}.{key}"), what);
                problems.push(problem.with([format!("{section}.{why}")]));
            }
        }
    }
}
