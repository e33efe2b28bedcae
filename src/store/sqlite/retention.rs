//! Retention: removes messages of forgotten targets, and those that are too old or too many. It
//! works in slices, each a transaction, so that no request waits long.

use super::history;
use super::index::{self, Indexable};
use super::ledger::{Ledger, ROW_BYTES};
use crate::store::{Keep, Policy, Target, Trouble};
use rusqlite::{Connection, OptionalExtension, Params, params};
use std::collections::HashMap;

/// Messages that are removed in one slice.
const SLICE_MAX: usize = 1000;

/// Targets that one slice of a sweep examines.
const TARGETS_MAX: usize = 1000;

/// Free pages that stay in the file for later messages: 4 MiB.
const FREE_PAGES_KEPT: i64 = 1024;

/// Free pages that are given back at once: 1 MiB.
const PAGES_GIVEN_BACK: i64 = 256;

// Only the names of forgotten targets begin with a space.
pub(super) const FORGOTTEN: &str =
    "SELECT id FROM target WHERE name >= ' ' AND name < '!' ORDER BY name LIMIT 1";
const DROP_TARGET: &str = "DELETE FROM target WHERE id = ?1";
const DROP_MESSAGE: &str = "DELETE FROM message WHERE id = ?1";
pub(super) const SWEPT: &str =
    "SELECT id, name, bytes FROM target WHERE id > ?1 AND messages > 0 ORDER BY id LIMIT ?2";

/// A message this far in the future was sent under a clock that ran ahead.
const AHEAD_MAX_MS: i64 = 3_600_000;

/// A later message with a lower time proves the lower clock right once it is this old.
const PROOF_MS: i64 = 24 * 3_600_000;

/// If no target can exceed its limits, only one sweep in this many is done, for messages of the
/// future.
const SWEEPS_FOR_FUTURE: u32 = 60;

pub(super) const FUTURE: &str =
    "SELECT id FROM message WHERE target = ?1 AND kind IN (0, 1, 2) AND time > ?2 LIMIT ?3";
// The next message is near, or there are few at all.
pub(super) const NEXT: &str =
    "SELECT time FROM message WHERE id > ?1 AND time <= ?2 ORDER BY id LIMIT 1";
const SET_TIME: &str = "UPDATE message SET time = ?2 WHERE id = ?1";

/// The policy, and the progress of the work.
#[derive(Default)]
pub(super) struct Retention {
    policy: Policy,
    /// The overrides of `policy`, by `target.name`.
    keeps: HashMap<String, Keep>,
    /// All forgotten targets are removed.
    forgotten_are_gone: bool,
    /// The id of the last target of the sweep under way; `None` without one.
    swept: Option<i64>,
    /// The clock is doubted: nothing is removed for its age.
    ageing_is_paused: bool,
    /// Number of sweeps that were requested.
    sweeps: u32,
}

/// A row of `message`, to be removed.
struct Doomed {
    id: i64,
    target: i64,
    kind: i64,
    source: String,
    text: String,
    bytes: i64,
}

impl Doomed {
    fn indexable(&self) -> Indexable<'_> {
        let Doomed { id, target, kind, source, text, bytes: _ } = self;
        Indexable { id: *id, kind: *kind, target: *target, source, text }
    }
}

impl Retention {
    pub fn set(&mut self, policy: Policy) {
        let keeps = policy.overrides.iter();
        self.keeps =
            keeps.map(|(target, keep)| (history::name(target).into_owned(), *keep)).collect();
        self.policy = policy;
        self.sweep();
    }

    /// The retention of this target.
    pub fn keep(&self, target: &Target) -> Keep {
        self.keep_named(&history::name(target))
    }

    fn keep_named(&self, name: &str) -> Keep {
        let general = Keep { age_ms: self.policy.age_ms, bytes: None };
        let channel = name.split(',').next().unwrap_or_default();
        self.keeps.get(channel).copied().unwrap_or(general)
    }

    pub fn pause_ageing(&mut self, paused: bool) {
        self.ageing_is_paused = paused;
    }

