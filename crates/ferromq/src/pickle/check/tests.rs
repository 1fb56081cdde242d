//! Pickles that Python writes pass; programs made to exhaust a reader do not.

use super::*;

/// `[1, [2, [3]]]`, `{"a": {"b": 1}}`, `[shared, shared]`, `{1, 2}` and `2**40`, as Python 3
/// pickles them with protocols 0, 2, 4 and 5.
const FROM_PYTHON: &[&[u8]] = &[
    b"(lp0\nI1\na(lp1\nI2\na(lp2\nI3\naaa.",
    b"\x80\x02]q\0(K\x01]q\x01(K\x02]q\x02K\x03aee.",
    b"\x80\x04\x95\x12\0\0\0\0\0\0\0]\x94(K\x01]\x94(K\x02]\x94K\x03aee.",
    b"\x80\x05\x95\x12\0\0\0\0\0\0\0]\x94(K\x01]\x94(K\x02]\x94K\x03aee.",
    b"(dp0\nVa\np1\n(dp2\nVb\np3\nI1\nss.",
    b"\x80\x02}q\0X\x01\0\0\0aq\x01}q\x02X\x01\0\0\0bq\x03K\x01ss.",
    b"\x80\x04\x95\x11\0\0\0\0\0\0\0}\x94\x8c\x01a\x94}\x94\x8c\x01b\x94K\x01ss.",
    b"\x80\x05\x95\x11\0\0\0\0\0\0\0}\x94\x8c\x01a\x94}\x94\x8c\x01b\x94K\x01ss.",
    b"(lp0\n(lp1\nVx\np2\nag2\nag2\naag1\na.",
    b"\x80\x02]q\0(]q\x01(X\x01\0\0\0xq\x02h\x02h\x02eh\x01e.",
    b"\x80\x04\x95\x13\0\0\0\0\0\0\0]\x94(]\x94(\x8c\x01x\x94h\x02h\x02eh\x01e.",
    b"\x80\x05\x95\x13\0\0\0\0\0\0\0]\x94(]\x94(\x8c\x01x\x94h\x02h\x02eh\x01e.",
    b"c__builtin__\nset\np0\n((lp1\nI1\naI2\natp2\nRp3\n.",
    b"\x80\x02c__builtin__\nset\nq\0]q\x01(K\x01K\x02e\x85q\x02Rq\x03.",
    b"\x80\x04\x95\x09\0\0\0\0\0\0\0\x8f\x94(K\x01K\x02\x90.",
    b"\x80\x05\x95\x09\0\0\0\0\0\0\0\x8f\x94(K\x01K\x02\x90.",
    b"L1099511627776L\n.",
    b"\x80\x02\x8a\x06\0\0\0\0\0\x01.",
    b"\x80\x04\x95\x09\0\0\0\0\0\0\0\x8a\x06\0\0\0\0\0\x01.",
    b"\x80\x05\x95\x09\0\0\0\0\0\0\0\x8a\x06\0\0\0\0\0\x01.",
];

#[test]
fn pickles_of_python_pass() {
    for (index, sample) in FROM_PYTHON.iter().enumerate() {
        assert_eq!(check(sample), Ok(()), "sample {index}");
        for end in 0..sample.len() {
            assert!(
                check(&sample[..end]).is_err(),
                "sample {index} cut at {end}"
            );
        }
    }
}

#[test]
fn nesting_of_128_levels_passes_and_of_129_does_not() {
    let nested = |levels: usize| [b")", &[0x85].repeat(levels - 1)[..], b"."].concat();
    assert_eq!(check(&nested(128)), Ok(()));
    assert_eq!(check(&nested(129)), Err(Unfit::Depth));
}

#[test]
fn pending_marks_are_bounded() {
    assert_eq!(check(&[b'('; 1_000_000]), Err(Unfit::Depth));
}

#[test]
fn references_that_multiply_are_refused() {
    // Each level is a list of ten references to the level before: 10^12 values in 300 bytes.
    let mut bytes = b"K\x01q\x00".to_vec();
    for level in 0..12_u8 {
        bytes.extend_from_slice(b"](");
        bytes.extend([b'h', level].repeat(10));
        bytes.extend([b'e', b'q', level + 1]);
    }
    bytes.push(b'.');
    assert_eq!(check(&bytes), Err(Unfit::Expansion));
}

#[test]
fn large_text_referred_to_often_is_refused() {
    let mut bytes = vec![b'('];
    bytes.extend(b"X\x00\x00\x10\x00");
    bytes.extend(vec![b'a'; 1 << 20]);
    bytes.extend(b"q\x00");
    bytes.extend(b"h\x00".repeat(1_000));
    bytes.extend(b"l.");
    assert_eq!(check(&bytes), Err(Unfit::Expansion));
}

#[test]
fn duplication_is_refused() {
    assert_eq!(check(b")2\x86."), Err(Unfit::Operation));
}

#[test]
fn value_that_contains_itself_is_refused() {
    assert_eq!(check(b"]q\x00h\x00a."), Err(Unfit::Recursion));
}

#[test]
fn value_that_grows_after_a_reference_is_refused() {
    assert_eq!(
        check(b"]q\x00(h\x00h\x00lq\x010h\x00K\x01a."),
        Err(Unfit::Recursion)
    );
}

#[test]
fn memo_entry_written_twice_is_refused() {
    assert_eq!(check(b"K\x01q\x000K\x02q\x00."), Err(Unfit::Operation));
    assert_eq!(check(b"K\x01q\x00q\x01."), Err(Unfit::Operation));
}

#[test]
fn endless_decimal_numbers_are_refused() {
    let bytes = [b"L", &[b'9'; 4301][..], b"L\n."].concat();
    assert_eq!(check(&bytes), Err(Unfit::Digits));
}

#[test]
fn announced_lengths_beyond_the_end_are_refused() {
    assert_eq!(
        check(b"\x8e\xff\xff\xff\xff\xff\xff\xff\xff."),
        Err(Unfit::Truncated)
    );
    assert_eq!(check(b"B\xff\xff\xff\x7f."), Err(Unfit::Truncated));
}

#[test]
fn values_that_are_not_there_are_refused() {
    for bytes in [
        &b"."[..],
        b"\x85.",
        b"(\x85.",
        b"t.",
        b"K\x01a.",
        b"h\x00.",
        b"0.",
    ] {
        assert_eq!(check(bytes), Err(Unfit::Truncated), "{bytes:?}");
    }
}

#[test]
fn calls_that_copy_again_and_again_are_refused() {
    // `list` of a list of a thousand values, whose result is kept and given to `list` again, 60
    // times; and all of that many times over.
    let chain = |list: &[u8]| {
        let calls = b"\x85R\x94".repeat(60);
        [&b"h\x00".repeat(60)[..], list, &calls[..], b"0"].concat()
    };
    let list = [&b"]("[..], &b"N".repeat(1000), b"e\x94"].concat();
    let start = b"c__builtin__\nlist\nq\x000".to_vec();
    let many = chain(b"h\x01").repeat(100);
    let program = [&start[..], &chain(&list), &many, b"N."].concat();
    assert_eq!(check(&program), Err(Unfit::Expansion));
    let once = [&start[..], &chain(&list), b"N."].concat();
    assert_eq!(check(&once), Ok(()));
}
