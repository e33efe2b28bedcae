//! Simulates clients of all kinds that chat over a hostile network, and checks the lines they
//! receive.
//!
//! The first client is the witness. It is in some channels from before the others come until after
//! they have gone, and records the events there. Every other client must receive exactly the part
//! for which it was there. Four clients, the witness included, are steady: they read everything and
//! do nothing that closes them. The others stall, vanish, flood, fall silent, send in pieces, end
//! their half. Some may use TLS: they must receive the same lines.

mod ear;
mod heard;
mod network;
mod person;

use super::client_end::Keys;
use super::door::{self, Door, Opened};
use super::{Choices, ClientEnd, ServerEnd};
use ear::Ear;
use person::Typed;
use std::collections::{BTreeMap, VecDeque};
use std::io::ErrorKind;
use std::time::Duration;
use stonechat::app::{App, Protocol};
use stonechat::chat::Settings;
use stonechat::net::{
    CloseReason, ConnId, EndpointId, EventLoop, LastWord, Limits, Now, Outbox, Peer, Service,
    Transport,
};

const STEADY: usize = 4;

/// The channels that the witness is in, and those that come and go.
const WITNESSED: [&str; 3] = ["#w0", "#w1", "#w2"];
const FLEETING: [&str; 2] = ["#v0", "#v1"];

const LIMITS: Limits = Limits {
    connections: 12,
    accept_wait: Duration::from_secs(5),
    connections_per_ip: 64,
    connects_per_ip_per_minute: 60,
    connections_per_network: u32::MAX,
    connects_per_network_per_minute: 60_000,
    connect_timeout: Duration::from_secs(10),
    header_timeout: Duration::from_secs(3),
    handshake_timeout: Duration::from_secs(10),
    handshakes_max: 1_000,
    recvq_max: 1000,
    sendq_pause: 3000,
    sendq_max: 5000,
    memory_max: 9000,
    drain_timeout: Duration::from_secs(10),
    linger_timeout: Duration::from_secs(2),
};

/// A client; the number in its user name identifies it.
struct Client {
    end: ClientEnd,
    state: State,
    conduct: Conduct,
    /// Sends in pieces.
    torn: bool,
    /// Input that is not sent yet.
    unsent: VecDeque<u8>,
    /// When it last sent something.
    sent_ms: u64,
    typed: Typed,
    ear: Ear,
    /// The echo's output, if it uses that service. Chat clients may have its slot before and after.
    echo: Option<Vec<u8>>,
    /// When the server was first seen to have ended its half, and to have dropped its end.
    ended_ms: Option<u64>,
    dropped_ms: Option<u64>,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    /// In the listener's backlog.
    Waiting,
    Here(ConnId),
    /// Accepted and told `server full`.
    TurnedAway,
    /// Refused in its handshake.
    Refused,
}

#[derive(Clone, Copy, PartialEq)]
enum Conduct {
    Steady,
    Ordinary,
    /// Sends nothing more, not even a PONG, and still reads.
    Mute,
    /// Has ended its half, and still reads.
    HalfClosed,
    /// Has stopped reading for good.
    Stuck,
    /// Has closed, or was cut off.
    Gone,
}

impl Conduct {
    fn hears(self) -> bool {
        !matches!(self, Conduct::Stuck | Conduct::Gone)
    }

    /// Whether it reads to the end, and closes when the server does.
    fn reads(self) -> bool {
        matches!(self, Conduct::Steady | Conduct::Ordinary | Conduct::Mute)
    }
}

/// The program, recording every ending.
struct Noted {
    app: App,
    opened: Opened,
    ended: BTreeMap<ConnId, CloseReason>,
}

struct World {
    choices: Choices,
    /// If set, some clients use TLS.
    keys: Option<Keys>,
    limits: Limits,
    server: EventLoop<Transport<ServerEnd>, Noted>,
    door: Door,
    irc: EndpointId,
    echo: EndpointId,
    clients: Vec<Client>,
    backlog: VecDeque<usize>,
    now: Now,
}

/// The events of a run, counted over a sweep.
pub type Sights = BTreeMap<String, usize>;

/// Runs `steps` random steps, lets everything settle, shuts down, and checks the received lines.
pub fn run(choices: Choices, steps: usize) -> Sights {
    World::new(choices, None).run(steps)
}

/// Runs the simulation with some clients over TLS: see [`super::simulation::run_over_tls`].
pub fn run_over_tls(choices: Choices, steps: usize) -> Sights {
    World::new(choices, Some(Keys::new())).run(steps)
}

