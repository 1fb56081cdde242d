//! Whole REQ, REP, DEALER and ROUTER sockets in the simulated world: no thread, no time.

#![cfg(all(feature = "tcp", feature = "ipc", feature = "inproc"))]

use std::sync::Arc;
use std::time::Duration;

use ferromq_core::{Context, Dropped, Message, RecvError, Refused, SendErrorKind};
use ferromq_reqrep::{Dealer, Rep, Req, ReqOptions, Router};
use ferromq_testkit::sim::{SimWorld, for_seeds};
use ferromq_testkit::{MockPeer, frames};

const WAIT: Duration = Duration::from_secs(30);
const ENDPOINTS: [&str; 3] = ["tcp://127.0.0.1:*", "ipc:///sim/pipe", "inproc://name"];

/// Runs a scenario for several seeds, in worlds that it may change.
fn in_worlds(scenario: impl Fn(&SimWorld, &Context)) {
    for_seeds(0..5, |seed| {
        let world = SimWorld::new(seed);
        scenario(&world, &Context::with_world(Arc::new(world.clone()), 1));
    });
}

/// The same over every transport.
fn for_worlds(scenario: impl Fn(&Context, &str)) {
    for endpoint in ENDPOINTS {
        in_worlds(|_, context| scenario(context, endpoint));
    }
}

#[test]
fn requests_and_replies_alternate_over_every_transport() {
    for_worlds(|context, endpoint| {
        let (req, rep) = (Req::new(context), Rep::new(context));
        req.connect(rep.bind(endpoint).unwrap()).unwrap();
        for count in 0..100_u32 {
            req.send([count.to_string(), "?".to_owned()].map(String::into_bytes))
                .unwrap();
            let question = rep.recv_timeout(WAIT).unwrap();
            assert_eq!(question.part_str(0).unwrap(), count.to_string());
            assert_eq!(question.len(), 2);
            rep.send(format!("{count}!")).unwrap();
            let answer = req.recv_timeout(WAIT).unwrap();
            assert_eq!(answer, Message::from(format!("{count}!")));
        }
    });
}

#[test]
fn request_out_of_turn_is_refused_and_handed_back() {
    for_worlds(|context, endpoint| {
        let (req, rep) = (Req::new(context), Rep::new(context));
        req.connect(rep.bind(endpoint).unwrap()).unwrap();
        req.send("first").unwrap();
        let error = req.send("second").unwrap_err();
        assert_eq!(error.kind, SendErrorKind::Refused(Refused::WrongState));
        assert_eq!(error.message, Message::from("second"));
        assert_eq!(rep.recv_timeout(WAIT).unwrap(), Message::from("first"));
    });
}

#[test]
fn request_out_of_turn_is_refused_while_the_first_waits_for_another_server() {
    in_worlds(|world, context| {
        let (req, rep) = (Req::new(context), Rep::new(context));
        let endpoint = req.bind("tcp://127.0.0.1:*").unwrap();
        rep.connect(&endpoint).unwrap();
        world.run_until(|| req.readiness().send);
        world.cut(world.links_to(&endpoint.to_string())[0]);
        req.send("first").unwrap();
        world.run_until(|| req.pipes() == 0);
        let error = req.try_send("second").unwrap_err();
        assert_eq!(error.kind, SendErrorKind::Refused(Refused::WrongState));
        assert_eq!(rep.recv_timeout(WAIT).unwrap(), Message::from("first"));
    });
}

#[test]
fn req_relaxed_sends_again_while_it_waits() {
    for_worlds(|context, endpoint| {
        let req = Req::builder().relaxed(true).correlate(true);
        let req = req.build(context).unwrap();
        let servers = [Rep::new(context), Rep::new(context)];
        for (n, rep) in servers.iter().enumerate() {
            let endpoint = endpoint.replace("pipe", &format!("pipe-{n}"));
            let endpoint = endpoint.replace("name", &format!("name-{n}"));
            req.connect(rep.bind(endpoint.as_str()).unwrap()).unwrap();
        }
        for (round, rep) in servers.iter().cycle().take(6).enumerate() {
            req.send(round.to_string()).unwrap();
            let question = rep.recv_timeout(WAIT).unwrap();
            assert_eq!(question, Message::from(round.to_string()));
            rep.send(question).unwrap();
        }
        assert_eq!(req.recv_timeout(WAIT).unwrap(), Message::from("5"));
        let strict = Req::new(context);
        strict
            .connect(servers[0].bind("inproc://strict").unwrap())
            .unwrap();
        strict.send("first").unwrap();
        assert!(strict.send("second").is_err());
    });
}

