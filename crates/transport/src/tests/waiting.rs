//! Waiting for readiness, with a deadline that fails the test.

use std::io::{self, IoSlice};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::AsFd;

use crate::{Endpoint, Listener, Stream, TransportOptions, resolve};

/// Waits until `fd` is ready.
#[track_caller]
pub(super) fn wait(fd: impl AsFd, flags: PollFlags) {
    let deadline = Timespec {
        tv_sec: 20,
        tv_nsec: 0,
    };
    let mut fds = [PollFd::new(&fd, flags)];
    assert_eq!(
        poll(&mut fds, Some(&deadline)).unwrap(),
        1,
        "not ready within 20 s"
    );
}

pub(super) fn endpoint(text: &str) -> Endpoint {
    text.parse().unwrap()
}

#[track_caller]
pub(super) fn listen(on: &Endpoint) -> Listener {
    Listener::bind(on, &TransportOptions::default()).unwrap()
}

/// Connects and waits for the outcome.
pub(super) fn connect(to: &Endpoint) -> io::Result<Stream> {
    connect_with(to, &TransportOptions::default())
}

pub(super) fn connect_with(to: &Endpoint, options: &TransportOptions) -> io::Result<Stream> {
    let address = resolve(to)?.swap_remove(0);
    let stream = Stream::dial(&address, options)?;
    wait(&stream, PollFlags::OUT);
    stream.finish_connect()?;
    Ok(stream)
}

#[track_caller]
pub(super) fn accept(listener: &Listener) -> Stream {
    wait(listener, PollFlags::IN);
    listener.accept().unwrap()
}

/// A connected pair on a fresh listener at `on`.
#[track_caller]
pub(super) fn pair(on: &Endpoint) -> (Stream, Stream) {
    let listener = listen(on);
    let dialled = connect(&listener.endpoint()).unwrap();
    (dialled, accept(&listener))
}

/// Reads until `count` bytes are there or the peer has ended.
#[track_caller]
pub(super) fn read_up_to(stream: &Stream, count: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(count);
    while bytes.len() < count {
        let most = count - bytes.len();
        match stream.read(&mut bytes, most) {
            Ok(0) => break,
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => wait(stream, PollFlags::IN),
            Err(error) => panic!("reading failed: {error}"),
        }
    }
    bytes
}

/// Writes as much as fits now.
#[track_caller]
pub(super) fn write_some(stream: &Stream, bytes: &[u8]) -> usize {
    match stream.write(&[IoSlice::new(bytes)]) {
        Ok(count) => count,
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
        Err(error) => panic!("writing failed: {error}"),
    }
}
