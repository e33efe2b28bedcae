//! The section `[tls]`: which certificates are shown, and whether clients are told to come by TLS.

use super::units;
use crate::tls::Files;
use serde::Deserialize;
use std::path::PathBuf;
use std::time::Duration;

/// The section. Each key is explained in the default file.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Tls {
    pub certificates: Vec<Pair>,
    /// In milliseconds; `None` to announce nothing.
    #[serde(deserialize_with = "units::age")]
    pub sts: Option<i64>,
    /// So many may shake hands, or be announced by a proxy, at once.
    pub handshakes_max: usize,
    #[serde(deserialize_with = "units::duration")]
    pub handshake_timeout: Duration,
}

/// An entry of `tls.certificates`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Pair {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

/// Looked through for each handshake.
const CERTIFICATES_MAX: usize = 100;

impl Tls {
    /// The files to show certificates from; none for one of our own making.
    pub fn files(&self) -> Vec<Files> {
        let files =
            |pair: &Pair| Files { certificate: pair.certificate.clone(), key: pair.key.clone() };
        self.certificates.iter().map(files).collect()
    }

    pub(super) fn validate(&self) -> Result<(), String> {
        if self.certificates.len() > CERTIFICATES_MAX {
            let many = self.certificates.len();
            return Err(format!("tls.certificates has {many}, more than {CERTIFICATES_MAX}"));
        }
        if !(1..=100_000).contains(&self.handshakes_max) {
            let value = self.handshakes_max;
            return Err(format!("tls.handshakes_max must be from 1 to 100000, not {value}"));
        }
        let range = Duration::from_secs(1)..=Duration::from_secs(600);
        if !range.contains(&self.handshake_timeout) {
            let value = self.handshake_timeout;
            return Err(format!("tls.handshake_timeout must be from 1s to 600s, not {value:?}"));
        }
        Ok(())
    }
}

impl Default for Tls {
    fn default() -> Tls {
        let limits = crate::net::Limits::default();
        Tls {
            certificates: Vec::new(),
            sts: None,
            handshakes_max: limits.arriving_max,
            handshake_timeout: limits.arriving_timeout,
        }
    }
}
