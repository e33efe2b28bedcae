//! Connections. Knows sockets and buffers, not protocols.
//!
//! A turn of the loop: let services with long answers go on → read each ready connection once →
//! fire the deadlines that came → tell the services of endings → write each connection that has
//! something, once.

mod admission;
mod counters;
mod deadlines;
mod denied;
mod dial;
mod endings;
mod event_loop;
mod handshake;
mod limits;
mod network;
mod outbox;
mod proxied;
pub mod reactor;
mod send_queue;
mod span;
pub mod tls;
mod transport;
mod websocket;

pub use admission::Admission;
pub use counters::{Counters, EndpointCounters, Histogram};
pub use denied::{Denial, Denied};
pub use dial::{Attempt, Dial, DialError, Host, Remote, Step};
pub use endings::{CloseReason, LastWord, Parting, Refusal};
pub use event_loop::EventLoop;
pub use handshake::{Effort, Progress, Secure, TlsVersion};
pub use limits::Limits;
pub use network::{Network, Networks};
pub use outbox::Outbox;
pub use proxied::Proxied;
pub use span::Span;
pub use transport::Transport;
pub use websocket::{Framed, Layer};

use std::io::{self, Read, Write};
use std::net::SocketAddr;

/// A protocol, or a program made of several. Holds every connection's state; does no I/O, reads no
/// clock, cannot block.
///
/// Calls never nest: whatever a service sends or closes takes effect after it returns.
pub trait Service {
    /// A connection is open: an accepted one after its handshake, or one that was asked for with
    /// [`Outbox::dial`].
    fn opened(&mut self, _out: &mut Outbox, _id: ConnId, _peer: Peer) {}

    /// Bytes arrived. Returns how many were used; the rest comes back with what follows.
    fn received(&mut self, out: &mut Outbox, id: ConnId, bytes: &[u8]) -> usize;

    /// The peer has ended its half, and `rest` is the input that was left unused. It still reads output
    /// until [`Outbox::close`], which most services call at once.
    fn finished(&mut self, out: &mut Outbox, id: ConnId, rest: &[u8]) {
        let _ = rest;
        out.close(id);
    }

    /// Called exactly once for each `opened`. Nothing more can be sent to `id`.
    fn closed(&mut self, _out: &mut Outbox, _id: ConnId, _why: CloseReason) {}

    /// The queue of `id` has been written, after [`Outbox::ask_room`]. Called once for each time it was
    /// asked, and never for a connection that is closing.
    ///
    /// A long answer goes at the reader's pace: send [`Outbox::headroom`] more bytes, at least one unit
    /// so that it comes to an end, and ask again if that wasn't all.
    fn room(&mut self, _out: &mut Outbox, _id: ConnId) {}

    /// The time given to [`Outbox::set_deadline`] has passed.
    fn deadline(&mut self, _out: &mut Outbox, _id: ConnId) {}

    /// Another thread has woken the loop, perhaps with something for this service. Returns whether
    /// there is more of it, for the next turn.
    fn woken(&mut self, _out: &mut Outbox) -> bool {
        false
    }

    /// A connection that was asked for with [`Outbox::dial`] will not be made. Called at most once for
    /// each dial, and never after `opened`.
    fn unreachable(&mut self, _out: &mut Outbox, _dial: Dial, _why: DialError) {}

    /// An address of the host that is being dialled could not be connected to. If it was not the last
    /// one, the next is being tried; otherwise `unreachable` follows.
    fn not_connected(
        &mut self,
        _out: &mut Outbox,
        _dial: &Dial,
        _address: SocketAddr,
        _why: io::ErrorKind,
    ) {
    }

    /// The loop refused an incoming connection. It was not opened, or is being closed because its
    /// true address may not connect.
    fn refused(&mut self, _out: &mut Outbox, _endpoint: EndpointId, _why: Refusal) {}

