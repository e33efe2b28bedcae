//! The rights of operators.

/// A right that an operator may have. None is granted unless the config names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    /// Accounts of others: SAREGISTER, to inspect them, to remove them, and to bind certificates to
    /// them.
    Accounts,
    /// To see the addresses of users. Each look is recorded.
    Addresses,
    /// AUDIT: the actions of operators, with their addresses.
    Audit,
    /// Bans of the server: UBAN, KLINE, DLINE, and their undoing.
    Ban,
    /// Registered channels of others: to see them, to give ranks there, to end the registration.
    Channels,
    /// The server's level of defence: DEFCON.
    Defcon,
    /// To end or restart the server: DIE, RESTART.
    Die,
    /// KILL.
    Kill,
    /// To change the metadata of other users and of their channels.
    Metadata,
    /// Notices of the server: user mode `s`.
    Notices,
    /// To redact anyone's message in a channel.
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
    /// To see hidden users, and the channels they are in.
    Secrets,
    /// The figures of STATS about users and the server.
    Stats,
    /// WALLOPS.
    Wallops,
}

impl Right {
    /// Each right with its name in the config, sorted by name.
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

    /// The name of the right in the config.
    pub fn name(self) -> &'static str {
        let found = Self::NAMES.iter().find(|(_, right)| *right == self);
        found.expect("each has a name").0
    }
}

/// The word that 723 names when a program may not be run.
pub(crate) const COMMANDS: &str = "commands";
