//! The model's users: registration, nicks, AWAY, MONITOR, and queries.

use crate::line::Line;
use crate::model::{ACCEPT_MAX, MONITOR_MAX, Model, TARGETS_MAX, folded, shown};

/// The capabilities that clients of the model may request.
pub const CAPS: [&str; 19] = [
    "echo-message",
    "extended-join",
    "multi-prefix",
    "userhost-in-names",
    "away-notify",
    "invite-notify",
    "setname",
    "account-tag",
    "message-tags",
    "labeled-response",
    "batch",
    "extended-monitor",
    "account-notify",
    "chghost",
    "draft/channel-rename",
    "draft/no-implicit-names",
    "draft/message-redaction",
    "draft/chathistory",
    "sasl",
];

impl Model {
    pub fn cap(&mut self, who: &str, params: &[&str]) {
        let registered = self.clients[who].registered;
        let called = if registered { self.nick(who) } else { "*".into() };
        match (params[0], params.get(1)) {
            ("REQ", Some(asked)) => {
                let mut caps = self.conn().caps.clone();
                let mut known = true;
                for word in asked.split_whitespace() {
                    let name = word.trim_start_matches('-');
                    known &= CAPS.contains(&name);
                    if word == name {
                        caps.insert(name.into());
                    } else {
                        caps.remove(name);
                    }
                }
                let conn = self.conn();
                conn.negotiating |= !registered;
                if known {
                    conn.caps = caps;
                }
                let verdict = if known { "ACK" } else { "NAK" };
                let line = Line::new("srv", "CAP", &[&called, verdict, asked]);
                self.tell(who, &line);
            }
            ("LIST", _) => {
                let caps: Vec<String> = self.conn().caps.iter().cloned().collect();
                let line = Line::new("srv", "CAP", &[&called, "LIST", &caps.join(" ")]);
                self.tell(who, &line);
            }
            ("END", _) => {
                self.conn().negotiating = false;
                self.register(who);
            }
            (other, _) => self.numeric(who, "410", &[other, "…"]),
        }
    }

    pub fn nick_command(&mut self, who: &str, params: &[&str]) {
        let asked = params.first().copied().unwrap_or_default();
        if asked.is_empty() {
            return self.numeric(who, "431", &["…"]);
        }
        let special = |c: char| "[]\\`_^{|}".contains(c);
        let first = |c: char| c.is_ascii_alphabetic() || special(c);
        let rest = |c: char| first(c) || c.is_ascii_digit() || c == '-';
        if !asked.starts_with(first) || !asked.chars().all(rest) || asked.len() > 30 {
            return self.numeric(who, "432", &[shown(asked), "…"]);
        }
        let owner = self.find(asked).filter(|owner| owner != who);
        if self.clients[who].registered {
            let same = folded(asked) == folded(&self.nick(who));
            if owner.is_some() || !same && self.is_reserved(who, asked) {
                return self.numeric(who, "433", &[asked, "…"]);
            }
            return self.change_nick(who, asked);
        }
        // A connection of the same account may join them.
        if owner.is_some_and(|owner| self.clients[&owner].account.is_none()) {
            return self.numeric(who, "433", &[asked, "…"]);
        }
        self.client(who).nick = asked.into();
        self.register(who);
    }

    fn change_nick(&mut self, who: &str, new: &str) {
        let old = self.nick(who);
        if old == new {
            return;
        }
        let another = folded(&old) != folded(new);
        if another {
            for watcher in self.watchers(&old) {
                self.numeric_to_watcher(&watcher, "731", &[&old]);
            }
        }
        let line = self.line(who, "NICK", &[new]);
        let peers = self.peers(who);
        // Their numerics use the new nick from here on.
        self.client(who).nick = new.into();
        self.tell(who, &line);
        for peer in peers {
            self.tell(&peer, &line);
        }
        if another {
            self.tell_online(who);
        }
    }

