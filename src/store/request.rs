//! What may be asked of the store.

use super::records::*;
#[cfg(doc)]
use super::reply::Reply;
use crate::far::Weigh;
use std::error::Error;
use std::fmt;

/// What may be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Keep a message. [`Reply::Appended`] once it is durable, or [`Trouble::Duplicate`]. Of a
    /// target of which nothing is to be kept nothing is, and that is answered the same.
    Append {
        /// Where it was said.
        target: Target,
        /// The message; no other of the target may have its `msgid`.
        message: Message,
    },
    /// IRCv3 draft/chathistory, all but TARGETS: [`Reply::Messages`], or [`Reply::Unknown`].
    Select {
        /// Where the messages were said.
        target: Target,
        /// Which of them.
        selection: Selection,
        /// How many at most.
        limit: Limit,
        /// With events among the messages: IRCv3 draft/event-playback.
        events: bool,
    },
    /// IRCv3 draft/chathistory, TARGETS: those whose latest message is between two times, neither
    /// included; events don't count. [`Reply::Targets`].
    Targets {
        /// Whose conversations are looked through, by its key.
        user: String,
        /// The channels that are looked through, folded: those that the user may read.
        channels: Vec<String>,
        /// Counted from here, in milliseconds since 1970…
        from_ms: i64,
        /// …to here, which may be the earlier.
        to_ms: i64,
        /// How many at most.
        limit: Limit,
    },
    /// Forget what a PRIVMSG, NOTICE or TAGMSG said; its place remains, so that one can still scroll from it.
    /// [`Reply::Redacted`] once that is durable, [`Reply::Unknown`], or [`Reply::Forbidden`].
    Redact {
        /// Where it was said.
        target: Target,
        /// Which.
        msgid: String,
        /// Who wants it.
        by: Redactor,
    },
    /// Messages that say certain words: IRCv3 draft/search. [`Reply::Found`]. Where each word, the
    /// nick and the targets are in more than 20,000 messages, only the last 500,000 of the database
    /// are sure to be looked through.
    Search {
        /// Where to look: what the asker may read.
        targets: Vec<Target>,
        /// Words of letters and digits, all of which must be in the message, whole, in any order;
        /// case and accents don't matter. The first [`Request::SEARCH_WORDS_MAX`] count. Empty for
        /// any message; but text that has no letter in it is found nowhere.
        words: String,
        /// Said by this nick, folded.
        from: Option<String>,
        /// Said later than this, in milliseconds since 1970.
        after_ms: Option<i64>,
        /// Said earlier than this.
        before_ms: Option<i64>,
        /// How many at most.
        limit: Limit,
    },
    /// Remove everything that was said in a target. [`Reply::Forgotten`] once nothing of it can be
    /// asked for any more, and that is durable; it leaves the file bit by bit afterwards.
    Forget {
        /// Which.
        target: Target,
    },
    /// What is to be kept from now on. [`Reply::Retained`]; what is too much goes bit by bit
    /// afterwards. It is not itself kept.
    Retain(Policy),
    /// A new account: [`Reply::Added`], [`Reply::Taken`], or [`Reply::BadInvitation`].
    AddAccount {
        /// The account.
        account: NewAccount,
        /// The hash of an invitation, which is used up if the account is added.
        invitation: Option<String>,
    },
    /// [`Reply::Account`].
    FindAccount {
        /// Its name, folded.
        folded: String,
    },
    /// The same without read markers, for a password that is still to be proved: [`Reply::Account`].
    /// It runs the same statements whether the account is there or not.
    FindVerifier {
        /// Its name, folded.
        folded: String,
    },
    /// Remember from where an account was logged in to: [`Reply::Saved`], or
    /// [`Reply::NoSuchAccount`].
    Remember {
        /// Its name, folded.
        account: String,
        /// A keyed hash of account and address.
        mark: i64,
        /// Now, in milliseconds since 1970.
        time_ms: i64,
        /// How many the account may have; beyond, the one used longest ago goes.
        most: usize,
    },
    /// Those used last, of all accounts: [`Reply::Known`].
    Known {
        /// How many at most.
        most: usize,
    },
    /// Whose name looks like this: [`Reply::Owner`].
    FindOwner {
        /// What such names have in common.
        skeleton: String,
    },
    /// [`Reply::Changed`], or [`Reply::NoSuchAccount`].
    ChangeAccount {
        /// Its name, folded.
        folded: String,
        /// What.
        change: Change,
    },
    /// Remove an account with its read markers, its presence, the registrations of the channels it
    /// founded, its ranks in others, and what was said with it in private, which another account of
    /// its name would read. What it said in channels remains. [`Reply::Dropped`], or
    /// [`Reply::NoSuchAccount`].
    DropAccount {
        /// Its name, folded.
        folded: String,
    },
    /// Let whoever shows a certificate log in to an account: [`Reply::Added`], [`Reply::Taken`] if it
    /// is bound to one already, [`Reply::TooMany`], or [`Reply::NoSuchAccount`].
    AddCertificate {
        /// Its name, folded.
        account: String,
        /// SHA-256 of the certificate in DER, in small hexadecimal digits.
        fingerprint: String,
        /// Now, in milliseconds since 1970.
        created_ms: i64,
        /// How many the account may have.
        most: usize,
    },
    /// Take that back: [`Reply::Dropped`], [`Reply::Unknown`], or [`Reply::NoSuchAccount`].
    DropCertificate {
        /// Its name, folded.
        account: String,
        /// As it was added.
        fingerprint: String,
    },
    /// Those of one account: [`Reply::Certificates`], or [`Reply::NoSuchAccount`].
    Certificates {
        /// Its name, folded.
        account: String,
    },
    /// The account that a certificate is bound to: [`Reply::Account`].
    FindByCertificate {
        /// As it was added.
        fingerprint: String,
    },
    /// All accounts, page by page: [`Reply::Accounts`].
    Accounts {
        /// The folded name that the last page ended with; empty for the first.
        after: String,
        /// How many at most.
        limit: Limit,
    },
    /// Let somebody add an account: [`Reply::Invited`]. Those that had expired by then go.
    AddInvitation {
        /// What `AddAccount` must give.
        token_hash: String,
        /// Now, in milliseconds since 1970.
        created_ms: i64,
        /// From when on it is not valid any more.
        expires_ms: i64,
    },
    /// IRCv3 draft/read-marker. [`Reply::Marked`], or [`Reply::NoSuchAccount`].
    MarkRead {
        /// Whose, folded.
        account: String,
        /// What was read: a name, folded.
        target: String,
        /// Up to when, in milliseconds since 1970.
        time_ms: i64,
        /// How many markers the account may have; beyond, the one with the earliest time goes.
        targets_max: usize,
    },
    /// Register a channel, or keep it as it is now: [`Reply::Saved`], or [`Reply::NoSuchAccount`]
    /// if its founder isn't there.
    SaveChannel(Box<ChannelRecord>),
    /// End a channel's registration, if it has one: [`Reply::Dropped`].
    DropChannel {
        /// Its name, folded.
        folded: String,
    },
    /// Every registered channel: [`Reply::Channels`].
    Channels,
    /// Keep how an account's user stands in the chat: [`Reply::Saved`], or
    /// [`Reply::NoSuchAccount`].
    SavePresence {
        /// Its name, folded.
        account: String,
        /// How.
        presence: Box<Presence>,
    },
    /// Forget it, if it is kept: [`Reply::Dropped`].
    DropPresence {
        /// Of which account, folded.
        account: String,
    },
    /// Those of all accounts: [`Reply::Presences`].
    Presences,
    /// Keep a ban of the server, in the place of one of the same kind and target: [`Reply::Saved`].
    AddBan(Box<BanRecord>),
    /// Forget a ban, if it is kept: [`Reply::Dropped`].
    DropBan {
        /// Of which kind.
        kind: BanKind,
        /// Whom it means, as it was kept.
        what: String,
    },
    /// All of them: [`Reply::Bans`].
    Bans,
    /// Keep what an operator did: [`Reply::Recorded`]. No request removes it.
    Audit(Act),
    /// What operators did last: [`Reply::Acts`].
    Acts {
        /// Of whom: the name of an operator, or a nick; of all if it is missing. Letters of any
        /// case.
        whose: Option<String>,
        /// How many at most.
        limit: Limit,
    },
}

