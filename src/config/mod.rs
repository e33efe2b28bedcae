//! What the operator says: the config file, and what stands in for it in the environment.
//!
//! Foreign text ends here. What comes out is valid, or an error that names the place.

mod diagnosis;
mod listen;
mod units;

pub use diagnosis::closest;
pub use listen::{Listen, Place};
pub use units::check_log_filter;

use crate::net;
use serde::Deserialize;
use std::path::PathBuf;
use std::time::Duration;
use toml::{Table, Value};

/// The whole of it. Each key is explained in [`Config::DEFAULT_TEXT`].
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Config {
    /// `None` for the defaults.
    pub listen: Option<Vec<Listen>>,
    pub data: Option<PathBuf>,
    #[serde(deserialize_with = "units::log_filter")]
    pub log: String,
    pub reuse_port: bool,
    #[serde(deserialize_with = "units::duration")]
    pub shutdown_timeout: Duration,
    pub limits: Limits,
}

/// The section `[limits]`. Sizes in bytes.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Limits {
    /// `None` for as many as there are file descriptors.
    pub connections: Option<usize>,
    #[serde(deserialize_with = "units::duration")]
    pub accept_wait: Duration,
    pub connections_per_ip: u32,
    pub connects_per_ip_per_minute: u32,
    #[serde(deserialize_with = "units::size")]
    pub line_max: usize,
    #[serde(deserialize_with = "units::size")]
    pub recvq_max: usize,
    #[serde(deserialize_with = "units::size")]
    pub sendq_pause: usize,
    #[serde(deserialize_with = "units::size")]
    pub sendq_max: usize,
    #[serde(deserialize_with = "units::size")]
    pub memory_max: usize,
    #[serde(deserialize_with = "units::duration")]
    pub drain_timeout: Duration,
    #[serde(deserialize_with = "units::duration")]
    pub linger_timeout: Duration,
}

impl Config {
    /// The default config as a file, with comments.
    pub const DEFAULT_TEXT: &str = include_str!("default.toml");

    /// Reads a config file's `text`. What is wrong with it is said in one line that begins with
    /// `file`, line and column.
    pub fn from_toml(file: &str, text: &str) -> Result<Config, String> {
        let config: Config =
            toml::from_str(text).map_err(|e| diagnosis::in_file(file, text, &e))?;
        config.validate().map_err(|e| format!("{file}: {e}"))?;
        Ok(config)
    }

    /// The same with some of it overruled by `variables`, pairs of name and value. Those count whose
    /// name is `STONECHAT_` and a key in capitals, or `STONECHAT_LIMITS_` and a key of `[limits]`.
    /// An empty one says nothing.
    pub fn with_environment(
        file: &str,
        text: &str,
        variables: impl Iterator<Item = (String, String)>,
    ) -> Result<Config, String> {
        let mut config = Config::from_toml(file, text)?;
        let mut table: Table = text.parse().expect("it was read before");
        let mut overruled = Vec::new();
        for (name, value) in variables.filter(|(_, value)| !value.is_empty()) {
            let Some(key) = name.strip_prefix("STONECHAT_").map(str::to_lowercase) else {
                continue;
            };
            if let Some(key) = key.strip_prefix("limits_") {
                let limits = table.entry("limits").or_insert_with(|| Value::Table(Table::new()));
                let limits = limits.as_table_mut().expect("it was read before");
                limits.insert(key.to_owned(), plain_value(&value));
            } else if let Some(value) = value_of(&key, &value) {
                table.insert(key, value);
            } else {
                continue; // containers are given variables of this kind by others
            }
            config = Config::deserialize(table.clone())
                .map_err(|e| diagnosis::in_variable(&name, &e))?;
            overruled.push(name);
        }
        // Only when all have spoken, as two that are valid together may come in any order.
        config.validate().map_err(|e| format!("{}: {e}", overruled.join(", ")))?;
        Ok(config)
    }

    /// What must hold between keys, which no key alone can tell.
    fn validate(&self) -> Result<(), String> {
        let limits = &self.limits;
        let at_least = |key: &str, value: usize, least: usize, why: &str| match value >= least {
            true => Ok(()),
            false => Err(format!("limits.{key} must be at least {least}{why}, not {value}")),
        };
        at_least("connections", limits.connections.unwrap_or(1), 1, "")?;
        at_least("connections_per_ip", limits.connections_per_ip as usize, 1, "")?;
        at_least("connects_per_ip_per_minute", limits.connects_per_ip_per_minute as usize, 1, "")?;
        at_least("line_max", limits.line_max, 1, "")?;
        let line_and_end = limits.line_max.saturating_add(2);
        at_least("recvq_max", limits.recvq_max, line_and_end, " (line_max and a line end)")?;
        if limits.recvq_max > RECVQ_MAX_BYTES {
            return Err(format!("limits.recvq_max must be at most {RECVQ_MAX_BYTES}"));
        }
        at_least("sendq_max", limits.sendq_max, limits.sendq_pause, " (sendq_pause)")?;
        at_least("memory_max", limits.memory_max, limits.sendq_max, " (sendq_max)")
    }
}

