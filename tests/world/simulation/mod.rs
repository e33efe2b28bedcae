//! Clients of all manners on a hostile network, and what must be true of what they hear.
//!
//! Four of them are steady: they read all they are sent and do nothing to be thrown out for. The
//! others stall, vanish, end their half, send without end, come too many at once. Everybody in the
//! room is to hear whole lines, each speaker's in order, none lost, repeated or misdelivered.

mod heard;
mod services;

use super::{Choices, ServerEnd, Wire};
use services::Services;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::ErrorKind;
use std::rc::Rc;
use std::time::Duration;
use stonechat::net::{CloseReason, ConnId, EndpointId, EventLoop, Limits, Now, Peer};

const STEADY: usize = 4;
const ROOM: EndpointId = EndpointId(0);
const ECHO: EndpointId = EndpointId(1);
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
    arriving_timeout: Duration::from_secs(10),
    arriving_max: 1_000,
    recvq_max: 64,
    sendq_pause: 64,
    sendq_max: 512,
    memory_max: 700,
    drain_timeout: Duration::from_secs(10),
    linger_timeout: Duration::from_secs(2),
};

struct Client {
    wire: Rc<RefCell<Wire>>,
    endpoint: EndpointId,
    state: State,
    conduct: Conduct,
    /// What the system has to tell the loop about its stream.
    news: News,
    said: usize,
    /// To the room: how many lists it asked for.
    lists: usize,
    /// To the echo: what it is to say back, whole lines and then perhaps an unfinished one.
    to_be_echoed: Vec<u8>,
    heard: Vec<u8>,
    /// When the server was first seen to have ended its half, and to have dropped its end.
    ended_ms: Option<u64>,
    dropped_ms: Option<u64>,
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
    /// Is in a line that it never ends, and still reads.
    Mute,
    /// Has ended its half, and still reads.
    HalfClosed,
    /// Has stopped reading for good.
    Stuck,
    /// Has closed, or was cut off.
    Gone,
}

#[derive(Clone, Copy, Default)]
struct News {
    readable: bool,
    hung_up: bool,
    writable: bool,
}

pub struct World {
    choices: Choices,
    server: EventLoop<ServerEnd, Services>,
    clients: Vec<Client>,
    backlog: VecDeque<usize>,
    /// When one in the backlog was last let in.
    line_moved_ms: u64,
    now: Now,
}

/// What a run came across, to be counted over a sweep.
pub struct Sights {
    pub endings: Vec<CloseReason>,
    pub heard: Vec<u8>,
}

/// Lives through `steps` choices, comes to rest, shuts down, and checks what was heard.
pub fn run(choices: Choices, steps: usize) -> Sights {
    let mut world = World::new(choices);
    for _ in 0..STEADY {
        world.connect(Conduct::Steady, ROOM);
    }
    world.quiesce();
    for _ in 0..steps {
        world.step();
    }
    world.settle_closing();
    world.check_heard();
    world.shut_down();
    let heard = world.clients.iter().flat_map(|client| client.heard.clone()).collect();
    let endings = world.server.service.ended.iter().map(|(_, why)| *why).collect();
    Sights { endings, heard }
}

impl World {
    fn new(choices: Choices) -> World {
        World {
            choices,
            server: EventLoop::new(Services::new(), LIMITS),
            clients: Vec::new(),
            backlog: VecDeque::new(),
            line_moved_ms: 0,
            now: Now { uptime_ms: 0, unix_ms: 1_800_000_000_000 },
        }
    }

