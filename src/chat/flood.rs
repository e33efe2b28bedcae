//! How much one may say: a bucket for each user, whatever their connections, and for each connection
//! that has not registered. Who has emptied it is heard no further for a while; nothing is lost.

use super::channels::ChannelId;
use super::commands::table::Command;
use super::session::Stage;
use super::settings::Abuse;
use super::users::UserId;
use super::{By, Chat};
use crate::net::{ConnId, Outbox};
use crate::wire::irc::Message;
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
        self.paid_ms = self.paid_ms.max(now_ms) + u64::from(tenths * 100 / rate.per_second);
    }

    /// Pays as many of `tenths` as the bucket holds; returns the rest.
    fn pay_part(&mut self, rate: Rate, tenths: u32, now_ms: u64) -> u32 {
        let holds_ms = u64::from(rate.burst) * u64::from(LINE * 100 / rate.per_second);
        let left_ms = holds_ms.saturating_sub(self.paid_ms.saturating_sub(now_ms));
        let part = tenths.min((left_ms * u64::from(rate.per_second) / 100) as u32);
        self.pay(rate, part, now_ms);
        tenths - part
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
    /// Charges `conn` so many tenths of a line.
    pub(super) fn pay(&mut self, out: &Outbox, conn: ConnId, tenths: u32) {
        let tenths = tenths.min(COST_MAX);
        let Some((bucket, rate)) = self.bucket(conn) else { return };
        bucket.pay(rate, tenths, out.now.uptime_ms);
    }

    /// Charges `conn` for a command. Joining, and what clients ask about the channels they are in,
    /// is taken from the user's allowance first: a client that returns to forty channels asks some
    /// hundred things by itself, and what its user types must not wait behind them.
    pub(super) fn pay_for(
        &mut self,
        out: &Outbox,
        conn: ConnId,
        command: &Command,
        what: &Message,
    ) {
        let tenths = command.cost(what).min(COST_MAX);
        let spare = match self.sessions[conn].user() {
            Some(user) if self.is_own_business(user, command, what) => {
                self.take_allowance(out, user, tenths)
            }
            _ => tenths,
        };
        self.pay(out, conn, spare);
    }

    /// A command that tells of all members of a channel, or tells them all much, costs more in a
    /// great one.
    pub(super) fn pay_for_members(&mut self, out: &Outbox, by: By, channel: ChannelId) {
        let members = self.channels[channel].members.len() / MEMBERS_PER_TENTH;
        let tenths = u32::try_from(members).unwrap_or(COST_MAX).min(COST_MAX);
        let spare = match self.users[by.user].is_in(channel) {
            true => self.take_allowance(out, by.user, tenths),
            false => tenths,
        };
        self.pay(out, by.conn, spare);
    }

    fn is_own_business(&self, user: UserId, command: &Command, what: &Message) -> bool {
        let is_in = |name: &str| {
            self.channels.find(name).is_some_and(|channel| self.users[user].is_in(channel))
        };
        command.name == "JOIN"
            || command.asks(what).is_some_and(|names| names.split(',').all(is_in))
    }

    /// Takes up to `tenths` from the allowance of `user`; returns the rest. It holds so much for each
    /// channel they are in and for one more, so that JOIN after JOIN finds it grown.
    fn take_allowance(&mut self, out: &Outbox, user: UserId, tenths: u32) -> u32 {
        let Abuse { flood, asks_per_channel, .. } = self.settings.abuse;
        let user = &mut self.users[user];
        let channels = u32::try_from(user.channels.len() + 1).expect("bounded by the settings");
        let rate = Rate { burst: asks_per_channel * channels, ..flood };
        user.asked.pay_part(rate, tenths, out.now.uptime_ms)
    }

    /// Where `conn` pays from, and how much that holds; `None` for exempt connections.
    fn bucket(&mut self, conn: ConnId) -> Option<(&mut Bucket, Rate)> {
        let Abuse { flood, registration_burst, .. } = self.settings.abuse;
        let session = &mut self.sessions[conn];
        match &mut session.stage {
            _ if session.exempt => None,
            Stage::Gone => None,
            Stage::Registering(registering) => {
                Some((&mut registering.bucket, Rate { burst: registration_burst, ..flood }))
            }
            Stage::Registered(user) => Some((&mut self.users[*user].bucket, flood)),
        }
    }

    /// Pauses `conn` if it has said more than its bucket holds. It is heard again when it may go on.
    pub(super) fn pauses(&mut self, out: &mut Outbox, conn: ConnId) -> bool {
        let now_ms = out.now.uptime_ms;
        let wait = self.bucket(conn).and_then(|(bucket, rate)| bucket.wait(rate, now_ms));
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
