//! MODE of users, and ACCEPT. Modern IRC, "User Modes".

use crate::chat::command::Command;
use crate::chat::event::What;
use crate::chat::oper::operators::{NOTICE_KINDS, NOTICE_LETTERS};
use crate::chat::reply::Sink;
use crate::chat::reply::line::{Line, LineTags};
use crate::chat::reply::numeric::*;
use crate::chat::state::ids::UserId;
use crate::chat::state::right::Right;
use crate::chat::state::users::{UserMode, UserModes};
use crate::chat::{Caller, Chat};
use crate::wire::casemap;
use crate::wire::casemap::Folded;
use crate::wire::irc::Message;

pub(crate) const ACCEPT: Command = Command::user("ACCEPT", 1, Chat::accept).help(
    "ACCEPT nick{,nick}",
    &[
        "Lets a user send you private messages although you have mode +R.",
        "ACCEPT -nick takes that back, ACCEPT * lists the accepted nicks.",
    ],
);

impl Chat {
    /// `MODE nick [modestring]`, for the user's own nick only. Modern IRC, "User mode".
    pub(crate) fn user_mode(
        &mut self,
        sink: &mut Sink,
        by: Caller,
        target: &str,
        modes: &str,
        params: &[&str],
    ) {
        if self.users.find(target).is_none() {
            return self.numeric(sink, by.conn, ERR_NOSUCHNICK, &[target]);
        }
        if !casemap::same(target, self.users[by.user].nick()) {
            return self.numeric(sink, by.conn, ERR_USERSDONTMATCH, &[]);
        }
        if modes.is_empty() {
            let modes = self.users[by.user].modes().text();
            return self.numeric(sink, by.conn, RPL_UMODEIS, &[&modes]);
        }
        self.change_user_modes(sink, by, modes, params);
    }

    /// Changes the modes of `by.user`. Errors go to `by.conn`.
    pub(crate) fn change_user_modes(
        &mut self,
        sink: &mut Sink,
        by: Caller,
        modes: &str,
        params: &[&str],
    ) {
        let before = self.users[by.user].modes();
        let (mut on, mut unknown) = (true, false);
        for letter in modes.chars() {
            match letter {
                '+' => on = true,
                '-' => on = false,
                letter => match UserMode::of(letter) {
                    Some(mode) => self.ask_user_mode(sink, by, mode, on, params.first().copied()),
                    None => unknown = true,
                },
            }
        }
        if unknown {
            self.numeric(sink, by.conn, ERR_UMODEUNKNOWNFLAG, &[]);
        }
        self.tell_user_modes(sink, by.user, before);
    }

    fn ask_user_mode(
        &mut self,
        sink: &mut Sink,
        by: Caller,
        mode: UserMode,
        on: bool,
        param: Option<&str>,
    ) {
        match mode {
            // Modern IRC: OPER alone makes operator; the mode can be given up.
            UserMode::Operator if on => return,
            UserMode::Operator => return self.resign(sink, by.user),
            UserMode::ServerNotices => {
                if on && !self.may(sink, by, Right::Notices) {
                    return;
                }
                return self.choose_notices(sink, by, on, param);
            }
            _ => {}
        }
        self.set_user_mode(sink, by.user, mode, on);
    }

    /// Sets or unsets a mode of a user. [`Chat::tell_user_modes`] must follow.
    pub(crate) fn set_user_mode(
        &mut self,
        sink: &mut Sink,
        user: UserId,
        mode: UserMode,
        on: bool,
    ) {
        if self.users[user].is(mode) != on {
            self.happen(sink, What::UserModeChanged { user, mode, on });
        }
    }

    /// Applies the change of a user's mode.
    pub(crate) fn user_mode_changed(
        &mut self,
        sink: &mut Sink,
        user: UserId,
        mode: UserMode,
        on: bool,
    ) {
        self.users.set_mode(user, mode, on);
        self.save_presence(sink, user);
    }

    /// Changes the notices an operator receives: the kinds of these letters, with `+` and `-`
    /// between them; or all.
    fn choose_notices(&mut self, sink: &mut Sink, by: Caller, on: bool, letters: Option<&str>) {
        let user = &mut self.users[by.user];
        let mut add = on;
        for letter in letters.unwrap_or(NOTICE_LETTERS).chars() {
            let kind = NOTICE_KINDS.iter().position(|(known, _)| *known == letter);
            match (letter, kind) {
                ('+', _) => add = true,
                ('-', _) => add = false,
                (_, Some(bit)) if add => user.notices |= 1 << bit,
                (_, Some(bit)) => user.notices &= !(1 << bit),
                _ => {}
            }
        }
        let (any, kinds) = (user.notices != 0, user.notices);
        self.set_user_mode(sink, by.user, UserMode::ServerNotices, any);
        let heard = NOTICE_KINDS.iter().enumerate().filter(|(bit, _)| kinds & 1 << bit != 0);
        let heard: Vec<&str> = heard.map(|(_, (_, name))| *name).collect();
        let text =
            format!("You hear of: {}", if any { heard.join(", ") } else { "nothing".into() });
        self.notice(sink, by.conn, &text);
    }

