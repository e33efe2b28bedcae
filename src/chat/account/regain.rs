//! NickServ REGAIN and LOGOUT: taking back one's nick, and leaving an account.

use crate::auth::password::Password;
use crate::auth::skeleton::Skeleton;
use crate::chat::account::accounts::trouble;
use crate::chat::event::What;
use crate::chat::reply::Sink;
use crate::chat::reply::line::Line;
use crate::chat::reply::numeric::*;
use crate::chat::state::ids::UserId;
use crate::chat::state::sessions::Stage;
use crate::chat::{Caller, Chat};
use crate::net::ConnId;
use crate::store::{Reply, Request};
use crate::wire::casemap::same;
use crate::wire::irc::names::Nick;

/// The reason shown to a user who loses a nick to its owner.
const TAKEN_BACK: &str = "The nick is taken back by its owner";

impl Chat {
    /// `REGAIN nick [password]`, given as `command`. Attaches this connection to the user of its
    /// account who has the nick; from a user of another account the nick is taken.
    pub(crate) fn ns_regain(&mut self, sink: &mut Sink, by: Caller, command: &str, words: &[&str]) {
        let conn = by.conn;
        let (nick, password) = match words {
            [] => {
                let text = format!("{command} needs a nick: {command} nick [password].");
                return self.nickserv_says(sink, conn, &text);
            }
            [nick] if self.users[by.user].account().is_some() => {
                return self.regain(sink, conn, nick);
            }
            [_] => {
                let text = format!("Log in first, or give your password: {command} nick password.");
                return self.nickserv_says(sink, conn, &text);
            }
            [nick, password, ..] => (*nick, *password),
        };
        let password = match Password::parse(password) {
            Ok(password) => password,
            Err(why) => return self.nickserv_says(sink, conn, &format!("Not so: {why}.")),
        };
        let holder = self.users.find(nick).map(|holder| &self.users[holder]);
        let of_holder = holder.and_then(|holder| holder.account());
        let account = of_holder.unwrap_or(nick).to_owned();
        let nick = nick.to_owned();
        self.verify(sink, conn, &account, password, move |chat, sink, conn, result| match result {
            Ok(account) if chat.has_company(conn, &account.name) => {
                let text = "Other connections of yours are logged in to another account.";
                chat.nickserv_says(sink, conn, text);
            }
            Ok(account) => {
                chat.log_in(sink, conn, account);
                chat.regain(sink, conn, &nick);
            }
            Err(refusal) => chat.nickserv_says(sink, conn, &format!("{refusal}.")),
        });
    }

    /// Acts once the nick's account is known: always in a later turn, as it may remove the user who
    /// gave the command.
    fn regain(&mut self, sink: &mut Sink, conn: ConnId, nick: &str) {
        if Nick::parse(nick, self.settings.limits.nick_max).is_none() {
            return self.nickserv_says(sink, conn, "This is no nick.");
        }
        let nick = nick.to_owned();
        let skeleton = Skeleton::of(&nick).as_str().to_owned();
        let request = Request::FindOwner { skeleton };
        self.ask_for(sink, conn, request, move |chat, sink, conn, reply| match reply {
            Reply::Owner(owner) => chat.take_own_nick(sink, conn, &nick, owner.as_deref()),
            other => {
                let text = format!("It can't be looked up whose nick that is: {}.", trouble(other));
                chat.nickserv_says(sink, conn, &text);
            }
        });
    }

    fn take_own_nick(&mut self, sink: &mut Sink, conn: ConnId, name: &str, owner: Option<&str>) {
        let Some(user) = self.sessions[conn].user() else { return };
        let Some(account) = self.users[user].account().map(Box::<str>::from) else {
            return self.nickserv_says(sink, conn, "You are logged out meanwhile.");
        };
        let holder = self.users.find(name);
        let says = |chat: &Chat, sink: &mut Sink, text: &str| {
            chat.nickserv_says(sink, conn, text);
        };
        let own = owner.is_some_and(|owner| same(owner, &account));
        match holder {
            Some(holder) if holder == user => {
                return says(self, sink, &format!("You have the nick {name} already."));
            }
            Some(holder) if self.is_of(holder, Some(&account)) => {
                return self.speak_for(sink, Caller { conn, user }, holder);
            }
            None if owner.is_none() => {
                return says(
                    self,
                    sink,
                    &format!("{name} is nobody's: take it with /NICK {name}."),
                );
            }
            Some(_) if owner.is_none() => {
                return says(self, sink, &format!("{name} is nobody's, and somebody has it."));
            }
            _ if !own => {
                let text = format!("{name} is reserved for another account than yours.");
                return says(self, sink, &text);
            }
            Some(holder) if self.users[holder].is_always_on() => {
                let text = format!("{name} is the nick of somebody who is always on.");
                return says(self, sink, &text);
            }
            Some(holder) => {
                for other in self.users[holder].conns.clone() {
                    self.leave(sink, other, TAKEN_BACK, TAKEN_BACK);
                }
            }
            None => {}
        }
        let username = self.users[user].username().to_owned();
        if let Some(why) = self.ban_of_name(sink, conn, name, &username) {
            return says(self, sink, &format!("{why}."));
        }
        let nick = Nick::parse(name, usize::MAX).expect("it was parsed when it was given");
        self.change_nick(sink, Caller { conn, user }, nick);
        says(self, sink, &format!("You have the nick {name}."));
    }

    /// Moves a connection to another user of its account. To the client this looks like leaving all
    /// channels and changing its nick.
    fn speak_for(&mut self, sink: &mut Sink, Caller { conn, user: from }: Caller, user: UserId) {
        if self.users[user].conns.len() >= self.settings.accounts.connections_max {
            let text = "Too many connections speak for this nick already.";
            return self.nickserv_says(sink, conn, text);
        }
        let nick = self.users[user].nick().to_owned();
        for membership in &self.users[from].channels {
            let params = [&*self.channels[membership.channel].name];
            let mut line = Line::new(self.users[from].mask(), "PART", &params);
            line.to(sink, &self.sessions[conn]);
        }
        let params = [&*nick];
        Line::new(self.users[from].mask(), "NICK", &params).to(sink, &self.sessions[conn]);
        let session = &mut self.sessions[conn];
        session.stage = Stage::Registered(user);
        session.more().batch = None;
        self.loses(sink, from, conn, None, &format!("Speaks for {nick} now"));
        self.users[user].conns.push(conn);
        self.tell_where_they_are(sink, Caller { conn, user });
        self.nickserv_says(sink, conn, &format!("This connection speaks for {nick} now."));
    }

    /// `LOGOUT`. The nick stays; the user is no longer always on.
    pub(crate) fn ns_logout(&mut self, sink: &mut Sink, by: Caller) {
        let Some(account) = self.users[by.user].account().map(Box::<str>::from) else {
            return self.nickserv_says(sink, by.conn, "You are not logged in.");
        };
        if self.users[by.user].is_always_on() {
            self.set_always_on(sink, by.user, false);
        }
        self.log_out(sink, by.user);
        let text = format!("You are logged out of {account}.");
        self.nickserv_says(sink, by.conn, &text);
    }

    /// Logs a user out, and announces it.
    pub(crate) fn log_out(&mut self, sink: &mut Sink, user: UserId) {
        self.happen(sink, What::LoggedOut { user });
        self.dismiss_operators(sink);
        for conn in self.users[user].conns.clone() {
            let mask = self.users[user].mask().to_owned();
            self.numeric(sink, conn, RPL_LOGGEDOUT, &[&mask]);
        }
    }
}
