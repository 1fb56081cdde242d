//! Features in combinations: each pair compiles, so that none leans on one that is mostly there.

use std::fs;
use std::path::Path;

use super::Verdict;
use crate::Outcome;
use crate::ci::features;
use crate::step::{cargo, run as run_command};

/// Checks every pair of features of the facade, and all of them at once.
pub(super) fn check(root: &Path) -> Outcome<Verdict> {
    let path = root.join("crates/ferromq/Cargo.toml");
    let manifest = fs::read_to_string(&path).map_err(|error| format!("{path:?}: {error}"))?;
    for chosen in pairs(&features(&manifest)) {
        check_one(root, &["--no-default-features", "--features", &chosen])
            .map_err(|problem| format!("{chosen}: {problem}"))?;
    }
    check_one(root, &["--all-features"]).map(|()| Verdict::Fine)
}

fn check_one(root: &Path, features: &[&str]) -> Outcome {
    let check = ["check", "--quiet", "-p", "ferromq", "--locked"];
    let mut command = cargo(root, &check);
    command.args(features).env("RUSTFLAGS", "-D warnings");
    // Other flags than everything else is compiled with.
    command.env("CARGO_TARGET_DIR", crate::target(root).join("features"));
    run_command(&mut command)
}

/// Every two of them.
fn pairs(features: &[&str]) -> Vec<String> {
    let mut pairs = Vec::new();
    for (at, one) in features.iter().enumerate() {
        for other in &features[at + 1..] {
            pairs.push(format!("{one},{other}"));
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_two_features_are_a_pair_once() {
        assert_eq!(pairs(&["a", "b", "c"]), ["a,b", "a,c", "b,c"]);
    }
}
