//! Connections come and go, of all socket types over all transports, for a long time: nothing may
//! grow. The program behind `cargo xtask soak`.
//!
//! ```text
//!   residents (sockets that stay) ◄── visits: a socket comes, talks, and ends ──┐
//!        │                            strangers: no ZMTP, or half a greeting     │ turns
//!   quiet point: nobody is there ──► orphans? descriptors, threads, memory? ◄────┘
//! ```
//!
//! A turn is a second of visits, on a thread for each transport; the quiet point after it has to
//! come within [`CALM`]. Memory is fitted by a line over the quiet points of the last two thirds of
//! the time, which may grow by [`NOISE`] bytes over all of it.

#![forbid(unsafe_code)]

mod gauge;
mod scenes;
mod strangers;
mod visit;

use std::io::Write;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use ferromq_testkit::sim::Random;
use ferromq_testkit::watchdog;

use gauge::{Gauges, Line};
use visit::Scene;

/// What something fails with: a text for people.
pub(crate) type Outcome<T = ()> = Result<T, String>;

/// How long visits go on between two quiet points.
const TURN: Duration = Duration::from_secs(1);

/// The longest that a turn, and a quiet point after it, may take.
const LIMIT: Duration = Duration::from_secs(60);

/// How long what is over may take to be gone.
const CALM: Duration = Duration::from_secs(10);

/// How long nothing changes where all is as it will be.
const STEADY: Duration = Duration::from_secs(1);

/// Turns between two lines that say how it is.
const REPORT: usize = 10;

/// What memory may grow by over the measured time, in bytes, and still be noise: the allocator's
/// arenas, which threads and sizes of messages share out anew.
const NOISE: f64 = 1024.0 * 1024.0;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let numbers = match arguments.as_slice() {
        [seconds, seed] => seconds.parse().ok().zip(seed.parse().ok()),
        _ => None,
    };
    let Some((seconds, seed)) = numbers else {
        say("usage: ferromq-soak SECONDS SEED");
        return ExitCode::from(2);
    };
    match run(Duration::from_secs(seconds), seed) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            say(&format!("soak: {problem}"));
            ExitCode::FAILURE
        }
    }
}

/// Turns, for so long; then the verdict about memory.
fn run(time: Duration, seed: u64) -> Outcome {
    let scenes = scenes::all()?;
    let mut dice = Random::new(seed);
    // What is made once and stays: threads of contexts, spare buffers.
    turn(&scenes, &mut dice)?;
    let before = settle_down(&scenes)?;
    say(&format!("{before}, before"));
    let start = Instant::now();
    let (mut visits, mut quiet) = (0, Vec::new());
    while start.elapsed() < time {
        visits += turn(&scenes, &mut dice)?;
        let now = settle(&scenes, Some(&before))?;
        let at = start.elapsed();
        quiet.push((at.as_secs_f64(), now.resident as f64));
        if quiet.len() % REPORT == 0 {
            say(&format!("{now}, {visits} visits, {} s", at.as_secs()));
        }
    }
    judge(&quiet, time, visits)
}

/// Fails if memory has grown.
fn judge(quiet: &[(f64, f64)], time: Duration, visits: u64) -> Outcome {
    let from = time.as_secs_f64() / 3.0;
    let measured: Vec<_> = quiet
        .iter()
        .copied()
        .filter(|(at, _)| *at >= from)
        .collect();
    let line = Line::through(&measured).ok_or("too short: too few quiet points")?;
    say(&format!(
        "{visits} visits, {} quiet points; memory {line}; {:.2} bytes per visit",
        quiet.len(),
        line.slope * time.as_secs_f64() / visits as f64,
    ));
    match line.growth() <= NOISE {
        true => Ok(()),
        false => Err(format!("memory grows by more than {NOISE} bytes")),
    }
}

/// Visits everywhere for a while; how many.
fn turn(scenes: &[Vec<Box<dyn Scene>>], dice: &mut Random) -> Outcome<u64> {
    let _guard = watchdog::guard("turn", LIMIT);
    let end = Instant::now() + TURN;
    thread::scope(|scope| {
        let mut threads = Vec::new();
        for scenes in scenes {
            let mut dice = Random::new(dice.bits());
            threads.push(scope.spawn(move || visit_until(end, scenes, &mut dice)));
        }
        let counts = threads.into_iter().map(|thread| thread.join());
        counts
            .map(|count| count.map_err(|_| "a visit has panicked".to_owned())?)
            .sum()
    })
}

fn visit_until(end: Instant, scenes: &[Box<dyn Scene>], dice: &mut Random) -> Outcome<u64> {
    let mut visits = 0;
    while Instant::now() < end {
        for scene in scenes {
            scene.visit(dice)?;
            visits += 1;
        }
    }
    Ok(visits)
}

/// The first quiet point: nobody is there, and nothing has changed for a while.
fn settle_down(scenes: &[Vec<Box<dyn Scene>>]) -> Outcome<Gauges> {
    let mut before = settle(scenes, None)?;
    let mut since = Instant::now();
    while since.elapsed() < STEADY {
        thread::park_timeout(Duration::from_millis(10));
        let now = settle(scenes, None)?;
        if now.differs_from(&before).is_some() {
            since = Instant::now();
        }
        before = now;
    }
    Ok(before)
}

/// Waits for a quiet point: nobody is there, and all is as it was before. What is left of whoever
/// has gone is gone soon: in the background, so it is looked at again and again.
fn settle(scenes: &[Vec<Box<dyn Scene>>], before: Option<&Gauges>) -> Outcome<Gauges> {
    let deadline = Instant::now() + CALM;
    loop {
        let orphan = scenes.iter().flatten().find_map(|scene| scene.orphan());
        let gauges = Gauges::read()?;
        let differs = before.and_then(|before| gauges.differs_from(before));
        match orphan.or(differs) {
            None => return Ok(gauges),
            Some(problem) if Instant::now() >= deadline => {
                return Err(format!("{problem}, still after {CALM:?}"));
            }
            Some(_) => thread::park_timeout(Duration::from_millis(1)),
        }
    }
}

/// Prints a line; that nobody reads it any more is no problem of ours.
fn say(text: &str) {
    let mut stdout = std::io::stdout().lock();
    let _ = writeln!(stdout, "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_may_grow_by_noise_and_by_no_more() {
        let time = Duration::from_secs(300);
        let quiet = |per_second: f64| -> Vec<(f64, f64)> {
            let seconds = (0..300).map(f64::from);
            seconds.map(|at| (at, 5e7 + at * per_second)).collect()
        };
        assert_eq!(judge(&quiet(0.0), time, 1000), Ok(()));
        assert_eq!(judge(&quiet(5000.0), time, 1000), Ok(()));
        assert!(judge(&quiet(5500.0), time, 1000).is_err());
        assert!(judge(&[], time, 1000).is_err());
    }
}
