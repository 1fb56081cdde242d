//! Tests of the handshake: exact bytes, other protocols, refusals on both sides, arbitrary cuts.

#[cfg(feature = "curve")]
mod curve;
#[cfg(all(feature = "curve", feature = "plain"))]
mod history;
#[cfg(any(feature = "curve", feature = "plain"))]
mod mechanisms;
mod older;
#[cfg(feature = "plain")]
mod plain;

use proptest::prelude::*;

use super::{Established, Handshake, HandshakeConfig, Output};
use crate::metadata::{lookup, put};
use crate::{
    Incoming, Limits, Mechanism, Message, Null, Part, SocketType, V3_0, V3_1, Violation,
    ZmtpVersion,
};

const LONG_NAME: &str = "TWENTY-CHARACTERS-OK";

fn config(socket_type: SocketType) -> HandshakeConfig {
    HandshakeConfig::new(socket_type)
}

fn dealer() -> Handshake {
    Handshake::new(config(SocketType::Dealer), Box::new(Null::new()))
}

/// A greeting as a peer sends it.
fn greeting(major: u8, minor: u8, mechanism: &str) -> Vec<u8> {
    let mut bytes = vec![0; 64];
    bytes[0] = 0xFF;
    bytes[8] = 1; // The padding is not significant.
    bytes[9] = 0x7F;
    bytes[10..12].copy_from_slice(&[major, minor]);
    bytes[12..12 + mechanism.len()].copy_from_slice(mechanism.as_bytes());
    bytes
}

fn command(name: &str, data: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    crate::encode::put_command(&mut bytes, name, &[data]);
    bytes
}

fn ready(properties: &[(&str, &[u8])]) -> Vec<u8> {
    let mut data = Vec::new();
    properties
        .iter()
        .for_each(|(name, value)| put(&mut data, name, value));
    command("READY", &data)
}

/// A peer's greeting of ZMTP 3.1, and what it sends then.
fn after_greeting(bytes: &[u8]) -> Vec<u8> {
    [&greeting(3, 1, "NULL")[..], bytes].concat()
}

/// What a handshake sends now, and whether it is done.
fn outputs(handshake: &mut Handshake) -> (Vec<u8>, Option<Box<Established>>) {
    let (mut sent, mut done) = (Vec::new(), None);
    loop {
        match handshake.poll_output() {
            Output::Send(bytes) => sent.extend(bytes),
            Output::NeedInput => return (sent, done),
            Output::Decide(claim) => panic!("{claim:?}"),
            Output::Done(established) => assert!(done.replace(established).is_none(), "once"),
        }
    }
}

/// How a handshake ended: the peer with what was left of the input, or a violation with what was
/// sent.
#[derive(Debug, PartialEq)]
enum End {
    Established(crate::PeerInfo, Vec<u8>),
    Refused(Violation),
    Waiting,
}

fn run<'a>(
    handshake: &mut Handshake,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> (End, Vec<u8>) {
    let (mut end, mut rest, mut sent) = (End::Waiting, Vec::new(), Vec::new());
    for piece in pieces {
        rest.extend_from_slice(piece);
        let mut input = &rest[..];
        let result = handshake.handle_input(&mut input);
        rest = input.to_vec();
        let (bytes, done) = outputs(handshake);
        sent.extend(bytes);
        match (result, done) {
            (Err(violation), _) => return (End::Refused(violation), sent),
            (Ok(()), Some(done)) => end = End::Established(done.peer, Vec::new()),
            (Ok(()), None) => {}
        }
    }
    if let End::Established(_, left) = &mut end {
        left.append(&mut rest);
    }
    (end, sent)
}

/// Gives a handshake the bytes whole, byte by byte, and split at every point; all must end alike.
#[track_caller]
fn check(make: &dyn Fn() -> Handshake, bytes: &[u8]) -> (End, Vec<u8>) {
    let whole = run(&mut make(), [bytes]);
    assert_eq!(run(&mut make(), bytes.chunks(1)), whole, "byte by byte");
    for at in 0..=bytes.len() {
        let (front, back) = bytes.split_at(at);
        assert_eq!(run(&mut make(), [front, back]), whole, "split at {at}");
    }
    whole
}

