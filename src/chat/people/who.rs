//! WHO and WHOX. Modern IRC, "WHO message"; IRCv3 whox.

use crate::chat::command::Command;
use crate::chat::reply::Sink;
use crate::chat::reply::numeric::*;
use crate::chat::state::caps::Cap;
use crate::chat::state::channels::ChannelMode;
use crate::chat::state::ids::{ChannelId, UserId};
use crate::chat::state::pending::Query;
use crate::chat::state::queries::{WhoQuery, WhoTargets};
use crate::chat::state::right::Right;
use crate::chat::state::users::UserMode;
use crate::chat::{Caller, Chat};
use crate::wire::irc::Message;
use crate::wire::irc::names::ChannelName;
use crate::wire::mask;

pub(crate) const WHO: Command = Command::user("WHO", 0, Chat::who).costs(20).asks_about(0).help(
    "WHO mask [o][%fields[,token]]",
    &[
        "Lists the members of a channel, or the users that match a mask; with o only operators.",
        "After %, letters choose the columns: t c u i h s n f d l a o r.",
    ],
);

/// Stands for a hidden address, as in IRCv3 whox.
const NO_ADDRESS: &str = "255.255.255.255";

/// The fields of WHOX, in reply order.
const FIELDS: &str = "tcuihsnfdlaor";

impl Chat {
    /// `WHO mask [o] [%fields[,token]]`.
    pub(crate) fn who(&mut self, sink: &mut Sink, by: Caller, message: &Message) {
        let mask = message.params.first().copied().unwrap_or_default();
        let flags = message.params.get(1).copied().unwrap_or_default();
        let (flags, fields) = flags.split_once('%').map_or((flags, None), |(flags, fields)| {
            let (fields, token) = fields.split_once(',').unwrap_or((fields, "0"));
            let fit = (1..=3).contains(&token.len()) && token.bytes().all(|b| b.is_ascii_digit());
            (flags, Some((fields.into(), if fit { token.into() } else { "0".into() })))
        });
        let mask = if mask.is_empty() { "*" } else { mask };
        // Before the look is recorded.
        if !self.may_ask(sink, by, "WHO") {
            return;
        }
        let sees = |(fields, _): &(Box<str>, Box<str>)| fields.contains('i');
        if fields.as_ref().is_some_and(sees) && self.has_right(by.user, Right::Addresses) {
            self.record_look(sink, by, "WHO", mask);
        }
        let query = WhoQuery {
            mask: mask.into(),
            targets: WhoTargets::Nobody,
            operators_only: flags.contains('o'),
            fields,
        };
        self.begin_answer(sink, by, Query::Who(query));
    }

    /// Finds the users that the mask refers to.
    pub(crate) fn find_targets(&self, by: Caller, query: &mut WhoQuery) {
        query.targets = self.targets(by, &query.mask);
    }

    fn targets(&self, by: Caller, mask: &str) -> WhoTargets {
        if ChannelName::is_meant_by(mask) {
            let Some(channel) = self.channel_for(by, mask) else { return WhoTargets::Nobody };
            let asker = self.member(channel, by.user);
            let members = self.channels[channel].members.iter();
            let shown = members.filter(|member| self.shows(channel, asker, **member));
            let shown = shown.map(|member| member.user).collect();
            return WhoTargets::Members(channel, self.channels[channel].serial, shown);
        }
        match self.users.find(mask) {
            // Knowing the nick is enough.
            Some(user) => WhoTargets::One(user),
            None => WhoTargets::Matching,
        }
    }

    /// The next user to test, and the number of the one after.
    pub(crate) fn who_next(&self, query: &WhoQuery, next: u32) -> Option<(UserId, u32)> {
        match &query.targets {
            WhoTargets::Nobody => None,
            WhoTargets::One(user) => (next == 0).then_some((*user, 1)),
            WhoTargets::Members(_, _, members) => {
                members.get(next as usize).map(|user| (*user, next + 1))
            }
            WhoTargets::Matching => self.user_from(next),
        }
    }

    /// Sends one user, if they match.
    pub(crate) fn who_one(
        &self,
        sink: &mut Sink,
        by: Caller,
        query: &WhoQuery,
        id: UserId,
        batch: Option<&str>,
    ) {
        let channel = match query.targets {
            WhoTargets::Members(channel, serial, _) => {
                // Either may have left since, and its id be reused.
                let is_same = self.channels.get(channel).is_some_and(|room| room.serial == serial);
                if !is_same || !self.users.contains(id) || !self.users[id].is_in(channel) {
                    return;
                }
                Some(channel)
            }
            WhoTargets::One(_) if !self.users.contains(id) => return,
            WhoTargets::Matching if !self.who_matches(by, &query.mask, id) => return,
            _ => self.common_channel(by, id),
        };
        if query.operators_only && !self.users[id].is(UserMode::Operator) {
            return;
        }
        match &query.fields {
            Some((fields, token)) => self.whox_line(sink, by, id, channel, (fields, token), batch),
            None => self.who_line(sink, by, id, channel, batch),
        }
    }

