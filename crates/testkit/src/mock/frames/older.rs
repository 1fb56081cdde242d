//! Builders of what peers of ZMTP 2.0 and 1.0 send, byte by byte as RFC 15 and RFC 13 have it.
//!
//! A peer of ZMTP 2.0 sends its messages, and its subscriptions among them, as one of 3.0 does.

use super::{Frames, MORE};

/// A whole greeting of ZMTP 2.0: a socket type's octet and a routing id.
///
/// # Panics
/// If the routing id has more than 255 bytes.
pub fn greeting_2_0(socket_type: u8, routing_id: &str) -> Frames {
    let length = u8::try_from(routing_id.len()).expect("a routing id has up to 255 bytes");
    let header = b"\xFF\0\0\0\0\0\0\0\0\x7F\x01";
    let rest = [socket_type, 0, length];
    let bytes = [&header[..], &rest, routing_id.as_bytes()].concat();
    Frames { bytes }
}

/// A greeting of ZMTP 1.0: a routing id.
pub fn greeting_1_0(routing_id: &str) -> Frames {
    frame_1_0(0, routing_id.as_bytes())
}

/// A message of these parts in the framing of ZMTP 1.0.
///
/// # Panics
/// If there are none.
pub fn msg_1_0<P: AsRef<[u8]>>(parts: impl IntoIterator<Item = P>) -> Frames {
    let mut parts = parts.into_iter().peekable();
    assert!(parts.peek().is_some(), "a message has at least one part");
    let mut bytes = Vec::new();
    while let Some(part) = parts.next() {
        let flags = if parts.peek().is_some() { MORE } else { 0 };
        bytes.extend(frame_1_0(flags, part.as_ref()).bytes);
    }
    Frames { bytes }
}

/// One frame of ZMTP 1.0 with these flags: the length, which counts them, in one octet if it is
/// below 255.
pub fn frame_1_0(flags: u8, body: &[u8]) -> Frames {
    let length = body.len() + 1;
    let mut bytes = match u8::try_from(length) {
        Ok(length @ ..=254) => vec![length],
        _ => [&[0xFF], &(length as u64).to_be_bytes()[..]].concat(),
    };
    bytes.push(flags);
    bytes.extend_from_slice(body);
    Frames { bytes }
}
