//! Peers of ZMTP 2.0 and 1.0: what they are told and when, what is read of them, who is refused.

use proptest::prelude::*;

use super::{
    End, TwoSteps, after_greeting, check, command, config, converse, greeting, outputs, ready, run,
};
use crate::{
    Command, Framing, Handshake, HandshakeConfig, Null, Part, SocketType, V1_0, V2_0, V3_1,
    Violation, ZmtpVersion,
};

/// A handshake that serves peers from this version on.
fn serving(minimum: ZmtpVersion, socket_type: SocketType, routing_id: &str) -> Handshake {
    let config = HandshakeConfig {
        minimum,
        routing_id: Some(Part::from(routing_id)),
        ..config(socket_type)
    };
    Handshake::new(config, Box::new(Null::new()))
}

fn dealer_1_0() -> Handshake {
    serving(ZmtpVersion::V1_0, SocketType::Dealer, "me")
}

fn dealer_2_0() -> Handshake {
    serving(ZmtpVersion::V2_0, SocketType::Dealer, "me")
}

/// A greeting of ZMTP 2.0 with this octet as socket type.
fn greeting_2_0(socket_type: u8, routing_id: &[u8]) -> Vec<u8> {
    let len = u8::try_from(routing_id.len()).unwrap();
    [
        b"\xFF\0\0\0\0\0\0\0\0\x7F\x01",
        &[socket_type, 0, len][..],
        routing_id,
    ]
    .concat()
}

/// What is sent after these bytes of the peer, and nothing before them.
#[track_caller]
fn answers(handshake: &mut Handshake, bytes: &[u8]) -> Vec<u8> {
    for byte in bytes {
        assert_eq!(outputs(handshake).0, [], "too early");
        handshake.handle_input(&mut &[*byte][..]).unwrap();
    }
    outputs(handshake).0
}

#[track_caller]
fn check_refused(make: &dyn Fn() -> Handshake, bytes: &[u8], expected: Violation) {
    let (end, sent) = check(make, bytes);
    assert_eq!(end, End::Refused(expected));
    assert!(sent.len() <= 64 + 10, "in silence: {sent:?}");
    let (end, _) = run(&mut make(), [&bytes[..bytes.len() - 1]]);
    assert_eq!(end, End::Waiting, "the last byte decides");
}

#[track_caller]
fn established(make: &dyn Fn() -> Handshake, bytes: &[u8]) -> (crate::PeerInfo, Vec<u8>) {
    match check(make, bytes) {
        (End::Established(peer, rest), _) => (peer, rest),
        other => panic!("{other:?}"),
    }
}

#[test]
fn greeting_is_told_in_stages_where_1_0_is_served() {
    let mut handshake = dealer_1_0();
    let (sent, _) = outputs(&mut handshake);
    assert_eq!(
        sent, b"\xFF\0\0\0\0\0\0\0\x03\x7F",
        "a length of 2 and the flags"
    );
    let theirs = greeting(3, 1, "NULL");
    assert_eq!(answers(&mut handshake, &theirs[..10]), [3]);
    let rest = answers(&mut handshake, &theirs[10..11]);
    assert_eq!((rest.len(), &rest[..5]), (53, &b"\x01NULL"[..]));
    let ready = answers(&mut handshake, &theirs[11..]);
    assert!(ready.starts_with(b"\x04\x2B\x05READY"), "{ready:?}");
}

#[test]
fn greeting_is_told_in_stages_where_2_0_is_served() {
    let mut handshake = dealer_2_0();
    let (sent, _) = outputs(&mut handshake);
    assert_eq!(sent, b"\xFF\0\0\0\0\0\0\0\0\x7F\x03");
    let theirs = greeting(3, 0, "NULL");
    let rest = answers(&mut handshake, &theirs[..11]);
    assert_eq!((rest.len(), &rest[..5]), (53, &b"\x01NULL"[..]));
    let ready = answers(&mut handshake, &theirs[11..]);
    assert!(ready.starts_with(b"\x04\x2B\x05READY"), "{ready:?}");
}

