//! The sending half of every connection, as memory.
//!
//! A line is composed once, in an arena of the turn. A recipient's queue lists the spans of the arena
//! meant for it, so a line to a thousand members is composed once and costs eight bytes for each. At the end of the turn every queue is written out with one call and the arena
//! is wiped; only a reader too slow for that keeps a copy of its own.

mod writing;

use super::deadlines::Deadlines;
use super::send_queue::{Hearing, Room, SendQueue, State};
use super::span::Span;
use super::{CloseReason, ConnId, Counters, Denied, Dial, EndpointId, Layer, Limits, Now, TimerId};
use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::Duration;

/// The calls by which a service sends, closes, waits and dials.
pub struct Outbox {
    /// When this turn began.
    pub now: Now,
    /// Networks whose connections the loop refuses.
    pub denied: Denied,
    pub(super) counters: Counters,
    pub(super) limits: Limits,
    arena: Vec<u8>,
    queues: Vec<SendQueue>,
    deadlines: Deadlines,
    /// When paused connections are read again.
    pauses: Deadlines,
    /// Of services, by [`TimerId`].
    pub(super) timers: Deadlines,
    /// Queues with something to write, each listed once.
    dirty: Vec<u32>,
    /// Queues that are written out and whose service asked for room, the longest waiting first.
    roomy: VecDeque<u32>,
    /// Connections whose service resumes: it gets the input that it has left.
    resumed: Vec<u32>,
    /// Connections whose real address a service has learned.
    pub(super) moved: Vec<(ConnId, IpAddr)>,
    /// Streams that are to begin a layer, each with what goes out before it.
    pub(super) upgrades: Vec<(ConnId, Layer, Vec<u8>)>,
    /// Queues that ended, before their service is told.
    ended: Vec<(u32, CloseReason)>,
    /// All backlogs together.
    backlog_bytes: usize,
    /// Outgoing connections asked for and not begun, with the uptime in milliseconds to begin at.
    dials: Vec<(u64, Dial)>,
    /// The program ends.
    dials_no_more: bool,
    /// Gathers one queue for one write.
    gather: Vec<u8>,
}

/// How the loop is to read from a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attention {
    /// Its service gets the input.
    Hears,
    /// Its peer must first read our output; its input waits in the kernel meanwhile.
    Paused,
    /// It is being closed: input is read and dropped.
    Forgets,
    /// It is in its handshake.
    Handshaking,
    /// It has no more input.
    None,
}

impl Attention {
    pub(super) fn wants_reading(self) -> bool {
        !matches!(self, Attention::Paused | Attention::None)
    }
}

/// Capacity of the arena and the gathering buffer that stays from turn to turn.
const ARENA_KEPT: usize = 256 << 10;

/// Replies to one connection in a turn, though its backlog may be less.
const TURN_SAID_MAX: usize = 1 << 20;

/// An arena longer than this is written out before the turn goes on.
const ARENA_FULL: usize = 8 << 20;

