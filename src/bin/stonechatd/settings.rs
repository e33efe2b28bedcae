//! The settings, from flags, environment and config file.

use crate::{Failure, data_dir};
use clap::Args;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use stonechat::chat;
use stonechat::config::{Config, Listen, check_log_filter};
use stonechat::net;
use stonechat::store::Policy;

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
    pub flags: Flags,
    /// The config file, if there is one.
    file: Option<PathBuf>,
    /// The config, overruled by the flags.
    pub config: Config,
    /// The data directory; `None` to keep no data.
    pub data: Option<PathBuf>,
    /// Whether the directory was named; otherwise it is the user's own.
    pub says_data: bool,
    pub chat: chat::Settings,
    pub policy: Policy,
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
        let mut config = read_config(file.as_deref()).map_err(Failure::usage)?;
        config.listen =
            Some(flags.listen.clone()).filter(|listen| !listen.is_empty()).or(config.listen);
        config.data = flags.data.clone().or(config.data);
        config.log = flags.log.clone().unwrap_or(config.log);
        let sts = config.sts().map_err(Failure::usage)?;
        let chat = chat::Settings { sts, ..config.chat() };
        let managed = data_dir::given_by_manager("STATE_DIRECTORY").is_some();
        let says_data = config.data.is_some() || managed;
        let data = data_dir::choose(config.data.clone()).map_err(Failure::unavailable)?;
        let mut policy = config.history.policy();
        if data.is_none() {
            policy.bytes.get_or_insert(MEMORY_BYTES);
        }
        Ok(Settings { flags, file, config, data, says_data, chat, policy })
    }

    /// From where any number may come: the networks that are exempt, and those of gateways, as limits
    /// are for whom they name. But where a gateway may be anywhere, if only it knows the password,
    /// limits hold until it has said it.
    pub fn exempt(&self) -> net::Networks {
        let gateways = self.config.proxy.gateways.iter().flat_map(|gateway| &gateway.networks.0);
        let sites = gateways.filter(|network| network.is_within_a_site());
        net::Networks(self.chat.abuse.exempt.0.iter().chain(sites).copied().collect())
    }

    /// The loop's limits under the limit of file descriptors, which is raised as far as allowed.
    pub fn limits(&self) -> net::Limits {
        let configured = self.config.limits();
        let wanted = configured.connections;
        let limits = net::Limits { connections: wanted.min(connections_max()), ..configured };
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
        let listen = self.config.listen.clone().unwrap_or_else(Listen::defaults);
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
