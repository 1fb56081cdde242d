#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
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

#[doc = include_str!("../differences.md")]
pub mod differences {}
#[cfg(feature = "json")]
pub mod json;
#[cfg(feature = "pickle")]
pub mod pickle;

pub use ferromq_core::{
    Arrival, BindError, BoundListener, BuildError, Builder, Bytes, CloseReport, ClosedError,
    ConnectError, ConnectionId, Context, Crowd, Dropped, Endpoint, EndpointError, Event, Events,
    Initiator, Keepalive, ListenError, Message, Part, PartError, Peer, PeerInfo, PeerStats, PipeId,
    PollItem, Proxy, ProxyHandle, ProxyStats, Readiness, Reason, Receives, RecvError, RecvFuture,
    Refusal, Refused, ReleaseError, SendError, SendErrorKind, SendFuture, Sends, Silence, Socket,
    SocketType, Stats, Stopped, Traffic, Version, Violation, WaitError, ZmtpVersion, poll,
};

// What endpoints consist of.
pub use ferromq_core::endpoint;

// Bounds of what is generic over socket types.
pub use ferromq_core::{Asks, BuildableSocket, Conflates, Pattern};

// Changing options.
pub use ferromq_core::UpdateError;

// Streams that somebody else has connected.
pub use ferromq_core::{ConnectedStream, StreamError, TakeError};

// Waiting for sockets, descriptors and timers.
#[cfg(unix)]
pub use ferromq_core::ReceiveFd;
pub use ferromq_core::{PollError, PollEvent, Poller, TimerId, Timers};

// What becomes of messages for a lost peer.
pub use ferromq_core::{OnPeerLost, Requeues};

// Requests that cannot be stuck.
pub use ferromq_core::{Request, RequestError, RequestErrorKind, RequestFuture};

// Who may be a peer.
pub use ferromq_core::{
    AddressRangeError, Applicant, Authenticator, Claim, Denial, Security, User, Verdict,
};
pub use ferromq_core::{ContextBuilder, ReconnectStop, SocksError};

#[cfg(feature = "futures")]
pub use ferromq_core::{EventStream, MessageSink, MessageStream};
#[cfg(feature = "curve")]
pub use ferromq_core::{KeyError, KeyPair, PublicKey, SecretKey};
#[cfg(feature = "pair")]
pub use ferromq_pair::Pair;
#[cfg(feature = "pipeline")]
pub use ferromq_pipeline::{Pull, Push};
#[cfg(feature = "pubsub")]
pub use ferromq_pubsub::{
    AnswerError, NotSubscribed, Pub, PubOptions, SlowSubscriber, Sub, SubOptions, UnsubscribeError,
    Xpub, XpubOptions, Xsub, XsubOptions,
};
#[cfg(feature = "reqrep")]
pub use ferromq_reqrep::{Dealer, DealerOptions, Rep, Req, ReqOptions, Router, RouterOptions};
