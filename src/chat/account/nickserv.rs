//! NickServ: accounts for clients without SASL and REGISTER.

use crate::auth::password::Password;
use crate::auth::worker::{Done, Job};
use crate::chat::account::accounts::{NewAccountRequest, trouble};
use crate::chat::account::administer::PASSWORD_CHANGED;
use crate::chat::command::Command;
use crate::chat::reply::Sink;
use crate::chat::reply::line::Line;
use crate::chat::settings::AlwaysOn;
use crate::chat::state::right::Right;
use crate::chat::state::services::{self, SHOWN_MAX, no_command, shortened, written_time};
use crate::chat::{Caller, Chat};
use crate::net::ConnId;
use crate::store::{Account, Change, Reply, Request, Secret};
use crate::wire::casemap::{folded, same};
use crate::wire::irc::Message;

pub(crate) const NICKSERV: Command = Command::user("NICKSERV", 0, Chat::nickserv).costs(20).help(
    "NICKSERV command",
    &["Accounts: REGISTER, IDENTIFY, LOGOUT, REGAIN, PASSWD, SET, INFO, DROP. See NICKSERV HELP."],
);

pub(crate) const NS: Command = NICKSERV.called("NS");

const HELP: [&str; 14] = [
    "Accounts. /msg NickServ COMMAND, or /NS COMMAND:",
    "REGISTER password [email]        makes an account of your nick, and logs you in",
    "IDENTIFY [account] password      logs you in",
    "LOGOUT                           logs you out; your nick stays",
    "REGAIN nick [password]           makes this connection speak for your user of that nick; GHOST, RECOVER",
    "PASSWD password new-password     changes the password, closes your other connections",
    "SET always-on on|off             whether you stay when your last connection goes",
    "SET replay on|off                whether you are sent what you missed when you return",
    "CERT ADD [fingerprint]|DEL fingerprint|LIST   certificates that log you in",
    "INFO [account]                   when it was made; of your own more",
    "DROP account password            removes your account",
    "SAREGISTER account password      makes an account for somebody; for operators",
    "Where an invitation is asked for, it goes where the e-mail address would.",
    "Better than this is SASL, which most clients know.",
];

impl Chat {
    /// `NS command…`, `NICKSERV command…`.
    pub(crate) fn nickserv(&mut self, sink: &mut Sink, by: Caller, message: &Message) {
        self.nickserv_hears(sink, by, &message.params.join(" "));
    }

    /// Executes a message to NickServ. Passwords can have no spaces here.
    pub(crate) fn nickserv_hears(&mut self, sink: &mut Sink, by: Caller, text: &str) {
        let mut words = text.split_ascii_whitespace();
        let command = words.next().unwrap_or("HELP").to_ascii_uppercase();
        let words: Vec<&str> = words.collect();
        if !self.backends.is_there() {
            return self.nickserv_says(sink, by.conn, "No accounts are kept here.");
        }
        match (&*command, &words[..]) {
            ("REGISTER", [password]) => self.ns_register(sink, by, password, None),
            ("REGISTER", [password, email, ..]) => {
                self.ns_register(sink, by, password, Some(email));
            }
            ("IDENTIFY" | "ID" | "LOGIN", [password]) => {
                let name = self.users[by.user].nick().to_owned();
                self.ns_identify(sink, by, &name, password);
            }
            ("IDENTIFY" | "ID" | "LOGIN", [account, password, ..]) => {
                self.ns_identify(sink, by, account, password);
            }
            ("PASSWD", [password, new]) => self.ns_passwd(sink, by, password, new),
            ("SET", [what, value]) if what.eq_ignore_ascii_case("always-on") => {
                self.ns_set_always_on(sink, by, value);
            }
            ("SET", [what, value]) if what.eq_ignore_ascii_case("replay") => {
                self.ns_set_replay(sink, by, value);
            }
            ("REGAIN" | "GHOST" | "RECOVER", words) => {
                self.ns_regain(sink, by, &command, words);
            }
            ("LOGOUT", _) => self.ns_logout(sink, by),
            ("CERT", words) => self.ns_cert(sink, by, words),
            ("INFO", []) => {
                let own = self.users[by.user].account().map(Box::<str>::from);
                let nick = || self.users[by.user].nick().into();
                let name = own.unwrap_or_else(nick);
                self.ns_info(sink, by, &name);
            }
            ("INFO", [account, ..]) => self.ns_info(sink, by, account),
            ("DROP", [account]) if self.has_right(by.user, Right::Accounts) => {
                self.record(sink, by, 'o', "DROP", account, "");
                self.ns_drop(sink, by.conn, account);
            }
            ("DROP", [account, password]) => self.ns_drop_own(sink, by, account, password),
            ("SAREGISTER", [account, password]) => self.ns_saregister(sink, by, account, password),
            ("HELP", _) => HELP.iter().for_each(|line| self.nickserv_says(sink, by.conn, line)),
            (command, words) => self.nickserv_says(sink, by.conn, &misused(command, words)),
        }
    }

