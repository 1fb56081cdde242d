//! Connected byte streams, whatever the transport.

use std::io::{self, IoSlice};
use std::net::Shutdown;
#[cfg(feature = "tcp")]
use std::net::SocketAddr;
#[cfg(unix)]
use std::os::fd::{AsFd, BorrowedFd};
#[cfg(windows)]
use std::os::windows::io::{AsSocket, BorrowedSocket};

#[cfg(all(target_os = "linux", feature = "ipc"))]
use nix::sys::socket::sockopt::PeerCredentials;
use socket2::{SockAddr, Socket};

#[cfg(feature = "tcp")]
use crate::tcp;
use crate::{Address, ConnectedStream, Endpoint, StreamError, TransportOptions, sys};
#[cfg(all(unix, feature = "ipc"))]
use crate::{IpcAddress, ipc};

/// A connected, or connecting, non-blocking byte stream.
///
/// All methods take `&self`, so that reading and writing can go on in different threads.
/// Interrupted system calls are repeated; `WouldBlock` means: wait until the descriptor is ready.
/// Dropping the stream closes it; the kernel then still sends what was written, unless unread bytes
/// are waiting.
#[derive(Debug)]
pub struct Stream {
    socket: Socket,
    peer: Peer,
}

/// Who is at the other end.
#[derive(Clone, Debug)]
pub(crate) enum Peer {
    #[cfg(feature = "tcp")]
    Tcp(SocketAddr),
    /// What was dialled.
    #[cfg(all(unix, feature = "ipc"))]
    Ipc(IpcAddress),
    /// Whoever has connected to an ipc listener, or has the other end of a pair.
    #[cfg(all(unix, feature = "ipc"))]
    Accepted,
}

/// The process at the other end of an ipc stream, as the kernel knows it since it connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Credentials {
    /// Process id.
    pub pid: u32,
    /// Effective user id.
    pub uid: u32,
    /// Effective group id.
    pub gid: u32,
}

