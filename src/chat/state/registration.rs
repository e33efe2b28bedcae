//! The registration of a channel.

use crate::chat::state::ids::Serial;
use crate::chat::state::ranks::Rank;
use crate::chat::state::save_state::SaveState;
use crate::wire::casemap::{Folded, same};

/// What a registered channel has beside what every channel has.
pub struct ChannelRegistration {
    /// Tells it from others that the channel had before.
    pub serial: Serial,
    /// The account whose it is, folded.
    pub founder: Box<str>,
    /// The rank that each of other accounts has there of itself, by the account folded; bounded by
    /// `list_entries_max`.
    pub ranks: Vec<(Box<str>, Rank)>,
    /// Whether it is registered, or about to be so, or no more.
    pub standing: Standing,
    /// How far what is kept of it is behind.
    pub(crate) kept: SaveState,
    /// The name that it had before a RENAME, until what is kept under that is gone.
    pub former: Option<Folded>,
}

/// How far a registration is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Waits for the store to keep it. Until then it gives no rights.
    Asked,
    /// It is registered.
    Stands,
    /// Waits for the store to forget it. Until then nothing of it is saved: it would be there again.
    Ending,
}

impl ChannelRegistration {
    /// One that the store is to keep.
    pub fn asked(serial: Serial, founder: Box<str>) -> ChannelRegistration {
        let (standing, kept) = (Standing::Asked, SaveState::Saving);
        ChannelRegistration { serial, founder, ranks: Vec::new(), standing, kept, former: None }
    }

    /// The rank that `account` has of itself.
    pub fn rank_of(&self, account: &str) -> Option<Rank> {
        if same(&self.founder, account) {
            return Some(Rank::Founder);
        }
        self.ranks.iter().find(|(known, _)| same(known, account)).map(|(_, rank)| *rank)
    }

    /// Asserts what must hold between commands, of a channel of that name.
    pub fn check(&self, name: &str) {
        for (place, (account, _)) in self.ranks.iter().enumerate() {
            let others = self.ranks[..place].iter().map(|(other, _)| other).chain([&self.founder]);
            assert!(others.into_iter().all(|other| other != account), "{account} twice in {name}");
        }
        let former = self.former.as_ref();
        assert!(former.is_none_or(|former| *former != Folded::of(name)), "{name} is not former");
        assert!(
            self.standing != Standing::Asked || self.kept != SaveState::Clean,
            "{name} is asked for"
        );
    }
}
