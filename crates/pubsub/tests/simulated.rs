//! Whole PUB, SUB, XPUB and XSUB sockets in the simulated world: no thread, no time.

#![cfg(all(feature = "tcp", feature = "ipc", feature = "inproc"))]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::sync::Arc;
use std::time::Duration;

use ferromq_core::world::{Habit, Tuning};
use ferromq_core::{Context, Dropped, Message, RecvError};
use ferromq_pubsub::{NotSubscribed, Pub, Sub, UnsubscribeError, Xpub, XpubOptions, Xsub};
use ferromq_testkit::MockPeer;
use ferromq_testkit::frames::{self, Frames};
use ferromq_testkit::sim::{Conditions, Event, SimWorld, for_seeds};

const WAIT: Duration = Duration::from_secs(30);
const ENDPOINTS: [&str; 3] = ["tcp://127.0.0.1:*", "ipc:///sim/pipe", "inproc://name"];

/// Runs a scenario for several seeds over every transport.
fn for_worlds(scenario: impl Fn(&Context, &str)) {
    for endpoint in ENDPOINTS {
        for_seeds(0..5, |seed| {
            let world = SimWorld::new(seed);
            scenario(&Context::with_world(Arc::new(world), 1), endpoint);
        });
    }
}

#[test]
fn subscriber_receives_what_it_subscribed_to_and_stops_when_it_unsubscribes() {
    for_worlds(|context, endpoint| {
        let (xpub, sub) = (Xpub::new(context), Sub::new(context));
        sub.connect(xpub.bind(endpoint).unwrap()).unwrap();
        sub.subscribe("a").unwrap();
        assert_eq!(xpub.recv_timeout(WAIT).unwrap(), Message::from("\u{1}a"));
        assert_eq!(xpub.topics(), Ok(1));
        for text in ["b", "abc", "", "a"] {
            xpub.send([text, "rest"]).unwrap();
        }
        for text in ["abc", "a"] {
            assert_eq!(
                sub.recv_timeout(WAIT).unwrap(),
                Message::from([text, "rest"])
            );
        }
        sub.unsubscribe("a").unwrap();
        assert_eq!(xpub.recv_timeout(WAIT).unwrap(), Message::from("\u{0}a"));
        xpub.send("a").unwrap();
        assert_eq!(sub.recv_timeout(WAIT).unwrap_err(), RecvError::TimedOut);
        let error = sub.unsubscribe("a").unwrap_err();
        assert_eq!(error, UnsubscribeError::NotSubscribed(NotSubscribed));
    });
}

#[test]
fn subscriptions_in_a_row_are_written_together_and_soon() {
    let world = SimWorld::with(
        1,
        Conditions {
            tuning: Tuning::all(Habit::Adaptive),
            ..Conditions::calm()
        },
    );
    let context = Context::with_world(Arc::new(world.clone()), 1);
    let (publisher, sub) = (Pub::new(&context), Sub::new(&context));
    sub.connect(publisher.bind("tcp://127.0.0.1:*").unwrap())
        .unwrap();
    let writes = || {
        let trace = world.trace().into_iter();
        let writes = trace.filter(|(_, event)| matches!(event, Event::Wrote { .. }));
        writes.count()
    };
    for round in 0..3 {
        world.advance(Duration::from_millis(10));
        let (before, start) = (writes(), world.elapsed());
        let known = round * 1_001;
        sub.subscribe(format!("alone {round}")).unwrap();
        assert_eq!(writes() - before, 1, "the first is written at once");
        for topic in 0..1_000 {
            sub.subscribe(format!("{round} {topic}")).unwrap();
        }
        world.run_until(|| publisher.topics() == Ok(known + 1_001));
        assert!(writes() - before <= 4, "{}", writes() - before);
        assert!(world.elapsed() - start < Duration::from_millis(1));
    }
}

#[test]
fn subscriber_goes_on_behind_what_it_no_longer_wants() {
    for_worlds(|context, endpoint| {
        let xpub = Xpub::builder().send_high_water_mark(0).build(context);
        let sub = Sub::builder().receive_high_water_mark(1).build(context);
        let (xpub, sub) = (xpub.unwrap(), sub.unwrap());
        sub.connect(xpub.bind(endpoint).unwrap()).unwrap();
        for (topic, report) in [("a", "\u{1}a"), ("b", "\u{1}b")] {
            sub.subscribe(topic).unwrap();
            assert_eq!(xpub.recv_timeout(WAIT).unwrap(), Message::from(report));
        }
        for _ in 0..2000 {
            xpub.send("a").unwrap();
        }
        xpub.send("b").unwrap();
        // Everything arrives meanwhile, and waits behind the mark.
        assert_eq!(xpub.recv_timeout(WAIT).unwrap_err(), RecvError::TimedOut);
        sub.unsubscribe("a").unwrap();
        assert_eq!(sub.recv_timeout(WAIT).unwrap(), Message::from("b"));
    });
}

