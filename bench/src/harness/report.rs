//! Medians with their range, the tables, and the JSON.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::cell::{Cell, Subject, Work, size};
use super::roles::Sample;

/// How long a run should take, in seconds.
const LONG: f64 = 0.5;
const QUICK: f64 = 0.15;

/// A cell and what it has shown: by round, then by subject.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) cell: Cell,
    pub(crate) samples: Vec<[Sample; 2]>,
    /// How fast each subject was last.
    pub(crate) rates: [f64; 2],
}

impl Row {
    pub(crate) fn new(cell: Cell) -> Self {
        Self {
            cell,
            samples: Vec::new(),
            rates: [0.0; 2],
        }
    }

    /// How many messages fill the time of a run.
    pub(crate) fn count(&self, subject: Subject, quick: bool) -> usize {
        let seconds = if quick { QUICK } else { LONG };
        match self.cell.work {
            Work::Cold => self.cell.first_count(quick),
            Work::OneWay | Work::Hot => {
                (self.rates[subject as usize] * seconds).max(100.0) as usize
            }
        }
    }

    fn spread(&self, subject: Subject, figure: fn(&Sample) -> f64) -> Spread {
        let samples = self.samples.iter();
        Spread::of(samples.map(|sample| figure(&sample[subject as usize])))
    }

    /// Ours by theirs, within each round.
    fn ratio(&self, figure: fn(&Sample) -> f64) -> Spread {
        let [ours, theirs] = [Subject::Ferromq as usize, Subject::Raw as usize];
        let samples = self.samples.iter();
        Spread::of(samples.map(|sample| figure(&sample[ours]) / figure(&sample[theirs])))
    }

    fn one_way_line(&self) -> String {
        let millions = |sample: &Sample| sample.rate / 1e6;
        let rate = |sample: &Sample| sample.rate;
        let cpu = |sample: &Sample| sample.cpu * 1e3;
        format!(
            "{} | {} | {} | {} | {}",
            self.spread(Subject::Ferromq, millions),
            self.spread(Subject::Raw, millions),
            self.ratio(rate),
            self.spread(Subject::Ferromq, cpu).short(),
            self.spread(Subject::Raw, cpu).short(),
        )
    }

    fn round_trip_line(&self) -> String {
        let p50 = |sample: &Sample| sample.p50;
        let p99 = |sample: &Sample| sample.p99;
        let cpu = |sample: &Sample| sample.cpu;
        format!(
            "{} | {} | {} | {} | {} | {} | {} | {}",
            self.spread(Subject::Ferromq, p50),
            self.spread(Subject::Raw, p50),
            self.ratio(p50),
            self.spread(Subject::Ferromq, p99).short(),
            self.spread(Subject::Raw, p99).short(),
            self.ratio(p99).short(),
            self.spread(Subject::Ferromq, cpu).short(),
            self.spread(Subject::Raw, cpu).short(),
        )
    }

    fn json(&self) -> String {
        let &Cell {
            work,
            transport,
            size,
            placement,
        } = &self.cell;
        let rounds = self.samples.iter().map(|samples| {
            let [ours, theirs] = samples.map(|sample| json_sample(&sample));
            format!("{{\"ferromq\":{ours},\"raw\":{theirs}}}")
        });
        format!(
            "{{\"work\":\"{}\",\"transport\":\"{}\",\"size\":{size},\"placement\":\"{}\",\n\
             \"rounds\":[{}]}}",
            work.name(),
            transport.name(),
            placement.name(),
            rounds.collect::<Vec<_>>().join(",")
        )
    }
}

/// Everything that a run has shown.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) rows: Vec<Row>,
    /// By round and cell: the latency between the cores, in nanoseconds.
    pub(crate) probes: Vec<Vec<f64>>,
    machine: String,
}

impl Report {
    pub(crate) fn new(rows: Vec<Row>, machine: String) -> Self {
        Self {
            rows,
            probes: Vec::new(),
            machine,
        }
    }

