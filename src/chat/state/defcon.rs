//! The DEFCON level: how far the server is closed to new clients.

/// From 5, open, to 1, most closed; each level includes those above it. It lasts until an operator
/// changes it or the program ends.
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

    /// The level, 1 to 5.
    pub(crate) fn level(self) -> u8 {
        self.0
    }

    /// Whether new accounts may be made.
    pub(crate) fn takes_accounts(self) -> bool {
        self.0 > 4
    }

    /// Whether clients without an account may register.
    pub(crate) fn takes_strangers(self) -> bool {
        self.0 > 3
    }

    /// Whether all channels count as mode M and all users as mode R.
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
