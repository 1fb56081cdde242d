//! ZMTP 3.1 as pure state machines: messages, frames, greeting, handshake, commands.
//!
//! Everything here is a function over buffers. There is no socket, no thread and no clock, and bytes
//! from a peer never panic and never make the process allocate more than what has arrived.
//!
//! ```text
//!   bytes in ──► Handshake ──► Established { peer, encoder, decoder }
//!                                               │          │
//!   Command, Message ──► Encoder, put_frame_header        Decoder ──► Incoming::{Message, Command}
//! ```
//!
//! The specification is RFC 37 (ZMTP 3.1); peers of RFC 23 (ZMTP 3.0) are served as well.

#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    warn(
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::cast_possible_truncation
    )
)]

mod command;
mod message;
mod part;
mod socket_type;

pub use bytes::Bytes;

pub use command::Command;
pub use message::{IntoParts, Message, PartError, Parts};
pub use part::{INLINE, Part};
pub use socket_type::SocketType;
