//! Settings of TLS: which certificates are shown, and whether clients are sent to TLS.

use crate::net::Limits;
use crate::setting::{self, Problem, Problems, seconds, settings};
use std::path::{Path, PathBuf};

settings! {
    /// The config's `[tls]`.
    pub struct Settings {
        times {
            /// How long the handshake of an accepted connection may take.
            handshake_timeout = Limits::default().handshake_timeout, seconds(1)..=seconds(600);
        }
        values {
            /// The certificates to show; none for a self-signed one.
            certificates: Vec<Files> = Vec::new() => few;
            /// How long a client that was sent to TLS keeps to it, in milliseconds; `None` sends
            /// none.
            #[serde(deserialize_with = "setting::age")]
            sts: Option<i64> = None;
            /// Handshakes under way, with TLS or behind a proxy.
            handshakes_max: usize = Limits::default().handshakes_max, 1..=100_000;
        }
    }
}

settings! {
    /// The files of a pair: certificate and chain in one, the key in the other, both in PEM.
    pub struct Files {
        values {
            /// The certificate, followed by its chain.
            certificate: PathBuf = PathBuf::new() => a_file;
            /// Its key.
            key: PathBuf = PathBuf::new() => a_file;
        }
    }
}

/// They are looked through for each handshake.
const CERTIFICATES_MAX: usize = 100;

impl Settings {
    /// Reports values out of range, and pairs without one of the files.
    pub fn check(&self, section: &str, problems: &mut Problems) {
        self.check_values(section, problems);
        for (index, files) in self.certificates.iter().enumerate() {
            files.check_values(&format!("{section}.certificates[{index}]"), problems);
        }
        if self.sts.is_some() && self.certificates.is_empty() {
            let what = format!("needs {section}.certificates, of a kind that clients trust");
            let problem = Problem::at(format!("{section}.sts"), what);
            problems.push(problem.with([format!("{section}.certificates")]));
        }
    }
}

fn few(certificates: &[Files]) -> Result<(), String> {
    match certificates.len() {
        0..=CERTIFICATES_MAX => Ok(()),
        many => Err(format!("has {many}, more than {CERTIFICATES_MAX}")),
    }
}

fn a_file(path: &Path) -> Result<(), &'static str> {
    match path.as_os_str().is_empty() {
        true => Err("must be there; it is the path of a file"),
        false => Ok(()),
    }
}
