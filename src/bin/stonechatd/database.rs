//! The database that lies in the data directory: the daemon's, and that of `stonechatd backup` and
//! `stonechatd verify`.

use crate::daemon::say;
use crate::settings::{Flags, Settings};
use crate::{Failure, data_dir};
use std::path::{Path, PathBuf};
use stonechat::auth::attempts::{ACCOUNTS_KNOWN, ADDRESSES_KNOWN};
use stonechat::store::sqlite::{self, Database, Durability};
use stonechat::store::{BanRecord, ChannelRecord, Presence, Reply, Request, Trouble};

/// Opens the daemon's: in `dir`, or in memory.
pub fn open(dir: Option<&Path>, durability: Durability) -> Result<Database, Failure> {
    let Some(dir) = dir else {
        return Database::in_memory().map_err(|trouble| Failure::other(trouble.to_string()));
    };
    let file = data_dir::database(dir);
    Database::open(&file, durability)
        .map_err(|trouble| Failure::unavailable(format!("{}: {trouble}", file.display())))
}

/// The channels that are to be here from the start.
pub fn channels(database: &mut Database) -> Result<Vec<ChannelRecord>, Failure> {
    match database.serve([Request::Channels].iter()).pop() {
        Some(Reply::Channels(channels)) => Ok(channels),
        Some(Reply::Failed(trouble)) => Err(Failure::unavailable(trouble.to_string())),
        _ => Err(Failure::other("the database does not tell the channels")),
    }
}

/// Who is to be here from the start.
pub fn presences(database: &mut Database) -> Result<Vec<(String, Presence)>, Failure> {
    match database.serve([Request::Presences].iter()).pop() {
        Some(Reply::Presences(presences)) => Ok(presences),
        Some(Reply::Failed(trouble)) => Err(Failure::unavailable(trouble.to_string())),
        _ => Err(Failure::other("the database does not tell who is here")),
    }
}

/// From where accounts were logged in to.
pub fn known(database: &mut Database) -> Result<Vec<(String, i64)>, Failure> {
    let request = Request::Known { most: ACCOUNTS_KNOWN * ADDRESSES_KNOWN };
    match database.serve([request].iter()).pop() {
        Some(Reply::Known(known)) => Ok(known),
        Some(Reply::Failed(trouble)) => Err(Failure::unavailable(trouble.to_string())),
        _ => Err(Failure::other("the database does not tell from where people came")),
    }
}

/// Whom the server lets in no more.
pub fn bans(database: &mut Database) -> Result<Vec<BanRecord>, Failure> {
    match database.serve([Request::Bans].iter()).pop() {
        Some(Reply::Bans(bans)) => Ok(bans),
        Some(Reply::Failed(trouble)) => Err(Failure::unavailable(trouble.to_string())),
        _ => Err(Failure::other("the database does not tell the bans")),
    }
}

/// Copies it to `to`.
pub fn backup(flags: Flags, to: &Path) -> Result<(), Failure> {
    let file = find(flags)?;
    if to.symlink_metadata().is_ok() {
        return Err(Failure::usage(format!("{} is there already", to.display())));
    }
    sqlite::backup(&file, to).map_err(|trouble| {
        Failure::other(format!("cannot copy {} to {}: {trouble}", file.display(), to.display()))
    })
}

/// Says what is wrong with it, or that nothing is.
pub fn verify(flags: Flags) -> Result<(), Failure> {
    let file = find(flags)?;
    let failed = |trouble: Trouble| Failure::other(format!("{}: {trouble}", file.display()));
    let findings = sqlite::verify(&file).map_err(failed)?;
    if !findings.is_empty() {
        return Err(failed(Trouble::Corrupt(findings.join("; "))));
    }
    say(&format!("{} is sound", file.display()));
    Ok(())
}

/// The file it lies in, which is there.
pub fn find(flags: Flags) -> Result<PathBuf, Failure> {
    let Some(dir) = Settings::read(flags)?.data else {
        return Err(Failure::usage("no data is kept: there is no database in :memory:"));
    };
    let file = data_dir::database(&dir);
    match file.metadata() {
        Ok(_) => Ok(file),
        Err(e) => Err(Failure::unavailable(format!("cannot open {}: {e}", file.display()))),
    }
}
