//! RFC 28: DEALER and ROUTER.

use std::collections::BTreeSet;

use ferromq::SocketType::{Dealer, Rep, Req, Router};
use ferromq::{Dropped, Event, Message, Part, RecvError, Refused, SendError, SendErrorKind};

use super::place::{MOMENT, Place, accounted, contents, number, until};
use super::queues;
use crate::case::{Case, case};
use crate::socket::{AnySocket, Settings, WAIT};

pub(super) const CASES: &[Case<Place>] = &[
    case!(dealer_talks_with_every_legal_peer, "28/dealer-peers"),
    case!(
        dealer_gives_peers_their_turn,
        "28/dealer-round-robin",
        "28/dealer-queues",
        "37/once",
        "37/ordered"
    ),
    case!(
        dealer_changes_nothing,
        "28/dealer-unchanged",
        "28/dealer-delivers",
        "37/atomic",
        "37/ordered",
        "37/once"
    ),
    case!(
        dealer_without_peer_waits,
        "28/dealer-no-peer",
        "28/dealer-refuses",
        "28/dealer-keeps"
    ),
    case!(
        dealers_mark_is_exact_before_the_peer_comes,
        "28/dealer-limit",
        "28/dealer-refuses",
        "28/dealer-keeps",
        "28/dealer-queue-dialed",
    ),
    case!(
        dealers_marks_are_exact_while_the_peer_does_not_read,
        "28/dealer-limit",
        "28/dealer-refuses",
        "28/dealer-keeps"
    ),
    case!(
        full_peer_is_passed_over,
        "28/dealer-available",
        "28/dealer-queues"
    ),
    case!(directions_are_independent, "28/dealer-queues"),
    case!(
        dialed_peer_keeps_its_queue,
        "28/dealer-queue-dialed",
        "37/reconnect"
    ),
    case!(
        what_a_lost_peer_was_not_given_goes_to_the_next,
        "28/dealer-queue-accepted",
        "37/once"
    ),
    case!(dealer_hears_peers_in_turn, "28/dealer-fair"),
    case!(
        router_names_who_sent_and_sends_to_who_is_named,
        "28/router-peers",
        "28/router-prefix",
        "28/router-delivers",
        "28/router-address",
        "28/router-routes",
        "28/router-chosen",
    ),
    case!(
        router_gives_every_peer_a_name_of_its_own,
        "28/router-identity"
    ),
    case!(
        second_peer_of_the_same_name_is_not_taken,
        "28/router-identity"
    ),
    case!(router_hears_peers_in_turn, "28/router-fair"),
    case!(
        message_to_nobody_is_refused_or_dropped,
        "28/router-unroutable",
        "28/router-never-blocks"
    ),
    case!(
        full_peer_hinders_no_other,
        "28/router-queues",
        "28/router-limit",
        "28/router-unroutable",
        "28/router-never-blocks",
    ),
    case!(
        queue_of_an_accepted_peer_goes_with_it,
        "28/router-queue-accepted"
    ),
    case!(
        queue_of_a_dialed_peer_stays,
        "28/router-queue-dialed",
        "37/reconnect"
    ),
];

fn named(place: &Place, socket_type: ferromq::SocketType, name: &str) -> Box<dyn AnySocket> {
    let settings = Settings {
        routing_id: Some(name.into()),
        ..Settings::default()
    };
    place.socket_with(socket_type, &settings)
}

/// This name, and then these parts.
fn to(name: &str, message: &Message) -> Message {
    let name = [Part::from(name)];
    name.into_iter().chain(message.iter().cloned()).collect()
}

fn dealer_talks_with_every_legal_peer(place: &Place) {
    let (rep, router, other) = (
        place.socket(Rep),
        place.socket(Router),
        place.socket(Dealer),
    );
    let dealer = named(place, Dealer, "d");
    for peer in [&rep, &router, &other] {
        place.join(&**peer, &*dealer);
    }
    (0..3).for_each(|_| dealer.send(Message::from(["", "hello"])));
    assert_eq!(rep.recv(), Message::from("hello"));
    rep.send(Message::from("rep"));
    assert_eq!(dealer.recv(), Message::from(["", "rep"]));
    assert_eq!(router.recv(), Message::from(["d", "", "hello"]));
    router.send(Message::from(["d", "router"]));
    assert_eq!(dealer.recv(), Message::from("router"));
    assert_eq!(other.recv(), Message::from(["", "hello"]));
    other.send(Message::from("dealer"));
    assert_eq!(dealer.recv(), Message::from("dealer"));
}

fn dealer_gives_peers_their_turn(place: &Place) {
    queues::peers_are_given_messages_in_turn(place, Dealer, Dealer);
}

