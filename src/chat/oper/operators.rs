//! Operators of the server: OPER, KILL, WALLOPS, REHASH, DIE, RESTART, and their notices. Modern
//! IRC, "Operator Messages" and "Server Notices".

use crate::auth::password::Password;
use crate::auth::verifier::Verifier;
use crate::auth::worker::{Done, Job};
use crate::chat::command::Command;
use crate::chat::event::What;
use crate::chat::reply::Sink;
use crate::chat::reply::line::{Line, LineTags};
use crate::chat::reply::numeric::*;
use crate::chat::settings::Proof;
use crate::chat::state::ids::UserId;
use crate::chat::state::right::Right;
use crate::chat::state::services::shortened;
use crate::chat::state::users::UserMode;
use crate::chat::{Caller, Chat, Request};
use crate::net::{ConnId, Outbox};
use crate::wire::casemap;
use crate::wire::irc::Message;

pub(crate) const OPER: Command = Command::user("OPER", 1, Chat::oper).costs(20).help(
    "OPER name [password]",
    &[
        "Makes you an operator of the server, by a password or by your account.",
        "MODE nick -o gives that up.",
    ],
);

pub(crate) const KILL: Command = Command::user("KILL", 1, Chat::kill)
    .for_operators()
    .help("KILL nick [reason]", &["Closes all connections of a user."]);

pub(crate) const WALLOPS: Command = Command::user("WALLOPS", 1, Chat::wallops)
    .for_operators()
    .help("WALLOPS text", &["Sends a message to all users with mode +w."]);

pub(crate) const REHASH: Command = Command::user("REHASH", 0, Chat::rehash)
    .for_operators()
    .help("REHASH", &["Makes the server read its config again."]);

pub(crate) const DIE: Command =
    Command::user("DIE", 0, Chat::die).for_operators().help("DIE", &["Ends the server."]);

pub(crate) const RESTART: Command = Command::user("RESTART", 0, Chat::restart)
    .for_operators()
    .help("RESTART", &["Ends the server, so that it is started again."]);

/// The kinds of notices, by the letter of `MODE nick +s letters`.
pub(crate) const NOTICE_KINDS: [(char, &str); 5] =
    [('c', "connects"), ('x', "exits"), ('k', "kills"), ('o', "operators"), ('r', "refusals")];

/// The letters of all kinds.
pub(crate) const NOTICE_LETTERS: &str = "cxkor";

impl Chat {
    /// `OPER name password`, or `OPER account` if logged in to it; the password is then ignored.
    /// Modern IRC, "OPER message".
    pub(crate) fn oper(&mut self, sink: &mut Sink, by: Caller, message: &Message) {
        let name = message.params[0];
        if self.settings.operators.is_empty() {
            return self.numeric(sink, by.conn, ERR_NOOPERHOST, &[]);
        }
        if let Some(operator) = self.operator_by_account(by.user, name) {
            let name = operator.name.clone();
            return self.oper_by_account(sink, by, name);
        }
        let Some(password) = message.params.get(1).filter(|password| !password.is_empty()) else {
            return self.numeric(sink, by.conn, ERR_NEEDMOREPARAMS, &["OPER"]);
        };
        let attempt = match self.attempt(sink, by.conn, &format!("OPER {name}")) {
            Ok(attempt) => attempt,
            Err(_) => return self.numeric(sink, by.conn, RPL_TRYAGAIN, &["OPER"]),
        };
        // An unknown name takes as long as a wrong password; an impossible password takes less.
        let verifier =
            self.verifier_of(name).cloned().unwrap_or_else(|| self.login_guards.decoys.of(name));
        let Ok(password) = Password::parse(password) else {
            return self.numeric(sink, by.conn, ERR_PASSWDMISMATCH, &[]);
        };
        let (name, user) = (name.to_owned(), by.user);
        let job = Job::Verify { verifier, password };
        self.hash_for(sink, by.conn, job, move |chat, sink, conn, done| match done {
            // A rehash may have removed the operator meanwhile.
            Some(Done::Verified(true)) if chat.verifier_of(&name).is_some() => {
                chat.login_guards.attempts.succeeded(attempt, sink.now().uptime_ms);
                chat.become_operator(sink, Caller { conn, user }, &name);
            }
            Some(_) => {
                // An unknown name may be a password typed in its place.
                let known = chat.verifier_of(&name).is_some();
                let name = if known { &*name } else { "*" };
                let why = "wrong name or password";
                chat.record(sink, Caller { conn, user }, 'o', "OPER", name, why);
                chat.numeric(sink, conn, ERR_PASSWDMISMATCH, &[]);
            }
            None => chat.numeric(sink, conn, RPL_TRYAGAIN, &["OPER"]),
        });
    }

