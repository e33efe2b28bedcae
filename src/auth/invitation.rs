//! Invitations: tokens that allow to register an account. Only their hash is stored.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// Random bytes in a token: too many to guess, so that one round of hashing is enough.
const BYTES: usize = 16;

/// Makes a token, 22 letters and digits; `None` if the system gives no random bytes.
pub fn new() -> Option<String> {
    let mut token = [0; BYTES];
    getrandom::fill(&mut token).ok()?;
    Some(URL_SAFE_NO_PAD.encode(token))
}

/// The hash of a token, as it is stored.
pub fn hash(invitation: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(invitation))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_another_and_its_hash_tells_nothing_of_it() {
        let (one, other) = (new().unwrap(), new().unwrap());
        assert!(one != other && one.len() == 22);
        assert!(hash(&one) == hash(&one) && hash(&one) != hash(&other) && hash(&one) != one);
    }
}
