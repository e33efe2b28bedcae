//! Speaking for somebody else: RELAYMSG for bridges, NPC, NPCA and SCENE for roleplay.
//! draft/relaymsg as Ergo has it; roleplay as InspIRCd and Ergo have it.

use super::voice::Voice;
use super::{By, Chat};
use crate::wire::irc::Message;

impl Chat {
    /// `RELAYMSG channel nick text`.
    pub(super) fn relaymsg(&mut self, _voice: &mut Voice, _by: By, _message: &Message) {}

    /// `NPC channel name text`.
    pub(super) fn npc(&mut self, _voice: &mut Voice, _by: By, _message: &Message) {}

    /// `SCENE channel text`.
    pub(super) fn scene(&mut self, _voice: &mut Voice, _by: By, _message: &Message) {}
}
