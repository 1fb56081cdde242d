//! READY and its properties, and ERROR: what the NULL handshake consists of.

use ferromq::{Event, Message, SocketType, Violation};
use ferromq_testkit::frames;
use ferromq_testkit::mock::Frames;

use super::stage::{Stage, Subject};
use crate::case::{Case, case, skip};
use crate::socket::{Settings, WAIT};

pub(super) const CASES: &[Case<Stage>] = &[
    case!(
        every_type_announces_itself_without_waiting,
        "37/handshake",
        "37/ready-client",
        "37/ready-server",
        "37/metadata",
        "37/metadata-type",
        "37/socket-type",
        "37/property-size",
        "37/both-ways",
        "23/handshake",
        "23/ready-both",
        "23/ready-first",
        "23/metadata",
        "23/metadata-type",
        "23/socket-type",
        "23/property-size",
        "23/both-ways",
    ),
    case!(
        ready_is_a_command_of_the_shortest_form,
        "37/command",
        "37/command-name",
        "37/short-command",
        "37/long-command",
        "37/names-visible",
        "23/command",
        "23/command-name",
        "23/short-command",
        "23/long-command",
        "23/names-visible",
    ),
    case!(
        identity_is_announced_by_the_types_that_have_one,
        "37/identity",
        "37/identity-zero",
        "23/identity"
    ),
    case!(
        names_of_properties_may_have_any_case,
        "37/property-case",
        "37/metadata-case",
        "37/ready-parsed",
        "23/property-case",
        "23/metadata-case",
        "23/ready-parsed",
    ),
    case!(
        properties_may_have_any_legal_name_and_value,
        "37/property-name",
        "37/property-value",
        "37/resource-accepted",
        "23/property-name",
        "23/property-value",
    ),
    case!(
        applications_announce_properties_of_their_own,
        "37/metadata-x",
        "37/metadata",
        "23/metadata-x",
        "23/metadata",
    ),
    case!(
        illegal_properties_are_refused,
        "37/property-name",
        "37/property-value",
        "37/property-size",
        "23/property-name",
        "23/property-value",
        "23/property-size",
    ),
    case!(
        exactly_the_legal_types_are_accepted,
        "37/socket-type-legal",
        "37/socket-type-error",
        "37/error-reason",
        "23/socket-type-legal",
        "23/socket-type-error",
        "23/error-reason",
    ),
    case!(
        refusal_is_heard_by_a_peer_that_went_on_talking,
        "37/socket-type-error",
        "23/socket-type-error"
    ),
    case!(
        identity_of_a_peer_is_checked_where_it_means_something,
        "37/identity",
        "37/identity-zero",
        "37/identity-ignored",
        "23/identity",
        "23/identity-ignored",
    ),
    case!(
        error_ends_the_handshake,
        "37/error-fatal",
        "37/error-reason",
        "23/error-fatal",
        "23/error-reason",
    ),
    case!(
        endpoint_is_tried_again_after_an_error,
        "37/error-final",
        "23/error-final"
    ),
    case!(messages_wait_for_both_readys, "37/traffic-after-ready"),
];

/// Every socket type, or that of the foreign socket.
fn all(stage: &Stage) -> Vec<Subject> {
    if stage.is_foreign() {
        return vec![stage.any()];
    }
    SocketType::ALL.map(|one| stage.socket(one)).into()
}

fn every_type_announces_itself_without_waiting(stage: &Stage) {
    for subject in all(stage) {
        let mut peer = subject.dial();
        peer.send_greeting();
        peer.next_greeting();
        peer.expect_ready(subject.socket_type.as_str());
        peer.send(frames::ready(subject.partner().as_str()));
        subject.expect_established();
    }
}

