//! Counts of messages and their bytes: by target, in the table `target`, and in all, in memory. So
//! no limit needs a scan.

use crate::store::Trouble;
use rusqlite::{Connection, params};
use std::collections::HashMap;

/// Bytes that a message counts beside its fields, for its place and its indices.
pub(super) const PLACE_BYTES: i64 = 64;

/// The bytes that a row of `message` counts, as given to [`Ledger::add`].
pub(super) const ROW_BYTES: &str = "(64 + octet_length(msgid) + octet_length(source)
    + coalesce(octet_length(account), 0) + octet_length(command) + octet_length(tags)
    + octet_length(text) + coalesce(octet_length(concat), 0))";

const WRITE: &str = "UPDATE target SET messages = messages + ?2, bytes = bytes + ?3 WHERE id = ?1";

/// Targets whose counts are wrong: a scan of all messages.
pub(super) fn wrong(connection: &Connection, limit: i64) -> Result<Vec<String>, Trouble> {
    let sql = format!(
        "SELECT name FROM target LEFT JOIN
             (SELECT target, count(*) AS counted, sum({ROW_BYTES}) AS taken
              FROM message GROUP BY target) ON target = target.id
         WHERE messages <> coalesce(counted, 0) OR bytes <> coalesce(taken, 0) LIMIT ?1"
    );
    let mut statement = connection.prepare(&sql)?;
    let rows = statement.query_map([limit], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The committed counts, and the changes of the open transaction.
#[derive(Default)]
pub(super) struct Ledger {
    kept: Count,
    /// The changes by `target.id`.
    changes: HashMap<i64, Count>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(super) struct Count {
    pub messages: i64,
    pub bytes: i64,
}

impl Ledger {
    /// Reads the counts: a scan of the targets.
    pub fn read(connection: &Connection) -> Result<Ledger, Trouble> {
        let sql = "SELECT coalesce(sum(messages), 0), coalesce(sum(bytes), 0) FROM target";
        let kept = connection
            .query_row(sql, [], |row| Ok(Count { messages: row.get(0)?, bytes: row.get(1)? }))?;
        Ok(Ledger { kept, changes: HashMap::new() })
    }

    pub fn add(&mut self, target: i64, messages: i64, bytes: i64) {
        let change = self.changes.entry(target).or_default();
        change.messages += messages;
        change.bytes += bytes;
    }

    /// Writes the changes into `target`. Then call [`Ledger::commit`] or [`Ledger::roll_back`], as
    /// for the transaction.
    pub fn write(&self, connection: &Connection) -> Result<(), Trouble> {
        let mut statement = connection.prepare_cached(WRITE)?;
        for (target, change) in &self.changes {
            statement.execute(params![target, change.messages, change.bytes])?;
        }
        Ok(())
    }

    pub fn commit(&mut self) {
        for (_, change) in self.changes.drain() {
            self.kept.messages += change.messages;
            self.kept.bytes += change.bytes;
        }
    }

    pub fn roll_back(&mut self) {
        self.changes.clear();
    }

    /// The count of all committed messages.
    pub fn kept(&self) -> Count {
        self.kept
    }
}
