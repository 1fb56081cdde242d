//! What an operation can fail with: one type per operation; a message that was not accepted is
//! handed back.

use std::fmt;

use ferromq_transport::{EndpointError, ListenError, StreamError};
use ferromq_wire::Message;

use crate::event::Crowd;
use crate::pattern::Refused;

/// A message was not accepted.
#[derive(Clone, PartialEq, Eq)]
pub struct SendError {
    /// Why.
    pub kind: SendErrorKind,
    /// The message, whole, as it was given.
    pub message: Message,
}

/// Why a message was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendErrorKind {
    /// The socket was closed, or its context shut down.
    #[error(transparent)]
    Closed(#[from] ClosedError),
    /// No peer takes it now (`try_send`): there is none, or every queue is full.
    #[error("no peer has room for the message now")]
    Full,
    /// A message has at least one part.
    #[error("the message has no parts")]
    NoParts,
    /// A future waits for a limited time, and no I/O thread could be started that ends it.
    #[error("no I/O thread could be started: {0}")]
    NoThread(std::io::ErrorKind),
    /// The pattern does not allow it now.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// No peer took it within the time allowed.
    #[error("no peer had room for the message in time")]
    TimedOut,
}

impl fmt::Debug for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendError")
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "failed to send: {}", self.kind)
    }
}

impl std::error::Error for SendError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.kind)
    }
}

/// A request has no reply.
#[derive(Clone, PartialEq, Eq)]
pub struct RequestError {
    /// Why.
    pub kind: RequestErrorKind,
    /// The request, whole, as it was given.
    pub message: Message,
}

/// Why a request has no reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestErrorKind {
    /// The socket was closed, or its context shut down.
    #[error(transparent)]
    Closed(#[from] ClosedError),
    /// A message has at least one part.
    #[error("the message has no parts")]
    NoParts,
    /// Somebody was asked, and no reply came in time.
    #[error("no reply came in time")]
    NoReply,
    /// A future needs an I/O thread for its timeout, and none could be started.
    #[error("no I/O thread: {0}")]
    NoThread(std::io::ErrorKind),
    /// No peer took it in time: it was not sent, and will not be.
    #[error("no peer took the request in time")]
    NotSent,
    /// The peer that was asked is gone, and may have had the request.
    #[error("the peer that was asked is gone")]
    PeerLost,
}

impl fmt::Debug for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestError")
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "failed to get a reply: {}", self.kind)
    }
}

impl std::error::Error for RequestError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.kind)
    }
}

