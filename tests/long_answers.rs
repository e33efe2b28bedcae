//! Answers too long to be queued: sent at the reader's pace, while other connections are served.

mod world;

use std::time::Duration;
use stonechat::net::{CloseReason, ConnId, EventLoop, Limits, Outbox, Peer, Service};
use world::by_hand::{at, join, rest, say};

/// Answers a number with that many numbered lines, at the reader's pace. Answers `!` with nine
/// megabytes, which forces everything to be written out within the turn; `>` sends them to everyone
/// else.
#[derive(Default)]
struct Narrator {
    here: Vec<ConnId>,
    /// By slot: the number of lines sent, and of lines to send.
    told: Vec<(usize, usize)>,
    /// The connections whose `room` was called, in order.
    called: Vec<ConnId>,
    /// Lines to send to a new connection.
    greeting: usize,
}

impl Narrator {
    fn tell(&mut self, out: &mut Outbox, id: ConnId) {
        let (said, all) = &mut self.told[id.slot()];
        while *said < *all {
            out.write(id, format!("line {said}\n").as_bytes());
            *said += 1;
            if out.headroom(id) == 0 {
                out.ask_room(id);
                out.ask_room(id);
                return;
            }
        }
    }
}

impl Service for Narrator {
    fn opened(&mut self, out: &mut Outbox, id: ConnId, _peer: Peer) {
        self.told.resize(self.told.len().max(id.slot() + 1), (0, 0));
        self.told[id.slot()] = (0, self.greeting);
        self.here.push(id);
        self.tell(out, id);
    }

    fn received(&mut self, out: &mut Outbox, id: ConnId, bytes: &[u8]) -> usize {
        match bytes {
            b"!" => out.write(id, &vec![b'!'; 9 << 20]),
            b">" => {
                let others = self.here.iter().filter(|other| **other != id);
                others.for_each(|other| out.write(*other, &vec![b'>'; 9 << 20]));
            }
            number => {
                let lines: usize = std::str::from_utf8(number).unwrap().parse().unwrap();
                self.told[id.slot()].1 += lines;
                self.tell(out, id);
            }
        }
        bytes.len()
    }

    fn finished(&mut self, _out: &mut Outbox, _id: ConnId, _rest: &[u8]) {}

    fn room(&mut self, out: &mut Outbox, id: ConnId) {
        self.called.push(id);
        self.tell(out, id);
    }

    fn closed(&mut self, _out: &mut Outbox, id: ConnId, _why: CloseReason) {
        self.here.retain(|other| *other != id);
    }
}

fn lines(numbers: std::ops::Range<usize>) -> String {
    numbers.map(|number| format!("line {number}\n")).collect()
}

#[test]
fn a_long_answer_goes_at_the_readers_pace_and_is_never_queued_whole() {
    let mut server = EventLoop::new(Narrator::default(), Limits::default());
    let ann = join(&mut server, 1_000);
    say(&mut server, &ann, "100000");
    let mut heard = Vec::new();
    while server.backlog_bytes() > 0 || heard.is_empty() {
        rest(&mut server, at(0));
        server.check();
        let all = Limits::default().sendq_pause + "line 100000\n".len();
        assert!(server.backlog_bytes() <= all);
        heard.extend(ann.1.borrow_mut().down.drain(..));
        server.writable(ann.0.slot());
    }
    heard.extend(ann.1.borrow_mut().down.drain(..));
    assert!(heard == lines(0..100_000).into_bytes());
    let calls = server.service.called.len();
    assert!((10..20).contains(&calls), "{calls} calls for 1.2 MB");
}

#[test]
fn who_has_stalled_is_called_when_it_reads_on_and_nobody_wakes_for_it() {
    let mut server = EventLoop::new(Narrator::default(), Limits::default());
    let ann = join(&mut server, 1_000);
    say(&mut server, &ann, "10000");
    server.turn();
    for _ in 0..3 {
        assert_eq!(server.wait(at(0)), None, "nothing to do until it reads");
        server.turn();
    }
    ann.1.borrow_mut().down.clear();
    server.writable(ann.0.slot());
    rest(&mut server, at(0));
    assert_eq!(server.service.called, [], "it has read a part");
    ann.1.borrow_mut().down_max = usize::MAX;
    server.writable(ann.0.slot());
    server.turn();
    assert_eq!(server.service.called, [], "in a turn to come");
    assert_eq!(server.wait(at(0)), Some(Duration::ZERO));
    server.turn();
    assert_eq!(server.service.called, [ann.0]);
    rest(&mut server, at(0));
    assert!(ann.1.borrow().down == &lines(0..10_000).as_bytes()[1_000..]);
    assert_eq!(server.wait(at(0)), None);
}

