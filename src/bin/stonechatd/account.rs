//! `stonechatd account`: accounts, by who runs the server; also while a daemon runs.

use crate::daemon::say;
use crate::settings::{Flags, Settings};
use crate::{Failure, data_dir, password};
use clap::Subcommand;
use stonechat::auth::invitation;
use stonechat::auth::skeleton::Skeleton;
use stonechat::store::sqlite::Database;
use stonechat::store::{AccountSummary, Change, Limit, NewAccount, Reply, Request, Secret};
use stonechat::wire::casemap::folded;
use stonechat::wire::irc::names;

/// What is to be done.
#[derive(Subcommand)]
pub enum AccountCommand {
    /// Make an account; asks for its password, or reads one line of stdin
    Add {
        /// Its name, as a nick may be one
        name: String,
        /// Where its owner is reached
        #[arg(long)]
        email: Option<String>,
    },
    /// Give an account another password; asks for it, or reads one line of stdin
    Passwd {
        /// Which
        name: String,
    },
    /// List all accounts: name, when it was made, and whether it is always on
    List,
    /// Remove an account, its read markers and conversations, and the registrations of its channels
    Remove {
        /// Which
        name: String,
    },
    /// Print an invitation: one may register with it where `accounts.registration` asks for that
    Invite {
        /// How many days it is valid
        #[arg(long, default_value_t = 7)]
        days: u16,
    },
}

/// Does it.
pub fn run(flags: Flags, command: AccountCommand) -> Result<(), Failure> {
    let mut book = Book::open(flags)?;
    match command {
        AccountCommand::Add { name, email } => book.add(&name, email),
        AccountCommand::Passwd { name } => book.passwd(&name),
        AccountCommand::List => book.list(),
        AccountCommand::Remove { name } => book.remove(&name),
        AccountCommand::Invite { days } => book.invite(days),
    }
}

/// Where accounts are.
struct Book {
    database: Database,
    nick_max: usize,
}

impl Book {
    fn open(flags: Flags) -> Result<Book, Failure> {
        let settings = Settings::read(flags)?;
        let Some(dir) = &settings.data else {
            return Err(Failure::usage("no data is kept: there are no accounts in :memory:"));
        };
        data_dir::make(dir)?;
        let file = data_dir::database(dir);
        let database = Database::open(&file, settings.durability);
        let database =
            database.map_err(|e| Failure::unavailable(format!("{}: {e}", file.display())))?;
        Ok(Book { database, nick_max: settings.chat.limits.nick_max })
    }

    fn ask(&mut self, request: Request) -> Result<Reply, Failure> {
        match self.database.serve([request].iter()).pop() {
            Some(Reply::Failed(trouble)) => Err(Failure::other(trouble.to_string())),
            Some(reply) => Ok(reply),
            None => Err(Failure::other("the database does not answer")),
        }
    }

    fn add(&mut self, name: &str, email: Option<String>) -> Result<(), Failure> {
        if names::Account::parse(name, self.nick_max).is_none() {
            return Err(Failure::usage(format!("`{name}` can't be the name of an account")));
        }
        let account = NewAccount {
            name: name.to_owned(),
            folded: folded(name).into_owned(),
            skeleton: Skeleton::of(name).as_str().to_owned(),
            verifier: Secret(password::verifier()?.to_string()),
            email,
            always_on: false,
            created_ms: now_ms(),
        };
        match self.ask(Request::AddAccount { account, invitation: None })? {
            Reply::Added => Ok(()),
            _ => Err(Failure::other(format!(
                "there is an account `{name}`, or one whose name looks like that"
            ))),
        }
    }

    fn passwd(&mut self, name: &str) -> Result<(), Failure> {
        let folded = folded(name).into_owned();
        let change = Change::Verifier(Secret(password::verifier()?.to_string()));
        match self.ask(Request::ChangeAccount { folded, change })? {
            Reply::Changed => Ok(()),
            _ => Err(missing(name)),
        }
    }

    fn list(&mut self) -> Result<(), Failure> {
        let mut after = String::new();
        loop {
            let limit = Limit::new(Limit::MAX);
            let Reply::Accounts(page) = self.ask(Request::Accounts { after, limit })? else {
                return Err(Failure::other("the database does not tell the accounts"));
            };
            page.iter().for_each(|account| say(&line(account)));
            match page.last() {
                Some(last) => after = last.folded.clone(),
                None => return Ok(()),
            }
        }
    }

    fn remove(&mut self, name: &str) -> Result<(), Failure> {
        match self.ask(Request::DropAccount { folded: folded(name).into_owned() })? {
            Reply::Dropped => Ok(()),
            _ => Err(missing(name)),
        }
    }

    fn invite(&mut self, days: u16) -> Result<(), Failure> {
        let token =
            invitation::new().ok_or_else(|| Failure::other("the system gives no randomness"))?;
        let created_ms = now_ms();
        let expires_ms = created_ms + i64::from(days) * 86_400_000;
        let token_hash = invitation::hash(&token);
        self.ask(Request::AddInvitation { token_hash, created_ms, expires_ms })?;
        say(&token);
        Ok(())
    }
}

fn line(account: &AccountSummary) -> String {
    let made = jiff::Timestamp::from_millisecond(account.created_ms).unwrap_or_default();
    let made = made.strftime("%Y-%m-%d");
    let always_on = if account.always_on { " always-on" } else { "" };
    format!("{} {made}{always_on}", account.name)
}

fn missing(name: &str) -> Failure {
    Failure::other(format!("there is no account `{name}`"))
}

fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}
