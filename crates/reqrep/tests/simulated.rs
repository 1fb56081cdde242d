//! Whole REQ, REP, DEALER and ROUTER sockets in the simulated world: no thread, no time.

#![cfg(all(feature = "tcp", feature = "ipc", feature = "inproc"))]

use std::sync::Arc;
use std::time::Duration;

use ferromq_core::{Context, Message, Refused, SendErrorKind};
use ferromq_reqrep::{Dealer, Rep, Req, ReqOptions, Router};
use ferromq_testkit::sim::{SimWorld, for_seeds};

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
    for_seeds(0..5, |seed| {
        let world = SimWorld::new(seed);
        let context = Context::with_world(Arc::new(world.clone()), 1);
        let (req, rep) = (Req::new(&context), Rep::new(&context));
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
