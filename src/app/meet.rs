//! Where services meet: the only place that carries the requests of one service to another, or to
//! the program.
//!
//! Services know nothing of each other, and calls never go back. They go from a service that takes
//! in requests or readings to chat, and from chat to the program. So carrying comes to an end.

use super::{App, Protocol};
use crate::chat::Request;
use crate::net::{ConnId, Outbox, Peer};

impl App {
    /// Takes the requests to the program that were left since the last call: operators of the chat
    /// ask for a reload, an end, or a program to be run.
    pub fn take_requests(&mut self) -> Vec<Request> {
        self.chat.take_requests()
    }

    /// Gives an open connection to the service for `protocol`. The previous service receives
    /// nothing more about it, not even its end. `peer` is the one that service received.
    pub fn hand_over(&mut self, out: &mut Outbox, id: ConnId, peer: Peer, protocol: Protocol) {
        self.route(id, protocol);
        self.at(protocol).opened(out, id, peer);
    }
}
