//! The database: one SQLite file, or memory. The only place that names rusqlite.

mod accounts;
mod audit;
mod bans;
mod certificates;
mod channels;
mod copies;
mod history;
mod index;
mod known;
mod ledger;
mod migrate;
mod presences;
mod retention;
mod schema;
mod search;
#[cfg(test)]
mod tests;

pub use accounts::list as accounts;
pub use audit::acts;
pub use copies::backup;

use super::{Policy, Reply, Request, Trouble};
use ledger::Ledger;
use retention::Retention;
use rusqlite::{Connection, ErrorCode, MAIN_DB, OpenFlags, ffi};
use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A database, open for reading and writing.
pub struct Database {
    connection: Connection,
    durability: Durability,
    ledger: Ledger,
    retention: Retention,
    /// A search has found the index of words damaged: rebuild it.
    index_is_damaged: bool,
    /// Its file; `None` in memory.
    place: Option<Place>,
}

/// A path, and the file that was opened there. SQLite would go on writing to a file that was
/// removed or replaced, and those writes would be lost.
struct Place {
    file: PathBuf,
    device_and_inode: (u64, u64),
}

/// A failed transaction.
enum Undone {
    /// One request failed; others may succeed.
    ByOne(Trouble),
    /// All requests failed.
    ByAll(Trouble),
}

/// The writes that survive a loss of power. Acknowledged writes always survive a kill of the
/// process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    /// All acknowledged writes: one more wait for the disk with each group.
    #[default]
    Full,
    /// All but those of the last seconds.
    Normal,
}

/// How long to wait for a lock, as analysts and backups may hold one for a moment.
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);

/// The largest database that is fully checked when it is opened. The check takes some 10 ms per
/// MiB.
const CHECKED_AT_OPEN_MAX_BYTES: u64 = 16 << 20;

/// The size to which the log is cut back after a burst.
const LOG_KEPT_BYTES: i64 = 64 << 20;

/// Messages that an idle thread indexes at once: some milliseconds.
const INDEXED_MAX: usize = 500;

/// Messages that are indexed before a search, which waits for that some 20 ms.
const CATCH_UP_MAX: usize = 2000;

const NOW_MS: &str = "SELECT CAST(unixepoch('subsec') * 1000 AS INTEGER)";

impl Database {
    /// Opens the database in `file`, or makes it. Upgrades its schema to the version known here;
    /// before each step it puts a copy beside it (`stonechat.db.version-1`).
    pub fn open(file: &Path, durability: Durability) -> Result<Database, Trouble> {
        Database::open_with(file, durability, schema::STEPS)
    }

    fn open_with(file: &Path, durability: Durability, steps: &[&str]) -> Result<Database, Trouble> {
        make(file);
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
        let mut connection =
            Connection::open_with_flags(file, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        if connection.is_readonly(MAIN_DB)? {
            return Err(Trouble::ReadOnly);
        }
        connection.busy_timeout(BUSY_TIMEOUT)?;
        // This comes before any change: even setting the journal's mode would change another
        // program's file.
        schema::version(&connection, steps)?;
        if fs::metadata(file).is_ok_and(|file| file.len() <= CHECKED_AT_OPEN_MAX_BYTES)
            && let Some(finding) = integrity(&connection, 1)?.pop()
        {
            return Err(Trouble::Corrupt(finding));
        }
        settle(&connection)?;
        connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "journal_size_limit", LOG_KEPT_BYTES)?;
        durability.set(&connection)?;
        migrate::migrate(&mut connection, steps, Some(file))?;
        Database::over(connection, durability, Some(Place::of(file)?))
    }

    /// Makes an empty database in memory.
    pub fn in_memory() -> Result<Database, Trouble> {
        let mut connection = Connection::open_in_memory()?;
        settle(&connection)?;
        migrate::migrate(&mut connection, schema::STEPS, None)?;
        Database::over(connection, Durability::Normal, None)
    }

