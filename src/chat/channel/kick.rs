//! KICK, INVITE, KNOCK: removal of members, and admission past the modes. Modern IRC, "Channel
//! Operations"; IRCv3 invite-notify.

use crate::chat::command::Command;
use crate::chat::event::{Source, Stamp, What};
use crate::chat::message::events::text_after;
use crate::chat::reply::Sink;
use crate::chat::reply::line::Line;
use crate::chat::reply::numeric::*;
use crate::chat::state::caps::Cap;
use crate::chat::state::channels::{ChannelMode, List, Member};
use crate::chat::state::ids::{ChannelId, UserId};
use crate::chat::state::ranks::Rank;
use crate::chat::state::services::shortened;
use crate::chat::{Caller, Chat};
use crate::wire::irc::Message;

pub(crate) const KICK: Command =
    Command::user("KICK", 2, Chat::kick).for_each_in(1).ends_idle().help(
        "KICK channel nick{,nick} [reason]",
        &["Removes users from a channel. For halfops and higher."],
    );

pub(crate) const INVITE: Command = Command::user("INVITE", 0, Chat::invite).costs(20).ends_idle().help("INVITE nick channel", &["Invites a user to a channel. From a halfop or higher, it overrides +i, +l and +b there.", "Without parameters, lists the channels you are invited to."]);

pub(crate) const KNOCK: Command =
    Command::user("KNOCK", 1, Chat::knock).costs(20).ends_idle().help(
        "KNOCK channel [text]",
        &["Asks the members of a closed channel for an invitation, at most once a minute."],
    );

/// Seconds between two KNOCKs of a user, to any channel.
const KNOCK_PAUSE_S: u64 = 60;

impl Chat {
    /// `KICK channel user{,user} [reason]`. Modern IRC, "KICK message"; also one channel for each
    /// user, RFC 2812 §3.2.8.
    pub(crate) fn kick(&mut self, sink: &mut Sink, by: Caller, message: &Message) {
        let nicks: Vec<&str> = message.params[1].split(',').collect();
        let channels: Vec<&str> = message.params[0].split(',').collect();
        if channels.len() > 1 && channels.len() != nicks.len() {
            return self.numeric(sink, by.conn, ERR_NEEDMOREPARAMS, &["KICK"]);
        }
        let reason = message.params.get(2).copied().filter(|reason| !reason.is_empty());
        let reason = reason.unwrap_or(self.users[by.user].nick());
        let reason = shortened(reason, self.settings.limits.kick_max).to_owned();
        for (n, nick) in nicks.into_iter().enumerate() {
            let channel = channels.get(n).unwrap_or(&channels[0]);
            if n == self.settings.limits.targets_max {
                return self.numeric(sink, by.conn, ERR_TOOMANYTARGETS, &[nick]);
            }
            self.kick_one(sink, by, channel, nick, &reason);
        }
    }

    fn kick_one(&mut self, sink: &mut Sink, by: Caller, name: &str, nick: &str, reason: &str) {
        let Some(channel) = self.channel_for(by, name) else {
            return self.no_such_channel(sink, by, name);
        };
        let Some(kicker) = self.member(channel, by.user) else {
            return self.numeric(sink, by.conn, ERR_NOTONCHANNEL, &[name]);
        };
        if !kicker.ranks.at_least(Rank::Halfop) {
            return self.numeric(sink, by.conn, ERR_CHANOPRIVSNEEDED, &[name]);
        }
        let Some(user) = self.users.find(nick) else {
            return self.numeric(sink, by.conn, ERR_NOSUCHNICK, &[nick]);
        };
        let Some(kicked) = self.member(channel, user) else {
            return self.numeric(sink, by.conn, ERR_USERNOTINCHANNEL, &[nick, name]);
        };
        if user != by.user && !outranks(kicker, kicked) {
            let text = "They have a higher rank than you";
            let name = &self.channels[channel].name;
            return self.numeric_saying(sink, by.conn, ERR_CHANOPRIVSNEEDED, &[name], text);
        }
        self.happen(sink, What::Kicked { by: by.user, user, channel, reason });
    }

