//! Replies that one connection is still to receive.

use crate::chat::state::queries::{HistoryAnswer, LINE_MAX, ListFilter, MetadataSync, WhoQuery};
use std::collections::VecDeque;

/// The replies still to be sent to one connection, in request order; the first is under way.
pub type LongAnswers = VecDeque<LongAnswer>;

/// A reply that has not begun, or is not complete.
pub struct LongAnswer {
    pub query: Query,
    /// The label of the command it answers, until the reply begins.
    pub label: Option<String>,
    pub stage: AnswerStage,
}

impl LongAnswer {
    /// Its approximate size in memory while it waits for the client to read.
    pub(crate) fn bytes(&self) -> usize {
        let label = self.label.as_ref().map_or(0, String::len);
        size_of::<LongAnswer>() + label + self.query.asked_bytes() + self.query.listed_bytes()
    }

    /// The history it sends, if it is a history reply.
    pub(crate) fn kept(&self) -> Option<&HistoryAnswer> {
        match &self.query {
            Query::History(kept) => Some(kept),
            _ => None,
        }
    }
}

pub(crate) enum AnswerStage {
    /// Earlier replies come first.
    Waiting,
    Begun {
        /// The number of the next user or channel, or the next index in a list.
        next: u32,
        /// The batch of the reply, if it has one or answers a labelled command.
        batch: Option<String>,
    },
}

/// The question of a long reply.
pub(crate) enum Query {
    List(ListFilter),
    Who(WhoQuery),
    Sync(MetadataSync),
    /// Defers the connection until it is sent, as each may be megabytes.
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

    /// The cost of testing one user or channel, in units of an unmasked test. A mask made for it
    /// costs 2 µs for every eight of its bytes.
    pub(crate) fn cost(&self) -> usize {
        let mask_bytes = match self {
            Query::List(filter) => filter.mask_bytes(),
            Query::Who(query) => query.mask_bytes(),
            Query::Sync(_) | Query::History(_) => 0,
        };
        1 + mask_bytes / 8
    }

    /// Bytes of the question's own text.
    pub(crate) fn asked_bytes(&self) -> usize {
        match self {
            Query::List(filter) => filter.mask_bytes(),
            Query::Who(query) => query.asked_bytes(),
            Query::Sync(sync) => sync.of.len(),
            Query::History(_) => 0,
        }
    }

    /// Bytes of the items collected for it.
    pub(crate) fn listed_bytes(&self) -> usize {
        match self {
            Query::List(_) => 0,
            Query::Who(query) => query.listed_bytes(),
            Query::Sync(sync) => sync.listed_bytes(),
            Query::History(kept) => kept.bytes(),
        }
    }

    /// Drops the collected items.
    pub(crate) fn clear(&mut self) {
        match self {
            Query::List(_) | Query::History(_) => {}
            Query::Who(query) => query.clear(),
            Query::Sync(sync) => sync.clear(),
        }
    }

    /// The size of the next part of the reply, in bytes.
    pub(crate) fn next_bytes(&self) -> usize {
        match self {
            Query::History(kept) => kept.next_bytes(),
            _ => LINE_MAX,
        }
    }
}
