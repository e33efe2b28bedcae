//! Users as others see them: WHO, WHOIS, AWAY, MONITOR, user modes and metadata.

pub(crate) mod away;
pub(crate) mod metadata_command;
pub(crate) mod metadata_sync;
pub(crate) mod metadata_trouble;
pub(crate) mod monitor;
pub(crate) mod user_mode;
pub(crate) mod who;
pub(crate) mod whois;
