//! What is written to a connection whose mechanism hides it: boxes, made of the rope's plaintext
//! frames when there is place for them in the kernel.
//!
//! Boxes are made a batch at a time by the holder of the writer's token, commands first, each of a
//! whole frame. A frame counts as written when the last byte of its box is; so what is left after a
//! connection was lost is still plaintext, and the next connection makes boxes of its own.

use std::collections::VecDeque;

use ferromq_wire::{Exhausted, Framing, Kind, Seal};

use crate::pool;
use crate::rope::Rope;

/// Plaintext made into boxes at a time, in bytes, unless one frame alone is larger.
const BATCH: usize = 64 * 1024;

/// The boxes of one connection.
#[derive(Debug)]
pub(crate) struct Sealed {
    sealer: Box<dyn Seal>,
    /// Boxes, of which the first `at` bytes are with the kernel.
    bytes: Vec<u8>,
    at: usize,
    /// Of each box that is not: where it ends, and what it stands for.
    boxes: VecDeque<(usize, Plain)>,
}

/// Plaintext that is in boxes, in bytes: of commands, and of messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Plain {
    pub(crate) control: usize,
    pub(crate) messages: usize,
}

impl Sealed {
    /// No boxes yet.
    pub(crate) fn new(sealer: Box<dyn Seal>) -> Self {
        Self {
            sealer,
            bytes: Vec::new(),
            at: 0,
            boxes: VecDeque::new(),
        }
    }

    /// True if every box that was made is with the kernel.
    pub(crate) fn is_empty(&self) -> bool {
        self.at == self.bytes.len()
    }

    /// What is to be written.
    pub(crate) fn unwritten(&self) -> &[u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// Makes boxes, if there are none: of whole commands, then of the rope's next frames, of which
    /// `limit` bytes at most.
    pub(crate) fn fill(
        &mut self,
        control: &[u8],
        rope: &Rope,
        limit: u64,
    ) -> Result<(), Exhausted> {
        if !self.is_empty() {
            return Ok(());
        }
        self.at = 0;
        self.bytes = pool::take();
        let mut rest = control;
        while let Some(frame) = split_frame(rest) {
            rest = frame.behind;
            let control = frame.len;
            let plain = Plain {
                control,
                ..Plain::default()
            };
            self.seal(frame.kind, frame.body, plain)?;
        }
        let mut messages = 0;
        for (more, body, len) in rope.frames() {
            messages += len;
            if messages as u64 > limit {
                break;
            }
            let plain = Plain {
                messages: len,
                ..Plain::default()
            };
            self.seal(Kind::Part { more }, body, plain)?;
            if messages >= BATCH {
                break;
            }
        }
        Ok(())
    }

    /// The kernel took so many bytes. Returns what has gone with them, as plaintext.
    pub(crate) fn advance(&mut self, taken: usize) -> Plain {
        self.at += taken;
        let mut gone = Plain::default();
        while let Some(&(end, plain)) = self.boxes.front()
            && end <= self.at
        {
            gone.control += plain.control;
            gone.messages += plain.messages;
            self.boxes.pop_front();
        }
        if self.is_empty() {
            self.at = 0;
            pool::give(std::mem::take(&mut self.bytes));
        }
        gone
    }

    fn seal(&mut self, kind: Kind, body: &[u8], plain: Plain) -> Result<(), Exhausted> {
        self.sealer.seal(kind, body, &mut self.bytes)?;
        self.boxes.push_back((self.bytes.len(), plain));
        Ok(())
    }
}

/// A frame at the front of some bytes.
struct Frame<'a> {
    kind: Kind,
    body: &'a [u8],
    len: usize,
    behind: &'a [u8],
}

