//! The loop turn by turn: fairness, cost, deadlines, outgoing connections.

mod world;

use std::io::{self, ErrorKind, Read, Write};

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;
use stonechat::app::{App, Protocol};
use stonechat::net::{
    CloseReason, ConnId, EventLoop, LastWord, Limits, Outbox, Peer, Service, Stream,
};
use world::by_hand::{ENDPOINT, at, join, rest, say};
use world::{Choices, ServerEnd, Wire};

fn echo(line_max: usize, limits: Limits) -> EventLoop<ServerEnd, App> {
    let mut app = App::new(line_max, Default::default());
    app.add_endpoint(Protocol::Echo).unwrap();
    EventLoop::new(app, limits)
}

#[test]
fn whoever_floods_is_heard_once_a_turn_like_everyone() {
    let mut server = echo(4096, Limits::default());
    let flooders: Vec<_> = (0..20).map(|_| join(&mut server, usize::MAX)).collect();
    let (ann, wire) = join(&mut server, usize::MAX);
    for (id, wire) in &flooders {
        wire.borrow_mut().send(&b"flood\n".repeat(50_000));
        server.readable(id.slot());
    }
    server.turn();
    wire.borrow_mut().send(b"a word\n");
    server.readable(ann.slot());
    server.turn();
    assert_eq!(wire.borrow().down, b"A WORD\n");
    for (_, wire) in &flooders {
        let heard = 300_000 - wire.borrow().up.len();
        assert!(heard <= 8 << 10, "{heard} bytes of a flooder were read in two turns");
    }
    rest(&mut server, at(0));
    assert!(flooders.iter().all(|(_, wire)| wire.borrow().down.len() == 300_000));
    let counted = &server.counters().endpoints[0];
    let all = 20 * 300_000 + b"a word\n".len() as u64;
    assert_eq!((counted.received_bytes, counted.sent_bytes), (all, all));
}

#[test]
fn what_arrives_before_a_second_look_is_answered_in_the_same_turn_and_nobody_is_read_twice() {
    let mut server = echo(4096, Limits::default());
    let (ann, bob) = (join(&mut server, usize::MAX), join(&mut server, usize::MAX));
    say(&mut server, &ann, "first\n");
    server.hear();
    assert_eq!(server.unwritten(), 1);
    say(&mut server, &ann, "second\n");
    say(&mut server, &bob, "late\n");
    server.hear();
    server.hear();
    assert_eq!(server.unwritten(), 2);
    server.answer();
    server.check();
    assert_eq!(ann.1.borrow().down, b"FIRST\n", "ann was read, then came the others' turn");
    assert_eq!(bob.1.borrow().down, b"LATE\n");
    assert_eq!(
        server.wait(at(0)),
        Some(Duration::ZERO),
        "what ann has said since is not forgotten"
    );
    server.turn();
    assert_eq!(ann.1.borrow().down, b"FIRST\nSECOND\n");
}

/// The cost is linear: if each byte were searched or copied again with each that follows, four
/// times the length would cost sixteen times as much.
#[test]
fn a_long_line_byte_by_byte_costs_linear_time() {
    const LONG: usize = 1 << 20;
    let cost = |len| (0..3).map(|_| cpu_time_of_a_line(len)).min().expect("three");
    let (quarter, whole) = (cost(LONG / 4), cost(LONG));
    let ratio = whole.as_secs_f64() / quarter.as_secs_f64();
    assert!(ratio < 8.0, "four times the length costs {ratio:.1} times as much");
}

fn cpu_time_of_a_line(len: usize) -> Duration {
    let mut server = echo(len, Limits { recvq_max: len + 2, ..Limits::default() });
    let (ann, wire) = join(&mut server, usize::MAX);
    let begun = cpu_time();
    for _ in 0..len {
        wire.borrow_mut().send(b"x");
        server.readable(ann.slot());
        server.turn();
    }
    wire.borrow_mut().send(b"\n");
    server.readable(ann.slot());
    rest(&mut server, at(0));
    assert_eq!(wire.borrow().down.len(), len + 1);
    cpu_time() - begun
}

fn cpu_time() -> Duration {
    let used = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(used.tv_sec as u64, used.tv_nsec as u32)
}

/// Uses no byte and waits for more.
#[derive(Default)]
struct Insatiable {
    closed: Option<CloseReason>,
}

