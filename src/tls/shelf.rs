//! The certificates in use, and the files they come from: taken whole, or the old ones stay.

use super::certificate::{Certificate, Files, Stamp, Trouble};
use super::self_signed::SelfSigned;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::sync::{Arc, RwLock};

/// All certificates; the first is for whoever asks for a name that none has, or for none.
pub struct Shelf {
    source: Source,
    shown: Arc<Shown>,
    /// When somebody was last warned that one expires, in seconds since 1970.
    warned_at: i64,
}

enum Source {
    Files {
        files: Vec<Files>,
        /// As they were when they were last read, well or not.
        stamps: Vec<[Option<Stamp>; 2]>,
    },
    /// Kept nowhere.
    Memory,
}

/// What handshakes look at. They are on the same thread as whoever changes it, so that the lock is
/// never waited for; rustls asks for one.
#[derive(Debug)]
struct Shown(RwLock<Arc<Vec<Certificate>>>);

/// Who runs the program is told this much before a certificate's time is over, once a day.
const WARN_SECONDS: i64 = 14 * DAY_SECONDS;
const DAY_SECONDS: i64 = 24 * 3600;

impl Shelf {
    /// Reads all `files`, of which there is one pair at least. One that has expired is shown all the
    /// same, for want of a better one.
    pub fn open(files: Vec<Files>) -> Result<Shelf, String> {
        let stamps = files.iter().map(Files::stamp).collect();
        let certificates = files.iter().map(Files::load).collect::<Result<Vec<_>, _>>()?;
        Ok(Shelf::of(Source::Files { files, stamps }, certificates))
    }

    /// One certificate that is kept nowhere.
    pub fn in_memory(pair: &SelfSigned) -> Result<Shelf, String> {
        let SelfSigned { certificate, key } = pair;
        let certificate =
            Certificate::from_pem("self-signed", certificate.as_bytes(), key.as_bytes());
        let certificate = certificate.map_err(|trouble| match trouble {
            Trouble::Chain(what) | Trouble::Key(what) | Trouble::Pair(what) => what,
        })?;
        Ok(Shelf::of(Source::Memory, vec![certificate]))
    }

    fn of(source: Source, certificates: Vec<Certificate>) -> Shelf {
        let shown = Arc::new(Shown(RwLock::new(Arc::new(certificates))));
        Shelf { source, shown, warned_at: 0 }
    }

    /// What speaks against `fresh` taking the place of these with [`Shelf::take`] at `now`, in seconds
    /// since 1970.
    pub fn check(&self, fresh: &Shelf, now: i64) -> Result<(), String> {
        let certificates = fresh.certificates();
        if let Some(expired) = certificates.iter().find(|each| each.is_expired(now)) {
            // Unless it is that which is in use already.
            let known = |old: &Certificate| old.fingerprint == expired.fingerprint;
            if !self.certificates().iter().any(known) {
                return Err(format!("{} has expired at {}", expired.name, expired.until()));
            }
        }
        Ok(())
    }

    /// Shows those of `fresh` from now on, all at once, and looks at its files.
    pub fn take(&mut self, fresh: Shelf) {
        *self.shown.0.write().expect("one thread") = fresh.certificates();
        (self.source, self.warned_at) = (fresh.source, 0);
    }

    /// Reads the files again if they have changed since they were read last. `None` if not.
    pub fn look(&mut self, now: i64) -> Option<Result<(), String>> {
        let Source::Files { files, stamps } = &mut self.source else { return None };
        let found: Vec<_> = files.iter().map(Files::stamp).collect();
        if found == *stamps {
            return None;
        }
        *stamps = found;
        let files = files.clone();
        let fresh = Shelf::open(files).and_then(|fresh| self.check(&fresh, now).map(|()| fresh));
        Some(fresh.map(|fresh| self.take(fresh)))
    }

    /// Sentences for who runs the program: what has expired, or will within 14
    /// days, what is for no name, and keys that everyone can read; each day once.
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
                format!("the certificate {} is for no name: clients that look refuse it", each.name)
            },
        ));
        if let Source::Files { files, .. } = &self.source {
            warnings.extend(files.iter().filter(|files| files.is_open_to_all()).map(|files| {
                format!("{} can be read by everyone: make its mode 0600", files.key.display())
            }));
        }
        warnings
    }

    /// Those in use, the default first.
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
