//! Endpoints: the texts by which sockets are bound and connected, parsed once and strictly.
//!
//! | form | meaning |
//! |---|---|
//! | `tcp://host:port` | host: IPv4, `[IPv6]` (with `%zone` if need be), `*`, name or interface |
//! | `tcp://source;host:port` | connecting from an own address: `literal[:port]` or interface |
//! | `ipc://path` | a unix socket in the file system; relative paths are allowed |
//! | `ipc://@name` | a unix socket in Linux's abstract namespace |
//! | `ipc://*` | bind only: a fresh private socket file, named by the system |
//! | `inproc://name` | a name within one context |
//!
//! Port `*` and port `0` are the same: the system chooses one, so only `bind` takes them.
//! Parsing looks at the text alone: nothing is resolved, and endpoints of transports that this
//! build leaves out parse as well, to be refused by `bind` and `connect`. `Display` writes the
//! canonical text, which parses to an equal endpoint.

mod error;
mod inproc;
mod ipc;
mod tcp;
#[cfg(test)]
mod tests;

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

pub use self::error::EndpointError;
pub use self::inproc::InprocName;
pub use self::ipc::IpcEndpoint;
pub use self::tcp::{Host, Source, TcpEndpoint};

/// Where a socket is bound or connected.
///
/// Made by parsing (`"tcp://127.0.0.1:5555".parse()`), or from a [`SocketAddr`]. Functions that
/// take an endpoint ask for `impl TryInto<Endpoint, Error: Into<EndpointError>>`: then a `&str`, a
/// `String`, an `Endpoint` and a `&Endpoint` will all do.
///
/// # Examples
/// ```
/// use ferromq_transport::{Endpoint, EndpointError};
///
/// let endpoint: Endpoint = "tcp://localhost:5555".parse()?;
/// assert_eq!(endpoint.to_string(), "tcp://localhost:5555");
/// assert_eq!("tcp://localhost".parse::<Endpoint>(), Err(EndpointError::PortMissing));
/// # Ok::<(), EndpointError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// A TCP host and port.
    Tcp(TcpEndpoint),
    /// A unix domain socket.
    Ipc(IpcEndpoint),
    /// A name within one context.
    Inproc(InprocName),
}

impl Endpoint {
    /// Tells whether a socket can be bound here, as far as the text shows.
    ///
    /// # Errors
    /// - [`EndpointError::SourceWhenBinding`]: a source address is only for connecting.
    pub fn check_bind(&self) -> Result<(), EndpointError> {
        match self {
            Self::Tcp(tcp) => tcp.check_bind(),
            Self::Ipc(_) | Self::Inproc(_) => Ok(()),
        }
    }

    /// Tells whether a socket can be connected here, as far as the text shows.
    ///
    /// # Errors
    /// - [`EndpointError::HostWildcard`]: `*` is no host to connect to.
    /// - [`EndpointError::PortWildcard`]: neither is port `0` or `*`.
    /// - [`EndpointError::PathWildcard`]: nor `ipc://*`.
    pub fn check_connect(&self) -> Result<(), EndpointError> {
        match self {
            Self::Tcp(tcp) => tcp.check_connect(),
            Self::Ipc(ipc) => ipc.check_connect(),
            Self::Inproc(_) => Ok(()),
        }
    }

    /// Tells whether there is such a transport here: a program may have left it out, and not every
    /// system has ipc.
    ///
    /// # Errors
    /// - [`EndpointError::TcpDisabled`], [`IpcDisabled`](EndpointError::IpcDisabled),
    ///   [`InprocDisabled`](EndpointError::InprocDisabled): this crate was compiled without the
    ///   feature of that name.
    /// - [`EndpointError::IpcUnsupported`]: this platform has no unix domain sockets.
    pub fn check_transport(&self) -> Result<(), EndpointError> {
        match self {
            Self::Tcp(_) if !cfg!(feature = "tcp") => Err(EndpointError::TcpDisabled),
            Self::Ipc(_) if !cfg!(unix) => Err(EndpointError::IpcUnsupported),
            Self::Ipc(_) if !cfg!(feature = "ipc") => Err(EndpointError::IpcDisabled),
            Self::Inproc(_) if !cfg!(feature = "inproc") => Err(EndpointError::InprocDisabled),
            Self::Tcp(_) | Self::Ipc(_) | Self::Inproc(_) => Ok(()),
        }
    }

    /// The scheme: `"tcp"`, `"ipc"` or `"inproc"`.
    pub fn scheme(&self) -> &'static str {
        match self {
            Self::Tcp(_) => "tcp",
            Self::Ipc(_) => "ipc",
            Self::Inproc(_) => "inproc",
        }
    }
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        let (scheme, rest) = text.split_once("://").ok_or(EndpointError::SchemeMissing)?;
        if rest.contains('\0') {
            return Err(EndpointError::NulByte);
        }
        match scheme {
            "tcp" => rest.parse().map(Self::Tcp),
            "ipc" => rest.parse().map(Self::Ipc),
            "inproc" => rest.parse().map(Self::Inproc),
            _ => Err(EndpointError::SchemeUnknown),
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(tcp) => write!(f, "tcp://{tcp}"),
            Self::Ipc(ipc) => write!(f, "ipc://{ipc}"),
            Self::Inproc(name) => write!(f, "inproc://{name}"),
        }
    }
}

impl TryFrom<&str> for Endpoint {
    type Error = EndpointError;

    fn try_from(text: &str) -> Result<Self, EndpointError> {
        text.parse()
    }
}

impl TryFrom<&String> for Endpoint {
    type Error = EndpointError;

    fn try_from(text: &String) -> Result<Self, EndpointError> {
        text.parse()
    }
}

impl TryFrom<String> for Endpoint {
    type Error = EndpointError;

    fn try_from(text: String) -> Result<Self, EndpointError> {
        text.parse()
    }
}

impl From<&Endpoint> for Endpoint {
    fn from(endpoint: &Endpoint) -> Self {
        endpoint.clone()
    }
}

impl From<SocketAddr> for Endpoint {
    fn from(address: SocketAddr) -> Self {
        Self::Tcp(TcpEndpoint::from(address))
    }
}
