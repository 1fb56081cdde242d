//! `cargo xtask bench`: builds the measuring program and the opponents that are asked for,
//! optimised, and runs it.

use std::path::Path;
use std::process::Command;

use crate::step::{cargo, run as run_command};
use crate::{Outcome, target};

/// The packages of the workspace in `bench/rivals`, without `rival-`.
const RIVALS: [&str; 5] = ["libzmq", "omq", "monocoque", "rzmq", "zeromq"];

/// Builds and runs it; the arguments are its own. What it writes goes under `bench` in the target
/// directory.
pub(crate) fn run(root: &Path, arguments: &[&str]) -> Outcome {
    let build = ["build", "--release", "--package", "ferromq-bench"];
    run_command(&mut cargo(root, &build))?;
    let directory = target(root);
    let rivals = directory.join("rivals");
    let against = against(arguments);
    for rival in RIVALS
        .iter()
        .filter(|&&rival| against == rival || against == "all")
    {
        let built = build_rival(root, &rivals, rival);
        match built {
            // One that does not build here does not keep the others from being measured.
            Err(problem) if against == "all" => println!("{rival}: {problem}"),
            built => built?,
        }
    }
    let mut program = Command::new(directory.join("release").join("ferromq-bench"));
    program.arg("--out").arg(directory.join("bench"));
    program.arg("--rivals").arg(rivals.join("release"));
    run_command(program.args(arguments).current_dir(root))
}

/// Builds it where its workspace has its settings.
fn build_rival(root: &Path, directory: &Path, name: &str) -> Outcome {
    let package = format!("rival-{name}");
    let build = ["build", "--release", "--package", &package];
    let mut command = cargo(&root.join("bench/rivals"), &build);
    run_command(command.env("CARGO_TARGET_DIR", directory))
}

/// Whom the measuring program will look for: nobody if it only shows or reports something.
fn against<'a>(arguments: &[&'a str]) -> &'a str {
    let idle = ["--help", "--list", "--report"];
    if arguments.iter().any(|word| idle.contains(word)) {
        return "none";
    }
    let named = arguments.windows(2).rfind(|pair| pair[0] == "--against");
    named.map_or("libzmq", |pair| pair[1])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opponents_are_built_if_they_are_measured() {
        assert_eq!(against(&[]), "libzmq");
        assert_eq!(against(&["--quick", "--against", "raw"]), "raw");
        assert_eq!(against(&["--against", "all", "--list"]), "none");
    }
}
