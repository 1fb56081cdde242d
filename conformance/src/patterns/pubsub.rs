//! RFC 29: PUB, XPUB, SUB and XSUB.

use std::collections::BTreeMap;

use ferromq::SocketType::{self, Pub, Sub, Xpub, Xsub};
use ferromq::{Bytes, Dropped, Event, Message, RecvError};
use ferromq_core::Command;

use super::place::{Place, accounted, contents, number, receive, until};
use super::queues::{self, large, marked};
use crate::case::{Case, case};
use crate::socket::{AnySocket, Settings, WAIT};

pub(super) const CASES: &[Case<Place>] = &[
    case!(
        subscribers_get_what_begins_with_their_topics,
        "29/pub-peers",
        "29/pub-prefix",
        "29/pub-subscriptions",
        "29/xpub-peers",
        "29/xpub-prefix",
        "29/xpub-subscriptions",
        "29/sub-peers",
        "29/xsub-peers",
        "29/xsub-commands",
        "29/xsub-subscriptions",
        "37/prefix",
        "37/additive",
        "37/filter-at-publisher",
    ),
    case!(
        messages_arrive_unchanged,
        "29/pub-unchanged",
        "29/xpub-unchanged",
        "29/sub-unchanged",
        "29/sub-delivers",
        "29/xsub-unchanged-in",
        "29/xsub-delivers",
        "37/empty-topic",
        "37/atomic",
        "37/ordered",
        "37/once",
    ),
    case!(
        subscriptions_are_counted,
        "37/counted",
        "29/pub-subscriptions"
    ),
    case!(
        full_subscriber_misses_messages_and_hinders_nobody,
        "29/pub-queues",
        "29/pub-limit",
        "29/pub-drops",
        "29/pub-never-blocks",
        "29/xpub-limit",
        "29/xpub-drops",
        "29/xpub-never-blocks",
        "29/sub-limit",
        "29/sub-full",
        "29/xsub-limit",
        "29/xsub-full-in",
    ),
    case!(
        publisher_that_dials_keeps_its_subscriber,
        "29/pub-queue-dialed",
        "29/xpub-queue-dialed",
        "37/reconnect"
    ),
    case!(
        subscriber_that_dials_keeps_its_publisher,
        "29/sub-queue-dialed",
        "29/xsub-queue-dialed",
        "29/xsub-subscriptions",
        "37/reconnect",
    ),
    case!(
        queue_of_an_accepted_subscriber_goes_with_it,
        "29/pub-queue-accepted",
        "29/xpub-queue-accepted"
    ),
    case!(
        what_a_lost_publisher_has_delivered_is_received,
        "29/sub-queue-accepted",
        "29/xsub-queue-accepted"
    ),
    case!(pub_hears_nothing, "29/pub-deaf", "29/pub-hides-them"),
    case!(
        xpub_tells_first_and_last_subscriptions,
        "29/xpub-tells",
        "29/xpub-subscriptions"
    ),
    case!(
        subscriptions_end_with_their_subscriber,
        "29/xpub-premature",
        "29/xsub-parting"
    ),
    case!(
        messages_go_up_unchanged_to_all_publishers,
        "29/xsub-unchanged-out",
        "29/xsub-to-all",
        "29/xpub-delivers",
        "29/xpub-peers",
    ),
    case!(xpub_delivers_in_the_order_of_arrival, "29/xpub-fair"),
    case!(
        directions_are_independent,
        "29/xpub-queues",
        "29/xsub-queues"
    ),
    case!(
        xsub_drops_for_a_full_publisher,
        "29/xsub-drops",
        "29/xsub-never-blocks",
        "29/xsub-limit"
    ),
    case!(
        xpub_that_is_not_read_holds_no_more_than_its_mark,
        "29/xpub-limit"
    ),
    case!(
        publishers_are_heard_in_turn,
        "29/sub-queues",
        "29/sub-fair",
        "29/xsub-fair"
    ),
];

const PUBLISHERS: [SocketType; 2] = [Pub, Xpub];
const SUBSCRIBERS: [SocketType; 2] = [Sub, Xsub];

/// Each publisher with each subscriber.
fn pairs() -> impl Iterator<Item = (SocketType, SocketType)> {
    PUBLISHERS
        .into_iter()
        .flat_map(|up| SUBSCRIBERS.map(|down| (up, down)))
}

