//! History: messages and events in the order of time, and of storing where times are equal.

use super::index::{self, EVENT, Indexable, MESSAGE};
use super::ledger::{self, Ledger};
use crate::store::{
    Limit, Line, Message, Point, Redactor, Reply, Selection, Target, Text, Trouble,
};
use rusqlite::{Connection, ErrorCode, OptionalExtension, Row, params};
use std::borrow::Cow;

pub(super) const FIND_TARGET: &str = "SELECT id FROM target WHERE name = ?1";

pub(super) const FIND_PLACE: &str = "SELECT time, id FROM message WHERE msgid = ?1 AND target = ?2";

// The index ends in the id implicitly. At a point, the rows of its millisecond are read in vain.
pub(super) const FIRST: &str = "
    SELECT msgid, time, source, account, command, tags, text, concat FROM message
    WHERE target = ?1 AND kind = 0 AND (time, id) > (?2, ?3) AND (time, id) < (?4, ?5)
    ORDER BY time, id LIMIT ?6";
pub(super) const LAST: &str = "
    SELECT msgid, time, source, account, command, tags, text, concat FROM message
    WHERE target = ?1 AND kind = 0 AND (time, id) > (?2, ?3) AND (time, id) < (?4, ?5)
    ORDER BY time DESC, id DESC LIMIT ?6";
// Two walks of the index, merged as they go.
pub(super) const FIRST_WITH_EVENTS: &str = "
    SELECT msgid, time, source, account, command, tags, text, concat, id FROM message
    WHERE target = ?1 AND kind = 0 AND (time, id) > (?2, ?3) AND (time, id) < (?4, ?5)
    UNION ALL
    SELECT msgid, time, source, account, command, tags, text, concat, id FROM message
    WHERE target = ?1 AND kind = 1 AND (time, id) > (?2, ?3) AND (time, id) < (?4, ?5)
    ORDER BY time, id LIMIT ?6";
pub(super) const LAST_WITH_EVENTS: &str = "
    SELECT msgid, time, source, account, command, tags, text, concat, id FROM message
    WHERE target = ?1 AND kind = 0 AND (time, id) > (?2, ?3) AND (time, id) < (?4, ?5)
    UNION ALL
    SELECT msgid, time, source, account, command, tags, text, concat, id FROM message
    WHERE target = ?1 AND kind = 1 AND (time, id) > (?2, ?3) AND (time, id) < (?4, ?5)
    ORDER BY time DESC, id DESC LIMIT ?6";
pub(super) const WITH_WHOM: &str = "
    SELECT id, one, other FROM target WHERE one = ?1
    UNION SELECT id, one, other FROM target WHERE other = ?1";
pub(super) const LATEST_TIME: &str = "SELECT max(time) FROM message WHERE target = ?1 AND kind = 0";

pub(super) const FIND_SAID: &str = "
    SELECT id, account, source, tags, text, concat, kind FROM message
    WHERE msgid = ?1 AND target = ?2 AND kind < 2
        AND command IN ('PRIVMSG', 'NOTICE', 'TAGMSG')";
const REDACT: &str =
    "UPDATE message SET kind = 2, text = '', tags = '', concat = NULL WHERE id = ?1";
// No name begins with a space. So the target is no longer found by its name, and retention finds
// it.
const FORGET: &str = "UPDATE target SET name = ' ' || id, one = NULL, other = NULL WHERE name = ?1";

pub(super) const FORGET_ALL_OF: &str = "
    UPDATE target SET name = ' ' || id, one = NULL, other = NULL WHERE one = ?1 OR other = ?1";
const LAST_KEPT: &str = "SELECT time FROM message ORDER BY id DESC LIMIT 1";

const ADD_TARGET: &str = "INSERT INTO target (name, one, other) VALUES (?1, ?2, ?3)";

const ADD_MESSAGE: &str = "
    INSERT INTO message (target, kind, time, msgid, source, account, command, tags, text, concat)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";

