//! Search of messages by words. The words are indexed in `message_words` after the writes, slice by
//! slice; the messages themselves are read by their id.
//!
//! Besides its words a message is indexed under its target, as `#7`, and its sender, as `@ann`. So
//! a common word does not make the search read unrelated messages. No word contains a `#` or `@`.

use super::history;
use super::index::{stretch, words};
use crate::store::{Message, Reply, Request, Target, Trouble};
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::collections::HashMap;

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
