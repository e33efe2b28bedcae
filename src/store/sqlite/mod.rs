//! The database: one SQLite file, or memory. The only place that names rusqlite.

mod accounts;
mod audit;
mod bans;
mod certificates;
mod channels;
mod copies;
mod history;
mod known;
mod ledger;
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

/// Open for reading and writing.
pub struct Database {
    connection: Connection,
    durability: Durability,
    ledger: Ledger,
    retention: Retention,
    /// A search has found the index of words damaged: it is to be made anew.
    index_is_damaged: bool,
    /// Where it lies, if not in memory.
    place: Option<Place>,
}

/// A file, and what it was when it was opened. SQLite would go on writing to one that has no name
/// any more, and nothing of that would be found again.
struct Place {
    file: PathBuf,
    device_and_inode: (u64, u64),
}

/// Why a transaction was not done.
enum Undone {
    /// One request can't be done; others may.
    ByOne(Trouble),
    /// None can be.
    ByAll(Trouble),
}

/// What survives a loss of power; what a process that is killed has acknowledged survives always.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    /// Everything acknowledged: one more wait for the disk with each group.
    #[default]
    Full,
    /// All but the last seconds.
    Normal,
}

/// Analysts and backups may hold a lock for a moment.
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);

/// Up to here a database is checked whole when it is opened, so that damage is found before an
/// answer is wrong. Larger ones would delay the start: some 10 ms per MiB.
const CHECKED_AT_OPEN_MAX_BYTES: u64 = 16 << 20;

/// The log is cut back to this after a burst.
const LOG_KEPT_BYTES: i64 = 64 << 20;

/// Messages that are filed at once when there is nothing else to do: some milliseconds.
const INDEXED_MAX: usize = 500;

/// Messages that are filed before a search; it waits for that, some 20 ms.
const CATCH_UP_MAX: usize = 2000;

const NOW_MS: &str = "SELECT CAST(unixepoch('subsec') * 1000 AS INTEGER)";