/// The calls of services.
impl Outbox {
    /// Composes something in the arena, to be sent to any number of connections.
    pub fn compose(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Span {
        let start = self.arena.len() as u32;
        write(&mut self.arena);
        let end = u32::try_from(self.arena.len()).expect("a turn says less than 4 GiB");
        Span { start, end }
    }

    /// Sends `span` to `to`. To one already gone or closing this does nothing.
    pub fn send(&mut self, to: ConnId, span: Span) {
        if self.open_queue(to).is_none() {
            return;
        }
        let queue = &mut self.queues[to.slot()];
        if queue.is_withheld() {
            queue.push_withheld(span.of(&self.arena));
            self.backlog_bytes += span.len();
        } else {
            queue.push(span);
        }
        let endpoint = queue.endpoint;
        self.mark_dirty(to.slot());
        self.counters.at(endpoint).sent_lines += 1;
    }

    /// Composes and sends `bytes` to `to` alone.
    pub fn write(&mut self, to: ConnId, bytes: &[u8]) {
        let span = self.compose(|arena| arena.extend_from_slice(bytes));
        self.send(to, span);
    }

    /// Ends our half of `id` once its queue has been written. Input still goes to the service until the
    /// peer ends its own half, and with that the connection.
    pub fn finish(&mut self, id: ConnId) {
        let Some(queue) = self.open_queue(id) else { return };
        if queue.peer_finished {
            return self.close(id);
        }
        queue.state = State::Finishing;
        self.mark_dirty(id.slot());
    }

    /// Closes `id` once its queue has been written. Further input is dropped.
    pub fn close(&mut self, id: ConnId) {
        let Some(queue) = self.heard_queue(id) else { return };
        let why = if queue.peer_finished { CloseReason::Hangup } else { CloseReason::Done };
        self.begin_close(id.slot(), why);
    }

    /// The bytes of `span`. As with sending it, only before the call returns that composed it.
    pub fn text(&self, span: Span) -> &[u8] {
        span.of(&self.arena)
    }

    /// Has `Service::deadline` called for `id` once `after` has passed, and up to a second later,
    /// in place of any time set before.
    pub fn set_deadline(&mut self, id: ConnId, after: Duration) {
        if self.heard_queue(id).is_some() {
            self.deadlines.set(id.slot(), self.now, after);
        }
    }

    /// Takes back what [`Outbox::set_deadline`] set.
    pub fn clear_deadline(&mut self, id: ConnId) {
        if self.heard_queue(id).is_some() {
            self.deadlines.clear(id.slot());
        }
    }

    /// Has `Service::tick` called with `timer` once `after` has passed, and up to a second later, in
    /// place of any time set for it before.
    pub fn wake_in(&mut self, timer: TimerId, after: Duration) {
        self.timers.set(usize::from(timer.0), self.now, after);
    }

    /// How many more bytes may be sent to `id` before we stop reading from it. A service with much
    /// to say says this much in a turn.
    pub fn headroom(&self, id: ConnId) -> usize {
        let pause = self.limits.sendq_pause;
        self.queue(id).map_or(0, |queue| pause.saturating_sub(queue.queued_bytes()))
    }

    /// Bytes that wait to be sent to `id`.
    pub fn queued_bytes(&self, id: ConnId) -> usize {
        self.queue(id).map_or(0, SendQueue::queued_bytes)
    }

    /// Whether the replies queued for `id` exceed the cap of a turn, so that its further input should
    /// wait for the next. The cap is larger than `sendq_max` because a client that keeps up is
    /// written out at the end of the turn.
    pub fn is_overfull(&self, id: ConnId) -> bool {
        self.queued_bytes(id) > self.limits.sendq_max.max(TURN_SAID_MAX)
    }

    /// Has `Service::room` called for `id` in a turn to come, once its queue has been written. To ask
    /// again before that changes nothing.
    pub fn ask_room(&mut self, id: ConnId) {
        let Some(queue) = self.open_queue(id) else { return };
        if queue.room == Room::Unasked {
            queue.room = Room::Asked;
            self.mark_dirty(id.slot());
        }
    }

    /// Holds back output to `id` from here on until one more [`Outbox::release`], for a reply that must
    /// come first and isn't known yet. It counts as backlog.
    pub fn withhold(&mut self, id: ConnId) {
        if let Some(queue) = self.open_queue(id) {
            queue.withhold();
        }
    }

    /// Sends `said`, and after it the output that was held back for it. Output that waits for a later
    /// reply goes on waiting. The connection may be closing already.
    pub fn release(&mut self, id: ConnId, said: &[Span]) {
        let Some(queue) = self.queues.get_mut(id.slot()) else { return };
        if queue.generation != id.generation || !queue.is_withheld() {
            return;
        }
        let after = queue.release();
        self.backlog_bytes -= after.len();
        let after = self.compose(|arena| arena.extend_from_slice(&after));
        let queue = &mut self.queues[id.slot()];
        said.iter().for_each(|span| queue.push(*span));
        queue.push(after);
        let endpoint = queue.endpoint;
        self.mark_dirty(id.slot());
        self.counters.at(endpoint).sent_lines += said.len() as u64;
    }

    /// Stops input from `id` until [`Outbox::resume`]: input that the service leaves unused waits, and
    /// nothing is read. The service is told of the connection's end all the same if that is cut.
    pub fn defer(&mut self, id: ConnId) {
        if let Some(queue) = self.heard_queue(id) {
            queue.hearing = Hearing::Deferred;
        }
    }

    /// Takes back [`Outbox::defer`]: in a turn to come the service gets the input that it has left, and
    /// then more.
    pub fn resume(&mut self, id: ConnId) {
        let Some(queue) = self.heard_queue(id) else { return };
        if queue.hearing == Hearing::Deferred {
            queue.hearing = Hearing::Resumed;
            self.resumed.push(id.slot);
        }
    }

    /// Stops input from `id` for `time`, and up to a second longer: input that the service leaves
    /// unused waits, and nothing is read. A connection may be deferred as well: both must be over.
    pub fn pause(&mut self, id: ConnId, time: Duration) {
        if let Some(queue) = self.heard_queue(id) {
            queue.paused = true;
            self.pauses.set(id.slot(), self.now, time);
        }
    }

    /// Whether `id` is paused: see [`Outbox::pause`].
    pub fn is_paused(&self, id: ConnId) -> bool {
        self.queue(id).is_some_and(|queue| queue.paused)
    }

    /// Whether the service has deferred or paused `id`, or resumed it in this turn: its input waits for
    /// a turn to come.
    pub fn is_waiting(&self, id: ConnId) -> bool {
        self.is_deferred(id.slot())
    }

    /// Reports that `id` really comes from `address`, as a gateway has said. Bans and limits apply to
    /// that address, and may refuse it, before more input of `id` is read.
    pub fn comes_from(&mut self, id: ConnId, address: IpAddr) {
        if self.heard_queue(id).is_some() {
            self.moved.push((id, address));
            self.defer(id);
            self.resume(id);
        }
    }

    /// Has the stream of `id` begin its layer ([`super::Stream::upgrade`]) once the service has
    /// returned. What was sent before, and then `head`, goes out as it is; what is sent from here on
    /// goes through the layer, and so does the input that this call of the service leaves unused. If
    /// the stream has no layer the connection ends.
    ///
    /// Nothing may be withheld. What was sent before and is not written yet moves to the stream, where
    /// `Limits::memory_max` does not count it: a service that has sent much asks for room first.
    pub fn upgrade(&mut self, id: ConnId, layer: Layer, head: &[u8]) {
        let Some(queue) = self.open_queue(id) else { return };
        debug_assert!(!queue.is_withheld(), "an upgrade overtakes what is withheld");
        let queue = &mut self.queues[id.slot()];
        let backlog = queue.backlog_bytes();
        let mut before = queue.take(&self.arena);
        self.backlog_bytes -= backlog - queue.backlog_bytes();
        before.extend_from_slice(head);
        self.upgrades.push((id, layer, before));
        self.mark_dirty(id.slot());
    }

    /// Whether the arena holds so much that it should be written before more is composed.
    pub fn is_full(&self) -> bool {
        self.arena.len() > ARENA_FULL
    }

    /// Asks for an outgoing connection. It comes back as `Service::opened` or `Service::unreachable`;
    /// or not at all if the program ends before it has begun.
    pub fn dial(&mut self, dial: Dial) {
        let at_ms = self.now.uptime_ms.saturating_add(dial.after.as_millis() as u64);
        if !self.dials_no_more {
            self.dials.push((at_ms, dial));
        }
    }

    /// The counters of the loop.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Counts input of a service, in lines or whatever its units are.
    pub fn count_received(&mut self, id: ConnId, lines: u64) {
        let endpoint = self.queues[id.slot()].endpoint;
        self.counters.at(endpoint).received_lines += lines;
    }

    /// Counts a line that was too long.
    pub fn count_too_long(&mut self, id: ConnId) {
        let endpoint = self.queues[id.slot()].endpoint;
        self.counters.at(endpoint).too_long_lines += 1;
    }

    fn queue(&self, id: ConnId) -> Option<&SendQueue> {
        self.queues.get(id.slot()).filter(|queue| queue.generation == id.generation)
    }

    fn open_queue(&mut self, id: ConnId) -> Option<&mut SendQueue> {
        self.heard_queue(id).filter(|queue| queue.state == State::Open)
    }

    fn heard_queue(&mut self, id: ConnId) -> Option<&mut SendQueue> {
        let queue = self.queues.get_mut(id.slot())?;
        (queue.generation == id.generation && queue.state.is_heard()).then_some(queue)
    }
}

/// The calls of the loop. Slots are those of its connections.
impl Outbox {
    pub(super) fn new(limits: Limits) -> Outbox {
        Outbox {
            now: Now::default(),
            denied: Denied::default(),
            counters: Counters::default(),
            limits,
            arena: Vec::new(),
            queues: Vec::new(),
            deadlines: Deadlines::new(),
            pauses: Deadlines::new(),
            timers: Deadlines::new(),
            dirty: Vec::new(),
            roomy: VecDeque::new(),
            resumed: Vec::new(),
            moved: Vec::new(),
            upgrades: Vec::new(),
            ended: Vec::new(),
            backlog_bytes: 0,
            dials: Vec::new(),
            dials_no_more: false,
            gather: Vec::new(),
        }
    }

