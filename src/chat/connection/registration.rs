//! Registration and its end: PASS, NICK, USER, PING, PONG, QUIT, and timeouts. Modern IRC,
//! "Connection Registration" and "Connection Messages".

use crate::chat::command::Command;
use crate::chat::event::{Source, Stamp, What};
use crate::chat::message::returning::Departure;
use crate::chat::reply::Sink;
use crate::chat::reply::line::Line;
use crate::chat::reply::numeric::*;
use crate::chat::state::away::{Away, NO_TEXT};
use crate::chat::state::caps::Cap;
use crate::chat::state::ids::{ChannelId, Membership, UserId};
use crate::chat::state::services::{is_service, shortened};
use crate::chat::state::sessions::{Registering, Stage};
use crate::chat::state::users::{NewUser, User, UserMode, UserModes};
use crate::chat::{Caller, Chat};
use crate::net::ConnId;
use crate::store::Trouble;
use crate::wire::casemap;
use crate::wire::irc::Message;
use crate::wire::irc::names::Nick;
use std::time::Duration;

pub(crate) const PASS: Command = Command::anyone("PASS", 1, Chat::pass)
    .help("PASS password", &["Sends the server's password. Comes before NICK and USER."]);

pub(crate) const NICK: Command = Command::anyone("NICK", 0, Chat::nick)
    .costs(20)
    .ends_idle()
    .help("NICK nick", &["Changes your nick."]);

pub(crate) const USER: Command = Command::anyone("USER", 4, Chat::user).help(
    "USER name 0 * realname",
    &["Sets your user name and real name. Part of registration; see NICK and PASS."],
);

pub(crate) const PING: Command = Command::anyone("PING", 0, Chat::ping)
    .costs(2)
    .help("PING token", &["Makes the server reply with PONG and the same token."]);

pub(crate) const PONG: Command = Command::anyone("PONG", 0, Chat::pong)
    .costs(1)
    .help("PONG token", &["Replies to a PING of the server."]);

pub(crate) const QUIT: Command = Command::anyone("QUIT", 0, Chat::quit)
    .costs(0)
    .help("QUIT [reason]", &["Closes your connection."]);

pub(crate) const SETNAME: Command = Command::user("SETNAME", 0, Chat::setname)
    .costs(20)
    .ends_idle()
    .help("SETNAME realname", &["Changes your real name."]);

/// A connection that keeps sending may take this many times `handshake_timeout` to register: some
/// bouncers send a line each second or two, and have thirty to send.
const HANDSHAKES_MAX: u32 = 4;

impl Chat {
    /// The visible host of a connection.
    pub(crate) fn host(&self, conn: ConnId) -> String {
        self.cloaks.host(self.sessions[conn].address, self.settings.abuse.cloak)
    }

    /// `PASS password`. Modern IRC, "PASS message".
    pub(crate) fn pass(&mut self, sink: &mut Sink, conn: ConnId, message: &Message) {
        match self.sessions[conn].registering() {
            Some(registering) => registering.password = Some(message.params[0].into()),
            None => self.numeric(sink, conn, ERR_ALREADYREGISTERED, &[]),
        }
    }

    /// `NICK nickname`. Modern IRC, "NICK message".
    pub(crate) fn nick(&mut self, sink: &mut Sink, conn: ConnId, message: &Message) {
        let asked = message.params.first().copied().unwrap_or_default();
        if asked.is_empty() {
            return self.numeric(sink, conn, ERR_NONICKNAMEGIVEN, &[]);
        }
        let Some(nick) = Nick::parse(asked, self.settings.limits.nick_max) else {
            return self.numeric(sink, conn, ERR_ERRONEUSNICKNAME, &[asked]);
        };
        if is_service(asked) {
            let text = "Nickname is that of a service";
            return self.numeric_saying(sink, conn, ERR_NICKNAMEINUSE, &[asked], text);
        }
        match self.sessions[conn].user() {
            Some(user) if casemap::same(self.users[user].nick(), asked) => {
                self.change_nick(sink, Caller { conn, user }, nick);
            }
            Some(user) if self.users.find(asked).is_some_and(|owner| owner != user) => {
                self.refuse_taken(sink, conn, asked);
            }
            Some(_) => {
                let asked = asked.to_owned();
                self.ask_whose(sink, conn, nick, move |chat, sink, conn, may| {
                    chat.take_nick(sink, conn, &asked, may);
                });
            }
            None => {
                // A connection of the same account may join its user, and may log in later.
                let taken = self.users.find(asked).is_some_and(|owner| !self.may_attach(owner));
                if taken {
                    return self.refuse_taken(sink, conn, asked);
                }
                if let Some(registering) = self.sessions[conn].registering() {
                    registering.nick = Some(asked.into());
                }
                self.try_register(sink, conn);
            }
        }
    }

