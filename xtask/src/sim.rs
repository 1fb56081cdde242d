//! `cargo xtask sim`: whole sockets over a simulated network, by seeds, with the package `sim`.

use std::path::Path;
use std::process::Command;

use crate::Outcome;
use crate::step::{optimised, run as run_command};

/// How many seeds `cargo xtask ci` runs, each twice; they have to show everything that is listed in
/// `sim/src/seen.rs`.
const IN_CI: &str = "300";

/// Runs what is asked for.
pub(crate) fn run(root: &Path, arguments: &[&str]) -> Outcome {
    let options = Options::parse(arguments)?;
    play(root, &options.words())
}

/// A quick look, at the same seeds each time.
pub(crate) fn run_briefly(root: &Path) -> Outcome {
    play(
        root,
        &[IN_CI.to_owned(), "0".to_owned(), "--covered".to_owned()],
    )
}

fn play(root: &Path, words: &[String]) -> Outcome {
    run_command(Command::new(optimised(root, "ferromq-sim")?).args(words))
}

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
struct Options<'a> {
    seeds: u64,
    first: u64,
    flags: Vec<&'a str>,
}

impl<'a> Options<'a> {
    fn parse(arguments: &[&'a str]) -> Outcome<Self> {
        let mut options = Self {
            seeds: 100,
            first: 0,
            flags: Vec::new(),
        };
        let number = |text: Option<&&str>| {
            let text = text.copied().unwrap_or("nothing");
            text.parse().map_err(|_| format!("{text} is no number"))
        };
        let mut words = arguments.iter();
        while let Some(&word) = words.next() {
            match word {
                "--seeds" => options.seeds = number(words.next())?,
                "--seed" => options.first = number(words.next())?,
                "--once" | "--trace" => options.flags.push(word),
                _ => {
                    return Err(
                        "usage: cargo xtask sim [--seeds N] [--seed FIRST] [--once] \
                                [--trace]"
                            .to_owned(),
                    );
                }
            }
        }
        Ok(options)
    }

    /// As the program wants it.
    fn words(&self) -> Vec<String> {
        let numbers = [self.seeds, self.first].map(|number| number.to_string());
        let flags = self.flags.iter().map(|&flag| flag.to_owned());
        numbers.into_iter().chain(flags).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read() {
        let words = |arguments: &[&str]| Options::parse(arguments).map(|options| options.words());
        let given = ["--seeds", "1", "--seed", "7", "--trace"];
        assert_eq!(words(&given).unwrap(), ["1", "7", "--trace"]);
        assert_eq!(words(&[]).unwrap(), ["100", "0"]);
        for wrong in [&["--seeds"][..], &["--seed", "x"], &["7"]] {
            assert!(words(wrong).is_err(), "{wrong:?}");
        }
    }
}
