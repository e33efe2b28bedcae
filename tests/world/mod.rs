//! A world without sockets or clocks: pipes that tear, stall and are cut, time that jumps, and one
//! source of choices that decides everything.
//!
//! Shared by the tests and the fuzz targets; none uses all of it.
#![allow(dead_code)]

pub mod by_hand;
pub mod chat;
pub mod choices;
pub mod client_end;
pub mod disk;
pub mod door;
pub mod far_server;
pub mod framed;
pub mod pipe;
pub mod room;
pub mod services;
pub mod simulator;
pub mod tls_client;
pub mod transcript;

pub use choices::Choices;
pub use client_end::{ClientEnd, News};
pub use pipe::{ServerEnd, Wire};
