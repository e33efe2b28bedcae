//! What the store answers.

use super::records::*;
use super::request::{Trouble, all, optional};

/// What is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// It is durable.
    Appended,
    /// What was selected, oldest first.
    Messages(Vec<Message>),
    /// Each with the time of its latest message in milliseconds since 1970, earliest first.
    Targets(Vec<(Target, i64)>),
    /// It is gone, and that is durable.
    Redacted,
    /// The target has no message of this id, or the account no certificate of this fingerprint.
    Unknown(String),
    /// The message is not of the account that wants it redacted.
    Forbidden,
    /// What was found, newest first.
    Found(Vec<(Target, Message)>),
    /// Nothing of it can be asked for any more.
    Forgotten,
    /// So it will be.
    Retained,
    /// The account is there.
    Added,
    /// Another account has this name, or one that looks like it.
    Taken,
    /// There is no such invitation, or it has expired.
    BadInvitation,
    /// There are as many as there may be.
    TooMany,
    /// Fingerprints, and when each was added in milliseconds since 1970, the earliest first.
    Certificates(Vec<(String, i64)>),
    /// The account that was asked for.
    Account(Option<Box<Account>>),
    /// Accounts, folded, each with a mark of where it was logged in to; the one used last comes last.
    Known(Vec<(String, i64)>),
    /// The name of the account, as it is written.
    Owner(Option<String>),
    /// It is so.
    Changed,
    /// The account is not there.
    NoSuchAccount,
    /// It is not there any more.
    Dropped,
    /// In the order of their folded names.
    Accounts(Vec<AccountSummary>),
    /// The invitation is valid.
    Invited,
    /// Up to when the target is read: the later of what was marked and what was known.
    Marked(i64),
    /// It is durable.
    Saved,
    /// In the order of their folded names.
    Channels(Vec<ChannelRecord>),
    /// Each with its account, folded, in that order.
    Presences(Vec<(String, Presence)>),
    /// In the order in which they were first set.
    Bans(Vec<BanRecord>),
    /// It is durable.
    Recorded,
    /// Oldest first.
    Acts(Vec<Act>),
    /// Nothing was done.
    Failed(Trouble),
}

impl Reply {
    /// Bytes of messages in one reply. What exceeds it is left out: of the last ones the oldest, of
    /// the first ones the newest, so that one can page on from what is there. One message is
    /// answered whatever its size.
    pub const BYTES_MAX: usize = 1 << 20;

    /// What it takes in memory, more or less.
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
