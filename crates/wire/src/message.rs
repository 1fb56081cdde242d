//! A message: ordered parts that travel together.
//!
//! Invariant: no part is `Many` without contents, one part is `One` unless the parts once were
//! more; a message of one part of at most [`INLINE`](crate::INLINE) bytes owns no heap memory.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::iter::{Chain, FusedIterator};
use std::slice;

use bytes::Bytes;

use crate::{INLINE, Part};

/// What an application sends and receives: one or several [`Part`]s, delivered together or not at
/// all.
///
/// Text, bytes and parts convert into a message of one part; arrays and vectors of them into a
/// message of several. Arrays and vectors of `u8` are one part.
///
/// # Examples
///
/// ```
/// use ferromq_wire::{Message, PartError};
///
/// let message = Message::from(["topic", "payload"]);
/// assert_eq!(message.len(), 2);
/// assert_eq!(message.part_str(1), Ok("payload"));
/// assert_eq!(message.part_str(2), Err(PartError::Missing));
/// assert_eq!(Message::from(b"payload").len(), 1);
/// ```
#[derive(Clone)]
pub struct Message(Repr);

#[derive(Clone)]
enum Repr {
    One(Part),
    Many(VecDeque<Part>),
}

/// Why a part could not be read as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum PartError {
    /// The message has no such part.
    #[error("message has too few parts")]
    Missing,
    /// The part is not valid UTF-8.
    #[error("message part is not UTF-8 text")]
    NotUtf8,
}

impl Message {
    /// A message of no parts yet; it cannot be sent before one is added.
    pub const fn new() -> Self {
        Self(Repr::Many(VecDeque::new()))
    }

    /// A message of no parts yet with place for `parts` of them.
    pub fn with_capacity(parts: usize) -> Self {
        match parts {
            0 | 1 => Self::new(),
            parts => Self(Repr::Many(VecDeque::with_capacity(parts))),
        }
    }

    /// Adds a part behind the others.
    pub fn push_back(&mut self, part: impl Into<Part>) {
        let part = part.into();
        match &mut self.0 {
            Repr::Many(parts) if parts.capacity() == 0 => self.0 = Repr::One(part),
            _ => self.many().push_back(part),
        }
    }

    /// Adds a part before the others.
    pub fn push_front(&mut self, part: impl Into<Part>) {
        let part = part.into();
        match &mut self.0 {
            Repr::Many(parts) if parts.capacity() == 0 => self.0 = Repr::One(part),
            _ => self.many().push_front(part),
        }
    }

    /// Takes the first part off; `None` if there is none.
    pub fn pop_front(&mut self) -> Option<Part> {
        match &mut self.0 {
            Repr::One(_) => self.take_one(),
            Repr::Many(parts) => parts.pop_front(),
        }
    }

    /// Takes the last part off; `None` if there is none.
    pub fn pop_back(&mut self) -> Option<Part> {
        match &mut self.0 {
            Repr::One(_) => self.take_one(),
            Repr::Many(parts) => parts.pop_back(),
        }
    }

    /// Puts the routing id of a peer first: where a ROUTER sends the message.
    pub fn push_routing_id(&mut self, routing_id: impl Into<Part>) {
        self.push_front(routing_id);
    }

    /// Takes the first part off: the routing id of the peer that a ROUTER received the message
    /// from.
    pub fn pop_routing_id(&mut self) -> Option<Part> {
        self.pop_front()
    }

    /// Puts an empty part first: what separates an envelope from the body (RFC 28).
    pub fn push_delimiter(&mut self) {
        self.push_front(Part::EMPTY);
    }

    /// Takes the envelope off: everything up to and including the first empty part (RFC 28).
    ///
    /// `None` if no part is empty; the message is then unchanged.
    pub fn split_envelope(&mut self) -> Option<Vec<Part>> {
        let delimiter = self.iter().position(|part| part.is_empty())?;
        Some(
            std::iter::from_fn(|| self.pop_front())
                .take(delimiter.saturating_add(1))
                .collect(),
        )
    }

