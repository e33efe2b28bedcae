//! The data directory: which it is, and that it is ours alone.

use crate::Failure;
use std::env;
use std::fs::{DirBuilder, File, TryLockError};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// A data directory that no other daemon uses, for as long as this lives.
pub struct DataDir {
    _lock: File,
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

impl DataDir {
    /// Makes the directory if it isn't there, for its owner alone, and locks it.
    pub fn open(path: &Path) -> Result<DataDir, Failure> {
        let failed = |what: &str, e: io::Error| {
            Failure::unavailable(format!(
                "cannot {what} the data directory {}: {e}",
                path.display()
            ))
        };
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(|e| failed("make", e))?;
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path.join("lock"))
            .map_err(|e| failed("write to", e))?;
        match lock.try_lock() {
            Ok(()) => Ok(DataDir { _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(Failure::unavailable(format!(
                "another stonechatd uses the data directory {}",
                path.display()
            ))),
            Err(TryLockError::Error(e)) => Err(failed("lock", e)),
        }
    }
}
