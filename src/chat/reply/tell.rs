//! Sending: replies to one connection, and lines to all users they concern.

use crate::chat::reply::Sink;
use crate::chat::reply::line::{Line, LineTags};
use crate::chat::reply::numeric::{GIVEN, Numeric};
use crate::chat::state::caps::Cap;
use crate::chat::state::channels::{ChannelMode, Member};
use crate::chat::state::ids::{ChannelId, UserId};
use crate::chat::state::ranks::Rank;
use crate::chat::state::sessions::Stage;
use crate::chat::state::users::UserMode;
use crate::chat::{Caller, Chat};
use crate::net::ConnId;
use crate::wire::irc::PARAMS_MAX;

impl Chat {
    /// Sends a numeric reply: the client's nick, `params`, and the numeric's text if it has one. A
    /// parameter that can't stand in its place becomes `*`, however foreign it is.
    pub(crate) fn numeric(&self, sink: &mut Sink, to: ConnId, reply: Numeric, params: &[&str]) {
        self.numeric_in(sink, to, None, reply, params);
    }

    /// Sends a numeric reply with a text of its own.
    pub(crate) fn numeric_saying(
        &self,
        sink: &mut Sink,
        to: ConnId,
        Numeric(code, _): Numeric,
        params: &[&str],
        text: &str,
    ) {
        self.numeric(sink, to, Numeric(code, ""), &[params, &[text]].concat());
    }

    /// Sends an error as IRCv3 standard-replies has it: `FAIL command code context… :text`.
    pub(crate) fn fail(
        &self,
        sink: &mut Sink,
        to: ConnId,
        command: &str,
        code: &str,
        context: &[&str],
        text: &str,
    ) {
        let params = [&[command, code], context, &[text]].concat();
        self.say(sink, to, &self.settings.server_name, "FAIL", &params);
    }

    /// Sends a notice of the server to one connection.
    pub(crate) fn notice(&self, sink: &mut Sink, to: ConnId, text: &str) {
        let params = [self.called(to)];
        let line = Line::new(&self.settings.server_name, "NOTICE", &params);
        line.text(text).to(sink, &self.sessions[to]);
    }

    /// Sends a line to one connection.
    pub(crate) fn say(
        &self,
        sink: &mut Sink,
        to: ConnId,
        source: &str,
        command: &str,
        params: &[&str],
    ) {
        Line::new(source, command, params).to(sink, &self.sessions[to]);
    }

    /// The target of a numeric: the client's nick, or `*` before it has one.
    pub(crate) fn called(&self, conn: ConnId) -> &str {
        match self.sessions[conn].user() {
            Some(user) => self.users[user].nick(),
            None => "*",
        }
    }

    /// A new id for a live line: every line of a user has one (IRCv3 message-ids).
    pub(crate) fn new_id(&self, sink: &Sink) -> String {
        self.message_ids.next(sink.now().unix_ms)
    }

