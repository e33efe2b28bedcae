//! Where services meet: the only place that carries the requests of one service to another, or to
//! the program.
//!
//! Services know nothing of each other, and calls never go back. They go from a service that takes
//! in requests or readings to chat, and from chat to the program. So carrying comes to an end.

use super::{App, Protocol};
use crate::chat;
use crate::net::{ConnId, Outbox, Peer};
use crate::store::Health;
use crate::web::{Event, Question, Response, Socket};

/// A request to the program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// An operator of the chat asks for a reload, an end, or a program to be run.
    Chat(chat::Request),
    /// A connection asks for the metrics. [`App::tell_metrics`] answers.
    Metrics(ConnId),
}

impl App {
    /// Takes the requests to the program that were left since the last call.
    pub fn take_requests(&mut self) -> Vec<Request> {
        let of_chat = self.chat.take_requests().into_iter().map(Request::Chat);
        of_chat.chain(std::mem::take(&mut self.requests)).collect()
    }

    /// Answers [`Request::Metrics`].
    pub fn tell_metrics(&mut self, out: &mut Outbox, id: ConnId, text: String) {
        const TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";
        self.web.answer(out, id, Response::new(200, TYPE, text.into_bytes()));
    }

    /// Gives an open connection to the service for `protocol`. The previous service receives
    /// nothing more about it, not even its end. `peer` is the one that service received.
    pub fn hand_over(&mut self, out: &mut Outbox, id: ConnId, peer: Peer, protocol: Protocol) {
        self.route(id, protocol);
        self.at(protocol).opened(out, id, peer);
    }

    /// Carries what services have for each other.
    pub(super) fn meet(&mut self, out: &mut Outbox) {
        while let Some(event) = self.web.take_event() {
            match event {
                Event::Upgraded { id, peer, to } => {
                    let protocol = match to {
                        Socket::Irc => Protocol::Irc,
                        Socket::Echo => Protocol::Echo,
                    };
                    self.hand_over(out, id, peer, protocol);
                }
                Event::Asked { id, question: Question::Metrics, .. } => {
                    self.requests.push(Request::Metrics(id));
                }
                Event::Asked { id, question: Question::Landing, .. } => {
                    let response = Response::text(200, &self.landing());
                    self.web.answer(out, id, response);
                }
                Event::Asked { id, question: Question::Liveness, .. } => {
                    self.web.answer(out, id, Response::text(200, "ok"));
                }
                Event::Asked { id, question: Question::Readiness, verbose } => {
                    let response = self.readiness(verbose);
                    self.web.answer(out, id, response);
                }
            }
        }
    }

    /// The page at `/`, until there is a better one.
    fn landing(&self) -> String {
        let chat::Figures { users, channels, .. } = self.chat.figures();
        format!(
            "This is a chat server. Connect with an IRC client, or by WebSocket at /irc.\n\
             {users} users, {channels} channels"
        )
    }

    /// Whether messages are kept; with the reasons if they are asked for.
    fn readiness(&self, verbose: bool) -> Response {
        let trouble = match self.chat.store().map(|store| store.health()) {
            Some(Health::Ailing(trouble)) => Some(trouble.to_string()),
            _ => None,
        };
        let status = if trouble.is_some() { 503 } else { 200 };
        let store = trouble.unwrap_or_else(|| "ok".to_owned());
        let text = match (verbose, status) {
            (true, _) => format!("store: {store}"),
            (false, 200) => "ok".to_owned(),
            (false, _) => "not ready; ?verbose says why".to_owned(),
        };
        Response::text(status, &text)
    }
}
