//! How much one may say: a bucket for each user, whatever their connections, and for each connection
//! that has not registered. Who has emptied it is heard no further for a while; nothing is lost.

use crate::chat::state::ids::{ChannelId, UserId};
use crate::chat::state::sessions::Stage;
use crate::chat::table::{COST_MAX, Command, LINE};
use crate::chat::{Caller, Chat};
use crate::net::{ConnId, Outbox};
use crate::rate::{Bucket, Rate};
use crate::wire::irc::Message;
use std::time::Duration;

/// Members of a channel that cost as much as a tenth of a line, where a command tells of them all.
const MEMBERS_PER_TENTH: usize = 10;

impl Chat {
    /// Charges `conn` so many tenths of a line.
    pub(crate) fn pay(&mut self, out: &Outbox, conn: ConnId, tenths: u32) {
        let tenths = tenths.min(COST_MAX);
        let Some((bucket, rate)) = self.bucket(conn) else { return };
        bucket.add(cost(rate, tenths), out.now.uptime_ms);
    }

    /// Charges `conn` for a command. Joining, and what clients ask about the channels they are in,
    /// is taken from the user's allowance first: a client that returns to forty channels asks some
    /// hundred things by itself, and what its user types must not wait behind them.
    pub(crate) fn pay_for(
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
    pub(crate) fn pay_for_members(&mut self, out: &Outbox, by: Caller, channel: ChannelId) {
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
        let abuse = &self.settings.abuse;
        let (flood, asks_per_channel) = (abuse.flood(), abuse.asks_per_channel);
        let user = &mut self.users[user];
        let channels = u32::try_from(user.channels.len() + 1).expect("bounded by the settings");
        let rate = Rate { burst: asks_per_channel * channels, ..flood };
        let room = user.asked.room(rate, out.now.uptime_ms);
        let part = (room.as_nanos() / cost(rate, 1).as_nanos()).min(tenths.into()) as u32;
        user.asked.add(cost(rate, part), out.now.uptime_ms);
        tenths - part
    }

    /// Where `conn` pays from, and how much that holds; `None` for exempt connections.
    fn bucket(&mut self, conn: ConnId) -> Option<(&mut Bucket, Rate)> {
        let abuse = &self.settings.abuse;
        let (flood, registration_burst) = (abuse.flood(), abuse.registration_burst);
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
    pub(crate) fn pauses(&mut self, out: &mut Outbox, conn: ConnId) -> bool {
        let now_ms = out.now.uptime_ms;
        let wait_ms = self.bucket(conn).map_or(0, |(bucket, rate)| bucket.wait_ms(rate, now_ms));
        if wait_ms > 0 {
            out.pause(conn, Duration::from_millis(wait_ms));
        }
        wait_ms > 0
    }
}

/// The cost of so many tenths of a line at a rate of lines.
fn cost(rate: Rate, tenths: u32) -> Duration {
    rate.every * tenths / LINE
}