#[test]
fn subscriptions_made_before_connecting_are_in_force_after() {
    for_worlds(|context, endpoint| {
        let (xpub, sub) = (Xpub::new(context), Sub::new(context));
        sub.subscribe("a").unwrap();
        sub.subscribe("b").unwrap();
        sub.connect(xpub.bind(endpoint).unwrap()).unwrap();
        let mut reports = [(); 2].map(|()| xpub.recv_timeout(WAIT).unwrap());
        reports.sort_by_key(|report| report.part(0).cloned());
        assert_eq!(reports, ["\u{1}a", "\u{1}b"].map(Message::from));
        xpub.send("b").unwrap();
        assert_eq!(sub.recv_timeout(WAIT).unwrap(), Message::from("b"));
    });
}

#[test]
fn subscriber_that_leaves_is_reported_by_its_last_topics() {
    for_worlds(|context, endpoint| {
        let (xpub, stays, leaves) = (Xpub::new(context), Sub::new(context), Sub::new(context));
        let endpoint = xpub.bind(endpoint).unwrap();
        stays.subscribe("a").unwrap();
        stays.connect(&endpoint).unwrap();
        assert_eq!(xpub.recv_timeout(WAIT).unwrap(), Message::from("\u{1}a"));
        leaves.connect(&endpoint).unwrap();
        leaves.subscribe("a").unwrap();
        leaves.subscribe("b").unwrap();
        assert_eq!(xpub.recv_timeout(WAIT).unwrap(), Message::from("\u{1}b"));
        leaves.close();
        assert_eq!(xpub.recv_timeout(WAIT).unwrap(), Message::from("\u{0}b"));
    });
}

#[test]
fn publisher_that_dials_is_subscribed_to() {
    for_worlds(|context, endpoint| {
        let (publisher, sub) = (Pub::new(context), Sub::new(context));
        sub.subscribe("").unwrap();
        publisher.connect(sub.bind(endpoint).unwrap()).unwrap();
        let received = (0..1000).find_map(|count: u32| {
            publisher.send(count.to_string()).unwrap();
            sub.recv_timeout(Duration::from_millis(10)).ok()
        });
        assert!(received.is_some(), "nothing arrived in a thousand attempts");
        assert_eq!(publisher.topics(), Ok(1));
    });
}

#[test]
fn xsub_subscribes_by_message_and_talks_to_the_publisher() {
    for_worlds(|context, endpoint| {
        let (xpub, xsub) = (Xpub::new(context), Xsub::new(context));
        xsub.connect(xpub.bind(endpoint).unwrap()).unwrap();
        xsub.send("\u{1}a").unwrap();
        assert_eq!(xpub.recv_timeout(WAIT).unwrap(), Message::from("\u{1}a"));
        xsub.send(["hello", "there"]).unwrap();
        assert_eq!(
            xpub.recv_timeout(WAIT).unwrap(),
            Message::from(["hello", "there"])
        );
        xpub.send("abc").unwrap();
        assert_eq!(xsub.recv_timeout(WAIT).unwrap(), Message::from("abc"));
        xsub.send("\u{0}a").unwrap();
        assert_eq!(xpub.recv_timeout(WAIT).unwrap(), Message::from("\u{0}a"));
    });
}

/// A network that takes little at once, so that a list of topics takes long.
fn narrow(seed: u64) -> SimWorld {
    let conditions = Conditions {
        capacity: 2048,
        ..Conditions::default()
    };
    SimWorld::with(seed, conditions)
}

fn context(world: &SimWorld) -> Context {
    Context::with_world(Arc::new(world.clone()), 1)
}

/// A topic of which no other one is a prefix.
fn topic(n: u32) -> String {
    format!("topic {n:04}")
}

/// Fails unless the SUB gets what is sent to each of these topics.
fn assert_in_force(publisher: &Pub, sub: &Sub, topics: impl Iterator<Item = u32>) {
    for n in topics {
        publisher.send(topic(n)).unwrap();
        assert_eq!(sub.recv_timeout(WAIT), Ok(Message::from(topic(n))));
    }
}

