//! Sockets over networks that lose, cut and move: the program behind `cargo xtask netns`.
//!
//! ```text
//!   namespace a ── veth ── bridge in namespace s ── veth ── namespace b
//!    this program,           cables are pulled,           this program,
//!    as a child              packets dropped              as a child
//! ```
//!
//! Each scene makes three network namespaces and removes them. A cable is pulled at the bridge, so
//! that who is at its other end is told nothing. Needs root, `ip` and `tc`; without them it ends
//! with [`NOT_ALLOWED`] and says why.

#![forbid(unsafe_code)]

mod child;
mod inside;
mod lab;
mod scenes;

use std::io::Write;
use std::process::ExitCode;

/// What something fails with: a text for people.
pub(crate) type Outcome<T = ()> = Result<T, String>;

/// Namespaces are not allowed here, or a program is missing.
const NOT_ALLOWED: u8 = 77;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if let ["inside", way, endpoint] = words[..] {
        return code(inside::run(way, endpoint));
    }
    if let Err(why) = lab::check() {
        complain(&why);
        return ExitCode::from(NOT_ALLOWED);
    }
    code(scenes::run(&words))
}

fn code(outcome: Outcome) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            complain(&problem);
            ExitCode::FAILURE
        }
    }
}

fn complain(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Prints a line; that nobody reads it any more is no problem of ours.
pub(crate) fn say(text: &str) {
    let mut stdout = std::io::stdout().lock();
    let _ = writeln!(stdout, "{text}");
    let _ = stdout.flush();
}
