//! Errors of the store, in words for its operator.

use std::error::Error;
use std::fmt;

/// An error of the store; its text is for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Another program keeps the database locked.
    Busy,
    /// No space is left.
    Full,
    /// The database can be read but not written.
    ReadOnly,
    /// The database is damaged; the text is SQLite's.
    Corrupt(String),
    /// The index of words is damaged. No message is lost: the index is rebuilt from them.
    Index,
    /// A later version has written the database.
    Newer {
        /// The version of its schema.
        found: i64,
        /// The last version that this program knows.
        known: i64,
    },
    /// The database belongs to another program.
    Foreign,
    /// The file was moved or replaced since it was opened.
    Gone,
    /// The target already has a message of this id.
    Duplicate,
    /// Any other error; the text is SQLite's or the system's.
    Other(String),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Trouble::Busy => f.write_str("another program keeps the database locked"),
            Trouble::Full => f.write_str("no space is left on the disk for the database"),
            Trouble::ReadOnly => f.write_str("the database cannot be written to, only read"),
            Trouble::Corrupt(why) => write!(f, "the database is damaged ({why}): restore a backup"),
            Trouble::Index => {
                f.write_str("the index of words is damaged and is being rebuilt: try again later")
            }
            Trouble::Newer { found, known } => write!(
                f,
                "a later version of stonechat has written the database (schema {found}, this one \
                 knows up to {known}): run that version, or restore a backup"
            ),
            Trouble::Foreign => f.write_str("the database belongs to another program"),
            Trouble::Gone => f.write_str(
                "the database's file was removed or replaced: put it back, or start again",
            ),
            Trouble::Duplicate => f.write_str("a message of this id is already stored"),
            Trouble::Other(why) => write!(f, "the database failed: {why}"),
        }
    }
}

impl Error for Trouble {}
