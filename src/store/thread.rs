//! The thread that serves the store's far side from a database, in groups: take what is there, one
//! transaction, reply, wake the loop.

use super::sqlite::Database;
use super::{Far, Reply, Request, Statistics, Token, Trouble, Unasked};
use std::io;
use std::sync::atomic::Ordering::Relaxed;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Requests in one transaction. Beyond some 256 a row gets hardly cheaper; a larger group makes the
/// first of it wait longer.
const GROUP_MAX: usize = 512;

/// When nothing is asked the database is tidied; when much is, a part of that after so many
/// requests, which keeps up with what they add.
const REQUESTS_BETWEEN_TIDYING: usize = 500;

/// How often it is looked through for what has become too old.
const SWEEP_EVERY: Duration = Duration::from_secs(60);

/// Tidying that failed is tried again after this.
const REST_AFTER_TROUBLE: Duration = Duration::from_secs(10);

/// Serves `far` until its store is dropped, and closes the database then. After each group of
/// replies `wake` is called, which must not block.
pub fn serve(
    far: Far,
    database: Database,
    wake: impl Fn() + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    thread::Builder::new().name("store".to_owned()).spawn(move || run(&far, database, wake))
}

fn run(far: &Far, mut database: Database, wake: impl Fn()) {
    let mut failing = false;
    let mut tidying = Tidying::new();
    loop {
        match far.wait_for(tidying.due()) {
            Ok(first) => {
                let group: Vec<(Token, Request)> =
                    [first].into_iter().chain((1..GROUP_MAX).map_while(|_| far.take())).collect();
                let begun = Instant::now();
                let replies = database.serve(group.iter().map(|(_, request)| request));
                count(far.statistics(), &database, begun.elapsed(), &replies);
                log_change(&mut failing, &group, &replies);
                let requests = group.len();
                for ((token, _), reply) in group.iter().zip(replies) {
                    far.answer(*token, reply);
                }
                wake();
                tidying.after_group(requests, far.statistics(), &mut database);
            }
            Err(Unasked::Yet) => tidying.tidy(far.statistics(), &mut database),
            Err(Unasked::Forever) => return database.close(),
        }
    }
}

/// When to tidy the database.
struct Tidying {
    next: Instant,
    next_sweep: Instant,
    /// Requests since the last time.
    requests: usize,
    /// It has failed last time, and is not to be tried before `next`.
    resting: bool,
}

impl Tidying {
    fn new() -> Tidying {
        let now = Instant::now();
        Tidying { next: now, next_sweep: now, requests: 0, resting: false }
    }

    fn due(&self) -> Duration {
        self.next.saturating_duration_since(Instant::now())
    }

    fn after_group(&mut self, requests: usize, statistics: &Statistics, database: &mut Database) {
        if self.resting {
            return;
        }
        self.next = Instant::now();
        self.requests += requests;
        if self.requests >= REQUESTS_BETWEEN_TIDYING {
            self.tidy(statistics, database);
        }
    }

    fn tidy(&mut self, statistics: &Statistics, database: &mut Database) {
        let now = Instant::now();
        self.requests = 0;
        if now >= self.next_sweep {
            self.next_sweep = now + SWEEP_EVERY;
            database.sweep();
        }
        let more = database.tidy();
        self.next = match more {
            Ok(true) => now,
            Ok(false) => self.next_sweep,
            Err(_) => now + REST_AFTER_TROUBLE,
        };
        if let Err(trouble) = &more
            && !self.resting
        {
            log::warn!("the database cannot be tidied: {trouble}");
        }
        self.resting = more.is_err();
        count_kept(statistics, database);
        if let Ok(unindexed) = database.unindexed() {
            statistics.unindexed.store(unindexed, Relaxed);
        }
    }
}

fn count(statistics: &Statistics, database: &Database, time: Duration, replies: &[Reply]) {
    let failures = replies.iter().filter(|reply| matches!(reply, Reply::Failed(_))).count();
    statistics.groups.fetch_add(1, Relaxed);
    statistics.groups_us.fetch_add(time.as_micros() as u64, Relaxed);
    statistics.failures.fetch_add(failures as u64, Relaxed);
    count_kept(statistics, database);
}

fn count_kept(statistics: &Statistics, database: &Database) {
    let (messages, bytes) = database.kept();
    statistics.messages.store(messages, Relaxed);
    statistics.message_bytes.store(bytes, Relaxed);
}

/// Says in the log when writing begins to fail, and when it works again; not each time in between.
fn log_change(failing: &mut bool, group: &[(Token, Request)], replies: &[Reply]) {
    let writes = group.iter().zip(replies).filter(|((_, request), _)| request.writes());
    for (_, reply) in writes {
        match reply {
            // Refused for what it asked.
            Reply::Failed(Trouble::Duplicate) => {}
            Reply::Failed(trouble) if !*failing => {
                *failing = true;
                log::error!("nothing can be kept: {trouble}");
            }
            Reply::Failed(_) => {}
            _ if *failing => {
                *failing = false;
                log::warn!("what is said is kept again");
            }
            _ => {}
        }
    }
}
