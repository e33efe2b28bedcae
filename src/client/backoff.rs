//! Pauses before a reconnect: longer each time, and random, so that clients do not return all at
//! once.

use std::time::Duration;

/// Pauses with full jitter: any length from nothing to a bound that doubles.
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
    pub(super) fn bound_ms(&self) -> u64 {
        self.bound_ms
    }

    /// Makes the next pause short again, after a good connection.
    pub fn reset(&mut self) {
        self.bound_ms = FIRST_MS;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
