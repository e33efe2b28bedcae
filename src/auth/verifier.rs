//! Verifiers of passwords: enough to verify a password, and not enough to be used in its place.
//! `SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>` (RFC 5803 as PostgreSQL writes it).
//!
//! One text serves a password sent in the clear (PLAIN, OPER) and one that is never sent (RFC 5802,
//! RFC 7677).

use super::password::Password;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use ctutils::CtEq;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use std::fmt;
use std::ops::RangeInclusive;

/// The verifier of one password, which counts by its bytes: see [`password`](super::password).
#[derive(Clone, PartialEq, Eq)]
pub struct Verifier {
    iterations: u32,
    salt: Vec<u8>,
    stored_key: [u8; 32],
    server_key: [u8; 32],
}

/// Iterations of a new verifier: some 10 ms of the hashing thread.
pub const ITERATIONS: u32 = 60_000;

/// RFC 7677 §4 wants 4096 at least. The maximum takes 0.2 s of the hashing thread.
const ITERATIONS_RANGE: RangeInclusive<u32> = 4096..=1_000_000;

/// Bytes in the salt of a new verifier.
pub const SALT_BYTES: usize = 16;

const SALT_BYTES_RANGE: RangeInclusive<usize> = 8..=64;

const SCHEME: &str = "SCRAM-SHA-256$";

impl Verifier {
    /// Makes the verifier of `password`, which [`Password`] must allow. The `salt` is random, and
    /// used once.
    pub fn new(password: &str, iterations: u32, salt: [u8; SALT_BYTES]) -> Verifier {
        debug_assert!(ITERATIONS_RANGE.contains(&iterations), "{iterations} iterations");
        debug_assert!(is_password(password), "too long, or empty");
        let salted = salted(password, iterations, &salt);
        Verifier {
            iterations,
            salt: salt.to_vec(),
            stored_key: stored_key(&hmac(&salted, b"Client Key")),
            server_key: hmac(&salted, b"Server Key"),
        }
    }

    /// Parses the format of [`Display`](fmt::Display). The error contains nothing of the text.
    pub fn parse(text: &str) -> Result<Verifier, &'static str> {
        let rest = text.strip_prefix(SCHEME).ok_or("it does not begin with SCRAM-SHA-256$")?;
        let (salting, keys) = rest.split_once('$').ok_or("it has no keys after a second $")?;
        let (iterations, salt) = salting.split_once(':').ok_or("it has no salt after a colon")?;
        let (stored_key, server_key) =
            keys.split_once(':').ok_or("it has no second key after a colon")?;
        let canonical = |n: &u32| ITERATIONS_RANGE.contains(n) && n.to_string() == iterations;
        Ok(Verifier {
            iterations: iterations
                .parse()
                .ok()
                .filter(canonical)
                .ok_or("its iterations are not a number from 4096 to 1000000")?,
            salt: BASE64
                .decode(salt)
                .ok()
                .filter(|salt| SALT_BYTES_RANGE.contains(&salt.len()))
                .ok_or("its salt is not 8 to 64 bytes in base64")?,
            stored_key: key(stored_key).ok_or("its first key is not 32 bytes in base64")?,
            server_key: key(server_key).ok_or("its second key is not 32 bytes in base64")?,
        })
    }

    /// A verifier for an account that does not exist. No known password matches it.
    pub(super) fn decoy(iterations: u32, salt: [u8; SALT_BYTES], keys: [[u8; 32]; 2]) -> Verifier {
        let [stored_key, server_key] = keys;
        Verifier { iterations, salt: salt.to_vec(), stored_key, server_key }
    }

    /// Whether `password` is the right one. Takes as long as making a verifier, for any wrong
    /// password. A text that [`Password`] does not allow fails at once.
    pub fn verifies(&self, password: &str) -> bool {
        if !is_password(password) {
            return false;
        }
        let salted = salted(password, self.iterations, &self.salt);
        self.knows(&hmac(&salted, b"Client Key"))
    }

    /// Whether `client_key` is the ClientKey of this StoredKey (RFC 5802 §3), compared in constant
    /// time.
    pub(super) fn knows(&self, client_key: &[u8; 32]) -> bool {
        self.stored_key.ct_eq(&stored_key(client_key)).to_bool()
    }

    /// The number of iterations, which the client needs too.
    pub(super) fn iterations(&self) -> u32 {
        self.iterations
    }

    /// The salt; no secret.
    pub(super) fn salt(&self) -> &[u8] {
        &self.salt
    }

    /// StoredKey, which verifies the client's proof.
    pub(super) fn stored_key(&self) -> &[u8; 32] {
        &self.stored_key
    }

    /// ServerKey, which makes the server's signature.
    pub(super) fn server_key(&self) -> &[u8; 32] {
        &self.server_key
    }
}

