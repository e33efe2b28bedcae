//! From connection to user, and back: PASS, NICK, USER, PING, PONG, QUIT, and who falls silent.
//! Modern IRC, "Connection Registration" and "Connection Messages".

use crate::chat::message::returning::Ending;
use crate::chat::reply::Voice;
use crate::chat::reply::line::{Line, LineTags};
use crate::chat::reply::numeric::*;
use crate::chat::state::away::Away;
use crate::chat::state::caps::Cap;
use crate::chat::state::ids::{ChannelId, Membership, UserId};
use crate::chat::state::services::{is_service, shortened};
use crate::chat::state::sessions::{Registering, Stage};
use crate::chat::state::users::{User, UserMode};
use crate::chat::{By, Chat};
use crate::net::ConnId;
use crate::store::Trouble;
use crate::wire::casemap;
use crate::wire::irc::Message;
use crate::wire::irc::names::Nick;
use std::time::Duration;

/// A connection that keeps sending may take this many times `handshake_timeout` to register: some
/// bouncers send a line each second or two, and have thirty to send.
const HANDSHAKES_MAX: u32 = 4;

impl Chat {
    /// The host of a connection as others see it.
    pub(crate) fn host(&self, conn: ConnId) -> String {
        self.cloaks.host(self.sessions[conn].address, self.settings.abuse.cloak)
    }

    /// `PASS password`. Modern IRC, "PASS message".
    pub(crate) fn pass(&mut self, voice: &mut Voice, conn: ConnId, message: &Message) {
        match self.sessions[conn].registering() {
            Some(registering) => registering.password = Some(message.params[0].into()),
            None => self.numeric(voice, conn, ERR_ALREADYREGISTERED, &[]),
        }
    }

    /// `NICK nickname`. Modern IRC, "NICK message".
    pub(crate) fn nick(&mut self, voice: &mut Voice, conn: ConnId, message: &Message) {
        let asked = message.params.first().copied().unwrap_or_default();
        if asked.is_empty() {
            return self.numeric(voice, conn, ERR_NONICKNAMEGIVEN, &[]);
        }
        let Some(nick) = Nick::parse(asked, self.settings.limits.nick_max) else {
            return self.numeric(voice, conn, ERR_ERRONEUSNICKNAME, &[asked]);
        };
        if is_service(asked) {
            let text = "Nickname is that of a service";
            return self.numeric_saying(voice, conn, ERR_NICKNAMEINUSE, &[asked], text);
        }
        match self.sessions[conn].user() {
            Some(user) if casemap::same(self.users[user].nick(), asked) => {
                self.change_nick(voice, By { conn, user }, nick);
            }
            Some(user) if self.users.find(asked).is_some_and(|owner| owner != user) => {
                self.refuse_taken(voice, conn, asked);
            }
            Some(_) => {
                let asked = asked.to_owned();
                self.ask_whose(voice, conn, nick, move |chat, voice, conn, may| {
                    chat.take_nick(voice, conn, &asked, may);
                });
            }
            None => {
                // Who is of the same account may join them, and that is known later.
                let taken = self.users.find(asked).is_some_and(|owner| !self.may_attach(owner));
                if taken {
                    return self.refuse_taken(voice, conn, asked);
                }
                if let Some(registering) = self.sessions[conn].registering() {
                    registering.nick = Some(asked.into());
                }
                self.try_register(voice, conn);
            }
        }
    }

    /// Of a user who asks for another nick, once it is known whose that is.
    fn take_nick(
        &mut self,
        voice: &mut Voice,
        conn: ConnId,
        asked: &str,
        may: Result<bool, Trouble>,
    ) {
        let Some(user) = self.sessions[conn].user() else { return };
        let nick = Nick::parse(asked, usize::MAX).expect("it was parsed before");
        if let Some((reply, text)) = unavailable(&may, &regain(asked)) {
            return self.numeric_saying(voice, conn, reply, &[asked], &text);
        }
        if self.users.find(asked).is_some_and(|owner| owner != user) {
            return self.refuse_taken(voice, conn, asked);
        }
        let username = self.users[user].username().to_owned();
        if let Some(why) = self.ban_of_name(voice, conn, asked, &username) {
            return self.numeric_saying(voice, conn, ERR_ERRONEUSNICKNAME, &[asked], &why);
        }
        self.change_nick(voice, By { conn, user }, nick);
    }

