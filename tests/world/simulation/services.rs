//! The simulated server: a room, an echo, and a record of every ending.

use super::{ECHO, ECHO_LINE_MAX, ROOM};
use crate::world::door::Opened;
use crate::world::room::Room;
use stonechat::echo::Echo;
use stonechat::net::{CloseReason, ConnId, EndpointId, Outbox, Peer, Service};

pub struct Services {
    pub room: Room,
    echo: Echo,
    pub endpoints: Vec<EndpointId>, // by slot
    pub opened: Opened,
    pub ended: Vec<(ConnId, CloseReason)>,
}

impl Services {
    pub fn new() -> Services {
        Services {
            room: Room::default(),
            echo: Echo::new(ECHO_LINE_MAX),
            endpoints: Vec::new(),
            opened: Opened::new(),
            ended: Vec::new(),
        }
    }

    fn of(&mut self, id: ConnId) -> &mut dyn Service {
        match self.endpoints[id.slot()] {
            ECHO => &mut self.echo,
            _ => &mut self.room,
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
        self.of(id).received(out, id, bytes)
    }

    fn finished(&mut self, out: &mut Outbox, id: ConnId, rest: &[u8]) {
        self.of(id).finished(out, id, rest);
    }

    fn closed(&mut self, out: &mut Outbox, id: ConnId, why: CloseReason) {
        self.ended.push((id, why));
        self.of(id).closed(out, id, why);
    }

    fn room(&mut self, out: &mut Outbox, id: ConnId) {
        self.of(id).room(out, id);
    }

    fn deadline(&mut self, out: &mut Outbox, id: ConnId) {
        self.of(id).deadline(out, id);
    }

    fn farewell(&self, said: &mut Vec<u8>, endpoint: EndpointId, why: &str) {
        match endpoint {
            ECHO => self.echo.farewell(said, endpoint, why),
            _ => self.room.farewell(said, endpoint, why),
        }
    }
}