pub(super) fn append(
    connection: &Connection,
    ledger: &mut Ledger,
    target: &Target,
    message: &Message,
) -> Result<Reply, Trouble> {
    let id = match target_id(connection, target)? {
        Some(id) => id,
        None => {
            let (one, other) = match target {
                Target::Channel(_) => (None, None),
                Target::Pair(one, other) => (Some(one), Some(other)),
            };
            let mut statement = connection.prepare_cached(ADD_TARGET)?;
            statement.insert(params![name(target), one, other])?
        }
    };
    let kind = if message.is_event() { EVENT } else { MESSAGE };
    let Message { msgid, time_ms, source, account, command, tags, text } = message;
    let (text, concat) = columns(text);
    let row = params![id, kind, time_ms, msgid, source, account, command, tags, text, concat];
    match connection.prepare_cached(ADD_MESSAGE)?.execute(row) {
        Ok(_) => {}
        Err(e) if e.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) => {
            return Err(Trouble::Duplicate);
        }
        Err(e) => return Err(e.into()),
    }
    let fixed =
        msgid.len() + source.len() + account.as_ref().map_or(0, String::len) + command.len();
    let said = tags.len() + text.len() + concat.map_or(0, |concat| concat.len());
    ledger.add(id, 1, ledger::PLACE_BYTES + (fixed + said) as i64);
    Ok(Reply::Appended)
}

pub(super) fn redact(
    connection: &Connection,
    ledger: &mut Ledger,
    target: &Target,
    msgid: &str,
    by: &Redactor,
) -> Result<Reply, Trouble> {
    let unknown = || Ok(Reply::Unknown(msgid.to_owned()));
    let Some(target) = target_id(connection, target)? else { return unknown() };
    let mut statement = connection.prepare_cached(FIND_SAID)?;
    let mut rows = statement.query(params![msgid, target])?;
    let Some(row) = rows.next()? else { return unknown() };
    let account: Option<String> = row.get(1)?;
    match by {
        Redactor::Account(by) if account.as_ref() != Some(by) => return Ok(Reply::Forbidden),
        _ => {}
    }
    let id: i64 = row.get(0)?;
    let (source, tags, text): (String, String, String) = (row.get(2)?, row.get(3)?, row.get(4)?);
    let concat: Option<String> = row.get(5)?;
    let row = Indexable { id, kind: row.get(6)?, target, source: &source, text: &text };
    index::unindex(connection, &row)?;
    connection.prepare_cached(REDACT)?.execute([id])?;
    let bytes = tags.len() + text.len() + concat.map_or(0, |concat| concat.len());
    ledger.add(target, 0, -(bytes as i64));
    Ok(Reply::Redacted)
}

/// Makes the target unreadable. [`super::retention`] removes its messages.
pub(super) fn forget(connection: &Connection, target: &Target) -> Result<Reply, Trouble> {
    connection.prepare_cached(FORGET)?.execute([name(target)])?;
    Ok(Reply::Forgotten)
}

/// Makes all private conversations of a user unreadable.
pub(super) fn forget_conversations(connection: &Connection, user: &str) -> Result<(), Trouble> {
    connection.prepare_cached(FORGET_ALL_OF)?.execute([user])?;
    Ok(())
}

pub(super) fn targets(
    connection: &Connection,
    user: &str,
    channels: &[String],
    (from_ms, to_ms): (i64, i64),
    limit: Limit,
) -> Result<Reply, Trouble> {
    let mut targets = latest_times(connection, user, channels)?;
    targets.retain(|(_, ms)| from_ms.min(to_ms) < *ms && *ms < from_ms.max(to_ms));
    targets.sort_unstable_by(|a, b| (a.1, &a.0).cmp(&(b.1, &b.0)));
    let beyond = targets.len().saturating_sub(limit.get());
    if from_ms <= to_ms {
        targets.truncate(limit.get());
    } else {
        targets.drain(..beyond);
    }
    Ok(Reply::Targets(targets))
}

