//! Checks of all received lines at the end. The ear has already checked that each line is whole, is
//! for its recipient and fits the lines before.

use super::ear::{Event, What};
use super::{Client, Conduct, LIMITS, STEADY, State, WITNESSED, World};
use crate::world::door;
use std::collections::{BTreeMap, BTreeSet};
use stonechat::net::{CloseReason, Refusal};

impl World {
    pub fn check_heard(&self) {
        for n in 0..self.clients.len() {
            match self.clients[n].state {
                State::Waiting => {}
                _ if self.clients[n].echo.is_some() => self.check_echo(n),
                State::TurnedAway => self.check_turned_away(n, "server full"),
                State::Refused => self.check_turned_away(n, Refusal::NotTls.text()),
                State::Here(_) => {
                    self.check_part(n);
                    self.check_answers(n);
                    self.check_last_word(n);
                    self.check_said(n);
                }
            }
        }
        for n in 0..STEADY {
            assert_eq!(self.ending(n), None, "steady client {n} was thrown out");
        }
        self.check_ends();
        self.check_private();
        self.check_who_is_there();
        self.check_quits();
    }

    fn check_turned_away(&self, n: usize, why: &str) {
        let client = &self.clients[n];
        match client.ear.farewell.as_deref() {
            None => assert!(client.ear.counts.is_empty(), "{n}: {:?}", client.ear.counts),
            Some(farewell) if client.end.version().is_some() => {
                assert!(door::is_told(farewell), "{n}: {farewell}");
            }
            Some(farewell) => assert_eq!(farewell, why, "{n}"),
        }
    }

    /// A client that has ended its half is closed. A client over TLS that is closed in good order
    /// receives a close_notify.
    fn check_ends(&self) {
        for (n, client) in self.clients.iter().enumerate() {
            let State::Here(id) = client.state else { continue };
            let goes = client.conduct == Conduct::HalfClosed;
            let here = self.server.live().any(|live| live == id);
            assert!(!(goes && here), "client {n} has ended its half, and nobody has seen it");
            let in_peace = matches!(
                self.ending(n),
                Some(CloseReason::Done | CloseReason::Hangup | CloseReason::RecvqExceeded)
            );
            if in_peace && client.conduct.hears() && !client.end.wire.borrow().reset {
                assert!(client.end.is_told_of_end(), "client {n} can't tell its end from a cut");
            }
        }
    }

    fn check_echo(&self, n: usize) {
        let client = &self.clients[n];
        let Some(heard) = client.echo.as_ref().filter(|_| matches!(client.state, State::Here(_)))
        else {
            return;
        };
        let expected = client.end.sent.to_ascii_uppercase();
        assert!(expected.starts_with(heard), "{n} heard {}", heard.escape_ascii());
        if client.conduct == Conduct::Ordinary && self.ending(n).is_none() {
            assert_eq!(*heard, expected, "client {n} missed the end");
        }
    }

    /// Whether it has read all lines for it. A client that the loop is closing is still a member
    /// until its last line is written, and receives no more.
    fn is_up_to_date(&self, n: usize) -> bool {
        let client = &self.clients[n];
        let here = matches!(client.conduct, Conduct::Steady | Conduct::Ordinary)
            && self.ending(n).is_none()
            && !client.ear.nick.is_empty();
        here || client.ear.farewell.as_ref().is_some_and(|why| why.starts_with("Closing link: "))
    }

