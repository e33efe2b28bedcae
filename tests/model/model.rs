//! Chat by the specifications, in maps and sets and strings: the lines that each client must
//! receive.
//!
//! Connections have their names in the transcript, channels their names in small letters. A client
//! uses one connection or several.

use crate::history::History;
use crate::line::Line;
use std::collections::{BTreeMap, BTreeSet};

/// Limits, small so that they are reached.
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
    pub conns: BTreeMap<String, Conn>,
    pub clients: BTreeMap<String, Client>,
    pub channels: BTreeMap<String, Channel>,
    /// Accounts by name in small letters.
    pub accounts: BTreeMap<String, Account>,
    /// The stored messages.
    pub history: History,
    /// The disk is full.
    pub full: bool,
    /// Messages for REDACT, by the model's own ids.
    pub said: BTreeMap<String, Said>,
    pub users_max: usize,
    /// The number of all clients and messages so far.
    pub counted: usize,
    /// The number of all AWAY commands so far.
    pub aways: usize,
    /// The connection that types.
    at: String,
    told: BTreeMap<String, Vec<Told>>,
    group: Option<usize>,
}

/// A line that a client must receive.
#[derive(Clone, Debug)]
pub struct Told {
    pub line: Line,
    /// Lines of one group, which are adjacent, may come in any order.
    pub group: Option<usize>,
    /// Not a part of the answer to a labelled command.
    pub apart: bool,
}

#[derive(Default)]
pub struct Conn {
    /// The client of this connection, registered or not.
    pub client: String,
    pub negotiating: bool,
    pub caps: BTreeSet<String>,
    /// Nicks as written.
    pub watches: Vec<String>,
    /// Away: the number of the AWAY command, and the text.
    pub away: Option<(usize, String)>,
    /// Its next line is the password.
    pub authenticates: bool,
    pub ended: bool,
}

pub struct Account {
    pub name: String,
    pub password: String,
}

#[derive(Default)]
pub struct Client {
    /// Tells it from others that were called the same before.
    pub number: usize,
    pub registered: bool,
    pub user_given: bool,
    pub nick: String,
    pub username: String,
    pub realname: String,
    /// The account's name as written.
    pub account: Option<String>,
    pub modes: BTreeSet<char>,
    pub away: Option<String>,
    /// Channels, oldest first.
    pub invites: Vec<String>,
    /// Nicks in small letters, oldest first.
    pub accepts: Vec<String>,
    pub signed_on: u64,
    pub acted_at: u64,
    pub knocks_again: u64,
}

#[derive(Clone, Default)]
pub struct Channel {
    /// Tells it from others that were called the same before.
    pub number: usize,
    pub name: String,
    /// Letters of ranks, by client.
    pub members: BTreeMap<String, BTreeSet<char>>,
    pub modes: BTreeSet<char>,
    pub key: Option<String>,
    pub limit: Option<u32>,
    pub forward: Option<String>,
    /// Text, setter, and time.
    pub topic: Option<(String, String, u64)>,
    /// By mode letter: mask, setter, and time.
    pub lists: BTreeMap<char, Vec<(String, String, u64)>>,
    pub created: u64,
    /// Keys of former operators, in the order of leaving.
    pub former: Vec<String>,
    /// It had an operator, and has none now.
    pub leaderless: bool,
}

pub struct Said {
    pub by: usize,
    pub nick: String,
    pub target: String,
}

/// The input of a client.
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

/// The level of the highest of these ranks: 0 for none, 1 for voice, 5 for founder.
pub fn level(ranks: &BTreeSet<char>) -> usize {
    ranks.iter().map(|rank| "vhoaq".find(*rank).expect("a rank") + 1).max().unwrap_or(0)
}

pub const HALFOP: usize = 2;
pub const OP: usize = 3;

/// A text that can be a parameter before others.
pub fn shown(text: &str) -> &str {
    if text.is_empty() || text.contains(' ') || text.starts_with(':') { "*" } else { text }
}

impl Model {
    pub fn new(now: u64) -> Model {
        Model { now, ..Model::default() }
    }

    pub fn connect(&mut self, conn: &str) {
        self.counted += 1;
        let client = format!("{conn}, {}", self.counted);
        let new = Client { number: self.counted, ..Client::default() };
        self.clients.insert(client.clone(), new);
        let new = Conn { client, ..Conn::default() };
        assert!(self.conns.insert(conn.into(), new).is_none(), "{conn} is here already");
    }

    /// The client of a connection, if it has registered.
    pub fn speaker(&self, conn: &str) -> Option<&str> {
        let client = &*self.conns.get(conn)?.client;
        self.clients.get(client).filter(|client| client.registered).map(|_| client)
    }

