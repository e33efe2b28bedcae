//! The terminal client: sends lines, shows the answers, tries several servers, reconnects. A
//! service of the event loop: no I/O, no clock, no threads. The program looks up names, reads stdin
//! and prints.

mod screen;
mod target;

pub use screen::Screen;
pub use target::{DEFAULT_PORT, Target};

use crate::net::{CloseReason, ConnId, EndpointId, Outbox, Peer, Service};
use crate::rate::Backoff;
use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

/// A conversation with the first target that answers.
///
/// The targets are tried in the order given, each with all its addresses. A reconnect begins again
/// with the first. Nothing is sent twice: input given to a connection that is lost is lost with it,
/// and so is the rest of a line begun in it.
pub struct Client {
    /// The output for the user.
    pub screen: Screen,
    targets: Vec<Target>,
    state: State,
    input: Input,
    /// The line being sent has not ended yet.
    in_line: bool,
    /// Skipping the rest of a line that began in a lost connection.
    skipping: bool,
    /// `None`: no reconnect after a lost connection.
    reconnect: Option<Backoff>,
    /// An error was shown, so a success should be shown too.
    troubled: bool,
}

/// The state of the connection.
#[derive(Debug)]
enum State {
    /// The addresses of this target are to be looked up after a pause.
    Wants(usize, Duration),
    /// A look-up is under way.
    LooksUp(usize),
    /// Connecting to the first of the addresses, which are never empty.
    Dials(usize, VecDeque<SocketAddr>),
    /// Connected since this uptime in milliseconds.
    Connected(ConnId, u64),
    /// The server has ended its half. Earlier input is still being written.
    Hangup,
    Over(Outcome),
}

/// The input of the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Input {
    Open,
    /// All input was sent, and our half is ended.
    Ended,
}

/// The outcome of the conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The server ended the connection in an orderly way.
    Done,
    /// No target could be reached, or the connection was lost.
    Failed,
}

/// A request to look up a target once `after` has passed. Answer it with [`Client::found`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lookup {
    /// The target to look up.
    pub target: Target,
    /// The pause before the look-up.
    pub after: Duration,
}

/// The endpoint of all dials; there is one connection at a time.
const SERVER: EndpointId = EndpointId(0);

/// A connection that lasted this long was good: the next pause is short again.
const LASTED_MS: u64 = 10_000;

/// Called by the program.
impl Client {
    /// Makes a client that first looks up the first of `targets`, which must not be empty. With
    /// `reconnect` it returns after a lost connection.
    pub fn new(targets: Vec<Target>, reconnect: Option<Backoff>, screen: Screen) -> Client {
        assert!(!targets.is_empty());
        Client {
            screen,
            targets,
            state: State::Wants(0, Duration::ZERO),
            input: Input::Open,
            in_line: false,
            skipping: false,
            reconnect,
            troubled: false,
        }
    }

    /// Takes the next look-up to be made; each is returned once.
    pub fn take_lookup(&mut self) -> Option<Lookup> {
        let State::Wants(n, after) = self.state else { return None };
        self.state = State::LooksUp(n);
        Some(Lookup { target: self.targets[n].clone(), after })
    }

    /// Reports the result of a look-up: addresses in the order to be tried.
    pub fn found(&mut self, out: &mut Outbox, addresses: io::Result<Vec<SocketAddr>>) {
        let State::LooksUp(n) = self.state else { return };
        match addresses {
            Ok(addresses) if !addresses.is_empty() => self.dial(out, n, addresses.into()),
            failed => {
                let why = failed.err().map_or("it has no address".into(), |e| e.to_string());
                let host = &self.targets[n].host;
                self.complain(out, format!("cannot look up {host}: {why}"));
                self.try_next(out, n);
            }
        }
    }

    /// Whether the next `len` bytes of input fit into the queue. More must not be sent, or both
    /// sides might wait for the other to read.
    pub fn takes_input(&self, out: &Outbox, len: usize) -> bool {
        match self.state {
            State::Connected(id, _) => self.input == Input::Open && out.headroom(id) >= len,
            _ => false,
        }
    }

    /// Sends input of the user.
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

    /// Ends the input: ends our half, and waits for the rest of the answers.
    pub fn end_input(&mut self, out: &mut Outbox) {
        let State::Connected(id, _) = self.state else { return };
        self.input = Input::Ended;
        out.finish(id);
    }

    /// The outcome, once there is one.
    pub fn outcome(&self) -> Option<Outcome> {
        match self.state {
            State::Over(outcome) => Some(outcome),
            _ => None,
        }
    }
}

impl Client {
    fn dial(&mut self, out: &mut Outbox, n: usize, addresses: VecDeque<SocketAddr>) {
        out.dial(SERVER, addresses[0], Duration::ZERO);
        self.state = State::Dials(n, addresses);
    }

    /// Goes on to the target after `n`; after the last one to the first, with `reconnect`.
    fn try_next(&mut self, out: &Outbox, n: usize) {
        if n + 1 < self.targets.len() {
            self.state = State::Wants(n + 1, Duration::ZERO);
        } else {
            self.come_back(out, "nobody answered", Outcome::Failed);
        }
    }

    fn come_back(&mut self, out: &Outbox, why: &str, otherwise: Outcome) {
        let Some(backoff) = &mut self.reconnect else {
            self.state = State::Over(otherwise);
            return;
        };
        let pause = backoff.pause();
        self.state = State::Wants(0, pause);
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

    fn lost(&mut self, out: &Outbox, why: CloseReason) {
        let text = format!("connection lost ({})", why.text());
        if self.input == Input::Open && self.reconnect.is_some() {
            return self.come_back(out, &text, Outcome::Failed);
        }
        self.complain(out, text);
        self.state = State::Over(Outcome::Failed);
    }

    fn closed_by_server(&mut self, out: &Outbox) {
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
    fn opened(&mut self, out: &mut Outbox, id: ConnId, _peer: Peer) {
        let State::Dials(n, addresses) = &self.state else { return out.close(id) };
        if self.troubled || self.screen.is_terminal() {
            let text = format!("connected to {}", self.name(*n, addresses[0]));
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
            // Errors after the server's orderly end do not matter, such as a reset in answer to
            // unread input.
            return self.closed_by_server(out);
        }
        self.leave(out);
        self.lost(out, why);
    }

    fn unreachable(&mut self, out: &mut Outbox, _endpoint: EndpointId, why: ErrorKind) {
        let State::Dials(n, addresses) = &mut self.state else { return };
        let (n, mut addresses) = (*n, std::mem::take(addresses));
        let Some(address) = addresses.pop_front() else { return };
        self.complain(out, format!("cannot connect to {}: {why}", self.name(n, address)));
        if addresses.is_empty() {
            self.try_next(out, n);
        } else {
            self.dial(out, n, addresses);
        }
    }
}

impl Client {
    /// Forgets the connection: nothing more is read from it or sent to it.
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
