//! The table that README shows: a line for each cell, ours beside libzmq's.

use ferromq_bench::sample::Figure;

use super::{Results, Row};
use crate::plan;
use crate::subject::{LIBZMQ, OURS};

impl Results {
    /// Medians, and the median of the ratios within runs, of the cells of a summary.
    pub(crate) fn summary(&self) -> String {
        let mut text = "| | FerroMQ | libzmq | ratio |\n|---|---|---|---|\n".to_owned();
        let rows = self.rows.iter().filter(|row| plan::is_summary(&row.cell));
        text.extend(rows.filter_map(Row::summary));
        text
    }
}

impl Row {
    /// `None`: it was not measured on both.
    fn summary(&self) -> Option<String> {
        let figure = self.lead()?;
        let ratio = self.ratio(LIBZMQ, figure);
        ratio.median?;
        let [ours, theirs] = [OURS, LIBZMQ].map(|name| self.spread(name, figure).short());
        let unit = match figure {
            Figure::Rate => "/s".to_owned(),
            _ => format!(" {}", figure.unit()),
        };
        let (cell, ratio) = (self.cell, ratio.short());
        Some(format!(
            "| {cell} | {ours}{unit} | {theirs}{unit} | {ratio} |\n"
        ))
    }
}
