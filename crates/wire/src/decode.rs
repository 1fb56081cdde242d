//! Frames in, messages and commands out.
//!
//! ```text
//!   input ──► header ──► body whole? ── yes ──► part or command ──► last part? ──► sink
//!                             │ no, below LARGE: left in input, to come again with more behind it
//!                             └ no, LARGE or more: taken over into a buffer that grows with it
//! ```
//!
//! Invariants: a header's limits are checked before its body is waited for; what is announced is
//! never reserved; while a body is taken over there is no other input before its end.

mod boxed;
mod bundle;

pub use self::bundle::{Bundle, Measured};

use crate::frame::{COMMAND, FrameHeader, RESERVED};
use crate::version::{V2_0, V3_0, V3_1, Version};
use crate::{Command, Limits, Message, Open, Part, Violation};

/// From this length on, in bytes, an incomplete body is read into a buffer of its own.
pub const LARGE: usize = 64 * 1024;

/// The least that a taken-over body's buffer grows by, in bytes, unless less is missing.
const GROWTH_MIN: usize = 16 * 1024;

/// How many times what has arrived it may have room for. Each time that it grows it is moved, or
/// the system maps new pages behind it: doubling, a body of 256 KiB took 1.7 times as long.
const GROWTH: usize = 4;

/// What a peer sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Incoming {
    /// A whole message.
    Message(Message),
    /// A command.
    Command(Command),
    /// Messages that are not taken apart yet. [`Decoder::decode`] gives none.
    Bundle(Bundle),
}

impl Incoming {
    /// How many messages these are.
    pub fn messages(&self) -> usize {
        match self {
            Self::Message(_) => 1,
            Self::Command(_) => 0,
            Self::Bundle(bundle) => bundle.len(),
        }
    }
}

/// Reads the traffic of one connection, after the handshake.
///
/// # Examples
///
/// ```
/// use ferromq_wire::{Decoder, Incoming, Limits, Message};
///
/// let mut decoder = Decoder::new(Limits::default());
/// let mut input: &[u8] = b"\x01\x01a\x00\x01b\x00\x05unfi";
/// let mut incoming = Vec::new();
/// let messages = decoder.decode(&mut input, 1_000, &mut incoming)?;
/// assert_eq!(messages, 1);
/// assert_eq!(incoming, [Incoming::Message(Message::from(["a", "b"]))]);
/// assert_eq!(input, b"\x00\x05unfi");
/// # Ok::<(), ferromq_wire::Violation>(())
/// ```
#[derive(Debug)]
pub struct Decoder {
    /// What the frames look like.
    layout: Layout,
    /// Flags that the peer must not set.
    reserved: u8,
    limits: Limits,
    /// The parts so far of an unfinished message.
    held: Message,
    /// The sum of their lengths.
    held_size: u64,
    /// A body that has been taken over.
    large: Option<Large>,
    /// What opens boxes.
    boxes: Option<Box<Boxes>>,
}

/// What the frames of a connection look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layout {
    /// As ZMTP 2.0 and all later versions have them.
    Plain,
    /// The peer is of ZMTP 1.0: lengths come first.
    LengthFirst,
    /// In each frame is a box with another one.
    Boxed,
}

/// What opens boxes, and where.
#[derive(Debug)]
struct Boxes {
    opener: Box<dyn Open>,
    scratch: Vec<u8>,
}

impl Decoder {
    /// A decoder at the beginning of the traffic of a peer of ZMTP 3.x.
    pub fn new(limits: Limits) -> Self {
        Self::for_peer(V3_1, limits)
    }

    /// A decoder at the beginning of the traffic of a peer of this version.
    pub fn for_peer(peer: Version, limits: Limits) -> Self {
        Self {
            layout: if peer < V2_0 {
                Layout::LengthFirst
            } else {
                Layout::Plain
            },
            reserved: if peer < V3_0 {
                RESERVED | COMMAND
            } else {
                RESERVED
            },
            limits,
            held: Message::new(),
            held_size: 0,
            large: None,
            boxes: None,
        }
    }

    /// The same for a peer whose every frame is a box.
    pub fn opening(mut self, opener: Box<dyn Open>) -> Self {
        let scratch = Vec::new();
        self.layout = Layout::Boxed;
        self.boxes = Some(Box::new(Boxes { opener, scratch }));
        self
    }

