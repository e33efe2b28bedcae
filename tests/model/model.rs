//! Chat as the specifications tell it, of maps and sets and strings: who must hear what.
//!
//! Clients are known by what the transcript calls them, channels by their name in small letters.

use crate::line::Line;
use std::collections::{BTreeMap, BTreeSet};

/// Small, so that they are met.
pub const CHANNELS_MAX: usize = 3;
pub const TARGETS_MAX: usize = 3;
pub const LIST_MAX: usize = 3;
pub const MONITOR_MAX: usize = 3;
pub const INVITES_MAX: usize = 2;
pub const ACCEPT_MAX: usize = 2;

#[derive(Default)]
pub struct Model {
    /// Seconds since 1970.
    pub now: u64,
    pub clients: BTreeMap<String, Client>,
    pub channels: BTreeMap<String, Channel>,
    /// What was said, for REDACT, by the model's own name of it.
    pub said: BTreeMap<String, Said>,
    pub users_max: usize,
    /// How many clients and messages there ever were.
    pub counted: usize,
    told: BTreeMap<String, Vec<Told>>,
    group: Option<usize>,
}

/// A line that somebody must hear.
#[derive(Clone, Debug)]
pub struct Told {
    pub line: Line,
    /// Those of one group, which stand together, may come in any order.
    pub group: Option<usize>,
    /// It is no part of the answer to a labelled command.
    pub apart: bool,
}

#[derive(Default)]
pub struct Client {
    /// Tells it from others that were called the same before.
    pub number: usize,
    pub registered: bool,
    pub negotiating: bool,
    pub user_given: bool,
    pub nick: String,
    pub username: String,
    pub realname: String,
    pub caps: BTreeSet<String>,
    pub modes: BTreeSet<char>,
    pub away: Option<String>,
    /// Channels, oldest first.
    pub invites: Vec<String>,
    /// Nicks as they were written.
    pub watches: Vec<String>,
    /// Nicks in small letters, oldest first.
    pub accepts: Vec<String>,
    pub signed_on: u64,
    pub spoke_at: u64,
    pub knocks_again: u64,
    pub ended: bool,
}

#[derive(Clone, Default)]
pub struct Channel {
    pub name: String,
    /// Letters of ranks, by client.
    pub members: BTreeMap<String, BTreeSet<char>>,
    pub modes: BTreeSet<char>,
    pub key: Option<String>,
    pub limit: Option<u32>,
    pub forward: Option<String>,
    /// Text, who set it, and when.
    pub topic: Option<(String, String, u64)>,
    /// By mode letter: mask, who set it, and when.
    pub lists: BTreeMap<char, Vec<(String, String, u64)>>,
    pub created: u64,
}

pub struct Said {
    pub by: usize,
    pub nick: String,
    pub target: String,
}

/// What a client types.
#[derive(Clone, Debug, Default)]
pub struct Typed {
    pub label: Option<String>,
    /// A client-only tag.
    pub tag: Option<(String, String)>,
    /// Command and parameters.
    pub words: Vec<String>,
}

pub fn folded(name: &str) -> String {
    name.to_ascii_lowercase()
}

/// How high the highest of these ranks is: 0 for none, 1 for voice, 5 for founder.
pub fn level(ranks: &BTreeSet<char>) -> usize {
    ranks.iter().map(|rank| "vhoaq".find(*rank).expect("a rank") + 1).max().unwrap_or(0)
}

pub const HALFOP: usize = 2;
pub const OP: usize = 3;

/// A parameter that others follow can't say everything.
pub fn shown(text: &str) -> &str {
    if text.is_empty() || text.contains(' ') || text.starts_with(':') { "*" } else { text }
}

impl Model {
    pub fn new(now: u64) -> Model {
        Model { now, ..Model::default() }
    }

    pub fn connect(&mut self, who: &str) {
        self.counted += 1;
        let client = Client { number: self.counted, ..Client::default() };
        assert!(self.clients.insert(who.into(), client).is_none(), "{who} is here already");
    }

    /// What everyone must have heard since this was asked last.
    pub fn take_told(&mut self) -> BTreeMap<String, Vec<Told>> {
        std::mem::take(&mut self.told)
    }

    /// What `say` tells may be told in any order.
    pub fn in_any_order(&mut self, say: impl FnOnce(&mut Model)) {
        self.counted += 1;
        let before = self.group.replace(self.counted);
        say(self);
        self.group = before;
    }

