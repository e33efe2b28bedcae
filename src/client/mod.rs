//! The terminal client: sends lines, shows the answers, tries several servers, reconnects. A
//! service of the event loop: no I/O, no clock, no threads. The program looks up names, reads stdin
//! and prints.

mod screen;
mod target;

pub use screen::Screen;
pub use target::{DEFAULT_PORT, Target};

use crate::net::{
    CloseReason, ConnId, Dial, DialError, EndpointId, Host, Outbox, Peer, Remote, Service,
};
use crate::rate::Backoff;
use std::io::ErrorKind;
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
    /// One of the targets is being dialled, or will be after a pause.
    Dials,
    /// Since this uptime in milliseconds.
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

/// All that is dialled; there is one connection at a time.
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
            // Errors after the server's orderly end do not matter, such as a reset in answer to
            // unread input.
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