/// Without identity, and with those that make a body of 255 octets and of 256.
fn ready_is_a_command_of_the_shortest_form(stage: &Stage) {
    for (identity, header) in [
        (0, &[0x04, 41][..]),
        (214, &[0x04, 255]),
        (215, &[0x06, 0, 0, 0, 0, 0, 0, 1, 0]),
    ] {
        let settings = Settings {
            routing_id: (identity > 0).then(|| vec![b'i'; identity].into()),
            ..Settings::default()
        };
        let subject = stage.socket_with(SocketType::Dealer, settings);
        let mut peer = subject.dial();
        peer.send(frames::greeting_with((3, 0), "NULL", false));
        peer.next_greeting();
        peer.expect_raw(header);
        peer.expect_raw(b"\x05READY");
    }
}

fn applications_announce_properties_of_their_own(stage: &Stage) {
    let metadata: [(&str, &[u8]); 2] = [("X-Colour", b"red"), ("X-Empty.and_long+1", b"")];
    for socket_type in SocketType::ALL {
        let settings = Settings {
            metadata: metadata.to_vec(),
            ..Settings::default()
        };
        let subject = stage.socket_with(socket_type, settings);
        let mut peer = subject.dial();
        peer.send_greeting();
        peer.next_greeting();
        let mut properties = peer.expect_ready(socket_type.as_str());
        properties.retain(|(name, _)| name != "Identity");
        let announced = metadata.map(|(name, value)| (name.to_owned(), value.to_vec()));
        assert_eq!(properties, announced, "{socket_type}");
        peer.send(frames::ready(subject.partner().as_str()));
        subject.expect_established();
    }
}

fn identity_is_announced_by_the_types_that_have_one(stage: &Stage) {
    for socket_type in SocketType::ALL {
        for length in [1, 255] {
            let identity = vec![b'i'; length];
            let settings = Settings {
                routing_id: Some(identity.clone().into()),
                ..Settings::default()
            };
            let subject = stage.socket_with(socket_type, settings);
            let mut peer = subject.dial();
            peer.send_greeting();
            peer.next_greeting();
            let properties = peer.expect_ready(socket_type.as_str());
            let expected = match socket_type {
                SocketType::Req | SocketType::Dealer | SocketType::Router => {
                    vec![("Identity".to_owned(), identity)]
                }
                _ => Vec::new(),
            };
            assert_eq!(properties, expected, "{socket_type}");
        }
    }
}

/// A peer of this type with these properties besides is established.
#[track_caller]
fn expect_accepted(subject: &Subject, ready: Frames) {
    let mut peer = subject.dial();
    peer.send_greeting();
    peer.send(ready);
    peer.next_greeting();
    peer.expect_ready(subject.socket_type.as_str());
    subject.expect_established();
    subject.expect_alive(&mut peer);
}

fn names_of_properties_may_have_any_case(stage: &Stage) {
    for name in ["Socket-Type", "socket-type", "SOCKET-TYPE", "sOCKET-tYPE"] {
        let subject = stage.any();
        let legal = property(name.as_bytes(), subject.partner().as_str().as_bytes());
        expect_accepted(&subject, frames::command("READY", &legal));
        if !stage.is_foreign() {
            let mut peer = subject.dial();
            peer.send_greeting();
            peer.send(frames::command("READY", &property(name.as_bytes(), b"PUB")));
            subject.expect_refused(&mut peer, Violation::IncompatibleSocketType);
        }
    }
}

fn properties_may_have_any_legal_name_and_value(stage: &Stage) {
    let longest = "n".repeat(255);
    let large = vec![0xA5; 60_000];
    let properties: [(&str, &[u8]); 8] = [
        ("a", b""),
        ("0", b"0"),
        ("-_.+", b"\0\xFF"),
        (&longest, b"long name"),
        ("X-own", b"x"),
        ("X-large", &large),
        ("Resource", b"system/name-service/test"),
        ("resource", b"not/a/resource/of/ours"),
    ];
    for property in properties {
        let subject = stage.any();
        let partner = subject.partner();
        expect_accepted(&subject, frames::ready_with(partner.as_str(), &[property]));
    }
}

fn property(name: &[u8], value: &[u8]) -> Vec<u8> {
    let name_length = [u8::try_from(name.len()).unwrap()];
    let length = u32::try_from(value.len()).unwrap().to_be_bytes();
    [&name_length[..], name, &length, value].concat()
}

