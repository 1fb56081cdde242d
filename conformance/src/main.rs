//! Which requirements of the specifications FerroMQ meets, shown one by one: the program behind
//! `cargo xtask conformance`.
//!
//! ```text
//!   requirements/*.md ──► requirements ──┐
//!   wire, patterns, foreign, models ──► trials ──run──► verdicts ──┴──► report: table, page
//!                                            expected-failures.md ──┘
//! ```
//!
//! A *case* is a function that panics unless what it is named after holds; it names the ids of the
//! requirements that it shows. On a *stage* (a transport, a side, a peer) it is a *trial*. A run
//! fails on every surprise: a trial that fails and is not expected to, or passes and is; an id that
//! does not exist; a requirement without evidence and without a reason why.

#![forbid(unsafe_code)]
#![expect(
    clippy::unwrap_used,
    reason = "a case that cannot go on fails, and its panic says where"
)]

mod case;
mod expected;
mod foreign;
mod models;
mod options;
mod patterns;
mod report;
mod requirements;
mod run;
mod socket;
mod vacancy;
mod wire;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use case::Trial;
use expected::Expected;
use foreign::differential;
use options::{Options, USAGE};
use report::{Outcome, Report};
use run::Verdict;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments == ["--serve"] {
        foreign::serve();
        return ExitCode::SUCCESS;
    }
    if arguments.iter().any(|argument| argument == "--help") {
        say(USAGE);
        return ExitCode::SUCCESS;
    }
    match Options::parse(arguments) {
        Ok(options) => conform(&options),
        Err(problem) => {
            say(&format!("{problem}\n\n{USAGE}"));
            ExitCode::from(2)
        }
    }
}

fn conform(options: &Options) -> ExitCode {
    let own = own_trials(options);
    let declared: Vec<_> = own
        .iter()
        .map(|trial| (trial.name(), trial.shows))
        .collect();
    let all = match &options.against {
        Some(foreign) => wire::trials_against(foreign),
        None => own,
    };
    let wanted: Vec<Trial> = all
        .into_iter()
        .filter(|trial| options.wants(trial))
        .collect();
    if options.list {
        wanted
            .iter()
            .for_each(|trial| say(&format!("{}: {}", trial.name(), trial.shows.join(" "))));
        return ExitCode::SUCCESS;
    }
    if wanted.is_empty() {
        say("no trial is like that; --list names them");
        return ExitCode::from(2);
    }
    let expected = Expected::listed();
    let is_enough =
        |verdict: &Verdict| options.until_surprise && Outcome::of(verdict, &expected).is_surprise();
    let verdicts = run::run(wanted, is_enough);
    let specifications = requirements::specifications();
    let report = Report::new(specifications, &declared, verdicts, &expected);
    report::print(&report, options.is_whole());
    if let Some(path) = &options.report {
        if let Err(error) = write(path, &report::page(&report)) {
            say(&format!("{}: {error}", path.display()));
            return ExitCode::FAILURE;
        }
        say(&format!("\nthe whole report: {}", path.display()));
    }
    let surprises = report.surprises();
    surprises
        .iter()
        .for_each(|surprise| say(&format!("\nSURPRISE: {surprise}")));
    match surprises.len() {
        0 => ExitCode::SUCCESS,
        count => {
            say(&format!("\n{count} surprises"));
            ExitCode::FAILURE
        }
    }
}

/// Every trial of our own sockets.
fn own_trials(options: &Options) -> Vec<Trial> {
    let pool = foreign::Pool::new(options.python.clone(), options.jeromq.clone());
    let seeds = options.differential.unwrap_or(differential::SEEDS);
    wire::trials()
        .into_iter()
        .chain(patterns::trials())
        .chain(foreign::trials(&pool))
        .chain(differential::trials(&pool, seeds))
        .chain(models::trials(options.models.unwrap_or(models::SEEDS)))
        .collect()
}

fn write(path: &Path, page: &str) -> std::io::Result<()> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    fs::write(path, page)
}

/// Prints a line; that nobody reads it any more is no problem of ours.
fn say(text: &str) {
    let mut stdout = std::io::stdout().lock();
    let _ = writeln!(stdout, "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_requirement_has_evidence_or_a_reason_and_every_trial_a_name_of_its_own() {
        let trials = own_trials(&Options::default());
        let shown = trials.iter().flat_map(|trial| trial.shows.iter().copied());
        let problems = requirements::inconsistencies(&requirements::specifications(), shown);
        assert_eq!(problems, [""; 0]);
        let mut names: Vec<String> = trials.iter().map(Trial::name).collect();
        assert_eq!(Expected::listed().unknown(&names), [""; 0]);
        names.sort();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
