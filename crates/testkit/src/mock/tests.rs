//! Two mock peers talk with each other: over a simulated link, tcp and a unix socket.

use std::net::TcpListener;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::Duration;

use ferromq_wire::{Command, Incoming, Limits, Message, Violation};

use super::{MockPeer, Pair, SimWire, check_decode, frames};
use crate::sim::{SimWorld, for_seeds};
use crate::watchdog;

/// The text of a peer's failure.
fn failure(body: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(body)).unwrap_err();
    *panic.downcast::<String>().unwrap()
}

#[test]
fn frames_have_the_bytes_of_the_specification() {
    let greeting = frames::greeting();
    assert_eq!(greeting.bytes().len(), 64);
    assert_eq!(
        greeting.bytes()[..16],
        *b"\xFF\0\0\0\0\0\0\0\0\x7F\x03\x01NULL"
    );
    assert_eq!(greeting.bytes()[16..], [0; 48]);
    let curve = frames::greeting_with((3, 0), "CURVE", true);
    assert_eq!(curve.bytes()[10..17], *b"\x03\0CURVE");
    assert_eq!(curve.bytes()[32], 1);

    let ready = b"\x04\x19\x05READY\x0BSocket-Type\0\0\0\x03REQ";
    assert_eq!(frames::ready("REQ").bytes(), ready);
    let with = frames::ready_with("REQ", &[("Identity", b"me")]);
    let tail = b"\x08Identity\0\0\0\x02me";
    assert_eq!(with.bytes()[2..], [&ready[2..], tail].concat());

    assert_eq!(frames::msg(["a"]).bytes(), b"\0\x01a");
    assert_eq!(
        frames::msg(["a", "", "bc"]).bytes(),
        b"\x01\x01a\x01\0\0\x02bc"
    );
    assert_eq!(frames::msg([vec![7; 255]]).bytes()[..3], *b"\0\xFF\x07");
    assert_eq!(
        frames::msg([vec![7; 256]]).bytes()[..10],
        *b"\x02\0\0\0\0\0\0\x01\0\x07"
    );
    assert_eq!(frames::subscribe("t").bytes(), b"\x04\x0B\x09SUBSCRIBEt");
    assert_eq!(frames::cancel("t").bytes(), b"\x04\x08\x06CANCELt");
    assert_eq!(frames::subscribe_message("t").bytes(), b"\0\x02\x01t");
    assert_eq!(frames::cancel_message("t").bytes(), b"\0\x02\0t");
    assert_eq!(frames::ping(300, "c").bytes(), b"\x04\x08\x04PING\x01\x2Cc");
    assert_eq!(frames::pong("c").bytes(), b"\x04\x06\x04PONGc");
    assert_eq!(frames::error("no").bytes(), b"\x04\x09\x05ERROR\x02no");
}

#[test]
fn frames_of_older_peers_have_the_bytes_of_their_specifications() {
    assert_eq!(
        frames::greeting_2_0(6, "me").bytes(),
        b"\xFF\0\0\0\0\0\0\0\0\x7F\x01\x06\0\x02me"
    );
    assert_eq!(frames::greeting_1_0("").bytes(), b"\x01\0");
    assert_eq!(frames::greeting_1_0("me").bytes(), b"\x03\0me");
    assert_eq!(
        frames::msg_1_0(["a", "", "bc"]).bytes(),
        b"\x02\x01a\x01\x01\x03\0bc"
    );
    assert_eq!(frames::msg_1_0([vec![7; 253]]).bytes()[..3], *b"\xFE\0\x07");
    assert_eq!(
        frames::msg_1_0([vec![7; 254]]).bytes()[..11],
        *b"\xFF\0\0\0\0\0\0\0\xFF\0\x07"
    );
}

