//! Questions that take long answers, and how far each has been answered.

use crate::chat::state::ids::{ChannelId, Serial, UserId};
use crate::chat::state::metadata::Key;
use crate::net::ConnId;
use crate::store;
use crate::store::{Limit, Message, Selection, Text};
use crate::wire::mask;
use std::collections::VecDeque;

/// What one line may take of the room there is.
pub(crate) const LINE_MAX: usize = 1024;

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

impl ListFilter {
    /// Bytes of all masks together.
    pub(crate) fn mask_bytes(&self) -> usize {
        self.masks.iter().chain(&self.without).map(|mask| mask.len()).sum()
    }

    /// A condition, or a mask if it may be one.
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

/// What is still to be said of it.
pub(crate) struct HistoryAnswer {
    /// What has asked for it.
    pub command: &'static str,
    /// The type of the batch it is said in, with its parameters.
    pub batch: String,
    /// In order.
    pub rest: VecDeque<HistoryPiece>,
    /// What is to be asked for once this is said.
    pub then: Option<Plays>,
}

/// A piece of it.
pub(crate) enum HistoryPiece {
    /// What was said, and to what its reader calls so.
    Said(String, Message),
    /// Where something was said, and when last, in milliseconds since 1970.
    Target(String, i64),
}

impl HistoryAnswer {
    /// What it takes in memory, more or less.
    pub(crate) fn bytes(&self) -> usize {
        let bytes = |piece: &HistoryPiece| match piece {
            HistoryPiece::Said(target, message) => target.len() + message.bytes(),
            HistoryPiece::Target(name, _) => name.len(),
        };
        size_of::<HistoryPiece>() * self.rest.len() + self.rest.iter().map(bytes).sum::<usize>()
    }

    /// What the next piece may take, in bytes.
    pub(crate) fn next_bytes(&self) -> usize {
        match self.rest.front() {
            Some(HistoryPiece::Said(_, Message { text: Text::Lines(lines), .. })) => {
                LINE_MAX + lines.iter().map(|line| LINE_MAX / 2 + line.text.len()).sum::<usize>()
            }
            _ => LINE_MAX,
        }
    }
}

/// What is still to be played, one target after the other.
pub(crate) struct Plays {
    pub targets: VecDeque<PlayTargets>,
    pub selection: Selection,
    /// Messages of each target.
    pub limit: Limit,
    /// The client has not asked: its user has returned.
    pub missed: bool,
    /// Where more was said than was played of the last target, and when the first of that was said.
    pub hint: Option<(String, i64)>,
}

/// A target that is to be played.
pub(crate) enum PlayTargets {
    /// As the client calls it.
    Named(String),
    /// Where something was said that its user may read, also with somebody whom nobody can name any
    /// more.
    At(store::Target),
}

impl Plays {
    /// No further target, only where more was said in the last.
    pub fn hint(hint: (String, i64)) -> Plays {
        let (targets, selection) = (VecDeque::new(), Selection::Latest(None));
        Plays { targets, selection, limit: Limit::new(1), missed: true, hint: Some(hint) }
    }
}

/// What WHO is asked.
pub struct WhoQuery {
    pub mask: Box<str>,
    /// Found when the answer begins: what waits for a reader is to be small.
    pub whom: Whom,
    pub operators_only: bool,
    /// Fields and token of WHOX.
    pub fields: Option<(Box<str>, Box<str>)>,
}

pub(crate) enum Whom {
    Nobody,
    One(UserId),
    /// The members, as they were when the answer began, which may take many turns.
    Members(ChannelId, Serial, Box<[UserId]>),
    Matching,
}

impl WhoQuery {
    /// As it was given, for the last line of the answer.
    pub(crate) fn mask(&self) -> &str {
        &self.mask
    }

    /// Bytes of what was given.
    pub(crate) fn asked_bytes(&self) -> usize {
        let fields = self.fields.as_ref().map_or(0, |(fields, token)| fields.len() + token.len());
        self.mask.len() + fields
    }

    /// Bytes of the members' numbers.
    pub(crate) fn listed_bytes(&self) -> usize {
        match &self.whom {
            Whom::Members(_, _, members) => size_of_val(&**members),
            _ => 0,
        }
    }

    /// Forgets whom it means.
    pub(crate) fn clear(&mut self) {
        self.whom = Whom::Nobody;
    }

    /// Bytes of the mask, if users are held against it.
    pub(crate) fn mask_bytes(&self) -> usize {
        if matches!(self.whom, Whom::Matching) { self.mask.len() } else { 0 }
    }
}

/// Whose keys and values are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    User(UserId),
    Channel(ChannelId),
    /// Who is still registering, and means themselves: draft/metadata-3, `before-connect`.
    Newcomer(ConnId),
}

/// The values of some keys of some subjects, to be said in a `metadata` batch.
pub(crate) struct MetadataSync {
    /// For what they are asked: the parameter of the batch.
    pub of: Box<str>,
    pub whose: Whose,
    /// Empty while the answer waits for those before it, as are the keys: there may be many.
    pub subjects: Vec<Subject>,
    /// In order.
    pub keys: Vec<Key>,
    /// The index of the value that comes next, of the subject whose turn it is.
    pub next: usize,
}

/// The subjects of a METADATA SYNC.
#[derive(Clone, Copy)]
pub(crate) enum Whose {
    /// Of all that the asker is told changes of.
    All,
    Subject(Subject),
    /// The channel's and its members'. The serial tells it from a later one of its number.
    Channel(ChannelId, Serial),
}

impl MetadataSync {
    /// Forgets what was collected.
    pub(crate) fn clear(&mut self) {
        (self.subjects, self.keys) = (Vec::new(), Vec::new());
    }

    /// Bytes of what was collected.
    pub(crate) fn listed_bytes(&self) -> usize {
        let keys: usize = self.keys.iter().map(|key| size_of::<Key>() + key.as_str().len()).sum();
        size_of::<Subject>() * self.subjects.len() + keys
    }

    pub(crate) fn wants(&self, key: &Key) -> bool {
        self.keys.binary_search(key).is_ok()
    }
}
