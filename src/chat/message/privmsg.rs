//! PRIVMSG, NOTICE and TAGMSG. Modern IRC, "Sending Messages"; IRCv3 message-tags, echo-message.

use crate::chat::account::nickserv;
use crate::chat::message::client_tags::{client_only, is_stored_tagmsg};
use crate::chat::message::znc_playback::PLAYBACK;
use crate::chat::reply::Sink;
use crate::chat::reply::line::{Line, LineTags};
use crate::chat::reply::numeric::*;
use crate::chat::state::caps::Cap;
use crate::chat::state::channels::{ChannelMode, List, Member};
use crate::chat::state::ids::{ChannelId, UserId};
use crate::chat::state::message::{Kind, Target};
use crate::chat::state::ranks::Rank;
use crate::chat::state::redactable::Said;
use crate::chat::state::services::NICKSERV;
use crate::chat::state::services::is_service;
use crate::chat::state::sessions::Session;
use crate::chat::state::users::UserMode;
use crate::chat::{Caller, Chat};
use crate::store;
use crate::store::Text;
use crate::wire::casemap;
use crate::wire::irc::Message;
use crate::wire::irc::names::ChannelName;

/// When who has said something hears its echo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EchoTime {
    Now,
    /// It is a receipt: see `receipts`.
    OnceKept,
}

impl Chat {
    /// `PRIVMSG target{,target} text`. Modern IRC, "PRIVMSG message".
    pub(crate) fn privmsg(&mut self, sink: &mut Sink, by: Caller, message: &Message) {
        self.say_to_targets(sink, by, message, Kind::Privmsg);
    }

    /// `NOTICE target{,target} text`. Modern IRC, "NOTICE message".
    pub(crate) fn notice_command(&mut self, sink: &mut Sink, by: Caller, message: &Message) {
        self.say_to_targets(sink, by, message, Kind::Notice);
    }

    /// `TAGMSG target{,target}`. IRCv3 message-tags, "The TAGMSG tag-only message".
    pub(crate) fn tagmsg(&mut self, sink: &mut Sink, by: Caller, message: &Message) {
        self.say_to_targets(sink, by, message, Kind::Tagmsg);
    }

    fn say_to_targets(&mut self, sink: &mut Sink, by: Caller, message: &Message, kind: Kind) {
        let tagged = self.sessions[by.conn].caps.has(Cap::MessageTags);
        let client_tags = self.client_tags(by, message);
        let Some(targets) = message.params.first().filter(|targets| !targets.is_empty()) else {
            return self.complain(sink, by, kind, ERR_NORECIPIENT, &[], &no_recipient(kind));
        };
        let text = message.params.get(1).copied().filter(|_| kind != Kind::Tagmsg);
        let text = text.unwrap_or_default();
        if kind == Kind::Tagmsg && !tagged {
            return self.numeric(sink, by.conn, ERR_UNKNOWNCOMMAND, &["TAGMSG"]);
        }
        if kind != Kind::Tagmsg && text.is_empty() {
            return self.complain(sink, by, kind, ERR_NOTEXTTOSEND, &[], "No text to send");
        }
        let mut seen: Vec<&str> = Vec::new();
        for target in targets.split(',').filter(|target| !target.is_empty()) {
            if seen.iter().any(|before| casemap::same(before, target)) {
                continue;
            }
            if seen.len() == self.settings.limits.targets_max {
                let text = "Too many recipients";
                self.complain(sink, by, kind, ERR_TOOMANYTARGETS, &[target], text);
                break;
            }
            seen.push(target);
            if is_service(target) || casemap::same(target, PLAYBACK) {
                self.tell_service(sink, by, kind, target, text, &client_tags);
                if self.sessions[by.conn].user() != Some(by.user) {
                    return; // it speaks for another user by now
                }
                continue;
            }
            if let Some(target) = self.target(sink, by, kind, target, &[text]) {
                self.say_message(sink, by, kind, target, text, &client_tags);
            }
        }
    }

    /// The tags that a message passes on, from who may give any.
    pub(crate) fn client_tags(&self, by: Caller, message: &Message) -> String {
        let tagged = self.sessions[by.conn].caps.has(Cap::MessageTags);
        if tagged { client_only(message.tags) } else { String::new() }
    }