fn dealer_changes_nothing(place: &Place) {
    let (left, right) = (place.socket(Dealer), place.socket(Dealer));
    place.join(&*left, &*right);
    queues::messages_arrive_unchanged(place, &*left, &*right);
    queues::messages_arrive_unchanged(place, &*right, &*left);
}

fn dealer_without_peer_waits(place: &Place) {
    queues::sender_waits_for_a_peer(place, Dealer, Dealer);
}

fn dealers_mark_is_exact_before_the_peer_comes(place: &Place) {
    queues::mark_is_exact_before_the_peer_comes(place, Dealer, Dealer);
}

fn dealers_marks_are_exact_while_the_peer_does_not_read(place: &Place) {
    queues::mark_is_exact_with_a_peer_that_does_not_read(place, Dealer, Dealer);
}

fn full_peer_is_passed_over(place: &Place) {
    queues::full_peer_is_passed_over(place, Dealer, Dealer);
}

fn directions_are_independent(place: &Place) {
    queues::directions_are_independent(place, Dealer, Dealer);
}

fn dialed_peer_keeps_its_queue(place: &Place) {
    queues::dialed_peer_keeps_its_queue(place, Dealer, Dealer);
}

fn what_a_lost_peer_was_not_given_goes_to_the_next(place: &Place) {
    queues::unsent_messages_go_to_the_next_peer(place, Dealer, Dealer);
}

/// A peer's number and a round's.
fn numbered(peer: usize, round: usize) -> Message {
    Message::from([peer, round].map(|number| number.to_string().into_bytes()))
}

fn dealer_hears_peers_in_turn(place: &Place) {
    queues::peers_are_heard_in_turn(place, Dealer, Dealer, numbered, |message| {
        let part = |at| message.part_str(at).unwrap().parse().unwrap();
        (part(0), part(1))
    });
}

fn router_names_who_sent_and_sends_to_who_is_named(place: &Place) {
    for binds in [true, false] {
        let router = place.socket(Router);
        let names = ["req", "dealer", &"r".repeat(255)];
        let peers = [
            named(place, Req, names[0]),
            named(place, Dealer, names[1]),
            named(place, Dealer, names[2]),
        ];
        place.star(&*router, &peers, binds);
        for message in contents() {
            peers.iter().for_each(|peer| peer.send(message.clone()));
            let mut heard: Vec<Message> = (0..3).map(|_| router.recv()).collect();
            heard.sort_by_key(|message| {
                names
                    .iter()
                    .position(|name| message.part(0).unwrap() == name)
            });
            let enveloped = to("", &message);
            assert_eq!(heard[0], to(names[0], &enveloped), "REQ adds its delimiter");
            assert_eq!(heard[1], to(names[1], &message));
            assert_eq!(heard[2], to(names[2], &message));
            heard
                .into_iter()
                .rev()
                .for_each(|message| router.send(message));
            peers
                .iter()
                .for_each(|peer| assert_eq!(peer.recv(), message));
        }
    }
}

fn router_gives_every_peer_a_name_of_its_own(place: &Place) {
    let (router, dealers) = (place.socket(Router), place.sockets(Dealer, 20));
    place.star(&*router, &dealers, true);
    for round in 0..3 {
        dealers.iter().for_each(|dealer| dealer.send(number(round)));
        let heard: Vec<Message> = dealers.iter().map(|_| router.recv()).collect();
        let names: BTreeSet<Part> = heard
            .iter()
            .map(|one| one.part(0).unwrap().clone())
            .collect();
        assert_eq!(names.len(), dealers.len());
        assert!(
            names.iter().all(|name| name.len() == 5 && name[0] == 0),
            "{names:?}"
        );
        heard.into_iter().for_each(|message| router.send(message));
        dealers
            .iter()
            .for_each(|dealer| assert_eq!(dealer.recv(), number(round)));
    }
}

fn second_peer_of_the_same_name_is_not_taken(place: &Place) {
    let (router, first) = (place.socket(Router), named(place, Dealer, "same"));
    let second = named(place, Dealer, "same");
    let endpoint = place.join(&*router, &*first);
    let events = router.events();
    second.connect(&endpoint);
    let _ = second.try_send(Message::from("from the second"));
    if !place.is_inproc() {
        let ended = |event: &Event| matches!(event, Event::Disconnected { .. });
        assert!(events.wait_for(WAIT, ended).is_some());
    }
    first.send(Message::from("from the first"));
    assert_eq!(router.recv(), Message::from(["same", "from the first"]));
    router.send(Message::from(["same", "to the first"]));
    assert_eq!(first.recv(), Message::from("to the first"));
    assert_eq!(
        (router.pipes(), router.try_recv()),
        (1, Err(RecvError::Empty))
    );
}

fn router_hears_peers_in_turn(place: &Place) {
    queues::peers_are_heard_in_turn(place, Dealer, Router, numbered, |message| {
        let part = |at| message.part_str(at).unwrap().parse().unwrap();
        (part(1), part(2))
    });
}