#[test]
fn req_correlated_drops_the_late_reply_to_a_request_given_up() {
    for correlate in [true, false] {
        for_worlds(|context, endpoint| {
            let req = Req::builder().relaxed(true).correlate(correlate);
            let (req, router) = (req.build(context).unwrap(), Router::new(context));
            req.connect(router.bind(endpoint).unwrap()).unwrap();
            for text in ["given up", "wanted"] {
                req.send(text).unwrap();
            }
            for _ in 0..2 {
                let question = router.recv_timeout(WAIT).unwrap();
                assert_eq!(question.len(), if correlate { 4 } else { 3 });
                router.send(question).unwrap();
            }
            let expected = if correlate { "wanted" } else { "given up" };
            assert_eq!(req.recv_timeout(WAIT).unwrap(), Message::from(expected));
        });
    }
}

#[test]
fn router_answers_the_dealers_by_their_routing_ids() {
    for_worlds(|context, endpoint| {
        let router = Router::new(context);
        let endpoint = router.bind(endpoint).unwrap();
        let dealers = ["left", "right"].map(|name| {
            let dealer = Dealer::builder().routing_id(name).build(context).unwrap();
            dealer.connect(&endpoint).unwrap();
            dealer.send(["hello", name]).unwrap();
            (name, dealer)
        });
        for _ in &dealers {
            let hello = router.recv_timeout(WAIT).unwrap();
            let (id, name) = (hello.part(0).unwrap(), hello.part(2).unwrap());
            assert_eq!(id, name);
            router
                .send([id.clone(), "welcome".into(), name.clone()])
                .unwrap();
        }
        for (name, dealer) in &dealers {
            let welcome = dealer.recv_timeout(WAIT).unwrap();
            assert_eq!(welcome, Message::from(["welcome", *name]));
        }
    });
}

#[test]
fn router_to_an_unknown_peer_refuses_unless_told_to_drop() {
    for_worlds(|context, _| {
        let router = Router::new(context);
        let error = router.send(["nobody", "x"]).unwrap_err();
        assert_eq!(error.kind, SendErrorKind::Refused(Refused::NoRoute));
        router.set_drop_unroutable(true).unwrap();
        router.send(["nobody", "x"]).unwrap();
        router.close();
        assert!(router.set_drop_unroutable(false).is_err());
    });
}

#[test]
fn router_refuses_what_is_for_a_peer_that_is_gone_before_all_it_sent_is_received() {
    in_worlds(|world, context| {
        let router = Router::new(context);
        let endpoint = router.bind("tcp://127.0.0.1:*").unwrap();
        let dealer = || Dealer::builder().routing_id("d").build(context).unwrap();
        let first = dealer();
        first.connect(&endpoint).unwrap();
        for text in ["1", "2"] {
            first.send(text).unwrap();
        }
        let received = |text| assert_eq!(router.recv_timeout(WAIT), Ok(Message::from(["d", text])));
        received("1");
        first.close();
        world.advance(Duration::from_secs(1));
        let error = router.send(["d", "answer"]).unwrap_err();
        assert_eq!(error.kind, SendErrorKind::Refused(Refused::NoRoute));
        router.set_drop_unroutable(true).unwrap();
        router.send(["d", "answer"]).unwrap();
        assert_eq!(router.stats().dropped(Dropped::PeerGone), 1);
        router.set_drop_unroutable(false).unwrap();

        let second = dealer();
        second.connect(&endpoint).unwrap();
        world.run_until(|| router.readiness().send);
        router.send(["d", "welcome"]).unwrap();
        assert_eq!(second.recv_timeout(WAIT), Ok(Message::from("welcome")));
        received("2");
        router.send(["d", "still there"]).unwrap();
        assert_eq!(second.recv_timeout(WAIT), Ok(Message::from("still there")));
    });
}