    /// Changes the nick of a user, once the owner of the new one is known.
    fn take_nick(
        &mut self,
        sink: &mut Sink,
        conn: ConnId,
        asked: &str,
        may: Result<bool, Trouble>,
    ) {
        let Some(user) = self.sessions[conn].user() else { return };
        let nick = Nick::parse(asked, usize::MAX).expect("it was parsed before");
        if let Some((reply, text)) = unavailable(&may, &regain(asked)) {
            return self.numeric_saying(sink, conn, reply, &[asked], &text);
        }
        if self.users.find(asked).is_some_and(|owner| owner != user) {
            return self.refuse_taken(sink, conn, asked);
        }
        let username = self.users[user].username().to_owned();
        if let Some(why) = self.ban_of_name(sink, conn, asked, &username) {
            return self.numeric_saying(sink, conn, ERR_ERRONEUSNICKNAME, &[asked], &why);
        }
        self.change_nick(sink, Caller { conn, user }, nick);
    }

    fn refuse_taken(&self, sink: &mut Sink, conn: ConnId, nick: &str) {
        let text = self.taken_text(conn, nick);
        self.numeric_saying(sink, conn, ERR_NICKNAMEINUSE, &[nick], &text);
    }

    /// The error for a nick in use, with advice for its owner.
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

    /// Whether further connections of the same account may act for a user.
    fn may_attach(&self, user: UserId) -> bool {
        self.users[user].account().is_some()
    }

    pub(crate) fn change_nick(&mut self, sink: &mut Sink, by: Caller, nick: Nick) {
        if self.users[by.user].nick() == nick.as_str() {
            return;
        }
        self.happen(sink, What::NickChanged { user: by.user, nick });
    }

    /// Applies a change of nick.
    pub(crate) fn nick_changed(&mut self, sink: &mut Sink, stamp: Stamp, user: UserId, nick: Nick) {
        let before = self.users[user].mask().to_owned();
        let same_name = casemap::same(self.users[user].nick(), nick.as_str());
        if !same_name {
            let max = self.settings.limits.whowas_max;
            self.departed.remember(&self.users[user], stamp.at_s(), max);
            self.tell_watchers_offline(sink, user);
        }
        let channels = self.channels_of(user);
        self.append_event(sink, stamp, Source::User(user), &channels, ("NICK", nick.as_str()));
        self.users.rename(user, nick);
        let params = [nick.as_str()];
        let mut line = Line::new(&before, "NICK", &params).tagged(self.tags_at(stamp, user));
        self.to_peers_and_self(sink, &mut line, user);
        if !same_name {
            self.tell_watchers_online(sink, user);
        }
        self.save_presence(sink, user);
    }

    /// `USER username 0 * realname`. Modern IRC, "USER message".
    pub(crate) fn user(&mut self, sink: &mut Sink, conn: ConnId, message: &Message) {
        let limits = &self.settings.limits;
        let username = username(message.params[0], limits.user_max);
        let realname = shortened(message.params[3], limits.realname_max);
        let Some(registering) = self.sessions[conn].registering() else {
            return self.numeric(sink, conn, ERR_ALREADYREGISTERED, &[]);
        };
        if username.is_empty() {
            return self.numeric(sink, conn, ERR_INVALIDUSERNAME, &[]);
        }
        registering.user = Some((username.into(), realname.into()));
        self.try_register(sink, conn);
    }