#[test]
fn peer_of_2_0_is_told_type_and_routing_id() {
    let theirs = greeting_2_0(6, b"you");
    for revision in [1, 2] {
        let mut theirs = theirs.clone();
        theirs[10] = revision;
        for (make, early) in [(dealer_1_0 as fn() -> Handshake, 10), (dealer_2_0, 11)] {
            let mut handshake = make();
            assert_eq!(outputs(&mut handshake).0.len(), early);
            if early == 10 {
                assert_eq!(answers(&mut handshake, &theirs[..10]), [3]);
            } else {
                assert_eq!(answers(&mut handshake, &theirs[..10]), []);
            }
            assert_eq!(answers(&mut handshake, &theirs[10..11]), b"\x05\0\x02me");
            handshake.handle_input(&mut &theirs[11..]).unwrap();
            let (sent, done) = outputs(&mut handshake);
            assert_eq!(sent, [], "no READY");
            let done = done.unwrap();
            assert_eq!(done.encoder.framing(), Framing::FlagsFirst);
            assert_eq!(done.implied, None);
        }
    }
}

#[test]
fn peer_of_2_0_is_known_after_its_routing_id_and_its_traffic_is_left() {
    let bytes = [&greeting_2_0(6, b"you")[..], b"\0\x02hi"].concat();
    for make in [dealer_1_0, dealer_2_0] {
        let (peer, rest) = established(&make, &bytes);
        assert_eq!(peer.version, V2_0);
        assert_eq!(peer.socket_type, Some(SocketType::Router));
        assert_eq!(peer.routing_id, "you");
        assert!(peer.metadata.is_empty());
        assert_eq!(rest, b"\0\x02hi");
    }
}

#[test]
fn octets_of_all_types_are_told_and_xpub_appears_as_pub() {
    let octets = [
        (SocketType::Pair, 0),
        (SocketType::Pub, 1),
        (SocketType::Sub, 2),
        (SocketType::Req, 3),
        (SocketType::Rep, 4),
        (SocketType::Dealer, 5),
        (SocketType::Router, 6),
        (SocketType::Pull, 7),
        (SocketType::Push, 8),
        (SocketType::Xpub, 1),
        (SocketType::Xsub, 2),
    ];
    for (socket_type, octet) in octets {
        let mut handshake = serving(ZmtpVersion::V2_0, socket_type, "");
        outputs(&mut handshake);
        let told = answers(&mut handshake, &greeting_2_0(0, b"")[..11]);
        assert_eq!(told, [octet, 0, 0], "{socket_type}");
    }
}

#[test]
fn incompatible_peers_of_2_0_are_refused_in_silence() {
    for octet in [0, 1, 3, 7, 9, 11, 255] {
        let bytes = &greeting_2_0(octet, b"")[..12];
        check_refused(&dealer_2_0, bytes, Violation::IncompatibleSocketType);
    }
}

#[test]
fn malformed_routing_ids_of_2_0_are_refused() {
    let before = &greeting_2_0(6, b"")[..12];
    for flags in [1, 2, 4, 0x80] {
        let bytes = [before, &[flags]].concat();
        check_refused(&dealer_2_0, &bytes, Violation::MalformedRoutingId);
    }
    let bytes = [before, b"\0\x02\0a"].concat();
    check_refused(&dealer_2_0, &bytes, Violation::RoutingIdReserved);
}

#[test]
fn routing_id_of_a_2_0_type_that_has_none_is_ignored() {
    let (peer, _) = established(&dealer_2_0, &greeting_2_0(4, b"\0"));
    assert!(peer.routing_id.is_empty());
}

