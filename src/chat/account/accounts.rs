//! Accounts: login, and its consequences. All passwords are verified here; `authenticate`,
//! `register` and `nickserv` are the commands that take them.

use crate::auth::attempts::{ADDRESSES_KNOWN, Attempt, TooMany};
use crate::auth::invitation;
use crate::auth::password::Password;
use crate::auth::skeleton::Skeleton;
use crate::auth::verifier::Verifier;
use crate::auth::worker::{Done, Job};
use crate::chat::Chat;
use crate::chat::backends::overloaded;
use crate::chat::event::{Stamp, What};
use crate::chat::reply::Sink;
use crate::chat::reply::line::Line;
use crate::chat::reply::numeric::*;
use crate::chat::settings::{AlwaysOn, Registration};
use crate::chat::state::caps::Cap;
use crate::chat::state::ids::UserId;
use crate::chat::state::login::Login;
use crate::chat::state::services::is_service;
use crate::chat::state::sessions::Stage;
use crate::chat::state::users::User;
use crate::net::ConnId;
use crate::store::{Account, NewAccount, Reply, Request, Secret, Trouble};
use crate::wire::casemap::{folded, same};
use crate::wire::irc::names;
use crate::wire::irc::names::Nick;
use std::fmt;
use std::net::IpAddr;

/// The reason why a login failed.
#[derive(Debug)]
pub(crate) enum LoginError {
    /// There is no such account, or it has another password.
    Wrong,
    /// Too many attempts.
    TooMany(TooMany),
    /// The store or the hasher can't tell now.
    Unavailable(Trouble),
    /// The account is banned; the reason.
    Banned(String),
}

/// The reason why an account was not made.
#[derive(Debug)]
pub(crate) enum RegisterError {
    /// The config allows no new accounts.
    Closed,
    /// The name is not well-formed, or not free.
    BadName(&'static str),
    BadPassword(&'static str),
    BadEmail,
    BadInvitation,
    Taken,
    /// A user has the name as nick, and is not logged in to an account of it.
    NickInUse,
    TooMany(TooMany),
    Unavailable(Trouble),
}

/// The parameters of a new account.
pub(crate) struct NewAccountRequest<'a> {
    pub(crate) name: &'a str,
    pub(crate) password: &'a str,
    /// The e-mail address or, where an invitation is required, its token.
    pub(crate) email: Option<&'a str>,
}

impl Chat {
    /// Counts an attempt of `conn` to log in to `name`; an error if there were too many.
    pub(crate) fn attempt(
        &mut self,
        sink: &Sink,
        conn: ConnId,
        name: &str,
    ) -> Result<Attempt, LoginError> {
        let address = self.counted_address(conn);
        let attempts = &mut self.login_guards.attempts;
        attempts.begin(address, name, sink.now().uptime_ms).map_err(LoginError::TooMany)
    }

    /// The address that attempts of `conn` count for, unless it is exempt.
    fn counted_address(&self, conn: ConnId) -> Option<IpAddr> {
        let session = &self.sessions[conn];
        session.address.filter(|_| !session.exempt)
    }

    /// Stores the address of a successful login, as a mark. Failed attempts of others then do not
    /// lock the owner out at that address, even after a restart.
    fn remember(&mut self, sink: &mut Sink, account: &str, mark: Option<i64>) {
        let Some(mark) = mark.filter(|_| self.backends.is_there()) else { return };
        let (account, time_ms) = (folded(account).into_owned(), sink.now().unix_ms as i64);
        let request = Request::Remember { account, mark, time_ms, most: ADDRESSES_KNOWN };
        self.ask_store(sink, request, |_, _, _| {});
    }

    /// Restores the marks of addresses of successful logins. Must follow [`Chat::hash_by`], as its
    /// secret makes the marks.
    pub fn restore_known(&mut self, known: Vec<(String, i64)>) {
        known.iter().for_each(|(account, mark)| self.login_guards.attempts.recall(account, *mark));
    }

