//! Sizes and times as people write them.

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
    duration.ok_or_else(|| not_a(&value, "time; write \"15s\" or \"2 min\""))
}

fn not_a<E: Error>(value: &Value, what: &str) -> E {
    match value.as_str() {
        Some(text) => E::custom(format!("`{text}` is not a {what}")),
        None => E::custom(format!("`{value}` is not a {what}")),
    }
}
