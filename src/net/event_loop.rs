//! One turn of the loop, over any streams: real sockets here, pipes with faults in tests.

mod dialling;
mod handshakes;
mod reading;

use super::outbox::Attention;
use super::send_queue::State;
use super::{
    Admission, Attempt, CloseReason, ConnId, Counters, EndpointId, LastWord, Limits, Networks, Now,
    Outbox, Parting, Peer, Refusal, Service, Stream, TimerId,
};
use handshakes::{Handshakes, Refused};
use slab::Slab;
use std::io::ErrorKind;
use std::net::IpAddr;
use std::time::Duration;

/// All connections, and the service that answers them.
pub struct EventLoop<S, V> {
    /// What the connections are for.
    pub service: V,
    out: Outbox,
    admission: Admission,
    conns: Slab<Conn<S>>,
    handshakes: Handshakes,
    /// Outgoing connections that are being made, by slot.
    dialling: Vec<(usize, Attempt)>,
    /// Outgoing connections to be begun now.
    attempts: Vec<Attempt>,
    /// Those of `ready` whose handshake goes on once all other connections were read and answered.
    advancing: Vec<u32>,
    /// Connections that may have something to read, in this turn and in the next.
    ready: Vec<u32>,
    later: Vec<u32>,
    /// Connections that were read in this turn.
    heard: Vec<u32>,
    /// Where bytes are read to: behind a front of `Limits::recvq_max`, which takes what the
    /// connection had left unused.
    scratch: Box<[u8]>,
    due: Vec<u32>,
    dirty: Vec<u32>,
    /// Ended, and their service knows: freed when the turn ends.
    gone: Vec<u32>,
    /// [`Service::woken`] is called in this turn.
    woken: bool,
}

/// The receiving half of a connection. Its sending half is in the outbox, under the same slot.
struct Conn<S> {
    stream: S,
    origin: Origin,
    input: Input,
    /// In `ready` or `later`.
    listed: bool,
    /// Was read in this turn, and is not read again before the next. In `EventLoop::heard`.
    heard: bool,
    /// Received but not used yet: the beginning of a unit, or what its service has deferred.
    unused: Vec<u8>,
    /// `unused` goes to the service again though nothing has come.
    left: bool,
}

/// Where a connection comes from.
#[derive(Clone, Copy, PartialEq)]
enum Origin {
    /// Admission counts it under this address; `None` is a Unix socket's, or exempt.
    Admitted(Option<IpAddr>),
    /// It is outgoing, or was refused once its true address was known.
    Uncounted,
}

/// Whether there is input to read, as far as events have told.
#[derive(Clone, Copy, PartialEq)]
enum Input {
    /// Nothing, until it says so.
    Dry,
    /// Something, perhaps.
    Ready,
    /// Something perhaps, and then the end: to be read until that is seen.
    Ending,
}

impl<S> Conn<S> {
    /// Whether there may be input for its service.
    fn has_more(&self) -> bool {
        self.input != Input::Dry || self.left
    }
}

/// The calls that report events, between [`EventLoop::wake`] and [`EventLoop::turn`].
impl<S: Stream, V: Service> EventLoop<S, V> {
    /// A loop without connections.
    pub fn new(service: V, limits: Limits) -> EventLoop<S, V> {
        EventLoop {
            service,
            out: Outbox::new(limits),
            admission: Admission::new(limits),
            conns: Slab::new(),
            handshakes: Handshakes::new(),
            dialling: Vec::new(),
            attempts: Vec::new(),
            advancing: Vec::new(),
            ready: Vec::new(),
            later: Vec::new(),
            heard: Vec::new(),
            scratch: scratch(&limits),
            due: Vec::new(),
            dirty: Vec::new(),
            gone: Vec::new(),
            woken: false,
        }
    }

    /// The loop has slept, and now it is `now`.
    pub fn wake(&mut self, now: Now) {
        self.out.now = now;
    }

    /// Whether to accept from listeners now, if only to refuse a connection in words.
    pub fn accepting(&self) -> bool {
        self.admission.accepting(self.out.now)
    }

    /// Every listener's backlog is empty.
    pub fn backlogs_emptied(&mut self) {
        self.admission.backlog_emptied(self.out.now);
    }

    /// Takes in an accepted stream, or refuses it. Returns its id unless it was refused.
    pub fn accept(&mut self, stream: S, peer: Peer) -> Option<ConnId> {
        // A proxy's header will name the address that limits and bans apply to.
        let from = peer.address.filter(|_| !stream.awaits_header());
        let counted = match self.admit(from.map(|address| address.ip())) {
            Ok(counted) => counted,
            Err(refused) => {
                self.refuse_saying(stream, peer.endpoint, &refused);
                return None;
            }
        };
        if !stream.is_established() {
            return self.begin_handshake(stream, peer, counted);
        }
        let slot = self.insert(stream, Origin::Admitted(counted));
        let id = self.out.open(slot, peer.endpoint);
        self.service.opened(&mut self.out, id, peer);
        Some(id)
    }

