//! `cargo xtask stress`: random traffic over real connections, accounted for to the last message,
//! by the package `stress`, in the three modes.

use std::path::Path;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::Outcome;
use crate::step::{optimised, run as run_command};

/// Who reads and writes connections: `FERROMQ_TUNING`, which only builds with debug assertions
/// look at.
const MODES: [&str; 3] = ["adaptive", "always", "never"];

/// How long one mode has in `cargo xtask ci`.
const BRIEF: u64 = 7;

/// Runs all modes, or those that are named, for so long in all.
pub(crate) fn run(root: &Path, arguments: &[&str]) -> Outcome {
    let options = Options::parse(arguments)?;
    let seconds = options.minutes * 60 / options.modes.len() as u64;
    run_modes(root, &options.modes, seconds, options.seed)
}

/// A quick look at each mode.
pub(crate) fn run_briefly(root: &Path) -> Outcome {
    run_modes(root, &MODES, BRIEF, some_seed())
}

fn run_modes(root: &Path, modes: &[&str], seconds: u64, seed: u64) -> Outcome {
    let program = optimised(root, "ferromq-stress")?;
    for mode in modes {
        println!("{mode}: seed {seed}, {seconds} s");
        let mut command = Command::new(&program);
        command.args([seconds.to_string(), seed.to_string()]);
        run_command(command.env("FERROMQ_TUNING", mode))?;
    }
    Ok(())
}

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
struct Options<'a> {
    minutes: u64,
    seed: u64,
    modes: Vec<&'a str>,
}

impl<'a> Options<'a> {
    fn parse(arguments: &[&'a str]) -> Outcome<Self> {
        let mut options = Self {
            minutes: 3,
            seed: some_seed(),
            modes: Vec::new(),
        };
        for pair in arguments.chunks(2) {
            let number = |text: &str| text.parse().map_err(|_| format!("{text} is no number"));
            match *pair {
                ["--minutes", minutes] => options.minutes = number(minutes)?,
                ["--seed", seed] => options.seed = number(seed)?,
                ["--tuning", mode] if MODES.contains(&mode) => options.modes.push(mode),
                ["--tuning", mode] => return Err(format!("no mode is named {mode}")),
                _ => {
                    return Err("usage: cargo xtask stress [--minutes N] [--seed S] \
                                 [--tuning adaptive|always|never]…"
                        .to_owned());
                }
            }
        }
        if options.modes.is_empty() {
            options.modes.extend(MODES);
        }
        Ok(options)
    }
}

/// Another one each time; it is printed.
fn some_seed() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(1, |since| since.as_millis() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read() {
        let options = Options::parse(&["--minutes", "60", "--seed", "7"]).unwrap();
        assert_eq!((options.minutes, options.seed), (60, 7));
        assert_eq!(options.modes, MODES);
        let options = Options::parse(&["--tuning", "never"]).unwrap();
        assert_eq!(options.modes, ["never"]);
        for wrong in [
            &["--tuning", "often"][..],
            &["--minutes", "few"],
            &["--seed"],
            &["60"],
        ] {
            assert!(Options::parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
