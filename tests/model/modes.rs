//! The model's modes: of channels, their lists and ranks, and of users.

use crate::model::{HALFOP, LIST_MAX, Model, OP, folded, level, shown};
use std::collections::{BTreeMap, BTreeSet};

/// The channel modes without a parameter.
const FLAGS: &str = "CEMRUimnstu";

/// The visible members, by viewer.
type Sights = BTreeMap<String, BTreeSet<String>>;

/// The effects of a MODE command.
#[derive(Default)]
struct Changes {
    letters: String,
    params: Vec<String>,
    sign: Option<char>,
}

impl Changes {
    fn push(&mut self, sign: char, letter: char, param: Option<&str>) {
        if self.sign.replace(sign) != Some(sign) {
            self.letters.push(sign);
        }
        self.letters.push(letter);
        self.params.extend(param.map(str::to_owned));
    }
}

impl Model {
    pub fn mode(&mut self, who: &str, params: &[&str]) {
        let letters = params.get(1).copied().unwrap_or_default();
        if !params[0].starts_with('#') {
            return self.user_mode(who, params[0], letters);
        }
        let Some(channel) = self.channel_for(who, params[0]) else {
            return self.no_such_channel(who, params[0]);
        };
        if letters.is_empty() {
            return self.tell_modes(who, &channel);
        }
        let mut rest = params[2..].iter().copied();
        let mut changes = Changes::default();
        let (mut refused, mut listed, mut sign) = (false, BTreeSet::new(), '+');
        for letter in letters.chars() {
            if "+-".contains(letter) {
                sign = letter;
                continue;
            }
            let takes = "beIqaohvk".contains(letter) || sign == '+' && "lf".contains(letter);
            let param = if takes { rest.next() } else { None };
            if "beI".contains(letter) && param.is_none() {
                if listed.insert(letter) {
                    self.tell_list(who, &channel, letter);
                }
            } else if !self.change(who, &channel, (sign, letter, param), &mut changes) && !refused {
                refused = true;
                let name = self.channels[&channel].name.clone();
                self.numeric(who, "482", &[&name, "…"]);
            }
        }
        if !changes.letters.is_empty() {
            let mut all = vec![self.channels[&channel].name.clone(), changes.letters];
            all.extend(changes.params);
            let all: Vec<&str> = all.iter().map(String::as_str).collect();
            let line = self.line(who, "MODE", &all);
            for member in self.members(&channel) {
                self.tell(&member, &line);
            }
        }
    }

    fn tell_modes(&mut self, who: &str, channel: &str) {
        let room = self.channels[channel].clone();
        let mut letters: String = "+".into();
        letters.extend(&room.modes);
        let key = room.key.map(|key| if room.members.contains_key(who) { key } else { "*".into() });
        let values = [('k', key), ('l', room.limit.map(|l| l.to_string())), ('f', room.forward)];
        let mut params = vec![room.name.clone()];
        for (letter, value) in values {
            if let Some(value) = value {
                letters.push(letter);
                params.push(value);
            }
        }
        params.insert(1, letters);
        let params: Vec<&str> = params.iter().map(String::as_str).collect();
        self.numeric(who, "324", &params);
        self.numeric(who, "329", &[&room.name, &room.created.to_string()]);
    }

    fn tell_list(&mut self, who: &str, channel: &str, letter: char) {
        let name = self.channels[channel].name.clone();
        let (entry, end) = match letter {
            'b' => ("367", "368"),
            'e' => ("348", "349"),
            _ => ("346", "347"),
        };
        if letter == 'b' || self.is_in(who, channel) {
            for (mask, by, at) in
                self.channels[channel].lists.get(&letter).cloned().unwrap_or_default()
            {
                self.numeric(who, entry, &[&name, &mask, &by, &at.to_string()]);
            }
        }
        self.numeric(who, end, &[&name, "…"]);
    }

    /// Changes one letter. Returns false if `who` lacks the rank.
    fn change(
        &mut self,
        who: &str,
        channel: &str,
        (sign, letter, param): (char, char, Option<&str>),
        changes: &mut Changes,
    ) -> bool {
        if "qaohv".contains(letter) {
            return self.change_rank(who, channel, (sign, letter, param), changes);
        }
        if !FLAGS.contains(letter) && !"beIklf".contains(letter) {
            self.numeric(who, "472", &[&letter.to_string(), "…"]);
            return true;
        }
        let least = if "beIimntk".contains(letter) { HALFOP } else { OP };
        if self.level_in(who, channel) < least {
            return false;
        }
        if FLAGS.contains(letter) {
            // Mode `u` changes once in a command.
            if letter == 'u' && changes.letters.contains('u') {
                return true;
            }
            let before = self.sights(channel);
            let modes = &mut self.channel(channel).modes;
            let changed = if sign == '+' { modes.insert(letter) } else { modes.remove(&letter) };
            if changed {
                self.tell_sights(channel, &before);
                changes.push(sign, letter, None);
            }
        } else if "beI".contains(letter) {
            let mask = param.expect("without one the list is told");
            self.change_list(who, channel, (sign, letter, mask), changes);
        } else if sign == '-' {
            let room = self.channel(channel);
            let was_set = match letter {
                'k' => room.key.take().is_some(),
                'l' => room.limit.take().is_some(),
                _ => room.forward.take().is_some(),
            };
            if was_set {
                changes.push('-', letter, Some("*").filter(|_| letter == 'k'));
            }
        } else {
            self.set_value(who, channel, letter, param, changes);
        }
        true
    }

