//! Calls that the server makes itself, and the far ends that they reach: some answer, some don't, some
//! speak something else or leave. Each call is opened or fails, once; and one that is opened hears its
//! own words.

use super::{Cast, World};
use crate::world::Wire;
use crate::world::client_end::Keys;
use crate::world::far_server::{FarServer, Manner};
use crate::world::framed::Framed;
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;
use stonechat::net::{
    CloseReason, ConnId, Dial, DialError, EndpointId, Outbox, Peer, Remote, Service, Step,
    Transport,
};

pub const FAR: EndpointId = EndpointId(3);

/// The service that calls. Its tokens count the calls.
#[derive(Default)]
pub struct Caller {
    calls: Vec<Call>,
    by_id: BTreeMap<ConnId, usize>,
    pub sights: BTreeMap<&'static str, usize>,
}

#[derive(Default)]
struct Call {
    begun: bool,
    opened: Option<ConnId>,
    failed: usize,
    closed: Option<CloseReason>,
    said: Vec<u8>,
    heard: Vec<u8>,
}

/// One far end.
pub struct Far {
    server: FarServer,
    id: ConnId,
    token: usize,
    /// It echoes, and does nothing that a call may fail of.
    honest: bool,
}

impl Caller {
    /// Whether a connection is one of its calls.
    pub fn made(&self, id: ConnId) -> bool {
        self.by_id.contains_key(&id)
    }
}

impl Service for Caller {
    fn opened(&mut self, out: &mut Outbox, id: ConnId, peer: Peer) {
        let token = peer.dialled.expect("a call") as usize;
        self.by_id.insert(id, token);
        *self.sights.entry("call opened").or_default() += 1;
        let call = &mut self.calls[token];
        assert!(call.opened.replace(id).is_none(), "call {token} is opened twice");
        call.said = format!("call {token}, and a few words more\n").into_bytes();
        out.write(id, &call.said);
    }

    fn received(&mut self, _out: &mut Outbox, id: ConnId, bytes: &[u8]) -> usize {
        self.calls[self.by_id[&id]].heard.extend_from_slice(bytes);
        bytes.len()
    }

    fn closed(&mut self, _out: &mut Outbox, id: ConnId, why: CloseReason) {
        let token = self.by_id.remove(&id).expect("an open call");
        assert!(self.calls[token].closed.replace(why).is_none());
    }

    fn not_connected(&mut self, _: &mut Outbox, dial: &Dial, _: SocketAddr, _: ErrorKind) {
        assert_eq!(self.calls[dial.token as usize].failed, 0);
        *self.sights.entry("call not connected").or_default() += 1;
    }

    fn unreachable(&mut self, _out: &mut Outbox, dial: Dial, why: DialError) {
        self.calls[dial.token as usize].failed += 1;
        let sight = match why {
            DialError::LookUp(_) => "call not found",
            DialError::Connect(_) => "call unreachable",
            DialError::Tls(_) => "call without TLS",
        };
        *self.sights.entry(sight).or_default() += 1;
    }
}

impl<C: Cast> World<C> {
    /// The server calls somebody.
    pub fn call(&mut self) {
        let tls = self.keys.as_ref().filter(|_| self.choices.one_in(2)).map(Keys::connector);
        let host = if self.choices.one_in(2) { "far.example" } else { "192.0.2.9" };
        let after = Duration::from_millis(self.choices.pick(0..3_000) as u64);
        self.server.inject(|noted, out| {
            let token = noted.caller.calls.len() as u64;
            noted.caller.calls.push(Call::default());
            let to = Remote { host: host.into(), port: 1, tls };
            out.dial(Dial { token, endpoint: FAR, to, after });
        });
    }

    /// What the reactor does for calls.
    pub fn dial(&mut self) {
        while let Some(step) = self.server.next_step() {
            match step {
                Step::LookUp(dial) => self.look_ups.push(dial),
                Step::Connect(attempt) if self.choices.one_in(4) => {
                    self.server.not_connected(attempt, &ErrorKind::ConnectionRefused.into());
                }
                Step::Connect(attempt) => {
                    let wire = Wire::new(self.choices.pick(1..200));
                    wire.borrow_mut().whole_reads = self.choices.one_in(2);
                    wire.borrow_mut().connecting = self.choices.one_in(2);
                    let secure = attempt.dial.to.tls.is_some();
                    let (manner, honest) = self.manner(secure);
                    let mut server = FarServer::new(wire, manner);
                    let leaves = self.choices.one_in(5);
                    if leaves {
                        let how = self.choices.one_in(2).then_some(ErrorKind::ConnectionReset);
                        server.ends_after = Some((self.choices.pick(0..1_200), how));
                    }
                    let end = server.stream(&self.choices);
                    let stream = Transport::connect(end, &attempt.dial.to).expect("a good name");
                    let token = attempt.dial.token as usize;
                    self.server.service.caller.calls[token].begun = true;
                    let id = self.server.connect(Framed::plain(stream), attempt);
                    self.far.push(Far { server, id, token, honest: honest && !leaves });
                }
            }
        }
        if self.choices.one_in(2) {
            self.look_up();
        }
    }