    /// Makes operator by account. First the store is asked whether the login is still to the
    /// account of that name: another program may have changed the file.
    fn oper_by_account(&mut self, sink: &mut Sink, by: Caller, name: String) {
        let asked = name.clone();
        self.find_account(sink, by.conn, &asked, move |chat, sink, conn, found| {
            let found = match found {
                Ok(found) => found.map(|account| account.created_ms),
                Err(_) => return chat.numeric(sink, conn, RPL_TRYAGAIN, &["OPER"]),
            };
            chat.log_out_but(sink, &name, found);
            let Some(user) = chat.sessions[conn].user() else { return };
            // A rehash may have removed the operator meanwhile.
            match chat.operator_by_account(user, &name) {
                Some(_) => chat.become_operator(sink, Caller { conn, user }, &name),
                None => chat.numeric(sink, conn, ERR_PASSWDMISMATCH, &[]),
            }
        });
    }

    /// The verifier of the operator of that name, if they have a password.
    fn verifier_of(&self, name: &str) -> Option<&Verifier> {
        let found = self.settings.operators.iter().find(|operator| operator.name == name)?;
        match &found.proof {
            Proof::Password(verifier) => Some(verifier),
            Proof::Account => None,
        }
    }

    fn become_operator(&mut self, sink: &mut Sink, by: Caller, name: &str) {
        let before = self.users[by.user].modes();
        self.users[by.user].extra().operator = Some(name.into());
        self.set_user_mode(sink, by.user, UserMode::Operator, true);
        self.set_user_mode(sink, by.user, UserMode::Wallops, true);
        self.numeric(sink, by.conn, RPL_YOUREOPER, &[]);
        self.tell_user_modes(sink, by.user, before);
        self.record(sink, by, 'o', "OPER", name, "");
    }

    /// Makes an operator an ordinary user, without notices for operators. Others are left
    /// unchanged.
    pub(crate) fn resign(&mut self, sink: &mut Sink, id: UserId) {
        if !self.users[id].is(UserMode::Operator) {
            return;
        }
        self.set_user_mode(sink, id, UserMode::Operator, false);
        self.set_user_mode(sink, id, UserMode::ServerNotices, false);
        let user = &mut self.users[id];
        user.notices = 0;
        user.extra().operator = None;
        let text = format!("{} is operator no more", user.mask());
        log::info!("{text}");
        self.notice_operators(sink, 'o', &text);
    }

    /// `KILL nick [reason]`. Modern IRC, "KILL message".
    pub(crate) fn kill(&mut self, sink: &mut Sink, by: Caller, message: &Message) {
        if !self.may(sink, by, Right::Kill) {
            return;
        }
        let nick = message.params[0];
        if casemap::same(nick, &self.settings.server_name) {
            return self.numeric(sink, by.conn, ERR_CANTKILLSERVER, &[]);
        }
        let reason = message.params.get(1).copied().filter(|reason| !reason.is_empty());
        let reason = shortened(reason.unwrap_or("No reason given"), self.settings.limits.kick_max);
        let Some(victim) = self.users.find(nick) else {
            return self.numeric(sink, by.conn, ERR_NOSUCHNICK, &[nick]);
        };
        let operator = self.users[by.user].nick().to_owned();
        let mask = self.users[victim].mask().to_owned();
        self.record(sink, by, 'k', "KILL", &mask, reason);
        let params = [self.users[victim].nick()];
        let id = self.new_id(sink);
        let tags = LineTags { msgid: Some(&id), ..self.tags_of(by.user) };
        let line = Line::new(self.users[by.user].mask(), "KILL", &params).text(reason);
        let mut line = line.tagged(tags);
        self.to_user(sink, &mut line, victim);
        let why = format!("Killed ({operator} ({reason}))");
        let id = self.new_id(sink);
        let tags = LineTags { msgid: Some(&id), ..self.tags_of(victim) };
        let mut line = Line::new(&mask, "QUIT", &[]).text(&*why).tagged(tags);
        self.to_user(sink, &mut line, victim);
        self.set_always_on(sink, victim, false);
        let conns = self.users[victim].conns.clone();
        if conns.is_empty() {
            self.happen(sink, What::Quit { user: victim, why: &why });
        }
        for conn in conns {
            self.leave(sink, conn, &why, &why);
        }
    }

