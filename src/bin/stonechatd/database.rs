//! The database that lies in the data directory: the daemon's, and that of `stonechatd backup` and
//! `stonechatd verify`.

use crate::Failure;
use crate::data_dir::{self, DataDir};
use crate::output::say;
use crate::place::Place;
use crate::settings::Flags;
use std::io::ErrorKind;
use std::path::Path;
use stonechat::auth::attempts::{ACCOUNTS_KNOWN, ADDRESSES_KNOWN};
use stonechat::store::sqlite::{self, Database, Durability};
use stonechat::store::{BanRecord, ChannelRecord, Presence, Reply, Request, Trouble};

/// Opens the daemon's database: in `dir`, or in memory.
pub fn open(dir: Option<&Path>, durability: Durability) -> Result<Database, Failure> {
    let Some(dir) = dir else {
        return Database::in_memory().map_err(|trouble| Failure::other(trouble.to_string()));
    };
    let file = data_dir::database(dir);
    if data_dir::read_secret(dir)?.is_some() {
        expect(&file)?;
    }
    Database::open(&file, durability)
        .map_err(|trouble| Failure::unavailable(format!("{}: {trouble}", file.display())))
}

/// Reports a missing or empty database in a directory that was in use: it must not silently be
/// replaced by a new one.
fn expect(file: &Path) -> Result<(), Failure> {
    match file.metadata() {
        Ok(found) if found.len() == 0 => Err(Failure::unavailable(format!(
            "{} is empty, though its directory was in use: restore a backup, or remove the file to \
             begin with nothing",
            file.display()
        ))),
        Err(e) if e.kind() == ErrorKind::NotFound => {
            log::warn!(
                "{} is not there, though its directory was in use: begins with nothing",
                file.display()
            );
            Ok(())
        }
        _ => Ok(()), // opening it reports other errors
    }
}

/// The key of cloaks: the secret of the data directory, or of a backup that was put into it.
pub fn secret(data: Option<&DataDir>, database: &mut Database) -> Result<[u8; 32], Failure> {
    let Some(data) = data else { return data_dir::random() };
    let failed = |trouble: Trouble| Failure::unavailable(trouble.to_string());
    if let Some(restored) = database.restored_secret().map_err(failed)? {
        data.restore_secret(&restored)?;
        database.forget_restored_secret().map_err(failed)?;
    }
    data.secret()
}

/// The registered channels.
pub fn channels(database: &mut Database) -> Result<Vec<ChannelRecord>, Failure> {
    match database.serve([Request::Channels].iter()).pop() {
        Some(Reply::Channels(channels)) => Ok(channels),
        Some(Reply::Failed(trouble)) => Err(Failure::unavailable(trouble.to_string())),
        _ => Err(Failure::other("the database does not list the registered channels")),
    }
}

/// The presences of always-on users.
pub fn presences(database: &mut Database) -> Result<Vec<(String, Presence)>, Failure> {
    match database.serve([Request::Presences].iter()).pop() {
        Some(Reply::Presences(presences)) => Ok(presences),
        Some(Reply::Failed(trouble)) => Err(Failure::unavailable(trouble.to_string())),
        _ => Err(Failure::other("the database does not list the always-on users")),
    }
}

/// The marks of the last logins.
pub fn known(database: &mut Database) -> Result<Vec<(String, i64)>, Failure> {
    let request = Request::Known { most: ACCOUNTS_KNOWN * ADDRESSES_KNOWN };
    match database.serve([request].iter()).pop() {
        Some(Reply::Known(known)) => Ok(known),
        Some(Reply::Failed(trouble)) => Err(Failure::unavailable(trouble.to_string())),
        _ => Err(Failure::other("the database does not list the last logins")),
    }
}

/// The bans of the server.
pub fn bans(database: &mut Database) -> Result<Vec<BanRecord>, Failure> {
    match database.serve([Request::Bans].iter()).pop() {
        Some(Reply::Bans(bans)) => Ok(bans),
        Some(Reply::Failed(trouble)) => Err(Failure::unavailable(trouble.to_string())),
        _ => Err(Failure::other("the database does not list the bans")),
    }
}

/// Copies the database to `to`, with the secret of its directory.
pub fn backup(flags: Flags, to: &Path) -> Result<(), Failure> {
    let file = Place::find(flags)?.file();
    if to.symlink_metadata().is_ok() {
        return Err(Failure::usage(format!("{} is there already", to.display())));
    }
    let secret = data_dir::read_secret(file.parent().unwrap_or(Path::new(".")))?;
    sqlite::backup(&file, to, secret.as_ref()).map_err(|trouble| {
        Failure::other(format!("cannot copy {} to {}: {trouble}", file.display(), to.display()))
    })
}

/// Prints the faults of the database, or that it is sound.
pub fn verify(flags: Flags) -> Result<(), Failure> {
    let file = Place::find(flags)?.file();
    let failed = |trouble: Trouble| Failure::other(format!("{}: {trouble}", file.display()));
    let findings = sqlite::verify(&file).map_err(failed)?;
    if !findings.is_empty() {
        return Err(failed(Trouble::Corrupt(findings.join("; "))));
    }
    say(&format!("{} is sound", file.display()));
    Ok(())
}
