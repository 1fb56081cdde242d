//! Whole messages, taken apart when they are wanted.
//!
//! What has come is looked through once, by the lengths; each message is then made where it goes,
//! when it goes there. So none is written and read once more on the way, and a body too long to be
//! kept in place is copied into memory that the message before it has just left.

use super::{Decoder, Layout};
use crate::frame::FrameHeader;
use crate::{Message, Part};

/// What [`Decoder::measure`] has found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Measured {
    /// How many whole messages.
    pub messages: usize,
    /// How many bytes they take.
    pub bytes: usize,
}

/// Whole messages, as the bytes in which they came.
///
/// # Examples
///
/// ```
/// use ferromq_wire::{Bundle, Decoder, Limits, Message};
///
/// let input = b"\x00\x01a\x01\x01b\x00\x01c\x00\x05unfi";
/// let measured = Decoder::new(Limits::default()).measure(input, 1_000);
/// assert_eq!((measured.messages, measured.bytes), (2, 9));
///
/// let mut bundle = Bundle::new(input.to_vec(), 0, measured.messages);
/// assert_eq!(bundle.pop_front(), Some(Message::from("a")));
/// assert_eq!(bundle.pop_front(), Some(Message::from(["b", "c"])));
/// assert_eq!(bundle.pop_front(), None);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    buffer: Vec<u8>,
    /// Where the next message begins.
    at: usize,
    left: usize,
}

impl Bundle {
    /// The messages in `buffer` from offset `at` on, so many as a decoder has
    /// [measured](Decoder::measure) there.
    pub fn new(buffer: Vec<u8>, at: usize, messages: usize) -> Self {
        let left = messages;
        Self { buffer, at, left }
    }

    /// How many messages are left.
    #[inline]
    pub fn len(&self) -> usize {
        self.left
    }

    /// True if none is left.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.left == 0
    }

    /// The first of the messages that are left.
    pub fn pop_front(&mut self) -> Option<Message> {
        let mut message = Message::new();
        self.pop_into(&mut message).then_some(message)
    }

    /// The same, put where `into` is, which is a message of no parts. False: none is left.
    #[inline]
    pub fn pop_into(&mut self, into: &mut Message) -> bool {
        debug_assert!(into.is_empty(), "what is overwritten here is nothing");
        if self.left == 0 {
            return false;
        }
        self.left = self.left.saturating_sub(1);
        let rest = self.buffer.get(self.at..).unwrap_or_default();
        if let Some((len, message)) = Message::of_short_frame(rest) {
            self.at = self.at.saturating_add(usize::from(len)).saturating_add(2);
            std::mem::forget(std::mem::replace(into, message));
            return true;
        }
        self.pop_parts(into).is_some()
    }

    /// A message of several parts, or of one that is not short. `None`: these are no messages.
    #[inline(never)]
    fn pop_parts(&mut self, into: &mut Message) -> Option<()> {
        loop {
            let rest = self.buffer.get(self.at..)?;
            let (header, behind) = FrameHeader::parse(rest).ok()??;
            let (body, behind) = behind.split_at_checked(usize::try_from(header.len).ok()?)?;
            self.at = self.buffer.len().saturating_sub(behind.len());
            into.push_back(Part::copy_from(body));
            if !header.more {
                return Some(());
            }
        }
    }

    /// The buffer, to be used again.
    pub fn into_buffer(self) -> Vec<u8> {
        self.buffer
    }
}

impl Decoder {
    /// Counts the whole messages at the front of `input`, `room` at most, up to anything that is
    /// none, or that is for [`decode`](Self::decode) to refuse. What is counted is for a [`Bundle`]
    /// instead: the decoder need not see it.
    ///
    /// None while a message is under way, and from peers of ZMTP 1.0 or in boxes.
    pub fn measure(&self, input: &[u8], room: usize) -> Measured {
        let mut messages: usize = 0;
        let mut rest = input;
        if self.layout == Layout::Plain && !self.is_mid_message() {
            while messages < room
                && let Some(behind) = self.skip_message(rest)
            {
                rest = behind;
                messages = messages.saturating_add(1);
            }
        }
        let bytes = input.len().saturating_sub(rest.len());
        Measured { messages, bytes }
    }

    /// What is behind the message at the front. `None`: it is not whole, or not allowed.
    #[inline]
    fn skip_message<'a>(&self, input: &'a [u8]) -> Option<&'a [u8]> {
        let most = self.limits.max_message_size.unwrap_or(u64::MAX);
        if let (&[0, len], behind) = input.split_first_chunk()?
            && u64::from(len) <= most
        {
            return behind.get(usize::from(len)..);
        }
        self.skip_parts(input, most)
    }

    /// The same for a message of several parts, or of one that is not short.
    fn skip_parts<'a>(&self, mut rest: &'a [u8], most: u64) -> Option<&'a [u8]> {
        let (mut parts, mut size): (usize, u64) = (0, 0);
        loop {
            let (header, behind) = FrameHeader::parse_without(self.reserved, rest).ok()??;
            parts = parts.saturating_add(1);
            size = size.saturating_add(header.len);
            if header.command || parts > self.limits.max_parts || size > most {
                return None;
            }
            rest = behind.get(usize::try_from(header.len).ok()?..)?;
            if !header.more {
                return Some(rest);
            }
        }
    }
}
