//! REDACT: removal of messages already sent. IRCv3 message-redaction.
//!
//! In the history the sender is recognised by the account. Without an account, or without a
//! history, only the latest messages are known, in memory.

use crate::chat::command::Command;
use crate::chat::event::{Stamp, What};
use crate::chat::message::chathistory::why;
use crate::chat::message::say::EchoTime;
use crate::chat::reply::Sink;
use crate::chat::reply::line::Line;
use crate::chat::state::caps::Cap;
use crate::chat::state::ids::ChannelId;
use crate::chat::state::message::{Speaker, Target};
use crate::chat::state::ranks::Rank;
use crate::chat::state::redactable::{HeardIn, Recent};
use crate::chat::state::right::Right;
use crate::chat::state::sessions::Session;
use crate::chat::{Caller, Chat};
use crate::store::{Redactor, Reply, Request};
use crate::wire::casemap;
use crate::wire::irc::Message;

pub(crate) const REDACT: Command = Command::user("REDACT", 2, Chat::redact)
    .help("REDACT target msgid [reason]", &["Deletes a message. IRCv3 message-redaction."]);

impl Chat {
    /// `REDACT target msgid [reason]`. Allowed to the sender, to halfops and higher in a channel,
    /// and to operators of the server.
    pub(crate) fn redact(&mut self, sink: &mut Sink, by: Caller, message: &Message) {
        let (name, msgid) = (message.params[0], message.params[1]);
        let reason = message.params.get(2).copied();
        let Some(place) = self.target_to_redact(by, name) else {
            let text = "You cannot delete messages from there";
            return self.fail(sink, by.conn, "REDACT", "INVALID_TARGET", &[name], text);
        };
        let said = self.said_in(by, &place, msgid);
        let own = said.is_some_and(|said| self.is_by(said, by)) || self.is_halfop_in(by, &place);
        let by_right = !own && self.may_redact_all(by, &place);
        let may = own || by_right;
        let account = self.users[by.user].account().map(Box::<str>::from);
        let redactor = match account {
            _ if may => Some(Redactor::Anyone),
            Some(account) => Some(Redactor::Account(account.into())),
            None => None,
        };
        let kept = said.filter(|_| may).and_then(|said| said.kept.clone());
        let (Some(target), Some(redactor)) = (kept.or(place.kept.clone()), redactor) else {
            return match said {
                None => self.unknown_msgid(sink, by, name, msgid),
                Some(_) if !may => self.redact_forbidden(sink, by, name, msgid),
                Some(_) => self.take_back(sink, by, &place, (msgid, reason), by_right),
            };
        };
        let request = Request::Redact { target, msgid: msgid.to_owned(), by: redactor };
        let (name, msgid) = (name.to_owned(), msgid.to_owned());
        let reason = reason.map(str::to_owned);
        self.ask_for(sink, by.conn, request, move |chat, sink, conn, reply| {
            let Some(user) = chat.sessions[conn].user() else { return };
            let by = Caller { conn, user };
            // The user there may have left meanwhile.
            let place = chat.target_to_redact(by, &name).unwrap_or_else(|| HeardIn::nowhere(&name));
            match reply {
                Reply::Redacted => {
                    chat.take_back(sink, by, &place, (&msgid, reason.as_deref()), by_right);
                }
                Reply::Forbidden => chat.redact_forbidden(sink, by, &name, &msgid),
                // Not every message is stored.
                Reply::Unknown(_) if may && chat.said_in(by, &place, &msgid).is_some() => {
                    chat.take_back(sink, by, &place, (&msgid, reason.as_deref()), by_right);
                }
                Reply::Unknown(_) => chat.unknown_msgid(sink, by, &name, &msgid),
                reply => {
                    let text = format!("The message could not be deleted{}", why(&reply));
                    let context = [&*name, &*msgid];
                    chat.fail(sink, conn, "REDACT", "INTERNAL_ERROR", &context, &text);
                }
            }
        });
    }

    fn target_to_redact(&self, by: Caller, name: &str) -> Option<HeardIn> {
        let channel = self.channel_to_redact_in(by, name);
        let kept = match channel {
            Some(channel) if self.settings.history.enabled => {
                Some(self.history_target_of_channel(channel))
            }
            Some(_) => None,
            None => self.readable(by.user, name).map(|(kept, _)| kept),
        };
        let kept = kept.filter(|_| self.backends.is_there());
        let target = match (channel, self.users.find(name)) {
            (Some(channel), _) => Some(Target::Channel(channel, None)),
            (None, Some(user)) => Some(Target::User(user)),
            // With a user who is not here a conversation is possible only through an account.
            (None, None) => {
                kept.as_ref().filter(|_| self.users[by.user].account().is_some())?;
                None
            }
        };
        let name = target.map_or_else(|| name.to_owned(), |target| self.target_name(target));
        Some(HeardIn { name, target, kept })
    }

