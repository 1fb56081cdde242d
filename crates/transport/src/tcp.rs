//! TCP: listening, dialling, options.

mod interfaces;
mod resolve;

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use socket2::{Domain, Protocol, SockAddr, Socket, TcpKeepalive, Type};

pub(crate) use self::resolve::resolve;
use self::resolve::resolve_bind;
use crate::stream::Peer;
use crate::{
    Endpoint, Keepalive, ListenError, Stream, StreamError, TcpEndpoint, TransportOptions, sys,
};

/// How often another port is asked for if the one that the system chose was taken meanwhile.
const EPHEMERAL_TRIES: usize = 8;

/// A listening TCP socket.
#[derive(Debug)]
pub(crate) struct Listener {
    socket: Socket,
    address: SocketAddr,
    options: TransportOptions,
    /// Others may have it as well, and go on listening.
    is_adopted: bool,
}

impl Listener {
    /// Listens on the first address of the endpoint that can be had.
    pub(crate) fn bind(
        endpoint: &TcpEndpoint,
        options: &TransportOptions,
    ) -> Result<Self, ListenError> {
        let mut failure = ListenError::AddressNotAvailable;
        for address in resolve_bind(endpoint, options)? {
            match listen_somewhere(address, options) {
                Ok(socket) => {
                    let own = socket.local_addr()?.as_socket();
                    let address = own.ok_or(ListenError::AddressNotAvailable)?;
                    return Ok(Self {
                        socket,
                        address,
                        options: options.clone(),
                        is_adopted: false,
                    });
                }
                // Somebody else has it: then the next address is not what was meant.
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => return Err(error.into()),
                Err(error) => failure = error.into(),
            }
        }
        Err(failure)
    }

    /// Takes over a socket that listens already.
    pub(crate) fn adopt(
        listener: TcpListener,
        options: &TransportOptions,
    ) -> Result<Self, ListenError> {
        let (address, socket) = (listener.local_addr()?, Socket::from(listener));
        sys::take_over(&socket)?;
        set_buffers(&socket, options)?;
        set_stream_options(&socket, address, options)?;
        Ok(Self {
            socket,
            address,
            options: options.clone(),
            is_adopted: true,
        })
    }

    /// The next connection; `None` if it had ended already.
    pub(crate) fn accept(&self) -> io::Result<Option<Stream>> {
        let (socket, address) = self.socket.accept()?;
        let Some(address) = address.as_socket() else {
            return Ok(None);
        };
        socket.set_nonblocking(true)?;
        // The listener has proved that the options are acceptable. So only a connection that is
        // gone already refuses them. (Of a listener that was taken over, some may be older than its
        // buffers.)
        let buffers = match self.is_adopted {
            true => set_buffers(&socket, &self.options),
            false => Ok(()),
        };
        match buffers.and_then(|()| set_stream_options(&socket, address, &self.options)) {
            Ok(()) => Ok(Some(Stream::new(socket, Peer::Tcp(unmapped(address))))),
            Err(_) => Ok(None),
        }
    }

    pub(crate) fn endpoint(&self) -> Endpoint {
        self.address.into()
    }

    pub(crate) fn socket(&self) -> &Socket {
        &self.socket
    }
}

/// A process that another thread is starting has a copy of the descriptor until it runs: without
/// this, the copy would go on listening, and the port could not be had again meanwhile.
impl Drop for Listener {
    fn drop(&mut self) {
        if !self.is_adopted {
            // Linux does so; elsewhere it is refused, and closing has to do.
            let _ = self.socket.shutdown(Shutdown::Both);
        }
    }
}

/// Starts connecting, optionally from an own address.
pub(crate) fn dial(
    to: SocketAddr,
    from: Option<SocketAddr>,
    options: &TransportOptions,
) -> io::Result<Stream> {
    if to.is_ipv6() && !options.ipv6 {
        return Err(io::ErrorKind::Unsupported.into());
    }
    let socket = new_socket(to, options)?;
    if let Some(from) = from {
        // Otherwise a fixed source port could not be used again for minutes.
        #[cfg(not(windows))]
        socket.set_reuse_address(true)?;
        socket.bind(&from.into())?;
    }
    match socket.connect(&SockAddr::from(to)) {
        Err(error) if !is_in_progress(&error) => Err(error),
        _ => Ok(Stream::new(socket, Peer::Tcp(to))),
    }
}

/// Takes over a stream that is connected already.
pub(crate) fn adopt(stream: TcpStream, options: &TransportOptions) -> Result<Stream, StreamError> {
    let (address, socket) = (stream.peer_addr()?, Socket::from(stream));
    sys::take_over(&socket)?;
    set_buffers(&socket, options)?;
    set_stream_options(&socket, address, options)?;
    Ok(Stream::new(socket, Peer::Tcp(unmapped(address))))
}

