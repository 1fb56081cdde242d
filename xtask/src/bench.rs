//! `cargo xtask bench`: builds the measuring program and the opponents that are asked for,
//! optimised, and runs it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::step::{cargo, run as run_command};
use crate::{Outcome, python, target};

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
    if against == "libzmq" || against == "all" {
        build_secured(root, &rivals)?;
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

/// Builds libzmq's rival once more, with the library in pyzmq's wheel: the vendored one has no
/// CURVE, neither with libsodium nor with tweetnacl.
fn build_secured(root: &Path, directory: &Path) -> Outcome {
    let Some((library, host)) = wheel(root)?.zip(host()) else {
        println!("no libzmq with libsodium: CURVE is measured without it");
        return Ok(());
    };
    let (place, name) = (library.parent(), library.file_name());
    let (Some(place), Some(name)) = (place, name) else {
        return Err(format!("{}: no library", library.display()));
    };
    let setting = |key: &str, value: String| format!("target.{host}.zmq.{key}=[{value:?}]");
    let mut command = cargo(&root.join("bench/rivals"), &["rustc", "--release"]);
    command.args(["--package", "rival-libzmq"]);
    let search = format!("native={}", place.display());
    command.args(["--config", &setting("rustc-link-search", search)]);
    let link = format!("dylib:+verbatim={}", name.display());
    command.args(["--config", &setting("rustc-link-lib", link)]);
    command.env("CARGO_TARGET_DIR", directory.join("secured"));
    // Where the library is found when the program runs.
    command.args(["--", &format!("-Clink-arg=-Wl,-rpath,{}", place.display())]);
    run_command(&mut command)
}

/// The library in the wheel of the Python that has the packages of others.
fn wheel(root: &Path) -> Outcome<Option<PathBuf>> {
    let python = python::environment(root)?;
    let Some(environment) = python.parent().and_then(Path::parent) else {
        return Ok(None);
    };
    let is_library = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("libzmq") && name.contains(".so")
    };
    let entries = |place: PathBuf| fs::read_dir(place).into_iter().flatten().flatten();
    for version in entries(environment.join("lib")) {
        let files = entries(version.path().join("site-packages/pyzmq.libs"));
        if let Some(found) = files.map(|file| file.path()).find(is_library) {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// The name of the system that programs are built for.
fn host() -> Option<String> {
    let output = Command::new("rustc").arg("-vV").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("host: "))?;
    Some(line.to_owned())
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