    /// The tables: medians, with the range over the rounds in brackets.
    pub(crate) fn tables(&self) -> String {
        let one_way = self.rows.iter().filter(|row| row.cell.work == Work::OneWay);
        let others = self.rows.iter().filter(|row| row.cell.work != Work::OneWay);
        let one_way: String = one_way.map(|row| line(row, &row.one_way_line())).collect();
        let round_trip: String = others
            .map(|row| line(row, &row.round_trip_line()))
            .collect();
        let mut text = String::new();
        if !one_way.is_empty() {
            text +=
                "\n| one-way | | | | million messages/s | raw | ratio | cpu ns/message | raw |\n";
            text += "|---|---|---|---|---|---|---|---|---|\n";
            text += &one_way;
        }
        if !round_trip.is_empty() {
            text += "\n| round trip | | | | p50 µs | raw | ratio | p99 µs | raw | ratio ";
            text +=
                "| cpu µs/round trip | raw |\n|---|---|---|---|---|---|---|---|---|---|---|---|\n";
            text += &round_trip;
        }
        text
    }

    /// Writes all samples as JSON: rates per second, times in microseconds.
    pub(crate) fn write(&self, out: &Path, name: &str, defaults: &str) -> io::Result<PathBuf> {
        let rows: Vec<String> = self.rows.iter().map(Row::json).collect();
        let text = format!(
            "{{\"machine\":{:?},\"defaults\":{defaults:?},\n\
             \"core_to_core_ns\":{:?},\"cells\":[\n{}\n]}}\n",
            self.machine,
            self.probes,
            rows.join(",\n")
        );
        fs::create_dir_all(out)?;
        let path = out.join(name);
        fs::write(&path, text)?;
        Ok(path)
    }
}

fn line(row: &Row, figures: &str) -> String {
    let Cell {
        work,
        transport,
        placement,
        ..
    } = row.cell;
    let (work, transport, placement) = (work.name(), transport.name(), placement.name());
    let size = size(row.cell.size);
    format!("| {work} | {transport} | {size} | {placement} | {figures} |\n")
}

fn json_sample(sample: &Sample) -> String {
    let Sample {
        rate,
        p50,
        p99,
        cpu,
    } = sample;
    format!("{{\"rate\":{rate:.1},\"p50\":{p50:.3},\"p99\":{p99:.3},\"cpu\":{cpu:.5}}}")
}

/// The median of some figures, and their range.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    median: f64,
    least: f64,
    most: f64,
}

impl Spread {
    pub(crate) fn of(figures: impl Iterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = figures.filter(|figure| figure.is_finite()).collect();
        sorted.sort_by(f64::total_cmp);
        let at = |index: usize| sorted.get(index).copied().unwrap_or(0.0);
        let last = sorted.len().saturating_sub(1);
        Self {
            median: f64::midpoint(at(last / 2), at(sorted.len() / 2)),
            least: at(0),
            most: at(last),
        }
    }

    /// The median alone; `-` if nothing was measured.
    fn short(&self) -> String {
        let mut text = String::new();
        write_figure(&mut text, self.median).map_or_else(|_| String::new(), |()| text)
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_figure(f, self.median)?;
        if self.most == 0.0 {
            return Ok(());
        }
        f.write_str(" (")?;
        write_figure(f, self.least)?;
        f.write_str("..")?;
        write_figure(f, self.most)?;
        f.write_str(")")
    }
}

/// Three digits or so.
fn write_figure(out: &mut impl fmt::Write, figure: f64) -> fmt::Result {
    match figure {
        0.0 => write!(out, "-"),
        _ if figure < 9.995 => write!(out, "{figure:.2}"),
        _ if figure < 99.95 => write!(out, "{figure:.1}"),
        _ => write!(out, "{figure:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spread_has_the_median_and_the_range() {
        let spread = Spread::of([30.0, 1.0, 2.0].into_iter());
        assert_eq!(spread.to_string(), "2.00 (1.00..30.0)");
        assert_eq!(Spread::of([1.0, 2.0].into_iter()).short(), "1.50");
        assert_eq!(Spread::of([].into_iter()).to_string(), "-");
    }

    #[test]
    fn ratio_is_taken_within_rounds() {
        let mut row = Row::new(Cell::plan(super::super::cell::Transport::Tcp, true)[0]);
        for (ours, theirs) in [(1.0, 2.0), (10.0, 20.0), (3.0, 4.0)] {
            row.samples.push([ours, theirs].map(|rate| Sample {
                rate,
                ..Sample::default()
            }));
        }
        assert_eq!(
            row.ratio(|sample| sample.rate).to_string(),
            "0.50 (0.50..0.75)"
        );
    }
}
