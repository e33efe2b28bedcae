//! Chat: users, channels and messages, over the IRC client protocol. Modern IRC
//! (modern.ircdocs.horse), RFC 2812 where that is silent, and IRCv3.
//!
//! A connection has a `Session`; once registered it acts for a `User`, who is a member of
//! `Channel`s. They refer to each other by ids, never by reference. Replies and messages go out
//! through a `Sink`. `table` lists the commands; each folder has those of one topic, and
//! `state` the values they work on.

mod account;
mod backends;
mod channel;
mod command;
mod connection;
mod event;
mod help;
mod message;
mod oper;
mod people;
mod reply;
mod settings;
mod state;
mod table;
mod twin;

pub use account::administer::Order;
pub use backends::Then;
pub use message::say::Unannounced;
pub use oper::run::Ended;
pub use oper::stats::Figures;
pub use settings::{
    Abuse, Accounts, AlwaysOn, ChannelHistory, Classes, Commands, Gateway, History, Limits,
    NAME_MAX_BYTES, Operator, OperatorClass, Program, Proof, Registration, Settings, Sts,
    USER_MODES, check_classes, check_commands,
};
pub use state::right::Right;

use crate::net::{CloseReason, ConnId, EndpointId, LastWord, Outbox, Peer, Refusal, Service};
use crate::wire::irc::tags::Tags;
use crate::wire::irc::{Bad, CLIENT_TAGS_MAX, Message, REST_MAX};
use account::login_guards::LoginGuards;
use backends::Backends;
use command::{Command, Handler};
use message::receipts::Receipts;
use message::returning::Departure;
use oper::refusals::Refusals;
use oper::run::Runs;
use reply::Sink;
use reply::numeric::*;
use state::caps::Cap;
use state::channels::Channels;
use state::cloak::Cloaks;
use state::defcon::Defcon;
pub(crate) use state::ids::Caller;
use state::message::MessageIds;
use state::redactable::Redactable;
use state::server_bans::ServerBans;
use state::sessions::{Session, Sessions, Stage};
use state::users::Users;
use state::watchers::Watchers;
use state::whowas::Departed;
use std::cell::Cell;
use twin::Twin;

/// The chat service.
pub struct Chat {
    settings: Settings,
    sessions: Sessions,
    users: Users,
    channels: Channels,
    watchers: Watchers,
    departed: Departed,
    /// Folded names of accounts that the store has been asked to remove and has not yet removed.
    removing: Vec<String>,
    redactable: Redactable,
    backends: Backends,
    login_guards: LoginGuards,
    bans: ServerBans,
    defcon: Defcon,
    cloaks: Cloaks,
    receipts: Receipts,
    message_ids: MessageIds,
    /// Drawn at start; distinguishes the history keys of this run's users from those of other runs.
    run: u64,
    /// How many connections have not registered yet.
    registering: usize,
    /// When the service began, in milliseconds since 1970. Without restored state it is 0 until the
    /// first connection.
    began_ms: u64,
    /// Counts the fan-outs that must reach each user once: see `User::told`.
    occasions: Cell<u32>,
    /// Counts batches.
    batches: u64,
    /// The list in `table`. A field, because that names the files of all commands: HELP and STATS
    /// could not name it.
    commands: &'static [Command],
    /// How often each of `commands` was used, and its bytes.
    given: Vec<(u64, u64)>,
    /// Connections that the loop refused, not yet reported to operators.
    refusals: Refusals,
    /// Requests of operators to the program.
    requests: Vec<Request>,
    runs: Runs,
    twin: Option<Box<Twin>>,
}

/// A request of an operator to the program rather than to chat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// To read its config again.
    Rehash,
    /// To end.
    Die,
    /// To end, and be restarted by whatever started it.
    Restart,
    /// To run a program of the config. Its output goes to [`Chat::program_said`], its end to
    /// [`Chat::program_ended`].
    Run {
        /// The number of this run.
        run: u64,
        /// The program to run.
        program: Program,
    },
}

