//! Every message that a socket has accepted is on the wire, queued or dropped for a reason,
//! whatever happens to its peers: in the simulated world, at every quiet point.

#![cfg(all(
    feature = "pipeline",
    feature = "pubsub",
    feature = "reqrep",
    feature = "tcp",
    feature = "ipc",
    feature = "inproc"
))]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use ferromq::{
    Builder, Context, Dealer, Dropped, Endpoint, Pub, PubOptions, Pull, Push, Receives, RecvError,
    Sends, SlowSubscriber, Socket, Stats, Sub, Xpub, Xsub,
};
use ferromq_core::{BuildableSocket, Pattern};
use ferromq_testkit::sim::{Conditions, SimWorld, for_seeds};

const WAIT: Duration = Duration::from_secs(30);
const ENDPOINTS: [&str; 3] = ["tcp://127.0.0.1:5555", "ipc:///sim/pipe", "inproc://name"];

/// The terms of a socket's sending side, each counted where it happens.
#[track_caller]
fn assert_balanced(stats: &Stats) {
    let reasons = Dropped::ALL.iter();
    let dropped: u64 = reasons.map(|reason| stats.dropped_sending(*reason)).sum();
    let accounted = stats.handed_over + stats.queued + stats.returned + dropped;
    assert_eq!(stats.accepted, accounted, "{stats:?}");
}

/// A little chance.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }
}

/// A socket with marks of a few messages.
fn small<S: BuildableSocket>(context: &Context, linger: Duration) -> S {
    marked().linger(linger).build(context).unwrap()
}

fn marked<S: BuildableSocket>() -> Builder<S> {
    let builder: Builder<S> = Builder::default();
    builder.send_high_water_mark(3).receive_high_water_mark(2)
}

/// A host sends to guests that come, read, are thrown out and leave, over connections that are cut.
/// `ready` is done to each new guest.
fn churn<H, G>(ready: impl Fn(&G))
where
    H: BuildableSocket<Pattern: Sends> + Deref<Target = Socket<<H as BuildableSocket>::Pattern>>,
    G: BuildableSocket<Pattern: Receives> + Deref<Target = Socket<<G as BuildableSocket>::Pattern>>,
{
    churn_with::<H, G>(&marked(), ready);
}

/// The same of a host with other options.
fn churn_with<H, G>(host: &Builder<H>, ready: impl Fn(&G))
where
    H: BuildableSocket<Pattern: Sends> + Deref<Target = Socket<<H as BuildableSocket>::Pattern>>,
    G: BuildableSocket<Pattern: Receives> + Deref<Target = Socket<<G as BuildableSocket>::Pattern>>,
{
    let (mut accepted, mut dropped) = (0, 0);
    for_seeds(0..50, |seed| {
        let mut chance = Chance(seed);
        let conditions = Conditions {
            capacity: [200, 5_000][chance.below(2)],
            ..Conditions::default()
        };
        let world = SimWorld::with(seed, conditions);
        let context = Context::with_world(Arc::new(world.clone()), 1);
        let host: H = host.clone().linger(WAIT).build(&context).unwrap();
        let bound = ENDPOINTS.map(|endpoint| host.bind(endpoint).unwrap());
        let mut guests: Vec<G> = Vec::new();
        for _ in 0..80 {
            match chance.below(12) {
                0 | 1 if guests.len() < 4 => {
                    let guest: G = small(&context, Duration::ZERO);
                    ready(&guest);
                    guest.connect(&bound[chance.below(3)]).unwrap();
                    guests.push(guest);
                }
                2 if !guests.is_empty() => drop(guests.swap_remove(chance.below(guests.len()))),
                3 => {
                    let links = world.links();
                    links
                        .get(chance.below(4))
                        .into_iter()
                        .for_each(|link| world.cut(*link));
                }
                4 => {
                    let peers = host.peers().unwrap();
                    if let Some(info) = peers.get(chance.below(4)) {
                        host.disconnect_peer(info.peer.pipe).unwrap();
                    }
                }
                5 | 6 if !guests.is_empty() => drop(guests[chance.below(guests.len())].try_recv()),
                7 => world.advance(Duration::from_micros(chance.below(3_000) as u64)),
                _ => drop(host.try_send("x".repeat([5, 50, 500][chance.below(3)]))),
            }
            assert_balanced(&host.stats());
            guests
                .iter()
                .for_each(|guest| assert_balanced(&guest.stats()));
        }
        host.close();
        world.run_idle();
        let stats = host.stats();
        assert_balanced(&stats);
        assert_eq!(stats.queued, 0);
        accepted += stats.accepted;
        dropped += stats.dropped_in_all();
    });
    assert!(
        accepted > 200 && dropped > 20,
        "{accepted} accepted, {dropped} dropped"
    );
}

#[test]
fn push_accounts_for_every_message() {
    churn::<Push, Pull>(|_| {});
}

#[test]
fn dealer_accounts_for_every_message() {
    churn::<Dealer, Dealer>(|_| {});
}

