//! Options that are changed while the socket is used.

use ferromq::{BuildError, Pull, Push, RecvError, SendErrorKind};

use super::*;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn set_send_timeout_is_for_calls_that_begin_later() {
    let (world, context) = world(1);
    let push = Push::builder().send_timeout(9 * SECOND).build(&context);
    let push = push.unwrap();
    for seconds in [3, 1] {
        push.set_send_timeout(Some(seconds * SECOND));
        let start = world.elapsed();
        assert_eq!(push.send("x").unwrap_err().kind, SendErrorKind::TimedOut);
        let took = world.elapsed() - start;
        let least = seconds * SECOND;
        assert!((least..least + SECOND).contains(&took), "{took:?}");
    }
}

#[test]
fn set_receive_timeout_is_for_calls_that_begin_later() {
    let (world, context) = world(1);
    let pull = Pull::new(&context);
    for seconds in [3, 1] {
        pull.set_receive_timeout(Some(seconds * SECOND));
        let start = world.elapsed();
        assert_eq!(pull.recv(), Err(RecvError::TimedOut));
        let took = world.elapsed() - start;
        let least = seconds * SECOND;
        assert!((least..least + SECOND).contains(&took), "{took:?}");
    }
}

#[test]
fn set_linger_is_how_long_a_later_close_looks_for_a_peer() {
    let (world, context) = world(1);
    let push = Push::new(&context);
    push.connect(NOWHERE).unwrap();
    push.send("x").unwrap();
    push.set_linger(2 * SECOND).unwrap();
    let refused = push.set_linger(SECOND * 2 * 24 * 3600);
    assert_eq!(refused, Err(BuildError::OutOfRange { option: "linger" }));
    let start = world.elapsed();
    push.close();
    let took = world.elapsed() - start;
    assert!((2 * SECOND..3 * SECOND).contains(&took), "{took:?}");
}

#[test]
fn set_reconnect_interval_is_for_the_next_pauses() {
    let (_, context) = world(1);
    let push = Push::builder().reconnect_interval(SECOND, SECOND);
    let push = push.build(&context).unwrap();
    let events = push.events();
    let pause = || match wait_for(&events, |event| matches!(event, Event::Retry { .. })) {
        Event::Retry { after, .. } => after,
        other => panic!("{other:?}"),
    };
    push.connect(NOWHERE).unwrap();
    assert!((SECOND / 2..=SECOND).contains(&pause()));
    push.set_reconnect_interval(20 * SECOND, 20 * SECOND)
        .unwrap();
    let refused = push.set_reconnect_interval(SECOND, SECOND / 2);
    let option = "reconnect_interval";
    assert_eq!(refused, Err(BuildError::OutOfRange { option }));
    assert!((10 * SECOND..=20 * SECOND).contains(&pause()));
}