    /// Registers a connection that has sent all it must.
    pub(crate) fn try_register(&mut self, sink: &mut Sink, conn: ConnId) {
        let Some(registering) = self.sessions[conn].registering() else { return };
        if registering.negotiating || registering.user.is_none() {
            return;
        }
        let Some(nick) = registering.nick.clone() else { return };
        self.abort_sasl(sink, conn);
        // A nick is taken only when registration completes; the first to complete gets it.
        if let Some(owner) = self.users.find(&nick)
            && !self.is_of(owner, self.account_of(conn))
        {
            let text = self.taken_text(conn, &nick);
            return self.refuse_nick(sink, conn, &nick, ERR_NICKNAMEINUSE, Some(&text));
        }
        if !self.knows_password(conn) {
            self.numeric(sink, conn, ERR_PASSWDMISMATCH, &[]);
            return self.turn_away(sink, conn, "Bad password");
        }
        if self.refuses_strangers(sink, conn) || self.refuses_banned(sink, conn) {
            return;
        }
        let asked = nick.clone();
        let asked = Nick::parse(&asked, usize::MAX).expect("it was parsed when it was given");
        self.ask_whose(sink, conn, asked, move |chat, sink, conn, may| {
            if let Some((reply, text)) = unavailable(&may, BY_SASL) {
                return chat.refuse_nick(sink, conn, &nick, reply, Some(&text));
            }
            if chat.refuses_strangers(sink, conn) || chat.refuses_banned(sink, conn) {
                return; // its account may be gone by now
            }
            match chat.users.find(&nick) {
                Some(owner) if chat.is_of(owner, chat.account_of(conn)) => {
                    chat.attach(sink, conn, owner);
                }
                Some(_) => {
                    let text = chat.taken_text(conn, &nick);
                    chat.refuse_nick(sink, conn, &nick, ERR_NICKNAMEINUSE, Some(&text));
                }
                None => chat.become_user(sink, conn, &nick),
            }
        });
    }

    /// Whether the client has given the server's password, if there is one.
    pub(crate) fn knows_password(&self, conn: ConnId) -> bool {
        let Stage::Registering(registering) = &self.sessions[conn].stage else { return true };
        let given = registering.password.as_deref().unwrap_or_default();
        self.settings.password.as_deref().is_none_or(|wanted| same_secret(wanted, given))
    }

    /// Refuses a client that is not logged in, where an account is required.
    fn refuses_strangers(&mut self, sink: &mut Sink, conn: ConnId) -> bool {
        let why = self.shuts_out(conn);
        if let Some(text) = why {
            self.fail(sink, conn, "*", "ACCOUNT_REQUIRED", &[], text);
            self.turn_away(sink, conn, text);
        }
        why.is_some()
    }

    /// Refuses a client whose nick or user name is banned.
    fn refuses_banned(&mut self, sink: &mut Sink, conn: ConnId) -> bool {
        self.forget_ended_bans(sink);
        let Some(Registering { nick: Some(nick), user: Some((username, _)), .. }) =
            self.sessions[conn].registering()
        else {
            return false;
        };
        let (nick, username) = (nick.clone(), username.clone());
        let Some(why) = self.ban_of_name(sink, conn, &nick, &username) else { return false };
        self.numeric_saying(sink, conn, ERR_YOUREBANNEDCREEP, &[], &why);
        self.turn_away(sink, conn, &why);
        true
    }

    pub(crate) fn is_of(&self, user: UserId, account: Option<&str>) -> bool {
        let own = self.users[user].account();
        own.is_some() && own.zip(account).is_some_and(|(own, account)| casemap::same(own, account))
    }

    fn refuse_nick(
        &mut self,
        sink: &mut Sink,
        conn: ConnId,
        nick: &str,
        reply: Numeric,
        text: Option<&str>,
    ) {
        if let Some(registering) = self.sessions[conn].registering() {
            registering.nick = None;
        }
        self.numeric_saying(sink, conn, reply, &[nick], text.unwrap_or(reply.1));
    }

