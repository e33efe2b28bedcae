//! RENAME: gives a channel another name, and leaves all else. IRCv3 channel-rename.

use crate::chat::channel::mode::LINES_PER_TENTH;
use crate::chat::command::Command;
use crate::chat::event::{Stamp, What};
use crate::chat::reply::Sink;
use crate::chat::reply::line::{Line, LineTags};
use crate::chat::reply::numeric::*;
use crate::chat::state::caps::Cap;
use crate::chat::state::channels::Member;
use crate::chat::state::ids::{ChannelId, UserId};
use crate::chat::state::ranks::Rank;
use crate::chat::state::registration::Standing;
use crate::chat::state::services::shortened;
use crate::chat::state::sessions::Session;
use crate::chat::{Caller, Chat};
use crate::wire::casemap;
use crate::wire::casemap::Folded;
use crate::wire::irc::Message;
use crate::wire::irc::names::ChannelName;

pub(crate) const RENAME: Command =
    Command::user("RENAME", 2, Chat::rename).costs(50).ends_idle().help(
        "RENAME channel name [reason]",
        &["Renames a channel; its members stay. For its operators."],
    );

/// Names that all clients without RENAME receive together, each of them those of all members. Above
/// it the channel can't be renamed.
const FALLBACK_NAMES_MAX: usize = 10_000;

impl Chat {
    /// `RENAME channel name [reason]`.
    pub(crate) fn rename(&mut self, sink: &mut Sink, by: Caller, message: &Message) {
        let (old, new) = (message.params[0], message.params[1]);
        let reason = message.params.get(2).copied().unwrap_or_default();
        let reason = shortened(reason, self.settings.limits.kick_max);
        let Some(channel) = self.channel_for(by, old) else {
            return self.no_such_channel(sink, by, old);
        };
        let Some(member) = self.member(channel, by.user) else {
            return self.numeric(sink, by.conn, ERR_NOTONCHANNEL, &[old]);
        };
        if !member.ranks.at_least(Rank::Op) {
            return self.numeric(sink, by.conn, ERR_CHANOPRIVSNEEDED, &[old]);
        }
        let Some(name) = ChannelName::parse(new, self.settings.limits.channel_name_max) else {
            let text = "This is no name for a channel";
            return self.fail(sink, by.conn, "RENAME", "CANNOT_RENAME", &[old, new], text);
        };
        if let Some(text) = self.keeps_its_name(sink, channel, by) {
            return self.fail(sink, by.conn, "RENAME", "CANNOT_RENAME", &[old, new], text);
        }
        if self.channels.find(new).is_some_and(|other| other != channel) {
            let text = "Channel already exists";
            return self.fail(sink, by.conn, "RENAME", "CHANNEL_NAME_IN_USE", &[old, new], text);
        }
        let names = self.fallback_names(channel);
        self.pay(sink.out, by.conn, (names / LINES_PER_TENTH) as u32);
        if !casemap::same(old, new) && names > FALLBACK_NAMES_MAX {
            let text = "Too many here know no RENAME";
            return self.fail(sink, by.conn, "RENAME", "CANNOT_RENAME", &[old, new], text);
        }
        self.happen(sink, What::ChannelRenamed { by: by.user, channel, name, reason });
    }

    /// Why `by` may not rename a registered channel. Only its founder may, as in Ergo: anybody
    /// could register the old name.
    fn keeps_its_name(
        &mut self,
        sink: &mut Sink,
        channel: ChannelId,
        by: Caller,
    ) -> Option<&'static str> {
        let registration = self.channels[channel].registration.as_deref()?;
        let account = self.users[by.user].account();
        if account.is_none_or(|account| !casemap::same(account, &registration.founder)) {
            return Some("Only who has registered a channel may rename it");
        }
        if registration.standing == Standing::Stands && registration.former.is_none() {
            return None;
        }
        self.save_channel(sink, channel);
        Some("It is still being kept under the name it has; try again")
    }

    fn fallback_names(&self, channel: ChannelId) -> usize {
        let members = &self.channels[channel].members;
        let conns = members.iter().flat_map(|member| &self.users[member.user].conns);
        let without = conns.filter(|conn| !self.sessions[**conn].caps.has(Cap::ChannelRename));
        without.count() * members.len()
    }

    /// Applies a RENAME: tells the members, in their clients' ways.
    pub(crate) fn channel_renamed(
        &mut self,
        sink: &mut Sink,
        stamp: Stamp,
        by: UserId,
        channel: ChannelId,
        (name, reason): (ChannelName, &str),
    ) {
        let old = self.channels[channel].name.clone();
        self.channels.rename(channel, name);
        // Clients without RENAME see a change of case with the next line about the channel.
        let same_name = casemap::same(&old, name.as_str());
        if let Some(registration) = &mut self.channels[channel].registration {
            registration.former = Some(Folded::of(&old)).filter(|_| !same_name);
        }
        let params = [&*old, name.as_str()];
        let line = Line::new(self.users[by].mask(), "RENAME", &params).text(reason);
        let mut line = line.tagged(self.tags_at(stamp, by));
        let mut joined_anew = Vec::new();
        for member in &self.channels[channel].members {
            for conn in &self.users[member.user].conns {
                let session = &self.sessions[*conn];
                if session.caps.has(Cap::ChannelRename) {
                    line.to(sink, session);
                } else if !same_name {
                    self.fall_back(sink, channel, *member, session, &old, reason);
                    joined_anew.push(Caller { conn: *conn, user: member.user });
                }
            }
        }
        let members = self.channels[channel].members.iter().map(|member| member.user);
        for user in members.collect::<Vec<UserId>>() {
            self.save_presence(sink, user);
        }
        self.save_channel(sink, channel);
        for by in joined_anew {
            self.tell_channel(sink, by, channel);
        }
    }

    /// Sends PART and JOIN to a client without RENAME. IRCv3 channel-rename, "Fallback".
    fn fall_back(
        &self,
        sink: &mut Sink,
        channel: ChannelId,
        member: Member,
        session: &Session,
        old: &str,
        reason: &str,
    ) {
        let user = &self.users[member.user];
        let reason = Some(reason).filter(|reason| !reason.is_empty());
        let ids = [self.new_id(sink), self.new_id(sink)];
        let [parts, joins] =
            ids.each_ref().map(|id| LineTags { msgid: Some(id), ..self.tags_of(member.user) });
        Line::new(user.mask(), "PART", &[old]).text(reason).tagged(parts).to(sink, session);
        let extended = session.caps.has(Cap::ExtendedJoin);
        let all = [&*self.channels[channel].name, user.account().unwrap_or("*"), user.realname()];
        let joined = if extended { &all[..] } else { &all[..1] };
        Line::new(user.mask(), "JOIN", joined).tagged(joins).to(sink, session);
    }
}
