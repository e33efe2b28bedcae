//! A new operator for an unregistered channel after the last one has left. A former operator who
//! returns gets the rank back. After a while the longest present member with an account gets it.
//! The channel is always told.

use crate::chat::Chat;
use crate::chat::event::Stamp;
use crate::chat::reply::Sink;
use crate::chat::reply::line::Line;
use crate::chat::state::channels::{Channel, Member};
use crate::chat::state::ids::{ChannelId, UserId};
use crate::chat::state::ranks::Rank;
use crate::chat::state::services::CHANSERV;

/// Former operators that a channel remembers; above it, the one who left first is forgotten.
const FORMER_MAX: usize = 10;

/// Seconds without an operator, after which a channel chooses another.
const WITHOUT_MAX_S: u64 = 900;

impl Channel {
    fn has_operator(&self) -> bool {
        self.members.iter().any(|member| member.ranks.at_least(Rank::Op))
    }
}

impl Chat {
    /// Notes that a member has left a channel or lost a rank, while others stay. `was` is their
    /// former membership. `key` recognises them later, if they left of their own will.
    pub(crate) fn note_operator_gone(
        &mut self,
        stamp: Stamp,
        id: ChannelId,
        was: Member,
        (key, willingly): (String, bool),
    ) {
        let Some(channel) = self.channels.get_mut(id) else { return };
        if channel.registered().is_some() || channel.members.is_empty() {
            return;
        }
        let was_operator = was.ranks.at_least(Rank::Op);
        if !willingly && let Some(former) = &mut channel.former {
            former.keys.retain(|known| **known != *key);
        }
        if !was_operator {
            return;
        }
        let without = !channel.has_operator();
        let former = channel.former.get_or_insert_default();
        if willingly {
            former.keys.retain(|known| **known != *key);
            former.keys.push(key.into());
            if former.keys.len() > FORMER_MAX {
                former.keys.remove(0);
            }
        }
        if without {
            former.without_since = Some(stamp.at_s());
        }
    }

    /// Notes that a channel has an operator.
    pub(crate) fn note_operator_back(&mut self, id: ChannelId) {
        if let Some(former) = &mut self.channels[id].former {
            former.without_since = None;
        }
    }

    /// Makes a user operator again who joins or logs in, if they were one before and there is none.
    pub(crate) fn restore_operator(&mut self, sink: &mut Sink, id: ChannelId, user: UserId) {
        if !self.lacks_operator(id) {
            return;
        }
        let key = self.key(user);
        let former = self.channels[id].former.as_ref();
        if former.is_some_and(|former| former.keys.iter().any(|known| **known == *key)) {
            let why = "was operator here before, and there was none any more";
            let text = format!("{} {why}", self.users[user].nick());
            self.make_operator(sink, id, user, &text);
        }
    }

    /// Chooses an operator if there was none for a while and a member is logged in. Called at each
    /// message: no timer is needed.
    pub(crate) fn elect_operator(&mut self, sink: &mut Sink, id: ChannelId) {
        let former = self.channels[id].former.as_ref();
        let Some(since_s) = former.and_then(|former| former.without_since) else { return };
        if sink.unix() < since_s + WITHOUT_MAX_S || !self.lacks_operator(id) {
            return;
        }
        let is_there = |member: &&Member| {
            let user = &self.users[member.user];
            user.account().is_some() && !user.conns.is_empty()
        };
        let members = self.channels[id].members.iter().filter(is_there);
        let longest = members.min_by_key(|member| (member.since_s, member.user));
        let Some(user) = longest.map(|member| member.user) else { return };
        let (minutes, nick) = (WITHOUT_MAX_S / 60, self.users[user].nick());
        let text = format!(
            "There was no operator here for {minutes} minutes: {nick} has been here longest of \
             those who are logged in"
        );
        self.make_operator(sink, id, user, &text);
    }

    /// Whether an unregistered channel has lost its operators. O(members) while there is none.
    fn lacks_operator(&self, id: ChannelId) -> bool {
        let channel = &self.channels[id];
        let lacked = channel.former.as_ref().is_some_and(|former| former.without_since.is_some());
        lacked && channel.registered().is_none() && !channel.has_operator()
    }

    fn make_operator(&mut self, sink: &mut Sink, id: ChannelId, user: UserId, why: &str) {
        self.set_rank_by_service(sink, id, user, Rank::Op, true);
        let source = self.service_mask(CHANSERV);
        let name = self.channels[id].name.clone();
        self.to_channel(sink, &mut Line::new(&source, "NOTICE", &[&name]).text(why), id);
    }
}
