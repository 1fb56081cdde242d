//! RFC 31: PAIR.

use ferromq::SocketType::{self, Pair};
use ferromq::{ConnectError, Event, Message, Reason, Refusal};

use super::place::{Place, until};
use super::queues;
use crate::case::{Case, case};
use crate::socket::WAIT;

pub(super) const CASES: &[Case<Place>] = &[
    case!(pair_has_one_peer, "31/peer", "31/receives"),
    case!(pair_that_dials_has_one_peer, "31/peer"),
    case!(
        peers_of_other_types_are_refused,
        "31/peer",
        "37/socket-type-legal",
        "23/socket-type-legal"
    ),
    case!(
        messages_arrive_unchanged,
        "31/unchanged",
        "31/delivers",
        "37/atomic",
        "37/ordered",
        "37/once"
    ),
    case!(directions_are_independent, "31/queues"),
    case!(
        pair_without_peer_waits,
        "31/no-peer",
        "31/refuses",
        "31/keeps"
    ),
    case!(
        mark_is_exact_before_the_peer_comes,
        "31/limit",
        "31/refuses",
        "31/queue-dialed"
    ),
    case!(
        marks_are_exact_while_the_peer_does_not_read,
        "31/limit",
        "31/available",
        "31/refuses",
        "31/keeps"
    ),
    case!(
        dialed_peer_keeps_its_queue,
        "31/queue-dialed",
        "37/reconnect"
    ),
    case!(
        what_a_lost_peer_was_not_given_goes_with_it,
        "31/queue-accepted"
    ),
    case!(
        what_a_lost_peer_has_delivered_is_received,
        "31/queue-accepted"
    ),
];

fn pair_has_one_peer(place: &Place) {
    let (pair, first, second) = (place.socket(Pair), place.socket(Pair), place.socket(Pair));
    let endpoint = place.join(&*pair, &*first);
    let events = pair.events();
    second.connect(&endpoint);
    if !place.is_inproc() {
        let refused = |event: &Event| {
            let occupied = Reason::Refusal(Refusal::Occupied);
            matches!(event, Event::Disconnected { reason, .. } if *reason == occupied)
        };
        assert!(events.wait_for(WAIT, refused).is_some());
    }
    let _ = second.try_send(Message::from("second"));
    for text in ["to", "and"] {
        first.send(Message::from(text));
        assert_eq!(pair.recv(), Message::from(text), "only the first is heard");
        pair.send(Message::from("fro"));
        assert_eq!(first.recv(), Message::from("fro"));
    }
    first.close();
    if place.is_inproc() {
        until("the first has left", || pair.pipes() == 0);
        second.connect(&endpoint);
    }
    // What is written to a connection that is refused then is lost: it is sent until it is heard.
    until("the second is heard", || {
        let _ = second.try_send(Message::from("second"));
        pair.try_recv() == Ok(Message::from("second"))
    });
}

fn peers_of_other_types_are_refused(place: &Place) {
    let pair = place.socket(Pair);
    let endpoint = place.bind(&*pair);
    for other in SocketType::ALL.into_iter().filter(|other| *other != Pair) {
        let socket = place.socket(other);
        let events = socket.events();
        let connected = socket.try_connect(&endpoint);
        if place.is_inproc() {
            assert!(
                matches!(connected, Err(ConnectError::IncompatiblePeer)),
                "{other}: {connected:?}"
            );
        } else {
            let refused = |event: &Event| matches!(event, Event::HandshakeFailed { .. });
            assert!(events.wait_for(WAIT, refused).is_some(), "{other}");
        }
        assert_eq!(pair.pipes(), 0, "{other}");
    }
}

fn pair_that_dials_has_one_peer(place: &Place) {
    let (pair, first) = (place.socket(Pair), place.socket(Pair));
    place.join(&*first, &*pair);
    let second = place.vacancy().endpoint();
    let refused = pair.try_connect(&second).unwrap_err();
    assert!(
        matches!(refused, ConnectError::Refusal(Refusal::Occupied)),
        "{refused}"
    );
    pair.send(Message::from("still"));
    assert_eq!(first.recv(), Message::from("still"));
}

fn messages_arrive_unchanged(place: &Place) {
    let (left, right) = (place.socket(Pair), place.socket(Pair));
    place.join(&*left, &*right);
    queues::messages_arrive_unchanged(place, &*left, &*right);
    queues::messages_arrive_unchanged(place, &*right, &*left);
}

fn directions_are_independent(place: &Place) {
    queues::directions_are_independent(place, Pair, Pair);
}

fn pair_without_peer_waits(place: &Place) {
    queues::sender_waits_for_a_peer(place, Pair, Pair);
}

fn mark_is_exact_before_the_peer_comes(place: &Place) {
    queues::mark_is_exact_before_the_peer_comes(place, Pair, Pair);
}

fn marks_are_exact_while_the_peer_does_not_read(place: &Place) {
    queues::mark_is_exact_with_a_peer_that_does_not_read(place, Pair, Pair);
}

fn dialed_peer_keeps_its_queue(place: &Place) {
    queues::dialed_peer_keeps_its_queue(place, Pair, Pair);
}

fn what_a_lost_peer_was_not_given_goes_with_it(place: &Place) {
    queues::unsent_messages_go_with_the_peer(place, Pair, Pair);
}

fn what_a_lost_peer_has_delivered_is_received(place: &Place) {
    queues::delivered_messages_outlive_their_sender(place, Pair, Pair);
}
