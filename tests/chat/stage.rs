//! A server with its clients, as a test has them speak. Time begins at 2026-01-01T00:00:00Z,
//! 1767225600.

use crate::world::disk::{Disk, State};
use crate::world::{Choices, ServerEnd, Wire};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::rc::Rc;
use stonechat::app::{App, Protocol};
use stonechat::auth::skeleton::Skeleton;
use stonechat::auth::verifier::Verifier;
use stonechat::chat::{Ended, Operator, OperatorClass, Proof, Right, Settings, Unannounced};
use stonechat::net::{ConnId, EndpointId, EventLoop, Limits, Now, Peer, Secure, TlsVersion};
use stonechat::store::{NewAccount, Reply, Request, Secret};

/// The settings of a server named `srv`: the defaults, without a message of the day.
pub fn settings() -> Settings {
    let (server_name, network) = ("srv".into(), "Net".into());
    let mut settings = Settings { server_name, network, motd: Vec::new(), ..Settings::default() };
    settings.history.on_join = 0; // tests/chat/replay.rs tests that
    settings
}

/// An operator in a class that has every right.
pub fn operator(name: &str, password: &str) -> Operator {
    let proof = Proof::Password(Verifier::new(password, 4096, [7; 16]));
    let rights = Right::NAMES.iter().map(|(_, right)| *right).collect();
    let class = OperatorClass { name: "admin".into(), rights, ..OperatorClass::default() };
    Operator { name: name.into(), proof, class }
}

/// A server and its clients.
pub struct Stage {
    server: EventLoop<ServerEnd, App>,
    settings: Settings,
    disk: Disk,
    endpoint: EndpointId,
    actors: BTreeMap<String, Actor>,
    addresses: BTreeMap<String, SocketAddr>,
    secured: BTreeMap<String, Secure>,
    now: Now,
    message_ids: Vec<String>,
    /// Whether transcripts show the ids of events, such as JOIN.
    pub tells_ids_of_events: bool,
    /// Later connections are read and written in whole pieces; otherwise byte by byte.
    pub smooth: bool,
}

struct Actor {
    wire: Rc<RefCell<Wire>>,
    id: ConnId,
}

fn server(
    settings: Settings,
    mut disk: Option<&mut Disk>,
    now: Now,
) -> (EventLoop<ServerEnd, App>, EndpointId) {
    let exempt = settings.abuse.exempt.clone();
    let mut app = App::new(512, settings);
    app.chat.follow_with_twin();
    let endpoint = app.add_endpoint(Protocol::Irc).unwrap();
    if let Some(disk) = &mut disk {
        disk.begin(&mut app, now);
    }
    let mut server = EventLoop::new(app, Limits::default());
    server.set_exempt(exempt);
    server.wake(now);
    if let Some(Reply::Bans(bans)) = disk.map(|disk| disk.ask(Request::Bans)) {
        server.inject(|app, out| app.chat.restore_bans(out, bans));
    }
    (server, endpoint)
}

impl Stage {
    pub fn new(settings: Settings) -> Stage {
        let mut stage = Stage::without_disk(settings);
        stage.restart();
        stage
    }

    /// A stage without a store.
    pub fn without_disk(settings: Settings) -> Stage {
        let disk = Disk::new();
        let now = Now { uptime_ms: 0, unix_ms: 1_767_225_600_000 };
        let (server, endpoint) = server(settings.clone(), None, now);
        let (actors, addresses, message_ids) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
        let tells_ids_of_events = true;
        let secured = BTreeMap::new();
        Stage {
            server,
            settings,
            disk,
            endpoint,
            actors,
            addresses,
            secured,
            now,
            message_ids,
            tells_ids_of_events,
            smooth: false,
        }
    }

    /// Sets the state of the disk.
    pub fn disk(&mut self, state: State) {
        self.disk.set(state, None);
        self.settle();
    }

    /// Sets the state of the disk for `count` requests, and the one after them.
    pub fn disk_changes(&mut self, state: State, count: usize, then: State) {
        self.disk.set(state, Some((count, then)));
        self.settle();
    }

    /// The requests to database and hasher since the last call; the first call starts recording.
    pub fn take_work(&mut self) -> Vec<String> {
        self.disk.work.replace(Vec::new()).unwrap_or_default()
    }

    /// Does a request as another program would.
    pub fn ask_disk(&mut self, request: Request) -> Reply {
        self.disk.ask(request)
    }

    /// Makes an account as another program would.
    pub fn add_account(&mut self, name: &str, password: &str) {
        let account = NewAccount {
            name: name.into(),
            folded: name.into(),
            skeleton: Skeleton::of(name).as_str().into(),
            verifier: Secret(Verifier::new(password, 4096, [7; 16]).to_string()),
            email: None,
            always_on: false,
            created_ms: 0,
        };
        let reply = self.ask_disk(Request::AddAccount { account, invitation: None });
        assert!(matches!(reply, Reply::Added), "{reply:?}");
    }

    /// Kills the server, and starts it again with the same disk.
    pub fn restart(&mut self) {
        self.actors.clear();
        let settings = self.settings.clone();
        (self.server, self.endpoint) = server(settings, Some(&mut self.disk), self.now);
        self.settle();
    }

