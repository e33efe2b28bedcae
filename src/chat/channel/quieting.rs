//! Limits on the noise of a channel: timed bans (TBAN, as InspIRCd's m_timedbans), slow mode (`W`),
//! and the number of members that one message may name.

use crate::chat::command::Command;
use crate::chat::event::{Source, Stamp, What};
use crate::chat::reply::Sink;
use crate::chat::state::ban::Ban;
use crate::chat::state::channels::List;
use crate::chat::state::ids::{ChannelId, UserId};
use crate::chat::state::mode_change::ModeChange;
use crate::chat::state::ranks::Rank;
use crate::chat::state::server_bans::duration;
use crate::chat::{Caller, Chat};
use crate::wire::irc::Message;
use std::collections::HashSet;

pub(crate) const TBAN: Command = Command::user("TBAN", 3, Chat::tban).costs(20).help(
    "TBAN channel duration mask",
    &[
        "Bans a mask from a channel for a time, such as 1d2h30m. m: before the mask only mutes.",
        "If the mask is banned already, the new time replaces the old one.",
    ],
);

impl Chat {
    /// `TBAN channel duration mask`: sets `+b`, and takes it back after that time.
    pub(crate) fn tban(&mut self, sink: &mut Sink, by: Caller, message: &Message) {
        let [name, time, mask] = [message.params[0], message.params[1], message.params[2]];
        let Some(channel) = self.channel_for(by, name) else {
            return self.no_such_channel(sink, by, name);
        };
        let Some(seconds) = duration::seconds(time) else {
            let text = "Write a duration as 1d2h30m, or seconds";
            return self.fail(sink, by.conn, "TBAN", "INVALID_DURATION", &[name, time], text);
        };
        self.end_timed_bans(sink, channel);
        let until = sink.unix().saturating_add(seconds);
        self.ban_until(sink, by, channel, mask, until);
    }

    /// Takes back the bans of a channel that have ended. Called before bans are looked at: no timer
    /// is needed.
    pub(crate) fn end_timed_bans(&mut self, sink: &mut Sink, channel: ChannelId) {
        let now = sink.unix();
        if self.channels[channel].next_end > now {
            return;
        }
        let has_ended = |until: Option<u64>| until.is_some_and(|until| until <= now);
        let bans = self.channels[channel].list(List::Ban).iter();
        let ended: Vec<Ban> =
            bans.filter(|ban| has_ended(ban.until)).map(|ban| ban.mask.clone()).collect();
        let server = self.settings.server_name.clone();
        sink.unlabelled(|sink| {
            for mask in &ended {
                let change = ModeChange::Unlisted { list: List::Ban, mask };
                self.happen(sink, What::ModeChanged { channel, change });
                let (source, params) = (Source::Server(&server), [mask.as_str().to_owned()]);
                let (letters, params) = ("-b", &params[..]);
                self.happen(sink, What::ModesTold { source, channel, letters, params });
            }
        });
        if !ended.is_empty() {
            self.save_channel(sink, channel);
        }
    }

    /// Why a user who may speak in a channel may not send `texts` now.
    pub(crate) fn curbs(
        &self,
        sink: &Sink,
        channel: ChannelId,
        user: UserId,
        texts: &[&str],
    ) -> Option<String> {
        if self.names_too_many(channel, user, texts) {
            return Some("Cannot send to channel: it names too many who are here".to_owned());
        }
        self.slows(sink, channel, user)
    }

    /// Why a user must wait before their next message to a channel: mode `W`.
    fn slows(&self, sink: &Sink, id: ChannelId, user: UserId) -> Option<String> {
        let slow = self.channels[id].slow.as_ref().filter(|_| !self.is_voiced(id, user))?;
        let left_s = slow.left_s(self.users[user].serial, sink.unix());
        let wait = duration::told(left_s);
        (left_s > 0).then(|| format!("Cannot send to channel (+W): wait {wait} more"))
    }

    /// Notes when a user has spoken in a channel: mode `W`.
    pub(crate) fn note_spoke(&mut self, stamp: Stamp, id: ChannelId, user: UserId) {
        let (serial, voiced) = (self.users[user].serial, self.is_voiced(id, user));
        let room = &mut self.channels[id];
        if let Some(slow) = room.slow.as_mut().filter(|_| !voiced) {
            slow.note(serial, stamp.at_s(), 2 * room.members.len() + 16);
        }
    }

    fn is_voiced(&self, id: ChannelId, user: UserId) -> bool {
        self.member(id, user).is_some_and(|member| member.ranks.at_least(Rank::Voice))
    }

    /// Whether a message names more members of a channel than a user without rank may. For most
    /// messages only the words are counted.
    fn names_too_many(&self, id: ChannelId, user: UserId, texts: &[&str]) -> bool {
        let max = self.settings.abuse.mentions_max;
        let words = || {
            let ends = |c: char| !c.is_ascii_alphanumeric() && !"-[]\\`_^{|}".contains(c);
            texts.iter().flat_map(move |text| text.split(ends)).filter(|word| !word.is_empty())
        };
        if words().nth(max).is_none() {
            return false;
        }
        if self.is_voiced(id, user) {
            return false;
        }
        let mut named = HashSet::new();
        words().any(|word| {
            if let Some(other) = self.users.find(word).filter(|other| self.users[*other].is_in(id))
            {
                named.insert(other);
            }
            named.len() > max
        })
    }
}
