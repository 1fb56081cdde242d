//! What each option changes that can be seen from outside; `docs/options.md` names the test of
//! each, and `table` checks that.

#![cfg(all(
    feature = "pair",
    feature = "pipeline",
    feature = "pubsub",
    feature = "reqrep",
    feature = "tcp",
    feature = "ipc",
    feature = "inproc"
))]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod adopting;
mod changing;
mod conflating;
mod connecting;
mod context;
mod proxied;
mod pubsub;
mod queueing;
mod reqrep;
mod table;

use std::sync::Arc;
use std::time::Duration;

use ferromq::{Context, Event, Events};
use ferromq_testkit::SimWorld;

/// Long enough for every single wait: who needs it has failed.
const WAIT: Duration = Duration::from_secs(30);

const ANY: &str = "tcp://127.0.0.1:*";

/// Where nobody listens.
const NOWHERE: &str = "tcp://127.0.0.1:7777";

/// A simulated world, and a context in it.
fn world() -> (SimWorld, Context) {
    let world = SimWorld::new(1);
    let context = Context::with_world(Arc::new(world.clone()), 1);
    (world, context)
}

/// The first event that is wanted; the others are dropped.
#[track_caller]
fn wait_for(events: &Events, wanted: impl Fn(&Event) -> bool) -> Event {
    match events.wait_for(WAIT, wanted) {
        Some(event) => event,
        None => panic!("the event did not come"),
    }
}
