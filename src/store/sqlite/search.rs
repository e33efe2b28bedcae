//! Search of messages by words. The words are indexed in `message_words` after the writes, slice by
//! slice; the messages themselves are read by their id.
//!
//! Besides its words a message is indexed under its target, as `#7`, and its sender, as `@ann`. So
//! a common word does not make the search read unrelated messages. No word contains a `#` or `@`.

use super::history;
use crate::store::{Message, Reply, Request, Target, Trouble};
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::collections::HashMap;
use std::fmt::Write;

/// A term is rare in at most this many messages. A search with a rare term covers all messages.
/// Finding out takes a millisecond for each word.
pub(super) const RARE_MAX: i64 = 20_000;

/// A search with common terms alone covers the last 500,000 to 750,000 messages, in at most some 40
/// ms. Terms that are each in one of 500 messages, but hardly ever together, would take a minute
/// for a billion.
const STRETCHES: i64 = 3;

/// The most messages that a search reads: its results, and those that turn out to be of another
/// time. Some 5 µs each.
const CANDIDATES_MAX: usize = 4000;

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
pub(super) const MATCHING: &str = "
    SELECT rowid FROM message_words
    WHERE message_words MATCH ?1 AND rowid BETWEEN ?2 AND ?3 ORDER BY rowid DESC";
pub(super) const MESSAGE: &str = "
    SELECT msgid, time, source, account, command, tags, text, concat, target
    FROM message WHERE id = ?1 AND kind = 0";
pub(super) const FIRST_AFTER: &str = "
    SELECT id FROM message WHERE target = ?1 AND kind = 0 AND time > ?2
    ORDER BY time, id LIMIT 1";
pub(super) const LAST_BEFORE: &str = "
    SELECT id FROM message WHERE target = ?1 AND kind = 0 AND time < ?2
    ORDER BY time DESC, id DESC LIMIT 1";
const IS_COMMON: &str =
    "SELECT 1 FROM message_words WHERE message_words MATCH ?1 LIMIT 1 OFFSET ?2";
const HOW_MANY: &str = "SELECT messages FROM target WHERE id = ?1";
pub(super) const LAST_ID: &str = "SELECT coalesce(max(id), 0) FROM message";

/// The criteria of a [`Request::Search`].
pub(super) struct Search<'a> {
    pub targets: &'a [Target],
    pub words: &'a str,
    pub from: Option<&'a str>,
    pub after_ms: i64,
    pub before_ms: i64,
    pub limit: usize,
    pub rare_max: i64,
}

/// Searches the index. A time is found by the ids of its messages, so that those sent while the
/// clock went back may be missed.
pub(super) fn search(connection: &Connection, search: &Search) -> Result<Reply, Trouble> {
    let mut targets = HashMap::new();
    for target in search.targets {
        let id = history::target_id(connection, target)?;
        targets.extend(id.map(|id| (id, target)));
    }
    let Some((first, last)) = span(connection, search, &targets)? else {
        return Ok(Reply::Found(Vec::new()));
    };
    let Some(query) = query(connection, search, &targets, last)? else {
        return Ok(Reply::Found(Vec::new()));
    };
    let mut matching = connection.prepare_cached(MATCHING)?;
    let mut ids = matching.query(params![query, first, last])?;
    let (mut found, mut bytes) = (Vec::new(), 0);
    for _ in 0..CANDIDATES_MAX {
        if found.len() == search.limit {
            break;
        }
        let Some(row) = ids.next()? else { break };
        let Some((target, message)) = message(connection, row.get(0)?)? else { continue };
        let in_time = search.after_ms < message.time_ms && message.time_ms < search.before_ms;
        if let Some(target) = targets.get(&target).filter(|_| in_time) {
            bytes += size_of::<Message>() + message.bytes();
            if bytes > Reply::BYTES_MAX && !found.is_empty() {
                break;
            }
            found.push(((*target).clone(), message));
        }
    }
    Ok(Reply::Found(found))
}

