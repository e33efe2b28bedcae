//! What the model's clients say to each other: PRIVMSG, NOTICE, TAGMSG, and REDACT.

use crate::line::Line;
use crate::model::{HALFOP, Model, Said, TARGETS_MAX, folded, level, shown};
use std::collections::BTreeSet;

/// Where a message goes.
#[derive(Clone)]
enum Target {
    Client(String),
    /// To those members whose rank is of that level at least.
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
        let tagged = self.has(who, "message-tags");
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

    /// NOTICE is never answered.
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
            let accepted = client.accepts.contains(&folded(&self.nick(who)));
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
        let needs = if command == "TAGMSG" { "message-tags" } else { "" };
        self.deliver(who, &target, &line, needs);
        if let Target::Client(other) = target
            && let Some(away) = self.clients[&other].away.clone()
            && command == "PRIVMSG"
        {
            self.numeric(who, "301", &[&self.nick(&other), &away]);
        }
    }

    /// Whether `who` may not say `text` in a channel.
    fn is_silent(&self, who: &str, channel: &str, text: &str) -> bool {
        let modes = &self.channels[channel].modes;
        let outside = modes.contains(&'n') && !self.is_in(who, channel);
        let request = modes.contains(&'C') && is_request(text);
        let moderated = modes.contains(&'m') || modes.contains(&'M'); // nobody is ever logged in
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

    /// Remembers a message, by an id of its own.
    fn say(&mut self, who: &str, target: &Target) -> String {
        let now = self.now;
        self.client(who).spoke_at = now;
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

    /// The speaker hears the echo, and each who is meant the message.
    fn deliver(&mut self, who: &str, target: &Target, line: &Line, needs: &str) {
        let wants = |model: &Model, each: &str| needs.is_empty() || model.has(each, needs);
        if self.has(who, "echo-message") && wants(self, who) {
            self.tell(who, line);
        }
        let hearers = match target {
            Target::Client(other) if other == who => {
                if wants(self, who) {
                    self.tell_apart(who, line);
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
        for hearer in hearers {
            if wants(self, &hearer) {
                self.tell(&hearer, line);
            }
        }
    }

    pub fn redact(&mut self, who: &str, params: &[&str]) {
        let (asked, id) = (shown(params[0]), params[1]);
        let channel = self.channel_for(who, asked).filter(|channel| self.is_in(who, channel));
        let target = match (channel, self.find(asked)) {
            (Some(channel), _) => Target::Channel(channel, 0),
            (None, Some(other)) => Target::Client(other),
            (None, None) => {
                let line = Line::new("srv", "FAIL", &["REDACT", "INVALID_TARGET", asked, "…"]);
                return self.tell(who, &line);
            }
        };
        let own_nick = folded(&self.nick(who));
        let is_there = |said: &&Said| match &target {
            Target::Channel(channel, _) => said.target == *channel,
            Target::Client(other) => {
                let other = folded(&self.nick(other));
                let own = said.by == self.clients[who].number;
                own && said.target == other || said.nick == other && said.target == own_nick
            }
        };
        let said = self.said.get(id).filter(is_there);
        let ranked = match &target {
            Target::Channel(channel, _) => self.level_in(who, channel) >= HALFOP,
            Target::Client(_) => false,
        };
        let code = match said {
            None => "UNKNOWN_MSGID",
            Some(said) if !ranked && said.by != self.clients[who].number => "REDACT_FORBIDDEN",
            Some(_) => {
                self.said.remove(id);
                self.counted += 1;
                let name = self.target_name(&target);
                let line = self.line(who, "REDACT", &[&[&*name, id], &params[2..]].concat());
                let line = line.tagged("msgid", &format!("id{}", self.counted));
                return self.deliver(who, &target, &line, "draft/message-redaction");
            }
        };
        let line = Line::new("srv", "FAIL", &["REDACT", code, asked, id, "…"]);
        self.tell(who, &line);
    }
}

/// CTCP, but for what is said as ACTION, which is no request for anything.
fn is_request(text: &str) -> bool {
    text.starts_with('\u{1}') && !text.starts_with("\u{1}ACTION")
}