    fn refuse_taken(&self, voice: &mut Voice, conn: ConnId, nick: &str) {
        let text = self.taken_text(conn, nick);
        self.numeric_saying(voice, conn, ERR_NICKNAMEINUSE, &[nick], &text);
    }

    /// What is said of a nick that somebody has: what to do if they may be the same person.
    fn taken_text(&self, conn: ConnId, nick: &str) -> String {
        let holder = self.users.find(nick).map(|holder| &self.users[holder]);
        let Some(account) = holder.and_then(|holder| holder.account()) else {
            return ERR_NICKNAMEINUSE.1.to_owned();
        };
        let advice = match self.sessions[conn].user() {
            Some(_) => format!(": {}", regain(nick)),
            None => format!(", {BY_SASL}"),
        };
        let whose = format!("Nickname is in use by who is logged in to {account}");
        format!("{whose}. If that is your account{advice}")
    }

    /// Whether others of the same account may speak for a user too.
    fn may_attach(&self, user: UserId) -> bool {
        self.users[user].account().is_some()
    }

    pub(crate) fn change_nick(&mut self, voice: &mut Voice, by: By, nick: Nick) {
        if self.users[by.user].nick() == nick.as_str() {
            return;
        }
        let before = self.users[by.user].mask().to_owned();
        let same_name = casemap::same(self.users[by.user].nick(), nick.as_str());
        if !same_name {
            self.departed.remember(
                &self.users[by.user],
                voice.unix(),
                self.settings.limits.whowas_max,
            );
            self.tell_watchers_offline(voice, by.user);
        }
        let channels = self.channels_of(by.user);
        let msgid = self.keep_event(voice, by.user, &channels, "NICK", nick.as_str());
        self.users.rename(by.user, nick);
        let params = [nick.as_str()];
        let tags = LineTags { msgid: Some(&msgid), ..self.tags_of(by.user) };
        let mut line = Line::new(&before, "NICK", &params).tagged(tags);
        self.to_peers_and_self(voice, &mut line, by.user);
        if !same_name {
            self.tell_watchers_online(voice, by.user);
        }
        self.keep_presence(voice, by.user);
    }

    /// `USER username 0 * realname`. Modern IRC, "USER message".
    pub(crate) fn user(&mut self, voice: &mut Voice, conn: ConnId, message: &Message) {
        let limits = &self.settings.limits;
        let username = username(message.params[0], limits.user_max);
        let realname = shortened(message.params[3], limits.realname_max);
        let Some(registering) = self.sessions[conn].registering() else {
            return self.numeric(voice, conn, ERR_ALREADYREGISTERED, &[]);
        };
        if username.is_empty() {
            return self.numeric(voice, conn, ERR_INVALIDUSERNAME, &[]);
        }
        registering.user = Some((username.into(), realname.into()));
        self.try_register(voice, conn);
    }

