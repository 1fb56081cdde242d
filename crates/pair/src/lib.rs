//! PAIR sockets: two peers, exclusively, both ways (RFC 31).
//!
//! A plain state machine over the contract of [`ferromq_core::Pattern`]; what waits, writes and
//! reads is the core.

#![forbid(unsafe_code)]

mod pair;

pub use pair::{Pair, PairPattern};