/// With port 0 two sockets can be given the same port until one of them listens.
fn listen_somewhere(address: SocketAddr, options: &TransportOptions) -> io::Result<Socket> {
    let tries = if address.port() == 0 {
        EPHEMERAL_TRIES
    } else {
        1
    };
    for _ in 1..tries {
        match listen(address, options) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
            decided => return decided,
        }
    }
    listen(address, options)
}

fn listen(address: SocketAddr, options: &TransportOptions) -> io::Result<Socket> {
    let socket = new_socket(address, options)?;
    if address.is_ipv6() {
        // One socket for both, if it is for all addresses.
        socket.set_only_v6(!address.ip().is_unspecified())?;
    }
    // On Windows this option would let others take the port over.
    #[cfg(not(windows))]
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(options.backlog.try_into().unwrap_or(i32::MAX))?;
    Ok(socket)
}

fn new_socket(address: SocketAddr, options: &TransportOptions) -> io::Result<Socket> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    socket.set_nonblocking(true)?;
    // Buffer sizes count from the handshake on (window scale), and are inherited by what is
    // accepted.
    set_buffers(&socket, options)?;
    if let Some(device) = &options.device {
        bind_device(&socket, device)?;
    }
    set_stream_options(&socket, address, options)?;
    Ok(socket)
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

fn set_stream_options(
    socket: &Socket,
    address: SocketAddr,
    options: &TransportOptions,
) -> io::Result<()> {
    socket.set_tcp_nodelay(true)?;
    // There is no urgency in ZMTP. And where reactors wait for urgent bytes as well, one that stays
    // beside the stream would be reported again and again.
    socket.set_out_of_band_inline(true)?;
    if let Some(keepalive) = options.keepalive {
        socket.set_tcp_keepalive(&tcp_keepalive(keepalive))?;
    }
    if let Some(timeout) = options.retransmission_timeout {
        set_retransmission_timeout(socket, timeout)?;
    }
    match options.type_of_service {
        Some(value) => set_type_of_service(socket, address, value.into()),
        None => Ok(()),
    }
}

#[cfg(target_os = "linux")]
fn bind_device(socket: &Socket, device: &str) -> io::Result<()> {
    socket.bind_device(Some(device.as_bytes()))
}

#[cfg(not(target_os = "linux"))]
fn bind_device(_: &Socket, _: &str) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(target_os = "linux")]
fn set_retransmission_timeout(socket: &Socket, timeout: Duration) -> io::Result<()> {
    socket.set_tcp_user_timeout(Some(timeout))
}

#[cfg(not(target_os = "linux"))]
fn set_retransmission_timeout(_: &Socket, _: Duration) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// A dual-stack socket carries both kinds of packets; it may not take the IPv4 option everywhere.
fn set_type_of_service(socket: &Socket, address: SocketAddr, value: u32) -> io::Result<()> {
    if address.is_ipv4() {
        return socket.set_tos_v4(value);
    }
    let _ = socket.set_tos_v4(value);
    #[cfg(unix)]
    socket.set_tclass_v6(value)?;
    Ok(())
}

fn tcp_keepalive(keepalive: Keepalive) -> TcpKeepalive {
    let mut wanted = TcpKeepalive::new();
    if let Some(idle) = keepalive.idle {
        wanted = wanted.with_time(idle);
    }
    if let Some(interval) = keepalive.interval {
        wanted = wanted.with_interval(interval);
    }
    if let Some(count) = keepalive.count {
        wanted = wanted.with_retries(count);
    }
    wanted
}

/// A peer's IPv4 address, where a dual-stack socket reports it inside an IPv6 address.
fn unmapped(address: SocketAddr) -> SocketAddr {
    match address.ip().to_canonical() {
        ip if ip == address.ip() => address,
        ip => SocketAddr::new(ip, address.port()),
    }
}

#[cfg(unix)]
fn is_in_progress(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::INPROGRESS.raw_os_error())
}

#[cfg(not(unix))]
fn is_in_progress(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mapped_address_becomes_what_it_maps_and_others_keep_their_zone() {
        for (given, expected) in [
            ("[::ffff:10.0.0.1]:5", "10.0.0.1:5"),
            ("[fe80::1%2]:5", "[fe80::1%2]:5"),
            ("10.0.0.1:5", "10.0.0.1:5"),
        ] {
            let address = unmapped(given.parse().unwrap());
            assert_eq!(address, expected.parse().unwrap());
        }
    }
}
