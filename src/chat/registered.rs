//! Registered channels: they stay when nobody is in them, are here again after a start, and give
//! ranks to accounts. `commands::chanserv` is how one is registered.

use super::Chat;
use super::always_on::Kept;
use super::ban::Ban;
use super::channels::{Channel, ChannelId, List, ListEntry, NEVER, Rank, Serial, Topic};
use super::commands::chanserv;
use super::metadata::Metadata;
use super::users::UserId;
use super::voice::{Line, LineTags, Voice};
use crate::store::{self, ChannelRecord, Reply, Request, TopicRecord};
use crate::wire::casemap::{Folded, folded, same};
use crate::wire::irc::names::ChannelName;

/// What a registered channel has beside what every channel has.
pub struct Registration {
    /// Tells it from others that the channel had before.
    pub serial: Serial,
    /// The account whose it is, folded.
    pub founder: Box<str>,
    /// The rank that each of other accounts has there of itself, by the account folded; bounded by
    /// `list_entries_max`.
    pub ranks: Vec<(Box<str>, Rank)>,
    /// Whether it is registered, or about to be so, or no more.
    pub standing: Standing,
    /// How far what is kept of it is behind.
    pub(super) kept: Kept,
    /// The name that it had before a RENAME, until what is kept under that is gone.
    pub former: Option<Folded>,
}

/// How far a registration is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Waits for the store to keep it. Until then it gives no rights.
    Asked,
    /// It is registered.
    Stands,
    /// Waits for the store to forget it. Until then nothing of it is saved: it would be there again.
    Ending,
}

impl Registration {
    /// One that the store is to keep.
    pub fn asked(serial: Serial, founder: Box<str>) -> Registration {
        let (standing, kept) = (Standing::Asked, Kept::Writing);
        Registration { serial, founder, ranks: Vec::new(), standing, kept, former: None }
    }

    /// The rank that `account` has of itself.
    pub fn rank_of(&self, account: &str) -> Option<Rank> {
        if same(&self.founder, account) {
            return Some(Rank::Founder);
        }
        self.ranks.iter().find(|(known, _)| same(known, account)).map(|(_, rank)| *rank)
    }

    /// Asserts what must hold between commands, of a channel of that name.
    pub fn check(&self, name: &str) {
        for (place, (account, _)) in self.ranks.iter().enumerate() {
            let others = self.ranks[..place].iter().map(|(other, _)| other).chain([&self.founder]);
            assert!(others.into_iter().all(|other| other != account), "{account} twice in {name}");
        }
        let former = self.former.as_ref();
        assert!(former.is_none_or(|former| *former != Folded::of(name)), "{name} is not former");
        assert!(self.standing != Standing::Asked || self.kept != Kept::Now, "{name} is asked for");
    }
}

impl Channel {
    /// The channel as it is kept, if it is registered or is to be.
    pub(super) fn record(&self) -> Option<ChannelRecord> {
        let registration = self.registration.as_ref()?;
        let lists = List::LETTERS.iter().flat_map(|(letter, list)| {
            self.list(*list).iter().map(|entry| store::ListEntry {
                list: *letter,
                mask: entry.mask.as_str().to_owned(),
                setter: entry.by.to_string(),
                time_s: entry.at as i64,
                expires_s: entry.until.map(|until| until as i64),
            })
        });
        let ranks = registration.ranks.iter();
        let ranks = ranks.map(|(account, rank)| (account.to_string(), rank.letter()));
        Some(ChannelRecord {
            name: self.name.to_string(),
            folded: folded(&self.name).into_owned(),
            founder: registration.founder.to_string(),
            created_s: self.created as i64,
            modes: self.mode_text(true).join(" "),
            topic: self.topic.as_ref().map(|topic| TopicRecord {
                text: topic.text.to_string(),
                setter: topic.by.to_string(),
                time_s: self.topic_at as i64,
            }),
            lists: lists.collect(),
            accounts: ranks.collect(),
            metadata: self.metadata.as_ref().map(|all| all.to_pairs()).unwrap_or_default(),
        })
    }

    /// What makes it one that is registered, once it is.
    pub fn registered(&self) -> Option<&Registration> {
        let registration = self.registration.as_deref();
        registration.filter(|registration| registration.standing != Standing::Asked)
    }

