//! The network between clients and loop: input arrives late and in pieces.

use super::{Client, Conduct, STEADY, State, World};
use crate::world::client_end::{STILL_TURNS_MAX, motion};
use crate::world::{ClientEnd, News, Wire};
use std::collections::VecDeque;
use stonechat::net::Peer;

/// The default of `ping_interval`.
const PING_INTERVAL_MS: u64 = 90_000;

impl World {
    pub fn connect(&mut self, conduct: Conduct, echo: Option<Vec<u8>>) {
        let steady = conduct == Conduct::Steady;
        let wire = Wire::new(if steady { 1 << 20 } else { self.choices.pick(1..3000) });
        wire.borrow_mut().whole_reads = self.choices.one_in(2);
        let torn = !steady && self.choices.one_in(2);
        let end = ClientEnd::new(wire, &self.choices, self.keys.as_ref(), steady);
        let n = self.clients.len();
        let silent = end.is_silent();
        self.clients.push(Client {
            end,
            state: State::Waiting,
            conduct,
            torn,
            unsent: VecDeque::new(),
            sent_ms: 0,
            typed: Default::default(),
            ear: Default::default(),
            echo,
            ended_ms: None,
            dropped_ms: None,
        });
        self.backlog.push_back(n);
        if self.clients[n].echo.is_none() {
            self.register(n);
        }
        if silent {
            self.clients[n].conduct = Conduct::Mute;
        }
    }

    /// Sends the typed input, or a piece of it.
    pub fn send(&mut self, n: usize) {
        let client = &mut self.clients[n];
        let all = client.unsent.len();
        let most = if client.torn { self.choices.pick(0..all + 1) } else { all };
        self.send_most(n, most);
    }

    fn send_most(&mut self, n: usize, most: usize) {
        let client = &mut self.clients[n];
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

    /// Reads, and answers lines that need a reply.
    pub fn hear(&mut self, n: usize, most: usize) -> bool {
        let client = &mut self.clients[n];
        if !client.conduct.hears() {
            return false;
        }
        let mut heard = Vec::new();
        let any = client.end.hear(most, &mut heard);
        match &mut client.echo {
            Some(echo) => echo.extend(heard),
            None => client.ear.hear(heard.into_iter()),
        }
        for reply in std::mem::take(&mut client.ear.replies) {
            self.type_line(n, &reply);
        }
        any
    }

    /// Reads for a steady client, which may be sent PING only if it has been silent.
    fn hear_at_once(&mut self, n: usize) {
        let pings = |world: &World| world.clients[n].ear.counts.get("PING").copied();
        let (before, sent_ms) = (pings(self), self.clients[n].sent_ms);
        self.hear(n, usize::MAX);
        let silent_ms = self.now.uptime_ms - sent_ms;
        let asked = pings(self) != before && !self.clients[n].end.is_heard_in_parts();
        assert!(!asked || silent_ms > PING_INTERVAL_MS - 1_000, "{n} spoke {silent_ms} ms ago");
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
        self.tell_news();
        self.accept();
        self.server.hear();
        if let Some(n) = speaker {
            self.say(n);
            self.tell_news();
            self.server.hear();
        }
        self.server.answer();
        self.server.check();
        self.server.service.app.check();
        self.note_refused();
        for client in &mut self.clients {
            let wire = client.end.wire.borrow();
            let now_ms = self.now.uptime_ms;
            client.ended_ms = client.ended_ms.or(wire.down_ended.then_some(now_ms));
            client.dropped_ms = client.dropped_ms.or(wire.server_gone.then_some(now_ms));
        }
        (0..STEADY).for_each(|n| self.hear_at_once(n));
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
            let endpoint = if client.echo.is_some() { self.echo } else { self.irc };
            let peer = Peer::accepted(endpoint, None);
            client.state = match self.server.accept(client.end.accept(), peer) {
                Some(id) => {
                    self.door.accepted(n, id, self.now.uptime_ms);
                    State::Here(id)
                }
                None => State::TurnedAway,
            };
        }
    }

    /// Delivers everything in flight, waking the loop only when needed.
    pub fn quiesce(&mut self) {
        let (mut before, mut still) = ([0; 3], 0);
        for _ in 0..100_000 {
            let mut busy = false;
            for n in 0..self.clients.len() {
                let all = self.clients[n].unsent.len();
                self.send_most(n, all);
                busy |= self.hear(n, usize::MAX);
                busy |= self.clients[n].end.push(true);
                self.close_if_closed(n);
            }
            let news = |client: &Client| {
                let News { readable, hung_up, writable } = client.end.news;
                let here = matches!(client.state, State::Here(_));
                (readable || hung_up || writable) && here && !client.end.wire.borrow().server_gone
            };
            busy |= self.clients.iter().any(news);
            busy |= !self.backlog.is_empty() && self.server.accepting();
            busy |= self.server.wait(self.now).is_some_and(|wait| wait.is_zero());
            if !busy {
                let hears = |n: usize| self.clients[n].conduct.hears();
                return self.door.settled(|n| &self.clients[n].end, hears);
            }
            let motion = motion(self.clients.iter().map(|client| &client.end));
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
        self.backlog.clear(); // the listeners are closed first
        self.server.shut_down();
        self.door.close();
        self.settle_closing();
        assert!(self.server.is_empty(), "somebody is left after the shutdown");
        for client in &self.clients[..STEADY] {
            let farewell = client.ear.farewell.as_deref();
            assert_eq!(farewell, Some("server shutting down"), "a last word went missing");
            assert!(client.end.is_told_of_end(), "it can't tell its end from a cut");
        }
        assert_eq!(self.server.wait(self.now), None, "nobody is here, and it wakes up");
    }
}
