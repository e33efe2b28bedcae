//! HTTP/1.1: health, metrics, and the way to a WebSocket. RFC 9110, RFC 9112.
//!
//! A connection has one request at a time. Its answer comes from here, from another service or from
//! the program (see [`Question`]); until then the connection is deferred, so that pipelined requests
//! are answered in order.

mod response;
pub mod routes;
mod settings;
mod upgrade;

pub use response::Response;
pub use routes::Socket;
pub use settings::Settings;

use crate::net::{CloseReason, ConnId, LastWord, Outbox, Parting, Peer, Refusal, Service};
use crate::wire::http::{self, BodyReader, Framing, Head, Piece, Refused};
use response::reason;
use routes::{Gate, Resource};
use std::borrow::Cow;
use std::collections::VecDeque;
use std::net::IpAddr;

/// A question that another service or the program answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// What a person sees at `/`.
    Landing,
    /// Whether the loop turns.
    Liveness,
    /// Whether clients are served as they should be.
    Readiness,
    /// All metrics.
    Metrics,
}

/// Something for another service or the program.
pub enum Event {
    /// A question; [`Web::answer`] must follow.
    Asked {
        /// The connection that waits.
        id: ConnId,
        /// What it asks.
        question: Question,
        /// Whether it wants the reasons too: `?verbose`.
        verbose: bool,
    },
    /// A connection that carries lines from now on, and belongs to another service.
    Upgraded {
        /// The connection.
        id: ConnId,
        /// Its far end.
        peer: Peer,
        /// The service.
        to: Socket,
    },
}

/// The HTTP service.
pub struct Web {
    settings: Settings,
    /// By slot.
    conns: Vec<Option<Box<Conn>>>,
    events: VecDeque<Event>,
}

struct Conn {
    id: ConnId,
    peer: Peer,
    state: State,
    /// The request that is read or answered.
    request: Request,
    /// A part of a head has come: what is missing must follow in time.
    begun: bool,
}

