//! What is answered for accounts which there are not, so that nobody learns which there are.

use super::verifier::{SALT_BYTES, Verifier, hmac};
use crate::wire::casemap;

/// Gives each name a verifier of its own, the same each time it is asked for: a salt that changed
/// between two questions, or that two names had in common, would tell. So would the salts of a
/// restarted server, or other `iterations` than those of most accounts: the secret is to be kept
/// like the accounts themselves, and the iterations to be those that accounts are made with.
pub struct Decoys {
    secret: [u8; 32],
    iterations: u32,
}

impl Decoys {
    /// The secret is random; who has it can tell decoys from accounts.
    pub fn new(secret: [u8; 32], iterations: u32) -> Decoys {
        Decoys { secret, iterations }
    }

    /// That of `account`, however its letters are written. No password verifies by it and no proof
    /// does, and both take as long as by a real one.
    pub fn of(&self, account: &str) -> Verifier {
        let account = casemap::folded(account);
        let part = |what: &str| hmac(&self.secret, format!("{what} {account}").as_bytes());
        let salt = part("salt").first_chunk::<SALT_BYTES>().copied().expect("half of a hash");
        Verifier::decoy(self.iterations, salt, [part("stored key"), part("server key")])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_has_its_own_and_keeps_it() {
        let decoys = Decoys::new([1; 32], 4096);
        assert_eq!(decoys.of("ann"), decoys.of("ANN"));
        assert_ne!(decoys.of("ann").salt(), decoys.of("bob").salt());
        assert_ne!(decoys.of("ann").salt(), Decoys::new([2; 32], 4096).of("ann").salt());
    }

    #[test]
    fn it_looks_like_a_real_one_and_verifies_nothing() {
        let real = Verifier::new("pencil", 4096, [7; SALT_BYTES]);
        let decoy = Decoys::new([1; 32], 4096).of("ann");
        assert_eq!(decoy.to_string().len(), real.to_string().len());
        assert_eq!(Verifier::parse(&decoy.to_string()), Ok(decoy.clone()));
        for password in ["pencil", "ann", ""] {
            assert!(!decoy.verifies(password));
        }
    }
}
