//! The commands of traffic (RFC 37): subscriptions, heartbeats, and a peer's error.

use std::time::Duration;

use bytes::Bytes;

/// A command that peers exchange between messages, after the handshake.
///
/// Commands of other names are ignored by the decoder, as RFC 37 leaves them to extensions.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Command {
    /// SUBSCRIBE: the peer wants the messages that begin with this topic, one time more.
    Subscribe(Bytes),
    /// CANCEL: takes one SUBSCRIBE of this topic back.
    Cancel(Bytes),
    /// PING: asks for a PONG with the same context.
    Ping {
        /// How long the sender's silence is to be tolerated from now on; zero: no limit. In tenths of
        /// a second on the wire: rounded up, and 6553.5 s at most.
        ttl: Duration,
        /// At most [`Command::MAX_CONTEXT`] bytes, echoed by the PONG; what is more is not sent.
        context: Bytes,
    },
    /// PONG: the answer to a PING.
    Pong {
        /// The context of the PING, at most [`Command::MAX_CONTEXT`] bytes; what is more is not sent.
        context: Bytes,
    },
    /// ERROR: the peer gives up, for this reason.
    Error {
        /// Printable text of at most 255 bytes; what is more is not sent.
        reason: Bytes,
    },
}

impl Command {
    /// The longest context of PING and PONG, in bytes (RFC 37, "Connection Heartbeating").
    pub const MAX_CONTEXT: usize = 16;

    /// The name on the wire: `"SUBSCRIBE"`.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Subscribe(_) => "SUBSCRIBE",
            Self::Cancel(_) => "CANCEL",
            Self::Ping { .. } => "PING",
            Self::Pong { .. } => "PONG",
            Self::Error { .. } => "ERROR",
        }
    }
}
