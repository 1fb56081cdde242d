//! REQ, REP, DEALER and ROUTER sockets: requests and their replies (RFC 28).
//!
//! All are plain state machines over the contract of [`ferromq_core::Pattern`]; what waits, writes
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

mod dealer;
mod rep;
mod req;
mod router;

pub use dealer::{Dealer, DealerOptions, DealerPattern};
pub use rep::{Rep, RepPattern};
pub use req::{Req, ReqOptions, ReqPattern, ReqSettings};
pub use router::{Router, RouterOptions, RouterPattern, RouterSettings};
