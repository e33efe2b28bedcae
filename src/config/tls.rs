//! The section `[tls]`: which certificates are shown, and whether clients are told to come by TLS.

use super::{Listen, Scheme};
use crate::app::Protocol;
use crate::chat::Sts;
use crate::setting;
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
    #[serde(deserialize_with = "setting::age")]
    pub sts: Option<i64>,
    /// So many may shake hands, or be announced by a proxy, at once.
    pub handshakes_max: usize,
    #[serde(deserialize_with = "setting::time")]
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

    /// What clients are told of TLS on the first of `listens` that is meant for it, or of the
    /// defaults. Clients that keep to it can't come in plain any more, nor past a certificate that
    /// they don't trust: so it takes one of one's own.
    pub fn sts(&self, listens: Option<&[Listen]>) -> Result<Option<Sts>, String> {
        let Some(ms) = self.sts else { return Ok(None) };
        if self.certificates.is_empty() {
            return Err("tls.sts needs tls.certificates, of a kind that clients trust".to_owned());
        }
        let listens = listens.map_or_else(Listen::defaults, <[Listen]>::to_vec);
        let meant = Scheme { protocol: Protocol::Irc, secure: true };
        let port = listens.iter().filter(|listen| listen.scheme == meant).find_map(Listen::port);
        let port =
            port.ok_or("tls.sts needs a listener ircs://HOST:PORT with a port of its own")?;
        Ok(Some(Sts { port, seconds: (ms / 1000) as u64 }))
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
