//! What is particular to tcp.

use std::io::ErrorKind;
use std::net::SocketAddr;
#[cfg(target_os = "linux")]
use std::os::fd::AsFd;
use std::time::Duration;

use rustix::event::PollFlags;
use socket2::{Domain, Socket, Type};

use super::waiting::{
    accept, connect, connect_with, endpoint, listen, read_up_to, wait, write_some,
};
use crate::{
    Address, Endpoint, EndpointError, Keepalive, ListenError, Listener, Stream, TransportOptions,
    needs_resolver, resolve,
};

fn port_of(listener: &Listener) -> u16 {
    match listener.endpoint() {
        Endpoint::Tcp(tcp) => tcp.port(),
        other => panic!("{other} is not tcp"),
    }
}

fn bind(text: &str, options: &TransportOptions) -> Result<Listener, ListenError> {
    Listener::bind(&endpoint(text), options)
}

fn has_v6() -> bool {
    bind("tcp://[::1]:*", &TransportOptions::default()).is_ok()
}

#[test]
fn wildcard_listens_on_both_families() {
    let listener = listen(&endpoint("tcp://*:*"));
    let port = port_of(&listener);
    let shown = listener.endpoint().to_string();
    let v6 = has_v6();
    let host = if v6 { "[::]" } else { "0.0.0.0" };
    assert_eq!(shown, format!("tcp://{host}:{port}"));

    let dialled = connect(&endpoint(&format!("tcp://127.0.0.1:{port}"))).unwrap();
    let own = dialled.socket().local_addr().unwrap().as_socket().unwrap();
    assert_eq!(accept(&listener).peer_address(), own.to_string());
    if v6 {
        connect(&endpoint(&format!("tcp://[::1]:{port}"))).unwrap();
        assert!(accept(&listener).peer_address().starts_with("[::1]:"));
    }
}

#[test]
fn wildcard_without_ipv6_listens_on_ipv4_only() {
    let options = TransportOptions {
        ipv6: false,
        ..TransportOptions::default()
    };
    let listener = bind("tcp://*:*", &options).unwrap();
    let port = port_of(&listener);
    assert_eq!(
        listener.endpoint().to_string(),
        format!("tcp://0.0.0.0:{port}")
    );
    let refused = bind("tcp://[::1]:*", &options);
    assert!(
        matches!(refused, Err(ListenError::AddressNotAvailable)),
        "{refused:?}"
    );
    let address = Address::Tcp {
        to: (std::net::Ipv6Addr::LOCALHOST, port).into(),
        from: None,
    };
    assert_eq!(
        Stream::dial(&address, &options).unwrap_err().kind(),
        ErrorKind::Unsupported
    );
}

#[test]
fn names_bind_their_ipv4_address_first() {
    for name in ["localhost", "lo"] {
        if name == "lo" && !cfg!(target_os = "linux") {
            continue;
        }
        let listener = listen(&endpoint(&format!("tcp://{name}:*")));
        let port = port_of(&listener);
        assert_eq!(
            listener.endpoint(),
            endpoint(&format!("tcp://127.0.0.1:{port}"))
        );
    }
}

#[test]
fn bind_failures_have_their_exact_error() {
    let default = TransportOptions::default();
    let foreign = bind("tcp://192.0.2.1:*", &default);
    assert!(
        matches!(foreign, Err(ListenError::AddressNotAvailable)),
        "{foreign:?}"
    );
    let unknown = bind("tcp://[fe80::1%no-such-if0]:*", &default);
    assert!(
        matches!(unknown, Err(ListenError::InterfaceNotFound)),
        "{unknown:?}"
    );
    let source = bind("tcp://lo;127.0.0.1:*", &default);
    let expected = EndpointError::SourceWhenBinding;
    assert!(
        matches!(source, Err(ListenError::Endpoint(found)) if found == expected),
        "{source:?}"
    );
}

#[test]
fn ephemeral_ports_differ() {
    let listeners: Vec<_> = (0..20)
        .map(|_| listen(&endpoint("tcp://127.0.0.1:*")))
        .collect();
    let mut ports: Vec<_> = listeners.iter().map(port_of).collect();
    ports.sort_unstable();
    ports.dedup();
    assert_eq!(ports.len(), 20);
}