    /// Whether a mask matches a user. `0` and `*` match everyone. Users with mode `i` are found
    /// only by users who share a channel.
    fn who_matches(&self, by: Caller, mask: &str, id: UserId) -> bool {
        let user = &self.users[id];
        let visible = id == by.user
            || !user.is(UserMode::Invisible)
            || self.has_right(by.user, Right::Secrets)
            || self.common_channel(by, id).is_some();
        let named = || {
            let server = &*self.settings.server_name;
            let texts = [user.nick(), user.username(), user.host(), server, user.realname()];
            texts.iter().any(|text| mask::matches(mask, text)) || mask::matches(mask, user.mask())
        };
        visible && (matches!(mask, "0" | "*" | "") || named())
    }

    /// A channel that both are in and see each other in.
    fn common_channel(&self, by: Caller, other: UserId) -> Option<ChannelId> {
        let channels = self.users[other].channels.iter().map(|membership| membership.channel);
        channels.into_iter().find(|channel| self.shares(by, *channel, other))
    }

    fn shares(&self, by: Caller, channel: ChannelId, other: UserId) -> bool {
        let members = self.member(channel, by.user).zip(self.member(channel, other));
        members.is_some_and(|(own, other)| self.sees(channel, own, other))
    }

    /// `H` here or `G` gone, `*` operator, the ranks in the channel, `B` bot: in this order, Modern
    /// IRC, "RPL_WHOREPLY (352)".
    fn who_flags(&self, by: Caller, id: UserId, channel: Option<ChannelId>) -> String {
        let user = &self.users[id];
        let mut flags = String::from(if user.away().is_some() { "G" } else { "H" });
        if user.is(UserMode::Operator) {
            flags.push('*');
        }
        let all = self.sessions[by.conn].caps.has(Cap::MultiPrefix);
        if let Some(member) = channel.and_then(|channel| self.member(channel, id)) {
            flags.extend(member.ranks.prefixes(all));
        }
        if user.is(UserMode::Bot) {
            flags.push('B');
        }
        flags
    }

    fn who_line(
        &self,
        sink: &mut Sink,
        by: Caller,
        id: UserId,
        channel: Option<ChannelId>,
        batch: Option<&str>,
    ) {
        let user = &self.users[id];
        let name = channel.map_or("*", |channel| &self.channels[channel].name);
        let flags = self.who_flags(by, id, channel);
        let server = &self.settings.server_name;
        let realname = format!("0 {}", user.realname());
        let params = [name, user.username(), user.host(), server, user.nick(), &flags, &realname];
        self.numeric_in(sink, by.conn, batch, RPL_WHOREPLY, &params);
    }

    fn whox_line(
        &self,
        sink: &mut Sink,
        by: Caller,
        id: UserId,
        channel: Option<ChannelId>,
        (fields, token): (&str, &str),
        batch: Option<&str>,
    ) {
        let user = &self.users[id];
        let member = channel.and_then(|channel| self.member(channel, id));
        let idle = sink.unix().saturating_sub(user.acted_at.into()).to_string();
        let mut params: Vec<String> = Vec::new();
        for field in FIELDS.chars().filter(|field| fields.contains(*field)) {
            params.push(match field {
                't' => token.to_owned(),
                'c' => channel.map_or("*", |channel| &self.channels[channel].name).to_owned(),
                'u' => user.username().to_owned(),
                'i' => self.shown_address(by, id),
                'h' => user.host().to_owned(),
                's' => self.settings.server_name.clone(),
                'n' => user.nick().to_owned(),
                'f' => self.who_flags(by, id, channel),
                'd' => "0".to_owned(),
                'l' => idle.clone(),
                'a' => user.account().unwrap_or("0").to_owned(),
                'o' => match member.and_then(|member| member.ranks.highest()) {
                    Some(rank) => (rank as u8).to_string(),
                    None => "n/a".to_owned(),
                },
                _ => user.realname().to_owned(),
            });
        }
        let params: Vec<&str> = params.iter().map(String::as_str).collect();
        self.numeric_in(sink, by.conn, batch, RPL_WHOSPCRPL, &params);
    }

    /// Whether `by` may see a user's address: users see their own, operators need the right.
    pub(crate) fn sees_address(&self, by: Caller, id: UserId) -> bool {
        id == by.user || self.has_right(by.user, Right::Addresses)
    }

    /// The address of a user, as far as `by` may see it.
    pub(crate) fn shown_address(&self, by: Caller, id: UserId) -> String {
        let may = self.sees_address(by, id);
        let address = self.users[id].conns.first().and_then(|conn| self.sessions[*conn].address);
        match address.filter(|_| may) {
            Some(ip) if ip.to_string().starts_with(':') => format!("0{ip}"),
            Some(ip) => ip.to_string(),
            None => NO_ADDRESS.to_owned(),
        }
    }

    /// The channels of `id` that `by` may know of.
    pub(crate) fn known_channels(&self, by: Caller, id: UserId) -> Vec<ChannelId> {
        let operator = self.has_right(by.user, Right::Secrets);
        let memberships = self.users[id].channels.iter().map(|membership| membership.channel);
        let known = |channel: &ChannelId| {
            let room = &self.channels[*channel];
            let member = self.member(*channel, id).expect("it is in it");
            match self.member(*channel, by.user) {
                Some(own) => self.sees(*channel, own, member),
                None if operator => true,
                None => {
                    !room.is(ChannelMode::Secret)
                        && !self.users[id].is(UserMode::Invisible)
                        && self.shows(*channel, None, member)
                }
            }
        };
        memberships.filter(known).collect()
    }
}
