//! The services, whose names no user can have, and words that they share.

use crate::wire::casemap::same;
use crate::wire::irc::time::write_time;

/// The service for accounts.
pub(crate) const NICKSERV: &str = "NickServ";

/// The service for registered channels.
pub(crate) const CHANSERV: &str = "ChanServ";

/// Bytes of an unknown word that an error repeats.
pub(crate) const SHOWN_MAX: usize = 30;

/// Whether `name` is that of a service.
pub(crate) fn is_service(name: &str) -> bool {
    [NICKSERV, CHANSERV].iter().any(|service| same(service, name))
}

/// The error for a word that is no command of `service`.
pub(crate) fn no_command(word: &str, service: &str) -> String {
    format!("{} is no command of {service}; HELP lists them.", shortened(word, SHOWN_MAX))
}

/// The longest beginning of `text` that has whole characters and at most `bytes_max` bytes.
pub(crate) fn shortened(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}

/// Seconds since 1970 in ISO 8601: `2026-11-30T20:05:03Z`.
pub(crate) fn written_time(at: u64) -> String {
    let mut text = Vec::new();
    write_time(&mut text, at.saturating_mul(1000));
    String::from_utf8_lossy(&text).replace(".000Z", "Z")
}
