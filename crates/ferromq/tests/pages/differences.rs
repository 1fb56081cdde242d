//! `docs/differences.md`, and the documentation of the methods that it names: each refers to the
//! other.

use std::collections::BTreeSet;

use crate::{methods, sources};

const PAGE: &str = include_str!("../../../../docs/differences.md");
const LINK: &str =
    "/// [Differs from libzmq](https://docs.rs/ferromq/latest/ferromq/differences/).";

/// The methods that the page names, as type and method. (That there are such is for rustdoc to
/// say, which makes links of them.)
fn named() -> BTreeSet<String> {
    let links = PAGE.split("[`").skip(1);
    let names = links.filter_map(|rest| Some(rest.split_once("`]")?.0.to_owned()));
    names.collect()
}

#[test]
fn page_and_methods_refer_to_each_other() {
    let packages = ["core", "reqrep", "pubsub", "pipeline", "pair"];
    let texts = sources(&packages.map(|package| format!("crates/{package}/src")));
    let methods = texts.iter().flat_map(|text| methods(text));
    let linked = methods.filter(|method| method.above.contains(&LINK));
    let linked: BTreeSet<_> = linked.map(|method| method.name).collect();
    assert!(linked.len() > 20, "{linked:?}");
    assert_eq!(
        named(),
        linked,
        "the page, and the methods that refer to it"
    );
}

#[test]
fn page_is_the_one_that_the_documentation_has() {
    let copy = include_str!("../../differences.md");
    assert!(copy == PAGE, "copy docs/differences.md to crates/ferromq");
}
