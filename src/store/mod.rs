//! What outlives the process: requests and replies as plain values, in a queue that never blocks.
//!
//! The loop has a [`Store`], which asks; whoever has the [`Far`] side answers. That is the thread of
//! [`thread`], over the database of [`sqlite`]; in a test it may be the test.

mod backlog;
mod clock;
mod lanes;
mod records;
mod reply;
mod request;
pub mod sqlite;
pub mod thread;

pub use lanes::{InLanes, Lane};
pub use records::*;
pub use reply::Reply;
pub use request::*;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicU64, AtomicUsize};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, TryRecvError};
use std::time::Duration;

/// The loop's side. Dropping it ends whoever serves the other, once all that was asked is done.
pub struct Store {
    requests: Sender<(Token, Request)>,
    replies: Receiver<(Token, Reply)>,
    capacity: usize,
    bytes_max: usize,
    /// Asked and not yet taken from `replies`. It bounds both directions: at most `capacity`.
    open: InLanes<Open>,
    /// What the requests in `open` take together: at most `bytes_max`.
    bytes: usize,
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

/// What is remembered of a request until its reply is taken.
struct Open {
    bytes: usize,
    writes: bool,
}

/// The side that answers: each request once, and those of one [`Lane`] in the order asked.
pub struct Far {
    requests: Receiver<(Token, Request)>,
    replies: Sender<(Token, Reply)>,
    statistics: Arc<Statistics>,
    in_flight: Arc<InFlight>,
}

/// What a reply is known by; the asker's to choose, and of one open request alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Token(pub u64);

/// Nothing was asked: as many requests are open as may be, or nobody is there to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Busy;

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

/// Why waiting for a request has ended without one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unasked {
    /// The time is over.
    Yet,
    /// The store is dropped, and everything asked was taken.
    Forever,
}

impl Store {
    /// What requests may take together unless [`Store::with_bytes`] says so.
    pub const BYTES_MAX: usize = 32 << 20;

    /// What replies that are not taken yet may take together, unless [`Store::set_reply_bytes_max`]
    /// says so.
    pub const REPLY_BYTES_MAX: usize = 16 << 20;

    /// Both sides of a queue that holds at most `capacity` requests and replies together.
    pub fn new(capacity: usize) -> (Store, Far) {
        Store::with_bytes(capacity, Store::BYTES_MAX)
    }

    /// As [`Store::new`]; its requests together take at most `bytes_max`.
    pub fn with_bytes(capacity: usize, bytes_max: usize) -> (Store, Far) {
        let (requests, asked) = mpsc::channel();
        let (answers, replies) = mpsc::channel();
        let statistics = Arc::<Statistics>::default();
        let bytes_of_replies = AtomicUsize::new(Store::REPLY_BYTES_MAX);
        let in_flight =
            Arc::new(InFlight { bytes: AtomicUsize::new(0), bytes_max: bytes_of_replies });
        let far = Far {
            requests: asked,
            replies: answers,
            statistics: Arc::clone(&statistics),
            in_flight: Arc::clone(&in_flight),
        };
        let store = Store {
            requests,
            replies,
            capacity,
            bytes_max,
            open: InLanes::default(),
            bytes: 0,
            health: Health::Untried,
            statistics,
            in_flight,
        };
        (store, far)
    }

    /// What replies that are not taken yet may take together from now on. Beyond it reads of history
    /// wait. It may be passed by one reply.
    pub fn set_reply_bytes_max(&mut self, bytes: usize) {
        self.in_flight.bytes_max.store(bytes, Relaxed);
    }

    /// Asks, without waiting. The reply comes with the same token.
    pub fn ask(&mut self, token: Token, request: Request) -> Result<(), Busy> {
        let open = Open { bytes: request.bytes(), writes: request.writes() };
        let lane = request.lane();
        if self.open.len() >= self.capacity || self.bytes + open.bytes > self.bytes_max {
            return Err(Busy);
        }
        self.requests.send((token, request)).map_err(|_| Busy)?;
        self.bytes += open.bytes;
        self.open.push(lane, token, open);
        Ok(())
    }

    /// What has been answered, without waiting: of each [`Lane`] in the order asked.
    pub fn replies(&mut self) -> impl Iterator<Item = (Token, Reply)> + use<'_> {
        std::iter::from_fn(|| {
            let (token, reply) = self.replies.try_recv().ok()?;
            let open = self.open.take(token).expect("answered once, in the order of its lane");
            self.bytes -= open.bytes;
            self.in_flight.bytes.fetch_sub(reply.bytes(), Relaxed);
            if open.writes {
                self.health = match &reply {
                    Reply::Failed(trouble) if *trouble != Trouble::Duplicate => {
                        Health::Ailing(trouble.clone())
                    }
                    _ => Health::Well,
                };
            }
            Some((token, reply))
        })
    }

    /// What replies that are not taken yet take together.
    pub fn reply_bytes(&self) -> usize {
        self.in_flight.bytes.load(Relaxed)
    }

    /// How many requests are open: asked, and their reply not taken yet.
    pub fn open(&self) -> usize {
        self.open.len()
    }

    /// Whether it takes only as many requests more as are open already, or as many bytes.
    pub fn is_half_full(&self) -> bool {
        self.open.len() >= self.capacity.div_ceil(2) || self.bytes >= self.bytes_max / 2
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
    pub fn wait(&self) -> Option<(Token, Request)> {
        self.requests.recv().ok()
    }

    /// Waits for a request so long.
    pub fn wait_for(&self, time: Duration) -> Result<(Token, Request), Unasked> {
        self.requests.recv_timeout(time).map_err(|ended| match ended {
            RecvTimeoutError::Timeout => Unasked::Yet,
            RecvTimeoutError::Disconnected => Unasked::Forever,
        })
    }

    /// The next request, if there is one.
    pub fn take(&self) -> Option<(Token, Request)> {
        self.requests.try_recv().ok()
    }

    /// The next request, if there is one; or whether there may be one later.
    pub fn next(&self) -> Result<(Token, Request), Unasked> {
        self.requests.try_recv().map_err(|ended| match ended {
            TryRecvError::Empty => Unasked::Yet,
            TryRecvError::Disconnected => Unasked::Forever,
        })
    }

    /// Answers. If nobody is there to hear it, it was still done.
    pub fn answer(&self, token: Token, reply: Reply) {
        self.in_flight.bytes.fetch_add(reply.bytes(), Relaxed);
        let _ = self.replies.send((token, reply));
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