    /// The parts in order.
    pub fn into_parts(self) -> Vec<Part> {
        match self.0 {
            Repr::One(part) => vec![part],
            Repr::Many(parts) => parts.into(),
        }
    }

    /// How many parts.
    #[inline]
    pub fn len(&self) -> usize {
        match &self.0 {
            Repr::One(_) => 1,
            Repr::Many(parts) => parts.len(),
        }
    }

    /// True if there are no parts: such a message cannot be sent.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The sum of the parts' lengths, in bytes.
    pub fn size(&self) -> usize {
        match &self.0 {
            Repr::One(part) => part.len(),
            Repr::Many(parts) => parts
                .iter()
                .fold(0, |sum, part| part.len().saturating_add(sum)),
        }
    }

    /// The part at this position, counted from 0.
    pub fn part(&self, index: usize) -> Option<&Part> {
        match &self.0 {
            Repr::One(part) => (index == 0).then_some(part),
            Repr::Many(parts) => parts.get(index),
        }
    }

    /// The part at this position as text, counted from 0.
    ///
    /// # Errors
    ///
    /// - [`PartError::Missing`]: there is no such part.
    /// - [`PartError::NotUtf8`]: it is not valid UTF-8.
    pub fn part_str(&self, index: usize) -> Result<&str, PartError> {
        let part = self.part(index).ok_or(PartError::Missing)?;
        part.as_str().map_err(|_| PartError::NotUtf8)
    }

    /// The parts in order, by reference.
    pub fn iter(&self) -> Parts<'_> {
        let (front, back) = self.as_slices();
        Parts(front.iter().chain(back))
    }

    /// The parts in order: those of the first slice, then those of the second.
    #[inline]
    pub fn as_slices(&self) -> (&[Part], &[Part]) {
        match &self.0 {
            Repr::One(part) => (slice::from_ref(part), &[]),
            Repr::Many(parts) => parts.as_slices(),
        }
    }

    /// A message of one part.
    #[inline]
    pub(crate) const fn one(part: Part) -> Self {
        Self(Repr::One(part))
    }

    /// A message of one part with a copy of these bytes. A call of its own makes it where the
    /// caller wants it; inlined, it is made elsewhere and then moved piece by piece.
    #[inline(never)]
    fn copy_from(bytes: &[u8]) -> Self {
        Self::one(Part::copy_from(bytes))
    }

    /// The message that is the one short frame at the front of `bytes`, behind the length of its
    /// body; `None`: it is another one, or too near to the end for a block to be copied.
    #[inline]
    pub(crate) fn of_short_frame(bytes: &[u8]) -> Option<(u8, Self)> {
        let (&[flags, len], behind) = bytes.split_first_chunk()?;
        let block = behind.first_chunk()?;
        let is_short = flags == 0 && usize::from(len) <= INLINE;
        is_short.then(|| (len, Self::one(Part::of_block(block, len))))
    }

    /// The parts as a queue; makes one of a single part.
    #[cfg_attr(
        not(test),
        expect(
            clippy::unreachable,
            reason = "the single part is made a queue just before"
        )
    )]
    fn many(&mut self) -> &mut VecDeque<Part> {
        if let Repr::One(_) = self.0 {
            let mut parts = VecDeque::with_capacity(3);
            self.take_one()
                .into_iter()
                .for_each(|part| parts.push_back(part));
            self.0 = Repr::Many(parts);
        }
        match &mut self.0 {
            Repr::Many(parts) => parts,
            Repr::One(_) => unreachable!("a single part has just been made a queue"),
        }
    }

    /// The single part, leaving a message of none; `None` if it is a queue.
    fn take_one(&mut self) -> Option<Part> {
        match std::mem::replace(&mut self.0, Repr::Many(VecDeque::new())) {
            Repr::One(part) => Some(part),
            many => {
                self.0 = many;
                None
            }
        }
    }
}

impl Default for Message {
    fn default() -> Self {
        Self::new()
    }
}

impl PartialEq for Message {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Message {}

impl Hash for Message {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_usize(self.len());
        self.iter().for_each(|part| part.hash(state));
    }
}