    /// The name that has waited longest is found, with some addresses or none.
    pub fn look_up(&mut self) -> bool {
        if self.look_ups.is_empty() {
            return false;
        }
        let dial = self.look_ups.remove(0);
        let n = self.choices.pick(0..4) as u8;
        let addresses = (0..n).map(|n| SocketAddr::from(([192, 0, 2, n], 1))).collect();
        self.server.found(dial, Ok(addresses));
        true
    }

    fn manner(&self, secure: bool) -> (Manner, bool) {
        let says: [&[u8]; 5] =
            [b"", b"220 another protocol\r\n", &[21, 3, 3, 0, 2, 2, 40], &[22, 3], &[0; 40]];
        match &self.keys {
            Some(_) if self.choices.one_in(4) => {
                (Manner::Says(says[self.choices.pick(0..says.len())].to_vec()), false)
            }
            Some(keys) if secure => {
                let refuses = self.choices.one_in(4);
                (Manner::Tls(keys.far_server(refuses)), !refuses)
            }
            _ => (Manner::Plain, true),
        }
    }

    /// Every far end does something, at most so much of it. Returns whether any has.
    pub fn serve_calls(&mut self, most: usize) -> bool {
        let mut moved = false;
        for far in &mut self.far {
            let mut wire = far.server.wire.borrow_mut();
            if wire.server_gone {
                continue;
            }
            let slot = far.id.slot();
            if wire.connecting && self.choices.one_in(2) {
                self.server.writable(slot); // as the system may say too early
                continue;
            }
            if std::mem::take(&mut wire.connecting) || wire.wants_room {
                moved = true;
                self.server.writable(slot);
            }
            let ends = wire.down_ended && !wire.up_ended;
            drop(wire);
            if far.server.serve(most) {
                moved = true;
                self.server.readable(slot);
            }
            let mut wire = far.server.wire.borrow_mut();
            wire.up_ended |= ends;
            if ends || (wire.cut.is_some() || wire.up_ended) && moved {
                moved = true;
                self.server.hung_up(slot);
            }
        }
        self.far.retain(|far| far.honest || !far.server.wire.borrow().server_gone);
        moved
    }

    /// After the shutdown: what became of every call.
    pub fn check_calls(&self) {
        for (token, call) in self.server.service.caller.calls.iter().enumerate() {
            let outcomes = usize::from(call.opened.is_some()) + call.failed;
            assert!(outcomes <= 1, "call {token} has more than one outcome");
            assert!(outcomes == 1 || !call.begun, "call {token} has no outcome");
            assert_eq!(call.opened.is_some(), call.closed.is_some(), "call {token}");
            let text = String::from_utf8_lossy(&call.heard);
            let its = |far: &&Far| far.honest && call.opened == Some(far.id);
            for far in self.far.iter().filter(its) {
                assert!(call.said.starts_with(&call.heard), "call {token} heard {text:?}");
                assert!(call.said.starts_with(&far.server.heard), "what call {token} says");
            }
        }
    }

    /// When nothing moves any more: honest far ends have had all, and sent it back.
    pub fn check_settled_calls(&self) {
        for far in self.far.iter().filter(|far| far.honest) {
            let call = &self.server.service.caller.calls[far.token];
            if call.opened == Some(far.id) && call.closed.is_none() {
                assert_eq!((&far.server.heard, &call.heard), (&call.said, &call.said));
            }
        }
    }
}

/// What lies in the wires of the calls, up and down, and how often they were written to.
pub fn motion(far: &[Far]) -> [usize; 3] {
    far.iter().map(|far| far.server.wire.borrow()).fold([0; 3], |[up, down, writes], wire| {
        [up + wire.up.len(), down + wire.down.len(), writes + wire.writes]
    })
}
