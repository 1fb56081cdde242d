//! Unix domain sockets: listening, dialling, options.

mod file;

use std::io;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};

use socket2::{Domain, SockAddr, Socket, Type};

use self::file::SocketFile;
use crate::stream::Peer;
use crate::{
    Allowed, Credentials, Endpoint, IpcAddress, IpcEndpoint, ListenError, Stream, StreamError,
    TransportOptions, sys,
};

/// A listening unix socket, with the file that it has in the file system.
#[derive(Debug)]
pub(crate) struct Listener {
    /// Removed first, so that nobody finds a file to which nobody listens.
    _file: Option<SocketFile>,
    socket: Socket,
    endpoint: IpcEndpoint,
    options: TransportOptions,
}

impl Listener {
    pub(crate) fn bind(
        endpoint: &IpcEndpoint,
        options: &TransportOptions,
    ) -> Result<Self, ListenError> {
        let (file, socket, endpoint) = match endpoint.address() {
            Some(IpcAddress::Path(path)) => {
                let (file, socket) = SocketFile::bind(path, options)?;
                (Some(file), socket, endpoint.clone())
            }
            Some(address @ IpcAddress::Abstract(_)) => {
                let socket = new_socket(options)?;
                socket.bind(&socket_address(address)?)?;
                listen(&socket, options)?;
                (None, socket, endpoint.clone())
            }
            None => {
                let (file, socket, endpoint) = SocketFile::bind_private(options)?;
                (Some(file), socket, endpoint)
            }
        };
        Ok(Self {
            _file: file,
            socket,
            endpoint,
            options: options.clone(),
        })
    }

    /// Takes over a socket that listens already. Its file is none of ours.
    pub(crate) fn adopt(
        listener: UnixListener,
        options: &TransportOptions,
    ) -> Result<Self, ListenError> {
        let name = name_of(&listener.local_addr()?).ok_or(ListenError::Unsupported)?;
        let socket = Socket::from(listener);
        sys::take_over(&socket)?;
        Ok(Self {
            _file: None,
            socket,
            endpoint: name.parse()?,
            options: options.clone(),
        })
    }

    /// The next connection; `None` if it had ended already, `PermissionDenied` if it is of nobody
    /// who is allowed.
    pub(crate) fn accept(&self) -> io::Result<Option<Stream>> {
        let (socket, _) = self.socket.accept()?;
        socket.set_nonblocking(true)?;
        if set_buffers(&socket, &self.options).is_err() {
            return Ok(None);
        }
        let stream = Stream::new(socket, Peer::Accepted);
        match is_allowed(&stream, &self.options.allowed) {
            true => Ok(Some(stream)),
            false => Err(io::ErrorKind::PermissionDenied.into()),
        }
    }

    pub(crate) fn endpoint(&self) -> Endpoint {
        Endpoint::Ipc(self.endpoint.clone())
    }

    pub(crate) fn socket(&self) -> &Socket {
        &self.socket
    }
}

/// Takes over a stream that is connected already.
pub(crate) fn adopt(stream: UnixStream, options: &TransportOptions) -> Result<Stream, StreamError> {
    stream.peer_addr()?;
    let socket = Socket::from(stream);
    sys::take_over(&socket)?;
    set_buffers(&socket, options)?;
    let stream = Stream::new(socket, Peer::Accepted);
    match is_allowed(&stream, &options.allowed) {
        true => Ok(stream),
        false => Err(StreamError::NotAllowed),
    }
}

/// What a connected stream is called: by its own name, or its peer's, or as one that has none.
pub(crate) fn endpoint_of(socket: &Socket) -> io::Result<Endpoint> {
    let names = [socket.local_addr()?, socket.peer_addr()?];
    let found = names.iter().find_map(|address| {
        let name = name_of(&address.as_unix()?)?;
        name.parse().ok()
    });
    Ok(Endpoint::Ipc(found.unwrap_or_else(IpcEndpoint::unnamed)))
}

/// Whose credentials are not known is nobody.
fn is_allowed(stream: &Stream, allowed: &[Allowed]) -> bool {
    let is_any = |peer| allowed.iter().any(|allowed| is(peer, *allowed));
    allowed.is_empty() || stream.peer_credentials().is_some_and(is_any)
}

/// A process 0 is one that has no number here: it is in a container, or outside of ours.
fn is(peer: Credentials, allowed: Allowed) -> bool {
    match allowed {
        Allowed::User(uid) => peer.uid == uid,
        Allowed::Group(gid) => peer.gid == gid,
        Allowed::Process(pid) => peer.pid == pid && pid != 0,
    }
}

/// The text of an address in an endpoint, if it has one.
fn name_of(address: &SocketAddr) -> Option<String> {
    #[cfg(target_os = "linux")]
    if let Some(name) = std::os::linux::net::SocketAddrExt::as_abstract_name(address) {
        return Some(format!("@{}", std::str::from_utf8(name).ok()?));
    }
    address.as_pathname()?.to_str().map(str::to_owned)
}

/// Connects; a unix socket is connected at once or not at all.
pub(crate) fn dial(address: &IpcAddress, options: &TransportOptions) -> io::Result<Stream> {
    let socket = new_socket(options)?;
    match socket.connect(&socket_address(address)?) {
        Ok(()) => Ok(Stream::new(socket, Peer::Ipc(address.clone()))),
        // That is how a full backlog is reported; there is nothing that one could wait for.
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            Err(io::ErrorKind::ResourceBusy.into())
        }
        Err(error) => Err(error),
    }
}

fn new_socket(options: &TransportOptions) -> io::Result<Socket> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    set_buffers(&socket, options)?;
    Ok(socket)
}

fn listen(socket: &Socket, options: &TransportOptions) -> io::Result<()> {
    socket.listen(options.backlog.try_into().unwrap_or(i32::MAX))
}

fn set_buffers(socket: &Socket, options: &TransportOptions) -> io::Result<()> {
    if let Some(size) = options.send_buffer {
        socket.set_send_buffer_size(size)?;
    }
    if let Some(size) = options.receive_buffer {
        socket.set_recv_buffer_size(size)?;
    }
    Ok(())
}

fn socket_address(address: &IpcAddress) -> io::Result<SockAddr> {
    match address {
        IpcAddress::Path(path) => SockAddr::unix(&**path),
        IpcAddress::Abstract(name) if cfg!(any(target_os = "linux", target_os = "android")) => {
            SockAddr::unix(format!("\0{name}"))
        }
        IpcAddress::Abstract(_) => Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "this system has no abstract names for unix sockets",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn process_without_a_number_here_is_allowed_by_user_and_group_only() {
        let peer = Credentials {
            pid: 0,
            uid: 1,
            gid: 2,
        };
        assert!(is(peer, Allowed::User(1)) && is(peer, Allowed::Group(2)));
        assert!(!is(peer, Allowed::Process(0)));
    }
}
