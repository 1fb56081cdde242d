//! `cargo xtask conformance`: which requirements of the specifications are met, shown one by one.
//!
//! The package `conformance` does it; here it is built, and given the place of its page and a
//! Python for the peers of others.

use std::path::Path;

use crate::step::{cargo, run as run_command};
use crate::{Outcome, python, target};

/// Runs the suites that the arguments ask for.
pub(crate) fn run(root: &Path, arguments: &[&str]) -> Outcome {
    let page = target(root).join("conformance").join("index.html");
    let program = [
        "run",
        "--quiet",
        "--locked",
        "-p",
        "ferromq-conformance",
        "--",
    ];
    let mut command = cargo(root, &program);
    if needs_python(arguments) {
        command.arg("--python").arg(python::environment(root)?);
    }
    run_command(command.args(arguments).arg("--report").arg(page))
}

/// False if no foreign peer is asked for.
fn needs_python(arguments: &[&str]) -> bool {
    if ["--help", "--list", "--against"]
        .iter()
        .any(|option| arguments.contains(option))
    {
        return false;
    }
    let peers = arguments.windows(2).filter(|pair| pair[0] == "--peer");
    let mut peers = peers.map(|pair| pair[1]).peekable();
    peers.peek().is_none() || peers.any(|peer| !["raw", "ferromq"].contains(&peer))
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
            (&["--peer", "raw", "--peer", "pyzmq"], true),
            (&["--list"], false),
            (&["--against", "tcp://127.0.0.1:1", "--type", "REP"], false),
        ] {
            assert_eq!(needs_python(arguments), needed, "{arguments:?}");
        }
    }
}