#[test]
fn long_list_of_topics_is_in_force_however_often_the_connection_is_cut() {
    for_seeds(0..10, |seed| {
        let world = narrow(seed);
        let (publisher, sub) = (Pub::new(&context(&world)), Sub::new(&context(&world)));
        let endpoint = publisher.bind("tcp://127.0.0.1:*").unwrap();
        (0..3000).for_each(|n| sub.subscribe(topic(n)).unwrap());
        sub.connect(&endpoint).unwrap();
        for round in 0..6 {
            let some = round as usize * 400 + 1;
            world.run_until(|| publisher.topics().unwrap() > some);
            // Some that were told, some that were not, and new ones.
            for n in (0..3000).skip(round as usize).step_by(100) {
                sub.unsubscribe(topic(n)).unwrap();
            }
            (0..50).for_each(|n| sub.subscribe(topic(3000 + 50 * round + n)).unwrap());
            if round % 2 == 0 {
                let link = world.links_to(&endpoint.to_string()).pop().unwrap();
                world.cut(link);
                world.run_until(|| publisher.topics() == Ok(0));
            }
        }
        let topics = (0..3300).filter(|n| *n >= 3000 || n % 100 > 5);
        let count = topics.clone().count();
        world.run_until(|| publisher.topics() == Ok(count));
        world.run_idle();
        assert_eq!(publisher.topics(), Ok(count));
        assert_in_force(&publisher, &sub, topics);
    });
}

#[test]
fn new_topic_does_not_wait_behind_a_long_list() {
    for_seeds(0..5, |seed| {
        let world = narrow(seed);
        let (xpub, sub) = (Xpub::new(&context(&world)), Sub::new(&context(&world)));
        (0..3000).for_each(|n| sub.subscribe(topic(n)).unwrap());
        sub.connect(xpub.bind("tcp://127.0.0.1:*").unwrap())
            .unwrap();
        world.run_until(|| xpub.topics().unwrap() > 10);
        sub.subscribe("new").unwrap();
        let reports = std::iter::from_fn(|| xpub.recv_timeout(WAIT).ok());
        let reports: Vec<Message> = reports.collect();
        assert_eq!(reports.len(), 3001);
        let new = reports.iter().position(|m| *m == Message::from("\u{1}new"));
        assert!(new.is_some_and(|place| place < 1500), "{new:?}");
    });
}

#[test]
fn long_list_of_topics_is_in_force_when_an_inproc_connect_returns() {
    let world = SimWorld::new(1);
    let context = context(&world);
    for binds_first in [true, false] {
        let (publisher, sub) = (Pub::new(&context), Sub::new(&context));
        (0..3000).for_each(|n| sub.subscribe(topic(n)).unwrap());
        let bind = || publisher.bind("inproc://name").unwrap();
        if binds_first {
            bind();
        }
        sub.connect("inproc://name").unwrap();
        if !binds_first {
            bind();
        }
        assert_eq!(publisher.topics(), Ok(3000));
        assert_in_force(&publisher, &sub, 0..3000);
    }
}

/// An XPUB with a small mark, and an XSUB connected to it that has subscribed to "first".
fn marked(context: &Context, endpoint: &str) -> (Xpub, Xsub) {
    let xpub = Xpub::builder().receive_high_water_mark(3);
    let (xpub, xsub) = (xpub.build(context).unwrap(), Xsub::new(context));
    xsub.connect(xpub.bind(endpoint).unwrap()).unwrap();
    xsub.send("\u{1}first").unwrap();
    assert_eq!(xpub.recv_timeout(WAIT), Ok("\u{1}first".into()));
    (xpub, xsub)
}

#[test]
fn topics_of_an_inproc_connect_that_waits_are_told_once() {
    for_seeds(0..5, |seed| {
        let context = Context::with_world(Arc::new(SimWorld::new(seed)), 1);
        let sub = Sub::new(&context);
        sub.subscribe("before").unwrap();
        sub.connect("inproc://name").unwrap();
        for _ in 0..3 {
            sub.subscribe("a").unwrap();
            sub.subscribe("b").unwrap();
            sub.unsubscribe("b").unwrap();
        }
        let xpub = Xpub::builder().verboser(true).build(&context).unwrap();
        xpub.bind("inproc://name").unwrap();
        let told = || xpub.recv_timeout(Duration::from_secs(1)).ok();
        let mut told: Vec<_> = std::iter::from_fn(told).collect();
        told.sort_by_key(|notice| notice.part(0).unwrap().to_vec());
        assert_eq!(told, ["\x01a", "\x01before"].map(Message::from));
    });
}