#[test]
fn frames_debug_names_commands_and_parts() {
    let text = format!("{:?}", frames::msg(["a", "b"]).then(frames::ping(1, "x")));
    assert_eq!(text, r#"["a" (flags 0x01), "b", PING "\x00\x01x"]"#);
}

/// A conversation that uses every expectation.
fn converse(mut a: MockPeer, mut b: MockPeer) {
    a.send_greeting();
    b.expect_greeting();
    a.send(frames::ready_with("PUSH", &[("X-Key", b"value")]));
    assert_eq!(
        b.expect_ready("PUSH"),
        [("X-Key".to_owned(), b"value".to_vec())]
    );
    b.send(frames::greeting_with((3, 1), "NULL", false).then(frames::ready("PULL")));
    a.expect_greeting();
    assert_eq!(a.expect_ready("PULL"), []);
    let big = vec![b'x'; 20_000];
    a.send(frames::msg(["one"]).then(frames::msg([&b"two"[..], &big])));
    b.expect(frames::msg(["one"]).then(frames::msg([&b"two"[..], &big])));
    a.send(frames::msg(["p", "q"]));
    assert_eq!(b.next_message(), [b"p", b"q"]);
    b.expect_silence(Duration::from_millis(1));
    a.send(frames::pong("ctx"));
    assert_eq!(b.next_frame().as_command(), Some(("PONG", &b"ctx"[..])));
    a.send_raw(b"raw");
    b.expect_raw(b"raw");
    a.end();
    b.expect_end();
    b.send_raw(b"late");
    drop(b);
    assert_eq!(a.drain_to_end(), b"late");
}

#[test]
fn peers_over_simulated_link_converse() {
    for_seeds(0..30, |seed| {
        let (a, b) = Pair::new(seed).peers();
        converse(a, b);
    });
}

#[test]
fn peers_over_tcp_converse() {
    watchdog::under("peers_over_tcp_converse", Duration::from_secs(30), || {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let a = MockPeer::dial_tcp(&listener.local_addr().unwrap().to_string());
        converse(a, MockPeer::accept_tcp(&listener));
    });
}

#[cfg(unix)]
#[test]
fn peers_over_unix_socket_converse() {
    watchdog::under(
        "peers_over_unix_socket_converse",
        Duration::from_secs(30),
        || {
            let (a, b) = std::os::unix::net::UnixStream::pair().unwrap();
            converse(MockPeer::over(a), MockPeer::over(b));
        },
    );
}

#[test]
fn peers_dial_and_accept_in_a_world() {
    let world = SimWorld::new(4);
    let listener = MockPeer::listen(&world, "ipc:///tmp/peers");
    let (_, stream) = world.dial_raw("ipc:///tmp/peers");
    let accepted = MockPeer::accept(&world, &*listener);
    converse(MockPeer::over(SimWire::new(&world, stream)), accepted);
}

#[test]
fn handshake_passes_with_both_types() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    watchdog::under(
        "handshake_passes_with_both_types",
        Duration::from_secs(30),
        || {
            thread::scope(|scope| {
                scope.spawn(|| MockPeer::dial_tcp(&address).handshake("REQ", "REP"));
                MockPeer::accept_tcp(&listener).handshake("REP", "REQ");
            });
        },
    );
}

#[test]
fn peer_that_gets_something_else_says_what() {
    let (mut a, mut b) = Pair::new(1).peers();
    a.send(frames::msg(["actual"]));
    let text = failure(|| b.expect(frames::msg(["expected"])));
    assert!(
        text.contains(r#"expected ["expected"], got "actual""#),
        "{text}"
    );
    assert!(text.contains("virtual time"), "{text}");
}

#[test]
fn peer_tells_long_encoding_from_short() {
    let (mut a, mut b) = Pair::new(1).peers();
    a.send_raw(b"\x02\0\0\0\0\0\0\0\x01a");
    let text = failure(|| b.expect(frames::msg(["a"])));
    assert!(text.contains(r"begins \x02\x00"), "{text}");
}

#[test]
fn peer_that_gets_nothing_fails_within_limit() {
    let pair = Pair::new(1);
    let world = pair.world.clone();
    let (_a, b) = pair.peers();
    let text = failure(|| b.with_limit(Duration::from_secs(3)).expect_greeting());
    assert!(text.contains("reading failed before a greeting"), "{text}");
    assert!((3..4).contains(&world.elapsed().as_secs()));
}

#[test]
fn peer_whose_stream_ends_early_fails() {
    let (mut a, mut b) = Pair::new(1).peers();
    a.send_raw(b"\0\x05abc");
    drop(a);
    let text = failure(|| drop(b.next_frame()));
    assert!(text.contains("the stream ended before a frame"), "{text}");
    assert!(text.contains(r"unread: \x00\x05abc"), "{text}");
}

#[test]
fn traffic_is_decoded_alike_however_it_is_cut() {
    let long = [&[0x02][..], &3_u64.to_be_bytes(), b"abc"].concat();
    let traffic = frames::msg(["", "two", "parts"])
        .then(frames::subscribe("topic"))
        .then(frames::command("UNKNOWN", b"data"))
        .then(frames::msg([[7_u8; 300]]))
        .then(frames::raw(long));
    let expected = [
        Incoming::Message(Message::from(["", "two", "parts"])),
        Incoming::Command(Command::Subscribe("topic".into())),
        Incoming::Message(Message::from(vec![7; 300])),
        Incoming::Message(Message::from("abc")),
    ];
    check_decode(&traffic, Limits::default(), &expected, Ok(()));
}

#[test]
fn violation_ends_decoding_behind_what_came_before_it() {
    let traffic = frames::msg(["good"]).then(frames::raw_frame(0x08, b"reserved"));
    let good = [Incoming::Message(Message::from("good"))];
    let end = Err(Violation::ReservedFlags);
    check_decode(&traffic, Limits::default(), &good, end);
    let missed = catch_unwind(|| check_decode(&traffic, Limits::default(), &good, Ok(())));
    assert!(missed.is_err(), "what is expected is compared");
}
