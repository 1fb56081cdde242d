//! The budgets: what each hot path may allocate, copy and ask of the system, per 1000 messages.
//!
//! A message is made of a slice, as applications make it: from 65 bytes on that is one allocation
//! and one copy, which are counted. Nothing here depends on time: the numbers are the same in every
//! run, and the budgets are not much above them.

use std::sync::Arc;
use std::time::Duration;

use ferromq::{Bytes, Context, Message, Pub, Pull, Push, Sub, SubOptions};
use ferromq_budgets::Scenario;
use ferromq_budgets::meter::{Counting, Counts, Places, measure, places};
use ferromq_budgets::seam::Seam;
use ferromq_testkit::{MockPeer, frames, watchdog};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const LIMIT: Duration = Duration::from_secs(60);

/// The most that 1000 messages may cost.
struct Budget {
    name: &'static str,
    /// Blocks, new or made larger.
    blocks: u64,
    /// New blocks from 16 KiB on.
    large: u64,
    /// System calls that carry bytes.
    io: u64,
    /// All system calls.
    calls: u64,
}

/// Nobody sleeps here: what was sent is there when its receiver reads, or while it looks.
#[rustfmt::skip]
const BUDGETS: [Budget; Scenario::ALL.len()] = [
    // Small messages stay in place: what is left is what a burst costs.
    Budget { name: "stream-16",     blocks:     22, large:     0, io:     22, calls:     22 },
    Budget { name: "stream-64",     blocks:     22, large:     0, io:     22, calls:     22 },
    // One block per side, and now and then one of many messages that came together; from 4 KiB on
    // a count of references for each, from 64 KiB on growth.
    Budget { name: "stream-1k",     blocks:  2_100, large:     0, io:     33, calls:     33 },
    Budget { name: "stream-16k",    blocks:  3_500, large: 2_100, io:    490, calls:    490 },
    Budget { name: "stream-256k",   blocks:  4_200, large: 2_100, io:  3_200, calls:  3_200 },
    Budget { name: "stream-1m",     blocks:  5_200, large: 2_100, io:  4_200, calls:  4_200 },
    // The receiver gets what the sender made.
    Budget { name: "inproc-64",     blocks:      0, large:     0, io:      0, calls:      0 },
    Budget { name: "inproc-1k",     blocks:  1_000, large:     0, io:      0, calls:      0 },
    Budget { name: "inproc-256k",   blocks:  1_000, large: 1_000, io:      0, calls:      0 },
    Budget { name: "round-trip-64", blocks:  5_200, large:     0, io:  4_200, calls:  4_200 },
    // One for the publisher, one for each of the eight; of 1 KiB also now and then more.
    Budget { name: "fan-out-64",    blocks:    570, large:     0, io:    180, calls:    180 },
    Budget { name: "fan-out-1k",    blocks: 10_200, large:     0, io:    260, calls:    260 },
];

#[test]
fn hot_paths_keep_their_budgets() {
    let mut over = Vec::new();
    for budget in &BUDGETS {
        let counts = watchdog::under(budget.name, LIMIT, || cost(budget.name));
        let messages = scenario(budget.name).messages as u64;
        let calls = counts.calls;
        let blocks = counts.allocations + counts.reallocations;
        let rows = [
            ("blocks", blocks, budget.blocks),
            ("large blocks", counts.large, budget.large),
            ("zeroed blocks", counts.zeroed, 0),
            ("reads and writes", calls.reads + calls.writes, budget.io),
            ("system calls", calls.total(), budget.calls),
        ];
        for (what, counted, most) in rows {
            let found = (1000 * counted).div_ceil(messages);
            if found > most {
                over.push(format!("{}: {found} {what}, not {most}", budget.name));
            }
        }
    }
    let over = over.join("\n");
    assert!(over.is_empty(), "over budget, per 1000 messages:\n{over}");
}

#[test]
fn the_same_run_costs_the_same() {
    let twice = || watchdog::under("stream-1k", LIMIT, || cost("stream-1k"));
    assert_eq!(twice(), twice());
}

/// From 4 KiB on a payload is written from where the application has it.
#[test]
fn a_large_payload_is_sent_without_a_copy() {
    for (name, size) in [("stream-16k", 16 << 10), ("stream-1m", 1 << 20)] {
        let payload = Bytes::from(vec![1; size]);
        let (_, places) = pass(name, &payload);
        assert_eq!(Places::within(&places.written, &payload), size, "{name}");
    }
}

/// Only what came in one read with the frame's header is copied, and what was there is moved as the
/// buffer grows with what arrives: together no more than once the payload, in one block that nobody
/// fills with zeroes first.
#[test]
fn a_large_payload_is_received_with_at_most_one_copy() {
    for (name, size) in [("stream-256k", 256 << 10), ("stream-1m", 1 << 20)] {
        let payload = Bytes::from(vec![1; size]);
        let (counts, places) = pass(name, &payload);
        let first = places.read.first().map_or(0, |read| read.len());
        let copied = first + counts.moved as usize;
        assert!(copied <= size, "{name}: {copied} of {size} bytes copied");
        assert_eq!((counts.large, counts.zeroed), (1, 0), "{name}");
    }
}

