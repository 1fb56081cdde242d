//! Tests of messages: what converts into one part and what into several, envelopes, iteration.

use std::borrow::Cow;
use std::collections::HashSet;

use bytes::Bytes;

use super::{Message, PartError, Repr};
use crate::{INLINE, Part};

fn texts(message: &Message) -> Vec<&str> {
    message.iter().map(|part| part.as_str().unwrap()).collect()
}

#[test]
fn single_values_become_one_part() {
    let text = String::from("ab");
    let messages = [
        Message::from("ab"),
        Message::from(&text),
        Message::from(text.clone()),
        Message::from(b"ab"),
        Message::from(*b"ab"),
        Message::from(b"ab".as_slice()),
        Message::from(b"ab".to_vec()),
        Message::from(Bytes::from_static(b"ab")),
        Message::from(Part::from("ab")),
        Message::from(Cow::Borrowed("ab")),
    ];
    for message in messages {
        assert_eq!(texts(&message), ["ab"]);
        assert!(matches!(message.0, Repr::One(_)));
    }
}

#[test]
fn arrays_and_vectors_of_values_become_several_parts() {
    let messages = [
        Message::from(["a", "b"]),
        Message::from(["a".to_owned(), "b".to_owned()]),
        Message::from([b"a", b"b"]),
        Message::from([b"a".as_slice(), b"b"]),
        Message::from([b"a".to_vec(), b"b".to_vec()]),
        Message::from([Bytes::from_static(b"a"), Bytes::from_static(b"b")]),
        Message::from([Part::from("a"), Part::from("b")]),
        Message::from(vec!["a", "b"]),
        Message::from(vec!["a".to_owned(), "b".to_owned()]),
        Message::from(vec![b"a".to_vec(), b"b".to_vec()]),
        Message::from(vec![Bytes::from_static(b"a"), Bytes::from_static(b"b")]),
        Message::from(vec![Part::from("a"), Part::from("b")]),
        ["a", "b"].into_iter().collect(),
    ];
    for message in messages {
        assert_eq!(texts(&message), ["a", "b"]);
    }
}

#[test]
fn new_message_has_no_parts_and_an_empty_part_is_one() {
    assert!(Message::new().is_empty());
    assert_eq!(Message::new(), Message::default());
    assert_eq!(Message::from([""; 0]), Message::new());
    assert_eq!(Message::from("").len(), 1);
    assert_ne!(Message::from(""), Message::new());
}

#[test]
fn part_str_tells_missing_from_not_text() {
    let message = Message::from([b"a".to_vec(), vec![0xFF]]);
    assert_eq!(message.part_str(0), Ok("a"));
    assert_eq!(message.part_str(1), Err(PartError::NotUtf8));
    assert_eq!(message.part_str(2), Err(PartError::Missing));
    assert_eq!(Message::from("a").part(1), None);
}

#[test]
fn parts_pushed_and_popped_at_both_ends_keep_their_order() {
    let mut message = Message::new();
    message.push_back("b");
    message.push_front("a");
    message.push_back("c");
    assert_eq!(texts(&message), ["a", "b", "c"]);
    assert_eq!(message.pop_front().unwrap(), "a");
    assert_eq!(message.pop_back().unwrap(), "c");
    assert_eq!(
        message,
        Message::from("b"),
        "the representation is not part of equality"
    );
    assert_eq!(message.pop_front().unwrap(), "b");
    assert_eq!(message.pop_front(), None);

    let mut single = Message::from("a");
    assert_eq!(single.pop_back().unwrap(), "a");
    assert_eq!((single.pop_front(), single.pop_back()), (None, None));
    single.push_front("z");
    assert_eq!(texts(&single), ["z"]);
}

#[test]
fn size_is_the_sum_of_the_parts() {
    assert_eq!(Message::new().size(), 0);
    assert_eq!(Message::from("abc").size(), 3);
    assert_eq!(
        Message::from(vec![vec![0; 100], vec![], vec![0; 7]]).size(),
        107
    );
}

#[test]
fn split_envelope_ends_at_the_first_empty_part() {
    let mut message = Message::from(["id", "", "body", "", "tail"]);
    assert_eq!(
        message.split_envelope().unwrap(),
        [Part::from("id"), Part::EMPTY]
    );
    assert_eq!(texts(&message), ["body", "", "tail"]);
}

#[test]
fn split_envelope_without_empty_part_changes_nothing() {
    let mut message = Message::from(["id", "body"]);
    assert_eq!(message.split_envelope(), None);
    assert_eq!(texts(&message), ["id", "body"]);
    assert_eq!(Message::new().split_envelope(), None);
}

#[test]
fn split_envelope_of_a_lone_delimiter_leaves_no_parts() {
    let mut message = Message::from("");
    assert_eq!(message.split_envelope().unwrap(), [Part::EMPTY]);
    assert!(message.is_empty());
}

#[test]
fn envelope_helpers_put_routing_id_before_delimiter() {
    let mut message = Message::from("body");
    message.push_delimiter();
    message.push_routing_id(b"\x00\x01\x02\x03\x04");
    assert_eq!(message.len(), 3);
    assert_eq!(message.pop_routing_id().unwrap(), b"\x00\x01\x02\x03\x04");
    assert_eq!(message.split_envelope().unwrap(), [Part::EMPTY]);
    assert_eq!(texts(&message), ["body"]);
}

#[test]
fn iteration_goes_both_ways_by_value_and_by_reference() {
    let mut message = Message::from(["b", "c"]);
    message.push_front("a");
    assert_eq!(message.iter().len(), 3);
    let backwards: Vec<&Part> = message.iter().rev().collect();
    assert_eq!(
        backwards,
        [&Part::from("c"), &Part::from("b"), &Part::from("a")]
    );
    let mut parts = message.clone().into_iter();
    assert_eq!(parts.len(), 3);
    assert_eq!(parts.next_back().unwrap(), "c");
    assert_eq!(parts.collect::<Message>(), Message::from(["a", "b"]));
    assert_eq!(message.into_parts(), ["a", "b", "c"].map(Part::from));
    assert_eq!(Message::from("a").into_parts(), ["a"].map(Part::from));
}

#[test]
fn equal_messages_hash_alike() {
    let mut popped = Message::from(["x", "a"]);
    popped.pop_front();
    let set = HashSet::from([Message::from("a"), popped, Message::from(["a", ""])]);
    assert_eq!(set.len(), 2);
}

#[test]
fn one_short_part_stays_in_place_when_moved() {
    let message = Message::from([1; INLINE]);
    let moved = Box::new(message);
    let place = std::ptr::from_ref(&*moved).addr();
    let bytes = moved.part(0).unwrap().as_ptr().addr();
    assert!((place..place + size_of::<Message>()).contains(&bytes));
}

#[test]
fn debug_lists_the_parts() {
    let message = Message::from([b"topic".to_vec(), vec![1, 2]]);
    assert_eq!(format!("{message:?}"), r#"["topic", 0x0102]"#);
}
