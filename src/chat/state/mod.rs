//! State of chat: users, channels, sessions and bans as plain values with methods of their own.
//! Nothing here can send a line; code that replies is in the other folders.

pub(crate) mod away;
pub(crate) mod ban;
pub(crate) mod caps;
pub(crate) mod channel_record;
pub(crate) mod channels;
pub(crate) mod cloak;
pub(crate) mod defcon;
pub(crate) mod ids;
pub(crate) mod login;
pub(crate) mod markers;
pub(crate) mod message;
pub(crate) mod metadata;
pub(crate) mod mode_change;
pub(crate) mod open_batch;
pub(crate) mod pending;
pub(crate) mod queries;
pub(crate) mod ranks;
pub(crate) mod redactable;
pub(crate) mod registration;
pub(crate) mod right;
pub(crate) mod sasl;
pub(crate) mod save_state;
pub(crate) mod server_bans;
pub(crate) mod services;
pub(crate) mod sessions;
pub(crate) mod users;
pub(crate) mod watchers;
pub(crate) mod whowas;
