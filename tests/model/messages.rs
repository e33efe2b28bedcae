//! The model's messages: PRIVMSG, NOTICE, TAGMSG, and REDACT.

use crate::history::Kept;
use crate::line::Line;
use crate::model::{HALFOP, Model, Said, TARGETS_MAX, folded, level, shown};
use std::collections::BTreeSet;

/// The target of a message.
#[derive(Clone)]
enum Target {
    Client(String),
    /// The members of a channel with at least this level of rank.
    Channel(String, usize),
}

impl Model {
    pub fn message(
        &mut self,
        who: &str,
        command: &str,
        params: &[&str],
        tag: Option<&(String, String)>,
    ) {
        let text = params.get(1).copied().unwrap_or_default();
        let targets = params.first().copied().unwrap_or_default();
        let tagged = self.has("message-tags");
        if targets.is_empty() {
            return self.complain(who, command, "411", &["…"]);
        } else if command == "TAGMSG" && !tagged {
            return self.numeric(who, "421", &["TAGMSG", "…"]);
        } else if command != "TAGMSG" && text.is_empty() {
            return self.complain(who, command, "412", &["…"]);
        }
        let text = if command == "TAGMSG" { "" } else { text };
        let mut seen = BTreeSet::new();
        for asked in targets.split(',') {
            if seen.contains(&folded(asked)) {
                continue;
            }
            if seen.len() == TARGETS_MAX {
                return self.complain(who, command, "407", &[asked, "…"]);
            }
            seen.insert(folded(asked));
            self.message_one(who, command, asked, text, tag.filter(|_| tagged));
        }
    }

    /// Sends an error, except for NOTICE, which is never answered.
    fn complain(&mut self, who: &str, command: &str, code: &str, params: &[&str]) {
        if command != "NOTICE" {
            self.numeric(who, code, params);
        }
    }

    fn message_one(
        &mut self,
        who: &str,
        command: &str,
        asked: &str,
        text: &str,
        tag: Option<&(String, String)>,
    ) {
        if folded(asked) == "nickserv" {
            self.echo_to_nickserv(who, command, asked, text, tag);
            // Services accept PRIVMSG alone.
            if command == "PRIVMSG" {
                self.nickserv(who, &text.split(' ').collect::<Vec<_>>());
            }
            return;
        }
        let bare = asked.trim_start_matches(['~', '&', '@', '%', '+']);
        let target = if bare.starts_with('#') {
            let prefixes = &asked[..asked.len() - bare.len()];
            let prefixes = prefixes.chars().map(|c| "+%@&~".find(c).expect("a prefix") + 1);
            let least = prefixes.min().unwrap_or(0);
            let open = |channel: &String| !self.channels[channel].modes.contains(&'n');
            let hidden = Some(folded(bare)).filter(|name| self.channels.contains_key(name));
            let Some(channel) = self.channel_for(who, bare).or(hidden.filter(open)) else {
                return self.complain(who, command, "403", &[shown(asked), "…"]);
            };
            if self.is_silent(who, &channel, text) {
                let name = self.channels[&channel].name.clone();
                return self.complain(who, command, "404", &[&name, "…"]);
            }
            Target::Channel(channel, least)
        } else {
            let Some(other) = self.find(asked) else {
                return self.complain(who, command, "401", &[shown(asked), "…"]);
            };
            let (nick, client) = (self.nick(&other), &self.clients[&other]);
            let accepted = self.clients[who].account.is_some()
                || client.accepts.contains(&folded(&self.nick(who)));
            if client.modes.contains(&'R') && !accepted && other != who {
                return self.complain(who, command, "477", &[&nick, "…"]);
            } else if client.modes.contains(&'T') && is_request(text) {
                return self.complain(who, command, "531", &[&nick, "…"]);
            }
            self.accept_answer(who, &other);
            Target::Client(other)
        };
        let id = self.say(who, &target);
        let name = self.target_name(&target);
        let params = if command == "TAGMSG" { vec![&*name] } else { vec![&*name, text] };
        let mut line = self.line(who, command, &params).tagged("msgid", &id);
        if let Some((key, value)) = tag {
            line = line.tagged(key, value);
        }
        let place = self.place_to_keep(who, &target).filter(|_| command != "TAGMSG");
        let lost = place.is_some() && self.full;
        if let Some(place) = place.filter(|_| !lost) {
            let by = self.key(who);
            self.history.keep(&place, Kept { id, at: self.now, by, line: line.clone() });
        }
        let needs = if command == "TAGMSG" { "message-tags" } else { "" };
        let warning = Line::new("srv", "WARN", &[command, "MESSAGE_NOT_KEPT", &name, "…"]);
        self.deliver(who, &target, &line, if lost { &warning } else { &line }, needs);
        if let Target::Client(other) = target
            && let Some(away) = self.clients[&other].away.clone()
            && command == "PRIVMSG"
        {
            self.numeric(who, "301", &[&self.nick(&other), &away]);
        }
    }

