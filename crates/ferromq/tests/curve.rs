//! CURVE at whole sockets in the simulated world: messages of every size, connections cut within
//! them, and who is refused with which reason. (That all patterns work over it, `restarting.rs`
//! shows.)

#![cfg(all(
    feature = "curve",
    feature = "pipeline",
    feature = "pubsub",
    feature = "reqrep",
    feature = "tcp"
))]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use ferromq::{
    Authenticator, BuildError, Builder, Claim, Context, Denial, Event, KeyPair, Message, Pub,
    PublicKey, Pull, Reason, Security, Sub, Violation,
};
use ferromq_testkit::sim::{SimWorld, for_seeds};

#[allow(dead_code, reason = "each test file uses its part")]
mod common;
use common::{WAIT, bound, dialed, handshake_failure, handshake_success, wait_for};

const ENDPOINT: &str = "tcp://127.0.0.1:5555";

fn keys() -> KeyPair {
    KeyPair::generate().unwrap()
}

fn context(world: &SimWorld) -> Context {
    Context::with_world(Arc::new(world.clone()), 1)
}

fn server(keys: &KeyPair) -> Builder<Pull> {
    Pull::builder().security(Security::curve_server(keys.clone()))
}

/// Number and size, then so many bytes that follow from both.
fn numbered(number: usize, size: usize) -> Message {
    let byte = |at: usize| (at.wrapping_mul(31) ^ number) as u8;
    let content: Vec<u8> = (0..size).map(byte).collect();
    [number.to_string().into_bytes(), content, Vec::new()].into()
}

#[test]
fn messages_of_every_size_arrive_unchanged() {
    for_seeds(0..3, |seed| {
        let world = SimWorld::new(seed);
        let own = keys();
        let (pull, endpoint, _) = bound(&context(&world), server(&own));
        let (push, _) = dialed(
            &context(&world),
            Security::curve_client(keys(), own.public),
            &endpoint,
        );
        let sizes = [
            0,
            1,
            64,
            221,
            222,
            4_095,
            4_096,
            65_502,
            65_503,
            70_000,
            1 << 20,
        ];
        for (number, &size) in sizes.iter().cycle().take(40).enumerate() {
            push.send(numbered(number, size)).unwrap();
            if number % 3 == 2 {
                for number in number - 2..=number {
                    let expected = numbered(number, sizes[number % sizes.len()]);
                    assert_eq!(pull.recv_timeout(WAIT), Ok(expected));
                }
            }
        }
        assert_eq!(
            pull.recv_timeout(WAIT),
            Ok(numbered(39, sizes[39 % sizes.len()]))
        );
        let report = push.close();
        assert!(report.complete, "{report:?}");
    });
}

#[test]
fn message_cut_anywhere_is_sent_again_whole() {
    for_seeds(0..10, |seed| {
        let world = SimWorld::new(seed);
        let own = keys();
        let (pull, endpoint, events) = bound(&context(&world), server(&own));
        let (push, _) = dialed(
            &context(&world),
            Security::curve_client(keys(), own.public),
            &endpoint,
        );
        let mut seen = HashSet::new();
        for number in 0..30 {
            push.send(numbered(number, 10_000)).unwrap();
            if number % 7 == 3 {
                handshake_success(&events);
                for _ in 0..seed * 5 + 10 {
                    world.step();
                }
                let links = world.links_to(&endpoint.to_string()).into_iter();
                links.for_each(|link| world.cut(link));
            }
            // What the kernel had taken may be lost with a connection, and what a lost one brought
            // is received beside what the next one brings: what comes is whole, and comes once.
            while let Ok(message) = pull.try_recv() {
                assert_new(&message, &mut seen);
            }
        }
        push.send("last").unwrap();
        loop {
            let message = pull.recv_timeout(WAIT).unwrap();
            if message.len() == 1 {
                break;
            }
            assert_new(&message, &mut seen);
        }
        assert!(!seen.is_empty(), "what follows a cut arrives");
    });
}

/// The message is one that was sent, and has not been seen yet.
fn assert_new(message: &Message, seen: &mut HashSet<usize>) {
    let number: usize = message.part_str(0).unwrap().parse().unwrap();
    assert_eq!(*message, numbered(number, 10_000));
    assert!(seen.insert(number), "{number} twice");
}

