//! The simplest services for the simulator: a room, an echo, and a gate into the room.

mod heard;

use super::Choices;
use super::framed::{Decoder, encode};
use super::room::Room;
use super::simulator::{self, Cast, Client, Conduct, ECHO, World};
use std::collections::BTreeMap;
use stonechat::echo::Echo;
use stonechat::net::{
    CloseReason, ConnId, EndpointId, LastWord, Layer, Limits, Outbox, Peer, Service,
};

const ROOM: EndpointId = EndpointId(0);
const GATE: EndpointId = EndpointId(2);
const ECHO_LINE_MAX: usize = 40;

/// The gate's request, and its answer.
const REQUEST: &[u8] = b"COME IN\n";
const ANSWER: &[u8] = b"come in\n";

/// Lines that some client must receive in some run.
pub const WORDS: [&str; 7] =
    ["bye", "* idle", " left", "list 99\n", "* server full\n", "line too long", "CLOSE SOCKET"];

pub struct Services {
    room: Room,
    echo: Echo,
    gate: Gate,
    /// By slot: whose service has it. `None` once it has ended.
    endpoints: Vec<Option<EndpointId>>,
}

/// What a client has done.
#[derive(Default)]
pub struct Role {
    said: usize,
    /// The number of lists that it requested from the room.
    lists: usize,
    /// Came through the gate.
    gate: Option<Passage>,
}

impl Cast for Services {
    type Service = Services;
    type Role = Role;

    const LIMITS: Limits = simulator::LIMITS;
    const ECHO_LINE_MAX: usize = ECHO_LINE_MAX;
    const READ_MAX: usize = 120;
    const DOWN_MAX: usize = 200;

    fn service() -> Services {
        Services {
            room: Room::default(),
            echo: Echo::new(ECHO_LINE_MAX),
            gate: Gate::default(),
            endpoints: Vec::new(),
        }
    }

    fn other_limits(choices: &Choices) -> Limits {
        Limits {
            recvq_max: choices.pick(64..96),
            sendq_pause: choices.pick(30..100),
            sendq_max: choices.pick(400..600),
            memory_max: choices.pick(600..900),
            ..simulator::LIMITS
        }
    }

    fn endpoint(choices: &Choices, steady: bool) -> EndpointId {
        match steady {
            true => [ROOM, ROOM, GATE][choices.pick(0..3)],
            false => [ECHO, ECHO, ROOM, GATE][choices.pick(0..4)],
        }
    }

    fn greet(world: &mut World<Self>, n: usize) {
        let endpoint = world.clients[n].endpoint;
        if endpoint == GATE {
            world.send(n, REQUEST);
            world.clients[n].role.gate = Some(Passage::Awaited(Vec::new()));
        }
        if endpoint != ECHO {
            world.type_in(n, format!("NICK c{n}\n").as_bytes());
        }
    }

    fn say(world: &mut World<Self>, n: usize) {
        let said = world.clients[n].role.said;
        world.type_in(n, format!("m{said}\r\n").as_bytes());
        world.clients[n].role.said += 1;
    }

    fn act(world: &mut World<Self>, n: usize) {
        let client = &world.clients[n];
        let in_room = client.conduct == Conduct::Ordinary && client.endpoint != ECHO;
        match world.choices.pick(0..24) {
            0..3 => {
                world.type_in(n, b"LIST\n");
                world.clients[n].role.lists += 1;
            }
            3 if world.keys.is_some() && in_room => {
                // Records longer than what is read at once.
                let said = world.clients[n].role.said;
                world.clients[n].role.said += 1;
                world.type_in(n, format!("{}m{said}\r\n", "\n".repeat(20_000)).as_bytes());
            }
            4..12 => Self::say(world, n),
            _ => {
                let most = world.choices.pick(0..Self::READ_MAX);
                world.hear(n, most);
            }
        }
    }

    fn misbehave(world: &mut World<Self>, n: usize) {
        match world.choices.pick(0..4) {
            0 => {
                world.type_in(n, &[b'x'; 200]);
                world.clients[n].conduct = Conduct::Mute;
            }
            1 if world.clients[n].endpoint != ECHO => world.type_in(n, b"QUIT\n"),
            1 => world.type_in(n, b"please close socket: CLOSE SOCKET\nand then?\n"),
            2 => {
                world.type_in(n, b"stuck\n");
                world.clients[n].conduct = Conduct::Stuck;
            }
            _ => world.type_in(n, &b"again and again\n".repeat(20)),
        }
    }

    fn hear(world: &mut World<Self>, n: usize, bytes: &[u8]) {
        let Client { role, heard, .. } = &mut world.clients[n];
        match &mut role.gate {
            Some(passage) => passage.hear(bytes, heard),
            None => heard.extend_from_slice(bytes),
        }
    }

