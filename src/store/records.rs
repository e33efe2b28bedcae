//! What is kept: messages, accounts, channels and presences as plain values.
//!
//! Names that are called folded are in small letters, as the server compares them.

use std::cmp::Ordering;
use std::fmt;

/// Where a message is said. Names are folded, and have no space in them.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Target {
    /// A channel, by its name. What may follow after a comma tells it from others of that name: each
    /// is a target of its own, for which holds what holds for the name.
    Channel(String),
    /// Two users, by their keys, which are the same for who talks to oneself: an account, or what
    /// stands for somebody without one, as `~ann`; here a key is only compared. See
    /// [`Target::pair`].
    Pair(String, String),
}

/// A message or an event as it was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// IRCv3 message-ids. One that is told in several channels, as a QUIT, has the same in each.
    pub msgid: String,
    /// When it was said, in milliseconds since 1970.
    pub time_ms: i64,
    /// By whom: `nick!user@host`.
    pub source: String,
    /// Of which account.
    pub account: Option<String>,
    /// PRIVMSG, NOTICE, or that of an event: see [`Message::is_event`].
    pub command: String,
    /// Client-only tags, as they stand between `@` and the space of a line.
    pub tags: String,
    /// What was said. Of an event, all its parameters as they stand on the wire, `#a +o ann` or
    /// `#a :bye`; empty without any.
    pub text: Text,
}

/// What a message says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Text {
    /// An ordinary message.
    Line(String),
    /// One of several lines, kept whole: IRCv3 draft/multiline.
    Lines(Vec<Line>),
}

/// One line of several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Without a newline in it.
    pub text: String,
    /// Continues the line before: draft/multiline-concat.
    pub concat: bool,
}

/// Text that no log shows: its `Debug` says nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

/// What an operator did, as the audit log has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Act {
    /// When, in milliseconds since 1970.
    pub time_ms: i64,
    /// The name under which they were operator; `-` of who was none.
    pub operator: String,
    /// `nick!user@host`.
    pub source: String,
    /// Where they came from.
    pub address: String,
    /// What they did.
    pub command: String,
    /// To whom or what; empty where that isn't said.
    pub target: String,
    /// Why, or what came of it; likewise.
    pub reason: String,
}

/// An account that is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewAccount {
    /// As it is written.
    pub name: String,
    /// The name folded; no other account has it.
    pub folded: String,
    /// What names that look alike have in common; no other account has it. Only compared.
    pub skeleton: String,
    /// What proves a password.
    pub verifier: Secret,
    /// Where the owner is reached, unproven.
    pub email: Option<String>,
    /// Its user stays when the last connection goes.
    pub always_on: bool,
    /// When it was made, in milliseconds since 1970.
    pub created_ms: i64,
}

/// An account with all that is kept of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// As it is written.
    pub name: String,
    /// The name folded.
    pub folded: String,
    /// What names that look alike have in common.
    pub skeleton: String,
    /// What proves a password.
    pub verifier: Secret,
    /// Where the owner is reached, unproven.
    pub email: Option<String>,
    /// Its user stays when the last connection goes.
    pub always_on: bool,
    /// Its user is sent what they missed when they return.
    pub replay: bool,
    /// When it was made, in milliseconds since 1970.
    pub created_ms: i64,
    /// Up to when each target was read: its name folded, and milliseconds since 1970. Sorted by
    /// name.
    pub markers: Vec<(String, i64)>,
}

/// An account in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountSummary {
    /// As it is written.
    pub name: String,
    /// The name folded.
    pub folded: String,
    /// Its user stays when the last connection goes.
    pub always_on: bool,
    /// When it was made, in milliseconds since 1970.
    pub created_ms: i64,
}

/// A registered channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelRecord {
    /// As it is written.
    pub name: String,
    /// The name folded; no other has it.
    pub folded: String,
    /// The account that registered it, folded. With it the registration goes.
    pub founder: String,
    /// When the channel came to be, in seconds since 1970.
    pub created_s: i64,
    /// Its modes with their parameters, as the caller writes them.
    pub modes: String,
    /// What it is about.
    pub topic: Option<TopicRecord>,
    /// Bans and the like, in the order they are to be told.
    pub lists: Vec<ListEntry>,
    /// Ranks that accounts have of themselves: the account folded, and the rank's mode letter.
    /// Accounts that are not there are left out.
    pub accounts: Vec<(String, char)>,
    /// IRCv3 draft/metadata-2: key and value.
    pub metadata: Vec<(String, String)>,
}

