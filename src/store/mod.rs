//! Persistent storage: requests and replies as plain values, in a queue that never blocks.
//!
//! The loop has a [`Store`], which sends requests; the [`Far`] side replies. That is the thread of
//! [`thread`], over the database of [`sqlite`]; in a test it may be the test.

mod backlog;
mod clock;
mod records;
mod reply;
mod request;
pub mod sqlite;
pub mod thread;
mod trouble;

use crate::far::{self, Asked, Asker, Bound, Busy, Unasked};
pub use records::*;
pub use reply::Reply;
pub use request::*;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicU64, AtomicUsize};
use std::time::Duration;
pub use trouble::Trouble;

/// The loop's side; it keeps a `T` with each request until the reply comes. Dropping it ends the
/// far side, after the requests already sent.
pub struct Store<T> {
    asker: Asker<Request, Reply, Open<T>>,
    health: Health,
    statistics: Arc<Statistics>,
    in_flight: Arc<InFlight>,
}

/// The bytes of replies that are not taken yet.
#[derive(Debug)]
struct InFlight {
    bytes: AtomicUsize,
    bytes_max: AtomicUsize,
}

struct Open<T> {
    writes: bool,
    then: T,
}

/// The side that replies to each request once. Writes, look-ups and reads of history are three
/// lanes; each keeps the request order.
pub struct Far {
    queue: far::Far<Request, Reply>,
    statistics: Arc<Statistics>,
    in_flight: Arc<InFlight>,
}

/// Whether writing works: the outcome of the last write whose reply was taken.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Health {
    /// No write has a reply yet.
    #[default]
    Untried,
    /// It was done, or refused because of its content.
    Well,
    /// Nothing was done.
    Ailing(Trouble),
}

/// Figures of the far side, for metrics. They count from its start, except those of what is stored
/// now.
#[derive(Debug, Default)]
pub struct Statistics {
    /// Messages and events stored now.
    pub messages: AtomicU64,
    /// Their bytes: see [`Policy::bytes`].
    pub message_bytes: AtomicU64,
    /// Messages that a search may not find yet.
    pub unindexed: AtomicU64,
    /// Groups of requests served, each in one transaction.
    pub groups: AtomicU64,
    /// The time they took, in microseconds.
    pub groups_us: AtomicU64,
    /// Requests that failed.
    pub failures: AtomicU64,
}

/// The most bytes of all requests, unless [`Store::with_bytes`] sets another bound.
const BYTES_MAX: usize = 32 << 20;

/// The most bytes of replies not taken yet, unless [`Store::set_reply_bytes_max`] sets another
/// bound.
pub const REPLY_BYTES_MAX: usize = 16 << 20;

impl<T> Store<T> {
    /// Both sides of a queue that holds at most `capacity` requests and replies together.
    pub fn new(capacity: usize) -> (Store<T>, Far) {
        Store::with_bytes(capacity, BYTES_MAX)
    }

    /// Both sides of a queue, as [`Store::new`] makes it; all requests take at most `bytes`.
    pub fn with_bytes(capacity: usize, bytes: usize) -> (Store<T>, Far) {
        let (asker, queue) = far::queue(Bound { questions: capacity, bytes });
        let statistics = Arc::<Statistics>::default();
        let bytes_max = AtomicUsize::new(REPLY_BYTES_MAX);
        let in_flight = Arc::new(InFlight { bytes: AtomicUsize::new(0), bytes_max });
        let far =
            Far { queue, statistics: Arc::clone(&statistics), in_flight: Arc::clone(&in_flight) };
        (Store { asker, health: Health::Untried, statistics, in_flight }, far)
    }

    /// Sets the most bytes of replies not taken yet. Above it reads of history wait. One reply may
    /// exceed it.
    pub fn set_reply_bytes_max(&mut self, bytes: usize) {
        self.in_flight.bytes_max.store(bytes, Relaxed);
    }

    /// Sends a request without waiting; `Busy` if the queue is full. `then` comes with the reply.
    #[expect(clippy::result_large_err, reason = "the request, which is given back, is as large")]
    pub fn ask(&mut self, request: Request, then: T) -> Result<(), Busy<Request, T>> {
        let open = Open { writes: request.writes(), then };
        self.asker.ask(request, open).map_err(|Busy(request, open)| Busy(request, open.then))
    }

    /// Takes the replies there are, without waiting, in the order of the [`Far`] side.
    pub fn replies(&mut self) -> impl Iterator<Item = (T, Reply)> + use<'_, T> {
        self.asker.answers().map(|(Open { writes, then }, reply)| {
            self.in_flight.bytes.fetch_sub(reply.bytes(), Relaxed);
            if writes {
                self.health = match &reply {
                    Reply::Failed(trouble) if *trouble != Trouble::Duplicate => {
                        Health::Ailing(trouble.clone())
                    }
                    _ => Health::Well,
                };
            }
            (then, reply)
        })
    }

    /// The bytes of replies not taken yet.
    pub fn reply_bytes(&self) -> usize {
        self.in_flight.bytes.load(Relaxed)
    }

    /// How many requests are open: sent, and their reply not taken yet.
    pub fn open(&self) -> usize {
        self.asker.open()
    }

    /// Whether at least half of its capacity is in use, in requests or in bytes.
    pub fn is_half_full(&self) -> bool {
        self.asker.is_half_full()
    }

    /// Whether writing works.
    pub fn health(&self) -> &Health {
        &self.health
    }

    /// Figures that the far side writes.
    pub fn statistics(&self) -> &Arc<Statistics> {
        &self.statistics
    }
}

impl Far {
    /// Waits for a request; `None` once the store is dropped and every request was taken.
    pub fn wait(&self) -> Option<Asked<Request>> {
        self.queue.wait()
    }

    /// Waits for a request, but no longer than `time`.
    pub fn wait_for(&self, time: Duration) -> Result<Asked<Request>, Unasked> {
        self.queue.wait_for(time)
    }

    /// The next request, if there is one.
    pub fn take(&self) -> Option<Asked<Request>> {
        self.queue.take()
    }

    /// Sends the reply. If the store was dropped, the work was still done.
    pub fn answer(&self, asked: Asked<Request>, reply: Reply) {
        self.in_flight.bytes.fetch_add(reply.bytes(), Relaxed);
        self.queue.answer(asked, reply);
    }

    /// How many bytes of replies there is room for.
    pub fn reply_room(&self) -> usize {
        let InFlight { bytes, bytes_max } = &*self.in_flight;
        bytes_max.load(Relaxed).saturating_sub(bytes.load(Relaxed))
    }

    /// Figures for the loop's side to read.
    pub fn statistics(&self) -> &Statistics {
        &self.statistics
    }
}
