//! How much a peer may make us hold.

/// What is accepted from a peer. What is over a limit is a [`Violation`](crate::Violation).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The longest message, in bytes: the sum of its parts. Default `None`: no limit; memory is in
    /// any case only taken as bytes arrive.
    pub max_message_size: Option<u64>,
    /// The most parts of a message. Default 65 536.
    pub max_parts: usize,
    /// The longest body of a command, READY and SUBSCRIBE among them, in bytes. Default 64 KiB.
    pub max_command: usize,
    /// The most bytes of a peer's greeting and handshake in all. Default 64 KiB.
    pub max_handshake: usize,
    /// The most properties in a peer's metadata. Default 128.
    pub max_properties: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_message_size: None,
            max_parts: 65_536,
            max_command: 64 * 1024,
            max_handshake: 64 * 1024,
            max_properties: 128,
        }
    }
}
