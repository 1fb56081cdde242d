//! Peers of ZMTP 2.0 and 1.0 at whole sockets, in the simulated world: every pattern, both sides
//! dialing, what waits for a peer whose version is not known yet, and who is not served.

#![cfg(all(
    feature = "reqrep",
    feature = "pubsub",
    feature = "pipeline",
    feature = "pair",
    feature = "tcp"
))]

use std::sync::Arc;
use std::time::Duration;

use ferromq::{
    Context, Dealer, Endpoint, Event, Events, Message, Pair, Peer, Pub, Pull, Push, Reason,
    RecvError, Rep, Req, Router, Sub, Violation, Xpub, Xsub, ZmtpVersion,
};
use ferromq_testkit::sim::for_seeds;
use ferromq_testkit::{MockPeer, OlderPeer, OlderVersion, SimWorld, frames};

const WAIT: Duration = Duration::from_secs(30);

const PAIR: u8 = 0;
const PUB: u8 = 1;
const SUB: u8 = 2;
const REQ: u8 = 3;
const REP: u8 = 4;
const DEALER: u8 = 5;
const ROUTER: u8 = 6;
const PULL: u8 = 7;
const PUSH: u8 = 8;

/// A simulated world, and of what version the peers in it are.
struct Stage {
    world: SimWorld,
    context: Context,
    version: OlderVersion,
}

/// Runs a scenario for both versions and several seeds.
fn for_older(scenario: impl Fn(&Stage)) {
    for version in OlderVersion::ALL {
        for_seeds(0..5, |seed| {
            let world = SimWorld::new(seed);
            let context = Context::with_world(Arc::new(world.clone()), 1);
            scenario(&Stage {
                world,
                context,
                version,
            });
        });
    }
}

/// A socket that serves peers of ZMTP 1.0.
macro_rules! serving {
    ($stage:expr, $socket:ident) => {
        $socket::builder()
            .min_zmtp(ZmtpVersion::V1_0)
            .build(&$stage.context)
            .unwrap()
    };
}

impl Stage {
    /// A peer that has connected and sees a socket without routing id.
    #[track_caller]
    fn dial(&self, endpoint: &Endpoint, ours: u8, theirs: u8) -> OlderPeer {
        self.dial_as(endpoint, (ours, ""), (theirs, ""))
    }

    #[track_caller]
    fn dial_as(&self, endpoint: &Endpoint, ours: (u8, &str), theirs: (u8, &str)) -> OlderPeer {
        let peer = MockPeer::dial(&self.world, &endpoint.to_string());
        OlderPeer::greet(self.version, peer, ours, theirs)
    }

    /// What a peer of this stage has told.
    fn is_older(&self, peer: &Peer) -> bool {
        peer.version
            == Some(match self.version {
                OlderVersion::V1_0 => (1, 0),
                OlderVersion::V2_0 => (2, 0),
            })
    }
}

