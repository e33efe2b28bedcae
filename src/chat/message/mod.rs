//! Messages and their history: PRIVMSG and its kin, multiline, redaction, storage and playback.
//! [`say`] is the one way in which a message is sent.

pub(crate) mod chathistory;
pub(crate) mod client_tags;
pub(crate) mod events;
pub(crate) mod history_answer;
pub(crate) mod markread;
pub(crate) mod multiline;
pub(crate) mod playback;
pub(crate) mod privmsg;
pub(crate) mod receipts;
pub(crate) mod redact;
pub(crate) mod relay;
pub(crate) mod returning;
pub(crate) mod say;
pub(crate) mod search;
pub(crate) mod znc_playback;