#[test]
fn stream_options_are_applied_to_both_sides() {
    let keepalive = Keepalive {
        idle: Some(Duration::from_secs(17)),
        interval: Some(Duration::from_secs(5)),
        count: Some(3),
    };
    let options = TransportOptions {
        keepalive: Some(keepalive),
        // Windows leaves that to its administrator.
        type_of_service: cfg!(unix).then_some(0x10),
        retransmission_timeout: cfg!(target_os = "linux").then_some(Duration::from_secs(7)),
        ..TransportOptions::default()
    };
    let listener = bind("tcp://127.0.0.1:*", &options).unwrap();
    let dialled = connect_with(&listener.endpoint(), &options).unwrap();
    for stream in [dialled, accept(&listener)] {
        let socket = stream.socket();
        assert!(socket.tcp_nodelay().unwrap());
        assert!(socket.keepalive().unwrap());
        #[cfg(unix)]
        {
            let time = socket.tcp_keepalive_time().unwrap();
            let interval = socket.tcp_keepalive_interval().unwrap();
            assert_eq!([time, interval], [17, 5].map(Duration::from_secs));
        }
        assert_eq!(socket.tcp_keepalive_retries().unwrap(), 3);
        assert!(cfg!(windows) || socket.tos_v4().unwrap() == 0x10);
        #[cfg(target_os = "linux")]
        assert_eq!(
            socket.tcp_user_timeout().unwrap(),
            Some(Duration::from_secs(7))
        );
    }
}

#[cfg(target_os = "linux")]
#[test]
fn device_is_the_interface_of_all_connections() {
    let through = |device: &str| TransportOptions {
        device: Some(device.to_owned()),
        ..TransportOptions::default()
    };
    let listener = bind("tcp://127.0.0.1:*", &through("lo")).unwrap();
    let dialled = connect_with(&listener.endpoint(), &through("lo")).unwrap();
    for stream in [dialled, accept(&listener)] {
        let device = stream.socket().device().unwrap();
        assert_eq!(device.as_deref(), Some(&b"lo"[..]));
    }
    let unknown = through("no-such-if0");
    let refused = bind("tcp://127.0.0.1:*", &unknown).unwrap_err();
    assert!(matches!(refused, ListenError::Io(_)), "{refused:?}");
    connect_with(&listener.endpoint(), &unknown).unwrap_err();
}

#[test]
#[cfg(unix)]
fn options_that_the_system_refuses_fail_at_bind() {
    let keepalive = Keepalive {
        idle: Some(Duration::ZERO),
        ..Keepalive::default()
    };
    let options = TransportOptions {
        keepalive: Some(keepalive),
        ..TransportOptions::default()
    };
    let refused = bind("tcp://127.0.0.1:*", &options);
    assert!(matches!(refused, Err(ListenError::Io(_))), "{refused:?}");
}

#[test]
fn source_is_the_own_address_of_the_connection() {
    let listener = listen(&endpoint("tcp://127.0.0.1:*"));
    let port = port_of(&listener);
    let _dialled = connect(&endpoint(&format!("tcp://127.0.0.2;127.0.0.1:{port}"))).unwrap();
    assert!(accept(&listener).peer_address().starts_with("127.0.0.2:"));
}

#[test]
fn source_port_can_be_used_again_at_once() {
    let listener = listen(&endpoint("tcp://127.0.0.1:*"));
    let port = port_of(&listener);
    let from = port_of(&listen(&endpoint("tcp://127.0.0.3:*")));
    for _ in 0..3 {
        let to = endpoint(&format!("tcp://127.0.0.3:{from};127.0.0.1:{port}"));
        let dialled = connect(&to).unwrap();
        let accepted = accept(&listener);
        assert_eq!(accepted.peer_address(), format!("127.0.0.3:{from}"));
        // The dialling side ends first, and so keeps the port in TIME_WAIT.
        dialled.shutdown();
        wait(&accepted, PollFlags::IN);
    }
}

/// A process that another thread is starting has copies of all descriptors until it runs.
#[cfg(target_os = "linux")]
#[test]
fn port_is_free_though_somebody_has_a_copy_of_the_listener() {
    let listener = listen(&endpoint("tcp://127.0.0.1:*"));
    let place = listener.endpoint();
    let _copy = listener.as_fd().try_clone_to_owned().unwrap();
    drop(listener);
    let refused = connect(&place).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    listen(&place);
}

