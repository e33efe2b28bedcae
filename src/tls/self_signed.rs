//! The certificate of a daemon whose config names none: ECDSA P-256, self-signed.

use super::certificate::{CERTIFICATE_LABEL, KEY_LABEL, pem};
use rcgen::{CertificateParams, DnType, KeyPair, date_time_ymd};

/// A new certificate with its key, in PEM.
pub struct SelfSigned {
    /// The certificate.
    pub certificate: String,
    /// Its key, PKCS #8.
    pub key: String,
}

/// Makes a certificate for `name`. It never expires (RFC 5280 §4.1.2.5), as clients trust its
/// fingerprint.
pub fn self_signed(name: &str) -> Result<SelfSigned, String> {
    let failed = |e: rcgen::Error| format!("cannot make a certificate for {name}: {e}");
    let key = KeyPair::generate().map_err(failed)?;
    let mut params = CertificateParams::new([name.to_owned()]).map_err(failed)?;
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(9999, 12, 31);
    let certificate = params.self_signed(&key).map_err(failed)?;
    Ok(SelfSigned {
        certificate: pem(CERTIFICATE_LABEL, certificate.der()),
        key: pem(KEY_LABEL, &key.serialize_der()),
    })
}
