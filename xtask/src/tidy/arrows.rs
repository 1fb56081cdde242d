//! Who may depend on whom among our own packages (ARCHITECTURE.md, code map).
//!
//! The table is complete: a package that is not in it is a violation, so that a new one is placed
//! deliberately.

use super::{Rule, Violation};

/// Each package with those of ours that it may use.
const ARROWS: &[(&str, &[&str])] = &[
    ("ferromq-wire", &[]),
    ("ferromq-transport", &[]),
    ("ferromq-core", &["ferromq-wire", "ferromq-transport"]),
    ("ferromq-reqrep", &["ferromq-core"]),
    ("ferromq-pubsub", &["ferromq-core"]),
    ("ferromq-pipeline", &["ferromq-core"]),
    ("ferromq-pair", &["ferromq-core"]),
    (
        "ferromq",
        &[
            "ferromq-core",
            "ferromq-reqrep",
            "ferromq-pubsub",
            "ferromq-pipeline",
            "ferromq-pair",
        ],
    ),
    (
        TESTKIT,
        &["ferromq-wire", "ferromq-transport", "ferromq-core"],
    ),
    ("ferromq-examples", &["ferromq"]),
    ("ferromq-bench", &["ferromq"]),
    (
        "ferromq-budgets",
        &["ferromq", "ferromq-core", "ferromq-transport", TESTKIT],
    ),
    ("rival-libzmq", RIVAL),
    ("rival-monocoque", RIVAL),
    ("rival-omq", RIVAL),
    ("rival-runtime", &[]),
    ("rival-rzmq", RIVAL),
    ("rival-zeromq", RIVAL),
    (
        "ferromq-conformance",
        &["ferromq", "ferromq-core", "ferromq-wire", TESTKIT],
    ),
    ("ferromq-executors", &["ferromq", "ferromq-core", TESTKIT]),
    ("ferromq-netns", &["ferromq"]),
    ("ferromq-sim", &["ferromq", "ferromq-core", TESTKIT]),
    ("ferromq-soak", &["ferromq", "ferromq-core", TESTKIT]),
    (
        "ferromq-fuzz",
        &["ferromq", "ferromq-core", "ferromq-wire", TESTKIT],
    ),
    ("ferromq-libfuzzer", &["ferromq-fuzz"]),
    ("ferromq-stress", &["ferromq", "ferromq-core", TESTKIT]),
    ("xtask", &[]),
];

/// What opponents in measurements may use.
const RIVAL: &[&str] = &["ferromq-bench"];

/// May be a dev-dependency of every package, and nothing else.
const TESTKIT: &str = "ferromq-testkit";

/// Checks one manifest.
pub(crate) fn check(path: &str, manifest: &str) -> Vec<Violation> {
    let Some(package) = package_name(manifest) else {
        return Vec::new();
    };
    let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| *name == package) else {
        let text = format!("{package} has no place in the table of xtask/src/tidy/arrows.rs");
        return vec![Violation::new(path, 1, Rule::Arrows, text)];
    };
    let own = dependencies(manifest).filter(|(_, _, name)| is_ours(name));
    let wrong = own.filter(|&(_, is_dev, name)| {
        let is_testkit = is_dev && name == TESTKIT;
        !is_testkit && !allowed.contains(&name)
    });
    let violation = |(line, _, name)| {
        let text = format!("{package} must not depend on {name}");
        Violation::new(path, line, Rule::Arrows, text)
    };
    wrong.map(violation).collect()
}

fn is_ours(name: &str) -> bool {
    name == "xtask" || name.starts_with("ferromq")
}

fn package_name(manifest: &str) -> Option<&str> {
    let package = manifest.split_once("[package]")?.1;
    let line = package.lines().find(|line| line.starts_with("name"))?;
    line.split('"').nth(1)
}

/// Line, whether it is for development only, and name of each dependency.
fn dependencies(manifest: &str) -> impl Iterator<Item = (usize, bool, &str)> {
    let mut section = "";
    let lines = (1..).zip(manifest.lines().map(str::trim));
    lines.filter_map(move |(number, line)| {
        if let Some(header) = line.strip_prefix('[') {
            section = header.trim_end_matches(']');
            let (table, name) = section.rsplit_once('.')?;
            let is_dependency = kind(table).is_some() && kind(section).is_none();
            return is_dependency.then(|| (number, kind(table) == Some(true), name));
        }
        let is_dev = kind(section)?;
        let name = line.split(['=', '.', ' ']).next()?.trim_matches('"');
        (!name.is_empty() && !name.starts_with('#')).then_some((number, is_dev, name))
    })
}

/// Whether a section lists dependencies, and then whether they are for development only.
fn kind(section: &str) -> Option<bool> {
    let table = section
        .rsplit_once("'.")
        .map_or(section, |(_, table)| table);
    match table {
        "dependencies" | "build-dependencies" => Some(false),
        "dev-dependencies" => Some(true),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(package: &str, rest: &str) -> Vec<(usize, String)> {
        let manifest = format!("[package]\nname = \"{package}\"\n{rest}");
        let found = check("Cargo.toml", &manifest);
        found
            .into_iter()
            .map(|violation| (violation.line, violation.text))
            .collect()
    }

    #[test]
    fn allowed_arrows_pass() {
        let rest = "[dependencies]\nbytes = \"1\"\nferromq-core.workspace = true\n\
                    [dev-dependencies]\nferromq-testkit.workspace = true\n";
        assert_eq!(wrong("ferromq-pair", rest), []);
    }

    #[test]
    fn pattern_on_another_pattern_fails() {
        let rest = "[dependencies]\nferromq-core.workspace = true\nferromq-pair = \"0.1\"\n";
        let text = "ferromq-pubsub must not depend on ferromq-pair".to_owned();
        assert_eq!(wrong("ferromq-pubsub", rest), [(5, text)]);
    }

    #[test]
    fn wire_on_core_fails_in_every_spelling() {
        for rest in [
            "[dependencies]\nferromq-core = { path = \"../core\" }",
            "[dependencies]\n\"ferromq-core\" = \"1\"",
            "[dependencies.ferromq-core]\nversion = \"1\"",
            "[build-dependencies]\nferromq-core.workspace = true",
            "[target.'cfg(unix)'.dependencies]\nferromq-core.workspace = true",
            "[dev-dependencies]\nferromq-core.workspace = true",
        ] {
            assert_eq!(wrong("ferromq-wire", rest).len(), 1, "{rest}");
        }
    }

    #[test]
    fn testkit_outside_development_fails() {
        let rest = "[dependencies]\nferromq-testkit.workspace = true\n";
        assert_eq!(wrong("ferromq-core", rest).len(), 1);
    }

    #[test]
    fn package_without_a_place_fails() {
        assert_eq!(wrong("ferromq-helpers", "").len(), 1);
    }

    #[test]
    fn manifest_without_package_has_no_arrows() {
        assert!(check("Cargo.toml", "[workspace]\nmembers = []\n").is_empty());
    }
}
