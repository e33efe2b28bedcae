//! Users who have left, for WHOWAS.

use crate::chat::state::users::User;
use crate::wire::casemap::Folded;
use std::collections::VecDeque;

/// Users who left recently, latest first.
#[derive(Default)]
pub(crate) struct Departed(pub(crate) VecDeque<Gone>);

/// A user who has left, or taken another nick.
pub(crate) struct Gone {
    pub nick: Folded,
    pub mask: Box<str>,
    pub realname: Box<str>,
    pub at: u64,
}

impl Departed {
    /// Remembers a user, and forgets the oldest above `max`.
    pub(crate) fn remember(&mut self, user: &User, at: u64, max: usize) {
        let nick = Folded::of(user.nick());
        let (mask, realname) = (user.mask().into(), user.realname().into());
        self.0.push_front(Gone { nick, mask, realname, at });
        self.0.truncate(max);
    }
}