    fn tell_online(&mut self, who: &str) {
        let mask = self.mask(who);
        for watcher in self.watchers(&self.nick(who)) {
            self.numeric_to_watcher(&watcher, "730", &[&mask]);
        }
    }

    pub fn user(&mut self, who: &str, username: &str, realname: &str) {
        if self.clients[who].registered {
            return self.numeric(who, "462", &["…"]);
        }
        let client = self.client(who);
        client.username = username.into();
        client.realname = realname.into();
        client.user_given = true;
        self.register(who);
    }

    fn register(&mut self, who: &str) {
        let negotiating = self.conn().negotiating;
        let client = &self.clients[who];
        let ready = client.user_given && !negotiating && !client.nick.is_empty();
        if client.registered || !ready {
            return;
        }
        let nick = client.nick.clone();
        let owner = self.find(&nick);
        let taken = owner.as_ref().is_some_and(|owner| {
            let theirs = &self.clients[owner].account;
            theirs.is_none() || *theirs != self.clients[who].account
        });
        if std::mem::take(&mut self.conn().authenticates) {
            self.numeric(who, "906", &["…"]);
        }
        if taken || self.is_reserved(who, &nick) {
            self.client(who).nick.clear();
            return self.numeric(who, "433", &[&nick, "…"]);
        }
        if let Some(owner) = owner {
            return self.attach(who, &owner);
        }
        let now = self.now;
        let client = self.client(who);
        client.registered = true;
        (client.signed_on, client.acted_at) = (now, now);
        self.welcome(who);
        self.tell_online(who);
    }

    pub fn welcome(&mut self, who: &str) {
        let users: Vec<_> = self.clients.values().filter(|client| client.registered).collect();
        let all = users.len();
        let invisible = users.iter().filter(|client| client.modes.contains(&'i')).count();
        let unknown = self.clients.values().filter(|client| !client.registered);
        let unknown = unknown.count().to_string();
        self.users_max = self.users_max.max(all);
        let welcome = format!("Welcome to the Net Network, {}", self.mask(who));
        self.numeric(who, "001", &[&welcome]);
        for code in ["002", "003", "004", "005", "005", "005"] {
            self.numeric(who, code, &["……"]);
        }
        let visible = all - invisible;
        let text = format!("There are {visible} users and {invisible} invisible on 1 servers");
        self.numeric(who, "251", &[&text]);
        self.numeric(who, "252", &["0", "…"]);
        self.numeric(who, "253", &[&unknown, "…"]);
        self.numeric(who, "254", &[&self.channels.len().to_string(), "…"]);
        self.numeric(who, "255", &[&format!("I have {all} clients and 0 servers")]);
        let max = self.users_max.to_string();
        for code in ["265", "266"] {
            self.numeric(who, code, &[&all.to_string(), &max, "…"]);
        }
        self.numeric(who, "422", &["…"]);
    }

    pub fn quit(&mut self, who: &str, params: &[&str]) {
        let reason = params.first().copied().unwrap_or_default();
        let why = format!("Quit: {reason}");
        self.tell(who, &Line::new("", "ERROR", &["…"]));
        self.leave(&self.at(), &why);
    }

    pub fn ping(&mut self, who: &str, params: &[&str]) {
        match params.first() {
            Some(token) => self.tell(who, &Line::new("srv", "PONG", &["srv", token])),
            None => self.numeric(who, "461", &["PING", "…"]),
        }
    }

    pub fn away(&mut self, who: &str, params: &[&str]) {
        if !self.clients[who].registered {
            return self.numeric(who, "451", &["…"]);
        }
        let text = params.first().copied().filter(|text| !text.is_empty()).map(str::to_owned);
        self.numeric(who, if text.is_some() { "306" } else { "305" }, &["…"]);
        self.aways += 1;
        let said = self.aways;
        self.conn().away = text.map(|text| (said, text));
        self.update_away(who, &self.at());
    }

