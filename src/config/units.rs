//! Sizes, times and levels as people write them.

use super::closest;
use crate::chat::Registration;
use crate::store::sqlite::Durability;
use bytesize::ByteSize;
use jiff::SignedDuration;
use serde::de::{Deserialize, Deserializer, Error};
use std::time::Duration;
use toml::Value;

/// Bytes: `4096`, `"64 KiB"`, `"10kB"`.
pub(super) fn size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    let value = Value::deserialize(deserializer)?;
    let bytes = match &value {
        Value::Integer(bytes) => usize::try_from(*bytes).ok(),
        Value::String(text) => text.parse().ok().map(|ByteSize(bytes)| bytes as usize),
        _ => None,
    };
    bytes.ok_or_else(|| not_a(&value, "size; write bytes, or \"64 KiB\""))
}

/// A duration: `"15s"`, `"2 min"`, `"1m 30s"`.
pub(super) fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let value = Value::deserialize(deserializer)?;
    let duration = value.as_str().and_then(|text| text.parse::<SignedDuration>().ok());
    let duration = duration.and_then(|duration| Duration::try_from(duration).ok());
    let duration = duration.filter(|duration| *duration <= LONGEST);
    duration.ok_or_else(|| not_a(&value, "time; write \"15s\" or \"2 min\""))
}

/// A year; arithmetic with what is longer might overflow.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);

/// A filter of env_logger, which takes a level's name written wrong for that of a module.
pub(super) fn log_filter<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let filter = String::deserialize(deserializer)?;
    check_log_filter(&filter).map_err(D::Error::custom)?;
    Ok(filter)
}

/// Whether `filter` has no level in it that nobody knows.
pub fn check_log_filter(filter: &str) -> Result<(), String> {
    const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
    for directive in filter.split(',').map(str::trim) {
        let (module, level) = match directive.split_once('=') {
            Some((module, level)) => (module, level.to_lowercase()),
            None => ("", directive.to_lowercase()),
        };
        if level.is_empty() || LEVELS.contains(&level.as_str()) {
            continue;
        }
        match closest(&level, LEVELS) {
            Some(meant) => return Err(format!("unknown level `{level}`, did you mean `{meant}`?")),
            None if module.is_empty() => {} // the name of a module, all of whose levels are meant
            None => {
                return Err(format!("unknown level `{level}`; known are {}", LEVELS.join(", ")));
            }
        }
    }
    Ok(())
}

/// What survives a loss of power: `"full"` or `"normal"`.
pub(super) fn durability<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Durability, D::Error> {
    let value = Value::deserialize(deserializer)?;
    match value.as_str() {
        Some("full") => Ok(Durability::Full),
        Some("normal") => Ok(Durability::Normal),
        _ => Err(not_a(&value, "degree of durability; write \"full\" or \"normal\"")),
    }
}

/// Who may make an account: `"open"`, `"invitation"` or `"closed"`.
pub(super) fn registration<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Registration, D::Error> {
    let value = Value::deserialize(deserializer)?;
    match value.as_str() {
        Some("open") => Ok(Registration::Open),
        Some("invitation") => Ok(Registration::Invitation),
        Some("closed") => Ok(Registration::Closed),
        _ => Err(not_a(&value, "way to register; write \"open\", \"invitation\" or \"closed\"")),
    }
}

fn not_a<E: Error>(value: &Value, what: &str) -> E {
    match value.as_str() {
        Some(text) => E::custom(format!("`{text}` is not a {what}")),
        None => E::custom(format!("`{value}` is not a {what}")),
    }
}