    pub(crate) fn nickserv_says(&self, sink: &mut Sink, conn: ConnId, text: &str) {
        self.service_says(sink, conn, services::NICKSERV, text);
    }

    /// Sends a notice of one of the services.
    pub(crate) fn service_says(&self, sink: &mut Sink, conn: ConnId, service: &str, text: &str) {
        let source = self.service_mask(service);
        let params = [self.called(conn)];
        Line::new(&source, "NOTICE", &params).text(text).to(sink, &self.sessions[conn]);
    }

    /// The source of a service's lines.
    pub(crate) fn service_mask(&self, service: &str) -> String {
        format!("{service}!services@{}", self.settings.server_name)
    }

    fn ns_register(&mut self, sink: &mut Sink, by: Caller, password: &str, email: Option<&str>) {
        if let Some(account) = self.users[by.user].account() {
            let text = format!("You are logged in as {account} already.");
            return self.nickserv_says(sink, by.conn, &text);
        }
        let name = self.users[by.user].nick().to_owned();
        let wish = NewAccountRequest { name: &name, password, email };
        self.register_account(
            sink,
            by.conn,
            wish,
            false,
            |chat, sink, conn, result| match result {
                Ok(account) => {
                    let text = format!("The account {} is yours.", account.name);
                    chat.nickserv_says(sink, conn, &text);
                    chat.log_in(sink, conn, account);
                }
                Err(why) => chat.nickserv_says(sink, conn, &format!("{why}.")),
            },
        );
    }

    fn ns_saregister(&mut self, sink: &mut Sink, by: Caller, account: &str, password: &str) {
        if !self.may(sink, by, Right::Accounts) {
            return;
        }
        let doer = self.doer(by);
        let wish = NewAccountRequest { name: account, password, email: None };
        self.register_account(sink, by.conn, wish, true, move |chat, sink, conn, result| {
            let text = match result {
                Ok(account) => {
                    let text = chat.record_of(sink, &doer, "SAREGISTER", &account.name, "");
                    chat.notice_operators(sink, 'o', &text);
                    format!("The account {} is there.", account.name)
                }
                Err(why) => format!("{why}."),
            };
            chat.nickserv_says(sink, conn, &text);
        });
    }

    fn ns_identify(&mut self, sink: &mut Sink, by: Caller, account: &str, password: &str) {
        let password = match Password::parse(password) {
            Ok(password) => password,
            Err(why) => return self.nickserv_says(sink, by.conn, &format!("Not so: {why}.")),
        };
        self.verify(sink, by.conn, account, password, |chat, sink, conn, result| match result {
            Ok(account) if chat.has_company(conn, &account.name) => {
                let text = "Other connections of yours are logged in to another account.";
                chat.nickserv_says(sink, conn, text);
            }
            Ok(account) => {
                let name = account.name.clone();
                chat.log_in(sink, conn, account);
                chat.nickserv_says(sink, conn, &format!("You are logged in as {name}."));
                chat.tell_of_other_user(sink, conn, &name);
            }
            Err(refusal) => chat.nickserv_says(sink, conn, &format!("{refusal}.")),
        });
    }

    /// Tells a user how to join another user of the same account.
    fn tell_of_other_user(&self, sink: &mut Sink, conn: ConnId, account: &str) {
        let own = self.sessions[conn].user();
        let users = self.users_of(account).into_iter();
        for nick in users.filter(|user| Some(*user) != own).map(|user| self.users[user].nick()) {
            let text = format!(
                "You are here as {nick}, too. To speak for that user with this connection: /msg NickServ REGAIN {nick}"
            );
            self.nickserv_says(sink, conn, &text);
        }
    }

