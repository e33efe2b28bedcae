//! Requests that the store's thread has taken from its queue and not answered yet. It chooses which
//! are served next: in the order asked, but for lanes that have to wait.

use super::{Far, Request};
use crate::far::{Asked, Unasked};
use std::collections::VecDeque;
use std::time::Duration;

/// Requests that wait, in lanes. The store bounds how many there are.
#[derive(Default)]
pub(super) struct Backlog {
    lanes: [VecDeque<Waiting>; 3],
    /// Numbers requests in the order asked.
    asked: u64,
}

/// A request, and its place in the order.
pub(super) struct Waiting {
    place: u64,
    pub asked: Asked<Request>,
}

/// What a request has to wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lane {
    /// Requests that write: for the disk, and for other programs that lock the database.
    Writes,
    /// Look-ups of accounts and the like: some 20 µs.
    Lookups,
    /// Reads of history, which may be large: for room among the replies.
    History,
}

/// How many of each lane one group may take.
pub(super) type Room = [usize; 3];

impl Backlog {
    pub fn push(&mut self, asked: Asked<Request>) {
        let lane = asked.question.lane();
        self.asked += 1;
        self.lanes[lane as usize].push_back(Waiting { place: self.asked, asked });
    }

    /// Takes all that has been asked. Whether more may come.
    pub fn fill(&mut self, far: &Far) -> Result<(), Unasked> {
        loop {
            match far.wait_for(Duration::ZERO) {
                Ok(asked) => self.push(asked),
                Err(Unasked::Yet) => return Ok(()),
                Err(Unasked::Forever) => return Err(Unasked::Forever),
            }
        }
    }

    /// Removes the next requests to be served together: at most `most`, and of no lane more than
    /// there is `room` for. A search begins a group: what was said before it is filed first.
    pub fn group(&mut self, most: usize, mut room: Room) -> Vec<Waiting> {
        let mut group = Vec::new();
        while group.len() < most {
            let open = self.lanes.iter_mut().zip(&mut room).filter(|(_, room)| **room > 0);
            let first = open
                .filter_map(|(lane, room)| Some((lane.front()?.place, lane, room)))
                .min_by_key(|(place, ..)| *place);
            let Some((_, lane, room)) = first else { break };
            let is_search =
                |first: &Waiting| matches!(first.asked.question, Request::Search { .. });
            if !group.is_empty() && lane.front().is_some_and(is_search) {
                break;
            }
            *room -= 1;
            group.extend(lane.pop_front());
        }
        group
    }

    /// Puts back what was in a group and is still to be done, in the order it had.
    pub fn put_back(&mut self, group: Vec<Waiting>) {
        for waiting in group.into_iter().rev() {
            self.lanes[waiting.asked.question.lane() as usize].push_front(waiting);
        }
    }

    /// Forgets what nobody hears the reply of: all but what is to be kept.
    pub fn forget_reads(&mut self) {
        self.lanes[Lane::Lookups as usize].clear();
        self.lanes[Lane::History as usize].clear();
    }

    pub fn is_empty(&self) -> bool {
        self.lanes.iter().all(VecDeque::is_empty)
    }
}

impl Waiting {
    pub fn writes(&self) -> bool {
        self.asked.question.writes()
    }
}

impl Request {
    /// The lane it goes in.
    pub(super) fn lane(&self) -> Lane {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Limit, Selection, Store, Target};

    fn requests() -> [Request; 3] {
        let target = Target::Channel("#a".to_owned());
        let (selection, limit) = (Selection::Latest(None), Limit::new(1));
        let select = Request::Select { target, selection, limit, events: false };
        [Request::DropPresence { account: "a".to_owned() }, Request::Bans, select]
    }

    fn backlog() -> Backlog {
        let (mut backlog, (mut store, far)) = (Backlog::default(), Store::new(9));
        let all = requests().into_iter().cycle().take(9);
        all.for_each(|request| store.ask(request, ()).unwrap());
        backlog.fill(&far).unwrap();
        backlog
    }

    fn places(group: &[Waiting]) -> Vec<u64> {
        group.iter().map(|waiting| waiting.place).collect()
    }

    #[test]
    fn what_has_room_is_served_in_the_order_asked() {
        let mut backlog = backlog();
        assert_eq!(places(&backlog.group(4, [9; 3])), [1, 2, 3, 4]);
        assert_eq!(places(&backlog.group(99, [9; 3])), [5, 6, 7, 8, 9]);
        assert!(backlog.is_empty());
    }

    #[test]
    fn a_lane_without_room_waits_and_keeps_its_order() {
        let mut backlog = backlog();
        assert_eq!(places(&backlog.group(99, [0, 9, 1])), [2, 3, 5, 8]);
        let group = backlog.group(99, [2, 9, 0]);
        assert_eq!(places(&group), [1, 4]);
        backlog.put_back(group);
        assert_eq!(places(&backlog.group(99, [9; 3])), [1, 4, 6, 7, 9]);
    }
}
