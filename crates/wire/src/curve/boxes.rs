//! NaCl's boxes: X25519 to agree on a key, XSalsa20 to hide, Poly1305 to prove.

use std::fmt;

use poly1305::Poly1305;
use poly1305::universal_hash::KeyInit;
use salsa20::cipher::consts::U10;
use salsa20::cipher::{KeyIvInit, StreamCipher};
use salsa20::{Salsa20, hsalsa};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::TAG;
use super::keys::{PublicKey, SecretKey};
use crate::Violation;

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
        let (mut stream, proof) = self.stream(number);
        stream.apply_keystream(text);
        proof.compute_unpadded(text).into()
    }

    /// Shows the text in place if the tag is the right one, told in constant time.
    pub(super) fn open(
        &self,
        number: [u8; 8],
        tag: &[u8; TAG],
        text: &mut [u8],
    ) -> Result<(), Violation> {
        let (mut stream, proof) = self.stream(number);
        let expected: [u8; TAG] = proof.compute_unpadded(text).into();
        if bool::from(expected.ct_eq(tag)) {
            stream.apply_keystream(text);
            Ok(())
        } else {
            Err(Violation::BoxNotOpened)
        }
    }

    /// The stream's first 32 bytes are the key of the proof.
    fn stream(&self, number: [u8; 8]) -> (Salsa20, Poly1305) {
        let mut stream = Salsa20::new(&(*self.0).into(), &number.into());
        let mut key = Zeroizing::new([0; 32]);
        stream.apply_keystream(&mut *key);
        (stream, Poly1305::new(&(*key).into()))
    }
}

impl fmt::Debug for StreamKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StreamKey(..)")
    }
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
