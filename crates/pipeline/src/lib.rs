//! PUSH and PULL sockets: work handed out to, and collected from, many peers (RFC 30).
//!
//! Both are plain state machines over the contract of [`ferromq_core::Pattern`]; what waits, writes
//! and reads is the core.

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

mod pull;
mod push;

pub use pull::{Pull, PullPattern};
pub use push::{Push, PushPattern};
