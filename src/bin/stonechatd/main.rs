//! `stonechatd`, the daemon: arguments and subcommands.

mod account;
mod audit;
mod certificates;
mod control;
mod daemon;
mod data_dir;
mod database;
mod listeners;
mod operator;
mod output;
mod password;
mod place;
mod programs;
mod service_manager;
mod settings;

use account::AccountCommand;
use clap::{Parser, Subcommand};
use daemon::Daemon;
use env_logger::WriteStyle::{Always, Never};
use jiff::Timestamp;
use settings::{Flags, Settings};
use signal_hook::consts::SIGXFSZ;
use std::env;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use stonechat::config::Config;
use stonechat::wire::printable::printable;

/// One lean daemon through which people and devices talk.
///
/// Without a config file it starts on loopback and prints each address. Settings are taken from
/// flags, then the environment (STONECHAT_CONFIG, STONECHAT_LISTEN, STONECHAT_DATA, STONECHAT_LOG
/// and so on for each key of the config), then the config file, then defaults.
#[derive(Parser)]
#[command(
    version,
    name = "stonechatd",
    after_help = "Exit status: 0 done, 2 bad usage or config, 3 cannot bind or open its data, 4 ended to be started again, 1 anything else."
)]
struct Arguments {
    #[command(flatten)]
    flags: Flags,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Validate the config and print what it would do
    Check,
    /// Print the default config, with comments
    Config,
    /// Manage accounts of the chat
    #[command(subcommand)]
    Account(AccountCommand),
    /// Prepare operators of the chat
    #[command(subcommand)]
    Operator(OperatorCommand),
    /// Print the acts of operators, also while a daemon uses the database: time, operator, source,
    /// address, command, target and reason, separated by tabs
    Audit {
        /// Only acts since this time: 2026-01-31, 2026-01-31T12:00:00Z, or a duration ago, as "7
        /// days"
        #[arg(long, value_name = "TIME", value_parser = audit::time)]
        since: Option<Timestamp>,
    },
    /// Copy the database, also while a daemon uses it, to a new file
    Backup {
        /// Path of the copy, which appears once it is whole
        file: PathBuf,
    },
    /// Look for damage in the database, also while a daemon uses it; exit status 1 if there is any
    Verify,
}

#[derive(Subcommand)]
enum OperatorCommand {
    /// Ask for a password, or read one line of stdin, and print its verifier for the config
    Hash,
}

/// Why the daemon cannot go on: one sentence for the operator, and the exit status.
pub struct Failure {
    status: u8,
    message: String,
}

impl Failure {
    /// Bad usage or config.
    pub fn usage(message: impl Into<String>) -> Failure {
        Failure { status: 2, message: message.into() }
    }

    /// An address or a file that can't be opened.
    pub fn unavailable(message: impl Into<String>) -> Failure {
        Failure { status: 3, message: message.into() }
    }

    /// An orderly end, as an operator of the chat asked for a restart, which a service manager that
    /// restarts on failure does.
    pub fn restart() -> Failure {
        Failure { status: 4, message: "ended, to be started again".to_owned() }
    }

    /// Anything else.
    pub fn other(message: impl Into<String>) -> Failure {
        Failure { status: 1, message: message.into() }
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result = match arguments.command {
        Some(Command::Config) => {
            output::say(Config::DEFAULT_TEXT.trim_end());
            Ok(())
        }
        Some(Command::Check) => check(arguments.flags),
        Some(Command::Account(command)) => account::run(arguments.flags, command),
        Some(Command::Operator(OperatorCommand::Hash)) => operator::hash(),
        Some(Command::Audit { since }) => audit::print(arguments.flags, since),
        Some(Command::Backup { file }) => database::backup(arguments.flags, &file),
        Some(Command::Verify) => database::verify(arguments.flags),
        None => run(arguments.flags),
    };
    let status = match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output::complain(&format!("stonechatd: {}", failure.message));
            ExitCode::from(failure.status)
        }
    };
    output::flush();
    status
}

fn check(flags: Flags) -> Result<(), Failure> {
    let settings = Settings::read(flags)?;
    let now = jiff::Timestamp::now().as_second();
    let (certificates, warnings) = certificates::check(&settings, now)?;
    settings.describe().iter().chain(&certificates).for_each(|line| output::say(line));
    warnings.iter().for_each(|warning| output::complain(&format!("warning: {warning}")));
    let mut findings = listeners::findings(&settings);
    let last = findings.pop();
    for Failure { message, .. } in findings {
        output::complain(&format!("stonechatd: {message}"));
    }
    last.map_or(Ok(()), Err)
}

/// Sets up the log. A record is one line: foreign text in it can't forge another.
fn begin_log(filter: &str) {
    let mut log = env_logger::Builder::new();
    let plain = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let style = if io::stderr().is_terminal() && !plain { Always } else { Never };
    log.target(env_logger::Target::Pipe(Box::new(output::Log))).write_style(style);
    log.parse_filters(filter).format(|out, record| {
        let (time, level) = (out.timestamp_seconds(), record.level());
        let style = out.default_level_style(level);
        let text = record.args().to_string();
        writeln!(out, "[{time} {style}{level:<5}{style:#}] {}", printable(&text))
    });
    log.init();
}

fn run(flags: Flags) -> Result<(), Failure> {
    let settings = Settings::read(flags)?;
    output::begin().map_err(|e| Failure::other(format!("cannot begin a thread: {e}")))?;
    begin_log(&settings.config.log);
    // With this, the limit on file sizes makes a write fail, and does not end the process.
    signal_hook::flag::register(SIGXFSZ, Arc::default())
        .map_err(|e| Failure::other(format!("cannot handle a signal: {e}")))?;
    Daemon::start(settings)?.run()
}
