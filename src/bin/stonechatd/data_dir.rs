//! The data directory: which it is, and that it is ours alone.

use crate::Failure;
use std::env;
use std::fs::{self, DirBuilder, File, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// A data directory that no other daemon uses, for as long as this lives.
pub struct DataDir {
    path: PathBuf,
    _lock: File,
}

/// A secret that is kept nowhere.
pub fn random() -> Result<[u8; 32], Failure> {
    let mut secret = [0; 32];
    getrandom::fill(&mut secret)
        .map_err(|e| Failure::other(format!("no randomness from the system: {e}")))?;
    Ok(secret)
}

/// The directory that `wanted` names, or the one that is used where nothing is said; `None` to keep
/// no data.
pub fn choose(wanted: Option<PathBuf>) -> Result<Option<PathBuf>, String> {
    if wanted.as_deref() == Some(Path::new(":memory:")) {
        return Ok(None);
    }
    let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    // Several directories may be given, with colons between; the first is the main one.
    let first = |dirs: PathBuf| env::split_paths(dirs.as_os_str()).next();
    wanted
        .or_else(|| set("STATE_DIRECTORY").and_then(first))
        .or_else(|| set("XDG_STATE_HOME").map(|dir| dir.join("stonechat")))
        .or_else(|| set("HOME").map(|home| home.join(".local/state/stonechat")))
        .map(Some)
        .ok_or_else(|| "no place for data, as $HOME is not set: name one with --data".to_owned())
}

/// The database in a data directory.
pub fn database(dir: &Path) -> PathBuf {
    dir.join("stonechat.db")
}

/// Makes the directory if it isn't there, for its owner alone.
pub fn make(path: &Path) -> Result<(), Failure> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|e| {
        Failure::unavailable(format!("cannot make the data directory {}: {e}", path.display()))
    })
}

/// Makes a file that is whole or not there, for its owner alone.
pub fn write(file: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let part = file.with_extension("part");
    let mut options = File::options();
    let made = options.create(true).truncate(true).write(true).mode(0o600).open(&part);
    made.and_then(|mut made| made.write_all(bytes).and_then(|()| made.sync_all()))
        .and_then(|()| fs::rename(&part, file))
        .map_err(|e| Failure::unavailable(format!("cannot write {}: {e}", file.display())))
}

/// The secret of a data directory, if one was made there.
pub fn read_secret(dir: &Path) -> Result<Option<[u8; 32]>, Failure> {
    let file = secret_file(dir);
    let shown = file.display();
    match fs::read(&file) {
        Ok(secret) => secret.try_into().map(Some).map_err(|_| {
            Failure::unavailable(format!("{shown} is not 32 bytes: restore it, or remove it"))
        }),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) => Err(Failure::unavailable(format!("cannot read {shown}: {e}"))),
    }
}

fn secret_file(dir: &Path) -> PathBuf {
    dir.join("secret")
}

impl DataDir {
    /// A secret that is the same at each start: made at the first one, and its owner's alone.
    pub fn secret(&self) -> Result<[u8; 32], Failure> {
        if let Some(secret) = read_secret(&self.path)? {
            return Ok(secret);
        }
        let secret = random()?;
        write(&secret_file(&self.path), &secret)?;
        Ok(secret)
    }

    /// Has the secret be the one that came with a backup: by it were made the cloaks in the bans that
    /// are restored. One that was there is put aside.
    pub fn restore_secret(&self, secret: &[u8]) -> Result<(), Failure> {
        let file = secret_file(&self.path);
        match fs::read(&file) {
            Ok(found) if found == secret => return Ok(()),
            Ok(_) => {
                let aside = self.path.join("secret.before");
                log::warn!("took the backup's secret; the one before is {}", aside.display());
                fs::rename(&file, &aside).map_err(|e| {
                    Failure::unavailable(format!("cannot put {} aside: {e}", file.display()))
                })?;
            }
            Err(_) => log::info!("took the backup's secret"),
        }
        write(&file, secret)
    }

    /// Makes the directory if it isn't there, for its owner alone, and locks it.
    pub fn open(path: &Path) -> Result<DataDir, Failure> {
        let failed = |what: &str, e: io::Error| {
            Failure::unavailable(format!(
                "cannot {what} the data directory {}: {e}",
                path.display()
            ))
        };
        make(path)?;
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path.join("lock"))
            .map_err(|e| failed("write to", e))?;
        match lock.try_lock() {
            Ok(()) => Ok(DataDir { path: path.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(Failure::unavailable(format!(
                "another stonechatd uses the data directory {}",
                path.display()
            ))),
            Err(TryLockError::Error(e)) => Err(failed("lock", e)),
        }
    }
}
