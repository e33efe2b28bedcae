//! Authentication: verifiers of passwords, and the exchanges that prove one.
//!
//! Nothing here knows a connection or a user. Bytes come in, and bytes or a verdict go out. Only
//! hashing takes long; it is a queue with a thread at its far end.

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
