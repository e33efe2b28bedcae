//! Decides whether retention may trust the system's clock. A clock that runs far ahead for a moment
//! must not empty the history.

/// A clock that is this far ahead of the steady one is doubted.
const AHEAD_MAX_MS: i64 = 3_600_000;

/// At the start the clock may be this far ahead of the last message: there may have been none
/// since.
const SILENCE_MAX_MS: i64 = 7 * 24 * 3_600_000;

/// A clock that has been doubted this long is believed: an operator has had a day to correct it.
pub(super) const DOUBT_MS: u64 = 24 * 3_600_000;

/// Compares the system's clock with a steady one. All times are in milliseconds: `wall_ms` since
/// 1970 by the system's clock, `steady_ms` since the start by a clock that is never set.
pub(super) struct Clock {
    /// The believed time of the system's clock when the steady one showed 0.
    origin_ms: i64,
    ahead_max_ms: i64,
    /// When the doubt began, by the steady clock.
    doubted_since_ms: Option<u64>,
}

/// The result of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Belief {
    Believed,
    /// The clock is doubted from now on, being far ahead.
    Lost {
        ahead_ms: i64,
    },
    Doubted,
}

impl Clock {
    /// Makes a clock at a start, when the steady one shows 0. `last_ms` is the time of the last
    /// stored message, if there is one.
    pub fn new(wall_ms: i64, last_ms: Option<i64>) -> Clock {
        match last_ms.filter(|last_ms| wall_ms.saturating_sub(*last_ms) > SILENCE_MAX_MS) {
            Some(origin_ms) => {
                Clock { origin_ms, ahead_max_ms: SILENCE_MAX_MS, doubted_since_ms: None }
            }
            None => {
                Clock { origin_ms: wall_ms, ahead_max_ms: AHEAD_MAX_MS, doubted_since_ms: None }
            }
        }
    }

    /// Compares both clocks.
    pub fn look(&mut self, wall_ms: i64, steady_ms: u64) -> Belief {
        let expected_ms = self.origin_ms.saturating_add_unsigned(steady_ms);
        let ahead_ms = wall_ms.saturating_sub(expected_ms);
        if ahead_ms <= self.ahead_max_ms {
            self.believe(wall_ms, steady_ms);
            return Belief::Believed;
        }
        match self.doubted_since_ms {
            None => {
                self.doubted_since_ms = Some(steady_ms);
                Belief::Lost { ahead_ms }
            }
            Some(since_ms) if steady_ms - since_ms < DOUBT_MS => Belief::Doubted,
            Some(_) => {
                self.believe(wall_ms, steady_ms);
                Belief::Believed
            }
        }
    }

    /// Accepts the present time. So a clock that runs a little fast or slow does not add up a
    /// difference.
    fn believe(&mut self, wall_ms: i64, steady_ms: u64) {
        self.origin_ms = wall_ms.saturating_sub_unsigned(steady_ms);
        self.ahead_max_ms = AHEAD_MAX_MS;
        self.doubted_since_ms = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;
    const DAY: i64 = 24 * HOUR;
    const NOW: i64 = 20_000 * DAY;

    #[test]
    fn a_clock_that_goes_is_believed_and_may_be_set_a_little_or_back() {
        let mut clock = Clock::new(NOW, Some(NOW - 6 * DAY));
        for (wall_ms, steady_ms) in [(NOW, 0), (NOW + DAY, DAY), (NOW + DAY + HOUR, DAY)] {
            assert_eq!(clock.look(wall_ms, steady_ms as u64), Belief::Believed);
        }
        assert_eq!(clock.look(NOW - 9 * DAY, DAY as u64), Belief::Believed);
        assert_eq!(clock.look(NOW - 8 * DAY, 2 * DAY as u64), Belief::Believed);
    }

    #[test]
    fn one_that_jumps_ahead_is_doubted_until_it_is_back_or_a_day_has_passed() {
        let mut clock = Clock::new(NOW, None);
        let year = 365 * DAY;
        assert_eq!(clock.look(NOW + year, 0), Belief::Lost { ahead_ms: year });
        assert_eq!(clock.look(NOW + year + HOUR, HOUR as u64), Belief::Doubted);
        assert_eq!(clock.look(NOW + 2 * HOUR, 2 * HOUR as u64), Belief::Believed);
        assert_eq!(
            clock.look(NOW + year, 3 * HOUR as u64),
            Belief::Lost { ahead_ms: year - 3 * HOUR }
        );
        let later = 3 * HOUR as u64 + DOUBT_MS;
        assert_eq!(clock.look(NOW + year + DAY, later), Belief::Believed);
        assert_eq!(clock.look(NOW + year + DAY + HOUR, later + HOUR as u64), Belief::Believed);
    }

    #[test]
    fn at_a_start_long_after_the_last_message_it_is_doubted() {
        let mut clock = Clock::new(NOW, Some(NOW - 8 * DAY));
        assert_eq!(clock.look(NOW, 0), Belief::Lost { ahead_ms: 8 * DAY });
        assert_eq!(clock.look(NOW + DAY, DOUBT_MS), Belief::Believed);
    }
}
