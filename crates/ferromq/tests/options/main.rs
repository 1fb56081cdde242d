//! What each option changes that can be seen from outside; `docs/options.md` names the test of
//! each.

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
#[allow(dead_code, reason = "each test file uses its part")]
#[path = "../common/mod.rs"]
mod common;
mod conflating;
mod connecting;
mod context;
mod proxied;
mod pubsub;
mod queueing;
mod reqrep;
mod updating;
mod weighing;

use std::sync::Arc;
use std::time::Duration;

use ferromq::{Context, Event, Events};
use ferromq_testkit::SimWorld;

use common::{WAIT, wait_for, world};

const ANY: &str = "tcp://127.0.0.1:*";

/// Where nobody listens.
const NOWHERE: &str = "tcp://127.0.0.1:7777";
