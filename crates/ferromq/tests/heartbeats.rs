//! Heartbeats of whole sockets in the simulated world: when PINGs go out, who is given up and when,
//! and who is not.

#![cfg(all(
    feature = "pair",
    feature = "pipeline",
    feature = "pubsub",
    feature = "reqrep",
    feature = "tcp"
))]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::sync::Arc;
use std::time::Duration;

use ferromq::{
    BuildError, Builder, Context, Dealer, Endpoint, Event, Events, Initiator, Pair, Pub, Pull,
    Push, Reason, RecvError, Rep, Req, Router, Silence, Sub, Xpub, Xsub,
};
use ferromq_testkit::sim::{Conditions, SimWorld};
use ferromq_testkit::{MockPeer, frames};

#[allow(dead_code, reason = "each test file uses its part")]
mod common;
use common::{handshake_success, wait_for};

const SECOND: Duration = Duration::from_secs(1);
const BEAT: Duration = Duration::from_millis(200);

/// A world in which nothing takes time by itself, and a context of it.
fn calm() -> (SimWorld, Context) {
    let world = SimWorld::with(1, Conditions::calm());
    let context = Context::with_world(Arc::new(world.clone()), 1);
    (world, context)
}

/// A bound PULL, its endpoint and events, and a scripted PUSH connected to it.
fn pull_and_mock(
    world: &SimWorld,
    context: &Context,
    options: impl FnOnce(Builder<Pull>) -> Builder<Pull>,
) -> (Pull, Events, MockPeer) {
    let pull = options(Pull::builder()).build(context).unwrap();
    let events = pull.events();
    let endpoint = pull.bind("tcp://127.0.0.1:*").unwrap().to_string();
    let mut peer = MockPeer::dial(world, &endpoint);
    peer.handshake("PUSH", "PULL");
    handshake_success(&events);
    (pull, events, peer)
}

