//! Traffic of ZMTP 1.0 and 2.0.

use proptest::prelude::*;

use super::{Caller, Outcome, any_message, check_decode_of, frames, message, pieces};
use crate::{Encoder, INLINE, Incoming, LARGE, Limits, Message, V1_0, V2_0, Violation};

/// A message in the framing of ZMTP 1.0.
fn put_1_0(out: &mut Vec<u8>, message: &Message) {
    Encoder::new(V1_0).encode_message(message, out);
}

#[track_caller]
fn check_1_0(limits: Limits, bytes: &[u8], expected: &[Incoming], violation: Option<Violation>) {
    let expected = Outcome {
        incoming: expected.to_vec(),
        violation,
        unfinished: false,
    };
    assert_eq!(check_decode_of(V1_0, limits, bytes), expected);
}

#[test]
fn messages_of_1_0_are_decoded_in_order() {
    let bytes = b"\x02\0a\x02\x01b\x01\x01\x03\0cd\x01\0";
    let expected = [message("a"), message(["b", "", "cd"]), message("")];
    check_1_0(Limits::default(), bytes, &expected, None);
}

#[test]
fn bodies_of_1_0_around_the_boundaries_are_decoded() {
    for len in [
        INLINE,
        INLINE + 1,
        252,
        253,
        254,
        255,
        256,
        LARGE - 1,
        LARGE,
        3 * LARGE,
    ] {
        let messages = [
            Message::from(vec![7; len]),
            Message::from([vec![8; len], vec![9; len]]),
            Message::from("end"),
        ];
        let mut bytes = Vec::new();
        messages.iter().for_each(|it| put_1_0(&mut bytes, it));
        check_1_0(
            Limits::default(),
            &bytes,
            &messages.map(Incoming::Message),
            None,
        );
    }
}

#[test]
fn long_form_of_short_lengths_of_1_0_is_accepted() {
    let bytes = b"\xFF\0\0\0\0\0\0\0\x02\x01a\xFF\0\0\0\0\0\0\0\x01\0";
    check_1_0(Limits::default(), bytes, &[message(["a", ""])], None);
}

#[test]
fn reserved_flags_of_1_0_are_not_looked_at() {
    let bytes = b"\x02\xFFa\x02\x7Eb";
    check_1_0(Limits::default(), bytes, &[message(["a", "b"])], None);
}

#[test]
fn frames_of_length_zero_are_discarded() {
    let bytes = b"\0\0\x02\x01a\0\xFF\0\0\0\0\0\0\0\0\0\x02\0b\0";
    check_1_0(Limits::default(), bytes, &[message(["a", "b"])], None);
}

#[test]
fn limits_hold_for_1_0_by_the_header_alone() {
    let limits = Limits {
        max_message_size: Some(5),
        max_parts: 2,
        ..Limits::default()
    };
    let refused = |bytes: &[u8], violation| check_1_0(limits, bytes, &[], Some(violation));
    refused(b"\x07\0", Violation::FrameTooLarge);
    refused(b"\x04\x01abc\x04\0", Violation::MessageTooLarge);
    refused(b"\x01\x01\x01\x01\x01\0", Violation::TooManyParts);
    refused(b"\xFF\x80\0\0\0\0\0\0\x01", Violation::FrameLengthTopBit);
}

#[test]
fn traffic_of_2_0_is_decoded_and_has_no_commands() {
    let messages = [Message::from("a"), Message::from(["b", "c"])];
    let mut bytes = frames(&messages);
    let outcome = check_decode_of(V2_0, Limits::default(), &bytes);
    assert_eq!(outcome.incoming, messages.clone().map(Incoming::Message));
    assert_eq!(outcome.violation, None);

    bytes.push(4);
    let outcome = check_decode_of(V2_0, Limits::default(), &bytes);
    assert_eq!(outcome.incoming, messages.map(Incoming::Message));
    assert_eq!(outcome.violation, Some(Violation::ReservedFlags));
}

proptest! {
    #[test]
    fn traffic_of_1_0_survives_encoding_and_arbitrary_cuts(
        messages in prop::collection::vec(any_message(), 0..12),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
        room in 1..4_usize,
        direct: bool,
    ) {
        let mut bytes = Vec::new();
        messages.iter().for_each(|it| put_1_0(&mut bytes, it));
        let caller = Caller::for_peer(V1_0, Limits::default(), room, direct);
        let outcome = caller.run(pieces(&bytes, &cuts));
        let incoming = messages.into_iter().map(Incoming::Message).collect();
        prop_assert_eq!(outcome, Outcome { incoming, violation: None, unfinished: false });
    }

    #[test]
    fn arbitrary_bytes_of_older_peers_end_alike_however_they_are_cut(
        bytes in prop::collection::vec(prop_oneof![0..8_u8, any::<u8>()], 0..200),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
        direct: bool,
    ) {
        let limits = Limits { max_message_size: Some(500), ..Limits::default() };
        for peer in [V1_0, V2_0] {
            let whole = Caller::for_peer(peer, limits, usize::MAX, false).run([&bytes[..]]);
            let cut = Caller::for_peer(peer, limits, 2, direct).run(pieces(&bytes, &cuts));
            prop_assert_eq!(whole, cut);
        }
    }
}
