//! The one way in which a message is sent: it gets its id, is stored, and reaches its recipients.
//! Callers check before whether it may be sent.

use crate::chat::event::{Stamp, What};
use crate::chat::message::client_tags::is_stored_tagmsg;
use crate::chat::reply::Sink;
use crate::chat::reply::line::{Line, LineTags};
use crate::chat::reply::lines::Lines;
use crate::chat::state::caps::Cap;
use crate::chat::state::channels::{ChannelMode, Member};
use crate::chat::state::ids::ChannelId;
use crate::chat::state::message::{Kind, Said, Speaker, Target, Words};
use crate::chat::state::ranks::Rank;
use crate::chat::state::redactable::Recent;
use crate::chat::state::sessions::Session;
use crate::chat::{Caller, Chat};
use crate::net::Outbox;
use crate::store::{self, Text};
use crate::wire::irc::names::is_relayed_nick;
use std::fmt;

/// When a speaker who has requested `echo-message` receives the echo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EchoTime {
    Now,
    /// As a receipt: see `receipts`.
    OnceStored,
}

/// The reason why [`Chat::announce`] sent nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unannounced {
    /// The name is not that of a source: a nick with a `/` in it.
    BadName,
    /// There is no channel of that name.
    NoSuchChannel,
    /// The text is empty or has a control character.
    BadText,
}

impl Chat {
    /// Sends `text` to a channel for a source that is no user, such as a hook or a device. It has
    /// the tag of a bot, and enters the history like any message. The channel's modes do not apply,
    /// since the server itself was told to send it. `name` is a nick with a `/` in it, which no
    /// user has.
    pub fn announce(
        &mut self,
        out: &mut Outbox,
        channel: &str,
        name: &str,
        text: &str,
    ) -> Result<(), Unannounced> {
        if !is_relayed_nick(name, self.settings.limits.nick_max) {
            return Err(Unannounced::BadName);
        }
        if text.is_empty() || text.contains(['\0', '\r', '\n']) {
            return Err(Unannounced::BadText);
        }
        let channel = self.channels.find(channel).ok_or(Unannounced::NoSuchChannel)?;
        let source = format!("{name}!service@{}", self.settings.server_name);
        let said = Said {
            speaker: Speaker::Named(&source),
            kind: Kind::Privmsg,
            target: Target::Channel(channel, None),
            words: Words::Line(text),
            client_tags: "",
        };
        self.say_message(&mut Sink::new(out), &said);
        Ok(())
    }

    /// Sends a message that passed all checks.
    pub(crate) fn say_message(&mut self, sink: &mut Sink, said: &Said) {
        self.happen(sink, What::Said(said));
        if let (Kind::Privmsg, Speaker::User(by)) = (said.kind, said.speaker) {
            self.tell_if_away(sink, by, said.target);
        }
    }

    /// Applies a message: stores it, and sends it to its recipients.
    pub(crate) fn said(&mut self, sink: &mut Sink, stamp: Stamp, said: &Said) {
        let name = self.target_name(said.target);
        let history = self.history_target(said.speaker.caller(), said.target);
        self.note_said(stamp, said, history.clone());
        let echo = self.store_said(sink, stamp, said, &name, history);
        let tags = self.tags_of_said(stamp, said);
        let (source, command) = (self.source_of(&said.speaker), said.kind.command());
        match said.words {
            Words::Line(text) => {
                let (params, text) = ([&*name], (said.kind != Kind::Tagmsg).then_some(text));
                let mut line = Line::new(source, command, &params).text(text).tagged(tags);
                self.deliver(sink, said.speaker, said.target, echo, &mut |sink, session| {
                    if said.kind != Kind::Tagmsg || session.caps.has(Cap::MessageTags) {
                        line.to(sink, session);
                    }
                });
            }
            Words::Lines(lines) => {
                let lines = Lines { source, command, target: &name, texts: lines, tags };
                lines.compose(&self.settings.limits, |say| {
                    self.deliver(sink, said.speaker, said.target, echo, say);
                });
            }
        }
    }

    /// Notes what later commands depend on: for REDACT, WHOIS, and the modes `W` and `R`.
    fn note_said(&mut self, stamp: Stamp, said: &Said, history: Option<store::Target>) {
        let caller = said.speaker.caller();
        let target = match said.target {
            Target::User(user) => self.users[user].nick(),
            Target::Channel(channel, _) => &self.channels[channel].name,
        };
        let by = caller.map(|by| &self.users[by.user]);
        let (nick, serial) = by.map_or(("", Recent::OF_NO_USER), |by| (by.nick(), by.serial));
        let max = self.settings.limits.redactable_max;
        let recent = Recent::new(stamp.msgid, nick, target, history, serial);
        self.redactable.remember(recent, max);
        let Some(Caller { user, .. }) = caller else { return };
        self.users[user].acted_at = stamp.at_s() as u32;
        match said.target {
            Target::User(other) => self.accept_answer(user, other),
            Target::Channel(channel, _) if said.kind != Kind::Tagmsg => {
                self.note_spoke(stamp, channel, user);
            }
            Target::Channel(..) => {}
        }
    }

