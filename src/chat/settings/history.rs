//! Settings of the history: its extent, its durability, and how it is read.

use crate::setting::{self, Problem, Problems, settings};
use crate::store::sqlite::Durability;
use crate::store::{Keep, Policy, REPLY_BYTES_MAX, Reply, Target};
use crate::wire::casemap::folded;
use crate::wire::irc::names::ChannelName;

settings! {
    /// The history: its extent, its durability, and how it is read: the config's `[history]`.
    pub struct History {
        values {
            /// Whether messages are stored.
            enabled: bool = true;
            /// The messages that survive a loss of power.
            durability: Durability = Durability::Full;
            /// How long messages are retained, in milliseconds; `None` for ever.
            #[serde(deserialize_with = "setting::age")]
            keep_for: Option<i64> = None;
            /// How many bytes are retained; `None` for as many as there are.
            #[serde(deserialize_with = "setting::some_size")]
            keep_bytes: Option<u64> = None;
            /// Exceptions for single channels.
            channels: Vec<ChannelHistory> = Vec::new();
            /// Messages in the reply to one CHATHISTORY.
            answer_max: u16 = 100, 1..=1000;
            /// The latest messages of a channel, sent on JOIN to clients that cannot request them.
            on_join: u16 = 10, 0..=1000;
            /// Messages of each conversation sent to a returning user whose client cannot request
            /// them; 0 for none.
            on_return: u16 = 50, 0..=1000;
            /// Bytes of the replies that wait for slow readers, all together.
            #[serde(skip)]
            waiting_bytes_max: usize = 64 << 20;
            /// Bytes of the store's replies that chat has not taken yet.
            #[serde(skip)]
            reply_bytes_max: usize = REPLY_BYTES_MAX;
        }
    }
}

settings! {
    /// The exceptions for one channel: an entry of `history.channels`.
    #[allow(missing_docs)]
    pub struct ChannelHistory {
        values {
            name: String = String::new();
            #[serde(deserialize_with = "setting::age")]
            keep_for: Option<i64> = None;
            #[serde(deserialize_with = "setting::some_size")]
            keep_bytes: Option<u64> = None;
        }
    }
}

impl History {
    /// How much is retained.
    pub fn policy(&self) -> Policy {
        let of_channel = |channel: &ChannelHistory| {
            let target = Target::Channel(folded(&channel.name).into_owned());
            (target, Keep { age_ms: channel.keep_for, bytes: channel.keep_bytes })
        };
        let overrides = self.channels.iter().map(of_channel).collect();
        Policy { age_ms: self.keep_for, bytes: self.keep_bytes, overrides }
    }

    /// Bounds the replies that wait for slow readers, and those in the store, to parts of
    /// `memory_max`. They come on top of it.
    pub fn with_memory(self, memory_max: usize) -> History {
        let reply_bytes_max = (memory_max / 16).clamp(Reply::BYTES_MAX, REPLY_BYTES_MAX);
        History { waiting_bytes_max: memory_max / 4, reply_bytes_max, ..self }
    }

    /// Reports values out of range, and names that are not those of channels.
    pub fn check(&self, section: &str, problems: &mut Problems) {
        self.check_values(section, problems);
        for (index, ChannelHistory { name, .. }) in self.channels.iter().enumerate() {
            let same = |other: &ChannelHistory| folded(&other.name) == folded(name);
            let key = format!("{section}.channels[{index}]");
            let shown = name.escape_debug();
            if ChannelName::parse(name, usize::MAX).is_none() {
                problems.push(Problem::at(
                    key + ".name",
                    format!("`{shown}` can't be that of a channel"),
                ));
            } else if self.channels[..index].iter().any(same) {
                problems
                    .push(Problem::at(key, format!("has two of the name `{shown}`; remove one")));
            }
        }
    }
}
