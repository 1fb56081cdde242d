//! What our packages pull in, checked with `cargo tree`.

use std::collections::BTreeSet;
use std::path::Path;

use crate::Outcome;
use crate::step::{cargo, output, run};

/// The pattern crates; the facade's features are named like what follows `ferromq-`.
const PATTERNS: [&str; 4] = [
    "ferromq-reqrep",
    "ferromq-pubsub",
    "ferromq-pipeline",
    "ferromq-pair",
];

/// Crates that would mean an async runtime underneath.
const RUNTIMES: [&str; 10] = [
    "async-executor",
    "async-global-executor",
    "async-io",
    "async-std",
    "compio",
    "futures-executor",
    "glommio",
    "mio",
    "smol",
    "tokio",
];

/// The target whose trees are checked for what is absent; it need not be installed.
const LINUX: &str = "x86_64-unknown-linux-gnu";

/// What must not be in the tree of some features: sockets where there are none, and on Linux what
/// only other systems need.
const ABSENT: [(&str, &[&str]); 2] = [
    ("pair,inproc", &["polling", "rustix", "socket2"]),
    ("default", &["polling"]),
];

/// The most third-party crates that the facade's default features may link.
const MOST_LINKED: usize = 15;

/// Workspaces of their own whose packages need ours. (Of the main one each step is `--locked`.)
const OTHER_WORKSPACES: [&str; 2] = ["bench/rivals", "fuzz/libfuzzer"];

/// Checks all trees, and that the lock files of the other workspaces are complete.
pub(crate) fn check(root: &Path) -> Outcome {
    for workspace in OTHER_WORKSPACES {
        // Only looks: nothing is compiled here, and no package fetched.
        let complete = ["update", "--quiet", "--workspace", "--locked"];
        run(&mut cargo(&root.join(workspace), &complete))?;
    }
    for pattern in PATTERNS {
        check_names(&names(root, &["-p", pattern, "-e", "normal"])?, pattern)?;
        let feature = pattern.trim_start_matches("ferromq-");
        let facade = [
            "-p",
            "ferromq",
            "--no-default-features",
            "--features",
            feature,
        ];
        let facade: Vec<&str> = facade.into_iter().chain(["-e", "normal"]).collect();
        check_names(&names(root, &facade)?, pattern)?;
    }
    for (features, absent) in ABSENT {
        let facade = ["-p", "ferromq", "--target", LINUX, "-e", "normal"];
        let choice = ["--no-default-features", "--features", features];
        let all: Vec<&str> = facade.into_iter().chain(choice).collect();
        check_absent(&names(root, &all)?, features, absent)?;
    }
    let linked = names(root, &["-p", "ferromq", "-e", "normal,no-proc-macro"])?;
    let built = names(root, &["-p", "ferromq", "-e", "normal"])?;
    check_count(&linked, &built)
}

/// The names of the packages in a tree.
fn names(root: &Path, arguments: &[&str]) -> Outcome<BTreeSet<String>> {
    let fixed = ["tree", "--prefix", "none", "--no-dedupe", "--format", "{p}"];
    let all: Vec<&str> = fixed.iter().chain(arguments).copied().collect();
    Ok(parse(&output(&mut cargo(root, &all))?))
}

fn parse(tree: &str) -> BTreeSet<String> {
    tree.lines()
        .filter_map(|line| line.split(' ').next())
        .map(str::to_owned)
        .collect()
}

/// Of the patterns only this one, and no runtime.
fn check_names(names: &BTreeSet<String>, pattern: &str) -> Outcome {
    let forbidden = PATTERNS
        .into_iter()
        .chain(RUNTIMES)
        .filter(|name| *name != pattern);
    for name in forbidden {
        if names.contains(name) {
            return Err(format!("{pattern} alone pulls in {name}"));
        }
    }
    if names.contains(pattern) {
        Ok(())
    } else {
        Err(format!("{pattern} is not in its own tree"))
    }
}

fn check_absent(names: &BTreeSet<String>, features: &str, absent: &[&str]) -> Outcome {
    match absent.iter().find(|name| names.contains(**name)) {
        Some(name) => Err(format!("features {features} pull in {name}")),
        None => Ok(()),
    }
}

fn check_count(linked: &BTreeSet<String>, built: &BTreeSet<String>) -> Outcome {
    let count = |names: &BTreeSet<String>| {
        names
            .iter()
            .filter(|name| !name.is_empty() && !name.starts_with("ferromq"))
            .count()
    };
    let (linked, built) = (count(linked), count(built));
    println!("third-party crates by default: {linked} linked, {built} with those of derive macros");
    if linked <= MOST_LINKED {
        Ok(())
    } else {
        Err(format!(
            "{linked} third-party crates are linked, more than {MOST_LINKED}"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TREE: &str = "ferromq-pair v0.1.0 (/a)\nferromq-core v0.1.0 (/b)\nbytes v1.12.1\n\n";

    #[test]
    fn tree_with_one_pattern_passes() {
        assert_eq!(check_names(&parse(TREE), "ferromq-pair"), Ok(()));
    }

    #[test]
    fn second_pattern_or_runtime_fails() {
        for name in ["ferromq-pubsub", "tokio"] {
            let tree = parse(&format!("{TREE}{name} v1.0.0\n"));
            assert_eq!(
                check_names(&tree, "ferromq-pair"),
                Err(format!("ferromq-pair alone pulls in {name}"))
            );
        }
    }

    #[test]
    fn tree_without_the_pattern_fails() {
        assert!(check_names(&parse(TREE), "ferromq-pubsub").is_err());
    }

    #[test]
    fn what_must_be_absent_fails_by_name() {
        let names = parse(TREE);
        assert_eq!(check_absent(&names, "pair", &["socket2"]), Ok(()));
        assert_eq!(
            check_absent(&names, "pair", &["socket2", "bytes"]),
            Err("features pair pull in bytes".to_owned())
        );
    }

    #[test]
    fn sixteen_third_party_crates_fail() {
        let tree = |count: usize| {
            (0..count)
                .map(|number| format!("c{number}"))
                .chain(["ferromq".to_owned()])
                .collect()
        };
        assert_eq!(check_count(&tree(15), &tree(20)), Ok(()));
        assert!(check_count(&tree(16), &tree(20)).is_err());
    }
}
