//! The AWAY state of one connection.

use crate::chat::state::services::written_time;

/// The AWAY state that a connection has set.
pub struct Away {
    /// The away message. `None` for `AWAY *`: absent without a message. IRCv3 pre-away.
    pub text: Option<Box<str>>,
    /// When AWAY was set, in milliseconds of uptime. Of several connections, the latest text is
    /// shown.
    pub said_ms: u64,
}

/// The away text if none was given.
pub(crate) const NO_TEXT: &str = "Away";

/// The beginning of the away text of an always-on user without a connection.
pub(crate) const AUTO_AWAY: &str = "Auto-away: left at ";

/// The away text of a user who left at `at`, in seconds since 1970.
pub(crate) fn auto_away(at: u64) -> Box<str> {
    format!("{AUTO_AWAY}{}", written_time(at)).into()
}
