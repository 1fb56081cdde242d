//! `cargo xtask soak`: connections come and go for a long time, by the package `soak`.

use std::path::Path;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::step::{cargo, run as run_command};
use crate::{Outcome, target};

/// Runs for so many minutes: 2, unless it says otherwise.
pub(crate) fn run(root: &Path, arguments: &[&str]) -> Outcome {
    let minutes = parse(arguments)?;
    let build = ["build", "--release", "--locked", "-p", "ferromq-soak"];
    run_command(&mut cargo(root, &build))?;
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let seed = since.map_or(1, |since| since.as_millis() as u64);
    println!("seed {seed}, {minutes} minutes");
    let mut program = Command::new(target(root).join("release/ferromq-soak"));
    run_command(program.args([(minutes * 60).to_string(), seed.to_string()]))
}

fn parse(arguments: &[&str]) -> Outcome<u64> {
    match *arguments {
        [] => Ok(2),
        ["--minutes", minutes] => match minutes.parse() {
            Ok(minutes @ 1..) => Ok(minutes),
            _ => Err(format!("{minutes} is no number of minutes")),
        },
        _ => Err("usage: cargo xtask soak [--minutes N]".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_are_read() {
        assert_eq!(parse(&[]), Ok(2));
        assert_eq!(parse(&["--minutes", "30"]), Ok(30));
        assert!(parse(&["--minutes", "0"]).is_err());
        assert!(parse(&["30"]).is_err());
    }
}
