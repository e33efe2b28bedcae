//! The audit log: acts of operators. Rows are only ever added.

use crate::store::{Act, Limit, Reply, Trouble};
use rusqlite::{Connection, Row, params};
use std::path::Path;

const KEEP: &str = "
    INSERT INTO audit (time, operator, source, address, command, target, reason)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
// For one operator this walks backwards until enough rows are found.
pub(super) const LAST: &str = "
    SELECT time, operator, source, address, command, target, reason FROM audit
    WHERE ?1 IS NULL OR operator = ?1 COLLATE NOCASE
        OR substr(source, 1, instr(source, '!') - 1) = ?1 COLLATE NOCASE
    ORDER BY id DESC LIMIT ?2";
pub(super) const SINCE: &str = "
    SELECT time, operator, source, address, command, target, reason FROM audit
    WHERE time >= ?1 ORDER BY time, id";

pub(super) fn keep(connection: &Connection, act: &Act) -> Result<Reply, Trouble> {
    let Act { time_ms, operator, source, address, command, target, reason } = act;
    let row = params![time_ms, operator, source, address, command, target, reason];
    connection.prepare_cached(KEEP)?.execute(row)?;
    Ok(Reply::Recorded)
}

pub(super) fn last(
    connection: &Connection,
    whose: Option<&str>,
    limit: Limit,
) -> Result<Reply, Trouble> {
    let mut statement = connection.prepare_cached(LAST)?;
    let rows = statement.query_map(params![whose, limit.get() as i64], act)?;
    let mut acts: Vec<Act> = rows.collect::<Result<_, _>>()?;
    acts.reverse();
    Ok(Reply::Acts(acts))
}

fn act(row: &Row) -> rusqlite::Result<Act> {
    Ok(Act {
        time_ms: row.get(0)?,
        operator: row.get(1)?,
        source: row.get(2)?,
        address: row.get(3)?,
        command: row.get(4)?,
        target: row.get(5)?,
        reason: row.get(6)?,
    })
}

/// Calls `tell` with each act since `since_ms`, in milliseconds since 1970, oldest first. The
/// database in `file` may be in use.
pub fn acts(file: &Path, since_ms: i64, mut tell: impl FnMut(Act)) -> Result<(), Trouble> {
    let connection = super::open_to_read(file)?;
    let version = super::schema::version(&connection, super::schema::STEPS)?;
    if version < SINCE_VERSION {
        return Ok(()); // written by a version without an audit log
    }
    let mut statement = connection.prepare(SINCE)?;
    for found in statement.query_map([since_ms], act)? {
        tell(found?);
    }
    Ok(())
}

/// The first version of the schema with an audit log.
const SINCE_VERSION: i64 = 2;