    /// Looks up the verifier of an account's password. `then` receives it, or a decoy if there is
    /// no such account, which costs as much work.
    pub(crate) fn find_verifier(
        &mut self,
        sink: &mut Sink,
        conn: ConnId,
        name: &str,
        then: impl FnOnce(
            &mut Chat,
            &mut Sink,
            ConnId,
            Result<(Option<Box<Account>>, Verifier), LoginError>,
        ) + Send
        + 'static,
    ) {
        let decoy = Secret(self.login_guards.decoys.of(name).to_string());
        let request = Request::FindVerifier { folded: folded(name).into_owned() };
        self.ask_for(sink, conn, request, move |chat, sink, conn, reply| {
            let found = match reply {
                Reply::Account(account) => {
                    let verifier = account.as_ref().map_or(&decoy, |account| &account.verifier);
                    parsed(name_of(&account), verifier).map(|verifier| (account, verifier))
                }
                other => Err(LoginError::Unavailable(trouble(other))),
            };
            then(chat, sink, conn, found);
        });
    }

    /// Looks up an account on behalf of `conn`.
    pub(crate) fn find_account(
        &mut self,
        sink: &mut Sink,
        conn: ConnId,
        name: &str,
        then: impl FnOnce(&mut Chat, &mut Sink, ConnId, Result<Option<Box<Account>>, LoginError>)
        + Send
        + 'static,
    ) {
        let request = Request::FindAccount { folded: folded(name).into_owned() };
        self.ask_for(sink, conn, request, |chat, sink, conn, reply| {
            let found = match reply {
                Reply::Account(account) => Ok(account),
                other => Err(LoginError::Unavailable(trouble(other))),
            };
            then(chat, sink, conn, found);
        });
    }

    /// Verifies a password. It takes as long if there is no such account.
    pub(crate) fn verify(
        &mut self,
        sink: &mut Sink,
        conn: ConnId,
        name: &str,
        password: Password,
        then: impl FnOnce(&mut Chat, &mut Sink, ConnId, Result<Box<Account>, LoginError>)
        + Send
        + 'static,
    ) {
        let attempt = match self.attempt(sink, conn, name) {
            Ok(attempt) => attempt,
            Err(refusal) => return then(self, sink, conn, Err(refusal)),
        };
        self.find_verifier(sink, conn, name, |chat, sink, conn, found| {
            let (account, verifier) = match found {
                Ok(found) => found,
                Err(refusal) => return then(chat, sink, conn, Err(refusal)),
            };
            let job = Job::Verify { verifier, password };
            chat.hash_for(sink, conn, job, |chat, sink, conn, done| {
                let refusal = match (done, account) {
                    (Some(Done::Verified(true)), Some(account)) => {
                        return chat.succeed(sink, conn, account, attempt, then);
                    }
                    (None, _) => LoginError::Unavailable(too_many_at_once()),
                    _ => LoginError::Wrong,
                };
                then(chat, sink, conn, Err(refusal));
            });
        });
    }

    /// Completes a login with the proved password of the account as looked up. An exchange may take
    /// as long as the client likes. By now the account may have another password, be removed, or
    /// belong to someone else.
    pub(crate) fn succeed(
        &mut self,
        sink: &mut Sink,
        conn: ConnId,
        proved: Box<Account>,
        attempt: Attempt,
        then: impl FnOnce(&mut Chat, &mut Sink, ConnId, Result<Box<Account>, LoginError>)
        + Send
        + 'static,
    ) {
        let name = proved.name.clone();
        self.find_account(sink, conn, &name, move |chat, sink, conn, found| {
            let result = match found {
                // A salted verifier is unique to its account.
                Ok(Some(account)) if account.verifier == proved.verifier => {
                    // Only the proved owner learns of a ban.
                    match chat.ban_of_account(sink, &account.name) {
                        Some(why) => Err(LoginError::Banned(why)),
                        None => Ok(account),
                    }
                }
                Ok(_) => Err(LoginError::Wrong),
                Err(refusal) => Err(refusal),
            };
            if let Ok(account) = &result {
                let mark = chat.login_guards.attempts.succeeded(attempt, sink.now().uptime_ms);
                chat.remember(sink, &account.folded, mark);
            }
            then(chat, sink, conn, result);
        });
    }

