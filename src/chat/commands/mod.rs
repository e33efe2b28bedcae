//! What can be said to the server: one file for each group of commands, all of them methods of
//! [`crate::chat::Chat`]. [`table`] lists them.

pub(crate) mod authenticate;
mod away;
mod cap;
pub(crate) mod chanserv;
mod help;
mod isupport;
mod join;
mod kick;
pub(crate) mod list;
pub(crate) mod long_answer;
pub(crate) mod message;
pub(crate) mod metadata_command;
pub(crate) mod metadata_sync;
pub(crate) mod metadata_trouble;
mod mode;
mod monitor;
pub(crate) mod multiline;
mod names;
pub(crate) mod nickserv;
pub(crate) mod oper;
pub(crate) mod redact;
mod register;
pub(crate) mod registration;
mod relay;
mod rename;
mod server;
pub(crate) mod stats;
pub(crate) mod table;
mod topic;
mod user_mode;
mod welcome;
pub(crate) mod who;
pub(crate) mod whois;
