//! Evidence of the third kind: sockets of other implementations, in processes of their own.
//!
//! ```text
//!   trial ──lines──► this program, --serve ◄──tcp, ipc──► peers/peer.py ◄──lines── trial
//! ```
//!
//! Both sides are driven alike, so a case is the same for every implementation, whoever binds.

mod messages;
mod peer;
mod refusals;
mod serve;
mod stage;
mod subscriptions;
mod words;

pub(crate) use peer::Pool;
pub(crate) use serve::serve;

use std::sync::Arc;

use crate::case::{Case, Kind, Trial};
use peer::Implementation;
use stage::Stage;

/// Every case with every foreign implementation.
pub(crate) fn trials(pool: &Arc<Pool>) -> Vec<Trial> {
    let mut trials = Vec::new();
    for foreign in Implementation::FOREIGN {
        let illegal = Stage::all(pool, foreign, |ours, theirs| !ours.accepts(theirs));
        for (pattern, cases) in messages::CASES {
            let legal = Stage::all(pool, foreign, |ours, theirs| {
                ours.accepts(theirs) && messages::pattern(ours) == pattern
            });
            add(&mut trials, pattern, cases, &legal);
            if pattern == "pubsub" {
                add(&mut trials, pattern, subscriptions::CASES, &legal);
            }
        }
        add(&mut trials, "refusals", refusals::CASES, &illegal);
    }
    trials
}

fn add(trials: &mut Vec<Trial>, suite: &'static str, cases: &[Case<Stage>], stages: &[Stage]) {
    for (case, stage) in cases
        .iter()
        .flat_map(|case| stages.iter().map(move |stage| (case, stage)))
    {
        let (body, on) = (case.body, stage.clone());
        trials.push(Trial {
            kind: Kind::Foreign,
            suite,
            case: case.name,
            shows: case.shows,
            transport: stage.transport,
            stage: stage.to_string(),
            peer: stage.foreign.name(),
            body: Box::new(move || body(&on)),
        });
    }
}
