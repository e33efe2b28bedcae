//! The word index of messages, which is filled in behind the writing.

use crate::store::Trouble;
use rusqlite::{Connection, params};
use std::fmt::Write;

// The column `kind`: a message, an event, or a redacted one of either.
pub(super) const MESSAGE: i64 = 0;

pub(super) const EVENT: i64 = 1;

pub(super) const INDEXED: &str = "SELECT message FROM progress WHERE work = 'message_words'";

const SET_INDEXED: &str = "UPDATE progress SET message = ?1 WHERE work = 'message_words'";

const ERASE: &str = "INSERT INTO message_words (message_words, rank) VALUES ('secure-delete', ?1)";

const STEP_BACK: &str = "
    UPDATE progress SET message = min(message, (SELECT coalesce(max(id), 0) FROM message))
    WHERE work = 'message_words'";
pub(super) const UNINDEXED: &str =
    "SELECT id, kind, target, source, text FROM message WHERE id > ?1 ORDER BY id LIMIT ?2";
const INDEX: &str = "INSERT INTO message_words (rowid, words) VALUES (?1, ?2)";

const UNINDEX: &str =
    "INSERT INTO message_words (message_words, rowid, words) VALUES ('delete', ?1, ?2)";
const EMPTY: &str = "
    INSERT INTO message_words (message_words) VALUES ('delete-all');
    UPDATE progress SET message = 0 WHERE work = 'message_words'";

pub(super) const LAST_ID: &str = "SELECT coalesce(max(id), 0) FROM message";

/// The id of the last indexed message.
pub(super) fn indexed(connection: &Connection) -> Result<i64, Trouble> {
    Ok(connection.prepare_cached(INDEXED)?.query_row([], |row| row.get(0))?)
}

/// The number of messages that may not be indexed yet.
pub(super) fn unindexed(connection: &Connection) -> Result<i64, Trouble> {
    let last: i64 = connection.prepare_cached(LAST_ID)?.query_row([], |row| row.get(0))?;
    Ok((last - indexed(connection)?).max(0))
}

/// Indexes the next messages, at most `limit`. Returns how many it examined.
pub(super) fn index(connection: &Connection, limit: usize) -> Result<usize, Trouble> {
    let mut unindexed = connection.prepare_cached(UNINDEXED)?;
    let mut index = connection.prepare_cached(INDEX)?;
    let mut rows = unindexed.query(params![indexed(connection)?, limit as i64])?;
    let (mut count, mut last) = (0, None);
    while let Some(row) = rows.next()? {
        let (id, kind): (i64, i64) = (row.get(0)?, row.get(1)?);
        if kind == MESSAGE {
            let (source, text): (String, String) = (row.get(3)?, row.get(4)?);
            let words = filed(id, row.get(2)?, &source, &text);
            match index.execute(params![id, words]).map_err(Trouble::from) {
                Err(Trouble::Index) => return start_over(connection).map(|()| 1),
                done => done?,
            };
        }
        (count, last) = (count + 1, Some(id));
    }
    if let Some(last) = last {
        connection.prepare_cached(SET_INDEXED)?.execute([last])?;
    }
    Ok(count)
}

/// Sets whether words removed from the index are also erased from the file.
pub(super) fn erase(connection: &Connection, at_once: bool) -> Result<(), Trouble> {
    connection.prepare_cached(ERASE)?.execute([at_once])?;
    Ok(())
}

/// Call this when the last messages were removed, as their ids will be reused.
pub(super) fn step_back(connection: &Connection) -> Result<(), Trouble> {
    connection.prepare_cached(STEP_BACK)?.execute([])?;
    Ok(())
}

/// A row of `message`, as the index sees it.
pub(super) struct Indexable<'a> {
    pub id: i64,
    pub kind: i64,
    pub target: i64,
    pub source: &'a str,
    pub text: &'a str,
}

/// Removes a row from the index, if it is there. FTS5 reports damage for rows it never had, so
/// events, redacted and not yet indexed messages are left alone.
pub(super) fn unindex(connection: &Connection, row: &Indexable) -> Result<(), Trouble> {
    let Indexable { id, kind, target, source, text } = *row;
    if kind != MESSAGE || id > indexed(connection)? {
        return Ok(());
    }
    let words = filed(id, target, source, text);
    match connection.prepare_cached(UNINDEX)?.execute(params![id, words]).map_err(Trouble::from) {
        Err(Trouble::Index) => start_over(connection),
        done => done.map(|_| ()),
    }
}

/// Empties the index, to be rebuilt in the background.
pub(super) fn start_over(connection: &Connection) -> Result<(), Trouble> {
    log::warn!("the index of words was damaged: it is made anew from the messages");
    connection.execute_batch(EMPTY)?;
    Ok(())
}

/// The terms of a message: always the same for the same message.
fn filed(id: i64, target: i64, source: &str, text: &str) -> String {
    let nick = source.split('!').next().unwrap_or_default();
    let mut filed = format!("%{} #{target} @{nick}", stretch(id));
    for word in words(text) {
        write!(filed, " {word}").expect("a string takes it");
    }
    filed
}

/// The stretch of messages that an id is in.
pub(super) fn stretch(id: i64) -> i64 {
    id >> 18
}

/// The words of a text: runs of letters and digits, with combining accents.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    let part = |c: char| c.is_alphanumeric() || ('\u{300}'..='\u{36f}').contains(&c);
    text.split(move |c| !part(c)).filter(|word| word.contains(char::is_alphanumeric))
}
