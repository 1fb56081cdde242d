//! `docs/regressions.md`: each row names tests that are there, or says why there can be none.

use std::collections::BTreeSet;

use crate::{functions, in_backquotes, rows, sources};

#[test]
fn every_row_of_the_list_has_its_tests_or_its_reason() {
    let texts = sources(&["budgets/tests", "crates", "conformance/src", "fuzz/tests"]);
    let functions = functions(&texts);
    // Those of the corpora are named by a macro.
    let lines: BTreeSet<_> = texts.iter().flat_map(|text| text.lines()).collect();
    let lines: BTreeSet<_> = lines.into_iter().map(str::trim).collect();
    let rows: Vec<[_; 3]> = rows(include_str!("../../../../docs/regressions.md"));
    assert!(rows.len() > 100, "{}", rows.len());
    for [what, how, here] in rows {
        assert!(!how.is_empty(), "{what}");
        if here.starts_with("not applicable: ") {
            continue;
        }
        let named = in_backquotes(here);
        assert!(!named.is_empty(), "{what} names neither test nor reason");
        for test in named {
            let is_there = match test.strip_prefix("corpus: ") {
                Some(corpus) => lines.contains(corpus),
                None => functions.contains(test),
            };
            assert!(is_there, "{what}: there is no test {test}");
        }
    }
}
