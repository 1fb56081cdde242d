//! The greetings of ZMTP 2.0 and 1.0, from where they differ from ours.
//!
//! ```text
//!   2.0   ..7F | 1 or 2 | ► socket type | 0 | length | routing id   RFC 15, "Formal Grammar"
//!   1.0   ► length, or FF and 8 octets | flags | routing id         RFC 13, "The Connection Layer"
//! ```
//!
//! Messages follow at once: there is no mechanism and no metadata.

use crate::handshake::{PeerInfo, checked_routing_id, has_routing_id};
use crate::metadata::Properties;
use crate::reader::Reader;
use crate::version::{V1_0, Version};
use crate::{HandshakeConfig, Part, SocketType, Violation};

/// Reads the rest of an older peer's greeting, and writes ours.
#[derive(Debug)]
pub(crate) struct Older {
    version: Version,
    /// What has been read: of a 2.0 greeting from the socket type on, of a 1.0 one all. Some 265
    /// bytes at most.
    held: Vec<u8>,
}

impl Older {
    /// A peer of this version, of whose greeting so much has been read.
    pub(super) fn new(version: Version, held: &[u8]) -> Self {
        let held = held.to_vec();
        Self { version, held }
    }

    /// Appends the rest of our greeting. The peer has our signature; it is of ZMTP 1.0, and has so
    /// read the header of a frame, or it has our version as well.
    pub(crate) fn tell(&self, config: &HandshakeConfig, out: &mut Vec<u8>) {
        let id = config.routing_id.as_ref().map_or(&[][..], Part::as_bytes);
        if self.version > V1_0 {
            let len = u8::try_from(id.len()).unwrap_or(u8::MAX);
            out.extend_from_slice(&[config.socket_type.octet(), 0, len]);
        }
        out.extend_from_slice(id);
    }

    /// Takes bytes of the peer's greeting from `input`. `None`: more is to come.
    pub(crate) fn read(
        &mut self,
        input: &mut &[u8],
        ours: SocketType,
    ) -> Result<Option<PeerInfo>, Violation> {
        loop {
            if let Some((socket_type, id)) = self.parse(ours)? {
                return self.peer(socket_type, id).map(Some);
            }
            let Some((&byte, rest)) = input.split_first() else {
                return Ok(None);
            };
            self.held.push(byte);
            *input = rest;
        }
    }

    fn parse(&self, ours: SocketType) -> Result<Option<Told<'_>>, Violation> {
        if self.version > V1_0 {
            parse_2_0(&self.held, ours)
        } else {
            parse_1_0(&self.held)
        }
    }

    fn peer(&self, socket_type: Option<SocketType>, id: &[u8]) -> Result<PeerInfo, Violation> {
        let routing_id = match id {
            id if has_routing_id(socket_type) => checked_routing_id(&Part::copy_from(id))?,
            _ => Part::EMPTY,
        };
        Ok(PeerInfo {
            version: self.version,
            socket_type,
            routing_id,
            metadata: Properties::new(),
        })
    }
}

/// A socket type, where the version has it, and a routing id.
type Told<'a> = (Option<SocketType>, &'a [u8]);

/// The socket type, checked as soon as it is there, and the routing id: a short frame without MORE.
fn parse_2_0(held: &[u8], ours: SocketType) -> Result<Option<Told<'_>>, Violation> {
    let mut reader = Reader::new(held);
    let Some(octet) = reader.u8() else {
        return Ok(None);
    };
    let socket_type = SocketType::from_octet(octet)
        .filter(|&peer| ours.accepts(peer))
        .ok_or(Violation::IncompatibleSocketType)?;
    match reader.u8() {
        None => Ok(None),
        Some(0) => Ok(reader.short_string().map(|id| (Some(socket_type), id))),
        Some(_) => Err(Violation::MalformedRoutingId),
    }
}

/// The routing id: a frame whose flags are not looked at. The length counts them.
fn parse_1_0(held: &[u8]) -> Result<Option<Told<'_>>, Violation> {
    let mut reader = Reader::new(held);
    let len = match reader.u8() {
        Some(0xFF) => reader.u64(),
        short => short.map(u64::from),
    };
    let Some(len) = len else { return Ok(None) };
    let len = len.checked_sub(1).ok_or(Violation::BadSignature)?;
    let len = u8::try_from(len).map_err(|_| Violation::RoutingIdTooLong)?;
    let id = reader.u8().and_then(|_flags| reader.take(len.into()));
    Ok(id.map(|id| (None, id)))
}