#[test]
fn who_asks_is_called_once_a_turn_and_the_others_are_heard_meanwhile() {
    let mut server = EventLoop::new(Narrator::default(), Limits::default());
    let greedy = [join(&mut server, usize::MAX), join(&mut server, usize::MAX)];
    let ann = join(&mut server, usize::MAX);
    greedy.iter().for_each(|who| say(&mut server, who, "100000"));
    for turn in 0..5 {
        say(&mut server, &ann, "1");
        server.turn();
        assert_eq!(ann.1.borrow().down, lines(0..turn + 1).as_bytes());
        let both = greedy.each_ref().map(|(id, _)| *id);
        assert_eq!(server.service.called, both.repeat(turn));
    }
    rest(&mut server, at(0));
    for (_, wire) in &greedy {
        assert!(wire.borrow().down == lines(0..100_000).as_bytes());
    }
}

#[test]
fn whoever_closes_or_ends_is_not_called_any_more() {
    let mut server = EventLoop::new(Narrator::default(), Limits::default());
    let [ann, bob, carl] = [(); 3].map(|()| join(&mut server, usize::MAX));
    for who in [&ann, &bob, &carl] {
        say(&mut server, who, "10000");
    }
    server.turn();
    server.inject(|_, out| out.close(ann.0));
    server.inject(|_, out| out.finish(bob.0));
    server.fail(carl.0.slot());
    for (id, wire) in [&ann, &bob] {
        wire.borrow_mut().up_ended = true;
        server.hung_up(id.slot());
    }
    rest(&mut server, at(0));
    assert_eq!(server.service.called, []);
    assert!(server.is_empty());
    server.inject(|_, out| out.ask_room(ann.0));
    assert_ne!(server.wait(at(0)), Some(Duration::ZERO), "asked for one who is gone");
    server.check();
}

#[test]
fn who_has_ended_its_half_still_hears_all_of_a_long_answer() {
    let mut server = EventLoop::new(Narrator::default(), Limits::default());
    let ann = join(&mut server, usize::MAX);
    say(&mut server, &ann, "100000");
    rest(&mut server, at(0));
    say(&mut server, &ann, "20000");
    ann.1.borrow_mut().up_ended = true;
    server.hung_up(ann.0.slot());
    rest(&mut server, at(0));
    assert!(ann.1.borrow().down == lines(0..120_000).as_bytes());
}

/// The output is written within the turn; ann has room, and is closed before the turn ends.
#[test]
fn a_slot_that_changes_hands_brings_no_call_with_it() {
    let mut server = EventLoop::new(Narrator::default(), Limits::default());
    let ann = join(&mut server, 100_000);
    let [bob, carl] = [(); 2].map(|()| join(&mut server, usize::MAX));
    say(&mut server, &ann, "10000");
    say(&mut server, &bob, "!");
    say(&mut server, &carl, ">");
    server.turn();
    assert!(ann.1.borrow().server_gone, "SendQ exceeded");
    server.check();
    server.service.greeting = 10_000;
    let dave = join(&mut server, 10);
    assert_eq!(dave.0.slot(), ann.0.slot());
    rest(&mut server, at(0));
    assert_eq!(server.service.called, [], "dave has not read yet");
}

/// Bob sends ann more than she takes when her `room` call is already due.
#[test]
fn who_stalls_after_all_was_written_waits_again() {
    let limits = Limits { sendq_max: 16 << 20, ..Limits::default() };
    let mut server = EventLoop::new(Narrator::default(), limits);
    let ann = join(&mut server, 100_000);
    let [bob, carl] = [(); 2].map(|()| join(&mut server, usize::MAX));
    say(&mut server, &ann, "10000");
    say(&mut server, &bob, "!");
    say(&mut server, &carl, ">");
    server.turn();
    assert_eq!(server.wait(at(0)), Some(Duration::ZERO));
    rest(&mut server, at(0));
    assert_eq!(server.service.called, []);
    ann.1.borrow_mut().down_max = usize::MAX;
    server.writable(ann.0.slot());
    rest(&mut server, at(0));
    ann.1.borrow_mut().down.retain(|byte| *byte != b'>');
    assert!(ann.1.borrow().down == lines(0..10_000).as_bytes());
}

#[test]
fn who_asks_with_nothing_queued_is_called_too() {
    let mut server = EventLoop::new(Narrator::default(), Limits::default());
    let ann = join(&mut server, usize::MAX);
    server.inject(|_, out| out.ask_room(ann.0));
    assert_eq!(server.wait(at(0)), Some(Duration::ZERO));
    rest(&mut server, at(0));
    assert_eq!(server.service.called, [ann.0]);
}
