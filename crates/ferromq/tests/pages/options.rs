//! `docs/options.md` against libzmq's list of options and against the sources, in both directions.
//!
//! A row is `| libzmq's name | here | default | shown by |`. *Here* names methods in backquotes,
//! or says **missing** (and may name what is there, but shown by no test), or "not applicable: "
//! with the reason. The rows of a file section count for
//! one scope; the list in `libzmq.txt` names each option with its scope.

use std::collections::{BTreeMap, BTreeSet};

use crate::{functions, in_backquotes, methods, sources};

const TABLE: &str = include_str!("../../../../docs/options.md");
const LIBZMQ: &str = include_str!("libzmq.txt");

/// One row of the table.
struct Row<'a> {
    scope: &'a str,
    name: &'a str,
    here: &'a str,
    default: &'a str,
    shown_by: &'a str,
}

impl Row<'_> {
    fn is_missing(&self) -> bool {
        self.here.starts_with("**missing**")
    }

    fn is_not_applicable(&self) -> bool {
        self.here.starts_with("not applicable: ")
    }

    /// Type and method, as `Builder::linger`.
    fn methods(&self) -> BTreeSet<&str> {
        match self.is_not_applicable() {
            true => BTreeSet::new(),
            false => in_backquotes(self.here).into_iter().collect(),
        }
    }
}

fn rows() -> Vec<Row<'static>> {
    let mut rows = Vec::new();
    for section in TABLE.split("\n## ").skip(1) {
        let scope = section.split_whitespace().next().unwrap_or_default();
        for [name, here, default, shown_by] in crate::rows(section) {
            rows.push(Row {
                scope,
                name: name.trim_matches('`'),
                here,
                default,
                shown_by,
            });
        }
    }
    rows
}

/// The methods with an alias `ZMQ_…`, as type and method: what the sources say.
fn aliases() -> BTreeMap<String, BTreeSet<String>> {
    let packages = ["core", "wire", "reqrep", "pubsub", "pipeline", "pair"];
    let texts = sources(&packages.map(|package| format!("crates/{package}/src")));
    let mut found = BTreeMap::<_, BTreeSet<_>>::new();
    for method in texts.iter().flat_map(|text| methods(text)) {
        let attributes = method.above.iter();
        let aliases = attributes.filter_map(|line| line.strip_prefix("#[doc(alias = \"ZMQ_"));
        for alias in aliases.filter_map(|rest| rest.split('"').next()) {
            let methods = found.entry(format!("ZMQ_{alias}")).or_default();
            methods.insert(method.name.clone());
        }
    }
    found
}

#[test]
fn table_has_a_row_for_every_option_of_libzmq_and_no_other() {
    let listed = |line: &'static str| line.split_once(' ').expect("a scope and a name");
    let listed: Vec<_> = LIBZMQ.lines().map(listed).collect();
    let unique: BTreeSet<_> = listed.iter().copied().collect();
    assert_eq!(unique.len(), listed.len(), "an option is listed twice");
    let written: Vec<_> = rows().iter().map(|row| (row.scope, row.name)).collect();
    let rows: BTreeSet<_> = written.iter().copied().collect();
    assert_eq!(rows.len(), written.len(), "an option has two rows");
    let without: Vec<_> = unique.difference(&rows).collect();
    assert!(without.is_empty(), "options without a row: {without:?}");
    let unknown: Vec<_> = rows.difference(&unique).collect();
    assert!(unknown.is_empty(), "rows of no option: {unknown:?}");
}

#[test]
fn table_says_exactly_how_many_rows_are_missing() {
    let missing: Vec<_> = rows().into_iter().filter(Row::is_missing).collect();
    let said = TABLE
        .lines()
        .find_map(|line| line.strip_prefix("Missing rows: "));
    let said = said.expect("the table says how many rows are missing");
    assert_eq!(said, missing.len().to_string());
}

#[test]
fn table_names_the_methods_that_have_the_alias_and_only_those() {
    let aliases = aliases();
    let mut named: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for row in rows() {
        let methods = row.methods();
        let decided = row.is_missing() || row.is_not_applicable() || !methods.is_empty();
        assert!(decided, "{} says nothing", row.name);
        for method in methods {
            let of_row = named.entry(row.name.to_owned()).or_default();
            of_row.insert(method.to_owned());
        }
    }
    for (name, methods) in &named {
        let known = aliases.get(name).cloned().unwrap_or_default();
        assert_eq!(
            *methods, known,
            "{name}: the table, and the aliases in the sources"
        );
    }
    for (name, methods) in &aliases {
        assert!(named.contains_key(name), "{methods:?}: no row says {name}");
    }
}

#[test]
fn table_says_default_and_test_of_every_option_that_is_there() {
    let texts = sources(&["crates", "conformance/src"]);
    let functions = functions(&texts);
    let is_there = |row: &&Row<'_>| !row.is_missing() && !row.is_not_applicable();
    for row in rows().iter().filter(is_there) {
        assert!(!row.default.is_empty(), "{} has no default", row.name);
        let tests = in_backquotes(row.shown_by);
        assert!(!tests.is_empty(), "{} is shown by no test", row.name);
        for test in tests {
            assert!(
                functions.contains(test),
                "{}: there is no test {test}",
                row.name
            );
        }
    }
}
