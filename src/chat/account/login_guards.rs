//! Guards against guessed passwords.

use crate::auth::attempts::{AttemptLimits, Attempts};
use crate::auth::decoys::Decoys;
use crate::auth::verifier::ITERATIONS;

/// Guards against guessed passwords: limits on attempts, and decoys for missing accounts.
pub(crate) struct LoginGuards {
    pub(crate) decoys: Decoys,
    pub(crate) attempts: Attempts,
}

impl LoginGuards {
    pub(crate) fn new(secret: [u8; 32]) -> LoginGuards {
        LoginGuards {
            decoys: Decoys::new(secret, ITERATIONS),
            attempts: Attempts::new(AttemptLimits::default(), secret),
        }
    }
}
