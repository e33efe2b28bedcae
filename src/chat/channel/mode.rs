//! MODE of channels. Modern IRC, "MODE message" and "Channel Modes".

use crate::chat::command::Command;
use crate::chat::event::{Source, Stamp, What};
use crate::chat::reply::Sink;
use crate::chat::reply::line::{Line, LineTags};
use crate::chat::reply::numeric::*;
use crate::chat::state::channels::{ChannelMode, List, Member, Slow};
use crate::chat::state::ids::{ChannelId, UserId};
use crate::chat::state::mode_change::ModeChange;
use crate::chat::state::ranks::{Rank, Ranks};
use crate::chat::{Caller, Chat};
use crate::wire::casemap;
use crate::wire::irc::names::{ChannelName, Key};
use crate::wire::irc::{Message, PARAMS_MAX};

pub(crate) const MODE: Command =
    Command::user("MODE", 1, Chat::mode).asks_about(0).ends_idle_with(2).help(
        "MODE target [modes [parameter …]]",
        &[
            "Shows, sets and unsets modes of a channel, or your own.",
            "MODE #channel b lists the bans. See HELP chmodes and HELP umodes.",
        ],
    );

/// Changes with a parameter in one command: ISUPPORT `MODES`.
pub(crate) const MODES_MAX: usize = 20;

/// Changes with a parameter in one line: with channel and letters no more than [`PARAMS_MAX`].
const LINE_PARAMS_MAX: usize = 12;

/// Bytes of letters and parameters in one MODE line; with mask and channel they fit into 510.
const CHANGES_MAX: usize = 300;

/// Lines that a change of mode `u` may send, about each of the audience to each other. Above it
/// none is sent: member lists in clients stay as they were until NAMES.
const AUDIENCE_LINES_MAX: usize = 10_000;

/// Lines caused by one command that cost as much as a tenth of a line from the user.
pub(crate) const LINES_PER_TENTH: usize = 50;

/// The changes of one command, as MODE lines announce them.
#[derive(Default)]
pub(crate) struct Changes {
    letters: String,
    params: Vec<String>,
    sign: Option<bool>,
    /// Mode `u` is among them. Allowed once a command, because of the lines it sends.
    auditorium: bool,
    /// A change other than of a rank is among them: a registered channel must be saved.
    lasting: bool,
    /// Ranks don't matter.
    forced: bool,
    /// When the bans set here end, in seconds since 1970; `None` for never.
    pub(crate) until: Option<u64>,
    /// How many had a parameter.
    count: usize,
    /// Lines that are complete already.
    full: Vec<(String, Vec<String>)>,
}

impl Changes {
    pub(crate) fn push(&mut self, on: bool, letter: char, param: Option<&str>) {
        self.lasting |= Rank::of(letter).is_none();
        let bytes = self.letters.len() + self.params.iter().map(|p| p.len() + 1).sum::<usize>();
        if self.params.len() == LINE_PARAMS_MAX || bytes + param.map_or(0, str::len) > CHANGES_MAX {
            self.full.push((std::mem::take(&mut self.letters), std::mem::take(&mut self.params)));
            self.sign = None;
        }
        if self.sign.replace(on) != Some(on) {
            self.letters.push(if on { '+' } else { '-' });
        }
        self.letters.push(letter);
        self.params.extend(param.map(str::to_owned));
    }

    fn lines(mut self) -> Vec<(String, Vec<String>)> {
        if !self.letters.is_empty() {
            self.full.push((self.letters, self.params));
        }
        self.full
    }
}

impl Chat {
    /// `MODE target [modestring [arguments…]]`.
    pub(crate) fn mode(&mut self, sink: &mut Sink, by: Caller, message: &Message) {
        let target = message.params[0];
        let (modes, params) = match message.params.get(1..) {
            Some([modes, params @ ..]) if !modes.is_empty() => (*modes, params),
            _ => ("", &[][..]),
        };
        // With the most parameters a message may have, the last holds all the rest, with spaces.
        let whole = message.params.len() == PARAMS_MAX;
        let params: Vec<&str> = match params.split_last() {
            Some((last, before)) if whole => {
                before.iter().copied().chain(last.split(' ')).collect()
            }
            _ => params.to_vec(),
        };
        let params = &params[..];
        if !ChannelName::is_meant_by(target) {
            return self.user_mode(sink, by, target, modes, params);
        }
        let Some(channel) = self.channel_for(by, target) else {
            return self.no_such_channel(sink, by, target);
        };
        self.end_timed_bans(sink, channel);
        if modes.is_empty() {
            return self.tell_modes(sink, by, channel);
        }
        self.change_modes(sink, by, channel, modes, params, false);
    }