pub(super) fn target_id(connection: &Connection, target: &Target) -> Result<Option<i64>, Trouble> {
    let mut statement = connection.prepare_cached(FIND_TARGET)?;
    Ok(statement.query_row([name(target)], |row| row.get(0)).optional()?)
}

/// The time of the last stored message.
pub(super) fn last_ms(connection: &Connection) -> Result<Option<i64>, Trouble> {
    let mut statement = connection.prepare_cached(LAST_KEPT)?;
    Ok(statement.query_row([], |row| row.get(0)).optional()?)
}

/// The name of a target: that of a channel, or of two users with a space between, which no name
/// contains.
pub(super) fn name(target: &Target) -> Cow<'_, str> {
    match target {
        Target::Channel(name) => name.into(),
        Target::Pair(one, other) => {
            debug_assert!(one <= other, "made by Target::pair");
            format!("{one} {other}").into()
        }
    }
}

/// A place in the order: the time, and `id` among rows of one time.
type Place = (i64, i64);

const START: Place = (i64::MIN, i64::MIN);

const END: Place = (i64::MAX, i64::MAX);

/// The position of a point: the place of a message, or a gap before and after the rows of an
/// instant.
#[derive(Clone, Copy)]
struct Spot {
    /// Rows before the point are before this place.
    before: Place,
    /// Rows after the point are after this place.
    after: Place,
    /// Rows at the point or after it are after this place.
    just_before: Place,
}

/// A point that has no place.
enum Lost {
    Unknown(String),
    Trouble(Trouble),
}

impl<E: Into<Trouble>> From<E> for Lost {
    fn from(error: E) -> Lost {
        Lost::Trouble(error.into())
    }
}

pub(super) fn select(
    connection: &Connection,
    target: &Target,
    selection: &Selection,
    limit: Limit,
    events: bool,
) -> Result<Reply, Trouble> {
    match selected(connection, target, selection, limit.get(), events) {
        Ok(messages) => Ok(Reply::Messages(messages)),
        Err(Lost::Unknown(msgid)) => Ok(Reply::Unknown(msgid)),
        Err(Lost::Trouble(trouble)) => Err(trouble),
    }
}

fn selected(
    connection: &Connection,
    target: &Target,
    selection: &Selection,
    limit: usize,
    events: bool,
) -> Result<Vec<Message>, Lost> {
    let target = target_id(connection, target)?;
    let (forwards, backwards) = match events {
        false => (FIRST, LAST),
        true => (FIRST_WITH_EVENTS, LAST_WITH_EVENTS),
    };
    let find = |point| spot(connection, target, point);
    let first_within = |bytes, after, before, limit| {
        read(connection, forwards, target, (after, before), limit, bytes)
    };
    let last_within = |bytes, after, before, limit| {
        let mut messages = read(connection, backwards, target, (after, before), limit, bytes)?;
        messages.reverse();
        Ok::<_, Trouble>(messages)
    };
    let first = |after, before, limit| first_within(Reply::BYTES_MAX, after, before, limit);
    let last = |after, before, limit| last_within(Reply::BYTES_MAX, after, before, limit);
    Ok(match selection {
        Selection::Latest(None) => last(START, END, limit)?,
        Selection::Latest(Some(point)) => last(find(point)?.after, END, limit)?,
        Selection::Before(point) => last(START, find(point)?.before, limit)?,
        Selection::After(point) => first(find(point)?.after, END, limit)?,
        Selection::Around(point) => {
            let spot = find(point)?;
            let half = Reply::BYTES_MAX / 2;
            let mut messages = last_within(half, START, spot.before, limit / 2)?;
            messages.extend(first_within(half, spot.just_before, END, limit - limit / 2)?);
            messages
        }
        Selection::Between(from, to) => {
            let (from, to) = (find(from)?, find(to)?);
            match from.before <= to.before {
                true => first(from.after, to.before, limit)?,
                false => last(to.after, from.before, limit)?,
            }
        }
    })
}

