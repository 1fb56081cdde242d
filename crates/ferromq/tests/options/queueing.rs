//! What waits in a socket, how much of it and for how long.

use ferromq::{
    BuildError, Pub, Pull, Push, Reason, RecvError, Req, SendErrorKind, Sub, Violation, Xpub, Xsub,
};

use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// How many messages are taken at most for a peer that is not there.
fn taken(push: &Push, at_most: usize) -> usize {
    push.connect(NOWHERE).unwrap();
    (0..at_most)
        .take_while(|_| push.try_send("x").is_ok())
        .count()
}

#[test]
fn send_high_water_mark_is_how_many_messages_wait_for_a_peer() {
    let (_, context) = world(1);
    assert_eq!(taken(&Push::new(&context), 5000), 1000);
    for (mark, expected) in [(1, 1), (7, 7), (0, 5000)] {
        let push = Push::builder().send_high_water_mark(mark).build(&context);
        assert_eq!(taken(&push.unwrap(), 5000), expected, "mark {mark}");
    }
}

#[test]
fn receive_high_water_mark_is_how_many_messages_wait_for_the_application() {
    for (mark, expected) in [(1, 1), (7, 7), (0, 2000)] {
        let (world, context) = world(1);
        let pull = Pull::builder().receive_high_water_mark(mark);
        let (pull, push) = (pull.build(&context).unwrap(), Push::new(&context));
        push.connect(pull.bind(ANY).unwrap()).unwrap();
        for _ in 0..2000 {
            push.send("x").unwrap();
        }
        world.run_until(|| pull.stats().waiting >= expected);
        world.advance(SECOND);
        assert_eq!(pull.stats().waiting, expected, "mark {mark}");
    }
}

#[test]
fn send_timeout_is_how_long_sending_waits() {
    let (world, context) = world(1);
    let push = Push::builder().send_timeout(3 * SECOND).build(&context);
    let error = push.unwrap().send("x").unwrap_err();
    assert_eq!(error.kind, SendErrorKind::TimedOut);
    let elapsed = world.elapsed();
    assert!((3 * SECOND..4 * SECOND).contains(&elapsed), "{elapsed:?}");
}

#[test]
fn receive_timeout_is_how_long_receiving_waits() {
    let (world, context) = world(1);
    let pull = Pull::builder().receive_timeout(3 * SECOND).build(&context);
    assert_eq!(pull.unwrap().recv(), Err(RecvError::TimedOut));
    let elapsed = world.elapsed();
    assert!((3 * SECOND..4 * SECOND).contains(&elapsed), "{elapsed:?}");
}

#[test]
fn linger_is_how_long_closing_looks_for_a_peer() {
    for (linger, least) in [(None, 5 * SECOND), (Some(2 * SECOND), 2 * SECOND)] {
        let (world, context) = world(1);
        let push = Push::builder();
        let push = linger.map_or(push.clone(), |linger| push.linger(linger));
        let push = push.build(&context).unwrap();
        push.connect(NOWHERE).unwrap();
        push.send("x").unwrap();
        let start = world.elapsed();
        push.close();
        let took = world.elapsed() - start;
        assert!((least..least + SECOND).contains(&took), "{took:?}");
    }
}

#[test]
fn max_message_size_ends_the_connection_of_a_larger_one() {
    let (_, context) = world(1);
    let pull = Pull::builder()
        .max_message_size(10)
        .build(&context)
        .unwrap();
    let (events, push) = (pull.events(), Push::new(&context));
    push.connect(pull.bind(ANY).unwrap()).unwrap();
    push.send(["12345", "67890"]).unwrap();
    assert_eq!(pull.recv_timeout(WAIT).unwrap().len(), 2);
    push.send(["12345", "678901"]).unwrap();
    let ended = wait_for(&events, |event| matches!(event, Event::Disconnected { .. }));
    let Event::Disconnected { reason, .. } = ended else {
        unreachable!("it was waited for");
    };
    assert_eq!(reason, Reason::Violation(Violation::MessageTooLarge));
}

