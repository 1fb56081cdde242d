//! `cargo xtask ci`: everything that must pass, in the order in which failures are cheapest.
//!
//! One target directory and one set of flags for all steps, so that nothing is compiled twice.

use std::fs;
use std::path::Path;
use std::time::UNIX_EPOCH;

use crate::step::{cargo, run as run_command, step};
use crate::{Outcome, budget, conformance, interop, sim, stress, target, tidy, tree};

/// A step: its name, and what it does.
type Step = (&'static str, fn(&Path) -> Outcome);

const STEPS: &[Step] = &[
    ("fmt", |root| {
        let check = ["fmt", "--all", "--check"];
        run_command(&mut cargo(root, &check))?;
        // Opponents for measuring: a workspace of its own that nothing else here touches.
        run_command(&mut cargo(&root.join("bench/rivals"), &check))
    }),
    ("tidy", check_tidy),
    ("clippy", |root| {
        let lints = [
            "clippy",
            "--workspace",
            "--all-targets",
            "--locked",
            "--",
            "-D",
            "warnings",
        ];
        run_command(&mut cargo(root, &lints))
    }),
    ("test", |root| {
        run_command(&mut cargo(root, &["test", "--workspace", "--locked"]))
    }),
    ("modes", check_modes),
    ("loom", check_models),
    ("polling", check_polling),
    ("doc", |root| {
        let mut command = cargo(root, &["doc", "--workspace", "--no-deps", "--locked"]);
        run_command(command.env("RUSTDOCFLAGS", "-D warnings"))
    }),
    ("features", check_features),
    ("tree", tree::check),
    ("publish", check_publishing),
    ("budget", |root| budget::run(root, &[])),
    ("conformance", |root| conformance::run(root, &[])),
    ("sim", sim::run_briefly),
    ("stress", stress::run_briefly),
    ("interop", |root| interop::run(root, &[])),
];

/// The packages need each other and are not in the registry: cargo resolves them among themselves
/// when all are given at once, through a registry in the target directory. What it has unpacked and
/// compiled from such a one it takes for unchangeable, so each run has a directory of its own.
fn check_publishing(root: &Path) -> Outcome {
    let directory = target(root).join("publish");
    if directory.exists() {
        fs::remove_dir_all(&directory).map_err(|error| error.to_string())?;
    }
    let since = UNIX_EPOCH.elapsed().map_err(|error| error.to_string())?;
    let fresh = directory.join(since.as_millis().to_string());
    // `--allow-dirty`: for runs before a commit.
    let all = [
        "publish",
        "--workspace",
        "--dry-run",
        "--allow-dirty",
        "--locked",
    ];
    run_command(cargo(root, &all).arg("--target-dir").arg(fresh))
}

/// All libraries' tests once more, with callers that never, and that always, read and write
/// connections themselves. (Without the variable they adapt.) Tests read it when they run, and the
/// whole workspace has the features of the step `test`: nothing is compiled again.
fn check_modes(root: &Path) -> Outcome {
    // Long, and about connections, which are the same in all modes.
    let skipped = [
        "--",
        "--skip",
        "ten_thousand_hostile_connections",
        "--skip",
        "clients_of_a_restarted_server",
    ];
    for mode in ["never", "always"] {
        let tests = ["test", "--workspace", "--locked", "--lib", "--test", "*"];
        let mut command = cargo(root, &tests);
        command.args(skipped).env("FERROMQ_TUNING", mode);
        run_command(&mut command)?;
    }
    Ok(())
}

/// The models of the wake-up protocols, over the shipped code; flags and files of their own.
pub(crate) fn check_models(root: &Path) -> Outcome {
    let models = [
        "test",
        "-p",
        "ferromq-core",
        "--lib",
        "--release",
        "--locked",
        "loom_",
    ];
    let mut command = cargo(root, &models);
    command.env("RUSTFLAGS", "--cfg loom");
    run_command(command.env("CARGO_TARGET_DIR", root.join("target/loom")))
}

/// The world of the systems without epoll, on this one: the engine's tests, and whole sockets over
/// it; together, for the packages by themselves have other features, and would be compiled twice.
fn check_polling(root: &Path) -> Outcome {
    let tests = ["test", "--locked", "--lib", "--test", "*"];
    let mut command = cargo(root, &tests);
    command
        .args(["-p", "ferromq-core", "-p", "ferromq"])
        .env("RUSTFLAGS", "--cfg ferromq_polling -D warnings")
        .env("CARGO_TARGET_DIR", root.join("target/polling"));
    run_command(&mut command)
}

/// Runs all steps but the skipped ones; stops at the first that fails.
pub(crate) fn run(root: &Path, arguments: &[&str]) -> Outcome {
    let skipped = parse(arguments)?;
    for (name, work) in STEPS {
        if !skipped.contains(name) {
            step(name, || work(root))?;
        }
    }
    Ok(())
}

/// The names after each `--skip`.
fn parse<'a>(arguments: &[&'a str]) -> Outcome<Vec<&'a str>> {
    let mut skipped = Vec::new();
    for pair in arguments.chunks(2) {
        match *pair {
            ["--skip", name] if STEPS.iter().any(|(known, _)| *known == name) => skipped.push(name),
            ["--skip", name] => return Err(format!("no step is named {name}")),
            _ => return Err("usage: cargo xtask ci [--skip STEP]…".to_owned()),
        }
    }
    Ok(skipped)
}

