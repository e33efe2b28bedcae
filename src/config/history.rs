//! The section `[history]`: what is kept of what is said, how long, and how surely.

use super::units;
use crate::chat;
use crate::store::sqlite::Durability;
use crate::store::{Keep, Policy, REPLY_BYTES_MAX, Reply, Target};
use crate::wire::casemap::folded;
use crate::wire::irc::names::ChannelName;
use serde::Deserialize;

/// The section. Each key is explained in the default file.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[allow(missing_docs)]
pub struct History {
    pub enabled: bool,
    #[serde(deserialize_with = "units::durability")]
    pub durability: Durability,
    /// `None` for ever.
    #[serde(deserialize_with = "units::age")]
    pub keep_for: Option<i64>,
    /// `None` for as many as there are.
    #[serde(deserialize_with = "units::some_size")]
    pub keep_bytes: Option<u64>,
    pub channels: Vec<Channel>,
    pub answer_max: u16,
    pub on_join: u16,
    pub on_return: u16,
}

/// What holds for one channel instead.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Channel {
    pub name: String,
    #[serde(default, deserialize_with = "units::age")]
    pub keep_for: Option<i64>,
    #[serde(default, deserialize_with = "units::some_size")]
    pub keep_bytes: Option<u64>,
}

impl History {
    /// How much is kept.
    pub fn policy(&self) -> Policy {
        let of_channel = |channel: &Channel| {
            let target = Target::Channel(folded(&channel.name).into_owned());
            (target, Keep { age_ms: channel.keep_for, bytes: channel.keep_bytes })
        };
        let overrides = self.channels.iter().map(of_channel).collect();
        Policy { age_ms: self.keep_for, bytes: self.keep_bytes, overrides }
    }

    /// What waits for slow readers, and what the store has ready, are parts of `memory_max`, beside it.
    pub(super) fn settings(&self, memory_max: usize) -> chat::History {
        let History { enabled, answer_max, on_join, on_return, .. } = *self;
        let waiting_bytes_max = memory_max / 4;
        let reply_bytes_max = (memory_max / 16).clamp(Reply::BYTES_MAX, REPLY_BYTES_MAX);
        chat::History {
            enabled,
            answer_max,
            on_join,
            on_return,
            waiting_bytes_max,
            reply_bytes_max,
        }
    }

    pub(super) fn validate(&self) -> Result<(), String> {
        for (key, value, least) in [
            ("answer_max", self.answer_max, 1),
            ("on_join", self.on_join, 0),
            ("on_return", self.on_return, 0),
        ] {
            if !(least..=1000).contains(&value) {
                return Err(format!("history.{key} must be from {least} to 1000, not {value}"));
            }
        }
        for (index, Channel { name, .. }) in self.channels.iter().enumerate() {
            if ChannelName::parse(name, usize::MAX).is_none() {
                let name = name.escape_debug();
                return Err(format!("history.channels.name `{name}` can't be that of a channel"));
            }
            let same = |other: &Channel| folded(&other.name) == folded(name);
            if self.channels[..index].iter().any(same) {
                return Err(format!("history.channels has two of the name `{name}`; remove one"));
            }
        }
        Ok(())
    }
}

impl Default for History {
    fn default() -> History {
        let chat::History { enabled, answer_max, on_join, on_return, .. } =
            chat::History::default();
        History {
            enabled,
            durability: Durability::Full,
            keep_for: None,
            keep_bytes: None,
            channels: Vec::new(),
            answer_max,
            on_join,
            on_return,
        }
    }
}
