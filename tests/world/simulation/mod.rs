//! Simulates clients of all kinds over a hostile network, and checks the lines they receive.
//!
//! Four clients are steady: they read everything and do nothing that closes them. The others stall,
//! vanish, end their half, send without end, connect in crowds. Everyone in the room must receive
//! whole lines, each sender's in order, none lost, repeated or misdelivered. Some may use TLS: they
//! must receive the same lines.

mod calls;
mod heard;
mod services;

use super::client_end::{Keys, STILL_TURNS_MAX, motion};
use super::door::{self, Door};
use super::framed::{Decoder, Framed, encode};
use super::{Choices, ClientEnd, News, ServerEnd, Wire};
use calls::Far;
use services::{ANSWER, REQUEST, Services};
use std::collections::{BTreeMap, VecDeque};
use std::io::ErrorKind;
use std::time::Duration;
use stonechat::net::{
    CloseReason, ConnId, Dial, EndpointId, EventLoop, Limits, Now, Peer, Transport,
};

const STEADY: usize = 4;
const ROOM: EndpointId = EndpointId(0);
const ECHO: EndpointId = EndpointId(1);
const GATE: EndpointId = EndpointId(2);
const ECHO_LINE_MAX: usize = 40;

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
    recvq_max: 64,
    sendq_pause: 64,
    sendq_max: 512,
    memory_max: 700,
    drain_timeout: Duration::from_secs(10),
    linger_timeout: Duration::from_secs(2),
};

struct Client {
    end: ClientEnd,
    endpoint: EndpointId,
    state: State,
    conduct: Conduct,
    said: usize,
    /// The number of lists that it requested from the room.
    lists: usize,
    heard: Vec<u8>,
    /// Came through the gate.
    gate: Option<Passage>,
    /// When the server was first seen to have ended its half, and to have dropped its end.
    ended_ms: Option<u64>,
    dropped_ms: Option<u64>,
}

impl Client {
    /// Sends whole records and frames from now on: a part of one is no input, and so no sign of
    /// life.
    fn mend(&mut self) {
        self.end.mend();
        self.end.wire.borrow_mut().whole_reads |= self.gate.is_some();
    }
}

/// The state of a client's upgrade at the gate, from its input.
enum Passage {
    /// The input so far, which may be the beginning of the gate's answer.
    Awaited(Vec<u8>),
    Framed(Decoder),
    /// It was something else: no frames will come.
    Closed,
}

impl Passage {
    fn hear(&mut self, bytes: &[u8], heard: &mut Vec<u8>) {
        match self {
            Passage::Framed(decoder) => heard.extend(decoder.decode(bytes)),
            Passage::Closed => heard.extend_from_slice(bytes),
            Passage::Awaited(before) => {
                before.extend_from_slice(bytes);
                if let Some(frames) = before.strip_prefix(ANSWER) {
                    let mut decoder = Decoder::default();
                    heard.extend(decoder.decode(frames));
                    *self = Passage::Framed(decoder);
                } else if !ANSWER.starts_with(before) {
                    heard.append(before);
                    *self = Passage::Closed;
                }
            }
        }
    }
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
    /// Is in a line that it never ends, and still reads.
    Mute,
    /// Has ended its half, and still reads.
    HalfClosed,
    /// Has stopped reading for good.
    Stuck,
    /// Has closed, or was cut off.
    Gone,
}

pub struct World {
    choices: Choices,
    /// If set, some clients use TLS.
    keys: Option<Keys>,
    limits: Limits,
    server: EventLoop<Framed<Transport<ServerEnd>>, Services>,
    door: Door,
    clients: Vec<Client>,
    backlog: VecDeque<usize>,
    /// Connections that the server has dialled, and names that are being looked up for it.
    far: Vec<Far>,
    look_ups: Vec<Dial>,
    /// When one in the backlog was last let in.
    line_moved_ms: u64,
    now: Now,
}

/// The events of a run, counted over a sweep.
pub struct Sights {
    pub endings: Vec<CloseReason>,
    pub heard: Vec<u8>,
    /// Actions on TLS, and their outcomes.
    pub tls: BTreeMap<&'static str, usize>,
}

/// Runs `steps` random steps, lets everything settle, shuts down, and checks the received lines.
pub fn run(choices: Choices, steps: usize) -> Sights {
    World::new(choices, None).run(steps)
}

/// Runs the simulation with some clients over TLS. The bytes differ each time, but not their
/// number, so that a seed replays all the same.
pub fn run_over_tls(choices: Choices, steps: usize) -> Sights {
    World::new(choices, Some(Keys::new())).run(steps)
}