    fn ns_passwd(&mut self, sink: &mut Sink, by: Caller, password: &str, new: &str) {
        let Some(account) = self.users[by.user].account().map(Box::<str>::from) else {
            return self.nickserv_says(sink, by.conn, "Log in first.");
        };
        let (password, new) = match (Password::parse(password), Password::parse(new)) {
            (Ok(password), Ok(new)) => (password, new),
            (Err(why), _) | (_, Err(why)) => {
                return self.nickserv_says(sink, by.conn, &format!("Not so: {why}."));
            }
        };
        self.verify(sink, by.conn, &account, password, |chat, sink, conn, result| {
            let account = match result {
                Ok(account) => account,
                Err(refusal) => return chat.nickserv_says(sink, conn, &format!("{refusal}.")),
            };
            let job = Job::Make { password: new };
            chat.hash_for(sink, conn, job, move |chat, sink, conn, done| {
                let Some(Done::Made(verifier)) = done else {
                    return chat.nickserv_says(sink, conn, "Too much is to be done; try again.");
                };
                let change = Change::Verifier(Secret(verifier.to_string()));
                let text = "The password is changed, and other connections of yours are closed.";
                let folded = account.folded;
                let name = folded.clone();
                chat.change_account(sink, conn, &folded, change, text, move |chat, sink| {
                    // Any other connection may belong to someone who knew the old password.
                    chat.end_sessions(sink, &name, Some(conn), PASSWORD_CHANGED);
                });
            });
        });
    }

    fn ns_set_always_on(&mut self, sink: &mut Sink, by: Caller, value: &str) {
        let Some(account) = self.users[by.user].account().map(Box::<str>::from) else {
            return self.nickserv_says(sink, by.conn, "Log in first.");
        };
        let on = match &*value.to_ascii_lowercase() {
            "on" | "true" => true,
            "off" | "false" => false,
            _ => return self.nickserv_says(sink, by.conn, "SET always-on on, or off."),
        };
        if on && self.settings.accounts.always_on == AlwaysOn::Off {
            let text = "Nobody stays on this server when their last connection goes.";
            return self.nickserv_says(sink, by.conn, text);
        }
        let text = match on {
            true => "You stay when your last connection goes.",
            false => "You go with your last connection.",
        };
        let (user, change) = (by.user, Change::AlwaysOn(on));
        let folded = folded(&account).into_owned();
        self.change_account(sink, by.conn, &folded, change, text, move |chat, sink| {
            chat.set_always_on(sink, user, on);
        });
    }

    fn ns_set_replay(&mut self, sink: &mut Sink, by: Caller, value: &str) {
        let Some(account) = self.users[by.user].account().map(Box::<str>::from) else {
            return self.nickserv_says(sink, by.conn, "Log in first.");
        };
        let (on, text) = match &*value.to_ascii_lowercase() {
            "on" | "true" => (true, "You are sent what you missed when you return."),
            "off" | "false" => (false, "You are not sent what you missed when you return."),
            _ => return self.nickserv_says(sink, by.conn, "SET replay on, or off."),
        };
        let folded = folded(&account).into_owned();
        let change = Change::Replay(on);
        self.change_account(sink, by.conn, &folded, change, text, move |chat, _| {
            for user in chat.users_of(&account) {
                chat.users[user].extra().no_replay = !on;
            }
        });
    }

    fn change_account(
        &mut self,
        sink: &mut Sink,
        conn: ConnId,
        folded: &str,
        change: Change,
        text: &'static str,
        then: impl FnOnce(&mut Chat, &mut Sink) + Send + 'static,
    ) {
        let request = Request::ChangeAccount { folded: folded.to_owned(), change };
        self.ask_for(sink, conn, request, move |chat, sink, conn, reply| match reply {
            Reply::Changed => {
                then(chat, sink);
                chat.nickserv_says(sink, conn, text);
            }
            Reply::NoSuchAccount => chat.nickserv_says(sink, conn, "There is no such account."),
            other => {
                let text = format!("It is not changed: {}.", trouble(other));
                chat.nickserv_says(sink, conn, &text);
            }
        });
    }

    fn ns_info(&mut self, sink: &mut Sink, by: Caller, name: &str) {
        let own = self.users[by.user].account().is_some_and(|own| same(own, name));
        let all = own || self.has_right(by.user, Right::Accounts);
        if all && !own {
            self.record_look(sink, by, "INFO", name);
        }
        self.find_account(sink, by.conn, name, move |chat, sink, conn, found| match found {
            Ok(Some(account)) => {
                for line in described(&account, all) {
                    chat.nickserv_says(sink, conn, &line);
                }
            }
            Ok(None) => chat.nickserv_says(sink, conn, "There is no such account."),
            Err(refusal) => chat.nickserv_says(sink, conn, &format!("{refusal}.")),
        });
    }

