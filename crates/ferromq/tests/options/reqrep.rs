//! What REQ, DEALER and ROUTER alone have.

use ferromq::{
    Builder, ConnectError, Dealer, DealerOptions, Endpoint, Message, Reason, RecvError, Refusal,
    Refused, Rep, Req, ReqOptions, Router, RouterOptions, SendErrorKind,
};

use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// A message of these parts.
fn message<const N: usize>(parts: [&str; N]) -> Message {
    Message::from(parts)
}

/// What is received within a second of virtual time, all of it.
fn all<E>(receive: impl Fn() -> Result<Message, E>) -> Vec<Message> {
    std::iter::from_fn(|| receive().ok()).collect()
}

/// A router that received two requests of a REQ that gave the first one up, and answers both.
fn answers_to_two(req: ferromq::Builder<Req>) -> Vec<Message> {
    let (_, context) = world(1);
    let (req, router) = (req.build(&context).unwrap(), Router::new(&context));
    req.connect(router.bind(ANY).unwrap()).unwrap();
    for question in ["1", "2"] {
        req.send(question).unwrap();
    }
    for _ in 0..2 {
        let request = router.recv_timeout(WAIT).unwrap();
        router.send(request).unwrap();
    }
    let mut got = vec![req.recv_timeout(WAIT).unwrap()];
    got.extend(req.recv_timeout(SECOND));
    got
}

#[test]
fn relaxed_request_takes_the_place_of_one_that_is_not_answered() {
    let (_, context) = world(1);
    let (strict, rep) = (Req::new(&context), Rep::new(&context));
    strict.connect(rep.bind(ANY).unwrap()).unwrap();
    strict.send("1").unwrap();
    let refused = strict.send("2").unwrap_err().kind;
    assert_eq!(refused, SendErrorKind::Refused(Refused::WrongState));
    // The peer is the same, and nothing tells the two replies apart.
    assert_eq!(
        answers_to_two(Req::builder().relaxed(true)),
        [message(["1"])]
    );
}

#[test]
fn correlated_reply_is_that_to_the_last_request() {
    let req = Req::builder().relaxed(true).correlate(true);
    assert_eq!(answers_to_two(req), [message(["2"])]);
}

#[test]
fn correlated_requests_have_a_number_in_front() {
    let (_, context) = world(1);
    let req = Req::builder().correlate(true).build(&context).unwrap();
    let router = Router::new(&context);
    req.connect(router.bind(ANY).unwrap()).unwrap();
    let mut numbers = Vec::new();
    for _ in 0..3 {
        req.send("?").unwrap();
        let request = router.recv_timeout(WAIT).unwrap();
        let lens: Vec<_> = request.iter().skip(1).map(|part| part.len()).collect();
        assert_eq!(lens, [4, 0, 1]);
        let number: [u8; 4] = request.part(1).unwrap().as_bytes().try_into().unwrap();
        numbers.push(u32::from_ne_bytes(number));
        let mut wrong = request.clone().into_iter().collect::<Vec<_>>();
        wrong[1] = "nope".into();
        router.send(wrong.into_iter().collect::<Message>()).unwrap();
        router.send(request).unwrap();
        assert_eq!(req.recv_timeout(WAIT).unwrap(), message(["?"]));
    }
    assert_eq!(numbers[1], numbers[0].wrapping_add(1));
    assert_eq!(numbers[2], numbers[1].wrapping_add(1));
    assert_eq!(req.stats().dropped(ferromq::Dropped::Stale), 3);
}

#[test]
fn relaxed_request_drops_a_reply_that_is_there_already() {
    let (world, context) = world(1);
    let req = Req::builder().relaxed(true).build(&context).unwrap();
    let rep = Rep::new(&context);
    req.connect(rep.bind(ANY).unwrap()).unwrap();
    req.send("1").unwrap();
    rep.send(rep.recv_timeout(WAIT).unwrap()).unwrap();
    world.run_until(|| req.stats().waiting == 1);
    assert!(req.readiness().receive);
    req.send("2").unwrap();
    rep.send(rep.recv_timeout(WAIT).unwrap()).unwrap();
    assert_eq!(req.recv_timeout(WAIT).unwrap(), message(["2"]));
}

