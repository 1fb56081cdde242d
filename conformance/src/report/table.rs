//! The report on the terminal.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::{Outcome, Report, Status};
use crate::case::Kind;
use crate::run::Verdict;

/// The columns of the first table.
const TRANSPORTS: [&str; 5] = ["memory", "sim", "inproc", "ipc", "tcp"];

/// Prints the tables: trials per suite and transport, requirements per specification, and, if asked
/// for, what has no evidence.
pub(crate) fn print(report: &Report, with_reasons: bool) {
    crate::say(&format!("{}\n{}", trials(report), requirements(report)));
    if with_reasons {
        crate::say(&reasons(report));
        crate::say(&findings(report));
    }
}

/// Passed trials, and in brackets failed ones.
fn trials(report: &Report) -> String {
    let mut counts: BTreeMap<(Kind, String), BTreeMap<&str, [usize; 2]>> = BTreeMap::new();
    for judged in &report.verdicts {
        let verdict = &judged.verdict;
        let row = counts.entry((verdict.kind, row_name(verdict))).or_default();
        let cell = row.entry(verdict.transport).or_default();
        match judged.outcome {
            Outcome::Skipped(_) => {}
            Outcome::Passed => cell[0] += 1,
            _ => cell[1] += 1,
        }
    }
    let mut text = format!("{:<24}", "trials passed");
    TRANSPORTS.iter().for_each(|name| push(&mut text, name));
    for ((_, name), row) in counts {
        let _ = write!(text, "\n{name:<24}");
        for transport in TRANSPORTS {
            let cell = match row.get(transport) {
                None | Some([0, 0]) => String::new(),
                Some([passed, 0]) => passed.to_string(),
                Some([passed, failed]) => format!("{passed} ({failed})"),
            };
            push(&mut text, &cell);
        }
    }
    text + "\n"
}

/// `pipeline` of the patterns, or with a foreign peer.
fn row_name(verdict: &Verdict) -> String {
    match verdict.kind {
        Kind::Foreign => format!("{} {}", verdict.peer, verdict.suite),
        kind => format!("{kind} {}", verdict.suite),
    }
}

fn requirements(report: &Report) -> String {
    let mut text = format!("{:<24}", "requirements");
    Status::ALL
        .iter()
        .for_each(|status| push(&mut text, status.name()));
    push(&mut text, "all");
    let mut totals = [0; Status::ALL.len()];
    for specification in &report.specifications {
        let counts = report.counts(specification);
        totals
            .iter_mut()
            .zip(counts)
            .for_each(|(total, count)| *total += count);
        row(
            &mut text,
            &format!("{} {}", specification.number, specification.title),
            &counts,
        );
    }
    row(&mut text, "all", &totals);
    text + "\n"
}

fn row(text: &mut String, name: &str, counts: &[usize]) {
    let _ = write!(text, "\n{name:<24}");
    counts.iter().for_each(|count| push(text, &shown(*count)));
    push(text, &shown(counts.iter().sum()));
}

fn shown(count: usize) -> String {
    if count == 0 {
        "-".to_owned()
    } else {
        count.to_string()
    }
}

fn push(text: &mut String, cell: &str) {
    let _ = write!(text, "{cell:>18}");
}

fn reasons(report: &Report) -> String {
    let mut text = "not shown, and why".to_owned();
    for (reason, ids) in report.reasons() {
        let _ = write!(text, "\n  {reason}");
        for line in wrapped(&ids) {
            let _ = write!(text, "\n    {line}");
        }
    }
    text
}

/// How many; the page has them all, with words that would hide a surprise here.
fn findings(report: &Report) -> String {
    let count = report.findings.len();
    format!("\nfound in other implementations, told in the whole report: {count}")
}

/// Ids, in lines of a width to be read.
fn wrapped(ids: &[&str]) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for id in ids {
        match lines.last_mut() {
            Some(line) if line.len() + id.len() < 100 => {
                line.push(' ');
                line.push_str(id);
            }
            _ => lines.push((*id).to_owned()),
        }
    }
    lines
}
