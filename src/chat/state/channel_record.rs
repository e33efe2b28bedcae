//! Conversion between a channel and the record of it in the store.

use crate::chat::state::ban::Ban;
use crate::chat::state::channels::{Channel, List, ListEntry, NEVER, Topic};
use crate::chat::state::metadata::Metadata;
use crate::chat::state::ranks::Rank;
use crate::chat::state::registration::{ChannelRegistration, Standing};
use crate::store;
use crate::store::{ChannelRecord, TopicRecord};
use crate::wire::casemap::folded;

impl Channel {
    /// The record to store, if the channel is registered or about to be.
    pub(crate) fn record(&self) -> Option<ChannelRecord> {
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

    /// The registration, once the store has confirmed it.
    pub fn registered(&self) -> Option<&ChannelRegistration> {
        let registration = self.registration.as_deref();
        registration.filter(|registration| registration.standing != Standing::Asked)
    }

    /// Restores the channel from its record. Parts that mean nothing are left out and logged.
    pub(crate) fn take_record(&mut self, record: ChannelRecord) {
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

/// Converts a stored time. Negative ones become 0.
pub(crate) fn since_1970(seconds: i64) -> u64 {
    seconds.try_into().unwrap_or(0)
}
