//! Client certificates that log in to accounts.

use super::accounts;
use crate::store::{Reply, Trouble};
use rusqlite::{Connection, OptionalExtension, params};

pub(super) const OWNER: &str = "
    SELECT account.folded FROM certificate JOIN account ON account.id = certificate.account
    WHERE fingerprint = ?1";
pub(super) const ALL: &str =
    "SELECT fingerprint, created FROM certificate WHERE account = ?1 ORDER BY created, fingerprint";
const COUNT: &str = "SELECT count(*) FROM certificate WHERE account = ?1";
const ADD: &str = "
    INSERT INTO certificate (fingerprint, account, created) VALUES (?1, ?2, ?3)
    ON CONFLICT DO NOTHING";
const DROP: &str = "DELETE FROM certificate WHERE fingerprint = ?1 AND account = ?2";

pub(super) fn add(
    connection: &Connection,
    account: &str,
    fingerprint: &str,
    created_ms: i64,
    most: usize,
) -> Result<Reply, Trouble> {
    let Some(account) = accounts::id(connection, account)? else { return Ok(Reply::NoSuchAccount) };
    let mut statement = connection.prepare_cached(COUNT)?;
    let count: i64 = statement.query_row([account], |row| row.get(0))?;
    if usize::try_from(count).is_ok_and(|count| count >= most) {
        return Ok(Reply::TooMany);
    }
    let row = params![fingerprint, account, created_ms];
    let added = connection.prepare_cached(ADD)?.execute(row)?;
    Ok(if added == 0 { Reply::Taken } else { Reply::Added })
}

pub(super) fn drop(
    connection: &Connection,
    account: &str,
    fingerprint: &str,
) -> Result<Reply, Trouble> {
    let Some(account) = accounts::id(connection, account)? else { return Ok(Reply::NoSuchAccount) };
    let dropped = connection.prepare_cached(DROP)?.execute(params![fingerprint, account])?;
    Ok(if dropped == 0 { Reply::Unknown(fingerprint.to_owned()) } else { Reply::Dropped })
}

pub(super) fn all(connection: &Connection, account: &str) -> Result<Reply, Trouble> {
    let Some(account) = accounts::id(connection, account)? else { return Ok(Reply::NoSuchAccount) };
    let mut statement = connection.prepare_cached(ALL)?;
    let rows = statement.query_map([account], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(Reply::Certificates(rows.collect::<Result<_, _>>()?))
}

pub(super) fn owner(connection: &Connection, fingerprint: &str) -> Result<Reply, Trouble> {
    let mut statement = connection.prepare_cached(OWNER)?;
    let owner: Option<String> = statement.query_row([fingerprint], |row| row.get(0)).optional()?;
    owner.map_or(Ok(Reply::Account(None)), |folded| accounts::find(connection, &folded))
}
