//! `cargo xtask verify`: what takes long, or needs tools that are not everywhere: memory and
//! threads checked by tools, models and mutations, dependencies, versions, time and networks.
//!
//! A step that cannot be taken on a machine says why: it is "not checked" if all steps are run, and
//! a failure if it was asked for by name. A step that fails does not keep the others from running.

mod dependencies;
mod features;
mod tools;
mod versions;

use std::fmt;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::step::run as run_command;
use crate::{Outcome, ci, netns, soak};

/// What a step has come to, if nothing is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Checked, all of it.
    Fine,
    /// Not checked here, because of this.
    Unchecked(String),
}

/// A step: its name, and what it does.
type Step = (&'static str, fn(&Path) -> Outcome<Verdict>);

const STEPS: &[Step] = &[
    ("miri", tools::miri),
    ("threads", tools::threads),
    ("addresses", tools::addresses),
    ("loom", |root| ci::check_models(root).map(fine)),
    ("loom-mutations", |root| {
        run_script(root, "crates/core/loom-mutations/check.sh")
    }),
    ("mutations", |root| {
        run_script(root, "conformance/mutations/check.sh")
    }),
    ("planted", |root| run_script(root, "sim/mutations/check.sh")),
    ("deny", dependencies::check_rules),
    ("advisories", dependencies::check_advisories),
    ("minimal", versions::check_minimal),
    ("msrv", versions::check_oldest_compiler),
    ("features", features::check),
    ("soak", |root| soak::run(root, &[]).map(fine)),
    ("netns", netns::verify),
];

/// Runs the named steps, or all, and sums up; fails if one of them does.
pub(crate) fn run(root: &Path, arguments: &[&str]) -> Outcome {
    let wanted = parse(arguments)?;
    let mut taken = Vec::new();
    for (name, work) in STEPS {
        if !wanted.is_empty() && !wanted.contains(name) {
            continue;
        }
        println!("==> {name}");
        let (start, before) = (Instant::now(), processor_time());
        let outcome = settle(work(root), !wanted.is_empty());
        taken.push(Taken {
            name,
            outcome,
            time: start.elapsed(),
            worked: processor_time().saturating_sub(before),
        });
        if let Some(last) = taken.last() {
            println!("==> {last}");
        }
    }
    println!("\n{}", sum_up(&taken));
    let failed = taken.iter().filter(|step| step.outcome.is_err());
    let failed: Vec<&str> = failed.map(|step| step.name).collect();
    match failed[..] {
        [] => Ok(()),
        _ => Err(format!("failed: {}", failed.join(", "))),
    }
}

/// A step that was taken.
struct Taken {
    name: &'static str,
    outcome: Outcome<Verdict>,
    time: Duration,
    /// On all processors together; zero where that is not known.
    worked: Duration,
}

impl fmt::Display for Taken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, seconds) = (self.name, self.time.as_secs_f64());
        match &self.outcome {
            Ok(Verdict::Fine) => {
                let worked = self.worked.as_secs_f64();
                write!(f, "{name}: ok, {seconds:.1} s, {worked:.1} s of work")
            }
            Ok(Verdict::Unchecked(why)) => write!(f, "{name}: not checked here, because {why}"),
            Err(problem) => write!(f, "{name}: FAILED after {seconds:.1} s: {problem}"),
        }
    }
}

/// A line for each step, in the order in which they were taken.
fn sum_up(taken: &[Taken]) -> String {
    let lines: Vec<String> = taken.iter().map(Taken::to_string).collect();
    let [time, worked] = [|step: &Taken| step.time, |step: &Taken| step.worked]
        .map(|part| taken.iter().map(part).sum::<Duration>().as_secs_f64());
    let lines = lines.join("\n");
    format!("{lines}\nall: {time:.1} s, {worked:.1} s of work")
}

/// What all commands have worked that are over, with their own children: on a machine that does
/// other things too it tells more than the time. Linux only; elsewhere zero.
fn processor_time() -> Duration {
    let status = fs::read_to_string("/proc/self/stat").ok();
    status
        .and_then(|status| childrens_time(&status))
        .unwrap_or_default()
}