    /// Whether `who` may not send `text` to a channel.
    fn is_silent(&self, who: &str, channel: &str, text: &str) -> bool {
        let modes = &self.channels[channel].modes;
        let outside = modes.contains(&'n') && !self.is_in(who, channel);
        let request = modes.contains(&'C') && is_request(text);
        let known = self.clients[who].account.is_some();
        let moderated = modes.contains(&'m') || modes.contains(&'M') && !known;
        let voiced = self.level_in(who, channel) > 0;
        outside || request || !voiced && (moderated || self.is_banned(who, channel, true))
    }

    fn target_name(&self, target: &Target) -> String {
        match target {
            Target::Client(other) => self.nick(other),
            Target::Channel(channel, least) => {
                format!("{}{}", ["", "+", "%", "@", "&", "~"][*least], self.channels[channel].name)
            }
        }
    }

    /// Remembers a message, with an id.
    fn say(&mut self, who: &str, target: &Target) -> String {
        let now = self.now;
        self.client(who).acted_at = now;
        self.counted += 1;
        let id = format!("id{}", self.counted);
        let target = match target {
            Target::Client(other) => folded(&self.nick(other)),
            Target::Channel(channel, _) => channel.clone(),
        };
        let (by, nick) = (self.clients[who].number, folded(&self.nick(who)));
        self.said.insert(id.clone(), Said { by, nick, target });
        id
    }

    /// Delivers a message to its recipients, and the echo to its sender. In a channel the sender's
    /// other connections receive it like everyone else.
    fn deliver(&mut self, who: &str, target: &Target, line: &Line, echo: &Line, needs: &str) {
        let wants = |model: &Model, conn: &str| needs.is_empty() || model.conn_has(conn, needs);
        let to_channel = matches!(target, Target::Channel(..));
        for conn in self.conns_of(who) {
            let echoes = self.conn_has(&conn, "echo-message");
            let shown = echoes || to_channel && conn != self.at();
            if shown && wants(self, &conn) {
                self.tell_conn(&conn, if echoes { echo } else { line });
            }
        }
        let hearers = match target {
            Target::Client(other) if other == who => {
                for conn in self.conns_of(who) {
                    if wants(self, &conn) {
                        self.tell_apart(&conn, line);
                    }
                }
                return;
            }
            Target::Client(other) => vec![other.clone()],
            Target::Channel(channel, least) => {
                let room = &self.channels[channel];
                let unranked = self.level_in(who, channel) == 0;
                let moderated = unranked && room.modes.contains(&'U');
                let least = if moderated { *least.max(&HALFOP) } else { *least };
                let hears = |(member, ranks): &(&String, &BTreeSet<char>)| {
                    *member != who && level(ranks) >= least
                };
                room.members.iter().filter(hears).map(|(member, _)| member.clone()).collect()
            }
        };
        for conn in hearers.iter().flat_map(|hearer| self.conns_of(hearer)).collect::<Vec<_>>() {
            if wants(self, &conn) {
                self.tell_conn(&conn, line);
            }
        }
    }

