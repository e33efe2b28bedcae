//! METADATA: reading and setting keys, and subscriptions. IRCv3 metadata. The two drafts differ in
//! their errors and notifications; a client with neither capability gets those of the later.

use crate::chat::command::Command;
use crate::chat::event::What;
use crate::chat::people::metadata_trouble::MetadataError;
use crate::chat::reply::Sink;
use crate::chat::reply::numeric::*;
use crate::chat::state::caps::{Cap, Caps};
use crate::chat::state::ids::UserId;
use crate::chat::state::metadata;
use crate::chat::state::metadata::{Key, Metadata};
use crate::chat::state::queries::Subject;
use crate::chat::state::ranks::Rank;
use crate::chat::state::right::Right;
use crate::chat::state::sessions::Stage;
use crate::chat::{Caller, Chat};
use crate::net::ConnId;
use crate::wire::irc::Message;
use crate::wire::irc::names::ChannelName;

pub(crate) const METADATA: Command = Command::anyone("METADATA", 0, Chat::metadata).costs(20).help(
    "METADATA target subcommand [key …]",
    &[
        "Shows and sets properties of users and channels: GET, LIST, SET, CLEAR, SYNC; SUB, UNSUB",
        "and SUBS choose the keys whose changes you receive. The target * is yourself.",
    ],
);

/// Each subcommand, with its least and most parameters.
const SUBCOMMANDS: [(&str, usize, usize); 8] = [
    ("CLEAR", 0, 0),
    ("GET", 1, usize::MAX),
    ("LIST", 0, 0),
    ("SET", 1, 2),
    ("SUB", 1, usize::MAX),
    ("SUBS", 0, 0),
    ("SYNC", 0, 0),
    ("UNSUB", 1, usize::MAX),
];

/// Keys on one line: with the nick before them no more than 15 parameters.
const KEYS_MAX: usize = 13;

/// Bytes of the keys of one line, beside server and nick.
const KEYS_BYTES_MAX: usize = 380;

/// The target that stands for everyone whose changes the user receives.
pub(crate) const ALL: &str = "*ALL";

impl Chat {
    /// `METADATA target subcommand …`; before registration for clients with a metadata capability.
    pub(crate) fn metadata(&mut self, sink: &mut Sink, conn: ConnId, message: &Message) {
        let session = &self.sessions[conn];
        if session.user().is_none() && !session.caps.any_of(Caps::METADATA) {
            return self.numeric(sink, conn, ERR_NOTREGISTERED, &[]);
        }
        let later = self.hears_later_draft(conn);
        let [target, subcommand, params @ ..] = &message.params[..] else {
            return self.metadata_fails(
                sink,
                conn,
                None,
                MetadataError::Params { subcommand: "*" },
            );
        };
        let capitals = subcommand.to_ascii_uppercase();
        let known = SUBCOMMANDS.iter().find(|(name, _, _)| *name == capitals);
        let Some((_, min, max)) = known else {
            return self.metadata_fails(sink, conn, None, MetadataError::Subcommand { subcommand });
        };
        // The earlier draft does not define further parameters.
        if params.len() < *min || (later && params.len() > *max) {
            return self.metadata_fails(sink, conn, None, MetadataError::Params { subcommand });
        }
        if let ("SYNC", ALL, Some(user)) = (&*capitals, *target, self.sessions[conn].user()) {
            let sync = self.sync_of_all(Caller { conn, user }, self.subscriptions(conn).to_vec());
            return self.answer_sync(sink, conn, sync);
        }
        let subject = self.subject(conn, target);
        let is_own =
            matches!(*target, "*") || subject == self.sessions[conn].user().map(Subject::User);
        let Some(subject) = subject.filter(|_| is_own || !capitals.contains("SUB")) else {
            return self.metadata_fails(sink, conn, None, MetadataError::Target(target));
        };
        match &*capitals {
            "CLEAR" => self.metadata_clear(sink, conn, subject),
            "GET" => self.metadata_get(sink, conn, subject, params),
            "LIST" => self.metadata_list(sink, conn, subject),
            "SET" => self.metadata_set(sink, conn, subject, params[0], params.get(1).copied()),
            "SUB" => self.metadata_sub(sink, conn, params),
            "SUBS" => self.metadata_subs(sink, conn),
            "UNSUB" => self.metadata_unsub(sink, conn, params),
            _ => {
                let sync = self.sync_of(conn, subject, self.subscriptions(conn).to_vec());
                self.answer_sync(sink, conn, sync);
            }
        }
    }