    /// Refuses a stream: it is told why, as far as one write can, and dropped.
    pub fn refuse(&mut self, stream: S, endpoint: EndpointId, why: Refusal) {
        self.refuse_saying(stream, endpoint, &Refused::from(why));
    }

    fn refuse_saying(&mut self, mut stream: S, endpoint: EndpointId, refused: &Refused) {
        self.count_refusal(endpoint, refused);
        let text = self.farewell(refused.last_word(endpoint, None));
        last_word(&mut stream, &mut self.scratch, &text);
    }

    fn farewell(&self, to: LastWord<'_>) -> Vec<u8> {
        let mut text = Vec::new();
        self.service.farewell(&mut text, to);
        text
    }

    fn count_refusal(&mut self, endpoint: EndpointId, Refused { why, text }: &Refused) {
        let index = Refusal::ALL.iter().position(|each| each == why).expect("each is listed");
        self.out.counters.at(endpoint).refused[index] += 1;
        log::debug!("refused a connection: {text}");
        self.service.refused(&mut self.out, endpoint, *why);
    }

    /// Lets the service act on something that came from elsewhere than a connection.
    pub fn inject<R>(&mut self, act: impl FnOnce(&mut V, &mut Outbox) -> R) -> R {
        let result = act(&mut self.service, &mut self.out);
        self.settle();
        result
    }

    /// Another thread has woken the loop: [`Service::woken`] is called in this turn.
    pub fn woken(&mut self) {
        self.woken = true;
    }

    /// The stream of `slot` may have something to read.
    pub fn readable(&mut self, slot: usize) {
        if self.conns.contains(slot) {
            self.look_again(slot);
        }
    }

    /// The peer of `slot` has ended its half, or the connection is cut: there is an end to be read.
    pub fn hung_up(&mut self, slot: usize) {
        let Some(conn) = self.conns.get_mut(slot) else { return };
        conn.input = Input::Ending;
        self.list(slot);
    }

    /// The stream of `slot` may take more.
    pub fn writable(&mut self, slot: usize) {
        if self.conns.contains(slot) {
            self.out.unblock(slot);
            if self.out.attention(slot) == Attention::Handshaking {
                self.list(slot);
            }
        }
    }

    /// The stream of `slot` can't be watched, and ends.
    pub fn fail(&mut self, slot: usize) {
        match self.out.state(slot) {
            State::Connecting => self.fail_dial(slot, &ErrorKind::Other.into()),
            State::Handshaking => self.refuse_handshake(slot, Refusal::HandshakeFailed),
            _ => self.out.end(slot, CloseReason::Failed),
        }
    }

    /// Begins to close every connection, with a last word.
    pub fn shut_down(&mut self) {
        self.out.stop_dialling();
        self.attempts.clear();
        for slot in self.slots() {
            match self.out.state(slot) {
                State::Connecting => self.fail_dial(slot, &ErrorKind::Interrupted.into()),
                State::Handshaking => self.discard_handshake(slot),
                _ => self.close(slot, CloseReason::Shutdown),
            }
        }
    }

    /// Takes new limits. Input that is here already is held to them when more comes.
    pub fn set_limits(&mut self, limits: Limits) {
        self.out.set_limits(limits);
        self.admission.set_limits(limits, self.out.now);
        self.scratch = scratch(&limits);
        for slot in self.slots() {
            if self.conns[slot].has_more() {
                self.list(slot); // it may be one that was paused
            }
        }
    }

    /// Networks whose connections are not counted by address; by default the machine itself.
    pub fn set_exempt(&mut self, exempt: Networks) {
        self.admission.set_exempt(exempt);
    }

    /// The stream of a connection that is here.
    pub fn stream(&mut self, slot: usize) -> &mut S {
        &mut self.conns[slot].stream
    }

    /// Connections by address, and whether more may come.
    pub fn admission(&self) -> &Admission {
        &self.admission
    }

    /// The counters.
    pub fn counters(&mut self) -> &mut Counters {
        &mut self.out.counters
    }

    /// Bytes queued for connections that have fallen behind.
    pub fn backlog_bytes(&self) -> usize {
        self.out.backlog_bytes()
    }

    /// Whether any connection came by `endpoint` or is being made for it. A scan.
    pub fn has_connections(&self, endpoint: EndpointId) -> bool {
        self.conns.iter().any(|(slot, _)| self.out.endpoint(slot) == endpoint)
    }

