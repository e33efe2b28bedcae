//! What whoever runs the server asks of a daemon that runs, beside its config: changes of accounts,
//! which reach at once those who are logged in. `stonechatd account` writes an [`Order`] as a line into
//! the control socket; where no daemon runs it has the same request served from the file.

use crate::auth::skeleton::Skeleton;
use crate::chat::Chat;
use crate::chat::reply::Sink;
use crate::chat::settings::{AlwaysOn, Settings};
use crate::chat::state::services::is_service;
use crate::net::Outbox;
use crate::store::{Change, NewAccount, Reply, Request, Secret, Trouble};
use crate::wire::casemap::folded;
use crate::wire::irc::names;

/// What is asked. Each is a row of `FORMS`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// Make an account.
    AddAccount {
        /// As it is written.
        name: String,
        /// What proves its password.
        verifier: Secret,
        /// Where its owner is reached.
        email: Option<String>,
    },
    /// Give an account another password.
    SetPassword {
        /// Which.
        name: String,
        /// What proves the password.
        verifier: Secret,
        /// Leave the connections that are logged in to it as they are; they are closed otherwise.
        keep_sessions: bool,
    },
    /// Remove an account, as NickServ DROP does.
    RemoveAccount {
        /// Which.
        name: String,
    },
    /// Let somebody make an account.
    Invite {
        /// What is kept of the token.
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
    /// The longest line, its ending not counted. None of ours is a quarter as long.
    pub const LINE_MAX: usize = 4096;

    /// As one line: the order's name, and its fields with tabs between. `None` if a field holds what
    /// would end it or the line, or all are too long.
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

    /// Reads what [`Order::to_line`] has written.
    pub fn parse(line: &str) -> Option<Order> {
        let mut fields = line.split('\t');
        let name = fields.next()?;
        let (_, read) = FORMS.iter().find(|(known, _)| *known == name)?;
        read(&fields.collect::<Vec<_>>())
    }

    /// Whether it can be done at all: a name of at most `nick_max` bytes that one may have.
    pub fn validate(&self, nick_max: usize) -> Result<(), String> {
        let Order::AddAccount { name, .. } = self else { return Ok(()) };
        match names::Account::parse(name, nick_max) {
            Some(_) if !is_service(name) => Ok(()),
            _ => Err(format!("`{name}` can't be the name of an account")),
        }
    }

    /// What is asked of the store for it, at that time, in milliseconds since 1970.
    pub fn request(&self, settings: &Settings, now_ms: i64) -> Request {
        match self.clone() {
            Order::AddAccount { name, verifier, email } => {
                let account = NewAccount {
                    folded: folded(&name).into_owned(),
                    skeleton: Skeleton::of(&name).as_str().to_owned(),
                    name,
                    verifier,
                    email,
                    always_on: settings.accounts.always_on == AlwaysOn::Default,
                    created_ms: now_ms,
                };
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

    /// What came of it, as the store has replied: why nothing did, for a person.
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
    /// Does what whoever runs the server asks. `answer` is told once it is durable: how many
    /// connections were closed or logged out by it, or why nothing was done. It must not block.
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

    /// An order is done in the store, and is now in the chat. How many connections it has reached.
    fn ordered(&mut self, sink: &mut Sink, order: &Order) -> usize {
        match order {
            Order::AddAccount { name, .. } => {
                log::info!("account {name} is made by whoever runs the server");
                // Another program may have removed one of that name.
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

/// The last word to connections that were logged in by a password that holds no more.
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
