//! `Outbox::finish`: our half ends once it is written, and the peer is read to its own end.
//!
//! One connection over a pipe that tears and stalls, in any order that a seed may choose.

mod world;

use std::cell::{Cell, RefCell};
use std::io::{self, ErrorKind, Read, Write};
use std::rc::Rc;
use std::time::Duration;
use stonechat::net::{
    CloseReason, ConnId, EndpointId, EventLoop, LastWord, Limits, Now, Outbox, Peer, Service,
    Stream,
};
use world::{Choices, ServerEnd, Wire};

/// The service's record of its one connection.
#[derive(Default)]
struct Listener {
    heard: Vec<u8>,
    finished: bool,
    deadlines: usize,
    closed: Option<CloseReason>,
    /// Does not close when the peer ends, unlike most services.
    passive: bool,
}

impl Service for Listener {
    /// Takes whole words, so that the rest of one must come back.
    fn received(&mut self, _out: &mut Outbox, _id: ConnId, bytes: &[u8]) -> usize {
        let used = bytes.iter().rposition(|byte| *byte == b' ').map_or(0, |space| space + 1);
        self.heard.extend_from_slice(&bytes[..used]);
        used
    }

    fn finished(&mut self, out: &mut Outbox, id: ConnId, rest: &[u8]) {
        assert!(!self.finished && self.closed.is_none());
        self.finished = true;
        self.heard.extend_from_slice(rest);
        if !self.passive {
            out.close(id);
        }
    }

    fn closed(&mut self, _out: &mut Outbox, _id: ConnId, why: CloseReason) {
        assert_eq!(self.closed.replace(why), None, "closed twice");
    }

    fn deadline(&mut self, _out: &mut Outbox, _id: ConnId) {
        self.deadlines += 1;
    }

    fn farewell(&self, text: &mut Vec<u8>, to: LastWord<'_>) {
        text.extend_from_slice(to.text.as_bytes());
    }
}

/// A stream that may have to be asked several times to end our half, as TLS may.
struct Reluctant {
    end: ServerEnd,
    reluctance: Rc<Reluctance>,
}

#[derive(Default)]
struct Reluctance {
    refusals_left: Cell<usize>,
    /// Waits for an event to ask again.
    refused: Cell<bool>,
}

impl Read for Reluctant {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.end.read(buf)
    }
}

impl Write for Reluctant {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.end.write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.end.flush()
    }
}

impl Stream for Reluctant {
    fn finish(&mut self) -> io::Result<()> {
        let Reluctance { refusals_left, refused } = &*self.reluctance;
        let Some(left) = refusals_left.get().checked_sub(1) else { return self.end.finish() };
        refusals_left.set(left);
        refused.set(true);
        Err(ErrorKind::WouldBlock.into())
    }

    fn short_read_empties(&self) -> bool {
        self.end.short_read_empties()
    }
}

/// One connection between the loop and a peer that the test plays.
struct Line {
    server: EventLoop<Reluctant, Listener>,
    id: ConnId,
    reluctance: Rc<Reluctance>,
    wire: Rc<RefCell<Wire>>,
    now: Now,
    peer_heard: Vec<u8>,
}

impl Line {
    fn new(choices: Choices, down_max: usize) -> Line {
        let limits = Limits { sendq_pause: 64, sendq_max: 4096, ..Limits::default() };
        let mut server = EventLoop::new(Listener::default(), limits);
        let wire = Wire::new(down_max);
        wire.borrow_mut().whole_reads = choices.one_in(2);
        server.wake(Now::default());
        let reluctance = Rc::new(Reluctance::default());
        let end = ServerEnd { wire: wire.clone(), choices };
        let stream = Reluctant { end, reluctance: reluctance.clone() };
        let peer = Peer::accepted(EndpointId(0), None);
        let id = server.accept(stream, peer).expect("room for one");
        Line { server, id, reluctance, wire, now: Now::default(), peer_heard: Vec::new() }
    }

    fn say(&mut self, text: &[u8]) {
        self.server.inject(|_, out| out.write(self.id, text));
    }

    fn finish(&mut self) {
        self.server.inject(|_, out| out.finish(self.id));
    }

    fn peer_says(&mut self, text: &[u8]) {
        self.wire.borrow_mut().send(text);
        self.server.readable(self.id.slot());
    }

    fn peer_ends(&mut self) {
        self.wire.borrow_mut().up_ended = true;
        self.server.hung_up(self.id.slot());
    }

    fn peer_hears(&mut self, most: usize) {
        let mut wire = self.wire.borrow_mut();
        let n = most.min(wire.down.len());
        self.peer_heard.extend(wire.down.drain(..n));
        if n > 0 && std::mem::take(&mut wire.wants_room) {
            drop(wire);
            self.server.writable(self.id.slot());
        }
    }

    fn turn(&mut self) {
        self.server.turn();
        self.server.check();
    }

    /// Runs turns while there is anything to do, and reads everything at the peer.
    fn rest(&mut self) {
        for _ in 0..10_000 {
            self.peer_hears(usize::MAX);
            if self.reluctance.refused.take() {
                self.server.writable(self.id.slot());
            }
            self.turn();
            let idle = self.server.wait(self.now).is_none_or(|wait| !wait.is_zero());
            let waits = self.reluctance.refused.get();
            if idle && !waits && self.wire.borrow().down.is_empty() {
                return;
            }
        }
        panic!("did not come to rest");
    }

    fn pass(&mut self, seconds: u64) {
        self.now.uptime_ms += seconds * 1000;
        self.server.wake(self.now);
    }

    fn our_half_ended(&self) -> bool {
        self.wire.borrow().down_ended
    }