    pub fn forget(&mut self) {
        self.forgotten_are_gone = false;
    }

    pub fn sweep(&mut self) {
        let finds_much = self.policy.age_ms.is_some() || !self.keeps.is_empty();
        if finds_much || self.sweeps.is_multiple_of(SWEEPS_FOR_FUTURE) {
            self.swept = Some(i64::MIN);
        }
        self.sweeps = self.sweeps.wrapping_add(1);
    }

    /// Removes a slice, in the transaction that is open. Returns whether there may be more.
    pub fn remove(
        &mut self,
        connection: &Connection,
        ledger: &mut Ledger,
        now_ms: i64,
    ) -> Result<bool, Trouble> {
        if !self.forgotten_are_gone {
            self.forgotten_are_gone = !remove_forgotten(connection, ledger)?;
            return Ok(true);
        }
        let excess =
            self.policy.bytes.map_or(0, |bytes| ledger.kept().bytes.saturating_sub_unsigned(bytes));
        if excess > 0 {
            let oldest = rows("ORDER BY id LIMIT ?1");
            let doomed = up_to(read(connection, &oldest, [SLICE_MAX as i64])?, excess);
            remove(connection, ledger, &doomed)?;
            return Ok(!doomed.is_empty());
        }
        let Some(swept) = self.swept else { return Ok(false) };
        self.swept = self.sweep_on(connection, ledger, swept, now_ms)?;
        Ok(true)
    }

    /// Sweeps the targets after `swept` until a slice is full. Returns the last one.
    fn sweep_on(
        &self,
        connection: &Connection,
        ledger: &mut Ledger,
        swept: i64,
        now_ms: i64,
    ) -> Result<Option<i64>, Trouble> {
        let mut statement = connection.prepare_cached(SWEPT)?;
        let targets: Vec<(i64, String, i64)> = statement
            .query_map(params![swept, TARGETS_MAX as i64], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })?
            .collect::<Result<_, _>>()?;
        let mut come_to = None;
        for (target, name, bytes) in targets {
            if !self.ageing_is_paused {
                bring_back(connection, target, now_ms)?;
            }
            let doomed = self.doomed(connection, target, &name, bytes, now_ms)?;
            if !doomed.is_empty() {
                remove(connection, ledger, &doomed)?;
                // This target may have more.
                return Ok(come_to.or(Some(swept)));
            }
            come_to = Some(target);
        }
        Ok(come_to)
    }

    /// A slice of the messages that exceed the target's limits.
    fn doomed(
        &self,
        connection: &Connection,
        target: i64,
        name: &str,
        bytes: i64,
        now_ms: i64,
    ) -> Result<Vec<Doomed>, Trouble> {
        let keep = self.keep_named(name);
        let last_ms = match keep.nothing() {
            true => Some(i64::MAX),
            false if self.ageing_is_paused => None,
            false => keep.age_ms.map(|age_ms| now_ms.saturating_sub(age_ms).saturating_sub(1)),
        };
        if let Some(last_ms) = last_ms {
            let old = rows("WHERE target = ?1 AND kind IN (0, 1, 2) AND time <= ?2 LIMIT ?3");
            let doomed = read(connection, &old, params![target, last_ms, SLICE_MAX as i64])?;
            if !doomed.is_empty() {
                return Ok(doomed);
            }
        }
        let excess = keep.bytes.map_or(0, |most| bytes.saturating_sub_unsigned(most));
        if excess <= 0 {
            return Ok(Vec::new());
        }
        let oldest = read(connection, &first_of_target(), params![target, SLICE_MAX as i64])?;
        Ok(up_to(oldest, excess))
    }
}

