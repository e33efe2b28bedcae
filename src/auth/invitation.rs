//! Invitations: words that let somebody make an account, of which only the hash is kept.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// Of randomness in one: nobody guesses it, so that one hash is enough.
const BYTES: usize = 16;

/// A new one, 22 letters and digits; `None` if the system gives no randomness.
pub fn new() -> Option<String> {
    let mut token = [0; BYTES];
    getrandom::fill(&mut token).ok()?;
    Some(URL_SAFE_NO_PAD.encode(token))
}

/// What is kept of one.
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