impl Service for Insatiable {
    fn received(&mut self, _out: &mut Outbox, _id: ConnId, _bytes: &[u8]) -> usize {
        0
    }

    fn closed(&mut self, _out: &mut Outbox, _id: ConnId, why: CloseReason) {
        self.closed = Some(why);
    }

    fn farewell(&self, text: &mut Vec<u8>, to: LastWord<'_>) {
        text.extend_from_slice(to.text.as_bytes());
    }
}

#[test]
fn as_much_as_recvq_max_may_be_left_unused_and_no_more() {
    let limits = |recvq_max| Limits { recvq_max, ..Limits::default() };
    let mut server = EventLoop::new(Insatiable::default(), limits(20));
    let (ann, wire) = join(&mut server, usize::MAX);
    wire.borrow_mut().send(&[b'x'; 20]);
    server.readable(ann.slot());
    rest(&mut server, at(0));
    assert!(wire.borrow().down.is_empty());
    // Less than it holds already: it is closed with its next byte.
    server.set_limits(limits(8));
    rest(&mut server, at(0));
    assert!(wire.borrow().down.is_empty());
    wire.borrow_mut().send(&[b'x'; 30]);
    server.readable(ann.slot());
    rest(&mut server, at(0));
    assert_eq!(wire.borrow().down, b"RecvQ exceeded");
    wire.borrow_mut().up_ended = true;
    server.hung_up(ann.slot());
    rest(&mut server, at(0));
    assert_eq!(server.service.closed, Some(CloseReason::RecvqExceeded));
}

#[test]
fn who_is_turned_away_reads_why_and_the_next_waits_in_turn() {
    let limits = Limits { connections: 1, ..Limits::default() };
    let mut server = echo(4096, limits);
    let (ann, ann_wire) = join(&mut server, usize::MAX);
    let wait_ms = limits.accept_wait.as_millis() as u64;
    server.wake(at(wait_ms));
    assert!(server.accepting(), "he has waited long enough");
    let wire = Wire::new(usize::MAX);
    wire.borrow_mut().whole_reads = true;
    wire.borrow_mut().send(b"hello\n");
    let end = ServerEnd { wire: wire.clone(), choices: Choices::from_bytes(&[]) };
    assert_eq!(server.accept(end, Peer::accepted(ENDPOINT, None)), None);
    assert!(wire.borrow().server_gone && !wire.borrow().reset);
    assert_eq!(wire.borrow().down, b"ERROR :server full\r\n");
    server.backlogs_emptied();
    assert!(!server.accepting(), "as long as the first");
    ann_wire.borrow_mut().up_ended = true;
    server.hung_up(ann.slot());
    rest(&mut server, at(wait_ms));
    assert!(server.is_empty() && server.accepting());
    server.check();
}

/// Sends a megabyte to everyone on any input.
#[derive(Default)]
struct Loud {
    here: Vec<ConnId>,
}

impl Service for Loud {
    fn opened(&mut self, _out: &mut Outbox, id: ConnId, _peer: Peer) {
        self.here.push(id);
    }

    fn received(&mut self, out: &mut Outbox, _id: ConnId, bytes: &[u8]) -> usize {
        let noise = out.compose(|arena| arena.resize(arena.len() + (1 << 20), b'!'));
        self.here.iter().for_each(|id| out.send(*id, noise));
        bytes.len()
    }
}

/// A stream that accepts all output and discards it.
struct Sink {
    says: bool,
    taken: Rc<Cell<usize>>,
}

impl Read for Sink {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if !std::mem::take(&mut self.says) {
            return Err(ErrorKind::WouldBlock.into());
        }
        buf[0] = b'?';
        Ok(1)
    }
}

