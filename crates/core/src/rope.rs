//! A queue of frame bytes: small frames in chunks, large payloads by reference.
//!
//! Frames are laid out as ZMTP 2.0 and all later versions have them, unless the connection is one
//! of ZMTP 1.0: for that the rope is [laid out anew](Rope::reframe) once, and stays so until
//! another connection asks otherwise.
//!
//! Offsets count the bytes of the pipe's whole stream of frames. Invariants:
//! `base <= boundary <= written <= end`; everything from `boundary` (the start of the first message
//! that is not over) on is kept, so that it can be written again.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::Bytes;
use ferromq_wire::{Framing, Message, Part, put_frame};

use crate::pool::{self, CHUNK};

/// Payloads from this size on are queued by reference and written from where they are.
const BY_REFERENCE: usize = 4 * 1024;

/// Slices written in one system call.
const SLICES: usize = 64;

/// The queued bytes of one pipe.
#[derive(Debug)]
pub(crate) struct Rope {
    segments: VecDeque<Segment>,
    /// Parts below this size are copied behind a header of [`Framing::FlagsFirst`]: none in the
    /// other layout, so that small frames of the usual one pay for no question.
    plain_below: usize,
    /// Offset of the first segment's first byte.
    base: u64,
    /// Where the first message that is not over begins.
    boundary: u64,
    /// What the kernel has taken.
    written: u64,
    /// The segment that holds `written`, and its offset.
    cursor: (usize, u64),
    /// Where the next frame goes.
    end: u64,
}

impl Default for Rope {
    fn default() -> Self {
        Self::starting_at(0, BY_REFERENCE)
    }
}

#[derive(Debug)]
enum Segment {
    Chunk(Vec<u8>),
    Payload(Bytes),
}

impl Segment {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Chunk(bytes) => bytes,
            Self::Payload(bytes) => bytes,
        }
    }
}

/// The slices of one write.
#[derive(Debug)]
pub(crate) struct Window<'a> {
    slices: [IoSlice<'a>; SLICES],
    used: usize,
}

impl Default for Window<'_> {
    fn default() -> Self {
        Self {
            slices: [IoSlice::new(&[]); SLICES],
            used: 0,
        }
    }
}

impl<'a> Window<'a> {
    /// Adds a slice; false if the window is full.
    pub(crate) fn push(&mut self, bytes: &'a [u8]) -> bool {
        if bytes.is_empty() {
            return true;
        }
        let Some(slot) = self.slices.get_mut(self.used) else {
            return false;
        };
        *slot = IoSlice::new(bytes);
        self.used += 1;
        true
    }

    /// What was added.
    #[expect(
        clippy::indexing_slicing,
        reason = "each that is used was there to be set"
    )]
    pub(crate) fn slices(&self) -> &[IoSlice<'a>] {
        &self.slices[..self.used]
    }
}

impl Rope {
    /// Offset behind the last byte queued.
    pub(crate) fn end(&self) -> u64 {
        self.end
    }

    /// Offset behind the last byte that the kernel took.
    pub(crate) fn written(&self) -> u64 {
        self.written
    }

    /// Bytes queued and not written.
    pub(crate) fn unwritten(&self) -> u64 {
        self.end - self.written
    }

    /// True if no message has been written in part.
    pub(crate) fn is_at_boundary(&self) -> bool {
        self.written == self.boundary
    }

    /// Appends the frames of a message: `prefix`, then its parts without the first `strip`.
    #[inline]
    pub(crate) fn push_message(&mut self, prefix: &[Part], message: &Message, strip: usize) {
        match (prefix, message.as_slices(), strip) {
            ([], ([part], []), 0) => self.push_part(part, false),
            (_, slices, _) => self.push_parts(prefix, slices, strip),
        }
    }

