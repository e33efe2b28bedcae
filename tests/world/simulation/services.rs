//! The simulated server: a room, an echo, and a record of every ending.

use super::calls::{Caller, FAR};
use super::{ECHO, ECHO_LINE_MAX, GATE, ROOM};
use crate::world::door::Opened;
use crate::world::room::Room;
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::SocketAddr;
use stonechat::echo::Echo;
use stonechat::net::{
    CloseReason, ConnId, Dial, DialError, EndpointId, LastWord, Layer, Outbox, Peer, Service,
};

/// The gate's request, and its answer.
pub const REQUEST: &[u8] = b"COME IN\n";
pub const ANSWER: &[u8] = b"come in\n";

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

pub struct Services {
    pub room: Room,
    echo: Echo,
    gate: Gate,
    pub caller: Caller,
    pub endpoints: Vec<EndpointId>, // by slot: whose service has it
    pub opened: Opened,
    pub ended: Vec<(ConnId, CloseReason)>,
}

impl Services {
    pub fn new() -> Services {
        Services {
            room: Room::default(),
            echo: Echo::new(ECHO_LINE_MAX),
            gate: Gate::default(),
            caller: Caller::default(),
            endpoints: Vec::new(),
            opened: Opened::new(),
            ended: Vec::new(),
        }
    }

    fn of(&mut self, id: ConnId) -> &mut dyn Service {
        match self.endpoints[id.slot()] {
            ECHO => &mut self.echo,
            GATE => &mut self.gate,
            FAR => &mut self.caller,
            _ => &mut self.room,
        }
    }

    /// Moves upgraded connections from the gate into the room.
    fn meet(&mut self, out: &mut Outbox) {
        for (id, peer) in self.gate.upgraded.drain(..) {
            self.endpoints[id.slot()] = ROOM;
            self.room.opened(out, id, peer);
        }
    }
}

impl Service for Services {
    fn opened(&mut self, out: &mut Outbox, id: ConnId, peer: Peer) {
        if self.endpoints.len() <= id.slot() {
            self.endpoints.resize(id.slot() + 1, ROOM);
        }
        self.endpoints[id.slot()] = peer.endpoint;
        assert!(self.opened.insert(id, peer.secure).is_none(), "opened twice");
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
        self.ended.push((id, why));
        self.of(id).closed(out, id, why);
    }

    fn not_connected(&mut self, out: &mut Outbox, dial: &Dial, to: SocketAddr, why: ErrorKind) {
        self.caller.not_connected(out, dial, to, why);
    }

    fn unreachable(&mut self, out: &mut Outbox, dial: Dial, why: DialError) {
        self.caller.unreachable(out, dial, why);
    }

    fn room(&mut self, out: &mut Outbox, id: ConnId) {
        self.of(id).room(out, id);
    }

    fn deadline(&mut self, out: &mut Outbox, id: ConnId) {
        self.of(id).deadline(out, id);
    }

    fn farewell(&self, text: &mut Vec<u8>, to: LastWord<'_>) {
        match to.conn.map_or(to.endpoint, |id| self.endpoints[id.slot()]) {
            ECHO => self.echo.farewell(text, to),
            GATE => self.gate.farewell(text, to),
            FAR => {}
            _ => self.room.farewell(text, to),
        }
    }
}