fn illegal_properties_are_refused(stage: &Stage) {
    let cut = property(b"X-cut", b"value");
    let mut cases = vec![
        (property(b"", b"x"), Violation::MetadataName),
        (property(b"a b", b""), Violation::MetadataName),
        (property(b"a\0", b""), Violation::MetadataName),
        (property(b"\xC3\xA4", b""), Violation::MetadataName),
        (b"\x01a\x80\0\0\0".to_vec(), Violation::MetadataValueTooLong),
        (
            b"\x01a\xFF\xFF\xFF\xFF".to_vec(),
            Violation::MetadataValueTooLong,
        ),
        (property(b"a", b"").repeat(129), Violation::MetadataTooLarge),
    ];
    let cuts = (1..cut.len()).map(|at| (cut[..at].to_vec(), Violation::MalformedReady));
    cases.extend(cuts);
    for (data, violation) in cases {
        let subject = stage.any();
        let mut peer = subject.dial();
        peer.send_greeting();
        peer.next_greeting();
        peer.send(frames::command("READY", &data));
        subject.expect_turned_away(&mut peer, violation);
    }
}

/// What else a peer may call itself: types that we do not have, and names that are none.
const FOREIGN_TYPES: [&str; 12] = [
    "CLIENT", "SERVER", "RADIO", "DISH", "SCATTER", "GATHER", "PEER", "CHANNEL", "STREAM", "",
    "dealer", "DEALER ",
];

/// Who may talk with whom (RFC 37, "The Socket-Type Property"), written down here once more: the
/// suite must not ask whom it tests.
const LEGAL: &[(SocketType, &[SocketType])] = &[
    (SocketType::Req, &[SocketType::Rep, SocketType::Router]),
    (SocketType::Rep, &[SocketType::Dealer]),
    (
        SocketType::Dealer,
        &[SocketType::Dealer, SocketType::Router],
    ),
    (SocketType::Router, &[SocketType::Router]),
    (SocketType::Pub, &[SocketType::Sub, SocketType::Xsub]),
    (SocketType::Xpub, &[SocketType::Sub, SocketType::Xsub]),
    (SocketType::Push, &[SocketType::Pull]),
    (SocketType::Pair, &[SocketType::Pair]),
];

fn is_legal(one: SocketType, other: SocketType) -> bool {
    let names = |one, other: SocketType| {
        let of_one = LEGAL.iter().filter(|(first, _)| *first == one);
        of_one
            .flat_map(|(_, others)| *others)
            .any(|legal| *legal == other)
    };
    names(one, other) || names(other, one)
}

fn exactly_the_legal_types_are_accepted(stage: &Stage) {
    let ours: Vec<SocketType> = match stage.is_foreign() {
        true => vec![stage.any().socket_type],
        false => SocketType::ALL.into(),
    };
    for socket_type in ours {
        let others = SocketType::ALL.into_iter();
        let (legal, illegal): (Vec<_>, Vec<_>) =
            others.partition(|other| is_legal(socket_type, *other));
        for other in legal {
            expect_accepted(&stage.socket(socket_type), frames::ready(other.as_str()));
        }
        for name in illegal
            .iter()
            .map(|other| other.as_str())
            .chain(FOREIGN_TYPES)
        {
            let subject = stage.socket(socket_type);
            let mut peer = subject.dial();
            peer.send_greeting();
            peer.next_greeting();
            peer.expect_ready(socket_type.as_str());
            peer.send(frames::ready(name));
            let violation = Violation::IncompatibleSocketType;
            let told = subject.expect_refused(&mut peer, violation);
            expect_error(stage, &told);
        }
    }
}

/// Its messages are behind its READY already: a plain close would reset the connection, and the
/// kernel would throw the ERROR away.
fn refusal_is_heard_by_a_peer_that_went_on_talking(stage: &Stage) {
    for messages in [1, 100] {
        let subject = stage.any();
        let mut peer = subject.dial();
        peer.send_greeting();
        peer.next_greeting();
        peer.expect_ready(subject.socket_type.as_str());
        let ready = frames::ready("SPHINX");
        peer.send((0..messages).fold(ready, |all, _| all.then(frames::msg([[7; 1_000]]))));
        let told = subject.expect_refused(&mut peer, Violation::IncompatibleSocketType);
        expect_error(stage, &told);
    }
}

