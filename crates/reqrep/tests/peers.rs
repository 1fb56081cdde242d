//! Who a socket's peers are, who sent a message, and ending one of them: in the simulated world.

#![cfg(all(feature = "tcp", feature = "ipc", feature = "inproc"))]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::sync::Arc;
use std::time::Duration;

use ferromq_core::{
    Context, Endpoint, Event, Message, Peer, PollItem, Refused, ReleaseError, SendErrorKind,
    SocketType, poll,
};
use ferromq_reqrep::{Dealer, Router};
use ferromq_testkit::sim::{SimWorld, for_seeds};

const WAIT: Duration = Duration::from_secs(30);
const ENDPOINTS: [&str; 3] = ["tcp://127.0.0.1:*", "ipc:///sim/pipe", "inproc://name"];

/// Runs a scenario for several seeds over every transport.
fn for_worlds(scenario: impl Fn(&SimWorld, &Context, &str)) {
    for endpoint in ENDPOINTS {
        for_seeds(0..5, |seed| {
            let world = SimWorld::new(seed);
            let context = Context::with_world(Arc::new(world.clone()), 1);
            scenario(&world, &context, endpoint);
        });
    }
}

/// A DEALER of this name, connected.
fn dealer(context: &Context, name: &'static str, endpoint: &Endpoint) -> Dealer {
    let dealer = Dealer::builder().routing_id(name).build(context).unwrap();
    dealer.connect_wait(endpoint, WAIT).unwrap();
    dealer
}

/// A bound ROUTER with three peers.
fn three(context: &Context, endpoint: &str) -> (Router, Endpoint, [Dealer; 3]) {
    let router = Router::new(context);
    let endpoint = router.bind(endpoint).unwrap();
    let dealers = ["a", "b", "c"].map(|name| dealer(context, name, &endpoint));
    router.wait_peers(3, WAIT).unwrap();
    (router, endpoint, dealers)
}

#[track_caller]
fn assert_from(received: (Message, Option<Arc<Peer>>)) {
    let (message, peer) = received;
    let peer = peer.expect("a peer has sent it");
    assert_eq!(message.part(0), Some(&peer.routing_id));
    assert_eq!(peer.socket_type, Some(SocketType::Dealer));
}

#[test]
fn message_tells_its_sender_in_every_form_of_receiving() {
    for_worlds(|world, context, endpoint| {
        let (router, _, dealers) = three(context, endpoint);
        for dealer in &dealers {
            for _ in 0..5 {
                dealer.send("hello").unwrap();
            }
        }
        world.run_until(|| router.stats().waiting == 15);
        for _ in 0..3 {
            assert_from(router.recv_from().unwrap());
            assert_from(router.try_recv_from().unwrap());
            assert_from(router.recv_from_timeout(WAIT).unwrap());
            assert_from(world.block_on(router.recv_from_async()).unwrap());
            assert!(router.readiness().receive);
            assert_from(router.recv_from().unwrap());
        }
        dealers[1].send("more").unwrap();
        assert_from(router.recv_from().unwrap());
    });
}

#[test]
fn message_looked_at_before_its_peer_left_tells_its_sender() {
    for_worlds(|_, context, endpoint| {
        let (router, _, [first, second, _third]) = three(context, endpoint);
        first.send("hello").unwrap();
        // It is admitted by this, and its pipe has nothing left.
        assert_eq!(poll(&mut [PollItem::receive(&router)], Some(WAIT)), 1);
        assert!(router.readiness().receive);
        first.close();
        second.close();
        router.wait_peers(1, WAIT).unwrap();
        while router.peer_count() > 1 {
            router.wait_peers(4, Duration::from_millis(1)).unwrap_err();
        }
        assert_from(router.recv_from().unwrap());
    });
}

#[test]
fn messages_of_successive_connections_tell_their_own_sender() {
    for_seeds(0..20, |seed| {
        let world = SimWorld::new(seed);
        let context = Context::with_world(Arc::new(world.clone()), 1);
        let client = Dealer::new(&context);
        client.connect("tcp://127.0.0.1:5555").unwrap();
        for (round, name) in (1..).zip(["a", "b", "c"]) {
            let server = Dealer::builder().routing_id(name).build(&context).unwrap();
            server.bind("tcp://127.0.0.1:5555").unwrap();
            client.wait_peers(1, WAIT).unwrap();
            for _ in 0..3 {
                server.send(name).unwrap();
            }
            assert!(server.close().complete);
            world.run_until(|| client.stats().waiting == 3 * round && client.peer_count() == 0);
        }
        for name in ["a", "b", "c"] {
            for _ in 0..3 {
                let (message, peer) = client.recv_from().unwrap();
                assert_eq!(message, Message::from(name));
                assert_eq!(peer.unwrap().routing_id.as_bytes(), name.as_bytes());
            }
        }
    });
}

