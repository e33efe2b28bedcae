//! The model's channels: JOIN, PART, KICK, INVITE, RENAME and the like.

use crate::line::Line;
use crate::model::{
    CHANNELS_MAX, Channel, HALFOP, INVITES_MAX, Model, OP, TARGETS_MAX, folded, level, shown,
};

fn is_channel_name(name: &str) -> bool {
    name.starts_with('#') && name.len() <= 64 && !name.contains([' ', ',', '\u{7}'])
}

impl Model {
    pub fn no_such_channel(&mut self, who: &str, asked: &str) {
        self.numeric(who, "403", &[shown(asked), "…"]);
    }

    pub fn join(&mut self, who: &str, params: &[&str]) {
        if params == ["0"] {
            let all = self.channels_of(who);
            return self.in_any_order(|model| {
                for channel in all {
                    model.part_from(who, &channel, "");
                }
            });
        }
        let keys: Vec<&str> =
            params.get(1).map(|keys| keys.split(',').collect()).unwrap_or_default();
        for (n, asked) in params[0].split(',').enumerate() {
            self.join_one(who, asked, keys.get(n).copied().unwrap_or_default());
        }
    }

    fn join_one(&mut self, who: &str, asked: &str, key: &str) {
        let channel = folded(asked);
        if !is_channel_name(asked) {
            self.no_such_channel(who, asked);
        } else if self.channels.get(&channel).is_some_and(|room| room.members.contains_key(who)) {
            // Nothing changes, and nothing is sent.
        } else if self.channels_of(who).len() >= CHANNELS_MAX {
            self.numeric(who, "405", &[asked, "…"]);
        } else if let Some(code) = self.bars(who, &channel, key) {
            let name = self.channels[&channel].name.clone();
            let forward = self.channels[&channel].forward.clone().filter(|_| code != "475");
            let Some(forward) = forward else { return self.numeric(who, code, &[&name, "…"]) };
            self.numeric(who, "470", &[&name, &forward, "…"]);
            let there = self.channels.get(&folded(&forward));
            if there.is_some_and(|room| room.members.contains_key(who)) {
                return;
            }
            match self.bars(who, &folded(&forward), "") {
                Some(code) => self.numeric(who, code, &[&forward, "…"]),
                None => self.enter(who, &forward),
            }
        } else {
            self.enter(who, asked);
        }
    }

