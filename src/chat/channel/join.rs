//! JOIN and PART. Modern IRC, "Channel Operations"; IRCv3 extended-join.

use crate::chat::command::Command;
use crate::chat::event::{Source, Stamp, What};
use crate::chat::message::events::text_after;
use crate::chat::reply::Sink;
use crate::chat::reply::line::{Line, LineTags};
use crate::chat::reply::numeric::*;
use crate::chat::state::caps::{Cap, Caps};
use crate::chat::state::channels::{ChannelMode, List, Member};
use crate::chat::state::ids::{ChannelId, Membership, UserId};
use crate::chat::state::ranks::{Rank, Ranks};
use crate::chat::state::services::shortened;
use crate::chat::{Caller, Chat};
use crate::wire::irc::Message;
use crate::wire::irc::names::ChannelName;

pub(crate) const JOIN: Command =
    Command::user("JOIN", 1, Chat::join).for_each_in(0).ends_idle().help(
        "JOIN channel{,channel} [key{,key}]",
        &["Joins channels, and creates those that do not exist. JOIN 0 leaves all channels."],
    );

pub(crate) const PART: Command = Command::user("PART", 1, Chat::part)
    .for_each_in(0)
    .ends_idle()
    .help("PART channel{,channel} [reason]", &["Leaves channels."]);

/// The reason why a user may not join.
struct JoinRefused {
    reply: Numeric,
    /// Whether the user may be sent to another channel: mode `f`.
    forwards: bool,
}

impl Chat {
    /// `JOIN channel{,channel} [key{,key}]`, or `JOIN 0` to leave all. Modern IRC, "JOIN message".
    pub(crate) fn join(&mut self, sink: &mut Sink, by: Caller, message: &Message) {
        if message.params[0] == "0" && message.params.len() == 1 {
            return self.part_all(sink, by);
        }
        let mut keys = message.params.get(1).copied().unwrap_or_default().split(',');
        for name in message.params[0].split(',').filter(|name| !name.is_empty()) {
            let key = keys.next().unwrap_or_default();
            self.join_one(sink, by, name, key);
        }
    }

    fn join_one(&mut self, sink: &mut Sink, by: Caller, asked: &str, key: &str) {
        let Some(name) = ChannelName::parse(asked, self.settings.limits.channel_name_max) else {
            return self.no_such_channel(sink, by, asked);
        };
        let found = self.channels.find(asked);
        if found.is_some_and(|channel| self.users[by.user].is_in(channel)) {
            return;
        }
        if self.users[by.user].channels.len() >= self.settings.limits.channels_per_user {
            return self.numeric(sink, by.conn, ERR_TOOMANYCHANNELS, &[asked]);
        }
        let Some(channel) = found else {
            return self.enter(sink, by, name);
        };
        self.end_timed_bans(sink, channel);
        match self.may_join(channel, by.user, key) {
            Ok(()) => self.enter(sink, by, name),
            Err(refused) => self.refuse(sink, by, channel, refused),
        }
    }

    /// Checks the channel's modes. Modern IRC, "Channel Modes". An invitation passes bans, limit
    /// and mode `i`. A rank of halfop or higher by account passes all: nobody in an empty channel
    /// could invite its owner.
    fn may_join(&self, channel: ChannelId, user: UserId, key: &str) -> Result<(), JoinRefused> {
        if self.rank_by_account(channel, user) >= Some(Rank::Halfop) {
            return Ok(());
        }
        let (id, user) = (channel, &self.users[user]);
        let channel = &self.channels[id];
        let invited = user.is_invited_to(id, channel.serial);
        let refused = |reply| Err(JoinRefused { reply, forwards: true });
        if channel.is(ChannelMode::LoggedInJoin) && user.account().is_none() {
            return refused(ERR_NEEDREGGEDNICK);
        }
        if channel.key.as_deref().is_some_and(|wanted| wanted != key) {
            return Err(JoinRefused { reply: ERR_BADCHANNELKEY, forwards: false });
        }
        if invited {
            return Ok(());
        }
        if channel.lists(List::Ban, |ban| !ban.mutes && ban.means(user))
            && !channel.lists(List::Except, |ban| !ban.mutes && ban.means(user))
        {
            return refused(ERR_BANNEDFROMCHAN);
        }
        if channel.is(ChannelMode::InviteOnly) && !channel.lists(List::Invex, |ban| ban.means(user))
        {
            return refused(ERR_INVITEONLYCHAN);
        }
        if channel.limit.is_some_and(|limit| channel.members.len() >= limit as usize) {
            return refused(ERR_CHANNELISFULL);
        }
        Ok(())
    }

