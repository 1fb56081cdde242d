//! Peers that do not speak ZMTP, or speak it badly: each is turned away with its typed reason, and
//! the socket serves the honest ones.

#![cfg(all(
    feature = "pipeline",
    feature = "pubsub",
    feature = "tcp",
    feature = "ipc"
))]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use ferromq::{Context, Endpoint, Event, Events, Initiator, Pub, Pull, Push, Reason, Violation};
use ferromq_testkit::watchdog::patience;
use ferromq_testkit::{MockPeer, frames};

#[allow(dead_code, reason = "each test file uses its part")]
mod common;
use common::{WAIT, address, assert_serves, handshake_failure, mock, under, wait_for};

const SECOND: Duration = Duration::from_secs(1);

/// A PULL that is bound to a free port, and its events.
fn bound(context: &Context) -> (Pull, Endpoint, Events) {
    let pull = Pull::new(context);
    let events = pull.events();
    let endpoint = pull.bind("tcp://127.0.0.1:*").unwrap();
    (pull, endpoint, events)
}

/// What a peer may send first, and how its handshake fails.
fn bad_beginnings() -> Vec<(&'static str, Vec<u8>, Violation)> {
    let greeting = |version| {
        frames::greeting_with(version, "NULL", false)
            .bytes()
            .to_vec()
    };
    let after = |frames: frames::Frames| frames::greeting().then(frames).bytes().to_vec();
    let plain = frames::greeting_with((3, 1), "PLAIN", false);
    let http = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec();
    let mut tls = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec();
    tls.resize(517, 0x5A);
    let long = [&[0x06][..], &(1u64 << 62).to_be_bytes()].concat();
    vec![
        ("garbage", vec![0xC3; 1000], Violation::BadSignature),
        ("zeros", vec![0; 64], Violation::BadSignature),
        ("HTTP", http, Violation::BadSignature),
        ("TLS", tls, Violation::BadSignature),
        ("ZMTP 1.0", vec![1, 0], Violation::UnsupportedVersion),
        ("ZMTP 2.0", greeting((1, 0)), Violation::UnsupportedVersion),
        (
            "PLAIN",
            plain.bytes().to_vec(),
            Violation::MechanismMismatch,
        ),
        (
            "no READY",
            after(frames::msg(["a"])),
            Violation::UnexpectedMessage,
        ),
        (
            "PING",
            after(frames::ping(1, "")),
            Violation::UnexpectedCommand,
        ),
        (
            "ERROR",
            after(frames::error("no")),
            Violation::PeerReportedError,
        ),
        (
            "PUB",
            after(frames::ready("PUB")),
            Violation::IncompatibleSocketType,
        ),
        (
            "a riddle",
            after(frames::ready("SPHINX")),
            Violation::IncompatibleSocketType,
        ),
        (
            "a huge READY",
            [frames::greeting().bytes(), &long[..]].concat(),
            Violation::CommandTooLarge,
        ),
        (
            "a torn READY",
            after(frames::command("READY", b"\x0bSocket-Type\0\0\0\x04PU")),
            Violation::MalformedReady,
        ),
    ]
}

#[test]
fn bad_beginning_fails_the_handshake_with_its_reason_over_tcp() {
    under("bad beginnings, tcp", || {
        let (pull, endpoint, events) = bound(&Context::new());
        for (name, bytes, violation) in bad_beginnings() {
            let mut peer = mock(&endpoint);
            peer.send_raw(bytes);
            let reason = handshake_failure(&events);
            assert_eq!(reason, Reason::Violation(violation), "{name}");
            peer.drain_to_end();
        }
        assert_serves(&pull, &endpoint);
    });
}

#[test]
#[cfg(unix)]
fn bad_beginning_fails_the_handshake_with_its_reason_over_ipc() {
    under("bad beginnings, ipc", || {
        let pull = Pull::new(&Context::new());
        let events = pull.events();
        let endpoint = pull.bind("ipc://*").unwrap();
        let path = endpoint.to_string().replacen("ipc://", "", 1);
        for (name, bytes, violation) in bad_beginnings() {
            let mut peer = MockPeer::over(std::os::unix::net::UnixStream::connect(&path).unwrap());
            peer.send_raw(bytes);
            let reason = handshake_failure(&events);
            assert_eq!(reason, Reason::Violation(violation), "{name}");
            peer.drain_to_end();
        }
        assert_serves(&pull, &endpoint);
    });
}

