//! Malformed input of every kind, each with its exact reason; what came before it is delivered, and
//! others are served.

use ferromq::{Message, SocketType, Violation};
use ferromq_testkit::frames;
use ferromq_testkit::mock::Frames;

use super::stage::Stage;
use crate::case::{Case, case};

pub(super) const CASES: &[Case<Stage>] = &[
    case!(
        reserved_flags_end_the_connection,
        "37/reserved-flags",
        "23/reserved-flags"
    ),
    case!(
        more_on_a_command_ends_the_connection,
        "37/command-last",
        "23/command-last"
    ),
    case!(
        length_beyond_63_bits_ends_the_connection,
        "37/long-frame",
        "23/long-frame"
    ),
    case!(
        malformed_commands_end_the_connection,
        "37/command-name",
        "37/error-reason",
        "23/command-name",
        "23/error-reason",
    ),
    case!(malformed_heartbeats_end_the_connection, "37/pong-context"),
    case!(
        more_than_is_allowed_ends_the_connection,
        "37/long-frame",
        "37/message"
    ),
    case!(
        handshake_of_anything_but_ready_is_refused,
        "37/handshake",
        "37/traffic-after-ready",
        "37/errors-close",
        "23/handshake",
        "23/errors-close",
    ),
    case!(
        malformed_handshake_is_refused,
        "37/command-name",
        "37/reserved-flags",
        "37/command-last",
        "37/long-frame",
        "37/errors-close",
        "23/command-name",
        "23/reserved-flags",
        "23/command-last",
        "23/long-frame",
        "23/errors-close",
    ),
];

/// In traffic, after a whole message: that is delivered, and then the connection ends.
#[track_caller]
fn check_traffic(stage: &Stage, bytes: &[u8], violation: Violation) {
    for version in [(3, 0), (3, 1)] {
        let subject = stage.any();
        let mut peer = subject.meet(version);
        peer.send(frames::msg(["", "whole"]));
        subject.expect_message(&Message::from(["", "whole"]));
        peer.send_raw(bytes);
        subject.expect_ended(&mut peer, violation);
        subject.expect_nothing();
    }
}

/// Instead of READY.
#[track_caller]
fn check_handshake(stage: &Stage, bytes: &[u8], violation: Violation) {
    for version in [(3, 0), (3, 1)] {
        let subject = stage.any();
        let mut peer = subject.dial();
        peer.send(frames::greeting_with(version, "NULL", false));
        peer.next_greeting();
        peer.send_raw(bytes);
        subject.expect_turned_away(&mut peer, violation);
        subject.expect_nothing();
    }
}

/// The header of a frame with a long size.
fn header(flags: u8, size: u64) -> Vec<u8> {
    [&[flags | 0x02][..], &size.to_be_bytes()].concat()
}

fn reserved_flags_end_the_connection(stage: &Stage) {
    for bit in 3..8 {
        for flags in [0x00, 0x01, 0x02, 0x04] {
            let frame = frames::raw_frame(flags | 1 << bit, b"\x04PING\0\0");
            check_traffic(stage, frame.bytes(), Violation::ReservedFlags);
        }
    }
}

fn more_on_a_command_ends_the_connection(stage: &Stage) {
    for flags in [0x05, 0x07] {
        check_traffic(stage, &[flags, 0], Violation::MoreOnCommand);
    }
}

fn length_beyond_63_bits_ends_the_connection(stage: &Stage) {
    for flags in [0x02, 0x03, 0x06] {
        for size in [1 << 63, u64::MAX] {
            check_traffic(stage, &header(flags, size), Violation::FrameLengthTopBit);
        }
    }
}

/// Commands without a whole name, and an ERROR without a whole reason.
fn malformed_commands() -> Vec<(Frames, Violation)> {
    let bodies: [(&[u8], Violation); 7] = [
        (b"", Violation::MalformedCommand),
        (b"\0", Violation::MalformedCommand),
        (b"\0PING", Violation::MalformedCommand),
        (b"\x05PING", Violation::MalformedCommand),
        (b"\x05ERROR", Violation::MalformedError),
        (b"\x05ERROR\x03no", Violation::MalformedError),
        (b"\x05ERROR\x02no!", Violation::MalformedError),
    ];
    let frame = |(body, violation)| (frames::raw_frame(0x04, body), violation);
    bodies.into_iter().map(frame).collect()
}

fn malformed_commands_end_the_connection(stage: &Stage) {
    for (command, violation) in malformed_commands() {
        check_traffic(stage, command.bytes(), violation);
    }
    let ready = frames::ready("DEALER");
    check_traffic(stage, ready.bytes(), Violation::UnexpectedCommand);
}

fn malformed_heartbeats_end_the_connection(stage: &Stage) {
    for (command, violation) in [
        (frames::command("PING", b""), Violation::MalformedPing),
        (frames::command("PING", b"\0"), Violation::MalformedPing),
        (frames::ping(0, [b'c'; 17]), Violation::ContextTooLong),
        (frames::ping(0, [b'c'; 1_000]), Violation::ContextTooLong),
        (frames::pong([b'c'; 17]), Violation::ContextTooLong),
    ] {
        check_traffic(stage, command.bytes(), violation);
    }
}

/// The limits that hold by default: 64 KiB for a command, 65 536 parts for a message.
fn more_than_is_allowed_ends_the_connection(stage: &Stage) {
    if stage.is_foreign() {
        crate::case::skip("the limits are our own");
    }
    let most = 64 * 1024;
    for size in [most + 1, 1 << 32, i64::MAX as u64] {
        check_traffic(stage, &header(0x04, size), Violation::CommandTooLarge);
        check_handshake(stage, &header(0x04, size), Violation::CommandTooLarge);
    }
    check_traffic(stage, &[0x01, 0].repeat(65_537), Violation::TooManyParts);

    let subject = stage.own_socket(SocketType::Dealer);
    let mut peer = subject.meet((3, 1));
    peer.send(frames::command("UNKNOWN", &vec![0; 64 * 1024 - 8]));
    let parts = vec![[0_u8; 0]; 65_536];
    peer.send(frames::msg(&parts));
    subject.expect_message(&parts.iter().collect());
}

fn handshake_of_anything_but_ready_is_refused(stage: &Stage) {
    for (frames, violation) in [
        (frames::msg(["early"]), Violation::UnexpectedMessage),
        (
            frames::msg(["early", "parts"]),
            Violation::UnexpectedMessage,
        ),
        (frames::subscribe_message("a"), Violation::UnexpectedMessage),
        (frames::subscribe("a"), Violation::UnexpectedCommand),
        (frames::ping(0, ""), Violation::UnexpectedCommand),
        (
            frames::command("HELLO", b"\0\0"),
            Violation::UnexpectedCommand,
        ),
        (frames::command("ready", b""), Violation::UnexpectedCommand),
        (frames::command("READY ", b""), Violation::UnexpectedCommand),
    ] {
        check_handshake(stage, frames.bytes(), violation);
    }
}

fn malformed_handshake_is_refused(stage: &Stage) {
    for (command, violation) in malformed_commands() {
        check_handshake(stage, command.bytes(), violation);
    }
    for bit in 3..8 {
        check_handshake(stage, &[0x04 | 1 << bit, 0], Violation::ReservedFlags);
    }
    check_handshake(stage, &[0x05, 0], Violation::MoreOnCommand);
    check_handshake(stage, &header(0x06, 1 << 63), Violation::FrameLengthTopBit);
}
