//! Tests of the decoder: every input whole, byte by byte and split everywhere; limits; hostile
//! bytes.

mod older;

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;

use super::{Bundle, Decoder, GROWTH, GROWTH_MIN, Incoming, LARGE, Measured};
use crate::{
    Command, Encoder, INLINE, Limits, Message, V3_0, V3_1, Version, Violation, put_message,
};

/// How one input ended.
#[derive(Debug, PartialEq)]
struct Outcome {
    incoming: Vec<Incoming>,
    violation: Option<Violation>,
    /// There was no violation, and something incomplete is left, in the decoder or of the input.
    unfinished: bool,
}

/// A caller of the decoder: keeps the incomplete rest of what it has read.
struct Caller {
    decoder: Decoder,
    tail: Vec<u8>,
    room: usize,
    /// As a connection does it: large bodies are read into the decoder's buffer, and whole messages
    /// taken apart later; or else all is passed as input.
    direct: bool,
    incoming: Vec<Incoming>,
}

impl Caller {
    fn new(limits: Limits, room: usize, direct: bool) -> Self {
        Self::for_peer(V3_1, limits, room, direct)
    }

    fn for_peer(peer: Version, limits: Limits, room: usize, direct: bool) -> Self {
        let decoder = Decoder::for_peer(peer, limits);
        let (tail, incoming) = (Vec::new(), Vec::new());
        Self {
            decoder,
            tail,
            room,
            direct,
            incoming,
        }
    }

    fn read(&mut self, mut chunk: &[u8]) -> Result<(), Violation> {
        while self.direct
            && !chunk.is_empty()
            && let Some(body) = self.decoder.body()
        {
            let spare = body.buffer.capacity() - body.buffer.len();
            assert!(spare > 0, "the body has place for at least one byte");
            let most = usize::try_from(body.missing)
                .unwrap()
                .min(spare)
                .min(chunk.len());
            body.buffer.extend_from_slice(&chunk[..most]);
            chunk = &chunk[most..];
            self.decode()?;
        }
        self.tail.extend_from_slice(chunk);
        self.decode()
    }

    fn decode(&mut self) -> Result<(), Violation> {
        let mut input = &self.tail[..];
        let result = loop {
            let before = input.len();
            if self.direct {
                take_whole(&self.decoder, &mut input, self.room, &mut self.incoming);
            }
            match self
                .decoder
                .decode(&mut input, self.room, &mut self.incoming)
            {
                Ok(0) if input.len() == before => break Ok(()),
                Ok(messages) => assert!(messages <= self.room),
                Err(violation) => break Err(violation),
            }
        };
        let taken = self.tail.len() - input.len();
        self.tail.drain(..taken);
        result
    }

    fn run<'a>(mut self, chunks: impl IntoIterator<Item = &'a [u8]>) -> Outcome {
        let violation = chunks.into_iter().find_map(|chunk| self.read(chunk).err());
        let held = self.decoder.is_mid_message() || !self.tail.is_empty();
        let unfinished = held && violation.is_none();
        Outcome {
            incoming: self.incoming,
            violation,
            unfinished,
        }
    }
}

/// Takes whole messages apart later.
fn take_whole(decoder: &Decoder, input: &mut &[u8], room: usize, incoming: &mut Vec<Incoming>) {
    let Measured { messages, bytes } = decoder.measure(input, room);
    assert!(messages <= room);
    let before = incoming.len();
    let mut bundle = Bundle::new([b"ahead", *input].concat(), 5, messages);
    assert_eq!(bundle.len(), messages);
    incoming.extend(std::iter::from_fn(|| bundle.pop_front()).map(Incoming::Message));
    assert_eq!(incoming.len() - before, messages);
    *input = &input[bytes..];
}

/// Decodes the bytes whole, byte by byte, with little room, and split at every point (of long ones,
/// and under Miri, at some); all must end alike.
#[track_caller]
fn check_decode(limits: Limits, bytes: &[u8]) -> Outcome {
    check_decode_of(V3_1, limits, bytes)
}