    /// The tags that every line from `user` may have.
    pub(crate) fn tags_of(&self, user: UserId) -> LineTags<'_> {
        let user = &self.users[user];
        LineTags { account: user.account(), bot: user.is(UserMode::Bot), ..LineTags::default() }
    }

    /// Sends a line to every connection of `user`.
    pub(crate) fn to_user(&self, sink: &mut Sink, line: &mut Line, user: UserId) {
        for conn in &self.users[user].conns {
            line.to(sink, &self.sessions[*conn]);
        }
    }

    /// Sends a line to the connections of `user` that have requested `cap`.
    pub(crate) fn to_user_with(&self, sink: &mut Sink, line: &mut Line, user: UserId, cap: Cap) {
        for conn in &self.users[user].conns {
            let session = &self.sessions[*conn];
            if session.caps.has(cap) {
                line.to(sink, session);
            }
        }
    }

    /// Sends a line to the members of a channel.
    pub(crate) fn to_channel(&self, sink: &mut Sink, line: &mut Line, channel: ChannelId) {
        for member in &self.channels[channel].members {
            self.to_user(sink, line, member.user);
        }
    }

    /// Sends a line to the members of a channel who may see what `about` does there.
    pub(crate) fn to_witnesses(
        &self,
        sink: &mut Sink,
        line: &mut Line,
        channel: ChannelId,
        about: Member,
    ) {
        for member in &self.channels[channel].members {
            if self.sees(channel, *member, about) {
                self.to_user(sink, line, member.user);
            }
        }
    }

    /// Whether one member of a channel may see another. Mode `u`: members without rank are visible
    /// to halfops and higher, and to themselves.
    pub(crate) fn sees(&self, channel: ChannelId, viewer: Member, other: Member) -> bool {
        !self.channels[channel].is(ChannelMode::Auditorium)
            || other.ranks.highest().is_some()
            || viewer.ranks.at_least(Rank::Halfop)
            || viewer.user == other.user
    }

    /// The other users who share a channel with `user` and may see them there, each once however
    /// many they share. O(members of those channels).
    pub(crate) fn peers(&self, user: UserId) -> Vec<UserId> {
        self.occasions.set(self.occasions.get().wrapping_add(1));
        let occasion = self.occasions.get();
        self.users[user].told.set(occasion);
        let mut peers = Vec::new();
        for membership in &self.users[user].channels {
            let channel = &self.channels[membership.channel];
            let about = channel.members[membership.place as usize];
            for member in &channel.members {
                let told = &self.users[member.user].told;
                if told.get() != occasion && self.sees(membership.channel, *member, about) {
                    told.set(occasion);
                    peers.push(member.user);
                }
            }
        }
        peers
    }

    /// Sends a line about `user` to their peers and to themselves.
    pub(crate) fn to_peers_and_self(&self, sink: &mut Sink, line: &mut Line, user: UserId) {
        self.to_user(sink, line, user);
        for peer in self.peers(user) {
            self.to_user(sink, line, peer);
        }
    }

    /// Sends a line about a change of `user` to connections that have requested `cap`: those of
    /// peers, of watchers with `extended-monitor`, and of the user if `and_self`. Each receives it
    /// once.
    pub(crate) fn to_interested(
        &self,
        sink: &mut Sink,
        line: &mut Line,
        user: UserId,
        cap: Cap,
        and_self: bool,
    ) {
        let peers = self.peers(user);
        if and_self {
            self.to_user_with(sink, line, user, cap);
        }
        for peer in &peers {
            self.to_user_with(sink, line, *peer, cap);
        }
        let occasion = self.occasions.get();
        for conn in self.watchers.of(self.users[user].nick()) {
            let session = &self.sessions[*conn];
            let told = session.user().is_some_and(|user| self.users[user].told.get() == occasion);
            if !told && session.caps.has(cap) && session.caps.has(Cap::ExtendedMonitor) {
                line.to(sink, session);
            }
        }
    }

    /// A new reference for a batch.
    pub(crate) fn batch_reference(&mut self) -> String {
        self.batches += 1;
        format!("b{}", self.batches)
    }

    /// Sends several lines in a batch of `kind` if the client knows batches, else without one.
    /// `within` is given the tag that its lines must have.
    pub(crate) fn batched(
        &mut self,
        sink: &mut Sink,
        to: ConnId,
        kind: &str,
        params: &[&str],
        within: impl FnOnce(&mut Chat, &mut Sink, Option<&str>),
    ) {
        if !self.sessions[to].caps.has(Cap::Batch) {
            return within(self, sink, None);
        }
        let reference = self.batch_reference();
        let server = self.settings.server_name.clone();
        let opening = format!("+{reference}");
        self.say(sink, to, &server, "BATCH", &[&[&opening, kind], params].concat());
        within(self, sink, Some(&reference));
        self.say(sink, to, &server, "BATCH", &[&format!("-{reference}")]);
    }

    /// Sends a numeric reply within a batch.
    pub(crate) fn numeric_in(
        &self,
        sink: &mut Sink,
        to: ConnId,
        batch: Option<&str>,
        Numeric(code, text): Numeric,
        params: &[&str],
    ) {
        let mut all = [""; PARAMS_MAX];
        all[0] = self.called(to);
        all[1..=params.len()].copy_from_slice(params);
        let (count, given) = match text {
            "" => (1 + params.len(), None),
            GIVEN => (params.len(), params.last().copied()),
            text => {
                all[1 + params.len()] = text;
                (2 + params.len(), None)
            }
        };
        let tags = LineTags { batch, ..LineTags::default() };
        let line = Line::new(&self.settings.server_name, code, &all[..count]).text(given);
        line.tagged(tags).to(sink, &self.sessions[to]);
    }

    /// The mask of a connection that has not registered, with `*` for unknown parts.
    pub(crate) fn mask_so_far(&self, conn: ConnId) -> String {
        let said = match &self.sessions[conn].stage {
            Stage::Registering(said) => Some(said),
            _ => None,
        };
        let nick = said.and_then(|said| said.nick.as_deref()).unwrap_or("*");
        let user = said.and_then(|said| said.user.as_ref()).map_or("*", |(user, _)| &**user);
        format!("{nick}!{user}@{}", self.host(conn))
    }

    /// The channel of that name, if it exists and the user may know of it.
    pub(crate) fn channel_for(&self, by: Caller, name: &str) -> Option<ChannelId> {
        let id = self.channels.find(name)?;
        let secret = self.channels[id].is(ChannelMode::Secret);
        (!secret || self.users[by.user].is_in(id)).then_some(id)
    }

    /// The membership of `user` in a channel, if there is one.
    pub(crate) fn member(&self, channel: ChannelId, user: UserId) -> Option<Member> {
        let place = self.users[user].place_in(channel)?;
        Some(self.channels[channel].members[place])
    }
}