fn subscribe(socket: &dyn AnySocket, topic: &str) {
    socket.request(&Command::Subscribe(Bytes::copy_from_slice(
        topic.as_bytes(),
    )));
}

fn cancel(socket: &dyn AnySocket, topic: &str) {
    socket.request(&Command::Cancel(Bytes::copy_from_slice(topic.as_bytes())));
}

/// Waits until the publisher knows so many different topics.
fn wait_for_topics(publisher: &dyn AnySocket, count: usize) {
    until("the subscriptions are known", || {
        publisher.topics() == count
    });
}

/// A publisher and a subscriber to everything.
fn joined(
    place: &Place,
    (up, down): (SocketType, SocketType),
) -> (Box<dyn AnySocket>, Box<dyn AnySocket>) {
    let (publisher, subscriber) = (place.socket(up), place.socket(down));
    place.join(&*publisher, &*subscriber);
    subscribe(&*subscriber, "");
    wait_for_topics(&*publisher, 1);
    (publisher, subscriber)
}

fn subscribers_get_what_begins_with_their_topics(place: &Place) {
    const TEXTS: [&str; 8] = ["", "a", "ab", "abc", "b", "A", " a", "ba"];
    for (up, down) in pairs() {
        for binds in [true, false] {
            let topics: [&[&str]; 4] = [&["a"], &["ab", "b"], &["", "a", "ab"], &["abcd"]];
            let (publisher, subscribers) = (place.socket(up), place.sockets(down, topics.len()));
            place.star(&*publisher, &subscribers, binds);
            for (subscriber, topics) in subscribers.iter().zip(topics) {
                topics
                    .iter()
                    .for_each(|topic| subscribe(&**subscriber, topic));
            }
            wait_for_topics(&*publisher, 5);
            TEXTS
                .iter()
                .for_each(|text| publisher.send(Message::from([*text, "a"])));
            publisher.send(Message::from("abcd"));
            for (subscriber, topics) in subscribers.iter().zip(topics) {
                let wanted = |text: &&&str| topics.iter().any(|topic| text.starts_with(topic));
                for text in TEXTS.iter().filter(wanted) {
                    assert_eq!(subscriber.recv(), Message::from([*text, "a"]), "{topics:?}");
                }
                if topics != ["ab", "b"] || "abcd".starts_with("ab") {
                    assert_eq!(subscriber.recv(), Message::from("abcd"), "{topics:?}");
                }
                assert_eq!(subscriber.try_recv(), Err(RecvError::Empty));
            }
        }
    }
}

fn messages_arrive_unchanged(place: &Place) {
    for pair in pairs() {
        let (publisher, subscriber) = joined(place, pair);
        queues::messages_arrive_unchanged(place, &*publisher, &*subscriber);
    }
}

/// A topic is subscribed to until it was cancelled as often; nothing else is taken away with it.
fn subscriptions_are_counted(place: &Place) {
    for (up, down) in pairs() {
        let (publisher, subscriber) = (place.socket(up), place.socket(down));
        place.join(&*publisher, &*subscriber);
        (0..3).for_each(|_| subscribe(&*subscriber, "a"));
        subscribe(&*subscriber, "end");
        wait_for_topics(&*publisher, 2);
        for left in (0..3).rev() {
            cancel(&*subscriber, "a");
            // Two topics more: their number is reached only when the cancellation is known, too.
            subscribe(&*subscriber, &format!("x {left}"));
            subscribe(&*subscriber, &format!("y {left}"));
            wait_for_topics(&*publisher, 1 + usize::from(left > 0) + 2 * (3 - left));
            publisher.send(Message::from("a"));
            publisher.send(Message::from("end"));
            if left > 0 {
                assert_eq!(subscriber.recv(), Message::from("a"), "{left} left");
            }
            assert_eq!(subscriber.recv(), Message::from("end"), "{left} left");
        }
    }
}