    /// Stores a message if its target has a history.
    fn store_said(
        &mut self,
        sink: &mut Sink,
        stamp: Stamp,
        said: &Said,
        name: &str,
        history: Option<store::Target>,
    ) -> EchoTime {
        let is_stored = said.kind != Kind::Tagmsg || is_stored_tagmsg(said.client_tags);
        let Some(history) = history.filter(|_| is_stored) else { return EchoTime::Now };
        let (source, tags) = (self.source_of(&said.speaker), self.tags_of_said(stamp, said));
        let words = said.words.to_store();
        let message = self.to_store(stamp.at_ms, source, said.kind.command(), tags, words);
        let user = said.speaker.caller().map(|by| by.user);
        self.append_message(sink, user, history, name, message);
        EchoTime::OnceStored
    }

    fn source_of<'s>(&'s self, speaker: &Speaker<'s>) -> &'s str {
        match *speaker {
            Speaker::User(by) => self.users[by.user].mask(),
            Speaker::Through { source, .. } | Speaker::Named(source) => source,
        }
    }

    fn tags_of_said<'s>(&'s self, stamp: Stamp<'s>, said: &Said<'s>) -> LineTags<'s> {
        let tags = match said.speaker {
            Speaker::User(by) => self.tags_of(by.user),
            Speaker::Through { relayed_by, .. } => LineTags { relayed_by, ..LineTags::default() },
            Speaker::Named(_) => LineTags { bot: true, ..LineTags::default() },
        };
        let (msgid, at_ms) = (Some(stamp.msgid), Some(stamp.at_ms));
        LineTags { msgid, at_ms, client: said.client_tags, ..tags }
    }

    /// The name of a target on the wire: a channel's has the prefix of a rank, if one is addressed.
    pub(crate) fn target_name(&self, target: Target) -> String {
        match target {
            Target::User(user) => self.users[user].nick().to_owned(),
            Target::Channel(channel, rank) => {
                let prefix = Rank::LETTERS.iter().find(|(_, _, known)| Some(*known) == rank);
                let name = &self.channels[channel].name;
                prefix.map_or_else(|| name.to_string(), |(_, prefix, _)| format!("{prefix}{name}"))
            }
        }
    }

    /// Calls `say` for each connection that receives a message of `speaker` to `target`. The
    /// speaker's own are among them if they have requested `echo-message`, unless the echo waits.
    /// In a channel the speaker's other connections always are.
    pub(crate) fn deliver(
        &self,
        sink: &mut Sink,
        speaker: Speaker,
        target: Target,
        echo: EchoTime,
        say: &mut dyn FnMut(&mut Sink, &Session),
    ) {
        let rank = match target {
            Target::Channel(channel, rank) => {
                rank.max(self.least_rank_to_hear(channel, speaker.caller()))
            }
            Target::User(_) => None,
        };
        self.deliver_to_rank(sink, speaker, target, rank, echo, say);
    }

    /// Calls `say` as [`Chat::deliver`] does, for all members of a channel with `rank`, whoever the
    /// speaker is.
    pub(crate) fn deliver_to_rank(
        &self,
        sink: &mut Sink,
        speaker: Speaker,
        target: Target,
        rank: Option<Rank>,
        echo: EchoTime,
        say: &mut dyn FnMut(&mut Sink, &Session),
    ) {
        let caller = speaker.caller();
        // Before the other members, so that later lines about it come later.
        for conn in caller.iter().flat_map(|by| &self.users[by.user].conns) {
            let session = &self.sessions[*conn];
            let is_other = caller.is_some_and(|by| by.conn != *conn);
            let shows_own = is_other && matches!(target, Target::Channel(..));
            let hears = match session.caps.has(Cap::EchoMessage) {
                true => echo == EchoTime::Now,
                false => shows_own || speaker.is_figure(),
            };
            if hears {
                say(sink, session);
            }
        }
        let own = caller.map(|by| by.user);
        match target {
            Target::User(user) if Some(user) == own => {
                // The echo answers the command; this is the message itself.
                sink.unlabelled(|sink| {
                    self.users[user].conns.iter().for_each(|conn| say(sink, &self.sessions[*conn]));
                });
            }
            Target::User(user) => {
                self.users[user].conns.iter().for_each(|conn| say(sink, &self.sessions[*conn]));
            }
            Target::Channel(channel, _) => {
                let hears = |member: &&Member| rank.is_none_or(|rank| member.ranks.at_least(rank));
                for member in self.channels[channel].members.iter().filter(hears) {
                    if Some(member.user) != own {
                        let conns = &self.users[member.user].conns;
                        conns.iter().for_each(|conn| say(sink, &self.sessions[*conn]));
                    }
                }
            }
        }
    }

    /// Mode `U`: messages of speakers without a rank go to halfops and higher.
    pub(crate) fn least_rank_to_hear(
        &self,
        channel: ChannelId,
        speaker: Option<Caller>,
    ) -> Option<Rank> {
        let member = speaker.and_then(|by| self.member(channel, by.user));
        let is_ranked = member.is_some_and(|member| member.ranks.highest().is_some());
        let moderated = self.channels[channel].is(ChannelMode::OpModerated);
        (moderated && !is_ranked).then_some(Rank::Halfop)
    }
}

impl Words<'_> {
    fn to_store(self) -> Text {
        match self {
            Words::Line(text) => Text::Line(text.to_owned()),
            Words::Lines(lines) => {
                let line = |(text, concat): &(&str, bool)| store::Line {
                    text: (*text).to_owned(),
                    concat: *concat,
                };
                Text::Lines(lines.iter().map(line).collect())
            }
        }
    }
}

impl fmt::Display for Unannounced {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Unannounced::BadName => "the name of a source is a nick with a / in it",
            Unannounced::NoSuchChannel => "there is no such channel",
            Unannounced::BadText => "the text is empty or has a control character",
        })
    }
}
