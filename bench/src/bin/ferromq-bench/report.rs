//! What has been measured: medians with their range, ratios, verdicts, and the JSON.

mod chart;
mod charts;
mod spread;
mod summary;
mod tables;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use ferromq_bench::Outcome;
use ferromq_bench::cell::Cell;
use ferromq_bench::sample::{Figure, Sample};
use serde::{Deserialize, Serialize};

use crate::subject::{BEST, OURS, RAW, Subject};
use crate::targets::{Bound, Target};

pub(crate) use spread::{Spread, three_digits};

/// What is said about the options of all.
const DEFAULTS: &str = "\
defaults everywhere: high-water marks, one I/O thread per context and a context per side, the \
system's kernel buffers; except PUB and SUB: no high-water marks, and a publisher at most 10 000 \
messages or 64 MiB ahead of its slowest subscriber; each message a fresh copy of the \
application's bytes; a new process for each run; inproc: one context";

/// Everything that a measurement has shown.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Results {
    machine: String,
    defaults: String,
    /// Those that were measured, and their versions; FerroMQ first.
    subjects: Vec<(String, String)>,
    /// By round and run: the latency between the cores, in nanoseconds.
    pub(crate) probes: Vec<Vec<f64>>,
    pub(crate) rows: Vec<Row>,
}

impl Results {
    pub(crate) fn new(machine: String, subjects: &[Subject]) -> Outcome<Self> {
        let version = |subject: &Subject| Ok((subject.name.to_owned(), subject.version()?));
        Ok(Self {
            machine,
            defaults: DEFAULTS.to_owned(),
            subjects: subjects.iter().map(version).collect::<Outcome<_>>()?,
            probes: Vec::new(),
            rows: Vec::new(),
        })
    }

    pub(crate) fn read(path: &Path) -> Outcome<Self> {
        let text = fs::read_to_string(path);
        let text = text.map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(serde_json::from_str(&text)?)
    }

    pub(crate) fn write(&self, path: &Path) -> Outcome {
        Ok(fs::write(path, serde_json::to_string_pretty(self)?)?)
    }

    /// These, with those rows of `newer` that it has measured again or first.
    pub(crate) fn replaced_by(mut self, newer: Self) -> Self {
        for row in newer.rows {
            match self.rows.iter_mut().find(|old| old.cell == row.cell) {
                Some(old) => *old = row,
                None => self.rows.push(row),
            }
        }
        self.probes.extend(newer.probes);
        Self {
            machine: newer.machine,
            defaults: newer.defaults,
            subjects: newer.subjects,
            ..self
        }
    }

    /// An error that names the cells in which a run failed, whoever's it was: who lacks what a cell
    /// needs does not run.
    pub(crate) fn check(&self) -> Outcome {
        let failed = self.rows.iter().filter(|row| !row.failures.is_empty());
        let failed: Vec<String> = failed.map(|row| row.cell.to_string()).collect();
        match failed.is_empty() {
            true => Ok(()),
            false => Err(format!("failed: {}", failed.join(", ")).into()),
        }
    }

    /// The machine, who is measured, and how.
    pub(crate) fn heading(&self) -> String {
        let versions = self.subjects.iter().map(|(_, version)| version.as_str());
        let versions = versions.collect::<Vec<_>>().join("\n");
        format!("{}\n{versions}\n{}\n", self.machine, self.defaults)
    }

    /// The same work without a proxy, if it was measured.
    fn direct(&self, row: &Row) -> Option<&Row> {
        let work = row.cell.work.without()?;
        let cell = Cell { work, ..row.cell };
        self.rows.iter().find(|other| other.cell == cell)
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.subjects.iter().map(|(name, _)| name.as_str())
    }
}

/// By subject, what a run has measured.
type Run = BTreeMap<String, Sample>;

fn of(run: &Run, name: &str, figure: Figure) -> Option<f64> {
    run.get(name)?.get(figure)
}

/// The best figure of several rivals.
fn best_other(run: &Run, figure: Figure) -> Option<f64> {
    let rivals = run.keys().filter(|name| **name != OURS && **name != RAW);
    let figures: Vec<f64> = rivals.filter_map(|name| of(run, name, figure)).collect();
    if figures.len() < 2 {
        return None;
    }
    let better = |one: f64, other: f64| {
        if figure.is_ahead(one / other) {
            one
        } else {
            other
        }
    };
    figures.into_iter().reduce(better)
}

