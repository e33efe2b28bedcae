//! What was said, as it is kept; and said again from there, as an echo or as history.

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

/// How a tag of the server's own begins that names the relay, beside the client's.
const RELAYED_BY: &str = "draft/relaymsg=";

impl Chat {
    /// The history that a message to `target` belongs to; none if not everyone there may receive it.
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

    /// Where what is said in a channel is kept: under its name; but as long as it is closed to some
    /// under one that no other channel ever has, so that who makes one of that name once all have
    /// left it, or its registration has ended, does not read what they could not hear. That of a
    /// channel that is registered is the same after a restart.
    pub(crate) fn history_target_of_channel(&self, channel: ChannelId) -> store::Target {
        let channel = &self.channels[channel];
        let name = folded(&channel.name);
        store::Target::Channel(match channel.registered() {
            _ if !channel.is_closed() => name.into_owned(),
            Some(registration) => format!("{name},{}.{:x}", registration.founder, channel.created),
            None => format!("{name},{:x}.{}", self.run, channel.serial.0),
        })
    }

    /// Under which name `user` is found in what is kept: the account, or else one that nobody has
    /// had before nor can have again, so that who comes after them under their nick reads nothing.
    /// An account that is being removed counts no more: a message that the store takes behind the
    /// removal would be found by the next owner of the name.
    pub(crate) fn key(&self, user: UserId) -> String {
        let user = &self.users[user];
        let account = user.account().map(folded);
        match account.filter(|account| !self.removing.iter().any(|name| name == account)) {
            Some(account) => account.into_owned(),
            None => format!("~{:x}.{}", self.run, user.serial),
        }
    }

    /// The store is asked next to remove an account. [`Chat::end_removal`] must follow its reply.
    pub(crate) fn begin_removal(&mut self, account: &str) {
        self.removing.push(folded(account).into_owned());
    }

    /// The store has removed the account, or could not. Several may have asked for it.
    pub(crate) fn end_removal(&mut self, account: &str) {
        let found = self.removing.iter().position(|name| *name == folded(account));
        found.map(|at| self.removing.swap_remove(at));
    }

    /// Which of this run's users has that key without an account.
    pub(crate) fn serial_of_key(&self, key: &str) -> Option<u64> {
        let (run, serial) = key.strip_prefix('~')?.split_once('.')?;
        (run == format!("{:x}", self.run)).then(|| serial.parse().ok())?
    }

    /// A message as it is kept. `tags` are those of the live one.
    pub(crate) fn to_store(
        &self,
        sink: &Sink,
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
            time_ms: sink.now().unix_ms as i64,
            source: source.to_owned(),
            account: tags.account.map(str::to_owned),
            command: command.to_owned(),
            tags: kept.join(";"),
            text,
        }
    }

    /// Says a kept message to one connection, in `batch` if one is given.
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
                Line::new(source, command, &[target, text]).tagged(tags).to(sink, session);
            }
        }
    }

    /// What has happened, as it was told when it did.
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
        let short = event.command == "JOIN" && !session.caps.has(Cap::ExtendedJoin);
        let params = if short { &parsed.params[..1] } else { &parsed.params[..] };
        Line::new(&event.source, &event.command, params).tagged(tags).to(sink, session);
    }
}
