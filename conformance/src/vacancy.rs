//! Places where nobody listens yet, and raw peers who do or who dial.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use ferromq::Endpoint;
use ferromq_core::world::Listener;
use ferromq_testkit::{MockPeer, SimWorld};
use socket2::{Domain, Socket, Type};

/// A raw peer that has connected to a tcp or ipc endpoint of this machine.
#[track_caller]
pub(crate) fn dial(endpoint: &str) -> MockPeer {
    match endpoint.split_once("://") {
        Some(("tcp", address)) => MockPeer::dial_tcp(address),
        Some(("ipc", path)) => match UnixStream::connect(path) {
            Ok(stream) => MockPeer::over(stream),
            Err(error) => panic!("connecting to {endpoint}: {error}"),
        },
        _ => panic!("{endpoint}: only tcp and ipc can be spoken raw"),
    }
}

/// A place where nobody listens; it stays with whoever has asked for it.
#[derive(Debug)]
pub(crate) enum Vacancy {
    Inproc(String),
    Ipc(PathBuf),
    Sim(SimWorld, String),
    Tcp(SocketAddr),
}

/// How many places there have been.
static PLACES: AtomicU32 = AtomicU32::new(0);

impl Vacancy {
    /// Over this transport: `tcp`, `ipc` or `inproc`.
    pub(crate) fn of(transport: &str) -> Self {
        match transport {
            "tcp" => Self::tcp(),
            "ipc" => Self::ipc(),
            "inproc" => Self::inproc(),
            _ => panic!("{transport} is no transport"),
        }
    }

    pub(crate) fn inproc() -> Self {
        let number = PLACES.fetch_add(1, Ordering::Relaxed);
        Self::Inproc(format!("inproc://place-{number}"))
    }

    pub(crate) fn sim(world: &SimWorld) -> Self {
        let port = 1_024 + PLACES.fetch_add(1, Ordering::Relaxed) % 60_000;
        Self::Sim(world.clone(), format!("tcp://127.0.0.1:{port}"))
    }

    /// A loopback address of its own: nobody is given its port meanwhile.
    pub(crate) fn tcp() -> Self {
        let [_, _, high, low] = PLACES.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        Self::Tcp(vacate(Ipv4Addr::new(127, 77, high, low.max(1))).1)
    }

    pub(crate) fn ipc() -> Self {
        let number = PLACES.fetch_add(1, Ordering::Relaxed);
        let name = format!("ferromq-conformance-{}-{number}", std::process::id());
        Self::Ipc(std::env::temp_dir().join(name))
    }

    pub(crate) fn endpoint(&self) -> Endpoint {
        let text = match self {
            Self::Inproc(endpoint) | Self::Sim(_, endpoint) => endpoint.clone(),
            Self::Tcp(address) => format!("tcp://{address}"),
            Self::Ipc(path) => format!("ipc://{}", path.display()),
        };
        text.parse().unwrap()
    }

    /// Listens there, with raw peers.
    #[track_caller]
    pub(crate) fn listen(&self) -> RawListener {
        match self {
            Self::Inproc(endpoint) => panic!("{endpoint}: there are no raw peers in process"),
            Self::Sim(world, endpoint) => {
                RawListener::Sim(world.clone(), MockPeer::listen(world, endpoint))
            }
            Self::Tcp(address) => RawListener::Tcp(TcpListener::bind(address).unwrap()),
            Self::Ipc(path) => RawListener::Ipc(UnixListener::bind(path).unwrap()),
        }
    }
}

/// A port of this address, and what has it until it is dropped: bound, but no listener. A process
/// that is being started by another thread has a copy of it for a moment, and a listener could not
/// be replaced meanwhile.
fn vacate(address: Ipv4Addr) -> (Socket, SocketAddr) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_reuse_address(true).unwrap();
    socket.bind(&SocketAddr::from((address, 0)).into()).unwrap();
    let place = socket.local_addr().unwrap().as_socket().unwrap();
    (socket, place)
}

impl Drop for Vacancy {
    fn drop(&mut self) {
        if let Self::Ipc(path) = self {
            let _ = std::fs::remove_file(path);
        }
    }
}

/// Where raw peers take connections.
#[derive(Debug)]
pub(crate) enum RawListener {
    Sim(SimWorld, Box<dyn Listener>),
    Tcp(TcpListener),
    Ipc(UnixListener),
}

impl RawListener {
    /// Waits for the next connection.
    #[track_caller]
    pub(crate) fn accept(&self) -> MockPeer {
        match self {
            Self::Sim(world, listener) => MockPeer::accept(world, &**listener),
            Self::Tcp(listener) => MockPeer::accept_tcp(listener),
            Self::Ipc(listener) => MockPeer::over(listener.accept().unwrap().0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn place_is_free_while_somebody_has_a_copy_of_what_had_it() {
        let (copy, place) = vacate(Ipv4Addr::LOCALHOST);
        drop(TcpListener::bind(place).unwrap());
        drop(copy);
    }
}
