//! What the system refuses, each fault by itself: the service goes on, an event or an error says
//! what happened, and nobody spins. Whole sockets in the simulated world.

#![cfg(all(
    feature = "pipeline",
    feature = "reqrep",
    feature = "tcp",
    feature = "ipc"
))]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use ferromq::{
    BindError, ConnectError, Context, Dealer, Endpoint, Event, Events, Initiator, ListenError,
    Pull, Push, Reason,
};
use ferromq_core::world::{Habit, Tuning};
use ferromq_testkit::sim::{Call, Conditions, Fault, LinkId, Side, SimWorld, for_seeds};

#[allow(dead_code, reason = "each test file uses its part")]
mod common;
use common::{WAIT, handshake_success, wait_for, world};

const ENDPOINT: &str = "tcp://127.0.0.1:7000";

const EINTR: i32 = 4;
const EAGAIN: i32 = 11;
const ENOMEM: i32 = 12;
const ENFILE: i32 = 23;
const EMFILE: i32 = 24;
const ENOSPC: i32 = 28;
const ENOBUFS: i32 = 105;

/// Turns in which nothing moves that a second may have, whatever fails in it.
const IDLE_TURNS: u64 = 100;

/// A PULL, bound.
fn bound(context: &Context) -> (Pull, Events) {
    let pull = Pull::new(context);
    let events = pull.events();
    pull.bind(ENDPOINT).unwrap();
    (pull, events)
}

/// A PUSH and a PULL that are connected, and the link between them.
fn joined(seed: u64) -> (SimWorld, Push, Events, Pull, LinkId) {
    let (world, context) = world(seed);
    let (pull, _) = bound(&context);
    let push = Push::new(&context);
    let events = push.events();
    push.connect(ENDPOINT).unwrap();
    handshake_success(&events);
    let link = world.links()[0];
    (world, push, events, pull, link)
}

/// What is sent arrives.
#[track_caller]
fn assert_serves(push: &Push, pull: &Pull) {
    push.send_timeout("still here", WAIT).unwrap();
    let message = pull.recv_timeout(WAIT).unwrap();
    assert_eq!(message.part_str(0), Ok("still here"));
}

/// A second passes in which little is done.
#[track_caller]
fn assert_rests(world: &SimWorld) {
    let before = world.idle_turns();
    world.advance(Duration::from_secs(1));
    let turns = world.idle_turns() - before;
    assert!(
        turns <= IDLE_TURNS,
        "{turns} turns for nothing\n{}",
        world.dump()
    );
}

