//! ZMTP 3.1 as pure state machines: messages, frames, greeting, handshake, commands.
//!
//! Everything here is a function over buffers. There is no socket, no thread and no clock, and
//! bytes from a peer never panic. Memory is taken in proportion to what has arrived, never to what
//! was announced; the many small parts of one message are bounded by [`Limits::max_parts`].
//!
//! ```text
//!   bytes in ──► Handshake ──► Established { peer, encoder, decoder }
//!                                               │          │
//!   Command, Message ──► Encoder, put_frame               Decoder ──► Incoming::{Message, Command}
//! ```
//!
//! The specification is RFC 37 (ZMTP 3.1); peers of RFC 23 (ZMTP 3.0) are served as well, and those
//! of RFC 15 (ZMTP 2.0) and RFC 13 (ZMTP 1.0) if [`HandshakeConfig::minimum`] says so.

#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    warn(
        clippy::arithmetic_side_effects,
        clippy::cast_possible_truncation,
        clippy::expect_used,
        clippy::get_unwrap,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::string_slice,
        clippy::unimplemented,
        clippy::unreachable
    )
)]

mod command;
#[cfg(feature = "curve")]
mod curve;
mod decode;
pub mod encode;
mod frame;
mod greeting;
mod handshake;
mod heartbeat;
mod limits;
mod mechanism;
mod message;
pub mod metadata;
mod part;
mod reader;
mod sealing;
mod socket_type;
mod version;
mod violation;

pub use bytes::Bytes;

pub use command::Command;
#[cfg(feature = "curve")]
pub use curve::{CurveClient, CurveServer, KeyError, KeyPair, PublicKey, SecretKey};
pub use decode::{Body, Bundle, Decoder, Incoming, LARGE, Measured};
pub use encode::{Encoder, HEADER_MAX, put_frame, put_message};
pub use frame::Framing;
pub use handshake::{Denial, Established, Handshake, HandshakeConfig, Output, PeerInfo};
pub use heartbeat::{Beat, Heartbeat, HeartbeatConfig, Silence, Writing};
pub use limits::Limits;
pub use mechanism::{Claim, Mechanism, Null, Session};
#[cfg(feature = "plain")]
pub use mechanism::{PlainClient, PlainServer};
pub use message::{IntoParts, Message, PartError, Parts};
pub use metadata::PropertyError;
pub use part::{INLINE, Part};
pub use sealing::{Exhausted, Kind, Open, Opened, Seal};
pub use socket_type::SocketType;
pub use version::{V1_0, V2_0, V3_0, V3_1, Version, ZmtpVersion};
pub use violation::Violation;
#[cfg(feature = "curve")]
pub use zeroize::Zeroizing;
