//! Heartbeats in virtual time: when PINGs go out, and whose silence ends a connection.

use std::time::Duration;

use ferromq::SocketType::Dealer;
use ferromq::{Event, Message, Reason, Silence};
use ferromq_testkit::{MockPeer, frames};

use super::stage::{Stage, Subject};
use crate::case::{Case, case, skip};
use crate::socket::{AnySocket, Heartbeats, Settings, WAIT};

pub(super) const CASES: &[Case<Stage>] = &[
    case!(
        pings_go_out_at_each_interval,
        "37/pong-context",
        "37/command",
        "37/command-last"
    ),
    case!(
        unanswered_ping_ends_the_connection,
        "37/dead-unanswered",
        "37/ping-interval"
    ),
    case!(any_traffic_is_a_sign_of_life, "37/any-traffic"),
    case!(silent_peer_is_sent_few_pings, "37/few-pings"),
    case!(time_to_live_of_the_peer_ends_the_connection, "37/dead-ttl"),
    case!(
        connection_is_made_again_after_silence,
        "37/dead-reconnect",
        "37/reconnect"
    ),
];

const SECOND: Duration = Duration::from_secs(1);

/// The longest that anything here takes by itself: a network without delays is none.
const SLACK: Duration = Duration::from_millis(10);

/// A socket with these heartbeats.
fn beating(stage: &Stage, heartbeats: Heartbeats) -> Subject {
    if !stage.is_simulated() {
        skip("it would take its time");
    }
    stage.socket_with(
        Dealer,
        Settings {
            heartbeats,
            ..Settings::default()
        },
    )
}

/// A PING each second.
fn each_second(timeout: Option<Duration>) -> Heartbeats {
    Heartbeats {
        interval: SECOND,
        timeout,
        ttl: Duration::ZERO,
    }
}

/// The connection ends for this, after this time.
#[track_caller]
fn expect_silence(subject: &Subject, peer: &mut MockPeer, silence: Silence, after: Duration) {
    let start = subject.elapsed();
    let events = subject.live().expect("it is a whole socket").events();
    let ended = events.wait_for(WAIT, |event| matches!(event, Event::Disconnected { .. }));
    match ended {
        Some(Event::Disconnected { reason, .. }) => assert_eq!(reason, Reason::Silence(silence)),
        other => panic!("the connection goes on: {other:?}"),
    }
    expect_time(subject, start, after);
    peer.drain_to_end();
}

/// So much time has passed.
#[track_caller]
fn expect_time(subject: &Subject, start: Duration, time: Duration) {
    let took = subject.elapsed() - start;
    assert!(took + SLACK >= time && took <= time + SLACK, "{took:?}");
}

fn pings_go_out_at_each_interval(stage: &Stage) {
    let heartbeats = Heartbeats {
        ttl: 3 * SECOND,
        ..each_second(None)
    };
    let subject = beating(stage, heartbeats);
    let mut peer = subject.meet((3, 1));
    let start = subject.elapsed();
    for nth in 1..=5 {
        peer.expect(frames::ping(30, ""));
        expect_time(&subject, start, nth * SECOND);
        peer.send(frames::pong(""));
    }
}

/// After the time that the application has set, whatever the interval.
fn unanswered_ping_ends_the_connection(stage: &Stage) {
    for (timeout, after) in [
        (None, SECOND),
        (Some(SECOND / 10), SECOND / 10),
        (Some(5 * SECOND), 5 * SECOND),
    ] {
        let subject = beating(stage, each_second(timeout));
        let mut peer = subject.meet((3, 1));
        peer.expect(frames::ping(0, ""));
        expect_silence(&subject, &mut peer, Silence::Unanswered, after);
    }
}

/// Messages, unknown commands, and part of a message.
fn any_traffic_is_a_sign_of_life(stage: &Stage) {
    let subject = beating(stage, each_second(None));
    let mut peer = subject.meet((3, 1));
    let whole = frames::msg(["a message"]);
    let (begin, rest) = whole.bytes().split_at(4);
    for sign in [
        frames::msg(["another"]).bytes(),
        frames::command("UNKNOWN", b"").bytes(),
        begin,
        rest,
    ] {
        peer.expect(frames::ping(0, ""));
        peer.send_raw(sign);
    }
    peer.expect(frames::ping(0, ""));
    subject.expect_message(&Message::from("another"));
    subject.expect_message(&Message::from("a message"));
    expect_silence(&subject, &mut peer, Silence::Unanswered, SECOND);
}

/// It is not given up here, so that nothing else ends the PINGs; one sign of life, and they go on.
fn silent_peer_is_sent_few_pings(stage: &Stage) {
    let subject = beating(stage, each_second(Some(Duration::ZERO)));
    let mut peer = subject.meet((3, 1));
    for _ in 0..2 {
        for _ in 0..10 {
            peer.expect(frames::ping(0, ""));
        }
        peer.expect_silence(100 * SECOND);
        peer.send(frames::pong(""));
    }
    peer.expect(frames::ping(0, ""));
}

/// With heartbeats of our own, which are answered, and without.
fn time_to_live_of_the_peer_ends_the_connection(stage: &Stage) {
    let rare = Heartbeats {
        interval: 100 * SECOND,
        ..each_second(None)
    };
    for heartbeats in [Heartbeats::default(), rare] {
        let subject = beating(stage, heartbeats);
        let mut peer = subject.meet((3, 1));
        for _ in 0..3 {
            peer.send(frames::ping(20, "ctx"));
            peer.expect(frames::pong("ctx"));
            peer.expect_silence(19 * SECOND / 10);
        }
        peer.send(frames::ping(25, ""));
        peer.expect(frames::pong(""));
        expect_silence(&subject, &mut peer, Silence::Expired, 25 * SECOND / 10);
    }
}

fn connection_is_made_again_after_silence(stage: &Stage) {
    if !stage.is_dialed() {
        skip("the socket does not dial");
    }
    let subject = beating(stage, each_second(None));
    let events = subject.live().map(AnySocket::events);
    let events = events.expect("it is a whole socket");
    let place = subject.vacancy();
    let listener = place.listen();
    subject.connect(&place);
    for _ in 0..3 {
        let mut peer = listener.accept();
        peer.handshake("DEALER", "DEALER");
        peer.expect(frames::ping(0, ""));
        let ended = events.wait_for(WAIT, |event| matches!(event, Event::Disconnected { .. }));
        assert!(ended.is_some());
    }
    let mut peer = listener.accept();
    peer.handshake("DEALER", "DEALER");
    peer.send(frames::msg(["again"]));
    subject.expect_message(&Message::from("again"));
}
