//! A SASL exchange under way. IRCv3 sasl-3.2.

use crate::auth::attempts::Attempt;
use crate::auth::chunks::Payload;
use crate::auth::scram::Exchange;
use crate::store::Account;

/// An exchange that is going on.
pub struct Sasl {
    pub payload: Payload,
    pub stage: SaslStage,
}

pub(crate) enum SaslStage {
    Plain,
    External,
    ScramFirst,
    /// The account is missing where there is none of that name.
    ScramFinal(Box<Exchange>, Option<Box<Account>>, Attempt),
    /// The client has proved that it knows the password, and may yet find that we don't.
    ScramOver(Box<Account>, Attempt),
}
