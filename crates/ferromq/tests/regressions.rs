//! What went wrong elsewhere, where no other test shows that it does not here: libzmq's CVEs and
//! bugs, and those of other implementations. `docs/regressions.md` lists all of them.

#![cfg(all(
    feature = "pair",
    feature = "pipeline",
    feature = "pubsub",
    feature = "reqrep",
    feature = "tcp",
    feature = "ipc",
    feature = "inproc"
))]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::time::Duration;

use ferromq::{Dealer, Event, Message, Pub, Pull, Push, Rep, Req, Sub, poll};
use ferromq_testkit::MockPeer;
use ferromq_testkit::frames::{self, Frames};

#[allow(dead_code, reason = "each test file uses its part")]
mod common;
use common::{WAIT, wait_for, world};

const SECOND: Duration = Duration::from_secs(1);

const HERE: &str = "tcp://127.0.0.1:5555";

/// Resident memory of this process, in KiB.
#[cfg(target_os = "linux")]
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    line.unwrap()
        .split_whitespace()
        .nth(1)
        .unwrap()
        .parse()
        .unwrap()
}

/// CVE-2020-15166: connections that never shook hands were given messages, and blocked publishers.
#[test]
fn cve_2020_15166_connections_without_handshake_are_given_nothing() {
    let (world, context) = world(1);
    let (push, publisher) = (Push::new(&context), Pub::new(&context));
    push.bind(HERE).unwrap();
    publisher.bind("tcp://127.0.0.1:5556").unwrap();
    let idle: Vec<_> = (0..100)
        .map(|number| world.dial_raw(["tcp://127.0.0.1:5556", HERE][number % 2]))
        .collect();
    world.advance(SECOND);
    assert_eq!((push.pipes(), publisher.pipes()), (0, 0));
    let (pull, sub) = (Pull::new(&context), Sub::new(&context));
    sub.subscribe("").unwrap();
    pull.connect(HERE).unwrap();
    sub.connect("tcp://127.0.0.1:5556").unwrap();
    world.run_until(|| push.pipes() == 1 && publisher.topics() == Ok(1));
    for number in 0..100_u8 {
        push.send_timeout([number], SECOND).unwrap();
        publisher.send([number]).unwrap();
        assert_eq!(pull.recv_timeout(SECOND).unwrap(), Message::from([number]));
        assert_eq!(sub.recv_timeout(SECOND).unwrap(), Message::from([number]));
    }
    assert_eq!(publisher.stats().dropped_in_all(), 0);
    drop(idle);
}

/// CVE-2021-20234: what a server had sent of a message when it went was never given back.
#[cfg(target_os = "linux")]
#[test]
fn cve_2021_20234_half_messages_leave_nothing_behind() {
    const ROUNDS: u32 = 500;
    const HALF: usize = 50_000;
    let (world, context) = world(1);
    let dealer = Dealer::builder()
        .reconnect_interval(Duration::from_millis(1), Duration::from_millis(1))
        .build(&context)
        .unwrap();
    let listener = MockPeer::listen(&world, HERE);
    dealer.connect(HERE).unwrap();
    let round = || {
        let mut server = MockPeer::accept(&world, &*listener);
        server.handshake("ROUTER", "DEALER");
        let header = [&[2][..], &(10 * HALF as u64).to_be_bytes()].concat();
        server.send(frames::raw_frame(1, b"").then(frames::raw(header)));
        server.send_raw(vec![b'h'; HALF]);
    };
    (0..10).for_each(|_| round());
    let before = resident();
    (0..ROUNDS).for_each(|_| round());
    let grown = resident().saturating_sub(before);
    // A fifth of what was sent; other tests run beside this one.
    assert!(
        grown < ROUNDS as u64 * HALF as u64 / 5 / 1024,
        "{grown} KiB"
    );
    assert!(dealer.try_recv().is_err());
}

/// libzmq 13387c5c, e17232f7: heartbeats that were due while a connection ended used it after that.
#[test]
fn libzmq_13387c5c_heartbeats_race_with_the_end_of_their_connection() {
    for seed in 0..30 {
        let (world, context) = world(seed);
        let beat = Duration::from_millis(10);
        let pull = Pull::builder().heartbeat_interval(beat).build(&context);
        let (pull, push) = (pull.unwrap(), Push::builder().heartbeat_interval(beat));
        let push = push
            .reconnect_interval(beat / 10, beat)
            .build(&context)
            .unwrap();
        pull.bind(HERE).unwrap();
        push.connect(HERE).unwrap();
        for round in 0..20 {
            world.advance(beat - Duration::from_micros(500) + Duration::from_micros(seed * 10));
            if let Some(link) = world.links_to(HERE).first() {
                if round % 2 == 0 {
                    world.cut(*link)
                } else {
                    world.hold(*link)
                }
            }
        }
        world.advance(SECOND);
        push.send_timeout("through", WAIT).unwrap();
        assert_eq!(pull.recv_timeout(WAIT).unwrap(), Message::from("through"));
    }
}

