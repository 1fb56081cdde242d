//! Waiting until subscriptions are in force: what is published then is not missed. In the simulated
//! world, whatever its weather.

#![cfg(all(feature = "tcp", feature = "ipc", feature = "inproc"))]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::pin::pin;
use std::sync::Arc;
use std::task::{self, Poll, Waker};
use std::time::Duration;

use ferromq_core::{ClosedError, ConnectError, Context, Message, ReleaseError, WaitError};
use ferromq_pubsub::{Pub, Sub, Xpub};
use ferromq_testkit::sim::{SimWorld, for_seeds};
use ferromq_testkit::{MockPeer, frames};

const WAIT: Duration = Duration::from_secs(30);
const ENDPOINTS: [&str; 3] = ["tcp://127.0.0.1:*", "ipc:///sim/pipe", "inproc://name"];

/// How many pairs are made per transport, way of waiting and who dials: 10 000 in all.
const PAIRS: u64 = 834;

/// How a pair of a publisher and a subscriber waits until it is ready.
type Ready = fn(&Pub, &Sub);

fn publisher_waits(publisher: &Pub, sub: &Sub) {
    sub.subscribe("a").unwrap();
    publisher.wait_subscribed("abc", 1, WAIT).unwrap();
    assert_eq!(publisher.subscriber_count("a"), Ok(1));
    assert_eq!(publisher.subscriber_count("b"), Ok(0));
}

fn subscriber_waits(_: &Pub, sub: &Sub) {
    sub.subscribe_acked("a", 1, WAIT).unwrap();
}

/// Makes pairs; what is published as soon as they are ready arrives.
fn first_message_arrives(ready: Ready, publisher_dials: bool) {
    for endpoint in ENDPOINTS {
        for_seeds(0..PAIRS, |seed| {
            let context = Context::with_world(Arc::new(SimWorld::new(seed)), 1);
            let (publisher, sub) = (Pub::new(&context), Sub::new(&context));
            if publisher_dials {
                publisher.connect(sub.bind(endpoint).unwrap()).unwrap();
            } else {
                sub.connect(publisher.bind(endpoint).unwrap()).unwrap();
            }
            ready(&publisher, &sub);
            publisher.send("abc").unwrap();
            assert_eq!(sub.recv_timeout(WAIT).unwrap(), Message::from("abc"));
        });
    }
}

#[test]
fn first_message_arrives_when_the_publisher_has_waited() {
    first_message_arrives(publisher_waits, false);
}

#[test]
fn first_message_arrives_when_the_publisher_has_dialed_and_waited() {
    first_message_arrives(publisher_waits, true);
}

#[test]
fn first_message_arrives_when_the_subscriber_has_waited() {
    first_message_arrives(subscriber_waits, false);
}

#[test]
fn first_message_arrives_when_the_publisher_has_dialed_and_the_subscriber_waited() {
    first_message_arrives(subscriber_waits, true);
}

#[test]
fn subscription_is_acked_when_the_publisher_has_answered() {
    for_seeds(0..20, |seed| {
        let world = SimWorld::new(seed);
        let context = Context::with_world(Arc::new(world.clone()), 1);
        let listener = MockPeer::listen(&world, "tcp://127.0.0.1:5555");
        let sub = Sub::new(&context);
        sub.connect("tcp://127.0.0.1:5555").unwrap();
        let mut publisher = MockPeer::accept(&world, &*listener);
        publisher.handshake("PUB", "SUB");
        let mut acked = pin!(sub.subscribe_acked_async("a", 1));
        let mut context = task::Context::from_waker(Waker::noop());
        assert!(acked.as_mut().poll(&mut context).is_pending());
        publisher.expect(frames::subscribe("a"));
        let ping = publisher.next_frame();
        let (name, data) = ping.as_command().unwrap();
        assert_eq!(name, "PING");
        // Other answers than that to this question are none.
        publisher.send(frames::pong("").then(frames::pong("echo")));
        publisher.send(frames::pong("echo\0\0\0\0\0\0\0\u{7f}"));
        world.run_idle();
        assert!(acked.as_mut().poll(&mut context).is_pending());
        publisher.send(frames::pong(&data[2..]));
        assert_eq!(world.block_on(acked), Ok(()));
    });
}

/// More topics than a publisher is told at once.
const TOPICS: usize = 5_000;

#[test]
fn subscription_is_not_acked_by_an_answer_from_before_it_was_told_again() {
    for_seeds(0..10, |seed| {
        let world = SimWorld::new(seed);
        let context = Context::with_world(Arc::new(world.clone()), 1);
        let listener = MockPeer::listen(&world, "tcp://127.0.0.1:5555");
        let sub = Sub::new(&context);
        let topics = (0..TOPICS).map(|number| format!("{number:020}"));
        topics.for_each(|topic| sub.subscribe(topic).unwrap());
        sub.connect("tcp://127.0.0.1:5555").unwrap();
        let mut publisher = MockPeer::accept(&world, &*listener);
        publisher.handshake("PUB", "SUB");
        let mut acked = pin!(sub.subscribe_acked_async("last", 1));
        let mut task = task::Context::from_waker(Waker::noop());
        assert!(acked.as_mut().poll(&mut task).is_pending());
        drop(publisher);
        let mut publisher = MockPeer::accept(&world, &*listener);
        publisher.handshake("PUB", "SUB");
        let mut frame = publisher.next_frame();
        // While the topics are told again, somebody else asks.
        let mut other = pin!(sub.subscribe_acked_async("other", 1));
        assert!(other.as_mut().poll(&mut task).is_pending());
        let mut told = false;
        loop {
            match frame.as_command() {
                Some(("SUBSCRIBE", topic)) => told |= topic == b"last",
                Some(("PING", data)) => break publisher.send(frames::pong(&data[2..])),
                other => panic!("{other:?}"),
            }
            frame = publisher.next_frame();
        }
        assert!(told, "asked before everything was told");
        assert_eq!(world.block_on(acked), Ok(()));
        assert_eq!(world.block_on(other), Ok(()));
    });
}

