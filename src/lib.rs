//! stonechat: one lean daemon through which people and devices talk.
//!
//! The layers, lowest first; each may use only those above it in this list (`tests/layers.rs`
//! checks it):
//!
//! * [`wire`]: bytes ⇄ meaning. Pure functions and small parsers: no I/O, no clock.
//! * [`far`]: a bounded queue to a thread, and back.
//! * [`rate`]: rate limits: leaky buckets, and pauses before retries.
//! * [`setting`]: the parts that the settings of every module are made of.
//! * [`net`]: connections. The outbox, the event loop, admission, and the reactor that knows
//!   sockets; no protocol.
//! * [`auth`]: passwords, and the exchanges that prove one.
//! * [`store`]: storage. Requests and replies in a queue; a database behind it.
//! * [`echo`], [`chat`], [`web`], and in time telemetry: the services. Each is a state machine that is
//!   handed bytes and an outbox; none knows another.
//! * [`tls`]: certificates and their files.
//! * [`app`]: which service answers on which listener.
//! * [`config`], [`metrics`]: the settings, and the metrics.
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
pub mod web;
pub mod wire;
