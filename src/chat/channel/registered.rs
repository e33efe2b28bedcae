//! Registered channels: they exist without members, are restored at start, and give ranks to
//! accounts. `chanserv` registers them.

use crate::chat::Chat;
use crate::chat::event::{Source, What};
use crate::chat::reply::Sink;
use crate::chat::state::channel_record::since_1970;
use crate::chat::state::ids::{ChannelId, Serial, UserId};
use crate::chat::state::mode_change::ModeChange;
use crate::chat::state::ranks::Rank;
use crate::chat::state::registration::{ChannelRegistration, Standing};
use crate::chat::state::save_state::SaveState;
use crate::chat::state::services::CHANSERV;
use crate::store::{ChannelRecord, Reply, Request};
use crate::wire::casemap::{folded, same};
use crate::wire::irc::names::ChannelName;

impl Chat {
    /// Restores the registered channels. Must run before the first connection.
    pub(crate) fn restore_channels(&mut self, records: Vec<ChannelRecord>) {
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
                (registration.standing, registration.kept) = (Standing::Stands, SaveState::Clean);
            }
            channel.take_record(record);
        }
    }

    /// Saves a channel if it is registered. At most one request for each is under way, however much
    /// changes.
    pub(crate) fn save_channel(&mut self, sink: &mut Sink, id: ChannelId) {
        let Some(registration) = &mut self.channels[id].registration else { return };
        if registration.kept != SaveState::Clean || registration.standing == Standing::Ending {
            registration.kept = SaveState::Dirty;
            return;
        }
        registration.kept = SaveState::Saving;
        let serial = registration.serial;
        let Some(record) = self.channels[id].record() else { return };
        let name = record.folded.clone();
        let request = Request::SaveChannel(Box::new(record));
        self.ask_store(sink, request, move |chat, sink, reply| {
            chat.channel_saved(sink, (id, serial), &name, &reply);
        });
    }

    /// Handles the store's reply to saving a channel under `name`.
    pub(crate) fn channel_saved(
        &mut self,
        sink: &mut Sink,
        (id, serial): (ChannelId, Serial),
        name: &str,
        reply: &Reply,
    ) {
        let Some(registration) = self.registration(id, serial) else { return };
        let kept = std::mem::take(&mut registration.kept);
        if registration.standing == Standing::Ending && kept == SaveState::Dirty {
            registration.kept = kept; // until it is known whether it ends
            return;
        }
        match reply {
            Reply::Saved => {
                self.forget_former(sink, (id, serial), name);
                if kept == SaveState::Dirty {
                    self.save_channel(sink, id);
                }
            }
            Reply::NoSuchAccount => {
                log::info!("{name} is registered no more: its founder's account is gone");
                self.happen(sink, What::RegistrationEnded { channel: id });
            }
            _ => {} // a failed save is repeated with the next change
        }
    }

    /// Deletes the record under the name before RENAME, once there is one under the new name. In
    /// this order the channel is always stored under one of them.
    fn forget_former(&mut self, sink: &mut Sink, (id, serial): (ChannelId, Serial), kept_as: &str) {
        let Some(registration) = self.registration(id, serial) else { return };
        let former = registration.former.clone();
        // A request from before the RENAME may be answered after it.
        let Some(former) = former.filter(|former| former.as_str() != kept_as) else { return };
        self.forget_record(sink, former.as_str(), move |chat| {
            if let Some(registration) = chat.registration(id, serial) {
                registration.former = None;
            }
        });
    }

    /// Deletes the record under a name, unless another channel has the name by now.
    pub(crate) fn forget_record(
        &mut self,
        sink: &mut Sink,
        name: &str,
        then: impl FnOnce(&mut Chat) + Send + 'static,
    ) {
        let found = self.channels.find(name);
        if found.is_some_and(|other| self.channels[other].registration.is_some()) {
            return then(self);
        }
        let request = Request::DropChannel { folded: folded(name).into_owned() };
        self.ask_store(sink, request, |chat, _, reply| {
            if reply == Reply::Dropped {
                then(chat);
            }
        });
    }

    /// A channel's registration, if it is still that one.
    pub(crate) fn registration(
        &mut self,
        id: ChannelId,
        serial: Serial,
    ) -> Option<&mut ChannelRegistration> {
        let registration = self.channels.get_mut(id)?.registration.as_deref_mut();
        registration.filter(|registration| registration.serial == serial)
    }

    /// Ends the registrations of a removed account, and its ranks in other channels. The store has
    /// deleted its own records. A scan of all channels.
    pub(crate) fn forget_account(&mut self, sink: &mut Sink, account: &str) {
        let all: Vec<ChannelId> = self.channels.iter().map(|(id, _)| id).collect();
        for id in all {
            let Some(registration) = &mut self.channels[id].registration else { continue };
            if same(&registration.founder, account) {
                let writing = registration.kept != SaveState::Clean;
                let name = self.channels[id].name.clone();
                self.happen(sink, What::RegistrationEnded { channel: id });
                if writing {
                    // A later account of this name must not inherit it.
                    self.forget_record(sink, &name, |_| {});
                }
                continue;
            }
            let before = registration.ranks.len();
            registration.ranks.retain(|(known, _)| !same(known, account));
            if registration.ranks.len() != before {
                self.save_channel(sink, id);
            }
        }
    }

    /// The rank that `user` gets in a channel by their account.
    pub(crate) fn rank_by_account(&self, channel: ChannelId, user: UserId) -> Option<Rank> {
        let account = self.users[user].account()?;
        self.channels[channel].registered()?.rank_of(account)
    }

    /// Gives a member the rank of their account.
    pub(crate) fn give_own_rank(&mut self, sink: &mut Sink, channel: ChannelId, user: UserId) {
        if let Some(rank) = self.rank_by_account(channel, user) {
            self.set_rank_by_service(sink, channel, user, rank, true);
        }
    }

    /// Gives a user the ranks of their account in all channels they are in.
    pub(crate) fn give_own_ranks(&mut self, sink: &mut Sink, user: UserId) {
        for membership in self.users[user].channels.clone() {
            self.give_own_rank(sink, membership.channel, user);
            self.restore_operator(sink, membership.channel, user);
        }
    }

    /// Gives or takes a rank, announced as done by ChanServ.
    pub(crate) fn set_rank_by_service(
        &mut self,
        sink: &mut Sink,
        channel: ChannelId,
        user: UserId,
        rank: Rank,
        on: bool,
    ) {
        if self.member(channel, user).is_none_or(|member| member.ranks.has(rank) == on) {
            return;
        }
        let change = ModeChange::Rank { user, rank, on, willingly: false };
        self.happen(sink, What::ModeChanged { channel, change });
        let letters = &*format!("{}{}", if on { '+' } else { '-' }, rank.letter());
        let mask = self.service_mask(CHANSERV);
        let (source, params) = (Source::Server(&mask), &[self.users[user].nick().to_owned()]);
        self.happen(sink, What::ModesTold { source, channel, letters, params });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::Settings;
    use crate::store::{self, TopicRecord};
    use proptest::prelude::*;

    /// The records of the channels that exist after a start with `records`.
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
            // Entries of one list together, the lists as `List::LETTERS` has them.
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