/// The last of these bytes, and no earlier one, makes a DEALER refuse the peer.
#[track_caller]
fn check_refused(bytes: &[u8], expected: Violation) {
    let (end, _) = check(&dealer, bytes);
    assert_eq!(end, End::Refused(expected));
    let (end, _) = run(&mut dealer(), [&bytes[..bytes.len() - 1]]);
    assert_eq!(end, End::Waiting, "the last byte decides");
}

#[track_caller]
fn established(make: &dyn Fn() -> Handshake, bytes: &[u8]) -> crate::PeerInfo {
    match check(make, bytes) {
        (End::Established(peer, _), _) => peer,
        other => panic!("{other:?}"),
    }
}

#[test]
fn greeting_and_ready_of_a_dealer_are_those_of_the_specification() {
    let config = HandshakeConfig {
        routing_id: Some(Part::EMPTY),
        ..config(SocketType::Dealer)
    };
    let mut handshake = Handshake::new(config, Box::new(Null::new()));
    let (sent, _) = outputs(&mut handshake);
    let mut expected = vec![0xFF, 0, 0, 0, 0, 0, 0, 0, 0, 0x7F, 3, 1];
    expected.extend(b"NULL");
    expected.resize(64, 0);
    assert_eq!(sent, expected);

    handshake
        .handle_input(&mut &greeting(3, 1, "NULL")[..])
        .unwrap();
    let (sent, _) = outputs(&mut handshake);
    let body = b"\x05READY\x0BSocket-Type\0\0\0\x06DEALER\x08Identity\0\0\0\0";
    assert_eq!(body.len(), 41);
    assert_eq!(sent, [&[4, 41][..], body].concat());
}

#[test]
fn ready_without_routing_id_has_the_lengths_seen_from_other_implementations() {
    for (socket_type, len) in [
        (SocketType::Router, 28),
        (SocketType::Xpub, 26),
        (SocketType::Sub, 25),
    ] {
        let mut handshake = Handshake::new(config(socket_type), Box::new(Null::new()));
        handshake
            .handle_input(&mut &greeting(3, 0, "NULL")[..])
            .unwrap();
        let (sent, _) = outputs(&mut handshake);
        assert_eq!(sent[64..66], [4, len]);
        assert_eq!(sent.len(), 66 + usize::from(len));
    }
}

#[test]
fn own_properties_follow_and_cannot_replace_those_of_the_handshake() {
    let metadata = [
        ("X-A", "1"),
        ("SOCKET-TYPE", "PUB"),
        ("identity", "x"),
        ("bad name", "y"),
    ]
    .map(|(name, value)| (name.to_owned(), Part::from(value)))
    .to_vec();
    let config = HandshakeConfig {
        metadata,
        ..config(SocketType::Pull)
    };
    let mut handshake = Handshake::new(config, Box::new(Null::new()));
    handshake
        .handle_input(&mut &greeting(3, 1, "NULL")[..])
        .unwrap();
    let (sent, _) = outputs(&mut handshake);
    assert_eq!(
        sent[64..],
        *b"\x04\x23\x05READY\x0BSocket-Type\0\0\0\x04PULL\x03X-A\0\0\0\x011"
    );
}

#[test]
fn peer_is_known_after_its_ready_and_its_traffic_is_left() {
    let bytes = after_greeting(
        &[
            ready(&[
                ("X-One", b"1"),
                ("socket-TYPE", b"ROUTER"),
                ("IDENTITY", b"me"),
                ("x-one", b"2"),
            ]),
            b"\x00\x02hi\x01".to_vec(),
        ]
        .concat(),
    );
    let (End::Established(peer, rest), _) = check(&dealer, &bytes) else {
        panic!()
    };
    assert_eq!(peer.version, V3_1);
    assert_eq!(peer.socket_type, Some(SocketType::Router));
    assert_eq!(peer.routing_id, "me");
    assert_eq!(lookup(&peer.metadata, "X-ONE").unwrap(), "1");
    assert_eq!(peer.metadata.len(), 2, "names as sent: {:?}", peer.metadata);
    assert_eq!(rest, b"\x00\x02hi\x01");
}

