//! Messages: their kinds, targets and ids.

use crate::chat::state::ids::{ChannelId, UserId};
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