/// Which messages: IRCv3 draft/chathistory. No point is itself included but that of `Around`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// The last ones, those after a point if one is given.
    Latest(Option<Point>),
    /// The last ones before.
    Before(Point),
    /// The first ones after.
    After(Point),
    /// Half of the limit, rounded down, from before; the rest from the point on.
    Around(Point),
    /// Counted from the first point towards the second, which may be the earlier.
    Between(Point, Point),
}

/// A point in what was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Point {
    /// A message of the same target.
    Msgid(String),
    /// Milliseconds since 1970.
    Time(i64),
}

/// How many of something are answered at most: 0 to [`Limit::MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit(u16);

/// Who wants a message redacted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Redactor {
    /// Somebody who may redact what anyone said.
    Anyone,
    /// An account, as messages name it: only what it said itself.
    Account(String),
}

/// What changes of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// What proves a password.
    Verifier(Secret),
    /// Whether its user stays when the last connection goes.
    AlwaysOn(bool),
    /// Whether its user is sent what they missed when they return.
    Replay(bool),
    /// Where the owner is reached.
    Email(Option<String>),
}

/// How much of what was said is kept: without any bound, everything.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Policy {
    /// No message is kept that is older, in milliseconds.
    pub age_ms: Option<i64>,
    /// All messages together; beyond, those that were kept first go. A message counts what its
    /// fields have in bytes, and 64 for its place; the words that it is found by don't count.
    pub bytes: Option<u64>,
    /// What holds for some targets instead of `age_ms`, and of their own bytes.
    pub overrides: Vec<(Target, Keep)>,
}

