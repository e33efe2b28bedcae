//! Orders to a running daemon from its host: changes of accounts, which apply at once to logged-in
//! users. `stonechatd account` writes an [`Order`] as a line to the control socket. Where no daemon
//! runs, it serves the same request from the file.

use crate::chat::Chat;
use crate::chat::account::accounts::new_account;
use crate::chat::reply::Sink;
use crate::chat::settings::{AlwaysOn, Settings};
use crate::chat::state::services::is_service;
use crate::net::Outbox;
use crate::store::{Change, Reply, Request, Secret, Trouble};
use crate::wire::casemap::folded;
use crate::wire::irc::names;

/// An order. Each is a row of `FORMS`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// Make an account.
    AddAccount {
        /// The name, in its own case.
        name: String,
        /// The verifier of its password.
        verifier: Secret,
        /// The owner's e-mail address.
        email: Option<String>,
    },
    /// Give an account another password.
    SetPassword {
        /// The account's name.
        name: String,
        /// The verifier of the password.
        verifier: Secret,
        /// Whether to keep the account's connections; they are closed otherwise.
        keep_sessions: bool,
    },
    /// Remove an account, as NickServ DROP does.
    RemoveAccount {
        /// The account's name.
        name: String,
    },
    /// Make an invitation: a token that allows one new account.
    Invite {
        /// The stored hash of the token.
        token_hash: String,
        /// How long it is valid.
        days: u16,
    },
}

/// Reads the fields that follow an order's name; `None` if they don't fit.
type Read = fn(&[&str]) -> Option<Order>;

const FORMS: [(&str, Read); 4] = [
    ("account add", |fields| {
        let [name, verifier, email] = fields else { return None };
        let email = Some(text(email)).filter(|email| !email.is_empty());
        Some(Order::AddAccount { name: text(name), verifier: Secret(text(verifier)), email })
    }),
    ("account passwd", |fields| {
        let [name, verifier, sessions] = fields else { return None };
        let keep_sessions = match *sessions {
            "keep" => true,
            "end" => false,
            _ => return None,
        };
        let verifier = Secret(text(verifier));
        Some(Order::SetPassword { name: text(name), verifier, keep_sessions })
    }),
    ("account remove", |fields| {
        let [name] = fields else { return None };
        Some(Order::RemoveAccount { name: text(name) })
    }),
    ("account invite", |fields| {
        let [token_hash, days] = fields else { return None };
        Some(Order::Invite { token_hash: text(token_hash), days: days.parse().ok()? })
    }),
];

fn text(field: &&str) -> String {
    (*field).to_owned()
}

impl Order {
    /// The longest line, its ending not counted. No order is a quarter as long.
    pub const LINE_MAX: usize = 4096;

    /// Formats the order as one line: its name and fields, with tabs between. `None` if a field
    /// holds a tab or line end, or the line is too long.
    pub fn to_line(&self) -> Option<String> {
        let days;
        let fields: &[&str] = match self {
            Order::AddAccount { name, verifier, email } => {
                &["account add", name, &verifier.0, email.as_deref().unwrap_or_default()]
            }
            Order::SetPassword { name, verifier, keep_sessions } => {
                let sessions = if *keep_sessions { "keep" } else { "end" };
                &["account passwd", name, &verifier.0, sessions]
            }
            Order::RemoveAccount { name } => &["account remove", name],
            Order::Invite { token_hash, days: number } => {
                days = number.to_string();
                &["account invite", token_hash, &days]
            }
        };
        let fit = !fields.iter().any(|field| field.contains(char::is_control));
        Some(fields.join("\t")).filter(|line| fit && line.len() <= Order::LINE_MAX)
    }

    /// Parses a line written by [`Order::to_line`].
    pub fn parse(line: &str) -> Option<Order> {
        let mut fields = line.split('\t');
        let name = fields.next()?;
        let (_, read) = FORMS.iter().find(|(known, _)| *known == name)?;
        read(&fields.collect::<Vec<_>>())
    }

    /// Whether the order is valid: its account name is allowed and has at most `nick_max` bytes.
    pub fn validate(&self, nick_max: usize) -> Result<(), String> {
        let Order::AddAccount { name, .. } = self else { return Ok(()) };
        match names::Account::parse(name, nick_max) {
            Some(_) if !is_service(name) => Ok(()),
            _ => Err(format!("`{name}` can't be the name of an account")),
        }
    }

    /// The store's request for the order, at that time, in milliseconds since 1970.
    pub fn request(&self, settings: &Settings, now_ms: i64) -> Request {
        match self.clone() {
            Order::AddAccount { name, verifier, email } => {
                let always_on = settings.accounts.always_on == AlwaysOn::Default;
                let account = new_account(name, verifier, email, always_on, now_ms);
                Request::AddAccount { account, invitation: None }
            }
            Order::SetPassword { name, verifier, .. } => {
                let folded = folded(&name).into_owned();
                Request::ChangeAccount { folded, change: Change::Verifier(verifier) }
            }
            Order::RemoveAccount { name } => {
                Request::DropAccount { folded: folded(&name).into_owned() }
            }
            Order::Invite { token_hash, days } => {
                let expires_ms = now_ms.saturating_add(i64::from(days) * MS_PER_DAY);
                Request::AddInvitation { token_hash, created_ms: now_ms, expires_ms }
            }
        }
    }

