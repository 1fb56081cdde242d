//! Tests of both layouts of a header.

use proptest::prelude::*;

use super::{FrameHeader, Framing};
use crate::Violation;

#[track_caller]
fn check_1_0(more: bool, len: usize, expected: &[u8]) {
    let mut out = Vec::new();
    Framing::LengthFirst.put_header(&mut out, more, len);
    assert_eq!(out, expected);
}

#[test]
fn length_first_counts_the_flags_and_is_long_from_255() {
    check_1_0(false, 0, &[1, 0]);
    check_1_0(true, 0, &[1, 1]);
    check_1_0(true, 253, &[254, 1]);
    check_1_0(false, 254, &[0xFF, 0, 0, 0, 0, 0, 0, 0, 255, 0]);
    check_1_0(true, 255, &[0xFF, 0, 0, 0, 0, 0, 0, 1, 0, 1]);
    check_1_0(false, 0x01_0203, &[0xFF, 0, 0, 0, 0, 0, 1, 2, 4, 0]);
}

#[test]
fn length_first_out_of_range_is_refused_before_the_flags() {
    let mut input: &[u8] = b"\xFF\x80\0\0\0\0\0\0\x01";
    let header = FrameHeader::parse_1_0(&mut input);
    assert_eq!(header, Err(Violation::FrameLengthTopBit));
}

proptest! {
    #[test]
    fn header_reads_back_in_both_layouts(
        more: bool,
        len in prop_oneof![0..600_usize, 0..usize::MAX / 2],
    ) {
        for framing in [Framing::FlagsFirst, Framing::LengthFirst] {
            let mut frame = Vec::new();
            framing.put_header(&mut frame, more, len);
            for cut in 0..frame.len() {
                prop_assert_eq!(framing.split_header(&frame[..cut]), None);
            }
            frame.extend(b"body");
            prop_assert_eq!(framing.split_header(&frame), Some((more, len, &b"body"[..])));
        }
    }
}