impl World {
    fn run(mut self, steps: usize) -> Sights {
        for _ in 0..STEADY {
            self.connect(Conduct::Steady, None);
        }
        for channel in WITNESSED {
            self.join(0, channel);
        }
        self.quiesce();
        for _ in 0..steps {
            self.step();
        }
        self.settle_closing();
        self.fall_silent();
        self.ask_who_is_there();
        self.check_heard();
        let sights = self.sights();
        self.shut_down();
        sights
    }

    fn new(choices: Choices, keys: Option<Keys>) -> World {
        let mut settings = Settings { server_name: "srv".into(), ..Settings::default() };
        settings.history.on_join = 0;
        let mut app = App::new(512, settings);
        app.chat.follow_with_twin();
        let irc = app.add_endpoint(Protocol::Irc).expect("room for one");
        let echo = app.add_endpoint(Protocol::Echo).expect("room for two");
        let handshakes_max = match keys {
            Some(_) => choices.pick(3..10),
            None => LIMITS.handshakes_max,
        };
        let limits = Limits { handshakes_max, ..LIMITS };
        let service = Noted { app, opened: BTreeMap::new(), ended: BTreeMap::new() };
        World {
            choices,
            keys,
            limits,
            server: EventLoop::new(service, limits),
            door: Door::default(),
            irc,
            echo,
            clients: Vec::new(),
            backlog: VecDeque::new(),
            now: Now { uptime_ms: 0, unix_ms: 1_800_000_000_000 },
        }
    }

    fn step(&mut self) {
        let n = self.choices.pick(0..self.clients.len());
        if self.keys.is_some() {
            match self.choices.pick(0..12) {
                0 => return self.do_tls(n),
                1..3 => return self.turn(), // a handshake takes many
                _ => {}
            }
        }
        match self.choices.pick(0..100) {
            0..28 => self.say(n),
            28..46 => {
                let most = self.choices.pick(0..2000);
                self.hear(n, most);
            }
            46..55 => self.join_some(n),
            55..59 => self.part_some(n),
            59..63 => self.change_nick(n),
            63..69 => {
                let echo = self.choices.one_in(6).then(Vec::new);
                self.connect(Conduct::Ordinary, echo);
            }
            69..78 => self.misbehave(n),
            78..83 => self.ask(n),
            83 => self.tell_of_self(n),
            84 => self.talk_nonsense(n),
            85 | 86 => self.pass(1_000),
            87 if self.choices.one_in(2) => {
                // They have sent in time, but the loop reads it late.
                (0..STEADY).for_each(|n| self.clients[n].end.mend());
                (0..STEADY).for_each(|n| self.say(n));
                self.pass(130_000);
                self.turn();
            }
            87 => {
                // Two minutes pass in which only the steady clients send.
                for _ in 0..2 {
                    self.pass(70_000);
                    (0..STEADY).for_each(|n| self.say(n));
                    self.quiesce();
                }
            }
            88 => self.server.set_limits(Limits {
                connections: self.choices.pick(10..14),
                recvq_max: self.choices.pick(800..1200),
                sendq_pause: self.choices.pick(500..3000),
                sendq_max: self.choices.pick(3000..6000),
                memory_max: self.choices.pick(6000..10_000),
                ..self.limits
            }),
            89 => self.now.unix_ms = self.choices.pick(0..1 << 40) as u64,
            _ => {
                let speaker = self.choices.one_in(4).then_some(n);
                self.turn_with(speaker);
            }
        }
    }

    /// Nobody types for some minutes: clients that answer PING stay, and the others are closed.
    fn fall_silent(&mut self) {
        let here = |world: &World, n: usize| {
            let asked = !world.clients[n].ear.nick.is_empty();
            asked && matches!(world.clients[n].state, State::Here(_)) && world.ending(n).is_none()
        };
        let before: Vec<bool> = (0..self.clients.len()).map(|n| here(self, n)).collect();
        for _ in 0..9 {
            self.pass(30_000);
            self.turn();
            self.settle_closing();
        }
        for n in (0..self.clients.len()).filter(|n| before[*n]) {
            match self.clients[n].conduct {
                Conduct::Steady | Conduct::Ordinary => assert!(here(self, n), "{n} did answer"),
                Conduct::Mute | Conduct::Stuck => assert!(!here(self, n), "{n} is not missed"),
                Conduct::HalfClosed | Conduct::Gone => {}
            }
        }
    }

