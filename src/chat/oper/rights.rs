//! The rights of operators, and the record of their acts.

use crate::chat::reply::Sink;
use crate::chat::reply::numeric::*;
use crate::chat::settings::{Operator, OperatorClass, Proof};
use crate::chat::state::ids::UserId;
use crate::chat::state::right::{COMMANDS, Right};
use crate::chat::state::users::UserMode;
use crate::chat::{Caller, Chat};
use crate::net::ConnId;
use crate::store::{Act, Reply, Request};
use crate::wire::casemap::same;

/// The identity of an operator for the record, kept for acts that take time: they may leave before.
#[derive(Clone, Debug)]
pub(crate) struct Doer {
    /// The name under which they are operator; `-` for other users.
    pub operator: String,
    /// `nick!user@host`.
    source: String,
    /// Their address.
    address: String,
}

impl Chat {
    /// Whether the user has a right; sends an error if not.
    pub(crate) fn may(&self, sink: &mut Sink, by: Caller, right: Right) -> bool {
        let has = self.has_right(by.user, right);
        if !has {
            self.refuse_right(sink, by, right.name());
        }
        has
    }

    /// Sends the error for a missing right, called `right`.
    pub(crate) fn refuse_right(&self, sink: &mut Sink, by: Caller, right: &str) {
        if !self.users[by.user].is(UserMode::Operator) {
            return self.numeric(sink, by.conn, ERR_NOPRIVILEGES, &[]);
        }
        let class = self.class_of(by.user).map(|class| &*class.name).unwrap_or_default();
        let place = match (class, right) {
            ("", _) => "you are in no class, which `chat.operators` of the config gives".to_owned(),
            (_, COMMANDS) => {
                format!("`operator_classes.{class}.commands` of the config lists them")
            }
            _ => format!("`operator_classes.{class}.rights` of the config does not name it"),
        };
        let text = format!("Insufficient oper privileges: {place}");
        self.numeric_saying(sink, by.conn, ERR_NOPRIVS, &[right], &text);
    }

    /// Whether a user has a right.
    pub(crate) fn has_right(&self, user: UserId, right: Right) -> bool {
        self.class_of(user).is_some_and(|class| class.rights.contains(&right))
    }

    /// The class of a user who is operator. Looked up each time, a scan of some names: a right that
    /// the config withdraws ends at once.
    pub(crate) fn class_of(&self, user: UserId) -> Option<&OperatorClass> {
        self.operator_of(user).map(|operator| &operator.class)
    }

    /// The operator that a user is, if the settings still have them.
    fn operator_of(&self, user: UserId) -> Option<&Operator> {
        let name = self.users[user].extra.as_ref()?.operator.as_deref()?;
        let found = self.settings.operators.iter().find(|known| known.name == name)?;
        (found.proof != Proof::Account || self.is_logged_in_as(user, name)).then_some(found)
    }

    /// The operator that a user may become without a password, by the account of that name.
    pub(crate) fn operator_by_account(&self, user: UserId, name: &str) -> Option<&Operator> {
        let is_it = |known: &&Operator| known.proof == Proof::Account && same(&known.name, name);
        let found = self.settings.operators.iter().find(is_it)?;
        self.is_logged_in_as(user, name).then_some(found)
    }

    fn is_logged_in_as(&self, user: UserId, account: &str) -> bool {
        self.users[user].account().is_some_and(|own| same(own, account))
    }

    /// Ends the operator status of users whose name the settings have lost, or who are logged out
    /// of the operator's account.
    pub(crate) fn dismiss_operators(&mut self, sink: &mut Sink) {
        for id in self.users.operators().to_vec() {
            if self.operator_of(id).is_none() {
                let before = self.users[id].modes();
                self.resign(sink, id);
                self.tell_user_modes(sink, id, before);
            }
        }
    }

    /// Records an act of an operator: the command, its target and the reason; empty where there is
    /// none. It is stored, logged, and sent to operators who want notices of `kind`.
    pub(crate) fn record(
        &mut self,
        sink: &mut Sink,
        by: Caller,
        kind: char,
        command: &str,
        target: &str,
        why: &str,
    ) {
        let text = self.record_of(sink, &self.doer(by), command, target, why);
        self.notice_operators(sink, kind, &text);
    }

    /// Records a look at hidden facts; no notice is sent.
    pub(crate) fn record_look(&mut self, sink: &mut Sink, by: Caller, command: &str, target: &str) {
        self.record_of(sink, &self.doer(by), command, target, "");
    }

    /// Records an act of an operator who may have left. Returns it as one line.
    pub(crate) fn record_of(
        &mut self,
        sink: &mut Sink,
        doer: &Doer,
        command: &str,
        target: &str,
        why: &str,
    ) -> String {
        let parts = [command, target, why].into_iter().filter(|part| !part.is_empty());
        let text = format!("{}: {}", doer.source, parts.collect::<Vec<_>>().join(" "));
        log::info!("{text}");
        if self.backends.is_there() {
            let act = Act {
                time_ms: sink.now().unix_ms as i64,
                operator: doer.operator.clone(),
                source: doer.source.clone(),
                address: doer.address.clone(),
                command: command.to_owned(),
                target: target.to_owned(),
                reason: why.to_owned(),
            };
            let lost = text.clone();
            self.ask_store(sink, Request::Audit(act), move |_, _, reply| {
                if let Reply::Failed(trouble) = reply {
                    log::error!("not in the audit log, as {trouble}: {lost}");
                }
            });
        }
        text
    }

    /// The identity of a user for the record.
    pub(crate) fn doer(&self, by: Caller) -> Doer {
        let user = &self.users[by.user];
        let operator = user.extra.as_ref().and_then(|extra| extra.operator.as_deref());
        Doer {
            operator: operator.unwrap_or("-").to_owned(),
            source: user.mask().to_owned(),
            address: self.address_of(by.conn),
        }
    }

    /// The address of a connection, as one word.
    fn address_of(&self, conn: ConnId) -> String {
        self.sessions[conn].address.map_or_else(|| "unix".to_owned(), |ip| ip.to_string())
    }
}
