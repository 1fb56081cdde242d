//! Endpoints and byte streams for FerroMQ: tcp and ipc, and the registry of inproc names.
//!
//! This crate turns an [`Endpoint`] into listening and connected byte streams. It knows nothing of
//! ZMTP, of sockets with patterns, of threads or of waiting: every call returns at once (but for
//! [`resolve`], which asks the system's resolver), and whoever calls waits for readiness itself.
#![forbid(unsafe_code)]

mod address;
mod endpoint;
mod error;
mod options;

pub use address::{Address, IpcAddress};
pub use endpoint::{Endpoint, EndpointError, Host, InprocName, IpcEndpoint, Source, TcpEndpoint};
pub use error::ListenError;
pub use options::{Keepalive, TransportOptions};
