//! What one client learns from the lines it receives: members and events of its channels.

use std::collections::{BTreeMap, BTreeSet};
use stonechat::wire::irc::{Message, SERVER_TAGS_MAX};

/// The knowledge of a client, all of it from lines it has received.
#[derive(Default)]
pub struct Ear {
    pub caps: Vec<&'static str>,
    /// Its nick for the server; empty before it is registered.
    pub nick: String,
    /// Its channels, and their members once NAMES has listed them.
    pub rooms: BTreeMap<String, Option<BTreeSet<String>>>,
    /// The client last seen under each nick.
    pub people: BTreeMap<String, usize>,
    /// The events it received in each channel, over all its stays there.
    pub log: BTreeMap<String, Vec<Event>>,
    /// The private messages it received.
    pub private: Vec<String>,
    /// Replies that it has to send.
    pub replies: Vec<String>,
    /// The tokens of PONG, and the labels, in the order received.
    pub pongs: Vec<String>,
    pub labels: Vec<String>,
    /// The number of lines received, by command.
    pub counts: BTreeMap<String, usize>,
    /// Channels and their number of members, from the last LIST.
    pub listed: BTreeMap<String, usize>,
    /// The nicks in the last WHO.
    pub who: BTreeSet<String>,
    /// The reason in the final ERROR.
    pub farewell: Option<String>,
    /// The number of each sender's last message, by target.
    last_said: BTreeMap<(String, usize), usize>,
    names: BTreeMap<String, BTreeSet<String>>,
    batches: BTreeSet<String>,
    part_of_line: Vec<u8>,
}

/// An event in a channel. The user name identifies the client, as it never changes.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub who: usize,
    pub what: What,
}

#[derive(Clone, Debug, PartialEq)]
pub enum What {
    Joins,
    Parts,
    Quits(String),
    Renames(String),
    Says(String),
}

impl Ear {
    pub fn has(&self, cap: &str) -> bool {
        self.caps.contains(&cap)
    }

    /// Whether it receives NAMES on joining.
    pub fn is_told_names(&self) -> bool {
        !self.has("draft/no-implicit-names")
    }

    /// Whether its input so far ends within a line or a batch.
    pub fn is_amid(&self) -> bool {
        !self.part_of_line.is_empty() || !self.batches.is_empty()
    }