    fn set_value(
        &mut self,
        who: &str,
        channel: &str,
        letter: char,
        param: Option<&str>,
        changes: &mut Changes,
    ) {
        let name = self.channels[channel].name.clone();
        let bad = |model: &mut Model| {
            let shown = param.map_or("*", shown);
            model.numeric(who, "696", &[&name, &letter.to_string(), shown, "…"]);
        };
        let Some(param) = param else { return bad(self) };
        let value = Some(param.to_owned());
        match letter {
            'k' if param.contains([',', ' ']) || param.starts_with(':') || param.len() > 32 => {
                self.numeric(who, "696", &[&name, "k", "*", "…"]);
            }
            'k' => {
                if self.channel(channel).key.replace(param.into()) != value {
                    changes.push('+', 'k', Some(param));
                }
            }
            'l' => match param.parse() {
                Err(_) | Ok(0) => bad(self),
                Ok(limit) => {
                    if self.channel(channel).limit.replace(limit) != Some(limit) {
                        changes.push('+', 'l', Some(param));
                    }
                }
            },
            _ => {
                // A secret channel is not revealed.
                let there = self.channel_for(who, param).map(|name| &self.channels[&name]);
                let ranks = there.map(|room| room.members.get(who).map_or(0, level));
                if folded(param) == channel || ranks.is_none() {
                    bad(self);
                } else if ranks.is_some_and(|ranks| ranks < OP) {
                    self.numeric(who, "482", &[param, "…"]);
                } else if self.channel(channel).forward.replace(param.into()) != value {
                    changes.push('+', 'f', Some(param));
                }
            }
        }
    }

    fn change_list(
        &mut self,
        who: &str,
        channel: &str,
        (sign, letter, text): (char, char, &str),
        changes: &mut Changes,
    ) {
        let (name, by, now) = (self.channels[channel].name.clone(), self.mask(who), self.now);
        let Some(mask) = completed(text) else {
            return self.numeric(who, "696", &[&name, &letter.to_string(), shown(text), "…"]);
        };
        let list = self.channel(channel).lists.entry(letter).or_default();
        let found = list.iter().position(|(known, _, _)| folded(known) == folded(&mask));
        match (sign, found) {
            ('+', None) if list.len() == LIST_MAX => {
                self.numeric(who, "478", &[&name, &letter.to_string(), "…"]);
            }
            ('+', None) => {
                list.push((mask.clone(), by, now));
                changes.push('+', letter, Some(&mask));
            }
            ('-', Some(index)) => {
                let (mask, _, _) = list.remove(index);
                changes.push('-', letter, Some(&mask));
            }
            _ => {}
        }
    }

    /// Whether `who` is banned; with `mutes`, entries that only mute count too. Exceptions apply.
    pub fn is_banned(&self, who: &str, channel: &str, mutes: bool) -> bool {
        self.is_listed(who, channel, 'b', mutes) && !self.is_listed(who, channel, 'e', mutes)
    }

    /// Whether a list has an entry for `who`; one that begins with `m:` only counts if `mutes`.
    pub fn is_listed(&self, who: &str, channel: &str, letter: char, mutes: bool) -> bool {
        let mask = folded(&self.mask(who));
        let account = self.clients[who].account.as_deref().map(folded);
        let means = |entry: &str| match entry.strip_prefix("a:") {
            Some(glob) => account.as_ref().is_some_and(|account| matches(glob, account)),
            None => matches(entry, &mask),
        };
        let entries = self.channels[channel].lists.get(&letter).into_iter().flatten();
        entries.into_iter().any(|(entry, _, _)| match entry.strip_prefix("m:") {
            Some(rest) => mutes && means(&folded(rest)),
            None => means(&folded(entry)),
        })
    }