#[test]
fn sender_that_waits_for_a_peer_is_refused_when_that_goes() {
    in_worlds(|world, context| {
        let router = Router::builder().send_high_water_mark(1);
        let router = router.build(context).unwrap();
        let endpoint = router.bind("tcp://127.0.0.1:*").unwrap();
        let dealer = Dealer::builder().routing_id("d").receive_high_water_mark(1);
        let dealer = dealer.build(context).unwrap();
        dealer.connect(&endpoint).unwrap();
        for text in ["1", "2"] {
            dealer.send(text).unwrap();
        }
        router.recv_timeout(WAIT).unwrap();
        let large = || Message::from([&b"d"[..], &[0; 100_000]]);
        while router.send_timeout(large(), Duration::from_secs(1)).is_ok() {}
        let mut waiting = std::pin::pin!(router.send_async(large()));
        let cx = &mut std::task::Context::from_waker(std::task::Waker::noop());
        assert!(waiting.as_mut().poll(cx).is_pending());
        dealer.close();
        world.run_idle();
        let std::task::Poll::Ready(Err(error)) = waiting.as_mut().poll(cx) else {
            panic!("it waits for nobody");
        };
        assert_eq!(error.kind, SendErrorKind::Refused(Refused::NoRoute));
    });
}

#[test]
fn replies_to_all_requests_of_a_gone_peer_are_dropped_for_that() {
    in_worlds(|world, context| {
        let (rep, dealer) = (Rep::new(context), Dealer::new(context));
        let endpoint = rep.bind("tcp://127.0.0.1:*").unwrap();
        dealer.connect(&endpoint).unwrap();
        for text in ["1", "2", "3"] {
            dealer.send(["", text]).unwrap();
        }
        rep.recv_timeout(WAIT).unwrap();
        dealer.close();
        world.run_idle();
        rep.send("to nobody").unwrap();
        for _ in 0..2 {
            rep.recv_timeout(WAIT).unwrap();
            rep.send("to nobody").unwrap();
        }
        assert_eq!(rep.stats().dropped(Dropped::PeerGone), 3);
    });
}

#[test]
fn router_that_has_dialed_receives_what_a_peer_sent_under_its_own_name() {
    in_worlds(|world, context| {
        let router = Router::new(context);
        let endpoint = "tcp://127.0.0.1:7000";
        router.connect(endpoint).unwrap();
        for (name, texts) in [("a", ["1", "2"]), ("b", ["3", "4"]), ("c", ["5", "6"])] {
            let dealer = Dealer::builder().routing_id(name).build(context).unwrap();
            dealer.bind(endpoint).unwrap();
            for text in texts {
                dealer.send(text).unwrap();
            }
            let waiting = router.stats().waiting;
            world.run_until(|| router.stats().waiting == waiting + 2);
            if name == "b" {
                assert_eq!(router.recv_timeout(WAIT), Ok(Message::from(["a", "1"])));
            }
            dealer.close();
        }
        for (name, text) in [("a", "2"), ("b", "3"), ("b", "4"), ("c", "5"), ("c", "6")] {
            assert_eq!(router.recv_timeout(WAIT), Ok(Message::from([name, text])));
        }
    });
}

#[test]
fn dealer_with_a_lost_peer_uses_it_though_another_is_gone_and_left_something_unread() {
    in_worlds(|world, context| {
        let dealer = Dealer::new(context);
        let dialed = Dealer::new(context);
        let endpoint = dialed.bind("tcp://127.0.0.1:7000").unwrap();
        dealer.connect_wait(&endpoint, WAIT).unwrap();
        let accepted = Dealer::new(context);
        let bound = dealer.bind("tcp://127.0.0.1:*").unwrap();
        accepted.connect_wait(bound, WAIT).unwrap();
        dialed.close();
        accepted.send("unread").unwrap();
        world.run_until(|| dealer.stats().waiting == 1);
        accepted.close();
        world.run_idle();
        dealer.try_send("for the next one").unwrap();
        let next = Dealer::new(context);
        next.bind(endpoint).unwrap();
        assert_eq!(
            next.recv_timeout(WAIT),
            Ok(Message::from("for the next one"))
        );
        assert_eq!(dealer.recv_timeout(WAIT), Ok(Message::from("unread")));
    });
}

