//! Read markers of a user. IRCv3 draft/read-marker.

use crate::wire::casemap::{Folded, folded};

/// The time up to which each target was read, in milliseconds since 1970; bounded by
/// `read_markers_max`.
#[derive(Default)]
pub(crate) struct Markers(Vec<(Folded, i64)>);

impl Markers {
    pub(crate) fn get(&self, target: &str) -> Option<i64> {
        let found = self.0.iter().find(|(name, _)| name.as_str() == folded(target));
        found.map(|(_, ms)| *ms)
    }

    /// The latest of the markers whose names begin with `prefix`, which is folded.
    pub(crate) fn latest(&self, prefix: &str) -> Option<i64> {
        let found = self.0.iter().filter(|(name, _)| name.as_str().starts_with(prefix));
        found.map(|(_, ms)| *ms).max()
    }

    /// Takes over an account's markers: folded names, and milliseconds since 1970. The bound was
    /// applied when they were stored.
    pub(crate) fn learn(&mut self, known: &[(String, i64)]) {
        known.iter().for_each(|(name, ms)| self.set(name, *ms, usize::MAX));
    }

    /// Moves a marker forward, never back. Above `max` the earliest is forgotten, as in the store.
    pub(crate) fn set(&mut self, target: &str, ms: i64, max: usize) {
        match self.0.iter_mut().find(|(name, _)| name.as_str() == folded(target)) {
            Some((_, known)) => *known = ms.max(*known),
            None => self.0.push((Folded::of(target), ms)),
        }
        while self.0.len() > max {
            let (earliest, _) =
                self.0.iter().enumerate().min_by_key(|(_, (_, ms))| *ms).expect("more than none");
            self.0.remove(earliest);
        }
    }
}
