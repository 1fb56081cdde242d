//! What is sent: frame headers, messages, commands.
//!
//! Lengths are always written in their shortest form. To peers of ZMTP 3.0 and 2.0, which have no
//! commands in their traffic, subscriptions go as messages (RFC 23, RFC 15). To one of ZMTP 1.0
//! nothing but messages is sent: its subscribers are silent (RFC 13, "Broadcast Content").

use std::time::Duration;

use crate::frame::{COMMAND, Framing, LONG, MORE};
use crate::version::{V2_0, V3_0, V3_1, Version};
use crate::{Command, Message, Part};

/// The longest header of a frame, in bytes; from ZMTP 2.0 on.
pub const HEADER_MAX: usize = 9;

/// Appends the message frame of a part, and gives its length in bytes.
///
/// `more` tells that further parts of the same message follow.
#[inline]
pub fn put_frame(out: &mut Vec<u8>, more: bool, part: &Part) -> usize {
    let before = out.len();
    if let Some((block, len)) = part.as_block() {
        let flags = if more { MORE } else { 0 };
        out.extend_from_slice(&[flags, len]);
        out.extend_from_slice(block);
        let behind = before.saturating_add(2).saturating_add(usize::from(len));
        out.truncate(behind);
    } else {
        put_frame_header(out, more, part.len());
        out.extend_from_slice(part);
    }
    out.len().saturating_sub(before)
}

/// Appends the header of a message frame whose body has `len` bytes.
///
/// `more` tells that further parts of the same message follow.
#[inline]
pub(crate) fn put_frame_header(out: &mut Vec<u8>, more: bool, len: usize) {
    put_header(out, if more { MORE } else { 0 }, len);
}

/// Appends all frames of a message. Nothing for a message of no parts.
pub fn put_message(out: &mut Vec<u8>, message: &Message) {
    let mut parts = message.iter();
    while let Some(part) = parts.next() {
        put_frame(out, parts.len() != 0, part);
    }
}

/// Writes messages and commands in the form that the peer's version understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Encoder {
    peer: Version,
}

impl Encoder {
    /// An encoder for a peer of this version.
    pub const fn new(peer: Version) -> Self {
        Self { peer }
    }

    /// Appends all frames of a message. Nothing for a message of no parts.
    pub fn encode_message(&self, message: &Message, out: &mut Vec<u8>) {
        let framing = self.framing();
        let mut parts = message.iter();
        while let Some(part) = parts.next() {
            framing.put_header(out, parts.len() != 0, part.len());
            out.extend_from_slice(part);
        }
    }

    /// Appends a command.
    ///
    /// To a peer of ZMTP 3.0 or 2.0, SUBSCRIBE and CANCEL are written as message frames of the
    /// octet 1 or 0 and the topic. Such a frame must not go between the parts of a message; nor
    /// must a command. Nothing is written of what a peer below 3.0 does not have, and to one of
    /// ZMTP 1.0 nothing at all.
    pub fn encode_command(&self, command: &Command, out: &mut Vec<u8>) {
        match command {
            _ if self.peer < V2_0 => {}
            Command::Subscribe(topic) if !self.has_traffic_commands() => put_legacy(out, 1, topic),
            Command::Cancel(topic) if !self.has_traffic_commands() => put_legacy(out, 0, topic),
            _ if self.peer < V3_0 => {}
            Command::Subscribe(data) | Command::Cancel(data) => {
                put_command(out, command.name(), &[data]);
            }
            Command::Ping { ttl, context } => {
                let context = at_most(context, Command::MAX_CONTEXT);
                put_command(out, command.name(), &[&tenths(*ttl).to_be_bytes(), context]);
            }
            Command::Pong { context } => {
                let context = at_most(context, Command::MAX_CONTEXT);
                put_command(out, command.name(), &[context]);
            }
            Command::Error { reason } => put_error(out, reason),
        }
    }

    /// True if the peer knows SUBSCRIBE, CANCEL, PING and PONG: it speaks ZMTP 3.1 or later.
    ///
    /// A PING to another peer is ignored at best and will not be answered.
    pub fn has_traffic_commands(&self) -> bool {
        self.peer >= V3_1
    }

    /// How the peer's frames are laid out.
    pub fn framing(&self) -> Framing {
        if self.peer < V2_0 {
            Framing::LengthFirst
        } else {
            Framing::FlagsFirst
        }
    }

    /// The peer's version.
    pub const fn peer_version(&self) -> Version {
        self.peer
    }
}

/// Appends a command frame: the name, then all of `data`.
pub(crate) fn put_command(out: &mut Vec<u8>, name: &str, data: &[&[u8]]) {
    let name = at_most(name.as_bytes(), 255);
    let len = data
        .iter()
        .fold(name.len(), |sum, data| sum.saturating_add(data.len()));
    put_header(out, COMMAND, len.saturating_add(1));
    put_short_string(out, name);
    data.iter().for_each(|data| out.extend_from_slice(data));
}

/// Appends an ERROR command with the first 255 bytes of the reason.
pub(crate) fn put_error(out: &mut Vec<u8>, reason: &[u8]) {
    let reason = at_most(reason, 255);
    put_command(out, "ERROR", &[&[octet(reason.len())], reason]);
}

/// Appends at most 255 bytes, with their length in one octet before them.
pub(crate) fn put_short_string(out: &mut Vec<u8>, bytes: &[u8]) {
    let bytes = at_most(bytes, 255);
    out.push(octet(bytes.len()));
    out.extend_from_slice(bytes);
}

/// A subscription as ZMTP 3.0 has it. The first octet counts as part of the body.
fn put_legacy(out: &mut Vec<u8>, first: u8, topic: &[u8]) {
    put_frame_header(out, false, topic.len().saturating_add(1));
    out.push(first);
    out.extend_from_slice(topic);
}

#[inline]
fn put_header(out: &mut Vec<u8>, flags: u8, len: usize) {
    if let Ok(len) = u8::try_from(len) {
        out.extend_from_slice(&[flags, len]);
    } else {
        let [a, b, c, d, e, f, g, h] = (len as u64).to_be_bytes();
        out.extend_from_slice(&[flags | LONG, a, b, c, d, e, f, g, h]);
    }
}

/// Tenths of a second, rounded up, as far as two octets go.
fn tenths(ttl: Duration) -> u16 {
    u16::try_from(ttl.as_millis().div_ceil(100)).unwrap_or(u16::MAX)
}

fn at_most(bytes: &[u8], most: usize) -> &[u8] {
    bytes.get(..most).unwrap_or(bytes)
}

fn octet(len: usize) -> u8 {
    u8::try_from(len).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests;
