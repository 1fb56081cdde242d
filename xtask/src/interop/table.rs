//! The table of results: a row per scenario and transport, a column per combination of languages.

use std::time::Instant;

use super::{Language, Sides};
use crate::Outcome;

/// Prints rows as they are found, and remembers the failures.
#[derive(Debug)]
pub(crate) struct Table {
    combinations: Vec<Sides>,
    failures: Vec<String>,
}

impl Table {
    /// Prints the head; the columns are these combinations.
    pub(crate) fn new(title: &str, combinations: &[Sides]) -> Self {
        let head: Vec<String> = combinations.iter().map(|&sides| column(sides)).collect();
        println!("{title:<40}{}", head.join(""));
        Self {
            combinations: combinations.to_vec(),
            failures: Vec::new(),
        }
    }

    /// Runs one row: `run` is called for each combination; `None` where it has no meaning.
    pub(crate) fn row(&mut self, name: &str, mut run: impl FnMut(Sides) -> Option<Outcome>) {
        print!("{name:<40}");
        for &sides in &self.combinations {
            let start = Instant::now();
            let outcome = run(sides);
            let seconds = start.elapsed().as_secs_f64();
            let cell = match &outcome {
                None => "-".to_owned(),
                Some(Ok(())) => format!("ok {seconds:.1} s"),
                Some(Err(_)) => format!("FAILED {seconds:.1} s"),
            };
            print!("{cell:<16}");
            let _ = std::io::Write::flush(&mut std::io::stdout());
            if let Some(Err(problem)) = outcome {
                self.failures
                    .push(format!("{name}, {}: {problem}", column(sides).trim_end()));
            }
        }
        println!();
    }

    /// Prints the failures; how many there are.
    pub(crate) fn finish(self) -> usize {
        for failure in &self.failures {
            println!("\n{failure}");
        }
        self.failures.len()
    }
}

fn column((first, second): Sides) -> String {
    let name = |language| match language {
        Language::Python => "Python",
        Language::Rust => "Rust",
    };
    format!("{:<16}", format!("{}–{}", name(first), name(second)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interop::COMBINATIONS;

    #[test]
    fn failures_are_counted_and_skipped_cells_are_not() {
        let mut table = Table::new("test", &COMBINATIONS);
        table.row("row", |(first, second)| match (first, second) {
            (Language::Rust, Language::Rust) => None,
            (Language::Rust, Language::Python) => Some(Err("lost".to_owned())),
            _ => Some(Ok(())),
        });
        assert_eq!(table.finish(), 1);
    }
}
