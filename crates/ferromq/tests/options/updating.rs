//! Options changed by `update_options`: for later endpoints, or at once; and those that stay.

use std::cell::Cell;

use ferromq::{
    BuildError, Builder, ClosedError, Dealer, Dropped, Message, Part, Pub, PubOptions, Pull, Push,
    Reason, Refused, Req, ReqOptions, Router, RouterOptions, SendErrorKind, SlowSubscriber, Sub,
    SubOptions, UpdateError, Xpub, XpubOptions, Xsub, XsubOptions,
};
use ferromq::{DealerOptions, Rep};
use ferromq_testkit::{MockPeer, frames};

use super::*;

const SECOND: Duration = Duration::from_secs(1);
const NOWHERE_ELSE: &str = "tcp://127.0.0.1:7778";
const IPC: &str = "ipc:///sim/later";

/// How many messages are taken until there is no room.
fn taken(push: &Push) -> usize {
    (0..100).take_while(|_| push.try_send("x").is_ok()).count()
}

/// A PULL bound to an endpoint, changed, and bound to another one.
fn bound_twice(
    context: &Context,
    change: impl FnMut(Builder<Pull>) -> Builder<Pull>,
) -> (Pull, [String; 2]) {
    let pull = Pull::new(context);
    let first = pull.bind(ANY).unwrap().to_string();
    pull.update_options(change).unwrap();
    let second = pull.bind(IPC).unwrap().to_string();
    (pull, [first, second])
}

#[test]
fn send_mark_is_updated_for_later_endpoints() {
    let (_, context) = world(1);
    let push = Push::builder().send_high_water_mark(2).build(&context);
    let push = push.unwrap();
    push.connect(NOWHERE).unwrap();
    assert_eq!(taken(&push), 2);
    let change = |options: Builder<Push>| options.send_high_water_mark(5);
    push.update_options(change).unwrap();
    assert_eq!(taken(&push), 0);
    push.connect(NOWHERE_ELSE).unwrap();
    assert_eq!(taken(&push), 5);
    push.connect("inproc://nobody").unwrap();
    assert_eq!(taken(&push), 5);
}

#[test]
fn receive_mark_is_updated_for_what_comes_by_later_endpoints() {
    let (world, context) = world(1);
    let (pull, endpoints) = bound_twice(&context, |options| options.receive_high_water_mark(3));
    for (endpoint, expected) in endpoints.iter().zip([20, 3]) {
        // The first listener accepts after the change, and yet by its own options.
        let push = Push::new(&context);
        push.connect(endpoint.as_str()).unwrap();
        (0..20).for_each(|_| push.send("x").unwrap());
        world.run_until(|| pull.stats().waiting >= expected);
        world.advance(SECOND);
        assert_eq!(pull.stats().waiting, expected, "{endpoint}");
        while pull.try_recv().is_ok() {}
        push.close();
        world.run_idle();
        while pull.try_recv().is_ok() {}
    }
}

#[test]
fn heartbeats_are_updated_for_later_endpoints() {
    let (world, context) = world(1);
    let (_pull, endpoints) = bound_twice(&context, |options| options.heartbeat_interval(SECOND));
    let [mut first, mut second] = endpoints.map(|endpoint| {
        let mut peer = MockPeer::dial(&world, &endpoint);
        peer.handshake("PUSH", "PULL");
        peer
    });
    second.expect(frames::ping(0, ""));
    first.expect_silence(3 * SECOND);
}

#[test]
fn handshake_timeout_is_updated_for_later_endpoints() {
    let (world, context) = world(1);
    let (pull, endpoints) = bound_twice(&context, |options| options.handshake_timeout(SECOND));
    let events = pull.events();
    let _silent = endpoints.map(|endpoint| world.dial_raw(&endpoint));
    for least in [SECOND, 30 * SECOND] {
        let failed = |event: &Event| matches!(event, Event::HandshakeFailed { .. });
        events.wait_for(2 * least, failed).unwrap();
        let elapsed = world.elapsed();
        assert!((least..least + SECOND).contains(&elapsed), "{elapsed:?}");
    }
}

