//! The certificates in use, and their files. A reload takes all of them, or the old ones stay.

use super::certificate::{Certificate, LoadError, Stamp};
use super::self_signed::SelfSigned;
use super::settings::Files;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::sync::{Arc, RwLock};

/// The certificates in use. The first is the default, for a client that asks for no name or an
/// unknown one.
pub struct Shelf {
    source: PairSource,
    shown: Arc<Shown>,
    /// When the log last had a warning of an expiry, in seconds since 1970.
    warned_at: i64,
}

enum PairSource {
    Files {
        files: Vec<Files>,
        /// The stamps of the files at the last attempt to read them.
        stamps: Vec<[Option<Stamp>; 2]>,
    },
    /// One certificate without files.
    Memory,
}

/// The certificates as handshakes see them. Handshakes and reloads run on one thread, so that the
/// lock is never contended; rustls requires one.
#[derive(Debug)]
struct Shown(RwLock<Arc<Vec<Certificate>>>);

/// Warnings of an expiry begin this long before it, once a day.
const WARN_SECONDS: i64 = 14 * DAY_SECONDS;
const DAY_SECONDS: i64 = 24 * 3600;

impl Shelf {
    /// Loads all `files`, at least one pair. An expired certificate is used all the same, as there
    /// is no better one.
    pub fn open(files: Vec<Files>) -> Result<Shelf, String> {
        let stamps = files.iter().map(Files::stamp).collect();
        let certificates = files.iter().map(Files::load).collect::<Result<Vec<_>, _>>()?;
        Ok(Shelf::of(PairSource::Files { files, stamps }, certificates))
    }

    /// A shelf with one certificate that has no files.
    pub fn in_memory(pair: &SelfSigned) -> Result<Shelf, String> {
        let SelfSigned { certificate, key } = pair;
        let certificate =
            Certificate::from_pem("self-signed", certificate.as_bytes(), key.as_bytes());
        let certificate = certificate.map_err(|trouble| match trouble {
            LoadError::Chain(what) | LoadError::Key(what) | LoadError::Pair(what) => what,
        })?;
        Ok(Shelf::of(PairSource::Memory, vec![certificate]))
    }

    fn of(source: PairSource, certificates: Vec<Certificate>) -> Shelf {
        let shown = Arc::new(Shown(RwLock::new(Arc::new(certificates))));
        Shelf { source, shown, warned_at: 0 }
    }

    /// What speaks against `fresh` taking the place of these with [`Shelf::take`] at `now`, in seconds
    /// since 1970.
    pub fn check(&self, fresh: &Shelf, now: i64) -> Result<(), String> {
        let certificates = fresh.certificates();
        if let Some(expired) = certificates.iter().find(|each| each.is_expired(now)) {
            // An expired one that is already in use is no error.
            let known = |old: &Certificate| old.fingerprint == expired.fingerprint;
            if !self.certificates().iter().any(known) {
                return Err(format!("{} has expired at {}", expired.name, expired.until()));
            }
        }
        Ok(())
    }

    /// Uses the certificates of `fresh` from now on, all at once, and watches its files.
    pub fn take(&mut self, fresh: Shelf) {
        *self.shown.0.write().expect("one thread") = fresh.certificates();
        (self.source, self.warned_at) = (fresh.source, 0);
    }

    /// Reads the files again if they have changed since the last time. `None` if not.
    pub fn look(&mut self, now: i64) -> Option<Result<(), String>> {
        let PairSource::Files { files, stamps } = &mut self.source else { return None };
        let found: Vec<_> = files.iter().map(Files::stamp).collect();
        if found == *stamps {
            return None;
        }
        *stamps = found;
        let files = files.clone();
        let fresh = Shelf::open(files).and_then(|fresh| self.check(&fresh, now).map(|()| fresh));
        Some(fresh.map(|fresh| self.take(fresh)))
    }

    /// Warnings for the log, once a day: certificates that have expired or will within 14 days,
    /// certificates without a name, and keys that every user can read.
    pub fn warnings(&mut self, now: i64) -> Vec<String> {
        if now < self.warned_at + DAY_SECONDS {
            return Vec::new();
        }
        self.warned_at = now;
        let mut warnings: Vec<String> = (self.certificates().iter())
            .filter(|each| each.not_after < now + WARN_SECONDS)
            .map(|each| {
                let expires = if each.is_expired(now) { "has expired" } else { "expires" };
                format!("the certificate {} {expires} at {}", each.name, each.until())
            })
            .collect();
        warnings.extend(self.certificates().iter().filter(|each| each.dns_names.is_empty()).map(
            |each| {
                format!(
                    "the certificate {} has no name: clients that check names refuse it",
                    each.name
                )
            },
        ));
        if let PairSource::Files { files, .. } = &self.source {
            warnings.extend(files.iter().filter(|files| files.is_open_to_all()).map(|files| {
                format!("{} can be read by everyone: make its mode 0600", files.key.display())
            }));
        }
        warnings
    }

    /// The certificates in use, the default first.
    pub fn certificates(&self) -> Arc<Vec<Certificate>> {
        self.shown.0.read().expect("one thread").clone()
    }

    pub(super) fn resolver(&self) -> Arc<dyn ResolvesServerCert> {
        self.shown.clone()
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let certificates = self.0.read().ok()?;
        let name = hello.server_name().map(str::to_ascii_lowercase);
        // A scan: there are as many as the config names.
        let asked = name.and_then(|name| certificates.iter().find(|each| each.is_for(&name)));
        asked.or(certificates.first()).map(|each| each.pair.clone())
    }
}
