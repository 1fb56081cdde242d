//! Parts of messages as words of a line: hex digits, `-` for an empty part, and for long ones
//! `SIZE~SEED`: numbers that go round after 251 bytes, so that a piece out of its place shows.

/// After so many bytes the content repeats; a prime, so that no chunk's size is a multiple of it.
const CELL: usize = 251;
/// The longest part whose bytes are written out.
const LONGEST: usize = 4096;

/// The word for a part with this content.
pub(super) fn word(part: &[u8]) -> String {
    if part.is_empty() {
        "-".to_owned()
    } else if part.len() <= LONGEST {
        part.iter().map(|byte| format!("{byte:02x}")).collect()
    } else {
        let expected = cell(part[0]).repeat(CELL);
        let is_whole = part
            .chunks(expected.len())
            .all(|piece| *piece == expected[..piece.len()]);
        match is_whole {
            true => format!("{}~{}", part.len(), part[0]),
            false => format!("{}-bytes-that-were-not-sent", part.len()),
        }
    }
}

/// The word for a part of this size.
pub(super) fn filled(size: usize, seed: u8) -> String {
    if size > LONGEST {
        return format!("{size}~{seed}");
    }
    word(&fill(size, seed))
}

/// The part that a word stands for.
pub(super) fn part(word: &str) -> Vec<u8> {
    match word.split_once('~') {
        Some((size, seed)) => fill(size.parse().unwrap(), seed.parse().unwrap()),
        None => {
            let digits = word.strip_prefix('-').unwrap_or(word).as_bytes();
            let byte = |two: &[u8]| u8::from_str_radix(str::from_utf8(two).unwrap(), 16).unwrap();
            digits.chunks(2).map(byte).collect()
        }
    }
}

fn fill(size: usize, seed: u8) -> Vec<u8> {
    let mut part = cell(seed).repeat(size.div_ceil(CELL));
    part.truncate(size);
    part
}

fn cell(seed: u8) -> Vec<u8> {
    let at = |at: usize| u8::try_from((usize::from(seed) + 7 * at) % CELL).unwrap();
    (0..CELL).map(at).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stand_for_their_parts() {
        for (content, expected) in [(&b""[..], "-"), (b"a", "61"), (b"\0\xFF", "00ff")] {
            assert_eq!(word(content), expected);
            assert_eq!(part(expected), content);
        }
        for size in [4095, 4096, 4097, 1 << 20] {
            let text = filled(size, 3);
            assert_eq!(part(&text).len(), size);
            assert_eq!(word(&part(&text)), text);
        }
    }

    #[test]
    fn changed_content_has_another_word() {
        let mut content = part("1000000~7");
        content[999_999] ^= 1;
        assert_eq!(word(&content), "1000000-bytes-that-were-not-sent");
        content.swap(0, 70_000);
        assert_eq!(word(&content), "1000000-bytes-that-were-not-sent");
    }
}
