//! The header of a frame: flags and length (RFC 37, "Framing"; RFC 15, "Framing"), or length and
//! flags (RFC 13, "The Framing Layer").

use crate::Violation;
use crate::encode::put_frame_header;
use crate::reader::Reader;
use crate::sealing::Kind;

/// More frames of the same message follow.
pub(crate) const MORE: u8 = 0b001;
/// The length has eight octets.
pub(crate) const LONG: u8 = 0b010;
/// The frame is a command.
pub(crate) const COMMAND: u8 = 0b100;

/// Flags that have no meaning yet.
pub(crate) const RESERVED: u8 = !(MORE | LONG | COMMAND);
const TOP_BIT: u64 = 1 << 63;

/// The length of a frame of ZMTP 1.0 is in the eight octets behind this one.
const LONG_1_0: u8 = 0xFF;

/// How the headers of message frames are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// Flags, then the length of the body: ZMTP 2.0 and all later versions.
    FlagsFirst,
    /// The length of flags and body, then the flags: ZMTP 1.0.
    LengthFirst,
}

impl Framing {
    /// Appends the header of a message frame whose body has `len` bytes.
    ///
    /// `more` tells that further parts of the same message follow.
    pub fn put_header(self, out: &mut Vec<u8>, more: bool, len: usize) {
        match self {
            Self::FlagsFirst => put_frame_header(out, more, len),
            Self::LengthFirst => put_header_1_0(out, more, len),
        }
    }

    /// Reads back what [`put_header`](Self::put_header) has written at the front of `frame`:
    /// whether more parts follow, the length of the body, and what is behind the header. `None`:
    /// that is not there.
    pub fn split_header(self, mut frame: &[u8]) -> Option<(bool, usize, &[u8])> {
        let (header, body) = match self {
            Self::FlagsFirst => FrameHeader::parse(frame).ok()??,
            Self::LengthFirst => FrameHeader::parse_1_0(&mut frame).ok()??,
        };
        Some((header.more, usize::try_from(header.len).ok()?, body))
    }
}

impl Framing {
    /// What the frame at the front of `bytes` is, the length of its body, and what is behind its
    /// header. (From ZMTP 2.0 on.) `None`: no header is there.
    pub fn split(bytes: &[u8]) -> Option<(Kind, usize, &[u8])> {
        let (header, behind) = FrameHeader::parse(bytes).ok()??;
        let kind = match header.command {
            true => Kind::Command,
            false => Kind::Part { more: header.more },
        };
        Some((kind, usize::try_from(header.len).ok()?, behind))
    }
}

fn put_header_1_0(out: &mut Vec<u8>, more: bool, len: usize) {
    let len = (len as u64).saturating_add(1);
    match u8::try_from(len) {
        Ok(len) if len != LONG_1_0 => out.push(len),
        _ => {
            out.push(LONG_1_0);
            out.extend_from_slice(&len.to_be_bytes());
        }
    }
    out.push(u8::from(more));
}

/// A frame's header, its flags checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FrameHeader {
    pub(crate) more: bool,
    pub(crate) command: bool,
    /// The length of the body, below 2^63.
    pub(crate) len: u64,
}

impl FrameHeader {
    /// Reads the header at the front of `input`; gives what is behind it as well. `None`: not whole
    /// yet. Bad flags are refused without waiting for the length.
    #[inline]
    pub(crate) fn parse(input: &[u8]) -> Result<Option<(Self, &[u8])>, Violation> {
        Self::parse_without(RESERVED, input)
    }

    /// The same; these are the flags that are refused.
    #[inline]
    pub(crate) fn parse_without(
        reserved: u8,
        input: &[u8],
    ) -> Result<Option<(Self, &[u8])>, Violation> {
        let mut reader = Reader::new(input);
        let Some(flags) = reader.u8() else {
            return Ok(None);
        };
        if flags & reserved != 0 {
            return Err(Violation::ReservedFlags);
        }
        if flags & (MORE | COMMAND) == MORE | COMMAND {
            return Err(Violation::MoreOnCommand);
        }
        let len = if flags & LONG == 0 {
            reader.u8().map(u64::from)
        } else {
            reader.u64()
        };
        let Some(len) = len else { return Ok(None) };
        if len & TOP_BIT != 0 {
            return Err(Violation::FrameLengthTopBit);
        }
        let header = Self {
            more: flags & MORE != 0,
            command: flags & COMMAND != 0,
            len,
        };
        Ok(Some((header, reader.rest())))
    }

    /// The same for a peer of ZMTP 1.0. Reserved flags should be zero, and are not looked at.
    /// Frames of length zero, which have no flags and are to be discarded, are taken from `input`.
    pub(crate) fn parse_1_0<'a>(
        input: &mut &'a [u8],
    ) -> Result<Option<(Self, &'a [u8])>, Violation> {
        while let [0, rest @ ..] | [LONG_1_0, 0, 0, 0, 0, 0, 0, 0, 0, rest @ ..] = *input {
            *input = rest;
        }
        let mut reader = Reader::new(input);
        let len = match reader.u8() {
            Some(LONG_1_0) => reader.u64(),
            short => short.map(u64::from),
        };
        let Some(len) = len else { return Ok(None) };
        let len = len.saturating_sub(1);
        if len & TOP_BIT != 0 {
            return Err(Violation::FrameLengthTopBit);
        }
        let header = |flags: u8| Self {
            more: flags & MORE != 0,
            command: false,
            len,
        };
        Ok(reader.u8().map(|flags| (header(flags), reader.rest())))
    }
}

#[cfg(test)]
mod tests;
