//! One deadline for each slot, in whole seconds: as fine as any here needs to be, and coarse
//! enough that they fall together and wake the loop at most once a second.

use super::Now;
use std::time::Duration;

/// A column to be scanned, not a tree: 4 µs for 20,000 slots, 0.2 ms for a million, and setting
/// one is a store. Beyond that a wheel of seconds would be right.
pub(super) struct Deadlines {
    /// Seconds of uptime, by slot.
    at: Vec<u32>,
    /// None is earlier than this. It may be too early, which costs one scan for nothing.
    earliest: u32,
}

const NEVER: u32 = u32::MAX;

impl Deadlines {
    pub(super) fn new() -> Deadlines {
        Deadlines { at: Vec::new(), earliest: NEVER }
    }

    /// Falls due once `after` has passed, and up to a second later.
    pub(super) fn set(&mut self, slot: usize, now: Now, after: Duration) {
        let due_ms = now.uptime_ms.saturating_add(after.as_millis() as u64);
        let due = u32::try_from(due_ms.div_ceil(1000)).unwrap_or(NEVER);
        if slot >= self.at.len() {
            self.at.resize(slot + 1, NEVER);
        }
        self.at[slot] = due;
        self.earliest = self.earliest.min(due);
    }

    pub(super) fn clear(&mut self, slot: usize) {
        if let Some(at) = self.at.get_mut(slot) {
            *at = NEVER;
        }
    }

    /// How long until one may fall due; `None` if there is none.
    pub(super) fn wait(&self, now: Now) -> Option<Duration> {
        (self.earliest != NEVER).then(|| {
            let due_ms = u64::from(self.earliest) * 1000;
            Duration::from_millis(due_ms.saturating_sub(now.uptime_ms))
        })
    }

    /// Lists the slots whose deadline has come in `due`, each to be asked for with `take`.
    pub(super) fn list_due(&mut self, now: Now, due: &mut Vec<u32>) {
        let second = second(now);
        if second < self.earliest {
            return;
        }
        self.earliest = NEVER;
        for (slot, at) in self.at.iter().enumerate() {
            if *at <= second {
                due.push(slot as u32);
            } else {
                self.earliest = self.earliest.min(*at);
            }
        }
    }

    /// Disarms a deadline if it has come. What was done about another one may have put it off.
    pub(super) fn take(&mut self, slot: usize, now: Now) -> bool {
        let has_come = self.at[slot] <= second(now);
        if has_come {
            self.at[slot] = NEVER;
        }
        has_come
    }
}

fn second(now: Now) -> u32 {
    (now.uptime_ms / 1000) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(uptime_ms: u64) -> Now {
        Now { uptime_ms, unix_ms: 0 }
    }

    fn due(deadlines: &mut Deadlines, now: Now) -> Vec<u32> {
        let mut due = Vec::new();
        deadlines.list_due(now, &mut due);
        assert!(due.iter().all(|slot| deadlines.take(*slot as usize, now)));
        due
    }

    #[test]
    fn a_deadline_is_never_early_and_comes_once() {
        let mut deadlines = Deadlines::new();
        deadlines.set(3, at(1_700), Duration::from_millis(1_500));
        assert_eq!(deadlines.wait(at(1_700)), Some(Duration::from_millis(2_300)));
        assert!(due(&mut deadlines, at(3_999)).is_empty());
        assert_eq!(due(&mut deadlines, at(4_000)), [3]);
        assert!(due(&mut deadlines, at(9_000)).is_empty());
        assert_eq!(deadlines.wait(at(9_000)), None, "nothing due, nothing to wake up for");
    }

    #[test]
    fn a_deadline_put_off_costs_one_scan_and_is_kept() {
        let mut deadlines = Deadlines::new();
        deadlines.set(0, at(0), Duration::from_secs(2));
        deadlines.set(0, at(1_000), Duration::from_secs(5));
        assert!(due(&mut deadlines, at(2_000)).is_empty());
        assert_eq!(deadlines.wait(at(2_000)), Some(Duration::from_secs(4)));
        assert_eq!(due(&mut deadlines, at(6_000)), [0]);
    }

    #[test]
    fn a_cleared_deadline_does_not_come() {
        let mut deadlines = Deadlines::new();
        deadlines.set(1, at(0), Duration::from_secs(1));
        deadlines.clear(1);
        deadlines.clear(7);
        assert!(due(&mut deadlines, at(5_000)).is_empty());
    }

    #[test]
    fn the_longest_deadline_is_never() {
        let mut deadlines = Deadlines::new();
        deadlines.set(0, at(5), Duration::MAX);
        assert_eq!(deadlines.wait(at(5)), None);
    }
}
