//! Requests to the store.

use super::records::*;
#[cfg(doc)]
use super::reply::Reply;
use crate::far::Weigh;

/// A request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Stores a message. [`Reply::Appended`] once it is durable, or [`Trouble::Duplicate`](super::Trouble::Duplicate). If the
    /// policy keeps nothing of the target, the reply is [`Reply::Appended`] too.
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
        /// The messages to select.
        selection: Selection,
        /// The most entries of the reply.
        limit: Limit,
        /// Includes events: IRCv3 draft/event-playback.
        events: bool,
    },
    /// IRCv3 draft/chathistory, TARGETS: the targets whose latest message is between two times,
    /// both excluded; events don't count. [`Reply::Targets`].
    Targets {
        /// The key of the user whose conversations are included.
        user: String,
        /// The channels to include, folded: those that the user may read.
        channels: Vec<String>,
        /// Begin of the interval, in milliseconds since 1970.
        from_ms: i64,
        /// End of the interval; may be the earlier time.
        to_ms: i64,
        /// The most entries of the reply.
        limit: Limit,
    },
    /// Erases the text of a PRIVMSG, NOTICE or TAGMSG. Its place remains, so that clients can still
    /// page from it. [`Reply::Redacted`] once that is durable, [`Reply::Unknown`], or
    /// [`Reply::Forbidden`].
    Redact {
        /// Where it was said.
        target: Target,
        /// Which.
        msgid: String,
        /// The right to do it.
        by: Redactor,
    },
    /// Searches messages: IRCv3 draft/search. [`Reply::Found`]. If each word, the nick and the
    /// targets are in more than 20,000 messages, only the last 500,000 of the database are certain
    /// to be searched.
    Search {
        /// The targets to search: those that the user may read.
        targets: Vec<Target>,
        /// Words of letters and digits that must all be in the message, whole, in any order; case
        /// and accents don't matter. The first [`Request::SEARCH_WORDS_MAX`] count. An empty text
        /// matches any message; one without a letter or digit matches none.
        words: String,
        /// The sender's nick, folded.
        from: Option<String>,
        /// Only messages later than this, in milliseconds since 1970.
        after_ms: Option<i64>,
        /// Only messages earlier than this, in milliseconds since 1970.
        before_ms: Option<i64>,
        /// The most entries of the reply.
        limit: Limit,
    },
    /// Removes a target with all its messages. [`Reply::Forgotten`] once it can't be read any more,
    /// and that is durable; the messages leave the file bit by bit afterwards.
    Forget {
        /// Which.
        target: Target,
    },
    /// Sets the policy of retention. [`Reply::Retained`]; older messages are removed bit by bit
    /// afterwards. The policy itself is not stored.
    Retain(Policy),
    /// Adds an account: [`Reply::Added`], [`Reply::Taken`], or [`Reply::BadInvitation`].
    AddAccount {
        /// The account.
        account: NewAccount,
        /// The hash of an invitation, which is used up if the account is added.
        invitation: Option<String>,
    },
    /// Finds an account: [`Reply::Account`].
    FindAccount {
        /// Its name, folded.
        folded: String,
    },
    /// Finds an account, without its read markers, to verify a password: [`Reply::Account`]. It
    /// runs the same statements for an account that does not exist.
    FindVerifier {
        /// Its name, folded.
        folded: String,
    },
    /// Stores the mark of a login: [`Reply::Saved`], or [`Reply::NoSuchAccount`].
    Remember {
        /// Its name, folded.
        account: String,
        /// A keyed hash of account and address.
        mark: i64,
        /// Now, in milliseconds since 1970.
        time_ms: i64,
        /// The most marks of the account; beyond it the one used longest ago is removed.
        most: usize,
    },
    /// Reads the marks of the last logins of all accounts: [`Reply::Known`].
    Known {
        /// The most entries of the reply.
        most: usize,
    },
    /// Finds the account whose name looks like this one: [`Reply::Owner`].
    FindOwner {
        /// The skeleton of the name.
        skeleton: String,
    },
    /// Changes an account: [`Reply::Changed`], or [`Reply::NoSuchAccount`].
    ChangeAccount {
        /// Its name, folded.
        folded: String,
        /// The change.
        change: Change,
    },
    /// Removes an account with its read markers, its presence, the registrations of its channels,
    /// its ranks in others, and its private history, which a later account of its name could read.
    /// Its messages in channels remain. [`Reply::Dropped`], or [`Reply::NoSuchAccount`].
    DropAccount {
        /// Its name, folded.
        folded: String,
    },
    /// Binds a certificate to an account: [`Reply::Added`], [`Reply::Taken`] if it is already bound
    /// to one, [`Reply::TooMany`], or [`Reply::NoSuchAccount`].
    AddCertificate {
        /// Its name, folded.
        account: String,
        /// SHA-256 of the certificate in DER, in small hexadecimal digits.
        fingerprint: String,
        /// Now, in milliseconds since 1970.
        created_ms: i64,
        /// The most certificates of the account.
        most: usize,
    },
    /// Removes a certificate: [`Reply::Dropped`], [`Reply::Unknown`], or [`Reply::NoSuchAccount`].
    DropCertificate {
        /// Its name, folded.
        account: String,
        /// The fingerprint as it was added.
        fingerprint: String,
    },
    /// Reads the certificates of one account: [`Reply::Certificates`], or [`Reply::NoSuchAccount`].
    Certificates {
        /// Its name, folded.
        account: String,
    },
    /// Finds the account that a certificate is bound to: [`Reply::Account`].
    FindByCertificate {
        /// The fingerprint as it was added.
        fingerprint: String,
    },
    /// Reads all accounts, page by page: [`Reply::Accounts`].
    Accounts {
        /// The folded name that the last page ended with; empty for the first.
        after: String,
        /// The most entries of the reply.
        limit: Limit,
    },
    /// Adds an invitation: [`Reply::Invited`]. Expired ones are removed.
    AddInvitation {
        /// The hash that `AddAccount` must give.
        token_hash: String,
        /// Now, in milliseconds since 1970.
        created_ms: i64,
        /// When it expires.
        expires_ms: i64,
    },
    /// Sets a read marker: IRCv3 draft/read-marker. [`Reply::Marked`], or [`Reply::NoSuchAccount`].
    MarkRead {
        /// The account, folded.
        account: String,
        /// The target that was read: a name, folded.
        target: String,
        /// The time of the marker, in milliseconds since 1970.
        time_ms: i64,
        /// The most markers of the account; beyond it the one with the earliest time is removed.
        targets_max: usize,
    },
    /// Registers a channel, or updates it: [`Reply::Saved`], or [`Reply::NoSuchAccount`] if its
    /// founder isn't there.
    SaveChannel(Box<ChannelRecord>),
    /// Ends a channel's registration, if it has one: [`Reply::Dropped`].
    DropChannel {
        /// Its name, folded.
        folded: String,
    },
    /// Reads all registered channels: [`Reply::Channels`].
    Channels,
    /// Stores the presence of an account's user: [`Reply::Saved`], or [`Reply::NoSuchAccount`].
    SavePresence {
        /// Its name, folded.
        account: String,
        /// The presence.
        presence: Box<Presence>,
    },
    /// Removes a presence, if there is one: [`Reply::Dropped`].
    DropPresence {
        /// The account, folded.
        account: String,
    },
    /// Reads the presences of all accounts: [`Reply::Presences`].
    Presences,
    /// Stores a ban of the server, in the place of one of the same kind and target:
    /// [`Reply::Saved`].
    AddBan(Box<BanRecord>),
    /// Removes a ban, if there is one: [`Reply::Dropped`].
    DropBan {
        /// The kind of the ban.
        kind: BanKind,
        /// The `what` of the ban, as it was stored.
        what: String,
    },
    /// Reads all bans: [`Reply::Bans`].
    Bans,
    /// Stores an act of an operator: [`Reply::Recorded`]. No request removes it.
    Audit(Act),
    /// Reads the last acts of operators: [`Reply::Acts`].
    Acts {
        /// The name of an operator, or a nick, in any case; `None` for all operators.
        whose: Option<String>,
        /// The most entries of the reply.
        limit: Limit,
    },
}

