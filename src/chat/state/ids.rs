//! Ids, by which users, channels and connections refer to each other. Only serials are never
//! reused.

use crate::net::ConnId;

/// Identifies a user for as long as they are here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserId(pub(super) u32);

/// The user who gives a command, and the connection it arrived on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
    pub conn: ConnId,
    pub user: UserId,
}

/// A user's membership in one channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Membership {
    /// The channel.
    pub channel: ChannelId,
    /// The user's index in the channel's members.
    pub place: u32,
}

impl UserId {
    /// The next number, for `Users::next_from`.
    pub fn after(self) -> u32 {
        self.0 + 1
    }
}

/// Identifies a channel for as long as it exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChannelId(pub(super) u32);

/// A number that no other channel ever has, for a few hundred years at one a millisecond.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Serial(pub(crate) u64);

impl ChannelId {
    /// The next number, for `Channels::next_from`.
    pub fn after(self) -> u32 {
        self.0 + 1
    }
}
