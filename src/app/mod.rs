//! The daemon's services, and the protocol of each listener. Itself a service.

mod meet;

pub use meet::Request;

use crate::chat::{self, Chat};
use crate::echo::Echo;
use crate::net::{
    CloseReason, ConnId, Dial, DialError, EndpointId, LastWord, Outbox, Peer, Refusal, Service,
    TimerId,
};
use crate::web::{self, Web};
use std::io::ErrorKind;
use std::net::SocketAddr;

/// The protocol of a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// Lines, returned in upper case.
    Echo,
    /// Chat, by the IRC client protocol.
    Irc,
    /// HTTP, and WebSockets behind it.
    Http,
}

/// All services of the daemon.
pub struct App {
    /// The service for [`Protocol::Echo`].
    pub echo: Echo,
    /// The service for [`Protocol::Irc`].
    pub chat: Chat,
    /// The service for [`Protocol::Http`].
    pub web: Web,
    /// Requests to the program besides those of chat.
    requests: Vec<Request>,
    /// The protocol of each endpoint, by [`EndpointId`].
    endpoints: Vec<Protocol>,
    /// The protocol, and so the service, of each connection, by slot.
    conns: Vec<Protocol>,
}

impl App {
    /// An app without endpoints. An echoed line has at most `line_max` bytes without its ending.
    pub fn new(line_max: usize, chat: chat::Settings) -> App {
        App {
            echo: Echo::new(line_max),
            chat: Chat::new(chat),
            web: Web::new(web::Settings::default()),
            requests: Vec::new(),
            endpoints: Vec::new(),
            conns: Vec::new(),
        }
    }

    /// Adds an endpoint for `protocol`; `None` if there are 65,536 already.
    pub fn add_endpoint(&mut self, protocol: Protocol) -> Option<EndpointId> {
        let id = u16::try_from(self.endpoints.len()).ok()?;
        self.endpoints.push(protocol);
        Some(EndpointId(id))
    }

    /// Changes the protocol of an endpoint that was added before and has no connections now.
    pub fn set_endpoint(&mut self, id: EndpointId, protocol: Protocol) {
        self.endpoints[usize::from(id.0)] = protocol;
    }

    /// Asserts the invariants that hold between turns.
    pub fn check(&self) {
        self.chat.check();
    }

    fn all(&mut self) -> [&mut dyn Service; 3] {
        [&mut self.echo, &mut self.chat, &mut self.web]
    }

    fn at(&mut self, protocol: Protocol) -> &mut dyn Service {
        match protocol {
            Protocol::Echo => &mut self.echo,
            Protocol::Irc => &mut self.chat,
            Protocol::Http => &mut self.web,
        }
    }

    fn of(&mut self, id: ConnId) -> &mut dyn Service {
        self.at(self.conns[id.slot()])
    }

    fn behind(&mut self, endpoint: EndpointId) -> &mut dyn Service {
        self.at(self.endpoints[usize::from(endpoint.0)])
    }

    fn route(&mut self, id: ConnId, to: Protocol) {
        if self.conns.len() <= id.slot() {
            self.conns.resize(id.slot() + 1, to);
        }
        self.conns[id.slot()] = to;
    }
}

impl Service for App {
    fn opened(&mut self, out: &mut Outbox, id: ConnId, peer: Peer) {
        let protocol = self.endpoints[usize::from(peer.endpoint.0)];
        self.route(id, protocol);
        self.at(protocol).opened(out, id, peer);
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
    }

    fn room(&mut self, out: &mut Outbox, id: ConnId) {
        self.of(id).room(out, id);
    }

    fn deadline(&mut self, out: &mut Outbox, id: ConnId) {
        self.of(id).deadline(out, id);
    }

    fn woken(&mut self, out: &mut Outbox) -> bool {
        let more = self.all().map(|service| service.woken(out));
        more.contains(&true)
    }

    fn tick(&mut self, out: &mut Outbox, timer: TimerId) {
        self.all().into_iter().for_each(|service| service.tick(out, timer));
    }

    fn unreachable(&mut self, out: &mut Outbox, dial: Dial, why: DialError) {
        self.behind(dial.endpoint).unreachable(out, dial, why);
    }

    fn not_connected(&mut self, out: &mut Outbox, dial: &Dial, to: SocketAddr, why: ErrorKind) {
        self.behind(dial.endpoint).not_connected(out, dial, to, why);
    }

    /// Chat reports the refusals of every endpoint to operators, so each service receives all.
    fn refused(&mut self, out: &mut Outbox, endpoint: EndpointId, why: Refusal) {
        self.all().into_iter().for_each(|service| service.refused(out, endpoint, why));
    }

    fn farewell(&self, text: &mut Vec<u8>, to: LastWord<'_>) {
        let protocol = match to.conn {
            Some(id) => self.conns[id.slot()],
            None => self.endpoints[usize::from(to.endpoint.0)],
        };
        match protocol {
            Protocol::Echo => self.echo.farewell(text, to),
            Protocol::Irc => self.chat.farewell(text, to),
            Protocol::Http => self.web.farewell(text, to),
        }
    }
}