/// The same, of a peer of this version.
#[track_caller]
fn check_decode_of(peer: Version, limits: Limits, bytes: &[u8]) -> Outcome {
    let caller = |room, direct| Caller::for_peer(peer, limits, room, direct);
    let whole = caller(usize::MAX, false).run([bytes]);
    let most_cuts = match bytes.len() {
        // An interpreter is slow.
        _ if cfg!(miri) => 3,
        length @ 1..1_000 => length,
        _ => 97,
    };
    let step = (bytes.len() / most_cuts).max(1);
    for direct in [false, true] {
        let narrow = caller(1, direct).run([bytes]);
        assert_eq!(narrow, whole, "room for one message");
        let trickle = caller(usize::MAX, direct).run(bytes.chunks(step));
        assert_eq!(trickle, whole, "in pieces of {step}");
        for at in (0..=bytes.len()).step_by(step) {
            let (front, back) = bytes.split_at(at);
            let split = caller(usize::MAX, direct).run([front, back]);
            assert_eq!(split, whole, "split at {at}");
        }
    }
    whole
}

#[track_caller]
fn check_incoming(bytes: &[u8], expected: &[Incoming]) {
    let outcome = check_decode(Limits::default(), bytes);
    let expected = Outcome {
        incoming: expected.to_vec(),
        violation: None,
        unfinished: false,
    };
    assert_eq!(outcome, expected);
}

#[track_caller]
fn check_violation(limits: Limits, bytes: &[u8], expected: Violation) {
    assert_eq!(check_decode(limits, bytes).violation, Some(expected));
}

/// A violation must not wait for more bytes than these.
#[track_caller]
fn check_refused(bytes: &[u8], expected: Violation) {
    check_violation(Limits::default(), bytes, expected);
    let shorter = check_decode(Limits::default(), &bytes[..bytes.len() - 1]);
    assert_eq!(shorter.violation, None, "the last byte decides");
}

fn message(message: impl Into<Message>) -> Incoming {
    Incoming::Message(message.into())
}

fn frames(messages: &[Message]) -> Vec<u8> {
    let mut out = Vec::new();
    messages
        .iter()
        .for_each(|message| put_message(&mut out, message));
    out
}

fn long_header(flags: u8, len: u64) -> Vec<u8> {
    [&[flags][..], &len.to_be_bytes()].concat()
}

#[test]
fn single_and_multipart_messages_are_decoded_in_order() {
    check_incoming(
        b"\x00\x01a\x01\x01b\x01\x00\x00\x02cd\x00\x00\x00\x01e",
        &[
            message("a"),
            message(["b", "", "cd"]),
            message(""),
            message("e"),
        ],
    );
}

#[test]
fn many_short_messages_in_one_chunk_are_decoded() {
    let messages: Vec<Message> = (0..50_u8)
        .map(|n| Message::from(vec![n; usize::from(n) * 2]))
        .collect();
    let expected: Vec<Incoming> = messages.iter().cloned().map(Incoming::Message).collect();
    check_incoming(&frames(&messages), &expected);
}

#[test]
fn bodies_around_the_boundaries_are_decoded() {
    for len in [
        0,
        1,
        INLINE - 1,
        INLINE,
        INLINE + 1,
        254,
        255,
        256,
        257,
        999,
    ] {
        let messages = [
            Message::from(vec![7; len]),
            Message::from([vec![8; len], vec![9; len]]),
        ];
        check_incoming(&frames(&messages), &messages.map(Incoming::Message));
    }
}

#[test]
fn bodies_around_the_large_boundary_are_decoded() {
    for len in [LARGE - 1, LARGE, LARGE + 1, 3 * LARGE] {
        let messages = [
            Message::from(vec![7; len]),
            Message::from([vec![1; 3], vec![8; len], vec![9; len]]),
            Message::from("end"),
        ];
        check_incoming(&frames(&messages), &messages.map(Incoming::Message));
    }
}

#[test]
fn long_form_of_short_lengths_is_accepted() {
    check_incoming(
        b"\x03\0\0\0\0\0\0\0\x01a\x02\0\0\0\0\0\0\0\x00",
        &[message(["a", ""])],
    );
}

