//! The end of a turn: each queue is written out, and the arena wiped.

use super::{ARENA_KEPT, Outbox};
use crate::net::send_queue::{Hearing, Room, SendQueue, State};
use crate::net::{CloseReason, ConnId, Stream};

/// The calls of the loop.
impl Outbox {
    /// Writes out one queue, and takes one that is to end a step further.
    pub(in crate::net) fn flush(&mut self, slot: usize, stream: &mut impl Stream) {
        let queue = &mut self.queues[slot];
        queue.dirty = false;
        if !matches!(queue.state, State::Open | State::Finishing | State::Draining(_)) {
            return;
        }
        let (endpoint, blocked_before) = (queue.endpoint, queue.blocked);
        let backlog_before = queue.backlog_bytes();
        let result = queue.write(&self.arena, &mut self.gather, stream);
        let (backlog, state) = (queue.backlog_bytes(), queue.state);
        let (blocked, waits) = (queue.blocked, queue.blocked || queue.is_withheld());
        self.backlog_bytes = self.backlog_bytes - backlog_before + backlog;
        self.counters.writes_blocked += u64::from(blocked && !blocked_before);
        match result {
            Ok(written) => self.counters.at(endpoint).sent_bytes += written as u64,
            Err(e) => return self.end(slot, CloseReason::of(&e)),
        }
        match state {
            _ if backlog > self.limits.sendq_max => self.end(slot, CloseReason::SendqExceeded),
            State::Finishing | State::Draining(_) if !waits => self.end_our_half(slot, stream),
            State::Open if !waits => self.note_room(slot),
            _ => {}
        }
    }

    fn note_room(&mut self, slot: usize) {
        let queue = &mut self.queues[slot];
        if queue.room == Room::Asked {
            queue.room = Room::Due;
            self.roomy.push_back(slot as u32);
        }
    }

    /// How many times to call `take_room` in this turn. A service that asks again is called in the next.
    pub(in crate::net) fn roomy(&self) -> usize {
        self.roomy.len()
    }

    /// Takes one connection whose service asked for room, unless there no longer is any.
    pub(in crate::net) fn take_room(&mut self) -> Option<ConnId> {
        let slot = self.roomy.pop_front()? as usize;
        let queue = &mut self.queues[slot];
        // Other connections may have sent it more than it takes since.
        let waits = queue.blocked || queue.is_withheld();
        queue.room = if waits { Room::Asked } else { Room::Unasked };
        (queue.room == Room::Unasked && queue.state == State::Open).then(|| self.id(slot))
    }

    /// Queues with something to write.
    pub(in crate::net) fn dirty_len(&self) -> usize {
        self.dirty.len()
    }

    /// Whether its service gets no input now, or has left some for a turn to come.
    pub(in crate::net) fn is_deferred(&self, slot: usize) -> bool {
        self.queues[slot].paused || self.queues[slot].hearing != Hearing::Now
    }

    /// Resumes connections whose pause is over. `due` is used and left empty.
    pub(in crate::net) fn end_pauses(&mut self, due: &mut Vec<u32>) {
        self.pauses.list_due(self.now, due);
        for slot in due.drain(..) {
            let queue = &mut self.queues[slot as usize];
            if !self.pauses.take(slot as usize, self.now) || !queue.state.is_heard() {
                continue;
            }
            queue.paused = false;
            if queue.hearing == Hearing::Now {
                queue.hearing = Hearing::Resumed;
                self.resumed.push(slot);
            }
        }
    }

    /// Takes the connections whose service resumes.
    pub(in crate::net) fn take_resumed(&mut self, resumed: &mut Vec<u32>) {
        std::mem::swap(&mut self.resumed, resumed);
        resumed.retain(|slot| {
            let hearing = &mut self.queues[*slot as usize].hearing;
            // It may have been deferred again since, or be gone and another in its place.
            let resumes = *hearing == Hearing::Resumed;
            if resumes {
                *hearing = Hearing::Now;
            }
            resumes
        });
    }

    fn end_our_half(&mut self, slot: usize, stream: &mut impl Stream) {
        let queue = &mut self.queues[slot];
        if let State::Draining(why) = queue.state {
            stream.explain(why);
        }
        if let Err(e) = queue.finish(stream) {
            return self.end(slot, CloseReason::of(&e));
        }
        if queue.blocked {
            return;
        }
        match queue.state {
            State::Draining(why) if queue.peer_finished => self.end(slot, why),
            State::Draining(why) => self.linger(slot, why),
            State::Finishing => queue.state = State::Finished,
            _ => {}
        }
    }

    /// Keeps the stream after the last word: dropped now, it would answer further input by a reset.
    pub(super) fn linger(&mut self, slot: usize, why: CloseReason) {
        self.queues[slot].state = State::Lingering(why);
        self.deadlines.set(slot, self.now, self.limits.linger_timeout);
    }

    /// Ends the longest queues until all together are within bounds.
    pub(in crate::net) fn enforce_memory_max(&mut self) {
        while self.backlog_bytes > self.limits.memory_max {
            // A scan, 0.7 ms for a million; each frees at least an average queue.
            let (longest, _) = (self.queues.iter().enumerate())
                .max_by_key(|(_, queue)| queue.backlog_bytes())
                .expect("bytes belong to a queue");
            self.end(longest, CloseReason::MemoryExceeded);
        }
    }

    /// Empties the arena. Nothing may be dirty, as spans point into it.
    pub(in crate::net) fn wipe(&mut self) {
        debug_assert!(self.dirty.is_empty());
        for buffer in [&mut self.arena, &mut self.gather] {
            buffer.clear();
            buffer.shrink_to(ARENA_KEPT);
        }
    }

    /// Asserts what must hold between turns.
    pub(in crate::net) fn check(&self) {
        assert!(self.arena.is_empty() && self.dirty.is_empty());
        self.queues.iter().for_each(SendQueue::check);
        assert!(self.queues.iter().all(|queue| queue.backlog_bytes() <= self.limits.sendq_max));
        assert!(self.backlog_bytes <= self.limits.memory_max);
        for (slot, queue) in self.queues.iter().enumerate() {
            let listed = self.roomy.iter().filter(|roomy| **roomy as usize == slot).count();
            assert_eq!(listed, usize::from(queue.room == Room::Due));
        }
        assert_eq!(
            self.backlog_bytes,
            self.queues.iter().map(SendQueue::backlog_bytes).sum::<usize>()
        );
    }
}