    fn tell_modes(&self, sink: &mut Sink, by: Caller, channel: ChannelId) {
        let member = self.users[by.user].is_in(channel);
        let channel = &self.channels[channel];
        let modes = channel.mode_text(member);
        let mut params = vec![&*channel.name];
        params.extend(modes.iter().map(String::as_str));
        self.numeric(sink, by.conn, RPL_CHANNELMODEIS, &params);
        let created = channel.created.to_string();
        self.numeric(sink, by.conn, RPL_CREATIONTIME, &[&channel.name, &created]);
    }

    /// Changes modes of a channel. If `forced`, the ranks of `by` don't matter.
    pub(crate) fn change_modes(
        &mut self,
        sink: &mut Sink,
        by: Caller,
        channel: ChannelId,
        modes: &str,
        params: &[&str],
        forced: bool,
    ) {
        self.apply_letters(
            sink,
            by,
            channel,
            modes,
            params,
            Changes { forced, ..Changes::default() },
        );
    }

    /// Sets a ban that ends at `until`, in seconds since 1970; otherwise like `MODE +b`.
    pub(crate) fn ban_until(
        &mut self,
        sink: &mut Sink,
        by: Caller,
        channel: ChannelId,
        mask: &str,
        until: u64,
    ) {
        let changes = Changes { until: Some(until), ..Changes::default() };
        self.apply_letters(sink, by, channel, "+b", &[mask], changes);
    }

    fn apply_letters(
        &mut self,
        sink: &mut Sink,
        by: Caller,
        channel: ChannelId,
        modes: &str,
        params: &[&str],
        mut changes: Changes,
    ) {
        let mut params = params.iter().copied().filter(|param| !param.is_empty());
        let mut listed = [false; 3];
        // One error is sent for all the letters that are refused.
        let mut refused = false;
        let mut on = true;
        for letter in modes.chars() {
            match letter {
                '+' => on = true,
                '-' => on = false,
                letter => {
                    let param = match takes_parameter(letter, on) {
                        true => params.next(),
                        false => None,
                    };
                    changes.count += usize::from(param.is_some());
                    if param.is_some() && changes.count > MODES_MAX {
                        if changes.count == MODES_MAX + 1 {
                            self.refuse_more_modes(sink, by, channel);
                        }
                        continue;
                    }
                    if let (Some(list), None) = (List::of(letter), param) {
                        if !std::mem::replace(&mut listed[list as usize], true) {
                            self.tell_list(sink, by, channel, list);
                        }
                        continue;
                    }
                    let allowed =
                        self.change_mode(sink, by, channel, (on, letter, param), &mut changes);
                    if !allowed && !std::mem::replace(&mut refused, true) {
                        self.refuse_mode(sink, by, channel);
                    }
                }
            }
        }
        let lasting = changes.lasting;
        self.tell_changes(sink, by, channel, changes);
        if lasting {
            self.save_channel(sink, channel);
        }
    }

    fn refuse_more_modes(&self, sink: &mut Sink, by: Caller, channel: ChannelId) {
        let text = format!("A MODE changes {MODES_MAX} things with a parameter at most");
        let name = &self.channels[channel].name;
        self.numeric_saying(sink, by.conn, ERR_TOOMANYTARGETS, &[name], &text);
    }

    fn refuse_mode(&self, sink: &mut Sink, by: Caller, channel: ChannelId) {
        self.numeric(sink, by.conn, ERR_CHANOPRIVSNEEDED, &[&self.channels[channel].name]);
    }

    fn tell_changes(&mut self, sink: &mut Sink, by: Caller, channel: ChannelId, changes: Changes) {
        let source = Source::User(by.user);
        for (letters, params) in changes.lines() {
            let (letters, params) = (&*letters, &params[..]);
            self.happen(sink, What::ModesTold { source, channel, letters, params });
        }
    }

    /// Applies the telling of mode changes: one MODE line to the members.
    pub(crate) fn modes_told(
        &mut self,
        sink: &mut Sink,
        stamp: Stamp,
        source: Source,
        channel: ChannelId,
        (letters, values): (&str, &[String]),
    ) {
        let name = self.channels[channel].name.clone();
        let mut params = vec![&*name, letters];
        params.extend(values.iter().map(String::as_str));
        self.append_event(sink, stamp, source, &[channel], ("MODE", &params.join(" ")));
        let tags = self.event_tags(stamp, source);
        let mut line = Line::new(self.source_name(source), "MODE", &params).tagged(tags);
        self.to_channel(sink, &mut line, channel);
    }

