//! One certificate with its key: loads both, and checks them as far as possible before the first
//! handshake.

use super::provider;
use super::settings::Files;
use base64::prelude::{BASE64_STANDARD, Engine};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use sha2::{Digest, Sha256};
use std::fmt::Write;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;
use webpki::EndEntityCert;

/// A loaded certificate with its key.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// Its name in logs: the file, or `self-signed`.
    pub name: String,
    /// The names it is valid for, in lower case; `*.` stands for one label.
    pub dns_names: Vec<String>,
    /// The SHA-256 of its DER.
    pub fingerprint: [u8; 32],
    /// When it expires, in seconds since 1970-01-01 UTC.
    pub not_after: i64,
    pub(super) pair: Arc<CertifiedKey>,
}

pub(super) const CERTIFICATE_LABEL: &str = "CERTIFICATE";
pub(super) const KEY_LABEL: &str = "PRIVATE KEY";

impl Files {
    /// Reads and checks the pair. An error names the file, its owner and its mode.
    pub fn load(&self) -> Result<Certificate, String> {
        let chain = read(&self.certificate)?;
        let key = read(&self.key)?;
        Certificate::from_pem(&self.certificate.display().to_string(), &chain, &key).map_err(
            |trouble| match trouble {
                LoadError::Chain(what) => format!("{}: {what}", described(&self.certificate)),
                LoadError::Key(what) => format!("{}: {what}", described(&self.key)),
                LoadError::Pair(what) => {
                    format!("{} and {}: {what}", described(&self.certificate), described(&self.key))
                }
            },
        )
    }

    /// A stamp of both files, which differs when either has changed.
    pub(super) fn stamp(&self) -> [Option<Stamp>; 2] {
        [&self.certificate, &self.key].map(|file| Stamp::of(file))
    }

    /// The key's file, if every user can read it.
    pub(super) fn is_open_to_all(&self) -> bool {
        fs::metadata(&self.key).is_ok_and(|file| file.mode() & 0o004 != 0)
    }
}

/// Tells one state of a file from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    modified: Option<SystemTime>,
    bytes: u64,
    number: u64,
}

impl Stamp {
    fn of(file: &Path) -> Option<Stamp> {
        let file = fs::metadata(file).ok()?;
        Some(Stamp { modified: file.modified().ok(), bytes: file.len(), number: file.ino() })
    }
}

/// An error in one of the two files.
#[derive(Debug)]
pub(super) enum LoadError {
    Chain(String),
    Key(String),
    Pair(String),
}

impl Certificate {
    /// Loads a pair in PEM; `name` is for logs.
    pub(super) fn from_pem(name: &str, chain: &[u8], key: &[u8]) -> Result<Certificate, LoadError> {
        let bad =
            |e: &dyn std::fmt::Display| LoadError::Chain(format!("no certificate in PEM: {e}"));
        let chain: Vec<CertificateDer<'static>> =
            CertificateDer::pem_slice_iter(chain).collect::<Result<_, _>>().map_err(|e| bad(&e))?;
        let Some(first) = chain.first() else {
            return Err(LoadError::Chain(
                "no certificate in it; it must begin with one in PEM".into(),
            ));
        };
        let (dns_names, not_after) = read_certificate(first)?;
        let fingerprint = Sha256::digest(first).into();
        let key = PrivateKeyDer::from_pem_slice(key)
            .map_err(|e| LoadError::Key(format!("no private key in PEM: {e}")))?;
        let pair = CertifiedKey::from_der(chain, key, &provider()).map_err(|e| match e {
            rustls::Error::InconsistentKeys(_) => {
                LoadError::Pair("the key is not that of the certificate".into())
            }
            e => LoadError::Key(format!("a key that can't be used: {e}")),
        })?;
        Ok(Certificate {
            name: name.to_owned(),
            dns_names,
            fingerprint,
            not_after,
            pair: Arc::new(pair),
        })
    }

    /// Whether it has expired at `now`, in seconds since 1970.
    pub fn is_expired(&self, now: i64) -> bool {
        self.not_after < now
    }

