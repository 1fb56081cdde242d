//! PAIR sockets: two peers, exclusively, both ways (RFC 31).
//!
//! A plain state machine over the contract of [`ferromq_core::Pattern`]; what waits, writes and
//! reads is the core.

#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    warn(
        clippy::expect_used,
        clippy::get_unwrap,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::string_slice,
        clippy::unimplemented,
        clippy::unreachable
    )
)]

mod pair;

pub use pair::{Pair, PairPattern};
