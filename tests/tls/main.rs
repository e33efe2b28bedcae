//! TLS over pipes, with rustls itself at the far end: handshakes and their failures, records torn
//! anywhere, certificates and their files.

mod certificates;
mod far;
mod handshake;
mod outgoing;
mod proxied;
mod traffic;
#[path = "../world/mod.rs"]
mod world;
