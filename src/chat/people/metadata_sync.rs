//! Metadata sent to subscribers: changes as they happen, and the values set before. IRCv3 metadata,
//! "Notifications" and "Automatic synchronization".

use crate::chat::people::metadata_command::ALL;
use crate::chat::reply::Sink;
use crate::chat::reply::line::{Line, LineTags};
use crate::chat::reply::numeric::*;
use crate::chat::state::caps::{Cap, Caps};
use crate::chat::state::channels::ChannelMode;
use crate::chat::state::ids::{ChannelId, UserId};
use crate::chat::state::metadata::{Key, SHOWN};
use crate::chat::state::pending::Query;
use crate::chat::state::queries::{MetadataSync, Subject, Whose};
use crate::chat::{Caller, Chat};
use crate::net::ConnId;

/// Bytes of a line beside the value: names, key, tags. With the default `sendq_pause`, no more than
/// 256 values are thus sent at once.
const AROUND_VALUE_MAX: usize = 256;

/// Seconds after which a client told to ask later may ask: the limit is its own reading speed.
const ASK_AFTER_S: &str = "1";

impl Chat {
    /// Sends a client with metadata its own user's, on registration or when it requests the
    /// capability.
    pub(crate) fn tell_own_metadata(&mut self, sink: &mut Sink, by: Caller) {
        if !hears_metadata(self.sessions[by.conn].caps) {
            return;
        }
        let nick = self.users[by.user].nick().to_owned();
        self.batched(sink, by.conn, "metadata", &[&nick], |chat, sink, batch| {
            for (key, value) in chat.metadata_of(Subject::User(by.user)).iter() {
                chat.tell_value(sink, by.conn, batch, &nick, key.as_str(), value);
            }
        });
    }

    /// Sends a user who has joined a channel the metadata of the channel and its members.
    pub(crate) fn tell_joined_metadata(&mut self, sink: &mut Sink, by: Caller, channel: ChannelId) {
        if hears_metadata(self.sessions[by.conn].caps) {
            let keys = self.subscriptions(by.conn).to_vec();
            let sync = self.sync_of(by.conn, Subject::Channel(channel), keys);
            self.offer_sync(sink, by.conn, sync);
        }
    }

    /// Sends the metadata of a watched user to the watcher.
    pub(crate) fn tell_watched_metadata(&mut self, sink: &mut Sink, by: Caller, of: UserId) {
        if hears_metadata(self.sessions[by.conn].caps) {
            let keys = self.subscriptions(by.conn).to_vec();
            let sync = self.sync_of(by.conn, Subject::User(of), keys);
            self.offer_sync(sink, by.conn, sync);
        }
    }

    /// Sends the lines of a profile in WHOIS.
    pub(crate) fn whois_metadata(&self, sink: &mut Sink, by: Caller, of: UserId) {
        let user = &self.users[of];
        let Some(metadata) = user.metadata() else { return };
        for key in SHOWN {
            if let Some(value) = metadata.get(key) {
                let params = [user.nick(), key, "*", value];
                self.numeric(sink, by.conn, RPL_WHOISKEYVALUE, &params);
            }
        }
    }

    /// Sends a change to all subscribers of the key who share a channel with the user, watch them,
    /// or are in the channel. Each receives it once; `by` does not, as it has its reply. O(members
    /// of those channels).
    pub(crate) fn tell_change(
        &self,
        sink: &mut Sink,
        by: ConnId,
        of: Subject,
        key: &Key,
        value: Option<&str>,
    ) {
        let name = self.name_of(of);
        let params = [name, key.as_str(), "*"];
        let mut shared = Line::new(&self.settings.server_name, "METADATA", &params).text(value);
        let mut tell = |conn: ConnId| {
            let session = &self.sessions[conn];
            if conn == by || !hears_metadata(session.caps) || !session.subscribes(key) {
                return;
            }
            if self.hears_later_draft(conn) {
                self.answer_value(sink, conn, None, name, key.as_str(), value);
            } else {
                shared.to(sink, session);
            }
        };
        match of {
            Subject::Channel(channel) => {
                let members = self.channels[channel].members.iter();
                members.flat_map(|member| &self.users[member.user].conns).for_each(|c| tell(*c));
            }
            Subject::User(user) => {
                let peers = self.peers(user);
                let occasion = self.occasions.get();
                self.users[user].conns.iter().for_each(|conn| tell(*conn));
                peers.iter().flat_map(|peer| &self.users[*peer].conns).for_each(|c| tell(*c));
                for conn in self.watchers.of(self.users[user].nick()) {
                    let watcher = self.sessions[*conn].user();
                    if watcher.is_none_or(|user| self.users[user].told.get() != occasion) {
                        tell(*conn);
                    }
                }
            }
            Subject::Newcomer(_) => {}
        }
    }