#[test]
fn port_connected_to_itself_counts_as_refused() {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket
        .bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into())
        .unwrap();
    let own = socket.local_addr().unwrap();
    socket.connect(&own).unwrap();
    let stream = Stream::new(socket, crate::stream::Peer::Tcp(own.as_socket().unwrap()));
    assert_eq!(
        stream.finish_connect().unwrap_err().kind(),
        ErrorKind::ConnectionRefused
    );
    let mut into = Vec::with_capacity(1);
    assert_eq!(stream.read(&mut into, 1).unwrap(), 0);
}

#[test]
fn connection_reset_before_accept_does_not_harm() {
    let listener = listen(&endpoint("tcp://127.0.0.1:*"));
    let gone = connect(&listener.endpoint()).unwrap();
    gone.socket().set_linger(Some(Duration::ZERO)).unwrap();
    drop(gone);
    let dialled = connect(&listener.endpoint()).unwrap();
    let own = dialled.socket().local_addr().unwrap().as_socket().unwrap();
    while accept(&listener).peer_address() != own.to_string() {}
}

#[test]
fn urgent_bytes_come_in_their_place() {
    let listener = listen(&endpoint("tcp://127.0.0.1:*"));
    let dialled = connect(&listener.endpoint()).unwrap();
    let accepted = accept(&listener);
    for (from, to) in [(&dialled, &accepted), (&accepted, &dialled)] {
        assert_eq!(write_some(from, b"a"), 1);
        assert_eq!(from.socket().send_out_of_band(b"b").unwrap(), 1);
        assert_eq!(write_some(from, b"c"), 1);
        assert_eq!(read_up_to(to, 3), b"abc");
    }
}

#[test]
fn resolve_pairs_sources_with_destinations_of_their_family() {
    let one = |text: &str| resolve(&endpoint(text));
    let to: SocketAddr = "127.0.0.1:5".parse().unwrap();
    assert_eq!(
        one("tcp://127.0.0.1:5").unwrap(),
        [Address::Tcp { to, from: None }]
    );
    let from = Some("127.0.0.1:6".parse().unwrap());
    assert_eq!(
        one("tcp://127.0.0.1:6;127.0.0.1:5").unwrap(),
        [Address::Tcp { to, from }]
    );
    if cfg!(target_os = "linux") {
        assert_eq!(
            one("tcp://lo:6;127.0.0.1:5").unwrap(),
            [Address::Tcp { to, from }]
        );
    }
    let error = one("tcp://[::1];127.0.0.1:5").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AddrNotAvailable);
    let error = one("tcp://no-such-if0;127.0.0.1:5").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AddrNotAvailable);
}

#[test]
fn resolve_answers_names_literals_and_zones() {
    let found = resolve(&endpoint("tcp://localhost:5")).unwrap();
    let to: SocketAddr = "127.0.0.1:5".parse().unwrap();
    assert!(
        found.contains(&Address::Tcp { to, from: None }),
        "{found:?}"
    );
    let zone = resolve(&endpoint("tcp://[fe80::1%7]:5")).unwrap();
    let to: SocketAddr = "[fe80::1%7]:5".parse().unwrap();
    assert_eq!(zone, [Address::Tcp { to, from: None }]);
    for text in ["tcp://*:5", "tcp://127.0.0.1:*", "ipc://*"] {
        let error = resolve(&endpoint(text)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{text}");
    }
}

#[test]
fn only_names_need_the_resolver() {
    let table = [
        ("tcp://host:1", true),
        ("tcp://lo;host:1", true),
        ("tcp://lo;127.0.0.1:1", false),
        ("tcp://127.0.0.1:1", false),
        ("tcp://[fe80::1%eth0]:1", false),
        ("ipc://path", false),
        ("inproc://name", false),
    ];
    for (text, needed) in table {
        assert_eq!(needs_resolver(&endpoint(text)), needed, "{text}");
    }
}

#[test]
fn port_connected_to_itself_by_any_address_counts_as_refused() {
    let free = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    free.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into())
        .unwrap();
    let from = free.local_addr().unwrap().as_socket().unwrap();
    drop(free);
    let address = Address::Tcp {
        to: ([0, 0, 0, 0], from.port()).into(),
        from: Some(from),
    };
    let stream = Stream::dial(&address, &TransportOptions::default()).unwrap();
    wait(&stream, PollFlags::OUT);
    let error = stream.finish_connect().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
}