    /// Whether there are no connections.
    pub fn is_empty(&self) -> bool {
        self.conns.is_empty()
    }

    /// All connections, in slot order.
    pub fn live(&self) -> impl Iterator<Item = ConnId> {
        self.conns.iter().map(|(slot, _)| self.out.id(slot))
    }

    /// How long the loop may sleep if nothing comes; `None` for ever.
    pub fn wait(&self, now: Now) -> Option<Duration> {
        let at_rest = self.later.is_empty() && self.gone.is_empty() && !self.woken;
        let at_rest = at_rest && self.attempts.is_empty();
        if at_rest { self.out.wait(now) } else { Some(Duration::ZERO) }
    }

    /// Asserts what must hold between turns.
    pub fn check(&self) {
        self.out.check();
        self.admission.check();
        self.check_handshakes();
        self.check_dialling();
        let admitted =
            self.conns.iter().filter(|(_, conn)| conn.origin != Origin::Uncounted).count();
        assert_eq!(self.admission.open(), admitted, "counted and not here, or the reverse");
        for (slot, conn) in &self.conns {
            assert!(!conn.heard, "read in a turn that is over");
            assert_eq!(conn.listed, self.later.contains(&(slot as u32)));
            assert!(conn.unused.capacity() <= reading::UNUSED_KEPT || !conn.unused.is_empty());
            let waits = !conn.has_more() || conn.listed || self.out.is_deferred(slot);
            assert!(
                waits || !matches!(self.out.attention(slot), Attention::Hears | Attention::Forgets),
                "something to read, and nobody to come back to it"
            );
        }
    }
}

/// The turn.
impl<S: Stream, V: Service> EventLoop<S, V> {
    /// Reads each ready connection once, then writes all replies, one write for each recipient.
    /// Afterwards [`EventLoop::wait`] tells whether there is more to do already.
    pub fn turn(&mut self) {
        self.hear();
        self.answer();
    }

    /// The first half of a turn: reads each ready connection. It may be called again before
    /// [`EventLoop::answer`], once the poll has reported new events. A connection is read once in a
    /// turn, however often this is called.
    pub fn hear(&mut self) {
        self.upgrade_streams();
        self.tell_of_waking();
        // `woken` may have reported a connection's real address: apply bans and limits before
        // reading from it.
        self.admit_moved();
        self.list_resumed();
        self.tell_of_room();
        self.read_ready();
    }

    /// Queues that [`EventLoop::answer`] will write, one write each.
    pub fn unwritten(&self) -> usize {
        self.out.dirty_len()
    }

    /// The second half of a turn: fires deadlines, reports endings, writes every queue.
    pub fn answer(&mut self) {
        for slot in self.heard.drain(..) {
            self.conns[slot as usize].heard = false;
        }
        // After reading, so that what has arrived in time counts.
        self.fire_deadlines();
        self.fire_timers();
        self.admit_moved();
        self.tell_endings();
        self.flush();
        self.advance_handshakes();
        self.free_gone();
    }

    fn tell_of_room(&mut self) {
        for _ in 0..self.out.roomy() {
            let Some(id) = self.out.take_room() else { continue };
            self.service.room(&mut self.out, id);
            self.settle();
        }
    }

    fn tell_of_waking(&mut self) {
        if self.woken {
            self.woken = self.service.woken(&mut self.out);
            self.settle();
        }
    }

    fn list_resumed(&mut self) {
        let mut resumed = std::mem::take(&mut self.due);
        self.out.end_pauses(&mut resumed);
        self.out.take_resumed(&mut resumed);
        for slot in resumed.drain(..).map(|slot| slot as usize) {
            let conn = &mut self.conns[slot];
            conn.left = !conn.unused.is_empty();
            if conn.has_more() {
                self.list(slot);
            }
        }
        self.due = resumed;
    }

    fn fire_deadlines(&mut self) {
        let mut due = std::mem::take(&mut self.due);
        self.out.list_due(&mut due);
        for slot in due.drain(..).map(|slot| slot as usize) {
            if !self.out.take_deadline(slot) {
                continue;
            }
            let id = self.out.id(slot);
            match self.out.state(slot) {
                state if state.is_heard() => self.service.deadline(&mut self.out, id),
                State::Connecting => self.fail_dial(slot, &ErrorKind::TimedOut.into()),
                State::Handshaking => self.refuse_handshake(slot, Refusal::HandshakeTimeout),
                _ => self.out.end(slot, CloseReason::DrainTimeout),
            }
            self.settle();
        }
        self.due = due;
    }

