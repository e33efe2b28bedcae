//! Simulates clients of all kinds over a hostile network, and checks the lines they receive.
//!
//! Four clients are steady: they read everything and do nothing that closes them. The others stall,
//! vanish, end their half, send in pieces or without end, connect in crowds. Everyone must receive
//! whole lines, each sender's in order, none lost, repeated or misdelivered. Some may use TLS: they
//! must receive the same lines. Meanwhile the server makes calls of its own.
//!
//! A [`Cast`] is the service under test and the clients that use it.

mod calls;
mod heard;
mod network;
mod noted;

use super::client_end::Keys;
use super::door::{self, Door};
use super::framed::Framed;
use super::{Choices, ClientEnd, ServerEnd};
use calls::Far;
use noted::Noted;
use std::collections::{BTreeMap, VecDeque};
use std::io::ErrorKind;
use std::time::Duration;
use stonechat::net::{
    CloseReason, ConnId, Dial, EndpointId, EventLoop, Limits, Now, Service, Transport,
};

/// The first clients, which are steady.
pub const STEADY: usize = 4;

/// The endpoint of the echo service in every cast.
pub const ECHO: EndpointId = EndpointId(1);

/// The limits that casts share.
pub const LIMITS: Limits = Limits {
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
    recvq_max: 64,
    sendq_pause: 64,
    sendq_max: 512,
    memory_max: 700,
    drain_timeout: Duration::from_secs(10),
    linger_timeout: Duration::from_secs(2),
};

/// A service under test, and the clients that use it.
pub trait Cast: Sized {
    type Service: Service;
    /// What a client knows and has done, as this cast sees it.
    type Role: Default;

    const LIMITS: Limits;
    /// The longest line of the echo.
    const ECHO_LINE_MAX: usize;
    /// The most that a client reads at once, and the most that it takes before it must read.
    const READ_MAX: usize;
    const DOWN_MAX: usize;

    fn service() -> Self::Service;

    /// Limits to change to.
    fn other_limits(choices: &Choices) -> Limits;

    fn endpoint(choices: &Choices, steady: bool) -> EndpointId;

    /// Sends the first lines of a client.
    fn greet(world: &mut World<Self>, n: usize);

    /// Says something that others will receive.
    fn say(world: &mut World<Self>, n: usize);

    /// Does something that only clients of this service do.
    fn act(world: &mut World<Self>, n: usize);

    /// Does what no client should do.
    fn misbehave(world: &mut World<Self>, n: usize);

    /// Takes input of a client into `heard`.
    fn hear(world: &mut World<Self>, n: usize, bytes: &[u8]);

    /// Lets a steady client read, at the end of a turn.
    fn hear_at_once(world: &mut World<Self>, n: usize) {
        world.hear(n, usize::MAX);
    }

    /// Sends whole units of input from now on: a part of one is no sign of life.
    fn mend(client: &mut Client<Self>) {
        client.end.mend();
    }

    /// Asserts the invariants of the service after a turn.
    fn check_turn(world: &World<Self>);

    /// Does something at the end, when everything is delivered.
    fn end(_world: &mut World<Self>) {}

    /// Checks the lines of a client of this service.
    fn check_client(world: &World<Self>, n: usize);

    /// Compares the lines of all clients.
    fn check_all(world: &World<Self>);

    /// Whether the line of a server that shuts down is the last of this input.
    fn is_last_word(heard: &[u8]) -> bool;

    /// Tells `saw` of whatever a sweep should count.
    fn sights(world: &World<Self>, saw: &mut dyn FnMut(&str));
}

pub struct World<C: Cast> {
    pub choices: Choices,
    /// If set, some clients use TLS.
    pub keys: Option<Keys>,
    limits: Limits,
    pub server: EventLoop<Framed<Transport<ServerEnd>>, Noted<C::Service>>,
    door: Door,
    pub clients: Vec<Client<C>>,
    backlog: VecDeque<usize>,
    /// Connections that the server has dialled, and names that are being looked up for it.
    far: Vec<Far>,
    look_ups: Vec<Dial>,
    /// When a client in the backlog was last let in.
    line_moved_ms: u64,
    pub now: Now,
}