    /// Registers the connection as a new user, after all checks.
    fn become_user(&mut self, sink: &mut Sink, conn: ConnId, nick: &str) {
        let Some(registering) = self.sessions[conn].registering() else { return };
        let Some((username, realname)) = registering.user.take() else { return };
        let metadata = std::mem::take(&mut registering.metadata);
        let login = registering.login.take().map(|login| *login);
        let host = self.host(conn).into();
        let away = self.sessions[conn].more.as_ref().and_then(|more| more.away.as_ref());
        let away = away.map(|away| away.text.clone().unwrap_or_else(|| NO_TEXT.into()));
        let mut modes = UserModes::default();
        for mode in self.settings.user_modes.chars().filter_map(UserMode::of) {
            modes.set(mode, true);
        }
        let nick = nick.into();
        let new = NewUser { nick, username, host, realname, modes, away, metadata, login };
        self.happen(sink, What::Registered { user: &new, conn: Some(conn) });
        let user = self.sessions[conn].user().expect("it is registered now");
        self.registering -= 1;
        sink.out.set_deadline(conn, self.settings.limits.ping_interval);
        self.welcome(sink, Caller { conn, user });
        self.tell_user_modes(sink, user, UserModes::default());
        self.notice_connect(sink, user);
        if let Some(missed) = self.missed_by(Caller { conn, user }) {
            self.sessions[conn].more().missed = Some(missed);
        }
    }

    /// Applies the registration of a client: makes the user, and tells those who watch the nick.
    pub(crate) fn registered(
        &mut self,
        sink: &mut Sink,
        stamp: Stamp,
        new: &NewUser,
        conn: Option<ConnId>,
    ) {
        let nick = Nick::parse(&new.nick, usize::MAX).expect("it was parsed when it was given");
        let NewUser { username, host, realname, .. } = new;
        let mut user = User::absent(nick, username, host, realname, stamp.at_s());
        user.conns.extend(conn);
        user.set_away(new.away.clone());
        if !new.metadata.is_empty() {
            user.extra().metadata = new.metadata.clone();
        }
        let user = self.users.insert(user);
        if let Some(conn) = conn {
            self.sessions[conn].stage = Stage::Registered(user);
        }
        if let Some(login) = &new.login {
            self.users.log_in(user, login);
        }
        for (_, mode) in UserMode::LETTERS.iter().filter(|(_, mode)| new.modes.has(*mode)) {
            self.users.set_mode(user, *mode, true);
        }
        self.tell_watchers_online(sink, user);
        self.save_presence(sink, user);
    }

    /// Attaches another connection to a user, and sends it their channels.
    fn attach(&mut self, sink: &mut Sink, conn: ConnId, user: UserId) {
        if self.users[user].conns.len() >= self.settings.accounts.connections_max {
            let text = "Too many connections speak for this nick already";
            return self.turn_away(sink, conn, text);
        }
        let session = &mut self.sessions[conn];
        let Some(registering) = session.registering() else { return };
        let login = registering.login.take();
        session.stage = Stage::Registered(user);
        self.users[user].conns.push(conn);
        if let Some(login) = login {
            self.happen(sink, What::LoggedIn { user, login: &login });
        }
        self.registering -= 1;
        sink.out.set_deadline(conn, self.settings.limits.ping_interval);
        let by = Caller { conn, user };
        self.welcome(sink, by);
        self.tell_where_they_are(sink, by);
    }

    /// Sends a newly attached connection the state of its user.
    pub(crate) fn tell_where_they_are(&mut self, sink: &mut Sink, by: Caller) {
        let Caller { conn, user } = by;
        let modes = self.users[user].modes().text();
        self.numeric(sink, conn, RPL_UMODEIS, &[&modes]);
        let missed = self.missed_by(by);
        for membership in self.users[user].channels.clone() {
            self.tell_own_join(sink, by, membership.channel, missed.is_none());
        }
        self.users[user].acted_at = sink.unix() as u32;
        self.update_away(sink, user, Some(conn));
        if let Some(missed) = missed {
            self.tell_missed(sink, by, missed);
        }
    }

    /// Sends a connection a channel that its user is in already.
    fn tell_own_join(&mut self, sink: &mut Sink, by: Caller, channel: ChannelId, replays: bool) {
        let user = &self.users[by.user];
        let name = &*self.channels[channel].name;
        let extended = [name, user.account().unwrap_or("*"), user.realname()];
        let extends = self.sessions[by.conn].caps.has(Cap::ExtendedJoin);
        let params = if extends { &extended[..] } else { &extended[..1] };
        let mut line = Line::new(user.mask(), "JOIN", params).tagged(self.tags_of(by.user));
        line.to(sink, &self.sessions[by.conn]);
        self.tell_channel(sink, by, channel);
        if replays {
            self.replay_on_join(sink, by, channel);
        }
    }

