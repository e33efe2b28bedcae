//! A login: the facts of an account that its connections remember.

use crate::store::Account;

/// What is remembered of an account by who is logged in to it.
pub(crate) struct Login {
    /// As it is written.
    pub(crate) name: Box<str>,
    /// When it was made: tells it from another of its name.
    pub(crate) made_ms: i64,
    /// Its user stays when the last connection goes.
    pub(crate) always_on: bool,
    /// They are sent what they missed when they return.
    pub(crate) replay: bool,
    /// Up to when each target was read.
    pub(crate) markers: Vec<(String, i64)>,
}

impl From<Box<Account>> for Login {
    fn from(account: Box<Account>) -> Login {
        let Account { name, always_on, replay, created_ms: made_ms, markers, .. } = *account;
        Login { name: name.into(), made_ms, always_on, replay, markers }
    }
}