#[test]
fn notices_that_nobody_reads_take_each_other_back_beyond_the_mark() {
    for_worlds(|context, endpoint| {
        let (xpub, xsub) = marked(context, endpoint);
        for round in 0..500 {
            xsub.send("\u{1}again").unwrap();
            xsub.send("\u{0}again").unwrap();
            xsub.send(format!("\u{1}{}", round % 7)).unwrap();
        }
        xsub.send("\u{0}first").unwrap();
        xsub.send("\u{1}last").unwrap();
        until_heard(&xsub, &xpub);
        let stats = xpub.stats();
        // Three below the mark; of the rest one for each topic that is not as it was told last.
        assert_eq!(stats.waiting, 3 + 6 + 3, "{stats:?}");
        assert_eq!(stats.dropped(Dropped::HighWaterMark), 2 * 499, "{stats:?}");
        let notices = std::iter::from_fn(|| xpub.try_recv().ok());
        let notices: Vec<String> = notices.map(|m| m.part_str(0).unwrap().to_owned()).collect();
        let told = [
            "\u{1}again",
            "\u{0}again",
            "\u{1}0",
            "\u{1}1",
            "\u{1}2",
            "\u{1}3",
            "\u{1}4",
            "\u{1}5",
            "\u{1}6",
            "\u{0}first",
            "\u{1}last",
            "\u{1}heard",
        ];
        assert_eq!(notices, told);
        assert_eq!(xpub.stats().waiting, 0);
    });
}

#[test]
fn subscriptions_beyond_the_mark_are_all_told() {
    for_worlds(|context, endpoint| {
        let (xpub, xsub) = marked(context, endpoint);
        (0..50).for_each(|n| xsub.send(format!("\u{1}{n}")).unwrap());
        until_heard(&xsub, &xpub);
        for n in 0..50 {
            assert_eq!(xpub.try_recv(), Ok(format!("\u{1}{n}").into()));
        }
        assert_eq!(xpub.try_recv(), Ok("\u{1}heard".into()));
        assert_eq!(xpub.try_recv(), Err(RecvError::Empty));
        assert_eq!(xpub.stats().dropped_in_all(), 0);
    });
}

/// Waits until the publisher has heard what the subscriber said: the last it says is "heard".
fn until_heard(xsub: &Xsub, xpub: &Xpub) {
    xsub.send("\u{1}heard").unwrap();
    while xsub.recv_timeout(Duration::from_millis(1)).is_err() {
        xpub.send("heard").unwrap();
    }
}

#[test]
fn subscriber_that_connects_again_to_a_publisher_receives_each_message_once() {
    for endpoint in ["tcp://127.0.0.1:*", "ipc:///sim/pipe"] {
        for_seeds(0..5, |seed| {
            let world = SimWorld::new(seed);
            let context = Context::with_world(Arc::new(world.clone()), 1);
            let (publisher, sub) = (Pub::new(&context), Sub::new(&context));
            let endpoint = publisher.bind(endpoint).unwrap();
            (0..2).for_each(|_| sub.connect(&endpoint).unwrap());
            sub.subscribe("").unwrap();
            world.advance(Duration::from_secs(1));
            publisher.send("once").unwrap();
            assert_eq!(sub.recv_timeout(WAIT), Ok(Message::from("once")));
            assert_eq!(sub.recv_timeout(WAIT), Err(RecvError::TimedOut));
        });
    }
}