    /// The place of a message in the history, if all members may read it.
    fn place_to_keep(&self, who: &str, target: &Target) -> Option<String> {
        match target {
            Target::Client(other) => Some(self.place_of_pair(who, &self.key(other))),
            Target::Channel(_, 1..) => None,
            Target::Channel(channel, 0) => {
                let moderated = self.channels[channel].modes.contains(&'U');
                let for_some = moderated && self.level_in(who, channel) == 0;
                (!for_some).then(|| self.place_of_channel(channel))
            }
        }
    }

    pub fn redact(&mut self, who: &str, params: &[&str]) {
        let (asked, id) = (shown(params[0]), params[1]);
        let channel = self.channel_for(who, asked).filter(|channel| self.is_in(who, channel));
        let account = self.clients[who].account.clone();
        let readable = self.readable(who, params[0]);
        let target = match (channel, self.find(asked)) {
            (Some(channel), _) => Some(Target::Channel(channel, 0)),
            (None, Some(other)) => Some(Target::Client(other)),
            // A conversation with an absent user needs an account.
            (None, None) if account.is_some() && readable.is_some() => None,
            (None, None) => {
                let line = Line::new("srv", "FAIL", &["REDACT", "INVALID_TARGET", asked, "…"]);
                return self.tell(who, &line);
            }
        };
        let own = self.clients[who].number;
        let own_nick = folded(&self.nick(who));
        let is_there = |said: &&Said| match &target {
            None => false,
            Some(Target::Channel(channel, _)) => said.target == *channel,
            Some(Target::Client(other)) => {
                let other = folded(&self.nick(other));
                said.by == own && said.target == other
                    || said.nick == other && said.target == own_nick
            }
        };
        let said = self.said.get(id).filter(is_there);
        let ranked = match &target {
            Some(Target::Channel(channel, _)) => self.level_in(who, channel) >= HALFOP,
            _ => false,
        };
        let may = ranked || said.is_some_and(|said| said.by == own);
        // Without the right by memory, the history decides by the account.
        let is_kept = readable.is_some() && (may || account.is_some());
        let place = readable.map(|(place, _)| place).unwrap_or_default();
        let kept = self.history.find(&place, id);
        let by_account = kept.is_some_and(|kept| kept.line.tags.get("account") == account.as_ref());
        let code = match (is_kept, said, kept) {
            (false, Some(_), _) => "REDACT_FORBIDDEN",
            (false, None, _) => "UNKNOWN_MSGID",
            (true, _, _) if self.full => "INTERNAL_ERROR",
            (true, _, Some(_)) if !may && !by_account => "REDACT_FORBIDDEN",
            (true, Some(_), None) if !may => "UNKNOWN_MSGID",
            (true, None, None) => "UNKNOWN_MSGID",
            (true, _, _) => return self.redacted(who, target, id, params),
        };
        let line = Line::new("srv", "FAIL", &["REDACT", code, asked, id, "…"]);
        self.tell(who, &line);
    }

    /// Announces a redaction, and erases the message everywhere.
    fn redacted(&mut self, who: &str, target: Option<Target>, id: &str, params: &[&str]) {
        self.said.remove(id);
        self.history.redact(id);
        self.counted += 1;
        let msgid = format!("id{}", self.counted);
        let name = target.as_ref().map_or(params[0].to_owned(), |target| self.target_name(target));
        let line = self.line(who, "REDACT", &[&[&*name, id], &params[2..]].concat());
        let line = line.tagged("msgid", &msgid);
        if let Some(target) = target {
            return self.deliver(who, &target, &line, &line, "draft/message-redaction");
        }
        for conn in self.conns_of(who) {
            if self.conn_has(&conn, "echo-message") {
                let wants = self.conn_has(&conn, "draft/message-redaction");
                wants.then(|| self.tell_conn(&conn, &line));
            }
        }
    }
}

/// Whether a text is CTCP other than ACTION.
fn is_request(text: &str) -> bool {
    text.starts_with('\u{1}') && !text.starts_with("\u{1}ACTION")
}