    /// `PING token`. Modern IRC, "PING message".
    pub(crate) fn ping(&mut self, sink: &mut Sink, conn: ConnId, message: &Message) {
        let Some(token) = message.params.first() else {
            return self.numeric(sink, conn, ERR_NEEDMOREPARAMS, &["PING"]);
        };
        let server = &self.settings.server_name;
        Line::new(server, "PONG", &[server]).text(*token).to(sink, &self.sessions[conn]);
    }

    /// `PONG token`. Any input counts as an answer, so there is nothing to do.
    pub(crate) fn pong(&mut self, _sink: &mut Sink, _conn: ConnId, _message: &Message) {}

    /// `QUIT [reason]`. Modern IRC, "QUIT message".
    pub(crate) fn quit(&mut self, sink: &mut Sink, conn: ConnId, message: &Message) {
        let reason = message.params.first().copied().unwrap_or_default();
        let reason = shortened(reason, self.settings.limits.kick_max);
        // So that nobody can make it look like a cause of the server's: also without a reason.
        let said = format!("Quit: {reason}");
        self.leave(sink, conn, &said, &said);
    }

    /// Closes a connection: `said` is the last line it receives, `why` the reason that others see.
    pub(crate) fn leave(&mut self, sink: &mut Sink, conn: ConnId, said: &str, why: &str) {
        let text = format!("Closing link: ({}) [{said}]", self.host(conn));
        Line::new("", "ERROR", &[]).text(&*text).to(sink, &self.sessions[conn]);
        if sink.is_labelled(conn) {
            sink.answer(); // nothing can be sent once it is closed
        }
        self.gone(sink, conn, why, Departure::Clean);
        sink.out.close(conn);
    }

    /// Detaches a connection that has ended or is about to. The user's last one takes them along.
    pub(crate) fn gone(&mut self, sink: &mut Sink, conn: ConnId, why: &str, ending: Departure) {
        self.stop_watching(conn);
        self.note_received(sink, conn, ending);
        let session = &mut self.sessions[conn];
        let away = session.more.take().and_then(|more| more.away);
        match std::mem::replace(&mut session.stage, Stage::Gone) {
            Stage::Gone => {}
            Stage::Registering(_) => self.registering -= 1,
            Stage::Registered(user) => {
                self.loses(sink, user, conn, away, why);
            }
        }
    }

    /// Detaches a connection, with the AWAY state it had, from its user. With the last one the user
    /// leaves, unless they are always on.
    pub(crate) fn loses(
        &mut self,
        sink: &mut Sink,
        user: UserId,
        conn: ConnId,
        away: Option<Away>,
        why: &str,
    ) {
        self.users[user].conns.retain(|each| *each != conn);
        match self.users[user].conns.is_empty() {
            false => self.update_away(sink, user, None),
            true if self.users[user].is_always_on() => self.leave_alone(sink, user, away),
            true => self.happen(sink, What::Quit { user, why }),
        }
    }

    /// Applies a quit: removes the user. All who could see them receive one QUIT.
    pub(crate) fn quitted(&mut self, sink: &mut Sink, stamp: Stamp, user: UserId, why: &str) {
        self.notice_quit(sink, user, why);
        let (channels, params) = (self.channels_of(user), format!(":{why}"));
        self.append_event(sink, stamp, Source::User(user), &channels, ("QUIT", &params));
        let peers = self.peers(user);
        let line = Line::new(self.users[user].mask(), "QUIT", &[]).text(why);
        let mut line = line.tagged(self.tags_at(stamp, user));
        for peer in peers {
            self.to_user(sink, &mut line, peer);
        }
        self.tell_watchers_offline(sink, user);
        while let Some(&Membership { channel, .. }) = self.users[user].channels.last() {
            let was = self.member(channel, user).expect("a member");
            self.channels.part(&mut self.users, channel, user);
            self.note_operator_gone(stamp, channel, was, (self.key(user), true));
        }
        let user = self.users.remove(user);
        self.departed.remember(&user, stamp.at_s(), self.settings.limits.whowas_max);
    }

