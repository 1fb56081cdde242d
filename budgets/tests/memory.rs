//! What peers send that nobody asked for leaves nothing behind: memory, counted to the byte.
//!
//! Everything runs on one thread, so that nothing else is in the count. Buffers grow until they are
//! as large as they need to be, so each flood comes twice, and the second time is counted.

use std::sync::Arc;
use std::time::Duration;

use ferromq::{Context, Event, Pub, PubOptions, Xpub, XpubOptions};
use ferromq_budgets::scales::{Weighing, held};
use ferromq_testkit::frames::{self, Frames};
use ferromq_testkit::{MockPeer, SimWorld, watchdog};

#[global_allocator]
static ALLOCATOR: Weighing = Weighing;

const LIMIT: Duration = Duration::from_secs(60);

const HERE: &str = "tcp://127.0.0.1:5555";

/// How often a flood's wave comes, each time.
const WAVES: usize = 300;

/// What may stay of all waves together, in bytes. A wave has 20 000.
const CRUMBS: isize = 4_096;

fn world() -> (SimWorld, Context) {
    let world = SimWorld::new(1);
    let context = Context::with_world(Arc::new(world.clone()), 1);
    (world, context)
}

/// How many bytes more are held after the second flood than after the first.
fn grown(mut wave: impl FnMut()) -> isize {
    (0..WAVES).for_each(|_| wave());
    let before = held();
    (0..WAVES).for_each(|_| wave());
    held() - before
}

/// Whatever a subscriber can send beside what it is there for, and subscriptions that it takes
/// back, each asked for twice.
fn junk() -> Frames {
    let long = "x".repeat(5_000);
    let parts = frames::msg(["junk", "in", "many", "parts", &long]);
    let subscribe = frames::subscribe(&long).then(frames::subscribe_message(&long));
    let cancel = frames::cancel_message(&long).then(frames::cancel(&long));
    let commands = frames::ping(0, "context").then(frames::command("JUNK", &[7; 100]));
    let nothing = frames::cancel("never").then(frames::msg([""]));
    [subscribe, cancel, commands, nothing]
        .into_iter()
        .fold(parts, Frames::then)
}

/// CVE-2021-20237: PUB kept what subscribers sent beside subscriptions, and its metadata.
#[test]
fn cve_2021_20237_floods_of_junk_leave_nothing_with_a_publisher() {
    watchdog::under("junk for PUB", LIMIT, || {
        let (world, context) = world();
        let publisher = Pub::new(&context);
        publisher.bind(HERE).expect("the endpoint is free");
        let mut peer = MockPeer::dial(&world, HERE);
        peer.handshake("SUB", "PUB");
        let grown = grown(|| {
            peer.send(junk());
            peer.expect(frames::pong("context"));
        });
        assert_eq!(publisher.topics(), Ok(0));
        assert!(grown <= CRUMBS, "{grown} bytes are left");
        let junk = publisher.stats().dropped_in_all();
        assert_eq!(junk, 4 * WAVES as u64, "two messages in each wave");
    });
}

/// The same where notices are kept for an application, which does not read them; and libzmq's XPUB
/// kept those that nobody had read when it was closed.
#[test]
fn cve_2021_20237_floods_of_junk_leave_nothing_with_an_xpub_that_nobody_reads() {
    watchdog::under("junk for XPUB", LIMIT, || {
        let (world, context) = world();
        let life = || {
            let publisher = Xpub::builder().receive_high_water_mark(10);
            let publisher = publisher.build(&context).expect("good options");
            publisher.bind(HERE).expect("the endpoint is free");
            let mut peer = MockPeer::dial(&world, HERE);
            peer.handshake("SUB", "XPUB");
            let grown = grown(|| {
                peer.send(frames::subscribe("topic").then(frames::cancel("topic")));
                world.run_idle();
            });
            assert!(grown <= CRUMBS, "{grown} bytes are left");
            drop(peer);
            publisher.close();
            world.run_idle();
        };
        life();
        let before = held();
        life();
        let left = held() - before;
        assert!(left <= CRUMBS, "{left} bytes are left of who was closed");
    });
}

