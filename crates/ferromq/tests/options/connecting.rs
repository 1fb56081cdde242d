//! How connections are made and made again.

use std::io::ErrorKind;

use ferromq::{
    BuildError, Builder, Dropped, Message, Pair, Pull, Push, ReconnectStop, SendErrorKind,
};
use ferromq_testkit::MockPeer;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn is_retry(event: &Event) -> bool {
    matches!(event, Event::Retry { .. })
}

fn is_success(event: &Event) -> bool {
    matches!(event, Event::HandshakeSucceeded { .. })
}

/// How many of ten messages reach the one of two endpoints that is there.
fn reach_one_of_two(push: Builder<Push>) -> usize {
    let (world, context) = world(1);
    let (push, pull) = (push.build(&context).unwrap(), Pull::new(&context));
    push.connect(NOWHERE).unwrap();
    push.connect(pull.bind(ANY).unwrap()).unwrap();
    world.run_until(|| push.readiness().send);
    for count in 0..10_u8 {
        push.send([count]).unwrap();
    }
    world.run_until(|| push.stats().handed_over >= 5);
    let received = || pull.recv_timeout(SECOND).ok();
    std::iter::from_fn(received).count()
}

#[test]
fn immediate_gives_messages_to_peers_that_are_there_only() {
    assert_eq!(reach_one_of_two(Push::builder()), 5);
    assert_eq!(reach_one_of_two(Push::builder().immediate(true)), 10);
}

#[test]
fn immediate_does_not_take_a_message_before_there_is_a_peer() {
    let (_, context) = world(1);
    let push = Push::builder().immediate(true).build(&context).unwrap();
    push.connect(NOWHERE).unwrap();
    assert_eq!(push.try_send("x").unwrap_err().kind, SendErrorKind::Full);
    let patient = Push::new(&context);
    patient.connect(NOWHERE).unwrap();
    patient.try_send("x").unwrap();
}

#[test]
fn immediate_keeps_nothing_for_a_peer_that_is_lost() {
    for immediate in [false, true] {
        let (world, context) = world(1);
        let pair = Pair::builder().send_high_water_mark(3).immediate(immediate);
        let (pair, other) = (pair.build(&context).unwrap(), Pair::new(&context));
        let (endpoint, events) = (other.bind(ANY).unwrap(), pair.events());
        pair.connect(&endpoint).unwrap();
        wait_for(&events, is_success);
        world.hold(world.links_to(&endpoint.to_string())[0]);
        while pair.try_send(vec![7; 50_000]).is_ok() {}
        let queued = pair.stats().queued;
        assert_eq!(queued, 3);
        world.cut(world.links_to(&endpoint.to_string())[0]);
        wait_for(&events, is_success);
        let dropped = if immediate { queued } else { 0 };
        assert_eq!(pair.stats().dropped(Dropped::PeerGone), dropped);
        let received = std::iter::from_fn(|| other.recv_timeout(SECOND).ok()).count();
        assert_eq!(received as u64, queued - dropped);
    }
}

#[test]
fn connect_timeout_ends_an_attempt_that_is_not_answered() {
    let (world, context) = world(1);
    world.partition(NOWHERE);
    let push = Push::builder().connect_timeout(3 * SECOND);
    let push = push.build(&context).unwrap();
    let events = push.events();
    push.connect(NOWHERE).unwrap();
    let failed = wait_for(&events, |event| {
        matches!(event, Event::ConnectFailed { .. })
    });
    let Event::ConnectFailed { error, .. } = failed else {
        unreachable!("it was waited for");
    };
    assert_eq!(error, ErrorKind::TimedOut);
    let elapsed = world.elapsed();
    assert!((3 * SECOND..4 * SECOND).contains(&elapsed), "{elapsed:?}");
    wait_for(&events, is_retry);

    let patient = Push::new(&context);
    let events = patient.events();
    patient.connect(NOWHERE).unwrap();
    assert_eq!(events.next_timeout(60 * SECOND), None);
}

