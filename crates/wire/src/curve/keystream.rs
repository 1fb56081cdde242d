//! Salsa20's keystream (D. J. Bernstein, "Salsa20 specification"), four blocks at a time.
//!
//! Of `salsa20`, which makes one block after the other, this is the same function twice as fast: a
//! word of all four blocks is one [`Lanes`], and each operation on lanes is one that the compiler
//! has in a single instruction of any processor with vectors. Nothing but additions, exclusive ors
//! and rotations by constants touches keys and texts, so that time and addresses tell nothing.
//! Tests compare it with the library, for every length over several groups of blocks.

#![cfg_attr(
    not(test),
    expect(
        clippy::indexing_slicing,
        reason = "indices are constants, or go over arrays whose lengths are in their types"
    )
)]

use zeroize::Zeroize;

/// How many blocks are made at once.
const BLOCKS: u32 = 4;
const LANES: usize = BLOCKS as usize;
/// Bytes of a block, and of those that are made at once.
const BLOCK: usize = 64;
const GROUP: usize = LANES * BLOCK;

/// "expand 32-byte k".
const CONSTANTS: [u32; 4] = [0x6170_7865, 0x3320_646e, 0x7962_2d32, 0x6b20_6574];

/// One word of each block.
type Lanes = [u32; LANES];

/// The keystream of one key and nonce. NaCl's boxes take a key from its front; what follows hides
/// the text.
pub(super) struct Keystream {
    /// What the next blocks are made of.
    input: [Lanes; 16],
    /// The blocks that were made last.
    bytes: [u8; GROUP],
}

impl Keystream {
    /// The first bytes of the stream that are a key rather than used to hide anything.
    pub(super) const KEY: usize = 32;

    pub(super) fn new(key: &[u8; 32], nonce: [u8; 8]) -> Self {
        let [c0, c1, c2, c3] = CONSTANTS;
        let [k0, k1, k2, k3, k4, k5, k6, k7] = words(key);
        let [n0, n1] = words(&nonce);
        let words = [c0, k0, k1, k2, k3, c1, n0, n1, 0, 0, c2, k4, k5, k6, k7, c3];
        let mut input = words.map(|word| [word; LANES]);
        input[8] = [0, 1, 2, 3];
        let mut stream = Self {
            input,
            bytes: [0; GROUP],
        };
        stream.advance();
        stream
    }

    /// The key at the front of the stream.
    pub(super) fn key(&self) -> &[u8; Self::KEY] {
        &self.bytes.as_chunks().0[0]
    }

    /// Hides, or shows, a text with what comes after the key.
    pub(super) fn apply(mut self, text: &mut [u8]) {
        let first = text.len().min(GROUP - Self::KEY);
        let (first, rest) = text.split_at_mut(first);
        combine(first, &self.bytes[Self::KEY..]);
        for group in rest.chunks_mut(GROUP) {
            self.advance();
            combine(group, &self.bytes);
        }
    }

    /// Makes the next blocks. Their numbers have 64 bits, of which a frame can use up 58.
    #[inline]
    fn advance(&mut self) {
        let mut words = self.input;
        for _ in 0..10 {
            double_round(&mut words);
        }
        for (words, input) in words.iter_mut().zip(&self.input) {
            for (word, input) in words.iter_mut().zip(input) {
                *word = word.wrapping_add(*input);
            }
        }
        for (lane, block) in self.bytes.chunks_exact_mut(BLOCK).enumerate() {
            for (place, words) in block.chunks_exact_mut(4).zip(&words) {
                place.copy_from_slice(&words[lane].to_le_bytes());
            }
        }
        for lane in 0..LANES {
            let (low, carry) = self.input[8][lane].overflowing_add(BLOCKS);
            self.input[8][lane] = low;
            self.input[9][lane] = self.input[9][lane].wrapping_add(carry.into());
        }
    }
}

impl Drop for Keystream {
    fn drop(&mut self) {
        self.input.zeroize();
        self.bytes.zeroize();
    }
}

/// The words that so many bytes are.
fn words<const WORDS: usize>(bytes: &[u8]) -> [u32; WORDS] {
    let words = bytes.as_chunks().0;
    std::array::from_fn(|at| u32::from_le_bytes(words[at]))
}