/// Within the process nothing is copied at all.
#[test]
fn a_payload_within_the_process_is_not_copied() {
    let payload = Bytes::from(vec![1; 256 << 10]);
    let course = scenario("inproc-256k").start();
    let received = course.pass(Message::from(payload.clone()));
    let part = received.part(0).expect("it has one part");
    assert_eq!(part.as_ptr(), payload.as_ptr());
}

/// While a large message comes, whoever wakes its receiver for each piece is held up by that.
#[test]
fn a_receiver_sleeps_between_the_pieces_of_a_large_message_only_where_they_come_slowly() {
    watchdog::under("pieces", LIMIT, || {
        assert!(sleeps_of_a_receiver(Duration::from_micros(10)) <= 1);
        assert!(sleeps_of_a_receiver(Duration::from_micros(100)) >= 12);
    });
}

/// How often who receives 1 MiB sleeps, if its 16 pieces come so long after each other.
fn sleeps_of_a_receiver(gap: Duration) -> u64 {
    let seam = Seam::new();
    let world = seam.simulation();
    let pull = Pull::new(&Context::with_world(Arc::new(seam), 1));
    let endpoint = pull.bind("tcp://127.0.0.1:*").expect("a port is free");
    let mut peer = MockPeer::dial(&world, &endpoint.to_string());
    peer.handshake("PUSH", "PULL");
    let receive = |pause: Duration, peer: &mut MockPeer| {
        let frame = frames::msg([vec![7; 1 << 20]]);
        for (number, piece) in (1..).zip(frame.bytes().chunks(64 << 10)) {
            world.weather(|conditions| conditions.latency = pause * number..=pause * number);
            peer.send_raw(piece);
        }
        let counts = measure(|| drop(pull.recv().expect("it is under way")));
        counts.calls.waits
    };
    // The first time, the I/O thread has the connection.
    receive(Duration::ZERO, &mut peer);
    receive(gap, &mut peer)
}

/// However many may be queued: a receiver that is done with 500 gets the next while it looks.
#[test]
fn a_long_burst_is_written_each_500_messages() {
    watchdog::under("burst", LIMIT, || {
        let seam = Seam::new();
        let world = seam.simulation();
        let context = Context::with_world(Arc::new(seam), 1);
        let pull = Pull::builder().receive_high_water_mark(0);
        let pull = pull.build(&context).expect("the context is open");
        let endpoint = pull.bind("tcp://127.0.0.1:*").expect("a port is free");
        let push = Push::builder().send_high_water_mark(0);
        let push = push.build(&context).expect("the context is open");
        push.connect(&endpoint).expect("the endpoint is bound");
        world.run_idle();
        let send = || push.send(&[7; 8][..]).expect("a peer is there");
        // The first few, after a pause, are written each.
        (0..2000).for_each(|_| send());
        let counts = measure(|| (0..5000).for_each(|_| send()));
        assert_eq!(counts.calls.writes, 10);
    });
}

/// Where the last one of each topic is kept, a message looks for the one before it only: a list
/// made of those that wait would be blocks for each, the more the more there are.
#[test]
fn a_message_that_takes_the_place_of_another_costs_the_same_however_many_wait() {
    let blocks = [10, 5000].map(|topics: usize| {
        let context = Context::with_world(Arc::new(Seam::new()), 1);
        let publisher = Pub::builder().send_high_water_mark(0);
        let publisher = publisher.build(&context).expect("the context is open");
        publisher.bind("inproc://topics").expect("nobody has it");
        let sub = Sub::builder().receive_high_water_mark(0);
        let sub = sub.conflate_topics(true).build(&context);
        let sub = sub.expect("the context is open");
        sub.subscribe("").expect("it is open");
        sub.connect("inproc://topics").expect("it is bound");
        let send = |number: usize| publisher.send((number % topics).to_le_bytes());
        // At each topic once, and as often again: what grows has its size.
        (0..2 * topics).for_each(|number| send(number).expect("it is open"));
        let counts = measure(|| {
            (0..1000).for_each(|number| send(number).expect("it is open"));
        });
        let received = std::iter::from_fn(|| sub.try_recv().ok()).count();
        assert_eq!(received, topics);
        counts.allocations + counts.reallocations
    });
    // The list of the new, which is one, and that of the earlier.
    assert!(blocks.iter().all(|blocks| *blocks <= 2100), "{blocks:?}");
}

/// What all messages of a scenario cost.
fn cost(name: &str) -> Counts {
    let course = scenario(name).start();
    measure(|| course.run())
}

/// What one message costs that is there already, and where its bytes were.
fn pass(name: &'static str, payload: &Bytes) -> (Counts, Places) {
    watchdog::under(name, LIMIT, || {
        let course = scenario(name).start();
        let mut received = None;
        let counts = measure(|| received = Some(course.pass(Message::from(payload.clone()))));
        let places = places();
        let received = received.expect("it was passed");
        assert_eq!(received.part(0).map(|part| &part[..]), Some(&payload[..]));
        (counts, places)
    })
}

fn scenario(name: &str) -> Scenario {
    Scenario::named(name).expect("the scenario exists")
}