    fn over(
        connection: Connection,
        durability: Durability,
        place: Option<Place>,
    ) -> Result<Database, Trouble> {
        let ledger = Ledger::read(&connection)?;
        let retention = Retention::default();
        let index_is_damaged = false;
        Ok(Database { connection, durability, ledger, retention, index_is_damaged, place })
    }

    /// Limits the size; beyond it writes fail with [`Trouble::Full`]. Existing rows stay.
    pub fn set_max_bytes(&mut self, bytes: u64) -> Result<(), Trouble> {
        let page = self.connection.query_row("PRAGMA page_size", [], |row| row.get::<_, i64>(0))?;
        let pages = (bytes / page as u64).clamp(1, u32::MAX.into()) as i64;
        let set = |row: &rusqlite::Row| row.get::<_, i64>(0);
        self.connection.pragma_update_and_check(None, "max_page_count", pages, set)?;
        Ok(())
    }

    /// Sets how long requests wait for other programs' locks: by default two seconds.
    pub fn set_busy_timeout(&mut self, time: Duration) -> Result<(), Trouble> {
        Ok(self.connection.busy_timeout(time)?)
    }

    /// Sets the policy of retention; by default everything is kept. [`Database::tidy`] applies it.
    pub fn retain(&mut self, policy: Policy) {
        self.retention.set(policy);
    }