impl Chat {
    /// A service without users or channels.
    pub fn new(settings: Settings) -> Chat {
        Chat {
            settings,
            sessions: Sessions::default(),
            users: Users::default(),
            channels: Channels::default(),
            watchers: Watchers::default(),
            departed: Departed::default(),
            removing: Vec::new(),
            redactable: Redactable::default(),
            backends: Backends::default(),
            login_guards: LoginGuards::new(random()),
            bans: ServerBans::default(),
            defcon: Defcon::default(),
            cloaks: Cloaks::new(random()),
            receipts: Receipts::default(),
            message_ids: MessageIds::default(),
            run: fastrand::u64(..),
            registering: 0,
            began_ms: 0,
            occasions: Cell::new(0),
            batches: 0,
            commands: table::ALL,
            given: vec![(0, 0); table::ALL.len()],
            refusals: Refusals::default(),
            requests: Vec::new(),
            runs: Runs::default(),
            twin: None,
        }
    }

    /// Applies new settings to further input; anything that exceeds the new limits stays. Tells all
    /// users what has changed in ISUPPORT and in the values of capabilities. Operators whom the new
    /// settings no longer have are told so.
    pub fn set_settings(&mut self, out: &mut Outbox, settings: Settings) {
        let sink = &mut Sink::new(out);
        let tokens = self.isupport_tokens();
        let capabilities = self.offers();
        self.settings = settings;
        self.login_guards.attempts.set_limits(self.settings.abuse.attempts());
        self.bound_replies();
        for session in self.sessions.iter_mut() {
            session.exempt = self.settings.abuse.exempts(session.address);
        }
        self.tell_new_isupport(sink, &tokens);
        self.tell_new_values(sink, &capabilities);
        self.dismiss_operators(sink);
    }

    /// Returns the requests of operators to the program since the last call.
    pub fn take_requests(&mut self) -> Vec<Request> {
        std::mem::take(&mut self.requests)
    }

    /// Asserts the invariants that hold between turns.
    pub fn check(&self) {
        self.check_twin();
        self.users.check();
        self.channels.check(&self.users);
        self.watchers.check(&self.sessions);
        let mut registering = 0;
        for session in self.sessions.iter() {
            match session.stage {
                Stage::Gone => {}
                Stage::Registering(_) => registering += 1,
                Stage::Registered(user) => assert!(self.users[user].conns.contains(&session.id)),
            }
        }
        assert_eq!(registering, self.registering);
        for (_, user) in self.users.iter() {
            for conn in &user.conns {
                let session = &self.sessions[*conn];
                assert!(session.id == *conn && session.user().is_some());
            }
        }
    }

    /// Executes one line from `conn`.
    fn hear(&mut self, out: &mut Outbox, conn: ConnId, line: &[u8]) {
        let mut sink = Sink::new(out);
        let parsed = Message::parse(line, CLIENT_TAGS_MAX);
        match &parsed {
            Ok(message) if self.is_another_protocol(&mut sink, conn, message) => return,
            Err(Bad::Empty) => {
                self.say_what_to_type(&mut sink, conn);
                return self.pay(sink.out, conn, command::LINE);
            }
            _ => {}
        }
        if let Some(label) = self.label_of(conn, line) {
            let batch = self.batch_reference();
            sink.hold(conn, label, &self.settings.server_name, batch);
        }
        match parsed {
            Ok(message) => self.command(&mut sink, conn, &message, line.len()),
            Err(bad) => self.misunderstand(&mut sink, conn, line, bad),
        }
        sink.answer();
        self.await_receipts(&mut sink);
    }

