//! Whole sockets of all types over one simulated network, by seeds: the program behind
//! `cargo xtask sim`.
//!
//! ```text
//!   seed ──► plan ──► stage: hosts, sockets, weather ──► steps, one after the other ──► end
//!                                │                           │
//!                                └─ ledger: who has had what └─ checks after each, and at the end
//! ```
//!
//! An episode is one virtual clock, and one thread at a time (each proxy has its own): the same
//! seed gives the same episode, which is checked by running it twice. What is checked besides:
//! - whatever a socket has accepted is handed over, queued, given back or dropped for a reason;
//! - a message arrives whole, at most once (per subscriber), and of each connection in order;
//! - what a proxy took it has handed on, dropped for nobody, or holds, one message for each way;
//! - nobody sleeps beside what it waits for, and nothing lies unread, once all is quiet;
//! - closing returns within linger and a bound, and ends every call that waits;
//! - workers that have nothing to do have no turns;
//! - in an episode without cuts and crashes no connection is lost, and everything arrives.
//!
//! A seed that has once failed is in `seeds.txt`, and run each time.

#![forbid(unsafe_code)]

mod ledger;
mod member;
mod plan;
mod seen;
mod socket;
mod stage;

use std::io::Write;
use std::panic::{self, AssertUnwindSafe};
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use ferromq_testkit::watchdog;

use plan::Plan;
use seen::Seen;
use stage::Stage;

/// What something fails with: a text for people.
pub(crate) type Outcome<T = ()> = Result<T, String>;

/// The longest that an episode may take, in real time.
const LIMIT: Duration = Duration::from_secs(120);

/// Seeds that have failed once. (What a seed means changes with `plan.rs` and `stage`; what it had
/// found has a test of its own.)
const KEPT: &str = include_str!("../seeds.txt");

const USAGE: &str = "usage: ferromq-sim SEEDS FIRST [--once] [--trace] [--covered]";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some(options) = Options::parse(&arguments) else {
        say(USAGE);
        return ExitCode::from(2);
    };
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            say(&format!("sim: {problem}"));
            ExitCode::FAILURE
        }
    }
}

/// What is asked for.
#[derive(Debug)]
struct Options {
    seeds: u64,
    first: u64,
    /// Each seed twice, to compare.
    twice: bool,
    trace: bool,
    /// Everything in the list has to be seen.
    covered: bool,
}

impl Options {
    fn parse(arguments: &[String]) -> Option<Self> {
        let [seeds, first, flags @ ..] = arguments else {
            return None;
        };
        let has = |name: &str| flags.iter().any(|flag| flag == name);
        let known = ["--once", "--trace", "--covered"];
        flags
            .iter()
            .all(|flag| known.contains(&flag.as_str()))
            .then_some(())?;
        Some(Self {
            seeds: seeds.parse().ok()?,
            first: first.parse().ok()?,
            twice: !has("--once"),
            trace: has("--trace"),
            covered: has("--covered"),
        })
    }
}

fn run(options: &Options) -> Outcome {
    let asked = options.first..options.first.saturating_add(options.seeds);
    let kept = match options.trace {
        true => Vec::new(),
        false => kept_seeds()?,
    };
    let mut seen = Seen::default();
    let mut digest = 0_u64;
    let mut count = 0_u64;
    for seed in kept.into_iter().chain(asked) {
        let hash = episode(seed, options.trace, &mut seen)?;
        if options.twice && hash != episode(seed, false, &mut Seen::default())? {
            return Err(format!("seed {seed} was another episode the second time"));
        }
        digest = digest.rotate_left(5) ^ hash;
        count += 1;
    }
    say(&format!(
        "{seen}{count} seeds passed, all traces together {digest:016x}"
    ));
    match seen.missing() {
        missing if options.covered && !missing.is_empty() => {
            Err(format!("never seen: {}", missing.join(", ")))
        }
        _ => Ok(()),
    }
}

fn kept_seeds() -> Outcome<Vec<u64>> {
    let lines = KEPT
        .lines()
        .map(|line| line.split('#').next().unwrap_or_default().trim());
    let numbers = lines.filter(|line| !line.is_empty());
    numbers
        .map(|number| {
            number
                .parse()
                .map_err(|_| format!("seeds.txt: {number} is no seed"))
        })
        .collect()
}

/// Runs an episode on a thread of its own, so that nothing is left from an earlier one; the hash of
/// all that happened.
fn episode(seed: u64, trace: bool, seen: &mut Seen) -> Outcome<u64> {
    let plan = Plan::draw(seed);
    let name = format!("seed {seed}");
    let played = watchdog::under(&name, LIMIT, || {
        let player = thread::spawn(move || play(&plan, trace));
        player
            .join()
            .unwrap_or_else(|_| Err("a panic in the end".to_owned()))
    });
    let again = format!("cargo xtask sim --seeds 1 --seed {seed} --trace");
    let (hash, episode_seen) = played.map_err(|problem| format!("{problem}\nagain: {again}"))?;
    seen.add(&episode_seen);
    Ok(hash)
}

fn play(plan: &Plan, trace: bool) -> Outcome<(u64, Seen)> {
    let mut stage = Stage::new(plan, trace);
    let played = panic::catch_unwind(AssertUnwindSafe(|| stage.play()));
    let problem = match played {
        Ok(Ok(())) => return Ok((stage.hash(), stage.seen)),
        Ok(Err(problem)) => problem,
        Err(panic) => match panic.downcast::<String>() {
            Ok(text) => *text,
            Err(panic) => panic
                .downcast_ref::<&str>()
                .map_or("a panic", |text| *text)
                .to_owned(),
        },
    };
    let dump = stage.dump();
    // Ending it properly may wait for what has failed.
    std::mem::forget(stage);
    Err(format!("{problem}\n{dump}in {plan:?}"))
}

/// Prints a line; that nobody reads it any more is no problem of ours.
pub(crate) fn say(text: &str) {
    let mut stdout = std::io::stdout().lock();
    let _ = writeln!(stdout, "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kept_seeds_are_numbers() {
        assert!(kept_seeds().is_ok());
    }

    #[test]
    fn options_are_read() {
        let parse = |text: &str| {
            let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
            Options::parse(&words)
        };
        let options = parse("10 7 --once").unwrap();
        assert_eq!(
            (options.seeds, options.first, options.twice),
            (10, 7, false)
        );
        for wrong in ["", "10", "ten 7", "10 7 --often"] {
            assert!(parse(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn few_seeds_pass() {
        let options = Options {
            seeds: 4,
            first: 0,
            twice: true,
            trace: false,
            covered: false,
        };
        assert_eq!(run(&options), Ok(()));
    }
}
