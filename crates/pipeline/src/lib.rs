//! PUSH and PULL sockets: work handed out to, and collected from, many peers (RFC 30).
//!
//! Both are plain state machines over the contract of [`ferromq_core::Pattern`]; what waits, writes
//! and reads is the core.

#![forbid(unsafe_code)]

mod pull;
mod push;

pub use pull::{Pull, PullPattern};
pub use push::{Push, PushPattern};