/// One subscriber reads every message at once, one nothing until the end: it has the first ones,
/// without a gap, and what it missed is counted.
fn full_subscriber_misses_messages_and_hinders_nobody(place: &Place) {
    for (up, down) in pairs() {
        let publisher = place.socket_with(up, &marked(5, 5));
        let (reading, full) = (place.socket(down), place.socket_with(down, &marked(5, 5)));
        for (subscriber, last) in [(&reading, "reading"), (&full, "full")] {
            place.join(&*publisher, &**subscriber);
            ["", last]
                .into_iter()
                .for_each(|topic| subscribe(&**subscriber, topic));
        }
        wait_for_topics(&*publisher, 3);
        let waiting = if place.is_inproc() { 10 } else { 5 };
        let mut sent = 0;
        until("messages are missed", || {
            publisher.try_send(large(sent)).unwrap();
            assert_eq!(reading.recv(), large(sent));
            sent += 1;
            assert!(full.stats().waiting <= waiting, "{:?}", full.stats());
            publisher.stats().dropped(Dropped::HighWaterMark) >= 20
        });
        let stats = accounted(&*publisher);
        let missed = stats.dropped(Dropped::HighWaterMark);
        assert_eq!(stats.accepted, 2 * sent as u64, "one for each subscriber");
        until("its queue is full", || full.stats().waiting == waiting);
        for at in 0..sent - usize::try_from(missed).unwrap() {
            assert_eq!(full.recv(), large(at), "{missed} of {sent} missed");
        }
        assert_eq!(full.try_recv(), Err(RecvError::Empty));
        until("it has room, and misses no more", || {
            publisher.try_send(number(sent)).unwrap();
            assert_eq!(reading.recv(), number(sent));
            full.try_recv().is_ok()
        });
    }
}

fn publisher_that_dials_keeps_its_subscriber(place: &Place) {
    for (up, down) in pairs() {
        let (publisher, vacancy) = (place.socket(up), place.vacancy());
        publisher.connect(&vacancy.endpoint());
        assert_eq!(publisher.pipes(), 1);
        publisher.try_send(Message::from("to nobody")).unwrap();
        for round in 0..2 {
            let subscriber = place.socket(down);
            subscribe(&*subscriber, "");
            subscriber.bind(&vacancy.endpoint().to_string());
            wait_for_topics(&*publisher, 1);
            publisher.send(number(round));
            assert_eq!(subscriber.recv(), number(round));
            if place.is_inproc() {
                break; // In process a connection that is over is not made again.
            }
            subscriber.close();
            wait_for_topics(&*publisher, 0);
            assert_eq!(publisher.pipes(), 1);
        }
    }
}

fn subscriber_that_dials_keeps_its_publisher(place: &Place) {
    for (up, down) in pairs() {
        let (subscriber, vacancy) = (place.socket(down), place.vacancy());
        subscriber.connect(&vacancy.endpoint());
        ["a", "b", "gone"]
            .into_iter()
            .for_each(|topic| subscribe(&*subscriber, topic));
        cancel(&*subscriber, "gone");
        for round in ["a1", "b2"] {
            let publisher = place.socket(up);
            publisher.bind(&vacancy.endpoint().to_string());
            wait_for_topics(&*publisher, 2);
            publisher.send(Message::from("gone"));
            publisher.send(Message::from(round));
            assert_eq!(subscriber.recv(), Message::from(round));
            if place.is_inproc() {
                break; // In process a connection that is over is not made again.
            }
            let events = subscriber.events();
            publisher.close();
            assert!(
                events
                    .wait_for(WAIT, |event| matches!(event, Event::Retry { .. }))
                    .is_some()
            );
            assert_eq!(subscriber.pipes(), 1);
        }
    }
}

fn queue_of_an_accepted_subscriber_goes_with_it(place: &Place) {
    for (up, down) in pairs() {
        let publisher = place.socket_with(up, &marked(10, 5));
        let subscriber = place.socket_with(down, &marked(5, 5));
        place.join(&*publisher, &*subscriber);
        subscribe(&*subscriber, "");
        wait_for_topics(&*publisher, 1);
        until("messages are queued", || {
            publisher.send(large(0));
            publisher.stats().dropped(Dropped::HighWaterMark) > 0
        });
        subscriber.close();
        until("the subscriber is gone", || publisher.pipes() == 0);
        let stats = accounted(&*publisher);
        assert_eq!((publisher.topics(), stats.queued), (0, 0));
    }
}