#[test]
fn commands_of_traffic_are_decoded_between_messages() {
    let context = Bytes::from_static(b"0123456789abcdef");
    let ttl = Duration::from_secs(6_553) + Duration::from_millis(500);
    let commands = [
        Command::Subscribe(Bytes::from_static(b"topic")),
        Command::Cancel(Bytes::new()),
        Command::Ping {
            ttl,
            context: context.clone(),
        },
        Command::Pong { context },
        Command::Error {
            reason: Bytes::from_static(b"bye"),
        },
    ];
    let mut bytes = frames(&[Message::from("a")]);
    commands
        .iter()
        .for_each(|it| Encoder::new(V3_1).encode_command(it, &mut bytes));
    bytes.extend(frames(&[Message::from("b")]));
    let mut expected = vec![message("a")];
    expected.extend(commands.map(Incoming::Command));
    expected.push(message("b"));
    check_incoming(&bytes, &expected);
}

#[test]
fn subscriptions_of_3_0_peers_arrive_as_messages() {
    let mut bytes = Vec::new();
    for len in [0, 253, 254, 255, 256] {
        let subscribe = Command::Subscribe(Bytes::from(vec![b't'; len]));
        Encoder::new(V3_0).encode_command(&subscribe, &mut bytes);
    }
    let expected =
        [0, 253, 254, 255, 256].map(|len| message([&[1][..], &vec![b't'; len]].concat()));
    check_incoming(&bytes, &expected);
}

#[test]
fn unknown_commands_are_ignored() {
    check_incoming(
        b"\x04\x05\x04JOIN\x04\x08\x05LEAVExx\x00\x01a",
        &[message("a")],
    );
}

#[test]
fn command_between_parts_leaves_the_message_whole() {
    let ping = Command::Ping {
        ttl: Duration::ZERO,
        context: Bytes::new(),
    };
    let bytes = b"\x01\x01a\x04\x07\x04PING\0\0\x00\x01b";
    check_incoming(bytes, &[Incoming::Command(ping), message(["a", "b"])]);
}

#[test]
fn empty_ping_context_and_short_ttl_are_decoded() {
    let ping = Command::Ping {
        ttl: Duration::from_millis(100),
        context: Bytes::new(),
    };
    check_incoming(b"\x04\x07\x04PING\0\x01", &[Incoming::Command(ping)]);
}

#[test]
fn malformed_known_commands_are_violations() {
    let limits = Limits::default();
    for (bytes, violation) in [
        (&b"\x04\x00"[..], Violation::MalformedCommand),
        (b"\x04\x01\x00", Violation::MalformedCommand),
        (b"\x04\x03\x04PI", Violation::MalformedCommand),
        (b"\x04\x05\x04PING", Violation::MalformedPing),
        (b"\x04\x06\x04PING\0", Violation::MalformedPing),
        (
            b"\x04\x18\x04PING\0\0ABCDEFGHIJKLMNOPQ",
            Violation::ContextTooLong,
        ),
        (
            b"\x04\x16\x04PONGABCDEFGHIJKLMNOPQ",
            Violation::ContextTooLong,
        ),
        (b"\x04\x06\x05ERROR", Violation::MalformedError),
        (b"\x04\x08\x05ERROR\x02a", Violation::MalformedError),
        (b"\x04\x08\x05ERROR\x00a", Violation::MalformedError),
        (b"\x04\x06\x05READY", Violation::UnexpectedCommand),
    ] {
        check_violation(limits, bytes, violation);
    }
}

#[test]
fn reserved_flags_are_refused_at_the_first_byte() {
    for bit in 3..8 {
        check_refused(&[1 << bit], Violation::ReservedFlags);
        check_refused(&[0, 0, 1 << bit | 1], Violation::ReservedFlags);
    }
}

#[test]
fn command_with_more_is_refused_at_the_first_byte() {
    check_refused(&[0b101], Violation::MoreOnCommand);
    check_refused(&[0b111], Violation::MoreOnCommand);
}

#[test]
fn lengths_with_the_top_bit_are_refused_by_their_header() {
    for len in [1 << 63, u64::MAX, u64::MAX - 8] {
        check_refused(&long_header(2, len), Violation::FrameLengthTopBit);
        check_refused(&long_header(6, len), Violation::FrameLengthTopBit);
    }
}

#[test]
fn frame_over_the_message_limit_is_refused_by_its_header() {
    let limits = Limits {
        max_message_size: Some(10),
        ..Limits::default()
    };
    check_violation(limits, b"\x00\x0B", Violation::FrameTooLarge);
    check_violation(limits, &long_header(2, 1 << 62), Violation::FrameTooLarge);
    let fits = check_decode(limits, b"\x00\x0A0123456789\x00\x0A0123456789");
    assert_eq!((fits.incoming.len(), fits.violation), (2, None));
}

