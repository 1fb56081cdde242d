//! Every limit on what peers can make a socket hold: what is just allowed is served, one more is
//! refused with its typed reason. `docs/limits.md` names the test of each, and `table` checks that.

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

mod connections;
mod peers;
mod subscriptions;
mod table;

use std::sync::Arc;
use std::time::Duration;

use ferromq::{Builder, Context, Endpoint, Event, Events, Pull, Reason};
use ferromq_testkit::{MockPeer, SimWorld};

/// Long enough for every single wait: who needs it has failed.
const WAIT: Duration = Duration::from_secs(30);

const SECOND: Duration = Duration::from_secs(1);

const ANY: &str = "tcp://127.0.0.1:*";

/// A simulated world, and a context in it.
fn world() -> (SimWorld, Context) {
    let world = SimWorld::new(1);
    let context = Context::with_world(Arc::new(world.clone()), 1);
    (world, context)
}

/// A PULL with these options, bound in a simulated world.
fn bound(pull: Builder<Pull>) -> (SimWorld, Pull, Endpoint, Events) {
    let (world, context) = world();
    let pull = pull.build(&context).unwrap();
    let (events, endpoint) = (pull.events(), pull.bind(ANY).unwrap());
    (world, pull, endpoint, events)
}

/// A scripted peer that has not said anything yet.
#[track_caller]
fn dial(world: &SimWorld, endpoint: &Endpoint) -> MockPeer {
    MockPeer::dial(world, &endpoint.to_string())
}

/// The first event that is wanted; the others are dropped.
#[track_caller]
fn wait_for(events: &Events, wanted: impl Fn(&Event) -> bool) -> Event {
    match events.wait_for(WAIT, wanted) {
        Some(event) => event,
        None => panic!("the event did not come"),
    }
}

/// Why the next connection ends, in its handshake or later.
#[track_caller]
fn ending(events: &Events) -> Reason {
    let ended = |event: &Event| {
        matches!(
            event,
            Event::HandshakeFailed { .. } | Event::Disconnected { .. }
        )
    };
    match wait_for(events, ended) {
        Event::HandshakeFailed { reason, .. } | Event::Disconnected { reason, .. } => reason,
        other => panic!("{other:?}"),
    }
}

/// No connection has ended, or been turned away.
#[track_caller]
fn assert_all_are_kept(events: &Events) {
    while let Some(event) = events.try_next() {
        let is_bad = matches!(
            event,
            Event::HandshakeFailed { .. } | Event::Disconnected { .. } | Event::TurnedAway { .. }
        );
        assert!(!is_bad, "{event:?}");
    }
}
