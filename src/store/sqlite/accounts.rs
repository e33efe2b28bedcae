//! Accounts, invitations, and read markers.

use crate::store::{Account, AccountSummary, Change, Limit, NewAccount, Reply, Secret, Trouble};
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::path::Path;

pub(super) const FIND_ID: &str = "SELECT id FROM account WHERE folded = ?1";
pub(super) const FIND: &str = "
    SELECT id, name, skeleton, verifier, email, always_on, created, replay FROM account
    WHERE folded = ?1";
pub(super) const FIND_OWNER: &str = "SELECT name FROM account WHERE skeleton = ?1";
pub(super) const PAGE: &str = "
    SELECT name, folded, always_on, created FROM account
    WHERE folded > ?1 ORDER BY folded LIMIT ?2";
pub(super) const MARKERS: &str =
    "SELECT target, time FROM marker WHERE account = ?1 ORDER BY target";
const ADD: &str = "
    INSERT INTO account (name, folded, skeleton, verifier, email, always_on, created)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING";
pub(super) const IS_INVITED: &str =
    "SELECT EXISTS (SELECT 1 FROM invitation WHERE token_hash = ?1 AND expires > ?2)";
const USE_UP: &str = "DELETE FROM invitation WHERE token_hash = ?1";
const EXPIRE: &str = "DELETE FROM invitation WHERE expires <= ?1";
const INVITE: &str = "
    INSERT INTO invitation (token_hash, created, expires) VALUES (?1, ?2, ?3)
    ON CONFLICT DO UPDATE SET created = excluded.created, expires = excluded.expires";
const MARK: &str = "
    INSERT INTO marker (account, target, time) VALUES (?1, ?2, ?3)
    ON CONFLICT DO UPDATE SET time = max(time, excluded.time) RETURNING time";
// A scan of the account's markers, which are at most one more than allowed.
const UNMARK_EARLIEST: &str = "
    DELETE FROM marker WHERE account = ?1 AND target IN (
        SELECT target FROM marker WHERE account = ?1
        ORDER BY time DESC, target LIMIT -1 OFFSET ?2)";

/// The id of an account, if it exists.
pub(super) fn id(connection: &Connection, folded: &str) -> Result<Option<i64>, Trouble> {
    let mut statement = connection.prepare_cached(FIND_ID)?;
    Ok(statement.query_row([folded], |row| row.get(0)).optional()?)
}

pub(super) fn add(
    connection: &Connection,
    account: &NewAccount,
    invitation: Option<&str>,
) -> Result<Reply, Trouble> {
    let NewAccount { name, folded, skeleton, verifier, email, always_on, created_ms } = account;
    if let Some(token_hash) = invitation {
        let mut statement = connection.prepare_cached(IS_INVITED)?;
        if !statement.query_row(params![token_hash, created_ms], |row| row.get(0))? {
            return Ok(Reply::BadInvitation);
        }
    }
    let row = params![name, folded, skeleton, verifier.0, email, always_on, created_ms];
    if connection.prepare_cached(ADD)?.execute(row)? == 0 {
        return Ok(Reply::Taken);
    }
    if let Some(token_hash) = invitation {
        connection.prepare_cached(USE_UP)?.execute([token_hash])?;
    }
    Ok(Reply::Added)
}