    /// The values of `keys` of one subject, as far as the user may read them. For a channel also
    /// those of its members whom the user may see there.
    pub(crate) fn sync_of(&self, conn: ConnId, subject: Subject, keys: Vec<Key>) -> MetadataSync {
        let mut subjects: Vec<Subject> =
            Some(subject).filter(|of| self.tells_metadata_of(*of, conn)).into_iter().collect();
        if let Subject::Channel(channel) = subject {
            let asker = self.sessions[conn].user().and_then(|user| self.member(channel, user));
            let members = self.channels[channel].members.iter();
            let shown = members.filter(|member| self.shows(channel, asker, **member));
            subjects.extend(shown.map(|member| Subject::User(member.user)));
        }
        subjects.retain(|subject| !self.metadata_of(*subject).is_empty());
        let whose = match subject {
            Subject::Channel(channel) => Whose::Channel(channel, self.channels[channel].serial),
            subject => Whose::Subject(subject),
        };
        MetadataSync { of: self.name_of(subject).into(), whose, subjects, keys, next: 0 }
    }

    /// Collects again what [`MetadataSync::clear`] has dropped, as it is now.
    pub(crate) fn collect(&self, by: Caller, sync: &mut MetadataSync) {
        let keys = self.subscriptions(by.conn).to_vec();
        let collected = match sync.whose {
            Whose::All => self.sync_of_all(by, keys),
            Whose::Subject(Subject::User(user)) if self.users.contains(user) => {
                self.sync_of(by.conn, Subject::User(user), keys)
            }
            Whose::Channel(id, serial)
                if self.channels.get(id).is_some_and(|channel| channel.serial == serial) =>
            {
                self.sync_of(by.conn, Subject::Channel(id), keys)
            }
            _ => return,
        };
        (sync.subjects, sync.keys) = (collected.subjects, collected.keys);
    }

    /// The values of `keys` of everyone whose changes the user receives, each once.
    pub(crate) fn sync_of_all(&self, by: Caller, keys: Vec<Key>) -> MetadataSync {
        self.occasions.set(self.occasions.get().wrapping_add(1));
        let occasion = self.occasions.get();
        let mut subjects = Vec::new();
        let mut add = |user: UserId| {
            if self.users[user].told.replace(occasion) != occasion {
                subjects.push(Subject::User(user));
            }
        };
        add(by.user);
        for membership in &self.users[by.user].channels {
            let channel = &self.channels[membership.channel];
            let asker = channel.members[membership.place as usize];
            let seen = channel.members.iter();
            let seen = seen.filter(|member| self.sees(membership.channel, asker, **member));
            seen.for_each(|member| add(member.user));
        }
        let watching = self.sessions[by.conn].more.iter().flat_map(|more| &more.watching);
        watching.filter_map(|(_, nick)| self.users.find(nick)).for_each(&mut add);
        let channels = self.users[by.user].channels.iter();
        subjects.extend(channels.map(|membership| Subject::Channel(membership.channel)));
        subjects.retain(|subject| !self.metadata_of(*subject).is_empty());
        MetadataSync { of: ALL.into(), whose: Whose::All, subjects, keys, next: 0 }
    }

    /// Sends values unasked if there is room; else a notice that the client may request them.
    pub(crate) fn offer_sync(&mut self, sink: &mut Sink, conn: ConnId, sync: MetadataSync) {
        let later = |chat: &Chat, sink: &mut Sink| {
            chat.numeric(sink, conn, RPL_METADATASYNCLATER, &[&sync.of, ASK_AFTER_S]);
        };
        match self.fits_at_once(sink, conn, &sync) {
            None => later(self, sink),
            // The later draft requires an empty batch, the earlier does not mention it.
            Some(0) if !self.hears_later_draft(conn) => {}
            // Some clients take a batch for one channel or user, and not an empty one for all.
            Some(0) if &*sync.of == ALL => later(self, sink),
            Some(_) => self.say_sync(sink, conn, sync),
        }
    }

