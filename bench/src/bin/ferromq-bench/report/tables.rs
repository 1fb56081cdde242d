//! The tables: one for each kind of figure, a line for each cell.

use std::fmt::Write;

use ferromq_bench::cell::Work;
use ferromq_bench::sample::Figure;

use super::{Results, Row};
use crate::subject::{BEST, LIBZMQ, RAW};
use crate::targets;

/// The figures that tables are about, and those beside them.
const TABLES: [(Figure, &[Figure]); 2] = [
    (Figure::Rate, &[]),
    (Figure::P50, &[Figure::P99, Figure::P999]),
];
/// What every line ends with.
const COSTS: [Figure; 3] = [Figure::Cpu, Figure::SystemCalls, Figure::Idle];

impl Results {
    /// The tables: medians, with the range over the runs in brackets.
    pub(crate) fn tables(&self) -> String {
        let mut text = String::new();
        for (lead, beside) in TABLES {
            let rows = self.rows.iter().filter(|row| row.lead() == Some(lead));
            let lines: Vec<String> = rows.map(|row| self.line(row, lead, beside)).collect();
            if !lines.is_empty() {
                text += &self.head(lead, beside);
                text.extend(lines);
            }
        }
        text += &self.scale();
        text += &self.problems();
        text
    }

    /// A line for each figure of the cells that are about something else.
    fn scale(&self) -> String {
        let rows: Vec<&Row> = self
            .rows
            .iter()
            .filter(|row| row.lead().is_none())
            .collect();
        if rows.is_empty() {
            return String::new();
        }
        let mut columns = vec!["scale".to_owned(), "figure".to_owned()];
        columns.extend(self.names().map(str::to_owned));
        columns.push(format!("÷ {LIBZMQ}"));
        columns.push("targets".to_owned());
        let mut text = head(&columns);
        for row in rows {
            for &figure in row.scale_figures() {
                let unit = figure.unit();
                let mut columns = vec![row.cell.to_string(), format!("{figure}, {unit}")];
                columns.extend(
                    self.names()
                        .map(|name| row.spread(name, figure).to_string()),
                );
                columns.push(row.ratio(LIBZMQ, figure).short());
                columns.push(row.verdicts(Some(figure), None));
                text += &format!("| {} |\n", columns.join(" | "));
            }
        }
        text
    }

    fn head(&self, lead: Figure, beside: &[Figure]) -> String {
        let mut columns = vec![format!("{lead}, {}", lead.unit())];
        columns.extend(self.names().map(str::to_owned));
        columns.extend(self.opponents().map(|name| format!("÷ {name}")));
        let names = self.names().collect::<Vec<_>>().join(" / ");
        let further = beside.iter().chain(&COSTS);
        columns.extend(further.map(|figure| format!("{figure}, {}: {names}", figure.unit())));
        columns.push("targets".to_owned());
        head(&columns)
    }

    fn line(&self, row: &Row, lead: Figure, beside: &[Figure]) -> String {
        let mut columns = vec![row.cell.to_string()];
        columns.extend(self.names().map(|name| row.spread(name, lead).to_string()));
        columns.extend(
            self.opponents()
                .map(|name| row.ratio(name, lead).to_string()),
        );
        for &figure in beside.iter().chain(&COSTS) {
            let medians = self.names().map(|name| row.spread(name, figure).short());
            columns.push(medians.collect::<Vec<_>>().join(" / "));
        }
        columns.push(row.verdicts(None, self.direct(row)));
        format!("| {} |\n", columns.join(" | "))
    }

    /// Those whom targets refer to.
    fn opponents(&self) -> impl Iterator<Item = &str> {
        let named = self.names().filter(|&name| name == LIBZMQ || name == RAW);
        let are_many = self.names().filter(|&name| name != RAW).count() > 2;
        named.chain(are_many.then_some(BEST))
    }

    fn problems(&self) -> String {
        let mut text = String::new();
        for row in &self.rows {
            for failure in &row.failures {
                let _ = writeln!(text, "\nFAILED: {}: {failure}", row.cell);
            }
            for name in self.names() {
                let lost: u64 = row
                    .runs
                    .iter()
                    .filter_map(|run| Some(run.get(name)?.lost))
                    .sum();
                if lost > 0 {
                    let _ = writeln!(text, "\nLOST: {}: {name}: {lost} messages", row.cell);
                }
            }
        }
        text
    }
}

fn head(columns: &[String]) -> String {
    let rule = "|---".repeat(columns.len());
    format!("\n| {} |\n{rule}|\n", columns.join(" | "))
}

impl Row {
    /// The figure that the cell is about, if that is a rate or a time.
    pub(super) fn lead(&self) -> Option<Figure> {
        match self.cell.work {
            Work::Paced(_) | Work::Hot | Work::CurveHot | Work::Cold | Work::PairHot => {
                Some(Figure::P50)
            }
            _ if self.scale_figures().is_empty() => Some(Figure::Rate),
            _ => None,
        }
    }

    /// The figures that the cell is about otherwise.
    fn scale_figures(&self) -> &'static [Figure] {
        use Figure::*;
        match self.cell.work {
            Work::Connections(_) => &[
                Up,
                BindMemory,
                ConnectMemory,
                Descriptors,
                Threads,
                Idle,
                WakeUps,
            ],
            Work::Prefixes(_) => &[Rate, BindMemory, ConnectMemory, P50, P99],
            Work::Topics(_) => &[Rate, BindMemory, ConnectMemory, Deliveries],
            Work::Backlog => &[Accepted, BindMemory, ConnectMemory, Idle, WakeUps],
            Work::StartUp => &[P50, P99, Socket],
            Work::Stalled => &[Rate, Stalled],
            Work::Attack(_) => &[Hostile, P50, P99, P999],
            _ => &[],
        }
    }

    /// The targets that are missed, with what was reached, or that all are met; those about one
    /// figure, or all.
    fn verdicts(&self, figure: Option<Figure>, direct: Option<&Self>) -> String {
        let mut targets = targets::of(&self.cell);
        targets.retain(|target| figure.is_none_or(|figure| target.figure == figure));
        let verdict = |target| (target, self.verdict(target, direct));
        let verdicts = targets.iter().map(verdict);
        let verdicts: Vec<_> = verdicts
            .filter_map(|(target, verdict)| Some((target, verdict?)))
            .collect();
        if verdicts.is_empty() {
            return "–".to_owned();
        }
        let missed = verdicts.iter().filter(|(_, (is_met, _))| !is_met);
        let missed: Vec<String> = missed
            .map(|(target, (_, reached))| format!("{target}: {reached}"))
            .collect();
        if missed.is_empty() {
            return format!("met ({})", verdicts.len());
        }
        format!("MISSED {}", missed.join("; "))
    }
}