#[track_caller]
fn disconnected(events: &Events) -> (Reason, Initiator) {
    match wait_for(events, |event| matches!(event, Event::Disconnected { .. })) {
        Event::Disconnected {
            reason, initiator, ..
        } => (reason, initiator),
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn connect_failure(events: &Events) -> (ErrorKind, Option<i32>) {
    match wait_for(events, |event| matches!(event, Event::ConnectFailed { .. })) {
        Event::ConnectFailed { error, code, .. } => (error, code),
        other => panic!("{other:?}"),
    }
}

#[test]
fn accepting_without_resources_pauses_is_reported_and_goes_on() {
    for code in [EMFILE, ENFILE, ENOBUFS, ENOMEM] {
        let (world, context) = world(1);
        let (pull, events) = bound(&context);
        world.fail_accept(ENDPOINT, code, 20);
        let push = Push::new(&context);
        push.connect(ENDPOINT).unwrap();
        for _ in 0..20 {
            let failed = wait_for(&events, |event| matches!(event, Event::AcceptFailed { .. }));
            let Event::AcceptFailed { code: said, .. } = failed else {
                panic!("{failed:?}");
            };
            assert_eq!(said, Some(code));
        }
        assert!(
            world.elapsed() > Duration::from_millis(1_800),
            "{:?}",
            world.elapsed()
        );
        assert!(world.idle_turns() < 5 * 20, "{} turns", world.idle_turns());
        assert_serves(&push, &pull);
    }
}

#[test]
fn connection_at_fault_itself_is_reported_and_keeps_nobody_waiting() {
    for error in [ErrorKind::ConnectionAborted, ErrorKind::PermissionDenied] {
        let (world, context) = world(1);
        let (pull, events) = bound(&context);
        world.fail_accept(ENDPOINT, error, 3);
        let push = Push::new(&context);
        push.connect(ENDPOINT).unwrap();
        for _ in 0..3 {
            let failed = wait_for(&events, |event| matches!(event, Event::AcceptFailed { .. }));
            assert!(matches!(failed, Event::AcceptFailed { error: it, .. } if it == error));
        }
        handshake_success(&events);
        assert!(
            world.elapsed() < Duration::from_millis(20),
            "{:?}",
            world.elapsed()
        );
        assert_serves(&push, &pull);
    }
}

#[test]
fn interrupted_accept_is_made_again() {
    let (world, context) = world(1);
    let (pull, events) = bound(&context);
    world.fail_accept(ENDPOINT, EINTR, 3);
    let push = Push::new(&context);
    push.connect(ENDPOINT).unwrap();
    let next = wait_for(&events, |event| !matches!(event, Event::Listening { .. }));
    assert!(matches!(next, Event::Accepted { .. }), "{next:?}");
    assert!(
        world.elapsed() < Duration::from_millis(20),
        "{:?}",
        world.elapsed()
    );
    assert_serves(&push, &pull);
}

#[test]
fn interrupted_transfers_are_made_again() {
    for_seeds(0..20, |seed| {
        let (world, push, events, pull, link) = joined(seed);
        for side in [Side::Dialer, Side::Acceptor] {
            world.fail_read(link, side, EINTR, 3);
            world.fail_write(link, side, EINTR, 3);
        }
        for _ in 0..5 {
            assert_serves(&push, &pull);
        }
        assert_rests(&world);
        assert_eq!(events.try_next(), None);
    });
}

#[test]
fn interrupted_handshake_goes_on() {
    for_seeds(0..20, |seed| {
        let (world, context) = world(seed);
        let (pull, _) = bound(&context);
        let push = Push::new(&context);
        push.connect(ENDPOINT).unwrap();
        world.run_until(|| !world.links().is_empty());
        let link = world.links()[0];
        for side in [Side::Dialer, Side::Acceptor] {
            world.fail_read(link, side, EINTR, 2);
            world.fail_write(link, side, EINTR, 2);
        }
        assert_serves(&push, &pull);
        assert_eq!(world.links(), [link]);
    });
}

#[test]
fn reset_while_reading_is_reported_and_dialed_again() {
    let (world, push, events, pull, link) = joined(1);
    world.fail_read(link, Side::Dialer, ErrorKind::ConnectionReset, 1);
    let reason = Reason::Io(ErrorKind::ConnectionReset);
    assert_eq!(disconnected(&events), (reason, Initiator::Peer));
    handshake_success(&events);
    assert_serves(&push, &pull);
    assert_rests(&world);
}

#[test]
fn broken_pipe_while_writing_is_reported_and_what_was_unsent_arrives() {
    let (world, push, events, pull, link) = joined(1);
    world.fail_write(link, Side::Dialer, ErrorKind::BrokenPipe, 1);
    push.send("unsent").unwrap();
    let reason = Reason::Io(ErrorKind::BrokenPipe);
    assert_eq!(disconnected(&events), (reason, Initiator::Peer));
    assert_eq!(pull.recv_timeout(WAIT).unwrap().part_str(0), Ok("unsent"));
    assert_serves(&push, &pull);
    assert_rests(&world);
}

/// The reading side of a connection that cannot be written any more lives on for a second. If it
/// stands at its high-water mark, nobody learns more meanwhile: that is no reason to look again and
/// again.
#[test]
fn message_left_for_a_connection_that_cannot_be_written_is_not_looked_at_again_and_again() {
    let tuning = Tuning::all(Habit::Never);
    let conditions = Conditions {
        tuning,
        ..Conditions::default()
    };
    let world = SimWorld::with(1, conditions);
    let context = Context::with_world(Arc::new(world.clone()), 1);
    let deaf = Dealer::builder().receive_high_water_mark(1);
    let deaf = deaf.build(&context).unwrap();
    let loud = Dealer::new(&context);
    let events = deaf.events();
    deaf.connect(loud.bind(ENDPOINT).unwrap()).unwrap();
    handshake_success(&events);
    for _ in 0..100 {
        loud.send("x".repeat(100)).unwrap();
    }
    world.advance(Duration::from_millis(10));
    world.fail_write(world.links()[0], Side::Dialer, ErrorKind::BrokenPipe, 1);
    deaf.send("first").unwrap();
    world.advance(Duration::from_millis(10));
    deaf.send("left").unwrap();
    let before = world.idle_turns();
    world.advance(Duration::from_millis(500));
    let turns = world.idle_turns() - before;
    assert!(turns <= IDLE_TURNS, "{turns} turns for nothing");
}

#[test]
fn bytes_that_come_and_go_one_by_one_make_whole_messages() {
    let (world, push, _, pull, _) = joined(1);
    world.weather(|conditions| conditions.capacity = 1);
    for size in [0, 1, 255, 256, 3_000] {
        push.send(["head".to_owned(), "x".repeat(size)]).unwrap();
        let message = pull.recv_timeout(WAIT).unwrap();
        assert_eq!(message.part_str(1), Ok(&*"x".repeat(size)));
    }
}

/// Binding fails as the system says, and then succeeds.
#[track_caller]
fn bind_failure(endpoint: &str, fault: impl Into<Fault>) -> ListenError {
    let (world, context) = world(1);
    let pull = Pull::new(&context);
    world.fail(Call::Listen, fault, 1);
    let error = match pull.bind(endpoint) {
        Err(BindError::Listen(error)) => error,
        other => panic!("{other:?}"),
    };
    let endpoint = pull.bind(endpoint).unwrap();
    let push = Push::new(&context);
    push.connect(endpoint).unwrap();
    assert_serves(&push, &pull);
    error
}

#[test]
fn bind_that_the_system_refuses_is_a_typed_error() {
    let error = bind_failure("ipc:///sim/file", ENOSPC);
    assert!(matches!(error, ListenError::Io(it) if it.raw_os_error() == Some(ENOSPC)));
    let error = bind_failure(ENDPOINT, ENOBUFS);
    assert!(matches!(error, ListenError::Io(it) if it.raw_os_error() == Some(ENOBUFS)));
    for code in [EMFILE, ENFILE] {
        let error = bind_failure(ENDPOINT, code);
        assert!(
            matches!(error, ListenError::TooManyDescriptors),
            "{error:?}"
        );
    }
    let error = bind_failure(ENDPOINT, ErrorKind::AddrNotAvailable);
    assert!(
        matches!(error, ListenError::AddressNotAvailable),
        "{error:?}"
    );
}

#[test]
fn thread_that_the_system_refuses_is_a_typed_error_and_can_be_tried_again() {
    for (call, code) in [(Call::Start, EAGAIN), (Call::Reactor, EMFILE)] {
        let (world, context) = world(1);
        let (push, pull) = (Push::new(&context), Pull::new(&context));
        world.fail(call, code, 2);
        let error = match pull.bind(ENDPOINT) {
            Err(BindError::NoThread(error)) => error,
            other => panic!("{other:?}"),
        };
        assert_eq!(error.raw_os_error(), Some(code));
        let error = match push.connect(ENDPOINT) {
            Err(ConnectError::NoThread(error)) => error,
            other => panic!("{other:?}"),
        };
        assert_eq!(error.raw_os_error(), Some(code));
        pull.bind(ENDPOINT).unwrap();
        push.connect(ENDPOINT).unwrap();
        assert_serves(&push, &pull);
    }
}

#[test]
fn name_that_does_not_resolve_is_reported_and_tried_again() {
    let (world, context) = world(1);
    let (pull, _) = bound(&context);
    let push = Push::new(&context);
    let events = push.events();
    for kind in [ErrorKind::NotFound, ErrorKind::TimedOut] {
        world.fail_name("server", kind);
        if kind == ErrorKind::NotFound {
            push.connect("tcp://server:7000").unwrap();
        }
        assert_eq!(connect_failure(&events).0, kind);
    }
    assert_rests(&world);
    world.add_name("server", &[[127, 0, 0, 1].into()]);
    assert_serves(&push, &pull);
}

#[test]
fn dialing_without_resources_is_reported_and_tried_again() {
    for code in [EMFILE, ENFILE, ENOBUFS, ENOMEM] {
        let (world, context) = world(1);
        let (pull, _) = bound(&context);
        let push = Push::new(&context);
        let events = push.events();
        world.fail_dial(code, 3);
        push.connect(ENDPOINT).unwrap();
        for _ in 0..3 {
            assert_eq!(connect_failure(&events).1, Some(code));
        }
        assert_serves(&push, &pull);
        assert!(
            world.idle_turns() < IDLE_TURNS,
            "{} turns",
            world.idle_turns()
        );
    }
}

#[test]
fn connect_that_comes_to_nothing_is_reported_and_tried_again() {
    for kind in [ErrorKind::TimedOut, ErrorKind::HostUnreachable] {
        let (world, context) = world(1);
        let (pull, _) = bound(&context);
        let push = Push::new(&context);
        let events = push.events();
        world.fail(Call::FinishConnect, kind, 2);
        push.connect(ENDPOINT).unwrap();
        assert_eq!(connect_failure(&events).0, kind);
        assert_eq!(connect_failure(&events).0, kind);
        assert_serves(&push, &pull);
    }
}

/// epoll has no room for another descriptor (ENOSPC), or the kernel no memory: whatever was to be
/// watched.
#[test]
fn what_cannot_be_watched_is_reported_and_tried_again() {
    for call in [Call::Watch, Call::Arm] {
        for code in [ENOSPC, ENOMEM] {
            for before in 0..12 {
                watch_fails(call, code, before);
            }
        }
    }
}

/// The call fails for the first time when so many connections and messages have been.
fn watch_fails(call: Call, code: i32, before: usize) {
    let (world, context) = world(before as u64);
    let pull = Pull::new(&context);
    let events = pull.events();
    let push = Push::new(&context);
    let fail = |at: usize| {
        if at == before {
            world.fail(call, code, 1);
        }
    };
    fail(0);
    let endpoint: Endpoint = pull.bind(ENDPOINT).unwrap();
    fail(1);
    world.run_idle();
    fail(2);
    push.connect(&endpoint).unwrap();
    for step in 3..12 {
        fail(step);
        world.step();
        world.step();
    }
    // What the kernel had taken for a connection that is given up is lost with it.
    let served = (0..3).any(|_| {
        push.send_timeout("still here", WAIT).unwrap();
        pull.recv_timeout(WAIT / 4).is_ok()
    });
    assert!(served, "{call:?}, {code}, {before}");
    assert_rests(&world);
    for event in std::iter::from_fn(|| events.try_next()) {
        if let Event::AcceptFailed { code: said, .. } = event {
            assert_eq!(said, Some(code));
        }
    }
}

#[test]
fn close_tells_what_io_threads_without_a_core_have_not_written() {
    for_seeds(0..20, |seed| {
        let (world, push, _, pull, _) = joined(seed);
        push.set_linger(Duration::ZERO).unwrap();
        world.weather(|conditions| conditions.starved = true);
        let message = vec![7; 10_000];
        while push.try_send(&message[..]).is_ok() {}
        let queued = push.stats().queued;
        assert!(queued > 0);
        let report = push.close();
        assert_eq!((report.unsent, report.complete), (queued, false));
        world.weather(|conditions| conditions.starved = false);
        let report = push.close();
        assert_eq!(
            (report.unsent, report.complete),
            (queued, false),
            "in the end"
        );
        drop(pull);
    });
}
