//! Endpoints and byte streams for FerroMQ: tcp and ipc, and the registry of inproc names.
//!
//! This crate turns an [`Endpoint`] into listening and connected byte streams. It knows nothing of
//! ZMTP, of patterns, of threads or of waiting: streams and listeners are non-blocking, whoever
//! uses them waits for readiness itself. Only [`resolve`] (the system's resolver) and
//! [`Listener::bind`] (a name to bind, a file lock held by somebody else) may take a while.
//!
//! Tested on Linux. The other unixes differ in what is marked in the documentation (abstract
//! names, interface names, credentials); on Windows there is only tcp. Both are untested.
#![forbid(unsafe_code)]

mod address;
mod endpoint;
mod error;
mod inproc;
mod interfaces;
#[cfg(unix)]
mod ipc;
mod listener;
mod options;
mod resolve;
mod stream;
mod sys;
mod tcp;
#[cfg(test)]
mod tests;

pub use address::{Address, IpcAddress};
pub use endpoint::{Endpoint, EndpointError, Host, InprocName, IpcEndpoint, Source, TcpEndpoint};
pub use error::ListenError;
pub use inproc::{Connected, InprocRegistry, NameInUse, ParkedId};
pub use listener::Listener;
pub use options::{Keepalive, TransportOptions};
pub use resolve::{needs_resolver, resolve};
pub use stream::{Credentials, Stream};
