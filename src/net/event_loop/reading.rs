//! Reading: each ready connection once a turn, a bounded number of bytes, in the order they were
//! listed.

use super::super::outbox::Attention;
use super::{EventLoop, Input};
use crate::net::{CloseReason, Service, Stream};
use std::io::{self, ErrorKind};

/// Bytes read in a turn, shared by the connections that are ready; each is read once. 20 flooders with
/// 4 KiB each add 0.75 ms to the p99 of the others, with 64 KiB 4.5 ms; alone, a larger read saves
/// calls.
const TURN_READ_BYTES: usize = 64 << 10;
pub(super) const READ_BYTES: std::ops::RangeInclusive<usize> = 4 << 10..=16 << 10;

/// A connection that has used all it received keeps no larger buffer than this.
pub(super) const UNUSED_KEPT: usize = 512;

impl<S: Stream, V: Service> EventLoop<S, V> {
    pub(super) fn read_ready(&mut self) {
        std::mem::swap(&mut self.ready, &mut self.later);
        let share = TURN_READ_BYTES / self.ready.len().max(1);
        let share = share.clamp(*READ_BYTES.start(), *READ_BYTES.end());
        let mut ready = std::mem::take(&mut self.ready);
        for slot in ready.drain(..) {
            let conn = &mut self.conns[slot as usize];
            if conn.heard {
                self.later.push(slot); // still listed, for the next turn
                continue;
            }
            conn.heard = true;
            self.heard.push(slot);
            self.read(slot as usize, share);
            self.settle();
        }
        self.ready = ready;
    }

    fn read(&mut self, slot: usize, share: usize) {
        let conn = &mut self.conns[slot];
        conn.listed = false;
        match self.out.attention(slot) {
            Attention::Hears if conn.left => self.hear_left(slot),
            Attention::Hears => self.hear_from(slot, share),
            Attention::Forgets => {
                conn.left = false;
                self.forget(slot, share);
            }
            Attention::Handshaking => self.advancing.push(slot as u32),
            // `flush` lists it again when it may go on.
            Attention::Paused | Attention::None => {}
        }
    }

    fn hear_from(&mut self, slot: usize, share: usize) {
        let Some(n) = self.read_some(slot, share) else { return };
        let id = self.out.id(slot);
        let conn = &mut self.conns[slot];
        if n == 0 {
            self.out.peer_finished(slot);
            let rest = std::mem::take(&mut conn.unused);
            return self.service.finished(&mut self.out, id, &rest);
        }
        let front = self.out.limits.recvq_max;
        let kept = conn.unused.len();
        // The lesser is copied to the greater: however small the pieces, a byte is copied a
        // bounded number of times.
        if kept <= n.min(front) {
            self.scratch[front - kept..front].copy_from_slice(&conn.unused);
            let bytes = &self.scratch[front - kept..front + n];
            let used = self.service.received(&mut self.out, id, bytes);
            conn.unused.clear();
            conn.unused.extend_from_slice(&bytes[used..]);
        } else {
            conn.unused.extend_from_slice(&self.scratch[front..front + n]);
            let used = self.service.received(&mut self.out, id, &conn.unused);
            conn.unused.drain(..used);
        }
        self.keep_unused(slot);
    }

    /// Gives the service the input that it had deferred, before anything more is read.
    fn hear_left(&mut self, slot: usize) {
        let id = self.out.id(slot);
        let conn = &mut self.conns[slot];
        conn.left = false;
        let used = self.service.received(&mut self.out, id, &conn.unused);
        conn.unused.drain(..used);
        if conn.unused.is_empty() {
            // Most have typed ahead while they registered, and then say nothing for long.
            conn.unused = Vec::new();
        }
        self.keep_unused(slot);
        if self.conns[slot].has_more() {
            self.list(slot);
        }
    }

    fn keep_unused(&mut self, slot: usize) {
        let conn = &mut self.conns[slot];
        let more = conn.unused.len() > self.out.limits.recvq_max;
        if more && !self.out.is_deferred(slot) {
            self.close(slot, CloseReason::RecvqExceeded);
        }
        let conn = &mut self.conns[slot];
        let done = conn.unused.is_empty() && conn.unused.capacity() > UNUSED_KEPT;
        if done || !self.out.state(slot).is_heard() {
            conn.unused = Vec::new();
        }
    }

    fn forget(&mut self, slot: usize, share: usize) {
        if self.read_some(slot, share) == Some(0) {
            self.out.peer_finished(slot);
        }
    }

    /// One read to behind the front of `scratch`. `Some(0)` is the end of what the peer sends.
    fn read_some(&mut self, slot: usize, share: usize) -> Option<usize> {
        let conn = &mut self.conns[slot];
        let front = self.out.limits.recvq_max;
        let n = match read_uninterrupted(&mut conn.stream, &mut self.scratch[front..front + share])
        {
            Ok(0) => {
                conn.input = Input::Dry;
                return Some(0);
            }
            Ok(n) => n,
            Err(e) if e.kind() == ErrorKind::WouldBlock => {
                if conn.stream.holds_more() {
                    self.list(slot);
                } else {
                    conn.input = Input::Dry;
                }
                return None;
            }
            Err(e) => {
                conn.input = Input::Dry;
                self.out.end(slot, CloseReason::of(&e));
                return None;
            }
        };
        let emptied = n < share && conn.input == Input::Ready && conn.stream.short_read_empties();
        if emptied {
            conn.input = Input::Dry;
        } else {
            self.list(slot);
        }
        let endpoint = self.out.endpoint(slot);
        self.out.counters.at(endpoint).received_bytes += n as u64;
        Some(n)
    }
}

fn read_uninterrupted(stream: &mut impl Stream, buf: &mut [u8]) -> io::Result<usize> {
    loop {
        match stream.read(buf) {
            Err(e) if e.kind() == ErrorKind::Interrupted => continue,
            result => return result,
        }
    }
}