pub struct Client<C: Cast> {
    pub end: ClientEnd,
    pub endpoint: EndpointId,
    pub state: State,
    pub conduct: Conduct,
    /// Sends in pieces.
    torn: bool,
    /// Input that is not sent yet.
    pub unsent: VecDeque<u8>,
    /// When it last sent something.
    pub sent_ms: u64,
    pub heard: Vec<u8>,
    /// When the server was first seen to have ended its half, and to have dropped its end.
    pub ended_ms: Option<u64>,
    dropped_ms: Option<u64>,
    pub role: C::Role,
}

#[derive(Clone, Copy, PartialEq)]
pub enum State {
    /// In the listener's backlog.
    Waiting,
    Here(ConnId),
    /// Accepted and told `server full`.
    TurnedAway,
    /// Refused in its handshake.
    Refused,
}

#[derive(Clone, Copy, PartialEq)]
pub enum Conduct {
    Steady,
    Ordinary,
    /// Sends nothing more, perhaps in mid-line, and still reads.
    Mute,
    /// Has ended its half, and still reads.
    HalfClosed,
    /// Has stopped reading for good.
    Stuck,
    /// Has closed, or was cut off.
    Gone,
}

impl Conduct {
    /// Whether it sends and reads as it should.
    pub fn lives(self) -> bool {
        matches!(self, Conduct::Steady | Conduct::Ordinary)
    }

    pub fn hears(self) -> bool {
        !matches!(self, Conduct::Stuck | Conduct::Gone)
    }

    /// Whether it reads to the end, and closes when the server does.
    pub fn reads(self) -> bool {
        self.lives() || self == Conduct::Mute
    }

    fn sends(self) -> bool {
        self.lives() || self == Conduct::Stuck
    }
}

/// The events of a run, counted over a sweep.
pub type Sights = BTreeMap<String, usize>;

/// Runs `steps` random steps, lets everything settle, shuts down, and checks the received lines.
pub fn run<C: Cast>(choices: Choices, steps: usize) -> Sights {
    World::<C>::new(choices, None).run(steps)
}

/// Runs the simulation with some clients over TLS. The bytes differ each time, but not their
/// number, so that a seed replays all the same.
pub fn run_over_tls<C: Cast>(choices: Choices, steps: usize) -> Sights {
    World::<C>::new(choices, Some(Keys::new())).run(steps)
}

impl<C: Cast> World<C> {
    fn new(choices: Choices, keys: Option<Keys>) -> World<C> {
        let handshakes_max = match keys {
            Some(_) => choices.pick(3..10),
            None => LIMITS.handshakes_max,
        };
        let limits = Limits { handshakes_max, ..C::LIMITS };
        World {
            choices,
            keys,
            limits,
            server: EventLoop::new(Noted::new(C::service()), limits),
            door: Door::default(),
            clients: Vec::new(),
            backlog: VecDeque::new(),
            far: Vec::new(),
            look_ups: Vec::new(),
            line_moved_ms: 0,
            now: Now { uptime_ms: 0, unix_ms: 1_800_000_000_000 },
        }
    }

    fn run(mut self, steps: usize) -> Sights {
        (0..STEADY).for_each(|_| self.connect(Conduct::Steady));
        self.quiesce();
        (0..steps).for_each(|_| self.step());
        self.settle_closing();
        C::end(&mut self);
        self.check_heard();
        self.shut_down();
        self.check_calls();
        self.sights()
    }

