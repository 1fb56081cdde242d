//! Making connections, and making them again.

use std::time::Duration;

use ferromq::{Event, Events, Message, SocketType};
use ferromq_testkit::frames;

use super::stage::{Stage, Subject};
use crate::case::{Case, case, skip};
use crate::socket::{AnySocket, WAIT};

pub(super) const CASES: &[Case<Stage>] = &[
    case!(
        connecting_does_not_wait_for_anybody,
        "37/opportunistic",
        "23/opportunistic"
    ),
    case!(
        broken_connection_is_made_again_after_a_pause,
        "37/close-temporary",
        "37/close-reconnect",
        "37/reconnect-pause",
        "37/reconnect",
        "23/close-temporary",
        "23/close-reconnect",
        "23/reconnect-pause",
        "23/reconnect",
    ),
    case!(
        pauses_grow_and_have_a_random_part,
        "37/reconnect-pause",
        "37/reconnect-slower",
        "23/reconnect-pause",
        "23/reconnect-slower",
    ),
];

/// A socket that dials, with its events.
fn dialing(stage: &Stage) -> (Subject, Events) {
    if !stage.is_dialed() {
        skip("the socket does not dial");
    }
    let subject = stage.own_socket(SocketType::Dealer);
    let events = subject.live().map(AnySocket::events);
    (subject, events.expect("it is a whole socket"))
}

/// The pause before the next attempt.
#[track_caller]
fn next_pause(events: &Events) -> Duration {
    match events.wait_for(WAIT, |event| matches!(event, Event::Retry { .. })) {
        Some(Event::Retry { after, .. }) => after,
        other => panic!("no further attempt: {other:?}"),
    }
}

fn connecting_does_not_wait_for_anybody(stage: &Stage) {
    let (subject, events) = dialing(stage);
    let place = subject.vacancy();
    subject.connect(&place);
    subject.send("early");
    next_pause(&events);
    let listener = place.listen();
    let mut peer = listener.accept();
    peer.handshake("DEALER", "DEALER");
    peer.expect(frames::msg(["early"]));
}

/// Whenever the peer goes: in the handshake, and after it.
fn broken_connection_is_made_again_after_a_pause(stage: &Stage) {
    let (subject, events) = dialing(stage);
    let place = subject.vacancy();
    let listener = place.listen();
    subject.connect(&place);
    drop(listener.accept());
    for round in ["one", "two"] {
        let pause = next_pause(&events);
        assert!(pause >= Duration::from_millis(50), "{pause:?}");
        let mut peer = listener.accept();
        peer.handshake("DEALER", "DEALER");
        peer.send(frames::msg([round]));
        subject.expect_message(&Message::from(round));
    }
}

/// Doubled from 100 ms up to 1 s, less up to half of it.
fn pauses_grow_and_have_a_random_part(stage: &Stage) {
    let (subject, events) = dialing(stage);
    subject.connect(&subject.vacancy());
    let attempts = if stage.is_simulated() { 8 } else { 3 };
    let mut whole = Duration::from_millis(100);
    let mut exact = 0;
    for _ in 0..attempts {
        let pause = next_pause(&events);
        assert!(
            pause <= whole && pause >= whole / 2,
            "{pause:?} of {whole:?}"
        );
        exact += u32::from(pause == whole || pause == whole / 2);
        whole = (2 * whole).min(Duration::from_secs(1));
    }
    assert!(exact < attempts, "nothing is left to chance");
}
