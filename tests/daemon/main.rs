//! The real daemon as a process, on real sockets, as users, operators and a service manager see it.
//! It listens on loopback, on ports that the system chooses.

mod abuse;
mod account;
mod addresses;
mod bot;
mod commands;
mod conversation;
mod database;
mod durability;
mod limits;
mod operator;
mod process;
mod proxy;
mod requests;
mod service_manager;
mod signals;
mod start;
mod tls;
#[path = "../world/tls_client.rs"]
mod tls_client;
