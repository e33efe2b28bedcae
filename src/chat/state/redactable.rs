//! The latest messages, with the users who heard them, so that they can be redacted.

use crate::chat::state::message::Target;
use crate::store;
use crate::wire::casemap::Folded;
use std::collections::{HashMap, VecDeque};

/// The last messages: who said them, and to whom.
#[derive(Default)]
pub(crate) struct Redactable {
    ids: VecDeque<Box<str>>,
    pub said: HashMap<Box<str>, Recent>,
}

/// One message, as REDACT must know it. Names, as users and channels may be gone.
pub(crate) struct Recent {
    msgid: Box<str>,
    pub nick: Box<str>,
    pub target: Folded,
    /// Where it is kept, if it is: a channel that is closed since, or who has logged in since, is
    /// read elsewhere.
    pub kept: Option<store::Target>,
    /// The serial of who said it: ids and nicks are given anew.
    pub by: u64,
}

impl Recent {
    /// The serial of a speaker who is no user.
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
    /// Where nobody is any more.
    pub(crate) fn nowhere(name: &str) -> HeardIn {
        HeardIn { name: name.to_owned(), target: None, kept: None }
    }
}

impl Redactable {
    /// Remembers one more, and forgets the oldest beyond `max`.
    pub(crate) fn remember(&mut self, said: Recent, max: usize) {
        self.ids.push_back(said.msgid.clone());
        self.said.insert(said.msgid.clone(), said);
        while self.ids.len() > max {
            let oldest = self.ids.pop_front().expect("more than none");
            self.said.remove(&oldest);
        }
    }
}

/// Where a message is to be taken back, and who may hear of that.
pub(crate) struct HeardIn {
    /// As it is called.
    pub name: String,
    /// Who is told; nobody where the other one is not here.
    pub target: Option<Target>,
    /// Where it is kept, if it is.
    pub kept: Option<store::Target>,
}