fn what_a_lost_publisher_has_delivered_is_received(place: &Place) {
    for (up, down) in pairs() {
        let settings = Settings {
            linger: Some(WAIT),
            ..Settings::default()
        };
        let (subscriber, publisher) = (place.socket(down), place.socket_with(up, &settings));
        place.join(&*subscriber, &*publisher);
        subscribe(&*subscriber, "");
        wait_for_topics(&*publisher, 1);
        (0..20).for_each(|at| publisher.send(number(at)));
        until("everything is there", || subscriber.stats().waiting == 20);
        publisher.close();
        (0..20).for_each(|at| assert_eq!(subscriber.recv(), number(at)));
        until("the publisher is gone", || {
            assert_eq!(subscriber.try_recv(), Err(RecvError::Empty));
            subscriber.pipes() == 0
        });
    }
}

/// Subscriptions and messages disappear; a PUB has no `recv` at all.
fn pub_hears_nothing(place: &Place) {
    let (publisher, subscriber) = joined(place, (Pub, Xsub));
    for text in ["anything", "\u{2}", "subscribe"] {
        subscriber.send(Message::from(text));
        subscriber.send(Message::from([text, "parts"]));
    }
    until("it is discarded", || {
        publisher.stats().dropped(Dropped::Unwanted) == 6
    });
    assert_eq!(
        (publisher.stats().waiting, publisher.stats().delivered),
        (0, 0)
    );
    publisher.send(Message::from("still"));
    assert_eq!(subscriber.recv(), Message::from("still"));
}

fn xpub_tells_first_and_last_subscriptions(place: &Place) {
    for down in SUBSCRIBERS {
        let (xpub, subscribers) = (place.socket(Xpub), place.sockets(down, 2));
        place.star(&*xpub, &subscribers, true);
        let told = |text: &str| assert_eq!(xpub.recv(), Message::from(text));
        subscribe(&*subscribers[0], "a");
        told("\u{1}a");
        subscribe(&*subscribers[0], "");
        told("\u{1}");
        subscribe(&*subscribers[1], "a");
        subscribe(&*subscribers[1], "b");
        told("\u{1}b");
        cancel(&*subscribers[0], "a");
        cancel(&*subscribers[0], "");
        told("\u{0}");
        cancel(&*subscribers[1], "a");
        told("\u{0}a");
        assert_eq!(xpub.topics(), 1);
    }
}

/// By closing, and by disconnecting: each topic that nobody else has is cancelled.
fn subscriptions_end_with_their_subscriber(place: &Place) {
    for down in SUBSCRIBERS {
        for disconnects in [true, false] {
            let (xpub, leaving, other) =
                (place.socket(Xpub), place.socket(down), place.socket(down));
            let endpoint = place.join(&*xpub, &*leaving);
            place.dial(&*other, &endpoint, &*xpub);
            subscribe(&*other, "shared");
            assert_eq!(xpub.recv(), Message::from("\u{1}shared"));
            ["shared", "a", "b"]
                .into_iter()
                .for_each(|topic| subscribe(&*leaving, topic));
            assert_eq!(xpub.recv(), Message::from("\u{1}a"));
            assert_eq!(xpub.recv(), Message::from("\u{1}b"));
            match disconnects {
                true => leaving.disconnect(&endpoint),
                false => drop(leaving.close()),
            }
            let mut told = receive(&*xpub, 2);
            told.sort_by_key(|message| message.part(0).cloned());
            assert_eq!(told, ["\u{0}a", "\u{0}b"].map(Message::from));
            assert_eq!((xpub.try_recv(), xpub.topics()), (Err(RecvError::Empty), 1));
        }
    }
}

/// What begins with an octet 0 or 1 would be a request; everything else is a message.
fn messages_go_up_unchanged_to_all_publishers(place: &Place) {
    let (xsub, xpubs) = (place.socket(Xsub), place.sockets(Xpub, 3));
    place.star(&*xsub, &xpubs, false);
    let is_request =
        |message: &Message| matches!(message.part(0).map(|part| &part[..]), Some([0 | 1, ..]));
    for message in contents()
        .into_iter()
        .filter(|message| !is_request(message))
    {
        xsub.send(message.clone());
        xpubs
            .iter()
            .for_each(|xpub| assert_eq!(xpub.recv(), message));
    }
}

