//! The section `[limits]`: what is refused or cut off, and when; by the loop, and by chat.

use super::units;
use crate::chat;
use crate::net;
use serde::Deserialize;
use std::fmt::Debug;
use std::ops::RangeInclusive;
use std::time::Duration;

/// The section. Sizes in bytes. Each key is explained in the default file.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Limits {
    /// `None` for as many as there are file descriptors.
    pub connections: Option<usize>,
    #[serde(deserialize_with = "units::duration")]
    pub accept_wait: Duration,
    pub connections_per_ip: u32,
    pub connects_per_ip_per_minute: u32,
    pub connections_per_network: u32,
    pub connects_per_network_per_minute: u32,
    #[serde(deserialize_with = "units::size")]
    pub line_max: usize,
    #[serde(deserialize_with = "units::size")]
    pub recvq_max: usize,
    #[serde(deserialize_with = "units::size")]
    pub sendq_pause: usize,
    #[serde(deserialize_with = "units::size")]
    pub sendq_max: usize,
    #[serde(deserialize_with = "units::size")]
    pub memory_max: usize,
    #[serde(deserialize_with = "units::duration")]
    pub drain_timeout: Duration,
    #[serde(deserialize_with = "units::duration")]
    pub linger_timeout: Duration,
    #[serde(deserialize_with = "units::duration")]
    pub handshake_timeout: Duration,
    #[serde(deserialize_with = "units::duration")]
    pub ping_interval: Duration,
    #[serde(deserialize_with = "units::duration")]
    pub ping_timeout: Duration,
    #[serde(deserialize_with = "units::size")]
    pub nick_max: usize,
    #[serde(deserialize_with = "units::size")]
    pub user_max: usize,
    #[serde(deserialize_with = "units::size")]
    pub realname_max: usize,
    #[serde(deserialize_with = "units::size")]
    pub channel_name_max: usize,
    #[serde(deserialize_with = "units::size")]
    pub topic_max: usize,
    #[serde(deserialize_with = "units::size")]
    pub away_max: usize,
    #[serde(deserialize_with = "units::size")]
    pub kick_max: usize,
    #[serde(deserialize_with = "units::size")]
    pub key_max: usize,
    pub channels_per_user: usize,
    pub channels_registered_max: usize,
    pub targets_max: usize,
    pub list_entries_max: usize,
    pub monitor_max: usize,
    pub accept_max: usize,
    pub invites_max: usize,
    pub metadata_keys_max: usize,
    pub metadata_subs_max: usize,
    #[serde(deserialize_with = "units::size")]
    pub metadata_value_max: usize,
    pub multiline_lines_max: usize,
    #[serde(deserialize_with = "units::size")]
    pub multiline_bytes_max: usize,
    pub read_markers_max: usize,
    pub whowas_max: usize,
    pub redactable_max: usize,
}

impl Limits {
    /// The loop's limits, when there are file descriptors for `connections_max` connections.
    pub fn for_loop(&self, connections_max: usize) -> net::Limits {
        net::Limits {
            connections: self.connections.unwrap_or(usize::MAX).min(connections_max),
            accept_wait: self.accept_wait,
            connections_per_ip: self.connections_per_ip,
            connects_per_ip_per_minute: self.connects_per_ip_per_minute,
            connections_per_network: self.connections_per_network,
            connects_per_network_per_minute: self.connects_per_network_per_minute,
            recvq_max: self.recvq_max,
            sendq_pause: self.sendq_pause,
            sendq_max: self.sendq_max,
            memory_max: self.memory_max,
            drain_timeout: self.drain_timeout,
            linger_timeout: self.linger_timeout,
            ..net::Limits::default()
        }
    }

    /// Those of chat.
    pub(super) fn for_chat(&self) -> chat::Limits {
        chat::Limits {
            handshake_timeout: self.handshake_timeout,
            ping_interval: self.ping_interval,
            ping_timeout: self.ping_timeout,
            nick_max: self.nick_max,
            user_max: self.user_max,
            realname_max: self.realname_max,
            channel_name_max: self.channel_name_max,
            topic_max: self.topic_max,
            away_max: self.away_max,
            kick_max: self.kick_max,
            key_max: self.key_max,
            channels_per_user: self.channels_per_user,
            channels_registered_max: self.channels_registered_max,
            targets_max: self.targets_max,
            list_entries_max: self.list_entries_max,
            monitor_max: self.monitor_max,
            accept_max: self.accept_max,
            invites_max: self.invites_max,
            metadata_keys_max: self.metadata_keys_max,
            metadata_subs_max: self.metadata_subs_max,
            metadata_value_max: self.metadata_value_max,
            multiline_lines_max: self.multiline_lines_max,
            multiline_bytes_max: self.multiline_bytes_max,
            read_markers_max: self.read_markers_max,
            whowas_max: self.whowas_max,
            redactable_max: self.redactable_max,
        }
    }

