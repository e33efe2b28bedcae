//! Ids: how users, channels and connections name each other. Never reused where a serial says so.

/// One user for as long as they are here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserId(pub(super) u32);

/// One channel of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Membership {
    /// The channel.
    pub channel: ChannelId,
    /// Their index in its members.
    pub place: u32,
}

impl UserId {
    /// The number after this, for `Users::next_from`.
    pub fn after(self) -> u32 {
        self.0 + 1
    }
}

/// One channel for as long as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChannelId(pub(super) u32);

/// A number no other channel ever has, in a few hundred years at one a millisecond.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Serial(pub(crate) u64);

impl ChannelId {
    /// The number after this, for `Channels::next_from`.
    pub fn after(self) -> u32 {
        self.0 + 1
    }
}
