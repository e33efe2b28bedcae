//! `stonechatd account`: accounts, for the server's administrator. A running daemon is asked to
//! make the change, so that it reaches logged-in users at once. Otherwise the file is changed.

use crate::control::{self, Outcome};
use crate::data_dir::DataDir;
use crate::output::{complain, say};
use crate::place::Place;
use crate::settings::Flags;
use crate::{Failure, password};
use clap::Subcommand;
use std::thread;
use std::time::Duration;
use stonechat::auth::invitation;
use stonechat::chat::Order;
use stonechat::store::sqlite::{self, Database};
use stonechat::store::{AccountSummary, Reply, Request, Secret};

/// The subcommand.
#[derive(Subcommand)]
pub enum AccountCommand {
    /// Make an account; asks for its password, or reads one line of stdin
    Add {
        /// Its name, with the syntax of a nick
        name: String,
        /// E-mail address of its owner
        #[arg(long)]
        email: Option<String>,
    },
    /// Give an account another password, and close the connections that are logged in to it; asks for
    /// the password, or reads one line of stdin
    Passwd {
        /// The account
        name: String,
        /// Leave the connections that are logged in to it open
        #[arg(long)]
        keep_sessions: bool,
    },
    /// List all accounts: name, time of creation, and whether it is always on
    List,
    /// Remove an account, its read markers and conversations, and the registrations of its
    /// channels; log out its users
    Remove {
        /// The account
        name: String,
    },
    /// Print an invitation, which allows to register with `accounts.registration = "invitation"`
    Invite {
        /// Number of days it is valid
        #[arg(long, default_value_t = 7)]
        days: u16,
    },
}

/// Runs the subcommand.
pub fn run(flags: Flags, command: AccountCommand) -> Result<(), Failure> {
    let place = Place::find(flags)?;
    match command {
        AccountCommand::Add { name, email } => {
            let verifier = verifier(&place, &name)?;
            carry_out(&place, &Order::AddAccount { name, verifier, email })
        }
        AccountCommand::Passwd { name, keep_sessions } => {
            let verifier = Secret(password::verifier()?.to_string());
            carry_out(&place, &Order::SetPassword { name, verifier, keep_sessions })
        }
        AccountCommand::List => list(&place),
        AccountCommand::Remove { name } => carry_out(&place, &Order::RemoveAccount { name }),
        AccountCommand::Invite { days } => {
            let token = invitation::new();
            let token = token.ok_or_else(|| Failure::other("the system gives no randomness"))?;
            let token_hash = invitation::hash(&token);
            carry_out(&place, &Order::Invite { token_hash, days })?;
            say(&token);
            Ok(())
        }
    }
}

/// Asks for the password of a new account, once its name is known to be free.
fn verifier(place: &Place, name: &str) -> Result<Secret, Failure> {
    let (name, verifier, email) = (name.to_owned(), Secret(String::new()), None);
    let order = Order::AddAccount { name, verifier, email };
    order.validate(place.settings.chat.limits.nick_max).map_err(Failure::usage)?;
    Ok(Secret(password::verifier()?.to_string()))
}

/// The number of tries to ask or to change the file: a daemon may be starting or ending, or another
/// command be running.
const TRIES: usize = 40;
const TRY_PAUSE: Duration = Duration::from_millis(50);

/// Lets the daemon that uses the data do it, or changes the file while no daemon can start.
fn carry_out(place: &Place, order: &Order) -> Result<(), Failure> {
    for _ in 0..TRIES {
        let outcome = match DataDir::lock(&place.dir)? {
            Some(_locked) => Some(change_file(place, order)?),
            None => control::ask(&place.dir, order)?.inspect(|outcome| tell(place, outcome)),
        };
        match outcome {
            Some(outcome) => return outcome.map(drop).map_err(Failure::other),
            None => thread::sleep(TRY_PAUSE),
        }
    }
    Err(Failure::unavailable(format!(
        "a running stonechatd uses {} and can't be reached: nothing is changed; stop it, or \
         replace it by this version, and try again",
        place.dir.display()
    )))
}

fn change_file(place: &Place, order: &Order) -> Result<Outcome, Failure> {
    let now_ms = jiff::Timestamp::now().as_millisecond();
    let reply = ask(&mut place.open()?, order.request(&place.settings.chat, now_ms))?;
    Ok(order.outcome(&reply).map(|()| 0))
}

/// Prints that a daemon has done it, and the number of closed connections.
fn tell(place: &Place, outcome: &Outcome) {
    let Ok(reached) = outcome else { return };
    let connections = match reached {
        0 => String::new(),
        1 => "; 1 connection was logged in to it, and is no more".to_owned(),
        _ => format!("; {reached} connections were logged in to it, and are no more"),
    };
    complain(&format!("done by the daemon that uses {}{connections}", place.dir.display()));
}

fn ask(database: &mut Database, request: Request) -> Result<Reply, Failure> {
    let reply = database.serve([request].iter()).pop();
    reply.ok_or_else(|| Failure::other("the database does not answer"))
}

fn list(place: &Place) -> Result<(), Failure> {
    let file = place.file();
    sqlite::accounts(&file, |account| say(&line(&account)))
        .map_err(|trouble| Failure::other(format!("{}: {trouble}", file.display())))
}

fn line(account: &AccountSummary) -> String {
    let made = jiff::Timestamp::from_millisecond(account.created_ms).unwrap_or_default();
    let made = made.strftime("%Y-%m-%d");
    let always_on = if account.always_on { " always-on" } else { "" };
    format!("{} {made}{always_on}", account.name)
}
