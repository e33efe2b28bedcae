//! Requests that the store's thread has taken from its queue and not answered yet. It chooses which
//! are served next: in the order asked, but for lanes that have to wait.

use super::lanes::Lane;
use super::{Far, Request, Token, Unasked};
use std::collections::VecDeque;

/// Requests that wait, in lanes. The store bounds how many there are.
#[derive(Default)]
pub(super) struct Backlog {
    lanes: [VecDeque<Asked>; 3],
    /// Numbers requests in the order asked.
    asked: u64,
}

/// A request, its token, and its place in the order.
pub(super) struct Asked {
    place: u64,
    pub token: Token,
    pub request: Request,
}

/// How many of each lane one group may take.
pub(super) type Room = [usize; 3];

impl Backlog {
    pub fn push(&mut self, (token, request): (Token, Request)) {
        let lane = request.lane();
        self.asked += 1;
        self.lanes[lane as usize].push_back(Asked { place: self.asked, token, request });
    }

    /// Takes all that has been asked. Whether more may come.
    pub fn fill(&mut self, far: &Far) -> Result<(), Unasked> {
        loop {
            match far.next() {
                Ok(asked) => self.push(asked),
                Err(Unasked::Yet) => return Ok(()),
                Err(Unasked::Forever) => return Err(Unasked::Forever),
            }
        }
    }

    /// Removes the next requests to be served together: at most `most`, and of no lane more than
    /// there is `room` for. A search begins a group: what was said before it is filed first.
    pub fn group(&mut self, most: usize, mut room: Room) -> Vec<Asked> {
        let mut group = Vec::new();
        while group.len() < most {
            let open = self.lanes.iter_mut().zip(&mut room).filter(|(_, room)| **room > 0);
            let first = open
                .filter_map(|(lane, room)| Some((lane.front()?.place, lane, room)))
                .min_by_key(|(place, ..)| *place);
            let Some((_, lane, room)) = first else { break };
            let is_search = |asked: &Asked| matches!(asked.request, Request::Search { .. });
            if !group.is_empty() && lane.front().is_some_and(is_search) {
                break;
            }
            *room -= 1;
            group.extend(lane.pop_front());
        }
        group
    }

    /// Puts back what was in a group and is still to be done, in the order it had.
    pub fn put_back(&mut self, group: Vec<Asked>) {
        for asked in group.into_iter().rev() {
            self.lanes[asked.request.lane() as usize].push_front(asked);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Limit, Selection, Target};

    fn requests() -> [Request; 3] {
        let target = Target::Channel("#a".to_owned());
        let (selection, limit) = (Selection::Latest(None), Limit::new(1));
        let select = Request::Select { target, selection, limit, events: false };
        [Request::DropPresence { account: "a".to_owned() }, Request::Bans, select]
    }

    fn backlog() -> Backlog {
        let mut backlog = Backlog::default();
        let all = requests().into_iter().cycle().take(9);
        (0..).map(Token).zip(all).for_each(|asked| backlog.push(asked));
        backlog
    }

    fn tokens(group: &[Asked]) -> Vec<u64> {
        group.iter().map(|asked| asked.token.0).collect()
    }

    #[test]
    fn what_has_room_is_served_in_the_order_asked() {
        let mut backlog = backlog();
        assert_eq!(tokens(&backlog.group(4, [9; 3])), [0, 1, 2, 3]);
        assert_eq!(tokens(&backlog.group(99, [9; 3])), [4, 5, 6, 7, 8]);
        assert!(backlog.is_empty());
    }

    #[test]
    fn a_lane_without_room_waits_and_keeps_its_order() {
        let mut backlog = backlog();
        assert_eq!(tokens(&backlog.group(99, [0, 9, 1])), [1, 2, 4, 7]);
        let group = backlog.group(99, [2, 9, 0]);
        assert_eq!(tokens(&group), [0, 3]);
        backlog.put_back(group);
        assert_eq!(tokens(&backlog.group(99, [9; 3])), [0, 3, 5, 6, 8]);
    }
}
