//! Where services meet: the only place that takes what one service has left for another, or for the
//! program, and carries it there.
//!
//! Services know nothing of each other, and calls never go back: from a service that takes in
//! requests or readings to chat, and from chat to the program. So what is carried comes to an end.

use super::{App, Protocol};
use crate::chat::Request;
use crate::net::{ConnId, Outbox, Peer};

impl App {
    /// Takes the requests to the program that were left since the last call: operators of the chat
    /// ask for a reload, an end, or a program to be run.
    pub fn take_requests(&mut self) -> Vec<Request> {
        self.chat.take_requests()
    }

    /// Gives an open connection to the service that speaks `protocol`. The service that had it is told
    /// nothing more of it, not even its end. `peer` is the one that this service was told of.
    pub fn hand_over(&mut self, out: &mut Outbox, id: ConnId, peer: Peer, protocol: Protocol) {
        self.route(id, protocol);
        self.at(protocol).opened(out, id, peer);
    }
}
