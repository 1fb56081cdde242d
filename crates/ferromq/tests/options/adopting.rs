//! Listeners that somebody else has made: with real sockets.

#[cfg(unix)]
use std::fs;
use std::io::Read;
use std::net::{TcpListener, TcpStream};

use ferromq::{BindError, ClosedError, ListenError, Pull, Push};
use ferromq_testkit::watchdog;

use super::*;

fn under(name: &str, body: impl FnOnce()) {
    watchdog::under(name, 2 * WAIT, body);
}

/// What is sent to the endpoint arrives.
fn assert_serves(pull: &Pull, endpoint: &str, context: &Context) {
    let push = Push::new(context);
    push.connect(endpoint).unwrap();
    push.send("x").unwrap();
    assert_eq!(pull.recv_timeout(WAIT).unwrap(), "x".into());
}

#[test]
fn bind_listener_serves_who_had_connected_before() {
    under("bind_listener_serves_who_had_connected_before", || {
        let context = Context::new();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let mut early = TcpStream::connect(address).unwrap();
        let pull = Pull::new(&context);
        let endpoint = pull.bind_listener(listener).unwrap().to_string();
        assert_eq!(endpoint, format!("tcp://{address}"));
        let mut greeting = [0; 10];
        early.read_exact(&mut greeting).unwrap();
        assert_eq!((greeting[0], greeting[9]), (0xff, 0x7f), "RFC 37, greeting");
        assert_serves(&pull, &endpoint, &context);
        pull.unbind(endpoint.as_str()).unwrap();
        TcpListener::bind(address).unwrap();
    });
}

#[cfg(unix)]
#[test]
fn bind_listener_leaves_the_file_of_an_ipc_socket() {
    use std::os::unix::net::UnixListener;

    under("bind_listener_leaves_the_file_of_an_ipc_socket", || {
        let context = Context::new();
        let name = format!("ferromq-adopted-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let listener = UnixListener::bind(&path).unwrap();
        let pull = Pull::new(&context);
        let endpoint = pull.bind_listener(listener).unwrap().to_string();
        assert_eq!(endpoint, format!("ipc://{}", path.display()));
        assert_serves(&pull, &endpoint, &context);
        pull.close();
        assert!(path.exists());
        fs::remove_file(path).unwrap();
    });
}

#[test]
fn bind_listener_of_a_closed_socket_is_refused() {
    let context = Context::new();
    let pull = Pull::new(&context);
    pull.close();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let refused = pull.bind_listener(listener);
    assert!(matches!(
        refused,
        Err(BindError::Closed(ClosedError::Closed))
    ));
}

#[test]
fn bind_listener_is_not_for_worlds_without_such_sockets() {
    let (_, context) = world(1);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let refused = Pull::new(&context).bind_listener(listener);
    assert!(matches!(
        refused,
        Err(BindError::Listen(ListenError::Unsupported))
    ));
}
