//! Operators of the server: OPER and rights, server bans, acts on other users, figures, the audit
//! log and programs.

pub(crate) mod audit;
pub(crate) mod defcon;
pub(crate) mod operators;
pub(crate) mod refusals;
pub(crate) mod rights;
pub(crate) mod run;
pub(crate) mod sa;
pub(crate) mod server_bans;
pub(crate) mod stats;
pub(crate) mod uban;
