//! A message of 1 GiB, over each transport and in each direction.

use ferromq::SocketType::{Pull, Push};
use parking_lot::Mutex;

use super::joined::Joined;
use super::stage::Stage;
use super::words::filled;
use crate::case::{Case, case};

pub(super) const CASES: &[Case<Stage>] = &[case!(
    gibibyte_arrives,
    "30/push-unchanged",
    "30/pull-delivers",
    "37/long-frame",
    "37/frame-size",
    "37/once",
)];

/// Only one at a time: each takes a few GiB of memory.
static ALONE: Mutex<()> = Mutex::new(());

/// So often a receiver waits for it, ten seconds each.
const WAITS: usize = 4;

/// PUSH at one side, PULL at the other; who binds does not matter.
pub(super) fn is_stage(stage: &Stage) -> bool {
    stage.we_bind && matches!((stage.ours, stage.theirs), (Push, Pull) | (Pull, Push))
}

fn gibibyte_arrives(stage: &Stage) {
    let _alone = ALONE.lock();
    let joined = Joined::new(stage);
    let message = filled(1 << 30, 5);
    joined.first().send(&message);
    let mut waits = (0..WAITS).filter_map(|_| joined.second().socket.try_recv().ok());
    assert_eq!(waits.next(), Some(message));
    joined.talk(1);
}
