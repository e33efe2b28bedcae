//! Settings of chat: names, texts, operators, and every limit.

mod limits;

pub use limits::{Limits, NAME_MAX_BYTES};

use crate::auth::attempts::AttemptLimits;
use crate::auth::verifier::Verifier;
use crate::chat::state::right::Right;
use crate::net::Networks;
use crate::rate::Rate;
use crate::setting::{self, Problems, seconds, settings};
use crate::store::sqlite::Durability;
use crate::store::{Keep, Policy, REPLY_BYTES_MAX, Reply, Target};
use crate::wire::casemap::folded;
use crate::wire::irc::names::ChannelName;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

/// All settings of chat, already validated: the config's section `[chat]` and those beside it.
#[derive(Clone, PartialEq)]
pub struct Settings {
    /// The server's name, the source of its own lines; no space in it, not empty.
    pub server_name: String,
    /// The network's name, for people; no space in it, not empty.
    pub network: String,
    /// The description of the server in LINKS and WHOIS; empty for the network's name.
    pub description: String,
    /// The modes of new users: letters of user modes that users may set themselves.
    pub user_modes: String,
    /// The password that all clients must give with PASS.
    pub password: Option<String>,
    /// The message of the day, by line.
    pub motd: Vec<String>,
    /// The reply to ADMIN: the server's location, its operator, and their address.
    pub admin: [String; 3],
    /// The network's picture, a URL.
    pub icon: Option<String>,
    /// The users who may become operators with OPER; no two of one name.
    pub operators: Vec<Operator>,
    /// Programs that operators may run, by name.
    pub commands: BTreeMap<String, Program>,
    /// The history: its extent, and how it is read.
    pub history: History,
    /// Accounts, and whether they are required.
    pub accounts: Accounts,
    /// The policy that sends clients from plain connections to TLS.
    pub sts: Option<Sts>,
    /// Gateways that may name their clients' addresses by WEBIRC.
    pub gateways: Vec<Gateway>,
    /// Limits against abuse.
    pub abuse: Abuse,
    /// Bounds and timeouts.
    pub limits: Limits,
}

impl Settings {
    /// The description of the server in LINKS and WHOIS.
    pub(crate) fn description(&self) -> &str {
        if self.description.is_empty() { &self.network } else { &self.description }
    }
}

/// Letters that `user_modes` may have.
pub const USER_MODES: &str = "BRTiw";

/// The policy of IRCv3 sts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sts {
    /// The port for TLS.
    pub port: u16,
    /// How long a client must use TLS alone; 0 withdraws the policy.
    pub seconds: u64,
}

/// A gateway that may name its clients' addresses by WEBIRC.
#[derive(Clone, Debug, PartialEq)]
pub struct Gateway {
    /// The name in its WEBIRC command.
    pub name: String,
    /// The networks it may connect from.
    pub networks: Networks,
    /// The verifier of its password, from `stonechatd operator hash`; `None` requires none.
    pub verifier: Option<Verifier>,
}

settings! {
    /// Limits against abuse: the config's `[abuse]`.
    pub struct Abuse {
        values {
            /// Networks without limits on input and attempts. Unix sockets have none either.
            exempt: Networks = Networks::loopback();
            /// Lines that one user may send at once, and in each second after that.
            flood_burst: u32 = 20, 1..=1000;
            #[allow(missing_docs)]
            flood_per_second: u32 = 4, 1..=100;
            /// Lines that a connection may send before registration without being slowed.
            registration_burst: u32 = 100, 20..=1000;
            /// Lines' worth of questions about each channel a user is in, beside the flood bucket:
            /// see `chat::connection::flood`. They refill at the rate of that bucket.
            asks_per_channel: u32 = 12, 0..=100;
            /// Whether users see a host's cloak instead of its address.
            cloak: bool = true;
            /// Members of a channel that a user without rank may name in one message.
            mentions_max: usize = 10, 1..=1000;
            /// Passwords that one address may try at once, and in each minute after that.
            attempts_per_ip: u32 = 10, BURSTS;
            #[allow(missing_docs)]
            attempts_per_ip_per_minute: u32 = 10, PER_MINUTE;
            /// Passwords that may be tried for one account at once, and in each minute after that.
            attempts_per_account: u32 = 30, BURSTS;
            #[allow(missing_docs)]
            attempts_per_account_per_minute: u32 = 3, PER_MINUTE;
            /// Accounts that all users together may make at once, and in each minute after that.
            registrations: u32 = 30, BURSTS;
            #[allow(missing_docs)]
            registrations_per_minute: u32 = 3, PER_MINUTE;
        }
    }
}