    fn change_rank(
        &mut self,
        who: &str,
        channel: &str,
        (sign, letter, param): (char, char, Option<&str>),
        changes: &mut Changes,
    ) -> bool {
        let own = self.level_in(who, channel);
        let gives = match own {
            5 => "qaohv",
            OP | 4 => "ohv",
            HALFOP => "v",
            _ => "",
        };
        // Everyone may give up their own rank.
        let is_own = param.is_some_and(|nick| self.find(nick).as_deref() == Some(who));
        let has = self.channels[channel].members.get(who).is_some_and(|r| r.contains(&letter));
        let may = gives.contains(letter) || sign == '-' && is_own && has;
        if !may {
            return false;
        }
        let name = self.channels[channel].name.clone();
        let Some(nick) = param else {
            self.numeric(who, "696", &[&name, &letter.to_string(), "*", "…"]);
            return true;
        };
        let Some(other) = self.find(nick) else {
            self.numeric(who, "401", &[shown(nick), "…"]);
            return true;
        };
        let nick = self.nick(&other);
        if !self.is_in(&other, channel) {
            self.numeric(who, "441", &[&nick, &name, "…"]);
            return true;
        }
        if other != who && self.level_in(&other, channel) > own {
            return false;
        }
        let was = self.level_in(&other, channel);
        let before = self.sights(channel);
        let ranks = self.channel(channel).members.get_mut(&other).expect("a member");
        let changed = if sign == '+' { ranks.insert(letter) } else { ranks.remove(&letter) };
        if changed {
            self.tell_sights(channel, &before);
            if sign == '-' && self.level_in(&other, channel) < OP {
                self.note_operator_gone(channel, &other, was, other == who);
            }
            changes.push(sign, letter, Some(&nick));
        }
        true
    }

    /// Gives a rank. JOINs of newly visible members come first.
    pub fn give_rank(&mut self, channel: &str, who: &str, letter: char) {
        let before = self.sights(channel);
        self.channel(channel).members.get_mut(who).expect("a member").insert(letter);
        self.tell_sights(channel, &before);
    }

    fn sights(&self, channel: &str) -> Sights {
        let members = self.members(channel);
        let seen = |viewer: &String| {
            let seen = members.iter().filter(|other| self.sees(channel, viewer, other));
            (viewer.clone(), seen.cloned().collect())
        };
        members.iter().map(seen).collect()
    }

    /// Sends JOIN for newly visible members, and PART for those no longer visible.
    fn tell_sights(&mut self, channel: &str, before: &Sights) {
        let after = self.sights(channel);
        let name = self.channels[channel].name.clone();
        self.in_any_order(|model| {
            for (viewer, seen) in &after {
                for other in seen.difference(&before[viewer]) {
                    model.tell_join(viewer, channel, other);
                }
                for other in before[viewer].difference(seen) {
                    let line = model.line(other, "PART", &[&name]);
                    model.tell(viewer, &line);
                }
            }
        });
    }

    fn user_mode(&mut self, who: &str, target: &str, letters: &str) {
        match self.find(target) {
            None => return self.numeric(who, "401", &[shown(target), "…"]),
            Some(other) if other != who => return self.numeric(who, "502", &["…"]),
            _ if letters.is_empty() => {
                let modes = self.user_modes(who);
                return self.numeric(who, "221", &[&modes]);
            }
            _ => {}
        }
        let before = self.clients[who].modes.clone();
        let (mut sign, mut unknown) = ('+', false);
        for letter in letters.chars() {
            match letter {
                '+' | '-' => sign = letter,
                'B' | 'R' | 'T' | 'i' | 'w' if sign == '+' => {
                    self.client(who).modes.insert(letter);
                }
                'B' | 'R' | 'T' | 'i' | 'w' => {
                    self.client(who).modes.remove(&letter);
                }
                'o' => {} // only OPER makes operators
                _ => unknown = true,
            }
        }
        if unknown {
            self.numeric(who, "501", &["…"]);
        }
        let after = self.clients[who].modes.clone();
        let changed = |sign: &str, letters: Vec<&char>| match letters.is_empty() {
            true => String::new(),
            false => sign.chars().chain(letters.into_iter().copied()).collect(),
        };
        let text = changed("+", after.difference(&before).collect())
            + &changed("-", before.difference(&after).collect());
        if !text.is_empty() {
            let line = self.line(who, "MODE", &[&self.nick(who), &text]);
            self.tell(who, &line);
        }
    }

    pub fn user_modes(&self, who: &str) -> String {
        "+".chars().chain(self.clients[who].modes.iter().copied()).collect()
    }
}

/// Completes `text` to a full mask. A prefix `m:` stays, and `a:` is for accounts, which are shown
/// in small letters.
fn completed(text: &str) -> Option<String> {
    let (before, text) = match text.strip_prefix("m:") {
        Some(rest) => ("m:", rest),
        None => ("", text),
    };
    if text.is_empty() || text.contains(' ') {
        return None;
    }
    let full = match (text.contains('!'), text.contains('@')) {
        _ if text.starts_with("a:") => folded(text),
        (true, true) => text.to_owned(),
        (true, false) => format!("{text}@*"),
        (false, true) => format!("*!{text}"),
        (false, false) => format!("{text}!*@*"),
    };
    Some(format!("{before}{full}"))
}

fn matches(glob: &str, text: &str) -> bool {
    match (glob.chars().next(), text.chars().next()) {
        (None, None) => true,
        (Some('*'), _) => {
            matches(&glob[1..], text) || !text.is_empty() && matches(glob, &text[1..])
        }
        (Some(meant), Some(said)) => {
            (meant == '?' || meant == said) && matches(&glob[1..], &text[1..])
        }
        _ => false,
    }
}
