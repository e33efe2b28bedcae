//! Registered channels, saved and read as whole records.

use super::accounts;
use crate::store::{ChannelRecord, ListEntry, Reply, TopicRecord, Trouble};
use rusqlite::{Connection, Row, params};

const SAVE: &str = "
    INSERT INTO channel
    (name, folded, founder, created, modes, topic, topic_setter, topic_time)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
const SAVE_ENTRY: &str = "
    INSERT INTO channel_list (channel, place, list, mask, setter, time, expires)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
const SAVE_RANK: &str = "
    INSERT INTO channel_account (channel, place, account, rank)
    SELECT ?1, ?2, id, ?4 FROM account WHERE folded = ?3";
const SAVE_METADATA: &str =
    "INSERT INTO channel_metadata (channel, place, key, value) VALUES (?1, ?2, ?3, ?4)";
const DROP: &str = "DELETE FROM channel WHERE folded = ?1";
const ALL: &str = "
    SELECT channel.id, channel.name, channel.folded, account.folded, channel.created, modes,
           topic, topic_setter, topic_time
    FROM channel JOIN account ON account.id = founder ORDER BY channel.folded";
pub(super) const ENTRIES: &str =
    "SELECT list, mask, setter, time, expires FROM channel_list WHERE channel = ?1 ORDER BY place";
pub(super) const RANKS: &str = "
    SELECT folded, rank FROM channel_account JOIN account ON account.id = account
    WHERE channel = ?1 ORDER BY place";
pub(super) const METADATA: &str =
    "SELECT key, value FROM channel_metadata WHERE channel = ?1 ORDER BY place";

pub(super) fn save(connection: &Connection, record: &ChannelRecord) -> Result<Reply, Trouble> {
    let Some(founder) = accounts::id(connection, &record.founder)? else {
        return Ok(Reply::NoSuchAccount);
    };
    // This removes the old lists and ranks too.
    connection.prepare_cached(DROP)?.execute([&record.folded])?;
    let ChannelRecord { name, folded, created_s, modes, .. } = record;
    let topic = record.topic.as_ref();
    let (text, setter) = (topic.map(|topic| &topic.text), topic.map(|topic| &topic.setter));
    let time = topic.map(|topic| topic.time_s);
    let row = params![name, folded, founder, created_s, modes, text, setter, time];
    let id = connection.prepare_cached(SAVE)?.insert(row)?;
    let mut statement = connection.prepare_cached(SAVE_ENTRY)?;
    for (place, entry) in (0_i64..).zip(&record.lists) {
        let ListEntry { list, mask, setter, time_s, expires_s } = entry;
        let list = list.to_string();
        statement.execute(params![id, place, list, mask, setter, time_s, expires_s])?;
    }
    let mut statement = connection.prepare_cached(SAVE_RANK)?;
    for (place, (account, rank)) in (0_i64..).zip(&record.accounts) {
        statement.execute(params![id, place, account, rank.to_string()])?;
    }
    let mut statement = connection.prepare_cached(SAVE_METADATA)?;
    for (place, (key, value)) in (0_i64..).zip(&record.metadata) {
        statement.execute(params![id, place, key, value])?;
    }
    Ok(Reply::Saved)
}

pub(super) fn drop(connection: &Connection, folded: &str) -> Result<Reply, Trouble> {
    connection.prepare_cached(DROP)?.execute([folded])?;
    Ok(Reply::Dropped)
}

pub(super) fn all(connection: &Connection) -> Result<Reply, Trouble> {
    let mut statement = connection.prepare_cached(ALL)?;
    let mut rows = statement.query([])?;
    let mut channels = Vec::new();
    while let Some(row) = rows.next()? {
        channels.push(record(connection, row)?);
    }
    Ok(Reply::Channels(channels))
}

fn record(connection: &Connection, row: &Row) -> Result<ChannelRecord, Trouble> {
    let id: i64 = row.get(0)?;
    let topic = match row.get(6)? {
        Some(text) => Some(TopicRecord { text, setter: row.get(7)?, time_s: row.get(8)? }),
        None => None,
    };
    let mut statement = connection.prepare_cached(ENTRIES)?;
    let lists = statement.query_map([id], |row| {
        Ok(ListEntry {
            list: letter(row, 0)?,
            mask: row.get(1)?,
            setter: row.get(2)?,
            time_s: row.get(3)?,
            expires_s: row.get(4)?,
        })
    })?;
    let lists = lists.collect::<Result<_, _>>()?;
    let mut statement = connection.prepare_cached(RANKS)?;
    let accounts = statement.query_map([id], |row| Ok((row.get(0)?, letter(row, 1)?)))?;
    let accounts = accounts.collect::<Result<_, _>>()?;
    let mut statement = connection.prepare_cached(METADATA)?;
    let metadata = statement.query_map([id], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(ChannelRecord {
        name: row.get(1)?,
        folded: row.get(2)?,
        founder: row.get(3)?,
        created_s: row.get(4)?,
        modes: row.get(5)?,
        topic,
        lists,
        accounts,
        metadata: metadata.collect::<Result<_, _>>()?,
    })
}

/// The one letter of a column; a space if it is empty.
fn letter(row: &Row, column: usize) -> rusqlite::Result<char> {
    Ok(row.get::<_, String>(column)?.chars().next().unwrap_or(' '))
}
