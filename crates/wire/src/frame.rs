//! The header of a frame: flags and length (RFC 37, "Framing").

use crate::Violation;
use crate::reader::Reader;

/// More frames of the same message follow.
pub(crate) const MORE: u8 = 0b001;
/// The length has eight octets.
pub(crate) const LONG: u8 = 0b010;
/// The frame is a command.
pub(crate) const COMMAND: u8 = 0b100;

const RESERVED: u8 = !(MORE | LONG | COMMAND);
const TOP_BIT: u64 = 1 << 63;

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
        let mut reader = Reader::new(input);
        let Some(flags) = reader.u8() else {
            return Ok(None);
        };
        if flags & RESERVED != 0 {
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
}