    /// Takes up a connection that is made.
    pub(super) fn open(&mut self, slot: usize, endpoint: EndpointId) -> ConnId {
        self.occupy(slot, endpoint, State::Open);
        self.counters.at(endpoint).opened += 1;
        self.id(slot)
    }

    /// Takes up an outgoing connection that is being made.
    pub(super) fn connect(&mut self, slot: usize, endpoint: EndpointId) {
        self.occupy(slot, endpoint, State::Connecting);
        self.deadlines.set(slot, self.now, self.limits.connect_timeout);
    }

    /// Takes up an accepted stream that is in its handshake.
    pub(super) fn begin_handshake(&mut self, slot: usize, endpoint: EndpointId, within: Duration) {
        self.occupy(slot, endpoint, State::Handshaking);
        self.set_handshake_deadline(slot, within);
    }

    /// Restarts the deadline of a handshake.
    pub(super) fn set_handshake_deadline(&mut self, slot: usize, within: Duration) {
        self.deadlines.set(slot, self.now, within);
    }

    /// Opens a connection whose handshake is over.
    pub(super) fn connected(&mut self, slot: usize) -> ConnId {
        let queue = &mut self.queues[slot];
        queue.state = State::Open;
        let endpoint = queue.endpoint;
        self.deadlines.clear(slot);
        self.counters.at(endpoint).opened += 1;
        self.id(slot)
    }

