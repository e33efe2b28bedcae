//! The addresses of the last logins, as marks that reveal no address.

use super::accounts;
use crate::store::{Reply, Trouble};
use rusqlite::{Connection, params};

const REMEMBER: &str = "
    INSERT INTO known (account, mark, time) VALUES (?1, ?2, ?3)
    ON CONFLICT DO UPDATE SET time = excluded.time";
// A scan of the account's marks, which are at most one more than allowed.
const FORGET: &str = "
    DELETE FROM known WHERE account = ?1 AND mark IN (
        SELECT mark FROM known WHERE account = ?1 ORDER BY time DESC, mark LIMIT -1 OFFSET ?2)";
// CROSS: otherwise SQLite walks all accounts first, and sorts the marks.
pub(super) const ALL: &str = "
    SELECT folded, mark FROM known CROSS JOIN account ON account.id = known.account
    ORDER BY time DESC LIMIT ?1";

pub(super) fn remember(
    connection: &Connection,
    account: &str,
    mark: i64,
    time_ms: i64,
    most: usize,
) -> Result<Reply, Trouble> {
    let Some(account) = accounts::id(connection, account)? else { return Ok(Reply::NoSuchAccount) };
    connection.prepare_cached(REMEMBER)?.execute(params![account, mark, time_ms])?;
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    connection.prepare_cached(FORGET)?.execute(params![account, most])?;
    Ok(Reply::Saved)
}

/// Reads the marks of all accounts; the one used last comes last.
pub(super) fn all(connection: &Connection, most: usize) -> Result<Reply, Trouble> {
    let mut statement = connection.prepare_cached(ALL)?;
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let rows = statement.query_map([most], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let mut known = rows.collect::<Result<Vec<_>, _>>()?;
    known.reverse();
    Ok(Reply::Known(known))
}
