//! Held back output, behind something that must be sent before it, and deferred input.
//! `Outbox::{withhold, release, defer, resume}`.

mod world;

use std::time::Duration;
use stonechat::net::{CloseReason, ConnId, EventLoop, Limits, Outbox, Service};
use world::ServerEnd;
use world::by_hand::{at, join, rest, say};

/// A service that takes words, some of which are orders.
#[derive(Default)]
struct Clerk {
    heard: Vec<String>,
    closed: Option<CloseReason>,
    rooms: usize,
}

impl Service for Clerk {
    fn received(&mut self, out: &mut Outbox, id: ConnId, bytes: &[u8]) -> usize {
        let mut used = 0;
        while let Some(space) = bytes[used..].iter().position(|byte| *byte == b' ') {
            let word = String::from_utf8_lossy(&bytes[used..used + space]).into_owned();
            used += space + 1;
            match &*word {
                "withhold" => out.withhold(id),
                "wait" => out.defer(id),
                "yield" => {
                    out.defer(id);
                    out.resume(id);
                }
                "close" => out.close(id),
                "room" => out.ask_room(id),
                _ => out.write(id, word.as_bytes()),
            }
            let stops = ["wait", "yield"].contains(&&*word);
            self.heard.push(word);
            if stops {
                break;
            }
        }
        used
    }

    fn finished(&mut self, out: &mut Outbox, id: ConnId, rest: &[u8]) {
        self.heard.push(format!("{}.", String::from_utf8_lossy(rest)));
        out.close(id);
    }

    fn room(&mut self, out: &mut Outbox, id: ConnId) {
        self.rooms += 1;
        out.resume(id);
    }

    fn closed(&mut self, _out: &mut Outbox, _id: ConnId, why: CloseReason) {
        self.closed = Some(why);
    }
}

type Server = EventLoop<ServerEnd, Clerk>;

fn release(server: &mut Server, id: ConnId, said: &str) {
    server.inject(|_, out| {
        let said = out.compose(|arena| arena.extend_from_slice(said.as_bytes()));
        out.release(id, &[said]);
    });
    rest(server, at(0));
}

#[test]
fn what_is_said_waits_behind_what_is_missing() {
    let mut server = EventLoop::new(Clerk::default(), Limits::default());
    let ann = join(&mut server, usize::MAX);
    let expect = |server: &mut Server, said: &str| {
        rest(server, at(0));
        server.check();
        assert_eq!(ann.1.borrow().down, said.as_bytes());
    };
    say(&mut server, &ann, "a withhold b withhold c ");
    expect(&mut server, "a");
    say(&mut server, &ann, "d room ");
    expect(&mut server, "a");
    assert_eq!(server.service.rooms, 0, "there is no room behind what is missing");
    release(&mut server, ann.0, "1");
    expect(&mut server, "a1b");
    say(&mut server, &ann, "e ");
    expect(&mut server, "a1b");
    release(&mut server, ann.0, "2");
    expect(&mut server, "a1b2cde");
    assert_eq!(server.service.rooms, 1);
    release(&mut server, ann.0, "nothing is missing");
    say(&mut server, &ann, "f ");
    expect(&mut server, "a1b2cdef");
}

#[test]
fn a_connection_closes_once_nothing_is_missing_any_more() {
    let mut server = EventLoop::new(Clerk::default(), Limits::default());
    let ann = join(&mut server, usize::MAX);
    say(&mut server, &ann, "withhold goodbye close ");
    rest(&mut server, at(0));
    server.check();
    assert!(ann.1.borrow().down.is_empty() && !ann.1.borrow().down_ended);
    release(&mut server, ann.0, "1");
    assert_eq!(ann.1.borrow().down, b"1goodbye");
    assert!(ann.1.borrow().down_ended);
    ann.1.borrow_mut().up_ended = true;
    server.hung_up(ann.0.slot());
    rest(&mut server, at(0));

    // Or when its time is over.
    let bob = join(&mut server, usize::MAX);
    say(&mut server, &bob, "withhold goodbye close ");
    rest(&mut server, at(0));
    let now = at(Limits::default().drain_timeout.as_millis() as u64 + 2000);
    server.wake(now);
    server.turn();
    rest(&mut server, now);
    assert_eq!(server.service.closed, Some(CloseReason::DrainTimeout));
    release(&mut server, bob.0, "too late");
    server.turn();
    assert!(bob.1.borrow().down.is_empty());
    server.check();
}

#[test]
fn what_is_withheld_is_bounded_like_what_is_not_read() {
    let limits = Limits { sendq_pause: 50, sendq_max: 100, ..Limits::default() };
    let mut server = EventLoop::new(Clerk::default(), limits);
    let ann = join(&mut server, usize::MAX);
    say(&mut server, &ann, &format!("withhold {} ", "x".repeat(60)));
    rest(&mut server, at(0));
    say(&mut server, &ann, "unheard ");
    rest(&mut server, at(0));
    server.check();
    assert_eq!((server.backlog_bytes(), server.service.heard.len()), (60, 2));
    release(&mut server, ann.0, "1");
    assert_eq!(server.service.heard.len(), 3, "it is read again");
    assert_eq!(ann.1.borrow().down.len(), 1 + 60 + 7);
    say(&mut server, &ann, &format!("withhold {} ", "x".repeat(101)));
    rest(&mut server, at(0));
    assert_eq!(server.service.closed, Some(CloseReason::SendqExceeded));
    assert_eq!(server.backlog_bytes(), 0);
    server.check();

    let limits = Limits { memory_max: 100, ..Limits::default() };
    let mut server = EventLoop::new(Clerk::default(), limits);
    let ann = join(&mut server, usize::MAX);
    say(&mut server, &ann, &format!("withhold {} ", "x".repeat(101)));
    rest(&mut server, at(0));
    assert_eq!(server.service.closed, Some(CloseReason::MemoryExceeded));
}