    /// Makes an account, if it may be made.
    pub(crate) fn register_account(
        &mut self,
        sink: &mut Sink,
        conn: ConnId,
        wish: NewAccountRequest,
        by_operator: bool,
        then: impl FnOnce(&mut Chat, &mut Sink, ConnId, Result<Box<Account>, RegisterError>)
        + Send
        + 'static,
    ) {
        let (name, password, invitation) = match self.examine(sink, conn, &wish, by_operator) {
            Ok(fit) => fit,
            Err(why) => return then(self, sink, conn, Err(why)),
        };
        let now_ms = sink.now().uptime_ms;
        if let Some(address) = self.counted_address(conn).filter(|_| !by_operator)
            && let Err(too_many) = self.login_guards.attempts.begin_registration(address, now_ms)
        {
            return then(self, sink, conn, Err(RegisterError::TooMany(too_many)));
        }
        let email = wish.email.filter(|_| invitation.is_none()).map(str::to_owned);
        let created_ms = sink.now().unix_ms as i64;
        let always_on = self.settings.accounts.always_on == AlwaysOn::Default;
        self.hash_for(sink, conn, Job::Make { password }, move |chat, sink, conn, done| {
            let verifier = match done {
                Some(Done::Made(verifier)) => Secret(verifier.to_string()),
                _ => {
                    let why = RegisterError::Unavailable(too_many_at_once());
                    return then(chat, sink, conn, Err(why));
                }
            };
            let account = new_account(name, verifier, email, always_on, created_ms);
            let added = Box::new(added(&account));
            let request = Request::AddAccount { account, invitation };
            chat.ask_for(sink, conn, request, |chat, sink, conn, reply| {
                let result = match reply {
                    Reply::Added => Ok(added),
                    Reply::Taken => Err(RegisterError::Taken),
                    Reply::BadInvitation => Err(RegisterError::BadInvitation),
                    other => Err(RegisterError::Unavailable(trouble(other))),
                };
                if let Ok(account) = &result {
                    log::info!("account {} is registered", account.name);
                    // Another program may have removed an account of that name.
                    chat.log_all_out(sink, &account.name);
                    chat.forget_account(sink, &account.name);
                }
                then(chat, sink, conn, result);
            });
        });
    }

    /// Checks the name, the password, and the hash of the invitation.
    fn examine(
        &self,
        sink: &Sink,
        conn: ConnId,
        wish: &NewAccountRequest,
        by_operator: bool,
    ) -> Result<(String, Password, Option<String>), RegisterError> {
        let registration = self.settings.accounts.registration;
        if !self.defcon.takes_accounts() && !by_operator {
            return Err(RegisterError::BadName("The server is under attack: try again later"));
        }
        if registration == Registration::Closed && !by_operator {
            return Err(RegisterError::Closed);
        }
        let name = names::Account::parse(wish.name, self.settings.limits.nick_max);
        let Some(name) = name.filter(|_| !is_service(wish.name)) else {
            return Err(RegisterError::BadName("This can't be the name of an account"));
        };
        if self.ban_of_account(sink, wish.name).is_some() {
            return Err(RegisterError::BadName("An account of this name is banned"));
        }
        // A login to it can become operator: even an operator may not make one with other rights.
        if self.is_of_operator(wish.name) {
            return Err(RegisterError::BadName(
                "An operator's account is made where the server runs",
            ));
        }
        let holder = self.users.find(wish.name);
        let own = self.sessions[conn].user();
        if holder.is_some() && holder != own && !by_operator {
            return Err(RegisterError::NickInUse);
        }
        let password = Password::parse(wish.password).map_err(RegisterError::BadPassword)?;
        let invited = registration == Registration::Invitation && !by_operator;
        let invitation = match (invited, wish.email) {
            (true, Some(token)) => Some(invitation::hash(token)),
            (true, None) => return Err(RegisterError::BadInvitation),
            (false, Some(email)) if !is_email(email) => return Err(RegisterError::BadEmail),
            (false, _) => None,
        };
        Ok((name.as_str().to_owned(), password, invitation))
    }

    /// Logs `conn` in to an account it has proved.
    pub(crate) fn log_in(&mut self, sink: &mut Sink, conn: ConnId, account: Box<Account>) {
        let name = account.name.clone();
        let mut login = Login::from(account);
        login.always_on &= self.settings.accounts.always_on != AlwaysOn::Off;
        // Another program may have removed an account of this name from the file.
        self.log_out_but(sink, &name, Some(login.made_ms));
        let mask = match self.sessions[conn].user() {
            Some(user) => self.users[user].mask().to_owned(),
            None => self.mask_so_far(conn),
        };
        log::info!("{mask} is logged in as {name}");
        if let Some(address) = self.counted_address(conn) {
            let mark = self.login_guards.attempts.learn(address, &name);
            self.remember(sink, &name, mark);
        }
        let text = format!("You are now logged in as {name}");
        self.numeric(sink, conn, RPL_LOGGEDIN, &[&mask, &name, &text]);
        if let Some(registering) = self.sessions[conn].registering() {
            registering.login = Some(Box::new(login));
        } else if let Some(user) = self.sessions[conn].user() {
            self.happen(sink, What::LoggedIn { user, login: &login });
            self.dismiss_operators(sink);
            self.give_own_ranks(sink, user);
        }
    }

