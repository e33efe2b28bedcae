//! People of all manners who chat on a hostile network, and what must be true of what they hear.
//!
//! The first of them is the witness: in some channels from before anyone else came until after all
//! have gone. What it has heard there is what happened; everyone else must have heard exactly the
//! part of it for which they were there. Four, the witness among them, are steady: they read all they
//! are sent and do nothing to be thrown out for. The others stall, vanish, flood, fall silent, send
//! in pieces, end their half.

mod ear;
mod heard;
mod network;
mod person;

use super::{Choices, ServerEnd, Wire};
use ear::Ear;
use network::News;
use person::Typed;
use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::io::ErrorKind;
use std::rc::Rc;
use std::time::Duration;
use stonechat::app::{App, Protocol};
use stonechat::chat::Settings;
use stonechat::net::{
    CloseReason, ConnId, EndpointId, EventLoop, Limits, Now, Outbox, Peer, Service,
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
    arriving_timeout: Duration::from_secs(10),
    arriving_max: 1_000,
    recvq_max: 1000,
    sendq_pause: 3000,
    sendq_max: 5000,
    memory_max: 9000,
    drain_timeout: Duration::from_secs(10),
    linger_timeout: Duration::from_secs(2),
};

/// A connection and who sits at it; named by the number in its user name.
struct Client {
    wire: Rc<RefCell<Wire>>,
    state: State,
    conduct: Conduct,
    /// Sends in pieces.
    torn: bool,
    /// What the system has to tell the loop about its stream.
    news: News,
    /// Typed and not sent yet.
    unsent: VecDeque<u8>,
    /// When it sent something last.
    sent_ms: u64,
    typed: Typed,
    ear: Ear,
    /// What passed there and back, if it talks to the echo instead.
    echo: Option<Echo>,
    /// When the server was first seen to have ended its half, and to have dropped its end.
    ended_ms: Option<u64>,
    dropped_ms: Option<u64>,
}

/// Its slot may have been a chatter's, and be one's again.
#[derive(Default)]
struct Echo {
    sent: Vec<u8>,
    heard: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    /// In the listener's backlog.
    Waiting,
    Here(ConnId),
    /// Accepted to be told that there is no room.
    TurnedAway,
}

#[derive(Clone, Copy, PartialEq)]
enum Conduct {
    Steady,
    Ordinary,
    /// Types no more, not even a PONG, and still reads.
    Mute,
    /// Has ended its half, and still reads.
    HalfClosed,
    /// Has stopped reading for good.
    Stuck,
    /// Has closed, or was cut off.
    Gone,
}

impl Conduct {
    /// Who reads to the end, and closes when the server does.
    fn reads(self) -> bool {
        matches!(self, Conduct::Steady | Conduct::Ordinary | Conduct::Mute)
    }
}

/// The program, with a note of every ending.
struct Noted {
    app: App,
    ended: BTreeMap<ConnId, CloseReason>,
}

struct World {
    choices: Choices,
    server: EventLoop<ServerEnd, Noted>,
    irc: EndpointId,
    echo: EndpointId,
    clients: Vec<Client>,
    backlog: VecDeque<usize>,
    now: Now,
}

/// What a run came across, to be counted over a sweep.
pub type Sights = BTreeMap<String, usize>;

/// Lives through `steps` choices, comes to rest, shuts down, and checks what was heard.
pub fn run(choices: Choices, steps: usize) -> Sights {
    let mut world = World::new(choices);
    for _ in 0..STEADY {
        world.connect(Conduct::Steady, None);
    }
    for channel in WITNESSED {
        world.join(0, channel);
    }
    world.quiesce();
    for _ in 0..steps {
        world.step();
    }
    world.settle_closing();
    world.fall_silent();
    world.ask_who_is_there();
    world.check_heard();
    let sights = world.sights();
    world.shut_down();
    sights
}

impl World {
    fn new(choices: Choices) -> World {
        let settings = Settings { server_name: "srv".into(), ..Settings::default() };
        let mut app = App::new(512, settings);
        let irc = app.add_endpoint(Protocol::Irc).expect("room for one");
        let echo = app.add_endpoint(Protocol::Echo).expect("room for two");
        World {
            choices,
            server: EventLoop::new(Noted { app, ended: BTreeMap::new() }, LIMITS),
            irc,
            echo,
            clients: Vec::new(),
            backlog: VecDeque::new(),
            now: Now { uptime_ms: 0, unix_ms: 1_800_000_000_000 },
        }
    }

    fn step(&mut self) {
        let n = self.choices.pick(0..self.clients.len());
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
                let echo = self.choices.one_in(6).then(Echo::default);
                self.connect(Conduct::Ordinary, echo);
            }
            69..78 => self.misbehave(n),
            78..83 => self.ask(n),
            83 => self.tell_of_self(n),
            84 => self.talk_nonsense(n),
            85 | 86 => self.pass(1_000),
            87 if self.choices.one_in(2) => {
                // They have spoken in time, but the loop comes to it late.
                (0..STEADY).for_each(|n| self.say(n));
                self.pass(130_000);
                self.turn();
            }
            87 => {
                // Two minutes pass in which only the steady ones speak.
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
                ..LIMITS
            }),
            89 => self.now.unix_ms = self.choices.pick(0..1 << 40) as u64,
            _ => self.turn(),
        }
    }

    /// Nobody types for some minutes: who answers when asked stays, and the others go.
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

    fn misbehave(&mut self, n: usize) {
        if self.clients[n].conduct != Conduct::Ordinary {
            return;
        }
        match self.choices.pick(0..13) {
            0 => {
                self.clients[n].wire.borrow_mut().client_gone = true;
                self.vanish(n);
            }
            1 | 2 => {
                let kinds =
                    [ErrorKind::ConnectionReset, ErrorKind::TimedOut, ErrorKind::InvalidData];
                self.clients[n].wire.borrow_mut().cut = Some(kinds[self.choices.pick(0..3)]);
                self.vanish(n);
            }
            3 | 4 => self.clients[n].conduct = Conduct::Stuck,
            5 => self.end_half(n),
            6 => self.clients[n].conduct = Conduct::Mute,
            7 if self.clients[n].echo.is_none() => {
                // More than the server takes of a line: it is still within the bounds of its tags.
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
        self.clients[n].news.hung_up = true;
    }

    fn ending(&self, n: usize) -> Option<CloseReason> {
        let State::Here(id) = self.clients[n].state else { return None };
        self.server.service.ended.get(&id).copied()
    }

    /// Kinds of endings, and commands heard.
    fn sights(&self) -> Sights {
        let mut sights = Sights::new();
        let mut saw = |what: &str| *sights.entry(what.to_owned()).or_default() += 1;
        for why in self.server.service.ended.values() {
            saw(why.text());
        }
        for client in &self.clients {
            client.ear.counts.keys().for_each(|command| saw(command));
            let farewell = client.ear.farewell.as_deref().unwrap_or_default();
            let farewells =
                ["[Quit: ", "[Ping timeout: ", "[Registration timeout]", "RecvQ exceeded"];
            for kind in farewells.iter().filter(|kind| farewell.contains(**kind)) {
                saw(kind);
            }
        }
        sights
    }
}

impl Service for Noted {
    fn opened(&mut self, out: &mut Outbox, id: ConnId, peer: Peer) {
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

    fn farewell(&self, said: &mut Vec<u8>, endpoint: EndpointId, why: &str) {
        self.app.farewell(said, endpoint, why);
    }
}
