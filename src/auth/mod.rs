//! Who somebody is: what is kept of passwords, and the exchanges that prove one is known.
//!
//! Nothing here knows a connection or a user. Bytes come in and bytes or a verdict go out; only
//! what takes long, hashing, is a queue with a thread at its far end.

pub mod attempts;
pub mod chunks;
pub mod decoys;
pub mod invitation;
pub mod password;
pub mod plain;
pub mod scram;
pub mod skeleton;
pub mod verifier;
pub mod worker;