#[track_caller]
fn success(events: &Events) -> Arc<Peer> {
    let decided = |event: &Event| {
        matches!(
            event,
            Event::HandshakeSucceeded { .. } | Event::HandshakeFailed { .. }
        )
    };
    match events.wait_for(WAIT, decided) {
        Some(Event::HandshakeSucceeded { peer, .. }) => peer,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn failure(events: &Events) -> Reason {
    let failed = |event: &Event| matches!(event, Event::HandshakeFailed { .. });
    match events.wait_for(WAIT, failed) {
        Some(Event::HandshakeFailed { reason, .. }) => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn push_and_pull_carry_messages_of_all_sizes() {
    for_older(|stage| {
        let sizes = [0, 1, 62, 252, 253, 254, 255, 256, 4095, 4096, 70_000];
        let messages = sizes.map(|size| [vec![b'x'; size], vec![b'y'; size / 2]]);
        let pull = serving!(stage, Pull);
        let endpoint = pull.bind("tcp://127.0.0.1:*").unwrap();
        let mut peer = stage.dial(&endpoint, PUSH, PULL);
        for parts in &messages {
            peer.send(parts);
            let expected = Message::from(parts.clone());
            assert_eq!(pull.recv_timeout(WAIT).unwrap(), expected);
        }

        let push = serving!(stage, Push);
        let endpoint = push.bind("tcp://127.0.0.1:*").unwrap();
        let mut peer = stage.dial(&endpoint, PULL, PUSH);
        for parts in &messages {
            push.send(parts.clone()).unwrap();
            peer.expect(parts);
        }
        assert_eq!(push.stats().queued, 0);
    });
}

#[test]
fn what_waits_for_a_peer_reaches_it_whatever_its_version() {
    for_older(|stage| {
        let push = serving!(stage, Push);
        let events = push.events();
        let listener = MockPeer::listen(&stage.world, "tcp://127.0.0.1:7");
        push.connect("tcp://127.0.0.1:7").unwrap();
        let large = "z".repeat(10_000);
        let parts = |number: usize| [number.to_string(), large[..number * 30].to_owned()];
        for number in 0..300 {
            push.send(parts(number)).unwrap();
        }
        let modern = |first, count| {
            let mut peer = MockPeer::accept(&stage.world, &*listener);
            peer.send_greeting();
            peer.expect_raw(&frames::greeting().bytes()[..8]);
            peer.expect_raw(&[1, 0x7F, 3, 1]);
            peer.expect_raw(&frames::greeting().bytes()[12..]);
            peer.send(frames::ready("PULL"));
            peer.expect_ready("PUSH");
            for number in first..first + count {
                peer.expect(frames::msg(parts(number)));
            }
        };
        let older = |first, count| {
            let peer = MockPeer::accept(&stage.world, &*listener);
            let mut peer = OlderPeer::greet(stage.version, peer, (PULL, ""), (PUSH, ""));
            for number in first..first + count {
                peer.expect(parts(number));
            }
        };
        let lost = || {
            let over = |event: &Event| matches!(event, Event::Disconnected { .. });
            assert!(events.wait_for(WAIT, over).is_some());
        };
        older(0, 300);
        lost();
        push.send(parts(300)).unwrap();
        modern(300, 1);
        lost();
        push.send(parts(301)).unwrap();
        older(301, 1);
        let report = push.close();
        assert!(report.complete && report.unsent == 0, "{report:?}");
    });
}

#[test]
fn unsent_messages_of_a_lost_peer_go_to_one_of_another_version() {
    for_older(|stage| {
        let push = serving!(stage, Push);
        let endpoint = push.bind("tcp://127.0.0.1:*").unwrap();
        let older = stage.dial(&endpoint, PULL, PUSH);
        stage.world.run_until(|| push.pipes() == 1);
        let link = stage.world.links_to(&endpoint.to_string())[0];
        stage.world.hold(link);
        let parts = |number: usize| [number.to_string(), "z".repeat(1_000)];
        let sent = (0..)
            .take_while(|&number| push.try_send(parts(number)).is_ok())
            .count();
        stage.world.cut(link);
        drop(older);
        let mut modern = MockPeer::dial(&stage.world, &endpoint.to_string());
        modern.send_greeting();
        modern.next_greeting();
        modern.send(frames::ready("PULL"));
        modern.expect_ready("PUSH");
        let first = modern.next_message();
        let first: usize = String::from_utf8(first[0].clone())
            .unwrap()
            .parse()
            .unwrap();
        assert!(first < sent, "the kernel has not taken all");
        for number in first + 1..sent {
            modern.expect(frames::msg(parts(number)));
        }
    });
}

#[test]
fn dialing_socket_serves_an_older_peer() {
    for_older(|stage| {
        let req = Req::builder()
            .min_zmtp(ZmtpVersion::V1_0)
            .routing_id("client")
            .build(&stage.context)
            .unwrap();
        let events = req.events();
        let listener = MockPeer::listen(&stage.world, "tcp://127.0.0.1:7");
        req.connect("tcp://127.0.0.1:7").unwrap();
        let peer = MockPeer::accept(&stage.world, &*listener);
        let mut peer = OlderPeer::greet(stage.version, peer, (REP, ""), (REQ, "client"));
        assert!(stage.is_older(&success(&events)));
        req.send("question").unwrap();
        peer.expect(["", "question"]);
        peer.send(["", "answer"]);
        assert_eq!(req.recv_timeout(WAIT).unwrap(), Message::from("answer"));
    });
}

#[test]
fn rep_and_router_answer_an_older_peer() {
    for_older(|stage| {
        let rep = serving!(stage, Rep);
        let endpoint = rep.bind("tcp://127.0.0.1:*").unwrap();
        let mut peer = stage.dial(&endpoint, REQ, REP);
        peer.send(["", "question"]);
        assert_eq!(rep.recv_timeout(WAIT).unwrap(), Message::from("question"));
        rep.send("answer").unwrap();
        peer.expect(["", "answer"]);

        let router = serving!(stage, Router);
        let endpoint = router.bind("tcp://127.0.0.1:*").unwrap();
        let mut peer = stage.dial_as(&endpoint, (DEALER, "me"), (ROUTER, ""));
        peer.send(["a", "b"]);
        let expected = Message::from(["me", "a", "b"]);
        assert_eq!(router.recv_timeout(WAIT).unwrap(), expected);
        router.send(["me", "c"]).unwrap();
        peer.expect(["c"]);
        let mut anonymous = stage.dial(&endpoint, DEALER, ROUTER);
        anonymous.send(["d"]);
        let message = router.recv_timeout(WAIT).unwrap();
        let id = message.part(0).unwrap().clone();
        assert_eq!((id.len(), id.first()), (5, Some(&0)), "one of our making");
        router.send([id.as_bytes(), b"e"]).unwrap();
        anonymous.expect(["e"]);
    });
}

#[test]
fn dealer_and_pair_talk_with_an_older_peer() {
    for_older(|stage| {
        let dealer = serving!(stage, Dealer);
        let endpoint = dealer.bind("tcp://127.0.0.1:*").unwrap();
        let mut peer = stage.dial(&endpoint, ROUTER, DEALER);
        dealer.send(["to", "you"]).unwrap();
        peer.expect(["to", "you"]);
        peer.send(["to", "me"]);
        let expected = Message::from(["to", "me"]);
        assert_eq!(dealer.recv_timeout(WAIT).unwrap(), expected);

        let pair = serving!(stage, Pair);
        let endpoint = pair.bind("tcp://127.0.0.1:*").unwrap();
        let mut peer = stage.dial(&endpoint, PAIR, PAIR);
        pair.send("to you").unwrap();
        peer.expect(["to you"]);
        peer.send(["to me"]);
        assert_eq!(pair.recv_timeout(WAIT).unwrap(), Message::from("to me"));
    });
}

/// A subscriber of ZMTP 2.0 subscribes by messages, one of 1.0 gets everything.
#[test]
fn pub_and_xpub_serve_an_older_subscriber() {
    for_older(|stage| {
        let subscribes = stage.version == OlderVersion::V2_0;
        let xpub = serving!(stage, Xpub);
        let endpoint = xpub.bind("tcp://127.0.0.1:*").unwrap();
        let mut peer = stage.dial(&endpoint, SUB, PUB);
        let topic = if subscribes { "\u{1}a" } else { "\u{1}" };
        if subscribes {
            peer.send([topic]);
        }
        assert_eq!(xpub.recv_timeout(WAIT).unwrap(), Message::from(topic));
        xpub.send("b").unwrap();
        xpub.send("ab").unwrap();
        if !subscribes {
            peer.expect(["b"]);
        }
        peer.expect(["ab"]);
        drop(peer);
        let topic = topic.replacen('\u{1}', "\0", 1);
        assert_eq!(xpub.recv_timeout(WAIT).unwrap(), Message::from(topic));

        let publisher = serving!(stage, Pub);
        let endpoint = publisher.bind("tcp://127.0.0.1:*").unwrap();
        let mut peer = stage.dial(&endpoint, SUB, PUB);
        if subscribes {
            peer.send(["\u{1}"]);
        }
        stage.world.run_until(|| publisher.topics() == Ok(1));
        publisher.send(["x", "y"]).unwrap();
        peer.expect(["x", "y"]);
    });
}

/// A publisher of ZMTP 2.0 is told, one of 1.0 is told nothing; what is not wanted is dropped here.
#[test]
fn sub_filters_what_an_older_publisher_sends() {
    for_older(|stage| {
        let sub = serving!(stage, Sub);
        sub.subscribe("a").unwrap();
        let endpoint = sub.bind("tcp://127.0.0.1:*").unwrap();
        let mut peer = stage.dial(&endpoint, PUB, SUB);
        sub.subscribe("b").unwrap();
        if stage.version == OlderVersion::V2_0 {
            peer.expect(["\u{1}a"]);
            peer.expect(["\u{1}b"]);
        }
        peer.expect_silence(Duration::from_secs(1));
        for topic in ["c", "a1", "", "b1"] {
            peer.send([topic]);
        }
        for topic in ["a1", "b1"] {
            assert_eq!(sub.recv_timeout(WAIT).unwrap(), Message::from(topic));
        }
        sub.unsubscribe("a").unwrap();
        if stage.version == OlderVersion::V2_0 {
            peer.expect(["\0a"]);
        }
        peer.expect_silence(Duration::from_secs(1));
        assert_eq!(sub.try_recv(), Err(RecvError::Empty));
    });
}

#[test]
fn xsub_appears_as_sub() {
    for_older(|stage| {
        let xsub = serving!(stage, Xsub);
        let endpoint = xsub.bind("tcp://127.0.0.1:*").unwrap();
        let mut peer = stage.dial(&endpoint, PUB, SUB);
        peer.send(["anything"]);
        assert_eq!(xsub.recv_timeout(WAIT).unwrap(), Message::from("anything"));
    });
}

#[test]
fn older_peers_are_refused_by_default_and_below_the_minimum() {
    for_older(|stage| {
        let default = Pull::new(&stage.context);
        let newer = Pull::builder()
            .min_zmtp(ZmtpVersion::V2_0)
            .build(&stage.context)
            .unwrap();
        for (socket, served) in [
            (default, false),
            (newer, stage.version == OlderVersion::V2_0),
        ] {
            let events = socket.events();
            let endpoint = socket.bind("tcp://127.0.0.1:*").unwrap();
            let mut peer = MockPeer::dial(&stage.world, &endpoint.to_string());
            peer.send(stage.version.greeting(PUSH, ""));
            if served {
                assert!(stage.is_older(&success(&events)));
            } else {
                let reason = failure(&events);
                assert_eq!(reason, Reason::Violation(Violation::UnsupportedVersion));
                peer.drain_to_end();
            }
        }
    });
}

#[test]
fn older_peer_of_a_wrong_type_is_refused_in_silence() {
    for_older(|stage| {
        if stage.version == OlderVersion::V1_0 {
            return; // It has not told its type.
        }
        let pull = serving!(stage, Pull);
        let events = pull.events();
        let endpoint = pull.bind("tcp://127.0.0.1:*").unwrap();
        let mut peer = MockPeer::dial(&stage.world, &endpoint.to_string());
        peer.send(stage.version.greeting(PUB, ""));
        let reason = failure(&events);
        assert_eq!(reason, Reason::Violation(Violation::IncompatibleSocketType));
        assert_eq!(peer.drain_to_end().len(), 14, "only our greeting");
    });
}

#[test]
fn greeting_that_stops_times_out() {
    for_older(|stage| {
        let pull = Pull::builder()
            .min_zmtp(ZmtpVersion::V1_0)
            .handshake_timeout(Duration::from_secs(1))
            .build(&stage.context)
            .unwrap();
        let events = pull.events();
        let endpoint = pull.bind("tcp://127.0.0.1:*").unwrap();
        let greeting = stage.version.greeting(PUSH, "name");
        let mut peer = MockPeer::dial(&stage.world, &endpoint.to_string());
        peer.send_raw(&greeting.bytes()[..greeting.bytes().len() - 1]);
        assert_eq!(failure(&events), Reason::TimedOut);
        peer.drain_to_end();
    });
}
