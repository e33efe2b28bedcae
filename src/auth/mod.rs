//! Who somebody is: what is kept of passwords, and the exchanges that prove one is known.
//!
//! Nothing here knows a connection or a user. Bytes come in and bytes or a verdict go out.

pub mod verifier;
