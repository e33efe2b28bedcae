//! The section `[abuse]`: what keeps one from spoiling it for the others, and who is exempt.

use super::units;
use crate::chat::{self, Rate};
use crate::net::Networks;
use serde::Deserialize;

/// The section. Each key is explained in the default file.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Abuse {
    #[serde(deserialize_with = "units::networks")]
    pub exempt: Networks,
    pub flood_burst: u32,
    pub flood_per_second: u32,
    pub cloak: bool,
    pub mentions_max: usize,
}

impl Abuse {
    pub(super) fn settings(&self) -> chat::Abuse {
        chat::Abuse {
            exempt: self.exempt.clone(),
            flood: Rate { burst: self.flood_burst, per_second: self.flood_per_second },
            cloak: self.cloak,
            mentions_max: self.mentions_max,
        }
    }

    pub(super) fn validate(&self) -> Result<(), String> {
        for (key, value, range) in [
            ("flood_burst", self.flood_burst as usize, 1..=1000),
            ("flood_per_second", self.flood_per_second as usize, 1..=100),
            ("mentions_max", self.mentions_max, 1..=1000),
        ] {
            let (least, most) = range.clone().into_inner();
            if !range.contains(&value) {
                return Err(format!("abuse.{key} must be from {least} to {most}, not {value}"));
            }
        }
        Ok(())
    }
}

impl Default for Abuse {
    fn default() -> Abuse {
        let chat::Abuse { exempt, flood, cloak, mentions_max } = chat::Abuse::default();
        let (flood_burst, flood_per_second) = (flood.burst, flood.per_second);
        Abuse { exempt, flood_burst, flood_per_second, cloak, mentions_max }
    }
}