    fn closed(&self) -> Option<CloseReason> {
        self.server.service.closed
    }
}

fn steady() -> Line {
    Line::new(Choices::from_bytes(&[]), 1 << 20)
}

#[test]
fn whatever_the_order_each_hears_all_that_the_other_said() {
    for seed in 0..2_000 {
        let choices = Choices::from_seed(seed);
        let mut line = Line::new(choices.clone(), choices.pick(1..100));
        line.server.service.passive = choices.one_in(4);
        line.reluctance.refusals_left.set(choices.pick(0..3));
        let (mut said, mut peer_said) = (Vec::new(), Vec::new());
        let (mut finished, mut peer_ended) = (false, false);
        for step in 0..choices.pick(1..80) {
            let text = format!("{step} ");
            match choices.pick(0..10) {
                0 | 1 if !finished && !peer_ended => {
                    line.say(text.as_bytes());
                    said.extend_from_slice(text.as_bytes());
                }
                2 | 3 if !peer_ended => {
                    line.peer_says(text.as_bytes());
                    peer_said.extend_from_slice(text.as_bytes());
                }
                4 if choices.one_in(4) => {
                    line.finish();
                    finished = true;
                    line.say(b"not to be heard");
                }
                5 if choices.one_in(4) && !peer_ended => {
                    line.peer_ends();
                    peer_ended = true;
                }
                6 => line.peer_hears(choices.pick(0..40)),
                _ => line.turn(),
            }
        }
        line.finish();
        line.rest();
        if !peer_ended {
            assert_eq!(line.closed(), None, "seed {seed}: closed before the peer had ended");
            line.peer_ends();
        }
        line.rest();
        assert_eq!(line.closed(), Some(CloseReason::Hangup), "seed {seed}");
        assert!(line.our_half_ended() && line.server.is_empty());
        assert_eq!(line.peer_heard, said, "seed {seed}");
        assert_eq!(line.server.service.heard, peer_said, "seed {seed}");
    }
}

#[test]
fn our_half_ends_only_when_all_is_written() {
    let mut line = Line::new(Choices::from_bytes(&[]), 10);
    line.say(&[b'x'; 200]);
    line.finish();
    line.turn();
    assert!(!line.our_half_ended());
    line.rest();
    assert!(line.our_half_ended());
    assert_eq!(line.peer_heard, [b'x'; 200]);
    assert_eq!(line.closed(), None);
}

#[test]
fn who_reads_nothing_of_our_last_words_is_not_heard_meanwhile() {
    let mut line = Line::new(Choices::from_bytes(&[]), 10);
    line.wire.borrow_mut().whole_reads = true; // otherwise it would be no whole word yet
    line.say(&[b'x'; 200]);
    line.finish();
    line.turn();
    line.peer_says(b"and you? ");
    line.turn();
    assert_eq!(line.server.service.heard, b"", "it is paused as anyone who falls behind");
    line.rest();
    assert_eq!(line.server.service.heard, b"and you? ");
}

#[test]
fn when_the_peer_has_ended_already_it_has_only_so_long_to_read_our_last_words() {
    let mut line = Line::new(Choices::from_bytes(&[]), 10);
    line.server.service.passive = true;
    line.peer_ends();
    line.rest();
    line.say(&[b'x'; 200]);
    line.finish();
    line.turn();
    line.pass(11);
    line.turn();
    assert_eq!(line.closed(), Some(CloseReason::DrainTimeout));
}

#[test]
fn a_deadline_comes_after_our_half_has_ended_too() {
    let mut line = steady();
    line.finish();
    line.turn();
    assert!(line.our_half_ended());
    line.server.inject(|_, out| out.set_deadline(line.id, Duration::from_secs(5)));
    line.pass(6);
    line.turn();
    assert_eq!((line.server.service.deadlines, line.closed()), (1, None));
}

#[test]
fn a_connection_whose_half_has_ended_can_still_be_closed_cut_and_shut_down() {
    let mut closed = steady();
    closed.finish();
    closed.turn();
    closed.server.inject(|_, out| out.close(closed.id));
    closed.peer_says(b"too late ");
    closed.rest();
    assert_eq!(closed.server.service.heard, b"");
    assert_eq!(closed.closed(), None, "it lingers until the peer has read our last word");
    closed.peer_ends();
    closed.rest();
    assert_eq!(closed.closed(), Some(CloseReason::Done));

    let mut silent = steady();
    silent.finish();
    silent.turn();
    silent.server.shut_down();
    silent.pass(10); // longer than we linger
    silent.rest();
    assert_eq!(silent.closed(), Some(CloseReason::Shutdown));
    assert!(silent.server.is_empty());

    let mut cut = steady();
    cut.finish();
    cut.turn();
    cut.wire.borrow_mut().cut = Some(ErrorKind::ConnectionReset);
    cut.server.hung_up(cut.id.slot());
    cut.rest();
    assert_eq!(cut.closed(), Some(CloseReason::Reset));
}

#[test]
fn a_reset_after_the_peer_has_ended_its_half_is_noticed_at_once() {
    for we_say in [&b""[..], &[b'x'; 200]] {
        let mut line = Line::new(Choices::from_bytes(&[]), 10);
        line.server.service.passive = true;
        line.peer_ends();
        line.turn();
        line.say(we_say);
        line.turn();
        line.turn();
        assert_eq!(line.closed(), None);
        assert_eq!(line.server.wait(line.now), None, "it is not asked over and over");
        line.wire.borrow_mut().cut = Some(ErrorKind::ConnectionReset);
        line.server.hung_up(line.id.slot());
        line.turn();
        line.turn();
        assert_eq!(line.closed(), Some(CloseReason::Reset));
    }
}
