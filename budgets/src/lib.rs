//! What a message may cost, counted rather than timed: allocations, copies, system calls and
//! instructions of the hot paths, in the simulated world.
//!
//! The engine runs on one thread, and everything outside of its seam (`ferromq_core::world`) is
//! left out of the count: a regression of a few per cent is seen, on any machine, however busy.
//!
//! - [`Scenario`]: the hot paths, each warmed up and then run for so many messages;
//! - [`seam`]: a world around the simulated one that counts what crosses the seam, and that
//!   switches counting off outside;
//! - [`meter`]: the counters, and a counting allocator.
//!
//! `tests/budgets.rs` has the budgets of all but instructions. These are counted by callgrind in
//! the program of this package, under `cargo xtask budget`, and are in `instructions.txt`.

pub mod meter;
pub mod scales;
mod scenario;
pub mod seam;

pub use scenario::{Course, Scenario, Shape};
