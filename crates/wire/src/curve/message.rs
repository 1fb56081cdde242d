//! MESSAGE: one frame of traffic in a box (RFC 26, "The MESSAGE Command").
//!
//! ```text
//!   frame header | 7 "MESSAGE" | number (8) | tag (16) | flags (1), body: hidden
//! ```
//!
//! Flags are MORE (bit 0) and, as all implementations have it since ZMTP 3.1 has commands in
//! traffic, COMMAND (bit 1). The frame around it is one of a message, without MORE.

use super::boxes::{BoxKey, StreamKey};
use super::{CLIENT_NONCE, SERVER_NONCE, TAG};
use crate::Violation;
use crate::encode::put_frame_header;
use crate::reader::Reader;
use crate::sealing::{Exhausted, Kind, Open, Opened, Seal};

const MESSAGE: &[u8; 8] = b"\x07MESSAGE";

/// From the beginning of the body to the hidden text.
const BEFORE: usize = MESSAGE.len() + 8 + TAG;

/// And to the frame's body in it.
const OVERHEAD: usize = BEFORE + 1;

const MORE: u8 = 0b01;
const COMMAND: u8 = 0b10;

/// Which side a box comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum From {
    Client,
    Server,
}

impl From {
    fn prefix(self) -> &'static [u8; 16] {
        match self {
            Self::Client => CLIENT_NONCE,
            Self::Server => SERVER_NONCE,
        }
    }
}

/// Makes the boxes of one side.
#[derive(Debug)]
pub(super) struct Sealer {
    key: StreamKey,
    /// The number of the last command.
    number: u64,
}

impl Sealer {
    pub(super) fn new(key: &BoxKey, from: From, number: u64) -> Self {
        let key = key.with_prefix(from.prefix());
        Self { key, number }
    }
}

#[cfg(test)]
impl Sealer {
    /// The number of the last command.
    pub(super) fn number(&self) -> u64 {
        self.number
    }
}

impl Seal for Sealer {
    fn seal(&mut self, kind: Kind, body: &[u8], out: &mut Vec<u8>) -> Result<(), Exhausted> {
        self.number = self.number.checked_add(1).ok_or(Exhausted)?;
        let number = self.number.to_be_bytes();
        let len = body.len().saturating_add(OVERHEAD);
        out.reserve(len.saturating_add(crate::HEADER_MAX));
        put_frame_header(out, false, len);
        out.extend_from_slice(MESSAGE);
        out.extend_from_slice(&number);
        let at = out.len();
        out.extend_from_slice(&[0; TAG]);
        out.push(match kind {
            Kind::Part { more } => u8::from(more) * MORE,
            Kind::Command => COMMAND,
        });
        out.extend_from_slice(body);
        let boxed = out.get_mut(at..).unwrap_or_default();
        if let Some((tag, text)) = boxed.split_first_chunk_mut::<TAG>() {
            *tag = self.key.seal(number, text);
        }
        Ok(())
    }
}

/// Opens the boxes of the other side.
#[derive(Debug)]
pub(super) struct Opener {
    key: StreamKey,
    /// The number of the peer's last command.
    number: u64,
}

impl Opener {
    pub(super) fn new(key: &BoxKey, from: From, number: u64) -> Self {
        let key = key.with_prefix(from.prefix());
        Self { key, number }
    }
}

impl Open for Opener {
    fn overhead(&self) -> u64 {
        OVERHEAD as u64
    }

    fn open(&mut self, body: &mut [u8]) -> Result<Opened, Violation> {
        let mut reader = Reader::new(body);
        if reader.take(MESSAGE.len()) != Some(MESSAGE) {
            return Err(Violation::UnexpectedCommand);
        }
        let number = reader.u64().ok_or(Violation::MalformedMessage)?;
        // One that is left out would be a message, or a part of one, that was taken away.
        if self.number.checked_add(1) != Some(number) {
            return Err(Violation::BadNonce);
        }
        let (head, text) = body
            .split_at_mut_checked(BEFORE)
            .ok_or(Violation::MalformedMessage)?;
        let tag = head.last_chunk().ok_or(Violation::MalformedMessage)?;
        if text.is_empty() {
            return Err(Violation::MalformedMessage);
        }
        self.key.open(number.to_be_bytes(), tag, text)?;
        self.number = number;
        let kind = match text.first() {
            Some(&COMMAND) => Kind::Command,
            Some(&flags) if flags & !MORE == 0 => Kind::Part { more: flags != 0 },
            _ => return Err(Violation::ReservedFlags),
        };
        let body = OVERHEAD..body.len();
        Ok(Opened { kind, body })
    }
}
