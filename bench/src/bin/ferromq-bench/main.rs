//! Measures FerroMQ against other implementations and bare sockets, in one run:
//! `cargo xtask bench`.
//!
//! - `options`: what is asked for; `plan`: which cells that means; `targets`: what is aimed at;
//! - `subject`: who is measured; `ferromq` and `raw` are in this program, rivals in their own;
//! - `rounds`: every cell once a round, all subjects one right after the other; `runs`: one run;
//! - `report`: medians, ratios, tables, JSON, charts.
//!
//! Ratios are taken within a round, then their median: on virtual machines everything that crosses
//! cores changes fourfold over minutes, and only what was measured side by side can be compared.
//!
//! Pinning and the clocks of the processors are Linux's; elsewhere there is nothing to run.

#![forbid(unsafe_code)]
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for people"
)]

#[cfg(target_os = "linux")]
mod options;
#[cfg(target_os = "linux")]
mod plan;
#[cfg(target_os = "linux")]
mod report;
#[cfg(target_os = "linux")]
mod rounds;
#[cfg(target_os = "linux")]
mod runs;
#[cfg(target_os = "linux")]
mod subject;
#[cfg(target_os = "linux")]
mod targets;

use std::process::ExitCode;

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [name, rest @ ..] = &arguments[..]
        && let Some(serve) = subject::own(name)
    {
        return serve(rest);
    }
    match rounds::run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("bench: {problem}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    println!("there is nothing to measure on this system yet: pinning needs Linux");
    eprintln!("bench: needs Linux");
    ExitCode::FAILURE
}