fn check_tidy(root: &Path) -> Outcome {
    match tidy::run(root).map_err(|error| error.to_string())? {
        0 => Ok(()),
        count => Err(format!("{count} violations")),
    }
}

/// Each feature of the facade compiles alone; and with each choice of transports, whatever depends
/// on it passes its unit tests.
fn check_features(root: &Path) -> Outcome {
    let path = root.join("crates/ferromq/Cargo.toml");
    let manifest = fs::read_to_string(&path).map_err(|error| format!("{path:?}: {error}"))?;
    for feature in features(&manifest) {
        let check = ["check", "-p", "ferromq", "--locked"];
        run_command(cargo(root, &check).args(["--no-default-features", "--features", feature]))
            .map_err(|problem| format!("{feature}: {problem}"))?;
    }
    for choice in 0..ALL_TRANSPORTS {
        let chosen = transports(choice);
        let tests = ["test", "--locked", "--lib", "--test", "left_out"];
        run_command(
            cargo(root, &tests)
                // Compiled for each choice, and hardly run.
                .args([
                    "--config",
                    "profile.dev.package.ferromq-testkit.opt-level=0",
                ])
                .args([
                    "-p",
                    "ferromq-transport",
                    "-p",
                    "ferromq-core",
                    "-p",
                    "ferromq",
                ])
                .args(["--no-default-features", "--features", &chosen]),
        )
        .map_err(|problem| format!("{chosen}: {problem}"))?;
    }
    Ok(())
}

/// The choice of all transports: what everything else is tested with.
const ALL_TRANSPORTS: u8 = 0b111;

/// The features for one choice of transports, a bit for each, in the packages that are tested.
fn transports(choice: u8) -> String {
    let names = ["tcp", "ipc", "inproc"].into_iter().enumerate();
    let chosen = names.filter(|(bit, _)| choice & (1 << bit) != 0);
    let in_each =
        |(_, name)| format!(",ferromq-core/{name},ferromq-transport/{name},ferromq/{name}");
    let features: String = chosen.map(in_each).collect();
    format!("ferromq/pair{features}")
}

/// The names in the `[features]` section, without `default`.
pub(crate) fn features(manifest: &str) -> Vec<&str> {
    let section = manifest
        .split_once("[features]\n")
        .map_or("", |(_, after)| after);
    let lines = section.lines().take_while(|line| !line.starts_with('['));
    let names = lines.filter_map(|line| line.split_once(" = ").map(|(name, _)| name.trim()));
    names
        .filter(|name| !name.starts_with('#') && *name != "default")
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_are_read_from_their_section() {
        let manifest = "[dependencies]\na = \"1\"\n\n[features]\ndefault = [\"pair\"]\n\
                        # Typed = payloads.\njson = []\npair = []\n[lints]\nworkspace = true\n";
        assert_eq!(features(manifest), ["json", "pair"]);
    }

    #[test]
    fn choices_of_transports_differ() {
        assert_eq!(transports(0), "ferromq/pair");
        let tcp = "ferromq/pair,ferromq-core/tcp,ferromq-transport/tcp,ferromq/tcp";
        assert_eq!(transports(1), tcp);
        assert_eq!(
            transports(ALL_TRANSPORTS).matches("ferromq-core/").count(),
            3
        );
    }

    #[test]
    fn skipped_steps_must_exist() {
        assert_eq!(
            parse(&["--skip", "test", "--skip", "doc"]),
            Ok(vec!["test", "doc"])
        );
        assert!(parse(&["--skip", "tests"]).is_err());
        assert!(parse(&["--skip"]).is_err());
        assert!(parse(&["test"]).is_err());
    }
}