    /// Takes whole frames from the front of `input` and gives what they make up to `sink`, in
    /// order.
    ///
    /// Stops when `room` messages are complete, or when the rest is an incomplete frame. That rest
    /// stays in `input`: the caller keeps it and passes it again with more behind it. Frames of
    /// [`LARGE`] bytes and more are the exception: their beginning is taken over, and
    /// [`body`](Self::body) tells where the rest of them is to go. Parts of an unfinished message
    /// are kept inside. Returns the number of messages completed.
    ///
    /// # Errors
    ///
    /// Any [`Violation`] of framing, limits or commands. What came before it has been given to
    /// `sink`; the decoder must not be used further.
    pub fn decode(
        &mut self,
        input: &mut &[u8],
        room: usize,
        sink: &mut impl Extend<Incoming>,
    ) -> Result<usize, Violation> {
        if self.layout != Layout::Plain {
            return self.decode_other(input, room, sink);
        }
        let mut done: usize = 0;
        while done < room {
            if !self.is_mid_message() {
                done = done.saturating_add(self.burst(input, room.saturating_sub(done), sink));
                if done >= room {
                    break;
                }
            }
            match self.step(input, sink)? {
                Step::Message => done = done.saturating_add(1),
                Step::Other => {}
                Step::Wait => break,
            }
        }
        Ok(done)
    }

    /// [`decode`](Self::decode) for a peer of ZMTP 1.0, or one with boxes, apart so that others pay
    /// nothing for it.
    #[cold]
    fn decode_other(
        &mut self,
        input: &mut &[u8],
        room: usize,
        sink: &mut impl Extend<Incoming>,
    ) -> Result<usize, Violation> {
        let mut done: usize = 0;
        while done < room {
            let step = match self.layout {
                Layout::Boxed => self.boxed_step(input, sink)?,
                _ => self.step_1_0(input, sink)?,
            };
            match step {
                Step::Message => done = done.saturating_add(1),
                Step::Other => {}
                Step::Wait => break,
            }
        }
        if let Some(boxes) = &mut self.boxes {
            boxes.relax();
        }
        Ok(done)
    }

    fn step_1_0(
        &mut self,
        input: &mut &[u8],
        sink: &mut impl Extend<Incoming>,
    ) -> Result<Step, Violation> {
        if let Some(large) = self.large.take() {
            return self.resume(large, input, sink);
        }
        match FrameHeader::parse_1_0(input)? {
            Some((header, behind)) => self.frame(header, behind, input, sink),
            None => Ok(Step::Wait),
        }
    }

    /// Where the rest of a large body is to go, if one is under way.
    ///
    /// The caller may append at most `missing` bytes to `buffer`, within its spare capacity, which
    /// is at least one byte; then it calls [`decode`](Self::decode) again, with empty input.
    /// Passing the bytes as input works as well. `None` also if the body is whole and waits for
    /// `decode`.
    pub fn body(&mut self) -> Option<Body<'_>> {
        let large = self.large.as_mut().filter(|large| large.missing() != 0)?;
        large.reserve(1);
        Some(Body {
            missing: large.missing(),
            buffer: &mut large.buffer,
        })
    }

    /// True if parts of an unfinished message, or of a large frame, are held.
    #[inline]
    pub fn is_mid_message(&self) -> bool {
        self.large.is_some() || !self.held.is_empty()
    }

    /// The fast path: short messages of one part, as long as a block of fixed size can be copied.
    #[inline]
    fn burst(&self, input: &mut &[u8], room: usize, sink: &mut impl Extend<Incoming>) -> usize {
        let most = self.limits.max_message_size.unwrap_or(u64::MAX);
        let mut rest = *input;
        let mut done: usize = 0;
        sink.extend(std::iter::from_fn(|| {
            let (len, message) = Message::of_short_frame(rest)?;
            if done == room || u64::from(len) > most {
                return None;
            }
            rest = rest.get(usize::from(len).saturating_add(2)..)?;
            done = done.saturating_add(1);
            Some(Incoming::Message(message))
        }));
        *input = rest;
        done
    }

    /// One frame, or the end of one taken over.
    fn step(
        &mut self,
        input: &mut &[u8],
        sink: &mut impl Extend<Incoming>,
    ) -> Result<Step, Violation> {
        if let Some(large) = self.large.take() {
            return self.resume(large, input, sink);
        }
        match FrameHeader::parse_without(self.reserved, input)? {
            Some((header, behind)) => self.frame(header, behind, input, sink),
            None => Ok(Step::Wait),
        }
    }

    /// A frame with this header, and `behind` it its body as far as it is there. (A call costs 20
    /// instructions, a hundredth of a message of 1 KiB.)
    #[inline(always)]
    fn frame<'a>(
        &mut self,
        header: FrameHeader,
        behind: &'a [u8],
        input: &mut &'a [u8],
        sink: &mut impl Extend<Incoming>,
    ) -> Result<Step, Violation> {
        self.check(header)?;
        let whole = usize::try_from(header.len).ok();
        if let Some((body, behind)) = whole.and_then(|len| behind.split_at_checked(len)) {
            *input = behind;
            return if header.command {
                command(body, sink)
            } else {
                Ok(self.accept(header.more, Part::copy_from(body), sink))
            };
        }
        if header.len < LARGE as u64 {
            return Ok(Step::Wait);
        }
        *input = behind;
        let buffer = Vec::new();
        self.resume(Large { header, buffer }, input, sink)
    }

    /// Goes on with a body that has been taken over.
    fn resume(
        &mut self,
        mut large: Large,
        input: &mut &[u8],
        sink: &mut impl Extend<Incoming>,
    ) -> Result<Step, Violation> {
        large.fill(input);
        if large.missing() != 0 {
            self.large = Some(large);
            return Ok(Step::Wait);
        }
        if large.header.command {
            command(&large.buffer, sink)
        } else {
            Ok(self.accept(large.header.more, Part::from(large.buffer), sink))
        }
    }

    /// Refuses a frame by its header if it would go over a limit.
    fn check(&self, header: FrameHeader) -> Result<(), Violation> {
        if header.command {
            let fits = header.len <= self.limits.max_command as u64;
            return if fits {
                Ok(())
            } else {
                Err(Violation::CommandTooLarge)
            };
        }
        if self.held.len() >= self.limits.max_parts {
            return Err(Violation::TooManyParts);
        }
        match self.limits.max_message_size {
            Some(max) if header.len > max => Err(Violation::FrameTooLarge),
            Some(max) if self.held_size.saturating_add(header.len) > max => {
                Err(Violation::MessageTooLarge)
            }
            _ => Ok(()),
        }
    }

    /// Takes a part; the last one completes the message.
    fn accept(&mut self, more: bool, part: Part, sink: &mut impl Extend<Incoming>) -> Step {
        if more {
            self.held_size = self.held_size.saturating_add(part.len() as u64);
            self.held.push_back(part);
            return Step::Other;
        }
        let message = if self.held.is_empty() {
            Message::one(part)
        } else {
            self.held.push_back(part);
            self.held_size = 0;
            std::mem::take(&mut self.held)
        };
        sink.extend([Incoming::Message(message)]);
        Step::Message
    }
}

