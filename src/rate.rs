//! Rates: a leaky bucket that limits others, and growing pauses for our own retries. In the lowest
//! layer, since the loop, chat and the limits on passwords use it.

use std::time::Duration;

/// A rate: a burst, and then one more after each interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// The number at once.
    pub burst: u32,
    /// The time after which one more is allowed.
    pub every: Duration,
}

/// A bucket that leaks with time (the generic cell rate algorithm, ITU-T I.371). No timer has to
/// empty it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bucket {
    /// The uptime in nanoseconds at which all is paid; 0 for a bucket that was never used.
    paid_ns: u64,
}

impl Rate {
    fn holds_ns(self) -> u64 {
        u64::from(self.burst).saturating_mul(nanoseconds(self.every))
    }
}

impl Bucket {
    /// Milliseconds until one more is allowed, rounded up; 0 for now. `now_ms` is uptime, here and
    /// below.
    pub fn wait_ms(self, rate: Rate, now_ms: u64) -> u64 {
        let with_one_more = self.owes_ns(now_ms).saturating_add(nanoseconds(rate.every));
        with_one_more.saturating_sub(rate.holds_ns()).div_ceil(NS_PER_MS)
    }

    /// Adds a cost of `time`: one act costs the `every` of its rate.
    pub fn add(&mut self, time: Duration, now_ms: u64) {
        let owes_ns = self.owes_ns(now_ms).saturating_add(nanoseconds(time));
        self.paid_ns = now_ms.saturating_mul(NS_PER_MS).saturating_add(owes_ns);
    }

    /// Takes a cost of `time` out again.
    pub fn take_out(&mut self, time: Duration) {
        self.paid_ns = self.paid_ns.saturating_sub(nanoseconds(time));
    }

    /// The cost that can be added now without waiting.
    pub fn room(self, rate: Rate, now_ms: u64) -> Duration {
        Duration::from_nanos(rate.holds_ns().saturating_sub(self.owes_ns(now_ms)))
    }

    /// Whether the bucket is empty.
    pub fn is_empty(self, now_ms: u64) -> bool {
        self.owes_ns(now_ms) == 0
    }

    fn owes_ns(self, now_ms: u64) -> u64 {
        self.paid_ns.saturating_sub(now_ms.saturating_mul(NS_PER_MS))
    }
}

const NS_PER_MS: u64 = 1_000_000;

/// Saturates after 584 years.
fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// Pauses before trying again, with full jitter: any length from nothing to a bound that doubles,
/// so that clients do not return all at once.
#[derive(Debug)]
pub struct Backoff {
    rng: fastrand::Rng,
    bound_ms: u64,
}

const FIRST_MS: u64 = 500;
const LONGEST_MS: u64 = 30_000;

impl Backoff {
    /// Makes a backoff whose first pause is half a second at most.
    pub fn new(rng: fastrand::Rng) -> Backoff {
        Backoff { rng, bound_ms: FIRST_MS }
    }

    /// The next pause; the one after may be twice as long, up to half a minute.
    pub fn pause(&mut self) -> Duration {
        let pause = Duration::from_millis(self.rng.u64(0..=self.bound_ms));
        self.bound_ms = (self.bound_ms * 2).min(LONGEST_MS);
        pause
    }

    /// The longest that the next pause may be, in milliseconds.
    #[cfg(test)]
    pub(crate) fn bound_ms(&self) -> u64 {
        self.bound_ms
    }

