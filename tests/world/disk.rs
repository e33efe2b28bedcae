//! The far ends of store and hasher, in a test's hands: a database in memory that may stall or fail.

use stonechat::app::App;
use stonechat::auth::worker::{self, Hasher};
use stonechat::net::Now;
use stonechat::store::sqlite::Database;
use stonechat::store::{Far, Reply, Request, Store, Trouble};

/// Serves a store when it is told to.
pub struct Disk {
    far: Far,
    hashing: worker::Far,
    database: Database,
    pub state: State,
}

/// How it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Well,
    /// Nothing can be written.
    Full,
    /// Nothing can be read either.
    Broken,
    /// Nothing is answered.
    Stalls,
}

/// Requests that may be open.
pub const CAPACITY: usize = 64;

impl Disk {
    /// An empty one. It serves nobody yet.
    pub fn new() -> Disk {
        let (far, hashing) = (Store::new(CAPACITY).1, Hasher::new(CAPACITY).1);
        let database = Database::in_memory().expect("a database in memory");
        Disk { far, hashing, database, state: State::Well }
    }

    /// Serves a program that begins: what was asked before and not done is lost.
    pub fn begin(&mut self, app: &mut App, now: Now) {
        let (store, far) = Store::new(CAPACITY);
        let (hasher, hashing) = Hasher::new(CAPACITY);
        (self.far, self.hashing) = (far, hashing);
        let replies = self.database.serve([Request::Channels, Request::Presences].iter());
        let Ok([Reply::Channels(channels), Reply::Presences(presences)]) =
            <[Reply; 2]>::try_from(replies)
        else {
            panic!("what was here is told");
        };
        app.restore(channels, presences, now);
        app.keep_in(store);
        app.hash_by(hasher, [7; 32]);
    }

    /// What another program that has the database does meanwhile.
    #[allow(dead_code)] // not in every test
    pub fn ask(&mut self, request: Request) -> Reply {
        self.database.serve([request].iter()).pop().expect("a reply")
    }

    /// Does what was asked, in one group. Returns whether that was anything.
    pub fn serve(&mut self) -> bool {
        let mut any = false;
        while let Some((token, job)) = self.hashing.take() {
            self.hashing.answer(token, job.run());
            any = true;
        }
        self.serve_store() | any
    }

    fn serve_store(&mut self) -> bool {
        if self.state == State::Stalls {
            return false;
        }
        let mut group = Vec::new();
        while let Some(asked) = self.far.take() {
            group.push(asked);
        }
        for (token, request) in &group {
            let reply = match self.state {
                State::Broken => Reply::Failed(Trouble::Corrupt("it is broken".to_owned())),
                State::Full if request.writes() => Reply::Failed(Trouble::Full),
                _ => self.database.serve([request].into_iter()).pop().expect("a reply to each"),
            };
            self.far.answer(*token, reply);
        }
        !group.is_empty()
    }
}