#[test]
fn peer_of_1_0_gets_the_routing_id_behind_our_signature() {
    for (beginning, rest) in [
        (&b"\x04"[..], &b"\0you"[..]),
        (b"\x04", b"\x7Fyou"),
        (b"\xFF\0\0\0\0\0\0\0\x04\x80", b"you"),
    ] {
        let mut handshake = dealer_1_0();
        assert_eq!(outputs(&mut handshake).0.len(), 10);
        assert_eq!(answers(&mut handshake, beginning), b"me");
        handshake.handle_input(&mut &rest[..]).unwrap();
        let (sent, done) = outputs(&mut handshake);
        assert_eq!(sent, [], "no READY");
        assert_eq!(done.unwrap().encoder.framing(), Framing::LengthFirst);
        let (peer, traffic) = established(&dealer_1_0, &[beginning, rest, b"\x02\0a"].concat());
        assert_eq!(peer.version, V1_0);
        assert_eq!(peer.socket_type, None);
        assert_eq!(peer.routing_id, "you");
        assert_eq!(traffic, b"\x02\0a");
    }
}

#[test]
fn anonymous_peers_of_1_0_have_no_routing_id() {
    for bytes in [&b"\x01\0"[..], b"\xFF\0\0\0\0\0\0\0\x01\0"] {
        let (peer, rest) = established(&dealer_1_0, bytes);
        assert!(peer.routing_id.is_empty() && rest.is_empty());
    }
}

#[test]
fn routing_ids_of_1_0_have_up_to_255_octets() {
    let long = |len: u8| [b"\xFF\0\0\0\0\0\0", &[1, len, 0][..]].concat();
    let bytes = [long(0), vec![7; 255]].concat();
    assert_eq!(established(&dealer_1_0, &bytes).0.routing_id, [7; 255]);
    check_refused(&dealer_1_0, &long(1), Violation::RoutingIdTooLong);
    check_refused(
        &dealer_1_0,
        b"\xFF\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF\0",
        Violation::RoutingIdTooLong,
    );
    check_refused(&dealer_1_0, b"\x03\0\0a", Violation::RoutingIdReserved);
}

#[test]
fn what_no_version_begins_with_is_refused() {
    check_refused(&dealer_1_0, b"\0", Violation::BadSignature);
    check_refused(
        &dealer_1_0,
        &[&[0xFF][..], &[0; 9]].concat(),
        Violation::BadSignature,
    );
    check_refused(
        &dealer_1_0,
        b"\xFF\0\0\0\0\0\0\0\x01\x7D",
        Violation::BadSignature,
    );
    check_refused(
        &dealer_1_0,
        &greeting(0, 0, "")[..11],
        Violation::UnsupportedVersion,
    );
}

#[test]
fn peers_below_the_minimum_are_refused() {
    check_refused(&dealer_2_0, b"\x01\0", Violation::UnsupportedVersion);
    check_refused(&dealer_2_0, b"GE", Violation::BadSignature);
    let long = b"\xFF\0\0\0\0\0\0\0\x05\0";
    check_refused(&dealer_2_0, long, Violation::UnsupportedVersion);
}

#[test]
fn older_peers_are_refused_by_another_mechanism_than_null() {
    let secure = || {
        let config = HandshakeConfig {
            minimum: ZmtpVersion::V1_0,
            ..config(SocketType::Dealer)
        };
        Handshake::new(config, Box::<TwoSteps>::default())
    };
    let (sent, _) = outputs(&mut secure());
    assert_eq!(sent.len(), 64, "nothing is to be waited for");
    assert_eq!(sent[1..9], [0; 8]);
    check_refused(&secure, b"\x01\0", Violation::UnsupportedVersion);
    check_refused(
        &secure,
        &greeting_2_0(6, b"")[..11],
        Violation::UnsupportedVersion,
    );
}

