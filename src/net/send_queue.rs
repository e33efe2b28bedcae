//! The output queue of one connection, and the states of its ending.

use super::span::Span;
use super::{CloseReason, EndpointId, Stream};
use std::collections::VecDeque;
use std::io::{self, ErrorKind, Write};

/// One connection's sending half. 56 bytes, and nothing on the heap while its peer keeps up and is
/// sent no more than one span a turn.
pub(super) struct SendQueue {
    pub generation: u32,
    pub endpoint: EndpointId,
    pub state: State,
    /// The peer has ended its half; nothing more is to be read.
    pub peer_finished: bool,
    pub room: Room,
    /// In `Outbox::dirty`.
    pub dirty: bool,
    /// The stream takes nothing more until it says so.
    pub blocked: bool,
    pub hearing: Hearing,
    /// No input until a time: see `Outbox::pause`.
    pub paused: bool,
    /// The output of this turn; always empty between turns.
    spans: Spans,
    spans_bytes: u32,
    /// Output that earlier turns left unwritten; there while its peer is behind.
    backlog: Option<Box<Backlog>>,
    /// Output that waits for a reply that must come before it.
    withheld: Option<Box<Withheld>>,
}

/// The output after each point at which a reply is still missing, in order.
#[derive(Default)]
struct Withheld {
    after: VecDeque<Vec<u8>>,
    bytes: usize,
}

/// The life of a connection, as far as sending goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// No connection has this slot.
    Free,
    /// An outgoing connection that is not made yet.
    Connecting,
    /// An accepted stream in its handshake.
    Handshaking,
    Open,
    /// Takes nothing more to send; input still goes to the service. Waits to be written out.
    Finishing,
    /// Written out and our half ended. Input goes to the service until the peer ends too.
    Finished,
    /// Takes nothing more to send; input is dropped. Waits to be written out.
    Draining(CloseReason),
    /// Written out and our half ended. Input is read and dropped until the peer ends too: closing
    /// earlier would answer it with a reset, which could reach the peer before it has read our last
    /// word.
    Lingering(CloseReason),
    /// Waits for its service to be told, and for its slot to be freed when the turn ends.
    Ended,
}

/// Whether its service gets input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hearing {
    Now,
    /// Nothing, until it goes on.
    Deferred,
    /// In a turn to come. In `Outbox::resumed`.
    Resumed,
}

/// Whether its service has more to send than it has queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Room {
    Unasked,
    /// The service waits for all to be written.
    Asked,
    /// All is written; the service is called in the next turn. In `Outbox::roomy`.
    Due,
}

impl State {
    /// Whether its service gets the peer's input.
    pub fn is_heard(self) -> bool {
        matches!(self, State::Open | State::Finishing | State::Finished)
    }
}

/// A queue's spans are kept for the next turn, up to this many; 256 bytes.
const SPANS_KEPT: usize = 32;

impl SendQueue {
    pub fn free(generation: u32) -> SendQueue {
        SendQueue {
            generation,
            endpoint: EndpointId(0),
            state: State::Free,
            peer_finished: false,
            room: Room::Unasked,
            dirty: false,
            blocked: false,
            hearing: Hearing::Now,
            paused: false,
            spans: Spans::NONE,
            spans_bytes: 0,
            backlog: None,
            withheld: None,
        }
    }

    /// Bytes left from earlier turns, and those withheld.
    pub fn backlog_bytes(&self) -> usize {
        self.backlog_len() + self.withheld.as_ref().map_or(0, |withheld| withheld.bytes)
    }

    fn backlog_len(&self) -> usize {
        self.backlog.as_ref().map_or(0, |backlog| backlog.len())
    }

    /// Bytes in all.
    pub fn queued_bytes(&self) -> usize {
        self.backlog_bytes() + self.spans_bytes as usize
    }

    /// Whether a reply is still missing that must be sent first.
    pub fn is_withheld(&self) -> bool {
        self.withheld.is_some()
    }

    /// Holds back output from here on until one more [`SendQueue::release`].
    pub fn withhold(&mut self) {
        self.withheld.get_or_insert_default().after.push_back(Vec::new());
    }

    /// Adds output behind the last missing reply.
    pub fn push_withheld(&mut self, bytes: &[u8]) {
        let withheld = self.withheld.as_mut().expect("something is missing");
        withheld.after.back_mut().expect("as many as are missing").extend_from_slice(bytes);
        withheld.bytes += bytes.len();
    }

    /// Takes the output between the first missing reply and the next.
    pub fn release(&mut self) -> Vec<u8> {
        let Some(withheld) = &mut self.withheld else { return Vec::new() };
        let after = withheld.after.pop_front().expect("something is missing");
        withheld.bytes -= after.len();
        if withheld.after.is_empty() {
            self.withheld = None;
        }
        after
    }

    pub fn push(&mut self, span: Span) {
        self.spans_bytes += span.len() as u32;
        self.spans.push(span);
    }

    /// Takes out all output that is not withheld, in the order it would be written.
    pub fn take(&mut self, arena: &[u8]) -> Vec<u8> {
        let mut bytes = self.backlog.take().map(|backlog| backlog.into_bytes()).unwrap_or_default();
        self.spans.as_slice().iter().for_each(|span| bytes.extend_from_slice(span.of(arena)));
        self.forget_spans();
        bytes
    }

    /// Drops the queue; returns how many bytes of backlog that were.
    pub fn clear(&mut self) -> usize {
        self.spans = Spans::NONE;
        self.spans_bytes = 0;
        let bytes = self.backlog_bytes();
        (self.backlog, self.withheld) = (None, None);
        bytes
    }

