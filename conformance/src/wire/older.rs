//! Peers of ZMTP 2.0 and 1.0, where they are served.

use std::time::Duration;

use ferromq::{Bytes, Message, Refused, SendErrorKind, SocketType, Violation, ZmtpVersion};
use ferromq_testkit::{OlderPeer, OlderVersion, frames};
use ferromq_wire::{Command, Incoming};

use super::stage::{Stage, Subject};
use crate::case::{Case, case, skip};
use crate::socket::Settings;

pub(super) const CASES: &[Case<Stage>] = &[
    case!(
        greeting_waits_for_what_the_peer_is,
        "37/partial-greeting",
        "37/partial-read",
        "37/pseudo-signature",
        "23/partial-greeting",
        "23/partial-read",
        "23/pseudo-signature",
        "15/pseudo-signature",
        "13/greeting",
    ),
    case!(
        greeting_of_2_0_is_answered_in_kind,
        "37/detect-2.0",
        "37/continue-2.0",
        "23/detect-2.0",
        "15/signature",
        "15/revision",
        "15/socket-type",
        "15/identity",
        "15/no-handshake",
        "15/xpub-as-pub",
    ),
    case!(
        greeting_of_1_0_is_answered_in_kind,
        "37/detect-1.0",
        "37/continue-1.0",
        "23/detect-1.0",
        "15/detect-1.0",
        "15/continue-1.0",
        "13/greeting",
        "13/identity",
        "13/identity-flags",
        "13/identity-flags-sent",
    ),
    case!(
        bad_greetings_of_older_peers_are_refused_in_silence,
        "15/compatible",
        "15/silent",
        "15/identity",
        "13/identity",
        "13/identity-zero",
    ),
    case!(
        messages_are_framed_as_the_version_has_it,
        "15/frame-size",
        "15/single-more",
        "15/reserved-flags",
        "13/short-length",
        "13/long-length",
        "13/single-more",
        "13/reserved-flags",
    ),
    case!(
        reserved_flags_of_2_0_end_the_connection,
        "15/reserved-flags"
    ),
    case!(
        other_forms_of_1_0_frames_are_taken,
        "13/long-short-length",
        "13/zero-length",
        "13/reserved-flags",
    ),
    case!(message_that_is_not_finished_is_not_delivered, "13/whole"),
    case!(
        subscriptions_to_2_0_are_messages,
        "15/subscribe",
        "15/cancel",
    ),
    case!(
        subscriptions_of_2_0_are_messages,
        "15/subscribe",
        "15/cancel",
        "15/xpub-as-pub",
    ),
    case!(subscriber_says_nothing_to_1_0, "13/subscriber-silent"),
    case!(subscriber_of_1_0_gets_everything, "13/broadcast"),
    case!(
        envelopes_are_those_of_newer_versions,
        "13/envelope-delimiter",
        "13/envelope-forward",
        "13/envelope-reply",
    ),
    case!(
        nothing_is_held_for_an_identity_that_left,
        "13/identity-cost"
    ),
];

/// The octet of a socket type in a greeting of ZMTP 2.0.
fn octet(socket_type: SocketType) -> u8 {
    match socket_type {
        SocketType::Pair => 0,
        SocketType::Pub | SocketType::Xpub => 1,
        SocketType::Sub | SocketType::Xsub => 2,
        SocketType::Req => 3,
        SocketType::Rep => 4,
        SocketType::Dealer => 5,
        SocketType::Router => 6,
        SocketType::Pull => 7,
        SocketType::Push => 8,
        other => panic!("{other} has none"),
    }
}

/// A socket of ours that serves peers of every version.
fn serving(stage: &Stage, socket_type: SocketType) -> Subject {
    named(stage, socket_type, "")
}

/// The same with a routing id.
fn named(stage: &Stage, socket_type: SocketType, routing_id: &str) -> Subject {
    if stage.is_foreign() {
        skip("a foreign socket cannot be set up");
    }
    let settings = Settings {
        min_zmtp: ZmtpVersion::V1_0,
        routing_id: (!routing_id.is_empty()).then(|| routing_id.into()),
        ..Settings::default()
    };
    stage.socket_with(socket_type, settings)
}