    fn push_parts(&mut self, prefix: &[Part], (front, back): (&[Part], &[Part]), strip: usize) {
        let of_back = strip.saturating_sub(front.len());
        let front = front.get(strip..).unwrap_or_default();
        let back = back.get(of_back..).unwrap_or_default();
        let mut left = prefix.len() + front.len() + back.len();
        for parts in [prefix, front, back] {
            for part in parts {
                left -= 1;
                self.push_part(part, left > 0);
            }
        }
    }

    /// The slices from the cursor on, as far as they fit, at most `limit` bytes.
    pub(crate) fn fill<'a>(&'a self, window: &mut Window<'a>, mut limit: u64) {
        let (index, start) = self.cursor;
        let mut skip = (self.written - start) as usize;
        for segment in self.segments.range(index.min(self.segments.len())..) {
            let bytes = segment.bytes().get(skip..).unwrap_or_default();
            skip = 0;
            let most = usize::try_from(limit).unwrap_or(usize::MAX);
            let bytes = bytes.get(..most).unwrap_or(bytes);
            limit -= bytes.len() as u64;
            if !window.push(bytes) || limit == 0 {
                return;
            }
        }
    }

    /// The frames from the cursor on, which is between two of them: whether more parts follow, the
    /// body, and the length of the whole frame.
    pub(crate) fn frames(&self) -> impl Iterator<Item = (bool, &[u8], usize)> {
        let (mut index, start) = self.cursor;
        let mut at = (self.written - start) as usize;
        std::iter::from_fn(move || {
            let mut frame = self.segments.get(index)?.bytes().get(at..)?;
            if frame.is_empty() {
                (index, at) = (index + 1, 0);
                frame = self.segments.get(index)?.bytes();
            }
            let (more, len, body) = Framing::FlagsFirst.split_header(frame)?;
            let header = frame.len() - body.len();
            if len < BY_REFERENCE {
                at += header + len;
                return Some((more, body.get(..len)?, header + len));
            }
            let payload = self.segments.get(index + 1)?.bytes();
            (index, at) = (index + 2, 0);
            Some((more, payload, header + len))
        })
    }

    /// Counts `taken` bytes as written.
    pub(crate) fn advance(&mut self, taken: u64) {
        self.written += taken;
        while let Some(segment) = self.segments.get(self.cursor.0) {
            let behind = self.cursor.1 + segment.bytes().len() as u64;
            if behind > self.written {
                return;
            }
            self.cursor = (self.cursor.0 + 1, behind);
        }
    }

    /// Forgets the messages before `boundary`, whose last byte the kernel has taken.
    pub(crate) fn release(&mut self, boundary: u64) {
        self.boundary = boundary;
        while self.cursor.0 > 0
            && let Some(first) = self.segments.front()
        {
            let behind = self.base + first.bytes().len() as u64;
            if behind > boundary {
                return;
            }
            if let Some(Segment::Chunk(chunk)) = self.segments.pop_front() {
                pool::give(chunk);
            }
            self.base = behind;
            self.cursor.0 -= 1;
        }
    }

    /// Writes a message that was begun again from its first byte.
    pub(crate) fn rewind(&mut self) {
        self.written = self.boundary;
        self.cursor = (0, self.base);
        self.advance(0);
    }

    /// Lays out the frames for a connection that wants them so, and gives the new ends of the
    /// messages; `None`: nothing has changed. Nothing of the first message has been written.
    pub(crate) fn reframe(&mut self, framing: Framing) -> Option<VecDeque<u64>> {
        if self.framing() == framing {
            return None;
        }
        let plain_below = match framing {
            Framing::FlagsFirst => BY_REFERENCE,
            Framing::LengthFirst => 0,
        };
        let mut other = std::mem::replace(self, Self::starting_at(self.boundary, plain_below));
        let mut ends = VecDeque::new();
        while let Some(message) = other.pop_message() {
            self.push_message(&[], &message, 0);
            ends.push_back(self.end);
        }
        Some(ends)
    }

    /// Takes the rope out for writing; what is queued meanwhile goes to the successor left here.
    pub(crate) fn take(&mut self) -> Rope {
        let successor = Self::starting_at(self.end, self.plain_below);
        std::mem::replace(self, successor)
    }

    /// Appends the successor, with what was queued since [`take`](Self::take).
    pub(crate) fn append(&mut self, mut successor: Rope) {
        self.end = successor.end;
        self.segments.append(&mut successor.segments);
    }

    /// Takes the first message out that is not over, from a rope that is written no more. Large
    /// payloads are not copied.
    pub(crate) fn pop_message(&mut self) -> Option<Message> {
        let mut message = Message::new();
        loop {
            let (part, more) = self.pop_part()?;
            message.push_back(part);
            if !more {
                return Some(message);
            }
        }
    }

    fn pop_part(&mut self) -> Option<(Part, bool)> {
        self.drop_taken();
        let frame = match self.segments.front()? {
            Segment::Chunk(chunk) => chunk.get((self.boundary - self.base) as usize..)?,
            Segment::Payload(_) => return None,
        };
        let (more, len, body) = self.framing().split_header(frame)?;
        let header = (frame.len() - body.len()) as u64;
        if len < BY_REFERENCE {
            let part = Part::from(body.get(..len)?);
            self.boundary += header + len as u64;
            return Some((part, more));
        }
        self.boundary += header;
        self.drop_taken();
        let Segment::Payload(payload) = self.segments.pop_front()? else {
            return None;
        };
        self.boundary += payload.len() as u64;
        self.base = self.boundary;
        Some((Part::from(payload), more))
    }

    /// Gives the segments back that end before the boundary.
    fn drop_taken(&mut self) {
        while let Some(first) = self.segments.front() {
            let behind = self.base + first.bytes().len() as u64;
            if behind > self.boundary {
                return;
            }
            self.base = behind;
            if let Some(Segment::Chunk(chunk)) = self.segments.pop_front() {
                pool::give(chunk);
            }
        }
    }

    fn starting_at(at: u64, plain_below: usize) -> Self {
        Self {
            segments: VecDeque::new(),
            plain_below,
            base: at,
            boundary: at,
            written: at,
            cursor: (0, at),
            end: at,
        }
    }

    fn framing(&self) -> Framing {
        if self.plain_below == 0 {
            Framing::LengthFirst
        } else {
            Framing::FlagsFirst
        }
    }

    #[inline]
    fn push_part(&mut self, part: &Part, more: bool) {
        if part.len() >= self.plain_below {
            return self.push_other_part(part, more);
        }
        match self.segments.back_mut() {
            Some(Segment::Chunk(chunk)) if chunk.len() < CHUNK => {
                self.end += put_frame(chunk, more, part) as u64;
            }
            _ => {
                self.add_chunk();
                self.push_part(part, more);
            }
        }
    }

    /// A part that is large, or laid out as ZMTP 1.0 has it.
    fn push_other_part(&mut self, part: &Part, more: bool) {
        let framing = self.framing();
        let tail = self.tail();
        let before = tail.len();
        framing.put_header(tail, more, part.len());
        if part.len() < BY_REFERENCE {
            tail.extend_from_slice(part);
            self.end += (tail.len() - before) as u64;
            return;
        }
        self.end += (tail.len() - before + part.len()) as u64;
        let payload = part.clone().into_bytes();
        self.segments.push_back(Segment::Payload(payload));
    }

    /// The chunk that the next small frame goes to.
    #[expect(
        clippy::unreachable,
        reason = "the last segment is a chunk, or one was just added"
    )]
    fn tail(&mut self) -> &mut Vec<u8> {
        let fits =
            matches!(self.segments.back(), Some(Segment::Chunk(chunk)) if chunk.len() < CHUNK);
        if !fits {
            self.add_chunk();
        }
        match self.segments.back_mut() {
            Some(Segment::Chunk(chunk)) => chunk,
            _ => unreachable!("a chunk was pushed just above"),
        }
    }

    #[cold]
    fn add_chunk(&mut self) {
        self.segments.push_back(Segment::Chunk(pool::take()));
    }
}

#[cfg(test)]
mod tests;
