//! AWAY, and the queries ISON and USERHOST. Modern IRC, "Optional Messages"; IRCv3 away-notify and
//! pre-away.
//!
//! Each connection has its own AWAY state. A user is away when all of their connections are, as in
//! Ergo and pre-away, and when they have none.

use crate::chat::command::Command;
use crate::chat::event::{Stamp, What};
use crate::chat::reply::Sink;
use crate::chat::reply::line::Line;
use crate::chat::reply::numeric::*;
use crate::chat::state::away::{AUTO_AWAY, Away, NO_TEXT, auto_away};
use crate::chat::state::caps::Cap;
use crate::chat::state::ids::UserId;
use crate::chat::state::services::shortened;
use crate::chat::state::users::UserMode;
use crate::chat::{Caller, Chat};
use crate::net::ConnId;
use crate::wire::irc::Message;

pub(crate) const AWAY: Command = Command::anyone("AWAY", 0, Chat::away_command).costs(20).ends_idle().help("AWAY [text]", &["Sets the text that users receive when they message you. Without a text you are back. With", "several connections you are away once all of them are."]);

pub(crate) const ISON: Command = Command::user("ISON", 1, Chat::ison)
    .help("ISON nick{ nick}", &["Lists which of these nicks are online."]);

pub(crate) const USERHOST: Command = Command::user("USERHOST", 1, Chat::userhost).help(
    "USERHOST nick{ nick}",
    &["Shows user name and host of up to five nicks, and whether they are away."],
);

impl Chat {
    /// `AWAY [text]`. Modern IRC, "AWAY message"; before registration for clients with
    /// `draft/pre-away`.
    pub(crate) fn away_command(&mut self, sink: &mut Sink, conn: ConnId, message: &Message) {
        let text = message.params.first().copied().unwrap_or_default();
        let text = shortened(text, self.settings.limits.away_max);
        let session = &mut self.sessions[conn];
        if session.user().is_none() && !session.caps.has(Cap::PreAway) {
            return self.numeric(sink, conn, ERR_NOTREGISTERED, &[]);
        }
        let reply = if text.is_empty() { RPL_UNAWAY } else { RPL_NOWAWAY };
        if text.is_empty() {
            if let Some(more) = &mut session.more {
                more.away = None;
            }
        } else {
            let text = Some(text).filter(|text| *text != "*").map(Box::from);
            session.more().away = Some(Away { text, said_ms: sink.now().uptime_ms });
        }
        self.numeric(sink, conn, reply, &[]);
        if let Some(user) = self.sessions[conn].user() {
            self.update_away(sink, user, Some(conn));
        }
    }

    /// Updates the away text of a user who has a connection, and announces a change. The connection
    /// `knows` is the user's own that knows already.
    pub(crate) fn update_away(&mut self, sink: &mut Sink, user: UserId, knows: Option<ConnId>) {
        let away = self.away_by_connections(user);
        let text = away.as_deref();
        if self.users[user].away() != text {
            self.happen(sink, What::AwayChanged { user, text, knows });
        }
    }

    /// Applies a change of a user's away text, and announces it.
    pub(crate) fn away_changed(
        &mut self,
        sink: &mut Sink,
        stamp: Stamp,
        user: UserId,
        text: Option<&str>,
        knows: Option<ConnId>,
    ) {
        self.users[user].set_away(text.map(Box::from));
        self.tell_away(sink, stamp, user, knows);
        self.save_presence(sink, user);
    }

    /// The user's away text, if all of their connections are away.
    pub(crate) fn away_by_connections(&self, user: UserId) -> Option<Box<str>> {
        let user = &self.users[user];
        let said = |conn: &ConnId| self.sessions[*conn].more.as_ref()?.away.as_ref();
        let all: Option<Vec<&Away>> = user.conns.iter().map(said).collect();
        let last = all?.into_iter().filter(|away| away.text.is_some()).max_by_key(|a| a.said_ms);
        let auto = user.away().filter(|text| text.starts_with(AUTO_AWAY));
        let text = last.and_then(|away| away.text.as_deref());
        Some(text.or(auto).unwrap_or(NO_TEXT).into())
    }

    /// Marks an always-on user as away after their last connection, which had the state `away`.
    pub(crate) fn leave_alone(&mut self, sink: &mut Sink, user: UserId, away: Option<Away>) {
        let text = away.and_then(|away| away.text);
        let away = text.unwrap_or_else(|| auto_away(sink.unix()));
        let text = Some(&*away);
        match self.users[user].away() == text {
            true => self.save_presence(sink, user),
            false => self.happen(sink, What::AwayChanged { user, text, knows: None }),
        }
    }

    /// Announces that a user is away, or back. Their other connections receive it too; those
    /// without `away-notify` as if they had sent the AWAY themselves.
    fn tell_away(&self, sink: &mut Sink, stamp: Stamp, user: UserId, knows: Option<ConnId>) {
        let text = self.users[user].away();
        let line = Line::new(self.users[user].mask(), "AWAY", &[]).text(text);
        let mut line = line.tagged(self.tags_at(stamp, user));
        self.to_interested(sink, &mut line, user, Cap::AwayNotify, false);
        let reply = if text.is_none() { RPL_UNAWAY } else { RPL_NOWAWAY };
        for conn in self.users[user].conns.iter().filter(|conn| Some(**conn) != knows) {
            match self.sessions[*conn].caps.has(Cap::AwayNotify) {
                true => line.to(sink, &self.sessions[*conn]),
                false => self.numeric(sink, *conn, reply, &[]),
            }
        }
    }

    /// `ISON nick…`. RFC 2812 §4.9.
    pub(crate) fn ison(&mut self, sink: &mut Sink, by: Caller, message: &Message) {
        let asked = message.params.iter().flat_map(|param| param.split_ascii_whitespace());
        let here = asked.filter_map(|nick| self.users.find(nick));
        let here: Vec<&str> = here.map(|user| self.users[user].nick()).collect();
        self.numeric(sink, by.conn, RPL_ISON, &[&here.join(" ")]);
    }

    /// `USERHOST nick…`, of five at most. RFC 2812 §4.8.
    pub(crate) fn userhost(&mut self, sink: &mut Sink, by: Caller, message: &Message) {
        let asked = message.params.iter().flat_map(|param| param.split_ascii_whitespace()).take(5);
        let here = asked.filter_map(|nick| self.users.find(nick)).map(|user| {
            let user = &self.users[user];
            let operator = if user.is(UserMode::Operator) { "*" } else { "" };
            let away = if user.away().is_some() { '-' } else { '+' };
            format!("{}{operator}={away}{}@{}", user.nick(), user.username(), user.host())
        });
        let here: Vec<String> = here.collect();
        self.numeric(sink, by.conn, RPL_USERHOST, &[&here.join(" ")]);
    }
}