    fn ns_drop_own(&mut self, sink: &mut Sink, by: Caller, account: &str, password: &str) {
        let password = match Password::parse(password) {
            Ok(password) => password,
            Err(why) => return self.nickserv_says(sink, by.conn, &format!("Not so: {why}.")),
        };
        self.verify(sink, by.conn, account, password, |chat, sink, conn, result| match result {
            Ok(account) => chat.ns_drop(sink, conn, &account.name),
            Err(refusal) => chat.nickserv_says(sink, conn, &format!("{refusal}.")),
        });
    }

    fn ns_drop(&mut self, sink: &mut Sink, conn: ConnId, name: &str) {
        let name = shortened(name, 64).to_owned();
        let request = Request::DropAccount { folded: folded(&name).into_owned() };
        let by = self.called(conn).to_owned();
        self.begin_removal(&name);
        self.ask_to_do(sink, conn, request, move |chat, sink, conn, reply| {
            chat.end_removal(&name);
            let text = match reply {
                Reply::Dropped => {
                    log::info!("account {name} is removed by {by}");
                    chat.log_all_out(sink, &name);
                    chat.forget_account(sink, &name);
                    format!("The account {name} is no more.")
                }
                Reply::NoSuchAccount => "There is no such account.".to_owned(),
                other => format!("It is not removed: {}.", trouble(other)),
            };
            if let Some(conn) = conn {
                chat.nickserv_says(sink, conn, &text);
            }
        });
    }
}

/// Each command with its parameters and syntax.
const FORMS: [(&str, &str, &str); 6] = [
    ("DROP", "the account and its password", "DROP account password"),
    ("IDENTIFY", "a password", "IDENTIFY [account] password"),
    ("PASSWD", "your password and the new one", "PASSWD password new-password"),
    ("REGISTER", "a password", "REGISTER password [email]"),
    ("SAREGISTER", "an account and a password", "SAREGISTER account password"),
    ("SET", "a setting and its value", SET_FORM),
];

const SET_FORM: &str = "SET always-on on|off, SET replay on|off";

/// The syntax error of a command, with its right form.
fn misused(command: &str, words: &[&str]) -> String {
    if let ("SET", [what, _, ..]) = (command, words)
        && !["always-on", "replay"].iter().any(|known| what.eq_ignore_ascii_case(known))
    {
        return format!("There is no setting {}: {SET_FORM}.", shortened(what, SHOWN_MAX));
    }
    let known = if matches!(command, "ID" | "LOGIN") { "IDENTIFY" } else { command };
    match FORMS.iter().find(|(name, ..)| *name == known) {
        Some((_, needs, form)) => format!("{known} needs {needs}: {form}."),
        None => no_command(command, services::NICKSERV),
    }
}

/// A message to NickServ, with stars for words that are or may be passwords.
pub(crate) fn without_passwords(text: &str) -> String {
    let words: Vec<&str> = text.split_ascii_whitespace().collect();
    let command = words.first().map(|word| word.to_ascii_uppercase()).unwrap_or_default();
    let secret = match &*command {
        "HELP" | "INFO" | "SET" | "CERT" | "LOGOUT" => return text.to_owned(),
        "REGISTER" => 1..=1,
        "IDENTIFY" | "ID" | "LOGIN" if words.len() == 2 => 1..=1,
        "IDENTIFY" | "ID" | "LOGIN" | "DROP" | "SAREGISTER" => 2..=usize::MAX,
        "REGAIN" | "GHOST" | "RECOVER" => 2..=usize::MAX,
        // A mistyped command has a password all the same.
        _ => 1..=usize::MAX,
    };
    let shown = |(at, word)| if secret.contains(&at) { "****" } else { word };
    words.into_iter().enumerate().map(shown).collect::<Vec<&str>>().join(" ")
}

fn described(account: &Account, all: bool) -> Vec<String> {
    let made = written_time(account.created_ms as u64 / 1000);
    let mut lines = vec![format!("Account {}, made {made}", account.name)];
    if all {
        lines.push(format!("E-mail: {}", account.email.as_deref().unwrap_or("none")));
        lines.push(format!("replay: {}", if account.replay { "on" } else { "off" }));
        lines.push(format!("always-on: {}", if account.always_on { "on" } else { "off" }));
    }
    lines
}
