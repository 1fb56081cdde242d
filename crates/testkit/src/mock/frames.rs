//! Builders of what ZMTP peers send, byte by byte as RFC 37 has it.
//!
//! Written apart from `ferromq-wire` on purpose: what one gets wrong, the other finds.

mod older;

use std::fmt;

pub use older::{frame_1_0, greeting_1_0, greeting_2_0, msg_1_0};

const MORE: u8 = 0x01;
const LONG: u8 = 0x02;
const COMMAND: u8 = 0x04;

/// The length of a greeting.
pub(super) const GREETING: usize = 64;

/// Bytes on the wire, with a name for failure messages.
#[derive(Clone, PartialEq, Eq)]
pub struct Frames {
    bytes: Vec<u8>,
}

impl Frames {
    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// These and then those.
    #[must_use]
    pub fn then(mut self, next: Self) -> Self {
        self.bytes.extend(next.bytes);
        self
    }
}

impl fmt::Debug for Frames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.bytes.first() == Some(&0xFF) {
            return f.write_str("a greeting");
        }
        let mut rest = self.bytes.as_slice();
        let mut list = f.debug_list();
        while let Some((frame, length)) = Frame::parse(rest) {
            list.entry(&frame);
            rest = &rest[length..];
        }
        if !rest.is_empty() {
            list.entry(&format_args!("incomplete: {}", rest.escape_ascii()));
        }
        list.finish()
    }
}

/// A greeting of ZMTP 3.1 with the NULL mechanism.
pub fn greeting() -> Frames {
    greeting_with((3, 1), "NULL", false)
}

/// A greeting with this version, mechanism and server bit.
///
/// # Panics
/// If the mechanism has more than 20 bytes.
pub fn greeting_with(version: (u8, u8), mechanism: &str, as_server: bool) -> Frames {
    assert!(mechanism.len() <= 20, "a mechanism has up to 20 bytes");
    let mut bytes = vec![0; GREETING];
    (bytes[0], bytes[9]) = (0xFF, 0x7F);
    (bytes[10], bytes[11]) = version;
    bytes[12..12 + mechanism.len()].copy_from_slice(mechanism.as_bytes());
    bytes[32] = u8::from(as_server);
    Frames { bytes }
}

/// READY of the NULL mechanism, announcing this socket type.
pub fn ready(socket_type: &str) -> Frames {
    ready_with(socket_type, &[])
}

/// READY announcing this socket type and then these properties.
///
/// # Panics
/// If a property's name has more than 255 bytes.
pub fn ready_with(socket_type: &str, properties: &[(&str, &[u8])]) -> Frames {
    let mut data = property("Socket-Type", socket_type.as_bytes());
    for (name, value) in properties {
        data.extend(property(name, value));
    }
    command("READY", &data)
}

/// A message of these parts.
///
/// # Panics
/// If there are none.
pub fn msg<P: AsRef<[u8]>>(parts: impl IntoIterator<Item = P>) -> Frames {
    let mut parts = parts.into_iter().peekable();
    assert!(parts.peek().is_some(), "a message has at least one part");
    let mut bytes = Vec::new();
    while let Some(part) = parts.next() {
        let flags = if parts.peek().is_some() { MORE } else { 0 };
        bytes.extend(frame(flags, part.as_ref()));
    }
    Frames { bytes }
}

/// One frame with these flags; LONG is added where the body needs it.
pub fn raw_frame(flags: u8, body: &[u8]) -> Frames {
    Frames {
        bytes: frame(flags, body),
    }
}

/// These bytes, whatever they mean.
pub fn raw(bytes: impl Into<Vec<u8>>) -> Frames {
    let bytes = bytes.into();
    Frames { bytes }
}

/// SUBSCRIBE, the command of ZMTP 3.1.
pub fn subscribe(topic: impl AsRef<[u8]>) -> Frames {
    command("SUBSCRIBE", topic.as_ref())
}

/// CANCEL, the command of ZMTP 3.1.
pub fn cancel(topic: impl AsRef<[u8]>) -> Frames {
    command("CANCEL", topic.as_ref())
}

/// A subscription as peers of ZMTP 3.0 send it: a message of 1 and the topic.
pub fn subscribe_message(topic: impl AsRef<[u8]>) -> Frames {
    msg([[&[1], topic.as_ref()].concat()])
}

/// The end of a subscription as peers of ZMTP 3.0 send it: a message of 0 and the topic.
pub fn cancel_message(topic: impl AsRef<[u8]>) -> Frames {
    msg([[&[0], topic.as_ref()].concat()])
}

