//! stonechat: one lean daemon through which people and devices talk.
//!
//! The layers, lowest first; each may use only those above it in this list (`tests/layers.rs`
//! holds us to it):
//!
//! * [`wire`]: bytes ⇄ meaning. Pure functions and small parsers: no I/O, no clock.
//! * [`far`]: a bounded queue to a thread, and back.
//! * [`rate`]: how often something may be done: buckets, and pauses before trying again.
//! * [`setting`]: what the settings of every module are made of.
//! * [`net`]: connections. The outbox, the event loop, admission, and the reactor that knows
//!   sockets; not what is said over them.
//! * [`auth`]: who somebody is. Passwords, and the exchanges that prove one is known.
//! * [`store`]: what outlives the process. Requests and replies in a queue; a database behind it.
//! * [`echo`], [`chat`], and in time telemetry, web: the services. Each is a state machine that is
//!   handed bytes and an outbox; none knows another.
//! * [`tls`]: certificates, their files, and what else TLS is done with.
//! * [`app`]: which service answers on which listener.
//! * [`config`], [`metrics`]: what the operator says, and what the operator is told.
//! * [`client`]: the terminal client.
//!
//! The programs in `bin/` hold arguments, listeners, signals, and nothing else.

#![warn(missing_docs)]

pub mod app;
pub mod auth;
pub mod chat;
pub mod client;
pub mod config;
pub mod echo;
pub mod far;
pub mod metrics;
pub mod net;
pub mod rate;
pub mod setting;
pub mod store;
pub mod tls;
pub mod wire;