    /// `WALLOPS text`. Modern IRC, "WALLOPS message".
    pub(crate) fn wallops(&mut self, sink: &mut Sink, by: Caller, message: &Message) {
        if !self.may(sink, by, Right::Wallops) {
            return;
        }
        let text = message.params[0];
        self.record(sink, by, 'o', "WALLOPS", "", text);
        let id = self.new_id(sink);
        let tags = LineTags { msgid: Some(&id), ..self.tags_of(by.user) };
        let line = Line::new(self.users[by.user].mask(), "WALLOPS", &[]).text(text);
        let mut line = line.tagged(tags);
        for (id, user) in self.users.iter() {
            if user.is(UserMode::Wallops) {
                self.to_user(sink, &mut line, id);
            }
        }
    }

    /// `REHASH`: reads the config again. Modern IRC, "REHASH message".
    pub(crate) fn rehash(&mut self, sink: &mut Sink, by: Caller, _message: &Message) {
        if self.may(sink, by, Right::Rehash) {
            self.numeric(sink, by.conn, RPL_REHASHING, &["config"]);
            self.ask(sink, by, Request::Rehash, "REHASH");
        }
    }

    /// `DIE`: ends the server. RFC 2812 §4.3.
    pub(crate) fn die(&mut self, sink: &mut Sink, by: Caller, _message: &Message) {
        if self.may(sink, by, Right::Die) {
            self.ask(sink, by, Request::Die, "DIE");
        }
    }

    /// `RESTART`: ends the server, to be started again. Modern IRC, "RESTART message".
    pub(crate) fn restart(&mut self, sink: &mut Sink, by: Caller, _message: &Message) {
        if self.may(sink, by, Right::Die) {
            self.ask(sink, by, Request::Restart, "RESTART");
        }
    }

    fn ask(&mut self, sink: &mut Sink, by: Caller, request: Request, command: &str) {
        self.record(sink, by, 'o', command, "", "");
        if !self.requests.contains(&request) {
            self.requests.push(request);
        }
    }

    /// Sends a notice to the operators who want that kind.
    pub(crate) fn notice_operators(&self, sink: &mut Sink, kind: char, text: &str) {
        self.notice_some(sink, kind, text, |_| true);
    }

    fn notice_some(&self, sink: &mut Sink, kind: char, text: &str, to: impl Fn(UserId) -> bool) {
        let bit = NOTICE_KINDS.iter().position(|(known, _)| *known == kind).expect("a known kind");
        let text = format!("*** {text}");
        for operator in self.users.operators().iter().filter(|operator| to(**operator)) {
            let user = &self.users[*operator];
            if user.notices & 1 << bit == 0 || !self.has_right(*operator, Right::Notices) {
                continue;
            }
            for conn in &user.conns {
                self.notice(sink, *conn, &text);
            }
        }
    }

    /// Sends operators a notice about the outcome of a request to the program.
    pub fn tell_operators(&self, out: &mut Outbox, text: &str) {
        self.notice_operators(&mut Sink::new(out), 'o', text);
    }

    pub(crate) fn notice_connect(&self, sink: &mut Sink, user: UserId) {
        let user = &self.users[user];
        let Some(conn) = user.conns.first() else { return };
        self.notice_origin(sink, 'c', *conn, |from| {
            format!("{} connects from {from}", user.mask())
        });
    }

    /// Notifies operators that a client was refused before registration.
    pub(crate) fn notice_refusal(&self, sink: &mut Sink, conn: ConnId, why: &str) {
        self.notice_origin(sink, 'r', conn, |from| {
            format!("A newcomer from {from} is refused: {why}")
        });
    }

    /// Sends a notice that names a connection's origin: the address to operators who may see it,
    /// the visible host to others.
    fn notice_origin(
        &self,
        sink: &mut Sink,
        kind: char,
        conn: ConnId,
        text: impl Fn(&str) -> String,
    ) {
        let address = self.sessions[conn].address;
        let address = address.map_or_else(|| "a Unix socket".to_owned(), |ip| ip.to_string());
        let (full, plain) = (text(&address), text(&self.host(conn)));
        self.notice_some(sink, kind, &full, |user| self.has_right(user, Right::Addresses));
        self.notice_some(sink, kind, &plain, |user| !self.has_right(user, Right::Addresses));
    }

    pub(crate) fn notice_quit(&self, sink: &mut Sink, user: UserId, why: &str) {
        self.notice_operators(sink, 'x', &format!("{} exits: {why}", self.users[user].mask()));
    }
}