impl Write for Sink {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.taken.set(self.taken.get() + buf.len());
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Stream for Sink {
    fn finish(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_turn_that_says_very_much_is_written_out_on_the_way() {
    let mut server = EventLoop::new(Loud::default(), Limits::default());
    let taken = Rc::new(Cell::new(0));
    for _ in 0..64 {
        let sink = Sink { says: true, taken: taken.clone() };
        let id = server.accept(sink, Peer::accepted(ENDPOINT, None)).unwrap();
        server.readable(id.slot());
    }
    let counted = allocation_counter::measure(|| server.turn());
    assert_eq!(taken.get(), (64 * 64) << 20, "each hears each");
    assert!(counted.bytes_max < 40 << 20, "{} bytes at once", counted.bytes_max);
}

#[test]
fn a_closing_peer_that_does_not_read_is_given_up_in_time() {
    let mut server = echo(4096, Limits::default());
    let (ann, wire) = join(&mut server, 4);
    wire.borrow_mut().send(b"CLOSE SOCKET\n");
    server.readable(ann.slot());
    rest(&mut server, at(0));
    assert_eq!(server.wait(at(0)), Some(Duration::from_secs(10)), "the drain timeout");
    server.wake(at(10_000));
    server.turn();
    assert!(server.is_empty() && wire.borrow().server_gone);
}

/// Closes all connections with a last line at the first deadline.
#[derive(Default)]
struct LastOrders {
    here: Vec<ConnId>,
    deadlines: usize,
    closed: Vec<CloseReason>,
}

impl Service for LastOrders {
    fn opened(&mut self, out: &mut Outbox, id: ConnId, _peer: Peer) {
        self.here.push(id);
        out.set_deadline(id, Duration::from_secs(1));
    }

    fn received(&mut self, _out: &mut Outbox, _id: ConnId, bytes: &[u8]) -> usize {
        bytes.len()
    }

    fn deadline(&mut self, out: &mut Outbox, _id: ConnId) {
        self.deadlines += 1;
        for &id in &self.here {
            out.write(id, b"time, please");
            out.close(id);
        }
    }

    fn closed(&mut self, _out: &mut Outbox, _id: ConnId, why: CloseReason) {
        self.closed.push(why);
    }
}

#[test]
fn what_is_done_about_one_deadline_puts_off_another_that_came_with_it() {
    let mut server = EventLoop::new(LastOrders::default(), Limits::default());
    let all: Vec<_> = (0..3).map(|_| join(&mut server, usize::MAX)).collect();
    server.wake(at(1_000));
    server.turn();
    assert_eq!((server.service.deadlines, &server.service.closed[..]), (1, &[][..]));
    for (id, wire) in &all {
        assert_eq!(wire.borrow().down, b"time, please");
        wire.borrow_mut().up_ended = true;
        server.hung_up(id.slot());
    }
    rest(&mut server, at(1_000));
    assert_eq!(server.service.closed, [CloseReason::Done; 3]);
}

/// Says the same in two forms; arms and disarms; and looks at what is queued and counted.
#[derive(Default)]
struct Scribe {
    deadlines: usize,
}

impl Service for Scribe {
    fn opened(&mut self, out: &mut Outbox, id: ConnId, _peer: Peer) {
        out.set_deadline(id, Duration::from_secs(1));
    }

    fn received(&mut self, out: &mut Outbox, id: ConnId, bytes: &[u8]) -> usize {
        out.write(id, b"> ");
        let said = out.compose(|arena| arena.extend_from_slice(bytes));
        out.send(id, said);
        let loud = out.text(said).to_ascii_uppercase();
        out.write(id, &loud);
        assert_eq!(out.queued_bytes(id), 2 + 2 * bytes.len());
        assert_eq!(out.counters().endpoints[0].open(), 1);
        out.clear_deadline(id);
        bytes.len()
    }

    fn deadline(&mut self, _out: &mut Outbox, _id: ConnId) {
        self.deadlines += 1;
    }
}

#[test]
fn what_was_composed_can_be_read_back_and_said_in_another_form() {
    let mut server = EventLoop::new(Scribe::default(), Limits::default());
    let (ann, wire) = join(&mut server, usize::MAX);
    wire.borrow_mut().send(b"hi");
    server.readable(ann.slot());
    rest(&mut server, at(0));
    assert_eq!(wire.borrow().down, b"> hiHI");
    server.inject(|_, out| assert_eq!(out.queued_bytes(ann), 0));
}

#[test]
fn a_service_disarms_its_own_deadline_and_not_the_loops() {
    let mut server = EventLoop::new(Scribe::default(), Limits::default());
    let (ann, wire) = join(&mut server, 4);
    wire.borrow_mut().send(b"a word");
    server.readable(ann.slot());
    rest(&mut server, at(0));
    server.inject(|_, out| {
        out.close(ann);
        out.clear_deadline(ann);
    });
    server.turn();
    server.wake(at(10_000));
    rest(&mut server, at(10_000));
    assert_eq!(server.service.deadlines, 0);
    assert!(server.is_empty(), "the drain timeout");
}