const BURSTS: RangeInclusive<u32> = 1..=100_000;
const PER_MINUTE: RangeInclusive<u32> = 1..=60_000;

settings! {
    /// Accounts, and whether they are required: the config's `[accounts]`.
    pub struct Accounts {
        values {
            /// The users who may make an account.
            registration: Registration = Registration::Open;
            /// Whether an account may be made before connection registration is complete.
            before_connect: bool = true;
            /// Whether users must log in to an account.
            login_required: bool = false;
            /// Connections that may act for one user.
            connections_max: usize = 16, 1..=1000;
            /// Whether users may stay when their last connection closes.
            always_on: AlwaysOn = AlwaysOn::Offered;
        }
    }
}

/// Whether users may stay when their last connection closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AlwaysOn {
    /// No user stays.
    Off,
    /// Users may ask to stay, with `NickServ SET always-on on`.
    Offered,
    /// Users of accounts made from now on stay too, unless they opt out.
    Default,
}

/// The users who may make an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Registration {
    /// Anyone.
    Open,
    /// Anyone with an invitation, as `stonechatd account invite` prints it.
    Invitation,
    /// Operators, for others.
    Closed,
}

settings! {
    /// The history: its extent, its durability, and how it is read: the config's `[history]`.
    pub struct History {
        values {
            /// Whether messages are stored.
            enabled: bool = true;
            /// The messages that survive a loss of power.
            durability: Durability = Durability::Full;
            /// How long messages are retained, in milliseconds; `None` for ever.
            #[serde(deserialize_with = "setting::age")]
            keep_for: Option<i64> = None;
            /// How many bytes are retained; `None` for as many as there are.
            #[serde(deserialize_with = "setting::some_size")]
            keep_bytes: Option<u64> = None;
            /// Exceptions for single channels.
            channels: Vec<ChannelHistory> = Vec::new();
            /// Messages in the reply to one CHATHISTORY.
            answer_max: u16 = 100, 1..=1000;
            /// The latest messages of a channel, sent on JOIN to clients that cannot request them.
            on_join: u16 = 10, 0..=1000;
            /// Messages of each conversation sent to a returning user whose client cannot request
            /// them; 0 for none.
            on_return: u16 = 50, 0..=1000;
            /// Bytes of the replies that wait for slow readers, all together.
            #[serde(skip)]
            waiting_bytes_max: usize = 64 << 20;
            /// Bytes of the store's replies that chat has not taken yet.
            #[serde(skip)]
            reply_bytes_max: usize = REPLY_BYTES_MAX;
        }
    }
}

/// The exceptions for one channel.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct ChannelHistory {
    pub name: String,
    #[serde(default, deserialize_with = "setting::age")]
    pub keep_for: Option<i64>,
    #[serde(default, deserialize_with = "setting::some_size")]
    pub keep_bytes: Option<u64>,
}

impl History {
    /// How much is retained.
    pub fn policy(&self) -> Policy {
        let of_channel = |channel: &ChannelHistory| {
            let target = Target::Channel(folded(&channel.name).into_owned());
            (target, Keep { age_ms: channel.keep_for, bytes: channel.keep_bytes })
        };
        let overrides = self.channels.iter().map(of_channel).collect();
        Policy { age_ms: self.keep_for, bytes: self.keep_bytes, overrides }
    }

    /// Bounds the replies that wait for slow readers, and those in the store, to parts of
    /// `memory_max`. They come on top of it.
    pub fn with_memory(self, memory_max: usize) -> History {
        let reply_bytes_max = (memory_max / 16).clamp(Reply::BYTES_MAX, REPLY_BYTES_MAX);
        History { waiting_bytes_max: memory_max / 4, reply_bytes_max, ..self }
    }

