//! Whole PAIR sockets in the simulated world: no thread, no time, the same trace for the same seed.

#![cfg(all(feature = "tcp", feature = "ipc", feature = "inproc"))]

use std::pin::pin;
use std::sync::Arc;
use std::task::{self, Waker};
use std::time::Duration;

use ferromq_core::world::{Habit, Tuning};
use ferromq_core::{Context, Dropped, Event, Message, RecvError};
use ferromq_pair::Pair;
use ferromq_testkit::sim::{Conditions, SimWorld, for_seeds};

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
fn pairs_talk_both_ways_over_every_transport() {
    for_worlds(|context, endpoint| {
        let (left, right) = (Pair::new(context), Pair::new(context));
        right.connect(left.bind(endpoint).unwrap()).unwrap();
        for count in 0..100_u32 {
            left.send(count.to_string()).unwrap();
            right
                .send([count.to_string(), "back".into()].map(String::into_bytes))
                .unwrap();
            let there = right.recv_timeout(WAIT).unwrap();
            assert_eq!(there, Message::from(count.to_string()));
            assert_eq!(left.recv_timeout(WAIT).unwrap().len(), 2);
        }
    });
}

#[test]
fn pair_with_a_peer_hears_no_second_one_until_the_first_leaves() {
    for_worlds(|context, name| {
        let (left, first, second) = (Pair::new(context), Pair::new(context), Pair::new(context));
        let endpoint = left.bind(name).unwrap();
        first.connect(&endpoint).unwrap();
        first.send("first").unwrap();
        assert_eq!(left.recv_timeout(WAIT).unwrap(), Message::from("first"));
        second.connect(&endpoint).unwrap();
        let attempt = || {
            let _ = second.try_send("second");
            left.recv_timeout(Duration::from_millis(100))
        };
        for _ in 0..10 {
            assert_eq!(attempt(), Err(RecvError::TimedOut));
        }
        first.close();
        if name.starts_with("inproc:") {
            // A refused connection within the process is over; only streams dial again.
            second.connect(&endpoint).unwrap();
        }
        let heard = (0..100).find_map(|_| attempt().ok());
        assert_eq!(heard, Some(Message::from("second")));
    });
}

#[test]
fn sender_that_never_writes_leaves_its_message_to_the_io_thread() {
    for_seeds(0..5, |seed| {
        let conditions = Conditions {
            tuning: Tuning::all(Habit::Never),
            ..Conditions::default()
        };
        let world = SimWorld::with(seed, conditions);
        let context = Context::with_world(Arc::new(world.clone()), 1);
        let (left, right) = (Pair::new(&context), Pair::new(&context));
        right
            .connect(left.bind("tcp://127.0.0.1:*").unwrap())
            .unwrap();
        world.run_until(|| left.readiness().send);
        left.send("a").unwrap();
        let mut receipt = pin!(left.recv_async());
        let poll = Future::poll(
            receipt.as_mut(),
            &mut task::Context::from_waker(Waker::noop()),
        );
        assert!(poll.is_pending());
        assert_eq!(left.stats().queued, 1);
        assert_eq!(right.recv_timeout(WAIT), Ok(Message::from("a")));
    });
}

#[test]
fn closing_pair_hears_its_peer_out_so_that_this_one_reads_on() {
    for &endpoint in &ENDPOINTS[..2] {
        for_seeds(0..10, |seed| {
            let world = SimWorld::new(seed);
            let context = || Context::with_world(Arc::new(world.clone()), 1);
            let build = |context: &Context| {
                let small = Pair::builder().receive_high_water_mark(5);
                small.send_high_water_mark(5).build(context).unwrap()
            };
            let contexts = [context(), context()];
            let (leaves, stays) = (build(&contexts[0]), build(&contexts[1]));
            leaves.connect(stays.bind(endpoint).unwrap()).unwrap();
            world.run_until(|| stays.pipes() == 1);
            // Both are full, in the kernel's buffers too.
            let fill = |pair: &Pair| {
                let mut sent = 0;
                while pair.send_timeout(vec![0; 5000], WAIT / 30).is_ok() {
                    sent += 1;
                }
                sent
            };
            let counts = [fill(&leaves), fill(&stays)];
            assert!(leaves.stats().queued > 0 && stays.stats().queued > 0);
            let mut closing = pin!(leaves.close_async());
            let mut task = task::Context::from_waker(Waker::noop());
            assert!(closing.as_mut().poll(&mut task).is_pending());
            // The one that stays has to send before it receives.
            for _ in 0..100 {
                stays.send_timeout(vec![0; 5000], WAIT).unwrap();
            }
            for _ in 0..counts[0] {
                stays.recv_timeout(WAIT).unwrap();
            }
            let report = world.block_on(closing);
            assert!(report.complete && report.unsent == 0, "{report:?}");
            let dropped = leaves.stats().dropped(Dropped::Closed);
            assert!(dropped >= counts[1], "{dropped} of {}", counts[1]);
        });
    }
}

#[test]
fn peers_that_are_refused_take_up_no_names_and_what_they_sent_is_counted() {
    for_seeds(0..3, |seed| {
        let world = SimWorld::new(seed);
        let context = Context::with_world(Arc::new(world.clone()), 1);
        let left = Pair::new(&context);
        let (tcp, inproc) = ("tcp://127.0.0.1:7000", "inproc://name");
        for endpoint in [tcp, inproc] {
            left.bind(endpoint).unwrap();
        }
        let first = Pair::new(&context);
        first.connect_wait(tcp, WAIT).unwrap();
        for _ in 0..50 {
            for endpoint in [tcp, inproc] {
                let refused = Pair::new(&context);
                let events = left.events();
                refused.connect(endpoint).unwrap();
                let _ = refused.try_send("x");
                let is_refusal = |event: &Event| matches!(event, Event::Disconnected { .. });
                if endpoint == tcp {
                    events.wait_for(WAIT, is_refusal).unwrap();
                }
                refused.close();
            }
        }
        first.close();
        let next = Pair::new(&context);
        next.connect_wait(tcp, WAIT).unwrap();
        world.run_until(|| left.peers().is_ok_and(|peers| peers.len() == 1));
        let pipe = left.peers().unwrap()[0].peer.pipe;
        assert!(pipe.index() < 5, "{pipe:?}");
        let stats = left.stats();
        assert_eq!(stats.received, stats.dropped_in_all() + stats.waiting);
    });
}