/// PING with this time to live, in tenths of a second, and context.
pub fn ping(ttl: u16, context: impl AsRef<[u8]>) -> Frames {
    command("PING", &[&ttl.to_be_bytes(), context.as_ref()].concat())
}

/// PONG with this context.
pub fn pong(context: impl AsRef<[u8]>) -> Frames {
    command("PONG", context.as_ref())
}

/// ERROR with this reason.
///
/// # Panics
/// If the reason has more than 255 bytes.
pub fn error(reason: &str) -> Frames {
    let length = u8::try_from(reason.len()).expect("a reason has up to 255 bytes");
    command("ERROR", &[&[length], reason.as_bytes()].concat())
}

/// A command of this name with this data.
///
/// # Panics
/// If the name has more than 255 bytes.
pub fn command(name: &str, data: &[u8]) -> Frames {
    let length = u8::try_from(name.len()).expect("a command's name has up to 255 bytes");
    let body = [&[length], name.as_bytes(), data].concat();
    Frames {
        bytes: frame(COMMAND, &body),
    }
}

fn property(name: &str, value: &[u8]) -> Vec<u8> {
    let name_length = u8::try_from(name.len()).expect("a property's name has up to 255 bytes");
    let length = u32::try_from(value.len()).expect("a property's value has less than 4 GiB");
    [
        &[name_length],
        name.as_bytes(),
        &length.to_be_bytes(),
        value,
    ]
    .concat()
}

fn frame(flags: u8, body: &[u8]) -> Vec<u8> {
    match u8::try_from(body.len()) {
        Ok(length) => [&[flags, length], body].concat(),
        Err(_) => [
            &[flags | LONG],
            &(body.len() as u64).to_be_bytes()[..],
            body,
        ]
        .concat(),
    }
}

/// One frame as received.
#[derive(Clone, PartialEq, Eq)]
pub struct Frame {
    /// The flags octet.
    pub flags: u8,
    /// The body.
    pub body: Vec<u8>,
}

impl Frame {
    /// The first frame of these bytes and its length on the wire, if it is there as a whole.
    pub(super) fn parse(bytes: &[u8]) -> Option<(Self, usize)> {
        let (&flags, rest) = bytes.split_first()?;
        let (length, header) = if flags & LONG == 0 {
            (usize::from(*rest.first()?), 2)
        } else {
            (
                usize::try_from(u64::from_be_bytes(*rest.first_chunk()?)).ok()?,
                9,
            )
        };
        let end = length.checked_add(header)?;
        let body = bytes.get(header..end)?.to_vec();
        Some((Self { flags, body }, end))
    }

    /// True if more frames of its message follow.
    pub fn has_more(&self) -> bool {
        self.flags & MORE != 0
    }

    /// A command's name and data; `None` for a frame of a message and for a malformed command.
    pub fn as_command(&self) -> Option<(&str, &[u8])> {
        let (&length, rest) = self.body.split_first()?;
        let (name, data) = rest.split_at_checked(usize::from(length))?;
        let name = std::str::from_utf8(name).ok()?;
        (self.flags & COMMAND != 0).then_some((name, data))
    }

    /// A READY command's properties; `None` for anything else and for malformed ones.
    pub fn as_ready(&self) -> Option<Vec<(String, Vec<u8>)>> {
        let ("READY", mut data) = self.as_command()? else {
            return None;
        };
        let mut properties = Vec::new();
        while let Some((&length, rest)) = data.split_first() {
            let (name, rest) = rest.split_at_checked(usize::from(length))?;
            let (length, rest) = rest.split_first_chunk()?;
            let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
            let (value, rest) = rest.split_at_checked(length)?;
            properties.push((String::from_utf8(name.to_vec()).ok()?, value.to_vec()));
            data = rest;
        }
        Some(properties)
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.as_command() {
            Some((name, data)) => write!(f, "{name} {}", shortened(data))?,
            None => f.write_str(&shortened(&self.body))?,
        }
        match self.flags {
            0 | LONG => Ok(()),
            COMMAND if self.as_command().is_some() => Ok(()),
            flags => write!(f, " (flags {flags:#04x})"),
        }
    }
}

fn shortened(bytes: &[u8]) -> String {
    const SHOWN: usize = 80;
    match bytes.get(..SHOWN) {
        Some(start) => format!("\"{}\"… ({} bytes)", start.escape_ascii(), bytes.len()),
        None => format!("\"{}\"", bytes.escape_ascii()),
    }
}
