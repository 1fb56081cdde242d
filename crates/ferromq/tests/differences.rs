//! The page of differences from libzmq, and the documentation of the methods that it names: each
//! refers to the other.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const PAGE: &str = include_str!("../../../docs/differences.md");
const LINK: &str =
    "/// [Differs from libzmq](https://docs.rs/ferromq/latest/ferromq/differences/).";

/// The methods that the page names, as type and method. (That there are such is for rustdoc to
/// say, which makes links of them.)
fn named() -> BTreeSet<String> {
    let links = PAGE.split("[`").skip(1);
    let names = links.filter_map(|rest| Some(rest.split_once("`]")?.0.to_owned()));
    names.collect()
}

/// The methods whose documentation refers to the page.
fn linked(under: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(under).expect("the sources are there") {
        let path = entry.expect("the sources are there").path();
        if path.is_dir() {
            linked(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            collect(&fs::read_to_string(path).expect("sources are text"), found);
        }
    }
}

fn collect(text: &str, found: &mut BTreeSet<String>) {
    let (mut owner, mut pending) = ("", false);
    for line in text.lines() {
        if line.starts_with("impl") || line.starts_with("pub trait") {
            owner = owner_of(line);
        }
        pending |= line.trim() == LINK;
        if let Some((_, rest)) = line.split_once("fn ")
            && !line.trim().starts_with("//")
            && std::mem::take(&mut pending)
        {
            let method = rest.split(['(', '<']).next().unwrap_or_default();
            found.insert(format!("{owner}::{method}"));
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
fn page_and_methods_refer_to_each_other() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut linked_methods = BTreeSet::new();
    for package in ["core", "reqrep", "pubsub", "pipeline", "pair"] {
        linked(&crates.join(package).join("src"), &mut linked_methods);
    }
    assert!(linked_methods.len() > 20, "{linked_methods:?}");
    assert_eq!(
        named(),
        linked_methods,
        "the page, and the methods that refer to it"
    );
}

#[test]
fn page_is_the_one_that_the_documentation_has() {
    let copy = include_str!("../differences.md");
    assert!(copy == PAGE, "copy docs/differences.md to crates/ferromq");
}