impl Limits {
    /// The loop's limits, when there are file descriptors for `connections_max` connections.
    pub fn for_loop(&self, connections_max: usize) -> net::Limits {
        net::Limits {
            connections: self.connections.unwrap_or(usize::MAX).min(connections_max),
            accept_wait: self.accept_wait,
            connections_per_ip: self.connections_per_ip,
            connects_per_ip_per_minute: self.connects_per_ip_per_minute,
            recvq_max: self.recvq_max,
            sendq_pause: self.sendq_pause,
            sendq_max: self.sendq_max,
            memory_max: self.memory_max,
            drain_timeout: self.drain_timeout,
            linger_timeout: self.linger_timeout,
            ..net::Limits::default()
        }
    }
}

impl Default for Config {
    fn default() -> Config {
        Config {
            listen: None,
            data: None,
            log: "info".to_owned(),
            reuse_port: false,
            shutdown_timeout: Duration::from_secs(5),
            limits: Limits::default(),
        }
    }
}

impl Default for Limits {
    fn default() -> Limits {
        let of_loop = net::Limits::default();
        Limits {
            connections: None,
            accept_wait: of_loop.accept_wait,
            connections_per_ip: of_loop.connections_per_ip,
            connects_per_ip_per_minute: of_loop.connects_per_ip_per_minute,
            line_max: 4 << 10,
            recvq_max: of_loop.recvq_max,
            sendq_pause: of_loop.sendq_pause,
            sendq_max: of_loop.sendq_max,
            memory_max: of_loop.memory_max,
            drain_timeout: of_loop.drain_timeout,
            linger_timeout: of_loop.linger_timeout,
        }
    }
}

/// The loop keeps one buffer of this size. Beyond 4 GiB the positions in a line would not fit.
const RECVQ_MAX_BYTES: usize = 1 << 30;

/// The value of a key beside the sections; `None` if there is no such key.
fn value_of(key: &str, value: &str) -> Option<Value> {
    match key {
        "listen" => {
            let urls = value.split(',').map(|url| Value::String(url.trim().to_owned()));
            Some(Value::Array(urls.collect()))
        }
        "data" | "log" | "shutdown_timeout" => Some(Value::String(value.to_owned())),
        "reuse_port" => Some(value.parse().map_or_else(|_| plain_value(value), Value::Boolean)),
        _ => None,
    }
}

