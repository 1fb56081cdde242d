//! The commands of traffic (RFC 37): subscriptions, heartbeats, and a peer's error.

use std::time::Duration;

use bytes::Bytes;

use crate::Violation;
use crate::reader::Reader;

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
        /// How long the sender's silence is to be tolerated from now on; zero: no limit. In tenths
        /// of a second on the wire: rounded up, and 6553.5 s at most.
        ttl: Duration,
        /// At most [`Command::MAX_CONTEXT`] bytes, echoed by the PONG; what is more is not sent.
        context: Bytes,
    },
    /// PONG: the answer to a PING.
    Pong {
        /// The context of the PING, at most [`Command::MAX_CONTEXT`] bytes; what is more is not
        /// sent.
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

    /// Reads the body of a command frame in traffic; `None`: a name that is not ours to know.
    pub(crate) fn parse(body: &[u8]) -> Result<Option<Self>, Violation> {
        let (name, data) = split_name(body)?;
        Ok(Some(match name {
            b"SUBSCRIBE" => Self::Subscribe(Bytes::copy_from_slice(data)),
            b"CANCEL" => Self::Cancel(Bytes::copy_from_slice(data)),
            b"PING" => Self::parse_ping(data)?,
            b"PONG" => Self::Pong {
                context: parse_context(data)?,
            },
            b"ERROR" => Self::Error {
                reason: Bytes::copy_from_slice(parse_reason(data)?),
            },
            b"READY" => return Err(Violation::UnexpectedCommand),
            _ => return Ok(None),
        }))
    }

    fn parse_ping(data: &[u8]) -> Result<Self, Violation> {
        let mut reader = Reader::new(data);
        let tenths = reader.u16().ok_or(Violation::MalformedPing)?;
        let ttl = Duration::from_millis(u64::from(tenths).saturating_mul(100));
        Ok(Self::Ping {
            ttl,
            context: parse_context(reader.rest())?,
        })
    }
}

/// The name and the data of a command.
pub(crate) fn split_name(body: &[u8]) -> Result<(&[u8], &[u8]), Violation> {
    let mut reader = Reader::new(body);
    let name = reader.short_string().filter(|name| !name.is_empty());
    Ok((name.ok_or(Violation::MalformedCommand)?, reader.rest()))
}

/// The reason in the data of an ERROR.
pub(crate) fn parse_reason(data: &[u8]) -> Result<&[u8], Violation> {
    let mut reader = Reader::new(data);
    let reason = reader.short_string().ok_or(Violation::MalformedError)?;
    if reader.is_empty() {
        Ok(reason)
    } else {
        Err(Violation::MalformedError)
    }
}

fn parse_context(data: &[u8]) -> Result<Bytes, Violation> {
    if data.len() > Command::MAX_CONTEXT {
        return Err(Violation::ContextTooLong);
    }
    Ok(Bytes::copy_from_slice(data))
}