#[test]
fn publisher_answers_when_the_subscriptions_before_are_in_force() {
    for_seeds(0..20, |seed| {
        let world = SimWorld::new(seed);
        let context = Context::with_world(Arc::new(world.clone()), 1);
        let publisher = Pub::new(&context);
        let endpoint = publisher.bind("tcp://127.0.0.1:*").unwrap();
        let mut sub = MockPeer::dial(&world, &endpoint.to_string());
        sub.handshake("SUB", "PUB");
        let topics = ["a", "b", "c"].map(frames::subscribe);
        let asked = topics.into_iter().reduce(|all, next| all.then(next));
        sub.send(asked.unwrap().then(frames::ping(0, "question")));
        sub.expect(frames::pong("question"));
        assert_eq!(publisher.topics(), Ok(3));
    });
}

#[test]
fn waiting_ends_when_time_is_over_or_the_socket_closed() {
    let context = Context::with_world(Arc::new(SimWorld::new(1)), 1);
    let (xpub, sub) = (Xpub::new(&context), Sub::new(&context));
    let timed_out = WaitError::TimedOut { found: 0 };
    assert_eq!(sub.subscribe_acked("a", 1, WAIT), Err(timed_out));
    assert_eq!(xpub.wait_subscribed("a", 1, WAIT), Err(timed_out));
    assert_eq!(xpub.wait_peers(1, WAIT), Err(timed_out));
    sub.connect(xpub.bind("inproc://name").unwrap()).unwrap();
    let timed_out = WaitError::TimedOut { found: 1 };
    assert_eq!(xpub.wait_subscribed("a", 2, WAIT), Err(timed_out));
    assert_eq!(xpub.wait_peers(2, WAIT), Err(timed_out));
    assert_eq!(sub.subscribe_acked("b", 2, WAIT), Err(timed_out));
    let mut waiting = pin!(xpub.wait_subscribed_async("a", 2));
    let mut task = task::Context::from_waker(Waker::noop());
    assert!(waiting.as_mut().poll(&mut task).is_pending());
    xpub.close();
    let closed = ClosedError::Closed;
    assert_eq!(waiting.as_mut().poll(&mut task), Poll::Ready(Err(closed)));
    assert_eq!(xpub.wait_peers(0, WAIT), Err(WaitError::Closed(closed)));
}

#[test]
fn peer_is_counted_while_it_is_there() {
    for endpoint in ENDPOINTS {
        for_seeds(0..20, |seed| {
            let context = Context::with_world(Arc::new(SimWorld::new(seed)), 1);
            let (publisher, sub) = (Pub::new(&context), Sub::new(&context));
            let endpoint = publisher.bind(endpoint).unwrap();
            let peer = sub.connect_wait(&endpoint, WAIT).unwrap();
            assert_eq!(peer.socket_type, Some(ferromq_core::SocketType::Pub));
            assert_eq!(sub.peer_count(), 1);
            publisher.wait_peers(1, WAIT).unwrap();
            sub.disconnect(&endpoint).unwrap();
            assert_eq!(sub.peer_count(), 0);
            assert_eq!(
                publisher.wait_peers(2, WAIT),
                Err(WaitError::TimedOut { found: 0 })
            );
        });
    }
}

#[test]
fn connect_wait_that_finds_nobody_is_undone() {
    for endpoint in ["tcp://127.0.0.1:5555", "ipc:///sim/pipe", "inproc://name"] {
        let world = SimWorld::new(1);
        let context = Context::with_world(Arc::new(world.clone()), 1);
        let sub = Sub::new(&context);
        let before = world.elapsed();
        let error = sub.connect_wait(endpoint, WAIT).unwrap_err();
        assert!(matches!(error, ConnectError::TimedOut), "{error}");
        assert!(world.elapsed() - before >= WAIT);
        assert_eq!((sub.pipes(), sub.peer_count()), (0, 0));
        {
            let mut waiting = pin!(sub.connect_wait_async(endpoint));
            let mut task = task::Context::from_waker(Waker::noop());
            assert!(waiting.as_mut().poll(&mut task).is_pending());
            assert_eq!(sub.pipes(), 1);
        }
        assert_eq!(sub.pipes(), 0);
        let error = sub.disconnect(endpoint).unwrap_err();
        assert!(matches!(error, ReleaseError::NotFound), "{error}");
    }
}
