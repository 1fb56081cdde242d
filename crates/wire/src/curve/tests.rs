//! Known answers, keys as text, boxes one by one, and clients that lie.

use super::boxes::BoxKey;
use super::message::{From, Opener, Sealer};
use super::*;
use crate::decode::{Decoder, Incoming};
use crate::sealing::{Exhausted, Kind, Open, Seal};
use crate::{Bytes, Command, Encoder, LARGE, Limits, Message, V3_1};

/// The keys in the manual of libzmq (`zmq_curve`).
const PUBLIC: &str = "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID";
const SECRET: &str = "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs";

impl CurveClient {
    /// Goes on as if its server were this one.
    pub(crate) fn vouching_for(mut self, server: PublicKey) -> Self {
        self.vouched = server;
        self
    }

    /// Claims to be somebody else.
    pub(crate) fn claiming(mut self, public: PublicKey) -> Self {
        self.keys.public = public;
        self
    }
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let byte = |two: &[u8]| u8::from_str_radix(std::str::from_utf8(two).unwrap(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

fn key(text: &str) -> [u8; 32] {
    hex(text).try_into().unwrap()
}

/// The vectors of NaCl's `crypto_box` (tests/box.out), with the keys of RFC 7748, section 6.1.
#[test]
fn box_of_nacl_has_its_known_bytes() {
    let alice = SecretKey::from_bytes(key(ALICE));
    let bob = PublicKey::from_bytes(key(
        "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
    ));
    let boxes = BoxKey::between(&alice, &bob).unwrap();
    let nonce: [u8; 24] = hex("69696ee955b62b73cd62bda875fc73d68219e0036b7a0b37")
        .try_into()
        .unwrap();
    let text = hex(TEXT);
    let mut boxed = Vec::new();
    seal(&boxes, &nonce, &text, &mut boxed);
    assert_eq!(boxed, hex(BOXED));
    assert_eq!(open(&boxes, &nonce, &boxed), Ok(text));
}

/// RFC 7748, section 6.1.
const ALICE: &str = "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a";

const TEXT: &str = "
    be075fc53c81f2d5cf141316ebeb0c7b5228c52a4c62cbd44b66849b64244ffce5ecbaaf33bd751a1ac728d4
    5e6c61296cdc3c01233561f41db66cce314adb310e3be8250c46f06dceea3a7fa1348057e2f6556ad6b1318a
    024a838f21af1fde048977eb48f59ffd4924ca1c60902e52f0a089bc76897040e082f937763848645e0705";

const BOXED: &str = "
    f3ffc7703f9400e52a7dfb4b3d3305d98e993b9f48681273c29650ba32fc76ce48332ea7164d96a4476fb8c5
    31a1186ac0dfc17c98dce87b4da7f011ec48c97271d2c20f9b928fe2270d6fb863d51738b48eeee314a7cc8a
    b932164548e526ae90224368517acfeabd6bb3732bc0e9da99832b61ca01b6de56244a9e88d5f9b37973f622
    a43d14a6599b1f654cb45a74e355a5";

#[test]
fn keys_are_those_of_the_manual() {
    let public: PublicKey = PUBLIC.parse().unwrap();
    let expected = key("BB88471D65E2659B30C55A5321CEBB5AAB2B70A398645C26DCA2B2FCB43FC518");
    assert_eq!(public.as_bytes(), &expected);
    let secret: SecretKey = SECRET.parse().unwrap();
    let expected = key("7BB864B489AFA3671FBE69101F94B38972F24816DFB01B51656B3FEC8DFD0888");
    assert_eq!(secret.expose_bytes(), &expected);
    assert_eq!(secret.public_key(), public);
    assert!(secret.public_key().is_same(&public));
    assert_eq!(
        (public.to_string(), secret.expose_text()),
        (PUBLIC.into(), SECRET.into())
    );
}

#[test]
fn text_that_is_no_key_is_refused() {
    for (text, error) in [
        ("", KeyError::Length),
        (&PUBLIC[1..], KeyError::Length),
        (&format!("{PUBLIC}\0"), KeyError::Length),
        (&PUBLIC.replace('Y', "~"), KeyError::Text),
        (&"#".repeat(40), KeyError::Text),
        (&"\u{e9}".repeat(20), KeyError::Text),
    ] {
        assert_eq!(text.parse::<PublicKey>(), Err(error), "{text}");
        assert_eq!(text.parse::<SecretKey>().unwrap_err(), error, "{text}");
    }
}

#[test]
fn secrets_are_not_shown() {
    let keys = KeyPair::from(SECRET.parse::<SecretKey>().unwrap());
    let text = format!("{keys:?}");
    assert!(text.contains(PUBLIC) && !text.contains(SECRET), "{text}");
    assert!(text.contains("SecretKey(..)"), "{text}");
    assert_ne!(
        KeyPair::generate().unwrap().public,
        KeyPair::generate().unwrap().public
    );
}

#[test]
fn key_that_anybody_shares_is_refused() {
    let secret: SecretKey = SECRET.parse().unwrap();
    assert!(BoxKey::between(&secret, &PublicKey::from_bytes([0; 32])).is_none());
}

/// A sealer after command `number`, and the opener at the other side.
fn boxes_after(number: u64) -> (Sealer, Opener) {
    let key = BoxKey::of([7; 32]);
    let sealer = Sealer::new(&key, From::Client, number);
    (sealer, Opener::new(&key, From::Client, number))
}

/// The body of a frame with a box.
fn body(kind: Kind, text: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    boxes_after(2).0.seal(kind, text, &mut frame).unwrap();
    frame.split_off(2)
}

const PART: Kind = Kind::Part { more: false };

#[test]
fn message_is_laid_out_as_specified() {
    let (mut sealer, mut opener) = boxes_after(2);
    for (kind, text) in [
        (PART, &b"hello"[..]),
        (Kind::Part { more: true }, b""),
        (Kind::Command, b"x"),
    ] {
        let mut frame = Vec::new();
        sealer.seal(kind, text, &mut frame).unwrap();
        assert_eq!(frame[..2], [0, 33 + text.len() as u8]);
        assert_eq!(frame[2..10], *b"\x07MESSAGE");
        assert_eq!(frame[10..18], sealer.number().to_be_bytes());
        let opened = opener.open(&mut frame[2..]).unwrap();
        assert_eq!(opened.kind, kind);
        assert_eq!(&frame[2..][opened.body], text);
    }
    assert_eq!(sealer.number(), 5);
}

#[test]
fn box_that_was_opened_before_is_refused() {
    let (_, mut opener) = boxes_after(2);
    let once = body(PART, b"once");
    opener.open(&mut once.clone()).unwrap();
    assert_eq!(opener.open(&mut once.clone()), Err(Violation::BadNonce));
    let (_, mut late) = boxes_after(3);
    assert_eq!(late.open(&mut once.clone()), Err(Violation::BadNonce));
}

#[test]
fn box_of_which_the_one_before_is_missing_is_refused() {
    let (mut sealer, mut opener) = boxes_after(2);
    let [first, second, third] = [b"1", b"2", b"3"].map(|text| {
        let mut frame = Vec::new();
        sealer.seal(PART, text, &mut frame).unwrap();
        frame.split_off(2)
    });
    opener.open(&mut first.clone()).unwrap();
    assert_eq!(opener.open(&mut third.clone()), Err(Violation::BadNonce));
    opener.open(&mut second.clone()).unwrap();
    opener.open(&mut third.clone()).unwrap();
}

#[test]
fn box_changed_or_cut_anywhere_does_not_open() {
    let whole = body(PART, b"text");
    for at in 0..whole.len() {
        let mut changed = whole.clone();
        changed[at] ^= 0x80;
        let violation = boxes_after(2).1.open(&mut changed).unwrap_err();
        let expected = match at {
            0..8 => Violation::UnexpectedCommand,
            8..16 => Violation::BadNonce,
            _ => Violation::BoxNotOpened,
        };
        assert_eq!(violation, expected, "at {at}");
        let violation = boxes_after(2).1.open(&mut whole.clone()[..at]).unwrap_err();
        let expected = match at {
            0..8 => Violation::UnexpectedCommand,
            8..33 => Violation::MalformedMessage,
            _ => Violation::BoxNotOpened,
        };
        assert_eq!(violation, expected, "cut at {at}");
    }
}

#[test]
fn box_of_the_other_direction_does_not_open() {
    let mut opener = Opener::new(&BoxKey::of([7; 32]), From::Server, 2);
    assert_eq!(
        opener.open(&mut body(PART, b"x")),
        Err(Violation::BoxNotOpened)
    );
}

#[test]
fn reserved_flags_in_a_box_are_refused() {
    let key = BoxKey::of([7; 32]).with_prefix(CLIENT_NONCE);
    for flags in 0..=255u8 {
        let mut text = vec![flags, b'x'];
        let tag = key.seal(3u64.to_be_bytes(), &mut text);
        let mut body = [&b"\x07MESSAGE"[..], &3u64.to_be_bytes(), &tag, &text].concat();
        let opened = boxes_after(2).1.open(&mut body);
        match flags {
            0..=2 => assert!(opened.is_ok()),
            _ => assert_eq!(opened, Err(Violation::ReservedFlags)),
        }
    }
}

#[test]
fn last_number_is_used_and_none_twice() {
    let (mut sealer, mut opener) = boxes_after(u64::MAX - 1);
    let mut frame = Vec::new();
    sealer.seal(PART, b"last", &mut frame).unwrap();
    opener.open(&mut frame[2..]).unwrap();
    let before = frame.clone();
    assert_eq!(sealer.seal(PART, b"more", &mut frame), Err(Exhausted));
    assert_eq!(frame, before);
}

/// What a decoder makes of these bytes, given in pieces of this size.
fn decode(bytes: &[u8], piece: usize, limits: Limits) -> Result<Vec<Incoming>, Violation> {
    let mut decoder = Decoder::new(limits).opening(Box::new(boxes_after(2).1));
    let (mut held, mut incoming) = (Vec::new(), Vec::new());
    for piece in bytes.chunks(piece) {
        held.extend_from_slice(piece);
        let mut input = &held[..];
        decoder.decode(&mut input, usize::MAX, &mut incoming)?;
        held = input.to_vec();
    }
    assert!(held.is_empty());
    Ok(incoming)
}

/// The boxes of these messages, and of a command behind them.
fn boxed(messages: &[Message]) -> (Vec<u8>, Vec<Incoming>) {
    let (mut sealer, _) = boxes_after(2);
    let mut bytes = Vec::new();
    for message in messages {
        let mut parts = message.iter();
        while let Some(part) = parts.next() {
            let more = parts.len() > 0;
            sealer.seal(Kind::Part { more }, part, &mut bytes).unwrap();
        }
    }
    let command = Command::Subscribe(Bytes::from_static(b"topic"));
    let mut frame = Vec::new();
    Encoder::new(V3_1).encode_command(&command, &mut frame);
    sealer.seal(Kind::Command, &frame[2..], &mut bytes).unwrap();
    let messages = messages.iter().cloned().map(Incoming::Message);
    (
        bytes,
        messages.chain([Incoming::Command(command)]).collect(),
    )
}

#[test]
fn decoder_opens_boxes_however_they_are_cut() {
    let large = vec![3; LARGE + 1];
    let messages = [
        Message::from("short"),
        Message::from(["", "two", ""]),
        Message::from(vec![1; 222]),
        Message::from(vec![2; 223]),
        Message::from(vec![4; LARGE - 34]),
        Message::from([large.clone(), vec![5; 100], large]),
    ];
    let (bytes, expected) = boxed(&messages);
    for piece in [bytes.len(), 100_000, 4_097, 33] {
        assert_eq!(
            decode(&bytes, piece, Limits::default()),
            Ok(expected.clone())
        );
    }
    let (bytes, expected) = boxed(&messages[..4]);
    assert_eq!(decode(&bytes, 1, Limits::default()), Ok(expected));
}

#[test]
fn limits_count_what_is_in_the_boxes() {
    let limits = Limits {
        max_message_size: Some(100),
        max_parts: 2,
        max_command: 16,
        ..Limits::default()
    };
    let decoded = |message: Message| decode(&boxed(&[message]).0, usize::MAX, limits).map(drop);
    assert_eq!(decoded(Message::from(vec![0; 100])), Ok(()));
    assert_eq!(
        decoded(Message::from(vec![0; 101])),
        Err(Violation::FrameTooLarge)
    );
    assert_eq!(decoded(Message::from([vec![0; 50], vec![0; 50]])), Ok(()));
    let message = Message::from([vec![0; 50], vec![0; 51]]);
    assert_eq!(decoded(message), Err(Violation::MessageTooLarge));
    assert_eq!(
        decoded(Message::from(["", "", ""])),
        Err(Violation::TooManyParts)
    );
    let tight = Limits {
        max_command: 14,
        ..limits
    };
    let command = boxed(&[]).0;
    assert_eq!(
        decode(&command, usize::MAX, tight),
        Err(Violation::CommandTooLarge)
    );
    let announced = [&[2u8][..], &(1u64 << 40).to_be_bytes()].concat();
    assert_eq!(
        decode(&announced, usize::MAX, limits),
        Err(Violation::FrameTooLarge)
    );
}

/// Anybody on the way can change them.
#[test]
fn flags_around_a_box_say_nothing() {
    let messages = [Message::from(["one", "two"]), Message::from("three")];
    let (bytes, expected) = boxed(&messages);
    for flag in [0x01, 0x04] {
        let (mut changed, mut at) = (bytes.clone(), 0);
        while at < changed.len() {
            changed[at] |= flag;
            at += 2 + usize::from(changed[at + 1]);
        }
        let decoded = decode(&changed, usize::MAX, Limits::default());
        assert_eq!(decoded.as_deref(), Ok(&expected[..]), "{flag:#x}");
    }
}

#[test]
fn traffic_in_the_clear_is_refused() {
    for (bytes, violation) in [
        (&b"\0\x05hello"[..], Violation::UnexpectedCommand),
        (b"\x04\x05\x04PING", Violation::UnexpectedCommand),
        (b"\x04\x0A\x05ERROR\x03400", Violation::UnexpectedCommand),
        (b"\x05\x09\x07MESSAGE\0", Violation::MoreOnCommand),
        (b"\0\x09\x07MESSAGE\0", Violation::MalformedMessage),
        (b"\x08\0", Violation::ReservedFlags),
    ] {
        assert_eq!(
            decode(bytes, usize::MAX, Limits::default()),
            Err(violation),
            "{bytes:?}"
        );
    }
}

#[test]
fn decoder_keeps_no_room_for_a_large_box_that_is_opened() {
    let (bytes, _) = boxed(&[Message::from(vec![7; 60_000])]);
    let mut decoder = Decoder::new(Limits::default()).opening(Box::new(boxes_after(2).1));
    let (mut input, mut sink) = (&bytes[..], Vec::new());
    decoder.decode(&mut input, usize::MAX, &mut sink).unwrap();
    assert_eq!(sink.len(), 2);
    assert!(decoder.room_for_boxes() <= 2048);
}
