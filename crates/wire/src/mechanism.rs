//! Security mechanisms: what peers exchange between the greeting and the traffic.

use std::fmt;

use crate::Violation;

/// The commands of one side of a security handshake (RFC 37, "Authentication and Confidentiality").
///
/// [`Handshake`](crate::Handshake) drives it: after the greetings and after every command of the
/// peer it asks for commands until there is none. It handles ERROR itself, and checks the peer's
/// metadata as soon as it is known; the peer's next bytes are then traffic.
pub trait Mechanism: fmt::Debug + Send {
    /// The name in the greeting, of at most 20 characters; both sides must have the same.
    fn name(&self) -> &'static str;

    /// A command of the peer: its name and what follows it.
    ///
    /// # Errors
    ///
    /// [`Violation::UnexpectedCommand`] if the mechanism has no use for it now, or what is wrong
    /// with it.
    fn handle_command(&mut self, name: &[u8], data: &[u8]) -> Result<(), Violation>;

    /// The next command to send, if one is due: its name and what follows it. `metadata` is what we
    /// tell the peer about ourselves, already encoded.
    fn next_command(&mut self, metadata: &[u8]) -> Option<(&'static str, Vec<u8>)>;

    /// What the peer has told about itself, encoded; `None` until it is known.
    fn peer_metadata(&self) -> Option<&[u8]>;

    /// True once our side has sent all its commands and has received all of the peer's.
    fn is_done(&self) -> bool;
}

/// The NULL mechanism: each side sends READY, at once; nothing is checked or hidden (RFC 37, "The
/// NULL Security Mechanism").
#[derive(Debug, Default)]
pub struct Null {
    sent: bool,
    peer_metadata: Option<Vec<u8>>,
}

impl Null {
    /// The name in the greeting.
    pub const NAME: &'static str = "NULL";

    /// A mechanism at its beginning.
    pub const fn new() -> Self {
        Self {
            sent: false,
            peer_metadata: None,
        }
    }
}

impl Mechanism for Null {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn handle_command(&mut self, name: &[u8], data: &[u8]) -> Result<(), Violation> {
        if name != b"READY" || self.peer_metadata.is_some() {
            return Err(Violation::UnexpectedCommand);
        }
        self.peer_metadata = Some(data.to_vec());
        Ok(())
    }

    fn next_command(&mut self, metadata: &[u8]) -> Option<(&'static str, Vec<u8>)> {
        let first = !std::mem::replace(&mut self.sent, true);
        first.then(|| ("READY", metadata.to_vec()))
    }

    fn peer_metadata(&self) -> Option<&[u8]> {
        self.peer_metadata.as_deref()
    }

    fn is_done(&self) -> bool {
        self.sent && self.peer_metadata.is_some()
    }
}
