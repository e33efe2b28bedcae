//! PRIVMSG, NOTICE and TAGMSG. Modern IRC, "Sending Messages"; IRCv3 message-tags, echo-message.

use crate::chat::account::nickserv;
use crate::chat::command::Command;
use crate::chat::message::client_tags::client_only;
use crate::chat::message::znc_playback::PLAYBACK;
use crate::chat::reply::Sink;
use crate::chat::reply::line::{Line, LineTags};
use crate::chat::reply::numeric::*;
use crate::chat::state::caps::Cap;
use crate::chat::state::channels::{ChannelMode, List};
use crate::chat::state::ids::{ChannelId, UserId};
use crate::chat::state::message::{Kind, Said, Speaker, Target, Words};
use crate::chat::state::ranks::Rank;
use crate::chat::state::services::NICKSERV;
use crate::chat::state::services::is_service;
use crate::chat::state::users::UserMode;
use crate::chat::{Caller, Chat};
use crate::wire::casemap;
use crate::wire::irc::Message;
use crate::wire::irc::names::ChannelName;

pub(crate) const PRIVMSG: Command = Command::user("PRIVMSG", 0, Chat::privmsg).for_each_in(0).help(
    "PRIVMSG target{,target} text",
    &[
        "Sends a message to users or channels. @#channel reaches its operators and higher ranks",
        "only; the other prefixes work alike.",
    ],
);

pub(crate) const NOTICE: Command = Command::user("NOTICE", 0, Chat::notice_command).for_each_in(0).help("NOTICE target{,target} text", &["Sends a message that no client answers automatically. The server reports no errors either."]);

pub(crate) const TAGMSG: Command = Command::user("TAGMSG", 0, Chat::tagmsg).costs(5).for_each_in(0).help("TAGMSG target{,target}", &["Sends a message of tags alone, such as a typing notice. For clients: IRCv3 message-tags."]);

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
                    return; // it acts for another user by now
                }
                continue;
            }
            if let Some(target) = self.target(sink, by, kind, target, &[text]) {
                let (speaker, words) = (Speaker::User(by), Words::Line(text));
                let client_tags = &client_tags;
                self.say_message(sink, &Said { speaker, kind, target, words, client_tags });
            }
        }
    }

    /// The tags that a message passes on, if its sender may use any.
    pub(crate) fn client_tags(&self, by: Caller, message: &Message) -> String {
        let tagged = self.sessions[by.conn].caps.has(Cap::MessageTags);
        if tagged { client_only(message.tags) } else { String::new() }
    }

    /// Gives a message to a service, as a command. Nobody else receives it: it may have a password
    /// in it. The echo has none.
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
            let (params, text) = ([name], (kind != Kind::Tagmsg).then_some(&*shown));
            let tags = self.tags_of(by.user);
            let tags = LineTags { msgid: Some(&msgid), client: client_tags, ..tags };
            let mask = self.users[by.user].mask();
            let mut line = Line::new(mask, kind.command(), &params).text(text).tagged(tags);
            line.to(sink, &self.sessions[by.conn]);
        }
        match kind {
            Kind::Notice | Kind::Tagmsg => {}
            Kind::Privmsg if casemap::same(name, PLAYBACK) => self.tell_playback(sink, by, text),
            Kind::Privmsg if to_nickserv => self.nickserv_hears(sink, by, text),
            Kind::Privmsg => self.chanserv_hears(sink, by, text),
        }
    }

    /// Finds the target called `target`; sends an error if the user may not write to it.
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
        Some(Target::User(user))
    }

    /// The channel of that name. A secret channel open to outside messages can be written to by
    /// name.
    fn channel_to_speak_in(&self, by: Caller, name: &str) -> Option<ChannelId> {
        let open = |id: &ChannelId| !self.channels[*id].is(ChannelMode::NoExternal);
        self.channel_for(by, name).or_else(|| self.channels.find(name).filter(open))
    }

    /// Why a user may not send `texts` to a channel.
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

    pub(crate) fn tell_if_away(&self, sink: &mut Sink, by: Caller, target: Target) {
        if let Target::User(user) = target
            && let Some(away) = self.users[user].away()
        {
            self.numeric(sink, by.conn, RPL_AWAY, &[self.users[user].nick(), away]);
        }
    }

    /// Sends an error, unless it would answer a NOTICE.
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

/// Whether a text is a client-to-client request or reply: Modern IRC, "CTCP". `ACTION` asks nothing
/// of a client.
fn is_request(text: &str) -> bool {
    text.starts_with('\x01') && !text.starts_with("\x01ACTION")
}

/// The lowest rank that a target like `@#channel` addresses, and the channel. ISUPPORT `STATUSMSG`.
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
