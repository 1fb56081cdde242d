//! What becomes of messages for subscribers that do not keep up, over every transport: in the
//! simulated world.

#![cfg(all(
    feature = "pubsub",
    feature = "tcp",
    feature = "ipc",
    feature = "inproc"
))]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::pin::pin;
use std::sync::Arc;
use std::task;
use std::time::Duration;

use ferromq::{
    Builder, Context, Dropped, Endpoint, Event, Message, PeerStats, Pub, PubOptions, Reason,
    Refusal, SendError, SendErrorKind, SlowSubscriber, Stats, Sub, SubOptions, Xpub,
};
use ferromq_testkit::sim::{Conditions, LinkId, SimWorld};

const WAIT: Duration = Duration::from_secs(30);
const PATIENCE: Duration = Duration::from_millis(50);
const MARK: u32 = 10;
const SENT: u32 = 200;
/// As many bytes as `MARK` messages have.
const BYTES: u64 = 50;
const ENDPOINTS: [&str; 3] = ["tcp://127.0.0.1:5555", "ipc:///sim/pipe", "inproc://name"];

/// A publisher with a subscriber that does not read.
struct Scene {
    world: SimWorld,
    context: Context,
    endpoint: Endpoint,
    publisher: Pub,
    slow: Sub,
    /// Of the slow subscriber; none in process.
    link: Option<LinkId>,
}

impl Scene {
    fn new(endpoint: &str, change: impl FnOnce(Builder<Pub>) -> Builder<Pub>) -> Self {
        let world = SimWorld::with(1, Conditions::calm());
        world.weather(|conditions| conditions.capacity = 300);
        let context = Context::with_world(Arc::new(world.clone()), 1);
        let builder = change(Pub::builder().send_high_water_mark(MARK));
        let publisher = builder.build(&context).unwrap();
        let bound = publisher.bind(endpoint).unwrap();
        let slow = subscriber(&context, &bound);
        let scene = Self {
            link: world.links().first().copied(),
            endpoint: bound,
            world,
            context,
            publisher,
            slow,
        };
        scene.hold(true);
        scene
    }

    /// Nothing passes the connection to the slow subscriber, or it does again.
    fn hold(&self, hold: bool) {
        match (self.link, hold) {
            (None, _) => {}
            (Some(link), true) => self.world.hold(link),
            (Some(link), false) => self.world.release(link),
        }
    }

    /// What the slow subscriber receives, now that it does.
    fn received(&self) -> Vec<u32> {
        self.hold(false);
        let messages = std::iter::from_fn(|| self.slow.recv_timeout(WAIT).ok());
        messages.map(|message| number(&message)).collect()
    }

    /// What the publisher counts for its first peer.
    fn of_peer(&self) -> PeerStats {
        self.publisher.peers().unwrap()[0].stats
    }
}

fn subscriber(context: &Context, endpoint: &Endpoint) -> Sub {
    let sub = Sub::builder()
        .receive_high_water_mark(MARK)
        .receive_high_water_bytes(2 * BYTES);
    let sub = sub.build(context).unwrap();
    sub.connect_wait(endpoint, WAIT).unwrap();
    sub.subscribe_acked("", 1, WAIT).unwrap();
    sub
}

/// A message of two parts.
fn numbered(topic: &str, number: u32) -> Message {
    Message::from([topic.as_bytes().to_vec(), number.to_be_bytes().to_vec()])
}

fn number(message: &Message) -> u32 {
    assert_eq!(message.len(), 2, "whole messages");
    u32::from_be_bytes(message.part(1).unwrap().as_bytes().try_into().unwrap())
}

#[track_caller]
fn assert_balanced(stats: &Stats) {
    let reasons = Dropped::ALL.iter();
    let dropped: u64 = reasons.map(|reason| stats.dropped_sending(*reason)).sum();
    let accounted = stats.handed_over + stats.queued + stats.returned + dropped;
    assert_eq!(stats.accepted, accounted, "{stats:?}");
}

#[track_caller]
fn assert_ascending(numbers: &[u32]) {
    assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
}

