//! Connections and handshakes at a time.

use std::sync::Arc;

use ferromq::{BuildError, Context, Crowd, Message, Pub, Push, Sub, SubOptions, Timers};
use ferromq_testkit::{MockPeer, frames};

use super::*;

/// Waits until a connection is turned away: what there were too many of.
#[track_caller]
fn crowd(events: &Events) -> Crowd {
    match wait_for(events, |event| matches!(event, Event::TurnedAway { .. })) {
        Event::TurnedAway { crowd, .. } => crowd,
        other => panic!("{other:?}"),
    }
}

/// An honest peer gets through.
#[track_caller]
fn assert_serves(pull: &Pull, context: &Context, endpoint: &str) {
    let push = Push::new(context);
    push.connect(endpoint).unwrap();
    push.send("honest").unwrap();
    assert_eq!(pull.recv_timeout(WAIT).unwrap(), Message::from("honest"));
}

#[test]
fn connections_up_to_the_maximum_are_held_and_one_more_is_turned_away() {
    let (world, pull, endpoint, events) = bound(Pull::builder().max_connections(3));
    let mut peers: Vec<MockPeer> = (0..3).map(|_| dial(&world, &endpoint)).collect();
    for peer in &mut peers {
        peer.handshake("PUSH", "PULL");
    }
    world.run_until(|| pull.pipes() == 3);
    assert_all_are_kept(&events);
    let mut fourth = dial(&world, &endpoint);
    assert_eq!(crowd(&events), Crowd::Connections);
    fourth.expect_end();
    assert_eq!(pull.stats().turned_away, 1);
    // A place that becomes free is given away again.
    peers.pop();
    assert_eq!(ending(&events), Reason::Ended);
    dial(&world, &endpoint).handshake("PUSH", "PULL");
    assert_eq!(pull.stats().turned_away, 1);
}

#[test]
fn peers_that_are_gone_take_their_place_until_what_they_sent_is_received() {
    let (world, pull, endpoint, events) = bound(Pull::builder().max_connections(2));
    for text in ["first", "second"] {
        let mut peer = dial(&world, &endpoint);
        peer.handshake("PUSH", "PULL");
        peer.send(frames::msg([text]));
        peer.end();
        assert_eq!(ending(&events), Reason::Ended);
    }
    let mut third = dial(&world, &endpoint);
    assert_eq!(crowd(&events), Crowd::Connections);
    third.expect_end();
    assert_eq!(pull.recv_timeout(WAIT), Ok(Message::from("first")));
    let mut fourth = dial(&world, &endpoint);
    fourth.handshake("PUSH", "PULL");
    assert_eq!(pull.recv_timeout(WAIT), Ok(Message::from("second")));
    dial(&world, &endpoint).handshake("PUSH", "PULL");
    assert_eq!(pull.stats().turned_away, 1);
}

#[test]
fn handshakes_up_to_the_maximum_go_on_and_one_more_waits_for_the_oldest() {
    let (world, pull, endpoint, events) = bound(Pull::builder().max_handshakes(2));
    let [mut first, mut second] = [(); 2].map(|()| dial(&world, &endpoint));
    first.expect_greeting();
    second.expect_greeting();
    assert_all_are_kept(&events);
    // The two are given their time.
    let mut third = dial(&world, &endpoint);
    assert_eq!(crowd(&events), Crowd::Handshakes);
    third.expect_end();
    // Then the oldest makes room.
    world.advance(SECOND / 4);
    let mut fourth = dial(&world, &endpoint);
    fourth.handshake("PUSH", "PULL");
    assert_eq!(ending(&events), Reason::Displaced);
    first.expect_end();
    // Who is through takes no place any more, and the second one goes on.
    second.send_greeting();
    second.send(frames::ready("PUSH"));
    second.expect_ready("PULL");
    world.run_until(|| pull.pipes() == 2);
    assert_all_are_kept(&events);
    assert_eq!(pull.stats().turned_away, 1);
    assert_eq!(pull.stats().handshake_failures, 1);
}

#[test]
fn oldest_quarter_of_the_handshakes_makes_room_where_descriptors_run_out() {
    let (world, _pull, endpoint, events) = bound(Pull::builder());
    let mut peers = [(); 8].map(|()| dial(&world, &endpoint));
    peers.iter_mut().for_each(MockPeer::expect_greeting);
    let fail = || {
        world.fail_accept(&endpoint.to_string(), 24, 1);
        let mut late = dial(&world, &endpoint);
        wait_for(&events, |event| matches!(event, Event::AcceptFailed { .. }));
        late.handshake("PUSH", "PULL");
        late
    };
    // They are given their time.
    let _served = fail();
    assert_all_are_kept(&events);
    world.advance(SECOND);
    let _served_too = fail();
    for peer in &mut peers[..2] {
        assert_eq!(ending(&events), Reason::Displaced);
        peer.expect_end();
    }
    assert_all_are_kept(&events);
}

