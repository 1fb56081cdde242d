//! Evidence of the fourth kind: a model of each pattern, against whole sockets in a simulated
//! network whose connections are cut and held up and whose peers come and go.
//!
//! Every file begins with its model: what a reader may rely on, as a state machine that knows
//! nothing of sockets. Below it a random sequence of [`Step`](pipeline)s is done with our sockets,
//! and whatever they say is told to the model, which panics at what cannot be. proptest draws the
//! sequences and shrinks one that fails.
//!
//! Each model has been seen to fail, with defects planted in a copy: a lost peer's messages not
//! requeued, or all but one; a round robin that stands still; no subscription after a hiccup, a
//! SUB that does not filter, a publisher that forgets nobody; a REQ that asks twice; a PAIR that
//! takes a second peer.
//!
//! A trial is a seed, from which its [`CASES`] sequences follow. The seeds below [`SEEDS`] are run
//! always; `--models N` runs the first N of the models alone.

mod flow;
mod network;
mod pair;
mod pipeline;
mod pubsub;
mod reqrep;
mod routing;

use std::fmt::Debug;

use proptest::collection::vec;
use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngSeed, TestError, TestRunner};

use crate::case::{Case, Kind, Pace, Trial, case};
use network::Setting;

/// The seeds of a run that asks for no number of them.
pub(crate) const SEEDS: u64 = 2;
/// The sequences of one seed.
const CASES: u32 = 60;
/// The longest sequence.
const STEPS: usize = 60;

/// The models, by the pattern's name. The stage is the seed.
const SUITES: &[(&str, Case<u64>)] = &[
    (
        "pipeline",
        case!(
            pipeline_follows_its_model,
            "30/push-round-robin",
            "30/push-unchanged",
            "37/once",
            "37/ordered",
            "37/reconnect",
        ),
    ),
    (
        "pubsub",
        case!(
            publishing_follows_its_model,
            "29/pub-prefix",
            "37/additive",
            "37/once",
            "37/ordered",
            "37/reconnect",
        ),
    ),
    (
        "reqrep",
        case!(
            asking_follows_its_model,
            "28/req-lockstep",
            "28/req-asked-peer",
            "28/rep-lockstep",
            "28/rep-to-asker",
        ),
    ),
    (
        "reqrep",
        case!(
            routing_follows_its_model,
            "28/router-address",
            "28/router-routes",
            "28/router-prefix",
            "28/router-unroutable",
            "37/once",
            "37/ordered",
        ),
    ),
    (
        "pair",
        case!(pair_follows_its_model, "31/peer", "37/once", "37/ordered"),
    ),
];

/// Every model with every seed below this.
pub(crate) fn trials(seeds: u64) -> Vec<Trial> {
    let mut trials = Vec::new();
    for (suite, case) in SUITES {
        for seed in 0..seeds {
            let body = case.body;
            trials.push(Trial {
                kind: Kind::Models,
                suite,
                case: case.name,
                shows: case.shows,
                transport: "sim",
                stage: format!("sim, seed {seed}"),
                peer: "ferromq",
                pace: Pace::Works,
                body: Box::new(move || body(&seed)),
            });
        }
    }
    trials
}

fn pipeline_follows_its_model(seed: &u64) {
    check(*seed, pipeline::steps(), pipeline::run);
}

fn publishing_follows_its_model(seed: &u64) {
    check(*seed, pubsub::steps(), pubsub::run);
}

fn asking_follows_its_model(seed: &u64) {
    check(*seed, reqrep::steps(), reqrep::run);
}

fn routing_follows_its_model(seed: &u64) {
    check(*seed, routing::steps(), routing::run);
}

fn pair_follows_its_model(seed: &u64) {
    check(*seed, pair::steps(), pair::run);
}

/// Runs the sequences of a seed; fails with the shortest sequence found that fails.
fn check<S: Debug + Clone>(
    seed: u64,
    step: impl Strategy<Value = S>,
    run: impl Fn(&Setting, &[S]),
) {
    let config = Config {
        cases: CASES,
        failure_persistence: None,
        max_shrink_iters: 4_000,
        max_shrink_time: 20_000,
        rng_seed: RngSeed::Fixed(seed),
        ..Config::default()
    };
    let cases = (network::settings(), vec(step, 0..STEPS));
    let result = TestRunner::new(config).run(&cases, |(setting, steps)| {
        run(&setting, &steps);
        Ok(())
    });
    match result {
        Ok(()) => {}
        Err(TestError::Fail(reason, (setting, steps))) => {
            panic!("{reason}, after {steps:?} in {setting:?}")
        }
        Err(TestError::Abort(reason)) => panic!("{reason}"),
    }
}