    fn step(&mut self) {
        if self.choices.one_in(25) {
            self.call();
        }
        let n = self.choices.pick(0..self.clients.len());
        if self.keys.is_some() {
            match self.choices.pick(0..12) {
                0 => return self.do_tls(n),
                1..3 => return self.turn(), // a handshake takes many
                _ => {}
            }
        }
        match self.choices.pick(0..100) {
            0..28 => C::say(self, n),
            28..46 => {
                let most = self.choices.pick(0..C::READ_MAX);
                self.hear(n, most);
            }
            46..52 => self.connect(Conduct::Ordinary),
            52..62 => self.misbehave(n),
            62..86 => C::act(self, n),
            86 | 87 => self.pass(1_000),
            88 if self.choices.one_in(2) => {
                // They have sent in time, but the loop reads it late.
                self.clients[..STEADY].iter_mut().for_each(C::mend);
                (0..STEADY).for_each(|n| C::say(self, n));
                self.pass(130_000);
                self.turn();
            }
            88 => {
                // Two minutes pass in which only the steady clients send.
                for _ in 0..2 {
                    self.pass(70_000);
                    (0..STEADY).for_each(|n| C::say(self, n));
                    self.quiesce();
                }
            }
            89 => self.late_reply(n),
            90 => {
                let connections = self.choices.pick(10..14);
                let handshakes_max = self.limits.handshakes_max;
                let limits = C::other_limits(&self.choices);
                self.server.set_limits(Limits { connections, handshakes_max, ..limits });
            }
            91 => self.now.unix_ms = self.choices.pick(0..1 << 40) as u64,
            _ => {
                let speaker = self.choices.one_in(4).then_some(n);
                self.turn_with(speaker);
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
            _ if client.conduct.lives() => {
                client.end.change_keys();
                C::say(self, n);
            }
            _ => {}
        }
    }

    fn misbehave(&mut self, n: usize) {
        if self.clients[n].conduct != Conduct::Ordinary {
            return;
        }
        match self.choices.pick(0..14) {
            0 | 1 => {
                self.vanish(n);
                self.clients[n].end.wire.borrow_mut().client_gone = true;
            }
            2 | 3 => {
                let kinds =
                    [ErrorKind::ConnectionReset, ErrorKind::TimedOut, ErrorKind::InvalidData];
                self.vanish(n);
                self.clients[n].end.wire.borrow_mut().cut = Some(kinds[self.choices.pick(0..3)]);
            }
            4 | 5 => self.clients[n].conduct = Conduct::Stuck,
            6 | 7 => self.end_half(n),
            _ => C::misbehave(self, n),
        }
    }

    fn vanish(&mut self, n: usize) {
        self.clients[n].conduct = Conduct::Gone;
        self.clients[n].end.sight("cut in mid-handshake", "cut");
        self.clients[n].end.news.hung_up = true;
    }

    /// Sends a reply too late: its connection may be gone, and its slot reused.
    fn late_reply(&mut self, n: usize) {
        let State::Here(id) = self.clients[n].state else { return };
        if self.clients[n].end.wire.borrow().server_gone {
            self.server.inject(|_, out| out.write(id, b"not for you\n"));
        }
    }

    /// The reason for which a connection has ended.
    pub fn ending(&self, n: usize) -> Option<CloseReason> {
        let State::Here(id) = self.clients[n].state else { return None };
        self.server.service.ended.get(&id).copied()
    }

    /// Kinds of endings, outcomes of handshakes and calls, and actions on TLS.
    fn sights(&mut self) -> Sights {
        let mut sights = Sights::new();
        let mut saw = |what: &str| *sights.entry(what.to_owned()).or_default() += 1;
        self.server.service.ended.values().for_each(|why| saw(why.text()));
        let own = self.clients.iter().flat_map(|client| &client.end.sights);
        own.for_each(|sight| saw(sight));
        C::sights(self, &mut saw);
        let calls = self.server.service.caller.sights.clone();
        for (what, count) in door::sights(self.server.counters()).into_iter().chain(calls) {
            *sights.entry(what.to_owned()).or_default() += count;
        }
        sights
    }
}
