//! The store's thread. It serves requests in groups: take all that wait, one transaction, reply,
//! wake the loop. While another program locks the database it goes on serving reads, which need no
//! lock.

use super::backlog::{Backlog, Waiting};
use super::clock::{Belief, Clock};
use super::sqlite::Database;
use super::{Far, Reply, Statistics, Trouble};
use crate::far::Unasked;
use std::io;
use std::sync::atomic::Ordering::Relaxed;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Requests in one transaction. Beyond some 256 a row gets hardly cheaper, and a larger group
/// delays its first request.
const GROUP_MAX: usize = 512;

/// An idle thread tidies the database. Under load it tidies a part after this many requests, which
/// keeps up with what they add.
const REQUESTS_BETWEEN_TIDYING: usize = 500;

/// The interval of searches for messages that are too old.
const SWEEP_EVERY: Duration = Duration::from_secs(60);

/// The pause after tidying has failed.
const REST_AFTER_TROUBLE: Duration = Duration::from_secs(10);

/// How long writes wait for another program's lock, as analysts and backups may hold one for a
/// moment. The time counts for all of them together, from the first on. After that each write fails
/// at once, until one succeeds.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long one attempt to write waits. Reads may have to wait this long.
const ATTEMPT: Duration = Duration::from_millis(20);

/// The interval of checks for room, while the replies are full.
const ROOM_EVERY: Duration = Duration::from_millis(10);

/// The assumed size of the reply to a look-up, in bytes: an account with its read markers.
const LOOKUP_BYTES: usize = 16 << 10;

/// Serves `far` until its store is dropped, and closes the database then. After each group of
/// replies `wake` is called, which must not block. `wake` is dropped when all is done.
pub fn serve(
    far: Far,
    database: Database,
    wake: impl Fn() + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    thread::Builder::new().name("store".to_owned()).spawn(move || run(far, database, wake))
}

fn run(far: Far, mut database: Database, wake: impl Fn()) {
    if let Err(trouble) = database.set_busy_timeout(ATTEMPT) {
        log::warn!("reads may wait for other programs' writes: {trouble}");
    }
    let mut keeper = Keeper {
        far,
        database,
        backlog: Backlog::default(),
        lock: Lock::Open,
        failing: false,
        tidying: Tidying::new(),
    };
    keeper.tidying.look_at_clock(&mut keeper.database);
    while keeper.serve_next(&wake) {}
    keeper.database.close();
}

struct Keeper {
    far: Far,
    database: Database,
    backlog: Backlog,
    lock: Lock,
    /// The last write failed, and that was logged.
    failing: bool,
    tidying: Tidying,
}

/// The known state of another program's lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lock {
    Open,
    /// Locked since this time. Writes wait; reads are served.
    Met(Instant),
    /// Locked for longer than [`PATIENCE`]: writes fail at once.
    Known,
}

impl Lock {
    /// The state after an attempt to write.
    fn after(self, locked: bool, now: Instant) -> Lock {
        match self {
            _ if !locked => Lock::Open,
            Lock::Open => Lock::Met(now),
            Lock::Met(since) if now - since < PATIENCE => self,
            Lock::Met(_) | Lock::Known => Lock::Known,
        }
    }
}

impl Keeper {
    /// Serves a group of requests, or tidies if there is none. Returns whether there may be more to
    /// do.
    fn serve_next(&mut self, wake: &impl Fn()) -> bool {
        if self.backlog.is_empty() {
            match self.far.wait_for(self.tidying.due()) {
                Ok(asked) => self.backlog.push(asked),
                Err(Unasked::Yet) => {
                    self.tidying.tidy(self.far.statistics(), &mut self.database);
                    return true;
                }
                Err(Unasked::Forever) => return false,
            }
        }
        if self.backlog.fill(&self.far).is_err() {
            self.backlog.forget_reads();
        }
        let room = self.far.reply_room();
        let room = [usize::MAX, room.div_ceil(LOOKUP_BYTES), room.div_ceil(Reply::BYTES_MAX)];
        let group = self.backlog.group(GROUP_MAX, room);
        if group.is_empty() {
            if !self.backlog.is_empty() {
                self.await_room();
            }
            return true;
        }
        self.serve(group, wake);
        true
    }

    fn await_room(&mut self) {
        if let Ok(asked) = self.far.wait_for(ROOM_EVERY) {
            self.backlog.push(asked);
        }
    }

