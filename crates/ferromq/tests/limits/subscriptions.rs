//! What one peer may subscribe to.

use ferromq::{Pub, PubOptions, Refusal, Sub, Xpub, XpubOptions};
use ferromq_testkit::frames::{self, Frames};

use super::*;

/// How peers of each version subscribe.
const FORMS: [fn(&str) -> Frames; 2] = [
    |topic| frames::subscribe(topic),
    |topic| frames::subscribe_message(topic),
];

/// A publisher's scripted subscriber, after the handshake.
fn subscriber(world: &SimWorld, endpoint: &Endpoint, publisher: &str) -> MockPeer {
    let mut peer = dial(world, endpoint);
    peer.handshake("SUB", publisher);
    peer
}

#[test]
fn subscriptions_of_a_peer_up_to_the_maximum_are_held_and_one_more_ends_its_connection() {
    for subscribe in FORMS {
        let (world, context) = world(1);
        let publisher = Pub::builder().max_subscriptions(3, 1000);
        let publisher = publisher.build(&context).unwrap();
        let (events, endpoint) = (publisher.events(), publisher.bind(ANY).unwrap());
        let mut peer = subscriber(&world, &endpoint, "PUB");
        for topic in ["a", "b", "c"] {
            peer.send(subscribe(topic));
        }
        world.run_until(|| publisher.topics() == Ok(3));
        // The same again is no more; and one taken back makes room for another.
        peer.send(
            subscribe("a")
                .then(frames::cancel("b"))
                .then(subscribe("d")),
        );
        world.run_until(|| publisher.subscriber_count("d") == Ok(1));
        assert_all_are_kept(&events);
        // Another peer has its own.
        let mut other = subscriber(&world, &endpoint, "PUB");
        other.send(subscribe("x"));
        world.run_until(|| publisher.topics() == Ok(4));
        peer.send(subscribe("e"));
        let too_many = Reason::Refusal(Refusal::TooManySubscriptions);
        assert_eq!(ending(&events), too_many);
        world.run_until(|| publisher.topics() == Ok(1));
    }
}

#[test]
fn topics_of_a_peer_up_to_their_bytes_are_held_and_one_byte_more_ends_its_connection() {
    let (world, context) = world(1);
    let publisher = Pub::builder().max_subscriptions(100, 10);
    let publisher = publisher.build(&context).unwrap();
    let (events, endpoint) = (publisher.events(), publisher.bind(ANY).unwrap());
    let mut peer = subscriber(&world, &endpoint, "PUB");
    peer.send(frames::subscribe("1234").then(frames::subscribe("123456")));
    world.run_until(|| publisher.topics() == Ok(2));
    // Everything takes no byte; what is cancelled gives its own back.
    peer.send(frames::subscribe(""));
    peer.send(frames::cancel("1234").then(frames::subscribe("abcd")));
    world.run_until(|| publisher.subscriber_count("abcd") == Ok(1));
    assert_all_are_kept(&events);
    peer.send(frames::subscribe("x"));
    let too_many = Reason::Refusal(Refusal::TooManySubscriptions);
    assert_eq!(ending(&events), too_many);
}

#[test]
fn subscriptions_at_an_xpub_are_limited_whoever_decides_about_them() {
    for manual in [false, true] {
        let (world, context) = world(1);
        let xpub = Xpub::builder().manual(manual).max_subscriptions(2, 1000);
        let xpub = xpub.build(&context).unwrap();
        let (events, endpoint) = (xpub.events(), xpub.bind(ANY).unwrap());
        let mut peer = subscriber(&world, &endpoint, "XPUB");
        peer.send(frames::subscribe("a").then(frames::subscribe("b")));
        for told in ["\u{1}a", "\u{1}b"] {
            assert_eq!(xpub.recv_timeout(WAIT).unwrap().part_str(0), Ok(told));
        }
        assert_all_are_kept(&events);
        peer.send(frames::subscribe("c"));
        let too_many = Reason::Refusal(Refusal::TooManySubscriptions);
        assert_eq!(ending(&events), too_many);
        // The application hears nothing of what was refused, and that the others are over.
        for _ in 0..2 {
            let told = xpub.recv_timeout(WAIT).unwrap();
            let told = told.part_str(0).unwrap();
            assert!(["\0a", "\0b"].contains(&told), "{told:?}");
        }
        assert!(xpub.recv_timeout(SECOND).is_err());
    }
}

#[test]
fn subscriptions_in_process_are_limited_too() {
    let (_, context) = world(1);
    let publisher = Pub::builder().max_subscriptions(1, 1000);
    let publisher = publisher.build(&context).unwrap();
    publisher.bind("inproc://topics").unwrap();
    let sub = Sub::new(&context);
    sub.connect("inproc://topics").unwrap();
    sub.subscribe("a").unwrap();
    assert_eq!(publisher.topics(), Ok(1));
    sub.subscribe("b").unwrap();
    publisher.send("b").unwrap();
    assert_eq!(publisher.topics(), Ok(0));
    assert_eq!(publisher.pipes(), 0);
}
