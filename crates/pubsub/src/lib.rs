//! PUB, SUB, XPUB and XSUB sockets: messages to everybody who subscribed (RFC 29).
//!
//! All are plain state machines over the contract of [`ferromq_core::Pattern`]; what waits, writes
//! and reads is the core. A topic is the beginning of a message's first part, compared as bytes.
//!
//! ```text
//!   PUB  = Publisher                    Publisher  = Index (who subscribed to what) + fan-out
//!   XPUB = Publisher + reports          Subscriber = Topics (what we subscribed to) + fair queue
//!   SUB  = Subscriber + filter                         + all publishers
//!   XSUB = Subscriber + fan-out         Index, Topics = Trie, a compressed prefix tree in an Arena
//! ```

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

mod r#pub;
mod sub;
mod xpub;
mod xsub;

mod arena;
mod index;
mod options;
mod publisher;
mod request;
mod subscriber;
mod topics;
mod trie;

#[cfg(test)]
mod fixtures;

pub use options::PubOptions;
pub use r#pub::{Pub, PubPattern};
pub use publisher::{PublisherSettings, SlowSubscriber};
pub use sub::{Sub, SubOptions, SubPattern, SubSettings};
pub use subscriber::{NotSubscribed, UnsubscribeError};
pub use xpub::{AnswerError, Xpub, XpubOptions, XpubPattern, XpubSettings};
pub use xsub::{Xsub, XsubOptions, XsubPattern, XsubSettings};