    /// Takes what was kept. What of it means nothing is left out, and said to the log.
    fn take_record(&mut self, record: ChannelRecord) {
        if !self.take_mode_text(&record.modes) {
            log::warn!("some modes of {} are not known: {:?}", self.name, record.modes);
        }
        if let Some(TopicRecord { text, setter, time_s }) = record.topic {
            self.topic = Some(Topic { text: text.into(), by: setter.into() });
            self.topic_at = since_1970(time_s);
        }
        for store::ListEntry { list, mask, setter, time_s, expires_s } in record.lists {
            match (List::of(list), Ban::parse(&mask)) {
                (Some(list), Ok(mask)) => {
                    let until = expires_s.map(since_1970);
                    self.next_end = self.next_end.min(until.unwrap_or(NEVER));
                    let (by, at) = (setter.into(), since_1970(time_s));
                    let entry = ListEntry { mask, by, at, until };
                    self.list_mut(list).push(entry);
                }
                _ => log::warn!("an entry of {} is not known: {list:?} {mask:?}", self.name),
            }
        }
        let metadata = Metadata::from_pairs(record.metadata);
        self.metadata = Some(Box::new(metadata)).filter(|metadata| !metadata.is_empty());
        let Some(registration) = &mut self.registration else { return };
        for (account, letter) in record.accounts {
            match Rank::of(letter) {
                Some(rank) if registration.rank_of(&account).is_none() => {
                    registration.ranks.push((account.into(), rank));
                }
                _ => log::warn!("a rank in {} is not known: {letter:?} {account:?}", self.name),
            }
        }
    }
}

/// A time as it is kept. None is earlier.
fn since_1970(seconds: i64) -> u64 {
    seconds.try_into().unwrap_or(0)
}

impl Chat {
    /// The channels that were registered before this start. Before anyone comes.
    pub(super) fn restore_channels(&mut self, records: Vec<ChannelRecord>) {
        for record in records {
            let name = ChannelName::parse(&record.name, usize::MAX);
            let Some(name) = name.filter(|name| self.channels.find(name.as_str()).is_none()) else {
                log::error!("there can't be a channel that is kept as {:?}", record.name);
                continue;
            };
            let id = self.channels.create(name, since_1970(record.created_s));
            self.channels.register(id, (&*record.founder).into());
            let channel = &mut self.channels[id];
            if let Some(registration) = &mut channel.registration {
                (registration.standing, registration.kept) = (Standing::Stands, Kept::Now);
            }
            channel.take_record(record);
        }
    }

    /// Something has changed about a channel that is to outlive the process if it is registered. At
    /// most one request for each is under way, however much changes.
    pub(super) fn keep_channel(&mut self, voice: &mut Voice, id: ChannelId) {
        let Some(registration) = &mut self.channels[id].registration else { return };
        if registration.kept != Kept::Now || registration.standing == Standing::Ending {
            registration.kept = Kept::Behind;
            return;
        }
        registration.kept = Kept::Writing;
        let serial = registration.serial;
        let Some(record) = self.channels[id].record() else { return };
        let name = record.folded.clone();
        let request = Request::SaveChannel(Box::new(record));
        self.ask_store(voice, request, move |chat, voice, reply| {
            chat.channel_kept(voice, (id, serial), &name, &reply);
        });
    }

    /// The store has answered a request to keep a channel under `name`.
    pub(super) fn channel_kept(
        &mut self,
        voice: &mut Voice,
        (id, serial): (ChannelId, Serial),
        name: &str,
        reply: &Reply,
    ) {
        let Some(registration) = self.registration(id, serial) else { return };
        let kept = std::mem::take(&mut registration.kept);
        if registration.standing == Standing::Ending && kept == Kept::Behind {
            registration.kept = kept; // until it is known whether it ends
            return;
        }
        match reply {
            Reply::Saved => {
                self.forget_former(voice, (id, serial), name);
                if kept == Kept::Behind {
                    self.keep_channel(voice, id);
                }
            }
            Reply::NoSuchAccount => {
                log::info!("{name} is registered no more: its founder's account is gone");
                self.channels.end_registration(id);
            }
            _ => {} // what can't be kept now is kept with the next change
        }
    }

    /// Once a channel is kept under the name that RENAME has given it, it is so no more under the
    /// one before: in this order, so that it is always kept under one of them.
    fn forget_former(
        &mut self,
        voice: &mut Voice,
        (id, serial): (ChannelId, Serial),
        kept_as: &str,
    ) {
        let Some(registration) = self.registration(id, serial) else { return };
        let former = registration.former.clone();
        // What was asked before the RENAME is answered after it.
        let Some(former) = former.filter(|former| former.as_str() != kept_as) else { return };
        self.forget_record(voice, former.as_str(), move |chat| {
            if let Some(registration) = chat.registration(id, serial) {
                registration.former = None;
            }
        });
    }