    /// Its time of expiry, in UTC.
    pub fn until(&self) -> String {
        let time = Timestamp::from_second(self.not_after);
        time.map_or_else(|_| "?".to_owned(), |time| time.strftime("%Y-%m-%d %H:%M UTC").to_string())
    }

    /// Whether it is valid for `name`, in lower case.
    pub(super) fn is_for(&self, name: &str) -> bool {
        let parent = name.split_once('.').map(|(_, parent)| parent);
        self.dns_names.iter().any(|known| match known.strip_prefix("*.") {
            Some(known) => Some(known) == parent,
            None => known == name,
        })
    }
}

/// The DNS names of a certificate, and when it expires.
fn read_certificate(certificate: &CertificateDer<'_>) -> Result<(Vec<String>, i64), LoadError> {
    let parsed = EndEntityCert::try_from(certificate)
        .map_err(|e| LoadError::Chain(format!("the first certificate can't be used: {e}")))?;
    let names = parsed.valid_dns_names().map(str::to_ascii_lowercase).collect();
    let not_after = not_after(certificate)
        .ok_or_else(|| LoadError::Chain("the first certificate has no time of expiry".into()))?;
    Ok((names, not_after))
}

/// The end of a certificate's validity (RFC 5280 §4.1.2.5), which webpki does not expose.
fn not_after(certificate: &[u8]) -> Option<i64> {
    let (_, certificate, _) = element(certificate)?;
    let (_, mut tbs, _) = element(certificate)?;
    // The version, which may be left out; then serial number, algorithm and issuer.
    if tbs.first() == Some(&0xA0) {
        tbs = element(tbs)?.2;
    }
    for _ in 0..3 {
        tbs = element(tbs)?.2;
    }
    let (_, validity, _) = element(tbs)?;
    let (tag, time, _) = element(element(validity)?.2)?;
    let time = std::str::from_utf8(time).ok()?.strip_suffix('Z')?;
    let century = match (tag, time.get(..2)?) {
        (0x18, _) => "",
        (_, year) if year < "50" => "20",
        _ => "19",
    };
    let time = DateTime::strptime("%Y%m%d%H%M%S", format!("{century}{time}")).ok()?;
    // The last second of 9999, which stands for never, is beyond `Timestamp`.
    let time = time.to_zoned(TimeZone::UTC).map_or(Timestamp::MAX, |time| time.timestamp());
    Some(time.as_second())
}

/// The tag and content of the first element in DER (X.690 §8.1), and what follows it.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, der) = der.split_first()?;
    let (&first, mut der) = der.split_first()?;
    let mut length = usize::from(first & 0x7F);
    if first & 0x80 != 0 {
        let (bytes, rest) = der.split_at_checked(length).filter(|(bytes, _)| bytes.len() <= 3)?;
        length = bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
        der = rest;
    }
    let (content, rest) = der.split_at_checked(length)?;
    Some((tag, content, rest))
}

/// Lower-case hexadecimal, as fingerprints are written.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The SHA-256 of the first certificate in `text`, a file in PEM.
pub fn pem_fingerprint(text: &[u8]) -> Option<[u8; 32]> {
    let first = CertificateDer::pem_slice_iter(text).next()?.ok()?;
    Some(Sha256::digest(first).into())
}

/// `der` in PEM (RFC 7468).
pub(super) fn pem(label: &str, der: &[u8]) -> String {
    let base64 = BASE64_STANDARD.encode(der);
    let mut text = format!("-----BEGIN {label}-----\n");
    for line in base64.as_bytes().chunks(64) {
        text.extend(line.iter().map(|byte| char::from(*byte)));
        text.push('\n');
    }
    text + &format!("-----END {label}-----\n")
}

fn read(file: &Path) -> Result<Vec<u8>, String> {
    fs::read(file).map_err(|e| format!("cannot read {}: {e}", described(file)))
}

/// Describes a file for an error: its path, owner and mode.
fn described(file: &Path) -> String {
    match fs::metadata(file) {
        Ok(meta) => format!(
            "{} (owner {}:{}, mode {:04o})",
            file.display(),
            meta.uid(),
            meta.gid(),
            meta.mode() & 0o7777
        ),
        Err(_) => file.display().to_string(),
    }
}