fn spot(connection: &Connection, target: Option<i64>, point: &Point) -> Result<Spot, Lost> {
    let msgid = match point {
        Point::Time(ms) => {
            let (first, last) = ((*ms, i64::MIN), (*ms, i64::MAX));
            return Ok(Spot { before: first, after: last, just_before: first });
        }
        Point::Msgid(msgid) => msgid,
    };
    let mut statement = connection.prepare_cached(FIND_PLACE)?;
    let place: Option<Place> = statement
        .query_row(params![msgid, target], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((ms, id)) = place else { return Err(Lost::Unknown(msgid.clone())) };
    Ok(Spot { before: (ms, id), after: (ms, id), just_before: (ms, id.saturating_sub(1)) })
}

/// Reads the rows between two places, in the order of `sql`, within the limits of rows and bytes.
fn read(
    connection: &Connection,
    sql: &str,
    target: Option<i64>,
    (after, before): (Place, Place),
    limit: usize,
    bytes_max: usize,
) -> Result<Vec<Message>, Trouble> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows =
        statement.query(params![target, after.0, after.1, before.0, before.1, limit as i64])?;
    let (mut messages, mut bytes) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        let message = message(row)?;
        bytes += size_of::<Message>() + message.bytes();
        if bytes > bytes_max && !messages.is_empty() {
            break;
        }
        messages.push(message);
    }
    Ok(messages)
}

pub(super) fn message(row: &Row) -> rusqlite::Result<Message> {
    let (text, concat): (String, Option<String>) = (row.get(6)?, row.get(7)?);
    Ok(Message {
        msgid: row.get(0)?,
        time_ms: row.get(1)?,
        source: row.get(2)?,
        account: row.get(3)?,
        command: row.get(4)?,
        tags: row.get(5)?,
        text: text_of(text, concat.as_deref()),
    })
}

/// The columns `text` and `concat`: lines joined by newlines, and a digit for each.
fn columns(text: &Text) -> (Cow<'_, str>, Option<String>) {
    match text {
        Text::Line(line) => (line.into(), None),
        Text::Lines(lines) => {
            let texts: Vec<&str> = lines.iter().map(|line| &*line.text).collect();
            let concat = lines.iter().map(|line| if line.concat { '1' } else { '0' }).collect();
            (texts.join("\n").into(), Some(concat))
        }
    }
}

fn text_of(text: String, concat: Option<&str>) -> Text {
    let Some(concat) = concat else { return Text::Line(text) };
    let lines = text.split('\n').zip(concat.chars());
    Text::Lines(
        lines.map(|(text, concat)| Line { text: text.to_owned(), concat: concat == '1' }).collect(),
    )
}

/// The latest times of the user's conversations and of the channels. This takes a seek for each:
/// some milliseconds for 1,000.
fn latest_times(
    connection: &Connection,
    user: &str,
    channels: &[String],
) -> Result<Vec<(Target, i64)>, Trouble> {
    let mut targets: Vec<(i64, Target)> = Vec::new();
    let mut statement = connection.prepare_cached(WITH_WHOM)?;
    let mut rows = statement.query([user])?;
    while let Some(row) = rows.next()? {
        targets.push((row.get(0)?, Target::Pair(row.get(1)?, row.get(2)?)));
    }
    for channel in channels {
        let target = Target::Channel(channel.clone());
        targets.extend(target_id(connection, &target)?.map(|id| (id, target)));
    }
    let mut statement = connection.prepare_cached(LATEST_TIME)?;
    let mut found = Vec::with_capacity(targets.len());
    for (id, target) in targets {
        let latest: Option<i64> = statement.query_row([id], |row| row.get(0))?;
        found.extend(latest.map(|ms| (target, ms)));
    }
    Ok(found)
}