    /// Tells a user their mode changes since `before`.
    pub(crate) fn tell_user_modes(&self, sink: &mut Sink, id: UserId, before: UserModes) {
        let user = &self.users[id];
        let mut text = String::new();
        for (sign, on) in [('+', true), ('-', false)] {
            let changed = UserMode::LETTERS
                .iter()
                .filter(|(_, mode)| user.is(*mode) == on && before.has(*mode) != on);
            let letters: String = changed.map(|(letter, _)| *letter).collect();
            if !letters.is_empty() {
                text.push(sign);
                text.push_str(&letters);
            }
        }
        if !text.is_empty() {
            let params = [user.nick(), &text];
            let msgid = self.new_id(sink);
            let tags = LineTags { msgid: Some(&msgid), ..self.tags_of(id) };
            let mut line = Line::new(user.mask(), "MODE", &params).tagged(tags);
            self.to_user(sink, &mut line, id);
        }
    }

    /// `ACCEPT nick{,nick}`, `-nick`, or `*` to list: users whose private messages pass mode `R`.
    /// As in Charybdis and InspIRCd (caller-id).
    pub(crate) fn accept(&mut self, sink: &mut Sink, by: Caller, message: &Message) {
        for item in message.params[0].split(',').filter(|item| !item.is_empty()) {
            match item.strip_prefix('-') {
                _ if item == "*" => self.tell_accepted(sink, by),
                Some(nick) => {
                    let folded = Folded::of(nick);
                    match self.accepted(by.user).contains(&folded) {
                        true => self.change_accept(sink, by.user, &folded, false),
                        false => self.numeric(sink, by.conn, ERR_ACCEPTNOT, &[nick]),
                    }
                }
                None => self.accept_one(sink, by, item.strip_prefix('+').unwrap_or(item)),
            }
        }
    }

    fn accept_one(&mut self, sink: &mut Sink, by: Caller, nick: &str) {
        let max = self.settings.limits.accept_max;
        let Some(user) = self.users.find(nick) else {
            return self.numeric(sink, by.conn, ERR_NOSUCHNICK, &[nick]);
        };
        let folded = Folded::of(self.users[user].nick());
        let accepted = self.accepted(by.user);
        if accepted.contains(&folded) {
            self.numeric(sink, by.conn, ERR_ACCEPTEXIST, &[nick]);
        } else if accepted.len() >= max {
            self.numeric(sink, by.conn, ERR_ACCEPTFULL, &[]);
        } else {
            self.change_accept(sink, by.user, &folded, true);
        }
    }

    /// The nicks whose private messages pass mode `R` of `user`, folded.
    fn accepted(&self, user: UserId) -> &[Folded] {
        self.users[user].extra.as_ref().map_or(&[], |extra| &extra.accepts)
    }

    fn change_accept(&mut self, sink: &mut Sink, user: UserId, nick: &Folded, on: bool) {
        self.happen(sink, What::AcceptChanged { user, nick, on });
    }

    /// Applies a change of the nicks that a user accepts.
    pub(crate) fn accept_changed(&mut self, user: UserId, nick: &Folded, on: bool) {
        let accepts = &mut self.users[user].extra().accepts;
        match on {
            true => accepts.push(nick.clone()),
            false => accepts.retain(|accepted| accepted != nick),
        }
    }

    /// Lets the recipient of a private message reply past the sender's mode `R`, if there is room
    /// for one more: as in Charybdis and Ergo.
    pub(crate) fn accept_answer(&mut self, by: UserId, from: UserId) {
        if by == from || self.accepts(by, from) {
            return;
        }
        let folded = Folded::of(self.users[from].nick());
        let accepts = &mut self.users[by].extra().accepts;
        if accepts.len() < self.settings.limits.accept_max {
            accepts.push(folded);
        }
    }

    fn tell_accepted(&self, sink: &mut Sink, by: Caller) {
        for nick in self.accepted(by.user) {
            self.numeric(sink, by.conn, RPL_ACCEPTLIST, &[nick.as_str()]);
        }
        self.numeric(sink, by.conn, RPL_ENDOFACCEPT, &[]);
    }

    /// Whether a private message of `from` reaches `to`: user mode `R`.
    pub(crate) fn accepts(&self, to: UserId, from: UserId) -> bool {
        let hushed = self.is_hushed(from) && !self.users[to].is(UserMode::Operator);
        let from = &self.users[from];
        let open = !self.users[to].is(UserMode::RegisteredOnly) && !hushed;
        let accepts = |nick: &Folded| casemap::same(nick.as_str(), from.nick());
        open || from.account().is_some() || self.accepted(to).iter().any(accepts)
    }
}
