//! Where services meet: the only place that takes what one service has left for another, or for the
//! program, and carries it there.
//!
//! Services know nothing of each other, and calls never go back: from a service that takes in
//! requests or readings to chat, and from chat to the program. So what is carried comes to an end.

use super::App;
use crate::chat::Request;

impl App {
    /// Takes the requests to the program that were left since the last call: operators of the chat
    /// ask for a reload, an end, or a program to be run.
    pub fn take_requests(&mut self) -> Vec<Request> {
        self.chat.take_requests()
    }
}
