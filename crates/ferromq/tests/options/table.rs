//! `docs/options.md` against libzmq's list of options and against the sources, in both directions.
//!
//! A row is `| libzmq's name | here | default | shown by |`. *Here* names methods in backquotes,
//! or says **missing** (and may name what is there, but shown by no test), or "not applicable: "
//! with the reason. The rows of a file section count for
//! one scope; the list in `libzmq.txt` names each option with its scope.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

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
            false => in_backquotes(self.here).collect(),
        }
    }
}

fn in_backquotes(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

fn rows() -> Vec<Row<'static>> {
    let mut scope = "";
    let mut rows = Vec::new();
    for line in TABLE.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            scope = title.split_whitespace().next().unwrap_or_default();
        }
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        if let ["", name, here, default, shown_by, ""] = cells[..]
            && name.starts_with('`')
        {
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

fn sources(under: &str, found: &mut Vec<PathBuf>) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(under);
    let mut open = vec![root];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(
                fs::read_dir(path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The methods with an alias `ZMQ_…`, as type and method: what the sources say.
fn aliases() -> BTreeMap<String, BTreeSet<String>> {
    let mut files = Vec::new();
    for package in ["core", "wire", "reqrep", "pubsub", "pipeline", "pair"] {
        sources(&format!("crates/{package}/src"), &mut files);
    }
    let mut found = BTreeMap::new();
    for file in files {
        collect_aliases(&fs::read_to_string(file).unwrap(), &mut found);
    }
    found
}

fn collect_aliases(text: &str, found: &mut BTreeMap<String, BTreeSet<String>>) {
    let (mut owner, mut pending) = ("", Vec::new());
    for line in text.lines() {
        if line.starts_with("impl") || line.starts_with("pub trait") {
            owner = owner_of(line);
        }
        let line = line.trim();
        let alias = line.strip_prefix("#[doc(alias = \"ZMQ_");
        if let Some(alias) = alias.and_then(|rest| rest.split('"').next()) {
            pending.push(format!("ZMQ_{alias}"));
        } else if let Some((_, rest)) = line.split_once("fn ") {
            let method = rest.split(['(', '<']).next().unwrap_or_default();
            for alias in pending.drain(..) {
                let methods: &mut BTreeSet<String> = found.entry(alias).or_default();
                methods.insert(format!("{owner}::{method}"));
            }
        } else if !line.starts_with('#') && !line.starts_with("//") {
            // A type or a field: no method.
            pending.clear();
        }
    }
}

/// The type of `impl<S: SocketType> Builder<S> {`, the name of `pub trait RouterOptions: Sized {`.
fn owner_of(line: &str) -> &str {
    let named = line
        .trim_start_matches("pub trait ")
        .trim_start_matches("impl");
    let named = match named.strip_prefix('<') {
        Some(generic) => generic.split_once("> ").map_or("", |(_, name)| name),
        None => named.trim_start(),
    };
    named.split(['<', ' ', ':', '{']).next().unwrap_or_default()
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
    let mut files = Vec::new();
    for folder in ["crates", "conformance/src"] {
        sources(folder, &mut files);
    }
    let text: String = files
        .iter()
        .map(|file| fs::read_to_string(file).unwrap())
        .collect();
    let is_there = |row: &&Row<'_>| !row.is_missing() && !row.is_not_applicable();
    for row in rows().iter().filter(is_there) {
        assert!(!row.default.is_empty(), "{} has no default", row.name);
        let tests: Vec<_> = in_backquotes(row.shown_by).collect();
        assert!(!tests.is_empty(), "{} is shown by no test", row.name);
        for test in tests {
            let function = format!("fn {test}(");
            assert!(
                text.contains(&function),
                "{}: there is no test {test}",
                row.name
            );
        }
    }
}

#[test]
fn owner_of_an_impl_or_trait_is_its_name() {
    for (line, owner) in [
        ("impl Context {", "Context"),
        ("impl<S: SocketType> Builder<S> {", "Builder"),
        ("impl<P: Pattern> Socket<P> {", "Socket"),
        ("pub trait RouterOptions: Sized {", "RouterOptions"),
    ] {
        assert_eq!(owner_of(line), owner);
    }
}