    /// The numeric that keeps `who` from joining, if any. An invitation passes bans, limit and mode
    /// `i`.
    fn bars(&self, who: &str, channel: &str, key: &str) -> Option<&'static str> {
        let room = self.channels.get(channel)?;
        let invited = self.clients[who].invites.iter().any(|invite| invite == channel);
        let full = room.limit.is_some_and(|limit| room.members.len() >= limit as usize);
        let bars = [
            (room.modes.contains(&'R') && self.clients[who].account.is_none(), "477"),
            (room.key.as_deref().is_some_and(|wanted| wanted != key), "475"),
            (!invited && self.is_banned(who, channel, false), "474"),
            (
                !invited && room.modes.contains(&'i') && !self.is_listed(who, channel, 'I', true),
                "473",
            ),
            (!invited && full, "471"),
        ];
        bars.iter().find(|(bars, _)| *bars).map(|(_, code)| *code)
    }

    fn enter(&mut self, who: &str, name: &str) {
        let channel = folded(name);
        let now = self.now;
        self.counted += 1;
        let number = self.counted;
        let is_new = !self.channels.contains_key(&channel);
        let room = self.channels.entry(channel.clone()).or_insert_with(|| Channel {
            number,
            name: name.into(),
            modes: "nt".chars().collect(),
            created: now,
            ..Channel::default()
        });
        let ranks = if is_new { "o" } else { "" };
        room.members.insert(who.into(), ranks.chars().collect());
        self.client(who).invites.retain(|invite| *invite != channel);
        for member in self.witnesses(&channel, who) {
            self.tell_join(&member, &channel, who);
        }
        self.restore_operator(&channel, who);
        for conn in self.conns_of(who) {
            self.tell_channel(&conn, &channel);
        }
    }

    /// The key of a former operator.
    fn key_as_operator(&self, who: &str) -> String {
        let client = &self.clients[who];
        client.account.as_ref().map_or(format!("~{}", client.number), |account| folded(account))
    }

    /// Notes that a member of level `was` has left a channel or lost a rank, while others stay.
    pub fn note_operator_gone(&mut self, channel: &str, who: &str, was: usize, willingly: bool) {
        let key = self.key_as_operator(who);
        let is_led = self.channels[channel].members.values().any(|ranks| level(ranks) >= OP);
        let room = self.channel(channel);
        if was >= OP || !willingly {
            room.former.retain(|known| *known != key);
        }
        if was >= OP && willingly {
            room.former.push(key);
            if room.former.len() > 10 {
                room.former.remove(0);
            }
        }
        room.leaderless |= was >= OP && !is_led;
    }

    /// Restores a former operator who returns to a channel without one.
    pub fn restore_operator(&mut self, channel: &str, who: &str) {
        let key = self.key_as_operator(who);
        let room = self.channel(channel);
        let is_led = room.members.values().any(|ranks| level(ranks) >= OP);
        room.leaderless &= !is_led;
        if !room.leaderless || !room.former.contains(&key) {
            return;
        }
        let (name, nick) = (room.name.clone(), self.nick(who));
        self.give_rank(channel, who, 'o');
        self.channel(channel).leaderless = false;
        let why = format!("{nick} was operator here before, and there was none any more");
        let mode = Line::new("ChanServ!services@srv", "MODE", &[&name, "+o", &nick]);
        let notice = Line::new("ChanServ!services@srv", "NOTICE", &[&name, &why]);
        for line in [mode, notice] {
            for member in self.members(channel) {
                self.tell(&member, &line);
            }
        }
    }

    /// Tells `to` that `who` joins, or has become visible.
    pub fn tell_join(&mut self, to: &str, channel: &str, who: &str) {
        for conn in self.conns_of(to) {
            self.tell_join_on(&conn, channel, who);
            if let Some(away) = self.clients[who].away.clone()
                && to != who
                && self.conn_has(&conn, "away-notify")
            {
                let line = self.line(who, "AWAY", &[&away]);
                self.tell_conn(&conn, &line);
            }
        }
    }

    pub fn tell_join_on(&mut self, conn: &str, channel: &str, who: &str) {
        let name = self.channels[channel].name.clone();
        let account = self.clients[who].account.clone().unwrap_or("*".into());
        let realname = self.clients[who].realname.clone();
        let extended = self.conn_has(conn, "extended-join");
        let params = if extended { vec![&*name, &account, &realname] } else { vec![&*name] };
        let line = self.line(who, "JOIN", &params);
        self.tell_conn(conn, &line);
    }

    pub fn tell_channel(&mut self, conn: &str, channel: &str) {
        self.tell_topic(conn, channel);
        if !self.conn_has(conn, "draft/no-implicit-names") {
            self.names(conn, channel);
        }
    }

    pub fn part(&mut self, who: &str, params: &[&str]) {
        let reason = params.get(1).copied().unwrap_or_default();
        for asked in params[0].split(',') {
            match self.channel_for(who, asked) {
                None => self.no_such_channel(who, asked),
                Some(channel) if !self.is_in(who, &channel) => {
                    self.numeric(who, "442", &[asked, "…"])
                }
                Some(channel) => self.part_from(who, &channel, reason),
            }
        }
    }

    fn part_from(&mut self, who: &str, channel: &str, reason: &str) {
        let name = self.channels[channel].name.clone();
        let params = if reason.is_empty() { vec![&*name] } else { vec![&*name, reason] };
        let line = self.line(who, "PART", &params);
        for member in self.witnesses(channel, who) {
            self.tell(&member, &line);
        }
        self.remove_member(who, channel, true);
    }

    pub fn kick(&mut self, who: &str, params: &[&str]) {
        let channels: Vec<&str> = params[0].split(',').collect();
        let nicks: Vec<&str> = params[1].split(',').collect();
        if channels.len() > 1 && channels.len() != nicks.len() {
            return self.numeric(who, "461", &["KICK", "…"]);
        }
        let reason = params.get(2).copied().filter(|reason| !reason.is_empty());
        let reason = reason.map_or(self.nick(who), str::to_owned);
        for (n, nick) in nicks.iter().enumerate() {
            if n == TARGETS_MAX {
                return self.numeric(who, "407", &[nick, "…"]);
            }
            let asked = channels[if channels.len() > 1 { n } else { 0 }];
            self.kick_one(who, asked, nick, &reason);
        }
    }

    fn kick_one(&mut self, who: &str, asked: &str, nick: &str, reason: &str) {
        let Some(channel) = self.channel_for(who, asked) else {
            return self.no_such_channel(who, asked);
        };
        let name = self.channels[&channel].name.clone();
        let own = self.level_in(who, &channel);
        if !self.is_in(who, &channel) {
            return self.numeric(who, "442", &[asked, "…"]);
        } else if own < HALFOP {
            return self.numeric(who, "482", &[asked, "…"]);
        }
        let Some(kicked) = self.find(nick) else {
            return self.numeric(who, "401", &[nick, "…"]);
        };
        if !self.is_in(&kicked, &channel) {
            return self.numeric(who, "441", &[nick, asked, "…"]);
        }
        let other = self.level_in(&kicked, &channel);
        if kicked != who && (own < other || own == HALFOP && other == HALFOP) {
            return self.numeric(who, "482", &[&name, "…"]);
        }
        let line = self.line(who, "KICK", &[&name, &self.nick(&kicked), reason]);
        for member in self.witnesses(&channel, &kicked) {
            self.tell(&member, &line);
        }
        self.remove_member(&kicked, &channel, kicked == who);
    }

    pub fn invite(&mut self, who: &str, params: &[&str]) {
        let (nick, asked) = match params {
            [] => return self.tell_invites(who),
            [nick, asked, ..] if !nick.is_empty() && !asked.is_empty() => (*nick, *asked),
            _ => return self.numeric(who, "461", &["INVITE", "…"]),
        };
        let Some(channel) = self.channel_for(who, asked) else {
            return self.no_such_channel(who, asked);
        };
        let ranked = self.level_in(who, &channel) >= HALFOP;
        if !self.is_in(who, &channel) {
            return self.numeric(who, "442", &[asked, "…"]);
        } else if self.channels[&channel].modes.contains(&'i') && !ranked {
            return self.numeric(who, "482", &[asked, "…"]);
        }
        let Some(invited) = self.find(nick) else {
            return self.numeric(who, "401", &[nick, "…"]);
        };
        let (name, nick_now) = (self.channels[&channel].name.clone(), self.nick(&invited));
        if self.is_in(&invited, &channel) && self.sees(&channel, who, &invited) {
            return self.numeric(who, "443", &[nick, &name, "…"]);
        }
        let invites = &mut self.client(&invited).invites;
        if ranked && !invites.contains(&channel) {
            invites.push(channel.clone());
            if invites.len() > INVITES_MAX {
                invites.remove(0);
            }
        }
        self.numeric(who, "341", &[&nick_now, &name]);
        if let Some(away) = self.clients[&invited].away.clone() {
            self.numeric(who, "301", &[&nick_now, &away]);
        }
        let line = self.line(who, "INVITE", &[&nick_now, &name]);
        self.tell(&invited, &line);
        for member in self.members(&channel) {
            if member != who {
                self.tell_with(&member, "invite-notify", &line);
            }
        }
    }

    fn tell_invites(&mut self, who: &str) {
        for channel in self.clients[who].invites.clone() {
            let name = self.channels[&channel].name.clone();
            self.numeric(who, "336", &[&name]);
        }
        self.numeric(who, "337", &["…"]);
    }

    pub fn knock(&mut self, who: &str, params: &[&str]) {
        let Some(channel) = self.channel_for(who, params[0]) else {
            return self.no_such_channel(who, params[0]);
        };
        let room = &self.channels[&channel];
        let name = room.name.clone();
        let full = room.limit.is_some_and(|limit| room.members.len() >= limit as usize);
        let open = !room.modes.contains(&'i') && room.key.is_none() && !full;
        let refusal = if self.is_in(who, &channel) {
            Some("714")
        } else if open {
            Some("713")
        } else if self.is_banned(who, &channel, true) {
            Some("480")
        } else if self.now < self.clients[who].knocks_again {
            Some("712")
        } else {
            None
        };
        if let Some(code) = refusal {
            return self.numeric(who, code, &[&name, "…"]);
        }
        self.client(who).knocks_again = self.now + 60;
        let text = match params.get(1) {
            Some(text) => format!("has asked for an invite: {text}"),
            None => "has asked for an invite.".into(),
        };
        // From the server, with the tags of the user who knocks.
        let mut line = self.line(who, "710", &[&name, &name, &self.mask(who), &text]);
        line.source = "srv".into();
        for member in self.members(&channel) {
            if self.level_in(&member, &channel) >= HALFOP {
                self.tell(&member, &line);
            }
        }
        self.numeric(who, "711", &[&name, "…"]);
    }

    pub fn topic(&mut self, who: &str, params: &[&str]) {
        let Some(channel) = self.channel_for(who, params[0]) else {
            return self.no_such_channel(who, params[0]);
        };
        let name = self.channels[&channel].name.clone();
        let Some(text) = params.get(1) else {
            if self.channels[&channel].topic.is_none() {
                self.numeric(who, "331", &[&name, "…"]);
            }
            return self.tell_topic(&self.at(), &channel);
        };
        if !self.is_in(who, &channel) {
            return self.numeric(who, "442", &[&name, "…"]);
        }
        let locked = self.channels[&channel].modes.contains(&'t');
        if locked && self.level_in(who, &channel) < HALFOP {
            return self.numeric(who, "482", &[&name, "…"]);
        }
        let topic = (text.to_string(), self.mask(who), self.now);
        self.channel(&channel).topic = Some(topic).filter(|_| !text.is_empty());
        let line = self.line(who, "TOPIC", &[&name, text]);
        for member in self.members(&channel) {
            self.tell(&member, &line);
        }
    }

    fn tell_topic(&mut self, conn: &str, channel: &str) {
        let name = self.channels[channel].name.clone();
        let who = self.conns[conn].client.clone();
        if let Some((text, by, at)) = self.channels[channel].topic.clone() {
            let topic = self.numeric_line(&who, "332", &[&name, &text]);
            let set = self.numeric_line(&who, "333", &[&name, &by, &at.to_string()]);
            self.tell_conn(conn, &topic);
            self.tell_conn(conn, &set);
        }
    }

    pub fn rename(&mut self, who: &str, params: &[&str]) {
        let (old, new) = (params[0], params[1]);
        let reason = params.get(2).copied().unwrap_or_default();
        let Some(channel) = self.channel_for(who, old) else {
            return self.no_such_channel(who, old);
        };
        if !self.is_in(who, &channel) {
            return self.numeric(who, "442", &[old, "…"]);
        } else if self.level_in(who, &channel) < OP {
            return self.numeric(who, "482", &[old, "…"]);
        }
        let taken = folded(new) != channel && self.channels.contains_key(&folded(new));
        if !is_channel_name(new) || taken {
            let code = if taken { "CHANNEL_NAME_IN_USE" } else { "CANNOT_RENAME" };
            let line = Line::new("srv", "FAIL", &["RENAME", code, old, shown(new), "…"]);
            return self.tell(who, &line);
        }
        let mut room = self.channels.remove(&channel).expect("a channel");
        let before = std::mem::replace(&mut room.name, new.into());
        self.channels.insert(folded(new), room);
        for client in self.clients.values_mut() {
            for invite in client.invites.iter_mut().filter(|invite| **invite == channel) {
                *invite = folded(new);
            }
        }
        let line = self.line(who, "RENAME", &[&before, new, reason]);
        let members = self.members(&folded(new));
        let conns = members.iter().flat_map(|member| self.conns_of(member));
        for conn in conns.collect::<Vec<_>>() {
            if self.conn_has(&conn, "draft/channel-rename") {
                self.tell_conn(&conn, &line);
            } else if folded(new) != channel {
                let member = self.conns[&conn].client.clone();
                let both = [&*before, reason];
                let params = if reason.is_empty() { &both[..1] } else { &both[..] };
                let line = self.line(&member, "PART", params);
                self.tell_conn(&conn, &line);
                self.tell_join_on(&conn, &folded(new), &member);
                self.tell_channel(&conn, &folded(new));
            }
        }
    }

    pub fn names_command(&mut self, who: &str, params: &[&str]) {
        let Some(asked) = params.first() else { return self.numeric(who, "366", &["*", "…"]) };
        for asked in asked.split(',') {
            match self.channel_for(who, asked) {
                Some(channel) => self.names(&self.at(), &channel),
                None => self.numeric(who, "366", &[asked, "…"]),
            }
        }
    }

    fn names(&mut self, conn: &str, channel: &str) {
        let who = &*self.conns[conn].client.clone();
        let all = self.conn_has(conn, "multi-prefix");
        let name = self.channels[channel].name.clone();
        let called = |member: &String| match self.conn_has(conn, "userhost-in-names") {
            true => self.mask(member),
            false => self.nick(member),
        };
        let shown = self.shown_in(channel, who);
        let shown: Vec<String> = shown
            .iter()
            .map(|member| self.prefixes(channel, member, all) + &called(member))
            .collect();
        let symbol = if self.channels[channel].modes.contains(&'s') { "@" } else { "=" };
        let list = self.numeric_line(who, "353", &[symbol, &name, &shown.join(" ")]);
        let end = self.numeric_line(who, "366", &[&name, "…"]);
        if !shown.is_empty() {
            self.tell_conn(conn, &list);
        }
        self.tell_conn(conn, &end);
    }

    pub fn prefixes(&self, channel: &str, who: &str, all: bool) -> String {
        let ranks = &self.channels[channel].members[who];
        let held = "qaohv".chars().zip("~&@%+".chars()).filter(|(rank, _)| ranks.contains(rank));
        held.map(|(_, prefix)| prefix).take(if all { 5 } else { 1 }).collect()
    }

    /// The members that `asker` may see. Outsiders see neither those with mode `i` nor those
    /// without rank in an auditorium.
    pub fn shown_in(&self, channel: &str, asker: &str) -> Vec<String> {
        let mut members = self.members(channel);
        if self.is_in(asker, channel) {
            members.retain(|member| self.sees(channel, asker, member));
        } else {
            members.retain(|member| {
                !self.clients[member].modes.contains(&'i')
                    && self.sees_from_outside(channel, member)
            });
        }
        members
    }

    pub fn sees_from_outside(&self, channel: &str, member: &str) -> bool {
        !self.channels[channel].modes.contains(&'u') || self.level_in(member, channel) > 0
    }

    pub fn who(&mut self, who: &str, params: &[&str]) {
        let asked = params.first().copied().unwrap_or_default();
        if let Some(channel) = self.channel_for(who, asked) {
            let name = self.channels[&channel].name.clone();
            let all = self.has("multi-prefix");
            let shown = self.shown_in(&channel, who);
            self.in_any_order(|model| {
                for member in shown {
                    let client = &model.clients[&member];
                    let here = if client.away.is_some() { "G" } else { "H" };
                    let bot = if client.modes.contains(&'B') { "B" } else { "" };
                    let flags = format!("{here}{}{bot}", model.prefixes(&channel, &member, all));
                    let username = client.username.clone();
                    let (nick, realname) = (client.nick.clone(), format!("0 {}", client.realname));
                    let params = [&*name, &username, "localhost", "srv", &nick, &flags, &realname];
                    model.numeric(who, "352", &params);
                }
            });
        }
        self.numeric(who, "315", &[asked, "…"]);
    }
}
