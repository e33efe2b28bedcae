//! The latest messages, with their senders and targets, so that they can be redacted.

use crate::chat::state::message::Target;
use crate::store;
use crate::wire::casemap::Folded;
use std::collections::{HashMap, VecDeque};

/// The latest messages, with their senders and targets.
#[derive(Default)]
pub(crate) struct Redactable {
    ids: VecDeque<Box<str>>,
    pub said: HashMap<Box<str>, Recent>,
}

/// One message, as REDACT needs it. It holds names, as users and channels may be gone.
pub(crate) struct Recent {
    msgid: Box<str>,
    pub nick: Box<str>,
    pub target: Folded,
    /// Where it is stored, if it is. The target is kept because it changes when a channel closes or
    /// a user logs in.
    pub kept: Option<store::Target>,
    /// The serial of the sender: ids and nicks are reused.
    pub by: u64,
}

impl Recent {
    /// The serial of a sender who is no user.
    pub(crate) const OF_NO_USER: u64 = u64::MAX;

    pub(crate) fn new(
        msgid: &str,
        nick: &str,
        target: &str,
        kept: Option<store::Target>,
        by: u64,
    ) -> Recent {
        Recent { msgid: msgid.into(), nick: nick.into(), target: Folded::of(target), kept, by }
    }
}

impl HeardIn {
    /// A target that has no members now.
    pub(crate) fn nowhere(name: &str) -> HeardIn {
        HeardIn { name: name.to_owned(), target: None, kept: None }
    }
}

impl Redactable {
    /// Remembers a message, and forgets the oldest above `max`.
    pub(crate) fn remember(&mut self, said: Recent, max: usize) {
        self.ids.push_back(said.msgid.clone());
        self.said.insert(said.msgid.clone(), said);
        while self.ids.len() > max {
            let oldest = self.ids.pop_front().expect("more than none");
            self.said.remove(&oldest);
        }
    }
}

/// Where a message is to be redacted, and who may be told.
pub(crate) struct HeardIn {
    /// The name of the target.
    pub name: String,
    /// The recipients of the REDACT; `None` if the other user is not here.
    pub target: Option<Target>,
    /// Where the message is stored, if it is.
    pub kept: Option<store::Target>,
}