    /// Applies a kick: removes the member, and tells all who could see them.
    pub(crate) fn kicked(
        &mut self,
        sink: &mut Sink,
        stamp: Stamp,
        by: UserId,
        user: UserId,
        (channel, reason): (ChannelId, &str),
    ) {
        let kicked = self.member(channel, user).expect("a member");
        let params = [&*self.channels[channel].name, self.users[user].nick()].join(" ");
        let params = text_after(&params, reason);
        self.append_event(sink, stamp, Source::User(by), &[channel], ("KICK", &params));
        let params = [&*self.channels[channel].name, self.users[user].nick()];
        let line = Line::new(self.users[by].mask(), "KICK", &params).text(reason);
        let mut line = line.tagged(self.tags_at(stamp, by));
        self.to_witnesses(sink, &mut line, channel, kicked);
        self.channels.part(&mut self.users, channel, user);
        self.note_operator_gone(stamp, channel, kicked, (self.key(user), user == by));
        self.save_presence(sink, user);
    }

    /// `INVITE nick channel`, or `INVITE` to list one's own invitations. Modern IRC, "INVITE
    /// message".
    pub(crate) fn invite(&mut self, sink: &mut Sink, by: Caller, message: &Message) {
        let (nick, name) = match message.params[..] {
            [] => return self.tell_invites(sink, by),
            [nick, name, ..] if !nick.is_empty() && !name.is_empty() => (nick, name),
            _ => return self.numeric(sink, by.conn, ERR_NEEDMOREPARAMS, &["INVITE"]),
        };
        let Some(channel) = self.channel_for(by, name) else {
            return self.no_such_channel(sink, by, name);
        };
        let Some(inviter) = self.member(channel, by.user) else {
            return self.numeric(sink, by.conn, ERR_NOTONCHANNEL, &[name]);
        };
        // Modern IRC, "INVITE message": for an invite-only channel it takes rank.
        let guarded = self.channels[channel].is(ChannelMode::InviteOnly);
        if guarded && !inviter.ranks.at_least(Rank::Halfop) {
            return self.numeric(sink, by.conn, ERR_CHANOPRIVSNEEDED, &[name]);
        }
        let Some(invited) = self.users.find(nick) else {
            return self.numeric(sink, by.conn, ERR_NOSUCHNICK, &[nick]);
        };
        let name = self.channels[channel].name.clone();
        // A member hidden in an auditorium is invited like a user who is not there.
        let there = self.member(channel, invited);
        if there.is_some_and(|there| self.sees(channel, inviter, there)) {
            return self.numeric(sink, by.conn, ERR_USERONCHANNEL, &[nick, &name]);
        }
        self.numeric(sink, by.conn, RPL_INVITING, &[self.users[invited].nick(), &name]);
        if let Some(away) = self.users[invited].away() {
            self.numeric(sink, by.conn, RPL_AWAY, &[self.users[invited].nick(), away]);
        }
        let passes = inviter.ranks.at_least(Rank::Halfop);
        self.happen(sink, What::Invited { by: by.user, user: invited, channel, passes });
    }

    /// Applies an invitation: remembers it, and tells the invited and the members.
    pub(crate) fn invited(
        &mut self,
        sink: &mut Sink,
        stamp: Stamp,
        by: UserId,
        invited: UserId,
        (channel, passes): (ChannelId, bool),
    ) {
        self.remember_invitation(invited, channel, passes);
        let (params, name) = ([self.users[invited].nick()], &*self.channels[channel].name);
        let line = Line::new(self.users[by].mask(), "INVITE", &params).text(name);
        let mut line = line.tagged(self.tags_at(stamp, by));
        self.to_user(sink, &mut line, invited);
        for member in &self.channels[channel].members {
            if member.user != by {
                self.to_user_with(sink, &mut line, member.user, Cap::InviteNotify);
            }
        }
    }

