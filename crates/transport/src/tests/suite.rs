//! What every transport must do, instantiated for each by one macro.

use std::io::{ErrorKind, IoSlice};
use std::thread;

use rustix::event::PollFlags;

use super::waiting::{accept, connect, endpoint, listen, pair, read_up_to, wait, write_some};
use crate::{Endpoint, ListenError, Listener, TransportOptions, sys};

/// An endpoint on which nobody listens, different at each call, and what keeps it usable.
type Place = Option<(Endpoint, Option<Listener>)>;

#[cfg(feature = "tcp")]
fn tcp_v4() -> Place {
    Some((endpoint("tcp://127.0.0.1:*"), None))
}

#[cfg(feature = "tcp")]
fn tcp_v6() -> Place {
    let place = endpoint("tcp://[::1]:*");
    match Listener::bind(&place, &TransportOptions::default()) {
        Ok(_) => Some((place, None)),
        Err(error) => {
            eprintln!("skipped: there is no IPv6 here ({error})");
            None
        }
    }
}

/// A path in the private directory of a wildcard listener, which is kept for its directory.
#[cfg(all(unix, feature = "ipc"))]
fn ipc_path() -> Place {
    let directory = listen(&endpoint("ipc://*"));
    let path = format!("{}-other", directory.endpoint());
    Some((endpoint(&path), Some(directory)))
}

