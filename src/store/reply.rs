//! Replies of the store.

use super::records::*;
use super::trouble::Trouble;

/// A reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// The write is durable.
    Appended,
    /// The selected messages, oldest first.
    Messages(Vec<Message>),
    /// Targets with the time of their latest message in milliseconds since 1970, earliest first.
    Targets(Vec<(Target, i64)>),
    /// The text is gone, and that is durable.
    Redacted,
    /// The target has no message of this id, or the account no certificate of this fingerprint.
    Unknown(String),
    /// The message was sent by another account than the one that asks to redact it.
    Forbidden,
    /// The matching messages, newest first.
    Found(Vec<(Target, Message)>),
    /// The target can't be read any more.
    Forgotten,
    /// The policy is in force.
    Retained,
    /// The account or certificate was added.
    Added,
    /// Another account has this name, or one that looks like it.
    Taken,
    /// There is no such invitation, or it has expired.
    BadInvitation,
    /// The account has the maximum already.
    TooMany,
    /// Fingerprints, and when each was added in milliseconds since 1970, the earliest first.
    Certificates(Vec<(String, i64)>),
    /// The account, if it exists.
    Account(Option<Box<Account>>),
    /// Folded accounts, each with the mark of a login; the one used last comes last.
    Known(Vec<(String, i64)>),
    /// The name of the account as written, if it exists.
    Owner(Option<String>),
    /// The change is durable.
    Changed,
    /// The account does not exist.
    NoSuchAccount,
    /// The record is removed.
    Dropped,
    /// In the order of their folded names.
    Accounts(Vec<AccountSummary>),
    /// The invitation is valid.
    Invited,
    /// The read marker: the later of the new and the old time.
    Marked(i64),
    /// The write is durable.
    Saved,
    /// In the order of their folded names.
    Channels(Vec<ChannelRecord>),
    /// Presences with their folded accounts, in the order of these.
    Presences(Vec<(String, Presence)>),
    /// In the order in which they were first set.
    Bans(Vec<BanRecord>),
    /// The write is durable.
    Recorded,
    /// Oldest first.
    Acts(Vec<Act>),
    /// Nothing was done.
    Failed(Trouble),
}

impl Reply {
    /// Bytes of messages in one reply. Messages beyond it are left out: the oldest of the last
    /// ones, the newest of the first ones, so that the client can page on. A reply has at least one
    /// message of any size.
    pub const BYTES_MAX: usize = 1 << 20;

    /// Approximate memory in bytes.
    pub fn bytes(&self) -> usize {
        let beside = match self {
            Reply::Messages(messages) => all(messages, Message::bytes),
            Reply::Found(found) => all(found, |(target, message)| target.bytes() + message.bytes()),
            Reply::Targets(targets) => all(targets, |(target, _)| target.bytes()),
            Reply::Unknown(what) => what.len(),
            Reply::Certificates(all_of_it) => all(all_of_it, |(fingerprint, _)| fingerprint.len()),
            Reply::Account(account) => account.as_ref().map_or(0, |account| account.bytes()),
            Reply::Owner(name) => optional(name),
            Reply::Accounts(accounts) => {
                all(accounts, |account| account.name.len() + account.folded.len())
            }
            Reply::Channels(channels) => all(channels, ChannelRecord::bytes),
            Reply::Presences(presences) => {
                all(presences, |(account, presence)| account.len() + presence.bytes())
            }
            Reply::Bans(bans) => all(bans, BanRecord::bytes),
            Reply::Acts(acts) => all(acts, Act::bytes),
            _ => 0,
        };
        size_of::<Reply>() + beside
    }
}

impl Account {
    fn bytes(&self) -> usize {
        let names = self.name.len() + self.folded.len() + self.skeleton.len();
        let beside = self.verifier.0.len() + optional(&self.email);
        let markers = all(&self.markers, |(target, _)| target.len());
        size_of::<Account>() + names + beside + markers
    }
}