/// A raw peer of a legal type, after both greetings.
#[track_caller]
fn meet(subject: &Subject, version: OlderVersion) -> OlderPeer {
    meet_as(subject, version, subject.partner(), "")
}

#[track_caller]
fn meet_as(subject: &Subject, version: OlderVersion, kind: SocketType, id: &str) -> OlderPeer {
    let theirs = (octet(subject.socket_type), "");
    let peer = OlderPeer::greet(version, subject.dial(), (octet(kind), id), theirs);
    subject.expect_established();
    peer
}

/// Ten octets, which a 1.0 peer reads as the header of a frame; the version to who has a signature;
/// the rest to who is of 3.x.
fn greeting_waits_for_what_the_peer_is(stage: &Stage) {
    let greeting = frames::greeting();
    let theirs = greeting.bytes();
    for (routing_id, length) in [("", 1), ("me", 3)] {
        let subject = named(stage, SocketType::Dealer, routing_id);
        let mut peer = subject.dial();
        peer.expect_raw(&[0xFF, 0, 0, 0, 0, 0, 0, 0, length, 0x7F]);
        peer.send_raw(&theirs[..10]);
        peer.expect_raw(&[3]);
        if stage.is_simulated() || stage.is_memory() {
            peer.expect_silence(Duration::from_secs(1));
        }
        peer.send_raw(&theirs[10..11]);
        peer.expect_raw(&theirs[11..]);
        peer.send_raw(&theirs[11..]);
        peer.send(frames::ready("ROUTER"));
        peer.expect_ready("DEALER");
        subject.expect_established();
        subject.send("to you");
        peer.expect(frames::msg(["to you"]));
    }
}

fn greeting_of_2_0_is_answered_in_kind(stage: &Stage) {
    for socket_type in SocketType::ALL {
        let subject = serving(stage, socket_type);
        meet(&subject, OlderVersion::V2_0);
    }
    for revision in [1, 2] {
        let subject = named(stage, SocketType::Dealer, "me");
        let mut peer = subject.dial();
        let greeting = frames::greeting_2_0(6, "you");
        peer.send_raw(&greeting.bytes()[..10]);
        peer.send_raw([revision]);
        peer.expect_raw(b"\xFF\0\0\0\0\0\0\0\x03\x7F\x03\x05\0\x02me");
        peer.send_raw(&greeting.bytes()[11..]);
        subject.expect_established();
        subject.send("at once");
        peer.expect(frames::msg(["at once"]));
    }
}

/// Whatever the flags of their identity.
fn greeting_of_1_0_is_answered_in_kind(stage: &Stage) {
    let long = [&[0xFF, 0, 0, 0, 0, 0, 0, 1, 0, 0][..], &[7; 255]].concat();
    for greeting in [
        frames::greeting_1_0(""),
        frames::greeting_1_0("you"),
        frames::frame_1_0(0xFF, b"you"),
        frames::raw(*b"\xFF\0\0\0\0\0\0\0\x04\x80you"),
        frames::raw(long),
    ] {
        let subject = named(stage, SocketType::Dealer, "me");
        let mut peer = subject.dial();
        peer.send(greeting);
        peer.expect_raw(b"\xFF\0\0\0\0\0\0\0\x03\x7Fme");
        subject.expect_established();
        subject.send("at once");
        peer.expect_raw(frames::msg_1_0(["at once"]).bytes());
    }
}

