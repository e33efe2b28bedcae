//! REDACT: taking back what was said. IRCv3 message-redaction.
//!
//! Who said what is known of the last messages only, in memory; with history it will be known of all
//! that is kept.

use super::message::{Echo, Target};
use crate::chat::caps::Cap;
use crate::chat::channels::Rank;
use crate::chat::voice::{Line, LineTags, Voice};
use crate::chat::{By, Chat};
use crate::wire::casemap::{self, Folded};
use crate::wire::irc::Message;
use std::collections::{HashMap, VecDeque};

/// The last messages: who said them, and to whom.
#[derive(Default)]
pub(crate) struct Redactable {
    ids: VecDeque<Box<str>>,
    said: HashMap<Box<str>, Said>,
}

/// One message, as REDACT must know it. Names, as users and channels may be gone.
pub(crate) struct Said {
    msgid: Box<str>,
    nick: Box<str>,
    target: Folded,
    /// The serial of who said it: ids and nicks are given anew.
    by: u64,
}

impl Said {
    pub(crate) fn new(msgid: &str, nick: &str, target: &str, by: u64) -> Said {
        Said { msgid: msgid.into(), nick: nick.into(), target: Folded::of(target), by }
    }
}

impl Redactable {
    /// Remembers one more, and forgets the oldest beyond `max`.
    pub(crate) fn remember(&mut self, said: Said, max: usize) {
        self.ids.push_back(said.msgid.clone());
        self.said.insert(said.msgid.clone(), said);
        while self.ids.len() > max {
            let oldest = self.ids.pop_front().expect("more than none");
            self.said.remove(&oldest);
        }
    }
}

impl Chat {
    /// `REDACT target msgid [reason]`. By who said it; in a channel by halfops and higher too.
    pub(crate) fn redact(&mut self, voice: &mut Voice, by: By, message: &Message) {
        let (name, msgid) = (message.params[0], message.params[1]);
        let reason = message.params.get(2).copied();
        let conn = by.conn;
        let channel = self.channel_for(by, name).filter(|id| self.users[by.user].is_in(*id));
        let target = match (channel, self.users.find(name)) {
            (Some(channel), _) => Target::Channel(channel, None),
            (None, Some(user)) => Target::User(user),
            (None, None) => {
                let text = "You cannot delete messages from there";
                return self.fail(voice, conn, "REDACT", "INVALID_TARGET", &[name], text);
            }
        };
        let Some(said) =
            self.redactable.said.get(msgid).filter(|said| self.was_said(said, by, target))
        else {
            let text = "This message does not exist or is too old";
            return self.fail(voice, conn, "REDACT", "UNKNOWN_MSGID", &[name, msgid], text);
        };
        let ranked = channel.and_then(|channel| self.member(channel, by.user));
        let ranked = ranked.is_some_and(|member| member.ranks.at_least(Rank::Halfop));
        if !ranked && !self.is_by(said, by) {
            let text = "You are not authorised to delete this message";
            return self.fail(voice, conn, "REDACT", "REDACT_FORBIDDEN", &[name, msgid], text);
        }
        let (msgid, name) = (msgid.to_owned(), self.target_name(target));
        self.redactable.said.remove(&*msgid);
        self.tell_redacted(voice, by, target, &name, &msgid, reason);
    }

    fn tell_redacted(
        &mut self,
        voice: &mut Voice,
        by: By,
        target: Target,
        name: &str,
        msgid: &str,
        reason: Option<&str>,
    ) {
        let id = self.message_ids.next(voice.now().unix_ms);
        let all = [name, msgid, reason.unwrap_or_default()];
        let params = if reason.is_some() { &all[..] } else { &all[..2] };
        let tags = LineTags { msgid: Some(&id), ..self.tags_of(by.user) };
        let mut line = Line::new(self.users[by.user].mask(), "REDACT", params).tagged(tags);
        self.deliver(voice, by, target, Echo::Now, &mut |voice, session| {
            if session.caps.has(Cap::MessageRedaction) {
                line.to(voice, session);
            }
        });
    }

    /// Whether a message was said in that place: to that channel, or between these two.
    fn was_said(&self, said: &Said, by: By, target: Target) -> bool {
        match target {
            Target::Channel(channel, _) => {
                casemap::same(said.target.as_str(), &self.channels[channel].name)
            }
            Target::User(user) => {
                let (own, other) = (self.users[by.user].nick(), self.users[user].nick());
                let to = |nick| casemap::same(said.target.as_str(), nick);
                (self.is_by(said, by) && to(other)) || (casemap::same(&said.nick, other) && to(own))
            }
        }
    }

    fn is_by(&self, said: &Said, by: By) -> bool {
        said.by == self.users[by.user].serial
    }
}