#[test]
fn drop_newest_keeps_the_first_messages() {
    for endpoint in ENDPOINTS {
        let scene = Scene::new(endpoint, |builder| builder);
        (0..SENT).for_each(|number| scene.publisher.send(numbered("a", number)).unwrap());
        let stats = scene.publisher.stats();
        assert_balanced(&stats);
        let missed = stats.dropped_sending(Dropped::HighWaterMark);
        assert_eq!(scene.of_peer().missed, missed);
        let received = scene.received();
        let kept = SENT - u32::try_from(missed).unwrap();
        assert!(missed > 100, "{endpoint}: {stats:?}");
        assert_eq!(received, (0..kept).collect::<Vec<_>>(), "{endpoint}");
    }
}

#[test]
fn drop_oldest_keeps_the_last_messages() {
    for endpoint in ENDPOINTS {
        let oldest = SlowSubscriber::DropOldest;
        let scene = Scene::new(endpoint, |builder| builder.slow_subscriber(oldest));
        for number in 0..SENT {
            scene.publisher.send(numbered("a", number)).unwrap();
            let stats = scene.publisher.stats();
            assert_balanced(&stats);
            assert!(stats.queued <= u64::from(MARK), "{endpoint}: {stats:?}");
        }
        let displaced = scene.publisher.stats().dropped_sending(Dropped::Displaced);
        let of_peer = scene.of_peer();
        assert_eq!((of_peer.displaced, of_peer.missed), (displaced, 0));
        let received = scene.received();
        assert_ascending(&received);
        assert!(displaced > 100, "{endpoint}: {displaced}");
        assert_eq!(received.len() as u64 + displaced, u64::from(SENT));
        let last: Vec<u32> = (SENT - MARK / 2..SENT).collect();
        assert!(received.ends_with(&last), "{endpoint}: {received:?}");
        assert_balanced(&scene.publisher.stats());
    }
}

/// A publisher with this policy that has a mark in bytes only.
fn weighing(endpoint: &str, policy: SlowSubscriber) -> Scene {
    Scene::new(endpoint, |builder| {
        builder
            .send_high_water_mark(0)
            .send_high_water_bytes(BYTES)
            .slow_subscriber(policy)
    })
}

#[test]
fn drop_newest_keeps_the_first_bytes() {
    for endpoint in ENDPOINTS {
        let scene = weighing(endpoint, SlowSubscriber::DropNewest);
        for number in 0..SENT {
            scene.publisher.send(numbered("a", number)).unwrap();
            assert!(scene.publisher.stats().queued <= u64::from(MARK));
        }
        let missed = scene.of_peer().missed;
        assert_balanced(&scene.publisher.stats());
        assert!(missed > 100, "{endpoint}: {missed}");
        let kept = SENT - u32::try_from(missed).unwrap();
        assert_eq!(scene.received(), (0..kept).collect::<Vec<_>>());
    }
}

#[test]
fn publisher_drops_nothing_for_bytes_while_the_kernel_has_room() {
    let scene = weighing(ENDPOINTS[0], SlowSubscriber::DropNewest);
    scene
        .world
        .weather(|conditions| conditions.capacity = 1 << 20);
    for number in 0..SENT {
        scene
            .publisher
            .send(numbered(&"a".repeat(1_000), number))
            .unwrap();
    }
    assert_eq!(scene.of_peer().missed, 0);
    assert_eq!(scene.received(), (0..SENT).collect::<Vec<_>>());
}

#[test]
fn drop_oldest_keeps_the_last_bytes() {
    for endpoint in ENDPOINTS {
        let scene = weighing(endpoint, SlowSubscriber::DropOldest);
        for number in 0..SENT {
            // One has more than the mark: all before it give way, and it to the next one.
            let topic = "a".repeat(if number == SENT / 2 { 200 } else { 1 });
            scene.publisher.send(numbered(&topic, number)).unwrap();
            let stats = scene.publisher.stats();
            assert_balanced(&stats);
            assert!(stats.queued <= u64::from(MARK), "{endpoint}: {stats:?}");
        }
        let displaced = scene.of_peer().displaced;
        let received = scene.received();
        assert_ascending(&received);
        assert!(displaced > 100, "{endpoint}: {displaced}");
        assert_eq!(received.len() as u64 + displaced, u64::from(SENT));
        let last: Vec<u32> = (SENT - MARK / 2..SENT).collect();
        assert!(received.ends_with(&last), "{endpoint}: {received:?}");
        assert_balanced(&scene.publisher.stats());
    }
}

