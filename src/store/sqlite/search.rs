//! Search: which messages say certain words. The words go into `message_words` behind the writes,
//! slice by slice, and are looked up there; the messages themselves are read by their number.
//!
//! Beside its words a message is filed under its target, as `#7`, and who said it, as `@ann`, so
//! that of what a common word finds only what is wanted is read. No word has a `#` or `@` in it.

use super::history;
use crate::store::{Limit, Message, Reply, Request, Target, Trouble};
use rusqlite::{Connection, OptionalExtension, params};
use std::fmt::Write;

pub(super) const INDEXED: &str = "SELECT message FROM progress WHERE work = 'message_words'";
const SET_INDEXED: &str = "UPDATE progress SET message = ?1 WHERE work = 'message_words'";
pub(super) const UNINDEXED: &str =
    "SELECT id, kind, target, source, text FROM message WHERE id > ?1 ORDER BY id LIMIT ?2";
const INDEX: &str = "INSERT INTO message_words (rowid, words) VALUES (?1, ?2)";
const UNINDEX: &str =
    "INSERT INTO message_words (message_words, rowid, words) VALUES ('delete', ?1, ?2)";
pub(super) const LAST_ID: &str = "SELECT coalesce(max(id), 0) FROM message";

/// The last message, by number, whose words are filed.
pub(super) fn indexed(connection: &Connection) -> Result<i64, Trouble> {
    Ok(connection.prepare_cached(INDEXED)?.query_row([], |row| row.get(0))?)
}

/// Takes what is said in a message out of the index, if it is there.
pub(super) fn unindex(
    connection: &Connection,
    id: i64,
    target: i64,
    source: &str,
    text: &str,
) -> Result<(), Trouble> {
    if id <= indexed(connection)? {
        connection.prepare_cached(UNINDEX)?.execute(params![id, filed(target, source, text)])?;
    }
    Ok(())
}

/// What a message is filed under: the same whenever it is asked for the same.
fn filed(target: i64, source: &str, text: &str) -> String {
    let nick = source.split('!').next().unwrap_or_default();
    let mut filed = format!("#{target} @{nick}");
    for word in words(text) {
        write!(filed, " {word}").expect("a string takes it");
    }
    filed
}

/// Letters and digits that stand together, with accents that are written after their letter.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let part = |c: char| c.is_alphanumeric() || ('\u{300}'..='\u{36f}').contains(&c);
    text.split(move |c| !part(c)).filter(|word| word.contains(char::is_alphanumeric))
}