    /// Sets the address of later connections of `name`.
    pub fn comes_from(&mut self, name: &str, address: &str) {
        let address = address.parse().expect("an address");
        self.addresses.insert(name.to_owned(), SocketAddr::new(address, 4711));
    }

    /// The line to a connection from `address` that is refused; `None` if it is accepted.
    pub fn is_refused(&mut self, address: &str) -> Option<String> {
        let wire = Wire::new(usize::MAX);
        let end = ServerEnd { wire: wire.clone(), choices: Choices::smooth() };
        let address = Some(SocketAddr::new(address.parse().expect("an address"), 4711));
        let id = self.server.accept(end, Peer::accepted(self.endpoint, address));
        match id {
            Some(id) => {
                wire.borrow_mut().cut = Some(ErrorKind::ConnectionReset);
                self.server.readable(id.slot());
                self.settle();
                None
            }
            None => {
                self.settle();
                let said = wire.borrow_mut().down.drain(..).collect();
                Some(String::from_utf8(said).expect("a server speaks UTF-8"))
            }
        }
    }

    /// Sends a line of `name`, who connects first if needed.
    pub fn say(&mut self, name: &str, text: &str) {
        let mut text = text.to_owned();
        for (n, id) in self.message_ids.iter().enumerate() {
            text = text.replace(&format!("{{m{}}}", n + 1), id);
        }
        let actor = self.actor(name);
        let (wire, id) = (actor.wire.clone(), actor.id);
        wire.borrow_mut().send(&[unescaped(&text), b"\n".into()].concat());
        self.server.readable(id.slot());
        self.settle();
    }

    /// Sends a line of `name` that is not read before [`Stage::turn`].
    pub fn type_ahead(&mut self, name: &str, text: &str) {
        let actor = self.actor(name);
        let (wire, id) = (actor.wire.clone(), actor.id);
        wire.borrow_mut().send(&[text.as_bytes(), b"\n"].concat());
        self.server.readable(id.slot());
    }

    /// Runs one turn of the loop.
    pub fn turn(&mut self) {
        self.server.wake(self.now);
        self.server.turn();
        self.server.check();
        self.server.service.chat.check();
    }

    /// Lets `name` connect by TLS, with a numbered certificate or without one.
    pub fn secures(&mut self, name: &str, certificate: &str) {
        let fingerprint = certificate.parse().ok().map(|byte| [byte; 32]);
        let (version, cipher) = (TlsVersion::Tls13, "TLS13_AES_256_GCM_SHA384");
        self.secured.insert(name.to_owned(), Secure { version, cipher, fingerprint });
    }

    /// Connects and registers `name`, and discards the output.
    pub fn register(&mut self, name: &str, caps: &str) {
        if !caps.is_empty() {
            self.say(name, &format!("CAP REQ :{caps}"));
        }
        self.say(name, &format!("NICK {name}"));
        self.say(name, &format!("USER {name} 0 * :{} real", name.to_uppercase()));
        if !caps.is_empty() {
            self.say(name, "CAP END");
        }
        let heard = self.heard(name);
        assert!(heard.iter().any(|line| line.contains(" 001 ")), "{name} is not in: {heard:#?}");
    }

    pub fn half_close(&mut self, name: &str) {
        let actor = self.actor(name);
        actor.wire.borrow_mut().up_ended = true;
        let slot = actor.id.slot();
        self.server.hung_up(slot);
        self.settle();
    }

    /// Cuts off `name`: neither side hears more of the other.
    pub fn cut_off(&mut self, name: &str) {
        let actor = self.actor(name);
        actor.wire.borrow_mut().cut = Some(ErrorKind::ConnectionReset);
        let slot = actor.id.slot();
        self.server.readable(slot);
        self.settle();
    }

    /// Whether the connection of `name` has ended; the name can then connect anew.
    pub fn saw_the_end(&mut self, name: &str) -> bool {
        let ended = self.actor(name).wire.borrow().down_ended;
        if ended {
            self.actors.remove(name);
        }
        ended
    }

