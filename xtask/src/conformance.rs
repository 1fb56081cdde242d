//! `cargo xtask conformance`: which requirements of the specifications are met, shown one by one.
//!
//! The package `conformance` does it; here it is built and given the place of its page.

use std::path::Path;

use crate::step::{cargo, run as run_command};
use crate::{Outcome, target};

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
    run_command(command.args(arguments).arg("--report").arg(page))
}
