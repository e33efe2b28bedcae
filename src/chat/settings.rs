//! Settings of chat: names, texts, operators, and every limit.

mod gateway;
mod history;
mod limits;
mod operators;
mod program;
mod texts;

pub use gateway::Gateway;
pub use history::{ChannelHistory, History};
pub use limits::{Limits, NAME_MAX_BYTES};
pub use operators::{Classes, Operator, OperatorClass, Proof, check_classes};
pub use program::{Commands, Program, check_commands};
pub use texts::USER_MODES;

use crate::auth::attempts::AttemptLimits;
use crate::net::Networks;
use crate::rate::Rate;
use crate::setting::{self, Hidden, Problems, seconds, settings};
use serde::Deserialize;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use texts::{admin, icon, lines, modes, motd, name, one_line, password, user_modes};

settings! {
    /// All settings of chat: the config's `[chat]`, and the sections beside it that are chat's.
    pub struct Settings {
        values {
            /// The server's name, the source of its own lines.
            server_name: String = "stonechat.local".to_owned() => name;
            /// The network's name, for people.
            network: String = "stonechat".to_owned() => name;
            /// The description of the server in LINKS and WHOIS; empty for the network's name.
            description: String = String::new() => one_line;
            /// The modes of new users: letters of user modes that users may set themselves.
            #[serde(deserialize_with = "modes")]
            user_modes: String = String::new() => user_modes;
            /// The password that all clients must give with PASS.
            password: Option<Hidden> = None => password;
            /// The message of the day, by line.
            #[serde(deserialize_with = "setting::lines")]
            motd: Vec<String> = FIRST_STEPS.map(str::to_owned).into() => motd;
            /// The reply to ADMIN: the server's location, its operator, and their address.
            #[serde(deserialize_with = "admin")]
            admin: [String; 3] = Default::default() => lines;
            /// The network's picture, a URL.
            icon: Option<String> = None => icon;
            /// The users who may become operators with OPER; no two of one name.
            #[serde(deserialize_with = "setting::lines")]
            operators: Vec<Operator> = Vec::new();
            /// Programs that operators may run, by name.
            #[serde(skip)]
            commands: Commands = Commands::new();
            /// The history: its extent, and how it is read.
            #[serde(skip)]
            history: History = History::default();
            /// Accounts, and whether they are required.
            #[serde(skip)]
            accounts: Accounts = Accounts::default();
            /// The policy that sends clients from plain connections to TLS.
            #[serde(skip)]
            sts: Option<Sts> = None;
            /// Gateways that may name their clients' addresses by WEBIRC.
            #[serde(skip)]
            gateways: Vec<Gateway> = Vec::new();
            /// Limits against abuse.
            #[serde(skip)]
            abuse: Abuse = Abuse::default();
            /// Bounds and timeouts.
            limits: Limits = Limits::default();
        }
    }
}

/// The message of the day unless the config has one.
const FIRST_STEPS: [&str; 2] = [
    "Welcome. /join #name enters a channel, /list shows them; /msg NickServ REGISTER password makes \
     your nick yours.",
    "/msg NickServ HELP and /quote HELP tell the rest.",
];

impl Settings {
    /// The description of the server in LINKS and WHOIS.
    pub(crate) fn description(&self) -> &str {
        if self.description.is_empty() { &self.network } else { &self.description }
    }

    /// Reports what is wrong with the section of that name, `limits` and `operators` included.
    pub fn check(&self, section: &str, problems: &mut Problems) {
        self.check_values(section, problems);
        self.limits.check(&format!("{section}.limits"), problems);
        operators::check(&self.operators, &format!("{section}.operators"), problems);
    }
}

/// The policy of IRCv3 sts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sts {
    /// The port for TLS.
    pub port: u16,
    /// How long a client must use TLS alone; 0 withdraws the policy.
    pub seconds: u64,
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