    /// A message to a service is a command, and nobody else hears it: it may have a password in it.
    /// The echo has none.
    fn tell_service(
        &mut self,
        sink: &mut Sink,
        by: Caller,
        kind: Kind,
        name: &str,
        text: &str,
        client_tags: &str,
    ) {
        let to_nickserv = casemap::same(name, NICKSERV);
        if self.sessions[by.conn].caps.has(Cap::EchoMessage) {
            let msgid = self.message_ids.next(sink.now().unix_ms);
            let shown = if to_nickserv { nickserv::without_passwords(text) } else { text.into() };
            let both = [name, &*shown];
            let params = if kind == Kind::Tagmsg { &both[..1] } else { &both[..] };
            let tags = self.tags_of(by.user);
            let tags = LineTags { msgid: Some(&msgid), client: client_tags, ..tags };
            let mask = self.users[by.user].mask();
            let mut line = Line::new(mask, kind.command(), params).tagged(tags);
            line.to(sink, &self.sessions[by.conn]);
        }
        match kind {
            Kind::Notice | Kind::Tagmsg => {}
            Kind::Privmsg if casemap::same(name, PLAYBACK) => self.tell_playback(sink, by, text),
            Kind::Privmsg if to_nickserv => self.nickserv_hears(sink, by, text),
            Kind::Privmsg => self.chanserv_hears(sink, by, text),
        }
    }

    /// Where a message may go that names `target`; says why not.
    pub(crate) fn target(
        &mut self,
        sink: &mut Sink,
        by: Caller,
        kind: Kind,
        target: &str,
        texts: &[&str],
    ) -> Option<Target> {
        let (rank, name) = status_prefix(target);
        if ChannelName::is_meant_by(name) {
            let Some(channel) = self.channel_to_speak_in(by, name) else {
                self.complain(sink, by, kind, ERR_NOSUCHCHANNEL, &[target], "No such channel");
                return None;
            };
            self.end_timed_bans(sink, channel);
            sink.unlabelled(|sink| self.elect_operator(sink, channel));
            let mut why = self.silences(channel, by.user, texts).map(str::to_owned);
            if why.is_none() && kind != Kind::Tagmsg {
                why = self.curbs(sink, channel, by.user, texts);
            }
            if let Some(why) = why {
                let name = self.channels[channel].name.clone();
                self.complain(sink, by, kind, ERR_CANNOTSENDTOCHAN, &[&name], &why);
                return None;
            }
            return Some(Target::Channel(channel, rank));
        }
        let Some(user) = self.users.find(target) else {
            self.complain(sink, by, kind, ERR_NOSUCHNICK, &[target], "No such nick/channel");
            return None;
        };
        let nick = self.users[user].nick().to_owned();
        if user != by.user && !self.accepts(user, by.user) {
            let text = "You must be logged in to speak to them in private";
            self.complain(sink, by, kind, ERR_NEEDREGGEDNICK, &[&nick], text);
            return None;
        }
        if self.users[user].is(UserMode::NoCtcp) && texts.iter().any(|text| is_request(text)) {
            let text = "They hear no CTCP (+T)";
            self.complain(sink, by, kind, ERR_CANNOTSENDTOUSER, &[&nick], text);
            return None;
        }
        self.accept_answer(by.user, user);
        Some(Target::User(user))
    }

    /// Into a secret channel that takes messages from outside one may speak if one knows its name.
    fn channel_to_speak_in(&self, by: Caller, name: &str) -> Option<ChannelId> {
        let open = |id: &ChannelId| !self.channels[*id].is(ChannelMode::NoExternal);
        self.channel_for(by, name).or_else(|| self.channels.find(name).filter(open))
    }