#[test]
fn handshakes_of_one_address_up_to_the_maximum_go_on_and_one_more_is_turned_away() {
    let pull = Pull::builder().max_handshakes_per_address(2);
    let (world, _pull, endpoint, events) = bound(pull);
    let mut peers = [(); 2].map(|()| dial(&world, &endpoint));
    peers.iter_mut().for_each(MockPeer::expect_greeting);
    assert_all_are_kept(&events);
    let mut third = dial(&world, &endpoint);
    assert_eq!(crowd(&events), Crowd::HandshakesOfAddress);
    third.expect_end();
    world.advance(SECOND);
    dial(&world, &endpoint).handshake("PUSH", "PULL");
    assert_eq!(ending(&events), Reason::Displaced);
}

#[test]
fn youngest_quarter_of_the_handshakes_makes_room_sooner() {
    let pull = Pull::builder().max_handshakes_per_address(8);
    let (world, _pull, endpoint, events) = bound(pull);
    let mut peers = [(); 8].map(|()| dial(&world, &endpoint));
    peers.iter_mut().for_each(MockPeer::expect_greeting);
    dial(&world, &endpoint).expect_end();
    assert_eq!(crowd(&events), Crowd::HandshakesOfAddress);
    world.advance(SECOND / 100);
    // Two places of eight: the seventh goes, then the eighth; who has just come is given time.
    let _late = [6, 7].map(|leaves| {
        let mut late = dial(&world, &endpoint);
        late.expect_greeting();
        assert_eq!(ending(&events), Reason::Displaced);
        peers[leaves].expect_end();
        late
    });
    dial(&world, &endpoint).expect_end();
    assert_eq!(crowd(&events), Crowd::HandshakesOfAddress);
    for peer in &mut peers[..6] {
        peer.send_greeting();
        peer.send(frames::ready("PUSH"));
        peer.expect_ready("PULL");
    }
    assert_all_are_kept(&events);
}

/// Who has our READY may send, and would lose that with its place.
#[test]
fn youngest_quarter_of_the_handshakes_speaks_first() {
    let pull = Pull::builder().max_handshakes_per_address(8);
    let (world, pull, endpoint, events) = bound(pull);
    let mut peers = [(); 8].map(|()| dial(&world, &endpoint));
    for peer in &mut peers {
        peer.expect_greeting();
        peer.send_greeting();
    }
    let [early @ .., answering, waiting] = &mut peers;
    for peer in early {
        peer.expect_ready("PULL");
    }
    waiting.expect_silence(SECOND / 20);
    answering.expect_silence(SECOND / 100);
    answering.send(frames::ready("PUSH"));
    answering.expect_ready("PULL");
    // A peer that waits for our READY likewise is not kept waiting for long.
    waiting.expect_ready("PULL");
    waiting.send(frames::ready("PUSH"));
    world.run_until(|| pull.pipes() == 2);
    assert_all_are_kept(&events);
}

#[test]
fn handshakes_over_ipc_count_in_all_and_for_no_address() {
    let (world, context) = world(1);
    let pull = Pull::builder()
        .max_handshakes_per_address(1)
        .max_handshakes(3);
    let pull = pull.build(&context).unwrap();
    let (events, endpoint) = (pull.events(), pull.bind("ipc:///tmp/handshakes").unwrap());
    let mut peers = [(); 3].map(|()| dial(&world, &endpoint));
    peers.iter_mut().for_each(MockPeer::expect_greeting);
    assert_all_are_kept(&events);
    dial(&world, &endpoint).expect_end();
    assert_eq!(crowd(&events), Crowd::Handshakes);
}

/// On Linux every address of 127/8 is this machine's.
#[cfg(target_os = "linux")]
#[test]
fn handshakes_of_one_address_keep_no_other_out() {
    ferromq_testkit::watchdog::under("addresses", WAIT, || {
        let pull = Pull::builder().max_handshakes_per_address(1);
        let context = Context::new();
        let pull = pull.build(&context).unwrap();
        let (events, endpoint) = (pull.events(), pull.bind(ANY).unwrap().to_string());
        let port = endpoint.rsplit(':').next().unwrap();
        let address = format!("127.0.0.1:{port}");
        let mut silent = MockPeer::dial_tcp(&address);
        silent.expect_greeting();
        MockPeer::dial_tcp(&address).expect_end();
        assert_eq!(crowd(&events), Crowd::HandshakesOfAddress);
        let elsewhere = format!("tcp://127.0.0.2:0;{address}");
        assert_serves(&pull, &Context::new(), &elsewhere);
        assert_eq!(pull.stats().turned_away, 1);
    });
}

