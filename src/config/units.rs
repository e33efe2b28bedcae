//! Sizes, times and levels as people write them.

use super::closest;
use crate::chat::{AlwaysOn, Registration};
use crate::net::{Network, Networks};
use crate::store::sqlite::Durability;
use bytesize::ByteSize;
use jiff::{SignedDuration, Span, SpanRelativeTo, Unit};
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

/// Networks: `["192.0.2.0/24", "2001:db8::1"]`.
pub(super) fn networks<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Networks, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    let parse = |text: &String| {
        let bad = "network; write \"192.0.2.0/24\" or \"2001:db8::1\"";
        Network::parse(text).ok_or_else(|| not_a(&Value::String(text.clone()), bad))
    };
    Ok(Networks(texts.iter().map(parse).collect::<Result<_, _>>()?))
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

/// Whether `filter` has no level and no module in it that nobody knows.
pub fn check_log_filter(filter: &str) -> Result<(), String> {
    const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
    // Of the crates within, those that log anything.
    let is_module = |name: &str| ["stonechat", "mio"].iter().any(|known| name.starts_with(known));
    let levels = filter.split('/').next().unwrap_or_default();
    for directive in levels.split(',').map(str::trim) {
        let (module, level) = match directive.split_once('=') {
            Some((module, level)) => (Some(module), level.to_lowercase()),
            None => (None, directive.to_lowercase()),
        };
        if let Some(module) = module.filter(|module| !is_module(module)) {
            return Err(format!("unknown module `{module}`; ours begin with stonechat"));
        }
        // Without a level all of a module's are meant.
        let whole_module = module.is_none() && is_module(&level);
        if level.is_empty() || LEVELS.contains(&level.as_str()) || whole_module {
            continue;
        }
        let known = LEVELS.join(", ");
        return Err(match (closest(&level, LEVELS), module) {
            (Some(meant), _) => format!("unknown level `{level}`, did you mean `{meant}`?"),
            (None, Some(_)) => format!("unknown level `{level}`; known are {known}"),
            (None, None) => format!(
                "unknown level or module `{level}`; levels are {known}, modules begin with stonechat"
            ),
        });
    }
    Ok(())
}

/// Bytes, as [`size`], where nothing may be said too.
pub(super) fn some_size<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<u64>, D::Error> {
    size(deserializer).map(|bytes| Some(bytes as u64))
}

/// How old something may become, in milliseconds: `"90 days"`, `"12h"`; `0` for not at all.
pub(super) fn age<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    let value = Value::deserialize(deserializer)?;
    let in_ms =
        |span: Span| span.total((Unit::Millisecond, SpanRelativeTo::days_are_24_hours())).ok();
    let age_ms = match &value {
        Value::Integer(0) => Some(0.0),
        Value::String(text) if text == "0" => Some(0.0),
        Value::String(text) => text.parse::<Span>().ok().and_then(in_ms),
        _ => None,
    };
    let age_ms = age_ms.filter(|ms| (0.0..=OLDEST_MS).contains(ms));
    let what = "time; write \"90 days\", \"12h\", or 0 for not at all";
    age_ms.map(|ms| Some(ms as i64)).ok_or_else(|| not_a(&value, what))
}

/// A thousand years.
const OLDEST_MS: f64 = 1000.0 * 365.0 * 86_400_000.0;

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

/// Whether users may stay without a connection.
pub(super) fn always_on<'de, D: Deserializer<'de>>(deserializer: D) -> Result<AlwaysOn, D::Error> {
    let value = Value::deserialize(deserializer)?;
    match value.as_str() {
        Some("off") => Ok(AlwaysOn::Off),
        Some("offered") => Ok(AlwaysOn::Offered),
        Some("default") => Ok(AlwaysOn::Default),
        _ => Err(not_a(&value, "way to stay; write \"off\", \"offered\" or \"default\"")),
    }
}

fn not_a<E: Error>(value: &Value, what: &str) -> E {
    match value.as_str() {
        Some(text) => E::custom(format!("`{text}` is not a {what}")),
        None => E::custom(format!("`{value}` is not a {what}")),
    }
}
