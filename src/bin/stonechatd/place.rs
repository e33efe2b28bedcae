//! Finds the data directory for a command: that of flags, environment and config, or one that
//! already has a database. None is ever made.

use crate::Failure;
use crate::data_dir::{self, OF_SYSTEM};
use crate::output::complain;
use crate::settings::{Flags, Settings};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use stonechat::store::sqlite::Database;

/// A data directory with a database in it.
pub struct Place {
    /// The directory.
    pub dir: PathBuf,
    /// The settings of its daemon.
    pub settings: Settings,
}

impl Place {
    /// Finds the data directory.
    pub fn find(flags: Flags) -> Result<Place, Failure> {
        let own = Settings::read(flags.clone())?;
        let Some(dir) = own.data.clone() else {
            return Err(Failure::usage("no data is kept: there is no database in :memory:"));
        };
        if own.says_data {
            return match look(&dir) {
                Ok(()) => Ok(Place { dir, settings: own }),
                Err(e) => Err(absent(&dir, &e)),
            };
        }
        // Nothing names a directory: it may be the user's own, or that of the system's service.
        let of_system = Settings::read_of_system(flags);
        let e = match look(&dir) {
            Ok(()) => {
                // A directory that we can't read is not meant.
                let other = of_system.ok().and_then(|settings| settings.data);
                let other = other.filter(|other| *other != dir && look(other).is_ok());
                return match other {
                    None => Ok(Place { dir, settings: own }),
                    Some(other) => Err(Failure::usage(format!(
                        "there is a database in {} and one in {}: choose one with --data",
                        dir.display(),
                        other.display()
                    ))),
                };
            }
            Err(e) => e,
        };
        let of_system = of_system?;
        let other = of_system.data.clone().unwrap_or_else(|| OF_SYSTEM.into());
        match look(&other) {
            Ok(()) => {
                let shown = other.display();
                complain(&format!("working on the data of the system's service, {shown}"));
                Ok(Place { dir: other, settings: of_system })
            }
            Err(other_e) => Err(Failure::unavailable(format!(
                "there is no database in {} ({e}), nor in {} ({other_e}): name the daemon's data with \
                 --data, or its config with --config; a daemon makes it at its first start",
                dir.display(),
                other.display()
            ))),
        }
    }

    /// The file of its database.
    pub fn file(&self) -> PathBuf {
        data_dir::database(&self.dir)
    }

    /// Opens its database.
    pub fn open(&self) -> Result<Database, Failure> {
        let file = self.file();
        Database::open(&file, self.settings.config.history.durability)
            .map_err(|trouble| Failure::unavailable(format!("{}: {trouble}", file.display())))
    }
}

fn look(dir: &Path) -> io::Result<()> {
    data_dir::database(dir).metadata().map(drop)
}

fn absent(dir: &Path, e: &io::Error) -> Failure {
    let file = data_dir::database(dir);
    Failure::unavailable(match e.kind() {
        ErrorKind::NotFound => {
            format!("there is no {}: a daemon makes it at its first start", file.display())
        }
        _ => format!("cannot open {}: {e}", file.display()),
    })
}