#[test]
fn manual_xpub_that_was_not_read_is_told_of_every_subscription() {
    const TOPICS: usize = 50;
    for_seeds(0..5, |seed| {
        let world = SimWorld::new(seed);
        let context = &Context::with_world(Arc::new(world.clone()), 1);
        let xpub = Xpub::builder().manual(true).receive_high_water_mark(10);
        let xpub = xpub.build(context).unwrap();
        let endpoint = xpub.bind("tcp://127.0.0.1:*").unwrap();
        let [first, second] = [(); 2].map(|()| {
            let sub = Sub::new(context);
            sub.connect(&endpoint).unwrap();
            for topic in 0..TOPICS {
                sub.subscribe(topic.to_string()).unwrap();
            }
            sub
        });
        first.subscribe_acked("end", 1, WAIT).unwrap();
        second.subscribe_acked("end", 1, WAIT).unwrap();
        // Of who goes before it was told of, nothing is told; others have asked for the same.
        let third = Sub::new(context);
        third.connect(&endpoint).unwrap();
        third.subscribe_acked("1", 1, WAIT).unwrap();
        third.close();
        world.run_until(|| xpub.pipes() == 2);
        for _ in 0..2 * (TOPICS + 1) {
            let asked = xpub.recv_timeout(WAIT).unwrap();
            let [1, topic @ ..] = &asked.part(0).unwrap()[..] else {
                panic!("{asked:?} was not asked for");
            };
            xpub.subscribe(topic).unwrap();
        }
        assert_eq!(xpub.recv_timeout(WAIT), Err(RecvError::TimedOut));
        assert_eq!(xpub.topics(), Ok(TOPICS + 1));
        assert_eq!(xpub.subscriber_count("end"), Ok(2));
    });
}

#[test]
fn verbose_xpub_that_was_not_read_is_told_of_each_topic() {
    for verboser in [false, true] {
        for_worlds(|context, endpoint| {
            let xpub = Xpub::builder().receive_high_water_mark(10);
            let xpub = match verboser {
                true => xpub.verboser(true),
                false => xpub.verbose(true),
            };
            let xpub = xpub.build(context).unwrap();
            let endpoint = xpub.bind(endpoint).unwrap();
            let subs = [(); 2].map(|()| {
                let sub = Sub::new(context);
                sub.connect(&endpoint).unwrap();
                sub
            });
            for (topic, sub) in (0..50).zip(subs.iter().cycle()) {
                sub.subscribe(topic.to_string()).unwrap();
            }
            for sub in &subs {
                sub.subscribe_acked("end", 1, WAIT).unwrap();
            }
            let mut told = std::collections::BTreeSet::new();
            while let Ok(notice) = xpub.recv_timeout(WAIT) {
                let [1, topic @ ..] = &notice.part(0).unwrap()[..] else {
                    panic!("{notice:?} came about by nothing");
                };
                told.insert(topic.to_vec());
            }
            assert_eq!(told.len(), 51);
        });
    }
}

/// What a manual XPUB of a mark of 1 is told by a peer that sends this, and of its end.
fn told(world: &SimWorld, peer: &mut MockPeer, xpub: &Xpub, said: Frames) -> Vec<String> {
    peer.send(said.then(frames::ping(0, "end")));
    peer.expect(frames::pong("end"));
    peer.end();
    world.run_until(|| xpub.pipes() == 0);
    let mut told = Vec::new();
    while let Ok(notice) = xpub.recv_timeout(WAIT) {
        told.push(notice.part_str(0).unwrap().to_owned());
    }
    told
}

#[test]
fn manual_xpub_that_was_not_read_is_told_what_has_become_of_each_peer() {
    for_seeds(0..5, |seed| {
        let world = SimWorld::new(seed);
        let context = Context::with_world(Arc::new(world.clone()), 1);
        let endpoint = "tcp://127.0.0.1:7000";
        let xpub = Xpub::builder().manual(true).receive_high_water_mark(1);
        let xpub = xpub.build(&context).unwrap();
        xpub.bind(endpoint).unwrap();
        let dial = || {
            let mut peer = MockPeer::dial(&world, endpoint);
            peer.handshake("SUB", "XPUB");
            peer
        };
        let (on, off) = (frames::subscribe, frames::cancel);
        // Beyond the mark a second subscription is none, and a cancellation counts that had one.
        let said = on("t").then(on("t")).then(off("t"));
        assert_eq!(told(&world, &mut dial(), &xpub, said), ["\u{1}t", "\u{0}t"]);
        let said = on("first").then(off("t")).then(on("t"));
        let ended = ["\u{1}first", "\u{0}first"];
        assert_eq!(told(&world, &mut dial(), &xpub, said), ended);
        // Whoever goes is told of, though another one asks for the same.
        let mut other = dial();
        other.send(on("t"));
        assert_eq!(xpub.recv_timeout(WAIT), Ok(Message::from("\u{1}t")));
        let mut peer = dial();
        peer.send(on("t"));
        assert_eq!(xpub.recv_timeout(WAIT), Ok(Message::from("\u{1}t")));
        peer.end();
        assert_eq!(xpub.recv_timeout(WAIT), Ok(Message::from("\u{0}t")));
    });
}