    /// The subject that `target` names, if the client may know of it.
    fn subject(&self, conn: ConnId, target: &str) -> Option<Subject> {
        let Some(user) = self.sessions[conn].user() else {
            return (target == "*").then_some(Subject::Newcomer(conn));
        };
        if target == "*" {
            return Some(Subject::User(user));
        }
        if ChannelName::is_meant_by(target) {
            return self.channel_for(Caller { conn, user }, target).map(Subject::Channel);
        }
        self.users.find(target).map(Subject::User)
    }

    /// Whether `conn` may read the metadata of a subject. A channel that not everyone may join
    /// reveals its own to members only.
    pub(crate) fn tells_metadata_of(&self, of: Subject, conn: ConnId) -> bool {
        let Subject::Channel(channel) = of else { return true };
        let is_in = |user: UserId| self.users[user].is_in(channel);
        !self.channels[channel].is_closed() || self.sessions[conn].user().is_some_and(is_in)
    }

    fn metadata_get(&mut self, sink: &mut Sink, conn: ConnId, of: Subject, keys: &[&str]) {
        let name = self.name_of(of).to_owned();
        self.batched(sink, conn, "metadata", &[&name], |chat, sink, batch| {
            for asked in keys {
                match Key::parse(asked) {
                    Some(key) if !chat.tells_metadata_of(of, conn) => {
                        let trouble = MetadataError::Hidden { of: &name, key: key.as_str() };
                        chat.metadata_fails(sink, conn, batch, trouble);
                    }
                    Some(key) => {
                        let value = chat.metadata_of(of).get(key.as_str());
                        chat.answer_value(sink, conn, batch, &name, key.as_str(), value);
                    }
                    None => chat.metadata_fails(sink, conn, batch, MetadataError::OneKey(asked)),
                }
            }
        });
    }

    fn metadata_list(&mut self, sink: &mut Sink, conn: ConnId, of: Subject) {
        let name = self.name_of(of).to_owned();
        self.batched(sink, conn, "metadata", &[&name], |chat, sink, batch| {
            let shown = chat.metadata_of(of).iter().filter(|_| chat.tells_metadata_of(of, conn));
            for (key, value) in shown {
                chat.answer_value(sink, conn, batch, &name, key.as_str(), Some(value));
            }
        });
    }

    fn metadata_set(
        &mut self,
        sink: &mut Sink,
        conn: ConnId,
        of: Subject,
        asked: &str,
        value: Option<&str>,
    ) {
        let name = self.name_of(of).to_owned();
        let Some(key) = Key::parse(asked) else {
            return self.metadata_fails(sink, conn, None, MetadataError::Key(asked));
        };
        if !self.may_change(sink, conn, of, key.as_str()) {
            let trouble = MetadataError::Permission { of: &name, key: key.as_str() };
            return self.metadata_fails(sink, conn, None, trouble);
        }
        let value = value.filter(|value| !value.is_empty());
        let metadata = self.metadata_of(of);
        let before = metadata.get(key.as_str());
        let changed = before != value;
        match value {
            Some(value) if value.len() > metadata::value_max(&self.settings) => {
                return self.metadata_fails(sink, conn, None, MetadataError::Value(&key));
            }
            Some(_)
                if before.is_none() && metadata.len() >= self.settings.limits.metadata_keys_max =>
            {
                let trouble = MetadataError::Full { of: &name };
                return self.metadata_fails(sink, conn, None, trouble);
            }
            None if !changed && !self.hears_later_draft(conn) => {
                return self.metadata_fails(sink, conn, None, MetadataError::NotSet(&key));
            }
            _ => {}
        }
        self.answer_value(sink, conn, None, &name, key.as_str(), value);
        if changed {
            self.change_metadata(sink, conn, of, &key, value);
        }
    }