    /// In a channel every member receives what the witness receives, while they are there.
    fn check_part(&self, n: usize) {
        let ear = &self.clients[n].ear;
        for channel in WITNESSED {
            let happened = self.clients[0].ear.log.get(channel).map_or(&[][..], |log| log);
            let heard = ear.log.get(channel).map_or(&[][..], |log| log);
            let mut happened = happened.iter();
            let mut heard = heard.iter().filter(|event| ear.is_told_names() || !is_loose(event));
            let mut inside = false;
            for event in &mut happened {
                let own = event.who == n;
                inside |= own && event.what == What::Joins;
                let told = match event.what {
                    What::Says(_) if own => ear.has("echo-message"),
                    What::Quits(_) if own => false,
                    _ => ear.is_told_names() || !is_loose(event),
                };
                if inside && told {
                    match heard.next() {
                        Some(heard) => assert_eq!(heard, event, "client {n} in {channel}"),
                        None if self.is_up_to_date(n) => panic!("{n} did not hear {event:?}"),
                        None => break,
                    }
                }
                inside &= !(own && matches!(event.what, What::Parts | What::Quits(_)));
            }
            let more = heard.next();
            assert_eq!(more, None, "client {n} heard in {channel} what the witness did not");
        }
    }

    /// Each request has exactly one complete answer.
    fn check_answers(&self, n: usize) {
        let Client { ear, typed, .. } = &self.clients[n];
        let count = |command: &str| ear.counts.get(command).copied().unwrap_or(0);
        let (lists, whos) = (count("323"), count("315"));
        assert!(lists <= typed.lists && whos <= typed.whos, "client {n}: {lists}, {whos}");
        assert!(typed.pings.starts_with(&ear.pongs), "client {n}: {:?}", ear.pongs);
        // Long answers wait for each other, and short ones overtake them.
        let labels: BTreeSet<&String> = ear.labels.iter().collect();
        assert_eq!(labels.len(), ear.labels.len(), "client {n}: {:?}", ear.labels);
        assert!(labels.iter().all(|label| typed.labels.contains(label)), "client {n}: {labels:?}");
        let alive = matches!(self.clients[n].conduct, Conduct::Steady | Conduct::Ordinary);
        if alive && self.ending(n).is_none() {
            assert!(!ear.nick.is_empty(), "client {n} was never welcomed");
            assert!(!ear.is_amid(), "client {n} heard half a line, or half a batch");
            assert_eq!((lists, whos), (typed.lists, typed.whos), "client {n}");
            assert_eq!(ear.pongs, typed.pings, "client {n}");
            assert_eq!(labels.len(), typed.labels.len(), "client {n}: {labels:?}");
            let rooms: BTreeSet<&str> = ear.rooms.keys().map(String::as_str).collect();
            assert_eq!(rooms, typed.rooms, "client {n} is not where it went");
        }
    }

    /// The server has accepted the messages of a client in their order.
    fn check_said(&self, n: usize) {
        let typed = &self.clients[n].typed;
        for place in WITNESSED.into_iter().chain(["c0"]) {
            let said = typed.said.iter().filter(|(target, _)| *target == place);
            let said: Vec<String> = said.map(|(_, number)| format!("{n}.{number}")).collect();
            let own = format!("{n}.");
            let heard: Vec<&str> = match place {
                "c0" => self.clients[0].ear.private.iter().map(String::as_str).collect(),
                _ => self.clients[0].ear.log[place].iter().filter_map(Event::text).collect(),
            };
            let heard = heard.into_iter().filter(|text| text.starts_with(&own));
            let heard: Vec<&str> = heard.filter_map(|text| text.split(' ').next()).collect();
            assert!(said.iter().zip(&heard).all(|(a, b)| a == b), "{n}: {said:?} and {heard:?}");
            assert!(heard.len() <= said.len(), "{n} in {place}: heard {heard:?}");
            let alive = matches!(self.clients[n].conduct, Conduct::Steady | Conduct::Ordinary);
            if alive && self.ending(n).is_none() {
                assert_eq!(heard.len(), said.len(), "{n} was not heard in {place}: {heard:?}");
            }
        }
    }

    /// A private message is received by one client, once.
    fn check_private(&self) {
        let mut all = BTreeSet::new();
        for text in self.clients.iter().flat_map(|client| &client.ear.private) {
            assert!(all.insert(text), "heard twice: {text}");
            assert!(!text.contains("from outside"), "heard from outside: {text}");
        }
    }