    /// Updates a client that is away on all connections, with the last text. Tells the connections
    /// that don't know.
    pub fn update_away(&mut self, who: &str, knows: &str) {
        let conns = self.conns_of(who);
        let said: Option<Vec<_>> = conns.iter().map(|conn| self.conns[conn].away.clone()).collect();
        let text = said.and_then(|said| said.into_iter().max()).map(|(_, text)| text);
        let before = std::mem::replace(&mut self.client(who).away, text.clone());
        if before == text {
            return;
        }
        let params: Vec<&str> = text.iter().map(String::as_str).collect();
        let line = self.line(who, "AWAY", &params);
        self.tell_interested(who, "away-notify", &line);
        let code = if text.is_some() { "306" } else { "305" };
        let numeric = self.numeric_line(who, code, &["…"]);
        for conn in conns.iter().filter(|conn| *conn != knows) {
            let own = if self.conn_has(conn, "away-notify") { &line } else { &numeric };
            self.tell_conn(conn, own);
        }
    }

    pub fn setname(&mut self, who: &str, realname: &str) {
        self.client(who).realname = realname.into();
        let line = self.line(who, "SETNAME", &[realname]);
        self.tell_with(who, "setname", &line);
        self.tell_interested(who, "setname", &line);
    }

    /// Sends `line` to peers with `cap`, and to watchers that also have `extended-monitor`.
    pub fn tell_interested(&mut self, who: &str, cap: &str, line: &Line) {
        let peers = self.peers(who);
        for peer in &peers {
            self.tell_with(peer, cap, line);
        }
        for conn in self.watchers(&self.nick(who)) {
            let client = &self.conns[&conn].client;
            let told = client == who || peers.contains(client);
            if !told && self.conn_has(&conn, "extended-monitor") && self.conn_has(&conn, cap) {
                self.tell_conn(&conn, line);
            }
        }
    }

    pub fn monitor(&mut self, who: &str, params: &[&str]) {
        let nicks: Vec<&str> =
            params.get(1).map(|nicks| nicks.split(',').collect()).unwrap_or_default();
        let watches = self.conn().watches.clone();
        match params[0] {
            "+" => {
                let mut added: Vec<String> = Vec::new();
                for (n, nick) in nicks.iter().enumerate() {
                    let all = watches.iter().chain(&added);
                    if nick.contains('*') || all.clone().any(|w| folded(w) == folded(nick)) {
                        continue;
                    }
                    if all.count() >= MONITOR_MAX {
                        let (max, refused) = (MONITOR_MAX.to_string(), nicks[n..].join(","));
                        self.numeric(who, "734", &[&max, &refused, "…"]);
                        break;
                    }
                    added.push(nick.to_string());
                }
                self.conn().watches.extend(added.clone());
                self.tell_presence(who, &added);
            }
            "-" => {
                let dropped = |w: &String| nicks.iter().any(|nick| folded(nick) == folded(w));
                self.conn().watches.retain(|w| !dropped(w));
            }
            "C" => self.conn().watches.clear(),
            "L" => {
                if !watches.is_empty() {
                    self.numeric(who, "732", &[&watches.join(",")]);
                }
                self.numeric(who, "733", &["…"]);
            }
            "S" => self.tell_presence(who, &watches),
            _ => {}
        }
    }

    fn tell_presence(&mut self, who: &str, nicks: &[String]) {
        let (online, offline): (Vec<String>, Vec<String>) =
            nicks.iter().cloned().partition(|nick| self.find(nick).is_some());
        let masks = online.iter().map(|nick| self.mask(&self.find(nick).expect("online")));
        let masks: Vec<String> = masks.collect();
        for (code, list) in [("730", masks), ("731", offline)] {
            if !list.is_empty() {
                self.numeric(who, code, &[&list.join(",")]);
            }
        }
    }