#[test]
fn connecting_again_to_an_endpoint_is_without_effect_and_disconnecting_undoes_it() {
    for endpoint in ["tcp://127.0.0.1:*", "ipc:///sim/pipe"] {
        in_worlds(|_, context| {
            let router = Router::new(context);
            let endpoint = router.bind(endpoint).unwrap();
            let dealer = Dealer::builder().routing_id("d").build(context).unwrap();
            let peer = dealer.connect_wait(&endpoint, WAIT).unwrap();
            dealer.connect(&endpoint).unwrap();
            assert_eq!(
                dealer.connect_wait(&endpoint, WAIT).unwrap().pipe,
                peer.pipe
            );
            assert_eq!(dealer.pipes(), 1);
            // Who has waited in vain does not undo what was there before.
            let nowhere = "tcp://127.0.0.1:7777";
            dealer.connect(nowhere).unwrap();
            dealer.connect_wait(nowhere, WAIT).unwrap_err();
            assert_eq!(dealer.pipes(), 2);
            dealer.disconnect(&endpoint).unwrap();
            assert_eq!(dealer.pipes(), 1);
            dealer.disconnect(&endpoint).unwrap_err();

            // A ROUTER has as many connections as it asked for.
            let other = Router::new(context);
            (0..2).for_each(|_| other.connect(&endpoint).unwrap());
            assert_eq!(other.pipes(), 2);
            other.disconnect(&endpoint).unwrap();
            assert_eq!(other.pipes(), 0);
        });
    }
}

#[test]
fn reply_to_an_earlier_request_is_not_taken_once_the_asked_peer_is_gone() {
    in_worlds(|world, context| {
        let req = Req::builder().relaxed(true).build(context).unwrap();
        let endpoint = req.bind("tcp://127.0.0.1:*").unwrap();
        let [slow, quick, gone] = [(); 3].map(|()| {
            let rep = Rep::new(context);
            rep.connect_wait(&endpoint, WAIT).unwrap();
            rep
        });
        world.run_until(|| req.pipes() == 3);
        req.send("0").unwrap();
        assert_eq!(slow.recv_timeout(WAIT), Ok(Message::from("0")));
        req.send("1").unwrap();
        quick.send(quick.recv_timeout(WAIT).unwrap()).unwrap();
        assert_eq!(req.recv_timeout(WAIT), Ok(Message::from("1")));
        slow.send("late").unwrap();
        world.run_until(|| req.stats().waiting == 1);
        req.send("2").unwrap();
        assert_eq!(gone.recv_timeout(WAIT), Ok(Message::from("2")));
        gone.close();
        world.run_until(|| req.pipes() == 2);
        assert_eq!(req.recv_timeout(WAIT), Err(RecvError::TimedOut));
        assert_eq!(req.stats().dropped(Dropped::Stale), 1);
    });
}

#[test]
fn failed_wait_for_a_peer_undoes_no_connect_of_others() {
    in_worlds(|_, context| {
        let dealer = Dealer::new(context);
        let endpoint = "tcp://127.0.0.1:7000";
        let cx = &mut std::task::Context::from_waker(std::task::Waker::noop());
        let mut first = Box::pin(dealer.connect_wait_async(endpoint));
        let mut second = Box::pin(dealer.connect_wait_async(endpoint));
        assert!(first.as_mut().poll(cx).is_pending());
        assert!(second.as_mut().poll(cx).is_pending());
        drop(first);
        assert_eq!(dealer.pipes(), 1, "another one waits");
        dealer.connect(endpoint).unwrap();
        drop(second);
        assert_eq!(dealer.pipes(), 1, "it is connected for good");
        dealer.disconnect(endpoint).unwrap();
        let third = Box::pin(dealer.connect_wait_async(endpoint));
        drop(third);
        assert_eq!(dealer.pipes(), 0);
    });
}

#[test]
fn router_that_has_dialed_receives_nothing_of_a_peer_that_it_refused() {
    in_worlds(|world, context| {
        let router = Router::new(context);
        let bound = router.bind("tcp://127.0.0.1:*").unwrap();
        let owner = Dealer::builder().routing_id("taken");
        let owner = owner.build(context).unwrap();
        owner.connect_wait(&bound, WAIT).unwrap();
        world.run_until(|| router.pipes() == 1);
        let endpoint = "tcp://127.0.0.1:7000";
        let listener = MockPeer::listen(world, endpoint);
        router.connect(endpoint).unwrap();
        for name in ["taken", "a", "taken", "b"] {
            let mut peer = MockPeer::accept(world, &*listener);
            peer.send_greeting();
            let ready = frames::ready_with("DEALER", &[("Identity", name.as_bytes())]);
            peer.send(ready.then(frames::msg([name])));
            match name {
                "taken" => drop(peer.drain_to_end()),
                _ => world.advance(Duration::from_secs(1)),
            }
        }
        for name in ["a", "b"] {
            assert_eq!(router.recv_timeout(WAIT), Ok(Message::from([name, name])));
        }
        assert_eq!(router.recv_timeout(WAIT), Err(RecvError::TimedOut));
        assert!(router.stats().dropped(Dropped::PeerGone) >= 1);
    });
}