/// A selection of messages: IRCv3 draft/chathistory. Only `Around` includes its own point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// The last ones; only those after the point, if one is given.
    Latest(Option<Point>),
    /// The last ones before the point.
    Before(Point),
    /// The first ones after the point.
    After(Point),
    /// Half of the limit, rounded down, from before; the rest from the point on.
    Around(Point),
    /// Those between two points, counted from the first, which may be the later.
    Between(Point, Point),
}

/// A point in the history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Point {
    /// A message of the same target.
    Msgid(String),
    /// Milliseconds since 1970.
    Time(i64),
}

/// The most entries of a reply: 0 to [`Limit::MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit(u16);

/// The right by which a message is redacted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Redactor {
    /// The right to redact any message.
    Anyone,
    /// An account, as messages name it: only its own messages.
    Account(String),
}

/// A change of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The verifier of the password.
    Verifier(Secret),
    /// Whether its user stays when the last connection goes.
    AlwaysOn(bool),
    /// Whether its user is sent missed messages on return.
    Replay(bool),
    /// The owner's e-mail address.
    Email(Option<String>),
}

/// The policy of retention. Without any bound everything is kept.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Policy {
    /// The age at which messages are removed, in milliseconds.
    pub age_ms: Option<i64>,
    /// The most bytes of all messages together; beyond it those stored first are removed. A message
    /// counts the bytes of its fields and 64 more; its words in the index don't count.
    pub bytes: Option<u64>,
    /// Targets with an age of their own in the place of `age_ms`, and a bound of their own bytes.
    pub overrides: Vec<(Target, Keep)>,
}

/// The retention of one target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Keep {
    /// The age at which messages are removed, in milliseconds; 0 keeps none.
    pub age_ms: Option<i64>,
    /// The most bytes; beyond it the oldest messages are removed; 0 keeps none.
    pub bytes: Option<u64>,
}

impl Limit {
    /// Bounds the memory and time that one reply takes.
    pub const MAX: i64 = 1000;

    /// Makes a limit within the allowed range; a negative number gives 0.
    pub fn new(asked: i64) -> Limit {
        Limit(asked.clamp(0, Limit::MAX) as u16)
    }

    /// The number.
    pub fn get(self) -> usize {
        self.0.into()
    }
}

impl Keep {
    /// Whether it is 0.
    pub fn nothing(self) -> bool {
        self.age_ms == Some(0) || self.bytes == Some(0)
    }
}

impl Request {
    /// The most words of a search.
    pub const SEARCH_WORDS_MAX: usize = 16;

    /// Whether the request writes.
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