    fn change_metadata(
        &mut self,
        sink: &mut Sink,
        conn: ConnId,
        of: Subject,
        key: &Key,
        value: Option<&str>,
    ) {
        match of {
            Subject::Newcomer(_) => self.metadata_of_mut(of).put(key, value),
            of => self.happen(sink, What::MetadataChanged { of, key, value, conn }),
        }
    }

    /// Applies a change of metadata, and tells the subscribers.
    pub(crate) fn metadata_changed(
        &mut self,
        sink: &mut Sink,
        of: Subject,
        key: &Key,
        value: Option<&str>,
        conn: ConnId,
    ) {
        self.metadata_of_mut(of).put(key, value);
        self.tell_change(sink, conn, of, key, value);
        self.save_subject(sink, of);
    }

    /// Saves a subject's metadata, if the subject is stored.
    fn save_subject(&mut self, sink: &mut Sink, of: Subject) {
        match of {
            Subject::User(user) => self.save_presence(sink, user),
            Subject::Channel(channel) => self.save_channel(sink, channel),
            Subject::Newcomer(_) => {}
        }
    }

    fn metadata_clear(&mut self, sink: &mut Sink, conn: ConnId, of: Subject) {
        let name = self.name_of(of).to_owned();
        if !self.may_change(sink, conn, of, "CLEAR") {
            let trouble = MetadataError::Permission { of: &name, key: "*" };
            return self.metadata_fails(sink, conn, None, trouble);
        }
        let cleared: Vec<Key> = self.metadata_of(of).iter().map(|(key, _)| key.clone()).collect();
        self.batched(sink, conn, "metadata", &[&name], |chat, sink, batch| {
            for key in &cleared {
                chat.answer_value(sink, conn, batch, &name, key.as_str(), None);
            }
        });
        for key in &cleared {
            self.change_metadata(sink, conn, of, key, None);
        }
    }

    fn metadata_sub(&mut self, sink: &mut Sink, conn: ConnId, asked: &[&str]) {
        let max = self.settings.limits.metadata_subs_max;
        let (mut granted, mut new) = (Vec::new(), Vec::new());
        for text in asked {
            let Some(key) = Key::parse(text) else {
                self.metadata_fails(sink, conn, None, MetadataError::OneKey(text));
                continue;
            };
            let subscribed = &mut self.sessions[conn].more().subscribed;
            // At the bound no key is looked at any more, subscribed or not: IRCv3 metadata,
            // "Subscribed to too many keys" 3.
            if subscribed.len() >= max {
                self.metadata_fails(sink, conn, None, MetadataError::Subscriptions(&key));
                break;
            }
            if let Err(index) = subscribed.binary_search(&key) {
                subscribed.insert(index, key.clone());
                new.push(key.clone());
            }
            granted.push(key);
        }
        self.say_keys(sink, conn, None, RPL_METADATASUBOK, &granted);
        if let Some(user) = self.sessions[conn].user().filter(|_| !new.is_empty()) {
            new.sort_unstable();
            let sync = self.sync_of_all(Caller { conn, user }, new);
            self.offer_sync(sink, conn, sync);
        }
    }

    fn metadata_unsub(&mut self, sink: &mut Sink, conn: ConnId, asked: &[&str]) {
        let mut done = Vec::new();
        for text in asked {
            let Some(key) = Key::parse(text) else {
                self.metadata_fails(sink, conn, None, MetadataError::OneKey(text));
                continue;
            };
            let subscribed = &mut self.sessions[conn].more().subscribed;
            if let Ok(index) = subscribed.binary_search(&key) {
                subscribed.remove(index);
            }
            done.push(key);
        }
        self.say_keys(sink, conn, None, RPL_METADATAUNSUBOK, &done);
    }