/// The fields `cutime` and `cstime`, in hundredths of seconds: the 16th and 17th (proc(5)). The
/// second, a name in parentheses, may have any characters.
fn childrens_time(status: &str) -> Option<Duration> {
    let (_, third_on) = status.rsplit_once(") ")?;
    let mut fields = third_on.split(' ').skip(16 - 3);
    let mut ticks = || fields.next()?.parse::<u64>().ok();
    Some(Duration::from_millis(10 * (ticks()? + ticks()?)))
}

/// What was asked for by name has to be checked.
fn settle(outcome: Outcome<Verdict>, asked_for: bool) -> Outcome<Verdict> {
    match outcome {
        Ok(Verdict::Unchecked(why)) if asked_for => Err(format!("cannot be checked: {why}")),
        outcome => outcome,
    }
}

/// The names of steps.
fn parse<'a>(arguments: &[&'a str]) -> Outcome<Vec<&'a str>> {
    let names: Vec<&str> = STEPS.iter().map(|(name, _)| *name).collect();
    match arguments.iter().find(|name| !names.contains(name)) {
        Some(unknown) => Err(format!(
            "no step is named {unknown}; there are: {}",
            names.join(", ")
        )),
        None => Ok(arguments.to_vec()),
    }
}

fn fine((): ()) -> Verdict {
    Verdict::Fine
}

fn run_script(root: &Path, script: &str) -> Outcome<Verdict> {
    run_command(Command::new(root.join(script)).current_dir(root)).map(fine)
}

/// A call of the cargo of another toolchain; `None`: rustup has none of this name.
fn other_cargo(root: &Path, toolchain: &str, arguments: &[&str]) -> Option<Command> {
    let call = |arguments: &[&str]| {
        // Rustup's, not the one that runs this, which is of one toolchain.
        let mut command = Command::new("cargo");
        command.current_dir(root).stdin(Stdio::null());
        command.env_remove("CARGO").env_remove("RUSTUP_TOOLCHAIN");
        command.arg(format!("+{toolchain}")).args(arguments);
        command
    };
    let version = call(&["--version"]).output().ok()?;
    version.status.success().then(|| call(arguments))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_has_to_be_checked() {
        let unchecked = || Ok(Verdict::Unchecked("no tool".to_owned()));
        assert_eq!(settle(unchecked(), false), unchecked());
        assert!(settle(unchecked(), true).is_err());
        assert_eq!(settle(Ok(Verdict::Fine), true), Ok(Verdict::Fine));
    }

    #[test]
    fn every_step_is_summed_up_with_its_time() {
        let step = |name, outcome, seconds| Taken {
            name,
            outcome,
            time: Duration::from_secs(seconds),
            worked: Duration::from_secs(2 * seconds),
        };
        let taken = [
            step("miri", Ok(Verdict::Fine), 60),
            step("deny", Ok(Verdict::Unchecked("no tool".to_owned())), 0),
            step("msrv", Err("it does not compile".to_owned()), 5),
        ];
        let expected = "miri: ok, 60.0 s, 120.0 s of work\n\
            deny: not checked here, because no tool\n\
            msrv: FAILED after 5.0 s: it does not compile\n\
            all: 65.0 s, 130.0 s of work";
        assert_eq!(sum_up(&taken), expected);
    }

    #[test]
    fn work_of_children_is_read_from_the_status() {
        let status = "7 (a) b) S 1 7 7 0 -1 4 5 6 0 0 11 12 130 20 20 0 1 0 99 0 0\n";
        assert_eq!(childrens_time(status), Some(Duration::from_millis(1500)));
        assert_eq!(childrens_time("7 (a) S 1"), None);
    }

    #[test]
    fn steps_are_named() {
        assert_eq!(parse(&["deny", "miri"]), Ok(vec!["deny", "miri"]));
        assert_eq!(parse(&[]), Ok(vec![]));
        assert!(parse(&["test"]).is_err());
    }
}