impl Database {
    /// Opens the database in `file`, made if it isn't there, and brings its schema to the version
    /// known here; before each step of that a copy is put beside it (`stonechat.db.version-1`).
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
        // Before anything is changed, were it only the journal's mode of another program's file.
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
        schema::migrate(&mut connection, steps, Some(file))?;
        Database::over(connection, durability, Some(Place::of(file)?))
    }

    /// An empty database that nothing is left of.
    pub fn in_memory() -> Result<Database, Trouble> {
        let mut connection = Connection::open_in_memory()?;
        settle(&connection)?;
        schema::migrate(&mut connection, schema::STEPS, None)?;
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

    /// The size that it may reach; beyond, writing fails with [`Trouble::Full`]. What is there
    /// already is kept.
    pub fn set_max_bytes(&mut self, bytes: u64) -> Result<(), Trouble> {
        let page = self.connection.query_row("PRAGMA page_size", [], |row| row.get::<_, i64>(0))?;
        let pages = (bytes / page as u64).clamp(1, u32::MAX.into()) as i64;
        let set = |row: &rusqlite::Row| row.get::<_, i64>(0);
        self.connection.pragma_update_and_check(None, "max_page_count", pages, set)?;
        Ok(())
    }

    /// How long what is asked waits for other programs that lock the database: two seconds at first.
    pub fn set_busy_timeout(&mut self, time: Duration) -> Result<(), Trouble> {
        Ok(self.connection.busy_timeout(time)?)
    }

    /// What is to be kept from now on; at first everything is. What is too much goes with
    /// [`Database::tidy`].
    pub fn retain(&mut self, policy: Policy) {
        self.retention.set(policy);
    }

    /// Does what is asked, in order, and returns the replies once it is committed, in one
    /// transaction; a search begins another. If the transaction fails, nothing of it was done, every
    /// request of it that writes is answered with why, and the others from what was there before. If
    /// it failed because of one request alone, each is done by itself.
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

    /// So that a search finds what was said before it, unless very much was said just now.
    fn catch_up(&mut self) {
        let caught_up = self.lightly(|database| {
            database.transact(|database| search::index(&database.connection, CATCH_UP_MAX))
        });
        if let Err(trouble) = caught_up {
            log::debug!("what was said last may not be found: {trouble}");
        }
    }

    /// Does a bounded part of what is to be done behind the requests: removing what is not to be
    /// kept, and filing words to be found by. Returns whether there may be more.
    pub fn tidy(&mut self) -> Result<bool, Trouble> {
        self.lightly(|database| {
            if database.index_is_damaged {
                database.transact(|database| search::start_over(&database.connection))?;
                database.index_is_damaged = false;
            }
            let now_ms = now_ms(&database.connection)?;
            let removed =
                database.transact(|Database { connection, ledger, retention, .. }| {
                    retention.remove(connection, ledger, now_ms)
                })?;
            let indexed =
                database.transact(|database| search::index(&database.connection, INDEXED_MAX))?;
            Ok(removed || indexed > 0 || retention::give_back(&database.connection)?)
        })
    }

    /// Without waiting for the disk, as after a loss of power it is done again.
    fn lightly<T>(
        &mut self,
        act: impl FnOnce(&mut Database) -> Result<T, Trouble>,
    ) -> Result<T, Trouble> {
        Durability::Normal.set(&self.connection)?;
        let done = act(self);
        self.durability.set(&self.connection)?;
        done
    }

    /// Whether nothing is removed for its age for now.
    pub fn pause_ageing(&mut self, paused: bool) {
        self.retention.pause_ageing(paused);
    }

    /// By the system's clock, in milliseconds since 1970.
    pub fn now_ms(&self) -> Result<i64, Trouble> {
        now_ms(&self.connection)
    }

    /// When the message was said that was kept last, likewise.
    pub fn last_ms(&self) -> Result<Option<i64>, Trouble> {
        history::last_ms(&self.connection)
    }

    /// Has [`Database::tidy`] look through all targets for what has become too old or too much.
    pub fn sweep(&mut self) {
        self.retention.sweep();
    }

    /// How many messages and events are kept, and the bytes they count.
    pub fn kept(&self) -> (u64, u64) {
        let kept = self.ledger.kept();
        (kept.messages.max(0) as u64, kept.bytes.max(0) as u64)
    }

    /// How many messages may not be found by their words yet.
    pub fn unindexed(&self) -> Result<u64, Trouble> {
        Ok(search::unindexed(&self.connection)? as u64)
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
                // Of this request alone, and nothing of it was done.
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
            // It fails only where SQLite has rolled back already.
            let _ = self.connection.execute_batch("ROLLBACK");
        }
        self.ledger.roll_back();
    }

    /// Does what is asked, in the transaction that is open, if one is.
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

    /// Closes it in good order: the log is merged into the file. Dropping it does so too, and takes
    /// no care of the indices' statistics.
    pub fn close(self) {
        // What fails here has failed before, or is made good at the next start.
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

/// What is wrong with the database in `file`, which may be in use; nothing if it is sound.
pub fn verify(file: &Path) -> Result<Vec<String>, Trouble> {
    let connection = open_to_read(file)?;
    let version = schema::version(&connection, schema::STEPS)?;
    let mut findings = integrity(&connection, FINDINGS_MAX)?;
    let mut expected = Connection::open_in_memory()?;
    schema::migrate(&mut expected, &schema::STEPS[..version as usize], None)?;
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

/// By the system's clock, in milliseconds since 1970.
fn now_ms(connection: &Connection) -> Result<i64, Trouble> {
    Ok(connection.prepare_cached(NOW_MS)?.query_row([], |row| row.get(0))?)
}

/// What holds for every connection.
fn settle(connection: &Connection) -> Result<(), Trouble> {
    connection.set_prepared_statement_cache_capacity(96);
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    // A damaged page is noticed when it is read, not once it has misled.
    connection.pragma_update(None, "cell_size_check", true)?;
    // What was redacted is overwritten, where that costs no further writing.
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

/// Makes an empty file for its owner alone, if there is none; its log will have the same mode. If it
/// can't be made, SQLite says why.
fn make(file: &Path) {
    let _ = File::options().create_new(true).write(true).mode(0o600).open(file);
}

fn with_ending(file: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(file);
    name.push(ending);
    PathBuf::from(name)
}

impl Undone {
    /// What one request met with.
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
                // Told by FTS5 of its own contents, where the file that holds them is sound.
                _ if failure.extended_code == ffi::SQLITE_CORRUPT_VTAB => Trouble::Index,
                ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => {
                    Trouble::Corrupt(error.to_string())
                }
                _ => Trouble::Other(error.to_string()),
            },
            // What we have written reads back: these are of somebody else's making.
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
