//! The counters of the loop. Plain numbers: there is one thread, and adding is all it costs.

use super::{CloseReason, EndpointId, Refusal, TlsVersion};
use std::time::Duration;

/// Everything the loop has counted since the program started.
#[derive(Clone, Debug, Default)]
pub struct Counters {
    /// By [`EndpointId`].
    pub endpoints: Vec<EndpointCounters>,
    /// How long the turns took, sleep not included.
    pub turn_time: Histogram,
    /// How long handshakes of accepted streams took, by the clock of the turns.
    pub handshake_time: Histogram,
    /// Writes that found their socket full; the rest was queued.
    pub writes_blocked: u64,
    /// Errors from accept(2), want of descriptors among them.
    pub accept_errors: u64,
}

/// Connections, lines and bytes of one endpoint.
#[derive(Clone, Debug, Default)]
pub struct EndpointCounters {
    /// Connections that were opened, outgoing ones included.
    pub opened: u64,
    /// Connections that ended, by the index of [`CloseReason::ALL`].
    pub closed: [u64; CloseReason::ALL.len()],
    /// Connections refused, by the index of [`Refusal::ALL`].
    pub refused: [u64; Refusal::ALL.len()],
    /// Connections that were opened with TLS, by the index of [`TlsVersion::ALL`].
    pub secured: [u64; TlsVersion::ALL.len()],
    /// Bytes read.
    pub received_bytes: u64,
    /// Bytes written.
    pub sent_bytes: u64,
    /// Lines, or whatever units the service counts.
    pub received_lines: u64,
    /// Of these, those that were refused because of their length.
    pub too_long_lines: u64,
    /// Spans sent, each to one recipient.
    pub sent_lines: u64,
}

impl EndpointCounters {
    /// Connections that are open now.
    pub fn open(&self) -> u64 {
        self.opened - self.closed.iter().sum::<u64>()
    }
}

impl Counters {
    /// Counts from 0 again at an endpoint that has no connections and is given a new meaning.
    pub fn forget(&mut self, endpoint: EndpointId) {
        *self.at(endpoint) = EndpointCounters::default();
    }

    pub(super) fn at(&mut self, endpoint: EndpointId) -> &mut EndpointCounters {
        let index = usize::from(endpoint.0);
        if index >= self.endpoints.len() {
            self.endpoints.resize_with(index + 1, EndpointCounters::default);
        }
        &mut self.endpoints[index]
    }
}

/// Durations sorted into buckets.
#[derive(Clone, Debug, Default)]
pub struct Histogram {
    /// By the index of [`Histogram::BOUNDS`]; the last bucket holds what is longer than all.
    pub buckets: [u64; Histogram::BOUNDS.len() + 1],
    /// All durations together, in seconds.
    pub sum: Duration,
}

impl Histogram {
    /// The longest duration of each bucket but the last.
    pub const BOUNDS: [Duration; 11] = [
        Duration::from_micros(50),
        Duration::from_micros(100),
        Duration::from_micros(250),
        Duration::from_micros(500),
        Duration::from_millis(1),
        Duration::from_micros(2_500),
        Duration::from_millis(5),
        Duration::from_millis(10),
        Duration::from_millis(25),
        Duration::from_millis(100),
        Duration::from_millis(500),
    ];

    pub(super) fn add(&mut self, duration: Duration) {
        let bucket = Self::BOUNDS.iter().position(|bound| duration <= *bound);
        self.buckets[bucket.unwrap_or(Self::BOUNDS.len())] += 1;
        self.sum += duration;
    }
}