    pub fn accept(&mut self, who: &str, items: &str) {
        for item in items.split(',') {
            let accepts = self.clients[who].accepts.clone();
            if item == "*" {
                for nick in &accepts {
                    self.numeric(who, "281", &[nick]);
                }
                self.numeric(who, "282", &["…"]);
            } else if let Some(nick) = item.strip_prefix('-') {
                if !accepts.contains(&folded(nick)) {
                    self.numeric(who, "458", &[nick, "…"]);
                }
                self.client(who).accepts.retain(|accepted| *accepted != folded(nick));
            } else if self.find(item).is_none() {
                self.numeric(who, "401", &[item, "…"]);
            } else if accepts.contains(&folded(item)) {
                self.numeric(who, "457", &[item, "…"]);
            } else if accepts.len() == ACCEPT_MAX {
                self.numeric(who, "456", &["…"]);
            } else {
                self.client(who).accepts.push(folded(item));
            }
        }
    }

    /// Accepts the recipient of a message, who may answer.
    pub fn accept_answer(&mut self, who: &str, other: &str) {
        let logged_in = self.clients[other].account.is_some();
        let (nick, client) = (folded(&self.nick(other)), self.client(who));
        let asks = client.modes.contains(&'R') && !logged_in && !client.accepts.contains(&nick);
        if asks && who != other && client.accepts.len() < ACCEPT_MAX {
            client.accepts.push(nick);
        }
    }

    pub fn whois(&mut self, who: &str, params: &[&str]) {
        let Some(nicks) = params.first() else { return self.numeric(who, "431", &["…"]) };
        for nick in nicks.split(',').take(TARGETS_MAX) {
            match self.find(nick) {
                Some(of) => self.whois_one(who, &of),
                None => self.numeric(who, "401", &[nick, "…"]),
            }
        }
        self.numeric(who, "318", &[nicks, "…"]);
    }

    fn whois_one(&mut self, who: &str, of: &str) {
        let nick = self.nick(of);
        let (username, realname) =
            (self.clients[of].username.clone(), self.clients[of].realname.clone());
        self.numeric(who, "311", &[&nick, &username, "localhost", "*", &realname]);
        let channels: Vec<String> = self.channels_of(of);
        let known = channels.iter().filter(|channel| self.knows_of(who, channel, of));
        let prefixed = |channel: &String| {
            let prefix = self.prefixes(channel, of, self.has("multi-prefix"));
            format!("{prefix}{}", self.channels[channel].name)
        };
        let known: Vec<String> = known.map(prefixed).collect();
        if !known.is_empty() {
            self.numeric(who, "319", &[&nick, &known.join(" ")]);
        }
        self.numeric(who, "312", &[&nick, "srv", "Net"]);
        if let Some(away) = self.clients[of].away.clone() {
            self.numeric(who, "301", &[&nick, &away]);
        }
        if let Some(account) = self.clients[of].account.clone() {
            self.numeric(who, "330", &[&nick, &account, "…"]);
        }
        if self.clients[of].modes.contains(&'B') {
            self.numeric(who, "335", &[&nick, "…"]);
        }
        if who == of {
            let mask = format!("{username}@localhost");
            self.numeric(who, "338", &[&nick, &mask, "255.255.255.255", "…"]);
            let modes = self.user_modes(of);
            self.numeric(who, "379", &[&nick, &format!("is using modes {modes}")]);
        }
        let idle = (self.now - self.clients[of].acted_at).to_string();
        let signed_on = self.clients[of].signed_on.to_string();
        self.numeric(who, "317", &[&nick, &idle, &signed_on, "…"]);
    }

    /// Whether `who` may know that `of` is in a channel.
    fn knows_of(&self, who: &str, channel: &str, of: &str) -> bool {
        if self.is_in(who, channel) {
            return self.sees(channel, who, of);
        }
        let secret = self.channels[channel].modes.contains(&'s');
        let invisible = self.clients[of].modes.contains(&'i');
        !secret && !invisible && self.sees_from_outside(channel, of)
    }
}
