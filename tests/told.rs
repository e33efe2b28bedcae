//! What the loop tells a service besides input: timers, refusals, and whom a last word is for.

mod world;

use std::time::Duration;
use stonechat::net::{
    CloseReason, ConnId, EventLoop, LastWord, Limits, Outbox, Parting, Peer, Refusal, Service,
    TimerId,
};
use stonechat::net::{Denial, EndpointId, Network};
use world::by_hand::{ENDPOINT, at, join, rest, say};
use world::{Choices, ServerEnd, Wire};

/// Notes what it is told. Uses no input.
#[derive(Default)]
struct Notes {
    opened: Vec<ConnId>,
    ticks: Vec<(TimerId, u64)>,
    refused: Vec<(EndpointId, Refusal)>,
    /// Sets the timer again at each tick.
    every: Option<Duration>,
}

impl Service for Notes {
    fn opened(&mut self, _out: &mut Outbox, id: ConnId, _peer: Peer) {
        self.opened.push(id);
    }

    fn received(&mut self, _out: &mut Outbox, _id: ConnId, _bytes: &[u8]) -> usize {
        0
    }

    fn tick(&mut self, out: &mut Outbox, timer: TimerId) {
        self.ticks.push((timer, out.now.uptime_ms));
        if let Some(every) = self.every {
            out.wake_in(timer, every);
        }
    }

    fn refused(&mut self, _out: &mut Outbox, endpoint: EndpointId, why: Refusal) {
        self.refused.push((endpoint, why));
    }

    fn farewell(&self, text: &mut Vec<u8>, to: LastWord<'_>) {
        assert!(to.conn.is_none_or(|id| self.opened.contains(&id)), "one that was never opened");
        let conn = if to.conn.is_some() { "open" } else { "new" };
        let LastWord { endpoint, why, text: words, .. } = to;
        text.extend_from_slice(format!("{} {conn} {why:?}: {words}", endpoint.0).as_bytes());
    }
}

fn ticks_by(server: &mut EventLoop<ServerEnd, Notes>, now_ms: u64) -> Vec<(TimerId, u64)> {
    server.wake(at(now_ms));
    rest(server, at(now_ms));
    std::mem::take(&mut server.service.ticks)
}

#[test]
fn a_timer_ticks_once_and_never_early() {
    let (one, two) = (TimerId(1), TimerId(2));
    let mut server = EventLoop::new(Notes::default(), Limits::default());
    assert_eq!(server.wait(at(0)), None);
    server.inject(|_, out| {
        out.wake_in(two, Duration::from_secs(9));
        out.wake_in(one, Duration::from_secs(60));
        out.wake_in(one, Duration::from_millis(4_500)); // in place of the minute
    });
    assert_eq!(server.wait(at(0)), Some(Duration::from_secs(5)));
    assert_eq!(ticks_by(&mut server, 4_999), []);
    assert_eq!(ticks_by(&mut server, 5_000), [(one, 5_000)]);
    assert_eq!(ticks_by(&mut server, 12_000), [(two, 12_000)]);
    assert_eq!(ticks_by(&mut server, 100_000), []);
    assert_eq!(server.wait(at(100_000)), None, "nothing due, nothing to wake up for");
}

#[test]
fn a_timer_set_in_its_own_tick_ticks_on() {
    let every = Some(Duration::from_secs(30));
    let mut server = EventLoop::new(Notes { every, ..Notes::default() }, Limits::default());
    server.inject(|_, out| out.wake_in(TimerId(0), Duration::ZERO));
    let times = [0, 29_000, 30_000, 300_000, 330_000];
    let ticks = times.map(|now_ms| ticks_by(&mut server, now_ms).len());
    assert_eq!(ticks, [1, 0, 1, 1, 1], "one tick, however late");
}

#[test]
fn a_refusal_and_its_last_word_name_the_endpoint_and_the_reason() {
    let mut server = EventLoop::new(Notes::default(), Limits::default());
    let wire = Wire::new(usize::MAX);
    wire.borrow_mut().whole_reads = true;
    let end = ServerEnd { wire: wire.clone(), choices: Choices::from_bytes(&[]) };
    server.refuse(end, EndpointId(3), Refusal::NotProxy);
    assert_eq!(server.service.refused, [(EndpointId(3), Refusal::NotProxy)]);
    let heard = String::from_utf8(wire.borrow().down.clone().into()).unwrap();
    assert_eq!(heard, format!("3 new Refused(NotProxy): {}", Refusal::NotProxy.text()));
}

#[test]
fn a_connection_that_moves_to_a_denied_network_is_told_as_an_open_one() {
    let mut server = EventLoop::new(Notes::default(), Limits::default());
    let (ann, wire) = join(&mut server, usize::MAX);
    let network = Network::parse("192.0.2.0/24").unwrap();
    server.inject(|_, out| {
        out.denied.insert(network, Denial { why: "go away".into(), until_s: None });
        out.comes_from(ann, "192.0.2.1".parse().unwrap());
    });
    rest(&mut server, at(0));
    assert_eq!(server.service.refused, [(ENDPOINT, Refusal::Banned)]);
    assert_eq!(wire.borrow().down, b"0 open Refused(Banned): go away");
}

#[test]
fn a_connection_that_the_loop_closes_is_told_by_name() {
    let mut server = EventLoop::new(Notes::default(), Limits { recvq_max: 3, ..Limits::default() });
    let ann = join(&mut server, usize::MAX);
    say(&mut server, &ann, "long");
    rest(&mut server, at(0));
    let why = Parting::Closed(CloseReason::RecvqExceeded);
    let text = CloseReason::RecvqExceeded.text();
    assert_eq!(ann.1.borrow().down, format!("0 open {why:?}: {text}").as_bytes());
    assert_eq!(server.service.refused, []);
}
