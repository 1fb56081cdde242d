//! One random sequence of operations, done with a socket of ours and with one of libzmq's: what can
//! be observed must be the same.
//!
//! The *subject* is one socket, ours in one run and libzmq's in the other; its peers are libzmq's
//! in both, so that the runs differ in the subject alone. A run gives a transcript: for each step
//! what was accepted, refused (and how) and received, by whom and in which order. The *control* is
//! libzmq against libzmq, and shows nothing: what would differ there is chance, and is left out of
//! the transcripts.
//!
//! It has been seen to fail, with defects planted in a copy: a round robin that stands still, a REQ
//! that asks twice, a SUB that does not subscribe after a hiccup, a ROUTER that forgets no name.
//!
//! # Quiet
//!
//! A step is over when nothing is on its way any more, and only then is the next begun. That is
//! known from events and messages, never from time:
//! - *A peer has come*: both sides tell of `HANDSHAKE_SUCCEEDED`. *It has left*: the subject tells
//!   of `DISCONNECTED`. libzmq tells so from its I/O thread, which tells the socket itself right
//!   after, through a mailbox that the application's calls empty. So both then *settle*: a message
//!   goes through that thread, between two other sockets, a socket ends in the thread that ends
//!   them, and the mailbox is emptied; three times, for taking leave of a pipe takes two answers.
//!   (In process there are no such events, and settling is enough.)
//! - *Messages*: all that were accepted are awaited, for whoever may get them. That nothing more
//!   comes is shown by what comes next, for messages of one connection keep their order.
//! - *Publishing*: a marker follows every message, with a topic that all want. It arrives last.
//! - *Subscribing*: a new topic of its own follows every subscription, and is published until it
//!   arrives: then what was asked for before it is in force.
//!
//! # What is not compared
//!
//! - Which of several peers gets a message in turn: only how many each gets, for the turn begins
//!   where the implementation likes. What peers send at the same time: in which order it is taken.
//! - High-water marks of streams: how much the kernel holds is chance. (Those that are defined:
//!   [`marks`].)
//! - What is listed in [`differences`].

mod differences;
mod marks;
mod scene;
mod steps;

use std::fmt::Write as _;
use std::sync::Arc;

use ferromq::SocketType::{self, Dealer, Pair, Pub, Pull, Push, Rep, Req, Router, Sub, Xpub, Xsub};
use proptest::collection::vec;
use proptest::test_runner::{Config, RngSeed, TestError, TestRunner};

use super::messages::pattern;
use super::peer::{Implementation, Pool};
use crate::case::{Kind, Pace, Trial};
use scene::{Scene, Setting};
use steps::Step;

/// The seeds of a run that asks for no number of them.
pub(crate) const SEEDS: u64 = 3;
/// Those of the seeds, in turn.
const TRANSPORTS: [&str; 3] = ["tcp", "ipc", "inproc"];
/// The sequences of one seed.
const CASES: u32 = 12;
/// The longest sequence.
const STEPS: usize = 40;

/// The subject, and its peers.
const PAIRINGS: &[(SocketType, SocketType)] = &[
    (Push, Pull),
    (Pull, Push),
    (Dealer, Router),
    (Router, Dealer),
    (Pub, Sub),
    (Sub, Pub),
    (Xpub, Sub),
    (Xpub, Xsub),
    (Xsub, Xpub),
    (Sub, Xpub),
    (Req, Rep),
    (Rep, Req),
    (Pair, Pair),
];

/// What is compared, with whom.
type Check = fn(&Arc<Pool>, Implementation, (SocketType, SocketType), (u64, &'static str));

/// Every pairing with every seed below this: ours against libzmq, and the control.
pub(crate) fn trials(pool: &Arc<Pool>, seeds: u64) -> Vec<Trial> {
    let mut trials = Vec::new();
    let suites: [(_, [_; 2], Check); 2] = [
        (
            PAIRINGS,
            ["same_as_libzmq", "libzmq_is_the_same_as_itself"],
            check,
        ),
        (
            marks::PAIRINGS,
            [
                "same_marks_as_libzmq",
                "marks_of_libzmq_are_the_same_as_themselves",
            ],
            marks::check,
        ),
    ];
    for (pairings, cases, check) in suites {
        for &pairing in pairings {
            let subjects = [Implementation::Ferromq, Implementation::Pyzmq];
            for (case, ours) in cases.into_iter().zip(subjects) {
                for at in (0..seeds).zip(TRANSPORTS.into_iter().cycle()) {
                    trials.push(trial(pool, (case, check), ours, pairing, at));
                }
            }
        }
    }
    trials
}

fn trial(
    pool: &Arc<Pool>,
    (case, check): (&'static str, Check),
    ours: Implementation,
    pairing: (SocketType, SocketType),
    (seed, transport): (u64, &'static str),
) -> Trial {
    let (subject, peer) = pairing;
    let pool = pool.clone();
    Trial {
        kind: Kind::Differential,
        suite: pattern(subject),
        case,
        shows: &[],
        transport,
        stage: format!("{transport}, {subject} with {peer}, seed {seed}"),
        peer: "pyzmq",
        pace: Pace::Works,
        body: Box::new(move || check(&pool, ours, pairing, (seed, transport))),
    }
}

/// How sequences and settings are drawn from a seed, and made shorter.
fn config(seed: u64) -> Config {
    Config {
        cases: CASES,
        failure_persistence: None,
        max_shrink_iters: 200,
        max_shrink_time: 20_000,
        rng_seed: RngSeed::Fixed(seed),
        ..Config::default()
    }
}

/// Runs the sequences of a seed; fails with the shortest sequence found that differs.
fn check(
    pool: &Arc<Pool>,
    ours: Implementation,
    (subject, peer): (SocketType, SocketType),
    (seed, transport): (u64, &'static str),
) {
    // Ends the trial here if there is no Python.
    drop(pool.peer(Implementation::Pyzmq));
    let steps = vec(steps::steps(subject, peer), 0..STEPS);
    let cases = (scene::settings((subject, peer), transport), steps);
    let result = TestRunner::new(config(seed)).run(&cases, |(setting, steps)| {
        let ours = transcript(pool, ours, &setting, &steps);
        let theirs = transcript(pool, Implementation::Pyzmq, &setting, &steps);
        compare(&setting, &steps, &ours, &theirs);
        Ok(())
    });
    match result {
        Ok(()) => {}
        Err(TestError::Fail(reason, (setting, steps))) => {
            panic!("{reason}\nin {setting:?}\nby {steps:?}")
        }
        Err(TestError::Abort(reason)) => panic!("{reason}"),
    }
}

/// What each step has come to.
fn transcript(
    pool: &Arc<Pool>,
    implementation: Implementation,
    setting: &Setting,
    steps: &[Step],
) -> Vec<String> {
    let mut scene = Scene::new(pool, implementation, setting);
    let mut perform = |step| match differences::apart(&scene, step) {
        Some(reason) => format!("not done: {reason}"),
        None => scene.perform(step),
    };
    steps.iter().map(&mut perform).collect()
}

/// Fails at the first step that is not the same in both, and is no difference that is meant.
fn compare(setting: &Setting, steps: &[Step], ours: &[String], theirs: &[String]) {
    let mut before = String::new();
    for (step, (ours, theirs)) in steps.iter().zip(ours.iter().zip(theirs)) {
        assert!(
            ours == theirs || differences::excuse(setting, step, ours, theirs).is_some(),
            "{before}\n{step:?}: {ours}\nlibzmq: {theirs}"
        );
        let _ = write!(before, "\n{step:?}: {ours}");
    }
}
