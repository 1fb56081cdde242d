//! Tests of metadata: encoding, lookup, and every way in which it can be malformed.

use proptest::prelude::*;

use super::{Properties, PropertyError, check, lookup, parse, put};
use crate::{Limits, Part, Violation};

fn encoded(properties: &[(&str, &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    properties
        .iter()
        .for_each(|(name, value)| put(&mut out, name, value));
    out
}

#[track_caller]
fn check_parse(bytes: &[u8], expected: Violation) {
    assert_eq!(parse(bytes, &Limits::default()), Err(expected));
}

#[test]
fn property_is_name_and_value_with_their_lengths() {
    assert_eq!(
        encoded(&[("X-a", b"vw"), ("B", b"")]),
        b"\x03X-a\0\0\0\x02vw\x01B\0\0\0\0"
    );
}

#[test]
fn every_beginning_of_a_property_is_malformed() {
    let bytes = encoded(&[("Name", b"value")]);
    for end in 1..bytes.len() {
        check_parse(&bytes[..end], Violation::MalformedReady);
    }
    assert_eq!(parse(&bytes, &Limits::default()).unwrap().len(), 1);
    assert_eq!(parse(b"", &Limits::default()), Ok(Properties::new()));
}

#[test]
fn bytes_left_over_behind_the_last_property_are_malformed() {
    let bytes = [encoded(&[("Name", b"value")]), vec![5]].concat();
    check_parse(&bytes, Violation::MalformedReady);
}

#[test]
fn names_that_are_empty_or_have_other_characters_are_refused() {
    check_parse(b"\x00\0\0\0\0", Violation::MetadataName);
    check_parse(b"\x03a b\0\0\0\0", Violation::MetadataName);
    check_parse(b"\x01\xFF\0\0\0\0", Violation::MetadataName);
}

#[test]
fn value_lengths_with_the_top_bit_are_refused() {
    check_parse(b"\x01a\x80\0\0\0", Violation::MetadataValueTooLong);
    check_parse(b"\x01a\x7F\xFF\xFF\xFF", Violation::MalformedReady);
}

#[test]
fn more_properties_than_the_limit_are_refused() {
    let limits = Limits {
        max_properties: 2,
        ..Limits::default()
    };
    let bytes = encoded(&[("a", b""), ("b", b""), ("c", b"")]);
    assert_eq!(parse(&bytes, &limits), Err(Violation::MetadataTooLarge));
    assert_eq!(parse(&bytes[..12], &limits).unwrap().len(), 2);
}

#[test]
fn lookup_ignores_case_and_takes_the_first() {
    let properties = [("X-Name", "1"), ("x-name", "2")]
        .map(|(name, value)| (name.to_owned(), Part::from(value)));
    assert_eq!(lookup(&properties, "X-NAME").unwrap(), "1");
    assert_eq!(lookup(&properties, "X-Other"), None);
}

#[test]
fn check_tells_why_a_property_cannot_be_sent() {
    assert_eq!(check("X-Name", b"value"), Ok(()));
    assert_eq!(check("", b""), Err(PropertyError::Name));
    assert_eq!(check("a:b", b""), Err(PropertyError::Name));
    assert_eq!(check(&"n".repeat(255), b""), Ok(()));
    assert_eq!(check(&"n".repeat(256), b""), Err(PropertyError::Name));
    assert_eq!(check("socket-type", b""), Err(PropertyError::Reserved));
    assert_eq!(check("Identity", b""), Err(PropertyError::Reserved));
}

#[test]
fn put_leaves_out_what_cannot_be_encoded() {
    assert_eq!(
        encoded(&[("", b"a"), ("b c", b"a"), (&"n".repeat(256), b"a")]),
        b""
    );
}

proptest! {
    #[test]
    fn properties_survive_encoding(
        properties in prop::collection::vec(
            ("[A-Za-z0-9_.+-]{1,40}", prop::collection::vec(any::<u8>(), 0..100)),
            0..10,
        ),
    ) {
        let mut bytes = Vec::new();
        properties.iter().for_each(|(name, value)| put(&mut bytes, name, value));
        let expected: Properties =
            properties.into_iter().map(|(name, value)| (name, value.into())).collect();
        prop_assert_eq!(parse(&bytes, &Limits::default()), Ok(expected));
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let _ = parse(&bytes, &Limits::default());
    }
}
