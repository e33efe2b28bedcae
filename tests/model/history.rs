//! The model's history: a list of messages for each place, and CHATHISTORY, which answers with
//! parts of it. IRCv3 draft/chathistory, by the arithmetic of lists.

use crate::line::Line;
use crate::model::{Model, folded, shown};
use std::collections::BTreeMap;

/// The limit of messages in one answer; small, so that it is reached.
pub const ANSWER_MAX: usize = 5;

/// Messages by place, in order.
#[derive(Default)]
pub struct History(BTreeMap<String, Vec<Kept>>);

#[derive(Clone)]
pub struct Kept {
    pub id: String,
    /// Seconds since 1970.
    pub at: u64,
    /// The key of the sender.
    pub by: String,
    /// The line as sent; without parameters once it is redacted.
    pub line: Line,
}

impl Kept {
    pub fn is_redacted(&self) -> bool {
        self.line.params.is_empty()
    }
}

/// The number of messages before a point, and before it or at it.
#[derive(Clone, Copy)]
struct Cut {
    before: usize,
    through: usize,
}

impl History {
    pub fn keep(&mut self, place: &str, kept: Kept) {
        self.0.entry(place.into()).or_default().push(kept);
    }

    /// All messages of a place, also redacted ones.
    pub fn all(&self, place: &str) -> &[Kept] {
        self.0.get(place).map_or(&[], Vec::as_slice)
    }

    pub fn find(&self, place: &str, id: &str) -> Option<&Kept> {
        self.all(place).iter().find(|kept| kept.id == id && !kept.is_redacted())
    }

    pub fn redact(&mut self, id: &str) {
        for kept in self.0.values_mut().flatten().filter(|kept| kept.id == id) {
            kept.line.params.clear();
        }
    }

    fn cut(&self, place: &str, point: &str) -> Option<Cut> {
        let all = self.all(place);
        if let Some(id) = point.strip_prefix("msgid=") {
            // A redacted message is still a point to page from.
            let before = all.iter().position(|kept| kept.id == id)?;
            return Some(Cut { before, through: before + 1 });
        }
        let ms = milliseconds(point);
        let count = |till: u64| all.iter().filter(|kept| kept.at * 1000 < till).count();
        Some(Cut { before: count(ms), through: count(ms + 1) })
    }
}

/// Milliseconds of a time on 2026-01-01, as `2026-01-01T00:00:00.000Z`.
fn milliseconds(point: &str) -> u64 {
    let time = point.strip_prefix("timestamp=2026-01-01T").expect("a time of this day");
    let part = |range: std::ops::Range<usize>| time[range].parse::<u64>().expect("a number");
    let seconds = (part(0..2) * 60 + part(3..5)) * 60 + part(6..8);
    (1_767_225_600 + seconds) * 1000 + part(9..12)
}

impl Model {
    /// The key of a client in the history, which no other client ever has.
    pub fn key(&self, who: &str) -> String {
        let client = &self.clients[who];
        client.account.as_deref().map_or(format!("~{}", client.number), folded)
    }

    pub fn place_of_pair(&self, who: &str, other: &str) -> String {
        let mut keys = [self.key(who), other.to_owned()];
        keys.sort();
        keys.join(" ")
    }

    /// The place of a channel. While it is closed it has one of its own, which a later channel of
    /// its name can't read.
    pub fn place_of_channel(&self, channel: &str) -> String {
        let room = &self.channels[channel];
        let closed = room.key.is_some() || "isR".chars().any(|mode| room.modes.contains(&mode));
        if closed { format!("{channel} {}", room.number) } else { channel.into() }
    }

    /// The place and name of a target for `who`; `None` if they may not read it.
    pub fn readable(&self, who: &str, asked: &str) -> Option<(String, String)> {
        if asked.starts_with('#') {
            let room = self.channels.get(&folded(asked))?;
            let inside = room.members.contains_key(who);
            return inside.then(|| (self.place_of_channel(&folded(asked)), room.name.clone()));
        }
        if !asked.starts_with(|c: char| c.is_ascii_alphabetic()) {
            return None;
        }
        let (key, name) = match self.find(asked) {
            Some(other) => (self.key(&other), self.nick(&other)),
            None => (folded(asked), asked.to_owned()),
        };
        Some((self.place_of_pair(who, &key), name))
    }

