//! Tests of what a rope gives back.

use super::*;

/// Messages of small, empty and large parts, some around the size from which payloads go by
/// reference.
fn messages() -> Vec<Message> {
    let sizes: &[&[usize]] = &[
        &[0],
        &[5],
        &[255, 256, 0],
        &[BY_REFERENCE - 1, BY_REFERENCE, BY_REFERENCE + 1],
        &[1, 200_000, 1],
        &[CHUNK],
        &[3],
    ];
    let part = |(byte, &size): (usize, &usize)| Part::from(vec![byte as u8; size]);
    let message = |sizes: &&[usize]| sizes.iter().enumerate().map(part).collect();
    sizes.iter().map(message).collect()
}

/// A rope of these messages, and where each ends.
fn rope_of(messages: &[Message]) -> (Rope, Vec<u64>) {
    let mut rope = Rope::default();
    let push = |message: &Message| {
        rope.push_message(&[], message, 0);
        rope.end()
    };
    let ends = messages.iter().map(push).collect();
    (rope, ends)
}

fn pop_all(mut rope: Rope) -> Vec<Message> {
    std::iter::from_fn(|| rope.pop_message()).collect()
}

#[test]
fn rope_gives_back_every_message_as_it_was_queued() {
    let (rope, _) = rope_of(&messages());
    assert_eq!(pop_all(rope), messages());
    assert!(pop_all(Rope::default()).is_empty());
}

#[test]
fn rope_written_in_part_gives_back_from_the_first_message_that_is_not_over() {
    for taken in 0..messages().len() {
        let (mut rope, ends) = rope_of(&messages());
        let begun = taken.checked_sub(1).map_or(0, |last| ends[last]);
        rope.advance(begun + 1);
        rope.release(begun);
        assert_eq!(pop_all(rope), messages()[taken..]);
    }
}

#[test]
fn rope_gives_back_what_was_queued_while_it_was_taken_out() {
    let (mut rope, _) = rope_of(&messages());
    let mut taken = rope.take();
    let later = Message::from("later");
    rope.push_message(&[], &later, 0);
    taken.append(rope);
    let mut expected = messages();
    expected.push(later);
    assert_eq!(pop_all(taken), expected);
}

#[test]
fn rope_gives_back_a_large_payload_without_copying_it() {
    let payload = Bytes::from(vec![7; BY_REFERENCE]);
    let (rope, _) = rope_of(&[Message::from(payload.clone())]);
    let message = pop_all(rope).remove(0);
    let back = message.part(0).expect("it was sent with one part");
    assert_eq!(back.as_bytes().as_ptr(), payload.as_ptr());
}

/// All that a rope would write.
fn bytes_of(rope: &Rope) -> Vec<u8> {
    rope.segments
        .iter()
        .flat_map(|segment| segment.bytes().to_vec())
        .collect()
}

#[test]
fn rope_laid_out_anew_has_the_same_messages_and_new_ends() {
    let (rope, ends) = rope_of(&messages());
    let plain = bytes_of(&rope);
    for begun in [0, 3] {
        let (mut rope, _) = rope_of(&messages());
        let over = ends[..begun].last().copied().unwrap_or(0);
        rope.advance(over);
        rope.release(over);
        assert_eq!(rope.reframe(Framing::FlagsFirst), None, "it is so already");
        let old_ends = rope.reframe(Framing::LengthFirst).expect("it changes");
        assert_eq!(old_ends.len(), messages().len() - begun);
        assert_eq!(old_ends.back(), Some(&rope.end()));
        assert_eq!(rope.unwritten(), bytes_of(&rope).len() as u64);
        assert_eq!(rope.reframe(Framing::LengthFirst), None, "it is so already");

        let mut taken = rope.take();
        rope.push_message(&[], &Message::from("later"), 0);
        taken.append(rope);
        let mut expected = messages()[begun..].to_vec();
        expected.push(Message::from("later"));
        assert!(bytes_of(&taken).ends_with(b"\x06\0later"));
        let back = taken.reframe(Framing::FlagsFirst).expect("it changes");
        assert_eq!(back.len(), expected.len());
        let bytes = bytes_of(&taken);
        assert_eq!(bytes[..bytes.len() - 7], plain[over as usize..]);
        assert_eq!(pop_all(taken), expected);
    }
}

#[test]
fn rope_of_1_0_has_its_frames_and_gives_back_every_message() {
    let mut rope = Rope::default();
    rope.reframe(Framing::LengthFirst);
    rope.push_message(&[Part::from("x")], &Message::from(["skipped", "", "ab"]), 1);
    assert_eq!(bytes_of(&rope), b"\x02\x01x\x01\x01\x03\0ab");
    for message in messages() {
        rope.push_message(&[], &message, 0);
    }
    assert_eq!(rope.unwritten(), bytes_of(&rope).len() as u64);
    let popped = pop_all(rope);
    assert_eq!(popped[0], Message::from(["x", "", "ab"]));
    assert_eq!(popped[1..], messages());
}
