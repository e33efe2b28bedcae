//! Copies of the database: backups, and those made before the schema is changed.
//!
//! A backup contains the secret of its data directory, in a table that the daemon's own database
//! does not have. So a restore needs one file. The first start with it takes the secret out.

use super::{Database, integrity, make, open_to_read, schema, with_ending};
use crate::store::Trouble;
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OptionalExtension};
use std::fs::{self, File};
use std::path::Path;

const ADD_SECRET: &str = "
    CREATE TABLE IF NOT EXISTS secret (value BLOB NOT NULL) STRICT;
    DELETE FROM secret";
const HAS_SECRET: &str = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'secret'";

/// Copies the database in `file`, which may be in use, to `copy`, with the secret of its data
/// directory: On success the copy is whole, sound and on the disk; on error there is none. A file
/// at `copy` is replaced.
pub fn backup(file: &Path, copy: &Path, secret: Option<&[u8; 32]>) -> Result<(), Trouble> {
    let connection = open_to_read(file)?;
    schema::version(&connection, schema::STEPS)?;
    self::copy(&connection, copy, secret)
}

impl Database {
    /// The secret of a backup, if this is one and its secret was not taken out yet.
    pub fn restored_secret(&self) -> Result<Option<Vec<u8>>, Trouble> {
        if !self.connection.prepare(HAS_SECRET)?.exists([])? {
            return Ok(None);
        }
        let value = |row: &rusqlite::Row| row.get(0);
        Ok(self.connection.query_row("SELECT value FROM secret", [], value).optional()?)
    }

    /// Removes the secret of a backup from the database.
    pub fn forget_restored_secret(&mut self) -> Result<(), Trouble> {
        self.transact(|database| Ok(database.connection.execute_batch("DROP TABLE secret")?))
    }
}

/// Copies the database of `connection` to the file `to`, with the secret if there is one. On
/// success the copy is whole, sound and on the disk; on error there is none.
pub(super) fn copy(
    connection: &Connection,
    to: &Path,
    secret: Option<&[u8; 32]>,
) -> Result<(), Trouble> {
    let part = with_ending(to, ".part");
    let copied = copy_to_part(connection, &part, secret).and_then(|()| Ok(fs::rename(&part, to)?));
    if copied.is_err() {
        let _ = fs::remove_file(&part);
    }
    copied?;
    let parent = to.parent().filter(|parent| !parent.as_os_str().is_empty());
    Ok(File::open(parent.unwrap_or(Path::new(".")))?.sync_all()?)
}

fn copy_to_part(
    connection: &Connection,
    part: &Path,
    secret: Option<&[u8; 32]>,
) -> Result<(), Trouble> {
    if part.exists() {
        fs::remove_file(part)?;
    }
    make(part);
    let mut copy = Connection::open(part)?;
    copy.pragma_update(None, "synchronous", "OFF")?; // the sync comes below
    // One step: with several, each write of the daemon would restart the copy. It blocks no other
    // connection; the daemon's log grows meanwhile.
    match Backup::new(connection, &mut copy)?.step(-1)? {
        StepResult::Done => {}
        _ => return Err(Trouble::Busy),
    }
    if let Some(secret) = secret {
        copy.execute_batch(ADD_SECRET)?;
        copy.execute("INSERT INTO secret VALUES (?1)", [secret])?;
    }
    // So the copy is one file, without a log beside it.
    copy.pragma_update(None, "journal_mode", "DELETE")?;
    if let Some(finding) = integrity(&copy, 1)?.pop() {
        return Err(Trouble::Corrupt(finding));
    }
    drop(copy);
    Ok(File::open(part)?.sync_all()?)
}
