//! Endpoints and byte streams for FerroMQ: tcp and ipc, and the registry of inproc names.
//!
//! This crate turns an [`Endpoint`] into listening and connected byte streams. It knows nothing of
//! ZMTP, of patterns, of threads or of waiting: streams and listeners are non-blocking, whoever
//! uses them waits for readiness itself. Only [`resolve`] (the system's resolver) and
//! [`Listener::bind`] (a name to bind, a file lock held by somebody else) may take a while.
//!
//! Tested on Linux. The other unixes, which are untested, differ in what is marked in the
//! documentation (abstract names, interface names, credentials); on Windows, which was tested under
//! Wine, there is only tcp.
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    warn(
        clippy::arithmetic_side_effects,
        clippy::expect_used,
        clippy::get_unwrap,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::string_slice,
        clippy::unimplemented,
        clippy::unreachable
    )
)]

mod address;
mod bound;
mod connected;
mod endpoint;
mod error;
#[cfg(feature = "inproc")]
mod inproc;
#[cfg(all(unix, feature = "ipc"))]
mod ipc;
#[cfg(any(feature = "tcp", all(unix, feature = "ipc")))]
mod listener;
mod options;
#[cfg(any(feature = "tcp", all(unix, feature = "ipc")))]
mod resolve;
#[cfg(any(feature = "tcp", all(unix, feature = "ipc")))]
mod stream;
#[cfg(any(feature = "tcp", all(unix, feature = "ipc")))]
mod sys;
#[cfg(feature = "tcp")]
mod tcp;
#[cfg(test)]
mod tests;

pub use address::{Address, IpcAddress};
pub use bound::BoundListener;
pub use connected::{ConnectedStream, StreamError};
pub use endpoint::{Endpoint, EndpointError, Host, InprocName, IpcEndpoint, Source, TcpEndpoint};
pub use error::{ListenError, is_out_of_descriptors};
#[cfg(feature = "inproc")]
pub use inproc::{Connected, InprocRegistry, NameInUse, ParkedId};
#[cfg(any(feature = "tcp", all(unix, feature = "ipc")))]
pub use listener::Listener;
pub use options::{Allowed, Keepalive, TransportOptions};
#[cfg(any(feature = "tcp", all(unix, feature = "ipc")))]
pub use resolve::{needs_resolver, resolve};
#[cfg(any(feature = "tcp", all(unix, feature = "ipc")))]
pub use stream::{Credentials, Stream};
