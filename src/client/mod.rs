//! The terminal client: sends lines, shows what comes back, tries several servers, comes back to
//! them. A service of the event loop: no I/O, no clock, no threads. The program reads stdin and prints.

mod backoff;
mod screen;
mod target;

pub use backoff::Backoff;
pub use screen::Screen;
pub use target::{DEFAULT_PORT, Target};

use crate::net::{
    CloseReason, ConnId, Dial, DialError, EndpointId, Host, Outbox, Peer, Remote, Service,
};
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

/// One user's conversation with whichever of the targets answers.
///
/// The targets are tried in the order given, and of each all its addresses. Who is to come back to
/// a connection that was lost begins again with the first. Nothing is sent twice: what was given to
/// a connection that is lost is lost with it, and so is the rest of a line begun in it.
pub struct Client {
    /// What the user is shown.
    pub screen: Screen,
    targets: Vec<Target>,
    state: State,
    input: Input,
    /// The line being sent has not ended yet.
    in_line: bool,
    /// In the rest of a line whose beginning went to a connection that was lost.
    skipping: bool,
    /// `None`: does not come back to a connection that was lost.
    reconnect: Option<Backoff>,
    /// Something went wrong and was said, so it is worth saying when things are well.
    troubled: bool,
}

/// Where the client stands with the server.
#[derive(Debug)]
enum State {
    /// One of the targets is being dialled, or will be after a pause.
    Dials,
    /// Since this uptime in milliseconds.
    Connected(ConnId, u64),
    /// The server has ended its half. What it was sent before is still being written.
    Hangup,
    Over(Outcome),
}

/// What the user has to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Input {
    Open,
    /// All of it was sent, and our half is ended.
    Ended,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The server ended the connection in an orderly way.
    Done,
    /// Nobody could be reached, or the connection was lost.
    Failed,
}

/// All that is dialled; there is one connection at a time.
const SERVER: EndpointId = EndpointId(0);

/// A connection this long was a good one: the next pause is a short one again.
const LASTED_MS: u64 = 10_000;

/// What the program calls.
impl Client {
    /// A client for `targets`, of which there must be one. `reconnect` is given if it is to come back
    /// to a connection that was lost.
    pub fn new(targets: Vec<Target>, reconnect: Option<Backoff>, screen: Screen) -> Client {
        assert!(!targets.is_empty());
        Client {
            screen,
            targets,
            state: State::Dials,
            input: Input::Open,
            in_line: false,
            skipping: false,
            reconnect,
            troubled: false,
        }
    }

    /// Dials the first target. To be called once.
    pub fn start(&mut self, out: &mut Outbox) {
        self.dial(out, 0, Duration::ZERO);
    }

    /// Whether the next `len` bytes of input can be sent without queueing more than the loop is
    /// to hold. No more than so many may be sent, lest both sides wait for the other to read.
    pub fn takes_input(&self, out: &Outbox, len: usize) -> bool {
        match self.state {
            State::Connected(id, _) => self.input == Input::Open && out.headroom(id) >= len,
            _ => false,
        }
    }

    /// Sends what the user said.
    pub fn input(&mut self, out: &mut Outbox, mut bytes: &[u8]) {
        let State::Connected(id, _) = self.state else { return };
        if self.skipping {
            let Some(lf) = bytes.iter().position(|byte| *byte == b'\n') else { return };
            bytes = &bytes[lf + 1..];
            self.skipping = false;
        }
        if let Some(last) = bytes.last() {
            self.in_line = *last != b'\n';
            out.write(id, bytes);
        }
    }

    /// The user has said all: our half is ended, and the rest of the answers awaited.
    pub fn end_input(&mut self, out: &mut Outbox) {
        let State::Connected(id, _) = self.state else { return };
        self.input = Input::Ended;
        out.finish(id);
    }

    /// How it ended, if it has.
    pub fn outcome(&self) -> Option<Outcome> {
        match self.state {
            State::Over(outcome) => Some(outcome),
            _ => None,
        }
    }
}

impl Client {
    /// Dials the target `n`, which is the token that comes back.
    fn dial(&mut self, out: &mut Outbox, n: usize, after: Duration) {
        let Target { host, port } = &self.targets[n];
        let to = Remote { host: Host::from(host.as_str()), port: *port, tls: None };
        out.dial(Dial { token: n as u64, endpoint: SERVER, to, after });
        self.state = State::Dials;
    }

