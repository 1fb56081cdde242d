//! What a peer can do wrong.

/// A breach of the protocol by the peer; the connection cannot go on.
///
/// `Display` is a fragment that fits "connection failed: …". The `Debug` form is the variant's
/// name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Violation {
    /// A short nonce that is not the next one: a command was said before, or some are missing (RFC
    /// 26, "The HELLO Command", "General Design").
    #[error("nonce is not the next one")]
    BadNonce,
    /// The first bytes are no ZMTP signature: some other protocol (RFC 37, "Formal Grammar").
    #[error("peer does not speak ZMTP")]
    BadSignature,
    /// The client's vouch is for another connection, or for another server (RFC 26, "The INITIATE
    /// Command").
    #[error("vouch is not for this connection")]
    BadVouch,
    /// A box does not open: it was changed, or made with other keys (RFC 26, "CurveZMQ Commands").
    /// A client with a wrong server key, or a server with a wrong secret key.
    #[error("box does not open")]
    BoxNotOpened,
    /// A command's body is longer than [`Limits::max_command`](crate::Limits).
    #[error("command is larger than allowed")]
    CommandTooLarge,
    /// A PING or PONG has a context of more than 16 octets (RFC 37, "Connection Heartbeating").
    #[error("heartbeat context is longer than 16 octets")]
    ContextTooLong,
    /// A frame's length has its top bit set: over 2^63-1 (RFC 37, "Framing").
    #[error("frame length is out of range")]
    FrameLengthTopBit,
    /// One frame alone is longer than [`Limits::max_message_size`](crate::Limits).
    #[error("frame is larger than the maximum message size")]
    FrameTooLarge,
    /// The peer's greeting and handshake are longer than
    /// [`Limits::max_handshake`](crate::Limits).
    #[error("handshake is larger than allowed")]
    HandshakeTooLarge,
    /// The peer's socket type may not be connected to ours, or is not known (RFC 37, "The
    /// Socket-Type Property").
    #[error("peer's socket type is not compatible")]
    IncompatibleSocketType,
    /// A command frame has no whole command name (RFC 37, "Formal Grammar").
    #[error("malformed command")]
    MalformedCommand,
    /// An ERROR without its reason, or with more behind it (RFC 37, "The NULL Security Mechanism").
    #[error("malformed ERROR command")]
    MalformedError,
    /// A HELLO that is not laid out as its mechanism has it (RFC 24, "Implementation"; RFC 26, "The
    /// HELLO Command").
    #[error("malformed HELLO command")]
    MalformedHello,
    /// An INITIATE that is too short (RFC 26, "The INITIATE Command").
    #[error("malformed INITIATE command")]
    MalformedInitiate,
    /// A MESSAGE that is too short (RFC 26, "The MESSAGE Command").
    #[error("malformed MESSAGE command")]
    MalformedMessage,
    /// A PING without its time-to-live (RFC 37, "Connection Heartbeating").
    #[error("malformed PING command")]
    MalformedPing,
    /// The metadata of READY ends within a property (RFC 37, "The NULL Security Mechanism").
    #[error("malformed READY command")]
    MalformedReady,
    /// The routing id in a greeting of ZMTP 2.0 is not one short frame (RFC 15, "Formal Grammar").
    #[error("malformed routing id")]
    MalformedRoutingId,
    /// A WELCOME that is not laid out as its mechanism has it (RFC 24, "Implementation"; RFC 26,
    /// "The WELCOME Command").
    #[error("malformed WELCOME command")]
    MalformedWelcome,
    /// The peer's security mechanism is not ours (RFC 37, "Authentication and Confidentiality").
    #[error("peer uses another security mechanism")]
    MechanismMismatch,
    /// The parts of a message together are longer than
    /// [`Limits::max_message_size`](crate::Limits).
    #[error("message is larger than the maximum message size")]
    MessageTooLarge,
    /// A metadata name is empty or has characters other than letters, digits and `-_.+` (RFC 37,
    /// "The NULL Security Mechanism").
    #[error("metadata has a bad name")]
    MetadataName,
    /// More properties than [`Limits::max_properties`](crate::Limits).
    #[error("metadata has too many properties")]
    MetadataTooLarge,
    /// A metadata value is announced with over 2^31-1 octets (RFC 37, "The NULL Security
    /// Mechanism").
    #[error("metadata value length is out of range")]
    MetadataValueTooLong,
    /// A command frame has the MORE bit set (RFC 37, "Framing").
    #[error("command has the MORE flag set")]
    MoreOnCommand,
    /// The peer sent ERROR during the handshake (RFC 37, "Error Handling").
    #[error("peer refused the connection")]
    PeerReportedError,
    /// A frame's flags have one of the bits 7 to 3 set (RFC 37, "Framing").
    #[error("frame has reserved flags set")]
    ReservedFlags,
    /// The peer's routing id begins with a zero octet (RFC 37, "The Identity Property").
    #[error("peer's routing id begins with a zero octet")]
    RoutingIdReserved,
    /// The peer's routing id is longer than 255 octets (RFC 37, "The Identity Property"; RFC 13,
    /// "The Connection Layer").
    #[error("peer's routing id is longer than 255 octets")]
    RoutingIdTooLong,
    /// A message has more parts than [`Limits::max_parts`](crate::Limits).
    #[error("message has too many parts")]
    TooManyParts,
    /// A command that has no place at this point: another one than the mechanism expects, or READY
    /// after the handshake (RFC 37, "Authentication and Confidentiality").
    #[error("unexpected command")]
    UnexpectedCommand,
    /// A message before the handshake is over (RFC 37, "Overall Behavior").
    #[error("message before the end of the handshake")]
    UnexpectedMessage,
    /// The peer speaks an older version than the configured minimum, 3.0 by default (RFC 37,
    /// "Version Negotiation").
    #[error("peer's ZMTP version is too old")]
    UnsupportedVersion,
}
