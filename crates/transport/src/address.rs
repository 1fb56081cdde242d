//! Addresses: what an endpoint's name resolves to.

use std::fmt;
use std::net::SocketAddr;

/// Where to connect, with nothing left to resolve.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Address {
    /// A TCP address.
    Tcp {
        /// The peer's address.
        to: SocketAddr,
        /// The own address, if the endpoint has a source; port 0 lets the system choose one.
        from: Option<SocketAddr>,
    },
    /// A unix domain socket.
    Ipc(IpcAddress),
}

/// The address of a unix domain socket.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum IpcAddress {
    /// A path in the file system.
    Path(Box<str>),
    /// A name in Linux's abstract namespace, without the `@`.
    Abstract(Box<str>),
}

impl fmt::Display for Address {
    /// As the text of the peer: `ip:port`, a path, or `@name`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { to, .. } => write!(f, "{to}"),
            Self::Ipc(address) => write!(f, "{address}"),
        }
    }
}

impl fmt::Display for IpcAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => f.write_str(path),
            Self::Abstract(name) => write!(f, "@{name}"),
        }
    }
}
