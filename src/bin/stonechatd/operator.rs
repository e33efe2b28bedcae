//! `stonechatd operator hash`: a password in, its verifier out.

use crate::output::say;
use crate::{Failure, password};

/// Prints the verifier of a password.
pub fn hash() -> Result<(), Failure> {
    say(&password::verifier()?.to_string());
    Ok(())
}