    /// Applies the login of a user, and announces it if they had another account or none.
    pub(crate) fn logged_in(&mut self, sink: &mut Sink, stamp: Stamp, user: UserId, login: &Login) {
        let changed = self.users[user].account() != Some(&*login.name);
        self.users.log_in(user, login);
        self.save_presence(sink, user);
        if changed {
            self.tell_account(sink, stamp, user);
        }
    }

    /// Applies the logout of a user.
    pub(crate) fn logged_out(&mut self, sink: &mut Sink, stamp: Stamp, user: UserId) {
        self.users.log_out(user);
        self.tell_account(sink, stamp, user);
    }

    /// Announces the account of `user`. IRCv3 account-notify.
    fn tell_account(&self, sink: &mut Sink, stamp: Stamp, user: UserId) {
        let params = [self.users[user].account().unwrap_or("*")];
        let tags = self.tags_at(stamp, user);
        let mut line = Line::new(self.users[user].mask(), "ACCOUNT", &params).tagged(tags);
        self.to_interested(sink, &mut line, user, Cap::AccountNotify, true);
    }

    /// Logs out all connections of a removed account, also before registration. Always-on users
    /// without a connection leave. Returns how many connections were logged out.
    pub(crate) fn log_all_out(&mut self, sink: &mut Sink, account: &str) -> usize {
        self.log_out_but(sink, account, None)
    }

    /// Logs out all connections of an account, except those of the account of that name made at
    /// `made_ms`. Returns how many.
    pub(crate) fn log_out_but(
        &mut self,
        sink: &mut Sink,
        account: &str,
        made_ms: Option<i64>,
    ) -> usize {
        let mut reached = 0;
        for user in self.users_of(account) {
            let made = self.users[user].account_made_ms();
            if made_ms.is_some() && (made.is_none() || made == made_ms) {
                continue;
            }
            reached += self.users[user].conns.len();
            self.log_out(sink, user);
            self.go_if_alone(sink, user, "Account dropped");
        }
        reached + self.log_out_newcomers(sink, account, made_ms)
    }

    /// Logs out connections that have not registered yet.
    fn log_out_newcomers(&mut self, sink: &mut Sink, account: &str, made_ms: Option<i64>) -> usize {
        let mut reached = 0;
        for conn in self.sessions.iter().map(|session| session.id).collect::<Vec<ConnId>>() {
            let is_it = |login: &mut Box<Login>| {
                same(&login.name, account) && made_ms != Some(login.made_ms)
            };
            let registering = self.sessions[conn].registering();
            if registering.and_then(|registering| registering.login.take_if(is_it)).is_none() {
                continue;
            }
            let mask = self.mask_so_far(conn);
            self.numeric(sink, conn, RPL_LOGGEDOUT, &[&mask]);
            reached += 1;
        }
        reached
    }

    /// Closes the connections of an account, except `except`, because its password has changed.
    /// Those before registration are logged out instead. Returns how many there were.
    pub(crate) fn end_sessions(
        &mut self,
        sink: &mut Sink,
        account: &str,
        except: Option<ConnId>,
        why: &str,
    ) -> usize {
        let users = self.users_of(account);
        let conns = users.iter().flat_map(|user| self.users[*user].conns.clone());
        let conns: Vec<ConnId> = conns.filter(|conn| Some(*conn) != except).collect();
        for conn in &conns {
            self.leave(sink, *conn, why, why);
        }
        conns.len() + self.log_out_newcomers(sink, account, None)
    }

    /// The users who are logged in to an account. A scan of all users.
    pub(crate) fn users_of(&self, account: &str) -> Vec<UserId> {
        let is_it = |user: &User| user.account().is_some_and(|name| same(name, account));
        self.users.iter().filter(|(_, user)| is_it(user)).map(|(id, _)| id).collect()
    }