    /// Makes a user of a connection that has said all it must.
    pub(crate) fn try_register(&mut self, voice: &mut Voice, conn: ConnId) {
        let Some(registering) = self.sessions[conn].registering() else { return };
        if registering.negotiating || registering.user.is_none() {
            return;
        }
        let Some(nick) = registering.nick.clone() else { return };
        self.abort_sasl(voice, conn);
        // Nobody holds a nick before he is there: who is first, has it.
        if let Some(owner) = self.users.find(&nick)
            && !self.is_of(owner, self.account_of(conn))
        {
            let text = self.taken_text(conn, &nick);
            return self.refuse_nick(voice, conn, &nick, ERR_NICKNAMEINUSE, Some(&text));
        }
        if !self.knows_password(conn) {
            self.numeric(voice, conn, ERR_PASSWDMISMATCH, &[]);
            return self.turn_away(voice, conn, "Bad password");
        }
        if self.refuses_strangers(voice, conn) || self.refuses_banned(voice, conn) {
            return;
        }
        let asked = nick.clone();
        let asked = Nick::parse(&asked, usize::MAX).expect("it was parsed when it was given");
        self.ask_whose(voice, conn, asked, move |chat, voice, conn, may| {
            if let Some((reply, text)) = unavailable(&may, BY_SASL) {
                return chat.refuse_nick(voice, conn, &nick, reply, Some(&text));
            }
            if chat.refuses_strangers(voice, conn) || chat.refuses_banned(voice, conn) {
                return; // the account may have gone meanwhile
            }
            match chat.users.find(&nick) {
                Some(owner) if chat.is_of(owner, chat.account_of(conn)) => {
                    chat.attach(voice, conn, owner);
                }
                Some(_) => {
                    let text = chat.taken_text(conn, &nick);
                    chat.refuse_nick(voice, conn, &nick, ERR_NICKNAMEINUSE, Some(&text));
                }
                None => chat.become_user(voice, conn, &nick),
            }
        });
    }

    /// Whether a newcomer has given the password that is asked of everyone, if one is.
    pub(crate) fn knows_password(&self, conn: ConnId) -> bool {
        let Stage::Registering(registering) = &self.sessions[conn].stage else { return true };
        let given = registering.password.as_deref().unwrap_or_default();
        self.settings.password.as_deref().is_none_or(|wanted| same_secret(wanted, given))
    }

    /// Turns away who is not logged in, where one must be.
    fn refuses_strangers(&mut self, voice: &mut Voice, conn: ConnId) -> bool {
        let why = self.shuts_out(conn);
        if let Some(text) = why {
            self.fail(voice, conn, "*", "ACCOUNT_REQUIRED", &[], text);
            self.turn_away(voice, conn, text);
        }
        why.is_some()
    }

    /// Turns away who is called as nobody may be.
    fn refuses_banned(&mut self, voice: &mut Voice, conn: ConnId) -> bool {
        self.forget_ended_bans(voice);
        let Some(Registering { nick: Some(nick), user: Some((username, _)), .. }) =
            self.sessions[conn].registering()
        else {
            return false;
        };
        let (nick, username) = (nick.clone(), username.clone());
        let Some(why) = self.ban_of_name(voice, conn, &nick, &username) else { return false };
        self.numeric_saying(voice, conn, ERR_YOUREBANNEDCREEP, &[], &why);
        self.turn_away(voice, conn, &why);
        true
    }

    pub(crate) fn is_of(&self, user: UserId, account: Option<&str>) -> bool {
        let own = self.users[user].account();
        own.is_some() && own.zip(account).is_some_and(|(own, account)| casemap::same(own, account))
    }

    fn refuse_nick(
        &mut self,
        voice: &mut Voice,
        conn: ConnId,
        nick: &str,
        reply: Numeric,
        text: Option<&str>,
    ) {
        if let Some(registering) = self.sessions[conn].registering() {
            registering.nick = None;
        }
        self.numeric_saying(voice, conn, reply, &[nick], text.unwrap_or(reply.1));
    }

