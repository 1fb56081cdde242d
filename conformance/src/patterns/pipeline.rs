//! RFC 30: PUSH and PULL.

use std::thread;

use ferromq::Message;
use ferromq::SocketType::{Pull, Push};

use super::place::{Place, number, receive};
use super::queues;
use crate::case::{Case, case};
use crate::socket::{Settings, WAIT};

pub(super) const CASES: &[Case<Place>] = &[
    case!(
        push_gives_peers_their_turn,
        "30/push-peers",
        "30/push-queues",
        "30/push-round-robin",
        "37/once",
        "37/ordered"
    ),
    case!(
        messages_arrive_unchanged,
        "30/push-unchanged",
        "30/pull-unchanged",
        "30/pull-delivers",
        "37/atomic",
        "37/ordered",
        "37/once",
    ),
    case!(
        push_without_peer_waits,
        "30/push-no-peer",
        "30/push-refuses",
        "30/push-keeps"
    ),
    case!(
        mark_is_exact_before_the_peer_comes,
        "30/push-limit",
        "30/push-refuses",
        "30/push-keeps",
        "30/push-queue-dialed",
    ),
    case!(
        marks_are_exact_while_the_peer_does_not_read,
        "30/push-limit",
        "30/pull-limit",
        "30/push-refuses",
        "30/push-keeps",
    ),
    case!(
        full_peer_is_passed_over,
        "30/push-available",
        "30/push-queues"
    ),
    case!(
        dialed_peer_keeps_its_queue,
        "30/push-queue-dialed",
        "37/reconnect"
    ),
    case!(
        what_a_lost_peer_was_not_given_goes_to_the_next,
        "30/push-queue-accepted",
        "37/once"
    ),
    case!(
        what_is_queued_goes_out_after_closing,
        "30/push-queues",
        "30/push-keeps",
        "37/once"
    ),
    case!(
        pull_hears_peers_in_turn,
        "30/pull-peers",
        "30/pull-queues",
        "30/pull-fair"
    ),
    case!(
        pull_may_dial_first,
        "30/pull-queue-dialed",
        "37/opportunistic"
    ),
    case!(
        what_a_lost_peer_has_delivered_is_received,
        "30/pull-queue-accepted"
    ),
];

fn push_gives_peers_their_turn(place: &Place) {
    queues::peers_are_given_messages_in_turn(place, Push, Pull);
}

fn messages_arrive_unchanged(place: &Place) {
    let (push, pull) = (place.socket(Push), place.socket(Pull));
    place.join(&*push, &*pull);
    queues::messages_arrive_unchanged(place, &*push, &*pull);
}

fn push_without_peer_waits(place: &Place) {
    queues::sender_waits_for_a_peer(place, Push, Pull);
}

fn mark_is_exact_before_the_peer_comes(place: &Place) {
    queues::mark_is_exact_before_the_peer_comes(place, Push, Pull);
}

fn marks_are_exact_while_the_peer_does_not_read(place: &Place) {
    queues::mark_is_exact_with_a_peer_that_does_not_read(place, Push, Pull);
}

fn full_peer_is_passed_over(place: &Place) {
    queues::full_peer_is_passed_over(place, Push, Pull);
}

fn dialed_peer_keeps_its_queue(place: &Place) {
    queues::dialed_peer_keeps_its_queue(place, Push, Pull);
}

fn what_a_lost_peer_was_not_given_goes_to_the_next(place: &Place) {
    queues::unsent_messages_go_to_the_next_peer(place, Push, Pull);
}

fn pull_hears_peers_in_turn(place: &Place) {
    let sent = |peer: usize, round: usize| Message::from([peer.to_string(), round.to_string()]);
    queues::peers_are_heard_in_turn(place, Push, Pull, sent, |message| {
        let part = |at| message.part_str(at).unwrap().parse().unwrap();
        (part(0), part(1))
    });
}

fn pull_may_dial_first(place: &Place) {
    queues::receiver_may_dial_first(place, Push, Pull);
}

fn what_a_lost_peer_has_delivered_is_received(place: &Place) {
    queues::delivered_messages_outlive_their_sender(place, Push, Pull);
}

fn what_is_queued_goes_out_after_closing(place: &Place) {
    let narrow = Settings {
        send_mark: Some(0),
        receive_mark: Some(1),
        small_buffers: true,
        linger: Some(WAIT),
        ..Settings::default()
    };
    let (push, pull) = (
        place.socket_with(Push, &narrow),
        place.socket_with(Pull, &narrow),
    );
    place.join(&*pull, &*push);
    let large = vec![7_u8; 10_000];
    for round in 0..100 {
        push.send([number(round).into_parts().remove(0), large.clone().into()].into());
    }
    let queued = place.is_inproc() || push.stats().queued > 0;
    assert!(queued, "{:?}", push.stats());
    let (report, got) = thread::scope(|scope| {
        let closing = scope.spawn(|| push.close());
        let got = receive(&*pull, 100);
        (closing.join().unwrap(), got)
    });
    for (round, message) in got.iter().enumerate() {
        assert_eq!(message.part_str(0), Ok(&*round.to_string()));
        assert_eq!(message.part(1).map(|part| part.len()), Some(large.len()));
    }
    assert!(report.complete && report.unsent == 0, "{report:?}");
}