/// The message of this id, with its target's id.
fn message(connection: &Connection, id: i64) -> Result<Option<(i64, Message)>, Trouble> {
    let mut statement = connection.prepare_cached(MESSAGE)?;
    let read = |row: &Row| Ok((row.get(8)?, history::message(row)?));
    Ok(statement.query_row([id], read).optional()?)
}

/// The query in FTS5's language, each word in quotes; `None` if nothing can match.
fn query(
    connection: &Connection,
    search: &Search,
    targets: &HashMap<i64, &Target>,
    last: i64,
) -> Result<Option<String>, Trouble> {
    let mut terms: Vec<String> = words(search.words)
        .take(Request::SEARCH_WORDS_MAX)
        .map(|word| format!("\"{word}\""))
        .collect();
    if terms.is_empty() && !search.words.trim().is_empty() {
        return Ok(None);
    }
    if let Some(nick) = search.from {
        if nick.contains(char::is_whitespace) {
            return Ok(None);
        }
        terms.push(format!("\"@{}\"", nick.replace('"', "\"\"")));
    }
    let within = targets.keys().map(|id| format!("\"#{id}\""));
    let within = format!("({})", within.collect::<Vec<_>>().join(" OR "));
    let all_common = is_common_within(connection, search, targets)?
        && all_common(connection, &terms, search.rare_max)?;
    // A single term is never read in vain.
    if all_common && !terms.is_empty() {
        let stretches = (0..STRETCHES).map(|back| format!("\"%{}\"", stretch(last) - back));
        terms.push(format!("({})", stretches.collect::<Vec<_>>().join(" OR ")));
    }
    terms.push(within);
    Ok(Some(terms.join(" AND ")))
}

/// Whether the targets together have more than [`RARE_MAX`] messages.
fn is_common_within(
    connection: &Connection,
    search: &Search,
    targets: &HashMap<i64, &Target>,
) -> Result<bool, Trouble> {
    let mut statement = connection.prepare_cached(HOW_MANY)?;
    let mut messages = 0;
    for id in targets.keys() {
        messages += statement.query_row([id], |row| row.get::<_, i64>(0))?;
    }
    Ok(messages > search.rare_max)
}

fn all_common(connection: &Connection, terms: &[String], rare_max: i64) -> Result<bool, Trouble> {
    let mut statement = connection.prepare_cached(IS_COMMON)?;
    for term in terms {
        if !statement.exists(params![term, rare_max])? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The stretch of messages that an id is in.
fn stretch(id: i64) -> i64 {
    id >> 18
}

/// The ids of the first and the last message that may be of the wanted time.
fn span(
    connection: &Connection,
    search: &Search,
    targets: &HashMap<i64, &Target>,
) -> Result<Option<(i64, i64)>, Trouble> {
    let ids = |sql, ms: i64| -> Result<Vec<i64>, Trouble> {
        let mut statement = connection.prepare_cached(sql)?;
        let mut ids = Vec::new();
        for target in targets.keys() {
            let id = statement.query_row(params![target, ms], |row| row.get::<_, i64>(0));
            ids.extend(id.optional()?);
        }
        Ok(ids)
    };
    let first = ids(FIRST_AFTER, search.after_ms)?.into_iter().min();
    let last = ids(LAST_BEFORE, search.before_ms)?.into_iter().max();
    Ok(first.zip(last))
}

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
        if kind == history::MESSAGE {
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
    if kind != history::MESSAGE || id > indexed(connection)? {
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
    log::warn!("the index of words was damaged: it is being rebuilt from the messages");
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

/// The words of a text: runs of letters and digits, with combining accents.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let part = |c: char| c.is_alphanumeric() || ('\u{300}'..='\u{36f}').contains(&c);
    text.split(move |c| !part(c)).filter(|word| word.contains(char::is_alphanumeric))
}