    /// The label of a line, even of an invalid one, if the client uses labels. IRCv3
    /// labeled-response, which also requires `batch`.
    fn label_of<'l>(&self, conn: ConnId, line: &'l [u8]) -> Option<&'l str> {
        let caps = self.sessions[conn].caps;
        if !caps.has(Cap::LabeledResponse) || !caps.has(Cap::Batch) {
            return None;
        }
        let tags = line.strip_prefix(b"@")?.split(|byte| *byte == b' ').next()?;
        let label = Tags::new(str::from_utf8(tags).ok()?).get("label")?;
        let fit = !label.contains(['\0', '\r']);
        (fit && (1..=LABEL_MAX).contains(&label.len())).then_some(label)
    }

    fn command(&mut self, sink: &mut Sink, conn: ConnId, message: &Message, bytes: usize) {
        let session = &self.sessions[conn];
        let user = session.user();
        let Some(index) = table::find(message.command) else {
            self.pay(sink.out, conn, command::LINE);
            self.numeric(sink, conn, ERR_UNKNOWNCOMMAND, &[message.command]);
            return self.say_what_to_type(sink, conn);
        };
        let command = &table::ALL[index];
        let (count, sum) = &mut self.given[index];
        (*count, *sum) = (*count + 1, *sum + bytes as u64);
        if message.tags.get("batch").is_some() && self.continues_batch(sink, conn, message) {
            return self.pay(sink.out, conn, command::BATCH_LINE);
        }
        self.pay_for(sink.out, conn, command, message);
        let given = message.params.iter().take(command.params_min);
        let enough = given.filter(|param| !param.is_empty()).count() == command.params_min;
        match (&command.run, user) {
            (Handler::User(_), None) => {
                self.numeric(sink, conn, ERR_NOTREGISTERED, &[]);
                self.say_what_to_type(sink, conn);
            }
            _ if !enough => self.numeric(sink, conn, ERR_NEEDMOREPARAMS, &[command.name]),
            (Handler::Anyone(run), _) => run(self, sink, conn, message),
            (Handler::User(run), Some(user)) => run(self, sink, Caller { conn, user }, message),
        }
        if command.is_act(message)
            && let Some(user) = self.sessions[conn].user()
        {
            self.users[user].acted_at = sink.unix() as u32;
        }
    }

    /// Replies to an invalid line.
    fn misunderstand(&mut self, sink: &mut Sink, conn: ConnId, line: &[u8], bad: Bad) {
        self.pay(sink.out, conn, command::LINE);
        match bad {
            Bad::Empty => {}
            Bad::TagsTooLong | Bad::TooLong => self.too_long(sink, conn),
            Bad::NotUtf8 => {
                let text = "Message rejected, your client MUST send UTF-8";
                let command = command_of(line);
                // IRCv3 utf8-only: `*` where the command itself can't be read.
                let command = if command.is_ascii() { &*command } else { "*" };
                self.fail(sink, conn, command, "INVALID_UTF8", &[], text);
            }
            Bad::Control => {
                let text = "NUL and CR can't stand within a line";
                self.numeric_saying(sink, conn, ERR_UNKNOWNERROR, &[&command_of(line)], text);
            }
            Bad::Command => {
                let command = command_of(line);
                self.numeric(sink, conn, ERR_UNKNOWNCOMMAND, &[&command]);
            }
        }
    }

    fn too_long(&mut self, sink: &mut Sink, conn: ConnId) {
        sink.out.count_too_long(conn);
        self.numeric(sink, conn, ERR_INPUTTOOLONG, &[]);
    }

    /// Closes a connection whose first line is HTTP: a web page can make a browser send lines of an
    /// attacker's choice after it.
    fn is_another_protocol(&mut self, sink: &mut Sink, conn: ConnId, message: &Message) -> bool {
        let Some(registering) = self.sessions[conn].registering() else { return false };
        let verbs =
            ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];
        let first = !std::mem::replace(&mut registering.spoke, true);
        let is_http = first && verbs.contains(&message.command);
        if is_http {
            self.turn_away(sink, conn, "This port speaks IRC, not HTTP");
        }
        is_http
    }

    /// Sends a hint to a user of a bare program, such as nc, who does not know what to type. Sent
    /// once, and only before any valid command.
    fn say_what_to_type(&mut self, sink: &mut Sink, conn: ConnId) {
        let registering = self.sessions[conn].registering();
        let Some(registering) = registering.filter(|it| !it.hinted && it.is_untouched()) else {
            return;
        };
        registering.hinted = true;
        WHAT_TO_TYPE.iter().for_each(|text| self.notice(sink, conn, text));
    }

    fn turn_away(&mut self, sink: &mut Sink, conn: ConnId, why: &str) {
        log::debug!("a newcomer is turned away: {why}");
        self.notice_refusal(sink, conn, why);
        self.leave(sink, conn, why, why);
    }
}

/// A secret, new at each start, for a daemon that has nowhere to store one.
fn random() -> [u8; 32] {
    let mut secret = [0; 32];
    // If the system has no randomness, making accounts fails too.
    let _ = getrandom::fill(&mut secret);
    secret
}

const WHAT_TO_TYPE: [&str; 2] = [
    "This is an IRC server, for programs such as WeeChat, irssi or HexChat. By hand, type",
    "NICK yourname and USER yourname 0 * :Your Name, then JOIN #lobby; HELP says more.",
];

