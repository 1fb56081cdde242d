//! Steps of a longer command: each is named, timed, and stops the rest when it fails.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::{Outcome, target};

/// Runs a step and prints how long it took.
pub(crate) fn step(name: &str, work: impl FnOnce() -> Outcome) -> Outcome {
    println!("==> {name}");
    let start = Instant::now();
    let outcome = work();
    let seconds = start.elapsed().as_secs_f64();
    match &outcome {
        Ok(()) => println!("==> {name}: ok, {seconds:.1} s"),
        Err(problem) => println!("==> {name}: FAILED after {seconds:.1} s: {problem}"),
    }
    outcome.map_err(|problem| format!("{name}: {problem}"))
}

/// A call of the cargo that runs this.
pub(crate) fn cargo(root: &Path, arguments: &[&str]) -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    command
        .args(arguments)
        .current_dir(root)
        .stdin(Stdio::null());
    command
}

/// What runs in the profile `stress`: optimised, with debug assertions.
const OPTIMISED: [&str; 2] = ["ferromq-sim", "ferromq-stress"];

/// One of the [`OPTIMISED`], which are built together: with features of their own each would have
/// an engine of its own.
pub(crate) fn optimised(root: &Path, program: &str) -> Outcome<PathBuf> {
    let mut build = cargo(root, &["build", "--profile", "stress", "--locked"]);
    for package in OPTIMISED {
        build.args(["--package", package]);
    }
    run(&mut build)?;
    Ok(target(root).join("stress").join(program))
}

/// Runs a command to its end; its output goes where ours goes.
pub(crate) fn run(command: &mut Command) -> Outcome {
    let status = command
        .status()
        .map_err(|error| format!("{command:?}: {error}"))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("{command:?}: {status}"))
    }
}

/// Runs a command and returns what it prints.
pub(crate) fn output(command: &mut Command) -> Outcome<String> {
    command.stderr(Stdio::inherit());
    let output = command
        .output()
        .map_err(|error| format!("{command:?}: {error}"))?;
    if !output.status.success() {
        return Err(format!("{command:?}: {}", output.status));
    }
    String::from_utf8(output.stdout).map_err(|_| format!("{command:?}: output is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failing_step_reports_its_name() {
        let outcome = step("lint", || Err("2 warnings".to_owned()));
        assert_eq!(outcome, Err("lint: 2 warnings".to_owned()));
    }

    #[test]
    fn failing_command_is_an_error() {
        assert!(run(&mut Command::new("false")).is_err());
        assert!(run(&mut Command::new("no-such-program")).is_err());
        assert_eq!(output(Command::new("echo").arg("a")), Ok("a\n".to_owned()));
    }
}