/// The rest of a large body: where it is to be read to, and how much of it.
#[derive(Debug)]
pub struct Body<'a> {
    /// What has arrived; has spare capacity.
    pub buffer: &'a mut Vec<u8>,
    /// How many bytes are missing, at least one. May be far more than the spare capacity.
    pub missing: u64,
}

/// A body of [`LARGE`] bytes or more that has not arrived as a whole.
#[derive(Debug)]
struct Large {
    header: FrameHeader,
    buffer: Vec<u8>,
}

impl Large {
    /// Takes from the input what belongs to the body.
    fn fill(&mut self, input: &mut &[u8]) {
        let most = usize::try_from(self.missing()).unwrap_or(usize::MAX);
        let (body, rest) = input.split_at_checked(most).unwrap_or((input, &[]));
        self.reserve(body.len());
        self.buffer.extend_from_slice(body);
        *input = rest;
    }

    /// Makes room for `arrived` bytes, and for [`GROWTH`] times what is there then, but never
    /// beyond the end of the body. The last step may be one and a half as wide, lest everything be
    /// moved once more for the few bytes by which the first read, with the header in it, fell
    /// short.
    fn reserve(&mut self, arrived: usize) {
        let len = self.buffer.len();
        if self.buffer.capacity().saturating_sub(len) < arrived {
            let most = usize::try_from(self.missing()).unwrap_or(usize::MAX);
            let there = len.saturating_add(arrived);
            let step = there
                .saturating_mul(GROWTH)
                .saturating_sub(len)
                .max(GROWTH_MIN);
            let is_last = most <= step.saturating_add(step / 2);
            self.buffer.reserve_exact(if is_last { most } else { step });
        }
    }

    fn missing(&self) -> u64 {
        debug_assert!(
            self.buffer.len() as u64 <= self.header.len,
            "filled beyond the body's end"
        );
        self.header.len.saturating_sub(self.buffer.len() as u64)
    }
}

/// What one frame led to.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// A message is complete.
    Message,
    /// A part that is not the last, or a command.
    Other,
    /// The frame is not whole.
    Wait,
}

fn command(body: &[u8], sink: &mut impl Extend<Incoming>) -> Result<Step, Violation> {
    if let Some(command) = Command::parse(body)? {
        sink.extend([Incoming::Command(command)]);
    }
    Ok(Step::Other)
}

#[cfg(test)]
mod tests;