    /// Writes the queue, with one call unless the stream takes less; the rest is kept in the
    /// backlog. Returns how many bytes were written. `gather` is room for joining spans.
    pub fn write(
        &mut self,
        arena: &[u8],
        gather: &mut Vec<u8>,
        stream: &mut impl Stream,
    ) -> io::Result<usize> {
        let written = if self.blocked || self.backlog.is_some() {
            let backlog = self.backlog.get_or_insert_default();
            self.spans.as_slice().iter().for_each(|span| backlog.push(span.of(arena)));
            if self.blocked {
                self.forget_spans();
                return Ok(0);
            }
            let backlog = self.backlog.get_or_insert_default();
            let written = write_some(stream, backlog.bytes())?;
            backlog.pop(written);
            self.backlog = self.backlog.take().filter(|backlog| backlog.len() > 0);
            written
        } else {
            let bytes = match self.spans.as_slice() {
                [only] => only.of(arena),
                spans => {
                    gather.clear();
                    spans.iter().for_each(|span| gather.extend_from_slice(span.of(arena)));
                    gather
                }
            };
            let written = write_some(stream, bytes)?;
            if written < bytes.len() {
                self.backlog.get_or_insert_default().push(&bytes[written..]);
            }
            written
        };
        self.forget_spans();
        // A stream with a buffer of its own, as TLS has, may hold bytes that we count as written.
        self.blocked = self.backlog.is_some() || !taken(|| stream.flush())?;
        Ok(written)
    }

    /// Ends our half of the stream. `blocked` if that must wait.
    pub fn finish(&mut self, stream: &mut impl Stream) -> io::Result<()> {
        self.blocked = !taken(|| stream.finish())?;
        Ok(())
    }

    fn forget_spans(&mut self) {
        self.spans_bytes = 0;
        self.spans.clear();
    }

    /// Asserts what must hold between turns.
    pub fn check(&self) {
        assert!(!self.dirty && self.spans.as_slice().is_empty() && self.spans_bytes == 0);
        match self.state {
            State::Free
            | State::Connecting
            | State::Handshaking
            | State::Finished
            | State::Lingering(_)
            | State::Ended => {
                assert_eq!(self.backlog_bytes(), 0, "{:?} with something to write", self.state);
            }
            State::Open => {
                assert!(self.blocked || self.backlog.is_none(), "a writable queue left unwritten");
                let waits = self.blocked || self.is_withheld();
                assert!(waits || self.room != Room::Asked, "room, and nobody called");
            }
            State::Finishing | State::Draining(_) => {
                let waits = self.blocked || self.is_withheld();
                assert!(waits, "a writable queue left unwritten");
            }
        }
        assert!(
            self.state != State::Finished || !self.peer_finished,
            "both halves have ended, and it goes on"
        );
    }
}

/// Spans of one turn, in order, those joined that touch. 16 bytes, as each connection has one; a `Vec`
/// in the place of its box would make it 24.
#[allow(clippy::box_collection)]
enum Spans {
    /// One, or none if it is empty: what most have in a turn, and it takes nothing on the heap.
    One(Span),
    Many(Box<Vec<Span>>),
}

impl Spans {
    const NONE: Spans = Spans::One(Span::EMPTY);

    fn push(&mut self, span: Span) {
        match self {
            Spans::One(only) if only.len() == 0 => *only = span,
            Spans::One(only) if only.joins(span) => only.append(span),
            Spans::One(only) => *self = Spans::Many(Box::new(vec![*only, span])),
            Spans::Many(spans) => match spans.last_mut() {
                Some(last) if last.joins(span) => last.append(span),
                _ => spans.push(span),
            },
        }
    }

    fn as_slice(&self) -> &[Span] {
        match self {
            Spans::One(only) if only.len() == 0 => &[],
            Spans::One(only) => std::slice::from_ref(only),
            Spans::Many(spans) => spans,
        }
    }

    fn clear(&mut self) {
        match self {
            Spans::Many(spans) if spans.capacity() <= SPANS_KEPT => spans.clear(),
            _ => *self = Spans::NONE,
        }
    }
}

/// Bytes in at the back, out at the front. Holds no memory while empty.
#[derive(Default)]
struct Backlog {
    bytes: Vec<u8>,
    start: usize,
}

impl Backlog {
    fn len(&self) -> usize {
        self.bytes.len() - self.start
    }

    fn bytes(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    fn into_bytes(mut self) -> Vec<u8> {
        self.bytes.drain(..self.start);
        self.bytes
    }

    fn push(&mut self, more: &[u8]) {
        self.bytes.extend_from_slice(more);
    }

    fn pop(&mut self, n: usize) {
        self.start += n;
        if self.len() == 0 {
            *self = Backlog::default();
        } else if self.start > self.bytes.len() / 2 {
            self.bytes.drain(..self.start);
            self.start = 0;
        }
    }
}

/// Writes until the stream takes no more.
fn write_some(stream: &mut impl Write, bytes: &[u8]) -> io::Result<usize> {
    let mut written = 0;
    while written < bytes.len() {
        match stream.write(&bytes[written..]) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(more) => written += more,
            Err(e) if e.kind() == ErrorKind::WouldBlock => break,
            Err(e) if e.kind() == ErrorKind::Interrupted => continue,
            Err(e) => return Err(e),
        }
    }
    Ok(written)
}

/// Whether the stream did it now, rather than asking to be called again.
fn taken(mut act: impl FnMut() -> io::Result<()>) -> io::Result<bool> {
    loop {
        match act() {
            Ok(()) => return Ok(true),
            Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(false),
            Err(e) if e.kind() == ErrorKind::Interrupted => continue,
            Err(e) => return Err(e),
        }
    }
}