#[test]
fn max_message_size_is_updated_for_later_endpoints() {
    let (_, context) = world(1);
    let (pull, endpoints) = bound_twice(&context, |options| options.max_message_size(3));
    let events = pull.events();
    for (endpoint, is_taken) in endpoints.iter().zip([true, false]) {
        let push = Push::new(&context);
        push.connect(endpoint.as_str()).unwrap();
        push.send("four").unwrap();
        match is_taken {
            true => assert_eq!(pull.recv_timeout(WAIT).unwrap(), "four".into()),
            false => {
                let ended = |event: &Event| matches!(event, Event::Disconnected { .. });
                wait_for(&events, ended);
                assert!(pull.try_recv().is_err());
            }
        }
        push.close();
    }
}

/// By which metadata and routing id two peers know a DEALER that connects to one after the other.
#[test]
fn names_are_updated_for_later_endpoints() {
    for endpoints in [[ANY, ANY], ["inproc://one", "inproc://two"]] {
        let (world, context) = world(1);
        let routers = endpoints.map(|endpoint| {
            let router = Router::new(&context);
            let bound = router.bind(endpoint).unwrap();
            (router, bound)
        });
        let dealer = Dealer::builder().routing_id("early").build(&context);
        let dealer = dealer.unwrap();
        dealer.connect(&routers[0].1).unwrap();
        let change = |options: Builder<Dealer>| options.routing_id("late").metadata("X-New", "y");
        dealer.update_options(change).unwrap();
        dealer.connect(&routers[1].1).unwrap();
        for _ in 0..2 {
            for ((router, bound), (id, properties)) in
                routers.iter().zip([("early", 0), ("late", 1)])
            {
                router.wait_peers(1, WAIT).unwrap();
                let peer = router.peers().unwrap().remove(0).peer;
                assert_eq!(peer.routing_id, Part::from(id));
                let new = peer.metadata.iter().filter(|(name, _)| name == "X-New");
                assert_eq!(new.count(), properties);
                // Who connects again does so by the options of the endpoint.
                if bound.scheme() != "inproc" {
                    world.cut(world.links_to(&bound.to_string())[0]);
                    world.run_until(|| router.peer_count() == 0);
                }
            }
        }
    }
}

#[test]
fn first_messages_are_updated_for_later_endpoints() {
    for endpoints in [[ANY, ANY], ["inproc://one", "inproc://two"]] {
        let (_, context) = world(1);
        let router = Router::new(&context);
        let first = router.bind(endpoints[0]).unwrap();
        let change = |options: Builder<Router>| options.hello_message("hello");
        router.update_options(change).unwrap();
        let second = router.bind(endpoints[1]).unwrap();
        for (endpoint, is_greeted) in [(first, false), (second, true)] {
            let dealer = Dealer::new(&context);
            dealer.connect_wait(&endpoint, WAIT).unwrap();
            let heard = dealer.recv_timeout(SECOND).ok();
            let expected = is_greeted.then(|| Message::from("hello"));
            assert_eq!(heard, expected, "{endpoint}");
        }
    }
}

#[test]
fn conditions_to_stop_are_updated_for_later_endpoints() {
    let (world, context) = world(1);
    let push = Push::new(&context);
    push.connect(NOWHERE).unwrap();
    let mut stop = ferromq::ReconnectStop::default();
    stop.refused = true;
    push.update_options(|options| options.reconnect_stop(stop))
        .unwrap();
    push.connect(NOWHERE_ELSE).unwrap();
    assert_eq!(push.pipes(), 2);
    world.run_until(|| push.pipes() == 1);
    let events = push.events();
    let retried = wait_for(&events, |event| matches!(event, Event::Retry { .. }));
    let Event::Retry { endpoint, .. } = retried else {
        unreachable!("it was waited for");
    };
    assert_eq!(endpoint.to_string(), NOWHERE);
}

#[test]
fn immediate_is_updated_for_later_endpoints() {
    let (world, context) = world(1);
    let pull = Pull::new(&context);
    let push = Push::builder().send_high_water_mark(4).build(&context);
    let push = push.unwrap();
    push.update_options(|options| options.immediate(true))
        .unwrap();
    push.connect(NOWHERE).unwrap();
    assert_eq!(taken(&push), 0);
    push.update_options(|options| options.immediate(false))
        .unwrap();
    let endpoint = pull.bind(ANY).unwrap();
    push.connect(&endpoint).unwrap();
    assert_eq!(taken(&push), 4);
    // What was begun without it is kept for the same peer.
    world.run_until(|| pull.stats().waiting == 4);
}

