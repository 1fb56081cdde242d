//! `cargo xtask budget`: instructions per message of the hot paths, counted by callgrind and
//! compared with what is committed in `budgets/instructions.txt`.
//!
//! What is counted is the engine in the simulated world, optimised, on one thread: the same number
//! in every run of the same build. Compilers and C libraries differ a little; the slack is for
//! them.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::step::{cargo, run as run_command};
use crate::{Outcome, target};

const FILE: &str = "budgets/instructions.txt";

/// A number may grow by a tenth of itself.
const SLACK: u64 = 10;

/// Where counting starts and stops: the functions that change sides in `budgets/src/meter.rs`.
const SIDES: [&str; 3] = ["measured", "measured_outside", "measured_inside"];

const HEADER: &str = "\
# Instructions per message, both sides together: `cargo xtask budget` fails if one of them grows by
# more than a tenth. `cargo xtask budget --bless` writes what it counts.
";

/// Counts and compares; with `--bless`, writes what was counted.
pub(crate) fn run(root: &Path, arguments: &[&str]) -> Outcome {
    let bless = match *arguments {
        [] => false,
        ["--bless"] => true,
        _ => return Err("usage: cargo xtask budget [--bless]".to_owned()),
    };
    let build = ["build", "--release", "--locked", "-p", "ferromq-budgets"];
    run_command(&mut cargo(root, &build))?;
    let program = target(root).join("release/ferromq-budgets");
    let mut counted = Vec::new();
    for (name, messages) in parse(&text_of(&mut Command::new(&program))?)? {
        counted.push((name.clone(), count(&program, &name)? / messages.max(1)));
    }
    let path = root.join(FILE);
    if bless {
        return fs::write(&path, render(&counted)).map_err(|error| format!("{FILE}: {error}"));
    }
    let budgets = fs::read_to_string(&path).map_err(|error| format!("{FILE}: {error}"))?;
    compare(&counted, &parse(&budgets)?)
}

/// The instructions of one scenario.
fn count(program: &Path, name: &str) -> Outcome<u64> {
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
    command.arg("--collect-atstart=no");
    for side in SIDES {
        command.arg(format!("--toggle-collect=ferromq_budgets::meter::{side}"));
    }
    let text = text_of(command.arg(program).arg(name))?;
    let collected = text.lines().find_map(|line| line.split_once("Collected :"));
    let number = collected.and_then(|(_, number)| number.trim().parse().ok());
    match number {
        Some(0) | None => Err(format!("{name}: callgrind has counted nothing:\n{text}")),
        Some(number) => Ok(number),
    }
}

/// What a program prints, on either channel.
fn text_of(command: &mut Command) -> Outcome<String> {
    let output = command.output().map_err(|error| {
        let program = command.get_program().to_string_lossy();
        format!("{program}: {error} (callgrind is in Debian's package valgrind)")
    })?;
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.push_str(&String::from_utf8_lossy(&output.stderr));
    if output.status.success() {
        Ok(text)
    } else {
        Err(format!("{command:?}: {}\n{text}", output.status))
    }
}

/// Names with numbers, one per line.
fn parse(text: &str) -> Outcome<Vec<(String, u64)>> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let entry = |line: &str| {
        let (name, number) = line.split_once(' ')?;
        Some((name.to_owned(), number.trim().parse().ok()?))
    };
    lines
        .map(|line| entry(line).ok_or_else(|| format!("not a name and a number: {line}")))
        .collect()
}

fn render(counted: &[(String, u64)]) -> String {
    let mut text = HEADER.to_owned();
    for (name, number) in counted {
        let _ = writeln!(text, "{name:<16} {number}");
    }
    text
}

/// Fails if a number is over its budget, or if names are missing on either side.
fn compare(counted: &[(String, u64)], budgets: &[(String, u64)]) -> Outcome {
    let names = |list: &[(String, u64)]| -> Vec<String> {
        list.iter().map(|(name, _)| name.clone()).collect()
    };
    if names(counted) != names(budgets) {
        return Err(format!("{FILE} is for other scenarios: --bless"));
    }
    let mut over = Vec::new();
    for ((name, number), (_, budget)) in counted.iter().zip(budgets) {
        println!("{name:<16} {number:>9} instructions per message, {budget:>9} when blessed");
        if number * 100 > budget * (100 + SLACK) {
            over.push(name.as_str());
        }
    }
    match over[..] {
        [] => Ok(()),
        _ => Err(format!(
            "more than {SLACK} % over budget: {}",
            over.join(", ")
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(entries: &[(&str, u64)]) -> Vec<(String, u64)> {
        let owned = entries
            .iter()
            .map(|&(name, number)| (name.to_owned(), number));
        owned.collect()
    }

    #[test]
    fn what_is_blessed_is_read_again() {
        let counted = list(&[("stream-64", 1318), ("inproc-64", 871)]);
        assert_eq!(parse(&render(&counted)), Ok(counted));
        assert!(parse("stream-64").is_err());
    }

    #[test]
    fn a_tenth_more_passes_and_any_more_fails() {
        let budgets = list(&[("a", 1000), ("b", 10)]);
        let within = list(&[("a", 1100), ("b", 5)]);
        assert_eq!(compare(&within, &budgets), Ok(()));
        let beyond = list(&[("a", 1101), ("b", 10)]);
        let problem = compare(&beyond, &budgets);
        assert_eq!(problem, Err("more than 10 % over budget: a".to_owned()));
        assert!(compare(&budgets[..1], &budgets).is_err());
    }
}
