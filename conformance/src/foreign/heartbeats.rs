//! Heartbeats, theirs and ours: who answers is kept for a minute, and so is, for many intervals,
//! who does not read because its application stands still. Who does not answer is given up.

use ferromq::SocketType::Dealer;
use ferromq_testkit::{MockPeer, frames};

use super::joined::{End, Joined};
use super::stage::{Side, Stage};
use super::words;
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
    case!(stopped_consumer_that_pings_is_kept, "37/any-traffic"),
    case!(stopped_consumer_of_who_pings_is_kept, "37/any-traffic"),
    case!(stopped_consumer_is_kept_when_both_ping, "37/any-traffic"),
];

/// A PING each half a second; who is silent for five seconds then is dead: a machine that others
/// use keeps a process waiting for longer than two.
const BEATS: [&str; 2] = ["heartbeat_ivl=500", "heartbeat_timeout=5000"];

/// Such heartbeats, and silence is not to be borne for longer.
const BEATS_AND_TTL: [&str; 3] = [
    "heartbeat_ivl=500",
    "heartbeat_timeout=5000",
    "heartbeat_ttl=5000",
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

/// What is sent to a consumer that stands still: far more than its mark, which is 1.
const UNREAD: u8 = 20;

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

fn stopped_consumer_that_pings_is_kept(stage: &Stage) {
    keep_a_stopped_consumer(stage, &BEATS_AND_TTL, &[]);
}

fn stopped_consumer_of_who_pings_is_kept(stage: &Stage) {
    keep_a_stopped_consumer(stage, &[], &BEATS_AND_TTL);
}

fn stopped_consumer_is_kept_when_both_ping(stage: &Stage) {
    keep_a_stopped_consumer(stage, &BEATS_AND_TTL, &BEATS_AND_TTL);
}

/// Ours is full and not read: it sees neither PING nor PONG for forty intervals. It gives nobody
/// up, and speaks on, so that nobody gives it up; nothing is lost.
fn keep_a_stopped_consumer(stage: &Stage, our_beats: &[&str], their_beats: &[&str]) {
    let ours = stage.socket_and(Side::Ours, &[our_beats, &["rcvhwm=1"]].concat());
    let theirs = stage.socket_and(Side::Theirs, their_beats);
    let joined = Joined::of(stage, [ours, theirs], &[]);
    let (consumer, producer) = (joined.end(Side::Ours), joined.end(Side::Theirs));
    let expect_calm = |end: &End| end.socket.no_event("disconnected");
    // For twenty intervals it is idle, and hears the PINGs.
    expect_calm(producer);
    let messages: Vec<String> = (0..UNREAD).map(|at| words::filled(1_000, at)).collect();
    messages.iter().for_each(|message| producer.send(message));
    expect_calm(producer);
    expect_calm(consumer);
    messages.iter().for_each(|message| consumer.expect(message));
    joined.talk(1);
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
