//! The bounds of the loop, the config's `[limits]`. Each has one consequence, and a counter of how
//! often it was met.

use crate::setting::{Problems, seconds, settings};
use std::time::Duration;

settings! {
    /// What connections may use. Sizes in bytes.
    #[derive(Copy)]
    pub struct Limits {
        times {
            /// How long a full server lets nobody in before those who wait in the backlog are told
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
            /// Connections in all. Beyond it nobody is accepted until 95 % is reached.
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
            /// How long an outgoing connection may take to be made.
            #[serde(skip)]
            connect_timeout: Duration = seconds(10);
            /// How long a proxy may take to say for whom it stands.
            #[serde(skip)]
            header_timeout: Duration = seconds(3);
            /// How long an accepted one may take to be established, with TLS or behind a proxy.
            #[serde(skip)]
            arriving_timeout: Duration = seconds(10);
            /// So many may be on the way to that at once; beyond it the one that keeps us waiting
            /// longest gives way.
            #[serde(skip)]
            arriving_max: usize = 1_000;
        }
    }
}

impl Limits {
    /// So many connections that other bounds are met first: file descriptors, for one.
    pub const CONNECTIONS_MAX: usize = usize::MAX / 100;

    /// Says what is out of its range, or does not fit what it is beside.
    pub fn check(&self, section: &str, problems: &mut Problems) {
        self.check_ranges(section, problems);
        for (key, value, least, why) in [
            ("sendq_max", self.sendq_max, self.sendq_pause, "sendq_pause"),
            ("memory_max", self.memory_max, self.sendq_max, "sendq_max"),
        ] {
            if value < least {
                problems
                    .push(format!("{section}.{key} must be at least {least} ({why}), not {value}"));
            }
        }
    }
}
