//! Messages: their kinds, targets and ids.

use crate::chat::state::ids::{Caller, ChannelId, UserId};
use crate::chat::state::ranks::Rank;
use std::cell::Cell;

/// The kind of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Privmsg,
    /// Never causes a reply, not even an error.
    Notice,
    /// Tags without a text.
    Tagmsg,
}

/// The target of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    User(UserId),
    /// A channel's members of that rank and higher, or all of them.
    Channel(ChannelId, Option<Rank>),
}

/// The speaker of a message.
#[derive(Clone, Copy)]
pub(crate) enum Speaker<'a> {
    /// A user, on one of their connections.
    User(Caller),
    /// A user under another source: `relayed_by` a bridge, or as a figure of roleplay.
    Through { caller: Caller, source: &'a str, relayed_by: Option<&'a str> },
    /// A source without a user: a hook, a device, another network.
    Named(&'a str),
}

/// A message that passed all checks.
#[derive(Clone, Copy)]
pub(crate) struct Said<'a> {
    pub speaker: Speaker<'a>,
    pub kind: Kind,
    pub target: Target,
    pub words: Words<'a>,
    /// As the client wrote them, without the `@`; empty for none.
    pub client_tags: &'a str,
}

/// The text of a message.
#[derive(Clone, Copy)]
pub(crate) enum Words<'a> {
    Line(&'a str),
    /// Each line, with whether it continues the one before without a break: IRCv3 draft/multiline.
    Lines(&'a [(&'a str, bool)]),
}

/// Makes message ids, which are unique and cannot be guessed: IRCv3 message-ids.
///
/// They sort by time: milliseconds, a count within them, and a number drawn at start. The last
/// keeps the ids of two runs apart even if the clock was set back.
pub(crate) struct MessageIds {
    last: Cell<(u64, u32)>,
    run: u32,
}

impl Default for MessageIds {
    fn default() -> MessageIds {
        MessageIds { last: Cell::default(), run: fastrand::u32(..) }
    }
}

impl MessageIds {
    /// The next id: 22 letters and digits.
    pub(crate) fn next(&self, unix_ms: u64) -> String {
        let (ms, count) = self.last.get();
        self.last.set(if unix_ms > ms { (unix_ms, 0) } else { (ms, count + 1) });
        let mut id = String::with_capacity(22);
        let (ms, count) = self.last.get();
        for (value, digits) in [(ms, 10), (u64::from(count), 5), (u64::from(self.run), 7)] {
            let digit = |place| DIGITS[(value >> (5 * place)) as usize & 31] as char;
            id.extend((0..digits).rev().map(digit));
        }
        id
    }
}

/// Crockford's base 32.
const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

impl Kind {
    pub(crate) fn command(self) -> &'static str {
        match self {
            Kind::Privmsg => "PRIVMSG",
            Kind::Notice => "NOTICE",
            Kind::Tagmsg => "TAGMSG",
        }
    }
}

impl Speaker<'_> {
    /// The user who sends it, and on which of their connections.
    pub(crate) fn caller(&self) -> Option<Caller> {
        match *self {
            Speaker::User(caller) | Speaker::Through { caller, .. } => Some(caller),
            Speaker::Named(_) => None,
        }
    }

    /// Whether it is a figure of roleplay. No client shows by itself the lines of its user's
    /// figures.
    pub(crate) fn is_figure(&self) -> bool {
        matches!(self, Speaker::Through { relayed_by: None, .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_ids_differ_and_sort() {
        let ids = MessageIds::default();
        let ids: Vec<String> = [5, 5, 3, 6, 1_795_265_999_999].map(|ms| ids.next(ms)).into();
        assert!(ids.is_sorted() && ids.iter().all(|id| id.len() == 22), "{ids:?}");
        assert_ne!(ids[0], ids[1]);
    }
}
