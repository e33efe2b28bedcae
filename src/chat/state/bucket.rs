//! A leaky bucket.

use std::time::Duration;

/// What has been said and not been paid for by the passing of time (the generic cell rate algorithm,
/// ITU-T I.371). Nothing is to be done while nobody speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bucket {
    /// The uptime in milliseconds at which all is paid.
    paid_ms: u64,
}

/// How much may be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Lines at once, at least 1.
    pub burst: u32,
    /// Lines for each second that goes by, 1 to 100.
    pub per_second: u32,
}

/// What an ordinary line costs. Costs are in tenths of that.
pub const LINE: u32 = 10;

impl Bucket {
    pub(crate) fn pay(&mut self, rate: Rate, tenths: u32, now_ms: u64) {
        self.paid_ms = self.paid_ms.max(now_ms) + u64::from(tenths * 100 / rate.per_second);
    }

    /// Pays as many of `tenths` as the bucket holds; returns the rest.
    pub(crate) fn pay_part(&mut self, rate: Rate, tenths: u32, now_ms: u64) -> u32 {
        let holds_ms = u64::from(rate.burst) * u64::from(LINE * 100 / rate.per_second);
        let left_ms = holds_ms.saturating_sub(self.paid_ms.saturating_sub(now_ms));
        let part = tenths.min((left_ms * u64::from(rate.per_second) / 100) as u32);
        self.pay(rate, part, now_ms);
        tenths - part
    }

    /// How long until one line more may be said; `None` for now.
    pub(crate) fn wait(self, rate: Rate, now_ms: u64) -> Option<Duration> {
        let line_ms = u64::from(LINE * 100 / rate.per_second);
        let after_ms = self.paid_ms.saturating_sub(now_ms) + line_ms;
        let wait_ms = after_ms.saturating_sub(u64::from(rate.burst) * line_ms);
        (wait_ms > 0).then(|| Duration::from_millis(wait_ms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::table::COST_MAX;
    use proptest::prelude::*;

    const RATE: Rate = Rate { burst: 20, per_second: 4 };

    fn says(bucket: &mut Bucket, now_ms: u64) -> u32 {
        let mut said = 0;
        while bucket.wait(RATE, now_ms).is_none() {
            bucket.pay(RATE, LINE, now_ms);
            said += 1;
        }
        said
    }

    #[test]
    fn a_full_bucket_holds_the_burst_and_fills_by_the_second() {
        let mut bucket = Bucket::default();
        assert_eq!(says(&mut bucket, 5000), 20);
        assert_eq!(bucket.wait(RATE, 5000), Some(Duration::from_millis(250)));
        assert_eq!((says(&mut bucket, 5249), says(&mut bucket, 5250)), (0, 1));
        assert_eq!((says(&mut bucket, 6250), says(&mut bucket, 1 << 40)), (4, 20));
    }

    #[test]
    fn the_dearest_command_keeps_nobody_unheard_for_long() {
        let mut bucket = Bucket::default();
        (0..19).for_each(|_| bucket.pay(RATE, LINE, 0));
        assert_eq!(bucket.wait(RATE, 0), None);
        bucket.pay(RATE, COST_MAX, 0);
        assert_eq!(bucket.wait(RATE, 0), Some(Duration::from_secs(5)));
    }

    #[test]
    fn an_allowance_pays_what_it_holds_and_leaves_the_rest() {
        let mut bucket = Bucket::default();
        assert_eq!(bucket.pay_part(RATE, 150, 0), 0);
        assert_eq!(bucket.pay_part(RATE, 100, 0), 50);
        assert_eq!(bucket.pay_part(RATE, 10, 0), 10, "it is empty");
        assert_eq!(bucket.pay_part(RATE, 30, 500), 10, "four lines a second refill it");
    }

    proptest! {
        #[test]
        fn over_any_time_no_more_is_said_than_the_burst_and_the_rate(
            pauses in proptest::collection::vec(0u64..3000, 1..60),
        ) {
            let (mut bucket, mut now_ms, mut said) = (Bucket::default(), 0, 0);
            for pause in pauses {
                now_ms += pause;
                said += u64::from(says(&mut bucket, now_ms));
                prop_assert!(said <= 20 + now_ms * 4 / 1000);
            }
        }
    }
}
