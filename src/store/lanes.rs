//! Kinds of requests that may overtake each other. Within a lane everything keeps its order.

use super::{Request, Token};
use std::collections::VecDeque;

/// What a request has to wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// Requests that write: for the disk, and for other programs that lock the database.
    Writes,
    /// Look-ups of accounts and the like: some 20 µs.
    Lookups,
    /// Reads of history, which may be large: for room among the replies.
    History,
}

/// A value for each request that is open, by its token: in order, lane by lane.
pub struct InLanes<T>([VecDeque<(Token, T)>; 3]);

impl Lane {
    /// All of them.
    pub const ALL: [Lane; 3] = [Lane::Writes, Lane::Lookups, Lane::History];
}

impl Request {
    /// The lane it goes in.
    pub fn lane(&self) -> Lane {
        match self {
            request if request.writes() => Lane::Writes,
            Request::Select { .. }
            | Request::Targets { .. }
            | Request::Search { .. }
            | Request::Acts { .. } => Lane::History,
            _ => Lane::Lookups,
        }
    }
}

impl<T> InLanes<T> {
    /// Appends to a lane. No other open request has the token.
    pub fn push(&mut self, lane: Lane, token: Token, value: T) {
        self.0[lane as usize].push_back((token, value));
    }

    /// Removes what belongs to the token, if that is the first of its lane.
    pub fn take(&mut self, token: Token) -> Option<T> {
        let is_next = |lane: &&mut VecDeque<(Token, T)>| {
            lane.front().is_some_and(|(first, _)| *first == token)
        };
        let (_, value) = self.0.iter_mut().find(is_next)?.pop_front()?;
        Some(value)
    }

    /// How many there are in all lanes.
    pub fn len(&self) -> usize {
        self.0.iter().map(VecDeque::len).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<T> Default for InLanes<T> {
    fn default() -> InLanes<T> {
        InLanes(Default::default())
    }
}