/// A cell and what it has shown.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) cell: Cell,
    pub(crate) runs: Vec<Run>,
    /// By subject: the system calls for each message.
    calls: BTreeMap<String, f64>,
    /// What went wrong, without repetition.
    failures: Vec<String>,
}

impl Row {
    pub(crate) fn new(cell: Cell) -> Self {
        Self {
            cell,
            runs: Vec::new(),
            calls: BTreeMap::new(),
            failures: Vec::new(),
        }
    }

    pub(crate) fn fail(&mut self, name: &str, problem: &str) {
        let failure = format!("{name}: {problem}");
        if !self.failures.contains(&failure) {
            self.failures.push(failure);
        }
    }

    /// Whether anything of this subject was measured.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.runs.iter().any(|run| run.contains_key(name))
    }

    pub(crate) fn put_calls(&mut self, name: &str, calls: f64) {
        self.calls.insert(name.to_owned(), calls);
    }

    fn spread(&self, name: &str, figure: Figure) -> Spread {
        if figure == Figure::SystemCalls {
            return Spread::of(self.calls.get(name).copied().into_iter());
        }
        let samples = self.runs.iter().filter_map(|run| run.get(name));
        Spread::of(samples.filter_map(|sample| sample.get(figure)))
    }

    /// Ours by theirs, within each run.
    fn ratios(&self, against: &str, figure: Figure) -> Vec<f64> {
        let ratio = |run| {
            let theirs = match against {
                BEST => best_other(run, figure),
                name => of(run, name, figure),
            };
            Some(of(run, OURS, figure)? / theirs?)
        };
        self.runs.iter().filter_map(ratio).collect()
    }

    fn ratio(&self, against: &str, figure: Figure) -> Spread {
        Spread::of(self.ratios(against, figure).into_iter())
    }

    /// Whether a target is met, and by what; `None`: nobody to compare with. `direct` is the same
    /// work without what it is about.
    fn verdict(&self, target: &Target, direct: Option<&Row>) -> Option<(bool, String)> {
        let figure = target.figure;
        let (is_met, shown) = match target.bound {
            Bound::AtLeast(least, against) => {
                let ratio = self.ratio(against, figure).median?;
                (ratio >= least, ratio)
            }
            Bound::AtMost(most, against) => {
                let ratio = self.ratio(against, figure).median?;
                (ratio <= most, ratio)
            }
            Bound::Ahead(against) => {
                let ratios = self.ratios(against, figure);
                let wins = ratios
                    .iter()
                    .filter(|&&ratio| figure.is_ahead(ratio))
                    .count();
                let is_met = 3 * wins >= 2 * ratios.len();
                let text = format!("{wins} of {}", ratios.len());
                return (!ratios.is_empty()).then_some((is_met, text));
            }
            Bound::OfDirect(share) => {
                let median = self.spread(OURS, figure).median?;
                let reached = median / direct?.spread(OURS, figure).median?;
                (reached >= share, reached)
            }
            Bound::Added(most) => {
                let median = self.spread(OURS, figure).median?;
                let added = median - direct?.spread(OURS, figure).median?;
                (added <= most, added)
            }
            Bound::Steady(share) => {
                let spread = self.spread(OURS, figure);
                let worst = spread.least / spread.median?;
                (worst >= share, worst)
            }
            Bound::Least(least) => {
                let median = self.spread(OURS, figure).median?;
                (median >= least, median)
            }
            Bound::Most(most) => {
                let median = self.spread(OURS, figure).median?;
                (median <= most, median)
            }
        };
        Some((is_met, three_digits(shown)))
    }
}

#[cfg(test)]
mod tests {
    use ferromq_bench::cell::{Ends, Placement, Transport, Work};

    use super::*;
    use crate::subject::LIBZMQ;

