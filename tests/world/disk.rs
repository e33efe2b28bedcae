//! The far ends of store and hasher, run by the test: a database in memory that may stall or fail.

use stonechat::app::App;
use stonechat::auth::worker;
use stonechat::net::Now;
use stonechat::store::sqlite::Database;
use stonechat::store::{Far, Reply, Request, Store, Trouble};

/// Serves a store when the test says so.
pub struct Disk {
    far: Far,
    hashing: worker::Far,
    database: Database,
    state: State,
    /// The state after a number of further requests.
    then: Option<(usize, State)>,
    /// The requests since recording began: their names, and hashed passwords.
    pub work: Option<Vec<String>>,
}

/// The state of the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Well,
    /// Writes fail.
    Full,
    /// Reads fail too.
    Broken,
    /// Requests are not answered.
    Stalls,
}

/// Requests that may be open.
pub const CAPACITY: usize = 64;

impl Disk {
    /// Makes an empty disk that serves no program yet.
    pub fn new() -> Disk {
        let (far, hashing) = (Store::<()>::new(CAPACITY).1, worker::queue::<()>(CAPACITY).1);
        let database = Database::in_memory().expect("a database in memory");
        Disk { far, hashing, database, state: State::Well, then: None, work: None }
    }

    /// Serves a new program: unfinished requests of the old one are lost.
    pub fn begin(&mut self, app: &mut App, now: Now) {
        let (store, far) = Store::new(CAPACITY);
        let (hasher, hashing) = worker::queue(CAPACITY);
        (self.far, self.hashing) = (far, hashing);
        let replies = self.database.serve([Request::Channels, Request::Presences].iter());
        let Ok([Reply::Channels(channels), Reply::Presences(presences)]) =
            <[Reply; 2]>::try_from(replies)
        else {
            panic!("what was here is told");
        };
        app.chat.hash_by(hasher, [7; 32]);
        app.chat.restore(channels, presences, now);
        if let Reply::Known(known) = self.ask(Request::Known { most: 1000 }) {
            app.chat.restore_known(known);
        }
        app.chat.keep_in(store);
    }

    /// Does a request of another program that uses the database.
    pub fn ask(&mut self, request: Request) -> Reply {
        self.database.serve([request].iter()).pop().expect("a reply")
    }

    /// Does the pending requests. Returns whether there were any.
    pub fn serve(&mut self) -> bool {
        let mut any = false;
        while let Some(asked) = self.hashing.take() {
            self.work.iter_mut().for_each(|work| work.push("a password".to_owned()));
            let done = asked.question.run();
            self.hashing.answer(asked, done);
            any = true;
        }
        self.serve_store() | any
    }

    /// Sets the state from now on, and that after a number of requests.
    pub fn set(&mut self, state: State, then: Option<(usize, State)>) {
        (self.state, self.then) = (state, then);
    }

    fn serve_store(&mut self) -> bool {
        let mut any = false;
        loop {
            if let Some((0, state)) = self.then {
                self.set(state, None);
            }
            if self.state == State::Stalls {
                return any;
            }
            let Some(asked) = self.far.take() else { return any };
            let request = &asked.question;
            if let Some(work) = &mut self.work {
                let name = format!("{request:?}");
                work.extend(name.split([' ', '(']).next().map(str::to_owned));
            }
            let reply = match self.state {
                State::Broken => Reply::Failed(Trouble::Corrupt("it is broken".to_owned())),
                State::Full if request.writes() => Reply::Failed(Trouble::Full),
                _ => self.database.serve([request].into_iter()).pop().expect("a reply to each"),
            };
            self.far.answer(asked, reply);
            self.then = self.then.map(|(count, state)| (count - 1, state));
            any = true;
        }
    }
}
