//! Messages: their kinds, targets and ids.

use crate::chat::state::ids::{ChannelId, UserId};
use crate::chat::state::ranks::Rank;
use std::cell::Cell;

/// What kind of message is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Privmsg,
    /// Answered by nothing, not even an error.
    Notice,
    /// Tags without a text.
    Tagmsg,
}

/// Where a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    User(UserId),
    /// Of a channel's members those of that rank and higher, or all.
    Channel(ChannelId, Option<Rank>),
}

/// Gives each message a name that no other has, nor guesses: IRCv3 message-ids.
///
/// They sort in the order they were said: milliseconds, a count within, and what was drawn at start
/// so that those of two runs differ though the clock was set back.
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
    /// 22 letters and digits.
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
