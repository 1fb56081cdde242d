//! Memory and threads, checked by tools of the nightly compiler: its interpreter, and instrumented
//! runs.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use super::{Verdict, other_cargo};
use crate::step::run as run_command;
use crate::{Outcome, target};

/// What the interpreter runs, some thousand times slower than the machine does: where buffers are
/// handed about, and who gets a message. Left out are sockets of the operating system, loom's
/// models, and tests over thousands of bytes or parts one by one, which take it hours.
const INTERPRETED: &[&[&str]] = &[
    &[
        "-p",
        "ferromq-wire",
        "--lib",
        "--",
        "encode::",
        "frame::",
        "message::",
        "metadata::",
        "decode::",
        "--skip=bodies_",
        "--skip=properties_survive",
        "--skip=body_buffer_grows",
        "--skip=endless_more",
    ],
    &[
        "-p",
        "ferromq-core",
        "--lib",
        "--",
        "echo::",
        "pace::",
        "receipt::",
        "ready::",
        "rope_gives_back",
        "strategy::",
        "timers::",
    ],
];

/// What runs with every address checked: the engine, its worlds, and whole sockets.
const ADDRESSED: &[&str] = &[
    "-p",
    "ferromq-transport",
    "-p",
    "ferromq-core",
    "-p",
    "ferromq-pipeline",
    "-p",
    "ferromq-pair",
    "-p",
    "ferromq-reqrep",
    "-p",
    "ferromq-pubsub",
    "-p",
    "ferromq",
    "--tests",
];

/// Tests of the engine and its worlds, for races; the programs that test whole sockets are found.
const THREADED: &[&str] = &[
    "-p",
    "ferromq-transport",
    "-p",
    "ferromq-core",
    "-p",
    "ferromq",
    "--lib",
];

/// Left out of the search for races: one thread in simulated worlds, like all programs that are not
/// among those found.
const SIMULATED: &str = "simulated::";

/// Left out of both by name: ten thousand connections, whose memory and times it measures; with the
/// sanitizers these are the tools' own, and the test runs into its limit.
const MEASURING: &str = "ten_thousand_hostile_connections";

/// Left out of the search for races: of a process that has forked while it had threads the tool
/// cannot follow new ones, and ends it.
const FORKING: &str = "forking";

/// For the tests' program: each test is printed with its time, which tells what makes a step long.
const TIMED: [&str; 2] = ["-Zunstable-options", "--report-time"];

/// How many times as long as elsewhere a test may take before its watchdog ends it.
const PATIENCE: &str = "5";

/// How what is instrumented is compiled: a little optimised, as the tools' makers advise, for
/// without that each variable on the stack is checked; and as much of the debug information as
/// makes stacks readable, for the rest is several gigabytes.
const PROFILE: &[(&str, &str)] = &[
    ("CARGO_PROFILE_DEV_OPT_LEVEL", "1"),
    ("CARGO_PROFILE_DEV_DEBUG", "line-tables-only"),
    ("CARGO_INCREMENTAL", "0"),
];

/// Where whole sockets are tested together.
const WHOLE: &str = "crates/ferromq/tests";

/// The nightly compiler: `FERROMQ_NIGHTLY`, or rustup's.
pub(super) fn nightly() -> String {
    std::env::var("FERROMQ_NIGHTLY").unwrap_or_else(|_| "nightly".to_owned())
}

/// Undefined behaviour, leaks and races in what the interpreter can run.
pub(super) fn miri(root: &Path) -> Outcome<Verdict> {
    let nightly = nightly();
    let available = other_cargo(root, &nightly, &["miri", "--version"]);
    let Some(mut version) = available else {
        return Ok(no_nightly(&nightly));
    };
    version.stdout(Stdio::null()).stderr(Stdio::null());
    if run_command(&mut version).is_err() {
        let why = format!("{nightly} has no miri (rustup component add miri rust-src)");
        return Ok(Verdict::Unchecked(why));
    }
    for tests in INTERPRETED {
        let Some(mut command) = other_cargo(root, &nightly, &["miri", "test", "--locked"]) else {
            return Ok(no_nightly(&nightly));
        };
        command
            .args(*tests)
            .args(TIMED)
            .env("CARGO_TARGET_DIR", target(root).join("miri"))
            // Clocks, and proptest's environment.
            .env("MIRIFLAGS", "-Zmiri-disable-isolation")
            .env("PROPTEST_CASES", "2");
        run_command(&mut command)?;
    }
    Ok(Verdict::Fine)
}

/// Data races.
pub(super) fn threads(root: &Path) -> Outcome<Verdict> {
    let programs = threaded_tests(&root.join(WHOLE))?;
    let named = programs.iter().flat_map(|name| ["--test", name]);
    let tests: Vec<&str> = THREADED.iter().copied().chain(named).collect();
    let how = ("TSAN_OPTIONS", "halt_on_error=1");
    instrumented(root, "thread", how, &tests, &[MEASURING, SIMULATED])
}