#[test]
fn handover_gives_the_routing_id_to_the_peer_that_came_last() {
    for endpoint in [ANY, "ipc:///sim/socket", "inproc://name"] {
        for handover in [false, true] {
            let (world, context) = world(1);
            let router = Router::builder().handover(handover);
            let router = router.build(&context).unwrap();
            let endpoint = router.bind(endpoint).unwrap();
            let links = || match endpoint.scheme() {
                "inproc" => Vec::new(),
                _ => world.links_to(&endpoint.to_string()),
            };
            let dealer = || {
                let dealer = Dealer::builder().routing_id("x").build(&context).unwrap();
                dealer.connect(&endpoint).unwrap();
                dealer
            };
            let old = dealer();
            old.send("old").unwrap();
            world.run_until(|| router.stats().waiting == 1);
            // It does not learn that it is to go, else it would come again.
            let black_hole = links();
            black_hole.iter().for_each(|link| world.hold(*link));
            let new = dealer();
            assert!(new.try_send("new").is_ok() || !handover);
            world.advance(SECOND);
            let mut received = all(|| router.try_recv());
            // Within the process, what the other sent and nobody received goes back to it.
            if !(handover && endpoint.scheme() == "inproc") {
                let old = received.remove(0);
                assert_eq!(old.part_str(1).unwrap(), "old");
                assert_eq!(old.part_str(0) == Ok("x"), !handover);
            }
            let expected = handover.then(|| message(["x", "new"]));
            assert_eq!(received, Vec::from_iter(expected));
            router.send(["x", "to"]).unwrap();
            black_hole.iter().for_each(|link| world.release(*link));
            let receives = if handover { &new } else { &old };
            assert_eq!(receives.recv_timeout(WAIT).unwrap(), message(["to"]));
        }
    }
}

#[test]
fn handover_ends_the_connection_of_the_other_peer_with_the_reason() {
    let (_, context) = world(1);
    let router = Router::builder().handover(true).build(&context).unwrap();
    let (endpoint, events) = (router.bind(ANY).unwrap(), router.events());
    let dealers = [0, 1].map(|_| {
        let dealer = Dealer::builder().routing_id("x").build(&context).unwrap();
        dealer.connect(&endpoint).unwrap();
        dealer
    });
    let ended = wait_for(&events, |event| matches!(event, Event::Disconnected { .. }));
    let Event::Disconnected { reason, .. } = ended else {
        unreachable!("it was waited for");
    };
    assert_eq!(reason, Reason::Refusal(Refusal::HandedOver));
    drop(dealers);
}

#[test]
fn notify_tells_of_peers_that_come_and_go() {
    for (come, gone) in [(false, false), (true, false), (false, true), (true, true)] {
        let (_, context) = world(1);
        let router = Router::builder()
            .notify(come, gone)
            .build(&context)
            .unwrap();
        let dealer = Dealer::builder().routing_id("d").build(&context).unwrap();
        dealer.connect(router.bind(ANY).unwrap()).unwrap();
        dealer.send("x").unwrap();
        dealer.close();
        let mut expected = vec![message(["d", "x"])];
        if come {
            expected.insert(0, message(["d", ""]));
        }
        if gone {
            expected.push(message(["d", ""]));
        }
        assert_eq!(all(|| router.recv_timeout(SECOND)), expected);
    }
}

#[test]
fn announcements_of_several_options_do_not_displace_each_other() {
    type Change = fn(Builder<Router>) -> Builder<Router>;
    let options: [Change; 4] = [
        |router| router.disconnect_message("bye"),
        |router| router.notify(true, false),
        |router| router.hello_message("hello"),
        |router| router.probe_router(true),
    ];
    for endpoint in [ANY, "inproc://name"] {
        for first in 0..options.len() {
            let (_, context) = world(1);
            let mut builder = Router::builder();
            for change in options.iter().cycle().skip(first).take(options.len()) {
                builder = change(builder);
            }
            // What is said to be off leaves the others alone.
            builder = builder.notify(true, false);
            let router = builder.build(&context).unwrap();
            let dealer = Dealer::builder().routing_id("d").build(&context).unwrap();
            dealer.connect(router.bind(endpoint).unwrap()).unwrap();
            for expected in ["hello", ""] {
                assert_eq!(dealer.recv_timeout(WAIT).unwrap(), message([expected]));
            }
            dealer.send("x").unwrap();
            let mut expected = vec![message(["d", "x"]), message(["d", "bye"])];
            if endpoint == ANY {
                expected.insert(0, message(["d", ""]));
            }
            let received = router.recv_timeout(WAIT).unwrap();
            assert_eq!(received, expected[0]);
            if endpoint == ANY {
                router.recv_timeout(WAIT).unwrap();
            }
            dealer.close();
            let farewell = router.recv_timeout(WAIT).unwrap();
            assert_eq!(Some(&farewell), expected.last(), "{endpoint}");
        }
    }
}

