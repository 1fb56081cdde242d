//! Hosts that crash, and calls that fail, in a simulated world.

use std::io::{self, IoSlice};
use std::sync::Arc;
use std::time::Duration;

use ferromq_core::world::{Stream, World};

use crate::sim::{Call, Conditions, SimWorld};

const ENDPOINT: &str = "tcp://127.0.0.1:7000";

/// A stream dialed by one host, and taken by another one, which is returned with it.
fn between_hosts() -> (SimWorld, Arc<dyn Stream>, SimWorld, Arc<dyn Stream>) {
    let world = SimWorld::with(1, Conditions::calm());
    let server = world.another_host();
    let listener = server.listen(&ENDPOINT.parse().unwrap(), &Default::default());
    let listener = listener.unwrap();
    let (_, dialed) = world.dial_raw(ENDPOINT);
    world.run_idle();
    let accepted = listener.accept().unwrap();
    (world, dialed, server, accepted)
}

fn write(stream: &dyn Stream) -> io::Result<usize> {
    stream.write(&[IoSlice::new(b"hello")])
}

fn read(stream: &dyn Stream) -> io::Result<usize> {
    stream.read(&mut Vec::with_capacity(16), 16)
}

fn kind<T: std::fmt::Debug>(result: io::Result<T>) -> io::ErrorKind {
    result.unwrap_err().kind()
}

#[test]
fn crash_ends_connections_behind_what_was_sent() {
    let (world, dialed, server, accepted) = between_hosts();
    write(&*accepted).unwrap();
    server.crash(false);
    world.run_idle();
    assert_eq!(read(&*dialed).unwrap(), 5);
    assert_eq!(read(&*dialed).unwrap(), 0);
    assert_eq!(kind(write(&*accepted)), io::ErrorKind::NotConnected);
    drop(accepted);
    drop(dialed);
    assert!(world.links().is_empty());
}

#[test]
fn crash_with_unread_bytes_resets_connections() {
    let (world, dialed, server, _accepted) = between_hosts();
    write(&*dialed).unwrap();
    world.run_idle();
    assert_eq!(world.unread(), 5);
    server.crash(false);
    world.run_idle();
    assert_eq!(kind(read(&*dialed)), io::ErrorKind::ConnectionReset);
    assert_eq!(world.unread(), 0);
}

#[test]
fn silent_crash_is_noticed_by_who_sends() {
    let (world, dialed, server, _accepted) = between_hosts();
    server.crash(true);
    world.advance(Duration::from_secs(60));
    assert_eq!(kind(read(&*dialed)), io::ErrorKind::WouldBlock);
    write(&*dialed).unwrap();
    world.run_idle();
    assert_eq!(kind(read(&*dialed)), io::ErrorKind::ConnectionReset);
}

#[test]
fn place_of_a_crashed_listener_is_free() {
    let (world, ..) = between_hosts();
    let (server, place) = (
        world.another_host(),
        "tcp://127.0.0.1:7001".parse().unwrap(),
    );
    let _listener = server.listen(&place, &Default::default()).unwrap();
    assert!(world.listen(&place, &Default::default()).is_err());
    server.crash(false);
    assert!(world.listen(&place, &Default::default()).is_ok());
}

#[test]
fn failing_calls_fail_as_often_as_asked() {
    let world = SimWorld::new(1);
    world.fail(Call::Reactor, 24, 2);
    for _ in 0..2 {
        assert_eq!(world.reactor().unwrap_err().raw_os_error(), Some(24));
    }
    assert!(world.reactor().is_ok());
    world.fail(Call::Reactor, 24, 1);
    world.fail_no_more();
    assert!(world.reactor().is_ok());
}
