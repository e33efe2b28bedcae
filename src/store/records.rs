//! Stored records: messages, accounts, channels and presences as plain values.
//!
//! Folded names are in small letters, as the server compares them.

use std::cmp::Ordering;
use std::fmt;

/// The channel or conversation of a message. Names are folded, and contain no space.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Target {
    /// A channel, by its name. An optional suffix after a comma distinguishes channels of one name.
    /// Each is a target of its own; the retention of the name applies to all.
    Channel(String),
    /// Two users, by their keys; both are equal for a user who writes to themselves. A key is an
    /// account, or a substitute such as `~ann` for a user without one. Keys are only compared here.
    /// See [`Target::pair`].
    Pair(String, String),
}

/// A message or an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The id by IRCv3 message-ids. An event in several channels, such as a QUIT, has the same id
    /// in each.
    pub msgid: String,
    /// The time, in milliseconds since 1970.
    pub time_ms: i64,
    /// The sender: `nick!user@host`.
    pub source: String,
    /// The sender's account.
    pub account: Option<String>,
    /// PRIVMSG, NOTICE, or the command of an event: see [`Message::is_event`].
    pub command: String,
    /// The client-only tags, in the form between `@` and the space of a line.
    pub tags: String,
    /// The text. For an event, all its parameters in the form of a line, `#a +o ann` or `#a :bye`;
    /// empty if there are none.
    pub text: Text,
}

/// The text of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Text {
    /// An ordinary message.
    Line(String),
    /// A message of several lines: IRCv3 draft/multiline.
    Lines(Vec<Line>),
}

/// One line of a multiline message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The text, without a newline in it.
    pub text: String,
    /// Continues the line before: draft/multiline-concat.
    pub concat: bool,
}

/// Text that must not be logged: its `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

/// An act of an operator in the audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Act {
    /// The time, in milliseconds since 1970.
    pub time_ms: i64,
    /// The operator's name; `-` after a failed OPER.
    pub operator: String,
    /// The user: `nick!user@host`.
    pub source: String,
    /// The address of the user.
    pub address: String,
    /// The command.
    pub command: String,
    /// The target; may be empty.
    pub target: String,
    /// The reason or the outcome; may be empty.
    pub reason: String,
}

/// A new account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewAccount {
    /// The name as written.
    pub name: String,
    /// The name folded; no other account has it.
    pub folded: String,
    /// The skeleton of the name, which look-alikes share; no other account has it. It is only
    /// compared.
    pub skeleton: String,
    /// The verifier of the password.
    pub verifier: Secret,
    /// The owner's e-mail address, unverified.
    pub email: Option<String>,
    /// Its user stays when the last connection goes.
    pub always_on: bool,
    /// When it was made, in milliseconds since 1970.
    pub created_ms: i64,
}

/// An account with all stored fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The name as written.
    pub name: String,
    /// The name folded.
    pub folded: String,
    /// The skeleton of the name, which look-alikes share.
    pub skeleton: String,
    /// The verifier of the password.
    pub verifier: Secret,
    /// The owner's e-mail address, unverified.
    pub email: Option<String>,
    /// Its user stays when the last connection goes.
    pub always_on: bool,
    /// Its user is sent missed messages on return.
    pub replay: bool,
    /// When it was made, in milliseconds since 1970.
    pub created_ms: i64,
    /// The read marker of each target: its folded name, and milliseconds since 1970. Sorted by
    /// name.
    pub markers: Vec<(String, i64)>,
}

/// An account in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountSummary {
    /// The name as written.
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
    /// The name as written.
    pub name: String,
    /// The name folded; no other has it.
    pub folded: String,
    /// The founder's account, folded. Removing that ends the registration.
    pub founder: String,
    /// When the channel was made, in seconds since 1970.
    pub created_s: i64,
    /// Its modes with their parameters, as the caller writes them.
    pub modes: String,
    /// Its topic.
    pub topic: Option<TopicRecord>,
    /// The entries of its lists, in the order to be shown.
    pub lists: Vec<ListEntry>,
    /// Ranks of accounts: the folded account, and the mode letter of the rank. Unknown accounts are
    /// left out.
    pub accounts: Vec<(String, char)>,
    /// IRCv3 draft/metadata-2: key and value.
    pub metadata: Vec<(String, String)>,
}

/// A channel's topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicRecord {
    /// The topic itself.
    pub text: String,
    /// The mask of its setter.
    pub setter: String,
    /// When it was set, in seconds since 1970.
    pub time_s: i64,
}

/// An entry of one of a channel's lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListEntry {
    /// The mode letter of the list: `b` for bans.
    pub list: char,
    /// The mask.
    pub mask: String,
    /// The mask of its setter.
    pub setter: String,
    /// When it was set, in seconds since 1970.
    pub time_s: i64,
    /// When it ends, in seconds since 1970; `None` for never.
    pub expires_s: Option<i64>,
}

/// The state of an always-on user, restored at a start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presence {
    /// The name as written.
    pub nick: String,
    /// The user of `nick!user@host`.
    pub username: String,
    /// The real name, as the user gave it.
    pub realname: String,
    /// The host that others see.
    pub host: String,
    /// The user's modes, as the caller writes them.
    pub modes: String,
    /// The away text.
    pub away: Option<String>,
    /// When the user signed on, in seconds since 1970.
    pub signed_on_s: i64,
    /// The user's last act that others saw, in seconds since 1970; 0 if unknown.
    pub acted_s: i64,
    /// The channels of the user: name as written, and ranks as the caller writes them.
    pub channels: Vec<(String, String)>,
    /// IRCv3 draft/metadata-2: key and value.
    pub metadata: Vec<(String, String)>,
}

/// A ban of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BanRecord {
    /// The kind of `what`.
    pub kind: BanKind,
    /// The banned account, address or mask; unique within its kind.
    pub what: String,
    /// The reason that a banned user is told; may be empty.
    pub reason: String,
    /// The mask of its setter.
    pub setter: String,
    /// When it was set, in seconds since 1970.
    pub created_s: i64,
    /// When it ends, in seconds since 1970; `None` for never.
    pub expires_s: Option<i64>,
}

/// The kind of a ban.
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

    /// The name in the database.
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
    /// Memory in bytes beyond its own fields.
    pub(super) fn bytes(&self) -> usize {
        let Act { time_ms: _, operator, source, address, command, target, reason } = self;
        [operator, source, address, command, target, reason].map(String::len).iter().sum()
    }
}

impl Target {
    /// The conversation of two users, in either order.
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
    /// Whether it is an event, such as a JOIN, or is not shown by itself, such as a TAGMSG: all but
    /// PRIVMSG and NOTICE.
    pub fn is_event(&self) -> bool {
        !matches!(&*self.command, "PRIVMSG" | "NOTICE")
    }

    /// Approximate memory in bytes beyond its own size.
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

/// Memory in bytes of all elements and of the list.
pub(super) fn all<T>(list: &[T], bytes: impl Fn(&T) -> usize) -> usize {
    size_of_val(list) + list.iter().map(bytes).sum::<usize>()
}

pub(super) fn optional(text: &Option<String>) -> usize {
    text.as_ref().map_or(0, String::len)
}