    pub fn hear(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.part_of_line.push(byte);
            if byte == b'\n' {
                let line = std::mem::take(&mut self.part_of_line);
                let text = line.escape_ascii();
                let whole = line.strip_suffix(b"\r\n").unwrap_or_else(|| panic!("no CR: {text}"));
                let message = Message::parse(whole, SERVER_TAGS_MAX);
                let message = message.unwrap_or_else(|bad| panic!("{bad:?}: {text}"));
                assert!(self.farewell.is_none(), "heard after the last word: {text}");
                self.line(&message);
            }
        }
    }

    fn line(&mut self, message: &Message) {
        *self.counts.entry(message.command.to_owned()).or_default() += 1;
        self.tags(message);
        let source = message.source.unwrap_or_default();
        let (nick, mask) = source.split_once('!').unwrap_or((source, ""));
        if nick == "ChanServ" {
            return self.operator_returns(message);
        }
        let from_user = !mask.is_empty();
        if from_user {
            let called = if message.command == "NICK" { message.params[0] } else { nick };
            self.people.insert(called.to_owned(), number(mask));
        }
        let params = &message.params[..];
        match (message.command, params) {
            ("001", [nick, ..]) => self.nick = (*nick).to_owned(),
            ("PING", [token]) => self.replies.push(format!("PONG :{token}")),
            ("PONG", [_, token]) => self.pongs.push((*token).to_owned()),
            ("JOIN", [channel, ..]) => self.join(nick, mask, channel, params.len()),
            ("PART", [channel, ..]) => self.part(nick, mask, channel),
            ("QUIT", [why]) => self.everywhere(nick, mask, What::Quits((*why).to_owned())),
            ("NICK", [new]) => self.everywhere(nick, mask, What::Renames((*new).to_owned())),
            ("PRIVMSG" | "NOTICE", [target, text]) if from_user => {
                self.said(nick, mask, target, text);
            }
            ("AWAY", _) => self.tells_of(nick, "away-notify"),
            ("SETNAME", _) => self.tells_of(nick, "setname"),
            ("353", [_, _, channel, names]) => {
                let bare = |name: &str| {
                    let nick = name.split('!').next().expect("a nick");
                    nick.trim_start_matches(['~', '&', '@', '%', '+']).to_owned()
                };
                let all = self.names.entry(channel.to_lowercase()).or_default();
                for name in names.split(' ') {
                    assert!(all.insert(bare(name)), "{name} is told twice in {channel}");
                }
            }
            ("366", [_, channel, ..]) => self.names_told(&channel.to_lowercase()),
            ("321", _) => self.listed.clear(),
            ("322", [_, channel, count, ..]) => {
                let before = self.listed.insert(channel.to_lowercase(), count.parse().unwrap());
                // A short-lived channel may have gone and come again meanwhile.
                let lasting = channel.starts_with("#W");
                assert!(before.is_none() || !lasting, "{channel} is listed twice");
            }
            ("352", [_, _, _, _, _, nick, ..]) => {
                self.who.insert((*nick).to_owned());
            }
            ("BATCH", [reference, ..]) => self.batch(reference),
            ("ERROR", [why]) => self.farewell = Some((*why).to_owned()),
            _ => assert!(!from_user, "heard {message:?}"),
        }
    }

    fn tags(&mut self, message: &Message) {
        let tags = &message.tags;
        for (tag, cap) in
            [("time", "server-time"), ("msgid", "message-tags"), ("account", "account-tag")]
        {
            assert!(tags.get(tag).is_none() || self.has(cap), "{tag} without {cap}: {message:?}");
        }
        if let Some(batch) = tags.get("batch") {
            assert!(self.batches.contains(batch), "in no open batch: {message:?}");
        }
        if let Some(label) = tags.get("label") {
            self.labels.push(label.to_owned());
        }
    }

    fn batch(&mut self, reference: &str) {
        match reference.split_at(1) {
            ("+", name) => assert!(self.batches.insert(name.to_owned()), "opened twice: {name}"),
            ("-", name) => assert!(self.batches.remove(name), "closed, and not open: {name}"),
            _ => panic!("BATCH {reference}"),
        }
    }

    fn join(&mut self, nick: &str, mask: &str, channel: &str, params: usize) {
        let wanted = if self.has("extended-join") { 3 } else { 1 };
        assert_eq!(params, wanted, "of a JOIN");
        let name = channel.to_lowercase();
        if nick == self.nick {
            assert!(self.rooms.insert(name.clone(), None).is_none(), "joined {name} twice");
        } else {
            let room = self.rooms.get_mut(&name);
            let room = room.unwrap_or_else(|| panic!("{nick} joins {name}: not its channel"));
            if let Some(members) = room {
                assert!(members.insert(nick.to_owned()), "{nick} joins {name} again");
            }
        }
        self.note(&name, mask, What::Joins);
    }

    /// Notes a former operator that returns to a channel without one, and is operator again.
    fn operator_returns(&self, message: &Message) {
        let channel = message.params[0].to_lowercase();
        let room = self.rooms.get(&channel);
        let room = room.unwrap_or_else(|| panic!("not its channel: {message:?}"));
        if let ("MODE", [_, "+o", nick]) = (message.command, &message.params[..]) {
            let there = room.as_ref().is_none_or(|members| members.contains(*nick));
            assert!(there, "{nick} is made operator in {channel} and is not there");
        } else {
            assert_eq!(message.command, "NOTICE", "{message:?}");
        }
    }

    fn part(&mut self, nick: &str, mask: &str, channel: &str) {
        let name = channel.to_lowercase();
        let room = self.rooms.get_mut(&name);
        let room = room.unwrap_or_else(|| panic!("{nick} parts from {name}: not its channel"));
        if let Some(members) = room {
            assert!(members.remove(nick), "{nick} parts from {name} and was not there");
        }
        self.note(&name, mask, What::Parts);
        if nick == self.nick {
            self.rooms.remove(&name);
        }
    }

    /// Applies a QUIT or NICK to each channel of the client.
    fn everywhere(&mut self, nick: &str, mask: &str, what: What) {
        let own = nick == self.nick;
        let mut known = own && matches!(what, What::Renames(_));
        for (name, room) in &mut self.rooms {
            let Some(members) = room else { continue };
            if !members.remove(nick) {
                continue;
            }
            known = true;
            if let What::Renames(new) = &what {
                assert!(members.insert(new.clone()), "{new} is in {name} already");
            }
            let event = Event { who: number(mask), what: what.clone() };
            self.log.entry(name.clone()).or_default().push(event);
        }
        assert!(known || !self.is_told_names(), "{nick} {what:?}, of no concern to {}", self.nick);
        if let (true, What::Renames(new)) = (own, what) {
            self.nick = new;
        }
    }

    /// Checks the running number before each message.
    fn said(&mut self, nick: &str, mask: &str, target: &str, text: &str) {
        let said = text.split([' ', '.']).nth(1).and_then(|count| count.parse::<usize>().ok());
        let said = said.unwrap_or_else(|| panic!("nobody said {text:?}"));
        assert!(text.starts_with(&format!("{}.", number(mask))), "{mask} did not say {text:?}");
        let private = !target.starts_with('#');
        if private && nick == self.nick && self.has("echo-message") {
            return; // a message to oneself comes twice
        }
        let last = self.last_said.insert((target.to_owned(), number(mask)), said);
        assert!(last.is_none_or(|last| last < said), "{mask} says {text:?} after {last:?}");
        if private {
            assert_eq!(target, self.nick, "heard what was for another");
            return self.private.push(text.to_owned());
        }
        let name = target.to_lowercase();
        let room = self.rooms.get(&name).unwrap_or_else(|| panic!("heard {text:?} out of {name}"));
        let there = room.as_ref().is_none_or(|members| members.contains(nick));
        assert!(there, "{nick} says {text:?} in {name} and is not there");
        self.note(&name, mask, What::Says(text.to_owned()));
    }

    fn tells_of(&self, nick: &str, cap: &str) {
        let mut members = self.rooms.values().flatten();
        let known = members.any(|members| members.contains(nick));
        assert!(known || nick == self.nick || !self.is_told_names(), "{nick}: of no concern");
        assert!(self.has(cap), "not asked for: {cap}");
    }

    /// Compares the members in NAMES with those it knew of.
    fn names_told(&mut self, channel: &str) {
        let names = self.names.remove(channel).unwrap_or_default();
        let Some(room) = self.rooms.get_mut(channel) else { return };
        match room {
            Some(members) => assert_eq!(*members, names, "{} in {channel}", self.nick),
            None => *room = Some(names),
        }
    }

    fn note(&mut self, channel: &str, mask: &str, what: What) {
        let event = Event { who: number(mask), what };
        self.log.entry(channel.to_owned()).or_default().push(event);
    }
}

/// The number in a user name: `u12@localhost`.
fn number(mask: &str) -> usize {
    let name = mask.split('@').next().expect("a user name");
    let digits = name.strip_prefix('u').unwrap_or_else(|| panic!("no user name of ours: {mask}"));
    digits.parse().expect("a number")
}
