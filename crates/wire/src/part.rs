//! One part of a message: immutable bytes, short ones in place.
//!
//! Invariant: `Repr::Inline` uses the first `len` bytes; what is behind them is arbitrary and never
//! shown. A part of at most [`INLINE`] bytes is always inline, so equal parts have equal costs.

use std::borrow::{Borrow, Cow};
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::str::Utf8Error;

use bytes::Bytes;

/// The longest part, in bytes, that is kept in place rather than on the heap.
pub const INLINE: usize = 64;

/// How many bytes of a part its `Debug` form shows.
const SHOWN: usize = 32;

/// The bytes of a short part, aligned to words: they are moved in the same pieces everywhere, so
/// that none is read while a write of another cut is still under way.
#[derive(Clone, Copy)]
#[repr(align(8))]
struct Block([u8; INLINE]);

impl Block {
    /// The first bytes of a block, at most all of it; zeros behind them. Made of whole words in
    /// registers: a block that is filled in memory is copied from there, in pieces that do not line
    /// up with those that were written.
    #[inline]
    fn copy_from(bytes: &[u8]) -> Self {
        let (whole, rest) = bytes.as_chunks::<8>();
        let last = last_word(bytes, rest).to_le_bytes();
        let words: [[u8; 8]; INLINE / 8] = std::array::from_fn(|at| match whole.get(at) {
            Some(word) => *word,
            None if at == whole.len() => last,
            None => [0; 8],
        });
        let mut block = [0; INLINE];
        for (place, word) in block.as_chunks_mut::<8>().0.iter_mut().zip(words) {
            *place = word;
        }
        Self(block)
    }
}

/// The last bytes, fewer than a word, as a word with zeros behind them.
#[inline]
fn last_word(bytes: &[u8], rest: &[u8]) -> u64 {
    match bytes.last_chunk::<8>() {
        Some(last) => {
            let bytes_before = last.len().saturating_sub(rest.len());
            let bits_before = u32::try_from(bytes_before).map_or(0, |bytes| bytes << 3);
            u64::from_le_bytes(*last)
                .checked_shr(bits_before)
                .unwrap_or_default()
        }
        None => rest
            .iter()
            .rev()
            .fold(0, |word, &byte| word << 8 | u64::from(byte)),
    }
}

/// Immutable bytes: one part of a [`Message`](crate::Message).
///
/// Up to [`INLINE`] bytes are kept in place; longer parts are reference-counted. Cloning is cheap
/// in both cases. Parts compare, order and hash as their bytes do.
///
/// # Examples
///
/// ```
/// use ferromq_wire::Part;
///
/// let part = Part::from("weather.oslo");
/// assert_eq!(part, "weather.oslo");
/// assert!(part.starts_with(b"weather."));
/// assert!(Part::from([0xFF]).as_str().is_err());
/// ```
#[derive(Clone)]
pub struct Part(Repr);

/// The length takes what the block's alignment leaves: a smaller one would have a part moved in
/// pieces that begin in between.
#[derive(Clone)]
enum Repr {
    Inline { len: u32, bytes: Block },
    Shared(Bytes),
}

impl Part {
    /// The part of no bytes: a delimiter in an envelope.
    pub const EMPTY: Self = Self(Repr::Inline {
        len: 0,
        bytes: Block([0; INLINE]),
    });

    /// A part with a copy of these bytes.
    #[inline]
    pub fn copy_from(bytes: &[u8]) -> Self {
        Self::inline(bytes).unwrap_or_else(|| Self(Repr::Shared(Bytes::copy_from_slice(bytes))))
    }

    /// An inline part with a copy of these bytes; `None`: they are too many.
    #[inline]
    fn inline(bytes: &[u8]) -> Option<Self> {
        let len = u32::try_from(bytes.len()).ok()?;
        (bytes.len() <= INLINE).then(|| {
            Self(Repr::Inline {
                len,
                bytes: Block::copy_from(bytes),
            })
        })
    }

    /// The bytes.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Repr::Inline { len, bytes } => bytes.0.get(..*len as usize).unwrap_or_default(),
            Repr::Shared(bytes) => bytes,
        }
    }

    /// The bytes as text.
    ///
    /// # Errors
    ///
    /// The bytes are not valid UTF-8.
    pub fn as_str(&self) -> Result<&str, Utf8Error> {
        std::str::from_utf8(self.as_bytes())
    }

    /// The bytes as a reference-counted buffer; copies only what was kept in place.
    pub fn into_bytes(self) -> Bytes {
        match self.0 {
            Repr::Inline { .. } => Bytes::copy_from_slice(self.as_bytes()),
            Repr::Shared(bytes) => bytes,
        }
    }

    /// How many bytes.
    #[inline]
    pub fn len(&self) -> usize {
        match &self.0 {
            Repr::Inline { len, .. } => *len as usize,
            Repr::Shared(bytes) => bytes.len(),
        }
    }

    /// True for the part of no bytes.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The first `len` bytes of a block: a copy of fixed size, the decoder's fast path.
    #[inline]
    pub(crate) fn of_block(block: &[u8; INLINE], len: u8) -> Self {
        debug_assert!(usize::from(len) <= INLINE);
        Self(Repr::Inline {
            len: u32::from(len),
            bytes: Block(*block),
        })
    }

    /// A short part as the block that it is kept in, and how much of that it is: copied with a
    /// fixed size and then cut, it costs less than a copy of variable size.
    #[inline]
    pub(crate) fn as_block(&self) -> Option<(&[u8; INLINE], u8)> {
        match &self.0 {
            Repr::Inline { len, bytes } => {
                let [len, ..] = len.to_le_bytes();
                Some((&bytes.0, len))
            }
            Repr::Shared(_) => None,
        }
    }
}