#[test]
fn reconnect_interval_is_the_pause_between_attempts_and_its_limit() {
    let (_, context) = world(1);
    let pauses = |first, most| {
        let push = Push::builder().reconnect_interval(first, most);
        let push = push.build(&context).unwrap();
        let events = push.events();
        push.connect(NOWHERE).unwrap();
        let pause = |_| match wait_for(&events, is_retry) {
            Event::Retry { after, .. } => after,
            other => panic!("{other:?}"),
        };
        (0..4).map(pause).collect::<Vec<_>>()
    };
    let constant = pauses(SECOND, SECOND);
    assert!(
        constant
            .iter()
            .all(|pause| (SECOND / 2..=SECOND).contains(pause))
    );
    let growing = pauses(SECOND, 8 * SECOND);
    assert!((SECOND / 2..=SECOND).contains(&growing[0]));
    assert!((4 * SECOND..=8 * SECOND).contains(&growing[3]));
}

#[test]
fn pauses_grow_while_connections_end_as_soon_as_they_are_made() {
    let (world, context) = world(1);
    let listener = MockPeer::listen(&world, NOWHERE);
    let push = Push::new(&context);
    let events = push.events();
    push.connect(NOWHERE).unwrap();
    let pause_after = |lasting: Duration| {
        let mut peer = MockPeer::accept(&world, &*listener);
        peer.handshake("PULL", "PUSH");
        wait_for(&events, is_success);
        assert_eq!(events.wait_for(lasting, is_retry), None);
        drop(peer);
        match wait_for(&events, is_retry) {
            Event::Retry { after, .. } => after,
            other => panic!("{other:?}"),
        }
    };
    let growing = [(); 5].map(|()| pause_after(Duration::ZERO));
    assert!(growing[0] <= SECOND / 10, "{growing:?}");
    assert!((SECOND / 2..=SECOND).contains(&growing[4]), "{growing:?}");
    let after_a_while = pause_after(2 * SECOND);
    assert!(after_a_while <= SECOND / 10, "{after_a_while:?}");
}

#[test]
fn reconnect_stop_gives_a_refused_endpoint_up() {
    for refused in [false, true] {
        let (world, context) = world(1);
        let mut stop = ReconnectStop::default();
        stop.refused = refused;
        let push = Push::builder()
            .reconnect_stop(stop)
            .build(&context)
            .unwrap();
        let events = push.events();
        push.connect(NOWHERE).unwrap();
        wait_for(&events, |event| {
            matches!(event, Event::ConnectFailed { .. })
        });
        assert_eq!(events.wait_for(SECOND, is_retry).is_none(), refused);
        world.run_until(|| push.pipes() == usize::from(!refused));
        assert_eq!(push.disconnect(NOWHERE).is_err(), refused);
    }
}

#[test]
fn reconnect_stop_gives_an_endpoint_up_whose_handshake_failed() {
    for handshake_failed in [false, true] {
        let (world, context) = world(1);
        let mut stop = ReconnectStop::default();
        stop.handshake_failed = handshake_failed;
        let push = Push::builder()
            .reconnect_stop(stop)
            .build(&context)
            .unwrap();
        let (events, wrong) = (push.events(), Push::new(&context));
        push.connect(wrong.bind(ANY).unwrap()).unwrap();
        wait_for(&events, |event| {
            matches!(event, Event::HandshakeFailed { .. })
        });
        assert_eq!(
            events.wait_for(5 * SECOND, is_retry).is_none(),
            handshake_failed
        );
        world.run_until(|| push.pipes() == usize::from(!handshake_failed));
    }
}

#[test]
fn reconnect_stop_always_makes_one_connection_only() {
    for always in [false, true] {
        let (world, context) = world(1);
        let mut stop = ReconnectStop::default();
        stop.always = always;
        let push = Push::builder()
            .reconnect_stop(stop)
            .build(&context)
            .unwrap();
        let (events, pull) = (push.events(), Pull::new(&context));
        let endpoint = pull.bind(ANY).unwrap();
        push.connect(&endpoint).unwrap();
        wait_for(&events, is_success);
        world.cut(world.links_to(&endpoint.to_string())[0]);
        assert_eq!(events.wait_for(SECOND, is_retry).is_none(), always);
        world.run_until(|| push.pipes() == usize::from(!always));
    }
}

#[test]
fn reconnect_stop_after_disconnecting_looks_for_nobody_any_more() {
    for disconnected in [false, true] {
        let (world, context) = world(1);
        let mut stop = ReconnectStop::default();
        stop.disconnected = disconnected;
        let push = Push::builder()
            .reconnect_stop(stop)
            .build(&context)
            .unwrap();
        push.connect(NOWHERE).unwrap();
        push.send("late").unwrap();
        let events = push.events();
        wait_for(&events, is_retry);
        push.disconnect(NOWHERE).unwrap();
        let pull = Pull::new(&context);
        if disconnected {
            world.run_until(|| push.stats().dropped(Dropped::Closed) == 1);
        }
        pull.bind(NOWHERE).unwrap();
        let received = pull.recv_timeout(SECOND).ok();
        let expected = (!disconnected).then(|| Message::from("late"));
        assert_eq!(received, expected);
    }
}

