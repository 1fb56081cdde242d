//! Heartbeats for a minute: their PINGs are answered, so that they do not end the connection.
//!
//! In the other direction there is nothing to show yet: no PING is sent by us.

use ferromq::SocketType::Dealer;
use ferromq_testkit::{MockPeer, frames};

use super::joined::Joined;
use super::stage::{Side, Stage};
use crate::case::{Case, case};
use crate::vacancy::dial;

pub(super) const CASES: &[Case<Stage>] = &[case!(
    pings_are_answered_for_a_minute,
    "37/pong",
    "37/pong-context"
)];

/// A PING each half a second; who is silent for two seconds then is dead.
const BEATS: [&str; 2] = ["heartbeat_ivl=500", "heartbeat_timeout=2000"];

/// Each waits for ten seconds.
const WAITS: [Side; 6] = [
    Side::Theirs,
    Side::Theirs,
    Side::Theirs,
    Side::Theirs,
    Side::Theirs,
    Side::Ours,
];

/// One type will do: heartbeats know of none.
pub(super) fn is_stage(stage: &Stage) -> bool {
    (stage.ours, stage.theirs) == (Dealer, Dealer)
}

fn pings_are_answered_for_a_minute(stage: &Stage) {
    let theirs = stage.socket_and(Side::Theirs, &BEATS);
    give_up_the_silent(stage);
    let joined = Joined::of(stage, [stage.socket(Side::Ours), theirs], &[]);
    for side in WAITS {
        joined.end(side).socket.no_event("disconnected");
    }
    joined.talk(1);
}

/// The minute means something only if who does not answer is given up.
fn give_up_the_silent(stage: &Stage) {
    let theirs = stage.socket_and(Side::Theirs, &BEATS);
    let place = stage.vacancy();
    theirs.bind(&place.endpoint().to_string());
    let mut silent: MockPeer = dial(&place.endpoint().to_string());
    silent.send(frames::greeting().then(frames::ready("DEALER")));
    theirs.event("handshake_succeeded");
    theirs.event("disconnected");
}