#[test]
fn block_and_disconnect_go_by_bytes_too() {
    for endpoint in ENDPOINTS {
        let scene = weighing(endpoint, SlowSubscriber::Block(PATIENCE));
        let refused =
            (0..SENT).find_map(|number| scene.publisher.try_send(numbered("a", number)).err());
        let refused = refused.unwrap();
        assert_eq!(refused.kind, SendErrorKind::Full);
        let sent = number(&refused.message);
        scene.hold(false);
        let first = number(&scene.slow.recv_timeout(WAIT).unwrap());
        (1..sent).for_each(|_| assert!(scene.slow.recv_timeout(WAIT).is_ok()));
        assert_eq!(first, 0);
        scene.publisher.send(refused.message).unwrap();
        assert_eq!(number(&scene.slow.recv_timeout(WAIT).unwrap()), sent);

        let scene = weighing(endpoint, SlowSubscriber::Disconnect);
        (0..SENT).for_each(|number| scene.publisher.send(numbered("a", number)).unwrap());
        scene.world.run_until(|| scene.publisher.peer_count() == 0);
    }
}

#[test]
fn drop_oldest_drops_nothing_for_who_keeps_up() {
    let oldest = SlowSubscriber::DropOldest;
    let scene = Scene::new(ENDPOINTS[0], |builder| builder.slow_subscriber(oldest));
    let quick = subscriber(&scene.context, &scene.endpoint);
    for sent in 0..SENT {
        scene.publisher.send(numbered("a", sent)).unwrap();
        assert_eq!(number(&quick.recv_timeout(WAIT).unwrap()), sent);
    }
    let peers = scene.publisher.peers().unwrap();
    assert_eq!(peers[1].stats.displaced, 0);
    assert!(peers[0].stats.displaced > 100);
}

#[test]
fn block_waits_so_long_once_until_there_is_room_again() {
    assert_block_waits(|scene, message| scene.publisher.send(message));
}

#[test]
fn block_waits_so_long_for_a_future_too() {
    assert_block_waits(|scene, message| {
        let sending = scene.publisher.send_async(message);
        scene.world.block_on(sending)
    });
}

#[track_caller]
fn assert_block_waits(send: impl Fn(&Scene, Message) -> Result<(), SendError>) {
    for endpoint in ENDPOINTS {
        let block = SlowSubscriber::Block(PATIENCE);
        let scene = Scene::new(endpoint, |builder| builder.slow_subscriber(block));
        let quick = subscriber(&scene.context, &scene.endpoint);
        let send = |number| {
            let before = scene.world.elapsed();
            send(&scene, numbered("a", number)).unwrap();
            quick.recv_timeout(WAIT).unwrap();
            scene.world.elapsed() - before
        };
        let waits: Vec<u32> = (0..SENT).filter(|sent| send(*sent) >= PATIENCE).collect();
        let missed = scene.of_peer().missed;
        assert_eq!(waits.len(), 1, "{endpoint}: {waits:?}");
        assert_eq!(missed, u64::from(SENT - waits[0]), "{endpoint}");
        assert_eq!(scene.received(), (0..waits[0]).collect::<Vec<_>>());
        scene.hold(true);
        let again = (0..SENT).filter(|sent| send(*sent) >= PATIENCE).count();
        assert_eq!(again, 1, "{endpoint}");
        assert_balanced(&scene.publisher.stats());
    }
}

