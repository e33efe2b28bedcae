//! What outlives the process: requests and replies as plain values, in a queue that never blocks.
//!
//! The loop has a [`Store`], which asks; whoever has the [`Far`] side answers. That is the thread of
//! [`thread`], over the database of [`sqlite`]; in a test it may be the test.

mod backlog;
mod clock;
mod records;
mod reply;
mod request;
pub mod sqlite;
pub mod thread;

use crate::far::{self, Asked, Asker, Bound, Busy, Unasked};
pub use records::*;
pub use reply::Reply;
pub use request::*;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicU64, AtomicUsize};
use std::time::Duration;

/// The loop's side; with each request it keeps a `T` for when the reply comes. Dropping it ends
/// whoever serves the other side, once all that was asked is done.
pub struct Store<T> {
    asker: Asker<Request, Reply, Open<T>>,
    health: Health,
    statistics: Arc<Statistics>,
    in_flight: Arc<InFlight>,
}

/// Replies that are not taken yet, in bytes.
#[derive(Debug)]
struct InFlight {
    bytes: AtomicUsize,
    bytes_max: AtomicUsize,
}

struct Open<T> {
    writes: bool,
    then: T,
}

/// The side that answers: each request once. In the order asked are those that
/// write, those that look something up, and those that read history: each kind by itself.
pub struct Far {
    queue: far::Far<Request, Reply>,
    statistics: Arc<Statistics>,
    in_flight: Arc<InFlight>,
}

/// Whether what is to be kept is: how the last request that writes has ended, of those whose reply
/// was taken.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Health {
    /// None has been answered yet.
    #[default]
    Untried,
    /// It was done, or refused for what it asked.
    Well,
    /// Nothing was done.
    Ailing(Trouble),
}

/// Figures of the far side, for who tells them: counted from its start, but for what is kept now.
#[derive(Debug, Default)]
pub struct Statistics {
    /// Messages and events that are kept now.
    pub messages: AtomicU64,
    /// What they count, in bytes: see [`Policy::bytes`].
    pub message_bytes: AtomicU64,
    /// Messages that may not be found by their words yet.
    pub unindexed: AtomicU64,
    /// Groups of requests that were served, each in one transaction.
    pub groups: AtomicU64,
    /// The time they took, in microseconds.
    pub groups_us: AtomicU64,
    /// Requests that failed.
    pub failures: AtomicU64,
}

/// What requests may take together unless [`Store::with_bytes`] says so.
const BYTES_MAX: usize = 32 << 20;

/// What replies that are not taken yet may take together, unless [`Store::set_reply_bytes_max`] says
/// so.
pub const REPLY_BYTES_MAX: usize = 16 << 20;

impl<T> Store<T> {
    /// Both sides of a queue that holds at most `capacity` requests and replies together.
    pub fn new(capacity: usize) -> (Store<T>, Far) {
        Store::with_bytes(capacity, BYTES_MAX)
    }

    /// As [`Store::new`]; its requests together take at most `bytes`.
    pub fn with_bytes(capacity: usize, bytes: usize) -> (Store<T>, Far) {
        let (asker, queue) = far::queue(Bound { questions: capacity, bytes });
        let statistics = Arc::<Statistics>::default();
        let bytes_max = AtomicUsize::new(REPLY_BYTES_MAX);
        let in_flight = Arc::new(InFlight { bytes: AtomicUsize::new(0), bytes_max });
        let far =
            Far { queue, statistics: Arc::clone(&statistics), in_flight: Arc::clone(&in_flight) };
        (Store { asker, health: Health::Untried, statistics, in_flight }, far)
    }

    /// What replies that are not taken yet may take together from now on. Beyond it reads of history
    /// wait. It may be passed by one reply.
    pub fn set_reply_bytes_max(&mut self, bytes: usize) {
        self.in_flight.bytes_max.store(bytes, Relaxed);
    }

    /// Asks, without waiting. `then` comes with the reply.
    #[expect(clippy::result_large_err, reason = "the request, which is given back, is as large")]
    pub fn ask(&mut self, request: Request, then: T) -> Result<(), Busy<Request, T>> {
        let open = Open { writes: request.writes(), then };
        self.asker.ask(request, open).map_err(|Busy(request, open)| Busy(request, open.then))
    }

    /// What has been answered, without waiting, in the order the [`Far`] side gives it.
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

    /// What replies that are not taken yet take together.
    pub fn reply_bytes(&self) -> usize {
        self.in_flight.bytes.load(Relaxed)
    }

    /// How many requests are open: asked, and their reply not taken yet.
    pub fn open(&self) -> usize {
        self.asker.open()
    }

    /// Whether it takes only as many requests more as are open already, or as many bytes.
    pub fn is_half_full(&self) -> bool {
        self.asker.is_half_full()
    }

    /// Whether what is to be kept is.
    pub fn health(&self) -> &Health {
        &self.health
    }

    /// Figures that the far side writes.
    pub fn statistics(&self) -> &Arc<Statistics> {
        &self.statistics
    }
}

impl Far {
    /// Waits for a request; `None` once the store is dropped and everything asked was taken.
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

    /// Answers. If nobody is there to hear it, it was still done.
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
