//! Runs the loop turn by turn: the test decides about connects, input and time.

use super::{Choices, ServerEnd, Wire};
use std::cell::RefCell;
use std::rc::Rc;
use stonechat::net::{ConnId, EndpointId, EventLoop, Now, Peer, Service, Stream};

pub const ENDPOINT: EndpointId = EndpointId(0);

/// Connects a client that takes `down_max` bytes before it must read.
pub fn join<V: Service>(
    server: &mut EventLoop<ServerEnd, V>,
    down_max: usize,
) -> (ConnId, Rc<RefCell<Wire>>) {
    let wire = Wire::new(down_max);
    wire.borrow_mut().whole_reads = true;
    let end = ServerEnd { wire: wire.clone(), choices: Choices::from_bytes(&[]) };
    let id = server.accept(end, Peer::accepted(ENDPOINT, None)).unwrap();
    (id, wire)
}

pub fn say<V: Service>(
    server: &mut EventLoop<ServerEnd, V>,
    (id, wire): &(ConnId, Rc<RefCell<Wire>>),
    said: &str,
) {
    wire.borrow_mut().send(said.as_bytes());
    server.readable(id.slot());
}

pub fn at(uptime_ms: u64) -> Now {
    Now { uptime_ms, unix_ms: 0 }
}

/// Turns until there is nothing to do but wait.
pub fn rest<S: Stream, V: Service>(server: &mut EventLoop<S, V>, now: Now) {
    while server.wait(now).is_some_and(|wait| wait.is_zero()) {
        server.turn();
    }
}
