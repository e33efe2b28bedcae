//! The filter of the log, as people write it.

use crate::setting::{self, closest};
use serde::Deserializer;

/// A filter of env_logger, which takes a level's name written wrong for that of a module.
pub(super) fn log_filter<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    setting::text(deserializer, |filter| check_log_filter(filter).map(|()| filter.to_owned()))
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
