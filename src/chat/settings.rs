//! What the operator decides about chat: names, texts, who is an operator, and every limit.

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

/// All of it, valid. The config's sections `[chat]` and `[limits]` come out as this.
#[derive(Clone, PartialEq)]
pub struct Settings {
    /// The name that stands before what the server itself says; no space in it, not empty.
    pub server_name: String,
    /// The network's name, for people; no space in it, not empty.
    pub network: String,
    /// What LINKS and WHOIS tell of the server; where it is empty, the network's name.
    pub description: String,
    /// Modes that newcomers have: letters of user modes that one may set for oneself.
    pub user_modes: String,
    /// Asked of everyone with PASS.
    pub password: Option<String>,
    /// The message of the day, by line.
    pub motd: Vec<String>,
    /// What ADMIN answers: where the server is, who runs it, how to reach them.
    pub admin: [String; 3],
    /// The network's picture, a URL.
    pub icon: Option<String>,
    /// Who may become an operator with OPER; no two of one name.
    pub operators: Vec<Operator>,
    /// Programs that operators may run, by name.
    pub commands: BTreeMap<String, Program>,
    /// What is kept of what is said.
    pub history: History,
    /// Who may have an account, and who must.
    pub accounts: Accounts,
    /// Whether clients that come in plain are told to come by TLS.
    pub sts: Option<Sts>,
    /// Who may say, by WEBIRC, for whom they connect.
    pub gateways: Vec<Gateway>,
    /// What keeps one from spoiling it for the others.
    pub abuse: Abuse,
    /// What is refused or cut off, and when.
    pub limits: Limits,
}

impl Settings {
    /// What LINKS and WHOIS tell of the server.
    pub(crate) fn description(&self) -> &str {
        if self.description.is_empty() { &self.network } else { &self.description }
    }
}

/// Letters that `user_modes` may have.
pub const USER_MODES: &str = "BRTiw";

/// IRCv3 sts: what clients are to keep to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sts {
    /// Where TLS is spoken.
    pub port: u16,
    /// For how long a client is to come by TLS alone; 0 to take that back.
    pub seconds: u64,
}

/// Who may say, by WEBIRC, for whom they connect.
#[derive(Clone, Debug, PartialEq)]
pub struct Gateway {
    /// As it calls itself.
    pub name: String,
    /// From where it connects.
    pub networks: Networks,
    /// What `stonechatd operator hash` has made of its password; `None` asks for none.
    pub verifier: Option<Verifier>,
}

settings! {
    /// What keeps one from spoiling it for the others: the config's `[abuse]`.
    pub struct Abuse {
        values {
            /// From where one may say and try as much as one likes. Unix sockets are so always.
            exempt: Networks = Networks::loopback();
            /// Lines that one user may say at once, and in each second after that.
            flood_burst: u32 = 20, 1..=1000;
            #[allow(missing_docs)]
            flood_per_second: u32 = 4, 1..=100;
            /// Lines that a connection may send before it has registered without being slowed.
            registration_burst: u32 = 100, 20..=1000;
            /// Lines' worth of questions about each channel a user is in, beside the flood bucket:
            /// see `chat::flood`. They refill at the rate of that bucket.
            asks_per_channel: u32 = 12, 0..=100;
            /// Whether others see a host's cloak in the place of its address.
            cloak: bool = true;
            /// Members of a channel whom one without rank may name in one message.
            mentions_max: usize = 10, 1..=1000;
            /// Passwords that may be tried by one address at once, and in each minute after that.
            attempts_per_ip: u32 = 10, BURSTS;
            #[allow(missing_docs)]
            attempts_per_ip_per_minute: u32 = 10, PER_MINUTE;
            /// Passwords that may be tried for one account, likewise.
            attempts_per_account: u32 = 30, BURSTS;
            #[allow(missing_docs)]
            attempts_per_account_per_minute: u32 = 3, PER_MINUTE;
            /// Accounts that may be made, likewise, by all together.
            registrations: u32 = 30, BURSTS;
            #[allow(missing_docs)]
            registrations_per_minute: u32 = 3, PER_MINUTE;
        }
    }
}

const BURSTS: RangeInclusive<u32> = 1..=100_000;
const PER_MINUTE: RangeInclusive<u32> = 1..=60_000;

settings! {
    /// Who may have an account, and who must: the config's `[accounts]`.
    pub struct Accounts {
        values {
            /// Who may make one.
            registration: Registration = Registration::Open;
            /// Whether it may be made before connection registration is complete.
            before_connect: bool = true;
            /// Whether nobody is let in without one.
            login_required: bool = false;
            /// Connections that may speak for one user.
            connections_max: usize = 16, 1..=1000;
            /// Whether a user may stay when their last connection goes.
            always_on: AlwaysOn = AlwaysOn::Offered;
        }
    }
}

