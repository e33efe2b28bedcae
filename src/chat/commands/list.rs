//! LIST. Modern IRC, "LIST message"; ISUPPORT `ELIST=CMNTU`, `SAFELIST`.

use super::long_answer::Query;
use crate::chat::channels::{ChannelId, ChannelMode};
use crate::chat::numeric::*;
use crate::chat::voice::Voice;
use crate::chat::{By, Chat};
use crate::wire::irc::Message;
use crate::wire::irc::names::ChannelName;
use crate::wire::mask;

/// Which channels are wanted: those that meet all conditions, and one of the masks if there are any.
#[derive(Default)]
pub struct ListFilter {
    conditions: Vec<Condition>,
    masks: Vec<Box<str>>,
    without: Vec<Box<str>>,
}

/// Times in seconds since 1970.
enum Condition {
    UsersAbove(usize),
    UsersBelow(usize),
    CreatedAfter(u64),
    CreatedBefore(u64),
    TopicAfter(u64),
    TopicBefore(u64),
}

/// Conditions and masks in one LIST.
pub(super) const CONDITIONS_MAX: usize = 20;

impl Chat {
    /// `LIST [channel{,channel}] [elist{,elist}]`.
    pub(crate) fn list(&mut self, voice: &mut Voice, by: By, message: &Message) {
        let now = voice.unix();
        let mut filter = ListFilter::default();
        let items = message.params.iter().take(2).enumerate();
        let items =
            items.flat_map(|(place, param)| param.split(',').map(move |item| (place, item)));
        for (place, item) in items.filter(|(_, item)| !item.is_empty()).take(CONDITIONS_MAX) {
            // The second parameter of old was a server; the first names channels, or none.
            let mask = place == 0 || ChannelName::is_meant_by(item) || item.contains(['*', '?']);
            filter.add(item, mask, now);
        }
        self.begin_answer(voice, by, Query::List(filter));
    }

    /// One channel, if it is wanted and may be known.
    pub(crate) fn list_one(
        &self,
        voice: &mut Voice,
        by: By,
        filter: &ListFilter,
        id: ChannelId,
        batch: Option<&str>,
    ) {
        let channel = &self.channels[id];
        let inside = self.users[by.user].is_in(id);
        let hidden = channel.is(ChannelMode::Secret) && !inside;
        let asker = self.member(id, by.user);
        let seen = match channel.is(ChannelMode::Auditorium) {
            true => channel.members.iter().filter(|member| self.shows(id, asker, **member)).count(),
            false => channel.members.len(),
        };
        let topic_age = (channel.topic_at, channel.created);
        if hidden || !filter.wants(&channel.name, seen, topic_age) {
            return;
        }
        let topic = channel.topic.as_ref().map_or("", |topic| &topic.text);
        self.numeric_in(
            voice,
            by.conn,
            batch,
            RPL_LIST,
            &[&channel.name, &seen.to_string(), topic],
        );
    }
}

impl ListFilter {
    /// Bytes of all masks together.
    pub(super) fn mask_bytes(&self) -> usize {
        self.masks.iter().chain(&self.without).map(|mask| mask.len()).sum()
    }

    /// A condition, or a mask if it may be one.
    fn add(&mut self, item: &str, mask: bool, now: u64) {
        let ago = |minutes: &str| {
            let minutes: u64 = minutes.parse().ok()?;
            Some(now.saturating_sub(minutes.saturating_mul(60)))
        };
        let condition = match item.as_bytes() {
            [b'>', ..] => item[1..].parse().ok().map(Condition::UsersAbove),
            [b'<', ..] => item[1..].parse().ok().map(Condition::UsersBelow),
            // "C>60": created more than 60 minutes ago.
            [b'C' | b'c', b'>', ..] => ago(&item[2..]).map(Condition::CreatedBefore),
            [b'C' | b'c', b'<', ..] => ago(&item[2..]).map(Condition::CreatedAfter),
            [b'T' | b't', b'>', ..] => ago(&item[2..]).map(Condition::TopicBefore),
            [b'T' | b't', b'<', ..] => ago(&item[2..]).map(Condition::TopicAfter),
            [b'!', ..] => {
                self.without.push(item[1..].into());
                return;
            }
            _ => {
                self.masks.extend(mask.then(|| item.into()));
                return;
            }
        };
        self.conditions.extend(condition);
    }

    fn wants(&self, name: &str, users: usize, (topic_at, created): (u64, u64)) -> bool {
        let meets = |condition: &Condition| match condition {
            Condition::UsersAbove(count) => users > *count,
            Condition::UsersBelow(count) => users < *count,
            Condition::CreatedAfter(time) => created > *time,
            Condition::CreatedBefore(time) => created < *time,
            Condition::TopicAfter(time) => topic_at > *time,
            Condition::TopicBefore(time) => topic_at != 0 && topic_at < *time,
        };
        let named = |masks: &[Box<str>]| masks.iter().any(|mask| mask::matches(mask, name));
        self.conditions.iter().all(meets)
            && (self.masks.is_empty() || named(&self.masks))
            && !named(&self.without)
    }
}