    /// Why a user may not say `texts` in a channel.
    pub(crate) fn silences(
        &self,
        id: ChannelId,
        user: UserId,
        texts: &[&str],
    ) -> Option<&'static str> {
        let (channel, speaker) = (&self.channels[id], &self.users[user]);
        let member = self.member(id, user);
        if channel.is(ChannelMode::NoExternal) && member.is_none() {
            return Some("Cannot send to channel (+n): you are not in it");
        }
        if channel.is(ChannelMode::NoCtcp) && texts.iter().any(|text| is_request(text)) {
            return Some("Cannot send to channel (+C): no CTCP");
        }
        if member.is_some_and(|member| member.ranks.at_least(Rank::Voice)) {
            return None;
        }
        if channel.is(ChannelMode::Moderated) {
            return Some("Cannot send to channel (+m): it is moderated");
        }
        if self.is_hushed(user) {
            return Some("Cannot send to channel: the server is under attack, log in to speak");
        }
        if channel.is(ChannelMode::LoggedInSpeak) && speaker.account().is_none() {
            return Some("Cannot send to channel (+M): you must be logged in");
        }
        let banned = channel.lists(List::Ban, |ban| ban.means(speaker))
            && !channel.lists(List::Except, |ban| ban.means(speaker));
        banned.then_some("Cannot send to channel (+b): you are banned")
    }

    /// Says one message where it may go.
    fn say_message(
        &mut self,
        sink: &mut Sink,
        by: Caller,
        kind: Kind,
        target: Target,
        text: &str,
        client_tags: &str,
    ) {
        let msgid = self.message_ids.next(sink.now().unix_ms);
        self.note_said(sink, by, target, &msgid);
        let name = self.target_name(target);
        let both = [&*name, text];
        let params = if kind == Kind::Tagmsg { &both[..1] } else { &both[..] };
        let echo = match kind {
            Kind::Tagmsg if !is_stored_tagmsg(client_tags) => EchoTime::Now,
            _ => self.keep(sink, by, target, &name, |chat, sink| {
                let tags = chat.tags_of(by.user);
                let tags = LineTags { msgid: Some(&msgid), client: client_tags, ..tags };
                let (mask, text) = (chat.users[by.user].mask(), Text::Line(text.to_owned()));
                chat.to_store(sink, mask, kind.command(), tags, text)
            }),
        };
        let tags = LineTags { msgid: Some(&msgid), client: client_tags, ..self.tags_of(by.user) };
        let mut line = Line::new(self.users[by.user].mask(), kind.command(), params).tagged(tags);
        self.deliver(sink, by, target, echo, &mut |sink, session| {
            if kind != Kind::Tagmsg || session.caps.has(Cap::MessageTags) {
                line.to(sink, session);
            }
        });
        if kind == Kind::Privmsg {
            self.tell_if_away(sink, by, target);
        }
    }

    /// The name of a target as it is written: of a channel with the prefix of a rank, if one is
    /// meant.
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

    /// Remembers who said what, and when: for WHOIS and REDACT.
    pub(crate) fn note_said(&mut self, sink: &Sink, by: Caller, target: Target, msgid: &str) {
        self.users[by.user].acted_at = sink.unix() as u32;
        let kept = self.history_target(by.user, target);
        let target = match target {
            Target::User(user) => self.users[user].nick(),
            Target::Channel(channel, _) => &self.channels[channel].name,
        };
        let by = &self.users[by.user];
        let said = Said::new(msgid, by.nick(), target, kept, by.serial);
        self.redactable.remember(said, self.settings.limits.redactable_max);
    }

    /// Keeps `message`, if messages to `target` are kept: then its echo is said once it is.
    pub(crate) fn keep(
        &mut self,
        sink: &mut Sink,
        by: Caller,
        target: Target,
        name: &str,
        message: impl FnOnce(&Chat, &Sink) -> store::Message,
    ) -> EchoTime {
        let Some(place) = self.history_target(by.user, target) else { return EchoTime::Now };
        let message = message(self, sink);
        self.append_message(sink, by.user, place, name, message);
        EchoTime::OnceKept
    }

    /// Has `say` called for each connection that is to hear what `by` says to `target`; for the
    /// speaker's own where it has asked for `echo-message`, unless that waits. What one says in a
    /// channel, one's other connections hear in any case.
    pub(crate) fn deliver(
        &self,
        sink: &mut Sink,
        by: Caller,
        target: Target,
        echo: EchoTime,
        say: &mut dyn FnMut(&mut Sink, &Session),
    ) {
        let rank = match target {
            Target::Channel(channel, rank) => rank.max(self.least_rank_to_hear(channel, by.user)),
            Target::User(_) => None,
        };
        self.deliver_to_rank(sink, by, target, rank, echo, say);
    }

    /// The same, but in a channel to all who have `rank`, whoever speaks.
    pub(crate) fn deliver_to_rank(
        &self,
        sink: &mut Sink,
        by: Caller,
        target: Target,
        rank: Option<Rank>,
        echo: EchoTime,
        say: &mut dyn FnMut(&mut Sink, &Session),
    ) {
        // Before the others, so that what is told of it later comes later.
        for conn in &self.users[by.user].conns {
            let session = &self.sessions[*conn];
            match session.caps.has(Cap::EchoMessage) {
                true if echo == EchoTime::Now => say(sink, session),
                false if *conn != by.conn && self.shows_own(session, target) => say(sink, session),
                _ => {}
            }
        }
        match target {
            Target::User(user) if user == by.user => {
                // The echo answers the command; this is the message itself.
                sink.unlabelled(|sink| {
                    self.users[user].conns.iter().for_each(|conn| say(sink, &self.sessions[*conn]));
                });
            }
            Target::User(user) => {
                self.users[user].conns.iter().for_each(|conn| say(sink, &self.sessions[*conn]));
            }
            Target::Channel(channel, _) => {
                for member in &self.channels[channel].members {
                    if member.user != by.user && hears(*member, rank) {
                        let conns = &self.users[member.user].conns;
                        conns.iter().for_each(|conn| say(sink, &self.sessions[*conn]));
                    }
                }
            }
        }
    }

    /// Whether a client that has not asked for echoes can show what its user says on another.
    fn shows_own(&self, _session: &Session, target: Target) -> bool {
        matches!(target, Target::Channel(..))
    }

    /// Mode `U`: what those without rank say goes to halfops and higher.
    pub(crate) fn least_rank_to_hear(&self, channel: ChannelId, speaker: UserId) -> Option<Rank> {
        let ranked = |member: Member| member.ranks.highest().is_some();
        let moderated = self.channels[channel].is(ChannelMode::OpModerated);
        (moderated && !self.member(channel, speaker).is_some_and(ranked)).then_some(Rank::Halfop)
    }

    pub(crate) fn tell_if_away(&self, sink: &mut Sink, by: Caller, target: Target) {
        if let Target::User(user) = target
            && let Some(away) = self.users[user].away()
        {
            self.numeric(sink, by.conn, RPL_AWAY, &[self.users[user].nick(), away]);
        }
    }

    /// An error, unless it would answer a NOTICE.
    pub(crate) fn complain(
        &self,
        sink: &mut Sink,
        by: Caller,
        kind: Kind,
        reply: Numeric,
        params: &[&str],
        text: &str,
    ) {
        if kind != Kind::Notice {
            self.numeric_saying(sink, by.conn, reply, params, text);
        }
    }
}