#[test]
fn established_directions_have_the_version_and_limits() {
    let limits = Limits {
        max_message_size: Some(1),
        ..Limits::default()
    };
    let config = HandshakeConfig {
        limits,
        ..config(SocketType::Pull)
    };
    let mut handshake = Handshake::new(config, Box::new(Null::new()));
    let bytes = [greeting(3, 0, "NULL"), ready(&[("Socket-Type", b"PUSH")])].concat();
    handshake.handle_input(&mut &bytes[..]).unwrap();
    let (sent, done) = outputs(&mut handshake);
    assert!(sent.len() > 64, "all output comes before the end");
    let mut done = done.unwrap();
    assert!(!done.encoder.has_traffic_commands());
    let mut incoming = Vec::new();
    let result = done
        .decoder
        .decode(&mut &b"\x00\x01a\x00\x02ab"[..], 9, &mut incoming);
    assert_eq!(incoming, [Incoming::Message(Message::from("a"))]);
    assert_eq!(result, Err(Violation::FrameTooLarge));
}

#[test]
fn input_after_the_end_is_not_touched() {
    let mut handshake = dealer();
    let bytes = after_greeting(&ready(&[("Socket-Type", b"REP")]));
    handshake.handle_input(&mut &bytes[..]).unwrap();
    assert!(outputs(&mut handshake).1.is_some());
    let mut traffic: &[u8] = b"\x00\x01a";
    assert_eq!(handshake.handle_input(&mut traffic), Ok(()));
    assert_eq!(traffic.len(), 3);
    assert!(matches!(handshake.poll_output(), Output::NeedInput));
}

#[test]
fn ready_without_socket_type_is_accepted() {
    let peer = established(&dealer, &after_greeting(&ready(&[("Identity", b"me")])));
    assert_eq!(peer.socket_type, None);
    assert_eq!(peer.routing_id, "me");
}

#[test]
fn routing_id_of_a_type_that_has_none_is_ignored() {
    let bytes = after_greeting(&ready(&[("Socket-Type", b"REP"), ("Identity", b"\0")]));
    let peer = established(&dealer, &bytes);
    assert!(peer.routing_id.is_empty() && peer.metadata.is_empty());
}

#[test]
fn newer_versions_are_accepted() {
    for (major, minor) in [(3, 2), (3, 255), (4, 0), (255, 255)] {
        let bytes = [greeting(major, minor, "NULL"), ready(&[])].concat();
        assert_eq!(established(&dealer, &bytes).version, (major, minor));
    }
}

#[test]
fn version_3_0_is_accepted_unless_the_minimum_is_higher() {
    let bytes = [greeting(3, 0, "NULL"), ready(&[])].concat();
    assert_eq!(established(&dealer, &bytes).version, V3_0);
    let strict = || {
        let config = HandshakeConfig {
            minimum: ZmtpVersion::V3_1,
            ..config(SocketType::Dealer)
        };
        Handshake::new(config, Box::new(Null::new()))
    };
    let (end, sent) = check(&strict, &bytes);
    assert_eq!(end, End::Refused(Violation::UnsupportedVersion));
    assert_eq!(sent.len(), 64, "nothing but the greeting");
}

#[test]
fn filler_and_as_server_of_the_peer_have_no_significance() {
    let mut bytes = after_greeting(&ready(&[]));
    bytes[32] = 1;
    bytes[33..64].fill(0xAA);
    assert_eq!(established(&dealer, &bytes).version, V3_1);
}

#[test]
fn other_protocols_are_refused_at_their_first_bytes() {
    check_refused(b"GE", Violation::BadSignature); // HTTP
    check_refused(b"\x16\x03", Violation::BadSignature); // TLS
    check_refused(b"SS", Violation::BadSignature); // SSH
    check_refused(b"\x00", Violation::BadSignature);
    check_refused(b"\xFF\0\0\0\0\0\0\0\x01\x7D", Violation::BadSignature);
    check_refused(
        b"\xFF\xFD\x01\xFF\xFD\x01\xFF\xFD\x01\xFF",
        Violation::BadSignature,
    ); // telnet
}

#[test]
fn peers_of_old_versions_are_recognised() {
    check_refused(b"\x01\x00", Violation::UnsupportedVersion); // 1.0, anonymous
    check_refused(b"\x05\x00", Violation::UnsupportedVersion); // 1.0, routing id of 4 bytes
    check_refused(
        b"\xFF\0\0\0\0\0\0\x01\x01\x00",
        Violation::UnsupportedVersion,
    ); // 1.0, 256 bytes
    for major in 0..3 {
        let bytes = [b"\xFF\0\0\0\0\0\0\0\x01\x7F", &[major][..]].concat();
        check_refused(&bytes, Violation::UnsupportedVersion);
    }
}

