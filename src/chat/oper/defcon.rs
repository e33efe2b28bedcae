//! DEFCON: closes the server by degrees in an attack. As in Anope and Ergo, with levels of its own.

use crate::chat::command::Command;
use crate::chat::reply::Sink;
use crate::chat::state::defcon::Defcon;
use crate::chat::state::ids::UserId;
use crate::chat::state::right::Right;
use crate::chat::{Caller, Chat, Operator, Proof};
use crate::net::ConnId;
use crate::wire::casemap::same;
use crate::wire::irc::Message;

pub(crate) const DEFCON: Command = Command::user("DEFCON", 0, Chat::defcon_command).for_operators().help("DEFCON [level]", &["Shows or sets the level of defence in an attack. Each level includes those before it:", "5 nothing, 4 no new accounts, 3 no registration without an account, 2 users without an", "account speak only with a rank or if accepted, 1 only operators may connect."]);

impl Chat {
    /// `DEFCON [level]`.
    pub(crate) fn defcon_command(&mut self, sink: &mut Sink, by: Caller, message: &Message) {
        if !self.may(sink, by, Right::Defcon) {
            return;
        }
        let Some(asked) = message.params.first() else {
            return self.notice(sink, by.conn, &self.defcon_text());
        };
        let Some(level) = Defcon::parse(asked) else {
            let text = "A level is a number from 5, nothing, to 1, the most";
            return self.fail(sink, by.conn, "DEFCON", "INVALID_PARAMS", &[asked], text);
        };
        self.defcon = level;
        self.record(sink, by, 'o', "DEFCON", &level.0.to_string(), level.meaning());
        let text = self.defcon_text();
        for operator in self.users.operators().to_vec() {
            for conn in self.users[operator].conns.clone() {
                self.notice(sink, conn, &text);
            }
        }
    }

    fn defcon_text(&self) -> String {
        format!("DEFCON {}: {}", self.defcon.0, self.defcon.meaning())
    }

    /// Why a client that has sent all it must may not register now. Exempt connections pass DEFCON;
    /// `login_required` binds them too.
    pub(crate) fn shuts_out(&self, conn: ConnId) -> Option<&'static str> {
        let account = self.account_of(conn);
        let exempt = self.sessions[conn].exempt;
        if self.settings.accounts.login_required && account.is_none() {
            return Some("You must log in to an account to use this server");
        }
        if self.defcon.takes_strangers() || exempt {
            return None;
        }
        if account.is_none() {
            return Some("This server is under attack: you must log in to an account to use it");
        }
        let is_operator = account.is_some_and(|account| self.is_of_operator(account));
        (self.defcon.takes_nobody() && !is_operator)
            .then_some("This server is under attack and lets nobody in: try again later")
    }

    /// Whether an account is an operator's by proof. An account that merely has the name of an
    /// operator with a password may be anybody's.
    pub(crate) fn is_of_operator(&self, account: &str) -> bool {
        let is_it =
            |operator: &Operator| operator.proof == Proof::Account && same(&operator.name, account);
        self.settings.operators.iter().any(is_it)
    }

    /// Whether DEFCON keeps a user from writing to strangers.
    pub(crate) fn is_hushed(&self, user: UserId) -> bool {
        let user = &self.users[user];
        self.defcon.hushes_strangers()
            && user.account().is_none()
            && !user.conns.iter().any(|conn| self.sessions[*conn].exempt)
    }
}
