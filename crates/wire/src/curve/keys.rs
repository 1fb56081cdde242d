//! Keys: 32 bytes, or 40 characters of Z85 (RFC 32).

use std::fmt;
use std::str::FromStr;

use subtle::ConstantTimeEq;
use x25519_dalek::StaticSecret;
use zeroize::Zeroizing;

/// The alphabet of Z85, by value (RFC 32, "Formal Specification").
const ALPHABET: &[u8; 85] =
    b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";

/// How many characters a key has.
const TEXT: usize = 40;

/// What was given is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// A key as text has 40 characters.
    #[error("a key has 40 characters")]
    Length,
    /// A character that Z85 does not have, or five that are too large together.
    #[error("not a text of Z85")]
    Text,
    /// The system has no random numbers to make a key of.
    #[error("no random numbers")]
    NoEntropy,
}

/// A public key. May be known to everybody; shown as Z85.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// The key of these bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// True if the two are the same; how long that takes tells nothing about them.
    pub fn is_same(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

/// From Z85.
impl FromStr for PublicKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        Ok(Self(*decode(text)?))
    }
}

/// As Z85.
impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = encode(&self.0);
        text.iter()
            .try_for_each(|&byte| write!(f, "{}", char::from(byte)))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

/// A secret key. Not shown by `Debug`, and wiped from memory when it is dropped.
#[derive(Clone)]
pub struct SecretKey(StaticSecret);

impl SecretKey {
    /// The key of these bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(StaticSecret::from(bytes))
    }

    /// Its bytes, for keeping them.
    pub fn expose_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// Its text as Z85, for keeping it.
    pub fn expose_text(&self) -> String {
        encode(self.0.as_bytes()).map(char::from).iter().collect()
    }

    /// The public key that belongs to it.
    #[doc(alias = "zmq_curve_public")]
    pub fn public_key(&self) -> PublicKey {
        PublicKey(*x25519_dalek::PublicKey::from(&self.0).as_bytes())
    }

    /// What only the owners of the two secrets can know. `None`: anybody can.
    pub(super) fn agree(&self, public: &PublicKey) -> Option<Zeroizing<[u8; 32]>> {
        let shared = self
            .0
            .diffie_hellman(&x25519_dalek::PublicKey::from(public.0));
        shared
            .was_contributory()
            .then(|| Zeroizing::new(*shared.as_bytes()))
    }
}

/// From Z85.
impl FromStr for SecretKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        Ok(Self::from_bytes(*decode(text)?))
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(..)")
    }
}

/// A public key and the secret one that belongs to it.
///
/// # Examples
///
/// ```
/// use ferromq_wire::{KeyError, KeyPair, PublicKey};
///
/// let keys = KeyPair::generate()?;
/// let text = keys.public.to_string();
/// assert_eq!(text.len(), 40);
/// assert_eq!(text.parse(), Ok(keys.public));
/// assert_eq!("too short".parse::<PublicKey>(), Err(KeyError::Length));
/// # Ok::<(), KeyError>(())
/// ```
#[derive(Clone, Debug)]
pub struct KeyPair {
    /// The public key.
    pub public: PublicKey,
    /// The secret key.
    pub secret: SecretKey,
}

impl KeyPair {
    /// A new pair, from the system's random numbers.
    ///
    /// # Errors
    ///
    /// [`KeyError::NoEntropy`]: the system has none.
    #[doc(alias = "zmq_curve_keypair")]
    pub fn generate() -> Result<Self, KeyError> {
        let mut bytes = Zeroizing::new([0; 32]);
        getrandom::fill(&mut *bytes).map_err(|_| KeyError::NoEntropy)?;
        Ok(Self::from(SecretKey::from_bytes(*bytes)))
    }
}

impl From<SecretKey> for KeyPair {
    fn from(secret: SecretKey) -> Self {
        let public = secret.public_key();
        Self { public, secret }
    }
}

/// Four bytes are five characters.
fn encode(bytes: &[u8; 32]) -> [u8; TEXT] {
    let mut out = [b'0'; TEXT];
    for (four, five) in bytes.chunks_exact(4).zip(out.chunks_exact_mut(5)) {
        let mut value = four
            .iter()
            .fold(0u32, |value, &byte| (value << 8) | u32::from(byte));
        for place in five.iter_mut().rev() {
            let digit = usize::try_from(value % 85).unwrap_or(0);
            *place = ALPHABET.get(digit).copied().unwrap_or(b'0');
            value /= 85;
        }
    }
    out
}

fn decode(text: &str) -> Result<Zeroizing<[u8; 32]>, KeyError> {
    if text.len() != TEXT {
        return Err(KeyError::Length);
    }
    let mut out = Zeroizing::new([0; 32]);
    for (five, four) in text.as_bytes().chunks_exact(5).zip(out.chunks_exact_mut(4)) {
        let value = five.iter().try_fold(0u32, |value, &byte| {
            let digit = ALPHABET.iter().position(|&known| known == byte)?;
            let digit = u32::try_from(digit).ok()?;
            value.checked_mul(85)?.checked_add(digit)
        });
        four.copy_from_slice(&value.ok_or(KeyError::Text)?.to_be_bytes());
    }
    Ok(out)
}