#[test]
fn another_mechanism_is_refused_at_its_first_difference() {
    check_refused(&greeting(3, 1, "PLAIN")[..13], Violation::MechanismMismatch);
    check_refused(&greeting(3, 1, "NUL")[..16], Violation::MechanismMismatch);
    check_refused(&greeting(3, 1, "NULLX")[..17], Violation::MechanismMismatch);
    check_refused(
        &greeting(3, 1, "NULL\0X")[..18],
        Violation::MechanismMismatch,
    );
    check_refused(&greeting(3, 1, "null")[..13], Violation::MechanismMismatch);
}

#[test]
fn refusal_within_the_greeting_sends_no_error() {
    let (end, sent) = check(&dealer, &greeting(3, 1, "CURVE"));
    assert_eq!(end, End::Refused(Violation::MechanismMismatch));
    assert_eq!(sent.len(), 64);
}

#[test]
fn incompatible_or_unknown_socket_types_are_refused_with_an_error() {
    for name in [&b"PUB"[..], b"REQ", b"STREAM", b"dealer", b""] {
        let (end, sent) = check(&dealer, &after_greeting(&ready(&[("Socket-Type", name)])));
        assert_eq!(end, End::Refused(Violation::IncompatibleSocketType));
        let error = command("ERROR", b"\x16IncompatibleSocketType");
        assert!(sent.ends_with(&error), "{sent:?}");
    }
}

#[test]
fn routing_ids_over_255_bytes_or_with_a_zero_first_are_refused() {
    let with_id = |id: &[u8]| after_greeting(&ready(&[("Identity", id)]));
    assert_eq!(
        established(&dealer, &with_id(&[7; 255])).routing_id,
        [7; 255]
    );
    check_refused(&with_id(&[7; 256]), Violation::RoutingIdTooLong);
    check_refused(&with_id(b"\0me"), Violation::RoutingIdReserved);
}

#[test]
fn error_of_the_peer_is_reported_with_its_reason_and_not_answered() {
    let bytes = after_greeting(&command("ERROR", b"\x03400"));
    check_refused(&bytes, Violation::PeerReportedError);
    let mut handshake = dealer();
    assert_eq!(handshake.peer_reason(), None);
    let (_, sent) = run(&mut handshake, [&bytes[..]]);
    assert_eq!(handshake.peer_reason(), Some(&b"400"[..]));
    assert!(!sent.windows(5).any(|bytes| bytes == b"ERROR"));
}

#[test]
fn malformed_handshake_frames_are_refused() {
    for (bytes, violation) in [
        (&b"\x00\x01a"[..2], Violation::UnexpectedMessage),
        (b"\x01\x00", Violation::UnexpectedMessage),
        (b"\x08", Violation::ReservedFlags),
        (b"\x05", Violation::MoreOnCommand),
        (b"\x06\x80\0\0\0\0\0\0\0", Violation::FrameLengthTopBit),
        (b"\x06\x40\0\0\0\0\0\0\0", Violation::CommandTooLarge),
        (b"\x06\0\0\0\0\0\x01\0\x01", Violation::CommandTooLarge),
        (b"\x04\x00", Violation::MalformedCommand),
        (b"\x04\x04\x05REA", Violation::MalformedCommand),
        (b"\x04\x06\x05ERROR", Violation::MalformedError),
        (b"\x04\x07\x04PING\0\0", Violation::UnexpectedCommand),
        (b"\x04\x06\x05HELLO", Violation::UnexpectedCommand),
        (b"\x04\x08\x05READY\x01a", Violation::MalformedReady),
        (b"\x04\x0B\x05READY\x00\0\0\0\0", Violation::MetadataName),
        (
            b"\x04\x0C\x05READY\x01a\xFF\0\0\0",
            Violation::MetadataValueTooLong,
        ),
    ] {
        let bytes = after_greeting(bytes);
        assert_eq!(check(&dealer, &bytes).0, End::Refused(violation));
    }
}