/// How much is kept of one target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Keep {
    /// No message that is older, in milliseconds; 0 for none at all.
    pub age_ms: Option<i64>,
    /// Beyond these, its oldest go; 0 for none at all.
    pub bytes: Option<u64>,
}

/// Why nothing could be done, for a person to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Another program keeps the database locked.
    Busy,
    /// No space is left.
    Full,
    /// It may be read but not written.
    ReadOnly,
    /// The database is damaged; SQLite's words.
    Corrupt(String),
    /// The index of words contradicts itself. No message is lost: it is made anew of them.
    Index,
    /// A later version has written it.
    Newer {
        /// The version of its schema.
        found: i64,
        /// The last version that is known here.
        known: i64,
    },
    /// It is a database, but of another program.
    Foreign,
    /// Its file is not where it was opened any more.
    Gone,
    /// A message of this id is already kept in the target.
    Duplicate,
    /// Anything else, in the words of SQLite or the system.
    Other(String),
}

impl Limit {
    /// Bounds the memory and time that one reply takes.
    pub const MAX: i64 = 1000;

    /// As near to what was asked as is allowed: nothing for a negative one.
    pub fn new(asked: i64) -> Limit {
        Limit(asked.clamp(0, Limit::MAX) as u16)
    }

    /// The number.
    pub fn get(self) -> usize {
        self.0.into()
    }
}

impl Keep {
    /// Whether nothing is.
    pub fn nothing(self) -> bool {
        self.age_ms == Some(0) || self.bytes == Some(0)
    }
}

impl Request {
    /// Words that a search looks for.
    pub const SEARCH_WORDS_MAX: usize = 16;

    /// Whether the reply promises that something is kept.
    pub fn writes(&self) -> bool {
        use Request::*;
        match self {
            Append { .. } | Redact { .. } | Forget { .. } | MarkRead { .. } => true,
            AddAccount { .. } | ChangeAccount { .. } | DropAccount { .. } => true,
            AddInvitation { .. } | SaveChannel(_) | DropChannel { .. } => true,
            SavePresence { .. } | DropPresence { .. } | AddBan(_) | DropBan { .. } => true,
            AddCertificate { .. } | DropCertificate { .. } | Audit(_) | Remember { .. } => true,
            Select { .. } | Targets { .. } | Search { .. } | Retain(_) | Acts { .. } => false,
            Certificates { .. } | FindByCertificate { .. } => false,
            FindAccount { .. } | FindOwner { .. } | Accounts { .. } => false,
            FindVerifier { .. } | Known { .. } => false,
            Channels | Presences | Bans => false,
        }
    }
}

impl Weigh for Request {
    fn bytes(&self) -> usize {
        use Request::*;
        let strings = match self {
            Append { target, message } => target.bytes() + message.bytes(),
            Select { target, selection, .. } => target.bytes() + selection.bytes(),
            Targets { user, channels, .. } => user.len() + all(channels, String::len),
            Redact { target, msgid, by } => target.bytes() + msgid.len() + by.bytes(),
            Search { targets, words, from, .. } => {
                all(targets, Target::bytes) + words.len() + optional(from)
            }
            Forget { target } => target.bytes(),
            Retain(policy) => all(&policy.overrides, |(target, _)| target.bytes()),
            AddAccount { account, invitation } => account.bytes() + optional(invitation),
            FindAccount { folded } | DropAccount { folded } | DropChannel { folded } => {
                folded.len()
            }
            FindVerifier { folded } => folded.len(),
            Remember { account, .. } => account.len(),
            FindOwner { skeleton } => skeleton.len(),
            AddCertificate { account, fingerprint, .. }
            | DropCertificate { account, fingerprint } => account.len() + fingerprint.len(),
            FindByCertificate { fingerprint } => fingerprint.len(),
            ChangeAccount { folded, change } => folded.len() + change.bytes(),
            Accounts { after, .. } => after.len(),
            AddInvitation { token_hash, .. } => token_hash.len(),
            MarkRead { account, target, .. } => account.len() + target.len(),
            SaveChannel(channel) => size_of::<ChannelRecord>() + channel.bytes(),
            SavePresence { account, presence } => {
                account.len() + size_of::<Presence>() + presence.bytes()
            }
            DropPresence { account } | Certificates { account } => account.len(),
            AddBan(ban) => size_of::<BanRecord>() + ban.bytes(),
            DropBan { what, .. } => what.len(),
            Audit(act) => act.bytes(),
            Acts { whose, .. } => optional(whose),
            Channels | Presences | Bans | Known { .. } => 0,
        };
        size_of::<Request>() + strings
    }
}