#[test]
fn limit_below_inline_length_holds_on_the_fast_path() {
    let limits = Limits {
        max_message_size: Some(10),
        ..Limits::default()
    };
    let bytes = frames(&[Message::from(vec![0; 11]), Message::from(vec![0; 100])]);
    check_violation(limits, &bytes, Violation::FrameTooLarge);
}

#[test]
fn parts_that_together_are_over_the_limit_are_refused() {
    let limits = Limits {
        max_message_size: Some(10),
        ..Limits::default()
    };
    check_violation(
        limits,
        b"\x01\x0601234\x35\x00\x05",
        Violation::MessageTooLarge,
    );
    let fits = check_decode(
        limits,
        b"\x01\x0601234\x35\x00\x040123\x01\x0601234\x35\x00\x040123",
    );
    assert_eq!(
        (fits.incoming.len(), fits.violation),
        (2, None),
        "the sum starts anew"
    );
}

#[test]
fn more_parts_than_the_limit_are_refused() {
    let limits = Limits {
        max_parts: 3,
        ..Limits::default()
    };
    let fits = check_decode(limits, b"\x01\0\x01\0\x00\0\x01\0\x01\0\x00\0");
    assert_eq!((fits.incoming.len(), fits.violation), (2, None));
    check_violation(limits, b"\x01\0\x01\0\x01\0\x00\0", Violation::TooManyParts);
}

#[test]
fn endless_more_ends_at_the_default_limit() {
    let bytes = [1, 0].repeat(65_537);
    let outcome = Caller::new(Limits::default(), usize::MAX, false).run(bytes.chunks(4_096));
    assert_eq!(outcome.violation, Some(Violation::TooManyParts));
    let bytes = [&[1, 0].repeat(65_535)[..], &[0, 0]].concat();
    let outcome = Caller::new(Limits::default(), usize::MAX, false).run(bytes.chunks(4_096));
    assert_eq!(outcome.violation, None);
    assert!(matches!(&outcome.incoming[..], [Incoming::Message(all)] if all.len() == 65_536));
}

#[test]
fn command_over_the_limit_is_refused_by_its_header() {
    check_refused(&long_header(6, 64 * 1024 + 1), Violation::CommandTooLarge);
    let topic = vec![b't'; 64 * 1024 - 10];
    let bytes = [&long_header(6, 64 * 1024)[..], b"\x09SUBSCRIBE", &topic].concat();
    check_incoming(
        &bytes,
        &[Incoming::Command(Command::Subscribe(topic.into()))],
    );
}

#[test]
fn announced_length_reserves_nothing() {
    let mut decoder = Decoder::new(Limits::default());
    let bytes = [&long_header(2, 1 << 62)[..], b"abc"].concat();
    let mut input = &bytes[..];
    let mut incoming = Vec::new();
    assert_eq!(decoder.decode(&mut input, 1, &mut incoming), Ok(0));
    assert!(input.is_empty() && incoming.is_empty() && decoder.is_mid_message());
    let body = decoder.body().unwrap();
    assert_eq!(
        (&body.buffer[..], body.missing),
        (&b"abc"[..], (1 << 62) - 3)
    );
    assert!(
        body.buffer.capacity() <= GROWTH_MIN,
        "{}",
        body.buffer.capacity()
    );
}

#[test]
fn body_buffer_grows_with_what_arrives_and_ends_at_the_exact_size() {
    let total: usize = 1_000_000;
    let mut decoder = Decoder::new(Limits::default());
    let mut incoming = Vec::new();
    let header = long_header(2, total as u64);
    decoder.decode(&mut &header[..], 1, &mut incoming).unwrap();
    while let Some(body) = decoder.body() {
        let arrived = body.buffer.len();
        let capacity = body.buffer.capacity();
        assert!(
            capacity <= (GROWTH * (arrived + 1)).max(GROWTH_MIN).min(total),
            "{capacity} for {arrived}"
        );
        body.buffer.resize((arrived + 10_000).min(capacity), 7);
        assert_eq!(
            decoder.decode(&mut &[][..], 0, &mut incoming),
            Ok(0),
            "there is no room"
        );
        let messages = decoder.decode(&mut &[][..], 1, &mut incoming).unwrap();
        assert_eq!(messages == 0, decoder.is_mid_message());
    }
    assert_eq!(incoming, [message(vec![7; total])]);
}