impl World {
    fn run(mut self, steps: usize) -> Sights {
        for _ in 0..STEADY {
            let endpoint = if self.choices.one_in(3) { GATE } else { ROOM };
            self.connect(Conduct::Steady, endpoint);
        }
        self.quiesce();
        for _ in 0..steps {
            self.step();
        }
        self.settle_closing();
        self.check_heard();
        self.shut_down();
        self.check_calls();
        let heard = self.clients.iter().flat_map(|client| client.heard.clone()).collect();
        let endings = self.server.service.ended.iter().map(|(_, why)| *why).collect();
        let mut tls = door::sights(self.server.counters());
        for sight in self.clients.iter().flat_map(|client| &client.end.sights) {
            *tls.entry(*sight).or_default() += 1;
        }
        tls.extend(self.server.service.caller.sights.clone());
        Sights { endings, heard, tls }
    }

    fn new(choices: Choices, keys: Option<Keys>) -> World {
        let handshakes_max = match keys {
            Some(_) => choices.pick(3..10),
            None => LIMITS.handshakes_max,
        };
        let limits = Limits { handshakes_max, ..LIMITS };
        World {
            choices,
            keys,
            limits,
            server: EventLoop::new(Services::new(), limits),
            door: Door::default(),
            clients: Vec::new(),
            backlog: VecDeque::new(),
            far: Vec::new(),
            look_ups: Vec::new(),
            line_moved_ms: 0,
            now: Now { uptime_ms: 0, unix_ms: 1_800_000_000_000 },
        }
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
            0..34 => self.say(n),
            34..64 => {
                let most = self.choices.pick(0..120);
                self.hear(n, most);
            }
            64..70 => {
                let endpoint = [ECHO, ECHO, ROOM, GATE][self.choices.pick(0..4)];
                self.connect(Conduct::Ordinary, endpoint);
            }
            70..82 => self.misbehave(n),
            82..85 => self.pass(1_000),
            85 if self.choices.one_in(2) => {
                // They have spoken in time, but the loop comes to it late.
                (0..STEADY).for_each(|n| self.clients[n].mend());
                (0..STEADY).for_each(|n| self.say(n));
                self.pass(130_000);
                self.turn();
            }
            85 => {
                // Two minutes pass in which only the steady clients send.
                for _ in 0..2 {
                    self.pass(70_000);
                    (0..STEADY).for_each(|n| self.say(n));
                    self.quiesce();
                }
            }
            86 => self.late_reply(n),
            87 => {
                self.server.set_limits(Limits {
                    connections: self.choices.pick(10..14),
                    recvq_max: self.choices.pick(64..96),
                    sendq_pause: self.choices.pick(30..100),
                    sendq_max: self.choices.pick(400..600),
                    memory_max: self.choices.pick(600..900),
                    ..self.limits
                });
            }
            88 | 89 => self.list(n),
            90 => self.now.unix_ms = self.choices.pick(0..1 << 40) as u64,
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
            4 if ordinary && client.endpoint != ECHO => {
                // Records longer than what is read at once.
                let said = client.said;
                client.said += 1;
                self.send(n, format!("{}m{said}\r\n", "\n".repeat(20_000)).as_bytes());
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
        match self.choices.pick(0..12) {
            0 | 1 => {
                self.clients[n].conduct = Conduct::Gone;
                self.clients[n].end.sight("cut in mid-handshake", "cut");
                self.clients[n].end.wire.borrow_mut().client_gone = true;
                self.clients[n].end.news.hung_up = true;
            }
            2 | 3 => {
                let kinds = [
                    ErrorKind::ConnectionReset,
                    ErrorKind::TimedOut,
                    ErrorKind::InvalidData, // a bad TLS record, say
                ];
                self.clients[n].conduct = Conduct::Gone;
                self.clients[n].end.sight("cut in mid-handshake", "cut");
                self.clients[n].end.wire.borrow_mut().cut = Some(kinds[self.choices.pick(0..3)]);
                self.clients[n].end.news.hung_up = true;
            }
            4 | 5 => self.clients[n].conduct = Conduct::Stuck,
            6 | 7 => self.end_half(n),
            8 => {
                self.send(n, &[b'x'; 200]);
                self.clients[n].conduct = Conduct::Mute;
            }
            9 if self.clients[n].endpoint != ECHO => self.send(n, b"QUIT\n"),
            9 => self.send(n, b"please close socket: CLOSE SOCKET\nand then?\n"),
            10 => {
                self.send(n, b"stuck\n");
                self.clients[n].conduct = Conduct::Stuck;
            }
            _ => self.send(n, &b"again and again\n".repeat(20)),
        }
    }

    /// Sends a reply too late: its connection may be gone, and its slot reused.
    fn late_reply(&mut self, n: usize) {
        let State::Here(id) = self.clients[n].state else { return };
        if self.clients[n].end.wire.borrow().server_gone {
            self.server.inject(|_, out| out.write(id, b"not for you\n"));
        }
    }

    fn connect(&mut self, conduct: Conduct, endpoint: EndpointId) {
        let steady = conduct == Conduct::Steady;
        let wire = Wire::new(if steady { 1 << 20 } else { self.choices.pick(1..200) });
        wire.borrow_mut().whole_reads = self.choices.one_in(2);
        let end = ClientEnd::new(wire, &self.choices, self.keys.as_ref(), steady);
        let conduct = if end.is_silent() { Conduct::Mute } else { conduct };
        let n = self.clients.len();
        let through_gate = endpoint == GATE;
        self.clients.push(Client {
            end,
            endpoint,
            gate: through_gate.then(|| Passage::Awaited(Vec::new())),
            state: State::Waiting,
            conduct,
            said: 0,
            lists: 0,
            heard: Vec::new(),
            ended_ms: None,
            dropped_ms: None,
        });
        self.backlog.push_back(n);
        if through_gate {
            self.clients[n].end.say(REQUEST);
        }
        if endpoint != ECHO {
            self.send(n, format!("NICK c{n}\n").as_bytes());
        }
    }

    fn say(&mut self, n: usize) {
        let said = self.clients[n].said;
        self.send(n, format!("m{said}\r\n").as_bytes());
        self.clients[n].said += 1;
    }

    fn list(&mut self, n: usize) {
        self.send(n, b"LIST\n");
        self.clients[n].lists += 1;
    }

    fn send(&mut self, n: usize, bytes: &[u8]) {
        let client = &mut self.clients[n];
        if matches!(client.conduct, Conduct::Mute | Conduct::HalfClosed | Conduct::Gone) {
            return;
        }
        match client.gate {
            Some(_) => client.end.say(&encode(bytes)),
            None => client.end.say(bytes),
        }
    }

    fn end_half(&mut self, n: usize) {
        self.clients[n].conduct = Conduct::HalfClosed;
        self.clients[n].end.end_half();
    }

    fn hear(&mut self, n: usize, most: usize) -> bool {
        if !self.hears(n) {
            return false;
        }
        let client = &mut self.clients[n];
        let Some(passage) = &mut client.gate else {
            return client.end.hear(most, &mut client.heard);
        };
        let mut bytes = Vec::new();
        let some = client.end.hear(most, &mut bytes);
        passage.hear(&bytes, &mut client.heard);
        some
    }

    fn pass(&mut self, ms: u64) {
        self.now.uptime_ms += ms;
        self.now.unix_ms += ms;
    }

    fn turn(&mut self) {
        self.turn_with(None);
    }

    /// Runs a turn in which the loop polls again before it writes, and finds input of `speaker`.
    fn turn_with(&mut self, speaker: Option<usize>) {
        for n in 0..self.clients.len() {
            if n < STEADY || self.clients[n].end.hurries() {
                self.hear(n, usize::MAX);
            }
        }
        self.pass(3);
        self.server.wake(self.now);
        let most = self.choices.pick(1..600);
        self.serve_calls(most);
        self.tell_news();
        self.accept();
        self.server.hear();
        if let Some(n) = speaker {
            self.say(n);
            self.tell_news();
            self.server.hear();
        }
        self.server.answer();
        self.dial();
        self.server.check();
        self.check_room();
        self.note_refused();
        self.note_endings();
    }

    fn note_refused(&mut self) {
        let counters = self.server.counters().clone();
        let refused = self.door.turned(
            &counters,
            &self.server.service.opened,
            |n| &self.clients[n].end,
            self.now.uptime_ms,
            self.limits,
        );
        refused.into_iter().for_each(|n| self.clients[n].state = State::Refused);
    }

    fn note_endings(&mut self) {
        for client in &mut self.clients {
            let wire = client.end.wire.borrow();
            let now_ms = self.now.uptime_ms;
            client.ended_ms = client.ended_ms.or(wire.down_ended.then_some(now_ms));
            client.dropped_ms = client.dropped_ms.or(wire.server_gone.then_some(now_ms));
        }
    }

    fn tell_news(&mut self) {
        let first = self.choices.pick(0..self.clients.len().max(1));
        for n in (first..self.clients.len()).chain(0..first) {
            let client = &mut self.clients[n];
            let State::Here(id) = client.state else { continue };
            let news = std::mem::take(&mut client.end.news);
            if client.end.wire.borrow().server_gone {
                continue; // its socket is closed: no more events
            }
            if news.writable {
                self.server.writable(id.slot());
            }
            if news.hung_up {
                self.server.hung_up(id.slot());
            } else if news.readable {
                self.server.readable(id.slot());
            }
        }
    }

    fn accept(&mut self) {
        for _ in 0..4 {
            if !self.server.accepting() || !self.server.may_handshake() {
                return;
            }
            let Some(n) = self.backlog.pop_front() else { return self.server.backlogs_emptied() };
            let client = &mut self.clients[n];
            let peer = Peer::accepted(client.endpoint, None);
            client.state = match self.server.accept(Framed::plain(client.end.accept()), peer) {
                Some(id) => {
                    self.line_moved_ms = self.now.uptime_ms;
                    self.door.accepted(n, id, self.now.uptime_ms);
                    State::Here(id)
                }
                None => State::TurnedAway,
            };
        }
    }

    /// Delivers everything in flight, waking the loop only when needed.
    fn quiesce(&mut self) {
        let (mut before, mut still) = ([[0; 3]; 3], 0);
        for _ in 0..100_000 {
            let mut busy = self.serve_calls(usize::MAX) | self.look_up();
            for n in 0..self.clients.len() {
                busy |= self.hear(n, usize::MAX);
                busy |= self.clients[n].end.push(true);
                self.close_if_closed(n);
            }
            let news = |client: &Client| {
                let News { readable, hung_up, writable } = client.end.news;
                let here = matches!(client.state, State::Here(_));
                (readable || hung_up || writable) && here && !client.end.wire.borrow().server_gone
            };
            busy |= self.clients.iter().any(news);
            busy |= !self.backlog.is_empty() && self.server.accepting();
            busy |= self.server.wait(self.now).is_some_and(|wait| wait.is_zero());
            if !busy {
                self.check_settled_calls();
                return self.door.settled(|n| &self.clients[n].end, |n| self.hears(n));
            }
            let motion = [
                motion(self.clients.iter().map(|client| &client.end)),
                calls::motion(&self.far),
                [self.look_ups.len(), self.far.len(), 0],
            ];
            still = if motion == before { still + 1 } else { 0 };
            before = motion;
            assert!(still < STILL_TURNS_MAX, "busy, and does nothing");
            self.turn();
        }
        panic!("did not come to rest");
    }

    /// Closes a client that has read to the end, as clients do.
    fn close_if_closed(&mut self, n: usize) {
        let wire = self.clients[n].end.wire.borrow();
        let at_end = wire.down_ended && wire.down.is_empty() && !wire.up_ended;
        drop(wire);
        if at_end && self.hears(n) && self.clients[n].conduct != Conduct::Steady {
            self.end_half(n);
        }
    }

    fn hears(&self, n: usize) -> bool {
        !matches!(self.clients[n].conduct, Conduct::Stuck | Conduct::Gone)
    }

    /// Delivers everything as `quiesce` does, and waits until lingering connections are gone.
    fn settle_closing(&mut self) {
        self.quiesce();
        for _ in 0..12 {
            self.pass(1_000);
            self.turn(); // the deadlines of this second
            self.quiesce();
        }
    }

    fn shut_down(&mut self) {
        self.look_ups.clear();
        self.backlog.clear(); // the listeners are closed first
        self.server.shut_down();
        self.door.close();
        self.settle_closing();
        assert!(self.server.is_empty(), "somebody is left after the shutdown");
        for client in self.clients.iter().filter(|client| client.conduct == Conduct::Steady) {
            assert!(
                client.heard.ends_with(b"* server shutting down\n") && client.end.is_told_of_end(),
                "a last word went missing"
            );
        }
        assert_eq!(self.server.wait(self.now), None, "nobody is here, and it wakes up");
    }

    fn check_room(&self) {
        let services = &self.server.service;
        let in_room =
            |id: &ConnId| services.opened.contains_key(id) && services.endpoints[id.slot()] == ROOM;
        let members: Vec<ConnId> = self.server.live().filter(in_room).collect();
        services.room.check(&members);
    }
}