    fn fire_timers(&mut self) {
        let mut due = std::mem::take(&mut self.due);
        self.out.timers.list_due(self.out.now, &mut due);
        for timer in due.drain(..) {
            if self.out.timers.take(timer as usize, self.out.now) {
                self.service.tick(&mut self.out, TimerId(timer as u8));
                self.settle();
            }
        }
        self.due = due;
    }

    /// Closes a connection on the loop's own account, with a last word.
    fn close(&mut self, slot: usize, why: CloseReason) {
        self.close_saying(slot, why, Parting::Closed(why), why.text());
    }

    fn close_saying(&mut self, slot: usize, reason: CloseReason, why: Parting, text: &str) {
        let (id, endpoint) = (self.out.id(slot), self.out.endpoint(slot));
        let to = LastWord { endpoint, conn: Some(id), why, text };
        let service = &self.service;
        let line = self.out.compose(|arena| service.farewell(arena, to));
        self.out.send(id, line);
        self.out.begin_close(slot, reason);
    }

    /// Tells services of endings, which may cause more; each connection ends once, so this ends too.
    fn tell_endings(&mut self) {
        while let Some((slot, why)) = self.out.take_ended() {
            let id = self.out.id(slot);
            self.service.closed(&mut self.out, id, why);
            self.gone.push(slot as u32);
            self.settle();
        }
    }

    /// Does what a service has asked for that cannot wait until the turn ends.
    fn settle(&mut self) {
        self.upgrade_streams();
        if self.out.is_full() {
            self.flush();
        }
    }

    /// Has streams begin the layer that their services have asked for, before anything more is read
    /// from them or written to them.
    fn upgrade_streams(&mut self) {
        for (id, layer, head) in std::mem::take(&mut self.out.upgrades) {
            let slot = id.slot();
            if self.out.id(slot) != id || self.out.state(slot) == State::Ended {
                continue;
            }
            let conn = &mut self.conns[slot];
            let received = std::mem::take(&mut conn.unused);
            conn.left = false;
            self.out.counters.at(self.out.endpoint(slot)).sent_bytes += head.len() as u64;
            match conn.stream.upgrade(layer, head, &received) {
                Ok(()) => self.look_again(slot),
                Err(e) => self.out.end(slot, CloseReason::of(&e)),
            }
        }
    }

    /// Reads from a stream that may hold something of which no event tells.
    fn look_again(&mut self, slot: usize) {
        let conn = &mut self.conns[slot];
        if conn.input == Input::Dry {
            conn.input = Input::Ready;
        }
        self.list(slot);
    }

    /// Writes every queue as far as its stream takes it, and wipes the arena. A connection that fails
    /// ends in the next turn.
    fn flush(&mut self) {
        self.upgrade_streams();
        let mut dirty = std::mem::take(&mut self.dirty);
        self.out.take_dirty(&mut dirty);
        for slot in dirty.drain(..).map(|slot| slot as usize) {
            let conn = &mut self.conns[slot];
            self.out.flush(slot, &mut conn.stream);
            if conn.has_more() {
                self.list(slot); // it may be one that was paused
            }
        }
        self.dirty = dirty;
        self.out.enforce_memory_max();
        self.out.wipe();
    }

    /// Only when the turn ends, so that no slot changes hands within it.
    fn free_gone(&mut self) {
        let mut unlist = false;
        for slot in self.gone.drain(..) {
            let conn = self.conns.remove(slot as usize);
            self.out.free(slot as usize);
            if let Origin::Admitted(from) = conn.origin {
                self.admission.leave(from);
            }
            unlist |= conn.listed;
        }
        if unlist {
            self.later.retain(|slot| self.conns.contains(*slot as usize));
        }
    }

    fn list(&mut self, slot: usize) {
        let conn = &mut self.conns[slot];
        if !conn.listed && self.out.attention(slot).wants_reading() {
            conn.listed = true;
            self.later.push(slot as u32);
        }
    }

    fn insert(&mut self, stream: S, origin: Origin) -> usize {
        self.conns.insert(Conn {
            stream,
            origin,
            input: Input::Dry,
            listed: false,
            heard: false,
            unused: Vec::new(),
            left: false,
        })
    }

    fn slots(&self) -> Vec<usize> {
        self.conns.iter().map(|(slot, _)| slot).collect()
    }
}

/// Writes the last word to a stream that is dropped at once, as far as the stream takes it now. Its
/// input is read first, since a socket dropped with unread input sends a reset that may overtake the
/// last word.
fn last_word(stream: &mut impl Stream, scratch: &mut [u8], text: &[u8]) {
    let _ = stream.write_last(text);
    let _ = stream.read(scratch);
}

fn scratch(limits: &Limits) -> Box<[u8]> {
    vec![0; limits.recvq_max + reading::READ_BYTES.end()].into()
}