    pub fn chathistory(&mut self, who: &str, params: &[&str]) {
        let sub = params[0];
        let fail = |model: &mut Model, code: &str, context: &[&str]| {
            let params = [&["CHATHISTORY", code, sub], context, &["…"]].concat();
            let line = Line::new("srv", "FAIL", &params);
            model.tell(who, &line);
        };
        let count = if sub == "BETWEEN" { 5 } else { 4 };
        let known = ["LATEST", "BEFORE", "AFTER", "AROUND", "BETWEEN"].contains(&sub);
        if !known || params.len() != count {
            return fail(self, "INVALID_PARAMS", &[]);
        }
        let limit = match params[count - 1].parse::<usize>() {
            Ok(limit @ 1..) => limit.min(ANSWER_MAX),
            _ => return fail(self, "INVALID_PARAMS", &[shown(params[count - 1])]),
        };
        let asked = params[1];
        if let Some(bad) = params[2..count - 1].iter().find(|point| !is_point(sub, point)) {
            return fail(self, "INVALID_PARAMS", &[bad]);
        }
        let Some((place, name)) = self.readable(who, asked) else {
            return fail(self, "INVALID_TARGET", &[shown(asked)]);
        };
        let Some(chosen) = self.choose(&place, sub, &params[2..count - 1], limit) else {
            return fail(self, "MESSAGE_ERROR", &[asked]);
        };
        self.play(who, asked, (&place, &name), &chosen);
    }

    /// The selected messages of a place; `None` for an unknown point.
    fn choose(&self, place: &str, sub: &str, points: &[&str], limit: usize) -> Option<Vec<Kept>> {
        let all = self.history.all(place);
        let cut = |n: usize| self.history.cut(place, points[n]);
        let first = |range: std::ops::Range<usize>, limit: usize| -> Vec<Kept> {
            let part = all.get(range).unwrap_or_default().iter();
            part.filter(|kept| !kept.is_redacted()).take(limit).cloned().collect()
        };
        let last = |range: std::ops::Range<usize>, limit: usize| -> Vec<Kept> {
            let part = first(range, usize::MAX);
            part[part.len().saturating_sub(limit)..].to_vec()
        };
        Some(match sub {
            "LATEST" if points[0] == "*" => last(0..all.len(), limit),
            "LATEST" => last(cut(0)?.through..all.len(), limit),
            "BEFORE" => last(0..cut(0)?.before, limit),
            "AFTER" => first(cut(0)?.through..all.len(), limit),
            "AROUND" => {
                let before = last(0..cut(0)?.before, limit / 2);
                let after = first(cut(0)?.before..all.len(), limit - limit / 2);
                [before, after].concat()
            }
            _ => {
                let (from, to) = (cut(0)?, cut(1)?);
                match from.before <= to.before {
                    true => first(from.through..to.before, limit),
                    false => last(to.through..from.before, limit),
                }
            }
        })
    }

    /// Plays messages. The batch has the name as requested, the messages their own.
    fn play(&mut self, who: &str, asked: &str, (place, name): (&str, &str), chosen: &[Kept]) {
        let batched = self.has("batch");
        if batched {
            let opening = Line::new("srv", "BATCH", &["+B", "chathistory", asked]);
            self.tell(who, &opening);
        }
        for kept in chosen {
            let mut line = kept.line.clone();
            // Received private messages are addressed to the present nick.
            let own = match line.tags.get("account") {
                Some(_) => kept.by == self.key(who),
                // Without an account the nick alone identifies the client.
                None => {
                    let nick = line.source.split('!').next().expect("a nick before the mask");
                    self.clients[who].account.is_none() && folded(nick) == folded(&self.nick(who))
                }
            };
            let private = place.contains(' ') && !place.starts_with('#');
            line.params[0] = if private && !own { self.nick(who) } else { name.to_owned() };
            let line = if batched { line.tagged("batch", "B") } else { line };
            self.tell_conn(&self.at(), &line);
        }
        if batched {
            self.tell(who, &Line::new("srv", "BATCH", &["-B"]));
        }
    }
}

fn is_point(sub: &str, point: &str) -> bool {
    let known = ["msgid=", "timestamp="].iter().any(|kind| point.starts_with(kind));
    known || sub == "LATEST" && point == "*"
}
