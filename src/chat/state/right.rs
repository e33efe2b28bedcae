//! The rights of operators.

/// What an operator may be allowed. Nothing is, unless the config names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    /// Accounts of others: SAREGISTER, to look into them, to remove them, and to bind certificates to
    /// them.
    Accounts,
    /// To see where users come from. It is recorded.
    Addresses,
    /// AUDIT: what operators did, with their addresses.
    Audit,
    /// Bans of the server: UBAN, KLINE, DLINE, and their undoing.
    Ban,
    /// Registered channels of others: to see them, to give ranks there, to end the registration.
    Channels,
    /// The server's level of defence: DEFCON.
    Defcon,
    /// To end the server, or start it again: DIE, RESTART.
    Die,
    /// KILL.
    Kill,
    /// To change what others say of themselves and of their channels.
    Metadata,
    /// Notices of the server: user mode `s`.
    Notices,
    /// To take back what anyone said in a channel.
    Redact,
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
    /// To see who hides, and in which channels they are.
    Secrets,
    /// What STATS tells of users and of the server.
    Stats,
    /// WALLOPS.
    Wallops,
}

impl Right {
    /// Each as the config names it, in the order of the names.
    pub const NAMES: [(&'static str, Right); 19] = [
        ("accounts", Right::Accounts),
        ("addresses", Right::Addresses),
        ("audit", Right::Audit),
        ("ban", Right::Ban),
        ("channels", Right::Channels),
        ("defcon", Right::Defcon),
        ("die", Right::Die),
        ("kill", Right::Kill),
        ("metadata", Right::Metadata),
        ("notices", Right::Notices),
        ("redact", Right::Redact),
        ("rehash", Right::Rehash),
        ("sajoin", Right::Sajoin),
        ("samode", Right::Samode),
        ("sanick", Right::Sanick),
        ("sapart", Right::Sapart),
        ("secrets", Right::Secrets),
        ("stats", Right::Stats),
        ("wallops", Right::Wallops),
    ];

    /// As the config names it.
    pub fn name(self) -> &'static str {
        let found = Self::NAMES.iter().find(|(_, right)| *right == self);
        found.expect("each has a name").0
    }
}

/// What 723 names where a program may not be run.
pub(crate) const COMMANDS: &str = "commands";