#[test]
fn port_scan_leaves_the_socket_serving() {
    under("port scan", || {
        let (pull, endpoint, events) = bound(&Context::new());
        for _ in 0..200 {
            drop(TcpStream::connect(address(&endpoint)).unwrap());
            let reason = handshake_failure(&events);
            let reset = Reason::Io(io::ErrorKind::ConnectionReset);
            assert!(reason == Reason::Ended || reason == reset, "{reason:?}");
        }
        assert_eq!(pull.pipes(), 0);
        assert_serves(&pull, &endpoint);
    });
}

#[test]
fn peer_that_resets_in_the_handshake_fails_it() {
    under("reset", || {
        let (pull, endpoint, events) = bound(&Context::new());
        let stream = TcpStream::connect(address(&endpoint)).unwrap();
        stream.peek(&mut [0]).unwrap();
        drop(stream); // With the greeting unread: the kernel resets.
        let reset = Reason::Io(io::ErrorKind::ConnectionReset);
        assert_eq!(handshake_failure(&events), reset);
        let mut peer = mock(&endpoint);
        peer.send_raw(&frames::greeting().bytes()[..20]);
        peer.end();
        assert_eq!(handshake_failure(&events), Reason::Ended);
        assert_serves(&pull, &endpoint);
    });
}

#[test]
fn handshake_that_trickles_ends_at_its_deadline() {
    under("trickle", || {
        let limit = Duration::from_millis(300);
        let pull = Pull::builder().handshake_timeout(limit);
        let pull = pull.build(&Context::new()).unwrap();
        let events = pull.events();
        let endpoint = pull.bind("tcp://127.0.0.1:*").unwrap();
        let mut peer = mock(&endpoint);
        let start = Instant::now();
        let bytes = frames::greeting().then(frames::ready("PUSH"));
        let failed = |event: &Event| matches!(event, Event::HandshakeFailed { .. });
        let mut trickle = bytes.bytes().iter();
        let event = loop {
            peer.send_raw([*trickle.next().expect("it takes too long to get here")]);
            let tick = Duration::from_millis(20);
            if let Some(event) = events.wait_for(tick, failed) {
                break event;
            }
        };
        assert!(matches!(
            event,
            Event::HandshakeFailed {
                reason: Reason::TimedOut,
                ..
            }
        ));
        let took = start.elapsed();
        assert!(
            took >= limit - Duration::from_millis(20) && took < limit + SECOND * patience(),
            "{took:?}"
        );
        peer.drain_to_end();
        assert_serves(&pull, &endpoint);
    });
}

/// A scripted PUSH after its handshake.
fn mock_push(endpoint: &Endpoint) -> MockPeer {
    let mut peer = mock(endpoint);
    peer.handshake("PUSH", "PULL");
    peer
}

/// The header of a frame with a length of 8 bytes.
fn long_header(flags: u8, length: u64) -> Vec<u8> {
    [&[flags | 2][..], &length.to_be_bytes()].concat()
}

/// The peer was turned away by the library, for this.
#[track_caller]
fn assert_ended(events: &Events, violation: Violation) {
    let ended = |event: &Event| matches!(event, Event::Disconnected { .. });
    let Event::Disconnected {
        reason, initiator, ..
    } = wait_for(events, ended)
    else {
        unreachable!("only that was waited for");
    };
    assert_eq!(reason, Reason::Violation(violation));
    assert_eq!(initiator, Initiator::Library);
}

#[test]
fn bad_traffic_ends_the_connection_with_its_reason() {
    under("bad traffic", || {
        let (pull, endpoint, events) = bound(&Context::new());
        let ready = frames::ready("PUSH").bytes().to_vec();
        let ping = frames::ping(1, [0; 17]).bytes().to_vec();
        let cases = [
            (long_header(0, 1 << 63), Violation::FrameLengthTopBit),
            (vec![0x08, 0], Violation::ReservedFlags),
            (vec![0x05, 0], Violation::MoreOnCommand),
            (vec![0x04, 1, 9], Violation::MalformedCommand),
            (ready, Violation::UnexpectedCommand),
            (ping, Violation::ContextTooLong),
            (long_header(4, 1 << 62), Violation::CommandTooLarge),
            ([1, 0].repeat(65_537), Violation::TooManyParts),
        ];
        for (bytes, violation) in cases {
            let mut peer = mock_push(&endpoint);
            peer.send(frames::msg(["whole"]));
            peer.send_raw(bytes);
            assert_ended(&events, violation);
            peer.drain_to_end();
            let message = pull.recv_timeout(WAIT).unwrap();
            assert_eq!(message.part_str(0), Ok("whole"), "{violation:?}");
        }
        assert_serves(&pull, &endpoint);
        assert!(pull.try_recv().is_err());
    });
}