fn bad_greetings_of_older_peers_are_refused_in_silence(stage: &Stage) {
    let of_2_0 = |rest: &[u8]| [b"\xFF\0\0\0\0\0\0\0\0\x7F\x01", rest].concat();
    let refusals = [
        (of_2_0(&[1]), Violation::IncompatibleSocketType),
        (of_2_0(&[11]), Violation::IncompatibleSocketType),
        (of_2_0(&[6, 1]), Violation::MalformedRoutingId),
        (of_2_0(&[6, 2]), Violation::MalformedRoutingId),
        (of_2_0(&[6, 0, 1, 0]), Violation::RoutingIdReserved),
        (b"\x02\0\0".to_vec(), Violation::RoutingIdReserved),
        (
            b"\xFF\0\0\0\0\0\0\x01\x01\0".to_vec(),
            Violation::RoutingIdTooLong,
        ),
        (b"\0".to_vec(), Violation::BadSignature),
    ];
    for (beginning, violation) in refusals {
        let subject = named(stage, SocketType::Dealer, "me");
        let mut peer = subject.dial();
        peer.send_raw(&beginning);
        let told = subject.expect_refused(&mut peer, violation);
        let greeting = b"\xFF\0\0\0\0\0\0\0\x03\x7F\x03\x05\0\x02me";
        let rest_of_1_0 = b"\xFF\0\0\0\0\0\0\0\x03\x7Fme";
        assert!(
            greeting.starts_with(&told) || *rest_of_1_0 == *told,
            "{beginning:?}: {told:?}"
        );
    }
}

fn messages_are_framed_as_the_version_has_it(stage: &Stage) {
    for version in OlderVersion::ALL {
        let subject = serving(stage, SocketType::Dealer);
        let mut peer = meet(&subject, version);
        for size in [0, 1, 252, 253, 254, 255, 256, 70_000] {
            let parts = [vec![b'x'; size], Vec::new(), vec![b'y'; size]];
            for message in [&parts[..1], &parts] {
                subject.send(Message::from_iter(message.iter().cloned()));
                peer.expect(message);
                peer.send(message);
                subject.expect_message(&Message::from_iter(message.iter().cloned()));
            }
        }
    }
}

fn reserved_flags_of_2_0_end_the_connection(stage: &Stage) {
    for flags in [0x04, 0x08, 0x10, 0x20, 0x40, 0x80] {
        let subject = serving(stage, SocketType::Dealer);
        let mut peer = meet(&subject, OlderVersion::V2_0);
        peer.raw().send_raw([flags, 1, b'a']);
        subject.expect_ended(peer.raw(), Violation::ReservedFlags);
    }
}

/// Flags that are reserved mean nothing, and frames of length zero are as good as not sent.
fn other_forms_of_1_0_frames_are_taken(stage: &Stage) {
    let subject = serving(stage, SocketType::Dealer);
    let mut peer = meet(&subject, OlderVersion::V1_0);
    for (bytes, parts) in [
        (&b"\xFF\0\0\0\0\0\0\0\x02\0a"[..], &["a"][..]),
        (b"\xFF\0\0\0\0\0\0\0\x01\x01\x02\0b", &["", "b"]),
        (b"\x02\xFEa", &["a"]),
        (b"\x02\xFFa\x02\x80b", &["a", "b"]),
        (b"\0\x02\x01a\0\xFF\0\0\0\0\0\0\0\0\x02\0b", &["a", "b"]),
        (b"\0\0\0\x02\0c", &["c"]),
    ] {
        peer.raw().send_raw(bytes);
        subject.expect_message(&Message::from_iter(parts.iter().copied()));
    }
}

fn message_that_is_not_finished_is_not_delivered(stage: &Stage) {
    let subject = serving(stage, SocketType::Pull);
    let mut peer = meet(&subject, OlderVersion::V1_0);
    peer.send(["whole", "message"]);
    peer.raw().send(frames::frame_1_0(1, b"first of two"));
    peer.raw().send_raw(b"\x07\0half");
    subject.expect_message(&Message::from(["whole", "message"]));
    drop(peer);
    subject.expect_nothing();
    let mut next = meet(&subject, OlderVersion::V1_0);
    next.send(["next"]);
    subject.expect_message(&Message::from("next"));
}

