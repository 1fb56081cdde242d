//! The oldest compiler and the oldest dependencies that the manifests allow.

use std::fs;
use std::path::{Path, PathBuf};

use super::tools::{nightly, no_nightly};
use super::{Verdict, other_cargo};
use crate::step::{cargo, run as run_command};
use crate::{Outcome, target};

/// Our packages that are published, and what they are tested with.
const PUBLISHED: [&str; 16] = [
    "-p",
    "ferromq-wire",
    "-p",
    "ferromq-transport",
    "-p",
    "ferromq-core",
    "-p",
    "ferromq-reqrep",
    "-p",
    "ferromq-pubsub",
    "-p",
    "ferromq-pipeline",
    "-p",
    "ferromq-pair",
    "-p",
    "ferromq",
];

/// Compiled, and tested, with the oldest versions of direct dependencies, in a copy of the tree: it
/// has another lock file.
pub(super) fn check_minimal(root: &Path) -> Outcome<Verdict> {
    let nightly = nightly();
    let directory = target(root).join("minimal");
    let copy = copy_tree(root, &directory.join("tree"))?;
    let update = ["update", "-Z", "direct-minimal-versions"];
    let Some(mut update) = other_cargo(&copy, &nightly, &update) else {
        return Ok(no_nightly(&nightly));
    };
    run_command(&mut update)?;
    let mut test = cargo(&copy, &["test", "--locked", "--all-features", "--lib"]);
    test.args(PUBLISHED)
        .env("CARGO_TARGET_DIR", directory.join("target"));
    run_command(&mut test).map(|()| Verdict::Fine)
}

/// What is published compiles with the compiler that the manifest promises.
pub(super) fn check_oldest_compiler(root: &Path) -> Outcome<Verdict> {
    let manifest = fs::read_to_string(root.join("Cargo.toml"));
    let manifest = manifest.map_err(|error| format!("Cargo.toml: {error}"))?;
    let version = rust_version(&manifest).ok_or("Cargo.toml names no rust-version")?;
    for features in ["--all-features", "--no-default-features"] {
        let Some(mut check) = other_cargo(root, version, &["check", "--locked", features]) else {
            let why = format!(
                "rustup has no toolchain {version}; that newer features are not used is only \
                 checked by clippy (incompatible_msrv), those of dependencies by nobody"
            );
            return Ok(Verdict::Unchecked(why));
        };
        check
            .args(PUBLISHED)
            .env("CARGO_TARGET_DIR", target(root).join("msrv"));
        run_command(&mut check)?;
    }
    Ok(Verdict::Fine)
}

/// The compiler that the workspace's manifest promises.
fn rust_version(manifest: &str) -> Option<&str> {
    let mut lines = manifest.lines();
    let line = lines.find_map(|line| line.strip_prefix("rust-version = "))?;
    Some(line.trim_matches('"'))
}

/// Copies what git knows of.
fn copy_tree(root: &Path, to: &Path) -> Outcome<PathBuf> {
    if to.exists() {
        fs::remove_dir_all(to).map_err(|error| format!("{to:?}: {error}"))?;
    }
    let mut list = std::process::Command::new("git");
    list.args(["ls-files", "--cached", "--others", "--exclude-standard"]);
    let files = crate::step::output(list.current_dir(root))?;
    for file in files.lines() {
        let (from, to) = (root.join(file), to.join(file));
        let parent = to.parent().ok_or("a file in no directory")?;
        fs::create_dir_all(parent).map_err(|error| format!("{parent:?}: {error}"))?;
        // What is deleted and not yet committed.
        if from.exists() {
            fs::copy(&from, &to).map_err(|error| format!("{from:?}: {error}"))?;
        }
    }
    Ok(to.to_path_buf())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn promised_compiler_is_read_from_the_manifest() {
        let manifest = "[workspace.package]\nedition = \"2024\"\nrust-version = \"1.88\"\n";
        assert_eq!(rust_version(manifest), Some("1.88"));
        assert_eq!(rust_version("[workspace]\n"), None);
    }
}
