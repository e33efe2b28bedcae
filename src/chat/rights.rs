//! What operators may do, and the record of what they did.

use super::numeric::*;
use super::users::{UserId, UserMode};
use super::voice::Voice;
use super::{By, Chat};

/// What an operator may be allowed. Nothing is, unless the config names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    /// Accounts of others: SAREGISTER, and to bind certificates to them.
    Accounts,
    /// To see where users come from.
    Addresses,
    /// Bans of the server: UBAN, KLINE, DLINE, and their undoing.
    Ban,
    /// The server's level of defence: DEFCON.
    Defcon,
    /// To end the server, or start it again: DIE, RESTART.
    Die,
    /// KILL.
    Kill,
    /// REHASH.
    Rehash,
    /// SAJOIN.
    Sajoin,
    /// SAMODE.
    Samode,
    /// SANICK.
    Sanick,
    /// SAPART.
    Sapart,
    /// What STATS tells of users and of the server.
    Stats,
    /// WALLOPS.
    Wallops,
}

impl Right {
    /// Each as the config names it, in the order of the names.
    pub const NAMES: [(&'static str, Right); 13] = [
        ("accounts", Right::Accounts),
        ("addresses", Right::Addresses),
        ("ban", Right::Ban),
        ("defcon", Right::Defcon),
        ("die", Right::Die),
        ("kill", Right::Kill),
        ("rehash", Right::Rehash),
        ("sajoin", Right::Sajoin),
        ("samode", Right::Samode),
        ("sanick", Right::Sanick),
        ("sapart", Right::Sapart),
        ("stats", Right::Stats),
        ("wallops", Right::Wallops),
    ];

    /// As the config names it.
    pub fn name(self) -> &'static str {
        let found = Self::NAMES.iter().find(|(_, right)| *right == self);
        found.expect("each has a name").0
    }
}

impl Chat {
    /// Whether who gives a command has the right to; says so if not.
    pub(crate) fn may(&self, voice: &mut Voice, by: By, right: Right) -> bool {
        if !self.users[by.user].is(UserMode::Operator) {
            self.numeric(voice, by.conn, ERR_NOPRIVILEGES, &[]);
            return false;
        }
        let has = self.has_right(by.user, right);
        if !has {
            self.numeric(voice, by.conn, ERR_NOPRIVS, &[right.name()]);
        }
        has
    }

    /// Whether a user has a right.
    pub(crate) fn has_right(&self, user: UserId, _right: Right) -> bool {
        self.users[user].is(UserMode::Operator)
    }

    #[allow(dead_code)] // until each command is recorded by it
    /// Records what an operator does: the command, to whom or what, and why; empty where there is
    /// none. It is kept, logged, and told to operators who ask for notices of `kind`.
    pub(crate) fn record(
        &mut self,
        voice: &mut Voice,
        by: By,
        kind: char,
        command: &str,
        target: &str,
        why: &str,
    ) {
        let mask = self.users[by.user].mask().to_owned();
        let parts = [command, target, why].into_iter().filter(|part| !part.is_empty());
        let text = format!("{mask}: {}", parts.collect::<Vec<_>>().join(" "));
        log::info!("{text}");
        self.notice_operators(voice, kind, &text);
    }
}
