//! What FerroMQ's tests are made of; not published.
//!
//! - [`sim`]: a simulated world (clock, scheduler, network, names) in which whole sockets run on
//!   one thread, with the same trace for the same seed;
//! - [`mock`]: a scripted raw ZMTP peer and builders of frames, with an encoding of their own, so
//!   that they find the faults of `ferromq-wire`;
//! - [`driven`]: patterns driven by hand, without socket and network;
//! - [`watchdog`]: a deadline for tests that can block, after which the state is printed and the
//!   process aborted.

#![forbid(unsafe_code)]

use std::io::Write;

pub mod driven;
pub mod mock;
pub mod sim;
pub mod watchdog;

pub use mock::{MockPeer, OlderPeer, OlderVersion, Pair, check_decode, frames};
pub use sim::SimWorld;

/// Writes a line to standard error itself, past the capturing of the test harness: what is said
/// here must be seen even if the process is about to abort.
fn say(text: &str) {
    let mut stderr = std::io::stderr().lock();
    let _ = writeln!(stderr, "{text}");
    let _ = stderr.flush();
}
