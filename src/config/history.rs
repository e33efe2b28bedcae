//! The section `[history]`: what is kept of what is said, how long, and how surely.

use super::units;
use crate::chat;
use crate::store::sqlite::Durability;
use serde::Deserialize;

/// The section. Each key is explained in the default file.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[allow(missing_docs)]
pub struct History {
    pub enabled: bool,
    #[serde(deserialize_with = "units::durability")]
    pub durability: Durability,
    pub answer_max: u16,
    pub on_join: u16,
}

impl History {
    pub(super) fn settings(&self) -> chat::History {
        let History { enabled, answer_max, on_join, .. } = *self;
        chat::History { enabled, answer_max, on_join }
    }

    pub(super) fn validate(&self) -> Result<(), String> {
        for (key, value, least) in
            [("answer_max", self.answer_max, 1), ("on_join", self.on_join, 0)]
        {
            if !(least..=1000).contains(&value) {
                return Err(format!("history.{key} must be from {least} to 1000, not {value}"));
            }
        }
        Ok(())
    }
}

impl Default for History {
    fn default() -> History {
        let chat::History { enabled, answer_max, on_join } = chat::History::default();
        History { enabled, durability: Durability::Full, answer_max, on_join }
    }
}
