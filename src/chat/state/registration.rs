//! The registration of a channel.

use crate::chat::state::ids::Serial;
use crate::chat::state::ranks::Rank;
use crate::chat::state::save_state::SaveState;
use crate::wire::casemap::{Folded, same};

/// The further state of a registered channel.
pub struct ChannelRegistration {
    /// Distinguishes this registration from earlier ones of the channel.
    pub serial: Serial,
    /// The account of the founder, folded.
    pub founder: Box<str>,
    /// The rank that each other account gets at JOIN, by folded account; bounded by
    /// `list_entries_max`.
    pub ranks: Vec<(Box<str>, Rank)>,
    /// Whether the registration is requested, in force or ending.
    pub standing: Standing,
    /// Whether the store has the latest version.
    pub(crate) kept: SaveState,
    /// The name before a RENAME, until the record under it is deleted.
    pub former: Option<Folded>,
}

/// The progress of a registration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Waits for the store to save it. It grants no rights until then.
    Asked,
    /// In force.
    Stands,
    /// Waits for the store to delete it. Saving anything meanwhile would bring it back.
    Ending,
}

impl ChannelRegistration {
    /// A registration that the store is asked to save.
    pub fn asked(serial: Serial, founder: Box<str>) -> ChannelRegistration {
        let (standing, kept) = (Standing::Asked, SaveState::Saving);
        ChannelRegistration { serial, founder, ranks: Vec::new(), standing, kept, former: None }
    }

    /// The rank that `account` gets at JOIN.
    pub fn rank_of(&self, account: &str) -> Option<Rank> {
        if same(&self.founder, account) {
            return Some(Rank::Founder);
        }
        self.ranks.iter().find(|(known, _)| same(known, account)).map(|(_, rank)| *rank)
    }

    /// Asserts the invariants that hold between commands, for a channel called `name`.
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
