//! Bans of the server.

use crate::store::{BanKind, BanRecord, Reply, Trouble};
use rusqlite::{Connection, params};

const ADD: &str = "
    INSERT INTO ban (kind, what, reason, setter, created, expires) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
    ON CONFLICT (kind, what) DO UPDATE SET
        reason = excluded.reason, setter = excluded.setter, created = excluded.created,
        expires = excluded.expires";
const DROP: &str = "DELETE FROM ban WHERE kind = ?1 AND what = ?2";
pub(super) const ALL: &str =
    "SELECT kind, what, reason, setter, created, expires FROM ban ORDER BY id";

pub(super) fn add(connection: &Connection, ban: &BanRecord) -> Result<Reply, Trouble> {
    let BanRecord { kind, what, reason, setter, created_s, expires_s } = ban;
    let row = params![kind.name(), what, reason, setter, created_s, expires_s];
    connection.prepare_cached(ADD)?.execute(row)?;
    Ok(Reply::Saved)
}

pub(super) fn drop(connection: &Connection, kind: BanKind, what: &str) -> Result<Reply, Trouble> {
    connection.prepare_cached(DROP)?.execute(params![kind.name(), what])?;
    Ok(Reply::Dropped)
}

pub(super) fn all(connection: &Connection) -> Result<Reply, Trouble> {
    let mut statement = connection.prepare_cached(ALL)?;
    let mut rows = statement.query([])?;
    let mut bans = Vec::new();
    while let Some(row) = rows.next()? {
        let kind: String = row.get(0)?;
        let unknown = || Trouble::Corrupt(format!("there is no kind of ban {kind:?}"));
        bans.push(BanRecord {
            kind: BanKind::of(&kind).ok_or_else(unknown)?,
            what: row.get(1)?,
            reason: row.get(2)?,
            setter: row.get(3)?,
            created_s: row.get(4)?,
            expires_s: row.get(5)?,
        });
    }
    Ok(Reply::Bans(bans))
}
