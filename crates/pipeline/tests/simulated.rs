//! Whole PUSH and PULL sockets in the simulated world: no thread, no time, the same trace for the
//! same seed.

#![cfg(all(feature = "tcp", feature = "ipc", feature = "inproc"))]

use std::sync::Arc;
use std::time::Duration;

use ferromq_core::{Context, Dropped, Message, SendErrorKind, Socket};
use ferromq_pipeline::{Pull, PullPattern, Push, PushPattern};
use ferromq_testkit::sim::{SimWorld, for_seeds};

const WAIT: Duration = Duration::from_secs(30);

fn context(world: &SimWorld) -> Context {
    Context::with_world(Arc::new(world.clone()), 1)
}

fn push(context: &Context) -> Socket<PushPattern> {
    Socket::with_defaults(context)
}

fn pull(context: &Context) -> Socket<PullPattern> {
    Socket::with_defaults(context)
}

fn number(socket: &Socket<PullPattern>) -> u32 {
    let message = socket.recv_timeout(WAIT).expect("a message was sent");
    let text = message.part_str(0).expect("numbers are sent as text");
    text.parse().expect("only numbers are sent")
}

#[test]
fn push_to_pull_over_tcp_delivers_in_order() {
    for_seeds(0..5, |seed| {
        let world = SimWorld::new(seed);
        let context = context(&world);
        let (push, pull) = (push(&context), pull(&context));
        let endpoint = pull.bind("tcp://127.0.0.1:*").unwrap();
        push.connect(&endpoint).unwrap();
        for count in 0..3000u32 {
            push.send(count.to_string()).unwrap();
            if count % 2 == 1 {
                assert_eq!((number(&pull), number(&pull)), (count - 1, count));
            }
        }
        let report = push.close();
        assert!(report.complete && report.unsent == 0, "{report:?}");
    });
}

/// So many that they are received as they came and taken apart later, as far as the mark allows.
#[test]
fn messages_of_all_shapes_that_come_together_are_received_as_they_were_sent() {
    let message = |count: usize| {
        let part = |size: usize| vec![count as u8; size];
        match count % 7 {
            0 => Message::from([part(count % 70), part(0), part(count % 400)]),
            1 => Message::from(part(count % 1_500)),
            _ => Message::from(part(count % 65)),
        }
    };
    for mark in [1, 10, 999, 1_000, 0] {
        for_seeds(0..3, |seed| {
            let world = SimWorld::new(seed);
            let context = context(&world);
            let push = Push::builder()
                .send_high_water_mark(0)
                .build(&context)
                .unwrap();
            let pull = Pull::builder()
                .receive_high_water_mark(mark)
                .build(&context)
                .unwrap();
            push.connect(pull.bind("tcp://127.0.0.1:*").unwrap())
                .unwrap();
            for count in 0..3_000 {
                push.send(message(count)).unwrap();
            }
            for count in 0..3_000 {
                let came = pull.recv_timeout(WAIT).unwrap();
                assert_eq!(came, message(count), "number {count}, mark {mark}");
                let waiting = pull.stats().waiting;
                assert!(
                    mark == 0 || waiting <= u64::from(mark),
                    "{waiting} of {mark}"
                );
            }
            assert_eq!(pull.stats().waiting, 0);
        });
    }
}

#[test]
fn push_beyond_both_marks_waits_for_the_reader_and_loses_nothing() {
    for_seeds(0..3, |seed| {
        let world = SimWorld::new(seed);
        let context = context(&world);
        let (push, pull) = (push(&context), pull(&context));
        push.connect("ipc:///sim/pipe").unwrap();
        pull.bind("ipc:///sim/pipe").unwrap();
        let mut next = 0;
        for count in 0..5_000u32 {
            while let Err(error) = push.try_send(count.to_string()) {
                assert_eq!(error.kind, SendErrorKind::Full);
                assert_eq!(number(&pull), next);
                next += 1;
            }
        }
        while next < 5_000 {
            assert_eq!(number(&pull), next);
            next += 1;
        }
        world.run_idle();
        let stats = push.stats();
        assert_eq!(
            (stats.accepted, stats.handed_over, stats.queued),
            (5_000, 5_000, 0)
        );
    });
}

#[test]
fn push_without_peers_is_full_at_once_and_times_out() {
    let world = SimWorld::new(1);
    let context = context(&world);
    let push = push(&context);
    assert_eq!(push.try_send("a").unwrap_err().kind, SendErrorKind::Full);
    let error = push
        .send_timeout("b", Duration::from_millis(10))
        .unwrap_err();
    assert_eq!(error.kind, SendErrorKind::TimedOut);
    assert_eq!(error.message.part_str(0), Ok("b"));
}

#[test]
fn push_to_an_endpoint_without_peer_queues_exactly_the_mark() {
    let world = SimWorld::new(2);
    let context = context(&world);
    let push = push(&context);
    push.connect("tcp://127.0.0.1:7").unwrap();
    let accepted = (0..5000).take_while(|_| push.try_send("x").is_ok()).count();
    assert_eq!(accepted, 1000);
    let report = push.close();
    assert_eq!(report.unsent, 1000);
    assert_eq!(push.stats().dropped(Dropped::Closed), 1000);
}

#[test]
fn inproc_marks_of_both_sides_add_up() {
    let world = SimWorld::new(3);
    let context = context(&world);
    let (push, pull) = (push(&context), pull(&context));
    push.connect("inproc://a").unwrap();
    assert_eq!(
        (0..5000).take_while(|_| push.try_send("x").is_ok()).count(),
        1000
    );
    pull.bind("inproc://a").unwrap();
    assert_eq!(
        (0..5000).take_while(|_| push.try_send("x").is_ok()).count(),
        1000
    );
    pull.try_recv().unwrap();
    assert!(push.try_send("y").is_ok());
    assert_eq!(push.try_send("y").unwrap_err().kind, SendErrorKind::Full);
    assert_eq!(std::iter::from_fn(|| pull.try_recv().ok()).count(), 2000);
}

#[test]
fn lost_peer_leaves_its_unsent_messages_to_the_others() {
    for_seeds(0..5, |seed| {
        let world = SimWorld::new(seed);
        let context = context(&world);
        let push = push(&context);
        let endpoint = push.bind("tcp://127.0.0.1:*").unwrap();
        let (doomed, survivor) = (pull(&context), pull(&context));
        doomed.connect(&endpoint).unwrap();
        survivor.connect(&endpoint).unwrap();
        world.run_until(|| push.pipes() == 2);
        world.hold(world.links_to(&endpoint.to_string())[0]);
        let sent = (0..)
            .take_while(|count: &u32| push.try_send(count.to_string()).is_ok())
            .count();
        world.cut(world.links_to(&endpoint.to_string())[0]);
        let mut seen: Vec<u32> = Vec::new();
        let mut before = usize::MAX;
        while before != seen.len() {
            before = seen.len();
            for socket in [&doomed, &survivor] {
                while let Ok(message) = socket.recv_timeout(Duration::from_secs(2)) {
                    seen.push(message.part_str(0).unwrap().parse().unwrap());
                }
            }
        }
        let stats = push.stats();
        assert_eq!((stats.accepted, stats.queued), (sent as u64, 0));
        assert_eq!(stats.handed_over, sent as u64);
        seen.sort_unstable();
        let whole = seen.len();
        seen.dedup();
        assert_eq!(seen.len(), whole, "nothing twice");
        assert!(whole <= sent);
    });
}