    pub fn pass(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.now.uptime_ms += 1000;
            self.now.unix_ms += 1000;
            self.settle();
        }
    }

    /// Lets time pass at once.
    pub fn jump(&mut self, seconds: u64) {
        self.now.uptime_ms += seconds * 1000;
        self.now.unix_ms += seconds * 1000;
        self.settle();
    }

    /// The program under test.
    pub fn app(&mut self) -> &mut App {
        &mut self.server.service
    }

    /// Reloads the config with these settings.
    pub fn set_settings(&mut self, settings: Settings) {
        self.settings = settings.clone();
        self.server.inject(|app, out| app.chat.set_settings(out, settings));
        self.settle();
    }

    /// A source without a user says something in a channel.
    pub fn announce(&mut self, channel: &str, name: &str, text: &str) -> Result<(), Unannounced> {
        let mut result = Ok(());
        self.server.inject(|app, out| result = app.chat.announce(out, channel, name, text));
        self.settle();
        result
    }

    /// A program that somebody has asked for says something.
    pub fn program_said(&mut self, run: u64, bytes: &[u8]) {
        self.server.inject(|app, out| app.chat.program_said(out, run, bytes));
        self.settle();
    }

    /// Reports the end of a program of COMMAND.
    pub fn program_ended(&mut self, run: u64, ended: Ended) {
        self.server.inject(|app, out| app.chat.program_ended(out, run, &ended));
        self.settle();
    }

    /// Lets `name` read `bytes` more, and then nothing until [`Stage::read_on`].
    pub fn reads_at_most(&mut self, name: &str, bytes: usize) {
        self.actor(name).wire.borrow_mut().down_max = bytes;
    }

    /// The input that `name` has read; it then reads as much again.
    pub fn read_on(&mut self, name: &str) -> String {
        let actor = self.actor(name);
        let bytes: Vec<u8> = actor.wire.borrow_mut().down.drain(..).collect();
        let slot = actor.id.slot();
        self.server.writable(slot);
        self.settle();
        String::from_utf8(bytes).expect("a server speaks UTF-8")
    }

    /// The bytes queued for all connections.
    pub fn backlog_bytes(&self) -> usize {
        self.server.backlog_bytes()
    }

    /// The lines that `name` has received since the last call, without line ends.
    pub fn heard(&mut self, name: &str) -> Vec<String> {
        let bytes: Vec<u8> = self.actor(name).wire.borrow_mut().down.drain(..).collect();
        let text = String::from_utf8(bytes).expect("a server speaks UTF-8");
        let mut lines: Vec<&str> = text.split("\r\n").collect();
        assert_eq!(lines.pop(), Some(""), "a line without its end");
        lines.into_iter().map(str::to_owned).collect()
    }

    /// The names of all who are connected.
    pub fn names(&self) -> Vec<String> {
        self.actors.keys().cloned().collect()
    }

    fn actor(&mut self, name: &str) -> &Actor {
        if !self.actors.contains_key(name) {
            let wire = Wire::new(usize::MAX);
            let smooth = self.smooth;
            let choices = if smooth { Choices::smooth() } else { Choices::from_bytes(&[]) };
            let end = ServerEnd { wire: wire.clone(), choices };
            let address = self.addresses.get(name).copied();
            let secure = self.secured.get(name).copied();
            let peer = Peer { secure, ..Peer::accepted(self.endpoint, address) };
            let id = self.server.accept(end, peer).expect("room for one more");
            self.actors.insert(name.into(), Actor { wire, id });
        }
        &self.actors[name]
    }

    fn settle(&mut self) {
        self.server.wake(self.now);
        self.server.turn();
        loop {
            while self.server.wait(self.now).is_some_and(|wait| wait.is_zero()) {
                self.server.turn();
            }
            if !self.disk.serve() {
                break;
            }
            self.server.woken();
        }
        self.server.check();
        self.server.service.check();
    }

    /// A line with its times and message ids in the notation of the transcripts.
    pub fn normalised(&mut self, line: &str) -> String {
        let mut line = line.to_owned();
        if let Some(tags) = line.strip_prefix('@') {
            let (tags, rest) = tags.split_once(' ').expect("a message after the tags");
            let command = rest.split(' ').nth(1).unwrap_or_default();
            let told = |tag: &&str| {
                !tag.starts_with("msgid=") || self.tells_ids_of_events || !EVENTS.contains(&command)
            };
            let tags: Vec<&str> = tags.split(';').filter(told).collect();
            let tags: Vec<String> = tags.iter().map(|tag| self.normalised_tag(tag)).collect();
            line = match tags.is_empty() {
                true => rest.to_owned(),
                false => format!("@{} {rest}", tags.join(";")),
            };
        }
        for (n, id) in self.message_ids.iter().enumerate() {
            line = line.replace(id, &format!("{{m{}}}", n + 1));
        }
        line
    }

    fn normalised_tag(&mut self, tag: &str) -> String {
        match tag.split_once('=') {
            Some(("time", time)) if time.len() == 24 => "time=T".into(),
            Some(("msgid", id)) => {
                let known = self.message_ids.iter().position(|known| known == id);
                let index = known.unwrap_or_else(|| {
                    self.message_ids.push(id.into());
                    self.message_ids.len() - 1
                });
                format!("msgid=m{}", index + 1)
            }
            _ => tag.into(),
        }
    }
}

/// The events of chat besides messages.
const EVENTS: [&str; 15] = [
    "710", "ACCOUNT", "AWAY", "INVITE", "JOIN", "KICK", "KILL", "MODE", "NICK", "PART", "QUIT",
    "RENAME", "SETNAME", "TOPIC", "WALLOPS",
];

pub fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some((before, escape)) = rest.split_once('\\') {
        bytes.extend_from_slice(before.as_bytes());
        let (byte, len) = match escape.as_bytes().first() {
            Some(b'n') => (b'\n', 1),
            Some(b'r') => (b'\r', 1),
            Some(b'0') => (b'\0', 1),
            Some(b'x') => (u8::from_str_radix(&escape[1..3], 16).expect("two hex digits"), 3),
            _ => (b'\\', 0),
        };
        bytes.push(byte);
        rest = &escape[len..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}