/// One ERROR with a reason that can be printed. (To send it is recommended, not required.)
#[track_caller]
fn expect_error(stage: &Stage, told: &[u8]) {
    if stage.is_foreign() && told.is_empty() {
        return;
    }
    let [
        0x04,
        size,
        5,
        b'E',
        b'R',
        b'R',
        b'O',
        b'R',
        length,
        reason @ ..,
    ] = told
    else {
        panic!("no ERROR: {}", told.escape_ascii());
    };
    assert_eq!(usize::from(*size), 7 + reason.len());
    assert_eq!(usize::from(*length), reason.len());
    assert!(
        reason.iter().all(u8::is_ascii_graphic),
        "{}",
        reason.escape_ascii()
    );
}

fn identity_of_a_peer_is_checked_where_it_means_something(stage: &Stage) {
    let ready = |name: &str, identity: &[u8]| frames::ready_with(name, &[("Identity", identity)]);
    for other in ["REQ", "DEALER", "ROUTER"] {
        for identity in [&b""[..], b"a", &[0xFF; 255], b"a\0b"] {
            expect_accepted(&stage.socket(SocketType::Router), ready(other, identity));
        }
        for (identity, violation) in [
            (&[0xFF; 256][..], Violation::RoutingIdTooLong),
            (b"\0", Violation::RoutingIdReserved),
            (b"\0abcd", Violation::RoutingIdReserved),
        ] {
            let subject = stage.socket(SocketType::Router);
            let mut peer = subject.dial();
            peer.send_greeting();
            peer.next_greeting();
            peer.send(ready(other, identity));
            subject.expect_turned_away(&mut peer, violation);
        }
    }
    for identity in [&[0xFF; 256][..], b"\0", b"me"] {
        if !stage.is_foreign() {
            expect_accepted(&stage.socket(SocketType::Pull), ready("PUSH", identity));
            expect_accepted(&stage.socket(SocketType::Dealer), ready("REP", identity));
        }
    }
}

fn error_ends_the_handshake(stage: &Stage) {
    for reason in ["", "no", &"r".repeat(255)] {
        let subject = stage.any();
        let mut peer = subject.dial();
        peer.send_greeting();
        peer.next_greeting();
        peer.expect_ready(subject.socket_type.as_str());
        peer.send(frames::error(reason));
        let told = subject.expect_refused(&mut peer, Violation::PeerReportedError);
        assert!(told.is_empty(), "an ERROR is not answered");
    }
}

fn endpoint_is_tried_again_after_an_error(stage: &Stage) {
    let subject = stage.own_socket(SocketType::Dealer);
    let (Some(socket), true) = (subject.live(), stage.is_dialed()) else {
        skip("only a socket that dials can try again");
    };
    let events = socket.events();
    let mut peer = subject.dial();
    peer.send_greeting();
    peer.send(frames::error("no"));
    subject.expect_refused(&mut peer, Violation::PeerReportedError);
    let retry = events.wait_for(WAIT, |event| matches!(event, Event::Retry { .. }));
    assert!(retry.is_some());
}

/// A message that was accepted before there was a connection comes after READY was exchanged, not
/// after it was sent.
fn messages_wait_for_both_readys(stage: &Stage) {
    if !stage.is_simulated() || !stage.is_dialed() {
        skip("only in a simulated network can nothing be shown to come");
    }
    let subject = stage.own_socket(SocketType::Dealer);
    let mut peer = subject.dial();
    subject.send("early");
    peer.send_greeting();
    peer.next_greeting();
    peer.expect_ready("DEALER");
    peer.expect_silence(WAIT);
    peer.send(frames::ready("DEALER").then(frames::msg(["answer"])));
    peer.expect(frames::msg(["early"]));
    subject.expect_message(&Message::from("answer"));
}