impl Stream {
    /// Starts connecting. The outcome is known when the stream becomes writable; then
    /// [`finish_connect`](Self::finish_connect) tells it.
    ///
    /// # Errors
    /// - `Unsupported`: an IPv6 address without [`TransportOptions::ipv6`], or a transport that is
    ///   not there ([`Endpoint::check_transport`](crate::Endpoint::check_transport)).
    /// - `ResourceBusy`: the backlog of the ipc listener is full.
    /// - what the system reports at once, such as `ConnectionRefused` or `NotFound`.
    pub fn dial(address: &Address, options: &TransportOptions) -> io::Result<Self> {
        match address {
            #[cfg(feature = "tcp")]
            Address::Tcp { to, from } => tcp::dial(*to, *from, options),
            #[cfg(all(unix, feature = "ipc"))]
            Address::Ipc(address) => ipc::dial(address, options),
            #[cfg(not(all(unix, feature = "tcp", feature = "ipc")))]
            _ => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// Takes over a stream that is connected already. Options of streams are applied, sizes of the
    /// kernel's buffers too; it becomes non-blocking, for whoever else has a descriptor of it as
    /// well, and is closed in a program that this process executes.
    ///
    /// # Errors
    /// - [`StreamError`] says each.
    pub fn adopt(
        connected: ConnectedStream,
        options: &TransportOptions,
    ) -> Result<Self, StreamError> {
        match connected {
            #[cfg(feature = "tcp")]
            ConnectedStream::Tcp(tcp) => tcp::adopt(tcp, options),
            #[cfg(not(feature = "tcp"))]
            ConnectedStream::Tcp(_) => Err(StreamError::Unsupported),
            #[cfg(all(unix, feature = "ipc"))]
            ConnectedStream::Ipc(ipc) => ipc::adopt(ipc, options),
            #[cfg(all(unix, not(feature = "ipc")))]
            ConnectedStream::Ipc(_) => Err(StreamError::Unsupported),
        }
    }

    pub(crate) fn new(socket: Socket, peer: Peer) -> Self {
        Self { socket, peer }
    }

    /// How connecting ended; to be asked when the stream is writable, and any time later.
    ///
    /// # Errors
    /// - `WouldBlock`: still connecting.
    /// - `ConnectionRefused`: refused, or a TCP port that got connected to itself, as can happen
    ///   with dead local ports of the ephemeral range.
    /// - what else the system reports. An error is reported once.
    pub fn finish_connect(&self) -> io::Result<()> {
        if let Some(error) = self.socket.take_error()? {
            return Err(error);
        }
        match self.socket.peer_addr() {
            Ok(peer) if self.is_connected_to_itself(&peer) => {
                self.shutdown();
                Err(io::ErrorKind::ConnectionRefused.into())
            }
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotConnected => {
                Err(io::ErrorKind::WouldBlock.into())
            }
            Err(error) => Err(error),
        }
    }

    /// Appends at most `most` bytes to `into`, within its spare capacity, which must not be empty.
    /// Returns how many; 0 means that the peer has ended its side.
    ///
    /// Nothing is zeroed or copied if the spare capacity is at most `most`; otherwise at most 16
    /// KiB are read at a time.
    ///
    /// # Errors
    /// - `WouldBlock`: nothing there now.
    /// - `InvalidInput`: no spare capacity, or `most` is 0.
    /// - what the system reports, such as `ConnectionReset`.
    pub fn read(&self, into: &mut Vec<u8>, most: usize) -> io::Result<usize> {
        sys::read(&self.socket, into, most)
    }

    /// Writes what fits of the first 1024 slices, in order, and returns how many bytes that is.
    /// Never raises a signal.
    ///
    /// # Errors
    /// - `WouldBlock`: the kernel's buffer is full.
    /// - what the system reports, such as `BrokenPipe` or `ConnectionReset`.
    pub fn write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        sys::write(&self.socket, slices)
    }

    /// Tells the peer that nothing more will be written. Does nothing if the stream is not
    /// connected any more.
    ///
    /// # Errors
    /// - what the system reports.
    pub fn shutdown_write(&self) -> io::Result<()> {
        match self.socket.shutdown(Shutdown::Write) {
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(()),
            decided => decided,
        }
    }

    /// Ends both directions at once; every reader and poller wakes.
    pub fn shutdown(&self) {
        // The only failure is that it has ended already.
        let _ = self.socket.shutdown(Shutdown::Both);
    }

    /// The peer's address as text: `ip:port`; the path or `@name` that was dialled; or
    /// `:uid:gid:pid` of who connected to an ipc listener (empty where the system does not tell).
    pub fn peer_address(&self) -> String {
        match &self.peer {
            #[cfg(feature = "tcp")]
            Peer::Tcp(address) => address.to_string(),
            #[cfg(all(unix, feature = "ipc"))]
            Peer::Ipc(address) => address.to_string(),
            #[cfg(all(unix, feature = "ipc"))]
            Peer::Accepted => match self.peer_credentials() {
                Some(Credentials { pid, uid, gid }) => format!(":{uid}:{gid}:{pid}"),
                None => String::new(),
            },
        }
    }

    /// The stream's own address as an endpoint; of ipc, the name of whichever side has one, and
    /// `ipc://*` if neither has.
    ///
    /// # Errors
    /// - what the system reports.
    pub fn endpoint(&self) -> io::Result<Endpoint> {
        match &self.peer {
            #[cfg(feature = "tcp")]
            Peer::Tcp(_) => {
                let own = self.socket.local_addr()?.as_socket();
                own.map(Endpoint::from)
                    .ok_or_else(|| io::ErrorKind::Unsupported.into())
            }
            #[cfg(all(unix, feature = "ipc"))]
            Peer::Ipc(_) | Peer::Accepted => ipc::endpoint_of(&self.socket),
        }
    }

    /// The process at the other end: only for ipc, only on Linux.
    pub fn peer_credentials(&self) -> Option<Credentials> {
        #[cfg(all(target_os = "linux", feature = "ipc"))]
        if matches!(self.peer, Peer::Ipc(_) | Peer::Accepted) {
            let found = nix::sys::socket::getsockopt(&self.socket, PeerCredentials).ok()?;
            return Some(Credentials {
                pid: u32::try_from(found.pid()).unwrap_or(0),
                uid: found.uid(),
                gid: found.gid(),
            });
        }
        None
    }

    /// What was dialed does not tell: of "any address" the system makes loopback.
    fn is_connected_to_itself(&self, peer: &SockAddr) -> bool {
        match &self.peer {
            #[cfg(feature = "tcp")]
            Peer::Tcp(_) => {
                let own = self.socket.local_addr().ok();
                own.and_then(|own| own.as_socket()) == peer.as_socket()
            }
            #[cfg(all(unix, feature = "ipc"))]
            Peer::Ipc(_) | Peer::Accepted => {
                let _ = peer;
                false
            }
        }
    }

    #[cfg(test)]
    pub(crate) fn socket(&self) -> &Socket {
        &self.socket
    }
}

#[cfg(unix)]
impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

#[cfg(windows)]
impl AsSocket for Stream {
    fn as_socket(&self) -> BorrowedSocket<'_> {
        self.socket.as_socket()
    }
}