    /// Serves requests in order, in one transaction, and returns the replies after the commit; a
    /// search begins another one. If the transaction fails, none of it is done. Each of its writes
    /// is answered with the error, and reads from the old state. If one request alone made it fail,
    /// each is done by itself.
    pub fn serve<'a>(&mut self, requests: impl Iterator<Item = &'a Request>) -> Vec<Reply> {
        let requests: Vec<&Request> = requests.collect();
        let mut replies = Vec::with_capacity(requests.len());
        for part in requests.chunk_by(|_, next| !matches!(next, Request::Search { .. })) {
            if let Request::Search { .. } = part[0] {
                self.catch_up();
            }
            self.serve_in_one(part, &mut replies);
        }
        replies
    }

    fn serve_in_one(&mut self, requests: &[&Request], replies: &mut Vec<Reply>) {
        let undone = match self.commit(requests) {
            Ok(done) => return replies.extend(done),
            Err(undone) => undone,
        };
        self.roll_back();
        let trouble = match undone {
            Undone::ByOne(_) if requests.len() > 1 => {
                return requests.chunks(1).for_each(|alone| self.serve_in_one(alone, replies));
            }
            Undone::ByOne(trouble) | Undone::ByAll(trouble) => trouble,
        };
        replies.extend(requests.iter().map(|request| match request.writes() {
            true => Reply::Failed(trouble.clone()),
            false => self.answer(request).unwrap_or_else(Reply::Failed),
        }));
    }

    /// Indexes the last messages, so that a search finds them, unless there are very many.
    fn catch_up(&mut self) {
        let caught_up = self.lightly(|database| {
            database.transact(|database| index::index(&database.connection, CATCH_UP_MAX))
        });
        if let Err(trouble) = caught_up {
            log::debug!("what was said last may not be found: {trouble}");
        }
    }

    /// Does a bounded part of the background work: removes old messages, and indexes new ones.
    /// Returns whether there may be more.
    pub fn tidy(&mut self) -> Result<bool, Trouble> {
        self.lightly(|database| {
            if database.index_is_damaged {
                database.transact(|database| index::start_over(&database.connection))?;
                database.index_is_damaged = false;
            }
            let now_ms = now_ms(&database.connection)?;
            let removed =
                database.transact(|Database { connection, ledger, retention, .. }| {
                    retention.remove(connection, ledger, now_ms)
                })?;
            let indexed =
                database.transact(|database| index::index(&database.connection, INDEXED_MAX))?;
            Ok(removed || indexed > 0 || retention::give_back(&database.connection)?)
        })
    }

    /// Runs `act` without waiting for the disk: after a loss of power it is done again.
    fn lightly<T>(
        &mut self,
        act: impl FnOnce(&mut Database) -> Result<T, Trouble>,
    ) -> Result<T, Trouble> {
        Durability::Normal.set(&self.connection)?;
        let done = act(self);
        self.durability.set(&self.connection)?;
        done
    }

    /// Pauses removal by age, or ends the pause.
    pub fn pause_ageing(&mut self, paused: bool) {
        self.retention.pause_ageing(paused);
    }

    /// The time of the system's clock, in milliseconds since 1970.
    pub fn now_ms(&self) -> Result<i64, Trouble> {
        now_ms(&self.connection)
    }

    /// The time of the last stored message, in milliseconds since 1970.
    pub fn last_ms(&self) -> Result<Option<i64>, Trouble> {
        history::last_ms(&self.connection)
    }

    /// Makes [`Database::tidy`] search all targets for messages that are too old or too many.
    pub fn sweep(&mut self) {
        self.retention.sweep();
    }

    /// The number of messages and events, and the bytes they count.
    pub fn kept(&self) -> (u64, u64) {
        let kept = self.ledger.kept();
        (kept.messages.max(0) as u64, kept.bytes.max(0) as u64)
    }

    /// The number of messages that may not be indexed yet.
    pub fn unindexed(&self) -> Result<u64, Trouble> {
        Ok(index::unindexed(&self.connection)? as u64)
    }

    fn transact<T>(
        &mut self,
        act: impl FnOnce(&mut Database) -> Result<T, Trouble>,
    ) -> Result<T, Trouble> {
        let begun = self
            .check_place()
            .and_then(|()| Ok(self.connection.execute_batch("BEGIN IMMEDIATE")?));
        let done = begun.and_then(|()| {
            let done = act(self)?;
            self.end()?;
            Ok(done)
        });
        if done.is_err() {
            self.roll_back();
        }
        done
    }

    fn commit(&mut self, requests: &[&Request]) -> Result<Vec<Reply>, Undone> {
        let writes = requests.iter().any(|request| request.writes());
        if writes {
            self.check_place()?;
        }
        let begin = if writes { "BEGIN IMMEDIATE" } else { "BEGIN" };
        self.connection.execute_batch(begin).map_err(Trouble::from)?;
        let mut replies = Vec::new();
        for request in requests {
            let reply = match self.answer(request) {
                // The fault of this request alone, and none of it was done.
                Err(Trouble::Duplicate) => Reply::Failed(Trouble::Duplicate),
                Err(trouble) if !request.writes() && !self.connection.is_autocommit() => {
                    Reply::Failed(trouble)
                }
                answered => answered.map_err(Undone::by_request)?,
            };
            replies.push(reply);
        }
        self.end()?;
        Ok(replies)
    }

    fn check_place(&self) -> Result<(), Trouble> {
        let Some(place) = &self.place else { return Ok(()) };
        match Place::of(&place.file) {
            Ok(now) if now.device_and_inode == place.device_and_inode => Ok(()),
            _ => Err(Trouble::Gone),
        }
    }

    /// Commits the open transaction.
    fn end(&mut self) -> Result<(), Trouble> {
        self.ledger.write(&self.connection)?;
        self.connection.execute_batch("COMMIT")?;
        self.ledger.commit();
        Ok(())
    }

    /// Undoes the open transaction, if there is one.
    fn roll_back(&mut self) {
        if !self.connection.is_autocommit() {
            // This fails only if SQLite has already rolled back.
            let _ = self.connection.execute_batch("ROLLBACK");
        }
        self.ledger.roll_back();
    }

    /// Serves one request, within the open transaction, if there is one.
    fn answer(&mut self, request: &Request) -> Result<Reply, Trouble> {
        use Request::*;
        let (connection, ledger) = (&self.connection, &mut self.ledger);
        match request {
            Append { target, .. } if self.retention.keep(target).nothing() => Ok(Reply::Appended),
            Append { target, message } => history::append(connection, ledger, target, message),
            Select { target, selection, limit, events } => {
                history::select(connection, target, selection, *limit, *events)
            }
            Targets { user, channels, from_ms, to_ms, limit } => {
                history::targets(connection, user, channels, (*from_ms, *to_ms), *limit)
            }
            Redact { target, msgid, by } => history::redact(connection, ledger, target, msgid, by),
            Forget { target } => {
                self.retention.forget();
                history::forget(connection, target)
            }
            Search { targets, words, from, after_ms, before_ms, limit } => {
                let search = search::Search {
                    targets,
                    words,
                    from: from.as_deref(),
                    after_ms: after_ms.unwrap_or(i64::MIN),
                    before_ms: before_ms.unwrap_or(i64::MAX),
                    limit: limit.get(),
                    rare_max: search::RARE_MAX,
                };
                let found = search::search(connection, &search);
                self.index_is_damaged |= found == Err(Trouble::Index);
                found
            }
            Retain(policy) => {
                self.retention.set(policy.clone());
                Ok(Reply::Retained)
            }
            AddAccount { account, invitation } => {
                accounts::add(connection, account, invitation.as_deref())
            }
            FindAccount { folded } => accounts::find(connection, folded),
            FindVerifier { folded } => accounts::find_verifier(connection, folded),
            Remember { account, mark, time_ms, most } => {
                known::remember(connection, account, *mark, *time_ms, *most)
            }
            Known { most } => known::all(connection, *most),
            FindOwner { skeleton } => accounts::owner(connection, skeleton),
            ChangeAccount { folded, change } => accounts::change(connection, folded, change),
            DropAccount { folded } => {
                self.retention.forget();
                history::forget_conversations(connection, folded)?;
                accounts::drop(connection, folded)
            }
            Accounts { after, limit } => accounts::page(connection, after, *limit),
            AddCertificate { account, fingerprint, created_ms, most } => {
                certificates::add(connection, account, fingerprint, *created_ms, *most)
            }
            DropCertificate { account, fingerprint } => {
                certificates::drop(connection, account, fingerprint)
            }
            Certificates { account } => certificates::all(connection, account),
            FindByCertificate { fingerprint } => certificates::owner(connection, fingerprint),
            AddInvitation { token_hash, created_ms, expires_ms } => {
                accounts::invite(connection, token_hash, *created_ms, *expires_ms)
            }
            MarkRead { account, target, time_ms, targets_max } => {
                accounts::mark(connection, account, target, *time_ms, *targets_max)
            }
            SaveChannel(record) => channels::save(connection, record),
            DropChannel { folded } => channels::drop(connection, folded),
            Channels => channels::all(connection),
            SavePresence { account, presence } => presences::save(connection, account, presence),
            DropPresence { account } => presences::drop(connection, account),
            Presences => presences::all(connection),
            AddBan(ban) => bans::add(connection, ban),
            DropBan { kind, what } => bans::drop(connection, *kind, what),
            Bans => bans::all(connection),
            Audit(act) => audit::keep(connection, act),
            Acts { whose, limit } => audit::last(connection, whose.as_deref(), *limit),
        }
    }

    /// Closes the database in good order: merges the log into the file. Dropping it does so too,
    /// but does not update the statistics of indices.
    pub fn close(self) {
        // An error here has been reported before, or is repaired at the next start.
        let _ = self.connection.execute_batch("PRAGMA optimize");
    }
}