    /// Appends to `text` the last bytes for a peer that the loop refuses, or whose connection it
    /// closes itself, in the protocol that the peer speaks.
    fn farewell(&self, _text: &mut Vec<u8>, _to: LastWord<'_>) {}

    /// The time given to [`Outbox::wake_in`] for `timer` has passed.
    fn tick(&mut self, _out: &mut Outbox, _timer: TimerId) {}
}

/// Carries one connection's bytes: a socket, TLS over one, a pipe in a test. Never blocks.
pub trait Stream: Read + Write {
    /// Ends our half: the peer reads what was written and then the end. `WouldBlock` asks to be
    /// called again when the stream can be written.
    fn finish(&mut self) -> io::Result<()>;

    /// Tells why the stream is about to be finished, if its layer has a word for that.
    fn explain(&mut self, _why: CloseReason) {}

    /// Writes as many bytes as go at once, which are returned, and ends our half; in as few packets
    /// as it can.
    fn write_last(&mut self, said: &[u8]) -> io::Result<usize> {
        let n = self.write(said)?;
        self.finish().and(Ok(n))
    }

    /// Begins a layer over what it carries, behind an HTTP request. `head` goes out first, as it is;
    /// all that is written later goes through the layer. `received` is input behind the request,
    /// which the layer reads first.
    ///
    /// Takes all of `head`: what cannot be written at once waits in the stream, and `flush` says
    /// `WouldBlock` until it is written.
    fn upgrade(&mut self, _layer: Layer, _head: Vec<u8>, _received: &[u8]) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Whether an accepted stream has no handshake. It is asked once, when the stream is accepted; an
    /// outgoing one always has one.
    fn is_established(&self) -> bool {
        true
    }

    /// Whether a proxy's header is still to come: until then no address is held to limits, and it may
    /// take no longer than `Limits::header_timeout`.
    fn awaits_header(&self) -> bool {
        false
    }

    /// Takes the handshake a step further; an error says why it fails. A step that costs as much as
    /// cryptography is spent from `effort`, which has some left. A step reads a bounded number of
    /// bytes.
    fn handshake(&mut self, _effort: &mut Effort) -> io::Result<Progress> {
        Ok(Progress::Established)
    }

    /// The outcome of the TLS handshake, if there was one.
    fn secure(&self) -> Option<Secure> {
        None
    }

    /// Whether a read that returns less than it could has emptied the stream, as it has with
    /// sockets (epoll(7), question 9); it saves one read of nothing for each message.
    fn short_read_empties(&self) -> bool {
        false
    }

    /// Whether a read that returned `WouldBlock` may have left input all the same, as TLS does when a
    /// record is long: the loop reads on in the next turn.
    fn holds_more(&self) -> bool {
        false
    }
}

/// One connection for as long as it lives. Slots are reused; a `ConnId` is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnId {
    slot: u32,
    generation: u32,
}

impl ConnId {
    /// A dense index, for tables kept beside the loop's own.
    pub fn slot(self) -> usize {
        self.slot as usize
    }
}

/// A way in or out of the program: a listener, or a peer that we connect to ourselves. The program
/// gives the numbers their meaning, and may give one a new meaning once no connection has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EndpointId(pub u16);

/// A timer of a service that belongs to no connection. The program gives the numbers their meaning:
/// services that run in one loop share none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimerId(pub u8);

/// The other end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The way it came.
    pub endpoint: EndpointId,
    /// Its address: the true one, where a proxy stands between. `None` on a Unix socket.
    pub address: Option<SocketAddr>,
    /// `None` without TLS.
    pub secure: Option<Secure>,
    /// The token of the [`Dial`] if we connected to it.
    pub dialled: Option<u64>,
}

impl Peer {
    /// A peer that connected to us at `endpoint`, so far without TLS.
    pub fn accepted(endpoint: EndpointId, address: Option<SocketAddr>) -> Peer {
        Peer { endpoint, address, secure: None, dialled: None }
    }
}

/// When a turn began, by two clocks: one that never jumps, and the one on the wall.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// Milliseconds since the program started.
    pub uptime_ms: u64,
    /// Milliseconds since 1970-01-01 UTC. May go back.
    pub unix_ms: u64,
}