#[test]
fn options_of_streams_are_updated_for_later_endpoints() {
    let context = Context::new();
    let pull = Pull::new(&context);
    pull.bind(ANY).unwrap();
    pull.update_options(|options| options.device("no-such-device"))
        .unwrap();
    pull.bind(ANY).unwrap_err();
}

#[cfg(feature = "plain")]
#[test]
fn security_is_updated_for_later_endpoints() {
    use ferromq::{Authenticator, Security};

    let (_, context) = world(1);
    let (pull, [open, guarded]) = bound_twice(&context, |options| {
        let users = Authenticator::users([("admin", "secret")]);
        let options = options.security(Security::plain_server());
        options.authenticator(users)
    });
    let push = Push::new(&context);
    push.connect(open).unwrap();
    push.update_options(|options| options.security(Security::plain_client("admin", "secret")))
        .unwrap();
    push.connect(guarded).unwrap();
    pull.wait_peers(2, WAIT).unwrap();
    let peers = pull.peers().unwrap();
    let mut users: Vec<_> = peers
        .iter()
        .map(|info| info.peer.user.as_ref().map(|user| user.id.as_str()))
        .collect();
    users.sort_unstable();
    assert_eq!(users, [None, Some("admin")]);
}

#[test]
fn timeouts_and_linger_are_updated_at_once() {
    let (world, context) = world(1);
    let push = Push::new(&context);
    push.connect(NOWHERE).unwrap();
    push.update_options(|options| options.send_timeout(SECOND).linger(2 * SECOND))
        .unwrap();
    while push.try_send("x").is_ok() {}
    for least in [SECOND, 2 * SECOND] {
        let start = world.elapsed();
        match least == SECOND {
            true => assert_eq!(push.send("x").unwrap_err().kind, SendErrorKind::TimedOut),
            false => assert_eq!(push.close().unsent, 1000),
        }
        let took = world.elapsed() - start;
        assert!((least..least + SECOND).contains(&took), "{took:?}");
    }
}

#[test]
fn limit_of_connections_is_updated_at_once() {
    let (world, context) = world(1);
    let pull = Pull::builder().max_connections(1).build(&context).unwrap();
    let (events, endpoint) = (pull.events(), pull.bind(ANY).unwrap().to_string());
    let dial = || MockPeer::dial(&world, &endpoint);
    let _peers = [dial(), dial()];
    wait_for(&events, |event| matches!(event, Event::TurnedAway { .. }));
    pull.update_options(|options| options.max_connections(2))
        .unwrap();
    let mut third = dial();
    third.handshake("PUSH", "PULL");
    pull.wait_peers(1, WAIT).unwrap();
}

#[test]
fn fate_of_a_lost_peers_messages_is_updated_at_once() {
    let (world, context) = world(1);
    let push = Push::new(&context);
    let pull = Pull::new(&context);
    let endpoint = pull.bind(ANY).unwrap();
    push.connect_wait(&endpoint, WAIT).unwrap();
    push.update_options(|options| options.on_peer_lost(ferromq::OnPeerLost::Return))
        .unwrap();
    world.hold(world.links_to(&endpoint.to_string())[0]);
    let large = vec![7; 100_000];
    while push.try_send(large.clone()).is_ok() {}
    world.cut(world.links_to(&endpoint.to_string())[0]);
    world.run_until(|| push.stats().returned > 0);
    assert!(!push.take_returned().is_empty());
}

#[test]
fn req_is_updated_for_the_next_request() {
    let (_, context) = world(1);
    let (req, rep) = (Req::new(&context), Rep::new(&context));
    req.connect(rep.bind(ANY).unwrap()).unwrap();
    let wrong = SendErrorKind::Refused(Refused::WrongState);
    req.send("1").unwrap();
    assert_eq!(req.send("2").unwrap_err().kind, wrong);
    // The request under way has no number, and its reply neither.
    req.update_options(|options| options.correlate(true))
        .unwrap();
    rep.send(rep.recv_timeout(WAIT).unwrap()).unwrap();
    assert_eq!(req.recv_timeout(WAIT).unwrap(), "1".into());
    req.update_options(|options| options.relaxed(true)).unwrap();
    for question in ["2", "3"] {
        req.send(question).unwrap();
    }
    for _ in 0..2 {
        rep.send(rep.recv_timeout(WAIT).unwrap()).unwrap();
    }
    assert_eq!(req.recv_timeout(WAIT).unwrap(), "3".into());
    req.send("4").unwrap();
    // And the other way round.
    req.update_options(|options| options.correlate(false))
        .unwrap();
    rep.send(rep.recv_timeout(WAIT).unwrap()).unwrap();
    assert_eq!(req.recv_timeout(WAIT).unwrap(), "4".into());
}