    fn metadata_subs(&mut self, sink: &mut Sink, conn: ConnId) {
        self.batched(sink, conn, "metadata-subs", &[], |chat, sink, batch| {
            let keys = chat.subscriptions(conn);
            chat.say_keys(sink, conn, batch, RPL_METADATASUBS, keys);
        });
    }

    /// Sends keys, each a parameter, over as many lines as they need.
    fn say_keys(
        &self,
        sink: &mut Sink,
        conn: ConnId,
        batch: Option<&str>,
        reply: Numeric,
        keys: &[Key],
    ) {
        let mut line: Vec<&str> = Vec::new();
        for key in keys {
            let bytes: usize = line.iter().map(|key| key.len() + 1).sum();
            if line.len() == KEYS_MAX || bytes + key.as_str().len() > KEYS_BYTES_MAX {
                self.numeric_in(sink, conn, batch, reply, &line);
                line.clear();
            }
            line.push(key.as_str());
        }
        if !line.is_empty() {
            self.numeric_in(sink, conn, batch, reply, &line);
        }
    }

    /// The keys that a connection has subscribed to.
    pub(crate) fn subscriptions(&self, conn: ConnId) -> &[Key] {
        self.sessions[conn].more.as_ref().map_or(&[], |more| &more.subscribed)
    }

    /// draft/metadata-3: giving up the capability ends all subscriptions.
    pub(crate) fn unsubscribe_all(&mut self, conn: ConnId) {
        if let Some(more) = &mut self.sessions[conn].more {
            more.subscribed = Vec::new();
        }
    }

    /// The name of the subject.
    pub(crate) fn name_of(&self, subject: Subject) -> &str {
        match subject {
            Subject::User(user) => self.users[user].nick(),
            Subject::Channel(channel) => &self.channels[channel].name,
            Subject::Newcomer(_) => "*",
        }
    }

    /// The metadata of the subject.
    pub(crate) fn metadata_of(&self, subject: Subject) -> &Metadata {
        let metadata = match subject {
            Subject::User(user) => self.users[user].metadata(),
            Subject::Channel(channel) => self.channels[channel].metadata.as_deref(),
            Subject::Newcomer(conn) => match &self.sessions[conn].stage {
                Stage::Registering(registering) => Some(&registering.metadata),
                _ => None,
            },
        };
        metadata.unwrap_or(&metadata::NONE)
    }

    fn metadata_of_mut(&mut self, subject: Subject) -> &mut Metadata {
        match subject {
            Subject::User(user) => &mut self.users[user].extra().metadata,
            Subject::Channel(channel) => self.channels[channel].metadata.get_or_insert_default(),
            Subject::Newcomer(conn) => {
                let registering = self.sessions[conn].registering();
                &mut registering.expect("who is still registering").metadata
            }
        }
    }

    /// Whether `conn` may change a subject's metadata. An operator's change of another's is
    /// recorded.
    fn may_change(&mut self, sink: &mut Sink, conn: ConnId, subject: Subject, what: &str) -> bool {
        if self.owns(conn, subject) {
            return true;
        }
        let user = self.sessions[conn].user();
        let Some(user) = user.filter(|user| self.has_right(*user, Right::Metadata)) else {
            return false;
        };
        let whose = match subject {
            Subject::User(of) => self.users[of].mask().to_owned(),
            Subject::Channel(channel) => self.channels[channel].name.to_string(),
            Subject::Newcomer(_) => return false,
        };
        self.record(sink, Caller { conn, user }, 'o', "METADATA", &whose, what);
        true
    }

    fn owns(&self, conn: ConnId, subject: Subject) -> bool {
        let Some(user) = self.sessions[conn].user() else { return true };
        match subject {
            Subject::User(of) => of == user,
            Subject::Channel(channel) => {
                self.member(channel, user).is_some_and(|member| member.ranks.at_least(Rank::Op))
            }
            Subject::Newcomer(of) => of == conn,
        }
    }

    /// Whether the connection uses draft/metadata-3.
    pub(crate) fn hears_later_draft(&self, conn: ConnId) -> bool {
        !self.sessions[conn].caps.has(Cap::Metadata2)
    }
}
