//! Random traffic over real connections, accounted for to the last message: the program behind
//! `cargo xtask stress`.
//!
//! ```text
//!   seed ──► plan ──► episode: members (sockets), threads that send and receive ──► ledger
//!                        │            └─ relays that cut, sockets that are replaced
//!                        └─ watch: nobody sleeps beside a queue that is not empty
//!                           (time counts in which the machine let everybody run)
//! ```
//!
//! One episode after the other, each of a second or so, until the time is over. Whatever is wrong
//! ends the process, with the plan whose seed starts the same episode again; what the threads make
//! of it is another matter, so it may take a few runs to see it again.

#![forbid(unsafe_code)]

mod ends;
mod episode;
mod ledger;
mod machine;
mod member;
mod plan;
mod relay;
mod watch;

use std::fmt;
use std::io::Write;
use std::panic;
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use ferromq_testkit::watchdog;
use plan::Plan;

/// What something fails with: a text for people.
pub(crate) type Outcome<T = ()> = Result<T, String>;

/// The longest that an episode may take, on a machine that has much else to do.
const LIMIT: Duration = Duration::from_secs(300);

/// The episode at hand, for when it fails.
static PRESENT: Mutex<String> = Mutex::new(String::new());

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let numbers = match arguments.as_slice() {
        [seconds, seed] => seconds.parse().ok().zip(seed.parse().ok()),
        _ => None,
    };
    let Some((seconds, seed)) = numbers else {
        say("usage: ferromq-stress SECONDS SEED");
        return ExitCode::from(2);
    };
    panic::set_hook(Box::new(|info| fail(&info.to_string())));
    let score = run(Duration::from_secs(seconds), seed);
    say(&score.to_string());
    ExitCode::SUCCESS
}

/// Runs episodes for so long, at least one.
fn run(time: Duration, seed: u64) -> Score {
    let start = Instant::now();
    let mut score = Score::default();
    loop {
        let plan = Plan::draw(seed.wrapping_add(score.episodes));
        *PRESENT.lock().expect("a panic ends the process") = format!("{plan:?}");
        let name = format!("{plan:?}");
        let begin = Instant::now();
        score.add(&watchdog::under(&name, LIMIT, || episode::run(&plan)));
        score.slowest = score.slowest.max((begin.elapsed(), plan.seed));
        if start.elapsed() >= time {
            return score;
        }
    }
}

/// What was done.
#[derive(Debug, Default)]
pub(crate) struct Score {
    episodes: u64,
    received: u64,
    lost: u64,
    cuts: u64,
    /// How long the longest episode took, and its seed.
    slowest: (Duration, u64),
}

impl Score {
    fn add(&mut self, other: &Self) {
        self.episodes += other.episodes;
        self.received += other.received;
        self.lost += other.lost;
        self.cuts += other.cuts;
    }
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            episodes,
            received,
            lost,
            cuts,
            slowest: (time, seed),
        } = self;
        write!(f, "{episodes} episodes, {received} messages received, ")?;
        write!(f, "{cuts} times cut, {lost} lost behind it; ")?;
        write!(
            f,
            "the slowest took {:.1} s (seed {seed})",
            time.as_secs_f64()
        )
    }
}

/// Says what is wrong, and in which episode; ends the process.
pub(crate) fn fail(problem: &str) -> ! {
    let present = PRESENT.lock().map(|plan| plan.clone()).unwrap_or_default();
    say(&format!("stress: {problem}\nin {present}"));
    std::process::exit(1)
}

/// Prints a line; that nobody reads it any more is no problem of ours.
fn say(text: &str) {
    let mut stdout = std::io::stdout().lock();
    let _ = writeln!(stdout, "{text}");
}