#[test]
fn handover_is_updated_at_once() {
    let (_, context) = world(1);
    let router = Router::new(&context);
    let endpoint = router.bind(ANY).unwrap();
    let dealer = || {
        let dealer = Dealer::builder().routing_id("same").build(&context);
        let dealer = dealer.unwrap();
        dealer.connect(&endpoint).unwrap();
        dealer
    };
    let first = dealer();
    router.wait_peers(1, WAIT).unwrap();
    router
        .update_options(|options| options.handover(true))
        .unwrap();
    let events = first.events();
    let _second = dealer();
    let ended = |event: &Event| matches!(event, Event::Disconnected { .. });
    assert!(matches!(
        wait_for(&events, ended),
        Event::Disconnected {
            reason: Reason::Ended,
            ..
        }
    ));
}

#[test]
fn no_drop_is_updated_for_who_waits_already() {
    for transport in [ANY, "inproc://name"] {
        let (world, context) = world(1);
        let publisher = Pub::builder().send_high_water_mark(2).build(&context);
        let publisher = publisher.unwrap();
        let sub = Sub::builder().receive_high_water_mark(2).build(&context);
        let sub = sub.unwrap();
        sub.subscribe("").unwrap();
        sub.connect(publisher.bind(transport).unwrap()).unwrap();
        publisher.wait_subscribed("", 1, WAIT).unwrap();
        let large = || Message::from(vec![7; 1_000_000]);
        (0..50).for_each(|_| publisher.send(large()).unwrap());
        let dropped = || publisher.stats().dropped(Dropped::HighWaterMark);
        let before = dropped();
        assert!(before > 0);
        publisher
            .update_options(|options| options.no_drop(true))
            .unwrap();
        while publisher.try_send(large()).is_ok() {}
        assert_eq!(dropped(), before);
        let mut waiting = Box::pin(publisher.send_async(large()));
        let mut polled = 0;
        world.block_on(std::future::poll_fn(|cx| {
            polled += 1;
            if polled == 2 {
                return std::task::Poll::Ready(());
            }
            assert!(waiting.as_mut().poll(cx).is_pending());
            // Whoever waits is told.
            let change = |options: Builder<Pub>| options.no_drop(false);
            publisher.update_options(change).unwrap();
            std::task::Poll::Pending
        }));
        world.block_on(waiting).unwrap();
        assert_eq!(dropped(), before + 1);
    }
}

#[test]
fn matching_is_updated_at_once_on_both_sides() {
    let (_, context) = world(1);
    let (publisher, sub) = (Pub::new(&context), Sub::new(&context));
    sub.subscribe("a").unwrap();
    sub.connect(publisher.bind(ANY).unwrap()).unwrap();
    publisher.wait_subscribed("a", 1, WAIT).unwrap();
    for (invert, expected) in [(false, "a"), (true, "b"), (false, "a")] {
        publisher
            .update_options(|options| options.invert_matching(invert))
            .unwrap();
        sub.update_options(|options| options.invert_matching(invert))
            .unwrap();
        for topic in ["a", "b"] {
            publisher.send(topic).unwrap();
        }
        assert_eq!(sub.recv_timeout(WAIT).unwrap(), expected.into());
        assert!(sub.recv_timeout(SECOND).is_err());
    }
}