    fn serve(&mut self, group: Vec<Waiting>, wake: &impl Fn()) {
        let begun = Instant::now();
        let replies = self.database.serve(group.iter().map(|waiting| &waiting.asked.question));
        let mut served: Vec<(Waiting, Reply)> = group.into_iter().zip(replies).collect();
        if let Some((_, reply)) = served.iter().rfind(|(waiting, _)| waiting.writes()) {
            let locked = *reply == Reply::Failed(Trouble::Busy);
            self.lock = self.lock.after(locked, Instant::now());
        }
        if let Lock::Met(_) = self.lock {
            let waits = |(waiting, reply): &mut (Waiting, Reply)| {
                waiting.writes() && *reply == Reply::Failed(Trouble::Busy)
            };
            let waiting = served.extract_if(.., waits).map(|(waiting, _)| waiting).collect();
            self.backlog.put_back(waiting);
        }
        count(self.far.statistics(), &self.database, begun.elapsed(), &served);
        log_change(&mut self.failing, &served);
        let requests = served.len();
        for (waiting, reply) in served {
            self.far.answer(waiting.asked, reply);
        }
        wake();
        if self.lock == Lock::Open {
            self.tidying.after_group(requests, self.far.statistics(), &mut self.database);
        }
    }
}

/// The schedule of tidying.
struct Tidying {
    begun: Instant,
    /// `None` until the time could be read from the database.
    clock: Option<Clock>,
    next: Instant,
    next_sweep: Instant,
    /// Requests since the last tidying.
    requests: usize,
    /// The last tidying failed: wait until `next`.
    resting: bool,
}

impl Tidying {
    fn new() -> Tidying {
        let now = Instant::now();
        Tidying { begun: now, clock: None, next: now, next_sweep: now, requests: 0, resting: false }
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
        self.look_at_clock(database);
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
        // A lasting lock is logged where a write fails.
        if let Err(trouble) = &more
            && !self.resting
            && *trouble != Trouble::Busy
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

impl Tidying {
    /// Pauses removal by age while the clock is doubted.
    fn look_at_clock(&mut self, database: &mut Database) {
        let Ok(wall_ms) = database.now_ms() else { return };
        let steady_ms = self.begun.elapsed().as_millis() as u64;
        let clock = match (&mut self.clock, database.last_ms()) {
            (Some(clock), _) => clock,
            (none, Ok(last_ms)) => {
                none.insert(Clock::new(wall_ms.saturating_sub_unsigned(steady_ms), last_ms))
            }
            (None, Err(_)) => return database.pause_ageing(true),
        };
        let belief = clock.look(wall_ms, steady_ms);
        if let Belief::Lost { ahead_ms } = belief {
            log::warn!(
                "the system's clock is {} hours ahead of what was expected: nothing is removed for \
                 its age for a day, or until it is set back",
                ahead_ms / 3_600_000
            );
        }
        database.pause_ageing(belief != Belief::Believed);
    }
}

fn count(
    statistics: &Statistics,
    database: &Database,
    time: Duration,
    served: &[(Waiting, Reply)],
) {
    let failures = served.iter().filter(|(_, reply)| matches!(reply, Reply::Failed(_))).count();
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

/// Logs when writes begin to fail, and when they work again.
fn log_change(failing: &mut bool, served: &[(Waiting, Reply)]) {
    for (_, reply) in served.iter().filter(|(waiting, _)| waiting.writes()) {
        match reply {
            // A fault of the request, not of the store.
            Reply::Failed(Trouble::Duplicate) => {}
            Reply::Failed(trouble) if !*failing => {
                *failing = true;
                log::error!("the store cannot write: {trouble}");
            }
            Reply::Failed(_) => {}
            _ if *failing => {
                *failing = false;
                log::warn!("the store can write again");
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_wait_together_for_a_lock_and_once_it_is_known_none_does() {
        let begun = Instant::now();
        let met = Lock::Open.after(true, begun);
        assert_eq!(met, Lock::Met(begun));
        let later = begun + PATIENCE / 2;
        assert_eq!(met.after(true, later), met, "those who come later do not wait anew");
        assert_eq!(met.after(false, later), Lock::Open);
        let known = met.after(true, begun + PATIENCE);
        assert_eq!(known, Lock::Known);
        assert_eq!(known.after(true, begun + PATIENCE * 9), Lock::Known);
        assert_eq!(known.after(false, begun + PATIENCE * 9), Lock::Open);
    }
}
