//! Connections, from the first line to QUIT: registration, capabilities, the welcome, flood limits
//! and queries about the server.

pub(crate) mod cap;
pub(crate) mod flood;
pub(crate) mod isupport;
pub(crate) mod offers;
pub(crate) mod registration;
pub(crate) mod server;
pub(crate) mod webirc;
pub(crate) mod welcome;