    /// Nothing stands in the way any more.
    fn become_user(&mut self, voice: &mut Voice, conn: ConnId, nick: &str) {
        let Some(registering) = self.sessions[conn].registering() else { return };
        let Some((username, realname)) = registering.user.take() else { return };
        let metadata = std::mem::take(&mut registering.metadata);
        let login = registering.login.take();
        let host = self.host(conn);
        let session = &mut self.sessions[conn];
        let nick = Nick::parse(nick, usize::MAX).expect("it was parsed when it was given");
        let mut user = User::new(nick, &username, &host, &realname, conn, voice.unix());
        if !metadata.is_empty() {
            user.extra().metadata = metadata;
        }
        let user = self.users.insert(user);
        session.stage = Stage::Registered(user);
        if let Some(login) = login {
            self.users.log_in(user, *login);
        }
        let away = self.away_by_connections(user);
        self.users[user].set_away(away);
        self.registering -= 1;
        voice.out.set_deadline(conn, self.settings.limits.ping_interval);
        let before = self.users[user].modes();
        for mode in self.settings.user_modes.chars().filter_map(UserMode::of) {
            self.users.set_mode(user, mode, true);
        }
        self.welcome(voice, By { conn, user });
        self.tell_user_modes(voice, user, before);
        self.tell_watchers_online(voice, user);
        self.notice_connect(voice, user);
        if let Some(missed) = self.missed_by(By { conn, user }) {
            self.sessions[conn].more().missed = Some(missed);
        }
        self.keep_presence(voice, user);
    }

    /// Another connection speaks for a user from now on, and is told where they are.
    fn attach(&mut self, voice: &mut Voice, conn: ConnId, user: UserId) {
        if self.users[user].conns.len() >= self.settings.accounts.connections_max {
            let text = "Too many connections speak for this nick already";
            return self.turn_away(voice, conn, text);
        }
        let session = &mut self.sessions[conn];
        let Some(registering) = session.registering() else { return };
        let login = registering.login.take();
        session.stage = Stage::Registered(user);
        self.users[user].conns.push(conn);
        if let Some(login) = login {
            self.users.log_in(user, *login);
        }
        self.registering -= 1;
        voice.out.set_deadline(conn, self.settings.limits.ping_interval);
        let by = By { conn, user };
        self.welcome(voice, by);
        self.tell_where_they_are(voice, by);
    }

    /// What a connection is told of the user that it speaks for from now on.
    pub(crate) fn tell_where_they_are(&mut self, voice: &mut Voice, by: By) {
        let By { conn, user } = by;
        let modes = self.users[user].modes().text();
        self.numeric(voice, conn, RPL_UMODEIS, &[&modes]);
        let missed = self.missed_by(by);
        for membership in self.users[user].channels.clone() {
            self.tell_own_join(voice, by, membership.channel, missed.is_none());
        }
        self.users[user].acted_at = voice.unix() as u32;
        self.update_away(voice, user, Some(conn));
        if let Some(missed) = missed {
            self.tell_missed(voice, by, missed);
        }
    }

    /// What a connection is told of a channel that its user is in already.
    fn tell_own_join(&mut self, voice: &mut Voice, by: By, channel: ChannelId, replays: bool) {
        let user = &self.users[by.user];
        let name = &*self.channels[channel].name;
        let extended = [name, user.account().unwrap_or("*"), user.realname()];
        let extends = self.sessions[by.conn].caps.has(Cap::ExtendedJoin);
        let params = if extends { &extended[..] } else { &extended[..1] };
        let mut line = Line::new(user.mask(), "JOIN", params).tagged(self.tags_of(by.user));
        line.to(voice, &self.sessions[by.conn]);
        self.tell_channel(voice, by, channel);
        if replays {
            self.replay_on_join(voice, by, channel);
        }
    }

    /// `PING token`. Modern IRC, "PING message".
    pub(crate) fn ping(&mut self, voice: &mut Voice, conn: ConnId, message: &Message) {
        let Some(token) = message.params.first() else {
            return self.numeric(voice, conn, ERR_NEEDMOREPARAMS, &["PING"]);
        };
        let server = &self.settings.server_name;
        self.say(voice, conn, server, "PONG", &[server, token]);
    }

    /// `PONG token`. That anything came is all that matters.
    pub(crate) fn pong(&mut self, _voice: &mut Voice, _conn: ConnId, _message: &Message) {}