impl Durability {
    fn set(self, connection: &Connection) -> Result<(), Trouble> {
        let synchronous = match self {
            Durability::Full => "FULL",
            Durability::Normal => "NORMAL",
        };
        Ok(connection.pragma_update(None, "synchronous", synchronous)?)
    }
}

impl Place {
    fn of(file: &Path) -> io::Result<Place> {
        let now = fs::metadata(file)?;
        Ok(Place { file: file.to_owned(), device_and_inode: (now.dev(), now.ino()) })
    }
}

/// Lists the faults of the database in `file`, which may be in use; empty if it is sound.
pub fn verify(file: &Path) -> Result<Vec<String>, Trouble> {
    let connection = open_to_read(file)?;
    let version = schema::version(&connection, schema::STEPS)?;
    let mut findings = integrity(&connection, FINDINGS_MAX)?;
    let mut expected = Connection::open_in_memory()?;
    migrate::migrate(&mut expected, &schema::STEPS[..version as usize], None)?;
    if schema::text(&connection)? != schema::text(&expected)? {
        findings.push(format!("the schema is not that of version {version}"));
    }
    for target in ledger::wrong(&connection, FINDINGS_MAX)? {
        findings.push(format!("the target {target} counts other than what it has"));
    }
    let mut statement = connection.prepare("SELECT * FROM pragma_foreign_key_check LIMIT ?")?;
    let mut rows = statement.query([FINDINGS_MAX])?;
    while let Some(row) = rows.next()? {
        let (table, parent): (String, String) = (row.get(0)?, row.get(2)?);
        findings.push(format!("a row of {table} refers to one of {parent} that is not there"));
    }
    Ok(findings)
}