    /// Goes on to the target after `n`; after the last, if it is to come back, to the first.
    fn try_next(&mut self, out: &mut Outbox, n: usize) {
        if n + 1 < self.targets.len() {
            self.dial(out, n + 1, Duration::ZERO);
        } else {
            self.come_back(out, "nobody answered", Outcome::Failed);
        }
    }

    fn come_back(&mut self, out: &mut Outbox, why: &str, otherwise: Outcome) {
        let Some(backoff) = &mut self.reconnect else {
            self.state = State::Over(otherwise);
            return;
        };
        let pause = backoff.pause();
        self.dial(out, 0, pause);
        let text = format!("{why}, connecting again in {:.1} s", pause.as_secs_f64());
        self.complain(out, text);
    }

    fn complain(&mut self, out: &Outbox, text: String) {
        self.troubled = true;
        self.screen.note(text, out.now);
    }

    /// `localhost:7007 (127.0.0.1:7007)`, or once only if both are the same.
    fn name(&self, n: usize, address: SocketAddr) -> String {
        let (target, address) = (self.targets[n].to_string(), address.to_string());
        if target == address { target } else { format!("{target} ({address})") }
    }

    fn lost(&mut self, out: &mut Outbox, why: CloseReason) {
        let text = format!("connection lost ({})", why.text());
        if self.input == Input::Open && self.reconnect.is_some() {
            return self.come_back(out, &text, Outcome::Failed);
        }
        self.complain(out, text);
        self.state = State::Over(Outcome::Failed);
    }

    fn closed_by_server(&mut self, out: &mut Outbox) {
        const CLOSED: &str = "connection closed by server";
        match self.input {
            Input::Ended => self.state = State::Over(Outcome::Done),
            Input::Open => {
                if self.reconnect.is_none() {
                    self.complain(out, CLOSED.into());
                }
                self.come_back(out, CLOSED, Outcome::Done);
            }
        }
    }
}

impl Service for Client {
    fn opened(&mut self, out: &mut Outbox, id: ConnId, peer: Peer) {
        let (Some(n), Some(address)) = (peer.dialled, peer.address) else { return out.close(id) };
        if self.troubled || self.screen.is_terminal() {
            let text = format!("connected to {}", self.name(n as usize, address));
            self.screen.note(text, out.now);
        }
        self.state = State::Connected(id, out.now.uptime_ms);
    }

    fn received(&mut self, out: &mut Outbox, _id: ConnId, bytes: &[u8]) -> usize {
        self.screen.hear(bytes, out.now);
        bytes.len()
    }

    fn finished(&mut self, out: &mut Outbox, id: ConnId, _rest: &[u8]) {
        self.leave(out);
        self.state = State::Hangup;
        out.close(id);
    }

    fn closed(&mut self, out: &mut Outbox, _id: ConnId, why: CloseReason) {
        if let State::Hangup = self.state {
            // Whatever came after the server's orderly end, as a reset in answer to what it did
            // not want to read, is no matter.
            return self.closed_by_server(out);
        }
        self.leave(out);
        self.lost(out, why);
    }

    fn not_connected(&mut self, out: &mut Outbox, dial: &Dial, to: SocketAddr, why: ErrorKind) {
        let name = self.name(dial.token as usize, to);
        self.complain(out, format!("cannot connect to {name}: {why}"));
    }

    fn unreachable(&mut self, out: &mut Outbox, dial: Dial, why: DialError) {
        let n = dial.token as usize;
        if let DialError::LookUp(why) = why {
            let host = &self.targets[n].host;
            self.complain(out, format!("cannot look up {host}: {why}"));
        }
        self.try_next(out, n);
    }
}

impl Client {
    /// Nothing more comes of this connection, nor goes to it.
    fn leave(&mut self, out: &Outbox) {
        self.screen.end(out.now);
        self.skipping |= std::mem::take(&mut self.in_line);
        if let (State::Connected(_, since_ms), Some(backoff)) = (&self.state, &mut self.reconnect)
            && out.now.uptime_ms - since_ms >= LASTED_MS
        {
            backoff.reset();
        }
    }
}

#[cfg(test)]
mod tests;