#[test]
fn what_xpub_tells_is_updated_at_once() {
    let (_, context) = world(1);
    let (xpub, xsub) = (Xpub::new(&context), Xsub::new(&context));
    let other = Xsub::new(&context);
    let endpoint = xpub.bind(ANY).unwrap();
    for xsub in [&xsub, &other] {
        xsub.connect(&endpoint).unwrap();
    }
    let told = || xpub.recv_timeout(SECOND).ok();
    xsub.send("\u{1}a").unwrap();
    assert_eq!(told(), Some("\u{1}a".into()));
    other.send("\u{1}a").unwrap();
    assert_eq!(told(), None);
    xpub.update_options(|options| options.verboser(true))
        .unwrap();
    for text in ["\0a", "\u{1}a"] {
        other.send(text).unwrap();
        assert_eq!(told(), Some(text.into()));
    }
    // An XSUB tells of each subscription, but of the last cancellation only, or of each.
    other.send("\u{1}a").unwrap();
    assert_eq!(told(), Some("\u{1}a".into()));
    other
        .update_options(|options| options.verbose_unsubscribe(true))
        .unwrap();
    other.send("\0a").unwrap();
    assert_eq!(told(), Some("\0a".into()));
}

#[test]
fn options_that_stay_are_refused_and_nothing_changes() {
    let (_, context) = world(1);
    let fixed = |option| Err(UpdateError::Fixed { option });
    let push = Push::builder().send_high_water_mark(2).build(&context);
    let push = push.unwrap();
    let refused = push.update_options(|options| options.send_high_water_mark(9).conflate(true));
    assert_eq!(refused, fixed("conflate"));
    push.connect(NOWHERE).unwrap();
    assert_eq!(taken(&push), 2);
    let pull = Pull::new(&context);
    let refused = pull.update_options(|options| options.tell_peers(true));
    assert_eq!(refused, fixed("tell_peers"));
    let publisher = Pub::new(&context);
    let refused = publisher.update_options(|options| options.conflate_topics(true));
    assert_eq!(refused, fixed("conflate_topics"));
    let policy = SlowSubscriber::DropOldest;
    let refused = publisher.update_options(|options| options.slow_subscriber(policy));
    assert_eq!(refused, fixed("slow_subscriber"));
    publisher
        .update_options(|options| options.slow_subscriber(SlowSubscriber::Disconnect))
        .unwrap();
    let xpub = Xpub::new(&context);
    assert_eq!(
        xpub.update_options(|options| options.manual(true)),
        fixed("manual")
    );
}

#[test]
fn options_out_of_range_are_refused_and_nothing_changes() {
    let (_, context) = world(1);
    let push = Push::builder().send_high_water_mark(2).build(&context);
    let push = push.unwrap();
    let out = |option| Err(UpdateError::Invalid(BuildError::OutOfRange { option }));
    let refused = push.update_options(|options| options.send_high_water_mark(9).backlog(0));
    assert_eq!(refused, out("backlog"));
    let refused = push.update_options(|options| options.send_high_water_mark(9).affinity(1 << 9));
    assert_eq!(refused, out("affinity"));
    push.connect(NOWHERE).unwrap();
    assert_eq!(taken(&push), 2);
    push.close();
    let closed = push.update_options(|options| options);
    assert_eq!(closed, Err(UpdateError::Closed(ClosedError::Closed)));
}

#[test]
fn changes_at_the_same_time_are_both_made() {
    let (world, context) = world(1);
    let dealer = Dealer::new(&context);
    dealer.connect(NOWHERE).unwrap();
    dealer.send("x").unwrap();
    let calls = Cell::new(0);
    dealer
        .update_options(|options| {
            calls.set(calls.get() + 1);
            if calls.get() == 1 {
                dealer.set_linger(SECOND).unwrap();
            }
            options.hello_message("hello")
        })
        .unwrap();
    assert_eq!(calls.get(), 2);
    let router = Router::new(&context);
    dealer.connect(router.bind(ANY).unwrap()).unwrap();
    let heard = router.recv_timeout(WAIT).unwrap();
    assert_eq!(heard.part(1), Some(&Part::from("hello")));
    let start = world.elapsed();
    dealer.close();
    let took = world.elapsed() - start;
    assert!((SECOND..2 * SECOND).contains(&took), "{took:?}");

    let router = Router::new(&context);
    let calls = Cell::new(0);
    router
        .update_options(|options| {
            calls.set(calls.get() + 1);
            if calls.get() == 1 {
                router.set_drop_unroutable(true).unwrap();
            }
            options.handover(true)
        })
        .unwrap();
    assert_eq!(calls.get(), 2);
    router.send(["nobody", "x"]).unwrap();
}