    /// Makes the next pause short again, after a success.
    pub fn reset(&mut self) {
        self.bound_ms = FIRST_MS;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RATE: Rate = Rate { burst: 20, every: Duration::from_millis(250) };

    /// The number allowed at that time, one after the other.
    fn fill(bucket: &mut Bucket, rate: Rate, now_ms: u64) -> u32 {
        let mut added = 0;
        while bucket.wait_ms(rate, now_ms) == 0 {
            bucket.add(rate.every, now_ms);
            added += 1;
        }
        added
    }

    #[test]
    fn a_bucket_allows_the_burst_and_one_more_each_time() {
        let mut bucket = Bucket::default();
        assert_eq!(fill(&mut bucket, RATE, 5000), 20);
        assert_eq!(bucket.wait_ms(RATE, 5000), 250);
        assert_eq!([5249, 5250].map(|now| fill(&mut bucket, RATE, now)), [0, 1]);
        assert_eq!([6250, 1 << 40].map(|now| fill(&mut bucket, RATE, now)), [4, 20]);
    }

    #[test]
    fn a_wait_is_never_rounded_to_none() {
        let thirds = Rate { burst: 3, every: Duration::from_secs(1) / 3 };
        let mut bucket = Bucket::default();
        assert_eq!(fill(&mut bucket, thirds, 0), 3);
        assert_eq!(bucket.wait_ms(thirds, 0), 334);
        assert_eq!(bucket.wait_ms(thirds, 333), 1);
        assert_eq!(bucket.wait_ms(thirds, 334), 0);
    }

    #[test]
    fn room_is_what_can_be_added_at_once() {
        let mut bucket = Bucket::default();
        assert_eq!(bucket.room(RATE, 7), Duration::from_secs(5));
        bucket.add(Duration::from_secs(3), 7);
        assert_eq!(bucket.room(RATE, 1007), Duration::from_secs(3));
        bucket.add(Duration::from_secs(9), 1007);
        assert_eq!((bucket.room(RATE, 1007), bucket.is_empty(12_006)), (Duration::ZERO, false));
        assert!(bucket.is_empty(12_007));
        bucket.take_out(Duration::from_secs(1));
        assert!(bucket.is_empty(11_007));
    }

    #[test]
    fn the_greatest_numbers_do_not_overflow_and_none_is_allowed_of_nothing() {
        let most = Rate { burst: u32::MAX, every: Duration::MAX };
        let mut bucket = Bucket::default();
        bucket.add(most.every, u64::MAX);
        bucket.add(most.every, u64::MAX);
        assert_eq!(bucket.wait_ms(most, u64::MAX), 0);
        let none = Rate { burst: 0, ..RATE };
        assert_eq!(Bucket::default().wait_ms(none, 1 << 40), 250);
    }

    /// The size matters: there are two for each user.
    #[test]
    fn a_bucket_takes_eight_bytes() {
        assert_eq!(size_of::<Bucket>(), 8);
    }

    proptest! {
        #[test]
        fn over_any_time_no_more_is_allowed_than_the_burst_and_the_rate(
            (burst, every_us) in (1..30u32, 1000..1_000_000u64),
            pauses in proptest::collection::vec(0u64..3000, 1..60),
        ) {
            let rate = Rate { burst, every: Duration::from_micros(every_us) };
            let (mut bucket, mut now_ms, mut added) = (Bucket::default(), 0, 0);
            for pause in pauses {
                now_ms += pause;
                added += u64::from(fill(&mut bucket, rate, now_ms));
                prop_assert!(added <= u64::from(burst) + now_ms * 1000 / every_us);
                prop_assert!(bucket.wait_ms(rate, now_ms) <= every_us.div_ceil(1000));
            }
        }
    }

    #[test]
    fn pauses_spread_over_a_bound_that_doubles_up_to_half_a_minute() {
        let mut longest = [Duration::ZERO; 9];
        let mut shortest = [Duration::MAX; 9];
        for seed in 0..1_000 {
            let mut backoff = Backoff::new(fastrand::Rng::with_seed(seed));
            for n in 0..9 {
                let pause = backoff.pause();
                longest[n] = longest[n].max(pause);
                shortest[n] = shortest[n].min(pause);
            }
            backoff.reset();
            assert!(backoff.pause() <= Duration::from_millis(500));
        }
        for (n, bound_s) in [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0].iter().enumerate() {
            assert!(longest[n].as_secs_f64() <= *bound_s);
            assert!(longest[n].as_secs_f64() > bound_s * 0.95, "{:?} of {bound_s}", longest[n]);
            assert!(shortest[n].as_secs_f64() < bound_s * 0.05);
        }
    }
}
