//! FerroMQ's engine: everything between a pattern's rules and a transport's bytes.
//!
//! Applications use the pattern crates, or the facade `ferromq`. Whoever writes a pattern
//! implements [`Pattern`] and declares the socket type with [`socket_type!`].
//!
//! - [`Socket`] is the shell: one short lock over a pattern and its pipes, every operation in four
//!   forms.
//! - A pipe is a two-way queue with high-water marks; `Outbound` and `Inbound` are its halves.
//! - I/O threads listen, dial, shake hands, and read and write what no caller does.
//! - [`world`] is the seam to the operating system, or to a simulation.

#![cfg_attr(
    not(test),
    warn(
        clippy::expect_used,
        clippy::get_unwrap,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::string_slice,
        clippy::unimplemented,
        clippy::unreachable
    )
)]

mod authentication;
mod builder;
mod close;
mod connection;
mod context;
mod echo;
mod error;
mod event;
mod inbound;
mod io;
mod looking;
#[cfg(all(test, loom))]
mod loom_tests;
mod options;
mod outbound;
mod pace;
mod pattern;
mod pipe;
mod poll;
mod poller;
mod pool;
mod port;
mod proxy;
mod rope;
mod sealed;
mod security;
mod socket;
mod stats;
pub mod strategy;
mod sync;
mod timers;
mod trace;
mod unsent;
mod wait;
pub mod world;

/// What the variants of [`Endpoint`] hold.
pub mod endpoint {
    pub use ferromq_transport::{Host, InprocName, IpcAddress, IpcEndpoint, Source, TcpEndpoint};
}

pub use bytes::Bytes;
pub use ferromq_transport::{
    BoundListener, ConnectedStream, Endpoint, EndpointError, Keepalive, ListenError, StreamError,
    TransportOptions,
};
pub use ferromq_wire::{
    Claim, Command, Denial, Message, Part, PartError, Silence, SocketType, Version, Violation,
    ZmtpVersion,
};

pub use authentication::{AddressRangeError, Applicant, Authenticator, User, Verdict};
#[cfg(feature = "curve")]
pub use ferromq_wire::{KeyError, KeyPair, PublicKey, SecretKey};

#[doc(hidden)]
pub use builder::Adjusts;
pub use builder::{Builder, SocketType as BuildableSocket};
pub use close::CloseReport;
pub use context::{Context, ContextBuilder};
pub use error::{
    BindError, BuildError, ClosedError, ConnectError, RecvError, ReleaseError, RequestError,
    RequestErrorKind, SendError, SendErrorKind, TakeError, UpdateError, WaitError,
};
#[cfg(feature = "futures")]
pub use event::EventStream;
pub use event::{ConnectionId, Crowd, Event, Events, Initiator, Reason, SocksError};
#[doc(hidden)]
pub use options::{Announcements, Overflow, is_routing_id};
pub use options::{OnPeerLost, ReconnectStop};
pub use pattern::{
    Action, Actions, Admit, Asks, Conflates, Dropped, Kind, Origin, Pattern, Peer, PipeId,
    Progress, Readiness, Receives, Refusal, Refused, Requeues, Room, Route, Sends,
};
pub use poll::{PollItem, poll};
pub use poller::{PollError, PollEvent, Poller};
pub use proxy::{Proxy, ProxyHandle, ProxyStats, Stopped, Traffic};
pub use security::Security;
#[cfg(unix)]
pub use socket::ReceiveFd;
pub use socket::{Arrival, PeerInfo, RecvFuture, Request, RequestFuture, SendFuture, Socket};
#[cfg(feature = "futures")]
pub use socket::{MessageSink, MessageStream};
#[doc(hidden)]
pub use socket::{Receipt, enough};
pub use stats::{PeerStats, Stats};
pub use timers::{TimerId, Timers};
