//! The DEFCON level: how much of the service is open to newcomers.

/// From 5, nothing, to 1, the most; each does what those above it do too. It lasts until an operator
/// says otherwise, or the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Defcon(pub(crate) u8);

impl Default for Defcon {
    fn default() -> Defcon {
        Defcon(5)
    }
}

impl Defcon {
    pub(crate) fn parse(text: &str) -> Option<Defcon> {
        text.parse().ok().filter(|level| (1..=5).contains(level)).map(Defcon)
    }

    /// 1 to 5.
    pub(crate) fn level(self) -> u8 {
        self.0
    }

    /// Whether anyone may make an account.
    pub(crate) fn takes_accounts(self) -> bool {
        self.0 > 4
    }

    /// Whether one may come without an account.
    pub(crate) fn takes_strangers(self) -> bool {
        self.0 > 3
    }

    /// Whether all channels and users are as if they had the modes M and R.
    pub(crate) fn hushes_strangers(self) -> bool {
        self.0 <= 2
    }

    pub(crate) fn takes_nobody(self) -> bool {
        self.0 == 1
    }

    pub(crate) fn meaning(self) -> &'static str {
        match self.0 {
            5 => "nothing is restricted",
            4 => "no new accounts",
            3 => "only who logs in may come; no new accounts",
            2 => {
                "who is not logged in may not come, and speaks only where they have a rank or are accepted"
            }
            _ => "nobody may come but operators and those from exempt networks",
        }
    }
}