/// No message was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
// In a `Result` it lies where a message has its length. Single bytes there would be moved as such,
// and the length, read next, would wait for both writes.
#[repr(align(4))]
pub enum RecvError {
    /// The socket was closed, or its context shut down.
    #[error("failed to receive: {0}")]
    Closed(#[from] ClosedError),
    /// There is no message now (`try_recv`).
    #[error("failed to receive: no message is there now")]
    Empty,
    /// The pattern does not allow it now.
    #[error("failed to receive: {0}")]
    Refused(#[from] Refused),
    /// No message came within the time allowed.
    #[error("failed to receive: no message came in time")]
    TimedOut,
}

/// The socket cannot be used any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClosedError {
    /// The socket was closed.
    #[error("the socket is closed")]
    Closed,
    /// This process was forked since the context was made: its sockets are the parent's. A new
    /// context is of use here.
    #[error("the socket belongs to the parent of this process")]
    Forked,
    /// The context was shut down.
    #[error("the context was shut down")]
    Shutdown,
    /// The context had as many sockets as [it may](crate::ContextBuilder::max_sockets).
    #[error("the context has as many sockets as it may")]
    TooManySockets,
}

/// A socket was not bound.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BindError {
    /// The socket was closed, or its context shut down.
    #[error("failed to bind: {0}")]
    Closed(#[from] ClosedError),
    /// The endpoint is malformed, or cannot be bound.
    #[error("failed to bind: {0}")]
    Endpoint(#[from] EndpointError),
    /// The system refused to listen.
    #[error("failed to bind: {0}")]
    Listen(#[from] ListenError),
    /// Another socket of the context has this inproc name.
    #[error("failed to bind: the inproc name is in use")]
    NameInUse,
    /// No I/O thread could be started.
    #[error("failed to bind: no I/O thread: {0}")]
    NoThread(#[source] std::io::Error),
}

/// A socket was not connected. (That no peer is there is not an error: it may come later.)
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The socket was closed, or its context shut down.
    #[error("failed to connect: {0}")]
    Closed(#[from] ClosedError),
    /// Another thread has disconnected the endpoint meanwhile (`connect_wait`).
    #[error("failed to connect: the endpoint was disconnected meanwhile")]
    Disconnected,
    /// The endpoint is malformed, or cannot be connected to.
    #[error("failed to connect: {0}")]
    Endpoint(#[from] EndpointError),
    /// The socket bound to this inproc name is of a type that this one may not talk to.
    #[error("failed to connect: the socket bound there is of an incompatible type")]
    IncompatiblePeer,
    /// No I/O thread could be started.
    #[error("failed to connect: no I/O thread: {0}")]
    NoThread(#[source] std::io::Error),
    /// The pattern does not take another peer (PAIR), or not by this name (ROUTER).
    #[error("failed to connect: {0}")]
    Refusal(#[from] crate::pattern::Refusal),
    /// A routing id has 1 to 255 bytes, and does not begin with a zero byte.
    #[error("failed to connect: a routing id has 1 to 255 bytes and no leading zero")]
    RoutingId,
    /// No peer was there in time (`connect_wait`).
    #[error("failed to connect: no peer was there in time")]
    TimedOut,
}

/// A connected stream was not taken. It is closed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TakeError {
    /// The socket was closed, or its context shut down.
    #[error("failed to take a stream: {0}")]
    Closed(#[from] ClosedError),
    /// The socket has as many connections, or handshakes, as it may.
    #[error("failed to take a stream: {0}")]
    Crowded(#[from] Crowd),
    /// No I/O thread could be started.
    #[error("failed to take a stream: no I/O thread: {0}")]
    NoThread(#[source] std::io::Error),
    /// It is not connected, not a stream, or of somebody who is not allowed; or the system refused
    /// an option.
    #[error("failed to take a stream: {0}")]
    Stream(#[from] StreamError),
}

/// What was waited for did not come about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WaitError {
    /// The socket was closed, or its context shut down.
    #[error("failed to wait for peers: {0}")]
    Closed(#[from] ClosedError),
    /// Too few peers came about within the time allowed.
    #[error("failed to wait for peers: only {found} in time")]
    TimedOut {
        /// How many there were when time was over.
        found: usize,
    },
}

/// An endpoint was not unbound or disconnected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReleaseError {
    /// The socket was closed, or its context shut down.
    #[error("failed to release the endpoint: {0}")]
    Closed(#[from] ClosedError),
    /// The endpoint is malformed.
    #[error("failed to release the endpoint: {0}")]
    Endpoint(#[from] EndpointError),
    /// The socket has no such endpoint.
    #[error("failed to release the endpoint: not bound or connected to it")]
    NotFound,
}

/// A socket could not be made with these options.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A client of PLAIN or CURVE decides nothing about its servers: an authenticator would be
    /// ignored, and so would a domain that is enforced.
    #[error("failed to make a socket: clients of PLAIN and CURVE authenticate nobody")]
    AuthenticatorOfClient,
    /// The context was shut down, or has as many sockets as it may.
    #[error("failed to make a socket: {0}")]
    Closed(#[from] ClosedError),
    /// A duration, size or number is too small or too large for what it means, or a value is none
    /// that the option can have.
    #[error("failed to make a socket or context: option {option} is out of range")]
    OutOfRange {
        /// The option's name on the builder.
        option: &'static str,
    },
    /// A metadata name begins with `X-`, has at most 255 letters, digits and `-_.+`, and one value;
    /// there are at most 100 properties, of 60 KiB in all.
    #[error("failed to make a socket: a metadata property is not allowed")]
    Metadata,
    /// A routing id has 1 to 255 bytes, and does not begin with a zero byte.
    #[error("failed to make a socket: a routing id has 1 to 255 bytes and no leading zero")]
    RoutingId,
}

/// Options of a socket were not changed: none of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UpdateError {
    /// The socket was closed, or its context shut down.
    #[error("failed to change options: {0}")]
    Closed(#[from] ClosedError),
    /// An option stays as the socket was made with.
    #[error("failed to change options: {option} stays as the socket was made with")]
    Fixed {
        /// The option's name on the builder.
        option: &'static str,
    },
    /// A socket could not be made with these options either.
    #[error("failed to change options: {0}")]
    Invalid(#[from] BuildError),
}

impl BuildError {
    /// What `build` returns for an option of this name.
    pub(crate) fn out_of_range<T>(option: &'static str) -> Result<T, Self> {
        Err(Self::OutOfRange { option })
    }
}
