//! Evidence of the first kind: a scripted raw peer, byte by byte, against the sans-I/O connection,
//! whole sockets, and sockets of others.

mod commands;
mod connections;
mod curve;
mod cut;
mod frames;
mod greeting;
mod heartbeats;
mod machine;
mod malformed;
mod metadata;
mod older;
mod stage;
mod subscriptions;
mod versions;
mod zap;

use crate::case::{Case, Kind, Pace, Trial};
use crate::options::Foreign;
use stage::Stage;

/// The suites, by name.
const SUITES: &[(&str, &[Case<Stage>])] = &[
    ("greeting", greeting::CASES),
    ("versions", versions::CASES),
    ("older", older::CASES),
    ("metadata", metadata::CASES),
    ("frames", frames::CASES),
    ("commands", commands::CASES),
    ("heartbeats", heartbeats::CASES),
    ("subscriptions", subscriptions::CASES),
    ("malformed", malformed::CASES),
    ("cut", cut::CASES),
    ("connections", connections::CASES),
    ("curve", curve::CASES),
    ("zap", zap::CASES),
];

/// Every case on every stage of our own.
pub(crate) fn trials() -> Vec<Trial> {
    on(&Stage::own(), "raw")
}

/// Every case against a foreign socket.
pub(crate) fn trials_against(foreign: &Foreign) -> Vec<Trial> {
    on(&[Stage::foreign(foreign)], "foreign")
}

fn on(stages: &[Stage], peer: &'static str) -> Vec<Trial> {
    let mut trials = Vec::new();
    for (suite, cases) in SUITES {
        for (case, stage) in cases
            .iter()
            .flat_map(|case| stages.iter().map(move |s| (case, s)))
        {
            let (body, on) = (case.body, stage.clone());
            trials.push(Trial {
                kind: Kind::Wire,
                suite,
                case: case.name,
                shows: case.shows,
                transport: stage.transport(),
                stage: stage.to_string(),
                peer,
                pace: Pace::Works,
                body: Box::new(move || body(&on)),
            });
        }
    }
    trials
}
