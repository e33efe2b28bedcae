//! Answers that one connection is still to receive.

use crate::chat::state::queries::{HistoryAnswer, LINE_MAX, ListFilter, MetadataSync, WhoQuery};
use std::collections::VecDeque;

/// The answers that one connection is still to hear, in the order it asked; the first is under way.
pub type LongAnswers = VecDeque<LongAnswer>;

/// An answer that is still to be said, or to be said to its end.
pub struct LongAnswer {
    pub query: Query,
    /// The label of the command it answers, until it begins.
    pub label: Option<String>,
    pub stage: AnswerStage,
}

impl LongAnswer {
    /// What it takes in memory while it waits for its reader, more or less.
    pub(crate) fn bytes(&self) -> usize {
        let label = self.label.as_ref().map_or(0, String::len);
        size_of::<LongAnswer>() + label + self.query.asked_bytes() + self.query.listed_bytes()
    }

    /// What was kept, if it is that.
    pub(crate) fn kept(&self) -> Option<&HistoryAnswer> {
        match &self.query {
            Query::History(kept) => Some(kept),
            _ => None,
        }
    }
}

pub(crate) enum AnswerStage {
    /// Others come before it.
    Waiting,
    Begun {
        /// The number of the user or channel, or the place in a list, that comes next.
        next: u32,
        /// The batch that it is said in, if it has one or answers a labelled command.
        batch: Option<String>,
    },
}

/// What is asked.
pub(crate) enum Query {
    List(ListFilter),
    Who(WhoQuery),
    Sync(MetadataSync),
    /// Nothing more is heard of who has asked until it is said: each may be megabytes.
    History(HistoryAnswer),
}

impl Query {
    pub(crate) fn command(&self) -> &'static str {
        match self {
            Query::List(_) => "LIST",
            Query::Who(_) => "WHO",
            Query::Sync(_) => "METADATA",
            Query::History(kept) => kept.command,
        }
    }

    /// To how many without a mask it comes to look at one user or channel: a mask made for it takes
    /// 2 µs for each eight of its bytes.
    pub(crate) fn cost(&self) -> usize {
        let mask_bytes = match self {
            Query::List(filter) => filter.mask_bytes(),
            Query::Who(query) => query.mask_bytes(),
            Query::Sync(_) | Query::History(_) => 0,
        };
        1 + mask_bytes / 8
    }

    /// Bytes of what was given.
    pub(crate) fn asked_bytes(&self) -> usize {
        match self {
            Query::List(filter) => filter.mask_bytes(),
            Query::Who(query) => query.asked_bytes(),
            Query::Sync(sync) => sync.of.len(),
            Query::History(_) => 0,
        }
    }

    /// Bytes of what was found for it.
    pub(crate) fn listed_bytes(&self) -> usize {
        match self {
            Query::List(_) => 0,
            Query::Who(query) => query.listed_bytes(),
            Query::Sync(sync) => sync.listed_bytes(),
            Query::History(kept) => kept.bytes(),
        }
    }

    /// Forgets what was found.
    pub(crate) fn clear(&mut self) {
        match self {
            Query::List(_) | Query::History(_) => {}
            Query::Who(query) => query.clear(),
            Query::Sync(sync) => sync.clear(),
        }
    }

    /// What may be said next, in bytes.
    pub(crate) fn next_bytes(&self) -> usize {
        match self {
            Query::History(kept) => kept.next_bytes(),
            _ => LINE_MAX,
        }
    }
}
