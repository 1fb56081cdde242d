//! What others have written, by cargo-deny and `deny.toml`.

use std::path::Path;
use std::process::{Command, Stdio};

use super::Verdict;
use crate::Outcome;
use crate::step::{cargo, run as run_command};

/// Licences, duplicates, sources.
pub(super) fn check_rules(root: &Path) -> Outcome<Verdict> {
    match deny(root) {
        Err(absent) => Ok(absent),
        Ok(mut command) => {
            command.args(["check", "licenses", "bans", "sources"]);
            run_command(&mut command).map(|()| Verdict::Fine)
        }
    }
}

/// Known weaknesses, by the database of the Rust Secure Code working group, which is fetched.
pub(super) fn check_advisories(root: &Path) -> Outcome<Verdict> {
    let (mut fetch, mut check) = match (deny(root), deny(root)) {
        (Ok(fetch), Ok(check)) => (fetch, check),
        (Err(absent), _) | (_, Err(absent)) => return Ok(absent),
    };
    if run_command(fetch.args(["fetch", "db"])).is_err() {
        let why = "the database of advisories (github.com/rustsec/advisory-db) cannot be fetched";
        return Ok(Verdict::Unchecked(why.to_owned()));
    }
    check.args(["check", "--disable-fetch", "advisories"]);
    run_command(&mut check).map(|()| Verdict::Fine)
}

/// A call of cargo-deny, if it is installed.
fn deny(root: &Path) -> Result<Command, Verdict> {
    let mut version = cargo(root, &["deny", "--version"]);
    version.stdout(Stdio::null()).stderr(Stdio::null());
    match run_command(&mut version) {
        Ok(()) => {
            let mut command = cargo(root, &["deny", "--workspace", "--all-features", "--locked"]);
            command.stdin(Stdio::null());
            Ok(command)
        }
        Err(_) => {
            let why = "cargo-deny is not installed (cargo install cargo-deny --locked)";
            Err(Verdict::Unchecked(why.to_owned()))
        }
    }
}
