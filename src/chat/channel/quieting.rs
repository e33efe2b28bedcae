//! Limits on the noise of a channel: timed bans (TBAN, as InspIRCd's m_timedbans), slow mode (`W`),
//! and the number of members that one message may name.

use crate::chat::command::Command;
use crate::chat::reply::Sink;
use crate::chat::reply::line::{Line, LineTags};
use crate::chat::state::channels::{List, NEVER};
use crate::chat::state::ids::{ChannelId, UserId};
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
        let ended = self.channels[channel].take_ended_bans(now);
        let source = self.settings.server_name.clone();
        for mask in &ended {
            let name = self.channels[channel].name.clone();
            let params = [&*name, "-b", mask];
            let msgid =
                self.append_service_event(sink, &source, channel, "MODE", &params.join(" "));
            let tags = LineTags { msgid: Some(&msgid), ..LineTags::default() };
            let mut line = Line::new(&source, "MODE", &params).tagged(tags);
            sink.unlabelled(|sink| self.to_channel(sink, &mut line, channel));
        }
        if !ended.is_empty() {
            self.save_channel(sink, channel);
        }
    }

    /// Why a user who may speak in a channel may not send `texts` now. If they may, the time is
    /// noted.
    pub(crate) fn curbs(
        &mut self,
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

    /// Why a user must wait before their next message to a channel: mode `W`. If they need not, the
    /// time is noted.
    fn slows(&mut self, sink: &Sink, id: ChannelId, user: UserId) -> Option<String> {
        let member = self.member(id, user);
        let serial = self.users[user].serial;
        let room = &mut self.channels[id];
        let slow = room.slow.as_mut()?;
        if member.is_some_and(|member| member.ranks.at_least(Rank::Voice)) {
            return None;
        }
        let now = sink.now().uptime_ms / 1000;
        if slow.spoke.len() > 2 * room.members.len() + 16 {
            let pause = u64::from(slow.seconds);
            slow.spoke.retain(|_, spoke| now < *spoke + pause);
        }
        let after = slow.spoke.get(&serial).map_or(0, |spoke| spoke + u64::from(slow.seconds));
        if now < after {
            let wait = duration::told(after - now);
            return Some(format!("Cannot send to channel (+W): wait {wait} more"));
        }
        slow.spoke.insert(serial, now);
        None
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
        let ranked = self.member(id, user).is_some_and(|member| member.ranks.at_least(Rank::Voice));
        if ranked {
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

impl crate::chat::state::channels::Channel {
    /// Removes the bans that have ended by `now`, and returns their masks as listed.
    fn take_ended_bans(&mut self, now: u64) -> Vec<String> {
        let mut ended = Vec::new();
        self.next_end = NEVER;
        let mut next_end = NEVER;
        self.list_mut(List::Ban).retain(|entry| {
            let until = entry.until.unwrap_or(NEVER);
            if until <= now {
                ended.push(entry.mask.as_str().to_owned());
                return false;
            }
            next_end = next_end.min(until);
            true
        });
        self.next_end = next_end;
        ended
    }
}