fn is_password(text: &str) -> bool {
    (1..=Password::BYTES_MAX).contains(&text.len())
}

/// SaltedPassword (RFC 5802 §3).
fn salted(password: &str, iterations: u32, salt: &[u8]) -> [u8; 32] {
    pbkdf2::pbkdf2_hmac_array::<Sha256, 32>(password.as_bytes(), salt, iterations)
}

/// StoredKey (RFC 5802 §3).
fn stored_key(client_key: &[u8; 32]) -> [u8; 32] {
    Sha256::digest(client_key).into()
}

pub(crate) fn hmac(key: &[u8; 32], message: &[u8]) -> [u8; 32] {
    let keyed = Hmac::<Sha256>::new_from_slice(key).expect("any length will do");
    keyed.chain_update(message).finalize().into_bytes().into()
}

fn key(text: &str) -> Option<[u8; 32]> {
    BASE64.decode(text).ok()?.try_into().ok()
}

impl fmt::Display for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [salt, stored_key, server_key] =
            [&self.salt[..], &self.stored_key, &self.server_key].map(|bytes| BASE64.encode(bytes));
        write!(f, "{SCHEME}{}:{salt}${stored_key}:{server_key}", self.iterations)
    }
}

/// Prints nothing that guesses could be tried on, as debug output ends up in logs.
impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Verifier(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::array;

    const SALT: [u8; SALT_BYTES] = *b"sixteen bytes...";

    /// The verifier of `pencil`, with the keys of the exchange in RFC 7677 §3 (next test).
    const PENCIL: &str = "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$\
        WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";

    fn of(password: &str) -> Verifier {
        Verifier::new(password, 4096, SALT)
    }

    #[test]
    fn the_exchange_of_rfc_7677_is_made_with_these_keys() {
        let pencil = Verifier::parse(PENCIL).unwrap();
        let salt = BASE64.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        assert_eq!(Verifier::new("pencil", 4096, salt.try_into().unwrap()), pencil);
        let said = b"n=user,r=rOprNGfwEbeRWgbNEkqO,\
            r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,\
            c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
        let signature = hmac(&pencil.server_key, said);
        assert_eq!(BASE64.encode(signature), "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
        let proof = key("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=").unwrap();
        let mask = hmac(&pencil.stored_key, said);
        let client_key: [u8; 32] = array::from_fn(|at| proof[at] ^ mask[at]);
        assert!(pencil.knows(&client_key));
    }

    #[test]
    fn it_verifies_its_own_password_and_no_other() {
        let long = "x".repeat(600);
        for password in ["pencil", " ", "Zażółć gęślą jaźń 🪨", "a\0b", &long] {
            let verifier = Verifier::parse(&of(password).to_string()).unwrap();
            assert_eq!(verifier, of(password));
            assert!(verifier.verifies(password), "{password}");
            for other in [format!("{password}x"), format!("x{password}"), "pencil ".into()] {
                assert!(!verifier.verifies(&other), "{password} is not {other}");
            }
        }
        assert!(!of(&long).verifies(&long[1..]));
        assert!(!of("ann").verifies(""));
        assert!(!of("ann").verifies("Ann"));
        assert!(!of("\u{e9}").verifies("e\u{301}"), "spellings are not made one");
    }

    #[test]
    fn what_is_wrong_with_a_text_is_said_and_the_text_is_not() {
        for (from, to, expected) in [
            (PENCIL, "", "does not begin with"),
            (PENCIL, "pencil", "does not begin with"),
            (PENCIL, "SCRAM-SHA-256$", "no keys"),
            (PENCIL, "SCRAM-SHA-256$$", "no salt"),
            ("SCRAM-SHA-256", "SCRAM-SHA-1", "does not begin with"),
            ("SCRAM-SHA-256", "scram-sha-256", "does not begin with"),
            ("SCRAM", " SCRAM", "does not begin with"),
            ("4096:", "4096", "no salt"),
            ("=:wf", "=wf", "no second key"),
            ("4096", "4095", "iterations"),
            ("4096", "1000001", "iterations"),
            ("4096", "99999999999999999999", "iterations"),
            ("4096", "-4096", "iterations"),
            ("4096", "+4096", "iterations"),
            ("4096", "04096", "iterations"),
            ("4096", "", "iterations"),
            ("W22ZaJ0SNY7soEsUEjb6gQ==", "", "salt"),
            ("W22ZaJ0SNY7soEsUEjb6gQ==", "W22ZaJ0SNQ==", "salt"),
            ("W22ZaJ0SNY7soEsUEjb6gQ==", "W22ZaJ0SNY7soEsUEjb6gQ", "salt"),
            ("W22ZaJ0SNY7soEsUEjb6gQ==", "W22ZaJ0SNY7soEsUEjb6gR==", "salt"),
            ("WG5d8oPm", "WG5d", "first key"),
            ("WG5d8oPm", "WG5d8oPmAAAA", "first key"),
            ("WG5d8oPm", "WG5d-oPm", "first key"),
            ("wfPLwcE6", "wfPL", "second key"),
            ("wfPLwcE6", "wfPL wcE6", "second key"),
            ("l2dU=", "l2dU=:", "second key"),
            ("l2dU=", "l2dU=\n", "second key"),
        ] {
            let text = PENCIL.replacen(from, to, 1);
            let error = Verifier::parse(&text).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
        let salt = BASE64.encode([0; 65]);
        let text = PENCIL.replacen("W22ZaJ0SNY7soEsUEjb6gQ==", &salt, 1);
        assert!(Verifier::parse(&text).unwrap_err().contains("salt"));
    }

    #[test]
    fn nothing_of_it_is_shown_in_logs() {
        assert_eq!(format!("{:?}", of("pencil")), "Verifier(…)");
    }

    proptest! {
        #[test]
        fn what_is_read_is_written_the_same(
            iterations in ITERATIONS_RANGE,
            salt in prop::collection::vec(any::<u8>(), 0..80),
            keys: [[u8; 32]; 2],
        ) {
            let [stored_key, server_key] = keys;
            let written = Verifier { iterations, salt, stored_key, server_key };
            match Verifier::parse(&written.to_string()) {
                Ok(read) => prop_assert_eq!(read.to_string(), written.to_string()),
                Err(_) => prop_assert!(!SALT_BYTES_RANGE.contains(&written.salt.len())),
            }
        }

        #[test]
        fn no_text_makes_it_panic(
            text in prop_oneof![
                ".*",
                "SCRAM-SHA-256\\$[0-9]{0,9}:[A-Za-z0-9+/=:$]{0,40}\\$[A-Za-z0-9+/=:$]{0,100}",
            ],
        ) {
            if let Ok(verifier) = Verifier::parse(&text) {
                prop_assert_eq!(verifier.to_string(), text);
            }
        }

        #[test]
        fn a_text_with_a_flaw_is_refused_or_another_ones(at in 0..PENCIL.len(), with: char) {
            let mut text = PENCIL.to_owned();
            text.replace_range(at..=at, with.encode_utf8(&mut [0; 4]));
            if let Ok(verifier) = Verifier::parse(&text) {
                prop_assert_eq!(verifier.to_string(), text);
            }
        }
    }
}