    /// Reports values out of range, and names that are not those of channels.
    pub fn check(&self, section: &str, problems: &mut Problems) {
        self.check_ranges(section, problems);
        for (index, ChannelHistory { name, .. }) in self.channels.iter().enumerate() {
            let same = |other: &ChannelHistory| folded(&other.name) == folded(name);
            if ChannelName::parse(name, usize::MAX).is_none() {
                let name = name.escape_debug();
                problems
                    .push(format!("{section}.channels.name `{name}` can't be that of a channel"));
            } else if self.channels[..index].iter().any(same) {
                problems
                    .push(format!("{section}.channels has two of the name `{name}`; remove one"));
            }
        }
    }
}

/// A user who may become an operator.
#[derive(Clone, Debug, PartialEq)]
pub struct Operator {
    /// The name given to OPER; with [`Proof::Account`] also that of the account.
    pub name: String,
    /// The proof of their identity.
    pub proof: Proof,
    /// Their class.
    pub class: OperatorClass,
}

/// The proof of an operator's identity.
#[derive(Clone, Debug, PartialEq)]
pub enum Proof {
    /// A password; its verifier comes from `stonechatd operator hash`.
    Password(Verifier),
    /// A login to the account of that name.
    Account,
}

/// The rights of a class of operators: by default none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OperatorClass {
    /// The name in the config; empty for operators without a class.
    pub name: String,
    /// The title in WHOIS.
    pub title: Option<String>,
    /// The rights.
    pub rights: Vec<Right>,
    /// The programs they may run, by name.
    pub commands: Vec<String>,
}

/// A program that operators may run with COMMAND: always the same one, with the same arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// An absolute path: it is not searched for.
    pub path: PathBuf,
    /// Passed as they are, without a shell.
    pub args: Vec<String>,
    /// The longest it may take.
    pub timeout: Duration,
    /// The most bytes of output.
    pub output_max: usize,
}

/// The message of the day unless the config has one.
const FIRST_STEPS: [&str; 2] = [
    "Welcome. /join #name enters a channel, /list shows them; /msg NickServ REGISTER password makes \
     your nick yours.",
    "/msg NickServ HELP and /quote HELP tell the rest.",
];

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            server_name: "stonechat.local".to_owned(),
            network: "stonechat".to_owned(),
            description: String::new(),
            user_modes: String::new(),
            password: None,
            motd: FIRST_STEPS.map(str::to_owned).into(),
            admin: Default::default(),
            icon: None,
            operators: Vec::new(),
            sts: None,
            gateways: Vec::new(),
            commands: BTreeMap::new(),
            history: History::default(),
            accounts: Accounts::default(),
            abuse: Abuse::default(),
            limits: Limits::default(),
        }
    }
}

impl Abuse {
    /// The rate of input of one user.
    pub(super) fn flood(&self) -> Rate {
        Rate { burst: self.flood_burst, every: seconds(1) / self.flood_per_second }
    }

    /// The rates of password attempts and of new accounts.
    pub(super) fn attempts(&self) -> AttemptLimits {
        let rate = |burst, per_minute| Rate { burst, every: seconds(60) / per_minute };
        AttemptLimits {
            by_address: rate(self.attempts_per_ip, self.attempts_per_ip_per_minute),
            by_account: rate(self.attempts_per_account, self.attempts_per_account_per_minute),
            registrations: rate(self.registrations, self.registrations_per_minute),
            ..AttemptLimits::default()
        }
    }

    /// Whether connections from there have no limits.
    pub(crate) fn exempts(&self, address: Option<IpAddr>) -> bool {
        address.is_none_or(|address| self.exempt.contain(address))
    }
}

/// Shows whether there is a password, but not which: output ends up in logs.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("server_name", &self.server_name)
            .field("network", &self.network)
            .field("password", &self.password.as_ref().map(|_| "…"))
            .field("motd", &self.motd)
            .field("admin", &self.admin)
            .field("icon", &self.icon)
            .field("operators", &self.operators)
            .field("commands", &self.commands)
            .field("history", &self.history)
            .field("accounts", &self.accounts)
            .field("sts", &self.sts)
            .field("gateways", &self.gateways)
            .field("abuse", &self.abuse)
            .field("limits", &self.limits)
            .finish()
    }
}