    /// Gives up the slot of a connection that was never opened.
    pub(super) fn discard(&mut self, slot: usize) {
        self.queues[slot].state = State::Ended;
        self.deadlines.clear(slot);
    }

    fn occupy(&mut self, slot: usize, endpoint: EndpointId, state: State) {
        if slot == self.queues.len() {
            self.queues.push(SendQueue::free(0));
        }
        let queue = &mut self.queues[slot];
        assert_eq!(queue.state, State::Free);
        (queue.endpoint, queue.state) = (endpoint, state);
    }

    /// Frees a slot: from here on its old `ConnId` names no connection.
    pub(super) fn free(&mut self, slot: usize) {
        let queue = &mut self.queues[slot];
        assert_eq!(queue.state, State::Ended);
        if queue.room == Room::Due {
            self.roomy.retain(|roomy| *roomy as usize != slot);
        }
        *queue = SendQueue::free(queue.generation.wrapping_add(1));
    }

    pub(super) fn id(&self, slot: usize) -> ConnId {
        ConnId { slot: slot as u32, generation: self.queues[slot].generation }
    }

    pub(super) fn state(&self, slot: usize) -> State {
        self.queues[slot].state
    }

    pub(super) fn endpoint(&self, slot: usize) -> EndpointId {
        self.queues[slot].endpoint
    }

    pub(super) fn attention(&self, slot: usize) -> Attention {
        let queue = &self.queues[slot];
        match queue.state {
            State::Connecting | State::Handshaking => Attention::Handshaking,
            State::Free | State::Ended => Attention::None,
            State::Draining(_) | State::Lingering(_) => Attention::Forgets,
            // All that can follow is a reset.
            _ if queue.peer_finished => Attention::Forgets,
            _ if queue.paused || queue.hearing == Hearing::Deferred => Attention::Paused,
            _ if queue.backlog_bytes() > self.limits.sendq_pause => Attention::Paused,
            State::Open | State::Finishing | State::Finished => Attention::Hears,
        }
    }

