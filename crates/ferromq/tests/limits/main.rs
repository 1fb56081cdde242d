//! Every limit on what peers can make a socket hold: what is just allowed is served, one more is
//! refused with its typed reason. `docs/limits.md` names the test of each.

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

#[allow(dead_code, reason = "each test file uses its part")]
#[path = "../common/mod.rs"]
mod common;
mod connections;
mod peers;
mod subscriptions;

use std::time::Duration;

use ferromq::{Builder, Endpoint, Event, Events, Pull, Reason};
use ferromq_testkit::{MockPeer, SimWorld};

use common::{WAIT, wait_for, world};

const SECOND: Duration = Duration::from_secs(1);

const ANY: &str = "tcp://127.0.0.1:*";

/// A PULL with these options, bound in a simulated world.
fn bound(pull: Builder<Pull>) -> (SimWorld, Pull, Endpoint, Events) {
    let (world, context) = world(1);
    let pull = pull.build(&context).unwrap();
    let (events, endpoint) = (pull.events(), pull.bind(ANY).unwrap());
    (world, pull, endpoint, events)
}

/// A scripted peer that has not said anything yet.
#[track_caller]
fn dial(world: &SimWorld, endpoint: &Endpoint) -> MockPeer {
    MockPeer::dial(world, &endpoint.to_string())
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
