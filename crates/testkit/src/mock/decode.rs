//! What the decoder makes of a peer's traffic, however the bytes arrive.

use ferromq_wire::{Decoder, Incoming, Limits, Violation};

use super::Frames;

/// Fails unless the decoder, with these limits, brings exactly `expected` and then ends with `end`
/// (`Ok`: it waits for more): from the bytes as a whole, cut in two at every octet, and in single
/// octets.
#[track_caller]
pub fn check_decode(
    frames: &Frames,
    limits: Limits,
    expected: &[Incoming],
    end: Result<(), Violation>,
) {
    let bytes = frames.bytes();
    let expected = (expected.to_vec(), end);
    assert_eq!(decode(limits, [bytes]), expected, "as a whole");
    assert_eq!(decode(limits, bytes.chunks(1)), expected, "octet by octet");
    for at in 1..bytes.len() {
        let (first, second) = bytes.split_at(at);
        assert_eq!(decode(limits, [first, second]), expected, "cut at {at}");
    }
}

/// Everything that these pieces bring, one message a call, and how it ends.
fn decode<'a>(
    limits: Limits,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> (Vec<Incoming>, Result<(), Violation>) {
    let mut decoder = Decoder::new(limits);
    let mut incoming = Vec::new();
    let mut waiting = Vec::new();
    for piece in pieces {
        waiting.extend_from_slice(piece);
        loop {
            let mut input = waiting.as_slice();
            let decoded = decoder.decode(&mut input, 1, &mut incoming);
            let left = input.len();
            waiting.drain(..waiting.len() - left);
            match decoded {
                Ok(0) => break,
                Ok(_) => {}
                Err(violation) => return (incoming, Err(violation)),
            }
        }
    }
    (incoming, Ok(()))
}
