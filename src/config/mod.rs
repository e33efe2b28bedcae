//! What the operator says: the config file, and what stands in for it in the environment.
//!
//! Foreign text ends here. What comes out is valid, or an error that names the place.

mod chat;
mod commands;
mod listen;
mod log_filter;
mod operators;
mod proxy;
mod source;
mod tls;

pub use crate::setting::closest;
pub use chat::{Chat, Secret};
pub use commands::{Command, Commands};
pub use listen::{Listen, Place, Scheme};
pub use log_filter::check_log_filter;
pub use operators::{Class, Classes, Operator};
pub use proxy::{Proxy, Webirc};
pub use tls::Tls;

use crate::chat::{Abuse, Accounts, History, Settings};
use crate::echo;
use crate::net::Limits;
use crate::setting::{Problems, time};
use serde::{Deserialize, Deserializer};
use source::Source;
use std::path::PathBuf;
use std::time::Duration;

/// The whole of it. Each key is explained in [`Config::DEFAULT_TEXT`].
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Config {
    /// `None` for the defaults.
    #[serde(deserialize_with = "listens")]
    pub listen: Option<Vec<Listen>>,
    pub data: Option<PathBuf>,
    #[serde(deserialize_with = "log_filter::log_filter")]
    pub log: String,
    pub reuse_port: bool,
    #[serde(deserialize_with = "time")]
    pub shutdown_timeout: Duration,
    pub chat: Chat,
    pub operator_classes: Classes,
    pub commands: Commands,
    pub accounts: Accounts,
    pub history: History,
    pub proxy: Proxy,
    pub abuse: Abuse,
    pub tls: Tls,
    pub limits: Limits,
    pub echo: echo::Settings,
}

impl Config {
    /// The default config as a file, with comments.
    pub const DEFAULT_TEXT: &str = include_str!("default.toml");

    /// Reads a config file's `text`. All that is wrong with it is said, a line each that begins with
    /// `file`, line and column.
    pub fn from_toml(file: &str, text: &str) -> Result<Config, String> {
        Config::with_environment(file, text, std::iter::empty())
    }

    /// As [`Config::from_toml`], with some of it overruled by `variables`, pairs of name and value.
    /// Those count whose name is `STONECHAT_` and a key in capitals, the section's before it if it is
    /// in one: `STONECHAT_LIMITS_RECVQ_MAX`. An empty one says nothing; one of another key is an error.
    pub fn with_environment(
        file: &str,
        text: &str,
        variables: impl Iterator<Item = (String, String)>,
    ) -> Result<Config, String> {
        let variables: Vec<(String, String)> = variables.collect();
        let mut source = Source::parse(file, text).map_err(|problems| problems.join("\n"))?;
        variables.iter().for_each(|(name, value)| source.overrule(name, value));
        let (config, mut told) = source.read();
        let mut problems = Problems::new();
        config.check(&mut problems);
        // Keys are checked against each other once each of them is right.
        if told.is_empty() && problems.is_empty() {
            config.check_together(&mut problems);
        }
        told.extend(problems.iter().map(|problem| source.locate(problem)));
        if told.is_empty() { Ok(config) } else { Err(told.join("\n")) }
    }

    /// The settings of chat.
    pub fn chat(&self) -> Settings {
        Settings {
            operators: operators::settled(&self.chat.operators, &self.operator_classes),
            commands: commands::settled(&self.commands),
            accounts: self.accounts.clone(),
            history: self.history.clone().with_memory(self.limits.memory_max),
            gateways: self.proxy.gateways(),
            abuse: self.abuse.clone(),
            ..self.chat.settings()
        }
    }

    fn check(&self, problems: &mut Problems) {
        problems.extend(self.chat.validate().err());
        self.chat.limits.check("chat.limits", problems);
        problems.extend(commands::validate(&self.commands).err());
        self.accounts.check_ranges("accounts", problems);
        self.history.check("history", problems);
        problems.extend(self.proxy.validate().err());
        self.abuse.check_ranges("abuse", problems);
        problems.extend(self.tls.validate().err());
        self.limits.check("limits", problems);
        self.echo.check_ranges("echo", problems);
    }

    /// What spans several sections.
    fn check_together(&self, problems: &mut Problems) {
        let Config { operator_classes, chat, commands, limits, echo, .. } = self;
        problems.extend(operators::validate(operator_classes, &chat.operators, commands).err());
        let least = echo.line_max.saturating_add(2);
        if limits.recvq_max < least {
            problems.push(format!(
                "limits.recvq_max must be at least {least} (echo.line_max and a line end), not {}",
                limits.recvq_max
            ));
        }
    }
}

fn listens<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<Listen>>, D::Error> {
    crate::setting::words(deserializer).map(Some)
}

impl Default for Config {
    fn default() -> Config {
        Config {
            listen: None,
            data: None,
            log: "info".to_owned(),
            reuse_port: false,
            shutdown_timeout: Duration::from_secs(5),
            chat: Chat::default(),
            operator_classes: Classes::new(),
            commands: Commands::new(),
            accounts: Accounts::default(),
            history: History::default(),
            proxy: Proxy::default(),
            abuse: Abuse::default(),
            tls: Tls::default(),
            limits: Limits::default(),
            echo: echo::Settings::default(),
        }
    }
}

#[cfg(test)]
mod tests;