    /// Does something that only TLS clients can do.
    fn do_tls(&mut self, n: usize) {
        let client = &mut self.clients[n];
        let ordinary = client.conduct == Conduct::Ordinary;
        match self.choices.pick(0..7) {
            0 if ordinary && client.end.say_close_notify() => client.conduct = Conduct::HalfClosed,
            1 | 2 if ordinary && client.end.spoil() => client.conduct = Conduct::Mute,
            3 if ordinary || client.conduct == Conduct::Mute => {
                client.end.change_keys();
                self.end_half(n);
            }
            _ if ordinary || client.conduct == Conduct::Steady => {
                client.end.change_keys();
                self.say(n);
            }
            _ => {}
        }
    }

    fn misbehave(&mut self, n: usize) {
        if self.clients[n].conduct != Conduct::Ordinary {
            return;
        }
        match self.choices.pick(0..13) {
            0 => {
                self.vanish(n);
                self.clients[n].end.wire.borrow_mut().client_gone = true;
            }
            1 | 2 => {
                let kinds =
                    [ErrorKind::ConnectionReset, ErrorKind::TimedOut, ErrorKind::InvalidData];
                self.vanish(n);
                self.clients[n].end.wire.borrow_mut().cut = Some(kinds[self.choices.pick(0..3)]);
            }
            3 | 4 => self.clients[n].conduct = Conduct::Stuck,
            5 => self.end_half(n),
            6 => self.clients[n].conduct = Conduct::Mute,
            7 if self.clients[n].echo.is_none() => {
                // An unfinished line that is longer than `recvq_max` but within the bounds of its
                // tags.
                self.type_line(n, &format!("@+{}", "x".repeat(3000)));
                self.clients[n].unsent.truncate(2800);
                self.send(n);
                self.clients[n].conduct = Conduct::Mute;
            }
            8 | 9 => self.quit(n),
            10 => (0..25).for_each(|_| self.say(n)),
            11 => {
                (0..10).for_each(|_| self.ask(n));
                self.clients[n].conduct = Conduct::Stuck;
            }
            _ => (0..10).for_each(|_| self.ask(n)),
        }
    }

    fn vanish(&mut self, n: usize) {
        self.clients[n].conduct = Conduct::Gone;
        self.clients[n].end.sight("cut in mid-handshake", "cut");
        self.clients[n].end.news.hung_up = true;
    }

    fn ending(&self, n: usize) -> Option<CloseReason> {
        let State::Here(id) = self.clients[n].state else { return None };
        self.server.service.ended.get(&id).copied()
    }

    /// Kinds of endings, received commands, and actions on TLS.
    fn sights(&mut self) -> Sights {
        let mut sights = Sights::new();
        let mut saw = |what: &str| *sights.entry(what.to_owned()).or_default() += 1;
        for why in self.server.service.ended.values() {
            saw(why.text());
        }
        for client in &self.clients {
            client.end.sights.iter().for_each(|sight| saw(sight));
            client.ear.counts.keys().for_each(|command| saw(command));
            let farewell = client.ear.farewell.as_deref().unwrap_or_default();
            let farewells =
                ["[Quit: ", "[Ping timeout: ", "[Registration timeout]", "RecvQ exceeded"];
            for kind in farewells.iter().filter(|kind| farewell.contains(**kind)) {
                saw(kind);
            }
        }
        let of_handshakes = door::sights(self.server.counters());
        sights.extend(of_handshakes.into_iter().map(|(what, count)| (what.to_owned(), count)));
        sights
    }
}

impl Service for Noted {
    fn opened(&mut self, out: &mut Outbox, id: ConnId, peer: Peer) {
        assert!(self.opened.insert(id, peer.secure).is_none(), "opened twice");
        self.app.opened(out, id, peer);
    }

    fn received(&mut self, out: &mut Outbox, id: ConnId, bytes: &[u8]) -> usize {
        self.app.received(out, id, bytes)
    }

    fn finished(&mut self, out: &mut Outbox, id: ConnId, rest: &[u8]) {
        self.app.finished(out, id, rest);
    }

    fn closed(&mut self, out: &mut Outbox, id: ConnId, why: CloseReason) {
        assert!(self.ended.insert(id, why).is_none(), "ended twice");
        self.app.closed(out, id, why);
    }

    fn room(&mut self, out: &mut Outbox, id: ConnId) {
        self.app.room(out, id);
    }

    fn deadline(&mut self, out: &mut Outbox, id: ConnId) {
        self.app.deadline(out, id);
    }

    fn farewell(&self, text: &mut Vec<u8>, to: LastWord<'_>) {
        self.app.farewell(text, to);
    }
}