fn no_recipient(kind: Kind) -> String {
    format!("No recipient given ({})", kind.command())
}

fn hears(member: Member, rank: Option<Rank>) -> bool {
    rank.is_none_or(|rank| member.ranks.at_least(rank))
}

/// A client-to-client request or reply: Modern IRC, "CTCP". `ACTION` asks nothing of a client.
fn is_request(text: &str) -> bool {
    text.starts_with('\x01') && !text.starts_with("\x01ACTION")
}

/// The lowest rank that a target like `@#channel` means, and the channel. ISUPPORT `STATUSMSG`.
fn status_prefix(target: &str) -> (Option<Rank>, &str) {
    let name = target.trim_start_matches(|c| Rank::of_prefix(c).is_some());
    let prefixes = &target[..target.len() - name.len()];
    let rank = prefixes.chars().filter_map(Rank::of_prefix).min();
    if ChannelName::is_meant_by(name) { (rank, name) } else { (None, target) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_may_mean_those_of_a_rank() {
        assert_eq!(status_prefix("#a"), (None, "#a"));
        assert_eq!(status_prefix("@#a"), (Some(Rank::Op), "#a"));
        assert_eq!(status_prefix("@+#a"), (Some(Rank::Voice), "#a"));
        assert_eq!(status_prefix("@ann"), (None, "@ann"));
    }
}