#[test]
fn refused_peers_that_linger_count_as_handshakes() {
    let (world, _pull, endpoint, events) = bound(Pull::builder().max_handshakes(1));
    let mut rude = dial(&world, &endpoint);
    rude.send(frames::greeting().then(frames::msg(["too early"])));
    ending(&events);
    dial(&world, &endpoint).expect_end();
    assert_eq!(crowd(&events), Crowd::Handshakes);
    world.advance(2 * SECOND);
    dial(&world, &endpoint).handshake("PUSH", "PULL");
}

#[test]
fn handshake_in_time_succeeds_and_a_later_one_is_timed_out() {
    let pull = || Pull::builder().handshake_timeout(3 * SECOND);
    let almost = 3 * SECOND - Duration::from_millis(10);
    for (pause, is_in_time) in [(almost, true), (3 * SECOND, false)] {
        let (world, pull, endpoint, events) = bound(pull());
        let mut peer = dial(&world, &endpoint);
        // Whatever it says meanwhile, there is one deadline.
        peer.send_greeting();
        world.advance(pause);
        if is_in_time {
            peer.send(frames::ready("PUSH"));
            world.run_until(|| pull.pipes() == 1);
            world.advance(3 * SECOND);
            assert_all_are_kept(&events);
        } else {
            assert_eq!(ending(&events), Reason::TimedOut);
        }
    }
}

#[test]
fn events_up_to_the_backlog_are_kept_and_further_ones_counted() {
    let (_, context) = world(1);
    let pull = Pull::builder().event_backlog(2).build(&context).unwrap();
    let events = pull.events();
    let is_listening = |event| matches!(event, Some(Event::Listening { .. }));
    for _ in 0..2 {
        pull.bind(ANY).unwrap();
    }
    assert!(is_listening(events.try_next()) && is_listening(events.try_next()));
    assert_eq!(events.try_next(), None);
    for _ in 0..5 {
        pull.bind(ANY).unwrap();
    }
    assert!(is_listening(events.try_next()) && is_listening(events.try_next()));
    assert_eq!(events.try_next(), Some(Event::Missed(3)));
    assert_eq!(events.try_next(), None);
}

#[test]
fn limit_that_lets_nobody_in_is_refused() {
    let refused = |pull: Builder<Pull>| match pull.build(&world(1).1) {
        Err(BuildError::OutOfRange { option }) => option,
        other => panic!("{other:?}"),
    };
    let pull = Pull::builder;
    assert_eq!(refused(pull().max_connections(0)), "max_connections");
    assert_eq!(refused(pull().max_handshakes(0)), "max_handshakes");
    let option = "max_handshakes_per_address";
    assert_eq!(refused(pull().max_handshakes_per_address(0)), option);
    assert_eq!(
        refused(pull().max_handshake_size(1023)),
        "max_handshake_size"
    );
    assert_eq!(refused(pull().max_command_size(1023)), "max_command_size");
    assert_eq!(refused(pull().max_properties(1)), "max_properties");
    assert_eq!(refused(pull().max_parts(0)), "max_parts");
    assert_eq!(refused(pull().event_backlog(0)), "event_backlog");
    let smallest = pull()
        .max_connections(1)
        .max_handshakes(1)
        .max_handshakes_per_address(1)
        .max_handshake_size(1024)
        .max_command_size(1024)
        .max_properties(2)
        .max_parts(1)
        .event_backlog(1);
    let (world, pull, endpoint, _) = bound(smallest);
    let context = Context::with_world(Arc::new(world), 1);
    assert_serves(&pull, &context, &endpoint.to_string());
}

/// The application's timers are its own; what peers can set are deadlines of their connections,
/// which are one each.
#[test]
fn timers_are_as_many_as_the_application_makes() {
    let mut timers = Timers::new();
    let start = std::time::Instant::now();
    for number in 0..100_000 {
        timers.add(number, SECOND, start);
    }
    let mut due = 0;
    timers.expire(start + SECOND, |_, _| due += 1);
    assert_eq!(due, 100_000);
}

/// A publisher and a subscriber whose limits are the smallest.
#[test]
fn smallest_limits_let_subscriptions_through() {
    let (world, context) = world(1);
    let publisher = Pub::builder().max_command_size(1024).max_handshakes(1);
    let publisher = publisher.build(&context).unwrap();
    let endpoint = publisher.bind(ANY).unwrap();
    let sub = Sub::builder()
        .invert_matching(false)
        .build(&context)
        .unwrap();
    sub.subscribe("t").unwrap();
    sub.connect(endpoint).unwrap();
    world.run_until(|| publisher.topics() == Ok(1));
}
