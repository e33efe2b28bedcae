//! AWAY, and who is here: ISON, USERHOST. Modern IRC, "Optional Messages"; IRCv3 away-notify and
//! pre-away.

use super::registration::shortened;
use crate::chat::caps::Cap;
use crate::chat::numeric::*;
use crate::chat::users::{UserId, UserMode};
use crate::chat::voice::{Line, Voice};
use crate::chat::{By, Chat};
use crate::net::ConnId;
use crate::wire::irc::Message;

impl Chat {
    /// `AWAY [text]`. Modern IRC, "AWAY message"; before registration for who has asked for
    /// `draft/pre-away`.
    pub(crate) fn away_command(&mut self, voice: &mut Voice, conn: ConnId, message: &Message) {
        let text = message.params.first().copied().unwrap_or_default();
        let text = shortened(text, self.settings.limits.away_max);
        let away = Some(text).filter(|text| !text.is_empty());
        let reply = if away.is_some() { RPL_NOWAWAY } else { RPL_UNAWAY };
        let Some(user) = self.sessions[conn].user() else {
            if !self.sessions[conn].caps.has(Cap::PreAway) {
                return self.numeric(voice, conn, ERR_NOTREGISTERED, &[]);
            }
            if let Some(registering) = self.sessions[conn].registering() {
                registering.away = away.map(away_text);
            }
            return self.numeric(voice, conn, reply, &[]);
        };
        let new = away.map(away_text);
        let changed = self.users[user].away != new;
        self.users[user].away = new;
        self.numeric(voice, conn, reply, &[]);
        if changed {
            self.tell_away(voice, user);
            self.keep_presence(voice, user);
        }
    }

    fn tell_away(&self, voice: &mut Voice, user: UserId) {
        let params: Vec<&str> = self.users[user].away.as_deref().into_iter().collect();
        let mut line =
            Line::new(self.users[user].mask(), "AWAY", &params).tagged(self.tags_of(user));
        self.to_interested(voice, &mut line, user, Cap::AwayNotify, false);
    }

    /// `ISON nick…`. RFC 2812 §4.9.
    pub(crate) fn ison(&mut self, voice: &mut Voice, by: By, message: &Message) {
        let asked = message.params.iter().flat_map(|param| param.split_ascii_whitespace());
        let here = asked.filter_map(|nick| self.users.find(nick));
        let here: Vec<&str> = here.map(|user| self.users[user].nick()).collect();
        self.numeric(voice, by.conn, RPL_ISON, &[&here.join(" ")]);
    }

    /// `USERHOST nick…`, of five at most. RFC 2812 §4.8.
    pub(crate) fn userhost(&mut self, voice: &mut Voice, by: By, message: &Message) {
        let asked = message.params.iter().flat_map(|param| param.split_ascii_whitespace()).take(5);
        let here = asked.filter_map(|nick| self.users.find(nick)).map(|user| {
            let user = &self.users[user];
            let operator = if user.is(UserMode::Operator) { "*" } else { "" };
            let away = if user.away.is_some() { '-' } else { '+' };
            format!("{}{operator}={away}{}@{}", user.nick(), user.username(), user.host())
        });
        let here: Vec<String> = here.collect();
        self.numeric(voice, by.conn, RPL_USERHOST, &[&here.join(" ")]);
    }
}

/// `*` alone means away with nothing to say about it: IRCv3 pre-away.
fn away_text(text: &str) -> Box<str> {
    if text == "*" { "Away".into() } else { text.into() }
}
