//! STATS.

use super::numeric::*;
use super::voice::Voice;
use super::{By, Chat};
use crate::wire::irc::Message;

impl Chat {
    /// `STATS [query]`. Modern IRC, "STATS message".
    pub(super) fn stats(&mut self, voice: &mut Voice, by: By, message: &Message) {
        let query = message.params.first().copied().unwrap_or("*");
        self.numeric(voice, by.conn, RPL_ENDOFSTATS, &[query]);
    }
}
