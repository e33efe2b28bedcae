//! A SASL exchange under way. IRCv3 sasl-3.2.

use crate::auth::attempts::Attempt;
use crate::auth::chunks::Payload;
use crate::auth::scram::Exchange;
use crate::store::Account;

/// A SASL exchange under way.
pub struct Sasl {
    pub payload: Payload,
    pub stage: SaslStage,
}

pub(crate) enum SaslStage {
    Plain,
    External,
    ScramFirst,
    /// The account is `None` if there is none of that name.
    ScramFinal(Box<Exchange>, Option<Box<Account>>, Attempt),
    /// The client has proved its password, and still checks that the server knows it.
    ScramOver(Box<Account>, Attempt),
}
