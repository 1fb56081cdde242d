//! `cargo xtask bench`: builds the measuring program, optimised, and runs it.

use std::path::Path;
use std::process::Command;

use crate::step::{cargo, run as run_command};
use crate::{Outcome, target};

/// Builds and runs it; the arguments are its own. The JSON goes under `bench` in the target
/// directory.
pub(crate) fn run(root: &Path, arguments: &[&str]) -> Outcome {
    let build = ["build", "--release", "--package", "ferromq-bench"];
    run_command(&mut cargo(root, &build))?;
    let directory = target(root);
    let mut program = Command::new(directory.join("release").join("ferromq-bench"));
    program.arg("--out").arg(directory.join("bench"));
    run_command(program.args(arguments).current_dir(root))
}
