//! Tests of parts: layout, where the bytes are kept, comparisons, how they are shown.

use std::collections::{BTreeSet, HashMap};

use bytes::Bytes;

use super::{INLINE, Part};
use crate::{Incoming, Message};

#[test]
fn layouts_are_nine_words() {
    assert_eq!(size_of::<Part>(), 72);
    assert_eq!(size_of::<Option<Part>>(), 72);
    assert_eq!(size_of::<Message>(), 72);
    assert_eq!(size_of::<Option<Message>>(), 72);
    assert_eq!(size_of::<Incoming>(), 72);
}

#[test]
fn vec_over_inline_length_is_taken_over_without_copy() {
    let bytes = vec![7; INLINE + 1];
    let place = bytes.as_ptr();
    let part = Part::from(bytes);
    assert_eq!(part.as_ptr(), place);
    assert_eq!(part.clone().as_ptr(), place);
    assert_eq!(part.into_bytes().as_ptr(), place);
}

#[test]
fn shared_bytes_up_to_inline_length_are_copied_into_the_part() {
    let bytes = Bytes::from(vec![7; INLINE]);
    let part = Part::from(bytes.clone());
    assert_eq!(part, bytes[..]);
    assert!(
        bytes.is_unique(),
        "the part must not keep a short buffer alive"
    );
}

#[test]
fn parts_of_every_length_around_inline_keep_their_bytes() {
    for len in (0..=INLINE + 1).chain([255, 256]) {
        let bytes: Vec<u8> = (0..len).map(|at| !(at as u8)).collect();
        let parts = [
            Part::copy_from(&bytes),
            Part::from(bytes.clone()),
            Part::from(Bytes::from(bytes.clone())),
        ];
        for part in parts {
            assert_eq!(part, bytes[..]);
            assert_eq!((part.len(), part.is_empty()), (len, len == 0));
            assert_eq!(part.into_bytes(), bytes);
        }
    }
}

#[test]
fn parts_compare_by_bytes_whatever_is_behind_them() {
    let filled = Part::of_block(&[b'a'; INLINE], 1);
    assert_eq!(filled, Part::from("a"));
    let mut sorted = ["b", "ab", "a", ""].map(Part::from);
    sorted.sort();
    assert_eq!(sorted, ["", "a", "ab", "b"].map(Part::from));

    let map = HashMap::from([(filled, 1)]);
    assert_eq!(map.get(b"a".as_slice()), Some(&1), "looked up by a slice");
    let set = BTreeSet::from([Part::from("b"), Part::from("a")]);
    assert_eq!(set.first().unwrap(), "a");
}

#[test]
fn parts_equal_slices_arrays_and_text() {
    let part = Part::from("ab");
    assert_eq!(part, *b"ab".as_slice());
    assert_eq!(part, b"ab".as_slice());
    assert_eq!(part, *b"ab");
    assert_eq!(part, b"ab");
    assert_eq!(part, *"ab");
    assert_eq!(part, "ab");
    assert_ne!(part, "abc");
}

#[test]
fn text_that_is_not_utf8_is_an_error() {
    assert_eq!(Part::from("grün").as_str(), Ok("grün"));
    assert!(Part::from([b'a', 0xFF]).as_str().is_err());
}

#[test]
fn debug_shows_text_or_hex_and_the_length_of_long_parts() {
    assert_eq!(format!("{:?}", Part::EMPTY), r#""""#);
    assert_eq!(format!("{:?}", Part::from("say \"hi\"")), r#""say \"hi\"""#);
    assert_eq!(format!("{:?}", Part::from([0x00, 0x80, 0xFF])), "0x0080ff");
    assert_eq!(format!("{:?}", Part::from("line\n")), "0x6c696e650a");
    let long = format!("{:?}", Part::from("x".repeat(100)));
    assert_eq!(long, format!("\"{}\"… (100 bytes)", "x".repeat(32)));
    let accents = format!("{:?}", Part::from(format!("x{}", "é".repeat(50))));
    assert_eq!(accents, format!("\"x{}\"… (101 bytes)", "é".repeat(15)));
}