#[test]
fn body_whose_first_quarter_arrives_at_once_is_never_moved() {
    let header = long_header(2, 256 * 1024);
    let mut first = [&header[..], &[7; LARGE]].concat();
    first.truncate(LARGE);
    let mut decoder = Decoder::new(Limits::default());
    let mut incoming = Vec::new();
    decoder.decode(&mut &first[..], 1, &mut incoming).unwrap();
    let body = decoder.body().unwrap();
    assert_eq!(body.buffer.capacity(), 256 * 1024);
    body.buffer.resize(256 * 1024, 7);
    assert_eq!(decoder.decode(&mut &[][..], 1, &mut incoming), Ok(1));
    assert_eq!(incoming, [message(vec![7; 256 * 1024])]);
}

#[test]
fn large_body_is_delivered_without_a_copy() {
    let mut decoder = Decoder::new(Limits::default());
    let mut incoming = Vec::new();
    let header = long_header(2, LARGE as u64);
    decoder.decode(&mut &header[..], 1, &mut incoming).unwrap();
    let mut place = std::ptr::null();
    while let Some(body) = decoder.body() {
        body.buffer.resize(body.buffer.capacity(), 7);
        place = body.buffer.as_ptr();
        decoder.decode(&mut &[][..], 1, &mut incoming).unwrap();
    }
    let [Incoming::Message(message)] = &incoming[..] else {
        panic!("{incoming:?}")
    };
    assert_eq!(message.part(0).unwrap().as_ptr(), place);
}

#[test]
fn incomplete_frames_below_large_stay_in_the_input() {
    let bytes = [&long_header(2, LARGE as u64 - 1)[..], &[7; 1_000]].concat();
    let mut decoder = Decoder::new(Limits::default());
    let mut input = &bytes[..];
    assert_eq!(
        decoder.decode(&mut input, 1, &mut Vec::<Incoming>::new()),
        Ok(0)
    );
    assert_eq!(input.len(), bytes.len());
    assert!(decoder.body().is_none() && !decoder.is_mid_message());
}

#[test]
fn decoding_stops_exactly_when_there_is_no_more_room() {
    let messages: Vec<Message> = (0..10).map(|n: u8| Message::from([n; 40])).collect();
    let bytes = frames(&messages);
    let mut decoder = Decoder::new(Limits::default());
    let mut input = &bytes[..];
    let mut incoming = VecDeque::new();
    assert_eq!(decoder.decode(&mut input, 0, &mut incoming), Ok(0));
    assert_eq!(input.len(), bytes.len());
    assert_eq!(decoder.decode(&mut input, 3, &mut incoming), Ok(3));
    assert_eq!(input.len(), 7 * 42);
    assert_eq!(decoder.decode(&mut input, 100, &mut incoming), Ok(7));
    assert!(input.is_empty());
    assert!(
        incoming
            .into_iter()
            .eq(messages.into_iter().map(Incoming::Message))
    );
}

#[test]
fn messages_before_a_violation_are_delivered() {
    let outcome = check_decode(Limits::default(), b"\x00\x01a\x01\x01b\x00\x01c\xFF");
    assert_eq!(outcome.incoming, [message("a"), message(["b", "c"])]);
    assert_eq!(outcome.violation, Some(Violation::ReservedFlags));
}

#[test]
fn decoder_is_mid_message_between_parts() {
    let mut decoder = Decoder::new(Limits::default());
    let mut incoming = Vec::new();
    decoder
        .decode(&mut &b"\x01\x01a"[..], 1, &mut incoming)
        .unwrap();
    assert!(decoder.is_mid_message());
    decoder
        .decode(&mut &b"\x00\x01b"[..], 1, &mut incoming)
        .unwrap();
    assert!(!decoder.is_mid_message());
    assert_eq!(incoming, [message(["a", "b"])]);
}

fn any_message() -> impl Strategy<Value = Message> {
    let part = prop_oneof![
        8 => prop::collection::vec(any::<u8>(), 0..100),
        1 => prop::collection::vec(any::<u8>(), 240..300),
        1 => (LARGE - 20..LARGE + 20).prop_map(|len| vec![7; len]),
    ];
    prop::collection::vec(part, 1..5).prop_map(Message::from)
}