fn message_to_nobody_is_refused_or_dropped(place: &Place) {
    for drop_unroutable in [false, true] {
        let settings = Settings {
            drop_unroutable,
            ..Settings::default()
        };
        let (router, dealer) = (
            place.socket_with(Router, &settings),
            named(place, Dealer, "d"),
        );
        place.join(&*router, &*dealer);
        let lost = Message::from(["nobody", "lost"]);
        match router.try_send(lost.clone()) {
            Ok(()) => assert_eq!(router.stats().dropped(Dropped::PeerGone), 1),
            Err(refused) => {
                assert_eq!(refused.kind, SendErrorKind::Refused(Refused::NoRoute));
                assert_eq!((refused.message, drop_unroutable), (lost, false));
            }
        }
        let refused = router.try_send(Message::from("d")).unwrap_err();
        assert_eq!(refused.kind, SendErrorKind::Refused(Refused::MissingPart));
        router.send(Message::from(["d", "found"]));
        assert_eq!(dealer.recv(), Message::from("found"));
    }
}

fn full_peer_hinders_no_other(place: &Place) {
    let marks = |name: &str| Settings {
        routing_id: Some(name.into()),
        send_mark: Some(5),
        receive_mark: Some(5),
        small_buffers: true,
        ..Settings::default()
    };
    let router = place.socket_with(Router, &marks("router"));
    let (full, other) = (
        place.socket_with(Dealer, &marks("full")),
        place.socket_with(Dealer, &marks("other")),
    );
    place.join(&*router, &*full);
    place.join(&*router, &*other);
    let large = Message::from([&b"full"[..], &[7; 10_000]].map(<[u8]>::to_vec));
    let waiting = if place.is_inproc() { 10 } else { 5 };
    let queued = if place.is_inproc() { 0 } else { 5 };
    let mut sent = 0;
    // The kernel may take one more at any time: it is sent until it is refused.
    let mut refused = |send: &dyn Fn() -> Result<(), SendError>| loop {
        match send() {
            Ok(()) => sent += 1,
            Err(error) => return (error.kind, error.message),
        }
    };
    until("the peer is full", || {
        let full_now = refused(&|| router.try_send(large.clone()));
        assert_eq!(full_now, (SendErrorKind::Full, large.clone()));
        (router.stats().queued, full.stats().waiting) == (queued, waiting)
    });
    let late = refused(&|| router.send_timeout(large.clone(), MOMENT));
    assert_eq!(late, (SendErrorKind::TimedOut, large.clone()));
    for at in 0..100 {
        router.send(to("other", &number(at)));
        assert_eq!(other.recv(), number(at));
        full.send(number(at));
        assert_eq!(router.recv(), to("full", &number(at)));
    }
    (0..sent).for_each(|_| assert_eq!(full.recv().size(), 10_000));
    assert_eq!(full.try_recv(), Err(RecvError::Empty));
}

fn queue_of_an_accepted_peer_goes_with_it(place: &Place) {
    let settings = Settings {
        send_mark: Some(10),
        small_buffers: true,
        ..Settings::default()
    };
    let (router, dealer) = (
        place.socket_with(Router, &settings),
        named(place, Dealer, "d"),
    );
    place.join(&*router, &*dealer);
    (0..10).for_each(|at| router.send(to("d", &number(at))));
    dealer.close();
    until("the peer is gone", || router.pipes() == 0);
    assert_eq!(accounted(&*router).queued, 0);
    let refused = router.try_send(to("d", &number(11))).unwrap_err();
    assert_eq!(refused.kind, SendErrorKind::Refused(Refused::NoRoute));
    let again = named(place, Dealer, "d");
    place.join(&*router, &*again);
    router.send(to("d", &Message::from("new")));
    assert_eq!(again.recv(), Message::from("new"));
}

/// A dialed peer has its queue at once, a name as soon as it is known, and keeps both.
fn queue_of_a_dialed_peer_stays(place: &Place) {
    let (router, vacancy) = (place.socket(Router), place.vacancy());
    router.connect(&vacancy.endpoint());
    assert_eq!(router.pipes(), 1);
    for round in 0..3 {
        let dealer = named(place, Dealer, "d");
        dealer.bind(&vacancy.endpoint().to_string());
        if round > 0 {
            assert_eq!(dealer.recv(), number(round), "sent while nobody was there");
        }
        dealer.send(number(round));
        assert_eq!(router.recv(), to("d", &number(round)));
        if place.is_inproc() {
            return; // In process a connection that is over is not made again.
        }
        let events = router.events();
        dealer.close();
        assert!(
            events
                .wait_for(WAIT, |event| matches!(event, Event::Retry { .. }))
                .is_some()
        );
        router.try_send(to("d", &number(round + 1))).unwrap();
    }
}