    /// At the end the clients' knowledge agrees with the server.
    fn check_who_is_there(&self) {
        let witness = &self.clients[0].ear;
        let mut there: BTreeMap<&str, usize> = BTreeMap::new();
        let mut nicks = BTreeSet::new();
        for (n, client) in self.clients.iter().enumerate() {
            let State::Here(_) = client.state else { continue };
            let gone = self.ending(n).is_some() || client.ear.nick.is_empty();
            // The knowledge of a client that stopped reading may be out of date.
            let known = !matches!(client.conduct, Conduct::Stuck | Conduct::Gone);
            if known && !gone {
                assert!(nicks.insert(client.ear.nick.clone()), "two are {}", client.ear.nick);
                assert!(witness.who.contains(&client.ear.nick), "WHO tells not of {n}");
            }
            for room in client.ear.rooms.iter().filter(|_| known && !gone) {
                *there.entry(room.0).or_default() += 1;
            }
        }
        for channel in WITNESSED {
            let members = witness.rooms[channel].as_ref().expect("it was told");
            assert_eq!(witness.listed.get(channel), Some(&members.len()), "LIST of {channel}");
        }
        for (channel, count) in there {
            let listed = witness.listed.get(channel).copied().unwrap_or(0);
            assert!(listed >= count, "{channel} has {count} members and is listed with {listed}");
        }
    }

    /// Others see a client quit, with the right reason, and nothing of it afterwards.
    fn check_quits(&self) {
        for log in self.clients[0].ear.log.values() {
            let mut gone = BTreeMap::new();
            for Event { who, what } in log {
                assert!(!gone.contains_key(who), "{who} has gone, and {what:?}");
                if let What::Quits(why) = what {
                    gone.insert(*who, why);
                }
            }
            for (who, why) in gone {
                let Some(ending) = self.ending(who) else { panic!("{who} is here: {why}") };
                let took_leave = *why == format!("Quit: {who} goes")
                    || (why.starts_with("Ping timeout: ") && why.ends_with(" seconds"));
                assert!(took_leave || why == ending.text(), "{who}: {ending:?} is told as {why}");
            }
        }
        let witness = &self.clients[0].ear;
        for nick in witness.rooms.values().flatten().flatten() {
            let who = witness.people[nick];
            assert_eq!(self.ending(who), None, "{who}, who is {nick}, has gone and is still there");
        }
    }

    /// A client that was closed in good order has received the final ERROR.
    fn check_last_word(&self, n: usize) {
        let client = &self.clients[n];
        let farewell = client.ear.farewell.as_deref().unwrap_or_default();
        let closed = matches!(client.conduct, Conduct::HalfClosed) && client.ended_ms.is_some();
        if !(closed || client.conduct.reads()) || self.too_slow(n) {
            return;
        }
        let left = |why: &str| format!("Closing link: (localhost) [{why}");
        let kinds = [
            left(&format!("Quit: {n} goes]")),
            left("Ping timeout: "),
            left("Registration timeout]"),
        ];
        match self.ending(n) {
            Some(CloseReason::Done) => {
                assert!(kinds.iter().any(|kind| farewell.starts_with(kind)), "{n}: {farewell:?}");
            }
            Some(CloseReason::RecvqExceeded) => assert_eq!(farewell, "RecvQ exceeded", "{n}"),
            Some(_) | None => {}
        }
    }

    /// Whether it went on sending to a server that had closed, and had not read the final ERROR
    /// while the server lingered.
    fn too_slow(&self, n: usize) -> bool {
        let client = &self.clients[n];
        let lingered =
            client.ended_ms.zip(client.dropped_ms).map(|(ended, dropped)| dropped - ended);
        let linger_ms = LIMITS.linger_timeout.as_millis() as u64;
        client.end.wire.borrow().reset && lingered.is_some_and(|lingered| lingered >= linger_ms)
    }
}

impl Event {
    fn text(&self) -> Option<&str> {
        match &self.what {
            What::Says(text) => Some(text),
            _ => None,
        }
    }
}

/// Whether an event names no channel: without knowledge of members a client can't place it.
fn is_loose(event: &Event) -> bool {
    matches!(event.what, What::Quits(_) | What::Renames(_))
}