    /// Applies one change of a mode.
    pub(crate) fn mode_changed(
        &mut self,
        sink: &mut Sink,
        stamp: Stamp,
        channel: ChannelId,
        change: ModeChange,
    ) {
        match change {
            ModeChange::Rank { user, rank, on, willingly } => {
                return self.rank_changed(sink, stamp, (channel, user), (rank, on), willingly);
            }
            // Members are hidden or visible before the change is announced.
            ModeChange::Flag(ChannelMode::Auditorium, on)
                if self.audience_lines(channel) <= AUDIENCE_LINES_MAX =>
            {
                if on {
                    self.hide_all(sink, channel)
                } else {
                    self.reveal_all(sink, channel)
                }
            }
            _ => {}
        }
        self.channels[channel].change(change, stamp.at_s());
    }

    /// Applies one letter. Returns false if `by` may not.
    fn change_mode(
        &mut self,
        sink: &mut Sink,
        by: Caller,
        channel: ChannelId,
        (on, letter, param): (bool, char, Option<&str>),
        changes: &mut Changes,
    ) -> bool {
        let ranks = self.member(channel, by.user).map(|member| member.ranks).unwrap_or_default();
        if let Some(rank) = Rank::of(letter) {
            return self.change_rank(sink, by, channel, (on, letter, rank, param), changes);
        }
        let known = "klfW".contains(letter)
            || List::of(letter).is_some()
            || ChannelMode::of(letter).is_some();
        if !known {
            let letter = letter.to_string();
            self.numeric(sink, by.conn, ERR_UNKNOWNMODE, &[&letter]);
            return true;
        }
        let halfops = List::of(letter).is_some() || "imntk".contains(letter);
        let least = if halfops { Rank::Halfop } else { Rank::Op };
        if !changes.forced && !ranks.at_least(least) {
            return false;
        }
        if let Some(list) = List::of(letter) {
            self.change_list(sink, by, channel, (on, letter, list, param), changes);
        } else if let Some(mode) = ChannelMode::of(letter) {
            self.change_flag(sink, by, channel, (on, letter, mode), changes);
        } else {
            self.change_value(sink, by, channel, (on, letter, param), changes);
        }
        true
    }

    fn change_flag(
        &mut self,
        sink: &mut Sink,
        by: Caller,
        channel: ChannelId,
        (on, letter, mode): (bool, char, ChannelMode),
        changes: &mut Changes,
    ) {
        if self.channels[channel].is(mode) == on {
            return;
        }
        if mode == ChannelMode::Auditorium {
            if std::mem::replace(&mut changes.auditorium, true) {
                return;
            }
            let lines = self.audience_lines(channel);
            self.pay(sink.out, by.conn, (lines / LINES_PER_TENTH) as u32);
        }
        self.change(sink, channel, ModeChange::Flag(mode, on));
        changes.push(on, letter, None);
    }

    fn change(&mut self, sink: &mut Sink, channel: ChannelId, change: ModeChange) {
        self.happen(sink, What::ModeChanged { channel, change });
    }

    /// How many lines announce each of the audience to all members.
    fn audience_lines(&self, channel: ChannelId) -> usize {
        let members = &self.channels[channel].members;
        let audience = members.iter().filter(|member| member.ranks.highest().is_none());
        audience.count() * members.len()
    }

    /// Sends PARTs of hidden members: they would stay in clients' member lists for good.
    fn hide_all(&mut self, sink: &mut Sink, channel: ChannelId) {
        self.channels[channel].modes.set(ChannelMode::Auditorium, true);
        for hidden in &self.channels[channel].members {
            self.tell_hidden(sink, channel, *hidden, |_| true);
        }
    }

    fn reveal_all(&mut self, sink: &mut Sink, channel: ChannelId) {
        let members = self.channels[channel].members.clone();
        self.channels[channel].modes.set(ChannelMode::Auditorium, false);
        for hidden in members.iter().filter(|member| member.ranks.highest().is_none()) {
            self.tell_join(sink, channel, *hidden, &self.new_id(sink), |to| {
                to.user != hidden.user && !to.ranks.at_least(Rank::Halfop)
            });
        }
    }

