//! Connected sockets that somebody else has made.

use std::io;
use std::net::TcpStream;
#[cfg(unix)]
use std::os::unix::net::UnixStream;

/// A stream that is connected already: somebody else has dialed or accepted it, or made a pair.
#[derive(Debug)]
#[non_exhaustive]
pub enum ConnectedStream {
    /// Of tcp.
    Tcp(TcpStream),
    /// Of ipc.
    #[cfg(unix)]
    Ipc(UnixStream),
}

/// Why a connected stream cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StreamError {
    /// The system reports something else.
    #[error("the system refuses the stream or an option of it")]
    Io(#[source] io::Error),
    /// The process at the other end is none of those that are allowed.
    #[error("the process at the other end is not allowed")]
    NotAllowed,
    /// Nobody is at the other end, or not any more.
    #[error("the stream is not connected")]
    NotConnected,
    /// It is no byte stream, or one of a transport that is not there.
    #[error("sockets of this kind cannot be used here")]
    Unsupported,
}

impl From<io::Error> for StreamError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotConnected => Self::NotConnected,
            io::ErrorKind::Unsupported => Self::Unsupported,
            _ => Self::Io(error),
        }
    }
}

impl From<TcpStream> for ConnectedStream {
    fn from(stream: TcpStream) -> Self {
        Self::Tcp(stream)
    }
}

#[cfg(unix)]
impl From<UnixStream> for ConnectedStream {
    fn from(stream: UnixStream) -> Self {
        Self::Ipc(stream)
    }
}