/// The list of the parts, each as [`Part`] shows itself.
impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self).finish()
    }
}

impl<P: Into<Part>> FromIterator<P> for Message {
    fn from_iter<I: IntoIterator<Item = P>>(parts: I) -> Self {
        let mut message = Self::new();
        message.extend(parts);
        message
    }
}

impl<P: Into<Part>> Extend<P> for Message {
    fn extend<I: IntoIterator<Item = P>>(&mut self, parts: I) {
        parts.into_iter().for_each(|part| self.push_back(part));
    }
}

impl IntoIterator for Message {
    type Item = Part;
    type IntoIter = IntoParts;

    fn into_iter(self) -> IntoParts {
        IntoParts(self)
    }
}

impl<'a> IntoIterator for &'a Message {
    type Item = &'a Part;
    type IntoIter = Parts<'a>;

    fn into_iter(self) -> Parts<'a> {
        self.iter()
    }
}

impl From<Part> for Message {
    #[inline]
    fn from(part: Part) -> Self {
        Self::one(part)
    }
}

impl<const N: usize> From<[u8; N]> for Message {
    #[inline]
    fn from(bytes: [u8; N]) -> Self {
        Self::copy_from(&bytes)
    }
}

impl<const N: usize> From<&[u8; N]> for Message {
    #[inline]
    fn from(bytes: &[u8; N]) -> Self {
        Self::copy_from(bytes)
    }
}

impl From<&[u8]> for Message {
    #[inline]
    fn from(bytes: &[u8]) -> Self {
        Self::copy_from(bytes)
    }
}

impl From<&str> for Message {
    #[inline]
    fn from(text: &str) -> Self {
        Self::copy_from(text.as_bytes())
    }
}

impl From<Vec<u8>> for Message {
    fn from(bytes: Vec<u8>) -> Self {
        Self::one(bytes.into())
    }
}

/// One part from each of these; several from arrays and vectors of them.
macro_rules! from_values {
    ($($value:ty),* $(,)?) => {$(
        impl From<$value> for Message {
            #[inline]
            fn from(value: $value) -> Self {
                Self::one(value.into())
            }
        }
        from_lists!($value);
    )*};
}

/// Several parts from arrays and vectors of each of these.
macro_rules! from_lists {
    ($($value:ty),* $(,)?) => {$(
        impl<const N: usize> From<[$value; N]> for Message {
            fn from(values: [$value; N]) -> Self {
                values.into_iter().collect()
            }
        }

        impl From<Vec<$value>> for Message {
            fn from(values: Vec<$value>) -> Self {
                values.into_iter().collect()
            }
        }
    )*};
}

from_values!(String, &String, Bytes, Cow<'_, str>, Cow<'_, [u8]>);
from_lists!(&str, &[u8], Part, Vec<u8>);

impl<const N: usize, const M: usize> From<[&[u8; M]; N]> for Message {
    fn from(values: [&[u8; M]; N]) -> Self {
        values.into_iter().collect()
    }
}

/// The parts of a message in order, by reference.
#[derive(Clone, Debug)]
pub struct Parts<'a>(Chain<slice::Iter<'a, Part>, slice::Iter<'a, Part>>);

impl<'a> Iterator for Parts<'a> {
    type Item = &'a Part;

    #[inline]
    fn next(&mut self) -> Option<&'a Part> {
        self.0.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl DoubleEndedIterator for Parts<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.0.next_back()
    }
}

impl ExactSizeIterator for Parts<'_> {}
impl FusedIterator for Parts<'_> {}

/// The parts of a message in order, by value.
#[derive(Clone, Debug)]
pub struct IntoParts(Message);

impl Iterator for IntoParts {
    type Item = Part;

    fn next(&mut self) -> Option<Part> {
        self.0.pop_front()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.0.len(), Some(self.0.len()))
    }
}

impl DoubleEndedIterator for IntoParts {
    fn next_back(&mut self) -> Option<Part> {
        self.0.pop_back()
    }
}

impl ExactSizeIterator for IntoParts {}
impl FusedIterator for IntoParts {}

#[cfg(test)]
mod tests;