fn any_command() -> impl Strategy<Value = Command> {
    let bytes = |most| prop::collection::vec(any::<u8>(), 0..=most).prop_map(Bytes::from);
    prop_oneof![
        bytes(300).prop_map(Command::Subscribe),
        bytes(300).prop_map(Command::Cancel),
        (any::<u16>(), bytes(16)).prop_map(|(tenths, context)| Command::Ping {
            ttl: Duration::from_millis(u64::from(tenths) * 100),
            context
        }),
        bytes(16).prop_map(|context| Command::Pong { context }),
        bytes(255).prop_map(|reason| Command::Error { reason }),
    ]
}

fn any_incoming() -> impl Strategy<Value = Vec<Incoming>> {
    let one = prop_oneof![
        any_message().prop_map(Incoming::Message),
        any_command().prop_map(Incoming::Command)
    ];
    prop::collection::vec(one, 0..12)
}

/// The bytes cut at arbitrary places.
fn pieces<'a>(bytes: &'a [u8], cuts: &[prop::sample::Index]) -> Vec<&'a [u8]> {
    let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    at.extend([0, bytes.len()]);
    at.sort_unstable();
    at.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect()
}

#[test]
fn what_is_for_decode_to_refuse_is_not_measured() {
    let limits = Limits {
        max_message_size: Some(3),
        max_parts: 2,
        ..Limits::default()
    };
    for wrong in [
        &b"\x00\x04abcd"[..],
        b"\x01\x02ab\x00\x02cd",
        b"\x01\x00\x01\x00\x00\x00",
        b"\x08\x00",
        b"\x05\x00",
        b"\x02\xFF\0\0\0\0\0\0\0",
        b"\x04\x07\x04PING\0\x01",
        b"\x01\x01a\x04\x07\x04PING\0\x01\x00\x01b",
    ] {
        let good = b"\x00\x01a\x01\x01b\x00\x01c";
        let input = [good, wrong].concat();
        let (messages, bytes) = (2, good.len());
        let measured = Decoder::new(limits).measure(&input, 9);
        assert_eq!(measured, Measured { messages, bytes }, "{wrong:x?}");
    }
}

#[test]
fn nothing_is_measured_within_a_message() {
    let mut decoder = Decoder::new(Limits::default());
    let mut input: &[u8] = b"\x01\x01a\x00\x01b\x00\x01c";
    assert_eq!(decoder.measure(input, 1).bytes, 6);
    let part = &mut input.split_off(..3).unwrap();
    decoder.decode(part, 9, &mut Vec::new()).unwrap();
    assert_eq!(decoder.measure(input, 9), Measured::default());
}

#[test]
fn bundle_of_what_is_no_message_ends() {
    let mut bundle = Bundle::new(b"\x00\x02a".to_vec(), 0, 1);
    assert_eq!(bundle.pop_front(), None);
    assert_eq!((bundle.pop_front(), bundle.len()), (None, 0));
}

proptest! {
    #[test]
    fn traffic_survives_encoding_and_arbitrary_cuts(
        expected in any_incoming(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
        room in 1..4_usize,
        direct: bool,
    ) {
        let mut bytes = Vec::new();
        for incoming in &expected {
            match incoming {
                Incoming::Message(message) => put_message(&mut bytes, message),
                Incoming::Command(it) => Encoder::new(V3_1).encode_command(it, &mut bytes),
                Incoming::Bundle(_) => unreachable!("none is generated"),
            }
        }
        let outcome = Caller::new(Limits::default(), room, direct).run(pieces(&bytes, &cuts));
        let (violation, unfinished) = (None, false);
        prop_assert_eq!(outcome, Outcome { incoming: expected, violation, unfinished });
    }

    #[test]
    fn arbitrary_bytes_end_alike_however_they_are_cut(
        bytes in prop::collection::vec(prop_oneof![0..8_u8, any::<u8>()], 0..200),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
        direct: bool,
    ) {
        let limits = Limits { max_message_size: Some(500), ..Limits::default() };
        let whole = Caller::new(limits, usize::MAX, false).run([&bytes[..]]);
        let cut = Caller::new(limits, 2, direct).run(pieces(&bytes, &cuts));
        prop_assert_eq!(whole, cut);
    }
}