/// The longest value of a label: IRCv3 labeled-response, "Tags".
const LABEL_MAX: usize = 64;

/// The first bytes of a TLS record with a ClientHello: RFC 8446 §5.1.
const TLS_HANDSHAKE: &[u8] = &[0x16, 0x03];

/// The command of an invalid line, as far as it can be read.
fn command_of(line: &[u8]) -> String {
    let mut words = line.split(|byte| *byte == b' ').filter(|word| !word.is_empty());
    let word = words.find(|word| !matches!(word[0], b'@' | b':')).unwrap_or(b"*");
    let word: String = String::from_utf8_lossy(word).chars().take(32).collect();
    if word.starts_with(':') || word.chars().any(|c| c.is_control()) { "*".into() } else { word }
}

impl Service for Chat {
    fn opened(&mut self, out: &mut Outbox, id: ConnId, peer: Peer) {
        if self.began_ms == 0 {
            self.began_ms = out.now.unix_ms;
        }
        let mut session = Session::new(id, peer, (out.now.uptime_ms / 1000) as u32);
        session.exempt = self.settings.abuse.exempts(session.address);
        self.sessions.insert(session);
        self.registering += 1;
        out.set_deadline(id, self.settings.limits.handshake_timeout);
    }

    fn received(&mut self, out: &mut Outbox, id: ConnId, bytes: &[u8]) -> usize {
        let session = &mut self.sessions[id];
        if session.registering().is_some_and(|registering| !registering.spoke)
            && bytes.starts_with(TLS_HANDSHAKE)
        {
            self.turn_away(&mut Sink::new(out), id, "This port does not speak TLS");
            return bytes.len();
        }
        session.heard_s = (out.now.uptime_ms / 1000) as u32;
        session.pinged = false;
        if self.pauses(out, id) {
            return 0; // whatever it was deferred for ends before its pause
        }
        let session = &mut self.sessions[id];
        let mut parser = session.parser;
        let mut lines = parser.lines(bytes, CLIENT_TAGS_MAX + REST_MAX);
        let mut count = 0;
        for line in &mut lines {
            count += 1;
            match line {
                Ok(line) => self.hear(out, id, line.text),
                Err(_) => {
                    self.pay(out, id, command::LINE);
                    self.too_long(&mut Sink::new(out), id);
                }
            }
            // One read holds hundreds of short lines, some with replies of many kilobytes. The rest
            // waits for the next turn, when the replies have been written, if the client reads
            // them.
            if out.is_overfull(id) && !out.is_waiting(id) {
                out.defer(id);
                out.resume(id);
            }
            let gone = matches!(self.sessions[id].stage, Stage::Gone);
            if out.is_waiting(id) || gone || self.pauses(out, id) {
                break;
            }
        }
        let used = lines.used();
        let session = &mut self.sessions[id];
        session.parser = parser;
        session.heard_lines = session.heard_lines.saturating_add(count as u32);
        session.heard_bytes = session.heard_bytes.saturating_add(used as u32);
        out.count_received(id, count);
        used
    }

    fn closed(&mut self, out: &mut Outbox, id: ConnId, why: CloseReason) {
        let ending = match why {
            CloseReason::Hangup | CloseReason::Done | CloseReason::Shutdown => Departure::Clean,
            _ => Departure::Lost,
        };
        self.gone(&mut Sink::new(out), id, why.text(), ending);
        self.sessions.remove(id);
    }

    fn deadline(&mut self, out: &mut Outbox, id: ConnId) {
        self.keep_alive(&mut Sink::new(out), id);
    }

    fn room(&mut self, out: &mut Outbox, id: ConnId) {
        self.go_on(&mut Sink::new(out), id);
    }

    fn woken(&mut self, out: &mut Outbox) -> bool {
        self.stored(out)
    }

    fn refused(&mut self, out: &mut Outbox, _endpoint: EndpointId, why: Refusal) {
        self.note_refusal(&mut Sink::new(out), why);
    }

    fn farewell(&self, text: &mut Vec<u8>, to: LastWord<'_>) {
        text.extend_from_slice(format!("ERROR :{}\r\n", to.text).as_bytes());
    }
}
