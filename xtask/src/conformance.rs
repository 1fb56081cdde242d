//! `cargo xtask conformance`: which requirements of the specifications are met, shown one by one.
//!
//! The package `conformance` does it; here it is built, and given the place of its page, and a
//! Python and JeroMQ's archive for the peers of others.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::step::{cargo, run as run_command};
use crate::{Outcome, jeromq, python, target};

/// Runs the suites that the arguments ask for.
pub(crate) fn run(root: &Path, arguments: &[&str]) -> Outcome {
    let page = target(root).join("conformance").join("index.html");
    // Where examples are built, what tests depend on is chosen as in `cargo test`: this compiles
    // little where tests have run.
    let build = [
        "build",
        "--quiet",
        "--locked",
        "--workspace",
        "--examples",
        "--bin",
        "ferromq-conformance",
    ];
    run_command(&mut cargo(root, &build))?;
    let mut command = Command::new(target(root).join("debug/ferromq-conformance"));
    command.current_dir(root).stdin(Stdio::null());
    if needs(arguments, &["pyzmq", "pyomq"]) {
        command.arg("--python").arg(python::environment(root)?);
    }
    if needs(arguments, &["jeromq"])
        && let Some(archive) = jeromq::archive()?
    {
        command.args(["--jeromq", archive]);
    }
    run_command(command.args(arguments).arg("--report").arg(page))
}

/// False if none of these peers is asked for.
fn needs(arguments: &[&str], these: &[&str]) -> bool {
    if ["--help", "--list", "--against", "--models"]
        .iter()
        .any(|option| arguments.contains(option))
    {
        return false;
    }
    let peers = arguments.windows(2).filter(|pair| pair[0] == "--peer");
    let mut peers = peers.map(|pair| pair[1]).peekable();
    peers.peek().is_none() || peers.any(|peer| these.contains(&peer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn python_is_needed_for_foreign_peers_alone() {
        for (arguments, needed) in [
            (&[][..], true),
            (&["--spec", "30"], true),
            (&["--peer", "raw"], false),
            (&["--peer", "jeromq"], false),
            (&["--peer", "raw", "--peer", "pyzmq"], true),
            (&["--list"], false),
            (&["--models", "9"], false),
            (&["--differential", "9"], true),
            (&["--against", "tcp://127.0.0.1:1", "--type", "REP"], false),
        ] {
            let python = ["pyzmq", "pyomq"];
            assert_eq!(needs(arguments, &python), needed, "{arguments:?}");
        }
    }
}