impl Default for Part {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl Deref for Part {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl AsRef<[u8]> for Part {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl Borrow<[u8]> for Part {
    fn borrow(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl PartialEq for Part {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Part {}

impl PartialOrd for Part {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Part {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

impl Hash for Part {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl PartialEq<[u8]> for Part {
    fn eq(&self, other: &[u8]) -> bool {
        self.as_bytes() == other
    }
}

impl PartialEq<&[u8]> for Part {
    fn eq(&self, other: &&[u8]) -> bool {
        self.as_bytes() == *other
    }
}

impl<const N: usize> PartialEq<[u8; N]> for Part {
    fn eq(&self, other: &[u8; N]) -> bool {
        self.as_bytes() == other
    }
}

impl<const N: usize> PartialEq<&[u8; N]> for Part {
    fn eq(&self, other: &&[u8; N]) -> bool {
        self.as_bytes() == *other
    }
}

impl PartialEq<str> for Part {
    fn eq(&self, other: &str) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl PartialEq<&str> for Part {
    fn eq(&self, other: &&str) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

/// Text if it is printable, else hexadecimal; 32 bytes at most, then the length.
impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(self.as_bytes(), f)
    }
}

impl From<&[u8]> for Part {
    #[inline]
    fn from(bytes: &[u8]) -> Self {
        Self::copy_from(bytes)
    }
}

impl From<&str> for Part {
    #[inline]
    fn from(text: &str) -> Self {
        Self::copy_from(text.as_bytes())
    }
}

impl From<&String> for Part {
    fn from(text: &String) -> Self {
        Self::copy_from(text.as_bytes())
    }
}

impl<const N: usize> From<[u8; N]> for Part {
    #[inline]
    fn from(bytes: [u8; N]) -> Self {
        Self::copy_from(&bytes)
    }
}

impl<const N: usize> From<&[u8; N]> for Part {
    #[inline]
    fn from(bytes: &[u8; N]) -> Self {
        Self::copy_from(bytes)
    }
}

/// Takes the buffer over if it is longer than [`INLINE`].
impl From<Vec<u8>> for Part {
    fn from(bytes: Vec<u8>) -> Self {
        Self::inline(&bytes).unwrap_or_else(|| Self(Repr::Shared(Bytes::from(bytes))))
    }
}

/// Takes the buffer over if it is longer than [`INLINE`].
impl From<String> for Part {
    fn from(text: String) -> Self {
        Self::from(text.into_bytes())
    }
}

/// Shares the buffer if it is longer than [`INLINE`].
impl From<Bytes> for Part {
    fn from(bytes: Bytes) -> Self {
        Self::inline(&bytes).unwrap_or_else(|| Self(Repr::Shared(bytes)))
    }
}

impl From<Cow<'_, [u8]>> for Part {
    fn from(bytes: Cow<'_, [u8]>) -> Self {
        match bytes {
            Cow::Borrowed(bytes) => Self::from(bytes),
            Cow::Owned(bytes) => Self::from(bytes),
        }
    }
}

impl From<Cow<'_, str>> for Part {
    fn from(text: Cow<'_, str>) -> Self {
        match text {
            Cow::Borrowed(text) => Self::from(text),
            Cow::Owned(text) => Self::from(text),
        }
    }
}

fn show(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let text = std::str::from_utf8(bytes)
        .ok()
        .filter(|text| !text.contains(char::is_control));
    if let Some(text) = text {
        write!(f, "{:?}", beginning(text, SHOWN.min(text.len())))?;
    } else {
        f.write_str("0x")?;
        bytes
            .iter()
            .take(SHOWN)
            .try_for_each(|byte| write!(f, "{byte:02x}"))?;
    }
    if bytes.len() > SHOWN {
        write!(f, "… ({} bytes)", bytes.len())?;
    }
    Ok(())
}

/// The longest beginning of `text` that has at most `most` bytes.
fn beginning(text: &str, most: usize) -> &str {
    let end = (0..=most)
        .rev()
        .find(|&end| text.is_char_boundary(end))
        .unwrap_or(0);
    text.get(..end).unwrap_or(text)
}

#[cfg(test)]
mod tests;
