//! Flood limits: a bucket for each user, over all their connections, and for each connection before
//! registration. An empty bucket pauses its connection; no input is lost.

use crate::chat::command::{COST_MAX, Command, LINE};
use crate::chat::state::ids::{ChannelId, UserId};
use crate::chat::state::sessions::Stage;
use crate::chat::{Caller, Chat};
use crate::net::{ConnId, Outbox};
use crate::rate::{Bucket, Rate};
use crate::wire::irc::Message;
use std::time::Duration;

/// Members of a channel that cost a tenth of a line, in a command about all of them.
const MEMBERS_PER_TENTH: usize = 10;

impl Chat {
    /// Charges `conn` `tenths` of a line.
    pub(crate) fn pay(&mut self, out: &Outbox, conn: ConnId, tenths: u32) {
        let tenths = tenths.min(COST_MAX);
        let Some((bucket, rate)) = self.bucket(conn) else { return };
        bucket.add(cost(rate, tenths), out.now.uptime_ms);
    }

    /// Charges `conn` for a command. JOIN, and questions about the user's own channels, are paid
    /// from a separate allowance first. A client that returns to forty channels asks some hundred
    /// things by itself. Its user's input must not wait behind them.
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

    /// Charges more for a command that lists all members of a channel, or sends much to all of
    /// them: the larger the channel, the more.
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

    /// Takes up to `tenths` from the allowance of `user`, and returns the rest. The allowance has a
    /// share for each channel they are in and one more, so it grows with each JOIN.
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

    /// The bucket that `conn` pays from, and its rate; `None` for exempt connections.
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

    /// Pauses `conn` if it has used more than its bucket holds, until there is room again.
    pub(crate) fn pauses(&mut self, out: &mut Outbox, conn: ConnId) -> bool {
        let now_ms = out.now.uptime_ms;
        let wait_ms = self.bucket(conn).map_or(0, |(bucket, rate)| bucket.wait_ms(rate, now_ms));
        if wait_ms > 0 {
            out.pause(conn, Duration::from_millis(wait_ms));
        }
        wait_ms > 0
    }
}

/// The cost of `tenths` of a line, at a rate in lines.
fn cost(rate: Rate, tenths: u32) -> Duration {
    rate.every * tenths / LINE
}