enum State {
    /// A head is due.
    Head,
    /// The body of a request is due; it is not used by any route yet.
    Body(BodyReader, u64, &'static routes::Route),
    /// Another service answers.
    Waiting,
    /// The rest of a body goes out at the reader's pace, from this byte.
    Sending(Cow<'static, [u8]>, usize),
    /// Nothing more is read.
    Closing,
}

#[derive(Clone, Copy, Default)]
struct Request {
    /// HEAD: the answer has no body.
    bodiless: bool,
    keeps_alive: bool,
    verbose: bool,
}

impl Web {
    /// A service without connections.
    pub fn new(settings: Settings) -> Web {
        Web { settings, conns: Vec::new(), events: VecDeque::new() }
    }

    /// Applies new settings to requests that come from now on.
    pub fn set_settings(&mut self, settings: Settings) {
        self.settings = settings;
    }

    /// Takes the next event for another service.
    pub fn take_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Answers the question of a connection, if it still waits.
    pub fn answer(&mut self, out: &mut Outbox, id: ConnId, response: Response) {
        let conn = self.conns.get_mut(id.slot()).and_then(Option::as_mut);
        if conn.is_some_and(|conn| conn.id == id && matches!(conn.state, State::Waiting)) {
            self.respond(out, id, response);
            out.resume(id);
        }
    }

    fn conn(&mut self, id: ConnId) -> &mut Conn {
        self.conns[id.slot()].as_mut().expect("a connection that was opened")
    }

    /// Reads one request, or a part of one. Returns how many bytes are used; none if more must come.
    fn read(&mut self, out: &mut Outbox, id: ConnId, bytes: &[u8]) -> usize {
        let (head_max, body_max) = (self.settings.head_max, self.settings.body_max as u64);
        let conn = self.conn(id);
        match &mut conn.state {
            State::Head => match http::parse_head(bytes, head_max) {
                Ok(None) => {
                    if !bytes.is_empty() && !std::mem::replace(&mut conn.begun, true) {
                        out.set_deadline(id, self.settings.request_timeout);
                    }
                    0
                }
                Ok(Some(head)) => {
                    conn.begun = false;
                    let len = head.len;
                    self.begin(out, id, &head);
                    len
                }
                Err(refused) => {
                    self.refuse(out, id, refused);
                    bytes.len()
                }
            },
            State::Body(reader, came, route) => match reader.read(bytes) {
                Ok(Piece::Data(data, used)) => {
                    *came += data.len() as u64;
                    if *came > body_max {
                        self.refuse(out, id, TOO_LARGE);
                    } else if reader.is_complete() {
                        let route = *route;
                        self.go_to(out, id, route);
                    }
                    used
                }
                Ok(Piece::More(used)) => used,
                Ok(Piece::End(used)) => {
                    let route = *route;
                    self.go_to(out, id, route);
                    used
                }
                Err(refused) => {
                    self.refuse(out, id, refused);
                    bytes.len()
                }
            },
            State::Closing => bytes.len(),
            State::Waiting | State::Sending(..) => 0,
        }
    }

    /// Finds what a head asks for.
    fn begin(&mut self, out: &mut Outbox, id: ConnId, head: &Head) {
        out.clear_deadline(id);
        let verbose = head.query.split('&').any(|part| part == "verbose");
        let bodiless = head.method == "HEAD";
        self.conn(id).request = Request { bodiless, keeps_alive: head.keeps_alive(), verbose };
        let expects = head.header("expect");
        if expects.is_some_and(|text| !text.eq_ignore_ascii_case("100-continue")) {
            let text = "This expectation is unknown";
            return self.refuse(out, id, Refused { status: 417, text });
        }
        let Some(route) = routes::find(&head.path) else {
            return self.end_with(out, id, head, Response::text(404, "There is nothing here"));
        };
        if !matches!(head.method, "GET" | "HEAD") {
            let refusal = Response::text(405, "Only GET and HEAD work here");
            return self.end_with(out, id, head, refusal.with("Allow", "GET, HEAD"));
        }
        if route.gate == Gate::Metrics && !self.may_read_metrics(id, head.host) {
            let text = "The metrics are for the networks in web.metrics_from, under an address or \
                        a name in web.hosts";
            return self.end_with(out, id, head, Response::text(403, text));
        }
        let socket = match route.resource {
            Resource::Socket(socket) | Resource::AskOrSocket(_, socket) => Some(socket),
            Resource::Ask(_) => None,
        };
        if let Some(socket) = socket.filter(|_| upgrade::is_asked(head)) {
            return self.upgrade(out, id, head, socket);
        }
        if let Resource::Socket(_) = route.resource {
            let refusal = Response::text(426, "Only a WebSocket can be opened here");
            return self.end_with(out, id, head, refusal.with("Upgrade", "websocket"));
        }
        match head.body {
            Framing::Sized(0) => self.go_to(out, id, route),
            Framing::Sized(len) if len > self.settings.body_max as u64 => {
                self.refuse(out, id, TOO_LARGE);
            }
            framing => {
                if expects.is_some() {
                    out.write(id, b"HTTP/1.1 100 Continue\r\n\r\n");
                }
                self.conn(id).state = State::Body(BodyReader::new(framing), 0, route);
                out.set_deadline(id, self.settings.request_timeout);
            }
        }
    }

    fn go_to(&mut self, out: &mut Outbox, id: ConnId, route: &routes::Route) {
        let (Resource::Ask(question) | Resource::AskOrSocket(question, _)) = route.resource else {
            return;
        };
        let conn = self.conn(id);
        conn.state = State::Waiting;
        let verbose = conn.request.verbose;
        out.defer(id);
        self.events.push_back(Event::Asked { id, question, verbose });
    }

    /// An answer to a request whose body is of no use: the connection stays only if there is none.
    fn end_with(&mut self, out: &mut Outbox, id: ConnId, head: &Head, response: Response) {
        if head.body != Framing::Sized(0) {
            self.conn(id).request.keeps_alive = false;
        }
        self.respond(out, id, response);
    }

    fn upgrade(&mut self, out: &mut Outbox, id: ConnId, head: &Head, to: Socket) {
        let accepted = match head.body {
            Framing::Sized(0) => upgrade::accept(head, &self.settings, out.now.unix_ms),
            _ => Err(Response::text(400, "A request for a WebSocket has no body")),
        };
        match accepted {
            Ok((text, layer)) => {
                let peer = self.conn(id).peer;
                self.conns[id.slot()] = None;
                out.upgrade(id, layer, text.as_bytes());
                self.events.push_back(Event::Upgraded { id, peer, to });
            }
            Err(refusal) => self.end_with(out, id, head, refusal),
        }
    }

    fn may_read_metrics(&mut self, id: ConnId, host: &str) -> bool {
        let address = self.conn(id).peer.address;
        let listed = address.is_none_or(|from| self.settings.metrics_from.contain(from.ip()));
        listed && self.is_own(host)
    }

    /// Whether a page of a foreign name, which a browser was led to take for ours, cannot have that
    /// host: DNS rebinding.
    fn is_own(&self, host: &str) -> bool {
        let name = host.rsplit_once(':').map_or(host, |(name, port)| {
            if port.bytes().all(|byte| byte.is_ascii_digit()) { name } else { host }
        });
        let address = name.trim_start_matches('[').trim_end_matches(']');
        name.is_empty()
            || name.eq_ignore_ascii_case("localhost")
            || address.parse::<IpAddr>().is_ok()
            || self.settings.hosts.iter().any(|known| known.eq_ignore_ascii_case(name))
    }

    /// Answers with an error, and closes.
    fn refuse(&mut self, out: &mut Outbox, id: ConnId, refused: Refused) {
        self.conn(id).request.keeps_alive = false;
        self.respond(out, id, Response::text(refused.status, refused.text));
    }

    /// Sends the head of an answer, and begins with its body.
    fn respond(&mut self, out: &mut Outbox, id: ConnId, response: Response) {
        let now_ms = out.now.unix_ms;
        let conn = self.conn(id);
        let head = response.head(now_ms, conn.request.keeps_alive);
        let body = if conn.request.bodiless { Cow::Borrowed(&b""[..]) } else { response.body };
        conn.state = State::Sending(body, 0);
        out.clear_deadline(id);
        out.write(id, head.as_bytes());
        self.send(out, id);
    }

    /// Sends as much of a body as there is room for, and ends the answer with the last of it.
    fn send(&mut self, out: &mut Outbox, id: ConnId) {
        let idle_timeout = self.settings.idle_timeout;
        let conn = self.conn(id);
        let State::Sending(body, sent) = &mut conn.state else { return };
        let n = out.headroom(id).max(1024).min(body.len() - *sent);
        out.write(id, &body[*sent..*sent + n]);
        *sent += n;
        if *sent < body.len() {
            out.defer(id);
            return out.ask_room(id);
        }
        if conn.request.keeps_alive {
            conn.state = State::Head;
            out.set_deadline(id, idle_timeout);
        } else {
            conn.state = State::Closing;
            out.close(id);
        }
    }
}

const TOO_LARGE: Refused = Refused { status: 413, text: "the body of the request is too long" };

impl Service for Web {
    fn opened(&mut self, out: &mut Outbox, id: ConnId, peer: Peer) {
        if self.conns.len() <= id.slot() {
            self.conns.resize_with(id.slot() + 1, || None);
        }
        let request = Request::default();
        let conn = Conn { id, peer, state: State::Head, request, begun: false };
        self.conns[id.slot()] = Some(Box::new(conn));
        out.set_deadline(id, self.settings.request_timeout);
    }

    fn received(&mut self, out: &mut Outbox, id: ConnId, bytes: &[u8]) -> usize {
        let mut used = 0;
        while used < bytes.len() && self.conns[id.slot()].is_some() {
            match self.read(out, id, &bytes[used..]) {
                0 => break,
                n => used += n,
            }
        }
        used
    }

    fn finished(&mut self, out: &mut Outbox, id: ConnId, _rest: &[u8]) {
        // A client may end its half behind its last request, and still read the answer.
        let conn = self.conn(id);
        conn.request.keeps_alive = false;
        if !matches!(conn.state, State::Waiting | State::Sending(..)) {
            out.close(id);
        }
    }

    fn closed(&mut self, _out: &mut Outbox, id: ConnId, _why: CloseReason) {
        self.conns[id.slot()] = None;
    }

    fn room(&mut self, out: &mut Outbox, id: ConnId) {
        self.send(out, id);
        if !matches!(self.conn(id).state, State::Sending(..)) {
            out.resume(id);
        }
    }

    fn deadline(&mut self, out: &mut Outbox, id: ConnId) {
        let conn = self.conn(id);
        match conn.state {
            State::Head if !conn.begun => out.close(id),
            _ => {
                let text = "the request did not come in time";
                self.refuse(out, id, Refused { status: 408, text });
            }
        }
    }

    fn farewell(&self, text: &mut Vec<u8>, to: LastWord<'_>) {
        let status = match to.why {
            Parting::Refused(Refusal::Banned | Refusal::NotProxy) => 403,
            Parting::Refused(Refusal::NotTls) => {
                let words = "This port speaks HTTPS: the address begins with https://";
                return write_last(text, 400, words);
            }
            Parting::Refused(Refusal::BadHeader) => 400,
            Parting::Refused(Refusal::ServerFull) => 503,
            Parting::Refused(_) => 429,
            // Within an answer nothing else can be said.
            Parting::Closed(_) => match to.conn.and_then(|id| self.conns[id.slot()].as_ref()) {
                Some(conn) if matches!(conn.state, State::Head | State::Body(..)) => 503,
                _ => return,
            },
        };
        write_last(text, status, to.text);
    }
}

fn write_last(text: &mut Vec<u8>, status: u16, words: &str) {
    let (reason, length) = (reason(status), words.len() + 1);
    let head = format!(
        "HTTP/1.1 {status} {reason}\r\nServer: stonechat\r\nContent-Type: text/plain; \
         charset=utf-8\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{words}\n"
    );
    text.extend_from_slice(head.as_bytes());
}
