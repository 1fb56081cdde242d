//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use ferromq_bench::Outcome;
use ferromq_bench::cell::Cell;

use crate::plan;

pub(crate) const USAGE: &str = "\
cargo xtask bench [OPTION]…
  --against NAME     libzmq (default), raw, none, all or another rival; raw is among them all
  --only WORDS       only the cells whose name contains these words, such as 'hot tcp 64 B';
                     may be repeated
  --quick            fewer cells, fewer and shorter rounds: less than a minute
  --summary          only the cells of README's table and chart: about four minutes
  --rounds NUMBER    default: 5, when quick 3
  --add              keep what was measured before, except what is measured again
  --list             only the names of the cells
  --report           measures nothing: tables and charts of what was measured before
  --out DIRECTORY    where the results go; default: target/bench";

/// What is asked for.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) against: String,
    pub(crate) only: Vec<String>,
    pub(crate) quick: bool,
    pub(crate) summary: bool,
    pub(crate) add: bool,
    pub(crate) rounds: usize,
    pub(crate) action: Action,
    pub(crate) out: PathBuf,
    /// Where the programs of the rivals are.
    pub(crate) rivals: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Help,
    List,
    Measure,
    Report,
}

impl Options {
    pub(crate) fn parse(arguments: &[String]) -> Outcome<Self> {
        let mut options = Self {
            against: "libzmq".to_owned(),
            only: Vec::new(),
            quick: false,
            summary: false,
            add: false,
            rounds: 0,
            action: Action::Measure,
            out: PathBuf::from("target/bench"),
            rivals: PathBuf::from("target/rivals/release"),
        };
        let mut words = arguments.iter().map(String::as_str);
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| format!("{word}?\n{USAGE}"));
            match word {
                "--help" => options.action = Action::Help,
                "--list" => options.action = Action::List,
                "--report" => options.action = Action::Report,
                "--add" => options.add = true,
                "--quick" => options.quick = true,
                "--summary" => options.summary = true,
                "--against" => value()?.clone_into(&mut options.against),
                "--only" => options.only.push(value()?.to_owned()),
                "--rounds" => options.rounds = value()?.parse()?,
                "--out" => options.out = value()?.into(),
                "--rivals" => options.rivals = value()?.into(),
                _ => return Err(format!("{word}?\n{USAGE}").into()),
            }
        }
        if options.rounds == 0 {
            options.rounds = if options.quick { 3 } else { 5 };
        }
        Ok(options)
    }

    /// The cells that are asked for.
    pub(crate) fn cells(&self) -> Vec<Cell> {
        let is_named = |cell: &Cell| {
            let name = cell.to_string();
            let has = |word: &str| name.split(' ').any(|other| other == word);
            let has_all = |words: &String| words.split(' ').all(has);
            self.only.is_empty() || self.only.iter().any(has_all)
        };
        let cells = plan::all().into_iter().filter(is_named);
        cells
            .filter(|cell| !self.quick || plan::is_quick(cell))
            .filter(|cell| !self.summary || plan::is_summary(cell))
            .collect()
    }

    /// Where the results go.
    pub(crate) fn file(&self) -> PathBuf {
        let name = if self.quick {
            "quick.json"
        } else {
            "results.json"
        };
        self.out.join(name)
    }

    /// How long a run measures.
    pub(crate) fn measured(&self) -> Duration {
        Duration::from_millis(if self.quick { 100 } else { 300 })
    }

    /// How long nothing is sent after that.
    pub(crate) fn idle(&self) -> Duration {
        Duration::from_millis(if self.quick { 20 } else { 100 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Outcome<Options> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        Options::parse(&words)
    }

    #[test]
    fn options_are_read() {
        let options = parse("--against all --quick --only hot --only cold").unwrap();
        assert_eq!((options.against.as_str(), options.rounds), ("all", 3));
        assert_eq!(options.only, ["hot", "cold"]);
        assert_eq!(parse("").unwrap().rounds, 5);
        let summary = parse("--summary --only hot").unwrap().cells();
        assert!(summary.len() == 2 && summary.iter().all(plan::is_summary));
        let words = ["--only".to_owned(), "one-way tcp 16 B two cores".to_owned()];
        assert_eq!(Options::parse(&words).unwrap().cells().len(), 1);
        assert_eq!(parse("--list").unwrap().action, Action::List);
    }

    #[test]
    fn unknown_options_are_refused() {
        assert!(parse("--transport udp").is_err());
        assert!(parse("--rounds").is_err());
        assert!(parse("--rounds five").is_err());
    }
}
