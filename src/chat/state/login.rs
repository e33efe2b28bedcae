//! A login: the facts of an account that its connections remember.

use crate::store::Account;

/// The facts of an account that a connection remembers after login.
pub(crate) struct Login {
    /// The name, as it was registered.
    pub(crate) name: Box<str>,
    /// When the account was made; distinguishes it from another of its name.
    pub(crate) made_ms: i64,
    /// Whether the user stays when the last connection closes.
    pub(crate) always_on: bool,
    /// Whether missed messages are sent when the user returns.
    pub(crate) replay: bool,
    /// Read markers: the time up to which each target was read.
    pub(crate) markers: Vec<(String, i64)>,
}

impl From<Box<Account>> for Login {
    fn from(account: Box<Account>) -> Login {
        let Account { name, always_on, replay, created_ms: made_ms, markers, .. } = *account;
        Login { name: name.into(), made_ms, always_on, replay, markers }
    }
}
