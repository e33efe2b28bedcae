//! Questions with long replies, and the progress of each.

use crate::chat::state::ids::{ChannelId, Serial, UserId};
use crate::chat::state::metadata::Key;
use crate::net::ConnId;
use crate::store;
use crate::store::{Limit, Message, Selection, Text};
use crate::wire::mask;
use std::collections::VecDeque;

/// The most of the available room that one line may take.
pub(crate) const LINE_MAX: usize = 1024;

/// Selects channels that meet all conditions and, if there are masks, one of them.
#[derive(Default)]
pub struct ListFilter {
    conditions: Vec<Condition>,
    masks: Vec<Box<str>>,
    without: Vec<Box<str>>,
}

/// A condition of LIST (ELIST). Times are in seconds since 1970.
enum Condition {
    UsersAbove(usize),
    UsersBelow(usize),
    CreatedAfter(u64),
    CreatedBefore(u64),
    TopicAfter(u64),
    TopicBefore(u64),
}

impl ListFilter {
    /// Bytes of all masks together.
    pub(crate) fn mask_bytes(&self) -> usize {
        self.masks.iter().chain(&self.without).map(|mask| mask.len()).sum()
    }

    /// Adds a condition, or a mask if `mask` allows one.
    pub(crate) fn add(&mut self, item: &str, mask: bool, now: u64) {
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

    pub(crate) fn wants(&self, name: &str, users: usize, (topic_at, created): (u64, u64)) -> bool {
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

/// The rest of a history reply.
pub(crate) struct HistoryAnswer {
    /// The command it answers.
    pub command: &'static str,
    /// The type of its batch, with parameters.
    pub batch: String,
    /// The remaining pieces, in order.
    pub rest: VecDeque<HistoryPiece>,
    /// Further targets to request once this is sent.
    pub then: Option<Plays>,
}

/// A piece of a history reply.
pub(crate) enum HistoryPiece {
    /// A message, and the reader's name for its target.
    Said(String, Message),
    /// A target and the time of its latest message, in milliseconds since 1970.
    Target(String, i64),
}

impl HistoryAnswer {
    /// Its approximate size in memory.
    pub(crate) fn bytes(&self) -> usize {
        let bytes = |piece: &HistoryPiece| match piece {
            HistoryPiece::Said(target, message) => target.len() + message.bytes(),
            HistoryPiece::Target(name, _) => name.len(),
        };
        size_of::<HistoryPiece>() * self.rest.len() + self.rest.iter().map(bytes).sum::<usize>()
    }

    /// The size of the next piece, in bytes.
    pub(crate) fn next_bytes(&self) -> usize {
        match self.rest.front() {
            Some(HistoryPiece::Said(_, Message { text: Text::Lines(lines), .. })) => {
                LINE_MAX + lines.iter().map(|line| LINE_MAX / 2 + line.text.len()).sum::<usize>()
            }
            _ => LINE_MAX,
        }
    }
}

/// History still to be played, one target after the other.
pub(crate) struct Plays {
    pub targets: VecDeque<PlayTargets>,
    pub selection: Selection,
    /// The most messages of each target.
    pub limit: Limit,
    /// Sent unasked, because the user has returned.
    pub missed: bool,
    /// The last target, if it had more messages than were played, and the time of the first of
    /// those.
    pub hint: Option<(String, i64)>,
}

/// A target to be played.
pub(crate) enum PlayTargets {
    /// The client's name for it.
    Named(String),
    /// A target in the store that the user may read. It may be a conversation with a user whose
    /// name nobody can have any more.
    At(store::Target),
}

impl Plays {
    /// No further target; only the hint that the last one has more messages.
    pub fn hint(hint: (String, i64)) -> Plays {
        let (targets, selection) = (VecDeque::new(), Selection::Latest(None));
        Plays { targets, selection, limit: Limit::new(1), missed: true, hint: Some(hint) }
    }
}

/// The parameters of WHO.
pub struct WhoQuery {
    pub mask: Box<str>,
    /// Found when the reply begins: a waiting reply must be small.
    pub targets: WhoTargets,
    pub operators_only: bool,
    /// Fields and token of WHOX.
    pub fields: Option<(Box<str>, Box<str>)>,
}

pub(crate) enum WhoTargets {
    Nobody,
    One(UserId),
    /// The members when the reply began, which may take many turns.
    Members(ChannelId, Serial, Box<[UserId]>),
    Matching,
}

impl WhoQuery {
    /// The mask as the client wrote it, for the last line of the reply.
    pub(crate) fn mask(&self) -> &str {
        &self.mask
    }

    /// Bytes of the question's own text.
    pub(crate) fn asked_bytes(&self) -> usize {
        let fields = self.fields.as_ref().map_or(0, |(fields, token)| fields.len() + token.len());
        self.mask.len() + fields
    }

    /// Bytes of the member ids.
    pub(crate) fn listed_bytes(&self) -> usize {
        match &self.targets {
            WhoTargets::Members(_, _, members) => size_of_val(&**members),
            _ => 0,
        }
    }

    /// Drops the collected users.
    pub(crate) fn clear(&mut self) {
        self.targets = WhoTargets::Nobody;
    }

    /// Bytes of the mask, if users are tested against it.
    pub(crate) fn mask_bytes(&self) -> usize {
        if matches!(self.targets, WhoTargets::Matching) { self.mask.len() } else { 0 }
    }
}

/// The owner of keys and values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    User(UserId),
    Channel(ChannelId),
    /// The asking client before registration: draft/metadata-3, `before-connect`.
    Newcomer(ConnId),
}

/// The values of some keys of some subjects, sent in a `metadata` batch.
pub(crate) struct MetadataSync {
    /// The target of the request: the parameter of the batch.
    pub of: Box<str>,
    pub whose: Whose,
    /// Empty while earlier replies come first, as are the keys: there may be many.
    pub subjects: Vec<Subject>,
    /// The keys, in order.
    pub keys: Vec<Key>,
    /// The index of the next value, of the current subject.
    pub next: usize,
}

/// The subjects of a METADATA SYNC.
#[derive(Clone, Copy)]
pub(crate) enum Whose {
    /// Everyone whose changes the asking user receives.
    All,
    Subject(Subject),
    /// The channel and its members. The serial rules out a later channel of that id.
    Channel(ChannelId, Serial),
}

impl MetadataSync {
    /// Drops the collected subjects and keys.
    pub(crate) fn clear(&mut self) {
        (self.subjects, self.keys) = (Vec::new(), Vec::new());
    }

    /// Bytes of the collected subjects and keys.
    pub(crate) fn listed_bytes(&self) -> usize {
        let keys: usize = self.keys.iter().map(|key| size_of::<Key>() + key.as_str().len()).sum();
        size_of::<Subject>() * self.subjects.len() + keys
    }

    pub(crate) fn wants(&self, key: &Key) -> bool {
        self.keys.binary_search(key).is_ok()
    }
}