/// How the next connection ends.
#[track_caller]
fn ending(events: &Events) -> (Reason, Initiator) {
    let event = wait_for(events, |event| matches!(event, Event::Disconnected { .. }));
    match event {
        Event::Disconnected {
            reason, initiator, ..
        } => (reason, initiator),
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn assert_no_ending(events: &Events) {
    while let Some(event) = events.try_next() {
        let ended = matches!(event, Event::Disconnected { .. });
        assert!(!ended, "{event:?}");
    }
}

fn silent(silence: Silence) -> (Reason, Initiator) {
    (Reason::Silence(silence), Initiator::Library)
}

fn receive(pull: &Pull, expected: u32) {
    let message = pull.recv_timeout(SECOND).expect("it was sent");
    assert_eq!(message.part_str(0), Ok(expected.to_string().as_str()));
}

#[test]
fn ping_goes_out_each_interval_with_the_time_to_live() {
    let (world, context) = calm();
    let (_pull, events, mut peer) = pull_and_mock(&world, &context, |options| {
        options.heartbeat_interval(SECOND).heartbeat_ttl(5 * SECOND)
    });
    let start = world.elapsed();
    for nth in 1..=5 {
        peer.expect(frames::ping(50, ""));
        assert_eq!(world.elapsed() - start, nth * SECOND);
        peer.send(frames::pong(""));
    }
    assert_no_ending(&events);
}

#[test]
fn peer_that_does_not_answer_is_given_up_in_time() {
    let (world, context) = calm();
    let (_pull, events, mut peer) = pull_and_mock(&world, &context, |options| {
        options
            .heartbeat_interval(2 * SECOND)
            .heartbeat_timeout(SECOND)
    });
    let start = world.elapsed();
    peer.expect(frames::ping(0, ""));
    assert_eq!(ending(&events), silent(Silence::Unanswered));
    assert_eq!(world.elapsed() - start, 3 * SECOND);
    peer.expect_end();
}

#[test]
fn any_traffic_is_an_answer() {
    let (world, context) = calm();
    let (pull, events, mut peer) = pull_and_mock(&world, &context, |options| {
        options.heartbeat_interval(SECOND)
    });
    for count in 0..5 {
        peer.expect(frames::ping(0, ""));
        peer.send(frames::msg([count.to_string()]));
        receive(&pull, count);
    }
    assert_no_ending(&events);
}

/// A receiver that waits reads its connection itself, without a clock: its reads count.
#[test]
fn receiver_that_waits_hears_the_answers() {
    let (world, context) = calm();
    let (pull, events, mut peer) = pull_and_mock(&world, &context, |options| {
        options.heartbeat_interval(SECOND)
    });
    for _ in 0..3 {
        let waited = pull.recv_timeout(SECOND + BEAT);
        assert!(matches!(waited, Err(RecvError::TimedOut)), "{waited:?}");
        peer.expect(frames::ping(0, ""));
        peer.send(frames::pong(""));
    }
    let start = world.elapsed();
    let waited = pull.recv_timeout(10 * SECOND);
    assert!(matches!(waited, Err(RecvError::TimedOut)), "{waited:?}");
    assert_eq!(ending(&events), silent(Silence::Unanswered));
    assert_eq!(world.elapsed() - start, 10 * SECOND);
}

#[test]
fn time_to_live_of_the_peer_is_acted_on_without_heartbeats_of_our_own() {
    for waiting in [false, true] {
        let (world, context) = calm();
        let (pull, events, mut peer) = pull_and_mock(&world, &context, |options| options);
        let start = world.elapsed();
        peer.send(frames::ping(20, "ctx"));
        peer.expect(frames::pong("ctx"));
        if waiting {
            let waited = pull.recv_timeout(10 * SECOND);
            assert!(matches!(waited, Err(RecvError::TimedOut)), "{waited:?}");
        }
        assert_eq!(ending(&events), silent(Silence::Expired));
        peer.expect_end();
        if !waiting {
            assert_eq!(world.elapsed() - start, 2 * SECOND);
        }
    }
}

#[test]
fn time_to_live_of_the_peer_begins_anew_with_each_ping() {
    let (world, context) = calm();
    let (_pull, events, mut peer) = pull_and_mock(&world, &context, |options| options);
    for _ in 0..5 {
        peer.send(frames::ping(20, ""));
        peer.expect(frames::pong(""));
        world.advance(19 * SECOND / 10);
    }
    assert_no_ending(&events);
    peer.send(frames::ping(0, ""));
    peer.expect(frames::pong(""));
    world.advance(100 * SECOND);
    assert_no_ending(&events);
}

#[test]
fn peer_of_3_0_that_knows_no_ping_is_kept() {
    let (world, context) = calm();
    let pull = Pull::builder()
        .heartbeat_interval(SECOND)
        .build(&context)
        .unwrap();
    let events = pull.events();
    let endpoint = pull.bind("tcp://127.0.0.1:*").unwrap().to_string();
    let mut peer = MockPeer::dial(&world, &endpoint);
    peer.send(frames::greeting_with((3, 0), "NULL", false).then(frames::ready("PUSH")));
    peer.next_greeting();
    peer.expect_ready("PULL");
    peer.expect(frames::ping(0, ""));
    world.advance(100 * SECOND);
    assert_no_ending(&events);
    peer.send(frames::pong(""));
    assert_eq!(ending(&events), silent(Silence::Unanswered));
}

/// A PING per interval while nothing is read; then silence counts again.
#[test]
fn full_receiver_suspends_its_timeout_and_pings_on() {
    let (world, context) = calm();
    let (pull, events, mut peer) = pull_and_mock(&world, &context, |options| {
        options
            .heartbeat_interval(SECOND)
            .receive_high_water_mark(2)
    });
    for _ in 0..3 {
        peer.expect(frames::ping(0, ""));
        peer.send(frames::pong(""));
    }
    for count in 0..50 {
        peer.send(frames::msg([count.to_string()]));
    }
    let start = world.elapsed();
    for nth in 1..=10 {
        peer.expect(frames::ping(0, ""));
        assert_eq!(world.elapsed() - start, nth * SECOND);
    }
    assert_no_ending(&events);
    for count in 0..50 {
        receive(&pull, count);
    }
    assert_eq!(ending(&events), silent(Silence::Unanswered));
}

#[test]
fn full_receiver_without_heartbeats_of_its_own_answers_in_the_rhythm_of_the_pings() {
    let (world, context) = calm();
    let (pull, _events, mut peer) = pull_and_mock(&world, &context, |options| {
        options.receive_high_water_mark(2)
    });
    for _ in 0..3 {
        world.advance(BEAT);
        peer.send(frames::ping(0, "seen"));
        peer.expect(frames::pong("seen"));
    }
    for count in 0..50 {
        peer.send(frames::msg([count.to_string()]));
    }
    for _ in 0..20 {
        let before = world.elapsed();
        peer.expect(frames::pong(""));
        assert!(world.elapsed() - before <= BEAT);
    }
    for count in 0..50 {
        receive(&pull, count);
    }
    world.advance(BEAT);
    peer.send(frames::ping(0, "after"));
    peer.expect(frames::pong("after"));
    peer.expect_silence(SECOND);
}

/// It may have closed, and then a word from us would cost what it has left behind.
#[test]
fn full_receiver_is_silent_towards_a_peer_that_never_pinged() {
    let (world, context) = calm();
    let (_pull, _events, mut peer) = pull_and_mock(&world, &context, |options| {
        options.receive_high_water_mark(2)
    });
    for count in 0..50 {
        peer.send(frames::msg([count.to_string()]));
    }
    peer.expect_silence(100 * SECOND);
}

/// Who sends has heartbeats on, or who does not receive, or both.
#[test]
fn consumer_that_stops_for_ten_intervals_is_not_given_up() {
    for (sending, receiving) in [(BEAT, Duration::ZERO), (Duration::ZERO, BEAT), (BEAT, BEAT)] {
        let (world, context) = calm();
        let pull = Pull::builder()
            .heartbeat_interval(receiving)
            .heartbeat_ttl(2 * receiving)
            .receive_high_water_mark(10)
            .build(&context)
            .unwrap();
        let push = Push::builder()
            .heartbeat_interval(sending)
            .heartbeat_ttl(2 * sending)
            .build(&context)
            .unwrap();
        let events = [pull.events(), push.events()];
        push.connect(pull.bind("tcp://127.0.0.1:*").unwrap())
            .unwrap();
        world.advance(2 * BEAT + BEAT / 2);
        for count in 0..500u32 {
            push.send(count.to_string()).unwrap();
        }
        receive(&pull, 0);
        world.advance(10 * BEAT + BEAT / 2);
        events.iter().for_each(assert_no_ending);
        for count in 1..500 {
            receive(&pull, count);
        }
        world.advance(10 * BEAT);
        events.iter().for_each(assert_no_ending);
    }
}

/// Answers that nobody reads need a bounded amount of memory; who reads is answered again.
#[test]
fn peer_that_reads_no_answers_is_not_answered_for_ever() {
    let (world, context) = calm();
    let (_pull, _events, mut peer) = pull_and_mock(&world, &context, |options| options);
    for _ in 0..20_000 {
        peer.send(frames::ping(0, "sixteen octets.."));
    }
    for _ in 0..4_000 {
        peer.expect(frames::pong("sixteen octets.."));
    }
    peer.send(frames::ping(0, "last"));
    let mut answers = 4_000;
    while peer.next_frame().as_command() != Some(("PONG", b"last")) {
        answers += 1;
    }
    assert!(answers < 10_000, "{answers} of 20 000");
}

#[test]
fn nothing_ticks_without_heartbeats() {
    let (world, context) = calm();
    let (_pull, _events, mut peer) = pull_and_mock(&world, &context, |options| options);
    peer.send(frames::ping(0, "once"));
    peer.expect(frames::pong("once"));
    world.advance(60 * SECOND);
    let before = world.trace().len();
    world.advance(3600 * SECOND);
    assert_eq!(world.trace().len(), before);
}

/// Whatever times to live a peer has set, nothing of them is left when it has gone.
#[test]
fn times_to_live_leave_nothing_behind() {
    let (world, context) = calm();
    let (_pull, events, mut peer) = pull_and_mock(&world, &context, |options| options);
    for _ in 0..20 {
        for ttl in [0, u16::MAX, 1000, 1] {
            peer.send(frames::ping(ttl, ""));
            peer.expect(frames::pong(""));
        }
        world.advance(BEAT / 4);
    }
    drop(peer);
    ending(&events);
    world.advance(60 * SECOND);
    let before = world.trace().len();
    world.advance(7200 * SECOND);
    assert_eq!(world.trace().len(), before);
}

/// A link that carries some 100 kB/s, a beating PUSH, and a PULL that it sends 2 MB.
fn slow_link() -> (SimWorld, Push, Pull, Endpoint) {
    let latency = Duration::from_millis(20);
    let conditions = Conditions {
        latency: latency..=latency,
        capacity: 4096,
        ..Conditions::calm()
    };
    let world = SimWorld::with(1, conditions);
    let context = Context::with_world(Arc::new(world.clone()), 1);
    let pull = Pull::new(&context);
    let push = Push::builder()
        .heartbeat_interval(SECOND)
        .build(&context)
        .unwrap();
    let endpoint = pull.bind("tcp://127.0.0.1:*").unwrap();
    push.connect(&endpoint).unwrap();
    push.send(vec![7; 2_000_000]).unwrap();
    (world, push, pull, endpoint)
}

#[test]
fn message_that_takes_many_intervals_arrives() {
    let (world, push, pull, _) = slow_link();
    let events = push.events();
    let message = pull.recv_timeout(100 * SECOND).unwrap();
    assert_eq!(message.size(), 2_000_000);
    assert!(world.elapsed() > 5 * SECOND, "{:?}", world.elapsed());
    world.advance(10 * SECOND);
    assert_no_ending(&events);
}

#[test]
fn black_hole_in_the_middle_of_a_message_is_noticed() {
    let (world, push, _pull, endpoint) = slow_link();
    let events = push.events();
    world.advance(5 * SECOND / 2);
    assert_no_ending(&events);
    world.partition(&endpoint.to_string());
    let start = world.elapsed();
    assert_eq!(ending(&events), silent(Silence::Unanswered));
    assert!(world.elapsed() - start <= 2 * SECOND);
}

#[test]
fn heartbeats_out_of_range_are_refused() {
    let (_world, context) = calm();
    let day = 86_400 * SECOND;
    let most = Duration::from_millis(6_553_500);
    let accepted = Pull::builder()
        .heartbeat_interval(day)
        .heartbeat_timeout(day);
    assert!(accepted.heartbeat_ttl(most).build(&context).is_ok());
    let little = Duration::from_nanos(1);
    let refused = [
        (
            Pull::builder().heartbeat_interval(day + little),
            "heartbeat_interval",
        ),
        (
            Pull::builder().heartbeat_timeout(day + little),
            "heartbeat_timeout",
        ),
        (
            Pull::builder().heartbeat_ttl(most + little),
            "heartbeat_ttl",
        ),
    ];
    for (builder, name) in refused {
        let Err(BuildError::OutOfRange { option }) = builder.build(&context) else {
            panic!("{name} was accepted");
        };
        assert_eq!(option, name);
    }
}

/// What is done with sockets of every type.
trait Peer: Sized {
    fn beating(context: &Context) -> Self;
    fn plain(context: &Context) -> Self;
    fn listen(&self) -> Endpoint;
    fn dial(&self, endpoint: &Endpoint);
    fn watch(&self) -> Events;
}

macro_rules! peers {
    ($($name:ident)*) => {$(
        impl Peer for $name {
            fn beating(context: &Context) -> Self {
                let beats = Self::builder().heartbeat_interval(SECOND).heartbeat_ttl(2 * SECOND);
                beats.build(context).unwrap()
            }

            fn plain(context: &Context) -> Self {
                Self::new(context)
            }

            fn listen(&self) -> Endpoint {
                self.bind("tcp://127.0.0.1:*").unwrap()
            }

            fn dial(&self, endpoint: &Endpoint) {
                self.connect(endpoint).unwrap();
            }

            fn watch(&self) -> Events {
                self.events()
            }
        }
    )*};
}

peers!(Dealer Pair Pub Pull Push Rep Req Router Sub Xpub Xsub);

/// The link holds everything back. Who pings notices by the missing answers, the other one by the
/// time to live, and who had dialed finds the peer again when it can be reached.
fn black_hole_is_noticed<A: Peer, B: Peer>(beating_listens: bool) {
    let (world, context) = calm();
    let (beating, other) = (A::beating(&context), B::plain(&context));
    let (beating_events, other_events) = (beating.watch(), other.watch());
    let endpoint = if beating_listens {
        let endpoint = beating.listen();
        other.dial(&endpoint);
        endpoint
    } else {
        let endpoint = other.listen();
        beating.dial(&endpoint);
        endpoint
    };
    handshake_success(&beating_events);
    handshake_success(&other_events);
    world.advance(30 * SECOND);
    assert_no_ending(&beating_events);
    assert_no_ending(&other_events);
    world.partition(&endpoint.to_string());
    let start = world.elapsed();
    assert_eq!(ending(&beating_events), silent(Silence::Unanswered));
    assert_eq!(ending(&other_events), silent(Silence::Expired));
    assert!(world.elapsed() - start <= 2 * SECOND);
    world.advance(10 * SECOND);
    world.heal(&endpoint.to_string());
    handshake_success(&beating_events);
    handshake_success(&other_events);
}

macro_rules! black_holes {
    ($($test:ident: $beating:ty, $other:ty;)*) => {$(
        #[test]
        fn $test() {
            black_hole_is_noticed::<$beating, $other>(true);
            black_hole_is_noticed::<$beating, $other>(false);
        }
    )*};
}

black_holes! {
    dealer_and_router_notice_a_black_hole: Dealer, Router;
    pair_and_pair_notice_a_black_hole: Pair, Pair;
    pub_and_sub_notice_a_black_hole: Pub, Sub;
    pull_and_push_notice_a_black_hole: Pull, Push;
    push_and_pull_notice_a_black_hole: Push, Pull;
    rep_and_req_notice_a_black_hole: Rep, Req;
    req_and_rep_notice_a_black_hole: Req, Rep;
    router_and_dealer_notice_a_black_hole: Router, Dealer;
    sub_and_pub_notice_a_black_hole: Sub, Pub;
    xpub_and_xsub_notice_a_black_hole: Xpub, Xsub;
    xsub_and_xpub_notice_a_black_hole: Xsub, Xpub;
}