#[test]
fn endless_parts_end_the_connection_and_nothing_is_delivered() {
    under("endless parts", || {
        let (pull, endpoint, events) = bound(&Context::new());
        let mut peer = mock_push(&endpoint);
        let parts = [1, 1, b'x'].repeat(1000);
        (0..66).for_each(|_| peer.send_raw(&parts));
        assert_ended(&events, Violation::TooManyParts);
        assert_serves(&pull, &endpoint);
        assert!(pull.try_recv().is_err());
    });
}

/// Resident memory of this process, in KiB.
#[cfg(target_os = "linux")]
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
#[cfg(target_os = "linux")]
fn frame_announced_as_huge_takes_no_memory() {
    under("huge frame", || {
        let (pull, endpoint, events) = bound(&Context::new());
        assert_serves(&pull, &endpoint);
        let before = resident();
        let mut peers: Vec<MockPeer> = (0..50).map(|_| mock_push(&endpoint)).collect();
        for peer in &mut peers {
            peer.send_raw(long_header(0, 1 << 62));
            peer.send_raw([0; 100]);
        }
        assert_serves(&pull, &endpoint);
        for peer in &mut peers {
            // It is still waited for, and the connection is served.
            peer.expect_silence(Duration::from_millis(1));
        }
        let grown = resident().saturating_sub(before);
        assert!(grown < 32 * 1024, "{grown} KiB");
        drop(peers);
        let ended = |event: &Event| matches!(event, Event::Disconnected { .. });
        (0..50).for_each(|_| drop(wait_for(&events, ended)));
        assert!(pull.try_recv().is_err());
    });
}

#[test]
fn frame_over_the_maximum_size_ends_the_connection() {
    under("maximum size", || {
        let pull = Pull::builder().max_message_size(1000).max_parts(3);
        let pull = pull.build(&Context::new()).unwrap();
        let events = pull.events();
        let endpoint = pull.bind("tcp://127.0.0.1:*").unwrap();
        let mut peer = mock_push(&endpoint);
        peer.send(frames::msg([[7; 1000]]));
        assert_eq!(pull.recv_timeout(WAIT).unwrap().size(), 1000);
        peer.send(frames::msg([[7; 501], [8; 501]]));
        assert_ended(&events, Violation::MessageTooLarge);
        for length in [1001, 1 << 62] {
            mock_push(&endpoint).send_raw(long_header(0, length));
            assert_ended(&events, Violation::FrameTooLarge);
        }
        mock_push(&endpoint).send(frames::msg([[1], [2], [3], [4]]));
        assert_ended(&events, Violation::TooManyParts);
        assert!(pull.try_recv().is_err());
    });
}

#[test]
fn peer_that_dies_within_a_message_delivers_none_of_it() {
    under("torn message", || {
        let (pull, endpoint, events) = bound(&Context::new());
        let mut peer = mock_push(&endpoint);
        let two = frames::msg(["first", "second"]);
        peer.send(frames::msg(["whole"]));
        peer.send_raw(&two.bytes()[..two.bytes().len() - 1]);
        drop(peer);
        wait_for(&events, |event| matches!(event, Event::Disconnected { .. }));
        assert_eq!(pull.recv_timeout(WAIT).unwrap().part_str(0), Ok("whole"));
        assert_serves(&pull, &endpoint);
        assert!(pull.try_recv().is_err());
    });
}

#[test]
fn incompatible_types_fail_on_both_sides_and_the_dialer_tries_again() {
    under("incompatible", || {
        let context = Context::new();
        let (pull, endpoint, events) = bound(&context);
        let publisher = Pub::new(&context);
        let others = publisher.events();
        publisher.connect(&endpoint).unwrap();
        let reasons = [handshake_failure(&events), handshake_failure(&others)];
        let refused = [
            Violation::IncompatibleSocketType,
            Violation::PeerReportedError,
        ];
        for reason in reasons {
            assert!(
                refused.map(Reason::Violation).contains(&reason),
                "{reason:?}"
            );
        }
        wait_for(&others, |event| matches!(event, Event::Retry { .. }));
        handshake_failure(&events);
        assert_serves(&pull, &endpoint);
        publisher.disconnect(&endpoint).unwrap();
        let push = Push::new(&context);
        push.connect(&endpoint).unwrap();
        push.send("a").unwrap();
        assert_eq!(pull.recv_timeout(WAIT).unwrap().part_str(0), Ok("a"));
    });
}