#[test]
fn block_refuses_what_may_not_wait() {
    let block = SlowSubscriber::Block(PATIENCE);
    let scene = Scene::new(ENDPOINTS[0], |builder| builder.slow_subscriber(block));
    let refused =
        (0..SENT).find_map(|number| scene.publisher.try_send(numbered("a", number)).err());
    let refused = refused.unwrap();
    assert_eq!(refused.kind, SendErrorKind::Full);
    let refused = scene.publisher.send_timeout(refused.message, PATIENCE / 2);
    let refused = refused.unwrap_err();
    assert_eq!(refused.kind, SendErrorKind::TimedOut);
    assert_eq!(scene.of_peer().missed, 0);
    let sent = number(&refused.message);
    scene.hold(false);
    scene.publisher.send(refused.message).unwrap();
    assert_eq!(scene.received(), (0..=sent).collect::<Vec<_>>());
}

/// A future that is dropped while it waits has sent nothing, and the next one waits as long.
#[test]
fn block_forgets_a_future_that_is_dropped() {
    let block = SlowSubscriber::Block(PATIENCE);
    let scene = Scene::new(ENDPOINTS[0], |builder| builder.slow_subscriber(block));
    let refused =
        (0..SENT).find_map(|number| scene.publisher.try_send(numbered("a", number)).err());
    let message = refused.unwrap().message;
    let sent = number(&message);
    let mut context = task::Context::from_waker(task::Waker::noop());
    for _ in 0..3 {
        let mut sending = scene.publisher.send_async(message.clone());
        assert!(pin!(&mut sending).poll(&mut context).is_pending());
        scene.world.advance(PATIENCE / 2);
        assert!(pin!(&mut sending).poll(&mut context).is_pending());
        assert_eq!(sending.cancel(), Some(message.clone()));
    }
    let before = scene.world.elapsed();
    let sending = scene.publisher.send_async(message);
    scene.world.block_on(sending).unwrap();
    assert!(scene.world.elapsed() - before >= PATIENCE);
    assert_eq!(scene.of_peer().missed, 1);
    assert_eq!(scene.received(), (0..sent).collect::<Vec<_>>());
}

#[test]
fn disconnect_ends_the_connection_of_the_slow_alone() {
    for endpoint in ENDPOINTS {
        let disconnect = SlowSubscriber::Disconnect;
        let scene = Scene::new(endpoint, |builder| builder.slow_subscriber(disconnect));
        let quick = subscriber(&scene.context, &scene.endpoint);
        let events = scene.publisher.events();
        let slow = scene.publisher.peers().unwrap()[0].peer.connection;
        for sent in 0..SENT {
            scene.publisher.send(numbered("a", sent)).unwrap();
            assert_eq!(number(&quick.recv_timeout(WAIT).unwrap()), sent);
        }
        let too_slow = Reason::Refusal(Refusal::TooSlow);
        if scene.link.is_some() {
            let ended = |event: &Event| {
                matches!(event, Event::Disconnected { connection, reason, .. }
                    if *connection == slow && *reason == too_slow)
            };
            events.wait_for(WAIT, ended).unwrap();
        }
        let is_there = || {
            let peers = scene.publisher.peers().unwrap();
            peers.iter().any(|it| it.peer.connection == slow)
        };
        scene.world.run_until(|| !is_there());
        let stats = scene.publisher.stats();
        assert!(
            stats.dropped_sending(Dropped::HighWaterMark) >= 1,
            "{endpoint}"
        );
        assert_balanced(&stats);
    }
}

#[test]
fn disconnected_subscriber_comes_again() {
    let disconnect = SlowSubscriber::Disconnect;
    let scene = Scene::new(ENDPOINTS[0], |builder| builder.slow_subscriber(disconnect));
    (0..SENT).for_each(|number| scene.publisher.send(numbered("a", number)).unwrap());
    scene.world.run_until(|| scene.publisher.peer_count() == 0);
    // Who is full does not see the end of the connection before it has received.
    assert_ascending(&scene.received());
    scene.publisher.wait_subscribed("", 1, WAIT).unwrap();
    scene.publisher.send(numbered("a", SENT)).unwrap();
    assert_eq!(scene.received(), [SENT]);
}