    /// Sends the refusal, or sends the user on to the channel of mode `f`: once, not from there
    /// again.
    fn refuse(&mut self, sink: &mut Sink, by: Caller, channel: ChannelId, refused: JoinRefused) {
        let name = self.channels[channel].name.clone();
        let forward = self.channels[channel].forward.clone().filter(|_| refused.forwards);
        let Some(forward) = forward else {
            return self.numeric(sink, by.conn, refused.reply, &[&name]);
        };
        self.numeric(sink, by.conn, ERR_LINKCHANNEL, &[&name, &forward]);
        let name = ChannelName::parse(&forward, usize::MAX).expect("it was parsed when set");
        let Some(there) = self.channels.find(&forward) else { return self.enter(sink, by, name) };
        if self.users[by.user].is_in(there) {
            return;
        }
        match self.may_join(there, by.user, "") {
            Ok(()) => self.enter(sink, by, name),
            Err(JoinRefused { reply, .. }) => self.numeric(sink, by.conn, reply, &[&forward]),
        }
    }

    /// Lets a user who passed all checks join, and sends them the channel. The first in a channel
    /// becomes its operator, unless the channel is registered: then only accounts give ranks.
    pub(crate) fn enter(&mut self, sink: &mut Sink, by: Caller, name: ChannelName) {
        let room = self.channels.find(name.as_str()).map(|channel| &self.channels[channel]);
        let op = room.is_none_or(|room| room.members.is_empty() && room.registered().is_none());
        self.happen(sink, What::Joined { user: by.user, channel: name, op });
        let channel = self.channels.find(name.as_str()).expect("it was joined");
        self.give_own_rank(sink, channel, by.user);
        self.restore_operator(sink, channel, by.user);
        for conn in self.users[by.user].conns.clone() {
            let by = Caller { conn, user: by.user };
            self.tell_channel(sink, by, channel);
            self.replay_on_join(sink, by, channel);
        }
    }

    /// Applies a join: creates the channel if needed, adds the member, and tells all who may see
    /// them.
    pub(crate) fn joined(
        &mut self,
        sink: &mut Sink,
        stamp: Stamp,
        user: UserId,
        name: ChannelName,
        op: bool,
    ) {
        let found = self.channels.find(name.as_str());
        let channel = found.unwrap_or_else(|| self.channels.create(name, stamp.at_s()));
        let mut ranks = Ranks::default();
        ranks.set(Rank::Op, op);
        let joined = Member { user, ranks, since_s: stamp.at_s() as u32 };
        self.channels.join(&mut self.users, channel, joined);
        let serial = self.channels[channel].serial;
        if let Some(extra) = &mut self.users[user].extra {
            extra.invites.retain(|invite| *invite != (channel, serial));
        }
        let who = &self.users[user];
        let account = who.account().unwrap_or("*");
        let params = format!("{} {account} :{}", self.channels[channel].name, who.realname());
        self.append_event(sink, stamp, Source::User(user), &[channel], ("JOIN", &params));
        self.tell_join(sink, channel, joined, stamp.msgid, |_| true);
        self.save_presence(sink, user);
    }

