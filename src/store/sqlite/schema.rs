//! The schema, its versions, and the way from one to the next. docs/schema.md explains it.

use crate::store::Trouble;
use rusqlite::Connection;

/// The step to each version from the one before. A released step is never changed: a new version is
/// a further step.
pub(super) const STEPS: &[&str] = &[
    "
    CREATE TABLE target (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        one TEXT,
        other TEXT,
        messages INTEGER NOT NULL DEFAULT 0,
        bytes INTEGER NOT NULL DEFAULT 0,
        CHECK ((one IS NULL) = (other IS NULL))
    ) STRICT;
    CREATE INDEX target_by_one ON target (one) WHERE one IS NOT NULL;
    CREATE INDEX target_by_other ON target (other) WHERE other IS NOT NULL;
    CREATE TABLE message (
        id INTEGER PRIMARY KEY,
        target INTEGER NOT NULL REFERENCES target,
        kind INTEGER NOT NULL CHECK (kind IN (0, 1, 2)),
        time INTEGER NOT NULL,
        msgid TEXT NOT NULL,
        source TEXT NOT NULL,
        account TEXT,
        command TEXT NOT NULL,
        tags TEXT NOT NULL,
        text TEXT NOT NULL,
        concat TEXT,
        UNIQUE (msgid, target)
    ) STRICT;
    CREATE INDEX message_in_order ON message (target, kind, time);
    CREATE VIRTUAL TABLE message_words USING fts5(
        words, content = '', columnsize = 0, detail = none,
        tokenize = \"unicode61 remove_diacritics 2 categories 'L* M* N* P* S* C*'\"
    );
    INSERT INTO message_words (message_words, rank) VALUES ('secure-delete', 1);
    CREATE TABLE progress (
        work TEXT PRIMARY KEY,
        message INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    INSERT INTO progress VALUES ('message_words', 0);
    CREATE TABLE account (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL,
        folded TEXT NOT NULL UNIQUE,
        skeleton TEXT NOT NULL UNIQUE,
        verifier TEXT NOT NULL,
        email TEXT,
        always_on INTEGER NOT NULL CHECK (always_on IN (0, 1)),
        created INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE invitation (
        token_hash TEXT PRIMARY KEY,
        created INTEGER NOT NULL,
        expires INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE marker (
        account INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
        target TEXT NOT NULL,
        time INTEGER NOT NULL,
        PRIMARY KEY (account, target)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE channel (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL,
        folded TEXT NOT NULL UNIQUE,
        founder INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
        created INTEGER NOT NULL,
        modes TEXT NOT NULL,
        topic TEXT,
        topic_setter TEXT,
        topic_time INTEGER,
        CHECK ((topic IS NULL) = (topic_setter IS NULL) AND (topic IS NULL) = (topic_time IS NULL))
    ) STRICT;
    CREATE INDEX channel_by_founder ON channel (founder);
    CREATE TABLE channel_list (
        channel INTEGER NOT NULL REFERENCES channel ON DELETE CASCADE,
        place INTEGER NOT NULL,
        list TEXT NOT NULL,
        mask TEXT NOT NULL,
        setter TEXT NOT NULL,
        time INTEGER NOT NULL,
        PRIMARY KEY (channel, place)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE channel_account (
        channel INTEGER NOT NULL REFERENCES channel ON DELETE CASCADE,
        place INTEGER NOT NULL,
        account INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
        rank TEXT NOT NULL,
        PRIMARY KEY (channel, place)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX channel_account_by_account ON channel_account (account);
    CREATE TABLE channel_metadata (
        channel INTEGER NOT NULL REFERENCES channel ON DELETE CASCADE,
        place INTEGER NOT NULL,
        key TEXT NOT NULL,
        value TEXT NOT NULL,
        PRIMARY KEY (channel, place)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE presence (
        account INTEGER PRIMARY KEY REFERENCES account ON DELETE CASCADE,
        nick TEXT NOT NULL,
        username TEXT NOT NULL,
        realname TEXT NOT NULL,
        host TEXT NOT NULL,
        modes TEXT NOT NULL,
        away TEXT,
        signed_on INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE presence_channel (
        account INTEGER NOT NULL REFERENCES presence ON DELETE CASCADE,
        place INTEGER NOT NULL,
        name TEXT NOT NULL,
        ranks TEXT NOT NULL,
        PRIMARY KEY (account, place)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE presence_metadata (
        account INTEGER NOT NULL REFERENCES presence ON DELETE CASCADE,
        place INTEGER NOT NULL,
        key TEXT NOT NULL,
        value TEXT NOT NULL,
        PRIMARY KEY (account, place)
    ) STRICT, WITHOUT ROWID;
",
    "
    CREATE TABLE certificate (
        fingerprint TEXT PRIMARY KEY,
        account INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
        created INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX certificate_by_account ON certificate (account);
    CREATE TABLE ban (
        id INTEGER PRIMARY KEY,
        kind TEXT NOT NULL CHECK (kind IN ('account', 'address', 'mask')),
        what TEXT NOT NULL,
        reason TEXT NOT NULL,
        setter TEXT NOT NULL,
        created INTEGER NOT NULL,
        expires INTEGER,
        UNIQUE (kind, what)
    ) STRICT;
    CREATE TABLE audit (
        id INTEGER PRIMARY KEY,
        time INTEGER NOT NULL,
        operator TEXT NOT NULL,
        source TEXT NOT NULL,
        address TEXT NOT NULL,
        command TEXT NOT NULL,
        target TEXT NOT NULL,
        reason TEXT NOT NULL
    ) STRICT;
    CREATE INDEX audit_in_order ON audit (time);
    ALTER TABLE channel_list ADD COLUMN expires INTEGER;
",
    "
    ALTER TABLE account ADD COLUMN replay INTEGER NOT NULL DEFAULT 1 CHECK (replay IN (0, 1));
    CREATE TABLE known (
        account INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
        mark INTEGER NOT NULL,
        time INTEGER NOT NULL,
        PRIMARY KEY (account, mark)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX known_in_order ON known (time);
    ALTER TABLE presence ADD COLUMN acted INTEGER NOT NULL DEFAULT 0;
",
];

/// `PRAGMA application_id`: "Ston".
pub(super) const APPLICATION: i64 = 0x5374_6f6e;

/// The version of a database's schema, 0 for an empty one. Fails if it isn't ours, or newer than
/// `steps`.
pub(super) fn version(connection: &Connection, steps: &[&str]) -> Result<i64, Trouble> {
    let number = |sql| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
    let found = number("PRAGMA user_version")?;
    let known = steps.len() as i64;
    if number("SELECT count(*) FROM sqlite_schema")? == 0 && found == 0 {
        return Ok(0);
    }
    if number("PRAGMA application_id")? != APPLICATION || found < 1 {
        return Err(Trouble::Foreign);
    }
    if found > known {
        return Err(Trouble::Newer { found, known });
    }
    Ok(found)
}

/// The text of the schema, for a comparison; without the table that only backups have.
pub(super) fn text(connection: &Connection) -> Result<Vec<String>, Trouble> {
    let sql = "SELECT name || ' ' || coalesce(sql, '') FROM sqlite_schema WHERE name NOT LIKE 'sqlite_stat%'
               AND name <> 'secret' ORDER BY name";
    let mut statement = connection.prepare(sql)?;
    let rows = statement.query_map([], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}
