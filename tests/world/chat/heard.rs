//! Checks of all received lines at the end. The ear has already checked that each line is whole, is
//! for its recipient and fits the lines before.

use super::ear::{Event, What};
use super::{Chat, Role, WITNESSED};
use crate::world::simulator::{Conduct, State, World};
use std::collections::{BTreeMap, BTreeSet};
use stonechat::net::CloseReason;

impl World<Chat> {
    /// Whether it has read all lines for it. A client that the loop is closing is still a member
    /// until its last line is written, and receives no more.
    fn is_up_to_date(&self, n: usize) -> bool {
        let client = &self.clients[n];
        let here =
            client.conduct.lives() && self.ending(n).is_none() && !client.role.ear.nick.is_empty();
        here || client
            .role
            .ear
            .farewell
            .as_ref()
            .is_some_and(|why| why.starts_with("Closing link: "))
    }

    /// In a channel every member receives what the witness receives, while they are there.
    pub fn check_part(&self, n: usize) {
        let ear = &self.clients[n].role.ear;
        for channel in WITNESSED {
            let happened = self.clients[0].role.ear.log.get(channel).map_or(&[][..], |log| log);
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
    pub fn check_answers(&self, n: usize) {
        let Role { ear, typed } = &self.clients[n].role;
        let count = |command: &str| ear.counts.get(command).copied().unwrap_or(0);
        let (lists, whos) = (count("323"), count("315"));
        assert!(lists <= typed.lists && whos <= typed.whos, "client {n}: {lists}, {whos}");
        assert!(typed.pings.starts_with(&ear.pongs), "client {n}: {:?}", ear.pongs);
        // Long answers wait for each other, and short ones overtake them.
        let labels: BTreeSet<&String> = ear.labels.iter().collect();
        assert_eq!(labels.len(), ear.labels.len(), "client {n}: {:?}", ear.labels);
        assert!(labels.iter().all(|label| typed.labels.contains(label)), "client {n}: {labels:?}");
        let alive = self.clients[n].conduct.lives();
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
    pub fn check_said(&self, n: usize) {
        let typed = &self.clients[n].role.typed;
        for place in WITNESSED.into_iter().chain(["c0"]) {
            let said = typed.said.iter().filter(|(target, _)| *target == place);
            let said: Vec<String> = said.map(|(_, number)| format!("{n}.{number}")).collect();
            let own = format!("{n}.");
            let heard: Vec<&str> = match place {
                "c0" => self.clients[0].role.ear.private.iter().map(String::as_str).collect(),
                _ => self.clients[0].role.ear.log[place].iter().filter_map(Event::text).collect(),
            };
            let heard = heard.into_iter().filter(|text| text.starts_with(&own));
            let heard: Vec<&str> = heard.filter_map(|text| text.split(' ').next()).collect();
            assert!(said.iter().zip(&heard).all(|(a, b)| a == b), "{n}: {said:?} and {heard:?}");
            assert!(heard.len() <= said.len(), "{n} in {place}: heard {heard:?}");
            let alive = self.clients[n].conduct.lives();
            if alive && self.ending(n).is_none() {
                assert_eq!(heard.len(), said.len(), "{n} was not heard in {place}: {heard:?}");
            }
        }
    }

    /// A private message is received by one client, once.
    pub fn check_private(&self) {
        let mut all = BTreeSet::new();
        for text in self.clients.iter().flat_map(|client| &client.role.ear.private) {
            assert!(all.insert(text), "heard twice: {text}");
            assert!(!text.contains("from outside"), "heard from outside: {text}");
        }
    }

    /// At the end the clients' knowledge agrees with the server.
    pub fn check_who_is_there(&self) {
        let witness = &self.clients[0].role.ear;
        let mut there: BTreeMap<&str, usize> = BTreeMap::new();
        let mut nicks = BTreeSet::new();
        for (n, client) in self.clients.iter().enumerate() {
            let State::Here(_) = client.state else { continue };
            let gone = self.ending(n).is_some() || client.role.ear.nick.is_empty();
            // The knowledge of a client that stopped reading may be out of date.
            let known = client.conduct.hears();
            if known && !gone {
                assert!(
                    nicks.insert(client.role.ear.nick.clone()),
                    "two are {}",
                    client.role.ear.nick
                );
                assert!(witness.who.contains(&client.role.ear.nick), "WHO tells not of {n}");
            }
            for room in client.role.ear.rooms.iter().filter(|_| known && !gone) {
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
    pub fn check_quits(&self) {
        for log in self.clients[0].role.ear.log.values() {
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
        let witness = &self.clients[0].role.ear;
        for nick in witness.rooms.values().flatten().flatten() {
            let who = witness.people[nick];
            assert_eq!(self.ending(who), None, "{who}, who is {nick}, has gone and is still there");
        }
    }

    /// A client that was closed in good order has received the final ERROR.
    pub fn check_last_word(&self, n: usize) {
        let client = &self.clients[n];
        let farewell = client.role.ear.farewell.as_deref().unwrap_or_default();
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