    /// The connections of a client.
    pub fn conns_of(&self, who: &str) -> Vec<String> {
        let is = |(_, conn): &(&String, &Conn)| conn.client == who && !conn.ended;
        self.conns.iter().filter(is).map(|(name, _)| name.clone()).collect()
    }

    /// The lines that each connection must have received since the last call.
    pub fn take_told(&mut self) -> BTreeMap<String, Vec<Told>> {
        std::mem::take(&mut self.told)
    }

    /// Allows the lines of `say` in any order.
    pub fn in_any_order(&mut self, say: impl FnOnce(&mut Model)) {
        self.counted += 1;
        let before = self.group.replace(self.counted);
        say(self);
        self.group = before;
    }

    /// Sends `line` to all connections of `who`; a reply of the server only to the one that types.
    pub fn tell(&mut self, who: &str, line: &Line) {
        let answers = ["srv", ""].contains(&&*line.source);
        if answers && self.conns.get(&self.at).is_some_and(|conn| conn.client == who) {
            return self.tell_conn(&self.at.clone(), line);
        }
        for conn in self.conns_of(who) {
            self.tell_conn(&conn, line);
        }
    }

    /// Sends `line` to the connections of `who` with `cap`.
    pub fn tell_with(&mut self, who: &str, cap: &str, line: &Line) {
        for conn in self.conns_of(who) {
            if self.conn_has(&conn, cap) {
                self.tell_conn(&conn, line);
            }
        }
    }

    /// Sends `line` to one connection, with the tags that it has requested.
    pub fn tell_conn(&mut self, conn: &str, line: &Line) {
        self.tell_told(conn, line, false);
    }

    pub fn tell_apart(&mut self, conn: &str, line: &Line) {
        self.tell_told(conn, line, true);
    }

    fn tell_told(&mut self, conn: &str, line: &Line, apart: bool) {
        let mut line = line.clone();
        let caps = &self.conns[conn].caps;
        line.tags.retain(|tag, _| match &**tag {
            "batch" => true,
            "account" => caps.contains("account-tag"),
            _ => caps.contains("message-tags"),
        });
        let told = Told { line, group: self.group, apart };
        self.told.entry(conn.into()).or_default().push(told);
    }

    /// Sends a numeric to the connection of `who` that types; their nick comes first.
    pub fn numeric(&mut self, who: &str, code: &str, params: &[&str]) {
        let line = self.numeric_line(who, code, params);
        self.tell(who, &line);
    }

    pub fn numeric_line(&self, who: &str, code: &str, params: &[&str]) -> Line {
        let nick = self.called(who);
        Line::new("srv", code, &[&[nick.as_str()], params].concat())
    }

    /// Sends a numeric to a watcher by MONITOR.
    pub fn numeric_to_watcher(&mut self, conn: &str, code: &str, params: &[&str]) {
        let line = self.numeric_line(&self.conns[conn].client, code, params);
        self.tell_conn(conn, &line);
    }

    /// The target of their numerics.
    pub fn called(&self, who: &str) -> String {
        let client = &self.clients[who];
        if client.registered { client.nick.clone() } else { "*".into() }
    }

    /// A line from `by`, with tags for their account and for a bot.
    pub fn line(&self, by: &str, command: &str, params: &[&str]) -> Line {
        let mut line = Line::new(&self.mask(by), command, params);
        if let Some(account) = &self.clients[by].account {
            line = line.tagged("account", account);
        }
        if self.clients[by].modes.contains(&'B') { line.tagged("bot", "") } else { line }
    }

    /// The connection that types.
    pub fn at(&self) -> String {
        self.at.clone()
    }

    pub fn conn(&mut self) -> &mut Conn {
        self.conns.get_mut(&self.at).expect("a connection")
    }

    pub fn mask(&self, who: &str) -> String {
        format!("{}!{}@localhost", self.clients[who].nick, self.clients[who].username)
    }

    pub fn nick(&self, who: &str) -> String {
        self.clients[who].nick.clone()
    }

    /// Whether the connection that types has asked for `cap`.
    pub fn has(&self, cap: &str) -> bool {
        self.conn_has(&self.at, cap)
    }

    pub fn conn_has(&self, conn: &str, cap: &str) -> bool {
        self.conns[conn].caps.contains(cap)
    }

    /// The client of a nick.
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

    /// Whether one member sees another. In an auditorium a member without rank is seen by halfops
    /// and higher, and by themselves.
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

    /// The connections that watch `nick` with MONITOR.
    pub fn watchers(&self, nick: &str) -> Vec<String> {
        let watches = |conn: &Conn| conn.watches.iter().any(|w| folded(w) == folded(nick));
        let all = self.conns.iter().filter(|(_, conn)| watches(conn));
        all.map(|(conn, _)| conn.clone()).collect()
    }

