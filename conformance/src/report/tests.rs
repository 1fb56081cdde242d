//! From verdicts to statuses and surprises.

use std::time::Duration;

use super::*;
use crate::case::Kind;

const TEXT: &str = "\
# 9: A Protocol
## All
- `a` (MUST): A.
- `b` (MUST): B.
- `c` (MUST): C.
  Differs: why.
- `d` (MUST): D.
  Not shown: why not.
- `e` (MUST): E <&>.
";

const DECLARED: [(&str, &[&str]); 6] = [
    ("s::good (tcp)", &["9/a", "9/c"]),
    ("s::bad (tcp)", &["9/b"]),
    ("s::known (tcp)", &["9/a"]),
    ("s::cured (tcp)", &["9/c"]),
    ("s::skipped (tcp)", &["9/e"]),
    ("s::foreign (tcp)", &["9/a"]),
];

fn verdict(name: &str, result: Result<(), Failed>) -> Verdict {
    let (name, shows) = *DECLARED.iter().find(|(other, _)| *other == name).unwrap();
    Verdict {
        kind: Kind::Wire,
        suite: "s",
        transport: "tcp",
        peer: "raw",
        name: name.to_owned(),
        shows,
        took: Duration::ZERO,
        result,
    }
}

fn report(verdicts: Vec<Verdict>) -> Report {
    let specification = Specification::parse(TEXT).unwrap();
    let declared = DECLARED.map(|(name, shows)| (name.to_owned(), shows));
    let list = "- `s::known`: a reason\n- `s::cured (tcp)`: another\n## Other\n- A text <&>.\n\
                - `s::foreign`: theirs\n";
    let expected = Expected::parse(list);
    Report::new(vec![specification], &declared, verdicts, &expected)
}

fn panicked() -> Result<(), Failed> {
    Err(Failed::Panicked("boom".to_owned()))
}

fn statuses(report: &Report) -> Vec<Status> {
    let requirements = &report.specifications[0].requirements;
    requirements.iter().map(|one| report.status(one)).collect()
}

#[test]
fn passed_evidence_shows_its_requirements() {
    let report = report(vec![
        verdict("s::good (tcp)", Ok(())),
        verdict("s::bad (tcp)", Ok(())),
        verdict("s::skipped (tcp)", Err(Failed::Skipped("no"))),
    ]);
    use Status::{Differs, NotRun, NotShown, Shown};
    assert_eq!(statuses(&report), [Shown, Shown, Differs, NotShown, NotRun]);
    assert_eq!(report.counts(&report.specifications[0]), [2, 1, 0, 0, 1, 1]);
    assert_eq!(report.surprises(), [""; 0]);
    assert_eq!(report.reasons(), [("why not.", vec!["9/d"])].into());
}

#[test]
fn failures_and_unexpected_passes_are_surprises_and_expected_failures_are_not() {
    let report = report(vec![
        verdict("s::good (tcp)", Ok(())),
        verdict("s::bad (tcp)", panicked()),
        verdict("s::known (tcp)", panicked()),
        verdict("s::cured (tcp)", Ok(())),
    ]);
    let [a, b, c, ..] = statuses(&report)[..] else {
        unreachable!("there are five");
    };
    assert_eq!(
        [a, b, c],
        [Status::ExpectedFailure, Status::Failed, Status::Failed]
    );
    let surprises = report.surprises();
    assert_eq!(surprises.len(), 2, "{surprises:?}");
    assert_eq!(surprises[0], "s::bad (tcp): boom");
    assert!(
        surprises[1].starts_with("s::cured (tcp): passes"),
        "{surprises:?}"
    );
}

#[test]
fn failure_of_the_other_side_counts_against_no_requirement() {
    let foreign = || verdict("s::foreign (tcp)", panicked());
    let alone = report(vec![foreign()]);
    assert_eq!(statuses(&alone)[0], Status::NotRun);
    let shown = report(vec![foreign(), verdict("s::good (tcp)", Ok(()))]);
    assert_eq!(statuses(&shown)[0], Status::Shown);
    assert_eq!(shown.surprises(), [""; 0]);
}

#[test]
fn inconsistent_declarations_are_surprises() {
    let specification = Specification::parse(TEXT).unwrap();
    let declared = [("s::x".to_owned(), &["9/d", "9/z"][..])];
    let expected = Expected::parse("- `s::gone`: a reason\n");
    let report = Report::new(vec![specification], &declared, Vec::new(), &expected);
    let surprises = report.surprises();
    for part in ["9/z", "9/a", "9/b", "9/d", "9/e", "s::gone"] {
        assert!(
            surprises.iter().any(|one| one.contains(part)),
            "{part}: {surprises:?}"
        );
    }
}

#[test]
fn page_has_every_requirement_and_escapes_its_text() {
    let page = page(&report(vec![verdict("s::bad (tcp)", panicked())]));
    let found = "<h3>Other</h3>\n<ul>\n<li>A text &lt;&amp;&gt;.";
    for part in ["9/a", "9/e", "E &lt;&amp;&gt;.", "boom", "why not.", found] {
        assert!(page.contains(part), "{part}");
    }
    assert!(
        !page.contains("<&>") && !page.contains("http"),
        "self-contained"
    );
}