    fn step(&mut self) {
        let n = self.choices.pick(0..self.clients.len());
        match self.choices.pick(0..100) {
            0..34 => self.say(n),
            34..64 => {
                let most = self.choices.pick(0..120);
                self.hear(n, most);
            }
            64..70 => {
                let endpoint = if self.choices.one_in(2) { ECHO } else { ROOM };
                self.connect(Conduct::Ordinary, endpoint);
            }
            70..82 => self.misbehave(n),
            82..85 => self.pass(1_000),
            85 if self.choices.one_in(2) => {
                // They have spoken in time, but the loop comes to it late.
                (0..STEADY).for_each(|n| self.say(n));
                self.pass(130_000);
                self.turn();
            }
            85 => {
                // Two minutes pass in which only the steady ones speak.
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
                    ..LIMITS
                });
            }
            88 | 89 => self.list(n),
            90 => self.now.unix_ms = self.choices.pick(0..1 << 40) as u64,
            _ => self.turn(),
        }
    }

    fn misbehave(&mut self, n: usize) {
        if self.clients[n].conduct != Conduct::Ordinary {
            return;
        }
        match self.choices.pick(0..12) {
            0 | 1 => {
                self.clients[n].conduct = Conduct::Gone;
                self.clients[n].wire.borrow_mut().client_gone = true;
                self.clients[n].news.hung_up = true;
            }
            2 | 3 => {
                let kinds = [
                    ErrorKind::ConnectionReset,
                    ErrorKind::TimedOut,
                    ErrorKind::InvalidData, // a bad TLS record, say
                ];
                self.clients[n].conduct = Conduct::Gone;
                self.clients[n].wire.borrow_mut().cut = Some(kinds[self.choices.pick(0..3)]);
                self.clients[n].news.hung_up = true;
            }
            4 | 5 => self.clients[n].conduct = Conduct::Stuck,
            6 | 7 => self.end_half(n),
            8 => {
                self.send(n, &[b'x'; 200]);
                self.clients[n].conduct = Conduct::Mute;
            }
            9 if self.clients[n].endpoint == ROOM => self.send(n, b"QUIT\n"),
            9 => self.send(n, b"please close socket: CLOSE SOCKET\nand then?\n"),
            10 => {
                self.send(n, b"stuck\n");
                self.clients[n].conduct = Conduct::Stuck;
            }
            _ => self.send(n, &b"again and again\n".repeat(20)),
        }
    }

    /// A reply that comes too late: its connection may be gone and its slot another's.
    fn late_reply(&mut self, n: usize) {
        let State::Here(id) = self.clients[n].state else { return };
        if self.clients[n].wire.borrow().server_gone {
            self.server.inject(|_, out| out.write(id, b"not for you\n"));
        }
    }

    fn connect(&mut self, conduct: Conduct, endpoint: EndpointId) {
        let steady = conduct == Conduct::Steady;
        let wire = Wire::new(if steady { 1 << 20 } else { self.choices.pick(1..200) });
        wire.borrow_mut().whole_reads = self.choices.one_in(2);
        let n = self.clients.len();
        self.clients.push(Client {
            wire,
            endpoint,
            state: State::Waiting,
            conduct,
            news: News::default(),
            said: 0,
            lists: 0,
            to_be_echoed: Vec::new(),
            heard: Vec::new(),
            ended_ms: None,
            dropped_ms: None,
        });
        self.backlog.push_back(n);
        if endpoint == ROOM {
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
        client.wire.borrow_mut().send(bytes);
        client.news.readable = true;
        client.to_be_echoed.extend_from_slice(bytes);
    }

    fn end_half(&mut self, n: usize) {
        self.clients[n].conduct = Conduct::HalfClosed;
        self.clients[n].wire.borrow_mut().up_ended = true;
        self.clients[n].news.hung_up = true;
    }

    fn hear(&mut self, n: usize, most: usize) -> bool {
        let client = &mut self.clients[n];
        if matches!(client.conduct, Conduct::Stuck | Conduct::Gone) {
            return false;
        }
        let mut wire = client.wire.borrow_mut();
        let k = most.min(wire.down.len());
        client.heard.extend(wire.down.drain(..k));
        if k > 0 && wire.wants_room {
            wire.wants_room = false;
            client.news.writable = true;
        }
        k > 0
    }

    fn pass(&mut self, ms: u64) {
        self.now.uptime_ms += ms;
        self.now.unix_ms += ms;
    }

    fn turn(&mut self) {
        (0..STEADY).for_each(|n| {
            self.hear(n, usize::MAX);
        });
        self.pass(3);
        self.server.wake(self.now);
        self.tell_news();
        self.accept();
        self.server.turn();
        self.server.check();
        self.check_room();
        self.note_endings();
    }

    fn note_endings(&mut self) {
        for client in &mut self.clients {
            let wire = client.wire.borrow();
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
            let news = std::mem::take(&mut client.news);
            if client.wire.borrow().server_gone {
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
            if !self.server.accepting() {
                return;
            }
            let Some(n) = self.backlog.pop_front() else { return self.server.backlogs_emptied() };
            let client = &mut self.clients[n];
            let stream = ServerEnd { wire: client.wire.clone(), choices: self.choices.clone() };
            let peer = Peer { endpoint: client.endpoint, address: None, secure: None };
            client.state = match self.server.accept(stream, peer) {
                Some(id) => {
                    self.line_moved_ms = self.now.uptime_ms;
                    State::Here(id)
                }
                None => State::TurnedAway,
            };
        }
    }

    /// Lets everything in flight arrive, the loop being woken only when it must be.
    fn quiesce(&mut self) {
        for _ in 0..100_000 {
            let mut busy = false;
            for n in 0..self.clients.len() {
                busy |= self.hear(n, usize::MAX);
                self.close_if_closed(n);
            }
            let news = |client: &Client| {
                let News { readable, hung_up, writable } = client.news;
                let here = matches!(client.state, State::Here(_));
                (readable || hung_up || writable) && here && !client.wire.borrow().server_gone
            };
            busy |= self.clients.iter().any(news);
            busy |= !self.backlog.is_empty() && self.server.accepting();
            busy |= self.server.wait(self.now).is_some_and(|wait| wait.is_zero());
            if !busy {
                return;
            }
            self.turn();
        }
        panic!("did not come to rest");
    }

    /// A client that has read to the end closes too, as clients do.
    fn close_if_closed(&mut self, n: usize) {
        let wire = self.clients[n].wire.borrow();
        let at_end = wire.down_ended && wire.down.is_empty() && !wire.up_ended;
        drop(wire);
        if at_end && matches!(self.clients[n].conduct, Conduct::Ordinary | Conduct::Mute) {
            self.end_half(n);
        }
    }

    /// As `quiesce`, and long enough for those who linger or don't read their last word.
    fn settle_closing(&mut self) {
        self.quiesce();
        for _ in 0..12 {
            self.pass(1_000);
            self.turn(); // the deadlines of this second
            self.quiesce();
        }
    }

    fn shut_down(&mut self) {
        self.backlog.clear(); // the listeners are closed first
        self.server.shut_down();
        self.settle_closing();
        assert!(self.server.is_empty(), "somebody is left after the shutdown");
        for client in self.clients.iter().filter(|client| client.conduct == Conduct::Steady) {
            assert!(
                client.heard.ends_with(b"* server shutting down\n"),
                "a last word went missing"
            );
        }
        assert_eq!(self.server.wait(self.now), None, "nobody is here, and it wakes up");
    }

    fn check_room(&self) {
        let services = &self.server.service;
        let in_room = |id: &ConnId| services.endpoints[id.slot()] == ROOM;
        let members: Vec<ConnId> = self.server.live().filter(in_room).collect();
        services.room.check(&members);
    }
}
