//! AWAY of one connection.

use crate::chat::state::services::written_time;

/// What a connection has said with AWAY.
pub struct Away {
    /// Nothing for `*`: nobody is there, and there is nothing to say about it. IRCv3 pre-away.
    pub text: Option<Box<str>>,
    /// When, in milliseconds of uptime: of several connections the last one's text is told.
    pub said_ms: u64,
}

/// How the text begins of an always-on user without a connection.
pub(crate) const AUTO_AWAY: &str = "Auto-away: left at ";

/// What is told of who has left at `at`, in seconds since 1970.
pub(crate) fn auto_away(at: u64) -> Box<str> {
    format!("{AUTO_AWAY}{}", written_time(at)).into()
}
