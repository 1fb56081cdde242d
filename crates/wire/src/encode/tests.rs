//! Tests of what is written, byte for byte, to peers of both versions.

use std::time::Duration;

use bytes::Bytes;

use super::{Encoder, HEADER_MAX, put_frame_header, put_message};
use crate::{Command, Message, V1_0, V2_0, V3_0, V3_1};

fn header(more: bool, len: usize) -> Vec<u8> {
    let mut out = Vec::new();
    put_frame_header(&mut out, more, len);
    out
}

#[track_caller]
fn check_command(peer: crate::Version, command: Command, expected: &[u8]) {
    let mut out = Vec::new();
    Encoder::new(peer).encode_command(&command, &mut out);
    assert_eq!(out, expected);
}

fn topic(len: usize) -> Bytes {
    Bytes::from(vec![b't'; len])
}

#[test]
fn frame_header_is_short_up_to_255_and_long_from_256() {
    assert_eq!(header(false, 0), [0, 0]);
    assert_eq!(header(true, 1), [1, 1]);
    assert_eq!(header(false, 255), [0, 255]);
    assert_eq!(header(false, 256), [2, 0, 0, 0, 0, 0, 0, 1, 0]);
    assert_eq!(header(true, 0x0102_0304), [3, 0, 0, 0, 0, 1, 2, 3, 4]);
    assert_eq!(header(true, usize::MAX).len(), HEADER_MAX);
}

#[test]
fn message_frames_have_more_on_all_but_the_last() {
    let mut out = Vec::new();
    put_message(&mut out, &Message::from(["a", "", "bc"]));
    assert_eq!(out, b"\x01\x01a\x01\x00\x00\x02bc");
    put_message(&mut out, &Message::new());
    assert_eq!(out.len(), 9, "a message of no parts has no frames");
}

#[test]
fn subscriptions_to_3_1_peers_are_commands() {
    let topic = || Bytes::from_static(b"ab");
    check_command(
        V3_1,
        Command::Subscribe(topic()),
        b"\x04\x0C\x09SUBSCRIBEab",
    );
    check_command(V3_1, Command::Cancel(topic()), b"\x04\x09\x06CANCELab");
    check_command((4, 0), Command::Cancel(Bytes::new()), b"\x04\x07\x06CANCEL");
}

#[test]
fn subscriptions_to_3_0_peers_are_messages() {
    let topic = || Bytes::from_static(b"ab");
    check_command(V3_0, Command::Subscribe(topic()), b"\x00\x03\x01ab");
    check_command(V3_0, Command::Cancel(topic()), b"\x00\x03\x00ab");
    check_command(V3_0, Command::Subscribe(Bytes::new()), b"\x00\x01\x01");
}

#[test]
fn legacy_subscription_is_long_once_its_body_with_the_octet_is() {
    for (len, header) in [
        (253, &b"\x00\xFE"[..]),
        (254, b"\x00\xFF"),
        (255, b"\x02\0\0\0\0\0\0\x01\x00"),
        (256, b"\x02\0\0\0\0\0\0\x01\x01"),
    ] {
        check_command(
            V3_0,
            Command::Subscribe(topic(len)),
            &[header, b"\x01", &topic(len)].concat(),
        );
        check_command(
            V3_0,
            Command::Cancel(topic(len)),
            &[header, b"\x00", &topic(len)].concat(),
        );
    }
}

#[test]
fn command_is_long_once_its_body_with_the_name_is() {
    for (len, header) in [
        (244, &b"\x04\xFE"[..]),
        (245, b"\x04\xFF"),
        (246, b"\x06\0\0\0\0\0\0\x01\x00"),
        (255, b"\x06\0\0\0\0\0\0\x01\x09"),
    ] {
        let expected = [header, b"\x09SUBSCRIBE", &topic(len)].concat();
        check_command(V3_1, Command::Subscribe(topic(len)), &expected);
    }
}

#[test]
fn ping_has_tenths_of_a_second_rounded_up_and_bounded() {
    let ping = |millis| Command::Ping {
        ttl: Duration::from_millis(millis),
        context: Bytes::from_static(b"ctx"),
    };
    check_command(V3_1, ping(0), b"\x04\x0A\x04PING\x00\x00ctx");
    check_command(V3_1, ping(1), b"\x04\x0A\x04PING\x00\x01ctx");
    check_command(V3_1, ping(30_000), b"\x04\x0A\x04PING\x01\x2Cctx");
    check_command(V3_1, ping(6_553_500), b"\x04\x0A\x04PING\xFF\xFFctx");
    check_command(V3_1, ping(u64::MAX), b"\x04\x0A\x04PING\xFF\xFFctx");
}

#[test]
fn contexts_and_reasons_that_are_too_long_are_cut() {
    let pong = Command::Pong { context: topic(17) };
    check_command(V3_1, pong, &[&b"\x04\x15\x04PONG"[..], &topic(16)].concat());
    let error = Command::Error { reason: topic(300) };
    let header = b"\x06\0\0\0\0\0\0\x01\x06\x05ERROR\xFF";
    check_command(V3_1, error, &[&header[..], &topic(255)].concat());
}

#[test]
fn error_has_its_reason_with_a_length() {
    let error = Command::Error {
        reason: Bytes::from_static(b"400"),
    };
    check_command(V3_0, error, b"\x04\x0A\x05ERROR\x03400");
}

#[test]
fn only_peers_from_3_1_on_have_traffic_commands() {
    assert!(!Encoder::new(V3_0).has_traffic_commands());
    assert!(Encoder::new(V3_1).has_traffic_commands());
    assert!(Encoder::new((4, 0)).has_traffic_commands());
}

#[test]
fn peers_of_2_0_get_subscriptions_as_messages_and_no_commands() {
    let topic = || Bytes::from_static(b"ab");
    check_command(V2_0, Command::Subscribe(topic()), b"\x00\x03\x01ab");
    check_command(V2_0, Command::Cancel(topic()), b"\x00\x03\x00ab");
    let context = topic();
    check_command(V2_0, Command::Pong { context }, b"");
    check_command(V2_0, Command::Error { reason: topic() }, b"");
}

#[test]
fn messages_have_the_framing_of_the_version() {
    let message = Message::from(["a", "", "bc"]);
    for peer in [V2_0, V3_0, V3_1, (4, 0)] {
        let mut out = Vec::new();
        Encoder::new(peer).encode_message(&message, &mut out);
        assert_eq!(out, b"\x01\x01a\x01\x00\x00\x02bc");
    }
    let mut out = Vec::new();
    Encoder::new(V1_0).encode_message(&message, &mut out);
    assert_eq!(out, b"\x02\x01a\x01\x01\x03\x00bc");
}

#[test]
fn peers_of_1_0_get_nothing_but_messages() {
    let topic = || Bytes::from_static(b"ab");
    let context = topic();
    let ttl = Duration::ZERO;
    for command in [
        Command::Subscribe(topic()),
        Command::Cancel(topic()),
        Command::Ping { ttl, context },
        Command::Error { reason: topic() },
    ] {
        check_command(V1_0, command, b"");
    }
}