#[test]
fn subscriber_of_1_0_wants_everything() {
    for (socket_type, implied) in [
        (SocketType::Pub, true),
        (SocketType::Xpub, true),
        (SocketType::Sub, false),
        (SocketType::Push, false),
    ] {
        let mut handshake = serving(ZmtpVersion::V1_0, socket_type, "");
        handshake.handle_input(&mut &b"\x01\0"[..]).unwrap();
        let all = implied.then(|| Command::Subscribe(crate::Bytes::new()));
        assert_eq!(outputs(&mut handshake).1.unwrap().implied, all);
    }
    let mut publisher = serving(ZmtpVersion::V1_0, SocketType::Pub, "");
    let subscriber = greeting_2_0(2, b"");
    publisher.handle_input(&mut &subscriber[..]).unwrap();
    assert_eq!(outputs(&mut publisher).1.unwrap().implied, None, "of 2.0");
}

#[test]
fn modern_peer_is_refused_as_ever() {
    let bytes = after_greeting(&ready(&[("Socket-Type", b"PUB")]));
    for make in [dealer_1_0, dealer_2_0] {
        let (end, sent) = check(&make, &bytes);
        assert_eq!(end, End::Refused(Violation::IncompatibleSocketType));
        assert!(sent.ends_with(&command("ERROR", b"\x16IncompatibleSocketType")));
    }
}

/// How many times each side hears of the other, always at the same moment, until both are done:
/// half a round trip each.
fn halves(minimums: [ZmtpVersion; 2]) -> usize {
    let mut sides = minimums.map(|minimum| serving(minimum, SocketType::Dealer, ""));
    let mut done = [false; 2];
    for half in 0..10 {
        let said = sides.each_mut().map(outputs);
        let [(first, end), (second, other_end)] = said;
        done = [done[0] || end.is_some(), done[1] || other_end.is_some()];
        if done == [true; 2] {
            return half;
        }
        sides[0].handle_input(&mut &second[..]).unwrap();
        sides[1].handle_input(&mut &first[..]).unwrap();
    }
    panic!("the handshake does not end");
}

#[test]
fn stages_cost_a_round_trip_at_most() {
    use ZmtpVersion::{V1_0, V2_0, V3_0, V3_1};
    for (minimums, expected) in [
        ([V3_0, V3_1], 2),
        ([V3_0, V2_0], 3),
        ([V3_0, V1_0], 3),
        ([V2_0, V2_0], 3),
        ([V2_0, V1_0], 4),
        ([V1_0, V1_0], 4),
    ] {
        assert_eq!(halves(minimums), expected, "{minimums:?}");
    }
}

fn any_minimum() -> impl Strategy<Value = ZmtpVersion> {
    prop_oneof![
        Just(ZmtpVersion::V1_0),
        Just(ZmtpVersion::V2_0),
        Just(ZmtpVersion::V3_0),
        Just(ZmtpVersion::V3_1),
    ]
}

proptest! {
    #[test]
    fn two_sides_of_ours_speak_3_1_whatever_their_minimums(
        cuts in prop::collection::vec(1..80_usize, 1..20),
        minimums in (any_minimum(), any_minimum()),
        routing_id in "[a-z]{0,255}",
    ) {
        let router = serving(minimums.0, SocketType::Router, "");
        let dealer = serving(minimums.1, SocketType::Dealer, &routing_id);
        let [at_router, at_dealer] = converse([router, dealer], &cuts);
        prop_assert_eq!(at_router.peer.routing_id, Part::from(routing_id));
        prop_assert_eq!(at_router.peer.version, V3_1);
        prop_assert_eq!(at_dealer.peer.version, V3_1);
    }

    #[test]
    fn arbitrary_bytes_never_panic_and_end_alike(
        bytes in prop::collection::vec(prop_oneof![0..8_u8, Just(0xFF), any::<u8>()], 0..300),
        cut in any::<prop::sample::Index>(),
    ) {
        for make in [dealer_1_0, dealer_2_0] {
            let (front, back) = bytes.split_at(cut.index(bytes.len() + 1));
            let whole = run(&mut make(), [&bytes[..]]);
            prop_assert_eq!(run(&mut make(), [front, back]), whole);
        }
    }
}
