//! Frames with boxes in them: each is opened, and what was in it is read as a frame.

use bytes::Bytes;

use super::{Boxes, Decoder, Incoming, LARGE, Large, Step, command};
use crate::frame::FrameHeader;
use crate::sealing::{Kind, Opened};
use crate::{Part, Violation};

/// What is kept between two reads: enough for small messages.
const KEPT: usize = 2 * 1024;

impl Boxes {
    /// Gives memory back: a connection that is idle holds little.
    pub(super) fn relax(&mut self) {
        if self.scratch.capacity() > KEPT {
            self.scratch = Vec::new();
        }
    }
}

impl Decoder {
    /// What is kept to open boxes in, in bytes.
    #[cfg(test)]
    pub(crate) fn room_for_boxes(&self) -> usize {
        self.boxes
            .as_ref()
            .map_or(0, |boxes| boxes.scratch.capacity())
    }

    /// One frame, or the end of one taken over.
    pub(super) fn boxed_step(
        &mut self,
        input: &mut &[u8],
        sink: &mut impl Extend<Incoming>,
    ) -> Result<Step, Violation> {
        if let Some(large) = self.large.take() {
            return self.resume_box(large, input, sink);
        }
        let Some((header, behind)) = FrameHeader::parse(input)? else {
            return Ok(Step::Wait);
        };
        self.check_box(header)?;
        let whole = usize::try_from(header.len).ok();
        if let Some((body, behind)) = whole.and_then(|len| behind.split_at_checked(len)) {
            *input = behind;
            return self.small_box(body, sink);
        }
        if header.len < LARGE as u64 {
            return Ok(Step::Wait);
        }
        *input = behind;
        let buffer = Vec::new();
        self.resume_box(Large { header, buffer }, input, sink)
    }

    /// A box that is there as a whole: opened in a buffer that is used again.
    fn small_box(
        &mut self,
        body: &[u8],
        sink: &mut impl Extend<Incoming>,
    ) -> Result<Step, Violation> {
        let Some(mut boxes) = self.boxes.take() else {
            return Err(Violation::BoxNotOpened);
        };
        let mut scratch = std::mem::take(&mut boxes.scratch);
        scratch.clear();
        scratch.extend_from_slice(body);
        let opened = boxes.opener.open(&mut scratch);
        let step = opened.and_then(|opened| {
            let text = scratch.get(opened.body.clone()).unwrap_or_default();
            self.opened(&opened, text, sink, || Part::copy_from(text))
        });
        boxes.scratch = scratch;
        self.boxes = Some(boxes);
        step
    }

    /// Goes on with a box that has been taken over, and opens it where it lies.
    fn resume_box(
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
        let boxes = self.boxes.as_mut().ok_or(Violation::BoxNotOpened)?;
        let opened = boxes.opener.open(&mut large.buffer)?;
        let body = opened.body.clone();
        let buffer = Bytes::from(large.buffer);
        let text = buffer.get(body.clone()).unwrap_or_default();
        self.opened(&opened, text, sink, || Part::from(buffer.slice(body)))
    }

    /// What was in a box goes where a frame's body goes.
    fn opened(
        &mut self,
        opened: &Opened,
        text: &[u8],
        sink: &mut impl Extend<Incoming>,
        part: impl FnOnce() -> Part,
    ) -> Result<Step, Violation> {
        let (more, is_command) = match opened.kind {
            Kind::Part { more } => (more, false),
            Kind::Command => (false, true),
        };
        self.check(FrameHeader {
            more,
            command: is_command,
            len: text.len() as u64,
        })?;
        if is_command {
            command(text, sink)
        } else {
            Ok(self.accept(more, part(), sink))
        }
    }

    /// Refuses a frame that can be nothing that is allowed: in a box may be a part or a command.
    ///
    /// What its flags say is not proven, and so means nothing: MORE and COMMAND are in the box.
    /// Some peers (omq) set MORE outside as well, and libzmq ignores it likewise.
    fn check_box(&self, header: FrameHeader) -> Result<(), Violation> {
        let overhead = self
            .boxes
            .as_ref()
            .map_or(0, |boxes| boxes.opener.overhead());
        let len = header.len.saturating_sub(overhead);
        let fits_command = len <= self.limits.max_command as u64;
        match self.limits.max_message_size {
            Some(max) if len > max && !fits_command => Err(Violation::FrameTooLarge),
            _ => Ok(()),
        }
    }
}