    /// Has the store forget what it keeps under a name, unless that is another channel's by now.
    pub(super) fn forget_record(
        &mut self,
        voice: &mut Voice,
        name: &str,
        then: impl FnOnce(&mut Chat) + Send + 'static,
    ) {
        let found = self.channels.find(name);
        if found.is_some_and(|other| self.channels[other].registration.is_some()) {
            return then(self);
        }
        let request = Request::DropChannel { folded: folded(name).into_owned() };
        self.ask_store(voice, request, |chat, _, reply| {
            if reply == Reply::Dropped {
                then(chat);
            }
        });
    }

    /// A channel's registration, if it is still that one.
    pub(super) fn registration(
        &mut self,
        id: ChannelId,
        serial: Serial,
    ) -> Option<&mut Registration> {
        let registration = self.channels.get_mut(id)?.registration.as_deref_mut();
        registration.filter(|registration| registration.serial == serial)
    }

    /// An account is gone, and with it the registrations of its channels and its ranks in others;
    /// the store has seen to its own. A scan of all channels.
    pub(super) fn forget_account(&mut self, voice: &mut Voice, account: &str) {
        let all: Vec<ChannelId> = self.channels.iter().map(|(id, _)| id).collect();
        for id in all {
            let Some(registration) = &mut self.channels[id].registration else { continue };
            if same(&registration.founder, account) {
                let writing = registration.kept != Kept::Now;
                let name = self.channels[id].name.clone();
                self.channels.end_registration(id);
                if writing {
                    // Should there be another account of this name already, it is not to have it.
                    self.forget_record(voice, &name, |_| {});
                }
                continue;
            }
            let before = registration.ranks.len();
            registration.ranks.retain(|(known, _)| !same(known, account));
            if registration.ranks.len() != before {
                self.keep_channel(voice, id);
            }
        }
    }

    /// The rank that `user` has in a channel of themselves, by their account.
    pub(super) fn rank_by_account(&self, channel: ChannelId, user: UserId) -> Option<Rank> {
        let account = self.users[user].account()?;
        self.channels[channel].registered()?.rank_of(account)
    }

    /// Gives a member the rank that they have of themselves.
    pub(super) fn give_own_rank(&mut self, voice: &mut Voice, channel: ChannelId, user: UserId) {
        if let Some(rank) = self.rank_by_account(channel, user) {
            self.set_rank_by_service(voice, channel, user, rank, true);
        }
    }

    /// The same in all channels they are in.
    pub(super) fn give_own_ranks(&mut self, voice: &mut Voice, user: UserId) {
        for membership in self.users[user].channels.clone() {
            self.give_own_rank(voice, membership.channel, user);
            self.restore_operator(voice, membership.channel, user);
        }
    }