    pub(super) fn validate(&self) -> Result<(), String> {
        self.validate_for_loop()?;
        self.validate_for_chat()
    }

    fn validate_for_loop(&self) -> Result<(), String> {
        let at_least = |key: &str, value: usize, least: usize, why: &str| match value >= least {
            true => Ok(()),
            false => Err(format!("limits.{key} must be at least {least}{why}, not {value}")),
        };
        at_least("connections", self.connections.unwrap_or(1), 1, "")?;
        for (key, value) in [
            ("connections_per_ip", self.connections_per_ip),
            ("connects_per_ip_per_minute", self.connects_per_ip_per_minute),
            ("connections_per_network", self.connections_per_network),
            ("connects_per_network_per_minute", self.connects_per_network_per_minute),
        ] {
            at_least(key, value as usize, 1, "")?;
        }
        at_least("line_max", self.line_max, 1, "")?;
        let line_and_end = self.line_max.saturating_add(2);
        at_least("recvq_max", self.recvq_max, line_and_end, " (line_max and a line end)")?;
        if self.recvq_max > RECVQ_MAX_BYTES {
            return Err(format!("limits.recvq_max must be at most {RECVQ_MAX_BYTES}"));
        }
        at_least("sendq_max", self.sendq_max, self.sendq_pause, " (sendq_pause)")?;
        at_least("memory_max", self.memory_max, self.sendq_max, " (sendq_max)")
    }

    fn validate_for_chat(&self) -> Result<(), String> {
        for (key, value) in [
            ("handshake_timeout", self.handshake_timeout),
            ("ping_interval", self.ping_interval),
            ("ping_timeout", self.ping_timeout),
        ] {
            check_range(key, value, TIMEOUT_RANGE)?;
        }
        for (key, value, range) in [
            ("nick_max", self.nick_max, 1..=32),
            ("user_max", self.user_max, 1..=32),
            ("realname_max", self.realname_max, 1..=200),
            ("channel_name_max", self.channel_name_max, 2..=100),
            ("topic_max", self.topic_max, 1..=400),
            ("away_max", self.away_max, 1..=400),
            ("kick_max", self.kick_max, 1..=400),
            ("key_max", self.key_max, 1..=64),
            ("channels_per_user", self.channels_per_user, 1..=10_000),
            ("channels_registered_max", self.channels_registered_max, 0..=10_000),
            ("targets_max", self.targets_max, 1..=100),
            ("list_entries_max", self.list_entries_max, 1..=10_000),
            ("monitor_max", self.monitor_max, 0..=10_000),
            ("accept_max", self.accept_max, 0..=10_000),
            ("invites_max", self.invites_max, 0..=10_000),
            ("metadata_keys_max", self.metadata_keys_max, 0..=1000),
            ("metadata_subs_max", self.metadata_subs_max, 0..=1000),
            ("metadata_value_max", self.metadata_value_max, 1..=300),
            ("multiline_lines_max", self.multiline_lines_max, 1..=1000),
            ("multiline_bytes_max", self.multiline_bytes_max, 512..=(1 << 20)),
            ("read_markers_max", self.read_markers_max, 0..=10_000),
            ("whowas_max", self.whowas_max, 0..=1_000_000),
            ("redactable_max", self.redactable_max, 0..=1_000_000),
        ] {
            check_range(key, value, range)?;
        }
        self.validate_messages()
    }