    /// A row with our rates and theirs.
    fn row(rates: &[(u64, u64)]) -> Row {
        let sample = |count| Sample {
            count,
            seconds: 1.0,
            ..Sample::default()
        };
        let mut row = Row::new(Cell {
            work: Work::OneWay,
            transport: Transport::Tcp,
            size: 64,
            placement: Placement::TwoCores,
            ends: Ends::Threads,
        });
        row.runs.extend(rates.iter().map(|&(ours, theirs)| {
            let both = [(OURS, sample(ours)), (LIBZMQ, sample(theirs))];
            BTreeMap::from(both.map(|(name, sample)| (name.to_owned(), sample)))
        }));
        row
    }

    fn is_met(row: &Row, bound: Bound) -> Option<bool> {
        let target = Target {
            figure: Figure::Rate,
            bound,
        };
        let direct = self::row(&[(12, 1)]);
        Some(row.verdict(&target, Some(&direct))?.0)
    }

    #[test]
    fn ratios_are_taken_within_runs() {
        let row = row(&[(1, 2), (10, 20), (3, 4)]);
        let ratio = row.ratio(LIBZMQ, Figure::Rate);
        assert_eq!(ratio.to_string(), "0.50 (0.50..0.75)");
    }

    #[test]
    fn verdicts_follow_their_bounds() {
        let row = row(&[(10, 5), (10, 5), (6, 12)]);
        assert_eq!(is_met(&row, Bound::AtLeast(2.0, LIBZMQ)), Some(true));
        assert_eq!(is_met(&row, Bound::AtLeast(2.1, LIBZMQ)), Some(false));
        assert_eq!(is_met(&row, Bound::AtMost(1.9, LIBZMQ)), Some(false));
        assert_eq!(is_met(&row, Bound::Ahead(LIBZMQ)), Some(true));
        assert_eq!(is_met(&row, Bound::Steady(0.7)), Some(false));
        assert_eq!(is_met(&row, Bound::OfDirect(0.8)), Some(true));
        assert_eq!(is_met(&row, Bound::OfDirect(0.9)), Some(false));
        assert_eq!(is_met(&row, Bound::Added(-2.0)), Some(true));
        assert_eq!(is_met(&row, Bound::Added(-2.1)), Some(false));
        assert_eq!(is_met(&row, Bound::AtLeast(2.0, "nobody")), None);
    }

    #[test]
    fn best_other_is_the_best_of_several() {
        let mut row = row(&[(10, 5), (10, 20)]);
        assert!(row.ratios(BEST, Figure::Rate).is_empty());
        for run in &mut row.runs {
            let theirs = run[LIBZMQ].clone();
            let half = Sample {
                count: theirs.count / 2,
                ..theirs.clone()
            };
            let twice = Sample {
                count: theirs.count * 2,
                ..theirs
            };
            run.extend([("omq".to_owned(), half), (RAW.to_owned(), twice)]);
        }
        assert_eq!(row.ratios(BEST, Figure::Rate), [2.0, 0.5]);
    }

    fn results(rows: Vec<Row>) -> Results {
        Results {
            machine: String::new(),
            defaults: String::new(),
            subjects: Vec::new(),
            probes: Vec::new(),
            rows,
        }
    }

    #[test]
    fn cell_in_which_anybody_failed_is_named_and_an_error() {
        let (whole, mut failed, mut ours) = (row(&[(1, 1)]), row(&[(1, 1)]), row(&[]));
        assert!(results(vec![whole]).check().is_ok());
        failed.cell.size = 256;
        failed.fail(LIBZMQ, "no end in sight");
        ours.cell.size = 1024;
        ours.fail(OURS, "exit status: 101");
        let problem = results(vec![row(&[(1, 1)]), failed, ours]).check();
        let problem = problem.unwrap_err().to_string();
        let names = "one-way tcp 256 B two cores, one-way tcp 1 KiB two cores";
        assert_eq!(problem, format!("failed: {names}"));
    }

    #[test]
    fn rows_measured_again_replace_the_old_ones() {
        let results = |rates: &[(u64, u64)]| results(vec![row(rates)]);
        let merged = results(&[(1, 1)]).replaced_by(results(&[(2, 1), (2, 1)]));
        assert_eq!(merged.rows.len(), 1);
        assert_eq!(merged.rows[0].runs.len(), 2);
    }
}
