//! The certificates in use: those of the config, or a self-signed one in the data directory.

use crate::Failure;
use crate::data_dir;
use crate::output::say;
use crate::settings::Settings;
use std::path::Path;
use stonechat::net::Now;
use stonechat::net::tls::Acceptor;
use stonechat::tls::{Files, Shelf, acceptor, hex, self_signed};

/// The certificates of all TLS listeners.
pub struct Certificates {
    shelf: Shelf,
    acceptor: Acceptor,
    /// The next check of the files, in milliseconds of uptime.
    look_at_ms: u64,
}

/// The files are checked when there is traffic, and at most once in this time.
const LOOK_PAUSE_MS: u64 = 5_000;

impl Certificates {
    /// Those that were [loaded](load), or of our own making for the server of that name. They are not
    /// announced yet.
    pub fn open(loaded: Option<Shelf>, name: &str) -> Result<Certificates, Failure> {
        let shelf = match loaded {
            Some(shelf) => shelf,
            None => {
                let pair = self_signed(name).map_err(Failure::other)?;
                Shelf::in_memory(&pair).map_err(Failure::other)?
            }
        };
        let acceptor = acceptor(&shelf).map_err(Failure::other)?;
        Ok(Certificates { shelf, acceptor, look_at_ms: 0 })
    }

    /// The acceptor of a listener; it follows changes of the certificates.
    pub fn acceptor(&self) -> Acceptor {
        self.acceptor.clone()
    }

    /// The certificates in use, by name, and when each expires, in seconds since 1970.
    pub fn expiries(&self) -> Vec<(String, i64)> {
        let certificates = self.shelf.certificates();
        certificates.iter().map(|each| (each.name.clone(), each.not_after)).collect()
    }

    /// What speaks against showing `fresh` in the place of these.
    pub fn check_fresh(&self, fresh: &Shelf, now: Now) -> Result<(), Failure> {
        self.shelf.check(fresh, seconds(now)).map_err(Failure::unavailable)
    }

    /// Shows `fresh` from now on.
    pub fn take(&mut self, fresh: Shelf, now: Now) {
        self.shelf.take(fresh);
        self.begin(now);
    }

    /// Announces them, and warns of those that are about to expire.
    pub fn begin(&mut self, now: Now) {
        self.announce();
        self.warn(now);
    }

    /// Checks whether the files have changed, unless the last check was just now.
    pub fn look(&mut self, now: Now) {
        if now.uptime_ms < self.look_at_ms {
            return;
        }
        self.look_at_ms = now.uptime_ms + LOOK_PAUSE_MS;
        match self.shelf.look(seconds(now)) {
            None => {}
            Some(Ok(())) => {
                log::info!("the certificates have changed");
                self.announce();
            }
            Some(Err(e)) => {
                log::error!("the certificates have changed, and the old ones stay: {e}");
            }
        }
        self.warn(now);
    }

    fn announce(&self) {
        for each in self.shelf.certificates().iter() {
            let fingerprint = hex(&each.fingerprint);
            log::info!("certificate {}, valid until {}", each.name, each.until());
            say(&format!("certificate {} SHA-256 {fingerprint}", each.name));
        }
    }

    fn warn(&mut self, now: Now) {
        self.shelf.warnings(seconds(now)).iter().for_each(|warning| log::warn!("{warning}"));
    }
}

/// Reads those that `settings` name, or our own, which are made at the first start. `None` where
/// nothing is kept and none are named.
pub fn load(settings: &Settings) -> Result<Option<Shelf>, Failure> {
    let open = |files| Shelf::open(files).map_err(Failure::unavailable);
    files(settings)?.map(open).transpose()
}

/// What `stonechatd check` has to say of them, a line each, and what it warns of; or what is wrong.
pub fn check(settings: &Settings, now: i64) -> Result<(Vec<String>, Vec<String>), Failure> {
    let files = settings.config.tls.certificates.clone();
    if files.is_empty() {
        return Ok((vec!["certificate self-signed".to_owned()], Vec::new()));
    }
    let mut shelf = Shelf::open(files).map_err(Failure::usage)?;
    let certificates = shelf.certificates();
    if let Some(expired) = certificates.iter().find(|each| each.is_expired(now)) {
        let until = expired.until();
        return Err(Failure::usage(format!("{} has expired at {until}", expired.name)));
    }
    let line = |each: &stonechat::tls::Certificate| {
        let names = each.dns_names.join(", ");
        let names = if names.is_empty() { "no name" } else { &names };
        format!("certificate {} for {names} until {}", each.name, each.until())
    };
    Ok((certificates.iter().map(line).collect(), shelf.warnings(now)))
}

/// The files of the certificates; `None` if none are named and no data is kept.
fn files(settings: &Settings) -> Result<Option<Vec<Files>>, Failure> {
    let files = settings.config.tls.certificates.clone();
    match &settings.data {
        _ if !files.is_empty() => Ok(Some(files)),
        Some(data) => own(data, &settings.chat.server_name).map(|own| Some(vec![own])),
        None => Ok(None),
    }
}

/// Our own pair in the data directory, made if it does not exist.
fn own(data: &Path, name: &str) -> Result<Files, Failure> {
    let files = Files { certificate: data.join("certificate.pem"), key: data.join("key.pem") };
    if !files.certificate.exists() && !files.key.exists() {
        let pair = self_signed(name).map_err(Failure::other)?;
        // The certificate comes last: a key alone is made anew.
        data_dir::write(&files.key, pair.key.as_bytes())?;
        data_dir::write(&files.certificate, pair.certificate.as_bytes())?;
        log::info!("made a certificate for {name}");
    }
    Ok(files)
}

fn seconds(now: Now) -> i64 {
    (now.unix_ms / 1000) as i64
}