    /// Remembers an invitation by a member with rank, which passes bans and modes. Any other
    /// invitation is only a message.
    fn remember_invitation(&mut self, invited: UserId, channel: ChannelId, passes: bool) {
        let serial = self.channels[channel].serial;
        let max = self.settings.limits.invites_max;
        if !passes || max == 0 || self.users[invited].is_invited_to(channel, serial) {
            return;
        }
        let channels = &self.channels;
        let invites = &mut self.users[invited].extra().invites;
        invites.retain(|(id, serial)| channels.get(*id).is_some_and(|c| c.serial == *serial));
        if invites.len() >= max {
            invites.remove(0);
        }
        invites.push((channel, serial));
    }

    /// Lists a user's invitations. Modern IRC, "RPL_INVITELIST (336)".
    fn tell_invites(&self, sink: &mut Sink, by: Caller) {
        let extra = self.users[by.user].extra.as_ref();
        for (id, serial) in extra.into_iter().flat_map(|extra| &extra.invites) {
            if let Some(channel) = self.channels.get(*id).filter(|c| c.serial == *serial) {
                self.numeric(sink, by.conn, RPL_INVITELIST, &[&channel.name]);
            }
        }
        self.numeric(sink, by.conn, RPL_ENDOFINVITELIST, &[]);
    }

    /// `KNOCK channel [reason]`: asks members with rank for admission. As in Solanum and InspIRCd.
    pub(crate) fn knock(&mut self, sink: &mut Sink, by: Caller, message: &Message) {
        let name = message.params[0];
        // The existence of a secret channel is not revealed.
        let Some(channel) = self.channel_for(by, name) else {
            return self.no_such_channel(sink, by, name);
        };
        self.end_timed_bans(sink, channel);
        let (name, user) = (self.channels[channel].name.clone(), &self.users[by.user]);
        if user.is_in(channel) {
            return self.numeric(sink, by.conn, ERR_KNOCKONCHAN, &[&name]);
        }
        let room = &self.channels[channel];
        let full = room.limit.is_some_and(|limit| room.members.len() >= limit as usize);
        if !room.is(ChannelMode::InviteOnly) && room.key.is_none() && !full {
            return self.numeric(sink, by.conn, ERR_CHANOPEN, &[&name]);
        }
        if room.lists(List::Ban, |ban| ban.means(user))
            && !room.lists(List::Except, |ban| ban.means(user))
        {
            let text = "Cannot knock: you are banned";
            return self.numeric_saying(sink, by.conn, ERR_CANNOTKNOCK, &[&name], text);
        }
        let since_s = user.extra.as_ref().and_then(|x| sink.unix().checked_sub(x.knocked_at));
        if since_s.is_some_and(|since_s| since_s < KNOCK_PAUSE_S) {
            return self.numeric(sink, by.conn, ERR_TOOMANYKNOCK, &[&name]);
        }
        let text = message.params.get(1).copied().filter(|text| !text.is_empty());
        self.happen(sink, What::Knocked { by: by.user, channel, text });
        self.numeric(sink, by.conn, RPL_KNOCKDLVR, &[&name]);
    }

    /// Applies a KNOCK: tells the members with rank.
    pub(crate) fn knocked(
        &mut self,
        sink: &mut Sink,
        stamp: Stamp,
        by: UserId,
        channel: ChannelId,
        text: Option<&str>,
    ) {
        self.users[by].extra().knocked_at = stamp.at_s();
        let (name, mask) = (&*self.channels[channel].name, self.users[by].mask());
        let text = match text {
            Some(text) => format!("has asked for an invite: {text}"),
            None => "has asked for an invite.".to_owned(),
        };
        let params = [name, name, mask, &text];
        let mut line = Line::new(&self.settings.server_name, RPL_KNOCK.0, &params)
            .tagged(self.tags_at(stamp, by));
        for member in self.channels[channel].members.iter() {
            if member.ranks.at_least(Rank::Halfop) {
                self.to_user(sink, &mut line, member.user);
            }
        }
    }
}

/// Whether one member may kick another. Operators may kick all but those who outrank them, halfops
/// only those below.
fn outranks(by: Member, other: Member) -> bool {
    match by.ranks.highest() {
        Some(rank) if rank >= Rank::Op => Some(rank) >= other.ranks.highest(),
        rank => rank > other.ranks.highest(),
    }
}