/// A channel's topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicRecord {
    /// The topic itself.
    pub text: String,
    /// Who set it.
    pub setter: String,
    /// When, in seconds since 1970.
    pub time_s: i64,
}

/// An entry of one of a channel's lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListEntry {
    /// The mode letter of the list: `b` for bans.
    pub list: char,
    /// Whom it means.
    pub mask: String,
    /// Who set it.
    pub setter: String,
    /// When, in seconds since 1970.
    pub time_s: i64,
    /// When it ends, likewise; `None` for never.
    pub expires_s: Option<i64>,
}

/// How an always-on user stands in the chat, to stand there again after a start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presence {
    /// As it is written.
    pub nick: String,
    /// The user of `nick!user@host`.
    pub username: String,
    /// The real name, or what was given for it.
    pub realname: String,
    /// The host that others see.
    pub host: String,
    /// The user's modes, as the caller writes them.
    pub modes: String,
    /// Why the user is away.
    pub away: Option<String>,
    /// Since when, in seconds since 1970.
    pub signed_on_s: i64,
    /// When the user last did something that others see, likewise; 0 where that is not known.
    pub acted_s: i64,
    /// Channels, their names as they are written, and the ranks there as the caller writes them.
    pub channels: Vec<(String, String)>,
    /// IRCv3 draft/metadata-2: key and value.
    pub metadata: Vec<(String, String)>,
}

/// One whom the server lets in no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BanRecord {
    /// What `what` names.
    pub kind: BanKind,
    /// Whom it means; of each kind one ban has it.
    pub what: String,
    /// Why, as who is banned is told it; may be empty.
    pub reason: String,
    /// The mask of who set it.
    pub setter: String,
    /// When, in seconds since 1970.
    pub created_s: i64,
    /// When it ends, likewise; `None` for never.
    pub expires_s: Option<i64>,
}

/// What a ban is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BanKind {
    /// An account, by its folded name.
    Account,
    /// An address, or a network with the length of its prefix after a slash.
    Address,
    /// `nick!user@host` with wildcards, in small letters.
    Mask,
}

impl BanKind {
    const NAMES: [(&'static str, BanKind); 3] =
        [("account", BanKind::Account), ("address", BanKind::Address), ("mask", BanKind::Mask)];

    /// As the database has it.
    pub fn name(self) -> &'static str {
        let found = Self::NAMES.iter().find(|(_, kind)| *kind == self);
        found.expect("each has a name").0
    }

    /// The kind of that name.
    pub fn of(name: &str) -> Option<BanKind> {
        Self::NAMES.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind)
    }
}

impl Act {
    /// What it takes in memory beside its own fields.
    pub(super) fn bytes(&self) -> usize {
        let Act { time_ms: _, operator, source, address, command, target, reason } = self;
        [operator, source, address, command, target, reason].map(String::len).iter().sum()
    }
}

impl Target {
    /// The conversation of two users, whichever is named first.
    pub fn pair(one: impl Into<String>, other: impl Into<String>) -> Target {
        let (one, other) = (one.into(), other.into());
        match one.cmp(&other) {
            Ordering::Greater => Target::Pair(other, one),
            _ => Target::Pair(one, other),
        }
    }

    pub(super) fn bytes(&self) -> usize {
        match self {
            Target::Channel(name) => name.len(),
            Target::Pair(one, other) => one.len() + other.len(),
        }
    }
}

impl Message {
    /// Whether it is not a message but something that happened, as a JOIN, or is not shown by
    /// itself, as a TAGMSG: all but PRIVMSG and NOTICE.
    pub fn is_event(&self) -> bool {
        !matches!(&*self.command, "PRIVMSG" | "NOTICE")
    }

    /// What it takes in memory beside its own size, more or less.
    pub fn bytes(&self) -> usize {
        let Message { msgid, time_ms: _, source, account, command, tags, text } = self;
        let account = account.as_ref().map_or(0, String::len);
        let text = match text {
            Text::Line(line) => line.len(),
            Text::Lines(lines) => {
                lines.iter().map(|line| line.text.len() + size_of::<Line>()).sum()
            }
        };
        msgid.len() + source.len() + account + command.len() + tags.len() + text
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("Secret")
    }
}
