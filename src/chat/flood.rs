//! How much one may say: a bucket for each user, whatever their connections, and for each connection
//! that has not registered. Who has emptied it is heard no further for a while; nothing is lost.

use super::channels::ChannelId;
use super::session::Stage;
use super::{By, Chat};
use crate::net::{ConnId, Outbox};
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

/// A line of a message of several lines, of which each is told to nobody by itself.
pub const BATCH_LINE: u32 = 3;

/// One command costs no more than this, so that nobody is left unheard for long.
pub const COST_MAX: u32 = 200;

/// Members of a channel that cost as much as a tenth of a line, where a command tells of them all.
const MEMBERS_PER_TENTH: usize = 10;

impl Bucket {
    fn pay(&mut self, rate: Rate, tenths: u32, now_ms: u64) {
        let tenths = tenths.min(COST_MAX);
        self.paid_ms = self.paid_ms.max(now_ms) + u64::from(tenths * 100 / rate.per_second);
    }

    /// How long until one line more may be said; `None` for now.
    fn wait(self, rate: Rate, now_ms: u64) -> Option<Duration> {
        let line_ms = u64::from(LINE * 100 / rate.per_second);
        let after_ms = self.paid_ms.saturating_sub(now_ms) + line_ms;
        let wait_ms = after_ms.saturating_sub(u64::from(rate.burst) * line_ms);
        (wait_ms > 0).then(|| Duration::from_millis(wait_ms))
    }
}

impl Chat {
    /// What `conn` says costs so much, in tenths of a line.
    pub(super) fn pay(&mut self, out: &Outbox, conn: ConnId, tenths: u32) {
        let rate = self.settings.abuse.flood;
        let session = &mut self.sessions[conn];
        let bucket = match session.stage {
            _ if session.exempt => return,
            Stage::Gone => return,
            Stage::Registering(_) => &mut session.bucket,
            Stage::Registered(user) => &mut self.users[user].bucket,
        };
        bucket.pay(rate, tenths, out.now.uptime_ms);
    }

    /// A command that tells of all members of a channel, or tells them all much, costs more in a
    /// great one.
    pub(super) fn pay_for_members(&mut self, out: &Outbox, by: By, channel: ChannelId) {
        let tenths = self.channels[channel].members.len() / MEMBERS_PER_TENTH;
        self.pay(out, by.conn, u32::try_from(tenths).unwrap_or(COST_MAX));
    }

    /// Whether `conn` has said so much that it is not to be heard now. It is again when it may go on.
    pub(super) fn pauses(&self, out: &mut Outbox, conn: ConnId) -> bool {
        let session = &self.sessions[conn];
        let bucket = match session.stage {
            _ if session.exempt => return false,
            Stage::Gone => return false,
            Stage::Registering(_) => session.bucket,
            Stage::Registered(user) => self.users[user].bucket,
        };
        let wait = bucket.wait(self.settings.abuse.flood, out.now.uptime_ms);
        if let Some(wait) = wait {
            out.pause(conn, wait);
        }
        wait.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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
        bucket.pay(RATE, u32::MAX, 0);
        assert_eq!(bucket.wait(RATE, 0), Some(Duration::from_secs(5)));
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
