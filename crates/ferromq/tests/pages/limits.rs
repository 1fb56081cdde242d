//! `docs/limits.md`: each limit that peers meet says its default, what sets it, what is seen beyond
//! it, and a test that is there; and each such option has a row.

use crate::{functions, in_backquotes, sources};

/// What, default, set by, beyond it, shown by.
fn rows() -> Vec<[&'static str; 5]> {
    let page = include_str!("../../../../docs/limits.md");
    let section = page.split("## ").find(|it| it.starts_with("What peers"));
    crate::rows(section.expect("the section about peers"))
}

#[test]
fn table_of_limits_says_everything_and_its_tests_and_options_are_there() {
    let texts = sources(&["crates", "conformance/src"]);
    let functions = functions(&texts);
    assert!(rows().len() > 15, "{}", rows().len());
    for row in rows() {
        let [what, .., set_by, _, shown_by] = row;
        assert!(row.iter().all(|cell| !cell.is_empty()), "{what}");
        let tests = in_backquotes(shown_by);
        assert!(!tests.is_empty(), "{what}: no test");
        for test in tests {
            assert!(functions.contains(test), "{what}: no test {test}");
        }
        for option in in_backquotes(set_by) {
            let name = option.rsplit("::").next().unwrap();
            let constant = format!("const {name}: ");
            let is_there =
                functions.contains(name) || texts.iter().any(|text| text.contains(&constant));
            assert!(is_there, "{what}: no option {option}");
        }
    }
}

#[test]
fn table_of_limits_has_every_maximum_that_can_be_set() {
    let texts = sources(&["crates/core/src/builder", "crates/pubsub/src"]);
    let names = functions(&texts).into_iter();
    let maximums: Vec<_> = names.filter(|name| name.starts_with("max_")).collect();
    assert!(maximums.len() > 6, "{maximums:?}");
    for maximum in maximums {
        let is_named = |row: &[&str; 5]| row[2].contains(&format!("::{maximum}`"));
        assert!(rows().iter().any(is_named), "{maximum} has no row");
    }
}