    /// Closes a connection once its queue is written; nothing more can be sent to it.
    pub(super) fn begin_close(&mut self, slot: usize, why: CloseReason) {
        match self.state(slot) {
            State::Open | State::Finishing => {
                self.queues[slot].state = State::Draining(why);
                self.deadlines.set(slot, self.now, self.limits.drain_timeout);
                self.mark_dirty(slot);
            }
            State::Finished => self.linger(slot, why),
            _ => {}
        }
    }

    /// The peer has ended its half.
    pub(super) fn peer_finished(&mut self, slot: usize) {
        self.queues[slot].peer_finished = true;
        match self.state(slot) {
            State::Finishing => self.begin_close(slot, CloseReason::Hangup),
            State::Finished => self.end(slot, CloseReason::Hangup),
            State::Lingering(why) => self.end(slot, why),
            _ => {}
        }
    }

    /// Ends a connection now, and drops its queue.
    pub(super) fn end(&mut self, slot: usize, why: CloseReason) {
        let queue = &mut self.queues[slot];
        let why = match queue.state {
            State::Open | State::Finishing | State::Finished | State::Draining(_) => why,
            State::Lingering(of_old) => of_old,
            State::Free | State::Connecting | State::Handshaking | State::Ended => return,
        };
        queue.state = State::Ended;
        self.backlog_bytes -= queue.clear();
        let endpoint = queue.endpoint;
        self.deadlines.clear(slot);
        self.pauses.clear(slot);
        self.ended.push((slot as u32, why));
        let index = CloseReason::ALL.iter().position(|each| *each == why).expect("each is listed");
        self.counters.at(endpoint).closed[index] += 1;
    }

    /// Takes one connection that has ended, to tell its service.
    pub(super) fn take_ended(&mut self) -> Option<(usize, CloseReason)> {
        self.ended.pop().map(|(slot, why)| (slot as usize, why))
    }

    /// The stream of `slot` may take more.
    pub(super) fn unblock(&mut self, slot: usize) {
        let queue = &mut self.queues[slot];
        if queue.blocked {
            queue.blocked = false;
            self.mark_dirty(slot);
        }
    }

    fn mark_dirty(&mut self, slot: usize) {
        let queue = &mut self.queues[slot];
        if !queue.dirty {
            queue.dirty = true;
            self.dirty.push(slot as u32);
        }
    }

    pub(super) fn take_dirty(&mut self, dirty: &mut Vec<u32>) {
        std::mem::swap(&mut self.dirty, dirty);
    }

    /// Takes new limits, and ends connections that are beyond them.
    pub(super) fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
        for slot in 0..self.queues.len() {
            if self.queues[slot].backlog_bytes() > limits.sendq_max {
                self.end(slot, CloseReason::SendqExceeded);
            }
        }
        self.enforce_memory_max();
    }

    /// Begins no more outgoing connections.
    pub(super) fn stop_dialling(&mut self) {
        self.dials.clear();
        self.dials_no_more = true;
    }

    pub(super) fn list_due(&mut self, due: &mut Vec<u32>) {
        self.deadlines.list_due(self.now, due);
    }

    pub(super) fn take_deadline(&mut self, slot: usize) -> bool {
        self.deadlines.take(slot, self.now)
    }

    /// A dial whose time to begin has come.
    pub(super) fn take_dial(&mut self) -> Option<Dial> {
        let due = self.dials.iter().position(|(at_ms, _)| *at_ms <= self.now.uptime_ms)?;
        Some(self.dials.remove(due).1)
    }

    /// Whether the program ends, and no dial is to go on.
    pub(super) fn dials_no_more(&self) -> bool {
        self.dials_no_more
    }

    /// How long until there is something to do without anyone's asking; `None` for never.
    pub(super) fn wait(&self, now: Now) -> Option<Duration> {
        let at_rest = self.dirty.is_empty() && self.ended.is_empty();
        if !at_rest || !self.roomy.is_empty() || !self.resumed.is_empty() {
            return Some(Duration::ZERO);
        }
        let dial = self.dials.iter().map(|(at_ms, _)| at_ms.saturating_sub(now.uptime_ms)).min();
        let dial = dial.map(Duration::from_millis);
        let columns = [&self.deadlines, &self.pauses, &self.timers].map(|column| column.wait(now));
        columns.into_iter().chain([dial]).flatten().min()
    }

    pub(super) fn backlog_bytes(&self) -> usize {
        self.backlog_bytes
    }
}