#[test]
fn conflate_topics_keeps_the_last_message_of_each_for_a_subscriber() {
    for endpoint in ENDPOINTS {
        let scene = Scene::new(endpoint, |builder| builder.conflate_topics(true));
        for sent in 0..SENT {
            let topic = ["a", "b", "c"][sent as usize % 3];
            scene.publisher.send(numbered(topic, sent)).unwrap();
            assert_balanced(&scene.publisher.stats());
        }
        let conflated = scene.publisher.stats().dropped_sending(Dropped::Conflated);
        assert_eq!(scene.of_peer().conflated, conflated);
        let received = scene.received();
        assert_ascending(&received);
        assert!(conflated > 100, "{endpoint}: {conflated}");
        assert!(received.ends_with(&[SENT - 3, SENT - 2, SENT - 1]));
        assert_eq!(received.len() as u64 + conflated, u64::from(SENT));
        assert_balanced(&scene.publisher.stats());
    }
}

#[test]
fn conflate_topics_beyond_the_mark_drops_the_oldest() {
    let scene = Scene::new(ENDPOINTS[0], |builder| builder.conflate_topics(true));
    for sent in 0..SENT {
        let topic = format!("topic {sent}");
        scene.publisher.send(numbered(&topic, sent)).unwrap();
        assert!(scene.publisher.stats().queued <= u64::from(MARK));
    }
    let of_peer = scene.of_peer();
    assert_eq!(of_peer.conflated, 0);
    assert!(of_peer.displaced > 100, "{of_peer:?}");
    assert_eq!(scene.received().last(), Some(&(SENT - 1)));
}

#[test]
fn conflate_topics_keeps_the_last_message_of_each_for_the_application() {
    for endpoint in ENDPOINTS {
        let world = SimWorld::with(1, Conditions::calm());
        let context = Context::with_world(Arc::new(world.clone()), 1);
        let publisher = Pub::new(&context);
        let sub = Sub::builder()
            .conflate_topics(true)
            .build(&context)
            .unwrap();
        sub.connect_wait(publisher.bind(endpoint).unwrap(), WAIT)
            .unwrap();
        sub.subscribe_acked("", 1, WAIT).unwrap();
        for sent in 0..SENT {
            let topic = ["a", "b", "c"][sent as usize % 3];
            publisher.send(numbered(topic, sent)).unwrap();
        }
        world.advance(Duration::from_secs(1));
        let stats = sub.stats();
        assert_eq!(stats.waiting, 3, "{endpoint}");
        for sent in SENT - 3..SENT {
            assert_eq!(number(&sub.recv_timeout(WAIT).unwrap()), sent);
        }
        if endpoint != ENDPOINTS[2] {
            let conflated = sub.stats().dropped_receiving(Dropped::Conflated);
            assert_eq!(conflated + 3, sub.stats().received);
        }
        assert_balanced(&publisher.stats());
    }
}

#[test]
fn policies_are_for_xpub_too() {
    let world = SimWorld::with(1, Conditions::calm());
    world.weather(|conditions| conditions.capacity = 300);
    let context = Context::with_world(Arc::new(world.clone()), 1);
    let policy = SlowSubscriber::Block(PATIENCE);
    let xpub = Xpub::builder()
        .send_high_water_mark(MARK)
        .slow_subscriber(policy);
    let xpub = xpub.build(&context).unwrap();
    let endpoint = xpub.bind(ENDPOINTS[0]).unwrap();
    let _sub = subscriber(&context, &endpoint);
    world.hold(world.links()[0]);
    let before = world.elapsed();
    (0..SENT).for_each(|number| xpub.send(numbered("a", number)).unwrap());
    let waited = world.elapsed() - before;
    assert!((PATIENCE..2 * PATIENCE).contains(&waited), "{waited:?}");
    let latest = Xpub::builder()
        .send_high_water_mark(MARK)
        .conflate_topics(true);
    let latest = latest.build(&context).unwrap();
    let sub = subscriber(&context, &latest.bind(ENDPOINTS[2]).unwrap());
    (0..SENT).for_each(|number| latest.send(numbered("a", number)).unwrap());
    assert_eq!(number(&sub.recv_timeout(WAIT).unwrap()), SENT - 1);
}