#[test]
fn ready_with_too_many_properties_is_refused() {
    let names: Vec<String> = (0..129).map(|n| format!("X-{n}")).collect();
    let properties: Vec<(&str, &[u8])> = names.iter().map(|name| (&name[..], &b""[..])).collect();
    assert_eq!(
        established(&dealer, &after_greeting(&ready(&properties[..128])))
            .metadata
            .len(),
        128
    );
    check_refused(
        &after_greeting(&ready(&properties)),
        Violation::MetadataTooLarge,
    );
}

#[test]
fn announced_command_length_reserves_nothing() {
    let limits = Limits {
        max_command: usize::MAX,
        ..Limits::default()
    };
    let config = HandshakeConfig {
        limits,
        ..config(SocketType::Dealer)
    };
    let mut handshake = Handshake::new(config, Box::new(Null::new()));
    let bytes = after_greeting(b"\x06\x40\0\0\0\0\0\0\0\x05READY");
    assert_eq!(handshake.handle_input(&mut &bytes[..]), Ok(()));
    assert!(
        handshake.pending.capacity() < 64,
        "{}",
        handshake.pending.capacity()
    );
}

#[test]
fn violation_repeats_and_output_ends() {
    let mut handshake = dealer();
    let bytes = after_greeting(b"\x00\x01a");
    let mut input = &bytes[..];
    assert_eq!(
        handshake.handle_input(&mut input),
        Err(Violation::UnexpectedMessage)
    );
    assert!(
        outputs(&mut handshake)
            .0
            .ends_with(&command("ERROR", b"\x11UnexpectedMessage"))
    );
    let mut more = &b"\x04"[..];
    assert_eq!(
        handshake.handle_input(&mut more),
        Err(Violation::UnexpectedMessage)
    );
    assert_eq!(more.len(), 1);
    assert!(outputs(&mut handshake).0.is_empty());
}

/// A mechanism of two steps each way, as PLAIN has them: HELLO, WELCOME, INITIATE, READY.
#[derive(Debug, Default)]
struct TwoSteps {
    server: bool,
    received: usize,
    sent: usize,
    metadata: Option<Vec<u8>>,
}

impl TwoSteps {
    fn names(server: bool) -> [&'static str; 2] {
        if server {
            ["WELCOME", "READY"]
        } else {
            ["HELLO", "INITIATE"]
        }
    }
}

impl Mechanism for TwoSteps {
    fn name(&self) -> &'static str {
        LONG_NAME
    }

    fn handle_command(&mut self, name: &[u8], data: &[u8]) -> Result<(), Violation> {
        if Self::names(!self.server)
            .get(self.received)
            .map(|it| it.as_bytes())
            != Some(name)
        {
            return Err(Violation::UnexpectedCommand);
        }
        self.received += 1;
        self.metadata = (self.received == 2).then(|| data.to_vec());
        Ok(())
    }

    fn next_command(&mut self, metadata: &[u8]) -> Option<(&'static str, Vec<u8>)> {
        let due = if self.server {
            self.received
        } else {
            self.received + 1
        };
        let name = *Self::names(self.server)
            .get(self.sent)
            .filter(|_| self.sent < due)?;
        self.sent += 1;
        Some((
            name,
            if self.sent == 2 {
                metadata.to_vec()
            } else {
                Vec::new()
            },
        ))
    }

    fn peer_metadata(&self) -> Option<&[u8]> {
        self.metadata.as_deref()
    }

    fn is_done(&self) -> bool {
        self.received == 2 && self.sent == 2
    }
}

fn two_steps(socket_type: SocketType, as_server: bool) -> Handshake {
    let config = HandshakeConfig {
        as_server,
        ..config(socket_type)
    };
    Handshake::new(
        config,
        Box::new(TwoSteps {
            server: as_server,
            ..TwoSteps::default()
        }),
    )
}

#[test]
fn as_server_is_announced_unless_the_mechanism_is_null() {
    let (sent, _) = outputs(&mut two_steps(SocketType::Rep, true));
    assert_eq!(sent[32], 1);
    assert_eq!(
        sent[12..32],
        *LONG_NAME.as_bytes(),
        "a name of full length has no padding"
    );
    let config = HandshakeConfig {
        as_server: true,
        ..config(SocketType::Rep)
    };
    let (sent, _) = outputs(&mut Handshake::new(config, Box::new(Null::new())));
    assert_eq!(sent[32], 0);
}