    /// Modes `k`, `l`, `f` and `W`.
    fn change_value(
        &mut self,
        sink: &mut Sink,
        by: Caller,
        id: ChannelId,
        (on, letter, param): (bool, char, Option<&str>),
        changes: &mut Changes,
    ) {
        let limits = &self.settings.limits;
        let channel = &self.channels[id];
        if !on {
            let (was_set, change) = match letter {
                'k' => (channel.key.is_some(), ModeChange::Key(None)),
                'l' => (channel.limit.is_some(), ModeChange::Limit(None)),
                'W' => (channel.slow.is_some(), ModeChange::Slow(None)),
                _ => (channel.forward.is_some(), ModeChange::Forward(None)),
            };
            if was_set {
                self.change(sink, id, change);
                changes.push(false, letter, Some("*").filter(|_| letter == 'k'));
            }
            return;
        }
        let Some(param) = param else {
            return self.bad_parameter(sink, by, id, letter, "*", "You must give a parameter");
        };
        match letter {
            'k' => {
                if Key::parse(param, limits.key_max).is_none() {
                    // The error does not repeat the key: it is a secret, and may be as long as a
                    // line.
                    let text = "Key is not well-formed";
                    return self.bad_parameter(sink, by, id, letter, "*", text);
                }
                if channel.key.as_deref() != Some(param) {
                    self.change(sink, id, ModeChange::Key(Some(param)));
                    changes.push(true, letter, Some(param));
                }
            }
            'l' => match param.parse::<u32>() {
                Ok(limit) if limit > 0 => {
                    if channel.limit != Some(limit) {
                        self.change(sink, id, ModeChange::Limit(Some(limit)));
                        changes.push(true, letter, Some(&limit.to_string()));
                    }
                }
                _ => self.bad_parameter(sink, by, id, letter, param, "A limit is a number above 0"),
            },
            'W' => match Slow::parse(param) {
                Some(seconds) => {
                    let before = channel.slow.as_ref().map(|slow| slow.seconds);
                    if before != Some(seconds) {
                        self.change(sink, id, ModeChange::Slow(Some(seconds)));
                        changes.push(true, letter, Some(&seconds.to_string()));
                    }
                }
                None => {
                    let text = "Slow mode takes seconds, 1 to 86400";
                    self.bad_parameter(sink, by, id, letter, param, text);
                }
            },
            _ => {
                let itself = casemap::same(param, &channel.name);
                if itself || ChannelName::parse(param, limits.channel_name_max).is_none() {
                    let text = "Forward to the name of another channel";
                    return self.bad_parameter(sink, by, id, letter, param, text);
                }
                let Some(there) = self.channel_for(by, param) else {
                    return self.bad_parameter(sink, by, id, letter, param, "No such channel");
                };
                if !changes.forced && !self.may_forward_to(by, there) {
                    let text = "You must be operator in the channel that you forward to";
                    return self.numeric_saying(
                        sink,
                        by.conn,
                        ERR_CHANOPRIVSNEEDED,
                        &[param],
                        text,
                    );
                }
                if self.channels[id].forward.as_deref() != Some(param) {
                    self.change(sink, id, ModeChange::Forward(Some(param)));
                    changes.push(true, letter, Some(param));
                }
            }
        }
    }

    /// Whether `by` may forward to that channel. Nobody may flood another's channel with refused
    /// users.
    fn may_forward_to(&self, by: Caller, there: ChannelId) -> bool {
        self.member(there, by.user).is_some_and(|member| member.ranks.at_least(Rank::Op))
    }

    pub(crate) fn bad_parameter(
        &self,
        sink: &mut Sink,
        by: Caller,
        channel: ChannelId,
        letter: char,
        param: &str,
        text: &str,
    ) {
        let name = &self.channels[channel].name;
        self.numeric(
            sink,
            by.conn,
            ERR_INVALIDMODEPARAM,
            &[name, &letter.to_string(), param, text],
        );
    }

