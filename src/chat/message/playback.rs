//! Conversion of a message to and from its stored form: for the history, and as an echo.

use crate::chat::reply::Sink;
use crate::chat::reply::line::{Line, LineTags};
use crate::chat::reply::lines::Lines;
use crate::chat::state::caps::Cap;
use crate::chat::state::ids::{ChannelId, UserId};
use crate::chat::state::message::{Kind, Target};
use crate::chat::{Caller, Chat};
use crate::net::ConnId;
use crate::store;
use crate::store::{Message, Text};
use crate::wire::casemap::folded;
use crate::wire::irc;

/// The beginning of the server's own tag that names the relay, stored beside the client's tags.
const RELAYED_BY: &str = "draft/relaymsg=";

impl Chat {
    /// The history that a message to `target` belongs to; none if not everyone there may receive
    /// it.
    pub(crate) fn history_target(
        &self,
        speaker: Option<Caller>,
        target: Target,
    ) -> Option<store::Target> {
        if !self.settings.history.enabled || !self.backends.is_there() {
            return None;
        }
        match target {
            Target::Channel(_, Some(_)) => None,
            Target::Channel(channel, None)
                if self.least_rank_to_hear(channel, speaker).is_some() =>
            {
                None
            }
            Target::Channel(channel, None) => Some(self.history_target_of_channel(channel)),
            Target::User(other) => {
                speaker.map(|by| store::Target::pair(self.key(by.user), self.key(other)))
            }
        }
    }

    /// The history target of a channel. An open one uses its name. A closed one uses a name that no
    /// other channel ever has: a user who recreates the channel, or registers it anew, cannot read
    /// its history. The name of a registered channel stays after a restart.
    pub(crate) fn history_target_of_channel(&self, channel: ChannelId) -> store::Target {
        let channel = &self.channels[channel];
        let name = folded(&channel.name);
        store::Target::Channel(match channel.registered() {
            _ if !channel.is_closed() => name.into_owned(),
            Some(registration) => format!("{name},{}.{:x}", registration.founder, channel.created),
            None => format!("{name},{:x}.{}", self.run, channel.serial.0),
        })
    }

    /// The name of `user` in the history: the account, or else one that no other user ever has, so
    /// that the next owner of the nick reads nothing. An account being removed does not count: a
    /// message stored behind the removal would go to the next owner of the name.
    pub(crate) fn key(&self, user: UserId) -> String {
        let user = &self.users[user];
        let account = user.account().map(folded);
        match account.filter(|account| !self.removing.iter().any(|name| name == account)) {
            Some(account) => account.into_owned(),
            None => format!("~{:x}.{}", self.run, user.serial),
        }
    }

    /// Marks an account as being removed by the store. [`Chat::end_removal`] must follow the reply.
    pub(crate) fn begin_removal(&mut self, account: &str) {
        self.removing.push(folded(account).into_owned());
    }

    /// Ends one removal of an account, done or failed. Several may be under way.
    pub(crate) fn end_removal(&mut self, account: &str) {
        let found = self.removing.iter().position(|name| *name == folded(account));
        found.map(|at| self.removing.swap_remove(at));
    }

    /// The serial of this run's user with that key, if they have no account.
    pub(crate) fn serial_of_key(&self, key: &str) -> Option<u64> {
        let (run, serial) = key.strip_prefix('~')?.split_once('.')?;
        (run == format!("{:x}", self.run)).then(|| serial.parse().ok())?
    }

    /// A message in its stored form. `tags` are those of the live one.
    pub(crate) fn to_store(
        &self,
        at_ms: u64,
        source: &str,
        command: &str,
        tags: LineTags,
        text: Text,
    ) -> Message {
        let mut kept = Vec::new();
        kept.extend(tags.bot.then(|| "bot".to_owned()));
        kept.extend(tags.relayed_by.map(|by| format!("{RELAYED_BY}{by}")));
        kept.extend((!tags.client.is_empty()).then(|| tags.client.to_owned()));
        Message {
            msgid: tags.msgid.unwrap_or_default().to_owned(),
            time_ms: at_ms as i64,
            source: source.to_owned(),
            account: tags.account.map(str::to_owned),
            command: command.to_owned(),
            tags: kept.join(";"),
            text,
        }
    }

    /// Sends a stored message to one connection, in `batch` if one is given.
    pub(crate) fn play(
        &self,
        sink: &mut Sink,
        conn: ConnId,
        target: &str,
        message: &Message,
        batch: Option<&str>,
    ) {
        let session = &self.sessions[conn];
        let client = message.tags.find('+').map_or("", |start| &message.tags[start..]);
        let own = || message.tags.split(';').take_while(|tag| !tag.starts_with('+'));
        let tags = LineTags {
            account: message.account.as_deref(),
            msgid: Some(&message.msgid),
            bot: own().any(|tag| tag == "bot"),
            client,
            relayed_by: own().find_map(|tag| tag.strip_prefix(RELAYED_BY)),
            batch,
            at_ms: Some(message.time_ms as u64),
            ..LineTags::default()
        };
        let (source, command) = (&*message.source, &*message.command);
        match &message.text {
            Text::Lines(lines) => {
                let lines: Vec<(&str, bool)> =
                    lines.iter().map(|line| (&*line.text, line.concat)).collect();
                let lines = Lines { source, command, target, texts: &lines, tags };
                lines.compose(&self.settings.limits, |say| say(sink, session));
            }
            Text::Line(_) if command == Kind::Tagmsg.command() => {
                if session.caps.has(Cap::MessageTags) {
                    Line::new(source, command, &[target]).tagged(tags).to(sink, session);
                }
            }
            Text::Line(text) if message.is_event() => {
                self.play_event(sink, conn, message, text, tags);
            }
            Text::Line(text) => {
                let (params, text) = ([target], &**text);
                Line::new(source, command, &params).text(text).tagged(tags).to(sink, session);
            }
        }
    }

    /// Sends a stored event as the line it was when it happened.
    fn play_event(
        &self,
        sink: &mut Sink,
        conn: ConnId,
        event: &Message,
        params: &str,
        tags: LineTags,
    ) {
        let session = &self.sessions[conn];
        let line = format!("{} {params}", event.command);
        let Ok(parsed) = irc::Message::parse(line.as_bytes(), 0) else { return };
        let (params, text) = match (&*event.command, &*parsed.params) {
            ("JOIN", [name, ..]) if !session.caps.has(Cap::ExtendedJoin) => (&[*name][..], None),
            ("KICK", [params @ .., text]) if params.len() == 2 => (params, Some(*text)),
            ("PART" | "TOPIC", [params @ .., text]) if params.len() == 1 => (params, Some(*text)),
            ("QUIT", [text]) => (&[][..], Some(*text)),
            (_, params) => (params, None),
        };
        let mut line = Line::new(&event.source, &event.command, params).text(text).tagged(tags);
        line.to(sink, session);
    }
}
