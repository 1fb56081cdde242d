//! Security mechanisms: what peers exchange between the greeting and the traffic.
//!
//! A server's mechanism stops where it knows who the peer claims to be ([`Mechanism::claim`]), and
//! goes on when that is [allowed](Mechanism::allow). What decides is not its concern.

#[cfg(feature = "plain")]
mod plain;

use std::fmt;

use crate::Violation;
#[cfg(feature = "curve")]
use crate::curve::PublicKey;
use crate::sealing::{Open, Seal};

#[cfg(feature = "plain")]
pub use self::plain::{PlainClient, PlainServer};

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

    /// Who the peer claims to be, while that waits to be [allowed](Self::allow). By default nobody
    /// is asked.
    fn claim(&self) -> Option<Claim> {
        None
    }

    /// The claim is accepted: the mechanism goes on.
    fn allow(&mut self) {}

    /// It has waited long enough for the peer to speak first, if it did.
    fn speak_up(&mut self) {}

    /// The boxes that traffic goes in, once all is done; `None`: it goes in the clear. Taken once.
    fn take_session(&mut self) -> Option<Session> {
        None
    }

    /// True if this side tells the peer by ERROR what it did wrong.
    fn tells_errors(&self) -> bool {
        true
    }
}

/// What makes and opens the boxes of one connection.
#[derive(Debug)]
pub struct Session {
    /// For what we send.
    pub sealer: Box<dyn Seal>,
    /// For what the peer sends.
    pub opener: Box<dyn Open>,
}

/// Who a peer claims to be: what a mechanism asks a decision for.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Claim {
    /// NULL: nobody in particular.
    Null,
    /// PLAIN: a user with a password, in the clear and not checked by anybody yet. At most 255
    /// bytes each.
    Plain {
        /// The user's name.
        username: Vec<u8>,
        /// The password.
        password: Vec<u8>,
    },
    /// CURVE: the owner of this key, which is proven.
    #[cfg(feature = "curve")]
    Curve(PublicKey),
}

impl Claim {
    /// The name of the mechanism.
    pub const fn mechanism(&self) -> &'static str {
        match self {
            Self::Null => Null::NAME,
            Self::Plain { .. } => "PLAIN",
            #[cfg(feature = "curve")]
            Self::Curve(_) => "CURVE",
        }
    }

    /// The same with an empty password, for keeping.
    #[must_use]
    pub fn without_password(mut self) -> Self {
        if let Self::Plain { password, .. } = &mut self {
            password.clear();
            password.shrink_to_fit();
        }
        self
    }
}

/// Without the password.
impl fmt::Debug for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("Null"),
            Self::Plain { username, .. } => f
                .debug_struct("Plain")
                .field("username", &username.escape_ascii().to_string())
                .finish_non_exhaustive(),
            #[cfg(feature = "curve")]
            Self::Curve(key) => f.debug_tuple("Curve").field(key).finish(),
        }
    }
}

/// The NULL mechanism: each side sends READY, at once; nothing is checked or hidden (RFC 37, "The
/// NULL Security Mechanism").
#[derive(Debug, Default)]
pub struct Null {
    asks: bool,
    waits: bool,
    sent: bool,
    peer_metadata: Option<Vec<u8>>,
}

impl Null {
    /// The name in the greeting.
    pub const NAME: &'static str = "NULL";

    /// A mechanism at its beginning.
    pub const fn new() -> Self {
        Self {
            asks: false,
            waits: false,
            sent: false,
            peer_metadata: None,
        }
    }

    /// The same for a side that sends READY only when the peer is allowed. That is asked before the
    /// peer's READY is there: it may wait for ours likewise.
    pub const fn asking() -> Self {
        Self {
            asks: true,
            waits: false,
            sent: false,
            peer_metadata: None,
        }
    }

    /// The same for a side that sends READY only when it has the peer's, or is told to
    /// [speak up](Mechanism::speak_up): until then the peer cannot take the handshake for over, and
    /// what it wants to send stays with it if the connection ends.
    #[must_use]
    pub fn answering(self) -> Self {
        Self {
            waits: true,
            ..self
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
        if self.asks || (self.waits && self.peer_metadata.is_none()) {
            return None;
        }
        let first = !std::mem::replace(&mut self.sent, true);
        first.then(|| ("READY", metadata.to_vec()))
    }

    fn peer_metadata(&self) -> Option<&[u8]> {
        self.peer_metadata.as_deref()
    }

    fn is_done(&self) -> bool {
        self.sent && self.peer_metadata.is_some()
    }

    fn claim(&self) -> Option<Claim> {
        self.asks.then_some(Claim::Null)
    }

    fn allow(&mut self) {
        self.asks = false;
    }

    fn speak_up(&mut self) {
        self.waits = false;
    }
}