pub(super) fn find(connection: &Connection, folded: &str) -> Result<Reply, Trouble> {
    let Some((id, mut account)) = bare(connection, folded)? else {
        return Ok(Reply::Account(None));
    };
    let mut statement = connection.prepare_cached(MARKERS)?;
    account.markers = statement
        .query_map([id], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    Ok(Reply::Account(Some(account)))
}

/// Runs one statement, also for an account that does not exist.
pub(super) fn find_verifier(connection: &Connection, folded: &str) -> Result<Reply, Trouble> {
    Ok(Reply::Account(bare(connection, folded)?.map(|(_, account)| account)))
}

/// An account with its id, without its markers.
fn bare(connection: &Connection, folded: &str) -> Result<Option<(i64, Box<Account>)>, Trouble> {
    let mut statement = connection.prepare_cached(FIND)?;
    let account = |row: &rusqlite::Row| {
        let account = Account {
            name: row.get(1)?,
            folded: folded.to_owned(),
            skeleton: row.get(2)?,
            verifier: Secret(row.get(3)?),
            email: row.get(4)?,
            always_on: row.get(5)?,
            created_ms: row.get(6)?,
            replay: row.get(7)?,
            markers: Vec::new(),
        };
        Ok((row.get(0)?, Box::new(account)))
    };
    Ok(statement.query_row([folded], account).optional()?)
}

pub(super) fn owner(connection: &Connection, skeleton: &str) -> Result<Reply, Trouble> {
    let mut statement = connection.prepare_cached(FIND_OWNER)?;
    Ok(Reply::Owner(statement.query_row([skeleton], |row| row.get(0)).optional()?))
}

pub(super) fn page(connection: &Connection, after: &str, limit: Limit) -> Result<Reply, Trouble> {
    let mut statement = connection.prepare_cached(PAGE)?;
    let rows = statement.query_map(params![after, limit.get() as i64], summary)?;
    Ok(Reply::Accounts(rows.collect::<Result<_, _>>()?))
}

/// Calls `tell` with each account, by name. The database in `file` may be in use, or locked by a
/// program that writes.
pub fn list(file: &Path, mut tell: impl FnMut(AccountSummary)) -> Result<(), Trouble> {
    let connection = super::open_to_read(file)?;
    super::schema::version(&connection, super::schema::STEPS)?;
    let mut statement = connection.prepare(PAGE)?;
    for found in statement.query_map(params!["", i64::MAX], summary)? {
        tell(found?);
    }
    Ok(())
}

fn summary(row: &Row) -> rusqlite::Result<AccountSummary> {
    Ok(AccountSummary {
        name: row.get(0)?,
        folded: row.get(1)?,
        always_on: row.get(2)?,
        created_ms: row.get(3)?,
    })
}

pub(super) fn change(
    connection: &Connection,
    folded: &str,
    change: &Change,
) -> Result<Reply, Trouble> {
    let update = |column| format!("UPDATE account SET {column} = ?2 WHERE folded = ?1");
    let changed = match change {
        Change::Verifier(verifier) => {
            connection.prepare_cached(&update("verifier"))?.execute(params![folded, verifier.0])?
        }
        Change::AlwaysOn(on) => {
            connection.prepare_cached(&update("always_on"))?.execute(params![folded, on])?
        }
        Change::Replay(on) => {
            connection.prepare_cached(&update("replay"))?.execute(params![folded, on])?
        }
        Change::Email(email) => {
            connection.prepare_cached(&update("email"))?.execute(params![folded, email])?
        }
    };
    Ok(if changed == 0 { Reply::NoSuchAccount } else { Reply::Changed })
}

/// Removes an account; by the schema, all that refers to it is removed too.
pub(super) fn drop(connection: &Connection, folded: &str) -> Result<Reply, Trouble> {
    let mut statement = connection.prepare_cached("DELETE FROM account WHERE folded = ?1")?;
    Ok(if statement.execute([folded])? == 0 { Reply::NoSuchAccount } else { Reply::Dropped })
}

pub(super) fn invite(
    connection: &Connection,
    token_hash: &str,
    created_ms: i64,
    expires_ms: i64,
) -> Result<Reply, Trouble> {
    connection.prepare_cached(EXPIRE)?.execute([created_ms])?;
    connection.prepare_cached(INVITE)?.execute(params![token_hash, created_ms, expires_ms])?;
    Ok(Reply::Invited)
}

pub(super) fn mark(
    connection: &Connection,
    account: &str,
    target: &str,
    time_ms: i64,
    targets_max: usize,
) -> Result<Reply, Trouble> {
    let Some(account) = id(connection, account)? else { return Ok(Reply::NoSuchAccount) };
    let mut statement = connection.prepare_cached(MARK)?;
    let marked = statement.query_row(params![account, target, time_ms], |row| row.get(0))?;
    let targets_max = i64::try_from(targets_max).unwrap_or(i64::MAX);
    connection.prepare_cached(UNMARK_EARLIEST)?.execute(params![account, targets_max])?;
    Ok(Reply::Marked(marked))
}
