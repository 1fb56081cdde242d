//! What FerroMQ does with arbitrary bytes, as ordinary functions: one body for each parser, for
//! mechanisms, for whole connections of each mechanism and version, for endpoints, and for
//! sequences of operations.
//!
//! `cargo test -p ferromq-fuzz` runs them over `corpus/`; `cargo xtask fuzz` has libFuzzer look for
//! more. A body panics if it has found something: nothing else does.

#![forbid(unsafe_code)]

mod connection;
mod conversation;
mod handshake;
mod hidden;
mod input;
mod mechanism;
mod operations;
pub mod seeds;
mod text;
mod traffic;

pub use input::Input;

/// What is done with one input.
pub type Body = fn(&[u8]);

/// Every body by its name, which is also that of its corpus.
pub const TARGETS: &[(&str, Body)] = &[
    ("connection", connection::run),
    ("conversation", conversation::run),
    ("endpoint", text::endpoint),
    ("handshake", handshake::run),
    ("heartbeat", operations::heartbeat),
    ("key", text::key),
    ("mechanism", mechanism::run),
    ("message", operations::message),
    ("metadata", text::metadata),
    ("sockets", operations::sockets),
    ("traffic", traffic::run),
];

/// The body with this name.
pub fn body(name: &str) -> Option<Body> {
    let found = TARGETS.iter().find(|(target, _)| *target == name);
    found.map(|(_, body)| *body)
}
