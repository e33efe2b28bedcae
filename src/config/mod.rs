//! What the operator says: the config file, and what stands in for it in the environment.
//!
//! Foreign text ends here. What comes out is valid, or an error that names the place.

mod listen;
mod log_filter;
mod proxy;
mod source;

pub use listen::{HostOrPath, Listen, Scheme};
pub use log_filter::check_log_filter;
pub use proxy::Proxy;

use crate::app::Protocol;
use crate::chat::{self, Abuse, Accounts, Classes, Commands, History, Sts};
use crate::setting::{Problem, Problems, seconds, settings};
use crate::{echo, net, tls, web};
use serde::Deserializer;
use source::Document;
use std::path::PathBuf;

settings! {
    /// The whole of it. Each key is explained in [`Config::DEFAULT_TEXT`].
    #[allow(missing_docs)]
    pub struct Config {
        times {
            shutdown_timeout = seconds(5), ..;
        }
        values {
            /// `None` for the defaults.
            #[serde(deserialize_with = "listens")]
            listen: Option<Vec<Listen>> = None;
            data: Option<PathBuf> = None;
            #[serde(deserialize_with = "log_filter::log_filter")]
            log: String = "info".to_owned();
            reuse_port: bool = false;
            chat: chat::Settings = chat::Settings::default();
            operator_classes: Classes = Classes::new();
            commands: Commands = Commands::new();
            accounts: Accounts = Accounts::default();
            history: History = History::default();
            proxy: Proxy = Proxy::default();
            abuse: Abuse = Abuse::default();
            tls: tls::Settings = tls::Settings::default();
            limits: net::Limits = net::Limits::default();
            echo: echo::Settings = echo::Settings::default();
            web: web::Settings = web::Settings::default();
        }
    }
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
        let mut source = Document::parse(file, text).map_err(|problems| problems.join("\n"))?;
        variables.iter().for_each(|(name, value)| source.overrule(name, value));
        let config = source.read();
        let mut problems = Problems::new();
        config.check(&mut problems);
        let told = source.told(problems);
        if told.is_empty() { Ok(config) } else { Err(told.join("\n")) }
    }

    /// The settings of chat, with the sections that belong to it.
    pub fn chat(&self) -> chat::Settings {
        let operators = self.chat.operators.iter();
        chat::Settings {
            operators: operators.map(|each| each.settled(&self.operator_classes)).collect(),
            commands: self.commands.clone(),
            accounts: self.accounts.clone(),
            history: self.history.clone().with_memory(self.limits.memory_max),
            gateways: self.proxy.gateways.clone(),
            abuse: self.abuse.clone(),
            ..self.chat.clone()
        }
    }

    /// The limits of the loop, with those that stand in other sections.
    pub fn limits(&self) -> net::Limits {
        net::Limits {
            header_timeout: self.proxy.header_timeout,
            handshake_timeout: self.tls.handshake_timeout,
            handshakes_max: self.tls.handshakes_max,
            ..self.limits
        }
    }

    /// The policy that sends clients from plain connections to TLS: to the first listener that speaks
    /// it.
    pub fn sts(&self) -> Result<Option<Sts>, String> {
        let Some(ms) = self.tls.sts else { return Ok(None) };
        let listens = self.listen.clone().unwrap_or_else(Listen::defaults);
        let meant = Scheme { protocol: Protocol::Irc, secure: true };
        let port = listens.iter().filter(|listen| listen.scheme == meant).find_map(Listen::port);
        let port =
            port.ok_or("tls.sts needs a listener ircs://HOST:PORT with a port of its own")?;
        Ok(Some(Sts { port, seconds: (ms / 1000) as u64 }))
    }

    fn check(&self, problems: &mut Problems) {
        self.chat.check("chat", problems);
        chat::check_commands(&self.commands, "commands", problems);
        chat::check_classes(&self.operator_classes, &self.chat.operators, &self.commands, problems);
        self.accounts.check_values("accounts", problems);
        self.history.check("history", problems);
        self.proxy.check("proxy", problems);
        self.abuse.check_values("abuse", problems);
        self.tls.check("tls", problems);
        self.limits.check("limits", problems);
        self.echo.check_values("echo", problems);
        self.web.check_values("web", problems);
        let (recvq_max, least) = (self.limits.recvq_max, self.echo.line_max.saturating_add(2));
        if recvq_max < least {
            let what =
                format!("must be at least {least} (echo.line_max and a line end), not {recvq_max}");
            let problem = Problem::at("limits.recvq_max", what);
            problems.push(problem.with(["echo.line_max".to_owned()]));
        }
    }
}

fn listens<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<Listen>>, D::Error> {
    crate::setting::words(deserializer).map(Some)
}

#[cfg(test)]
mod tests;
