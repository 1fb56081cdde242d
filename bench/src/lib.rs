//! What each opponent of a measurement is built from: the workloads, written once over the trait
//! [`Opponent`], and the program that runs one of them.
//!
//! - [`opponent`]: what an implementation must be able to do; [`serve`] is its whole `main`;
//! - [`cell`]: what is measured: a workload, a transport, a size and a placement;
//! - `work`: how, one workload per file; `runner`: the two sides as threads or processes;
//! - `side` (with `meter` and `stage`) and `link`: what a side is made of, and how the two agree on
//!   when what begins;
//! - [`sample`]: what has been measured; `payload`: messages, and their check; `machine`.
//!
//! A run is a process of its own (or two), so that none inherits another's memory or threads. The
//! program `ferromq-bench` starts them in turn and compares; the packages under `rivals` are the
//! implementations of others.

#![cfg(target_os = "linux")]
#![forbid(unsafe_code)]

pub mod cell;
mod link;
pub mod machine;
mod meter;
pub mod opponent;
mod payload;
mod runner;
pub mod sample;
mod side;
mod stage;
mod work;

pub use opponent::{Kind, Marks, Opponent, Proxy, Setup, Socket};
pub use runner::{Report, Task, run, serve};

/// What goes wrong ends the run, as a text.
pub type Outcome<T = ()> = Result<T, Box<dyn std::error::Error + Send + Sync>>;
