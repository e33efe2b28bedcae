//! Brings a database of an earlier version up to date, after a copy of it.

use super::copies::copy;
use super::schema::{APPLICATION, version};
use super::with_ending;
use crate::store::Trouble;
use rusqlite::{Connection, TransactionBehavior};
use std::path::{Path, PathBuf};

/// Upgrades a database by `steps`, each whole or not at all. Before each it copies the `file`, if
/// there is one that is not empty.
pub(super) fn migrate(
    connection: &mut Connection,
    steps: &[&str],
    file: Option<&Path>,
) -> Result<(), Trouble> {
    let found = version(connection, steps)?;
    for (from, step) in (0..).zip(steps).skip(found as usize) {
        // A new database has nothing to be copied.
        if let Some(file) = file.filter(|_| found > 0) {
            copy(connection, &copy_before(file, from), None)?;
        }
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(step)?;
        transaction.pragma_update(None, "user_version", from + 1)?;
        transaction.pragma_update(None, "application_id", APPLICATION)?;
        transaction.commit()?;
    }
    Ok(())
}

/// The path of the copy of version `from`: beside the file, as `stonechat.db.version-1`.
pub(super) fn copy_before(file: &Path, from: i64) -> PathBuf {
    with_ending(file, &format!(".version-{from}"))
}
