//! `docs/limits.md` against the sources: each limit that peers meet says its default, what sets it,
//! what is seen beyond it, and a test that is there; and each such option has a row.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const TABLE: &str = include_str!("../../../../docs/limits.md");

/// The rows of the section about peers: what, default, set by, beyond it, shown by.
fn rows() -> Vec<[&'static str; 5]> {
    let section = TABLE.split("## ").find(|it| it.starts_with("What peers"));
    let lines = section.expect("the section about peers").lines();
    let cells = |line: &'static str| line.split('|').map(str::trim).collect::<Vec<_>>();
    let rows = lines.filter_map(|line| match cells(line)[..] {
        ["", what, default, set_by, beyond, shown_by, ""] => {
            Some([what, default, set_by, beyond, shown_by])
        }
        _ => None,
    });
    // After the names of the columns, and the line under them.
    rows.skip(2).collect()
}

fn in_backquotes(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// The text of all sources under these folders of the repository.
fn sources(folders: &[&str]) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut open: Vec<_> = folders.iter().map(|folder| root.join(folder)).collect();
    let mut text = String::new();
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(
                fs::read_dir(path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text += &fs::read_to_string(path).unwrap();
        }
    }
    text
}

#[test]
fn table_of_limits_says_everything_and_its_tests_and_options_are_there() {
    let text = sources(&["crates", "conformance/src"]);
    assert!(rows().len() > 15, "{}", rows().len());
    for row in rows() {
        let [what, .., set_by, _, shown_by] = row;
        assert!(row.iter().all(|cell| !cell.is_empty()), "{what}");
        let tests: Vec<_> = in_backquotes(shown_by).collect();
        assert!(!tests.is_empty(), "{what}: no test");
        for test in tests {
            assert!(
                text.contains(&format!("fn {test}(")),
                "{what}: no test {test}"
            );
        }
        for option in in_backquotes(set_by) {
            let method = option.rsplit("::").next().unwrap();
            let is_there = text.contains(&format!("fn {method}("));
            let is_constant = text.contains(&format!("const {method}: "));
            assert!(is_there || is_constant, "{what}: no option {option}");
        }
    }
}

#[test]
fn table_of_limits_has_every_maximum_that_can_be_set() {
    let text = sources(&["crates/core/src/builder", "crates/pubsub/src"]);
    let methods = text
        .lines()
        .filter_map(|line| line.trim().split_once("fn "));
    let names = methods.filter_map(|(_, rest)| rest.split('(').next());
    let maximums: BTreeSet<_> = names.filter(|name| name.starts_with("max_")).collect();
    assert!(maximums.len() > 6, "{maximums:?}");
    for maximum in maximums {
        let has_row = rows()
            .iter()
            .any(|row| row[2].contains(&format!("::{maximum}`")));
        assert!(has_row, "{maximum} has no row");
    }
}