    /// Sends values on request, at once or a piece at a time.
    pub(crate) fn answer_sync(&mut self, sink: &mut Sink, conn: ConnId, sync: MetadataSync) {
        match self.sessions[conn].user() {
            Some(user) if self.fits_at_once(sink, conn, &sync).is_none() => {
                self.begin_answer(sink, Caller { conn, user }, Query::Sync(sync));
            }
            _ => self.say_sync(sink, conn, sync),
        }
    }

    fn say_sync(&mut self, sink: &mut Sink, conn: ConnId, mut sync: MetadataSync) {
        let of = sync.of.clone();
        self.batched(sink, conn, "metadata", &[&of], |chat, sink, batch| {
            let mut subject = 0;
            while chat.sync_next(sink, conn, &mut sync, &mut subject, batch) {}
        });
    }

    /// How many values there are; `None` if there is no room to send them at once. O(members and
    /// their keys).
    fn fits_at_once(&self, sink: &Sink, conn: ConnId, sync: &MetadataSync) -> Option<usize> {
        let mut room = sink.headroom(conn);
        let mut count = 0;
        for subject in &sync.subjects {
            for (_, value) in self.metadata_of(*subject).iter().filter(|(key, _)| sync.wants(key)) {
                room = room.checked_sub(AROUND_VALUE_MAX + value.len())?;
                count += 1;
            }
        }
        Some(count)
    }

    /// Sends the next value, and advances through the values of the subject at index `subject`,
    /// then to the next subject. Returns whether there may be more.
    pub(crate) fn sync_next(
        &self,
        sink: &mut Sink,
        conn: ConnId,
        sync: &mut MetadataSync,
        subject: &mut u32,
        batch: Option<&str>,
    ) -> bool {
        let Some(of) = sync.subjects.get(*subject as usize).copied() else { return false };
        let here = self.may_still_hear(conn, of);
        match here.then(|| self.metadata_of(of).at(sync.next)).flatten() {
            Some((key, value)) => {
                sync.next += 1;
                if sync.wants(key) {
                    let name = self.name_of(of);
                    self.tell_value(sink, conn, batch, name, key.as_str(), value);
                }
            }
            None => (*subject, sync.next) = (*subject + 1, 0),
        }
        true
    }

    /// Whether the subject still exists and its values may be sent. A user's are for everybody, so
    /// a new user with the id does no harm.
    fn may_still_hear(&self, conn: ConnId, subject: Subject) -> bool {
        match subject {
            Subject::User(user) => self.users.contains(user),
            Subject::Channel(id) => self.channels.get(id).is_some_and(|channel| {
                let asker = self.sessions[conn].user();
                !channel.is(ChannelMode::Secret)
                    || asker.is_some_and(|asker| self.users[asker].is_in(id))
            }),
            Subject::Newcomer(_) => true,
        }
    }

    /// Sends a value as a notification: the earlier draft has a message for it.
    fn tell_value(
        &self,
        sink: &mut Sink,
        conn: ConnId,
        batch: Option<&str>,
        name: &str,
        key: &str,
        value: &str,
    ) {
        if self.hears_later_draft(conn) {
            return self.answer_value(sink, conn, batch, name, key, Some(value));
        }
        let params = [name, key, "*"];
        let line = Line::new(&self.settings.server_name, "METADATA", &params).text(value);
        line.tagged(LineTags { batch, ..LineTags::default() }).to(sink, &self.sessions[conn]);
    }

    /// Sends a value, or that there is none, as a reply.
    pub(crate) fn answer_value(
        &self,
        sink: &mut Sink,
        conn: ConnId,
        batch: Option<&str>,
        name: &str,
        key: &str,
        value: Option<&str>,
    ) {
        match value {
            Some(value) => {
                self.numeric_in(sink, conn, batch, RPL_KEYVALUE, &[name, key, "*", value]);
            }
            None => self.numeric_in(sink, conn, batch, RPL_KEYNOTSET, &[name, key]),
        }
    }
}

/// Whether a client with `caps` receives metadata unasked: it needs `batch` too.
pub(crate) fn hears_metadata(caps: Caps) -> bool {
    caps.any_of(Caps::METADATA) && caps.has(Cap::Batch)
}
