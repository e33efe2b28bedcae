//! How a channel that is not registered gets an operator again once the last of them has left while
//! others stayed: it goes to a former operator who returns, or after a while to who has been there
//! longest with an account. Never in silence.

use crate::chat::Chat;
use crate::chat::reply::Sink;
use crate::chat::reply::line::Line;
use crate::chat::state::channels::{Channel, Member};
use crate::chat::state::ids::{ChannelId, UserId};
use crate::chat::state::ranks::Rank;
use crate::chat::state::services::CHANSERV;

/// Former operators that a channel remembers; beyond, the one who left first is forgotten.
const FORMER_MAX: usize = 10;

/// After so much time without an operator a channel takes another, in seconds.
const WITHOUT_MAX_S: u64 = 900;

impl Channel {
    fn has_operator(&self) -> bool {
        self.members.iter().any(|member| member.ranks.at_least(Rank::Op))
    }
}

impl Chat {
    /// A member of a channel has left it or lost a rank: `was` is how they stood, and `key` what they
    /// are found by again, if that was their own will. Others stay.
    pub(crate) fn note_operator_gone(
        &mut self,
        sink: &Sink,
        id: ChannelId,
        was: Member,
        (key, willingly): (String, bool),
    ) {
        let now_s = sink.now().uptime_ms / 1000;
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
            former.without_since = Some(now_s);
        }
    }

    /// Somebody has come to a channel, or logged in there: were they operator before, and is there
    /// none, they are it again.
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

    /// Something is said in a channel. Were there no operator for a while, there is one from now on, if
    /// anybody is logged in. Nothing wakes up for it.
    pub(crate) fn elect_operator(&mut self, sink: &mut Sink, id: ChannelId) {
        let former = self.channels[id].former.as_ref();
        let Some(since_s) = former.and_then(|former| former.without_since) else { return };
        let now_s = sink.now().uptime_ms / 1000;
        if now_s < since_s + WITHOUT_MAX_S || !self.lacks_operator(id) {
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

    /// Whether a channel that is not registered had operators and has none; finds out that it has one
    /// again. O(members) where it had none.
    fn lacks_operator(&mut self, id: ChannelId) -> bool {
        let channel = &mut self.channels[id];
        let lacked = channel.former.as_ref().is_some_and(|former| former.without_since.is_some());
        if !lacked {
            return false;
        }
        let lacks = channel.registered().is_none() && !channel.has_operator();
        if !lacks && let Some(former) = &mut channel.former {
            former.without_since = None;
        }
        lacks
    }

    fn make_operator(&mut self, sink: &mut Sink, id: ChannelId, user: UserId, why: &str) {
        self.set_rank_by_service(sink, id, user, Rank::Op, true);
        let source = self.service_mask(CHANSERV);
        let name = self.channels[id].name.clone();
        let params = [&*name, why];
        self.to_channel(sink, &mut Line::new(&source, "NOTICE", &params), id);
        if let Some(former) = &mut self.channels[id].former {
            former.without_since = None;
        }
    }
}
