//! The bounds of everything that a user can make grow: the config's `[chat.limits]`.

use crate::setting::{Problem, Problems, seconds, settings};
use std::ops::RangeInclusive;
use std::time::Duration;

settings! {
    /// The bounds of everything that a user can make grow. Lengths in bytes.
    #[allow(missing_docs)]
    pub struct Limits {
        times {
            handshake_timeout = seconds(30), TIMEOUTS;
            ping_interval = seconds(90), TIMEOUTS;
            ping_timeout = seconds(60), TIMEOUTS;
        }
        sizes {
            nick_max = 30, 1..=32;
            user_max = 16, 1..=32;
            realname_max = 150, 1..=200;
            channel_name_max = 64, 2..=100;
            topic_max = 320, 1..=400;
            away_max = 200, 1..=400;
            kick_max = 290, 1..=400;
            key_max = 32, 1..=64;
            metadata_value_max = 300, 1..=300;
            /// The text of one multiline message.
            multiline_bytes_max = 4096, 512..=1 << 20;
        }
        values {
            /// Channels that one user may be in.
            channels_per_user: usize = 50, 1..=10_000;
            /// Channels that one account may have registered.
            channels_registered_max: usize = 20, 0..=10_000;
            /// Targets of one PRIVMSG, NOTICE, TAGMSG, KICK, NAMES, WHOIS, WHOWAS.
            targets_max: usize = 8, 1..=100;
            /// Entries in each of a channel's lists.
            list_entries_max: usize = 100, 1..=10_000;
            /// Nicks that one user may watch.
            monitor_max: usize = 100, 0..=10_000;
            /// Nicks whose private messages reach a user with +R all the same.
            accept_max: usize = 50, 0..=10_000;
            /// Invitations that one user may hold.
            invites_max: usize = 50, 0..=10_000;
            /// METADATA keys of one user or channel.
            metadata_keys_max: usize = 20, 0..=1000;
            /// METADATA keys that one connection may subscribe to.
            metadata_subs_max: usize = 50, 0..=1000;
            /// Lines of one multiline message.
            multiline_lines_max: usize = 32, 1..=1000;
            /// Conversations of one user with a read marker.
            read_markers_max: usize = 500, 0..=10_000;
            /// Users who left, remembered for WHOWAS.
            whowas_max: usize = 1000, 0..=1_000_000;
            /// Messages whose senders are remembered for REDACT.
            redactable_max: usize = 10_000, 0..=1_000_000;
        }
    }
}

/// Deadlines are whole seconds. A timeout above a day would watch nothing.
const TIMEOUTS: RangeInclusive<Duration> = seconds(1)..=seconds(24 * 3600);

/// Bytes of a message without its tags and line end (Modern IRC, "Message format").
const MESSAGE_MAX_BYTES: usize = 510;

/// Bytes of the host in a source: any address, and the names that may stand for one.
const HOST_MAX_BYTES: usize = 63;

/// Bytes of the server's name, and of the network's.
pub const NAME_MAX_BYTES: usize = 63;

impl Limits {
    /// Reports values out of range, and lengths with which the longest messages would not fit in a
    /// line.
    pub fn check(&self, section: &str, problems: &mut Problems) {
        self.check_values(section, problems);
        // A value out of its range is reported already, and must not overflow a sum.
        let [nick, user, channel] = [self.nick_max, self.user_max, self.channel_name_max]
            .map(|length| length.min(MESSAGE_MAX_BYTES));
        let source = ":!@ ".len() + nick + user + HOST_MAX_BYTES;
        let numeric = ": 000  ".len() + NAME_MAX_BYTES + nick;
        let who = channel + user + HOST_MAX_BYTES + NAME_MAX_BYTES + nick + "H*@".len();
        for (key, text, rest) in [
            ("topic_max", self.topic_max, source + channel + "TOPIC  :".len()),
            ("kick_max", self.kick_max, source + channel + nick + "KICK   :".len()),
            ("away_max", self.away_max, (source + "AWAY :".len()).max(numeric + nick + " :".len())),
            ("realname_max", self.realname_max, numeric + who + "      :0 ".len()),
        ] {
            let most = MESSAGE_MAX_BYTES.saturating_sub(rest);
            if text > most {
                let what = format!(
                    "must be at most {most}, with nick_max {nick}, user_max {user} and \
                     channel_name_max {channel}, for a message to fit in a line; not {text}"
                );
                let with = ["nick_max", "user_max", "channel_name_max"];
                let with = with.map(|key| format!("{section}.{key}"));
                problems.push(Problem::at(format!("{section}.{key}"), what).with(with));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The longest messages about a user with the longest of everything.
    fn messages(limits: &Limits) -> [String; 5] {
        let of = |length: usize| "x".repeat(length);
        let (nick, user, channel) =
            (of(limits.nick_max), of(limits.user_max), of(limits.channel_name_max));
        let (host, server) = (of(63), of(63));
        let (topic, kick) = (of(limits.topic_max), of(limits.kick_max));
        let (away, realname) = (of(limits.away_max), of(limits.realname_max));
        [
            format!(":{nick}!{user}@{host} TOPIC {channel} :{topic}\r\n"),
            format!(":{nick}!{user}@{host} KICK {channel} {nick} :{kick}\r\n"),
            format!(":{nick}!{user}@{host} AWAY :{away}\r\n"),
            format!(":{server} 301 {nick} {nick} :{away}\r\n"),
            format!(
                ":{server} 352 {nick} {channel} {user} {host} {server} {nick} H*@ :0 {realname}\r\n"
            ),
        ]
    }

    fn problems(limits: &Limits) -> Problems {
        let mut problems = Problems::new();
        limits.check("chat.limits", &mut problems);
        problems
    }

    #[test]
    fn with_no_limits_that_are_let_through_is_a_message_longer_than_a_line() {
        for names in [(1, 1, 2), (9, 10, 50), (30, 16, 64), (32, 32, 100)] {
            let (nick_max, user_max, channel_name_max) = names;
            let few = (1, 1, 1, 1);
            let with = |(topic_max, kick_max, away_max, realname_max)| Limits {
                nick_max,
                user_max,
                channel_name_max,
                topic_max,
                kick_max,
                away_max,
                realname_max,
                ..Limits::default()
            };
            assert_eq!(problems(&with(few)), Problems::new());
            for limits in (1..=400).flat_map(|n| {
                [(n, 1, 1, 1), (1, n, 1, 1), (1, 1, n, 1), (1, 1, 1, n.min(200))].map(with)
            }) {
                let fits = messages(&limits).iter().all(|message| message.len() <= 512);
                let problems = problems(&limits);
                assert_eq!(problems.is_empty(), fits, "{problems:?}: {limits:?}");
            }
        }
    }
}
