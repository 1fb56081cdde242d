//! Evidence of the second kind: what the patterns promise, on whole sockets among themselves. One
//! suite for each pattern, instantiated for each transport.

mod pair;
mod pipeline;
mod place;
mod pubsub;
mod queues;
mod reqrep;
mod routing;

use crate::case::{Case, Kind, Pace, Trial};
use place::Place;

/// The suites, by the pattern's name.
const SUITES: &[(&str, &[&[Case<Place>]])] = &[
    ("reqrep", &[reqrep::CASES, routing::CASES]),
    ("pubsub", &[pubsub::CASES]),
    ("pipeline", &[pipeline::CASES]),
    ("pair", &[pair::CASES]),
];

/// Every case over every transport.
pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    for (suite, cases) in SUITES {
        for case in cases.iter().copied().flatten() {
            for transport in ["inproc", "ipc", "tcp"] {
                let body = case.body;
                trials.push(Trial {
                    kind: Kind::Patterns,
                    suite,
                    case: case.name,
                    shows: case.shows,
                    transport,
                    stage: transport.to_owned(),
                    peer: "ferromq",
                    pace: Pace::Works,
                    body: Box::new(move || body(&Place::new(transport))),
                });
            }
        }
    }
    trials
}