#[test]
fn handshake_timeout_ends_a_handshake_that_does_not_go_on() {
    let (world, context) = world(1);
    let pull = Pull::builder().handshake_timeout(3 * SECOND);
    let pull = pull.build(&context).unwrap();
    let (events, endpoint) = (pull.events(), pull.bind(ANY).unwrap());
    let (_, _silent) = world.dial_raw(&endpoint.to_string());
    wait_for(&events, |event| {
        matches!(event, Event::HandshakeFailed { .. })
    });
    let elapsed = world.elapsed();
    assert!((3 * SECOND..4 * SECOND).contains(&elapsed), "{elapsed:?}");
}

#[test]
fn connecting_option_out_of_range_is_refused() {
    let (_, context) = world(1);
    let refused = |push: Builder<Push>| match push.build(&context) {
        Err(BuildError::OutOfRange { option }) => option,
        other => panic!("{other:?}"),
    };
    let (none, days) = (Duration::ZERO, SECOND * 3 * 24 * 3600);
    assert_eq!(
        refused(Push::builder().connect_timeout(none)),
        "connect_timeout"
    );
    assert_eq!(
        refused(Push::builder().connect_timeout(days)),
        "connect_timeout"
    );
    let option = refused(Push::builder().handshake_timeout(days));
    assert_eq!(option, "handshake_timeout");
    let option = refused(Push::builder().reconnect_interval(none, SECOND));
    assert_eq!(option, "reconnect_interval");
    let option = refused(Push::builder().reconnect_interval(SECOND, none));
    assert_eq!(option, "reconnect_interval");
    let option = refused(Push::builder().reconnect_interval(SECOND, Duration::MAX));
    assert_eq!(option, "reconnect_interval");
}

#[test]
fn metadata_that_peers_would_refuse_is_refused() {
    let (_, context) = world(1);
    let build = |properties: &[(&str, usize)]| {
        let options = properties.iter();
        let options = options.fold(Push::builder(), |options, (name, size)| {
            options.metadata(*name, vec![7; *size])
        });
        options.build(&context).map(drop)
    };
    assert!(build(&[("X-A", 30 << 10), ("X-B", 29 << 10)]).is_ok());
    let names: Vec<String> = (0..101).map(|number| format!("X-{number}")).collect();
    let many: Vec<_> = names.iter().map(|name| (&name[..], 1)).collect();
    assert!(build(&many[..100]).is_ok());
    for bad in [
        &many[..],
        &[("X-A", 30 << 10), ("X-B", 31 << 10)],
        &[("X-A", 1), ("x-a", 1)],
        &[("X-A", 1), ("X-a", 1)],
    ] {
        assert!(matches!(build(bad), Err(BuildError::Metadata)));
    }
}

#[test]
fn metadata_is_seen_by_the_peer_over_every_transport() {
    for endpoint in [ANY, "ipc:///sim/socket"] {
        let (_, context) = world(1);
        let push = Push::builder()
            .metadata("X-Name", "a")
            .metadata("X-Key", "b");
        let (push, pull) = (push.build(&context).unwrap(), Pull::new(&context));
        let events = pull.events();
        push.connect(pull.bind(endpoint).unwrap()).unwrap();
        let Event::HandshakeSucceeded { peer, .. } = wait_for(&events, is_success) else {
            unreachable!("it was waited for");
        };
        let seen = ["X-Name", "X-Key"].map(|wanted| {
            let mut all = peer.metadata.iter();
            all.find(|(name, _)| name == wanted)
                .map(|(_, value)| value.as_bytes())
        });
        assert_eq!(seen, [Some(&b"a"[..]), Some(&b"b"[..])]);
    }
}

#[test]
fn metadata_with_another_name_is_refused() {
    let (_, context) = world(1);
    let long = format!("X-{}", "a".repeat(254));
    for name in ["", "Name", "X-a b", "Identity", long.as_str()] {
        let built = Push::builder().metadata(name, "a").build(&context);
        assert!(matches!(built, Err(BuildError::Metadata)), "{name}");
    }
}