/// Gives a target's messages of the future the time of the next stored one, if that is old enough.
fn bring_back(connection: &Connection, target: i64, now_ms: i64) -> Result<(), Trouble> {
    let mut statement = connection.prepare_cached(FUTURE)?;
    let bounds = params![target, now_ms.saturating_add(AHEAD_MAX_MS), SLICE_MAX as i64];
    let ahead = statement.query_map(bounds, |row| row.get(0))?;
    let ahead: Vec<i64> = ahead.collect::<Result<_, _>>()?;
    let mut next = connection.prepare_cached(NEXT)?;
    let mut set_time = connection.prepare_cached(SET_TIME)?;
    for id in ahead {
        let proof = params![id, now_ms.saturating_sub(PROOF_MS)];
        if let Some(time) = next.query_row(proof, |row| row.get::<_, i64>(0)).optional()? {
            set_time.execute([id, time])?;
        }
    }
    Ok(())
}

/// SQL for the columns of [`Doomed`], from the rows of `which`.
fn rows(which: &str) -> String {
    format!("SELECT id, target, kind, source, text, {ROW_BYTES} FROM message {which}")
}

/// SQL for a target's rows of all kinds, in order.
pub(super) fn first_of_target() -> String {
    let of_kind = |kind| {
        let columns = format!("SELECT id, target, kind, source, text, {ROW_BYTES}, time");
        format!("{columns} FROM message WHERE target = ?1 AND kind = {kind}")
    };
    let kinds = [0, 1, 2].map(of_kind).join(" UNION ALL ");
    format!("{kinds} ORDER BY 7, 1 LIMIT ?2")
}

fn read(connection: &Connection, sql: &str, given: impl Params) -> Result<Vec<Doomed>, Trouble> {
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map(given, |row| {
        Ok(Doomed {
            id: row.get(0)?,
            target: row.get(1)?,
            kind: row.get(2)?,
            source: row.get(3)?,
            text: row.get(4)?,
            bytes: row.get(5)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The first rows that together count `bytes` or just more.
fn up_to(mut doomed: Vec<Doomed>, bytes: i64) -> Vec<Doomed> {
    let mut sum = 0;
    let enough = doomed.iter().take_while(|row| {
        let wanted = sum < bytes;
        sum += row.bytes;
        wanted
    });
    doomed.truncate(enough.count());
    doomed
}

/// Removes rows. Their words stay in the index until FTS5 merges that part of it: erasing them at
/// once, as for redacted messages, takes 20 times as long.
fn remove(connection: &Connection, ledger: &mut Ledger, doomed: &[Doomed]) -> Result<(), Trouble> {
    index::erase(connection, false)?;
    let mut statement = connection.prepare_cached(DROP_MESSAGE)?;
    for row in doomed {
        index::unindex(connection, &row.indexable())?;
        statement.execute([row.id])?;
        ledger.add(row.target, -1, -row.bytes);
    }
    index::erase(connection, true)?;
    index::step_back(connection)
}

/// Removes a slice of forgotten targets. Returns whether there was any.
fn remove_forgotten(connection: &Connection, ledger: &mut Ledger) -> Result<bool, Trouble> {
    let mut statement = connection.prepare_cached(FORGOTTEN)?;
    let Some(target) = statement.query_row([], |row| row.get::<_, i64>(0)).optional()? else {
        return Ok(false);
    };
    let some = rows("WHERE target = ?1 LIMIT ?2");
    let doomed = read(connection, &some, params![target, SLICE_MAX as i64])?;
    remove(connection, ledger, &doomed)?;
    if doomed.is_empty() {
        connection.prepare_cached(DROP_TARGET)?.execute([target])?;
    }
    Ok(true)
}

/// Shrinks the file a bit, if much of it is free. Returns whether it did.
pub(super) fn give_back(connection: &Connection) -> Result<bool, Trouble> {
    let free = |row: &rusqlite::Row| row.get::<_, i64>(0);
    if connection.query_row("PRAGMA freelist_count", [], free)? <= FREE_PAGES_KEPT {
        return Ok(false);
    }
    // Each step frees a page.
    let mut statement =
        connection.prepare(&format!("PRAGMA incremental_vacuum({PAGES_GIVEN_BACK})"))?;
    let mut rows = statement.query([])?;
    while rows.next()?.is_some() {}
    Ok(true)
}
