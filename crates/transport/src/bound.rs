//! Listening sockets that somebody else has made.

use std::net::TcpListener;
#[cfg(unix)]
use std::os::unix::net::UnixListener;

/// A socket that listens already: somebody else has made it, as a supervisor does who starts the
/// process, or the process that had the address before.
#[derive(Debug)]
#[non_exhaustive]
pub enum BoundListener {
    /// Of tcp.
    Tcp(TcpListener),
    /// Of ipc.
    #[cfg(unix)]
    Ipc(UnixListener),
}

impl From<TcpListener> for BoundListener {
    fn from(listener: TcpListener) -> Self {
        Self::Tcp(listener)
    }
}

#[cfg(unix)]
impl From<UnixListener> for BoundListener {
    fn from(listener: UnixListener) -> Self {
        Self::Ipc(listener)
    }
}