#[test]
fn pub_accounts_for_every_message() {
    churn::<Pub, Sub>(|sub| sub.subscribe("").unwrap());
}

#[test]
fn xpub_accounts_for_every_message() {
    churn::<Xpub, Xsub>(|xsub| xsub.send("\u{1}").unwrap());
}

#[test]
fn pub_with_each_policy_accounts_for_every_message() {
    let policies = [
        SlowSubscriber::DropOldest,
        SlowSubscriber::Block(Duration::from_millis(1)),
        SlowSubscriber::Disconnect,
    ];
    for policy in policies {
        let host = marked::<Pub>().slow_subscriber(policy);
        churn_with::<Pub, Sub>(&host, |sub| sub.subscribe("").unwrap());
    }
}

#[test]
fn sockets_that_conflate_account_for_every_message() {
    let topics = marked::<Pub>().conflate_topics(true);
    churn_with::<Pub, Sub>(&topics, |sub| sub.subscribe("").unwrap());
    churn_with::<Push, Pull>(&marked().conflate(true), |_| {});
    churn_with::<Dealer, Dealer>(&marked().conflate(true), |_| {});
}

/// A world without delays, and a context in it.
fn calm() -> (SimWorld, Context) {
    let world = SimWorld::with(1, Conditions::calm());
    let context = Context::with_world(Arc::new(world.clone()), 1);
    (world, context)
}

fn bound<P: Pattern>(socket: &Socket<P>) -> Endpoint {
    socket.bind("tcp://127.0.0.1:5555").unwrap()
}

#[test]
fn both_sides_count_the_same_messages_and_bytes() {
    let (world, context) = calm();
    let (push, pull) = (Push::new(&context), Pull::new(&context));
    pull.connect_wait(bound(&push), WAIT).unwrap();
    for _ in 0..10 {
        push.send("hello").unwrap();
    }
    for _ in 0..4 {
        pull.recv_timeout(WAIT).unwrap();
    }
    world.run_until(|| pull.stats().waiting == 6);
    let (sent, received) = (push.stats(), pull.stats());
    // A byte of flags, one of length.
    assert_eq!((sent.handed_over, sent.bytes_sent), (10, 70));
    assert_eq!((received.received, received.bytes_received), (10, 70));
    assert_eq!((received.delivered, received.waiting), (4, 6));
    let of_peer = push.peers().unwrap()[0].stats;
    assert_eq!((of_peer.handed_over, of_peer.bytes_sent), (10, 70));
    let of_peer = pull.peers().unwrap()[0].stats;
    assert_eq!(
        (of_peer.received, of_peer.bytes_received, of_peer.waiting),
        (10, 70, 6)
    );
    // What was carried stays when the peer has gone.
    drop(pull);
    world.run_until(|| push.peer_count() == 0);
    assert_eq!(
        (push.stats().handed_over, push.stats().bytes_sent),
        (10, 70)
    );
}

#[test]
fn reconnects_and_failed_handshakes_are_counted() {
    let (world, context) = calm();
    let (push, pull) = (Push::new(&context), Pull::new(&context));
    let endpoint = bound(&push);
    pull.connect_wait(&endpoint, WAIT).unwrap();
    for count in 1..4 {
        world.cut(*world.links().last().unwrap());
        world.run_until(|| pull.stats().reconnects == count);
        assert_eq!(pull.peers().unwrap()[0].stats.reconnects, count);
    }
    assert_eq!(push.stats().handshake_failures, 0);
    let wrong = Push::new(&context);
    wrong.connect(&endpoint).unwrap();
    world.run_until(|| wrong.stats().handshake_failures == 2);
    assert!(push.stats().handshake_failures >= 1);
    assert_eq!(push.stats().reconnects, 0);
}

#[test]
fn slow_subscriber_alone_has_missed_what_was_dropped_for_it() {
    let (world, context) = calm();
    world.weather(|conditions| conditions.capacity = 300);
    let publisher: Pub = small(&context, WAIT);
    let endpoint = bound(&publisher);
    let subs = ["quick", "slow"].map(|_| {
        let sub: Sub = small(&context, WAIT);
        sub.connect_wait(&endpoint, WAIT).unwrap();
        sub.subscribe_acked("", 1, WAIT).unwrap();
        sub
    });
    world.hold(*world.links().last().unwrap());
    for _ in 0..100 {
        publisher.send("x".repeat(40)).unwrap();
        subs[0].recv_timeout(WAIT).unwrap();
    }
    let missed: Vec<u64> = publisher
        .peers()
        .unwrap()
        .iter()
        .map(|it| it.stats.missed)
        .collect();
    let stats = publisher.stats();
    let dropped = stats.dropped_sending(Dropped::HighWaterMark);
    assert!(dropped > 50, "{stats:?}");
    assert_eq!(missed, [0, dropped]);
    assert_eq!(stats.send_high_water, 1);
    assert_eq!(subs[0].try_recv(), Err(RecvError::Empty));
    assert_balanced(&stats);
}