/// Uses of memory that is not ours any more, or not yet; and leaks.
pub(super) fn addresses(root: &Path) -> Outcome<Verdict> {
    // What is freed is kept for a while, to find who uses it yet: little of it, for tests measure
    // how much memory the process has.
    let how = ("ASAN_OPTIONS", "detect_leaks=1:quarantine_size_mb=8");
    instrumented(root, "address", how, ADDRESSED, &[MEASURING])
}

/// The test programs of a folder that have threads, in order.
fn threaded_tests(folder: &Path) -> Outcome<Vec<String>> {
    let entries = fs::read_dir(folder).map_err(|error| format!("{folder:?}: {error}"))?;
    let mut names = Vec::new();
    for entry in entries {
        let path = entry
            .map_err(|error| format!("{folder:?}: {error}"))?
            .path();
        if path.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        let text = fs::read_to_string(&path).map_err(|error| format!("{path:?}: {error}"))?;
        let name = path.file_stem().ok_or("a file without a name")?;
        if has_threads(&text) && name != FORKING {
            names.push(name.to_string_lossy().into_owned());
        }
    }
    if names.is_empty() {
        return Err(format!("{folder:?}: no test has threads"));
    }
    names.sort();
    Ok(names)
}

/// Whether a test program makes a context of the operating system. All others have simulated
/// worlds, where everything is on one thread: nothing races there, and it takes minutes to see so.
fn has_threads(text: &str) -> bool {
    text.contains("Context::new(")
}

/// Runs all tests but the skipped ones, with a sanitizer that is told how by a variable. In one
/// call of cargo: several would compile much of it several times, for it would have other features.
fn instrumented(
    root: &Path,
    sanitizer: &str,
    (variable, how): (&str, &str),
    tests: &[&str],
    skipped: &[&str],
) -> Outcome<Verdict> {
    let nightly = nightly();
    match has_source(root, &nightly) {
        None => return Ok(no_nightly(&nightly)),
        Some(true) => {}
        // Of the library as it was shipped the tools do not see how threads wait for each other,
        // nor who holds what: they would find races and leaks that are none.
        Some(false) => {
            let why = format!("{nightly} has no rust-src (rustup component add rust-src)");
            return Ok(Verdict::Unchecked(why));
        }
    }
    let test = ["test", "--locked", "--no-fail-fast", "--all-features"];
    let Some(mut command) = other_cargo(root, &nightly, &test) else {
        return Ok(no_nightly(&nightly));
    };
    command
        .args(["-Zbuild-std", "--target", TARGET])
        .args(tests)
        .arg("--")
        .args(TIMED)
        .args(skipped.iter().flat_map(|name| ["--skip", name]))
        .envs(PROFILE.iter().copied())
        .env("RUSTFLAGS", format!("-Zsanitizer={sanitizer}"))
        .env("CARGO_TARGET_DIR", target(root).join(sanitizer))
        .env("FERROMQ_PATIENCE", PATIENCE)
        .env(variable, how);
    run_command(&mut command).map(|()| Verdict::Fine)
}

/// The sanitizers of this target; with it named, build scripts are not instrumented.
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// Whether the toolchain has the standard library's source; `None`: there is no such toolchain.
fn has_source(root: &Path, nightly: &str) -> Option<bool> {
    other_cargo(root, nightly, &[])?;
    let mut command = Command::new("rustc");
    command.args([&format!("+{nightly}"), "--print", "sysroot"]);
    let sysroot = command.env_remove("RUSTUP_TOOLCHAIN").output().ok()?;
    let sysroot = String::from_utf8(sysroot.stdout).ok()?;
    let source = Path::new(sysroot.trim()).join("lib/rustlib/src/rust/library/std");
    Some(source.is_dir())
}

pub(super) fn no_nightly(nightly: &str) -> Verdict {
    Verdict::Unchecked(format!("rustup has no toolchain {nightly}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_of_simulated_worlds_have_no_threads() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(WHOLE);
        let names = threaded_tests(&folder).unwrap();
        assert!(names.contains(&"waking".to_owned()), "{names:?}");
        assert!(!names.contains(&"heartbeats".to_owned()), "{names:?}");
    }

    #[test]
    fn what_is_left_out_by_name_is_there() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(WHOLE);
        let text = fs::read_to_string(folder.join("attack.rs")).unwrap();
        assert!(text.contains(&format!("fn {MEASURING}")));
        assert!(folder.join(FORKING).with_extension("rs").is_file());
        let text = fs::read_to_string(folder.join("closing_matrix.rs")).unwrap();
        assert!(text.contains("mod simulated {"));
    }
}