    /// `who` hears `line`, with those of its tags that they have asked for.
    pub fn tell(&mut self, who: &str, line: &Line) {
        self.tell_told(who, line, false);
    }

    pub fn tell_apart(&mut self, who: &str, line: &Line) {
        self.tell_told(who, line, true);
    }

    fn tell_told(&mut self, who: &str, line: &Line, apart: bool) {
        let mut line = line.clone();
        if !self.has(who, "message-tags") {
            line.tags.clear();
        }
        let told = Told { line, group: self.group, apart };
        self.told.entry(who.into()).or_default().push(told);
    }

    /// The server's numeric to `who`, whose nick goes first.
    pub fn numeric(&mut self, who: &str, code: &str, params: &[&str]) {
        let client = &self.clients[who];
        let nick = if client.registered { client.nick.clone() } else { "*".into() };
        let all = [&[nick.as_str()], params].concat();
        self.tell(who, &Line::new("srv", code, &all));
    }

    /// A line of `by`; of a bot it says so.
    pub fn line(&self, by: &str, command: &str, params: &[&str]) -> Line {
        let line = Line::new(&self.mask(by), command, params);
        if self.clients[by].modes.contains(&'B') { line.tagged("bot", "") } else { line }
    }

    pub fn mask(&self, who: &str) -> String {
        format!("{}!{}@localhost", self.clients[who].nick, self.clients[who].username)
    }

    pub fn nick(&self, who: &str) -> String {
        self.clients[who].nick.clone()
    }

    pub fn has(&self, who: &str, cap: &str) -> bool {
        self.clients[who].caps.contains(cap)
    }

    /// The client who goes by that nick.
    pub fn find(&self, nick: &str) -> Option<String> {
        let is = |(_, client): &(&String, &Client)| {
            client.registered && folded(&client.nick) == folded(nick)
        };
        self.clients.iter().find(is).map(|(who, _)| who.clone())
    }

    /// The key of a channel that `who` may know of: a secret one only if they are in it.
    pub fn channel_for(&self, who: &str, name: &str) -> Option<String> {
        let channel = self.channels.get(&folded(name))?;
        let known = !channel.modes.contains(&'s') || channel.members.contains_key(who);
        known.then(|| folded(name))
    }

    pub fn is_in(&self, who: &str, channel: &str) -> bool {
        self.channels[channel].members.contains_key(who)
    }

    pub fn level_in(&self, who: &str, channel: &str) -> usize {
        self.channels[channel].members.get(who).map_or(0, level)
    }

    pub fn members(&self, channel: &str) -> Vec<String> {
        self.channels[channel].members.keys().cloned().collect()
    }

    /// The channels that `who` is in.
    pub fn channels_of(&self, who: &str) -> Vec<String> {
        let is_in = |key: &&String| self.is_in(who, key);
        self.channels.keys().filter(is_in).cloned().collect()
    }

    /// Whether one member sees another. In an auditorium who has no rank is seen by halfops and
    /// higher, and by themselves.
    pub fn sees(&self, channel: &str, viewer: &str, other: &str) -> bool {
        !self.channels[channel].modes.contains(&'u')
            || viewer == other
            || self.level_in(other, channel) > 0
            || self.level_in(viewer, channel) >= HALFOP
    }

    /// The members who see `about`, themselves too.
    pub fn witnesses(&self, channel: &str, about: &str) -> Vec<String> {
        let mut members = self.members(channel);
        members.retain(|member| self.sees(channel, member, about));
        members
    }

    /// Everyone else who sees `who` in some channel.
    pub fn peers(&self, who: &str) -> BTreeSet<String> {
        let channels = self.channels_of(who);
        let mut peers: BTreeSet<String> =
            channels.iter().flat_map(|channel| self.witnesses(channel, who)).collect();
        peers.remove(who);
        peers
    }

    /// Those who watch `nick` with MONITOR.
    pub fn watchers(&self, nick: &str) -> Vec<String> {
        let watches = |client: &Client| client.watches.iter().any(|w| folded(w) == folded(nick));
        let all = self.clients.iter().filter(|(_, client)| watches(client));
        all.map(|(who, _)| who.clone()).collect()
    }

    /// Lets a member out; an empty channel is gone.
    pub fn remove_member(&mut self, who: &str, channel: &str) {
        let members = &mut self.channels.get_mut(channel).expect("a channel").members;
        members.remove(who).expect("a member");
        if members.is_empty() {
            self.channels.remove(channel);
            for client in self.clients.values_mut() {
                client.invites.retain(|invite| invite != channel);
            }
        }
    }

