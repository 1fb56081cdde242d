//! Heartbeats, theirs and ours: who answers is kept for a minute, and who does not is given up.

use ferromq::SocketType::Dealer;
use ferromq_testkit::{MockPeer, frames};

use super::joined::Joined;
use super::stage::{Side, Stage};
use crate::case::{Case, case};
use crate::vacancy::dial;

pub(super) const CASES: &[Case<Stage>] = &[
    case!(
        pings_are_answered_for_a_minute,
        "37/pong",
        "37/pong-context"
    ),
    case!(
        both_ping_for_a_minute,
        "37/pong",
        "37/pong-context",
        "37/any-traffic"
    ),
];

/// A PING each half a second; who is silent for two seconds then is dead.
const BEATS: [&str; 2] = ["heartbeat_ivl=500", "heartbeat_timeout=2000"];

/// Such heartbeats, and silence is not to be borne for longer.
const BEATS_AND_TTL: [&str; 3] = [
    "heartbeat_ivl=500",
    "heartbeat_timeout=2000",
    "heartbeat_ttl=2000",
];

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
    give_up_the_silent(stage, Side::Theirs);
    let joined = Joined::of(stage, [stage.socket(Side::Ours), theirs], &[]);
    expect_a_quiet_minute(&joined);
}

fn both_ping_for_a_minute(stage: &Stage) {
    let sockets = [Side::Ours, Side::Theirs].map(|side| stage.socket_and(side, &BEATS_AND_TTL));
    give_up_the_silent(stage, Side::Ours);
    let joined = Joined::of(stage, sockets, &[]);
    expect_a_quiet_minute(&joined);
}

#[track_caller]
fn expect_a_quiet_minute(joined: &Joined) {
    for side in WAITS {
        joined.end(side).socket.no_event("disconnected");
    }
    joined.talk(1);
}

/// The minute means something only if who does not answer is given up.
fn give_up_the_silent(stage: &Stage, side: Side) {
    let beating = stage.socket_and(side, &BEATS);
    let place = stage.vacancy();
    beating.bind(&place.endpoint().to_string());
    let mut silent: MockPeer = dial(&place.endpoint().to_string());
    silent.send(frames::greeting().then(frames::ready("DEALER")));
    beating.event("handshake_succeeded");
    beating.event("disconnected");
}
