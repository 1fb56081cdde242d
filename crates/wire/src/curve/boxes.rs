//! NaCl's boxes: X25519 to agree on a key, XSalsa20 to hide, Poly1305 to prove.

use std::fmt;

use cryptoxide::mac::Mac;
use cryptoxide::poly1305::Poly1305 as ShortProof;
use poly1305::Poly1305 as LongProof;
use poly1305::universal_hash::{KeyInit, UniversalHash};
use salsa20::cipher::consts::U10;
use salsa20::hsalsa;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::TAG;
use super::keys::{PublicKey, SecretKey};
use super::keystream::Keystream;
use crate::Violation;

/// From so many bytes on a proof with vectors is the faster one, although it takes more than a
/// microsecond to begin with: 64 bytes take 1.4 µs, or 0.05 without; 64 KiB take 14 µs, or 50.
const LONG: usize = 3 * 1024;

/// The key of a box that both sides can make and open.
#[derive(Clone)]
pub(super) struct BoxKey(Zeroizing<[u8; 32]>);

impl BoxKey {
    /// The key that the owners of two key pairs have in common (NaCl's `crypto_box_beforenm`).
    /// `None`: the public key is one of the few with which everybody would have it.
    pub(super) fn between(secret: &SecretKey, public: &PublicKey) -> Option<Self> {
        let shared = secret.agree(public)?;
        Some(Self(derive(&shared, &[0; 16])))
    }

    /// A key of one's own.
    pub(super) fn of(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Boxes whose nonces begin so.
    pub(super) fn with_prefix(&self, prefix: &[u8; 16]) -> StreamKey {
        StreamKey(derive(&self.0, prefix))
    }

    /// Hides the text in place, and gives its tag.
    pub(super) fn seal(&self, nonce: &[u8; 24], text: &mut [u8]) -> [u8; TAG] {
        let (prefix, number) = split(nonce);
        self.with_prefix(&prefix).seal(number, text)
    }

    /// Shows the text in place if the tag is the right one.
    pub(super) fn open(
        &self,
        nonce: &[u8; 24],
        tag: &[u8; TAG],
        text: &mut [u8],
    ) -> Result<(), Violation> {
        let (prefix, number) = split(nonce);
        self.with_prefix(&prefix).open(number, tag, text)
    }
}

impl fmt::Debug for BoxKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BoxKey(..)")
    }
}

/// The key of boxes whose nonces have their first 16 bytes in common: half of XSalsa20's work for a
/// short message, done once.
pub(super) struct StreamKey(Zeroizing<[u8; 32]>);

impl StreamKey {
    /// Hides the text in place, and gives its tag.
    pub(super) fn seal(&self, number: [u8; 8], text: &mut [u8]) -> [u8; TAG] {
        let stream = Keystream::new(&self.0, number);
        let proof = Zeroizing::new(*stream.key());
        stream.apply(text);
        prove(&proof, text)
    }

    /// Shows the text in place if the tag is the right one, told in constant time.
    pub(super) fn open(
        &self,
        number: [u8; 8],
        tag: &[u8; TAG],
        text: &mut [u8],
    ) -> Result<(), Violation> {
        let stream = Keystream::new(&self.0, number);
        if bool::from(prove(stream.key(), text).ct_eq(tag)) {
            stream.apply(text);
            Ok(())
        } else {
            Err(Violation::BoxNotOpened)
        }
    }
}

impl fmt::Debug for StreamKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StreamKey(..)")
    }
}

/// Poly1305.
fn prove(key: &[u8; Keystream::KEY], text: &[u8]) -> [u8; TAG] {
    if text.len() < LONG {
        prove_short(key, text)
    } else {
        // Whole blocks several at a time, which `compute_unpadded` alone does not do.
        let (blocks, rest) = text.split_at(text.len() & !0xF);
        let mut proof = LongProof::new(key.into());
        proof.update_padded(blocks);
        proof.compute_unpadded(rest).into()
    }
}

fn prove_short(key: &[u8; Keystream::KEY], text: &[u8]) -> [u8; TAG] {
    let mut proof = ShortProof::new(key);
    proof.input(text);
    let mut tag = [0; TAG];
    proof.raw_result(&mut tag);
    tag
}

fn derive(key: &[u8; 32], input: &[u8; 16]) -> Zeroizing<[u8; 32]> {
    Zeroizing::new(hsalsa::<U10>(&(*key).into(), &(*input).into()).into())
}

fn split(nonce: &[u8; 24]) -> ([u8; 16], [u8; 8]) {
    let mut bytes = nonce.iter().copied();
    let mut next = || bytes.next().unwrap_or(0);
    (
        std::array::from_fn(|_| next()),
        std::array::from_fn(|_| next()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Both libraries for every length, those on either side of the bound among them.
    #[test]
    fn proof_is_the_same_whichever_way_it_is_made() {
        let key = *b"a key of Poly1305: all 32 bytes.";
        let whole: Vec<u8> = (0..LONG + 300).map(|index| !(index * 5) as u8).collect();
        for length in (0..400).chain(LONG - 20..whole.len()) {
            let text = &whole[..length];
            let expected: [u8; TAG] = LongProof::new(&key.into()).compute_unpadded(text).into();
            assert_eq!(prove(&key, text), expected, "{length} bytes");
            assert_eq!(prove_short(&key, text), expected, "{length} bytes");
        }
    }
}
