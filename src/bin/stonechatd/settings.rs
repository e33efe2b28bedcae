//! The settings, from flags, environment and config file.

use crate::{Failure, data_dir};
use clap::Args;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;
use stonechat::chat;
use stonechat::config::{Config, Listen, Proxy, Tls, check_log_filter};
use stonechat::net;
use stonechat::store::Policy;
use stonechat::store::sqlite::Durability;

/// The common flags.
#[derive(Args, Clone)]
pub struct Flags {
    /// Config file; `stonechatd config` prints one to begin with
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    /// Data directory, or :memory: to keep no data
    #[arg(long, value_name = "DIR", global = true)]
    data: Option<PathBuf>,
    /// Address to listen on, as irc://127.0.0.1:6667 or echo://unix:/run/echo; may be repeated
    #[arg(long, value_name = "URL", value_delimiter = ',', global = true)]
    listen: Vec<Listen>,
    /// Level of the log: error, warn, info, debug, trace, or a filter by module
    #[arg(long, value_name = "LEVEL", value_parser = log_filter, global = true)]
    log: Option<String>,
}

/// The resulting settings.
pub struct Settings {
    flags: Flags,
    /// The config file, if there is one.
    file: Option<PathBuf>,
    /// The listeners; `None` for the defaults, as far as they can be opened.
    pub listen: Option<Vec<Listen>>,
    /// The data directory; `None` to keep no data.
    pub data: Option<PathBuf>,
    /// Whether the directory was named; otherwise it is the user's own.
    pub says_data: bool,
    pub log: String,
    pub reuse_port: bool,
    pub shutdown_timeout: Duration,
    pub chat: chat::Settings,
    pub durability: Durability,
    pub policy: Policy,
    pub proxy: Proxy,
    pub tls: Tls,
    /// Without what the system and other sections have to do with it: see [`Settings::limits`].
    limits: net::Limits,
    pub line_max: usize,
}

/// The directory and the name of the config of the unit in `examples/`.
const OF_SYSTEM: &str = "/etc/stonechat";
const FILE_NAME: &str = "stonechat.toml";

/// Descriptors that are not for connections: standard streams, poll, signals, files; and the spare.
const RESERVED_FDS: u64 = 32;

impl Flags {
    fn names_config(&self) -> Option<PathBuf> {
        let named = || env::var_os("STONECHAT_CONFIG").filter(|file| !file.is_empty());
        self.config.clone().or_else(|| named().map(PathBuf::from))
    }
}

impl Settings {
    /// Reads the settings. If the service manager gives us a directory for configuration,
    /// `stonechat.toml` in it is the default config file.
    pub fn read(flags: Flags) -> Result<Settings, Failure> {
        let given = || data_dir::given_by_manager("CONFIGURATION_DIRECTORY");
        let given = || given().map(|dir| dir.join(FILE_NAME)).filter(|file| file.exists());
        let file = flags.names_config().or_else(given);
        Settings::from_file(flags, file)
    }

    /// Reads the settings of the system's service, unless `flags` and the environment name others.
    pub fn read_of_system(flags: Flags) -> Result<Settings, Failure> {
        let dir = data_dir::given_by_manager("CONFIGURATION_DIRECTORY");
        let file = dir.unwrap_or_else(|| OF_SYSTEM.into()).join(FILE_NAME);
        let file = flags.names_config().or(Some(file).filter(|file| file.exists()));
        let settings = Settings::from_file(flags, file)?;
        let data =
            if settings.says_data { settings.data } else { Some(data_dir::OF_SYSTEM.into()) };
        Ok(Settings { data, ..settings })
    }

    fn from_file(flags: Flags, file: Option<PathBuf>) -> Result<Settings, Failure> {
        let config = read_config(file.as_deref()).map_err(Failure::usage)?;
        let listen = Some(flags.listen.clone()).filter(|listen| !listen.is_empty());
        let mut chat = config.chat();
        let listen = listen.or(config.listen);
        chat.sts = config.tls.sts(listen.as_deref()).map_err(Failure::usage)?;
        let data = flags.data.clone().or(config.data);
        let managed = data_dir::given_by_manager("STATE_DIRECTORY").is_some();
        let says_data = data.is_some() || managed;
        let data = data_dir::choose(data).map_err(Failure::unavailable)?;
        let mut policy = config.history.policy();
        if data.is_none() {
            policy.bytes.get_or_insert(MEMORY_BYTES);
        }
        Ok(Settings {
            says_data,
            listen,
            data,
            log: flags.log.clone().unwrap_or(config.log),
            reuse_port: config.reuse_port,
            shutdown_timeout: config.shutdown_timeout,
            chat,
            durability: config.history.durability,
            policy,
            proxy: config.proxy,
            tls: config.tls,
            limits: config.limits,
            line_max: config.echo.line_max,
            file,
            flags,
        })
    }