    /// Somebody goes.
    pub fn leave(&mut self, who: &str, why: &str) {
        self.client(who).watches.clear();
        if self.clients[who].registered {
            let line = self.line(who, "QUIT", &[why]);
            for peer in self.peers(who) {
                self.tell(&peer, &line);
            }
            let nick = self.nick(who);
            for watcher in self.watchers(&nick) {
                self.numeric(&watcher, "731", &[&nick]);
            }
            for channel in self.channels_of(who) {
                self.remove_member(who, &channel);
            }
        }
        let client = self.client(who);
        client.registered = false;
        client.ended = true;
    }

    pub fn client(&mut self, who: &str) -> &mut Client {
        self.clients.get_mut(who).expect("a client")
    }

    pub fn channel(&mut self, key: &str) -> &mut Channel {
        self.channels.get_mut(key).expect("a channel")
    }

    /// `who` types a line.
    pub fn hear(&mut self, who: &str, typed: &Typed) {
        let label = typed
            .label
            .clone()
            .filter(|_| self.has(who, "labeled-response") && self.has(who, "batch"));
        let command = typed.words[0].to_ascii_uppercase();
        self.command(who, &command, typed);
        let Some(label) = label else { return };
        let told = self.told.remove(who).unwrap_or_default();
        let (mut all, answer): (Vec<Told>, Vec<Told>) = told.into_iter().partition(|t| t.apart);
        let whole = |line: Line| Told { line, group: None, apart: false };
        if let [only] = &answer[..]
            && only.line.command != "315"
        {
            all.push(whole(only.line.clone().tagged("label", &label)));
        } else if answer.is_empty() {
            all.push(whole(Line::new("srv", "ACK", &[]).tagged("label", &label)));
        } else {
            let opening = Line::new("srv", "BATCH", &["+B", "labeled-response"]);
            all.push(whole(opening.tagged("label", &label)));
            let within = |told: Told| Told { line: told.line.clone().tagged("batch", "B"), ..told };
            all.extend(answer.into_iter().map(within));
            all.push(whole(Line::new("srv", "BATCH", &["-B"])));
        }
        self.told.insert(who.into(), all);
    }

    fn command(&mut self, who: &str, command: &str, typed: &Typed) {
        let params: Vec<&str> = typed.words[1..].iter().map(String::as_str).collect();
        let (least, anyone) = match command {
            "CAP" => (1, true),
            "USER" => (4, true),
            "NICK" | "QUIT" | "AWAY" | "PING" => (0, true),
            "INVITE" | "NAMES" | "WHO" | "WHOIS" | "PRIVMSG" | "NOTICE" | "TAGMSG" => (0, false),
            "JOIN" | "PART" | "TOPIC" | "MODE" | "MONITOR" | "KNOCK" | "SETNAME" | "ACCEPT" => {
                (1, false)
            }
            "KICK" | "RENAME" | "REDACT" => (2, false),
            _ => return self.numeric(who, "421", &[&typed.words[0], "…"]),
        };
        if !anyone && !self.clients[who].registered {
            return self.numeric(who, "451", &["…"]);
        }
        if params.len() < least || params[..least].contains(&"") {
            return self.numeric(who, "461", &[command, "…"]);
        }
        match command {
            "CAP" => self.cap(who, &params),
            "NICK" => self.nick_command(who, &params),
            "USER" => self.user(who, params[0], params[3]),
            "QUIT" => self.quit(who, &params),
            "PING" => self.ping(who, &params),
            "AWAY" => self.away(who, &params),
            "SETNAME" => self.setname(who, params[0]),
            "MONITOR" => self.monitor(who, &params),
            "ACCEPT" => self.accept(who, params[0]),
            "WHO" => self.who(who, &params),
            "WHOIS" => self.whois(who, &params),
            "NAMES" => self.names_command(who, &params),
            "JOIN" => self.join(who, &params),
            "PART" => self.part(who, &params),
            "TOPIC" => self.topic(who, &params),
            "KICK" => self.kick(who, &params),
            "INVITE" => self.invite(who, &params),
            "KNOCK" => self.knock(who, &params),
            "RENAME" => self.rename(who, &params),
            "MODE" => self.mode(who, &params),
            "REDACT" => self.redact(who, &params),
            _ => self.message(who, command, &params, typed.tag.as_ref()),
        }
    }
}