#[cfg(all(unix, feature = "ipc"))]
fn ipc_abstract() -> Place {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(0);
    if !cfg!(target_os = "linux") {
        eprintln!("skipped: there are no abstract names here");
        return None;
    }
    let (process, next) = (std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    Some((
        endpoint(&format!("ipc://@ferromq-test-{process}-{next}")),
        None,
    ))
}

/// Somebody else may be given the port of a listener that has just been dropped: then another one
/// will do.
const TRIES: usize = 5;

fn connect_without_listener_is_refused(on: &Endpoint) {
    let refused = || {
        let was = listen(on).endpoint();
        connect(&was).err()
    };
    let error = (0..TRIES).find_map(|_| refused()).unwrap();
    assert!(
        matches!(
            error.kind(),
            ErrorKind::ConnectionRefused | ErrorKind::NotFound
        ),
        "{error}"
    );
}

fn accept_without_connection_would_block(on: &Endpoint) {
    let listener = listen(on);
    assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
    let dialled = connect(&listener.endpoint()).unwrap();
    drop(accept(&listener));
    assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
    drop(dialled);
}

fn concrete_endpoint_can_be_connected(on: &Endpoint) {
    let listener = listen(on);
    let concrete = listener.endpoint();
    assert_eq!(concrete.check_connect(), Ok(()));
    assert_eq!(concrete.check_bind(), Ok(()));
    assert_eq!(concrete.to_string().parse(), Ok(concrete.clone()));
    let dialled = connect(&concrete).unwrap();
    assert_eq!(
        format!("{}://{}", concrete.scheme(), dialled.peer_address()),
        concrete.to_string()
    );
    assert!(!accept(&listener).peer_address().is_empty());
}

fn bytes_are_exchanged_in_order(on: &Endpoint) {
    let (a, b) = pair(on);
    assert_eq!(
        b.read(&mut Vec::with_capacity(9), 9).unwrap_err().kind(),
        ErrorKind::WouldBlock
    );
    let slices = [b"he", &b""[..], b"l", b"lo"].map(IoSlice::new);
    assert_eq!(a.write(&slices).unwrap(), 5);
    assert_eq!(read_up_to(&b, 5), b"hello");
    assert_eq!(b.write(&[IoSlice::new(b"hi")]).unwrap(), 2);
    assert_eq!(read_up_to(&a, 2), b"hi");
}

fn read_appends_no_more_than_most_and_capacity(on: &Endpoint) {
    let (a, b) = pair(on);
    assert_eq!(a.write(&[IoSlice::new(b"0123456789")]).unwrap(), 10);
    let mut into = b"x".to_vec();
    into.reserve_exact(100);
    wait(&b, PollFlags::IN);
    assert_eq!(b.read(&mut into, 3).unwrap(), 3);
    assert_eq!(into, b"x012");
    into.shrink_to(8);
    assert_eq!(into.capacity(), 8);
    assert_eq!(b.read(&mut into, 100).unwrap(), 4);
    assert_eq!(into, b"x0123456");
    assert_eq!(
        b.read(&mut into, 100).unwrap_err().kind(),
        ErrorKind::InvalidInput
    );
    into.reserve(1);
    assert_eq!(
        b.read(&mut into, 0).unwrap_err().kind(),
        ErrorKind::InvalidInput
    );
    assert_eq!(read_up_to(&b, 3), b"789");
}

fn portable_read_and_write_do_the_same(on: &Endpoint) {
    let (a, b) = pair(on);
    let slices = [&b"01234"[..], b"56789"].map(IoSlice::new);
    assert_eq!(sys::portable::write(a.socket(), &slices).unwrap(), 10);
    wait(&b, PollFlags::IN);
    let mut into = b"x".to_vec();
    into.reserve(100);
    assert_eq!(sys::portable::read(b.socket(), &mut into, 3).unwrap(), 3);
    assert_eq!(sys::portable::read(b.socket(), &mut into, 100).unwrap(), 7);
    assert_eq!(into, b"x0123456789");
    let blocked = sys::portable::read(b.socket(), &mut into, 1).unwrap_err();
    assert_eq!(blocked.kind(), ErrorKind::WouldBlock);
    let full = sys::portable::read(b.socket(), &mut Vec::new(), 1).unwrap_err();
    assert_eq!(full.kind(), ErrorKind::InvalidInput);
}

fn big_transfer_survives_partial_writes(on: &Endpoint) {
    let (a, b) = pair(on);
    let bytes: Vec<u8> = (0..8 << 20).map(|at: u32| (at % 251) as u8).collect();
    // Nobody reads yet: writing gets stuck.
    let mut written = 0;
    loop {
        match write_some(&a, &bytes[written..]) {
            0 => break,
            count => written += count,
        }
    }
    assert!(written < bytes.len(), "8 MiB fitted at once");
    let received = thread::scope(|scope| {
        let reader = scope.spawn(|| read_up_to(&b, bytes.len()));
        while written < bytes.len() {
            wait(&a, PollFlags::OUT);
            written += write_some(&a, &bytes[written..]);
        }
        reader.join().unwrap()
    });
    assert!(received == bytes, "the bytes differ");
}

fn write_takes_at_most_1024_slices(on: &Endpoint) {
    let (a, b) = pair(on);
    let slices = [IoSlice::new(b"z"); 1500];
    assert_eq!(a.write(&slices).unwrap(), 1024);
    assert_eq!(read_up_to(&b, 1024), [b'z'; 1024]);
}

fn end_of_stream_leaves_the_other_direction_open(on: &Endpoint) {
    let (a, b) = pair(on);
    assert_eq!(a.write(&[IoSlice::new(b"bye")]).unwrap(), 3);
    a.shutdown_write().unwrap();
    a.shutdown_write().unwrap();
    assert_eq!(read_up_to(&b, 100), b"bye");
    assert_eq!(b.write(&[IoSlice::new(b"still")]).unwrap(), 5);
    drop(b);
    assert_eq!(read_up_to(&a, 100), b"still");
    let error = a.write(&[IoSlice::new(b"x")]).unwrap_err();
    // Windows has a code of its own for that, which the standard library does not know.
    assert!(cfg!(windows) || error.kind() == ErrorKind::BrokenPipe);
}

fn shutdown_wakes_who_waits_and_may_be_repeated(on: &Endpoint) {
    let (a, b) = pair(on);
    thread::scope(|scope| {
        let waiter = scope.spawn(|| read_up_to(&a, 1));
        a.shutdown();
        a.shutdown();
        assert_eq!(waiter.join().unwrap(), b"");
    });
    assert_eq!(read_up_to(&b, 1), b"");
    b.shutdown();
    b.shutdown();
    b.shutdown_write().unwrap();
}

fn bind_twice_is_address_in_use(on: &Endpoint) {
    let listener = listen(on);
    let again = Listener::bind(&listener.endpoint(), &TransportOptions::default());
    assert!(matches!(again, Err(ListenError::AddressInUse)), "{again:?}");
    // The first one has not suffered: what comes may be the probe of the second one.
    let dialled = connect(&listener.endpoint()).unwrap();
    assert_eq!(dialled.write(&[IoSlice::new(b"x")]).unwrap(), 1);
    while read_up_to(&accept(&listener), 1) != b"x" {}
}

fn rebinding_after_drop_works_with_streams_left(on: &Endpoint) {
    let rebound = || {
        let listener = listen(on);
        let concrete = listener.endpoint();
        let mut streams = Vec::new();
        for _ in 0..3 {
            streams.push(connect(&concrete).unwrap());
            streams.push(accept(&listener));
        }
        streams.swap_remove(1).shutdown();
        drop(listener);
        let listener = Listener::bind(&concrete, &TransportOptions::default()).ok()?;
        Some((listener, concrete, streams))
    };
    let (listener, concrete, _streams) = (0..TRIES).find_map(|_| rebound()).unwrap();
    assert_eq!(listener.endpoint(), concrete);
    connect(&concrete).unwrap();
    accept(&listener);
}

fn options_are_applied(on: &Endpoint) {
    let size = 32 * 1024;
    let options = TransportOptions {
        send_buffer: Some(size),
        receive_buffer: Some(size),
        ..TransportOptions::default()
    };
    let listener = Listener::bind(on, &options).unwrap();
    let dialled = super::waiting::connect_with(&listener.endpoint(), &options).unwrap();
    let accepted = accept(&listener);
    for stream in [&dialled, &accepted] {
        // Linux doubles the size for its own needs.
        let sent = stream.socket().send_buffer_size().unwrap();
        let received = stream.socket().recv_buffer_size().unwrap();
        assert!(sent == size || sent == 2 * size, "{sent}");
        assert!(received == size || received == 2 * size, "{received}");
        // Windows does not tell.
        #[cfg(unix)]
        assert!(stream.socket().nonblocking().unwrap());
    }
}

macro_rules! suite {
    ($($transport:ident),*; $tests:tt) => {
        $(suite!(@ $transport $tests);)*
    };
    (@ $transport:ident [$($test:ident),* $(,)?]) => {
        mod $transport {
            $(#[test]
            fn $test() {
                if let Some((on, _directory)) = super::$transport() {
                    super::$test(&on);
                }
            })*
        }
    };
}

macro_rules! suites {
    ($tests:tt) => {
        #[cfg(feature = "tcp")]
        suite!(tcp_v4, tcp_v6; $tests);
        #[cfg(all(unix, feature = "ipc"))]
        suite!(ipc_path, ipc_abstract; $tests);
    };
}

suites!([
    connect_without_listener_is_refused,
    accept_without_connection_would_block,
    concrete_endpoint_can_be_connected,
    bytes_are_exchanged_in_order,
    read_appends_no_more_than_most_and_capacity,
    portable_read_and_write_do_the_same,
    big_transfer_survives_partial_writes,
    write_takes_at_most_1024_slices,
    end_of_stream_leaves_the_other_direction_open,
    shutdown_wakes_who_waits_and_may_be_repeated,
    bind_twice_is_address_in_use,
    rebinding_after_drop_works_with_streams_left,
    options_are_applied,
]);