    /// Reads environment and config file again, with the same flags.
    pub fn read_again(&self) -> Result<Settings, Failure> {
        Settings::read(self.flags.clone())
    }

    /// The networks without limits of connections: exempt ones, and those of gateways, as limits
    /// apply to the clients they name. Networks beyond an IPv4 /24 or IPv6 /48 are left out: a
    /// gateway there is limited until it has given its password.
    pub fn exempt(&self) -> net::Networks {
        let gateways = self.proxy.gateways.iter().flat_map(|gateway| &gateway.networks.0);
        let sites = gateways.filter(|network| network.is_within_a_site());
        net::Networks(self.chat.abuse.exempt.0.iter().chain(sites).copied().collect())
    }

    /// The loop's limits under the limit of file descriptors, which is raised as far as allowed.
    pub fn limits(&self) -> net::Limits {
        let wanted = self.limits.connections;
        let limits = net::Limits {
            connections: wanted.min(connections_max()),
            header_timeout: self.proxy.header_timeout,
            arriving_timeout: self.tls.handshake_timeout,
            arriving_max: self.tls.handshakes_max,
            ..self.limits
        };
        if wanted > limits.connections && wanted < net::Limits::CONNECTIONS_MAX {
            log::warn!(
                "limits.connections is {wanted}, but the limit of file descriptors leaves room for \
                 {}: raise it (ulimit -n, LimitNOFILE)",
                limits.connections
            );
        }
        limits
    }

    /// The lines of `stonechatd check`.
    pub fn describe(&self) -> Vec<String> {
        let file = self.file.as_ref().map(|file| file.display().to_string());
        let data = self.data.as_ref().map(|data| data.display().to_string());
        let listen = self.listen.clone().unwrap_or_else(Listen::defaults);
        let net::Limits { connections, .. } = self.limits();
        let mut lines = vec![
            format!("config {}", file.as_deref().unwrap_or("none, all defaults")),
            format!("data {}", data.as_deref().unwrap_or("none is kept")),
        ];
        if let (None, Some(bytes)) = (&self.data, self.policy.bytes) {
            lines.push(format!("history in memory, at most {} KiB", bytes >> 10));
        }
        lines.extend(listen.iter().map(|listen| format!("listen {listen}")));
        lines.push(format!("connections at most {connections}"));
        let chat::Settings { server_name, network, password, operators, commands, .. } = &self.chat;
        lines.push(format!("chat server {server_name} of the network {network}"));
        lines.push(format!("chat password {}", if password.is_some() { "set" } else { "not set" }));
        lines.extend(operators.iter().map(|operator| match &*operator.class.name {
            "" => format!("chat operator {}, in no class: without any right", operator.name),
            class => format!("chat operator {} of class {class}", operator.name),
        }));
        lines.extend(
            commands
                .iter()
                .map(|(name, program)| format!("command {name} runs {}", program.path.display())),
        );
        lines
    }
}

/// The default limit of history in memory: see [`Policy::bytes`].
const MEMORY_BYTES: u64 = 64 << 20;

fn read_config(file: Option<&Path>) -> Result<Config, String> {
    let variables = env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let Some(file) = file else {
        return Config::with_environment("", "", variables);
    };
    let name = file.display().to_string();
    let text = fs::read_to_string(file).map_err(|e| format!("cannot read config {name}: {e}"))?;
    Config::with_environment(&name, &text, variables)
}

fn log_filter(filter: &str) -> Result<String, String> {
    check_log_filter(filter).map(|()| filter.to_owned())
}

/// The number of connections that the limit of descriptors allows.
fn connections_max() -> usize {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum {
        let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    }
    let fds = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    (fds - RESERVED_FDS.min(fds / 4)) as usize
}
