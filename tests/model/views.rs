//! A client's view of its channels: members and their ranks, from the lines received.

use crate::line::Line;
use crate::model::folded;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Default)]
pub struct View {
    nick: String,
    /// Channels by name in small letters.
    rooms: BTreeMap<String, Room>,
    /// The answer to NAMES so far.
    listing: BTreeMap<String, Members>,
}

/// Prefixes of ranks, by nick.
type Members = BTreeMap<String, BTreeSet<char>>;

#[derive(Default)]
struct Room {
    members: Members,
    /// The members have been listed once, so that the view is complete.
    complete: bool,
    /// The view includes all ranks.
    ranked: bool,
}

const PREFIXES: [(char, char); 5] = [('q', '~'), ('a', '&'), ('o', '@'), ('h', '%'), ('v', '+')];

impl View {
    /// Applies a line. A contradiction is an error: a second JOIN, a PART of no member, or a
    /// difference from NAMES.
    pub fn hear(&mut self, line: &Line, multi_prefix: bool) -> Result<(), String> {
        let source = line.source.split('!').next().unwrap_or_default().to_owned();
        let param = |n: usize| line.params.get(n).cloned().unwrap_or_default();
        match &*line.command {
            "001" => self.nick = param(0),
            "JOIN" if source == self.nick => {
                let members = Members::from([(source, BTreeSet::new())]);
                let room = Room { members, ..Room::default() };
                if self.rooms.insert(folded(&param(0)), room).is_some() {
                    return Err("joins where they are".into());
                }
            }
            "JOIN" => {
                let before = self.room(&param(0))?.members.insert(source, BTreeSet::new());
                if before.is_some() {
                    return Err("somebody joins who is there".into());
                }
            }
            "PART" => self.remove(&param(0), &source)?,
            "KICK" => self.remove(&param(0), &param(1))?,
            "QUIT" => {
                let mut seen = false;
                for room in self.rooms.values_mut() {
                    seen |= room.members.remove(&source).is_some() || !room.complete;
                }
                if !seen {
                    return Err("somebody quits who was not seen".into());
                }
            }
            "NICK" => {
                let mut seen = source == self.nick;
                for room in self.rooms.values_mut() {
                    seen |= !room.complete;
                    if let Some(ranks) = room.members.remove(&source) {
                        seen = true;
                        room.members.insert(param(0), ranks);
                    }
                }
                if source == self.nick {
                    self.nick = param(0);
                }
                if !seen {
                    return Err("somebody changes their nick who was not seen".into());
                }
            }
            "MODE" if param(0).starts_with('#') => self.change(&line.params)?,
            "RENAME" => {
                let room = self.rooms.remove(&folded(&param(0))).ok_or("no such room")?;
                self.rooms.insert(folded(&param(1)), room);
            }
            "353" => {
                let listing = self.listing.entry(folded(&param(2))).or_default();
                for word in param(3).split(' ') {
                    let is_prefix = |c| PREFIXES.iter().any(|(_, prefix)| *prefix == c);
                    let mask = word.trim_start_matches(is_prefix);
                    let nick = mask.split('!').next().unwrap_or_default();
                    let prefixes = word[..word.len() - mask.len()].chars().collect();
                    if listing.insert(nick.into(), prefixes).is_some() {
                        return Err(format!("{nick} is listed twice"));
                    }
                }
            }
            "366" => self.compare(&folded(&param(1)), multi_prefix)?,
            _ => {}
        }
        Ok(())
    }

    fn room(&mut self, name: &str) -> Result<&mut Room, String> {
        self.rooms.get_mut(&folded(name)).ok_or_else(|| format!("they are not in {name}"))
    }

    fn remove(&mut self, name: &str, nick: &str) -> Result<(), String> {
        let own = nick == self.nick;
        let room = self.room(name)?;
        let seen = room.members.remove(nick).is_some() || !room.complete;
        if own {
            self.rooms.remove(&folded(name));
        }
        if seen { Ok(()) } else { Err(format!("{nick} goes who was not seen")) }
    }

    fn change(&mut self, params: &[String]) -> Result<(), String> {
        let room = self.room(&params[0])?;
        let mut values = params[2..].iter();
        let mut unseen = Members::new();
        let mut on = true;
        for letter in params[1].chars() {
            match letter {
                '+' => on = true,
                '-' => on = false,
                'b' | 'e' | 'I' | 'k' => _ = values.next(),
                'l' | 'f' if on => _ = values.next(),
                _ => {}
            }
            let Some((_, prefix)) = PREFIXES.iter().find(|(rank, _)| *rank == letter) else {
                continue;
            };
            let nick = values.next().ok_or("a rank without a nick")?;
            let known = room.members.get_mut(nick);
            let ranks = known.unwrap_or_else(|| unseen.entry(nick.clone()).or_default());
            if on {
                ranks.insert(*prefix)
            } else {
                ranks.remove(prefix)
            };
        }
        // A hidden member parts before the change of rank is sent.
        match unseen.iter().find(|(_, ranks)| room.complete && !ranks.is_empty()) {
            Some((nick, _)) => Err(format!("{nick} has a rank and was not seen")),
            None => Ok(()),
        }
    }

    /// Compares the answer to NAMES with the view.
    fn compare(&mut self, channel: &str, multi_prefix: bool) -> Result<(), String> {
        let listed = self.listing.remove(channel).unwrap_or_default();
        let Some(room) = self.rooms.get_mut(channel) else { return Ok(()) };
        let same = match (room.complete, multi_prefix && room.ranked) {
            (false, _) => room.members.keys().all(|nick| listed.contains_key(nick)),
            (true, false) => room.members.keys().eq(listed.keys()),
            (true, true) => room.members == listed,
        };
        if !same {
            let known = &room.members;
            return Err(format!(
                "NAMES {channel} is\n  {listed:?}\nand what was heard before\n  {known:?}"
            ));
        }
        if multi_prefix || !room.ranked {
            *room = Room { members: listed, complete: true, ranked: multi_prefix };
        }
        Ok(())
    }
}