/// A round over the columns and one over the rows, of every block. (A loop over blocks, with all
/// steps of one block inside, is what compilers turn into vectors; loops inside steps are not.)
#[inline(always)]
fn double_round(words: &mut [Lanes; 16]) {
    for lane in 0..LANES {
        let block: [u32; 16] = std::array::from_fn(|word| words[word][lane]);
        let [mut a0, mut a1, mut a2, mut a3, block @ ..] = block;
        let [mut b0, mut b1, mut b2, mut b3, block @ ..] = block;
        let [mut c0, mut c1, mut c2, mut c3, block @ ..] = block;
        let [mut d0, mut d1, mut d2, mut d3] = block;
        [a0, b0, c0, d0] = quarter([a0, b0, c0, d0]);
        [b1, c1, d1, a1] = quarter([b1, c1, d1, a1]);
        [c2, d2, a2, b2] = quarter([c2, d2, a2, b2]);
        [d3, a3, b3, c3] = quarter([d3, a3, b3, c3]);
        [a0, a1, a2, a3] = quarter([a0, a1, a2, a3]);
        [b1, b2, b3, b0] = quarter([b1, b2, b3, b0]);
        [c2, c3, c0, c1] = quarter([c2, c3, c0, c1]);
        [d3, d0, d1, d2] = quarter([d3, d0, d1, d2]);
        let block = [
            a0, a1, a2, a3, b0, b1, b2, b3, c0, c1, c2, c3, d0, d1, d2, d3,
        ];
        for (words, word) in words.iter_mut().zip(block) {
            words[lane] = word;
        }
    }
}

#[inline(always)]
fn quarter([mut a, mut b, mut c, mut d]: [u32; 4]) -> [u32; 4] {
    b ^= a.wrapping_add(d).rotate_left(7);
    c ^= b.wrapping_add(a).rotate_left(9);
    d ^= c.wrapping_add(b).rotate_left(13);
    a ^= d.wrapping_add(c).rotate_left(18);
    [a, b, c, d]
}

fn combine(text: &mut [u8], stream: &[u8]) {
    for (text, stream) in text.iter_mut().zip(stream) {
        *text ^= stream;
    }
}

#[cfg(test)]
mod tests {
    use salsa20::Salsa20;
    use salsa20::cipher::{KeyIvInit, StreamCipher};

    use super::*;

    const KEY: [u8; 32] = *b"0123456789abcdef, a key of tests";
    const NONCE: [u8; 8] = *b"a nonce.";

    /// What the library makes of a text behind the key, and the key.
    fn expected(text: &[u8]) -> (Vec<u8>, [u8; Keystream::KEY]) {
        let mut bytes = vec![0; Keystream::KEY];
        bytes.extend_from_slice(text);
        Salsa20::new(&KEY.into(), &NONCE.into()).apply_keystream(&mut bytes);
        let text = bytes.split_off(Keystream::KEY);
        (text, bytes.try_into().unwrap())
    }

    #[test]
    fn stream_of_any_length_is_that_of_the_library() {
        let whole: Vec<u8> = (0..5 * GROUP).map(|index| (index * 7) as u8).collect();
        for length in 0..whole.len() {
            let mut text = whole[..length].to_vec();
            let stream = Keystream::new(&KEY, NONCE);
            let (hidden, key) = expected(&text);
            assert_eq!(*stream.key(), key);
            stream.apply(&mut text);
            assert_eq!(text, hidden, "{length} bytes");
        }
    }

    #[test]
    fn number_of_a_block_carries_into_its_upper_half() {
        let mut stream = Keystream::new(&KEY, NONCE);
        stream.input[8] = [u32::MAX - 1, u32::MAX, 0, 1];
        stream.input[9] = [0, 0, 1, 1];
        stream.advance();
        assert_eq!(stream.input[8], [2, 3, 4, 5]);
        assert_eq!(stream.input[9], [1; LANES]);
    }

    /// The specification, section 9: `Salsa20_k0,k1(n)` for a key of 32 bytes.
    #[test]
    fn expansion_of_the_specification_has_its_known_bytes() {
        let key: [u8; 32] = std::array::from_fn(|at| if at < 16 { at + 1 } else { at + 185 } as u8);
        let mut stream = Keystream::new(&key, [101, 102, 103, 104, 105, 106, 107, 108]);
        let number = u64::from_le_bytes([109, 110, 111, 112, 113, 114, 115, 116]);
        stream.input[8] = [number as u32; LANES];
        stream.input[9] = [(number >> 32) as u32; LANES];
        stream.advance();
        let known = [
            69, 37, 68, 39, 41, 15, 107, 193, 255, 139, 122, 6, 170, 233, 217, 98, 89, 144, 182,
            106, 21, 51, 200, 65, 239, 49, 222, 34, 215, 114, 40, 126, 104, 197, 7, 225, 197, 153,
            31, 2, 102, 78, 76, 176, 84, 245, 246, 184, 177, 160, 133, 130, 6, 72, 149, 119, 192,
            195, 132, 236, 234, 103, 246, 74,
        ];
        for block in stream.bytes.chunks(BLOCK) {
            assert_eq!(block, known);
        }
    }
}