/// What all of them take, with their own places in the list.
pub(super) fn all<T>(list: &[T], bytes: impl Fn(&T) -> usize) -> usize {
    size_of_val(list) + list.iter().map(bytes).sum::<usize>()
}

pub(super) fn optional(text: &Option<String>) -> usize {
    text.as_ref().map_or(0, String::len)
}

fn both((one, other): &(String, String)) -> usize {
    one.len() + other.len()
}

impl Selection {
    fn bytes(&self) -> usize {
        match self {
            Selection::Latest(None) => 0,
            Selection::Latest(Some(point))
            | Selection::Before(point)
            | Selection::After(point)
            | Selection::Around(point) => point.bytes(),
            Selection::Between(from, to) => from.bytes() + to.bytes(),
        }
    }
}

impl Point {
    fn bytes(&self) -> usize {
        match self {
            Point::Msgid(msgid) => msgid.len(),
            Point::Time(_) => 0,
        }
    }
}

impl Redactor {
    fn bytes(&self) -> usize {
        match self {
            Redactor::Anyone => 0,
            Redactor::Account(account) => account.len(),
        }
    }
}

impl Change {
    fn bytes(&self) -> usize {
        match self {
            Change::Verifier(verifier) => verifier.0.len(),
            Change::AlwaysOn(_) | Change::Replay(_) => 0,
            Change::Email(email) => optional(email),
        }
    }
}

impl NewAccount {
    fn bytes(&self) -> usize {
        let names = self.name.len() + self.folded.len() + self.skeleton.len();
        names + self.verifier.0.len() + optional(&self.email)
    }
}

impl ChannelRecord {
    pub(super) fn bytes(&self) -> usize {
        let names = self.name.len() + self.folded.len() + self.founder.len() + self.modes.len();
        let topic = self.topic.as_ref().map_or(0, |topic| topic.text.len() + topic.setter.len());
        let lists = all(&self.lists, |entry| entry.mask.len() + entry.setter.len());
        let accounts = all(&self.accounts, |(account, _)| account.len());
        names + topic + lists + accounts + all(&self.metadata, both)
    }
}

impl Presence {
    pub(super) fn bytes(&self) -> usize {
        let names = [&self.nick, &self.username, &self.realname, &self.host, &self.modes];
        let names: usize = names.into_iter().map(String::len).sum();
        names + optional(&self.away) + all(&self.channels, both) + all(&self.metadata, both)
    }
}

impl BanRecord {
    pub(super) fn bytes(&self) -> usize {
        self.what.len() + self.reason.len() + self.setter.len()
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Trouble::Busy => f.write_str("another program keeps the database locked"),
            Trouble::Full => f.write_str("no space is left on the disk for the database"),
            Trouble::ReadOnly => f.write_str("the database cannot be written to, only read"),
            Trouble::Corrupt(why) => write!(f, "the database is damaged ({why}): restore a backup"),
            Trouble::Index => {
                f.write_str("the index of words is damaged, and is made anew: try again later")
            }
            Trouble::Newer { found, known } => write!(
                f,
                "a later version of stonechat has written the database (schema {found}, this one \
                 knows up to {known}): run that version, or restore a backup"
            ),
            Trouble::Foreign => f.write_str("the database is that of another program"),
            Trouble::Gone => f.write_str(
                "the database's file was removed or replaced: put it back, or start again",
            ),
            Trouble::Duplicate => f.write_str("a message of this id is already kept"),
            Trouble::Other(why) => write!(f, "the database failed: {why}"),
        }
    }
}

impl Error for Trouble {}
