//! What the verdicts mean for the requirements: requirement → evidence → result.

mod html;
mod table;

pub(crate) use html::page;
pub(crate) use table::print;

use std::collections::BTreeMap;

use crate::expected::{Entry, Expected};
use crate::requirements::{Note, Requirement, Specification, inconsistencies};
use crate::run::{Failed, Verdict};

/// Everything that was found.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) specifications: Vec<Specification>,
    pub(crate) verdicts: Vec<Judged>,
    /// What was found in other implementations.
    pub(crate) findings: Vec<Entry>,
    /// What is wrong with the evidence as declared.
    inconsistencies: Vec<String>,
}

/// A verdict, compared with what is expected.
#[derive(Debug)]
pub(crate) struct Judged {
    pub(crate) verdict: Verdict,
    pub(crate) outcome: Outcome,
}

/// What a trial comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Passed,
    /// It says nothing here.
    Skipped(&'static str),
    Failed(String),
    /// It failed, for a reason that is known.
    ExpectedFailure(Entry),
    /// It passed, although a reason is given why it fails.
    UnexpectedPass(Entry),
}

/// What all evidence of one requirement comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Status {
    Shown,
    /// Not met, deliberately.
    Differs,
    ExpectedFailure,
    Failed,
    /// Its evidence was not run, or said nothing here.
    NotRun,
    NotShown,
}

impl Status {
    pub(crate) const ALL: [Self; 6] = [
        Self::Shown,
        Self::Differs,
        Self::ExpectedFailure,
        Self::Failed,
        Self::NotRun,
        Self::NotShown,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Shown => "shown",
            Self::Differs => "differs",
            Self::ExpectedFailure => "expected failure",
            Self::Failed => "failed",
            Self::NotRun => "not run",
            Self::NotShown => "not shown",
        }
    }
}

impl Report {
    /// Puts verdicts and requirements together. `declared`: the name of every trial there is, run
    /// or not, with what it shows.
    pub(crate) fn new(
        specifications: Vec<Specification>,
        declared: &[(String, &'static [&'static str])],
        verdicts: Vec<Verdict>,
        expected: &Expected,
    ) -> Self {
        let shown = declared.iter().flat_map(|(_, shows)| shows.iter().copied());
        let mut problems = inconsistencies(&specifications, shown);
        let names: Vec<String> = declared.iter().map(|(name, _)| name.clone()).collect();
        for name in expected.unknown(&names) {
            problems.push(format!("expected-failures.md: no trial is named {name}"));
        }
        let judge = |verdict: Verdict| Judged {
            outcome: Outcome::of(&verdict, expected),
            verdict,
        };
        Self {
            specifications,
            verdicts: verdicts.into_iter().map(judge).collect(),
            findings: expected.foreign().cloned().collect(),
            inconsistencies: problems,
        }
    }

    /// What should not be: each makes the run fail.
    pub(crate) fn surprises(&self) -> Vec<String> {
        let of_trial = |judged: &Judged| {
            let name = &judged.verdict.name;
            match &judged.outcome {
                Outcome::Failed(why) => Some(format!("{name}: {why}")),
                Outcome::UnexpectedPass(entry) => Some(format!(
                    "{name}: passes, although expected to fail: {}",
                    entry.text
                )),
                _ => None,
            }
        };
        let of_trials = self.verdicts.iter().filter_map(of_trial);
        self.inconsistencies
            .iter()
            .cloned()
            .chain(of_trials)
            .collect()
    }

    /// The trials that name this requirement.
    pub(crate) fn evidence(&self, id: &str) -> impl Iterator<Item = &Judged> {
        let names = move |judged: &&Judged| judged.verdict.shows.contains(&id);
        self.verdicts.iter().filter(names)
    }

    pub(crate) fn status(&self, requirement: &Requirement) -> Status {
        if let Note::NotShown(_) = requirement.note {
            return Status::NotShown;
        }
        let outcomes = || self.evidence(&requirement.id).map(|judged| &judged.outcome);
        let any = |wanted: fn(&Outcome) -> bool| outcomes().any(wanted);
        if any(Outcome::is_surprise) {
            Status::Failed
        } else if any(Outcome::is_our_failure) {
            Status::ExpectedFailure
        } else if !any(|outcome| *outcome == Outcome::Passed) {
            Status::NotRun
        } else if matches!(requirement.note, Note::Differs(_)) {
            Status::Differs
        } else {
            Status::Shown
        }
    }

    /// How many requirements of a specification have each status, in the order of
    /// [`Status::ALL`].
    pub(crate) fn counts(&self, specification: &Specification) -> [usize; Status::ALL.len()] {
        let statuses: Vec<Status> = {
            let requirements = specification.requirements.iter();
            requirements.map(|one| self.status(one)).collect()
        };
        Status::ALL.map(|status| statuses.iter().filter(|one| **one == status).count())
    }

    /// The reasons why requirements have no evidence, each with their ids.
    pub(crate) fn reasons(&self) -> BTreeMap<&str, Vec<&str>> {
        let mut reasons: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for one in self
            .specifications
            .iter()
            .flat_map(|spec| &spec.requirements)
        {
            if let Note::NotShown(reason) = &one.note {
                reasons.entry(reason).or_default().push(&one.id);
            }
        }
        reasons
    }
}

impl Outcome {
    pub(crate) fn of(verdict: &Verdict, expected: &Expected) -> Self {
        match (&verdict.result, expected.reason(&verdict.name)) {
            (Ok(()), None) => Self::Passed,
            (Ok(()), Some(entry)) => Self::UnexpectedPass(entry.clone()),
            (Err(Failed::Skipped(why)), _) => Self::Skipped(why),
            (Err(Failed::Panicked(said)), None) => Self::Failed(said.clone()),
            (Err(Failed::Panicked(_)), Some(entry)) => Self::ExpectedFailure(entry.clone()),
        }
    }

    /// True if it is not what was expected.
    pub(crate) fn is_surprise(&self) -> bool {
        matches!(self, Self::Failed(_) | Self::UnexpectedPass(_))
    }

    /// True if something is known to be wrong with FerroMQ, and not with its peer.
    fn is_our_failure(&self) -> bool {
        matches!(self, Self::ExpectedFailure(entry) if entry.is_ours())
    }
}

#[cfg(test)]
mod tests;
