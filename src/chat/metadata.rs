//! METADATA: what users and channels say of themselves to programs. IRCv3 metadata.

use super::channels::ChannelId;
use super::users::UserId;
use super::voice::Voice;
use super::{By, Chat};
use crate::wire::irc::Message;

/// Keys and values of one user or channel; bounded by `metadata_keys_max`.
#[derive(Default)]
pub struct Metadata {
    pairs: Vec<(Box<str>, Box<str>)>,
}

impl Chat {
    /// `METADATA target subcommand …`.
    pub(super) fn metadata(&mut self, _voice: &mut Voice, _by: By, _message: &Message) {}

    /// What a client that has asked for metadata is told of itself, on connection or when it asks.
    pub(super) fn tell_own_metadata(&mut self, _voice: &mut Voice, _by: By) {}

    /// What who has joined a channel is told of it and its members.
    pub(super) fn tell_joined_metadata(
        &mut self,
        _voice: &mut Voice,
        _by: By,
        _channel: ChannelId,
    ) {
    }

    /// What who watches somebody is told of them.
    pub(super) fn tell_watched_metadata(&mut self, _voice: &mut Voice, _by: By, _of: UserId) {}

    /// What WHOIS says of a profile.
    pub(super) fn whois_metadata(&self, _voice: &mut Voice, _by: By, _of: UserId) {}
}