#[test]
fn announcements_of_connections_are_not_made_in_process() {
    let (_, context) = world(1);
    let router = Router::builder().notify(true, true);
    let router = router.build(&context).unwrap();
    let dealer = Dealer::builder().hiccup_message("hiccup");
    let dealer = dealer.routing_id("d").build(&context).unwrap();
    dealer
        .connect(router.bind("inproc://name").unwrap())
        .unwrap();
    dealer.send("x").unwrap();
    assert_eq!(router.recv_timeout(WAIT).unwrap(), message(["d", "x"]));
    router.close();
    assert_eq!(all(|| dealer.recv_timeout(SECOND)), []);

    let router = Router::builder().notify(true, true);
    let router = router.disconnect_message("bye").build(&context).unwrap();
    let dealer = Dealer::builder().routing_id("d").build(&context).unwrap();
    router
        .connect(dealer.bind("inproc://other").unwrap())
        .unwrap();
    dealer.close();
    assert_eq!(all(|| router.recv_timeout(SECOND)), [message(["d", "bye"])]);
}

/// What a ROUTER first hears of a peer that dials it and sends nothing.
fn heard(connect: impl Fn(&Context, &Endpoint)) -> Option<Message> {
    let (_, context) = world(1);
    let router = Router::new(&context);
    connect(&context, &router.bind(ANY).unwrap());
    router.recv_timeout(SECOND).ok()
}

#[test]
fn probe_router_makes_a_peer_known_that_has_sent_nothing() {
    for probe in [false, true] {
        let expected = probe.then(|| message(["me", ""]));
        let kept = std::cell::RefCell::new(Vec::<Box<dyn std::any::Any>>::new());
        let dealer = heard(|context, endpoint| {
            let dealer = Dealer::builder().routing_id("me").probe_router(probe);
            let dealer = dealer.build(context).unwrap();
            dealer.connect(endpoint).unwrap();
            kept.borrow_mut().push(Box::new(dealer));
        });
        assert_eq!(dealer, expected);
        let req = heard(|context, endpoint| {
            let req = Req::builder().routing_id("me").probe_router(probe);
            let req = req.build(context).unwrap();
            req.connect(endpoint).unwrap();
            kept.borrow_mut().push(Box::new(req));
        });
        assert_eq!(req, expected);
        let router = heard(|context, endpoint| {
            let router = Router::builder().routing_id("me").probe_router(probe);
            let router = router.build(context).unwrap();
            router.connect(endpoint).unwrap();
            kept.borrow_mut().push(Box::new(router));
        });
        assert_eq!(router, expected);
    }
}

#[test]
fn hello_message_is_the_first_on_every_connection() {
    for endpoint in [ANY, "ipc:///sim/socket", "inproc://name"] {
        let (world, context) = world(1);
        let dealer = Dealer::builder()
            .routing_id("d")
            .hello_message(["hello", "!"]);
        let (dealer, router) = (dealer.build(&context).unwrap(), Router::builder());
        let router = router.hello_message("welcome").build(&context).unwrap();
        let bound = router.bind(endpoint).unwrap();
        dealer.connect(&bound).unwrap();
        dealer.send("x").unwrap();
        for expected in [message(["d", "hello", "!"]), message(["d", "x"])] {
            assert_eq!(router.recv_timeout(WAIT).unwrap(), expected, "{endpoint}");
        }
        assert_eq!(dealer.recv_timeout(WAIT).unwrap(), message(["welcome"]));
        if !endpoint.starts_with("inproc") {
            world.cut(world.links_to(&bound.to_string())[0]);
            let again = router.recv_timeout(WAIT).unwrap();
            assert_eq!(again, message(["d", "hello", "!"]));
        }
    }
}

#[test]
fn hello_message_waits_in_process_for_the_name_to_be_bound() {
    let (_, context) = world(1);
    let dealer = Dealer::builder()
        .hello_message("hello")
        .build(&context)
        .unwrap();
    dealer.connect("inproc://late").unwrap();
    dealer.send("x").unwrap();
    let other = Dealer::new(&context);
    other.bind("inproc://late").unwrap();
    let received = all(|| other.recv_timeout(SECOND));
    assert_eq!(received, [message(["hello"]), message(["x"])]);
    assert_eq!(dealer.stats().accepted, dealer.stats().handed_over);
}

#[test]
fn announcement_that_was_not_received_is_nobody_elses() {
    for endpoints in [["tcp://127.0.0.1:*"; 2], ["inproc://a", "inproc://b"]] {
        let (world, context) = world(1);
        let dealer = Dealer::builder().hello_message("hello").probe_router(true);
        let dealer = dealer.build(&context).unwrap();
        let [first, second] = endpoints.map(|endpoint| {
            let peer = Dealer::new(&context);
            let endpoint = peer.bind(endpoint).unwrap();
            dealer.connect_wait(endpoint, SECOND).unwrap();
            peer
        });
        // The two before it wait for ever.
        world.run_until(|| first.stats().waiting == 2);
        first.close();
        world.run_idle();
        dealer.send("of the application").unwrap();
        let expected = ["hello", "", "of the application"].map(|text| message([text]));
        assert_eq!(all(|| second.recv_timeout(SECOND)), expected);
        let stats = dealer.stats();
        assert_eq!((stats.accepted, stats.handed_over), (1, 1), "{endpoints:?}");
    }
}