#[test]
fn two_clients_of_a_mechanism_with_roles_refuse_each_other() {
    let bytes = [greeting(3, 1, LONG_NAME), command("HELLO", b"")].concat();
    let (end, _) = check(&|| two_steps(SocketType::Req, false), &bytes);
    assert_eq!(end, End::Refused(Violation::UnexpectedCommand));
}

/// Lets two sides talk, what is in flight cut into pieces of the given lengths, in turn.
fn converse(sides: [Handshake; 2], cuts: &[usize]) -> [Box<Established>; 2] {
    let mut sides = sides;
    let mut wires = [Vec::new(), Vec::new()];
    let mut done = [None, None];
    let mut cuts = cuts.iter().copied().cycle();
    for _ in 0..2_000 {
        for at in 0..2 {
            let (sent, end) = outputs(&mut sides[at]);
            wires[at].extend(sent);
            if end.is_some() {
                done[at] = end;
            }
        }
        for at in 0..2 {
            let most = cuts.next().unwrap_or(1).min(wires[1 - at].len());
            let piece: Vec<u8> = wires[1 - at].drain(..most).collect();
            let mut input = &piece[..];
            sides[at].handle_input(&mut input).unwrap();
            assert!(input.is_empty(), "nothing is left of a handshake");
        }
        if let [Some(_), Some(_)] = done {
            return done.map(Option::unwrap);
        }
    }
    panic!("the handshake does not end");
}

proptest! {
    #[test]
    fn two_sides_find_each_other_however_the_bytes_are_cut(
        cuts in prop::collection::vec(1..80_usize, 1..20),
        routing_id in prop::collection::vec(1..=255_u8, 0..40),
        value in prop::collection::vec(any::<u8>(), 0..300),
        roles: bool,
    ) {
        let metadata = vec![("X-Value".to_owned(), Part::from(value))];
        let router = HandshakeConfig {
            as_server: true,
            metadata: metadata.clone(),
            ..config(SocketType::Router)
        };
        let dealer = HandshakeConfig {
            routing_id: Some(Part::from(routing_id.clone())),
            ..config(SocketType::Dealer)
        };
        let mechanism = |server| -> Box<dyn Mechanism> {
            if roles {
                Box::new(TwoSteps { server, ..TwoSteps::default() })
            } else {
                Box::new(Null::new())
            }
        };
        let sides =
            [Handshake::new(router, mechanism(true)), Handshake::new(dealer, mechanism(false))];
        let [at_router, at_dealer] = converse(sides, &cuts);
        prop_assert_eq!(at_router.peer.socket_type, Some(SocketType::Dealer));
        prop_assert_eq!(at_router.peer.routing_id, Part::from(routing_id));
        prop_assert_eq!(at_dealer.peer.socket_type, Some(SocketType::Router));
        prop_assert_eq!(&at_dealer.peer.metadata, &metadata);
        prop_assert_eq!(at_dealer.encoder.peer_version(), V3_1);
    }

    #[test]
    fn arbitrary_bytes_never_panic_and_end_alike(
        bytes in prop::collection::vec(prop_oneof![0..8_u8, any::<u8>()], 0..100),
        greeted: bool,
        cut in any::<prop::sample::Index>(),
    ) {
        let bytes = if greeted { after_greeting(&bytes) } else { bytes };
        let (front, back) = bytes.split_at(cut.index(bytes.len() + 1));
        let whole = run(&mut dealer(), [&bytes[..]]);
        prop_assert_eq!(run(&mut dealer(), [front, back]), whole);
    }
}

#[test]
fn handshake_over_its_size_in_all_is_refused() {
    let mut bytes = greeting(3, 1, "NULL");
    bytes.extend(ready(&[("Socket-Type", b"ROUTER")]));
    for (most, is_over) in [(bytes.len(), false), (bytes.len() - 1, true)] {
        let mut config = config(SocketType::Dealer);
        config.limits.max_handshake = most;
        let make = || Handshake::new(config.clone(), Box::new(Null::new()));
        let (end, _) = check(&make, &bytes);
        let refused = end == End::Refused(Violation::HandshakeTooLarge);
        assert_eq!(refused, is_over, "{end:?}");
    }
}
