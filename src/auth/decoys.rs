//! Verifiers for accounts that do not exist, so that nobody can tell which do.

use super::verifier::{SALT_BYTES, Verifier, hmac};
use crate::wire::casemap;

/// Makes verifiers of unknown names. Each name has one of its own, the same each time: a salt that
/// changes, or that two names share, would reveal a decoy. So would a new salt after a restart, or
/// `iterations` unlike those of most accounts. Therefore store the secret with the accounts, and
/// use the iterations of new accounts.
pub struct Decoys {
    secret: [u8; 32],
    iterations: u32,
}

impl Decoys {
    /// Makes decoys from `secret`, which is random. With the secret an attacker could tell decoys
    /// from accounts.
    pub fn new(secret: [u8; 32], iterations: u32) -> Decoys {
        Decoys { secret, iterations }
    }

    /// The decoy of `account`, without regard to case. Every password and proof fails with it,
    /// after the time of a real one.
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