    /// Sends `JOIN` to those members who satisfy `to` and may see the joined one.
    pub(crate) fn tell_join(
        &self,
        sink: &mut Sink,
        channel: ChannelId,
        joined: Member,
        msgid: &str,
        to: impl Fn(Member) -> bool,
    ) {
        let user = &self.users[joined.user];
        let name = &*self.channels[channel].name;
        let away_id = self.new_id(sink);
        let tags = LineTags { msgid: Some(msgid), ..self.tags_of(joined.user) };
        let away_tags = LineTags { msgid: Some(&away_id), ..tags };
        let plain = [name];
        let extended = [name, user.account().unwrap_or("*"), user.realname()];
        let mut plain = Line::new(user.mask(), "JOIN", &plain).tagged(tags);
        let mut extended = Line::new(user.mask(), "JOIN", &extended).tagged(tags);
        let mut away_line = Line::new(user.mask(), "AWAY", &[]).text(user.away()).tagged(away_tags);
        for member in &self.channels[channel].members {
            if !self.sees(channel, *member, joined) || !to(*member) {
                continue;
            }
            for conn in &self.users[member.user].conns {
                let session = &self.sessions[*conn];
                let extends = session.caps.has(Cap::ExtendedJoin);
                let line = if extends { &mut extended } else { &mut plain };
                line.to(sink, session);
                // IRCv3 away-notify: also "when a user joins and has an away message set".
                if user.away().is_some()
                    && member.user != joined.user
                    && session.caps.has(Cap::AwayNotify)
                {
                    away_line.to(sink, session);
                }
            }
        }
    }

    /// Sends a user who has joined the topic, members and metadata.
    pub(crate) fn tell_channel(&mut self, sink: &mut Sink, by: Caller, channel: ChannelId) {
        self.tell_marker_of_channel(sink, by, channel);
        if self.channels[channel].topic.is_some() {
            self.tell_topic(sink, by, channel);
        }
        if !self.sessions[by.conn].caps.any_of(Caps::NO_IMPLICIT_NAMES) {
            self.tell_names(sink, by, channel);
        }
        self.tell_joined_metadata(sink, by, channel);
    }

    /// `PART channel{,channel} [reason]`. Modern IRC, "PART message".
    pub(crate) fn part(&mut self, sink: &mut Sink, by: Caller, message: &Message) {
        let reason = message.params.get(1).copied().unwrap_or_default();
        let reason = shortened(reason, self.settings.limits.kick_max);
        for name in message.params[0].split(',').filter(|name| !name.is_empty()) {
            let Some(channel) = self.channel_for(by, name) else {
                self.no_such_channel(sink, by, name);
                continue;
            };
            if self.users[by.user].is_in(channel) {
                self.happen(sink, What::Parted { user: by.user, channel, reason });
            } else {
                self.numeric(sink, by.conn, ERR_NOTONCHANNEL, &[name]);
            }
        }
    }

    /// RFC 2812 §3.2.1: `JOIN 0` is a PART from every channel.
    fn part_all(&mut self, sink: &mut Sink, by: Caller) {
        let user = by.user;
        while let Some(&Membership { channel, .. }) = self.users[user].channels.last() {
            self.happen(sink, What::Parted { user, channel, reason: "" });
        }
    }

    /// Applies a part: removes the member, and tells all who could see them.
    pub(crate) fn parted(
        &mut self,
        sink: &mut Sink,
        stamp: Stamp,
        user: UserId,
        channel: ChannelId,
        reason: &str,
    ) {
        let about = self.member(channel, user).expect("a member");
        let params = text_after(&self.channels[channel].name, reason);
        self.append_event(sink, stamp, Source::User(user), &[channel], ("PART", &params));
        let name = &*self.channels[channel].name;
        let (params, reason) = ([name], Some(reason).filter(|reason| !reason.is_empty()));
        let line = Line::new(self.users[user].mask(), "PART", &params).text(reason);
        let mut line = line.tagged(self.tags_at(stamp, user));
        self.to_witnesses(sink, &mut line, channel, about);
        self.channels.part(&mut self.users, channel, user);
        self.note_operator_gone(stamp, channel, about, (self.key(user), true));
        self.save_presence(sink, user);
    }

    /// Sends `ERR_NOSUCHCHANNEL`.
    pub(crate) fn no_such_channel(&self, sink: &mut Sink, by: Caller, asked: &str) {
        self.numeric(sink, by.conn, ERR_NOSUCHCHANNEL, &[asked]);
    }
}
