//! The section `[abuse]`: what keeps one from spoiling it for the others, and who is exempt.

use super::units;
use crate::auth::attempts::AttemptLimits;
use crate::chat;
use crate::net::Networks;
use crate::rate::Rate;
use serde::Deserialize;
use std::ops::RangeInclusive;
use std::time::Duration;

/// The section. Each key is explained in the default file.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Abuse {
    #[serde(deserialize_with = "units::networks")]
    pub exempt: Networks,
    pub flood_burst: u32,
    pub flood_per_second: u32,
    pub registration_burst: u32,
    pub asks_per_channel: u32,
    pub cloak: bool,
    pub mentions_max: usize,
    pub attempts_per_ip: u32,
    pub attempts_per_ip_per_minute: u32,
    pub attempts_per_account: u32,
    pub attempts_per_account_per_minute: u32,
    pub registrations: u32,
    pub registrations_per_minute: u32,
}

impl Abuse {
    pub(super) fn settings(&self) -> chat::Abuse {
        chat::Abuse {
            exempt: self.exempt.clone(),
            flood: rate(self.flood_burst, SECOND, self.flood_per_second),
            registration_burst: self.registration_burst,
            asks_per_channel: self.asks_per_channel,
            cloak: self.cloak,
            mentions_max: self.mentions_max,
            attempts: AttemptLimits {
                by_address: rate(self.attempts_per_ip, MINUTE, self.attempts_per_ip_per_minute),
                by_account: rate(
                    self.attempts_per_account,
                    MINUTE,
                    self.attempts_per_account_per_minute,
                ),
                registrations: rate(self.registrations, MINUTE, self.registrations_per_minute),
                ..AttemptLimits::default()
            },
        }
    }

    pub(super) fn validate(&self) -> Result<(), String> {
        for (key, value, range) in [
            ("flood_burst", self.flood_burst as usize, 1..=1000),
            ("flood_per_second", self.flood_per_second as usize, 1..=100),
            ("registration_burst", self.registration_burst as usize, 20..=1000),
            ("asks_per_channel", self.asks_per_channel as usize, 0..=100),
            ("mentions_max", self.mentions_max, 1..=1000),
            ("attempts_per_ip", self.attempts_per_ip as usize, BURSTS),
            ("attempts_per_ip_per_minute", self.attempts_per_ip_per_minute as usize, PER_MINUTE),
            ("attempts_per_account", self.attempts_per_account as usize, BURSTS),
            (
                "attempts_per_account_per_minute",
                self.attempts_per_account_per_minute as usize,
                PER_MINUTE,
            ),
            ("registrations", self.registrations as usize, BURSTS),
            ("registrations_per_minute", self.registrations_per_minute as usize, PER_MINUTE),
        ] {
            let (least, most) = range.clone().into_inner();
            if !range.contains(&value) {
                return Err(format!("abuse.{key} must be from {least} to {most}, not {value}"));
            }
        }
        Ok(())
    }
}

const BURSTS: RangeInclusive<usize> = 1..=100_000;
const PER_MINUTE: RangeInclusive<usize> = 1..=60_000;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

fn rate(burst: u32, time: Duration, in_it: u32) -> Rate {
    Rate { burst, every: time / in_it }
}

fn in_time(time: Duration, rate: Rate) -> u32 {
    time.div_duration_f64(rate.every) as u32
}

impl Default for Abuse {
    fn default() -> Abuse {
        let chat::Abuse {
            exempt,
            flood,
            registration_burst,
            asks_per_channel,
            cloak,
            mentions_max,
            attempts,
        } = chat::Abuse::default();
        let AttemptLimits { by_address, by_account, registrations, .. } = attempts;
        Abuse {
            exempt,
            flood_burst: flood.burst,
            flood_per_second: in_time(SECOND, flood),
            registration_burst,
            asks_per_channel,
            cloak,
            mentions_max,
            attempts_per_ip: by_address.burst,
            attempts_per_ip_per_minute: in_time(MINUTE, by_address),
            attempts_per_account: by_account.burst,
            attempts_per_account_per_minute: in_time(MINUTE, by_account),
            registrations: registrations.burst,
            registrations_per_minute: in_time(MINUTE, registrations),
        }
    }
}
