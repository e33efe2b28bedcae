//! The far end of the store, in a test's hands: a database in memory that may stall or fail.

use stonechat::store::sqlite::Database;
use stonechat::store::{Far, Reply, Store, Trouble};

/// Serves a store when it is told to.
pub struct Disk {
    far: Far,
    database: Database,
    pub state: State,
}

/// How it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Well,
    /// Nothing can be written.
    Full,
    /// Nothing is answered.
    Stalls,
}

/// Requests that may be open.
pub const CAPACITY: usize = 64;

impl Disk {
    /// An empty one, and the store that it serves.
    pub fn new() -> (Store, Disk) {
        let (store, far) = Store::new(CAPACITY);
        let database = Database::in_memory().expect("a database in memory");
        (store, Disk { far, database, state: State::Well })
    }

    /// The same data for another process: what it was asked and has not done is lost.
    pub fn restart(&mut self) -> Store {
        let (store, far) = Store::new(CAPACITY);
        self.far = far;
        store
    }

    /// Does what was asked, in one group. Returns whether that was anything.
    pub fn serve(&mut self) -> bool {
        if self.state == State::Stalls {
            return false;
        }
        let mut group = Vec::new();
        while let Some(asked) = self.far.take() {
            group.push(asked);
        }
        for (token, request) in &group {
            let reply = match self.state {
                State::Full if request.writes() => Reply::Failed(Trouble::Full),
                _ => self.database.serve([request].into_iter()).pop().expect("a reply to each"),
            };
            self.far.answer(*token, reply);
        }
        !group.is_empty()
    }
}