    /// That the longest messages with all that users can give fit in a line.
    fn validate_messages(&self) -> Result<(), String> {
        let Limits { nick_max: nick, user_max: user, channel_name_max: channel, .. } = *self;
        let source = ":!@ ".len() + nick + user + HOST_MAX_BYTES;
        let numeric = ": 000  ".len() + SERVER_NAME_MAX_BYTES + nick;
        let who = channel + user + HOST_MAX_BYTES + SERVER_NAME_MAX_BYTES + nick + "H*@".len();
        for (key, text, rest) in [
            ("topic_max", self.topic_max, source + channel + "TOPIC  :".len()),
            ("kick_max", self.kick_max, source + channel + nick + "KICK   :".len()),
            ("away_max", self.away_max, source + "AWAY :".len()),
            ("away_max", self.away_max, numeric + nick + " :".len()),
            ("realname_max", self.realname_max, numeric + who + "      :0 ".len()),
        ] {
            let most = MESSAGE_MAX_BYTES.saturating_sub(rest);
            if text > most {
                return Err(format!(
                    "limits.{key} must be at most {most}, with nick_max {nick}, user_max {user} and \
                     channel_name_max {channel}, for a message to fit in a line; not {text}"
                ));
            }
        }
        Ok(())
    }
}

fn check_range<T: PartialOrd + Debug>(
    key: &str,
    value: T,
    range: RangeInclusive<T>,
) -> Result<(), String> {
    if range.contains(&value) {
        return Ok(());
    }
    let (least, most) = range.into_inner();
    Err(format!("limits.{key} must be from {least:?} to {most:?}, not {value:?}"))
}

/// The loop keeps one buffer of this size. Beyond 4 GiB the positions in a line would not fit.
const RECVQ_MAX_BYTES: usize = 1 << 30;

/// Beside its tags and its line end (Modern IRC, "Message format").
const MESSAGE_MAX_BYTES: usize = 510;

/// Of the host in a source: any address, and the names that may stand for one.
const HOST_MAX_BYTES: usize = 63;

const SERVER_NAME_MAX_BYTES: usize = super::chat::NAME_MAX_BYTES;

/// Deadlines are whole seconds; and who may be silent for longer than a day is not watched at all.
const TIMEOUT_RANGE: RangeInclusive<Duration> =
    Duration::from_secs(1)..=Duration::from_secs(24 * 3600);

impl Default for Limits {
    fn default() -> Limits {
        let of_loop = net::Limits::default();
        let of_chat = chat::Limits::default();
        Limits {
            connections: None,
            accept_wait: of_loop.accept_wait,
            connections_per_ip: of_loop.connections_per_ip,
            connects_per_ip_per_minute: of_loop.connects_per_ip_per_minute,
            connections_per_network: of_loop.connections_per_network,
            connects_per_network_per_minute: of_loop.connects_per_network_per_minute,
            line_max: 4 << 10,
            recvq_max: of_loop.recvq_max,
            sendq_pause: of_loop.sendq_pause,
            sendq_max: of_loop.sendq_max,
            memory_max: of_loop.memory_max,
            drain_timeout: of_loop.drain_timeout,
            linger_timeout: of_loop.linger_timeout,
            handshake_timeout: of_chat.handshake_timeout,
            ping_interval: of_chat.ping_interval,
            ping_timeout: of_chat.ping_timeout,
            nick_max: of_chat.nick_max,
            user_max: of_chat.user_max,
            realname_max: of_chat.realname_max,
            channel_name_max: of_chat.channel_name_max,
            topic_max: of_chat.topic_max,
            away_max: of_chat.away_max,
            kick_max: of_chat.kick_max,
            key_max: of_chat.key_max,
            channels_per_user: of_chat.channels_per_user,
            channels_registered_max: of_chat.channels_registered_max,
            targets_max: of_chat.targets_max,
            list_entries_max: of_chat.list_entries_max,
            monitor_max: of_chat.monitor_max,
            accept_max: of_chat.accept_max,
            invites_max: of_chat.invites_max,
            metadata_keys_max: of_chat.metadata_keys_max,
            metadata_subs_max: of_chat.metadata_subs_max,
            metadata_value_max: of_chat.metadata_value_max,
            multiline_lines_max: of_chat.multiline_lines_max,
            multiline_bytes_max: of_chat.multiline_bytes_max,
            read_markers_max: of_chat.read_markers_max,
            whowas_max: of_chat.whowas_max,
            redactable_max: of_chat.redactable_max,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The longest that are said of a user to whom nothing was refused.
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
            with(few).validate().unwrap();
            for limits in (1..=400).flat_map(|n| {
                [(n, 1, 1, 1), (1, n, 1, 1), (1, 1, n, 1), (1, 1, 1, n.min(200))].map(with)
            }) {
                let fits = messages(&limits).iter().all(|message| message.len() <= 512);
                let valid = limits.validate();
                assert_eq!(valid.is_ok(), fits, "{valid:?}: {limits:?}");
            }
        }
    }
}