    /// Gives or takes a rank, and tells all who did.
    pub(super) fn set_rank_by_service(
        &mut self,
        voice: &mut Voice,
        channel: ChannelId,
        user: UserId,
        rank: Rank,
        on: bool,
    ) {
        let Some(member) = self.member(channel, user).filter(|member| member.ranks.has(rank) != on)
        else {
            return;
        };
        self.set_rank(voice, channel, member, rank, on);
        let change = format!("{}{}", if on { '+' } else { '-' }, rank.letter());
        let source = self.service_mask(chanserv::NAME);
        let name = self.channels[channel].name.clone();
        let nick = self.users[user].nick().to_owned();
        let params = [&*name, &change, &nick];
        let msgid = self.keep_service_event(voice, &source, channel, "MODE", &params.join(" "));
        let tags = LineTags { msgid: Some(&msgid), ..LineTags::default() };
        self.to_channel(voice, &mut Line::new(&source, "MODE", &params).tagged(tags), channel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::Settings;
    use proptest::prelude::*;

    /// What is kept of the channels that are there after a start with `records`.
    fn kept_after(records: Vec<ChannelRecord>) -> Vec<ChannelRecord> {
        let mut chat = Chat::new(Settings::default());
        chat.restore_channels(records);
        chat.check();
        chat.channels.iter().filter_map(|(_, channel)| channel.record()).collect()
    }

    fn record(name: &str) -> ChannelRecord {
        ChannelRecord {
            name: name.to_owned(),
            folded: folded(name).into_owned(),
            founder: "ann".to_owned(),
            created_s: 1,
            modes: "+nt".to_owned(),
            topic: None,
            lists: Vec::new(),
            accounts: Vec::new(),
            metadata: Vec::new(),
        }
    }

    prop_compose! {
        fn records()(
            name in "#[A-Za-zé!:*]{0,8}",
            flags in "C?E?M?R?U?i?m?n?s?t?u?",
            (key, limit, forward) in ("([^ ,:\\pC][^ ,\\pC]{0,8})?", "([1-9][0-9]{0,8})?", "(#[a-zé]{0,8})?"),
            topic in proptest::option::of(("[^\\pC]{1,20}", "[a-z]{1,9}", 0..i64::MAX)),
            masks in proptest::collection::vec(("[beI]", "(m:)?[a-z]{1,5}![a-z]{1,5}@\\*", 0..i64::MAX), 0..9),
            ranks in proptest::collection::btree_map("[b-z]{1,5}", "[qaohv]", 0..5),
            metadata in proptest::collection::btree_map("[a-z/.-]{1,5}", ".{0,9}", 0..5),
        ) -> ChannelRecord {
            let letter = |text: String| text.chars().next().unwrap_or(' ');
            let mut lists: Vec<store::ListEntry> = masks.into_iter().map(|(list, mask, time_s)| {
                store::ListEntry {
                    list: letter(list),
                    mask,
                    setter: "ann!a@b".to_owned(),
                    time_s,
                    expires_s: None,
                }
            }).collect();
            // Those of one list together, the lists as `List::LETTERS` has them.
            lists.sort_by_key(|entry| "beI".find(entry.list));
            let mut modes = format!("+{flags}");
            let values = [('k', key), ('l', limit), ('f', forward)];
            modes.extend(values.iter().filter(|(_, value)| !value.is_empty()).map(|(l, _)| *l));
            for (_, value) in values.iter().filter(|(_, value)| !value.is_empty()) {
                modes.push_str(&format!(" {value}"));
            }
            ChannelRecord {
                modes,
                topic: topic.map(|(text, setter, time_s)| TopicRecord { text, setter, time_s }),
                lists,
                accounts: ranks.into_iter().map(|(account, rank)| (account, letter(rank))).collect(),
                metadata: metadata.into_iter().collect(),
                ..record(&name)
            }
        }
    }

    proptest! {
        #[test]
        fn a_channel_is_restored_as_it_was_kept(record in records()) {
            prop_assert_eq!(kept_after(vec![record.clone()]), vec![record]);
        }

        #[test]
        fn no_modes_do_harm(modes in "\\PC{0,20}|\\+[a-zA-Z]{0,9}( [^ ]{0,5}){0,4}") {
            let restored = kept_after(vec![ChannelRecord { modes, ..record("#a") }]).remove(0);
            prop_assert_eq!(kept_after(vec![restored.clone()]), vec![restored]);
        }
    }

    #[test]
    fn what_means_nothing_is_left_out() {
        for bad in ["", "a", "#a b", "#a\n", "#a,b"] {
            assert_eq!(kept_after(vec![record(bad), record("#z")]), [record("#z")], "{bad:?}");
        }
        assert_eq!(kept_after(vec![record("#a"), record("#A")]), [record("#a")]);
        let entry = |list, mask: &str| store::ListEntry {
            list,
            mask: mask.to_owned(),
            setter: "ann".to_owned(),
            time_s: 1,
            expires_s: None,
        };
        let ranks = [("bob", 'x'), ("bob", 'o'), ("bob", 'v'), ("ann", 'v')];
        let damaged = ChannelRecord {
            created_s: -1,
            modes: "+xinlk many".to_owned(),
            lists: vec![entry('x', "a!b@c"), entry('b', ""), entry('b', "a!b@c")],
            accounts: ranks.map(|(account, rank)| (account.to_owned(), rank)).into(),
            metadata: vec![("no key".to_owned(), String::new())],
            ..record("#a")
        };
        let sound = ChannelRecord {
            created_s: 0,
            modes: "+in".to_owned(),
            lists: vec![entry('b', "a!b@c")],
            accounts: vec![("bob".to_owned(), 'o')],
            ..record("#a")
        };
        assert_eq!(kept_after(vec![damaged]), [sound]);
    }
}