/// Whether a user may stay when their last connection goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AlwaysOn {
    /// Nobody stays.
    Off,
    /// Whoever asks for it with `NickServ SET always-on on`.
    Offered,
    /// Also everyone whose account is made from now on, until they say otherwise.
    Default,
}

/// Who may make an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Registration {
    /// Anyone.
    Open,
    /// Who has an invitation, as `stonechatd account invite` prints it.
    Invitation,
    /// The operators, for others.
    Closed,
}

settings! {
    /// What is kept of what is said, how long and how surely, and how it is asked for: the config's
    /// `[history]`.
    pub struct History {
        values {
            /// Whether anything is kept.
            enabled: bool = true;
            /// What survives a loss of power.
            durability: Durability = Durability::Full;
            /// How long, in milliseconds; `None` for ever.
            #[serde(deserialize_with = "setting::age")]
            keep_for: Option<i64> = None;
            /// How much; `None` for as much as there is.
            #[serde(deserialize_with = "setting::some_size")]
            keep_bytes: Option<u64> = None;
            /// What holds for single channels instead.
            channels: Vec<ChannelHistory> = Vec::new();
            /// Messages in the answer to one CHATHISTORY.
            answer_max: u16 = 100, 1..=1000;
            /// The last messages of a channel, sent on JOIN to clients that cannot ask for them.
            on_join: u16 = 10, 0..=1000;
            /// Messages of each conversation that a user who returns is sent, where their client
            /// cannot ask for them; 0 for none.
            on_return: u16 = 50, 0..=1000;
            /// Bytes of answers that wait for those who read slowly, all together.
            #[serde(skip)]
            waiting_bytes_max: usize = 64 << 20;
            /// Bytes of replies that the store has given and chat has not taken yet.
            #[serde(skip)]
            reply_bytes_max: usize = REPLY_BYTES_MAX;
        }
    }
}

/// What holds for one channel instead.
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
    /// How much is kept.
    pub fn policy(&self) -> Policy {
        let of_channel = |channel: &ChannelHistory| {
            let target = Target::Channel(folded(&channel.name).into_owned());
            (target, Keep { age_ms: channel.keep_for, bytes: channel.keep_bytes })
        };
        let overrides = self.channels.iter().map(of_channel).collect();
        Policy { age_ms: self.keep_for, bytes: self.keep_bytes, overrides }
    }

    /// What waits for slow readers, and what the store has ready, are parts of `memory_max`, beside
    /// it.
    pub fn with_memory(self, memory_max: usize) -> History {
        let reply_bytes_max = (memory_max / 16).clamp(Reply::BYTES_MAX, REPLY_BYTES_MAX);
        History { waiting_bytes_max: memory_max / 4, reply_bytes_max, ..self }
    }

    /// Says what is out of its range, and which channels are none.
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

/// One who may become an operator.
#[derive(Clone, Debug, PartialEq)]
pub struct Operator {
    /// As OPER is given it. Of one who proves it by an account, that account's.
    pub name: String,
    /// How they prove that they are it.
    pub proof: Proof,
    /// What they may do.
    pub class: OperatorClass,
}

/// How somebody proves to be an operator.
#[derive(Clone, Debug, PartialEq)]
pub enum Proof {
    /// By a password, of which `stonechatd operator hash` has made this.
    Password(Verifier),
    /// By being logged in to the account of that name.
    Account,
}

/// What operators of one kind may do: by default nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OperatorClass {
    /// As the config calls it; empty of those who are in none.
    pub name: String,
    /// What WHOIS says that they are.
    pub title: Option<String>,
    /// What they may do.
    pub rights: Vec<Right>,
    /// Which of the programs they may run, by name.
    pub commands: Vec<String>,
}

/// A program that operators may run with COMMAND: always the same one, with the same arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// An absolute path: nothing is looked for.
    pub path: PathBuf,
    /// Given as they are; no shell sees them.
    pub args: Vec<String>,
    /// How long it may take.
    pub timeout: Duration,
    /// How many bytes it may say.
    pub output_max: usize,
}

/// The message of the day where the operator has written none.
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
    /// How much one user may say.
    pub(super) fn flood(&self) -> Rate {
        Rate { burst: self.flood_burst, every: seconds(1) / self.flood_per_second }
    }

    /// How often passwords may be tried, and accounts made.
    pub(super) fn attempts(&self) -> AttemptLimits {
        let rate = |burst, per_minute| Rate { burst, every: seconds(60) / per_minute };
        AttemptLimits {
            by_address: rate(self.attempts_per_ip, self.attempts_per_ip_per_minute),
            by_account: rate(self.attempts_per_account, self.attempts_per_account_per_minute),
            registrations: rate(self.registrations, self.registrations_per_minute),
            ..AttemptLimits::default()
        }
    }

    /// Whether what comes from there is held to no limit.
    pub(crate) fn exempts(&self, address: Option<IpAddr>) -> bool {
        address.is_none_or(|address| self.exempt.contain(address))
    }
}

/// Tells whether there is a password, and not which: what is printed ends up in logs.
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
