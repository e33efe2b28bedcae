//! The network between clients and loop: input arrives late and in pieces.

use super::{Cast, Client, Conduct, STEADY, State, World, calls};
use crate::world::client_end::{STILL_TURNS_MAX, motion};
use crate::world::framed::Framed;
use crate::world::{ClientEnd, News, Wire};
use std::collections::VecDeque;
use stonechat::net::Peer;

impl<C: Cast> World<C> {
    pub fn connect(&mut self, conduct: Conduct) {
        let steady = conduct == Conduct::Steady;
        let endpoint = C::endpoint(&self.choices, steady);
        let wire = Wire::new(if steady { 1 << 20 } else { self.choices.pick(1..C::DOWN_MAX) });
        wire.borrow_mut().whole_reads = self.choices.one_in(2);
        let n = self.clients.len();
        self.clients.push(Client {
            end: ClientEnd::new(wire, &self.choices, self.keys.as_ref(), steady),
            endpoint,
            state: State::Waiting,
            conduct,
            torn: !steady && self.choices.one_in(2),
            unsent: VecDeque::new(),
            sent_ms: 0,
            heard: Vec::new(),
            ended_ms: None,
            dropped_ms: None,
            role: C::Role::default(),
        });
        self.backlog.push_back(n);
        C::greet(self, n);
        if self.clients[n].end.is_silent() {
            self.clients[n].conduct = Conduct::Mute;
        }
    }

    /// Sends `bytes`, or a piece of all that is to be sent.
    pub fn send(&mut self, n: usize, bytes: &[u8]) {
        let client = &mut self.clients[n];
        if client.conduct.sends() {
            client.unsent.extend(bytes);
            let all = client.unsent.len();
            let most = if client.torn { self.choices.pick(0..all + 1) } else { all };
            self.send_most(n, most);
        }
    }

    /// Sends all that is to be sent.
    pub fn send_all(&mut self, n: usize) {
        self.send_most(n, usize::MAX);
    }

    fn send_most(&mut self, n: usize, most: usize) {
        let client = &mut self.clients[n];
        let most = most.min(client.unsent.len());
        if matches!(client.conduct, Conduct::HalfClosed | Conduct::Gone) || most == 0 {
            return;
        }
        let bytes: Vec<u8> = client.unsent.drain(..most).collect();
        client.end.say(&bytes);
        client.sent_ms = self.now.uptime_ms;
    }

    pub fn end_half(&mut self, n: usize) {
        self.clients[n].conduct = Conduct::HalfClosed;
        self.clients[n].end.end_half();
    }

    /// Reads at most `most` bytes. Returns whether there were any.
    pub fn hear(&mut self, n: usize, most: usize) -> bool {
        let client = &mut self.clients[n];
        if !client.conduct.hears() {
            return false;
        }
        let mut bytes = Vec::new();
        let any = client.end.hear(most, &mut bytes);
        C::hear(self, n, &bytes);
        any
    }

    pub fn pass(&mut self, ms: u64) {
        self.now.uptime_ms += ms;
        self.now.unix_ms += ms;
    }

    pub fn turn(&mut self) {
        self.turn_with(None);
    }

    /// Runs a turn in which the loop polls again before it writes, and finds input of `speaker`.
    pub fn turn_with(&mut self, speaker: Option<usize>) {
        for n in 0..self.clients.len() {
            if self.clients[n].end.hurries() {
                self.hear(n, usize::MAX);
            }
        }
        self.pass(3);
        self.server.wake(self.now);
        let most = self.choices.pick(1..600);
        self.serve_calls(most);
        self.tell_news();
        self.accept();
        self.server.hear();
        if let Some(n) = speaker {
            C::say(self, n);
            self.tell_news();
            self.server.hear();
        }
        self.server.answer();
        self.dial();
        self.server.check();
        C::check_turn(self);
        self.note_refused();
        for client in &mut self.clients {
            let wire = client.end.wire.borrow();
            let now_ms = self.now.uptime_ms;
            client.ended_ms = client.ended_ms.or(wire.down_ended.then_some(now_ms));
            client.dropped_ms = client.dropped_ms.or(wire.server_gone.then_some(now_ms));
        }
        (0..STEADY).for_each(|n| C::hear_at_once(self, n));
    }