    /// Looks up the account that owns a nick. `then` receives whether `conn` may have the nick.
    pub(crate) fn ask_whose(
        &mut self,
        sink: &mut Sink,
        conn: ConnId,
        nick: Nick,
        then: impl FnOnce(&mut Chat, &mut Sink, ConnId, Result<bool, Trouble>) + Send + 'static,
    ) {
        if !self.backends.is_there() {
            return then(self, sink, conn, Ok(true));
        }
        let skeleton = Skeleton::of(nick.as_str()).as_str().to_owned();
        let request = Request::FindOwner { skeleton };
        self.ask_for(sink, conn, request, |chat, sink, conn, reply| {
            let may = match reply {
                Reply::Owner(None) => Ok(true),
                Reply::Owner(Some(owner)) => {
                    Ok(chat.account_of(conn).is_some_and(|account| same(account, &owner)))
                }
                other => Err(trouble(other)),
            };
            then(chat, sink, conn, may);
        });
    }

    /// The account of a connection, registered or not.
    pub(crate) fn account_of(&self, conn: ConnId) -> Option<&str> {
        match &self.sessions[conn].stage {
            Stage::Registered(user) => self.users[*user].account(),
            Stage::Registering(registering) => registering.login.as_ref().map(|login| &*login.name),
            Stage::Gone => None,
        }
    }
}

/// Parses the verifier of an account, which this program wrote.
fn parsed(account: &str, verifier: &Secret) -> Result<Verifier, LoginError> {
    Verifier::parse(&verifier.0).map_err(|why| {
        log::error!("the password of account {account} is damaged: {why}");
        LoginError::Unavailable(Trouble::Corrupt("a verifier".to_owned()))
    })
}

fn name_of(account: &Option<Box<Account>>) -> &str {
    account.as_ref().map_or("", |account| &account.name)
}

/// The trouble in a reply that is none of the expected ones.
pub(crate) fn trouble(reply: Reply) -> Trouble {
    match reply {
        Reply::Failed(trouble) => trouble,
        _ => overloaded(),
    }
}

fn too_many_at_once() -> Trouble {
    Trouble::Other("too many passwords wait to be looked at".to_owned())
}

fn added(account: &NewAccount) -> Account {
    let NewAccount { name, folded, skeleton, verifier, email, always_on, created_ms } = account;
    Account {
        name: name.clone(),
        folded: folded.clone(),
        skeleton: skeleton.clone(),
        verifier: verifier.clone(),
        email: email.clone(),
        always_on: *always_on,
        replay: true,
        created_ms: *created_ms,
        markers: Vec::new(),
    }
}

/// Whether a text may be an e-mail address. Nothing proves that it is.
fn is_email(text: &str) -> bool {
    let unfit = |c: char| c.is_whitespace() || c.is_control() || "<>(),;:".contains(c);
    let parts = text.rsplit_once('@');
    text.len() <= 254
        && !text.contains(unfit)
        && parts.is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty())
}

/// Formats the reason for the user.
impl fmt::Display for LoginError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            LoginError::Wrong => {
                f.write_str("There is no such account, or it has another password")
            }
            LoginError::TooMany(too_many) => write!(f, "{}", wait(too_many)),
            LoginError::Unavailable(trouble) => write!(f, "Accounts can't be looked up: {trouble}"),
            LoginError::Banned(why) => f.write_str(why),
        }
    }
}

/// Formats the reason for the user.
impl fmt::Display for RegisterError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            RegisterError::Closed => f.write_str("New accounts are made by operators only"),
            RegisterError::BadName(why) => f.write_str(why),
            RegisterError::BadPassword(why) => write!(f, "It is not taken: {why}"),
            RegisterError::BadEmail => f.write_str("This can't be an e-mail address"),
            RegisterError::BadInvitation => {
                f.write_str("An invitation is asked for, in the place of the e-mail address")
            }
            RegisterError::Taken => {
                f.write_str("There is an account of this name, or of one that looks like it")
            }
            RegisterError::NickInUse => f.write_str("Somebody else is called so now"),
            RegisterError::TooMany(too_many) => write!(f, "{}", wait(too_many)),
            RegisterError::Unavailable(trouble) => {
                write!(f, "Accounts can't be made now: {trouble}")
            }
        }
    }
}

fn wait(TooMany { retry_ms }: &TooMany) -> String {
    format!("Too many attempts: wait {} seconds", retry_ms.div_ceil(1000))
}

/// An account to be added, found by its folded name and by what it looks like.
pub(crate) fn new_account(
    name: String,
    verifier: Secret,
    email: Option<String>,
    always_on: bool,
    created_ms: i64,
) -> NewAccount {
    let folded = folded(&name).into_owned();
    let skeleton = Skeleton::of(&name).as_str().to_owned();
    NewAccount { folded, skeleton, name, verifier, email, always_on, created_ms }
}