    /// Pings or closes a connection whose deadline has passed.
    pub(crate) fn keep_alive(&mut self, sink: &mut Sink, conn: ConnId) {
        let limits = &self.settings.limits;
        let now_s = sink.now().uptime_ms / 1000;
        let session = &mut self.sessions[conn];
        let silent = Duration::from_secs(now_s - u64::from(session.heard_s));
        match session.stage {
            Stage::Gone => {}
            // The server itself has paused the connection.
            Stage::Registered(_) if sink.out.is_paused(conn) => {
                sink.out.set_deadline(conn, limits.ping_interval);
            }
            Stage::Registering(_) => {
                let age = Duration::from_secs(now_s - u64::from(session.opened_s));
                let left = (limits.handshake_timeout.saturating_sub(silent))
                    .min((limits.handshake_timeout * HANDSHAKES_MAX).saturating_sub(age));
                match left.is_zero() {
                    true => {
                        self.say_what_to_type(sink, conn);
                        self.turn_away(sink, conn, "Registration timeout");
                    }
                    false => sink.out.set_deadline(conn, left),
                }
            }
            Stage::Registered(_) if session.pinged => {
                let why = format!("Ping timeout: {} seconds", silent.as_secs());
                self.leave(sink, conn, &why, &why);
            }
            Stage::Registered(_) if silent < limits.ping_interval => {
                sink.out.set_deadline(conn, limits.ping_interval - silent);
                self.note_received(sink, conn, Departure::NotYet);
            }
            Stage::Registered(_) => {
                session.pinged = true;
                sink.out.set_deadline(conn, limits.ping_timeout);
                let server = &*self.settings.server_name;
                Line::new("", "PING", &[]).text(server).to(sink, &self.sessions[conn]);
            }
        }
    }

    /// `SETNAME realname`. IRCv3 setname.
    pub(crate) fn setname(&mut self, sink: &mut Sink, by: Caller, message: &Message) {
        let Some(&realname) = message.params.first() else {
            return self.numeric(sink, by.conn, ERR_NEEDMOREPARAMS, &["SETNAME"]);
        };
        if realname.is_empty() || realname.len() > self.settings.limits.realname_max {
            let text =
                if realname.is_empty() { "Realname is empty" } else { "Realname is too long" };
            return self.fail(sink, by.conn, "SETNAME", "INVALID_REALNAME", &[], text);
        }
        self.happen(sink, What::RealnameChanged { user: by.user, realname });
    }

    /// Applies a change of the real name.
    pub(crate) fn realname_changed(
        &mut self,
        sink: &mut Sink,
        stamp: Stamp,
        user: UserId,
        realname: &str,
    ) {
        self.users[user].set_realname(realname);
        let line = Line::new(self.users[user].mask(), "SETNAME", &[]).text(realname);
        let mut line = line.tagged(self.tags_at(stamp, user));
        self.to_interested(sink, &mut line, user, Cap::Setname, true);
        self.save_presence(sink, user);
    }
}

/// Advice before registration about a nick that belongs to an account.
const BY_SASL: &str = "log in by SASL; else take another";

/// Advice to a user about a nick that belongs to an account.
fn regain(nick: &str) -> String {
    format!("/msg NickServ REGAIN {nick} password")
}

/// Why a nick can't be had, once its account is known; with advice for its owner.
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

/// A user name fit to stand between `!` and `@`: other characters are left out.
fn username(text: &str, bytes_max: usize) -> String {
    let fit = |c: &char| {
        c.is_ascii_alphanumeric() || (c.is_ascii_punctuation() && !"!@*?:,#~".contains(*c))
    };
    text.trim_start_matches('~').chars().filter(fit).take(bytes_max).collect()
}

/// Compares two secrets; for equal lengths the time does not depend on where they differ.
fn same_secret(a: &str, b: &str) -> bool {
    let differences = a.bytes().zip(b.bytes()).fold(0, |all, (a, b)| all | (a ^ b));
    a.len() == b.len() && std::hint::black_box(differences) == 0
}
