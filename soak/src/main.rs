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
//! come within [`CALM`]. The bytes in use are fitted by a line over the quiet points of the last
//! two thirds of the time, which may grow by [`NOISE`] bytes over all of it. Resident memory is
//! only shown beside them: it creeps as the allocator shares itself out among threads and sizes of
//! blocks, whatever is in use.

#![deny(unsafe_code)]

mod gauge;
mod live;
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

/// What the bytes in use may grow by over the measured time, and still be noise: of what stays, now
/// more and now fewer buffers are spare, which is some 100 KiB at the quiet points.
const NOISE: f64 = 256.0 * 1024.0;

#[global_allocator]
static ALLOCATOR: live::Counting = live::Counting;

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
        quiet.push(Point {
            at: at.as_secs_f64(),
            live: now.live as f64,
            resident: now.resident as f64,
        });
        if quiet.len() % REPORT == 0 {
            say(&format!("{now}, {visits} visits, {} s", at.as_secs()));
        }
    }
    judge(&quiet, time, visits)
}

/// What was in use at a quiet point.
#[derive(Clone, Copy, Debug)]
struct Point {
    /// In seconds.
    at: f64,
    /// In bytes; as the next.
    live: f64,
    resident: f64,
}

/// Fails if more and more bytes are in use.
fn judge(quiet: &[Point], time: Duration, visits: u64) -> Outcome {
    let from = time.as_secs_f64() / 3.0;
    let line = |bytes: fn(&Point) -> f64| {
        let measured = quiet.iter().filter(|point| point.at >= from);
        let points: Vec<_> = measured.map(|point| (point.at, bytes(point))).collect();
        Line::through(&points).ok_or("too short: too few quiet points")
    };
    let (live, resident) = (line(|point| point.live)?, line(|point| point.resident)?);
    let each = live.slope * time.as_secs_f64() / visits as f64;
    let count = quiet.len();
    say(&format!("{visits} visits, {count} quiet points"));
    say(&format!("in use {live}, {each:.3} bytes per visit"));
    say(&format!("resident {resident}"));
    match live.growth() <= NOISE {
        true => Ok(()),
        false => Err(format!(
            "more and more is in use: {live}, and {NOISE} bytes are noise"
        )),
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

    /// Quiet points of five minutes, with what grows by so many bytes per second.
    fn points(live: f64, resident: f64) -> Vec<Point> {
        let seconds = (0..300).map(f64::from);
        let point = |at| Point {
            at,
            live: 1e6 + at * live,
            resident: 5e7 + at * resident,
        };
        seconds.map(point).collect()
    }

    #[test]
    fn what_is_in_use_may_grow_by_noise_and_by_no_more() {
        let time = Duration::from_secs(300);
        assert_eq!(judge(&points(0.0, 0.0), time, 1000), Ok(()));
        assert_eq!(judge(&points(1300.0, 0.0), time, 1000), Ok(()));
        assert!(judge(&points(1350.0, 0.0), time, 1000).is_err());
        assert!(judge(&[], time, 1000).is_err());
    }

    #[test]
    fn resident_memory_may_creep() {
        let time = Duration::from_secs(300);
        assert_eq!(judge(&points(0.0, 20_000.0), time, 1000), Ok(()));
    }
}