    /// The outcome in the store's reply; on failure the reason, for a person.
    pub fn outcome(&self, reply: &Reply) -> Result<(), String> {
        match (self, reply) {
            (_, Reply::Failed(trouble)) => Err(trouble.to_string()),
            (Order::AddAccount { name, .. }, Reply::Taken) => {
                Err(format!("there is an account `{name}`, or one whose name looks like that"))
            }
            (
                Order::SetPassword { name, .. } | Order::RemoveAccount { name },
                Reply::NoSuchAccount,
            ) => Err(format!("there is no account `{name}`")),
            (_, Reply::Added | Reply::Changed | Reply::Dropped | Reply::Invited) => Ok(()),
            _ => Err("the database does not say what came of it".to_owned()),
        }
    }
}

const MS_PER_DAY: i64 = 86_400_000;

impl Chat {
    /// Executes an order. `answer` is called once it is durable, and must not block. It receives
    /// the number of connections closed or logged out, or the reason of a failure.
    pub fn administer(
        &mut self,
        out: &mut Outbox,
        order: Order,
        answer: impl FnOnce(Result<usize, String>) + Send + 'static,
    ) {
        let sink = &mut Sink::new(out);
        if !self.backends.is_there() {
            return answer(Err(Trouble::Other("nothing is kept".to_owned()).to_string()));
        }
        if let Err(why) = order.validate(self.settings.limits.nick_max) {
            return answer(Err(why));
        }
        let request = order.request(&self.settings, sink.now().unix_ms as i64);
        if let Order::RemoveAccount { name } = &order {
            self.begin_removal(name);
        }
        self.ask_store(sink, request, move |chat, sink, reply| {
            if let Order::RemoveAccount { name } = &order {
                chat.end_removal(name);
            }
            let outcome = order.outcome(&reply);
            answer(outcome.map(|()| chat.ordered(sink, &order)));
        });
    }

    /// Applies an order that the store has done. Returns how many connections it affected.
    fn ordered(&mut self, sink: &mut Sink, order: &Order) -> usize {
        match order {
            Order::AddAccount { name, .. } => {
                log::info!("account {name} is made by whoever runs the server");
                // Another program may have removed an account of that name.
                let reached = self.log_all_out(sink, name);
                self.forget_account(sink, name);
                reached
            }
            Order::SetPassword { name, keep_sessions: true, .. } => {
                log::info!("account {name} has another password by whoever runs the server");
                0
            }
            Order::SetPassword { name, .. } => {
                log::info!("account {name} has another password by whoever runs the server");
                self.end_sessions(sink, name, None, PASSWORD_CHANGED)
            }
            Order::RemoveAccount { name } => {
                log::info!("account {name} is removed by whoever runs the server");
                let reached = self.log_all_out(sink, name);
                self.forget_account(sink, name);
                reached
            }
            Order::Invite { .. } => 0,
        }
    }
}

/// The last line to connections that used a password now changed.
pub(crate) const PASSWORD_CHANGED: &str = "Password changed";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_what_was_ordered() {
        let (name, verifier) = ("Ann".to_owned(), Secret("SCRAM$1".to_owned()));
        let (email, token_hash) = (Some("a b@c".to_owned()), "ff".to_owned());
        for order in [
            Order::AddAccount { name: name.clone(), verifier: verifier.clone(), email },
            Order::AddAccount { name: name.clone(), verifier: verifier.clone(), email: None },
            Order::SetPassword {
                name: name.clone(),
                verifier: verifier.clone(),
                keep_sessions: true,
            },
            Order::SetPassword { name: name.clone(), verifier, keep_sessions: false },
            Order::RemoveAccount { name },
            Order::Invite { token_hash, days: 7 },
        ] {
            let line = order.to_line().unwrap();
            assert_eq!(Order::parse(&line), Some(order), "{line}");
        }
    }

    #[test]
    fn what_would_be_another_line_is_none() {
        for name in ["a\nb", "a\tb", "a\0b", &"a".repeat(Order::LINE_MAX)] {
            assert_eq!(Order::RemoveAccount { name: name.to_owned() }.to_line(), None);
        }
        for line in ["", "account", "account remove", "account remove\ta\tb", "account\tremove\ta"]
        {
            assert_eq!(Order::parse(line), None, "{line}");
        }
        assert_eq!(Order::parse("account passwd\ta\tv\tperhaps"), None);
        assert_eq!(Order::parse("account invite\tff\t-1"), None);
    }
}
