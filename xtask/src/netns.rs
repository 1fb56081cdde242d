//! `cargo xtask netns`: real networks that lose, delay, cut and move, in network namespaces, by the
//! package `netns`.

use std::path::Path;
use std::process::Command;

use crate::step::{cargo, run as run_command};
use crate::verify::Verdict;
use crate::{Outcome, target};

/// What the program ends with where namespaces are not allowed; it has printed why.
const NOT_ALLOWED: i32 = 77;

/// Runs all scenes, or the named ones. Not being allowed to is a failure.
pub(crate) fn run(root: &Path, arguments: &[&str]) -> Outcome {
    match go(root, arguments)? {
        Verdict::Fine => Ok(()),
        Verdict::Unchecked(why) => Err(why),
    }
}

/// All scenes, as a step of others.
pub(crate) fn verify(root: &Path) -> Outcome<Verdict> {
    go(root, &[])
}

fn go(root: &Path, arguments: &[&str]) -> Outcome<Verdict> {
    let build = ["build", "--locked", "-p", "ferromq-netns"];
    run_command(&mut cargo(root, &build))?;
    let mut program = Command::new(target(root).join("debug/ferromq-netns"));
    let output = program.args(arguments).stderr(std::process::Stdio::piped());
    let status = output.stdout(std::process::Stdio::inherit()).output();
    let status = status.map_err(|error| format!("{program:?}: {error}"))?;
    let said = String::from_utf8_lossy(&status.stderr).trim().to_owned();
    match status.status.code() {
        Some(0) => Ok(Verdict::Fine),
        Some(NOT_ALLOWED) => Ok(Verdict::Unchecked(said)),
        _ => Err(format!("{}: {said}", status.status)),
    }
}
