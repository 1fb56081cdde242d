//! Listening endpoints, whatever the transport.

use std::io;
#[cfg(unix)]
use std::os::fd::{AsFd, BorrowedFd};
#[cfg(windows)]
use std::os::windows::io::{AsSocket, BorrowedSocket};

use socket2::Socket;

#[cfg(all(unix, feature = "ipc"))]
use crate::ipc;
#[cfg(feature = "tcp")]
use crate::tcp;
use crate::{BoundListener, Endpoint, ListenError, Stream, TransportOptions};

/// How many connections one call skips: whoever ends them at once may come as fast as that.
const SKIPPED: usize = 64;

/// A non-blocking listening endpoint. Dropping it closes it, and removes its own ipc file. Unless
/// it is adopted, a tcp port is free then (Linux), even if a process that is being started has a
/// copy of the descriptor; so none is to be dropped in a forked child.
#[derive(Debug)]
pub struct Listener(Transport);

#[derive(Debug)]
enum Transport {
    #[cfg(feature = "tcp")]
    Tcp(tcp::Listener),
    #[cfg(all(unix, feature = "ipc"))]
    Ipc(ipc::Listener),
}

impl Listener {
    /// Starts listening.
    ///
    /// - `tcp://*` listens on all addresses, IPv6 and IPv4 by one socket, or IPv4 only where there
    ///   is no IPv6.
    /// - `tcp://name` listens on the first usable address of the interface of that name (Linux), or
    ///   else of the host name; IPv4 comes first.
    /// - `ipc://path`: a socket file that a dead process has left is replaced. Whether somebody
    ///   listens there is found out by connecting, which a live listener sees as a connection that
    ///   ends at once.
    /// - `ipc://*`: the file `socket` in a fresh directory below the temporary directory, only
    ///   accessible to this user. The path that came of it can be bound again, as private as it
    ///   was, after the directory has gone with the listener.
    ///
    /// # Blocking
    /// For as long as the resolver takes if a host name is given; and up to 100 ms while others
    /// hold a lock on the directory of an ipc path.
    ///
    /// # Errors
    /// - [`ListenError`] says each.
    pub fn bind(endpoint: &Endpoint, options: &TransportOptions) -> Result<Self, ListenError> {
        endpoint.check_transport()?;
        endpoint.check_bind()?;
        let transport = match endpoint {
            #[cfg(feature = "tcp")]
            Endpoint::Tcp(tcp) => Transport::Tcp(tcp::Listener::bind(tcp, options)?),
            #[cfg(all(unix, feature = "ipc"))]
            Endpoint::Ipc(ipc) => Transport::Ipc(ipc::Listener::bind(ipc, options)?),
            _ => return Err(ListenError::Unsupported),
        };
        Ok(Self(transport))
    }

    /// Takes over a socket that listens already. Options of streams are applied, those of listening
    /// (backlog, interface) are not, and the file of an ipc socket stays when this is dropped.
    ///
    /// # Errors
    /// - [`ListenError::Unsupported`]: an ipc socket without a name, or with one that is no text;
    /// - what the system reports.
    pub fn adopt(bound: BoundListener, options: &TransportOptions) -> Result<Self, ListenError> {
        let transport = match bound {
            #[cfg(feature = "tcp")]
            BoundListener::Tcp(tcp) => Transport::Tcp(tcp::Listener::adopt(tcp, options)?),
            #[cfg(not(feature = "tcp"))]
            BoundListener::Tcp(_) => return Err(ListenError::Unsupported),
            #[cfg(all(unix, feature = "ipc"))]
            BoundListener::Ipc(ipc) => Transport::Ipc(ipc::Listener::adopt(ipc, options)?),
            #[cfg(all(unix, not(feature = "ipc")))]
            BoundListener::Ipc(_) => return Err(ListenError::Unsupported),
        };
        Ok(Self(transport))
    }

    /// The next connection, with the options applied. Connections that have ended before they were
    /// accepted are skipped.
    ///
    /// # Errors
    /// - `PermissionDenied`: one that is not allowed was closed; there may be others.
    /// - `WouldBlock`: none now; or so many were skipped that others are to have a turn first.
    /// - what the system reports. If it is out of descriptors or memory, the connection stays in
    ///   the backlog: wait a little before the next try.
    pub fn accept(&self) -> io::Result<Stream> {
        for _ in 0..SKIPPED {
            let accepted = match &self.0 {
                #[cfg(feature = "tcp")]
                Transport::Tcp(tcp) => tcp.accept(),
                #[cfg(all(unix, feature = "ipc"))]
                Transport::Ipc(ipc) => ipc.accept(),
            };
            match accepted {
                Ok(Some(stream)) => return Ok(stream),
                Ok(None) => {}
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::ErrorKind::WouldBlock.into())
    }

    /// The concrete endpoint: wildcard port or path replaced by what the system chose.
    pub fn endpoint(&self) -> Endpoint {
        match &self.0 {
            #[cfg(feature = "tcp")]
            Transport::Tcp(tcp) => tcp.endpoint(),
            #[cfg(all(unix, feature = "ipc"))]
            Transport::Ipc(ipc) => ipc.endpoint(),
        }
    }

    fn socket(&self) -> &Socket {
        match &self.0 {
            #[cfg(feature = "tcp")]
            Transport::Tcp(tcp) => tcp.socket(),
            #[cfg(all(unix, feature = "ipc"))]
            Transport::Ipc(ipc) => ipc.socket(),
        }
    }
}

#[cfg(unix)]
impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket().as_fd()
    }
}

#[cfg(windows)]
impl AsSocket for Listener {
    fn as_socket(&self) -> BorrowedSocket<'_> {
        self.socket().as_socket()
    }
}

/// Errors that tell of one connection, not of the listener: among them the network errors that
/// Linux passes on from the connection that is taken (accept(2)), and on Windows that it has no
/// peer any more.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{
        ConnectionAborted, ConnectionReset, HostUnreachable, Interrupted, NetworkDown,
        NetworkUnreachable, NotConnected,
    };
    let kinds = [
        ConnectionAborted,
        ConnectionReset,
        HostUnreachable,
        Interrupted,
        NetworkDown,
        NetworkUnreachable,
        NotConnected,
    ];
    kinds.contains(&error.kind()) || is_protocol_error(error)
}

#[cfg(unix)]
fn is_protocol_error(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::PROTO.raw_os_error())
}

#[cfg(not(unix))]
fn is_protocol_error(_: &io::Error) -> bool {
    false
}
