//! Watched nicks and the connections that watch them with MONITOR. IRCv3 monitor.

use crate::chat::state::sessions::{Sessions, Stage};
use crate::net::ConnId;
use crate::wire::casemap;
use crate::wire::casemap::Folded;
use std::collections::HashMap;

/// The connections that watch each nick. The nicks of one connection are in its session too.
#[derive(Default)]
pub struct Watchers(HashMap<Folded, Vec<ConnId>>);

impl Watchers {
    /// The connections that watch `nick`.
    pub fn of(&self, nick: &str) -> &[ConnId] {
        if self.0.is_empty() {
            return &[];
        }
        self.0.get(&*casemap::folded(nick)).map_or(&[], Vec::as_slice)
    }

    /// Adds `conn` to the watchers of `nick`; it is not among them yet.
    pub fn add(&mut self, nick: Folded, conn: ConnId) {
        self.0.entry(nick).or_default().push(conn);
    }

    /// Removes `conn` from the watchers of `nick`.
    pub fn remove(&mut self, nick: &Folded, conn: ConnId) {
        let Some(conns) = self.0.get_mut(nick) else { return };
        // A scan: a nick with a thousand watchers costs a microsecond.
        conns.retain(|each| *each != conn);
        if conns.is_empty() {
            self.0.remove(nick);
        }
    }

    /// Asserts that both sides agree.
    pub fn check(&self, sessions: &Sessions) {
        let mut count = 0;
        for session in sessions.iter().filter(|session| !matches!(session.stage, Stage::Gone)) {
            for (nick, _) in session.more.iter().flat_map(|more| &more.watching) {
                assert!(self.0.get(nick).is_some_and(|conns| conns.contains(&session.id)));
                count += 1;
            }
        }
        assert_eq!(count, self.0.values().map(Vec::len).sum::<usize>());
    }
}
