//! Sockets that somebody else has made: what is set, what they are called, what is refused.

use std::fs;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::PathBuf;
use std::process;
use std::time::Duration;

use rustix::io::{FdFlags, fcntl_getfd, fcntl_setfd};
use socket2::SockRef;

use super::waiting::endpoint;
use crate::{Allowed, ConnectedStream, Keepalive, Listener, Stream, StreamError, TransportOptions};

/// Both ends of a tcp connection.
fn tcp_pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let dialed = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (dialed, listener.accept().unwrap().0)
}

/// A path that nobody has.
fn free_path(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("ferromq-adopting-{name}-{}", process::id()))
}

/// As descriptors are that a supervisor hands down.
fn inherited<T: AsFd>(socket: T) -> T {
    fcntl_setfd(&socket, FdFlags::empty()).unwrap();
    socket
}

#[track_caller]
fn assert_taken_over(socket: impl AsFd) {
    assert_eq!(fcntl_getfd(&socket).unwrap(), FdFlags::CLOEXEC);
    assert!(SockRef::from(&socket).nonblocking().unwrap());
}

fn adopt(stream: impl Into<ConnectedStream>) -> Result<Stream, StreamError> {
    Stream::adopt(stream.into(), &TransportOptions::default())
}

#[test]
fn adopted_streams_and_listeners_do_not_block_and_are_closed_on_exec() {
    let (tcp, _peer) = tcp_pair();
    assert_taken_over(adopt(inherited(tcp)).unwrap());
    let (ipc, _peer) = UnixStream::pair().unwrap();
    assert_taken_over(adopt(inherited(ipc)).unwrap());

    let options = TransportOptions::default();
    let tcp = inherited(TcpListener::bind("127.0.0.1:0").unwrap());
    assert_taken_over(Listener::adopt(tcp.into(), &options).unwrap());
    let path = free_path("inherited");
    let ipc = inherited(UnixListener::bind(&path).unwrap());
    assert_taken_over(Listener::adopt(ipc.into(), &options).unwrap());
    fs::remove_file(path).unwrap();
}

#[test]
fn adopted_listener_goes_on_with_whoever_else_has_it() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let copy = listener.try_clone().unwrap();
    let adopted = Listener::adopt(copy.into(), &TransportOptions::default()).unwrap();
    drop(adopted);
    listener.set_nonblocking(false).unwrap();
    let _dialed = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    listener.accept().unwrap();
}

#[test]
fn adopted_stream_has_the_options() {
    let options = TransportOptions {
        send_buffer: Some(50_000),
        receive_buffer: Some(60_000),
        keepalive: Some(Keepalive {
            idle: Some(Duration::from_secs(77)),
            ..Keepalive::default()
        }),
        type_of_service: Some(0x28),
        ..TransportOptions::default()
    };
    let (tcp, _peer) = tcp_pair();
    let tcp = Stream::adopt(tcp.into(), &options).unwrap();
    let socket = tcp.socket();
    assert!(socket.tcp_nodelay().unwrap());
    assert!(socket.keepalive().unwrap());
    assert_eq!(socket.tcp_keepalive_time().unwrap().as_secs(), 77);
    assert_eq!(socket.tos_v4().unwrap(), 0x28);
    let (ipc, _peer) = UnixStream::pair().unwrap();
    let ipc = Stream::adopt(ipc.into(), &options).unwrap();
    for socket in [tcp.socket(), ipc.socket()] {
        // Linux doubles what it is given: socket(7).
        assert_eq!(socket.send_buffer_size().unwrap(), 100_000);
        assert_eq!(socket.recv_buffer_size().unwrap(), 120_000);
    }
}

#[test]
fn adopted_listener_gives_streams_with_the_buffers() {
    let options = TransportOptions {
        send_buffer: Some(50_000),
        receive_buffer: Some(60_000),
        ..TransportOptions::default()
    };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let _before = TcpStream::connect(address).unwrap();
    let listener = Listener::adopt(listener.into(), &options).unwrap();
    let _after = TcpStream::connect(address).unwrap();
    for _ in 0..2 {
        let accepted = super::waiting::accept(&listener);
        assert_eq!(accepted.socket().send_buffer_size().unwrap(), 100_000);
        assert_eq!(accepted.socket().recv_buffer_size().unwrap(), 120_000);
    }
}

#[test]
fn adopted_stream_is_called_by_its_own_name_or_its_peers() {
    let (tcp, _peer) = tcp_pair();
    let (own, peer) = (tcp.local_addr().unwrap(), tcp.peer_addr().unwrap());
    let tcp = adopt(tcp).unwrap();
    assert_eq!(tcp.endpoint().unwrap(), endpoint(&format!("tcp://{own}")));
    assert_eq!(tcp.peer_address(), peer.to_string());

    let (ipc, _peer) = UnixStream::pair().unwrap();
    let ipc = adopt(ipc).unwrap();
    assert_eq!(ipc.endpoint().unwrap(), endpoint("ipc://*"));
    let pid = process::id();
    assert!(ipc.peer_address().ends_with(&format!(":{pid}")));

    let path = free_path("named");
    let listener = UnixListener::bind(&path).unwrap();
    let dialed = UnixStream::connect(&path).unwrap();
    let accepted = listener.accept().unwrap().0;
    fs::remove_file(&path).unwrap();
    for stream in [dialed, accepted] {
        let named = adopt(stream).unwrap().endpoint().unwrap();
        assert_eq!(named, endpoint(&format!("ipc://{}", path.display())));
    }
}

#[test]
fn adopted_stream_is_of_somebody_who_is_allowed() {
    let adopt = |allowed: Allowed| {
        let options = TransportOptions {
            allowed: vec![allowed],
            ..TransportOptions::default()
        };
        let (stream, _peer) = UnixStream::pair().unwrap();
        Stream::adopt(stream.into(), &options).map(drop)
    };
    let own = process::id();
    adopt(Allowed::Process(own)).unwrap();
    let refused = adopt(Allowed::Process(own + 1)).unwrap_err();
    assert!(matches!(refused, StreamError::NotAllowed), "{refused:?}");
}

#[test]
fn adopted_stream_is_connected_and_a_stream() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let listening = TcpStream::from(OwnedFd::from(listener));
    let refused = adopt(listening).unwrap_err();
    assert!(matches!(refused, StreamError::NotConnected), "{refused:?}");

    let datagrams = UnixStream::from(OwnedFd::from(UnixDatagram::pair().unwrap().0));
    let refused = adopt(datagrams).unwrap_err();
    assert!(matches!(refused, StreamError::Unsupported), "{refused:?}");

    let datagrams = UdpSocket::bind("127.0.0.1:0").unwrap();
    datagrams.connect(datagrams.local_addr().unwrap()).unwrap();
    let refused = adopt(TcpStream::from(OwnedFd::from(datagrams))).unwrap_err();
    assert!(matches!(refused, StreamError::Unsupported), "{refused:?}");
}
