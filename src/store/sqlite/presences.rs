//! Presences: the state of always-on users.

use super::accounts;
use crate::store::{Presence, Reply, Trouble};
use rusqlite::{Connection, params};

const SAVE: &str = "
    INSERT INTO presence (account, nick, username, realname, host, modes, away, signed_on, acted)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
const SAVE_CHANNEL: &str =
    "INSERT INTO presence_channel (account, place, name, ranks) VALUES (?1, ?2, ?3, ?4)";
const SAVE_METADATA: &str =
    "INSERT INTO presence_metadata (account, place, key, value) VALUES (?1, ?2, ?3, ?4)";
const DROP: &str = "DELETE FROM presence WHERE account = ?1";
// CROSS: otherwise SQLite walks all accounts for the order, however few presences there are.
pub(super) const ALL: &str = "
    SELECT folded, account, nick, username, realname, host, modes, away, signed_on, acted
    FROM presence CROSS JOIN account ON account.id = account ORDER BY folded";
pub(super) const CHANNELS: &str =
    "SELECT name, ranks FROM presence_channel WHERE account = ?1 ORDER BY place";
pub(super) const METADATA: &str =
    "SELECT key, value FROM presence_metadata WHERE account = ?1 ORDER BY place";

pub(super) fn save(
    connection: &Connection,
    account: &str,
    presence: &Presence,
) -> Result<Reply, Trouble> {
    let Some(account) = accounts::id(connection, account)? else {
        return Ok(Reply::NoSuchAccount);
    };
    // This removes the old channels and metadata too.
    connection.prepare_cached(DROP)?.execute([account])?;
    let Presence { nick, username, realname, host, modes, away, signed_on_s, .. } = presence;
    let acted_s = presence.acted_s;
    let row = params![account, nick, username, realname, host, modes, away, signed_on_s, acted_s];
    connection.prepare_cached(SAVE)?.execute(row)?;
    for (sql, pairs) in [(SAVE_CHANNEL, &presence.channels), (SAVE_METADATA, &presence.metadata)] {
        let mut statement = connection.prepare_cached(sql)?;
        for (place, (one, other)) in (0_i64..).zip(pairs) {
            statement.execute(params![account, place, one, other])?;
        }
    }
    Ok(Reply::Saved)
}

pub(super) fn drop(connection: &Connection, account: &str) -> Result<Reply, Trouble> {
    if let Some(account) = accounts::id(connection, account)? {
        connection.prepare_cached(DROP)?.execute([account])?;
    }
    Ok(Reply::Dropped)
}

pub(super) fn all(connection: &Connection) -> Result<Reply, Trouble> {
    let mut statement = connection.prepare_cached(ALL)?;
    let mut rows = statement.query([])?;
    let mut presences = Vec::new();
    while let Some(row) = rows.next()? {
        let account: i64 = row.get(1)?;
        let presence = Presence {
            nick: row.get(2)?,
            username: row.get(3)?,
            realname: row.get(4)?,
            host: row.get(5)?,
            modes: row.get(6)?,
            away: row.get(7)?,
            signed_on_s: row.get(8)?,
            acted_s: row.get(9)?,
            channels: pairs(connection, CHANNELS, account)?,
            metadata: pairs(connection, METADATA, account)?,
        };
        presences.push((row.get(0)?, presence));
    }
    Ok(Reply::Presences(presences))
}

fn pairs(
    connection: &Connection,
    sql: &str,
    account: i64,
) -> Result<Vec<(String, String)>, Trouble> {
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map([account], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}