    /// The channel of that name that `by` is in; any channel, if they may redact all messages.
    fn channel_to_redact_in(&self, by: Caller, name: &str) -> Option<ChannelId> {
        if self.has_right(by.user, Right::Redact) {
            return self.channels.find(name);
        }
        self.channel_for(by, name).filter(|id| self.users[by.user].is_in(*id))
    }

    /// Whether the rank of `by` lets them redact other users' messages there.
    fn is_halfop_in(&self, by: Caller, place: &HeardIn) -> bool {
        let Some(Target::Channel(channel, _)) = place.target else { return false };
        self.member(channel, by.user).is_some_and(|member| member.ranks.at_least(Rank::Halfop))
    }

    /// Whether a right as operator of the server lets `by` redact other users' messages there.
    fn may_redact_all(&self, by: Caller, place: &HeardIn) -> bool {
        let is_channel = matches!(place.target, Some(Target::Channel(..)));
        is_channel && self.has_right(by.user, Right::Redact)
    }

    /// The record of a recent message in that target.
    fn said_in(&self, by: Caller, place: &HeardIn, msgid: &str) -> Option<&Recent> {
        let said = self.redactable.said.get(msgid)?;
        place.target.filter(|target| self.was_said(said, by, *target)).map(|_| said)
    }

    fn unknown_msgid(&self, sink: &mut Sink, by: Caller, name: &str, msgid: &str) {
        let text = "This message does not exist or is too old";
        self.fail(sink, by.conn, "REDACT", "UNKNOWN_MSGID", &[name, msgid], text);
    }

    fn redact_forbidden(&self, sink: &mut Sink, by: Caller, name: &str, msgid: &str) {
        let text = "You are not authorised to delete this message";
        self.fail(sink, by.conn, "REDACT", "REDACT_FORBIDDEN", &[name, msgid], text);
    }

    /// Deletes a message, and records it if it took the right of an operator.
    fn take_back(
        &mut self,
        sink: &mut Sink,
        by: Caller,
        place: &HeardIn,
        (msgid, reason): (&str, Option<&str>),
        by_right: bool,
    ) {
        if by_right {
            let what = [msgid, reason.unwrap_or_default()].join(" ");
            self.record(sink, by, 'o', "REDACT", &place.name, what.trim_end());
        }
        self.happen(sink, What::Redacted { by, place, msgid, reason, by_right });
    }

    /// Applies the deletion of a message.
    pub(crate) fn redacted(
        &mut self,
        sink: &mut Sink,
        stamp: Stamp,
        by: Caller,
        place: &HeardIn,
        (msgid, reason, by_right): (&str, Option<&str>, bool),
    ) {
        self.redactable.said.remove(msgid);
        let params = [&*place.name, msgid];
        let line = Line::new(self.users[by.user].mask(), "REDACT", &params).text(reason);
        let mut line = line.tagged(self.tags_at(stamp, by.user));
        let mut tell = |sink: &mut Sink, session: &Session| {
            if session.caps.has(Cap::MessageRedaction) {
                line.to(sink, session);
            }
        };
        let Some(target) = place.target else {
            // The other user is not here.
            let own = self.users[by.user].conns.iter().map(|conn| &self.sessions[*conn]);
            let own = own.filter(|session| session.caps.has(Cap::EchoMessage));
            return own.for_each(|session| tell(sink, session));
        };
        match by_right {
            // A sender without rank may redact a message that all have received.
            true => self.deliver_to_rank(
                sink,
                Speaker::User(by),
                target,
                None,
                EchoTime::Now,
                &mut tell,
            ),
            false => self.deliver(sink, Speaker::User(by), target, EchoTime::Now, &mut tell),
        }
    }

    /// Whether a message went to that target: to the channel, or between these two users.
    fn was_said(&self, said: &Recent, by: Caller, target: Target) -> bool {
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

    fn is_by(&self, said: &Recent, by: Caller) -> bool {
        said.by == self.users[by.user].serial
    }
}