#[test]
fn peers_are_listed_with_what_they_announced() {
    for_worlds(|_, context, endpoint| {
        let (router, endpoint, dealers) = three(context, endpoint);
        let peers = router.peers().unwrap();
        let mut names: Vec<_> = peers.iter().map(|it| it.peer.routing_id.clone()).collect();
        names.sort();
        assert_eq!(names, ["a", "b", "c"].map(ferromq_core::Part::from));
        assert!(peers.iter().all(|info| info.dialed.is_none()));
        let of_dealer = dealers[0].peers().unwrap();
        assert_eq!(of_dealer.len(), 1);
        assert_eq!(of_dealer[0].dialed, Some(endpoint));
        assert_eq!(of_dealer[0].peer.socket_type, Some(SocketType::Router));
        drop(dealers);
        while !router.peers().unwrap().is_empty() {
            router.wait_peers(4, Duration::from_millis(1)).unwrap_err();
        }
        router.close();
        router.peers().unwrap_err();
    });
}

#[test]
fn disconnected_peer_is_gone_at_once_and_alone() {
    for_worlds(|world, context, endpoint| {
        let (router, _, dealers) = three(context, endpoint);
        let events = dealers[1].events();
        let of_b = |router: &Router| {
            let peers = router.peers().unwrap();
            let found = peers
                .iter()
                .find(|it| it.peer.routing_id.as_bytes() == b"b");
            found.map(|it| it.peer.pipe)
        };
        let pipe = of_b(&router).unwrap();
        let before = world.elapsed();
        router.disconnect_peer(pipe).unwrap();
        assert_eq!(router.peer_count(), 2);
        let error = router.disconnect_peer(pipe).unwrap_err();
        assert_eq!(error, ReleaseError::NotFound);
        let error = router.send(["b", "hello"]).unwrap_err();
        assert_eq!(error.kind, SendErrorKind::Refused(Refused::NoRoute));
        assert_eq!(error.message, Message::from(["b", "hello"]));
        router.send(["a", "hello"]).unwrap();
        assert_eq!(
            dealers[0].recv_timeout(WAIT).unwrap(),
            Message::from("hello")
        );
        if endpoint.starts_with("inproc") {
            assert_eq!(dealers[1].peer_count(), 0);
            return;
        }
        let ended = |event: &Event| matches!(event, Event::Disconnected { .. });
        events.wait_for(WAIT, ended).unwrap();
        assert!(world.elapsed() - before < Duration::from_millis(100));
        // It was not told to stay away: it dials again.
        router.wait_peers(3, WAIT).unwrap();
        assert_ne!(of_b(&router), Some(pipe));
    });
}

#[test]
fn disconnected_peer_that_was_dialed_is_not_dialed_again() {
    for_worlds(|world, context, endpoint| {
        let (router, endpoint, dealers) = three(context, endpoint);
        let first = &dealers[0];
        let pipe = first.peers().unwrap()[0].peer.pipe;
        first.disconnect_peer(pipe).unwrap();
        assert_eq!(first.disconnect(&endpoint), Err(ReleaseError::NotFound));
        world.run_idle();
        assert_eq!((first.pipes(), router.peer_count()), (0, 2));
    });
}

#[test]
fn disconnect_peer_does_not_take_the_pipe_of_another_socket() {
    for_worlds(|_, context, endpoint| {
        let (router, _, dealers) = three(context, endpoint);
        let (other, _, _others) = three(context, "tcp://127.0.0.1:*");
        let pipes = |router: &Router| {
            let peers = router.peers().unwrap();
            peers.iter().map(|it| it.peer.pipe).collect::<Vec<_>>()
        };
        let of_dealers = dealers.iter().map(|it| it.peers().unwrap()[0].peer.pipe);
        for foreign in pipes(&router).into_iter().chain(of_dealers) {
            let refused = other.disconnect_peer(foreign);
            assert_eq!(refused, Err(ReleaseError::NotFound), "{foreign:?}");
        }
        assert_eq!((router.peer_count(), other.peer_count()), (3, 3));
    });
}