    /// Removes a member; an empty channel is gone.
    pub fn remove_member(&mut self, who: &str, channel: &str, willingly: bool) {
        let was = self.level_in(who, channel);
        let members = &mut self.channels.get_mut(channel).expect("a channel").members;
        members.remove(who).expect("a member");
        if members.is_empty() {
            self.channels.remove(channel);
            for client in self.clients.values_mut() {
                client.invites.retain(|invite| invite != channel);
            }
            return;
        }
        self.note_operator_gone(channel, who, was, willingly);
    }

    /// Ends a connection; a client without another one quits.
    pub fn leave(&mut self, conn: &str, why: &str) {
        let ended = self.conns.get_mut(conn).expect("a connection");
        ended.watches.clear();
        ended.ended = true;
        let who = &*ended.client.clone();
        if !self.conns_of(who).is_empty() {
            return self.update_away(who, "");
        }
        if self.clients[who].registered {
            let line = self.line(who, "QUIT", &[why]);
            for peer in self.peers(who) {
                self.tell(&peer, &line);
            }
            let nick = self.nick(who);
            for watcher in self.watchers(&nick) {
                self.numeric_to_watcher(&watcher, "731", &[&nick]);
            }
            for channel in self.channels_of(who) {
                self.remove_member(who, &channel, true);
            }
        }
        self.clients.remove(who);
    }

    pub fn client(&mut self, who: &str) -> &mut Client {
        self.clients.get_mut(who).expect("a client")
    }

    pub fn channel(&mut self, key: &str) -> &mut Channel {
        self.channels.get_mut(key).expect("a channel")
    }

    /// Handles a line typed on `conn`.
    pub fn hear(&mut self, conn: &str, typed: &Typed) {
        self.at = conn.to_owned();
        self.hear_line(conn, typed);
        self.at.clear();
    }

    fn hear_line(&mut self, conn: &str, typed: &Typed) {
        let label =
            typed.label.clone().filter(|_| self.has("labeled-response") && self.has("batch"));
        let command = typed.words[0].to_ascii_uppercase();
        let who = self.conns[conn].client.clone();
        self.command(&who, &command, typed);
        self.note_act(conn, &command, typed.words.len() - 1);
        let Some(label) = label else { return };
        let told = self.told.remove(conn).unwrap_or_default();
        let (mut all, answer): (Vec<Told>, Vec<Told>) = told.into_iter().partition(|t| t.apart);
        let whole = |line: Line| Told { line, group: None, apart: false };
        if let [only] = &answer[..]
            && only.line.command != "315"
        {
            all.push(whole(only.line.clone().tagged("label", &label)));
        } else if answer.is_empty() {
            all.push(whole(Line::new("srv", "ACK", &[]).tagged("label", &label)));
        } else if answer[0].line.command == "BATCH" {
            let mut answer = answer;
            answer[0].line.tags.insert("label".into(), label);
            all.extend(answer);
        } else {
            let opening = Line::new("srv", "BATCH", &["+B", "labeled-response"]);
            all.push(whole(opening.tagged("label", &label)));
            let within = |told: Told| Told { line: told.line.clone().tagged("batch", "B"), ..told };
            all.extend(answer.into_iter().map(within));
            all.push(whole(Line::new("srv", "BATCH", &["-B"])));
        }
        self.told.insert(conn.into(), all);
    }

    /// Idle time counts from acts that others may see.
    fn note_act(&mut self, conn: &str, command: &str, params: usize) {
        let is_act = match command {
            "AWAY" | "INVITE" | "JOIN" | "KICK" | "KNOCK" | "NICK" | "PART" | "RENAME" => true,
            "SETNAME" => true,
            "MODE" | "TOPIC" => params >= 2,
            _ => false,
        };
        let who = self.conns[conn].client.clone();
        let now = self.now;
        if let Some(client) = self.clients.get_mut(&who)
            && client.registered
            && is_act
        {
            client.acted_at = now;
        }
    }

    fn command(&mut self, who: &str, command: &str, typed: &Typed) {
        let params: Vec<&str> = typed.words[1..].iter().map(String::as_str).collect();
        let (least, anyone) = match command {
            "CAP" => (1, true),
            "USER" => (4, true),
            "NICK" | "QUIT" | "AWAY" | "PING" => (0, true),
            "REGISTER" => (3, true),
            "AUTHENTICATE" => (1, true),
            "NS" => (0, false),
            "CHATHISTORY" => (1, false),
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
            "REGISTER" => self.register_account(who, &params),
            "AUTHENTICATE" => self.authenticate(who, params[0]),
            "NS" => self.nickserv(who, &params),
            "CHATHISTORY" => self.chathistory(who, &params),
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