#[test]
fn what_is_left_is_heard_when_its_service_goes_on() {
    let mut server = EventLoop::new(Clerk::default(), Limits::default());
    let ann = join(&mut server, usize::MAX);
    say(&mut server, &ann, "a wait b wait c");
    rest(&mut server, at(0));
    say(&mut server, &ann, " d ");
    rest(&mut server, at(0));
    server.check();
    assert_eq!(server.service.heard, ["a", "wait"]);
    ann.1.borrow_mut().up_ended = true;
    server.hung_up(ann.0.slot());
    let go_on = |server: &mut Server| {
        server.inject(|_, out| out.resume(ann.0));
        rest(server, at(0));
        server.check();
    };
    rest(&mut server, at(0));
    go_on(&mut server);
    assert_eq!(server.service.heard[2..], ["b", "wait"]);
    go_on(&mut server);
    assert_eq!(server.service.heard[4..], ["c", "d", "."], "what is left, what came, and its end");
    go_on(&mut server);
    assert_eq!(ann.1.borrow().down, b"abcd");
}

#[test]
fn who_is_deferred_again_in_the_same_turn_waits_on() {
    let mut server = EventLoop::new(Clerk::default(), Limits::default());
    let ann = join(&mut server, usize::MAX);
    say(&mut server, &ann, "wait b ");
    rest(&mut server, at(0));
    server.inject(|_, out| {
        out.resume(ann.0);
        out.defer(ann.0);
    });
    rest(&mut server, at(0));
    server.check();
    assert_eq!(server.service.heard, ["wait"]);
    server.inject(|_, out| out.resume(ann.0));
    rest(&mut server, at(0));
    assert_eq!(server.service.heard, ["wait", "b"]);
}

#[test]
fn a_service_leaves_something_for_the_next_turn_while_others_are_heard() {
    let mut server = EventLoop::new(Clerk::default(), Limits::default());
    let (ann, bob) = (join(&mut server, usize::MAX), join(&mut server, usize::MAX));
    say(&mut server, &ann, "a1 yield a2 yield a3 ");
    server.turn();
    say(&mut server, &bob, "b ");
    rest(&mut server, at(0));
    assert_eq!(server.service.heard, ["a1", "yield", "b", "a2", "yield", "a3"]);
    assert_eq!(server.wait(at(0)), None, "and then the loop sleeps");
    server.check();
}

#[test]
fn a_service_goes_on_whenever_in_a_turn_it_is_called() {
    let mut server = EventLoop::new(Clerk::default(), Limits::default());
    let ann = join(&mut server, 1);
    // Long enough that there is more to read than one read takes.
    say(&mut server, &ann, &format!("word room wait {}", "withhold ".repeat(10_000)));
    rest(&mut server, at(0));
    server.check();
    assert_eq!(
        (server.service.rooms, server.service.heard.len()),
        (0, 3),
        "it has not read a word"
    );
    ann.1.borrow_mut().down_max = usize::MAX;
    server.writable(ann.0.slot());
    while server.wait(at(0)).is_some_and(|wait| wait.is_zero()) {
        server.turn();
        server.check();
    }
    assert_eq!((server.service.rooms, server.service.heard.len()), (1, 3 + 10_000));
}

#[test]
fn as_much_as_one_read_may_wait_and_nothing_more_is_read() {
    let limits = Limits { recvq_max: 100, ..Limits::default() };
    let mut server = EventLoop::new(Clerk::default(), limits);
    let ann = join(&mut server, usize::MAX);
    say(&mut server, &ann, &format!("wait {}", "x ".repeat(1 << 20)));
    rest(&mut server, at(0));
    server.check();
    assert!(ann.1.borrow().up.len() > (2 << 20) - (17 << 10), "it waits with who sent it");
    assert_eq!(server.service.closed, None);
    server.inject(|_, out| out.resume(ann.0));
    rest(&mut server, at(0));
    assert_eq!(server.service.heard.len(), 1 + (1 << 20));
}

#[test]
fn one_that_waits_may_be_cut_and_its_slot_given_to_another() {
    let mut server = EventLoop::new(Clerk::default(), Limits::default());
    let ann = join(&mut server, usize::MAX);
    say(&mut server, &ann, "wait b ");
    rest(&mut server, at(0));
    server.inject(|_, out| {
        out.set_deadline(ann.0, Duration::from_secs(1));
        out.resume(ann.0);
        out.close(ann.0);
    });
    rest(&mut server, at(0));
    server.check();
    ann.1.borrow_mut().up_ended = true;
    server.hung_up(ann.0.slot());
    rest(&mut server, at(0));
    assert_eq!(server.service.heard, ["wait"], "nothing is heard of one that is closed");
    assert_eq!(server.service.closed, Some(CloseReason::Done));
    let bob = join(&mut server, usize::MAX);
    assert_eq!(bob.0.slot(), ann.0.slot());
    server.inject(|_, out| {
        out.resume(ann.0);
        out.release(ann.0, &[]);
    });
    say(&mut server, &bob, "b ");
    rest(&mut server, at(0));
    server.check();
    assert_eq!(bob.1.borrow().down, b"b");
}
