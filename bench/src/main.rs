//! Measures FerroMQ against the bare sockets underneath, in one run: `cargo xtask bench`.
//!
//! Pinning and the clocks of the processors are Linux's; elsewhere there is nothing to run.

#![forbid(unsafe_code)]
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for people"
)]

#[cfg(target_os = "linux")]
mod harness;

use std::process::ExitCode;

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match harness::run(&arguments) {
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