#[test]
fn subscriptions_go_in_boxes() {
    let world = SimWorld::new(1);
    let own = keys();
    let builder = Pub::builder().security(Security::curve_server(own.clone()));
    let publisher = builder.build(&context(&world)).unwrap();
    publisher.bind(ENDPOINT).unwrap();
    let builder = Sub::builder().security(Security::curve_client(keys(), own.public));
    let sub = builder.build(&context(&world)).unwrap();
    for topic in 0..5_000 {
        sub.subscribe(format!("{topic}.").as_bytes()).unwrap();
    }
    sub.connect(ENDPOINT).unwrap();
    world.run_until(|| publisher.topics() == Ok(5_000));
    for topic in 1..5_000 {
        sub.unsubscribe(format!("{topic}.").as_bytes()).unwrap();
    }
    world.run_until(|| publisher.topics() == Ok(1));
    publisher.send("1.").unwrap();
    publisher.send("0.").unwrap();
    assert_eq!(sub.recv_timeout(WAIT), Ok(Message::from("0.")));
}

#[test]
fn client_takes_no_authenticator() {
    let (world, own) = (SimWorld::new(0), keys());
    let here = || Authenticator::addresses(["127.0.0.1"]).unwrap();
    let built = |builder: Builder<Pull>| builder.authenticator(here()).build(&context(&world));
    let client = Pull::builder().security(Security::curve_client(keys(), own.public));
    assert_eq!(
        built(client).unwrap_err(),
        BuildError::AuthenticatorOfClient
    );
    assert!(built(server(&own)).is_ok());
}

#[test]
fn client_is_named_by_its_key_and_others_are_denied() {
    let world = SimWorld::new(2);
    let (own, friend) = (keys(), keys());
    let friends = Authenticator::keys([friend.public, keys().public]);
    let (pull, endpoint, events) = bound(&context(&world), server(&own).authenticator(friends));
    let (push, _) = dialed(
        &context(&world),
        Security::curve_client(friend.clone(), own.public),
        &endpoint,
    );
    push.send("hello").unwrap();
    assert_eq!(pull.recv_timeout(WAIT), Ok(Message::from("hello")));
    let success = |event: &Event| matches!(event, Event::HandshakeSucceeded { .. });
    let Event::HandshakeSucceeded { peer, .. } = wait_for(&events, success) else {
        panic!("another event");
    };
    assert_eq!(peer.user.as_ref().unwrap().id, friend.public.to_string());

    let stranger = keys();
    let public = stranger.public;
    let (_push, client) = dialed(
        &context(&world),
        Security::curve_client(stranger, own.public),
        &endpoint,
    );
    let denied = wait_for(&events, |event| matches!(event, Event::Denied { .. }));
    let Event::Denied { applicant, .. } = denied else {
        panic!("{denied:?}");
    };
    assert_eq!(applicant.claim, Claim::Curve(public));
    let reason = Reason::Denied(Denial::Unauthorized);
    assert_eq!(handshake_failure(&events), reason);
    let reason = Reason::DeniedByPeer(Denial::Unauthorized);
    assert_eq!(handshake_failure(&client), reason);
}

#[test]
fn wrong_server_keys_are_noticed_by_the_server_and_the_client_backs_off() {
    let world = SimWorld::new(3);
    let (_pull, endpoint, events) = bound(&context(&world), server(&keys()));
    for wrong in [keys().public, PublicKey::from_bytes([0; 32])] {
        let (push, client) = dialed(
            &context(&world),
            Security::curve_client(keys(), wrong),
            &endpoint,
        );
        let reason = Reason::Violation(Violation::BoxNotOpened);
        assert_eq!(handshake_failure(&events), reason);
        let mut pauses = [(); 4].map(|()| {
            assert_eq!(handshake_failure(&client), Reason::Ended);
            match wait_for(&client, |event| matches!(event, Event::Retry { .. })) {
                Event::Retry { after, .. } => after,
                other => panic!("{other:?}"),
            }
        });
        assert!(pauses[3] > pauses[0], "{pauses:?}");
        pauses.sort();
        assert!(pauses[0] >= Duration::from_millis(50));
        push.close();
        while events.try_next().is_some() {}
    }
}

#[test]
fn nobody_is_talked_into_another_mechanism() {
    let world = SimWorld::new(4);
    let own = keys();
    let (_pull, endpoint, events) = bound(&context(&world), server(&own));
    let (_push, client) = dialed(&context(&world), Security::null(), &endpoint);
    let mismatch = Reason::Violation(Violation::MechanismMismatch);
    assert_eq!(handshake_failure(&events), mismatch);
    assert_eq!(handshake_failure(&client), mismatch);
}