/// Subscriptions without end are taken up to the limit, and all are given back with who sent them.
#[test]
fn cve_2021_20237_subscriptions_without_end_are_given_back_at_the_limit() {
    const TOPICS: usize = 1_000;
    watchdog::under("subscriptions", LIMIT, || {
        let (world, context) = world();
        let publisher = Pub::builder().max_subscriptions(TOPICS, 1 << 20);
        let publisher = publisher.build(&context).expect("good options");
        let events = publisher.events();
        publisher.bind(HERE).expect("the endpoint is free");
        let mut most = 0;
        let mut visit = |subscriptions: usize| {
            let mut peer = MockPeer::dial(&world, HERE);
            peer.handshake("SUB", "PUB");
            let before = held();
            for number in 0..subscriptions {
                peer.send(frames::subscribe(number.to_string().repeat(100)));
            }
            most = most.max(held() - before);
            peer.end();
            peer.drain_to_end();
            let ended = |event: &Event| matches!(event, Event::Disconnected { .. });
            let ended = events.wait_for(Duration::from_secs(10), ended);
            assert!(ended.is_some(), "a connection goes on");
        };
        // The simulated network remembers every connection.
        let mut left = |subscriptions| {
            visit(subscriptions);
            let before = held();
            (0..10).for_each(|_| visit(subscriptions));
            held() - before
        };
        let (idle, flood) = (left(1), left(TOPICS + 1));
        assert_eq!(publisher.topics(), Ok(0));
        assert!(flood <= idle + CRUMBS, "{flood} bytes are left, not {idle}");
        assert!(most <= 3 << 20, "{most} bytes at most");
    });
}

/// A thread that only sends looks at nothing that it has left, and I/O threads write it: what it
/// remembers of that does not grow with every message.
#[test]
fn publisher_that_never_waits_holds_nothing_for_what_it_has_sent() {
    const SUBSCRIBERS: usize = 5;
    watchdog::under("sending only", LIMIT, || {
        let (world, context) = world();
        let publisher = Pub::new(&context);
        publisher.bind(HERE).expect("the endpoint is free");
        let mut peers: Vec<MockPeer> = (0..SUBSCRIBERS)
            .map(|_| {
                let mut peer = MockPeer::dial(&world, HERE);
                peer.handshake("SUB", "PUB");
                peer.send(frames::subscribe(""));
                peer
            })
            .collect();
        world.run_until(|| publisher.subscriber_count("") == Ok(SUBSCRIBERS));
        let grown = grown(|| {
            for _ in 0..10 {
                publisher.send("message").expect("it is open");
                world.advance(Duration::from_millis(1));
            }
            for peer in &mut peers {
                (0..10).for_each(|_| peer.expect(frames::msg(["message"])));
            }
        });
        assert!(grown <= CRUMBS, "{grown} bytes are left");
    });
}

/// What a peer cancels that it never asked for is told while there is room, and not kept beyond.
#[test]
fn cancellations_without_end_leave_nothing_with_a_manual_xpub_that_nobody_reads() {
    watchdog::under("cancellations", LIMIT, || {
        let (world, context) = world();
        let publisher = Xpub::builder().manual(true).receive_high_water_mark(10);
        let publisher = publisher.build(&context).expect("good options");
        publisher.bind(HERE).expect("the endpoint is free");
        let mut peer = MockPeer::dial(&world, HERE);
        peer.handshake("SUB", "XPUB");
        let mut number = 0;
        let grown = grown(|| {
            for _ in 0..10 {
                number += 1;
                peer.send(frames::cancel(format!("topic {number}")));
            }
            peer.send(frames::ping(0, "end"));
            peer.expect(frames::pong("end"));
        });
        assert!(grown <= CRUMBS, "{grown} bytes are left");
    });
}