    fn note_refused(&mut self) {
        let counters = self.server.counters().clone();
        let refused = self.door.turned(
            &counters,
            &self.server.service.opened,
            |n| &self.clients[n].end,
            self.now.uptime_ms,
            self.limits,
        );
        refused.into_iter().for_each(|n| self.clients[n].state = State::Refused);
    }

    fn tell_news(&mut self) {
        let first = self.choices.pick(0..self.clients.len().max(1));
        for n in (first..self.clients.len()).chain(0..first) {
            let client = &mut self.clients[n];
            let State::Here(id) = client.state else { continue };
            let news = std::mem::take(&mut client.end.news);
            if client.end.wire.borrow().server_gone {
                continue; // its socket is closed: no more events
            }
            if news.writable {
                self.server.writable(id.slot());
            }
            if news.hung_up {
                self.server.hung_up(id.slot());
            } else if news.readable {
                self.server.readable(id.slot());
            }
        }
    }

    fn accept(&mut self) {
        for _ in 0..4 {
            if !self.server.accepting() || !self.server.may_handshake() {
                return;
            }
            let Some(n) = self.backlog.pop_front() else { return self.server.backlogs_emptied() };
            let client = &mut self.clients[n];
            let peer = Peer::accepted(client.endpoint, None);
            client.state = match self.server.accept(Framed::plain(client.end.accept()), peer) {
                Some(id) => {
                    self.line_moved_ms = self.now.uptime_ms;
                    self.door.accepted(n, id, self.now.uptime_ms);
                    State::Here(id)
                }
                None => State::TurnedAway,
            };
        }
    }

    /// Delivers everything in flight, waking the loop only when needed.
    pub fn quiesce(&mut self) {
        let (mut before, mut still) = ([[0; 3]; 3], 0);
        for _ in 0..100_000 {
            let mut busy = self.serve_calls(usize::MAX) | self.look_up();
            for n in 0..self.clients.len() {
                self.send_all(n);
                busy |= self.hear(n, usize::MAX);
                busy |= self.clients[n].end.push(true);
                self.close_if_closed(n);
            }
            let news = |client: &Client<C>| {
                let News { readable, hung_up, writable } = client.end.news;
                let here = matches!(client.state, State::Here(_));
                (readable || hung_up || writable) && here && !client.end.wire.borrow().server_gone
            };
            busy |= self.clients.iter().any(news);
            busy |= !self.backlog.is_empty() && self.server.accepting();
            busy |= self.server.wait(self.now).is_some_and(|wait| wait.is_zero());
            if !busy {
                self.check_settled_calls();
                let hears = |n: usize| self.clients[n].conduct.hears();
                return self.door.settled(|n| &self.clients[n].end, hears);
            }
            let motion = [
                motion(self.clients.iter().map(|client| &client.end)),
                calls::motion(&self.far),
                [self.look_ups.len(), self.far.len(), 0],
            ];
            still = if motion == before { still + 1 } else { 0 };
            before = motion;
            assert!(still < STILL_TURNS_MAX, "busy, and does nothing");
            self.turn();
        }
        panic!("did not come to rest");
    }

    /// Closes a client that has read to the end, as clients do.
    fn close_if_closed(&mut self, n: usize) {
        let wire = self.clients[n].end.wire.borrow();
        let at_end = wire.down_ended && wire.down.is_empty() && !wire.up_ended;
        drop(wire);
        if at_end && self.clients[n].conduct.hears() {
            self.end_half(n);
        }
    }

    /// Delivers everything as `quiesce` does, and waits until lingering connections are gone.
    pub fn settle_closing(&mut self) {
        self.quiesce();
        for _ in 0..12 {
            self.pass(1_000);
            self.turn(); // the deadlines of this second
            self.quiesce();
        }
    }

    pub fn shut_down(&mut self) {
        self.look_ups.clear();
        self.backlog.clear(); // the listeners are closed first
        self.server.shut_down();
        self.door.close();
        self.settle_closing();
        assert!(self.server.is_empty(), "somebody is left after the shutdown");
        for client in &self.clients[..STEADY] {
            assert!(C::is_last_word(&client.heard), "a last word went missing");
            assert!(client.end.is_told_of_end(), "it can't tell its end from a cut");
        }
        assert_eq!(self.server.wait(self.now), None, "nobody is here, and it wakes up");
    }
}