#[test]
fn farewell_that_was_not_received_is_not_taken_for_what_the_peer_sent() {
    let (world, context) = world(1);
    let router = Router::builder().disconnect_message("bye");
    let router = router.build(&context).unwrap();
    let (dealer, other) = (Dealer::new(&context), Dealer::new(&context));
    let endpoint = router.bind("inproc://name").unwrap();
    dealer.connect(&endpoint).unwrap();
    dealer.disconnect(&endpoint).unwrap();
    world.run_idle();
    assert_eq!(router.stats().waiting, 1);
    router.close();
    world.run_idle();
    dealer
        .connect(other.bind("inproc://other").unwrap())
        .unwrap();
    dealer.send("of the application").unwrap();
    let expected = [message(["of the application"])];
    assert_eq!(all(|| other.recv_timeout(SECOND)), expected);
    assert_eq!(dealer.stats().handed_over, 1);
}

#[test]
fn disconnect_message_comes_behind_what_a_lost_peer_sent() {
    for endpoint in [ANY, "ipc:///sim/socket", "inproc://name"] {
        for told in [false, true] {
            let (_, context) = world(1);
            let router = Router::builder();
            let router = match told {
                true => router.disconnect_message("gone"),
                false => router,
            };
            let router = router.build(&context).unwrap();
            let dealer = Dealer::builder().routing_id("d").build(&context).unwrap();
            dealer.connect(router.bind(endpoint).unwrap()).unwrap();
            dealer.send("x").unwrap();
            dealer.close();
            let mut expected = vec![message(["d", "x"])];
            expected.extend(told.then(|| message(["d", "gone"])));
            assert_eq!(all(|| router.recv_timeout(SECOND)), expected, "{endpoint}");
        }
    }
}

#[test]
fn hiccup_message_comes_when_a_dialed_connection_is_lost() {
    for told in [false, true] {
        let (world, context) = world(1);
        let dealer = Dealer::builder();
        let dealer = match told {
            true => dealer.hiccup_message("hiccup"),
            false => dealer,
        };
        let (dealer, other) = (dealer.build(&context).unwrap(), Dealer::new(&context));
        let endpoint = other.bind(ANY).unwrap();
        dealer.connect(&endpoint).unwrap();
        other.send("x").unwrap();
        world.run_until(|| dealer.stats().waiting == 1);
        world.cut(world.links_to(&endpoint.to_string())[0]);
        world.advance(5 * SECOND);
        other.send("y").unwrap();
        let mut expected = vec![message(["x"]), message(["y"])];
        if told {
            expected.insert(1, message(["hiccup"]));
        }
        assert_eq!(all(|| dealer.recv_timeout(SECOND)), expected);
    }
}

#[test]
fn connect_as_names_the_peer_from_the_beginning() {
    for endpoint in [ANY, "ipc:///sim/socket", "inproc://name"] {
        let (_, context) = world(1);
        let (router, dealer) = (Router::new(&context), Dealer::builder());
        let dealer = dealer.routing_id("own").build(&context).unwrap();
        let endpoint = dealer.bind(endpoint).unwrap();
        router.connect_as("given", &endpoint).unwrap();
        router.send(["given", "x"]).unwrap();
        assert_eq!(dealer.recv_timeout(WAIT).unwrap(), message(["x"]));
        dealer.send("y").unwrap();
        assert_eq!(router.recv_timeout(WAIT).unwrap(), message(["given", "y"]));
        let refused = router.send(["own", "z"]).unwrap_err().kind;
        assert_eq!(refused, SendErrorKind::Refused(Refused::NoRoute));
    }
}

#[test]
fn connect_as_refuses_a_name_that_is_taken_or_none() {
    let (_, context) = world(1);
    let router = Router::new(&context);
    router.connect_as("a", NOWHERE).unwrap();
    let taken = router.connect_as("a", NOWHERE).unwrap_err();
    let duplicate = Refusal::DuplicateRoutingId;
    assert!(matches!(taken, ConnectError::Refusal(why) if why == duplicate));
    let long = "a".repeat(256);
    for name in ["", "\0", "\0a", long.as_str()] {
        let refused = router.connect_as(name, NOWHERE).unwrap_err();
        assert!(matches!(refused, ConnectError::RoutingId), "{name:?}");
    }
    // Nothing is left of them: the next one is known by no name yet.
    router.connect(NOWHERE).unwrap();
    assert_eq!(router.try_recv(), Err(RecvError::Empty));
    assert_eq!(router.pipes(), 2);
}
