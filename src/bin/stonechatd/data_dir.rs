//! The data directory: finds it, and makes sure that it is ours alone.

use crate::Failure;
use rustix::process::geteuid;
use std::env;
use std::fs::{self, DirBuilder, File, Metadata, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

/// A data directory that no other daemon uses, for as long as this lives.
pub struct DataDir {
    path: PathBuf,
    _lock: File,
}

/// Where the unit in `examples/` has its data.
pub const OF_SYSTEM: &str = "/var/lib/stonechat";

/// A secret that is not stored.
pub fn random() -> Result<[u8; 32], Failure> {
    let mut secret = [0; 32];
    getrandom::fill(&mut secret)
        .map_err(|e| Failure::other(format!("no randomness from the system: {e}")))?;
    Ok(secret)
}

/// The directory that `wanted` names, or the default; `None` to keep no data.
pub fn choose(wanted: Option<PathBuf>) -> Result<Option<PathBuf>, String> {
    if wanted.as_deref() == Some(Path::new(":memory:")) {
        return Ok(None);
    }
    wanted
        .or_else(|| given_by_manager("STATE_DIRECTORY"))
        .or_else(|| set("XDG_STATE_HOME").map(|dir| dir.join("stonechat")))
        .or_else(|| set("HOME").map(|home| home.join(".local/state/stonechat")))
        .map(Some)
        .ok_or_else(|| "no place for data, as $HOME is not set: name one with --data".to_owned())
}

/// A directory that the service manager names in a variable. Several may be given, with colons
/// between; the first is the main one.
pub fn given_by_manager(name: &str) -> Option<PathBuf> {
    set(name).and_then(|dirs| env::split_paths(dirs.as_os_str()).next())
}

fn set(name: &str) -> Option<PathBuf> {
    env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// The database in a data directory.
pub fn database(dir: &Path) -> PathBuf {
    dir.join("stonechat.db")
}

/// The socket in a data directory by which commands reach its daemon.
pub fn control(dir: &Path) -> PathBuf {
    dir.join("control")
}

/// Writes a file for its owner alone; after an error there is none.
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

/// How long the start waits for a command that has the lock for a moment.
const LOCK_TRIES: usize = 10;
const LOCK_PAUSE: Duration = Duration::from_millis(30);

impl DataDir {
    /// The secret of the directory, made at the first start and readable by its owner alone.
    pub fn secret(&self) -> Result<[u8; 32], Failure> {
        if let Some(secret) = read_secret(&self.path)? {
            return Ok(secret);
        }
        let secret = random()?;
        write(&secret_file(&self.path), &secret)?;
        Ok(secret)
    }

    /// Sets the secret to that of a backup, which made the cloaks in its bans. An existing one is
    /// put aside.
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

    /// Makes the directory if needed, for its owner alone, and locks it.
    pub fn open(path: &Path) -> Result<DataDir, Failure> {
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|e| {
            Failure::unavailable(format!("cannot make the data directory {}: {e}", path.display()))
        })?;
        for _ in 1..LOCK_TRIES {
            if let Some(locked) = DataDir::lock(path)? {
                return Ok(locked);
            }
            thread::sleep(LOCK_PAUSE);
        }
        DataDir::lock(path)?.ok_or_else(|| {
            let path = path.display();
            Failure::unavailable(format!("another stonechatd uses the data directory {path}"))
        })
    }

    /// Locks an existing directory that is ours alone; `None` if it is already locked.
    pub fn lock(path: &Path) -> Result<Option<DataDir>, Failure> {
        examine(path)?;
        let failed = |what: &str, e: io::Error| {
            Failure::unavailable(format!(
                "cannot {what} the data directory {}: {e}",
                path.display()
            ))
        };
        let mut options = File::options();
        let lock = options.create(true).truncate(false).write(true).mode(0o600);
        let lock = lock.open(path.join("lock")).map_err(|e| failed("write to", e))?;
        // root may make it for the daemon of another user.
        if geteuid().is_root()
            && let Ok(dir) = fs::metadata(path)
        {
            let _ = std::os::unix::fs::fchown(&lock, Some(dir.uid()), Some(dir.gid()));
        }
        match lock.try_lock() {
            Ok(()) => Ok(Some(DataDir { path: path.to_owned(), _lock: lock })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(e)) => Err(failed("lock", e)),
        }
    }
}

/// The files that we or SQLite make in a data directory.
const FILES: [&str; 15] = [
    "lock",
    "secret",
    "secret.part",
    "secret.before",
    "key.pem",
    "key.part",
    "certificate.pem",
    "certificate.part",
    "control",
    "control.part",
    "stonechat.db",
    "stonechat.db-wal",
    "stonechat.db-shm",
    "stonechat.db-journal",
    "stonechat.db.part",
];

/// Refuses a directory that others may write to, and dangerous files in it: links that redirect our
/// writes, and files that others own or may write to. As no other user can write to the directory,
/// none can replace them later.
fn examine(path: &Path) -> Result<(), Failure> {
    let unsafe_because = |text: String| Err(Failure::unavailable(text));
    let cannot = |path: &Path, e: io::Error| {
        Failure::unavailable(format!("cannot look at {}: {e}", path.display()))
    };
    let dir = fs::metadata(path).map_err(|e| cannot(path, e))?;
    let (us, shown) = (geteuid(), path.display());
    if !us.is_root() && dir.uid() != us.as_raw() {
        return unsafe_because(format!(
            "the data directory {shown} belongs to another user (uid {}), who could read and change \
             everything: name another with --data, or give it to this one with chown",
            dir.uid()
        ));
    }
    if others_may_write(&dir) {
        return unsafe_because(format!(
            "others may write to the data directory {shown} (mode {:o}), and could put their own \
             files there: `chmod 700 {shown}`, and look at what is in it",
            dir.mode() & 0o7777
        ));
    }
    for name in FILES {
        let file = path.join(name);
        let found = match fs::symlink_metadata(&file) {
            Ok(found) => found,
            Err(e) if e.kind() == ErrorKind::NotFound => continue,
            Err(e) => return Err(cannot(&file, e)),
        };
        let shown = file.display();
        if found.is_symlink() {
            return unsafe_because(format!(
                "{shown} is a symbolic link, which somebody may have put there: remove it, or put \
                 the file itself in its place (a certificate of your own is named in the config)"
            ));
        }
        if ![us.as_raw(), dir.uid(), 0].contains(&found.uid()) {
            return unsafe_because(format!(
                "{shown} belongs to another user (uid {}): remove it, or give it to the owner of the \
                 directory with chown",
                found.uid()
            ));
        }
        if others_may_write(&found) {
            return unsafe_because(format!(
                "others may write to {shown} (mode {:o}): `chmod go-w {shown}`, and see that it is \
                 what it was",
                found.mode() & 0o7777
            ));
        }
    }
    Ok(())
}

fn others_may_write(file: &Metadata) -> bool {
    file.mode() & 0o022 != 0
}
