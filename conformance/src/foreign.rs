//! Evidence of the third kind: sockets of other implementations, in processes of their own.
//!
//! ```text
//!   trial ──lines──► this program, --serve ◄──tcp, ipc──► peers/peer.py ◄──lines── trial
//!                                          ◄──tcp───────► peers/Peer.java
//! ```
//!
//! Both sides are driven alike, so a case is the same for every implementation, whoever binds.

pub(crate) mod differential;
mod heartbeats;
mod identities;
mod joined;
mod large;
mod messages;
mod older;
mod peer;
mod refusals;
mod restarts;
mod secured;
mod serve;
mod stage;
mod subscriptions;
mod unwelcome;
mod words;

pub(crate) use peer::Pool;
pub(crate) use serve::serve;

use std::sync::Arc;

use crate::case::{Case, Kind, Pace, Trial};
use peer::Implementation;
use stage::Stage;

/// Its cases, where they are run, and how they pass their time.
type Suite = (
    &'static str,
    &'static [Case<Stage>],
    fn(&Stage) -> bool,
    Pace,
);

/// Beside those of the patterns.
const SUITES: [Suite; 8] = [
    (
        "refusals",
        refusals::CASES,
        |stage| !stage.is_legal(),
        Pace::Works,
    ),
    (
        "subscriptions",
        subscriptions::CASES,
        subscriptions::is_stage,
        Pace::Works,
    ),
    (
        "identities",
        identities::CASES,
        identities::is_stage,
        Pace::Works,
    ),
    ("secured", secured::CASES, secured::is_stage, Pace::Works),
    (
        "unwelcome",
        unwelcome::CASES,
        unwelcome::is_stage,
        Pace::Works,
    ),
    ("large", large::CASES, large::is_stage, Pace::Waits),
    ("restarts", restarts::CASES, Stage::is_legal, Pace::Works),
    (
        "heartbeats",
        heartbeats::CASES,
        heartbeats::is_stage,
        Pace::Waits,
    ),
];

/// Every case with every foreign implementation.
pub(crate) fn trials(pool: &Arc<Pool>) -> Vec<Trial> {
    let mut trials = Vec::new();
    for foreign in Implementation::FOREIGN {
        for (pattern, cases) in messages::CASES {
            let legal = Stage::all(pool, foreign, |stage| {
                stage.is_legal() && messages::pattern(stage.ours) == pattern
            });
            trials.extend(on(&legal, pattern, cases, Pace::Works));
        }
        for (suite, cases, is_stage, pace) in SUITES {
            trials.extend(on(&Stage::all(pool, foreign, is_stage), suite, cases, pace));
        }
    }
    for (pattern, cases) in older::CASES {
        let stages = older::stages(pool, pattern);
        trials.extend(on(&stages, pattern, cases, Pace::Works));
    }
    trials
}

/// Each case on each stage.
fn on(
    stages: &[Stage],
    suite: &'static str,
    cases: &'static [Case<Stage>],
    pace: Pace,
) -> Vec<Trial> {
    let trial = |case: &Case<Stage>, stage: &Stage| {
        let (body, on) = (case.body, stage.clone());
        Trial {
            kind: Kind::Foreign,
            suite,
            case: case.name,
            shows: case.shows,
            transport: stage.transport,
            stage: stage.to_string(),
            peer: stage.foreign.name(),
            pace,
            body: Box::new(move || body(&on)),
        }
    };
    let of_case = |case| stages.iter().map(move |stage| trial(case, stage));
    cases.iter().flat_map(of_case).collect()
}