    fn mend(client: &mut Client<Self>) {
        client.end.mend();
        client.end.wire.borrow_mut().whole_reads |= client.role.gate.is_some();
    }

    fn check_turn(world: &World<Self>) {
        let services = &world.server.service.service;
        let at = |id: &ConnId| services.endpoints.get(id.slot()).copied().flatten();
        let members: Vec<ConnId> = world.server.live().filter(|id| at(id) == Some(ROOM)).collect();
        services.room.check(&members);
    }

    fn check_client(world: &World<Self>, n: usize) {
        world.check_lines(n);
        world.check_last_word(n);
    }

    fn check_all(world: &World<Self>) {
        world.check_order();
    }

    fn is_last_word(heard: &[u8]) -> bool {
        heard.ends_with(b"* server shutting down\n")
    }

    fn sights(world: &World<Self>, saw: &mut dyn FnMut(&str)) {
        let heard: Vec<u8> = world.clients.iter().flat_map(|client| client.heard.clone()).collect();
        let heard = String::from_utf8_lossy(&heard);
        WORDS.iter().filter(|words| heard.contains(**words)).for_each(|words| saw(words));
    }
}

impl World<Services> {
    fn type_in(&mut self, n: usize, bytes: &[u8]) {
        match self.clients[n].role.gate {
            Some(_) => self.send(n, &encode(bytes)),
            None => self.send(n, bytes),
        }
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

/// Upgrades connections on request.
#[derive(Default)]
struct Gate {
    waiting: BTreeMap<ConnId, Peer>,
    upgraded: Vec<(ConnId, Peer)>,
}

impl Service for Gate {
    fn opened(&mut self, _out: &mut Outbox, id: ConnId, peer: Peer) {
        self.waiting.insert(id, peer);
    }

    fn received(&mut self, out: &mut Outbox, id: ConnId, bytes: &[u8]) -> usize {
        let Some(request) = bytes.get(..REQUEST.len()) else { return 0 };
        assert_eq!(request, REQUEST, "the gate hears what is not for it");
        let (first, rest) = ANSWER.split_at(4);
        out.write(id, first);
        out.upgrade(id, Layer { kind: None, message_max: 512 }, rest);
        let peer = self.waiting.remove(&id).expect("one who waits");
        self.upgraded.push((id, peer));
        REQUEST.len()
    }

    fn closed(&mut self, _out: &mut Outbox, id: ConnId, _why: CloseReason) {
        self.waiting.remove(&id).expect("one who waits");
    }

    fn farewell(&self, text: &mut Vec<u8>, to: LastWord<'_>) {
        text.extend_from_slice(format!("* {}\n", to.text).as_bytes());
    }
}

impl Services {
    fn of(&mut self, id: ConnId) -> &mut dyn Service {
        match self.endpoints[id.slot()].expect("an open connection") {
            ECHO => &mut self.echo,
            GATE => &mut self.gate,
            _ => &mut self.room,
        }
    }

    /// Moves upgraded connections from the gate into the room.
    fn meet(&mut self, out: &mut Outbox) {
        for (id, peer) in self.gate.upgraded.drain(..) {
            self.endpoints[id.slot()] = Some(ROOM);
            self.room.opened(out, id, peer);
        }
    }
}

impl Service for Services {
    fn opened(&mut self, out: &mut Outbox, id: ConnId, peer: Peer) {
        if self.endpoints.len() <= id.slot() {
            self.endpoints.resize(id.slot() + 1, None);
        }
        self.endpoints[id.slot()] = Some(peer.endpoint);
        self.of(id).opened(out, id, peer);
    }

    fn received(&mut self, out: &mut Outbox, id: ConnId, bytes: &[u8]) -> usize {
        let used = self.of(id).received(out, id, bytes);
        self.meet(out);
        used
    }

    fn finished(&mut self, out: &mut Outbox, id: ConnId, rest: &[u8]) {
        self.of(id).finished(out, id, rest);
    }

    fn closed(&mut self, out: &mut Outbox, id: ConnId, why: CloseReason) {
        self.of(id).closed(out, id, why);
        self.endpoints[id.slot()] = None;
    }

    fn room(&mut self, out: &mut Outbox, id: ConnId) {
        self.of(id).room(out, id);
    }

    fn deadline(&mut self, out: &mut Outbox, id: ConnId) {
        self.of(id).deadline(out, id);
    }

    fn farewell(&self, text: &mut Vec<u8>, to: LastWord<'_>) {
        let now = to.conn.and_then(|id| self.endpoints[id.slot()]);
        match now.unwrap_or(to.endpoint) {
            ECHO => self.echo.farewell(text, to),
            GATE => self.gate.farewell(text, to),
            _ => self.room.farewell(text, to),
        }
    }
}
