//! One change of a channel's modes, as a value.

use crate::chat::state::ban::Ban;
use crate::chat::state::channels::{Channel, ChannelMode, List, ListEntry, NEVER, Slow};
use crate::chat::state::ids::UserId;
use crate::chat::state::ranks::Rank;

/// One change of a channel's modes.
#[derive(Clone, Copy)]
pub(crate) enum ModeChange<'a> {
    /// A mode without a parameter is set or unset.
    Flag(ChannelMode, bool),
    /// Mode `k`.
    Key(Option<&'a str>),
    /// Mode `l`.
    Limit(Option<u32>),
    /// Mode `f`.
    Forward(Option<&'a str>),
    /// Mode `W`, in seconds.
    Slow(Option<u32>),
    /// An entry of `b`, `e` or `I` is added, or its author and end are changed. `until` is in
    /// seconds since 1970.
    Listed { list: List, mask: &'a Ban, by: &'a str, until: Option<u64> },
    /// An entry is removed.
    Unlisted { list: List, mask: &'a Ban },
    /// A member gets or loses a rank; `willingly` if by their own act.
    Rank { user: UserId, rank: Rank, on: bool, willingly: bool },
}

impl Channel {
    /// Applies a change made at `now`, in seconds since 1970, except of a rank.
    pub(crate) fn change(&mut self, change: ModeChange, now: u64) {
        match change {
            ModeChange::Flag(mode, on) => self.modes.set(mode, on),
            ModeChange::Key(key) => self.key = key.map(Box::from),
            ModeChange::Limit(limit) => self.limit = limit,
            ModeChange::Forward(forward) => self.forward = forward.map(Box::from),
            ModeChange::Slow(seconds) => self.slow = seconds.map(Slow::of),
            ModeChange::Listed { list, mask, by, until } => {
                let entry = ListEntry { mask: mask.clone(), by: by.into(), at: now, until };
                let entries = self.list_mut(list);
                match entries.iter_mut().find(|known| known.mask == *mask) {
                    Some(known) => *known = entry,
                    None => entries.push(entry),
                }
                self.next_end = self.next_end.min(until.unwrap_or(NEVER));
            }
            ModeChange::Unlisted { list, mask } => {
                self.list_mut(list).retain(|entry| entry.mask != *mask);
                let ends = self.list(List::Ban).iter().filter_map(|entry| entry.until);
                self.next_end = ends.min().unwrap_or(NEVER);
            }
            ModeChange::Rank { .. } => {}
        }
    }
}
