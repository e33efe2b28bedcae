//! Parsing and writing of wire formats. Pure: no connections, no clock, no state beyond a cursor.

pub mod casemap;
pub mod http;
pub mod irc;
pub mod line;
pub mod mask;
pub mod printable;
pub mod proxy;
pub mod utf8;
pub mod websocket;