    /// `QUIT [reason]`. Modern IRC, "QUIT message".
    pub(crate) fn quit(&mut self, voice: &mut Voice, conn: ConnId, message: &Message) {
        let reason = message.params.first().copied().unwrap_or_default();
        let reason = shortened(reason, self.settings.limits.kick_max);
        // So that nobody can make it look like a cause of ours: also where no reason is given.
        let said = format!("Quit: {reason}");
        self.leave(voice, conn, &said, &said);
    }

    /// Ends a connection on our side: `said` is its last word, `why` what others hear.
    pub(crate) fn leave(&mut self, voice: &mut Voice, conn: ConnId, said: &str, why: &str) {
        let text = format!("Closing link: ({}) [{said}]", self.host(conn));
        Line::new("", "ERROR", &[&text]).to(voice, &self.sessions[conn]);
        if voice.is_labelled(conn) {
            voice.answer(); // nothing can be said any more once it is closed
        }
        self.gone(voice, conn, why, Ending::Clean);
        voice.out.close(conn);
    }

    /// A connection has ended, or is about to: its user goes with the last of theirs.
    pub(crate) fn gone(&mut self, voice: &mut Voice, conn: ConnId, why: &str, ending: Ending) {
        self.stop_watching(conn);
        self.note_received(voice, conn, ending);
        let session = &mut self.sessions[conn];
        let away = session.more.take().and_then(|more| more.away);
        match std::mem::replace(&mut session.stage, Stage::Gone) {
            Stage::Gone => {}
            Stage::Registering(_) => self.registering -= 1,
            Stage::Registered(user) => {
                self.loses(voice, user, conn, away, why);
            }
        }
    }

    /// A connection, which had said `away`, does not speak for a user any more. With the last of them
    /// the user goes, unless they are always on.
    pub(crate) fn loses(
        &mut self,
        voice: &mut Voice,
        user: UserId,
        conn: ConnId,
        away: Option<Away>,
        why: &str,
    ) {
        self.users[user].conns.retain(|each| *each != conn);
        match self.users[user].conns.is_empty() {
            false => self.update_away(voice, user, None),
            true if self.users[user].is_always_on() => self.leave_alone(voice, user, away),
            true => self.part_with(voice, user, why),
        }
    }

    /// A user goes: everyone who could see them hears it once.
    pub(crate) fn part_with(&mut self, voice: &mut Voice, user: UserId, why: &str) {
        self.notice_quit(voice, user, why);
        let channels = self.channels_of(user);
        let msgid = self.keep_event(voice, user, &channels, "QUIT", &format!(":{why}"));
        let peers = self.peers(user);
        let params = [why];
        let tags = LineTags { msgid: Some(&msgid), ..self.tags_of(user) };
        let mut line = Line::new(self.users[user].mask(), "QUIT", &params).tagged(tags);
        for peer in peers {
            self.to_user(voice, &mut line, peer);
        }
        self.tell_watchers_offline(voice, user);
        while let Some(&Membership { channel, .. }) = self.users[user].channels.last() {
            let was = self.member(channel, user).expect("a member");
            self.channels.part(&mut self.users, channel, user);
            self.note_operator_gone(voice, channel, was, (self.key(user), true));
        }
        let user = self.users.remove(user);
        self.departed.remember(&user, voice.unix(), self.settings.limits.whowas_max);
    }