/// A number where it is one, else a string.
fn plain_value(value: &str) -> Value {
    value.parse().map_or_else(|_| Value::String(value.to_owned()), Value::Integer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        Config::from_toml("c.toml", text).unwrap_err()
    }

    fn from_variable(name: &str, value: &str) -> Result<Config, String> {
        let variables = [(name.to_owned(), value.to_owned())];
        Config::with_environment("c.toml", "[limits]\nline_max = 100", variables.into_iter())
    }

    #[test]
    fn the_default_file_says_the_defaults() {
        let config = Config::from_toml("default.toml", Config::DEFAULT_TEXT).unwrap();
        assert_eq!(config, Config::default());
        assert!(Config::DEFAULT_TEXT.lines().count() <= 80);
        assert_eq!(Config::from_toml("empty.toml", "").unwrap(), Config::default());
    }

    #[test]
    fn what_the_default_file_comments_out_is_valid_too() {
        let uncommented = |line: &str| match line.strip_prefix('#') {
            Some(key) if key.starts_with(char::is_alphabetic) => key.to_owned(),
            _ => line.to_owned(),
        };
        let lines: Vec<String> = Config::DEFAULT_TEXT.lines().map(uncommented).collect();
        let config = Config::from_toml("all.toml", &lines.join("\n")).unwrap();
        assert!(config.data.is_some() && config.limits.connections.is_some());
        assert_eq!(config.listen, Some(Listen::defaults()));
    }

    #[test]
    fn errors_name_the_place_and_the_remedy() {
        for (text, expected) in [
            (
                "[limits]\nconections = 3",
                "c.toml:2:1: unknown key `conections`, did you mean `connections`?",
            ),
            ("\n\nlog = 3", "c.toml:3:7: invalid type: integer `3`, expected a string"),
            ("log = ", "c.toml:1:7: "),
            ("log = \"inof\"", "c.toml:1:7: unknown level `inof`, did you mean `info`?"),
            (
                "[limits]\nline_max = \"4 parsecs\"",
                "c.toml:2:12: `4 parsecs` is not a size; write bytes, or \"64 KiB\"",
            ),
            (
                "[limits]\naccept_wait = 5",
                "c.toml:2:15: `5` is not a time; write \"15s\" or \"2 min\"",
            ),
            (
                "[limits]\naccept_wait = \"-5s\"",
                "c.toml:2:15: `-5s` is not a time; write \"15s\" or \"2 min\"",
            ),
            (
                "listen = [\"ecko://127.0.0.1:1\"]",
                "c.toml:1:10: unknown scheme in `ecko://127.0.0.1:1`, did you mean `echo`?",
            ),
            (
                "listen = [\"echo://127.0.0.1\"]",
                "c.toml:1:10: no port in `echo://127.0.0.1`; write echo://HOST:PORT",
            ),
            (
                "[limits]\nrecvq_max = 4097",
                "c.toml: limits.recvq_max must be at least 4098 (line_max and a line end), not 4097",
            ),
            ("[limits]\nrecvq_max = \"16 EiB\"", "c.toml: limits.recvq_max must be at most "),
            ("[limits]\nline_max = \"16 EiB\"", "c.toml: limits.recvq_max must be at least "),
            ("[limits]\nconnections = 0", "c.toml: limits.connections must be at least 1, not 0"),
            ("[limits]\nconnections = -1", "c.toml:2:15: invalid value: integer `-1`"),
        ] {
            let error = error(text);
            assert!(error.starts_with(expected), "{text:?}: {error}");
            assert_eq!(error.lines().count(), 1, "{error}");
        }
    }

    #[test]
    fn sizes_and_times_are_written_as_people_write_them() {
        let text = "[limits]\nline_max = 4000\nrecvq_max = \"1 MiB\"\nsendq_pause = \"10kB\"
                    accept_wait = \"1m 30s\"";
        let limits = Config::from_toml("c.toml", text).unwrap().limits;
        assert_eq!(
            (limits.line_max, limits.recvq_max, limits.sendq_pause),
            (4000, 1 << 20, 10_000)
        );
        assert_eq!(limits.accept_wait, Duration::from_secs(90));
    }

    #[test]
    fn the_environment_comes_before_the_file() {
        let limits = |name, value| from_variable(name, value).unwrap().limits;
        assert_eq!(limits("STONECHAT_LIMITS_LINE_MAX", "1 KiB").line_max, 1024);
        assert_eq!(limits("STONECHAT_LIMITS_CONNECTIONS", "7").connections, Some(7));
        assert_eq!(limits("STONECHAT_PORT", "tcp://10.0.0.1:80").line_max, 100);
        assert_eq!(limits("STONECHAT_LIMITS_LINE_MAX", "").line_max, 100);
        let config = |name, value| from_variable(name, value).unwrap();
        let listen = "echo://127.0.0.1:1, echo://127.0.0.2:1";
        assert_eq!(config("STONECHAT_LISTEN", listen).listen.unwrap().len(), 2);
        assert_eq!(config("STONECHAT_DATA", "17").data.unwrap(), PathBuf::from("17"));
        assert!(config("STONECHAT_REUSE_PORT", "true").reuse_port);
        assert_eq!(config("STONECHAT_SHUTDOWN_TIMEOUT", "1s").shutdown_timeout.as_secs(), 1);
    }

    #[test]
    fn variables_that_are_valid_together_may_come_in_any_order() {
        let mut variables = [("LINE_MAX", "32 KiB"), ("RECVQ_MAX", "64 KiB")]
            .map(|(key, value)| (format!("STONECHAT_LIMITS_{key}"), value.to_owned()));
        for _ in 0..2 {
            let config = Config::with_environment("", "", variables.clone().into_iter()).unwrap();
            assert_eq!((config.limits.line_max, config.limits.recvq_max), (32 << 10, 64 << 10));
            variables.reverse();
        }
    }

    #[test]
    fn errors_of_the_environment_name_the_variable() {
        assert_eq!(
            from_variable("STONECHAT_LIMITS_LINES_MAX", "1").unwrap_err(),
            "STONECHAT_LIMITS_LINES_MAX: unknown key `lines_max`, did you mean `line_max`?"
        );
        assert_eq!(
            from_variable("STONECHAT_LIMITS_LINE_MAX", "long").unwrap_err(),
            "STONECHAT_LIMITS_LINE_MAX: `long` is not a size; write bytes, or \"64 KiB\""
        );
    }
}
