//! The service under test beside the one that calls, and a record of every connection.

use super::calls::{Caller, FAR};
use crate::world::door::Opened;
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::SocketAddr;
use stonechat::net::{
    CloseReason, ConnId, Dial, DialError, EndpointId, LastWord, Outbox, Peer, Refusal, Service,
    TimerId,
};

pub struct Noted<S> {
    pub service: S,
    pub caller: Caller,
    pub opened: Opened,
    pub ended: BTreeMap<ConnId, CloseReason>,
}

impl<S: Service> Noted<S> {
    pub fn new(service: S) -> Noted<S> {
        Noted {
            service,
            caller: Caller::default(),
            opened: BTreeMap::new(),
            ended: BTreeMap::new(),
        }
    }

    fn of(&mut self, id: ConnId) -> &mut dyn Service {
        if self.caller.made(id) { &mut self.caller } else { &mut self.service }
    }
}

impl<S: Service> Service for Noted<S> {
    fn opened(&mut self, out: &mut Outbox, id: ConnId, peer: Peer) {
        assert!(self.opened.insert(id, peer.secure).is_none(), "opened twice");
        match peer.dialled {
            Some(_) => self.caller.opened(out, id, peer),
            None => self.service.opened(out, id, peer),
        }
    }

    fn received(&mut self, out: &mut Outbox, id: ConnId, bytes: &[u8]) -> usize {
        self.of(id).received(out, id, bytes)
    }

    fn finished(&mut self, out: &mut Outbox, id: ConnId, rest: &[u8]) {
        self.of(id).finished(out, id, rest);
    }

    fn closed(&mut self, out: &mut Outbox, id: ConnId, why: CloseReason) {
        assert!(self.ended.insert(id, why).is_none(), "ended twice");
        self.of(id).closed(out, id, why);
    }

    fn room(&mut self, out: &mut Outbox, id: ConnId) {
        self.of(id).room(out, id);
    }

    fn deadline(&mut self, out: &mut Outbox, id: ConnId) {
        self.of(id).deadline(out, id);
    }

    fn woken(&mut self, out: &mut Outbox) -> bool {
        self.service.woken(out)
    }

    fn unreachable(&mut self, out: &mut Outbox, dial: Dial, why: DialError) {
        self.caller.unreachable(out, dial, why);
    }

    fn not_connected(&mut self, out: &mut Outbox, dial: &Dial, to: SocketAddr, why: ErrorKind) {
        self.caller.not_connected(out, dial, to, why);
    }

    fn refused(&mut self, out: &mut Outbox, endpoint: EndpointId, why: Refusal) {
        self.service.refused(out, endpoint, why);
    }

    fn farewell(&self, text: &mut Vec<u8>, to: LastWord<'_>) {
        if to.endpoint != FAR {
            self.service.farewell(text, to);
        }
    }

    fn tick(&mut self, out: &mut Outbox, timer: TimerId) {
        self.service.tick(out, timer);
    }
}