const FINDINGS_MAX: i64 = 100;

fn open_to_read(file: &Path) -> Result<Connection, Trouble> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    settle(&connection)?;
    Ok(connection)
}

/// The time of the system's clock, in milliseconds since 1970.
fn now_ms(connection: &Connection) -> Result<i64, Trouble> {
    Ok(connection.prepare_cached(NOW_MS)?.query_row([], |row| row.get(0))?)
}

/// Sets the options of every connection.
fn settle(connection: &Connection) -> Result<(), Trouble> {
    connection.set_prepared_statement_cache_capacity(96);
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    // Damaged pages are noticed when they are read.
    connection.pragma_update(None, "cell_size_check", true)?;
    // Redacted text is overwritten, where that costs no further write.
    connection.pragma_update_and_check(None, "secure_delete", "FAST", |_| Ok(()))?;
    Ok(())
}

fn integrity(connection: &Connection, findings_max: i64) -> Result<Vec<String>, Trouble> {
    let sql = format!("PRAGMA integrity_check({findings_max})");
    let mut statement = connection.prepare(&sql)?;
    let findings = statement
        .query_map([], |row| row.get::<_, String>(0))?
        .filter(|finding| !finding.as_ref().is_ok_and(|text| text == "ok"));
    Ok(findings.collect::<Result<_, _>>()?)
}

/// Makes an empty file for its owner alone, if there is none; its log gets the same mode. SQLite
/// reports an error later.
fn make(file: &Path) {
    let _ = File::options().create_new(true).write(true).mode(0o600).open(file);
}

fn with_ending(file: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(file);
    name.push(ending);
    PathBuf::from(name)
}

impl Undone {
    /// The error of one request.
    fn by_request(trouble: Trouble) -> Undone {
        match trouble {
            Trouble::Busy | Trouble::Full | Trouble::ReadOnly | Trouble::Gone => {
                Undone::ByAll(trouble)
            }
            _ => Undone::ByOne(trouble),
        }
    }
}

impl From<Trouble> for Undone {
    fn from(trouble: Trouble) -> Undone {
        Undone::ByAll(trouble)
    }
}

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Trouble {
        use rusqlite::Error::*;
        match &error {
            SqliteFailure(failure, _) => match failure.code {
                ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Trouble::Busy,
                ErrorCode::DiskFull => Trouble::Full,
                ErrorCode::ReadOnly => Trouble::ReadOnly,
                // FTS5 reports damage of its own content; the file itself is sound.
                _ if failure.extended_code == ffi::SQLITE_CORRUPT_VTAB => Trouble::Index,
                ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => {
                    Trouble::Corrupt(error.to_string())
                }
                _ => Trouble::Other(error.to_string()),
            },
            // Our own values can be read back: these were written by another program.
            FromSqlConversionFailure(..)
            | Utf8Error(..)
            | InvalidColumnType(..)
            | IntegralValueOutOfRange(..) => Trouble::Corrupt(error.to_string()),
            _ => Trouble::Other(error.to_string()),
        }
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Trouble {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Trouble::Full,
            io::ErrorKind::ReadOnlyFilesystem => Trouble::ReadOnly,
            _ => Trouble::Other(error.to_string()),
        }
    }
}