/// The bytes are those of an encoder: whole frames.
fn split_frame(bytes: &[u8]) -> Option<Frame<'_>> {
    let (kind, len, behind) = Framing::split(bytes)?;
    let (body, behind) = behind.split_at_checked(len)?;
    Some(Frame {
        kind,
        body,
        len: bytes.len() - behind.len(),
        behind,
    })
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use ferromq_wire::{Bytes, Command, Encoder, Message, V3_1};

    use super::*;

    /// Boxes that can be looked into: a byte for the kind, then the body, then a byte that counts.
    #[derive(Debug)]
    struct Glass(u8);

    impl Seal for Glass {
        fn seal(&mut self, kind: Kind, body: &[u8], out: &mut Vec<u8>) -> Result<(), Exhausted> {
            self.0 = self.0.checked_add(1).ok_or(Exhausted)?;
            out.push(match kind {
                Kind::Part { more: false } => b'.',
                Kind::Part { more: true } => b'+',
                Kind::Command => b'!',
            });
            out.extend_from_slice(body);
            out.push(b'0' + self.0);
            Ok(())
        }
    }

    fn rope(messages: &[Message]) -> Rope {
        let mut rope = Rope::default();
        for message in messages {
            rope.push_message(&[], message, 0);
        }
        rope
    }

    fn control() -> Vec<u8> {
        let mut control = Vec::new();
        let command = Command::Subscribe(Bytes::from_static(b"a"));
        Encoder::new(V3_1).encode_command(&command, &mut control);
        control
    }

    #[test]
    fn commands_come_first_and_each_box_counts_when_it_is_whole() {
        let mut sealed = Sealed::new(Box::new(Glass(0)));
        let rope = rope(&[Message::from(["ab", "c"]), Message::from("d")]);
        let control = control();
        sealed.fill(&control, &rope, u64::MAX).unwrap();
        assert_eq!(sealed.unwritten(), b"!\x09SUBSCRIBEa1+ab2.c3.d4");
        assert_eq!(sealed.advance(12), Plain::default());
        let plain = |control, messages| Plain { control, messages };
        assert_eq!(sealed.advance(1), plain(control.len(), 0));
        assert_eq!(sealed.advance(6), plain(0, 4));
        assert_eq!(sealed.advance(4), plain(0, 3 + 3));
        assert!(sealed.is_empty());
    }

    #[test]
    fn batch_ends_at_the_limit_and_the_next_one_goes_on() {
        let mut sealed = Sealed::new(Box::new(Glass(0)));
        let mut rope = rope(&[
            Message::from("a"),
            Message::from(vec![b'x'; 5_000]),
            "b".into(),
        ]);
        sealed.fill(&[], &rope, 3).unwrap();
        assert_eq!(sealed.unwritten(), b".a1");
        sealed.fill(&[], &rope, u64::MAX).unwrap();
        assert_eq!(sealed.unwritten(), b".a1", "one batch after the other");
        rope.advance(sealed.advance(3).messages as u64);
        sealed.fill(&[], &rope, u64::MAX).unwrap();
        assert_eq!(sealed.unwritten().len(), 5_002 + 3);
        assert_eq!(sealed.unwritten()[5_002..], *b".b3");
    }

    #[test]
    fn frames_sent_before_are_made_into_boxes_again() {
        let mut rope = rope(&[Message::from(["ab", "c"])]);
        let mut first = Sealed::new(Box::new(Glass(0)));
        first.fill(&[], &rope, u64::MAX).unwrap();
        rope.advance(first.advance(4).messages as u64);
        rope.rewind();
        let mut second = Sealed::new(Box::new(Glass(5)));
        second.fill(&[], &rope, u64::MAX).unwrap();
        assert_eq!(second.unwritten(), b"+ab6.c7");
    }

    #[test]
    fn connection_without_boxes_left_says_so() {
        let mut sealed = Sealed::new(Box::new(Glass(u8::MAX)));
        let rope = rope(&[Message::from("a")]);
        assert_eq!(sealed.fill(&[], &rope, u64::MAX), Err(Exhausted));
    }
}