fn requests() -> [(Command, &'static str); 4] {
    [
        (Command::Subscribe(Bytes::from_static(b"a")), "\u{1}a"),
        (Command::Subscribe(Bytes::new()), "\u{1}"),
        (Command::Cancel(Bytes::new()), "\0"),
        (Command::Cancel(Bytes::from_static(b"a")), "\0a"),
    ]
}

fn subscriptions_to_2_0_are_messages(stage: &Stage) {
    for socket_type in [SocketType::Sub, SocketType::Xsub] {
        let subject = serving(stage, socket_type);
        let mut peer = meet(&subject, OlderVersion::V2_0);
        for (request, message) in requests() {
            subject.request(request);
            peer.expect([message]);
        }
    }
}

/// By peers that appear as SUB, and by those that appear as XSUB, as libzmq's do.
fn subscriptions_of_2_0_are_messages(stage: &Stage) {
    for octet in [2, 10] {
        let subject = serving(stage, SocketType::Xpub);
        let version = OlderVersion::V2_0;
        let mut peer = OlderPeer::greet(version, subject.dial(), (octet, ""), (1, ""));
        subject.expect_established();
        for (_, message) in requests() {
            peer.send([message]);
            subject.expect_message(&Message::from(message));
        }
        if stage.is_memory() {
            continue; // The pattern filters, which is not there.
        }
        peer.send(["\u{1}ab"]);
        subject.expect_message(&Message::from("\u{1}ab"));
        subject.send("a");
        subject.send("abc");
        peer.expect(["abc"]);
    }
}

fn subscriber_says_nothing_to_1_0(stage: &Stage) {
    for socket_type in [SocketType::Sub, SocketType::Xsub] {
        let subject = serving(stage, socket_type);
        let mut peer = meet(&subject, OlderVersion::V1_0);
        for (request, _) in requests() {
            subject.request(request);
        }
        subject.request(Command::Subscribe(Bytes::from_static(b"a")));
        peer.send(["a message"]);
        subject.expect_message(&Message::from("a message"));
        if stage.is_simulated() || stage.is_memory() {
            peer.expect_silence(Duration::from_secs(1));
        }
    }
}

fn subscriber_of_1_0_gets_everything(stage: &Stage) {
    let subject = serving(stage, SocketType::Xpub);
    let mut peer = meet(&subject, OlderVersion::V1_0);
    if let Some(delivered) = subject.delivered() {
        let everything = Command::Subscribe(Bytes::new());
        assert_eq!(delivered, [Incoming::Command(everything)]);
    } else {
        subject.expect_message(&Message::from("\u{1}"));
    }
    for parts in [&[""][..], &["any", "", "content"], &["\0"]] {
        subject.send(Message::from_iter(parts.iter().copied()));
        peer.expect(parts);
    }
}

fn envelopes_are_those_of_newer_versions(stage: &Stage) {
    if stage.is_memory() {
        skip("the pattern makes envelopes, which is not there");
    }
    let version = OlderVersion::V1_0;
    let req = serving(stage, SocketType::Req);
    let mut peer = meet(&req, version);
    req.send("question");
    peer.expect(["", "question"]);
    peer.send(["", "answer"]);
    req.expect_message(&Message::from("answer"));

    let rep = serving(stage, SocketType::Rep);
    let mut peer = meet(&rep, version);
    peer.send(["hop", "another", "", "question"]);
    rep.expect_message(&Message::from("question"));
    rep.send("answer");
    peer.expect(["hop", "another", "", "answer"]);

    let router = serving(stage, SocketType::Router);
    let mut peer = meet_as(&router, version, SocketType::Req, "you");
    peer.send(["", "question"]);
    router.expect_message(&Message::from(["you", "", "question"]));
    router.send(["you", "", "answer"]);
    peer.expect(["", "answer"]);
}

fn nothing_is_held_for_an_identity_that_left(stage: &Stage) {
    if stage.is_dialed() {
        skip("who dials looks for that peer again");
    }
    let subject = serving(stage, SocketType::Router);
    let mut peer = meet_as(&subject, OlderVersion::V1_0, SocketType::Dealer, "you");
    let Some(router) = subject.live() else {
        skip("there is no socket");
    };
    peer.send(["hello"]);
    subject.expect_message(&Message::from(["you", "hello"]));
    peer.raw().end();
    peer.raw().drain_to_end();
    let mut next = meet_as(&subject, OlderVersion::V1_0, SocketType::Dealer, "next");
    next.send(["hello"]);
    subject.expect_message(&Message::from(["next", "hello"]));
    let error = router.try_send(Message::from(["you", "are you there?"]));
    let unknown = SendErrorKind::Refused(Refused::NoRoute);
    assert_eq!(error.unwrap_err().kind, unknown);
}