    /// Something may have to be said to a connection that has been silent.
    pub(crate) fn keep_alive(&mut self, voice: &mut Voice, conn: ConnId) {
        let limits = &self.settings.limits;
        let now_s = voice.now().uptime_ms / 1000;
        let session = &mut self.sessions[conn];
        let silent = Duration::from_secs(now_s - u64::from(session.heard_s));
        match session.stage {
            Stage::Gone => {}
            // It is we who don't listen.
            Stage::Registered(_) if voice.out.is_paused(conn) => {
                voice.out.set_deadline(conn, limits.ping_interval);
            }
            Stage::Registering(_) => {
                let age = Duration::from_secs(now_s - u64::from(session.opened_s));
                let left = (limits.handshake_timeout.saturating_sub(silent))
                    .min((limits.handshake_timeout * HANDSHAKES_MAX).saturating_sub(age));
                match left.is_zero() {
                    true => {
                        self.say_what_to_type(voice, conn);
                        self.turn_away(voice, conn, "Registration timeout");
                    }
                    false => voice.out.set_deadline(conn, left),
                }
            }
            Stage::Registered(_) if session.pinged => {
                let why = format!("Ping timeout: {} seconds", silent.as_secs());
                self.leave(voice, conn, &why, &why);
            }
            Stage::Registered(_) if silent < limits.ping_interval => {
                voice.out.set_deadline(conn, limits.ping_interval - silent);
                self.note_received(voice, conn, Ending::NotYet);
            }
            Stage::Registered(_) => {
                session.pinged = true;
                voice.out.set_deadline(conn, limits.ping_timeout);
                let server = &self.settings.server_name;
                Line::new("", "PING", &[server]).to(voice, &self.sessions[conn]);
            }
        }
    }

    /// `SETNAME realname`. IRCv3 setname.
    pub(crate) fn setname(&mut self, voice: &mut Voice, by: By, message: &Message) {
        let Some(&realname) = message.params.first() else {
            return self.numeric(voice, by.conn, ERR_NEEDMOREPARAMS, &["SETNAME"]);
        };
        if realname.is_empty() || realname.len() > self.settings.limits.realname_max {
            let text =
                if realname.is_empty() { "Realname is empty" } else { "Realname is too long" };
            return self.fail(voice, by.conn, "SETNAME", "INVALID_REALNAME", &[], text);
        }
        self.users[by.user].set_realname(realname);
        let params = [realname];
        let id = self.new_id(voice);
        let tags = LineTags { msgid: Some(&id), ..self.tags_of(by.user) };
        let mut line = Line::new(self.users[by.user].mask(), "SETNAME", &params).tagged(tags);
        self.to_interested(voice, &mut line, by.user, Cap::Setname, true);
        self.keep_presence(voice, by.user);
    }
}

/// What a newcomer may do whose nick belongs to an account.
const BY_SASL: &str = "log in by SASL; else take another";

/// What a user may do for a nick that belongs to an account.
fn regain(nick: &str) -> String {
    format!("/msg NickServ REGAIN {nick} password")
}

/// Why a nick can't be had, once it is known whose it is; with advice for its owner.
fn unavailable(may: &Result<bool, Trouble>, advice: &str) -> Option<(Numeric, String)> {
    match may {
        Ok(true) => None,
        Ok(false) => {
            let then = if advice.starts_with('/') { ":" } else { "," };
            let text =
                format!("Nickname is reserved for an account. If it is yours{then} {advice}");
            Some((ERR_NICKNAMEINUSE, text))
        }
        Err(trouble) => {
            let text = format!("It can't be looked up whose nick that is: {trouble}");
            Some((ERR_UNAVAILRESOURCE, text))
        }
    }
}

/// What may stand for a user name between `!` and `@`: what can't is left out.
fn username(text: &str, bytes_max: usize) -> String {
    let fit = |c: &char| {
        c.is_ascii_alphanumeric() || (c.is_ascii_punctuation() && !"!@*?:,#~".contains(*c))
    };
    text.trim_start_matches('~').chars().filter(fit).take(bytes_max).collect()
}

/// Takes the same time wherever two texts of one length differ.
fn same_secret(a: &str, b: &str) -> bool {
    let differences = a.bytes().zip(b.bytes()).fold(0, |all, (a, b)| all | (a ^ b));
    a.len() == b.len() && std::hint::black_box(differences) == 0
}