#[test]
fn queueing_option_out_of_range_is_refused() {
    let (_, context) = world(1);
    let days = SECOND * 2 * 24 * 3600;
    let built = Push::builder().linger(days).build(&context);
    assert!(matches!(
        built,
        Err(BuildError::OutOfRange { option: "linger" })
    ));
    let built = Push::builder().max_parts(0).build(&context);
    assert!(matches!(
        built,
        Err(BuildError::OutOfRange {
            option: "max_parts"
        })
    ));
    let built = Push::builder().backlog(0).build(&context);
    assert!(matches!(
        built,
        Err(BuildError::OutOfRange { option: "backlog" })
    ));
}

#[test]
fn readiness_says_what_would_not_wait() {
    let (world, context) = world(1);
    let (push, pull) = (Push::new(&context), Pull::new(&context));
    assert!(!push.readiness().send && !pull.readiness().receive);
    push.connect(pull.bind(ANY).unwrap()).unwrap();
    assert!(push.readiness().send && !pull.readiness().receive);
    push.send("x").unwrap();
    world.run_until(|| pull.readiness().receive);
    let req = Req::new(&context);
    assert!(!req.readiness().receive && !req.readiness().send);
}

#[test]
fn bind_returns_the_concrete_endpoint() {
    let (_, context) = world(1);
    let pull = Pull::new(&context);
    let endpoint = pull.bind("tcp://127.0.0.1:*").unwrap().to_string();
    assert!(endpoint.starts_with("tcp://127.0.0.1:"), "{endpoint}");
    assert!(
        !endpoint.ends_with('*') && !endpoint.ends_with(":0"),
        "{endpoint}"
    );
}

#[test]
fn sub_receives_what_it_subscribed_to_only() {
    let (world, context) = world(1);
    let (publisher, sub) = (Pub::new(&context), Sub::new(&context));
    sub.connect(publisher.bind(ANY).unwrap()).unwrap();
    sub.subscribe("a").unwrap();
    world.run_until(|| publisher.topics().unwrap() == 1);
    publisher.send("b1").unwrap();
    publisher.send("a1").unwrap();
    assert_eq!(sub.recv_timeout(WAIT).unwrap().part_str(0).unwrap(), "a1");
    sub.unsubscribe("a").unwrap();
    world.run_until(|| publisher.topics().unwrap() == 0);
    publisher.send("a2").unwrap();
    assert_eq!(sub.recv_timeout(SECOND), Err(RecvError::TimedOut));
}

#[test]
fn topics_are_counted_once_each() {
    let (world, context) = world(1);
    let (xpub, sub, other) = (Xpub::new(&context), Sub::new(&context), Sub::new(&context));
    let endpoint = xpub.bind(ANY).unwrap();
    sub.connect(&endpoint).unwrap();
    other.connect(&endpoint).unwrap();
    for topic in ["a", "a", "b"] {
        sub.subscribe(topic).unwrap();
        other.subscribe(topic).unwrap();
    }
    world.run_until(|| xpub.topics().unwrap() == 2);
    world.advance(SECOND);
    assert_eq!(xpub.topics().unwrap(), 2);
}

#[test]
fn linger_of_a_subscriber_is_none_unless_it_is_set() {
    for linger in [None, Some(2 * SECOND)] {
        for late in [false, true] {
            let (world, context) = world(1);
            let xsub = Xsub::builder();
            let builder = match linger {
                Some(linger) if !late => xsub.linger(linger),
                _ => xsub,
            };
            let xsub = builder.build(&context).unwrap();
            if late && let Some(linger) = linger {
                xsub.set_linger(linger).unwrap();
            }
            xsub.connect(NOWHERE).unwrap();
            xsub.send("x").unwrap();
            let start = world.elapsed();
            xsub.close();
            let took = world.elapsed() - start;
            let least = linger.unwrap_or_default();
            assert!((least..least + SECOND).contains(&took), "{took:?}");
        }
    }
}

#[test]
fn disconnecting_a_subscriber_lingers_as_its_context_says() {
    for linger in [Duration::ZERO, 2 * SECOND] {
        let world = SimWorld::new(1);
        let builder = Context::builder_with_world(Arc::new(world.clone()));
        let context = builder.linger(linger).build().unwrap();
        let xsub = Xsub::new(&context);
        xsub.connect(NOWHERE).unwrap();
        xsub.send("x").unwrap();
        xsub.disconnect(NOWHERE).unwrap();
        let start = world.elapsed();
        let report = xsub.close();
        let took = world.elapsed() - start;
        assert!((linger..linger + SECOND).contains(&took), "{took:?}");
        assert_eq!(report.unsent, 1);
    }
}