/// Messages and subscriptions of all subscribers: nothing is lost, and each subscriber's come in
/// its order.
fn xpub_delivers_in_the_order_of_arrival(place: &Place) {
    let (xpub, xsubs) = (place.socket(Xpub), place.sockets(Xsub, 4));
    place.star(&*xpub, &xsubs, true);
    for round in 0..50 {
        for (peer, xsub) in xsubs.iter().enumerate() {
            xsub.send(Message::from(
                [peer, round].map(|number| number.to_string().into_bytes()),
            ));
        }
    }
    let mut rounds: BTreeMap<String, usize> = BTreeMap::new();
    for _ in 0..200 {
        let message = xpub.recv();
        let round = rounds
            .entry(message.part_str(0).unwrap().to_owned())
            .or_default();
        assert_eq!(message.part(1), number(*round).part(0));
        *round += 1;
    }
    assert_eq!(rounds.into_values().collect::<Vec<_>>(), [50; 4]);
}

/// The subscriber is full of messages, and its own go up all the same.
fn directions_are_independent(place: &Place) {
    let (xpub, xsub) = (
        place.socket_with(Xpub, &marked(5, 5)),
        place.socket_with(Xsub, &marked(5, 5)),
    );
    place.join(&*xpub, &*xsub);
    subscribe(&*xsub, "");
    assert_eq!(xpub.recv(), Message::from("\u{1}"));
    until("the subscriber is full", || {
        xpub.send(large(0));
        xpub.stats().dropped(Dropped::HighWaterMark) > 0
    });
    for at in 0..100 {
        xsub.send(number(at));
        assert_eq!(xpub.recv(), number(at));
    }
    assert_eq!(xsub.recv(), large(0));
}

/// Where nobody is yet, exactly the mark is kept for who comes, and the rest is counted.
fn xsub_drops_for_a_full_publisher(place: &Place) {
    for mark in [1, 7, 100] {
        let xsub = place.socket_with(Xsub, &marked(mark, 5));
        let vacancy = place.vacancy();
        xsub.connect(&vacancy.endpoint());
        let mark = mark as usize;
        (0..mark + 10).for_each(|at| xsub.try_send(number(at + 2)).unwrap());
        assert_eq!(xsub.stats().dropped(Dropped::HighWaterMark), 10);
        assert_eq!(xsub.stats().queued, mark as u64);
        let xpub = place.socket(Xpub);
        xpub.bind(&vacancy.endpoint().to_string());
        (0..mark).for_each(|at| assert_eq!(xpub.recv(), number(at + 2)));
        xsub.send(Message::from("room again"));
        assert_eq!(xpub.recv(), Message::from("room again"));
    }
}

/// What comes up beyond the mark is missed, and counted; subscriptions go on.
fn xpub_that_is_not_read_holds_no_more_than_its_mark(place: &Place) {
    let xpub = place.socket_with(Xpub, &marked(5, 5));
    let xsub = place.socket(Xsub);
    place.join(&*xpub, &*xsub);
    (0..25).for_each(|at| xsub.send(large(at)));
    until("messages are missed", || {
        let waiting = xpub.stats().waiting;
        assert!(waiting <= 10, "{waiting}: as many may have just arrived");
        xpub.stats().dropped(Dropped::HighWaterMark) == 20
    });
    subscribe(&*xsub, "a");
    wait_for_topics(&*xpub, 1);
    (0..5).for_each(|at| assert_eq!(xpub.recv(), large(at)));
    assert_eq!(xpub.recv(), Message::from("\u{1}a"));
    xsub.send(Message::from("room again"));
    assert_eq!(xpub.recv(), Message::from("room again"));
}

fn publishers_are_heard_in_turn(place: &Place) {
    for (up, down) in pairs() {
        let (subscriber, publishers) = (place.socket(down), place.sockets(up, 4));
        subscribe(&*subscriber, "");
        place.star(&*subscriber, &publishers, true);
        for (peer, publisher) in publishers.iter().enumerate() {
            wait_for_topics(&**publisher, 1);
            for round in 0..20 {
                let parts = [peer, round].map(|number| number.to_string().into_bytes());
                publisher.send(Message::from(parts));
            }
        }
        until("everything is there", || subscriber.stats().waiting == 80);
        place.meet_io_thread(&*subscriber);
        for round in 0..20 {
            let heard = receive(&*subscriber, 4);
            assert!(
                heard
                    .iter()
                    .all(|message| message.part(1) == number(round).part(0))
            );
            let mut peers: Vec<_> = heard
                .iter()
                .map(|message| message.part(0).cloned())
                .collect();
            peers.sort();
            peers.dedup();
            assert_eq!(peers.len(), 4, "round {round}");
        }
    }
}