/// libzmq 350b4b34: a connection that was reset in its handshake left a session without its pipe.
#[test]
fn libzmq_350b4b34_reset_at_every_byte_of_the_handshake() {
    let (world, context) = world(1);
    let rep = Rep::new(&context);
    let events = rep.events();
    rep.bind(HERE).unwrap();
    let whole = frames::greeting().then(frames::ready("REQ"));
    let whole = whole.then(frames::msg(["", "request"]));
    for length in 0..=whole.bytes().len() {
        for resets in [true, false] {
            let mut peer = MockPeer::dial(&world, HERE);
            peer.send_raw(&whole.bytes()[..length]);
            world.run_idle();
            if resets {
                let links = world.links_to(HERE);
                world.cut(*links.last().unwrap());
            } else {
                peer.end();
            }
            drop(peer);
            wait_for(&events, |event| {
                let failed = matches!(event, Event::HandshakeFailed { .. });
                failed || matches!(event, Event::Disconnected { .. })
            });
            if rep.try_recv().is_ok() {
                drop(rep.try_send("nobody is there"));
            }
        }
    }
    world.run_until(|| rep.pipes() == 0);
    let req = Req::new(&context);
    req.connect(HERE).unwrap();
    req.send("honest").unwrap();
    assert_eq!(rep.recv_timeout(WAIT).unwrap(), Message::from("honest"));
}

/// libzmq #1224, #2942: a cancellation of nothing, or of what was never subscribed to, crashed.
#[test]
fn libzmq_1224_2942_cancellations_of_nothing_are_ignored() {
    let forms: [fn(&str) -> Frames; 2] = [
        |topic| frames::cancel(topic),
        |topic| frames::cancel_message(topic),
    ];
    for cancel in forms {
        let (world, context) = world(1);
        let publisher = Pub::new(&context);
        publisher.bind(HERE).unwrap();
        let mut peer = MockPeer::dial(&world, HERE);
        peer.handshake("SUB", "PUB");
        peer.send(cancel("").then(cancel("never")));
        peer.send(frames::subscribe("a").then(cancel("")).then(cancel("ab")));
        world.run_until(|| publisher.topics() == Ok(1));
        publisher.send("abc").unwrap();
        peer.expect(frames::msg(["abc"]));
    }
}

/// libzmq #939, and ten thousand handshakes on end: none leaves anything behind.
#[test]
fn libzmq_939_thousands_of_handshakes_are_served() {
    let (world, context) = world(1);
    let pull = Pull::new(&context);
    pull.bind(HERE).unwrap();
    for number in 0..2000_u32 {
        let mut peer = MockPeer::dial(&world, HERE);
        peer.handshake("PUSH", "PULL");
        peer.send(frames::msg([number.to_be_bytes()]));
        let message = pull.recv_timeout(WAIT).unwrap();
        assert_eq!(message.part(0).unwrap().as_bytes(), number.to_be_bytes());
    }
    world.run_until(|| pull.pipes() == 0);
    let stats = pull.stats();
    assert_eq!((stats.delivered, stats.handshake_failures), (2000, 0));
}

/// libzmq #3566, 90ff30c0: malformed commands of CURVE were kept.
#[cfg(all(target_os = "linux", feature = "curve"))]
#[test]
fn libzmq_3566_malformed_commands_of_curve_leave_nothing_behind() {
    use ferromq::{KeyPair, Security};
    let (world, context) = world(1);
    let keys = KeyPair::generate().unwrap();
    let pull = Pull::builder().security(Security::curve_server(keys));
    let pull = pull.build(&context).unwrap();
    pull.bind(HERE).unwrap();
    let greeting = || frames::greeting_with((3, 1), "CURVE", false);
    let malformed = [
        frames::command("HELLO", &[0; 60_000]),
        frames::command("HELLO", &[1; 193]),
        frames::command("INITIATE", &[0; 60_000]),
        frames::command("READY", &[0; 60_000]),
        frames::raw([&[6][..], &(1_u64 << 24).to_be_bytes()].concat()),
    ];
    let round = || {
        for bad in &malformed {
            let mut peer = MockPeer::dial(&world, HERE);
            peer.send(greeting().then(bad.clone()));
            peer.drain_to_end();
        }
    };
    (0..10).for_each(|_| round());
    let before = resident();
    (0..100).for_each(|_| round());
    let grown = resident().saturating_sub(before);
    assert!(grown < 8_000, "{grown} KiB of 18 MB");
    assert_eq!(pull.stats().handshake_failures, 110 * 5);
}

/// libzmq's zmq_poll of nothing passed a negative time on.
#[test]
fn libzmq_polling_nothing_returns_at_once() {
    for timeout in [None, Some(Duration::ZERO), Some(WAIT)] {
        assert_eq!(poll(&mut [], timeout), 0);
    }
}

/// Marks were taken for the sizes of rings to be allocated.
#[test]
fn huge_high_water_marks_take_no_memory() {
    for mark in [u32::MAX, 0] {
        let (world, context) = world(1);
        let push = Push::builder().send_high_water_mark(mark);
        let pull = Pull::builder().receive_high_water_mark(mark);
        let (push, pull) = (push.build(&context).unwrap(), pull.build(&context).unwrap());
        for endpoint in [HERE, "inproc://huge"] {
            pull.bind(endpoint).unwrap();
            push.connect(endpoint).unwrap();
        }
        world.run_until(|| pull.pipes() == 2);
        for number in 0..10_u8 {
            push.send([number]).unwrap();
            pull.recv_timeout(WAIT).unwrap();
        }
    }
}