    /// Modes `q`, `a`, `o`, `h` and `v`. Every member may give up their own.
    fn change_rank(
        &mut self,
        sink: &mut Sink,
        by: Caller,
        channel: ChannelId,
        (on, letter, rank, param): (bool, char, Rank, Option<&str>),
        changes: &mut Changes,
    ) -> bool {
        let giver = self.member(channel, by.user).map(|member| member.ranks).unwrap_or_default();
        let own = param.is_some_and(|nick| casemap::same(nick, self.users[by.user].nick()));
        let may = changes.forced || may_change(giver, rank) || (!on && own && giver.has(rank));
        if !may {
            return false;
        }
        let Some(nick) = param else {
            self.bad_parameter(sink, by, channel, letter, "*", "You must give a nick");
            return true;
        };
        let Some(user) = self.users.find(nick) else {
            self.numeric(sink, by.conn, ERR_NOSUCHNICK, &[nick]);
            return true;
        };
        let Some(member) = self.member(channel, user) else {
            let params = [self.users[user].nick(), &self.channels[channel].name];
            self.numeric(sink, by.conn, ERR_USERNOTINCHANNEL, &params);
            return true;
        };
        // A member who outranks the giver keeps their ranks.
        let above = user != by.user && member.ranks.highest() > giver.highest();
        if above && !changes.forced {
            return false;
        }
        if member.ranks.has(rank) != on {
            let willingly = user == by.user;
            self.change(sink, channel, ModeChange::Rank { user, rank, on, willingly });
            let nick = self.users[user].nick().to_owned();
            changes.push(on, letter, Some(&nick));
        }
        true
    }

    /// Gives or takes a rank. In an auditorium, a rank makes a member visible.
    fn rank_changed(
        &mut self,
        sink: &mut Sink,
        stamp: Stamp,
        (channel, user): (ChannelId, UserId),
        (rank, on): (Rank, bool),
        willingly: bool,
    ) {
        let place = self.users[user].place_in(channel).expect("a member");
        let before = self.channels[channel].members[place];
        self.channels[channel].members[place].ranks.set(rank, on);
        let after = self.channels[channel].members[place];
        let (was, is) = (before.ranks.at_least(Rank::Op), after.ranks.at_least(Rank::Op));
        if !was && is {
            self.note_operator_back(channel);
        } else if !on && !is {
            self.note_operator_gone(stamp, channel, before, (self.key(user), willingly));
        }
        if before.ranks.highest().is_none() {
            let id = self.new_id(sink);
            self.tell_join(sink, channel, after, &id, |to| !self.sees(channel, to, before));
        } else if after.ranks.highest().is_none() {
            self.tell_hidden(sink, channel, after, |_| true);
        }
        self.tell_newly_seen(sink, channel, before, after);
        self.save_presence(sink, before.user);
    }

    /// Sends JOINs or PARTs to a member who became halfop or higher, or ceased to be: others become
    /// visible or hidden to them.
    fn tell_newly_seen(&self, sink: &mut Sink, channel: ChannelId, before: Member, after: Member) {
        for other in &self.channels[channel].members {
            let (saw, sees) =
                (self.sees(channel, before, *other), self.sees(channel, after, *other));
            if sees && !saw {
                let id = self.new_id(sink);
                self.tell_join(sink, channel, *other, &id, |to| to.user == after.user);
            } else if saw && !sees {
                self.tell_hidden(sink, channel, *other, |to| to.user == after.user);
            }
        }
    }

    /// Sends `PART` to those members who satisfy `to` and may not see `hidden` any more.
    fn tell_hidden(
        &self,
        sink: &mut Sink,
        channel: ChannelId,
        hidden: Member,
        to: impl Fn(Member) -> bool,
    ) {
        let params = [&*self.channels[channel].name];
        let id = self.new_id(sink);
        let tags = LineTags { msgid: Some(&id), ..self.tags_of(hidden.user) };
        let mut line = Line::new(self.users[hidden.user].mask(), "PART", &params).tagged(tags);
        for member in &self.channels[channel].members {
            if !self.sees(channel, *member, hidden) && to(*member) {
                self.to_user(sink, &mut line, member.user);
            }
        }
    }
}

/// Whether a mode has a parameter. Modern IRC, "Channel Modes": types A, B and ranks always, type C
/// when set.
fn takes_parameter(letter: char, on: bool) -> bool {
    List::of(letter).is_some()
        || Rank::of(letter).is_some()
        || letter == 'k'
        || (on && "lfW".contains(letter))
}

/// Whether a member with the ranks `giver` may give or take `rank`.
fn may_change(giver: Ranks, rank: Rank) -> bool {
    match giver.highest() {
        Some(Rank::Founder) => true,
        Some(Rank::Admin | Rank::Op) => rank <= Rank::Op,
        Some(Rank::Halfop) => rank == Rank::Voice,
        _ => false,
    }
}
