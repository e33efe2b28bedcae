//! What the operator decides about chat: names, texts, who is an operator, and every limit.

use crate::auth::attempts::AttemptLimits;
use crate::auth::verifier::Verifier;
use crate::chat::state::right::Right;
use crate::net::Networks;
use crate::rate::Rate;
use crate::store::REPLY_BYTES_MAX;
use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
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

/// What keeps one from spoiling it for the others.
#[derive(Clone, Debug, PartialEq)]
pub struct Abuse {
    /// From where one may say and try as much as one likes. Unix sockets are so always.
    pub exempt: Networks,
    /// How much one user may say.
    pub flood: Rate,
    /// Lines that a connection may send before it has registered without being slowed.
    pub registration_burst: u32,
    /// Lines' worth of questions about each channel a user is in, beside the flood bucket: see
    /// `chat::flood`. They refill at the rate of that bucket.
    pub asks_per_channel: u32,
    /// Whether others see a host's cloak in the place of its address.
    pub cloak: bool,
    /// Members of a channel whom one without rank may name in one message.
    pub mentions_max: usize,
    /// How often passwords may be tried, and accounts made.
    pub attempts: AttemptLimits,
}

/// Who may have an account, and who must.
#[derive(Clone, Debug, PartialEq)]
pub struct Accounts {
    /// Who may make one.
    pub registration: Registration,
    /// Whether it may be made before connection registration is complete.
    pub before_connect: bool,
    /// Whether nobody is let in without one.
    pub login_required: bool,
    /// Connections that may speak for one user.
    pub connections_max: usize,
    /// Whether a user may stay when their last connection goes.
    pub always_on: AlwaysOn,
}

/// Whether a user may stay when their last connection goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlwaysOn {
    /// Nobody stays.
    Off,
    /// Whoever asks for it with `NickServ SET always-on on`.
    Offered,
    /// Also everyone whose account is made from now on, until they say otherwise.
    Default,
}

/// Who may make an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registration {
    /// Anyone.
    Open,
    /// Who has an invitation, as `stonechatd account invite` prints it.
    Invitation,
    /// The operators, for others.
    Closed,
}

/// What is kept of what is said, and how it is asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct History {
    /// Whether anything is kept.
    pub enabled: bool,
    /// Messages in the answer to one CHATHISTORY; 1 to 1,000.
    pub answer_max: u16,
    /// The last messages of a channel, sent on JOIN to clients that cannot ask for them.
    pub on_join: u16,
    /// Messages of each conversation that a user who returns is sent, where their client cannot ask
    /// for them; 0 for none.
    pub on_return: u16,
    /// Bytes of answers that wait for those who read slowly, all together.
    pub waiting_bytes_max: usize,
    /// Bytes of replies that the store has given and chat has not taken yet.
    pub reply_bytes_max: usize,
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

/// The bounds of everything that a user can make grow. Lengths in bytes.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct Limits {
    pub handshake_timeout: Duration,
    pub ping_interval: Duration,
    pub ping_timeout: Duration,
    pub nick_max: usize,
    pub user_max: usize,
    pub realname_max: usize,
    pub channel_name_max: usize,
    pub topic_max: usize,
    pub away_max: usize,
    pub kick_max: usize,
    pub key_max: usize,
    /// Channels that one user may be in.
    pub channels_per_user: usize,
    /// Channels that one account may have registered.
    pub channels_registered_max: usize,
    /// Targets of one PRIVMSG, NOTICE, TAGMSG, KICK, NAMES, WHOIS, WHOWAS.
    pub targets_max: usize,
    /// Entries in each of a channel's lists.
    pub list_entries_max: usize,
    /// Nicks that one user may watch.
    pub monitor_max: usize,
    /// Nicks from which a user with +R hears in private all the same.
    pub accept_max: usize,
    /// Invitations that one user may hold.
    pub invites_max: usize,
    /// METADATA keys of one user or channel.
    pub metadata_keys_max: usize,
    /// METADATA keys one may subscribe to.
    pub metadata_subs_max: usize,
    pub metadata_value_max: usize,
    /// Lines, and bytes of text, of one multiline message.
    pub multiline_lines_max: usize,
    pub multiline_bytes_max: usize,
    /// Who left last, for WHOWAS.
    pub whowas_max: usize,
    /// Conversations of one user of which MARKREAD knows how far they are read.
    pub read_markers_max: usize,
    /// Messages of which REDACT knows who said them.
    pub redactable_max: usize,
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
    /// Whether what comes from there is held to no limit.
    pub(crate) fn exempts(&self, address: Option<IpAddr>) -> bool {
        address.is_none_or(|address| self.exempt.contain(address))
    }
}

impl Default for Abuse {
    fn default() -> Abuse {
        Abuse {
            exempt: Networks::loopback(),
            flood: Rate { burst: 20, every: Duration::from_secs(1) / 4 },
            registration_burst: 100,
            asks_per_channel: 12,
            cloak: true,
            mentions_max: 10,
            attempts: AttemptLimits::default(),
        }
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

impl Default for History {
    fn default() -> History {
        History {
            enabled: true,
            answer_max: 100,
            on_join: 10,
            on_return: 50,
            waiting_bytes_max: 64 << 20,
            reply_bytes_max: REPLY_BYTES_MAX,
        }
    }
}

impl Default for Accounts {
    fn default() -> Accounts {
        Accounts {
            registration: Registration::Open,
            before_connect: true,
            login_required: false,
            connections_max: 16,
            always_on: AlwaysOn::Offered,
        }
    }
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            handshake_timeout: Duration::from_secs(30),
            ping_interval: Duration::from_secs(90),
            ping_timeout: Duration::from_secs(60),
            nick_max: 30,
            user_max: 16,
            realname_max: 150,
            channel_name_max: 64,
            topic_max: 320,
            away_max: 200,
            kick_max: 290,
            key_max: 32,
            channels_per_user: 50,
            channels_registered_max: 20,
            targets_max: 8,
            list_entries_max: 100,
            monitor_max: 100,
            accept_max: 50,
            invites_max: 50,
            metadata_keys_max: 20,
            metadata_subs_max: 50,
            metadata_value_max: 300,
            multiline_lines_max: 32,
            multiline_bytes_max: 4096,
            read_markers_max: 500,
            whowas_max: 1000,
            redactable_max: 10_000,
        }
    }
}
