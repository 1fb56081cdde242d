//! A scripted peer of ZMTP 2.0 or 1.0.

use std::time::Duration;

use super::frames::{self, Frames};
use super::peer::MockPeer;

/// The versions that know neither mechanism nor metadata.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OlderVersion {
    /// ZMTP 1.0 (RFC 13).
    V1_0,
    /// ZMTP 2.0 (RFC 15).
    V2_0,
}

/// A scripted peer of an older version, after its greeting. What is not as expected panics at the
/// caller's line.
#[derive(Debug)]
pub struct OlderPeer {
    peer: MockPeer,
    version: OlderVersion,
}

impl OlderVersion {
    /// Both.
    pub const ALL: [Self; 2] = [Self::V1_0, Self::V2_0];

    /// What a peer sends first. The octet of its socket type is for 2.0 alone.
    pub fn greeting(self, socket_type: u8, routing_id: &str) -> Frames {
        match self {
            Self::V1_0 => frames::greeting_1_0(routing_id),
            Self::V2_0 => frames::greeting_2_0(socket_type, routing_id),
        }
    }

    /// A message of these parts.
    pub fn msg<P: AsRef<[u8]>>(self, parts: impl IntoIterator<Item = P>) -> Frames {
        match self {
            Self::V1_0 => frames::msg_1_0(parts),
            Self::V2_0 => frames::msg(parts),
        }
    }
}

impl OlderPeer {
    /// Both greetings: ours, with this octet and routing id, and the other's, which serves peers of
    /// ZMTP 1.0 and has that octet and routing id.
    #[track_caller]
    pub fn greet(
        version: OlderVersion,
        mut peer: MockPeer,
        ours: (u8, &str),
        theirs: (u8, &str),
    ) -> Self {
        peer.send(version.greeting(ours.0, ours.1));
        let (socket_type, routing_id) = theirs;
        let length = routing_id.len() as u64;
        let signature = [&[0xFF], &(length + 1).to_be_bytes()[..], &[0x7F]].concat();
        peer.expect_raw(&signature);
        if version == OlderVersion::V2_0 {
            peer.expect_raw(&[3, socket_type, 0, length as u8]);
        }
        peer.expect_raw(routing_id.as_bytes());
        Self { peer, version }
    }

    /// Sends a message.
    #[track_caller]
    pub fn send<P: AsRef<[u8]>>(&mut self, parts: impl IntoIterator<Item = P>) {
        self.peer.send(self.version.msg(parts));
    }

    /// Exactly this message next, down to the encoding of its lengths.
    #[track_caller]
    pub fn expect<P: AsRef<[u8]>>(&mut self, parts: impl IntoIterator<Item = P>) {
        self.peer.expect_raw(self.version.msg(parts).bytes());
    }

    /// Nothing for this long, neither bytes nor an end.
    #[track_caller]
    pub fn expect_silence(&mut self, time: Duration) {
        self.peer.expect_silence(time);
    }

    /// The peer below, for what is no message.
    pub fn raw(&mut self) -> &mut MockPeer {
        &mut self.peer
    }
}
