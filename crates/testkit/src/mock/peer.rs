//! A scripted ZMTP peer: sends what the test says and checks what it gets, byte by byte.

use std::io;
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use ferromq_core::world::{Listener, World};

use super::frames::{self, Frame, Frames, GREETING};
use super::wire::{SimWire, Wire};
use crate::sim::SimWorld;

const LIMIT: Duration = Duration::from_secs(10);

/// A scripted peer. Whatever it does not get within its limit (10 s; virtual ones in a simulated
/// world), and whatever is not as expected, panics at the caller's line.
#[derive(Debug)]
pub struct MockPeer {
    wire: Box<dyn Wire>,
    received: Vec<u8>,
    ended: bool,
    limit: Duration,
}

/// Making.
impl MockPeer {
    /// A peer over a connected byte stream: a `TcpStream`, a `UnixStream` or a [`SimWire`].
    pub fn over(wire: impl Wire + 'static) -> Self {
        Self {
            wire: Box::new(wire),
            received: Vec::new(),
            ended: false,
            limit: LIMIT,
        }
    }

    /// Connects to an endpoint of a simulated world.
    ///
    /// # Panics
    /// If the text is no tcp or ipc endpoint, or nobody listens there.
    #[track_caller]
    pub fn dial(world: &SimWorld, endpoint: &str) -> Self {
        let (_, stream) = world.dial_raw(endpoint);
        let decided = || stream.finish_connect().map_err(|error| error.kind());
        world.run_until(|| decided() != Err(io::ErrorKind::WouldBlock));
        assert_eq!(decided(), Ok(()), "connecting to {endpoint}");
        Self::over(SimWire::new(world, stream))
    }

    /// Takes the next connection to a listener of a simulated world.
    ///
    /// # Panics
    /// With "deadlock" if none can ever come; if an injected fault hits.
    #[track_caller]
    pub fn accept(world: &SimWorld, listener: &dyn Listener) -> Self {
        let mut taken = None;
        world.run_until(|| {
            match listener.accept() {
                Ok(stream) => taken = Some(stream),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => panic!("accepting: {error}"),
            }
            taken.is_some()
        });
        let stream = taken.expect("the world ran until there was one");
        Self::over(SimWire::new(world, stream))
    }

    /// Listens at an endpoint of a simulated world, for [`accept`](Self::accept).
    ///
    /// # Panics
    /// If that is not possible.
    #[track_caller]
    pub fn listen(world: &SimWorld, endpoint: &str) -> Box<dyn Listener> {
        let parsed = endpoint.parse().expect("a valid endpoint");
        match world.listen(&parsed, &Default::default()) {
            Ok(listener) => listener,
            Err(error) => panic!("listening at {endpoint}: {error}"),
        }
    }

    /// Connects over the operating system's loopback, to `127.0.0.1:port`.
    ///
    /// # Panics
    /// If that is not possible.
    #[track_caller]
    pub fn dial_tcp(address: &str) -> Self {
        match TcpStream::connect(address) {
            Ok(stream) => Self::over_tcp(stream),
            Err(error) => panic!("connecting to {address}: {error}"),
        }
    }

    /// Takes the next connection of one of the operating system's listeners; waits without limit.
    ///
    /// # Panics
    /// If that is not possible.
    #[track_caller]
    pub fn accept_tcp(listener: &TcpListener) -> Self {
        match listener.accept() {
            Ok((stream, _)) => Self::over_tcp(stream),
            Err(error) => panic!("accepting: {error}"),
        }
    }

    /// What is sent in pieces goes out in pieces, at once.
    #[track_caller]
    fn over_tcp(stream: TcpStream) -> Self {
        if let Err(error) = stream.set_nodelay(true) {
            panic!("setting a socket up: {error}");
        }
        Self::over(stream)
    }

    /// The same peer with another limit for each wait.
    #[must_use]
    pub fn with_limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }
}

/// Sending.
impl MockPeer {
    /// Sends a greeting of ZMTP 3.1 with the NULL mechanism.
    #[track_caller]
    pub fn send_greeting(&mut self) {
        self.send(frames::greeting());
    }

    /// Sends these frames.
    #[track_caller]
    pub fn send(&mut self, frames: Frames) {
        self.send_raw(frames.bytes());
    }

    /// Sends these bytes.
    #[track_caller]
    pub fn send_raw(&mut self, bytes: impl AsRef<[u8]>) {
        if let Err(error) = self.wire.write_all(bytes.as_ref(), self.limit) {
            self.fail(&format!("sending failed: {error}"));
        }
    }

    /// Says that nothing more will be sent; receiving goes on.
    #[track_caller]
    pub fn end(&mut self) {
        if let Err(error) = self.wire.end() {
            self.fail(&format!("ending failed: {error}"));
        }
    }
}

/// Expecting.
impl MockPeer {
    /// Both greetings and READYs, as a peer of this type; checks the other's type.
    #[track_caller]
    pub fn handshake(&mut self, own_type: &str, peer_type: &str) {
        self.send_greeting();
        self.expect_greeting();
        self.send(frames::ready(own_type));
        self.expect_ready(peer_type);
    }

    /// The other's greeting: of ZMTP 3.1 with the NULL mechanism, whatever the padding.
    #[track_caller]
    pub fn expect_greeting(&mut self) {
        let mut greeting = self.next_greeting();
        greeting[1..9].fill(0);
        if greeting != frames::greeting().bytes() {
            self.fail(&format!(
                "not a 3.1 NULL greeting: {}",
                greeting.escape_ascii()
            ));
        }
    }

    /// The 64 bytes of the other's greeting.
    #[track_caller]
    pub fn next_greeting(&mut self) -> Vec<u8> {
        while self.received.len() < GREETING {
            self.fill_for("a greeting");
        }
        self.received.drain(..GREETING).collect()
    }

    /// A READY that announces this socket type; gives its further properties.
    #[track_caller]
    pub fn expect_ready(&mut self, socket_type: &str) -> Vec<(String, Vec<u8>)> {
        let frame = self.next_frame();
        let Some(mut properties) = frame.as_ready() else {
            self.fail(&format!("expected READY, got {frame:?}"));
        };
        let is_type = |(name, _): &(String, _)| name.eq_ignore_ascii_case("Socket-Type");
        let Some(at) = properties.iter().position(is_type) else {
            self.fail(&format!("READY without a Socket-Type: {frame:?}"));
        };
        let (_, value) = properties.remove(at);
        if value != socket_type.as_bytes() {
            self.fail(&format!(
                "expected a {socket_type}, got {}",
                value.escape_ascii()
            ));
        }
        properties
    }

    /// Exactly these frames next, down to the encoding of their lengths.
    #[track_caller]
    pub fn expect(&mut self, expected: Frames) {
        let mut rest = expected.bytes();
        while let Some((_, length)) = Frame::parse(rest) {
            let got = self.next_frame_bytes();
            if got != rest[..length] {
                let (frame, _) = Frame::parse(&got).expect("a frame that was received whole");
                let encoding = got[..got.len().min(9)].escape_ascii();
                self.fail(&format!(
                    "expected {expected:?}, got {frame:?} (begins {encoding})"
                ));
            }
            rest = &rest[length..];
        }
        assert!(
            rest.is_empty(),
            "only whole frames can be expected: {expected:?}"
        );
    }

    /// The next frame, whatever it is.
    #[track_caller]
    pub fn next_frame(&mut self) -> Frame {
        let bytes = self.next_frame_bytes();
        let (frame, _) = Frame::parse(&bytes).expect("a frame that was received whole");
        frame
    }

    /// The parts of the next message.
    #[track_caller]
    pub fn next_message(&mut self) -> Vec<Vec<u8>> {
        let mut parts = Vec::new();
        loop {
            let frame = self.next_frame();
            if frame.as_command().is_some() {
                self.fail(&format!("expected a message, got {frame:?}"));
            }
            let more = frame.has_more();
            parts.push(frame.body);
            if !more {
                return parts;
            }
        }
    }

    /// Exactly these bytes next.
    #[track_caller]
    pub fn expect_raw(&mut self, expected: &[u8]) {
        while self.received.len() < expected.len() {
            self.fill_for("raw bytes");
        }
        let got: Vec<u8> = self.received.drain(..expected.len()).collect();
        if got != expected {
            let (expected, got) = (expected.escape_ascii(), got.escape_ascii());
            self.fail(&format!("expected {expected}, got {got}"));
        }
    }

    /// The end of the stream (a reset counts) without another byte.
    #[track_caller]
    pub fn expect_end(&mut self) {
        while !self.ended && self.received.is_empty() {
            self.fill("the end");
        }
        if !self.received.is_empty() {
            self.fail("expected the end");
        }
    }

    /// The end of the stream (a reset counts), after whatever comes before it; gives the latter.
    #[track_caller]
    pub fn drain_to_end(&mut self) -> Vec<u8> {
        while !self.ended {
            self.fill("the end");
        }
        std::mem::take(&mut self.received)
    }

    /// Nothing for this long, neither bytes nor an end.
    #[track_caller]
    pub fn expect_silence(&mut self, time: Duration) {
        if !self.received.is_empty() {
            self.fail("expected silence");
        }
        match self.wire.read(&mut self.received, time) {
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {}
            other => self.fail(&format!(
                "expected silence for {time:?}, read gave {other:?}"
            )),
        }
    }

    #[track_caller]
    fn next_frame_bytes(&mut self) -> Vec<u8> {
        loop {
            if let Some((_, length)) = Frame::parse(&self.received) {
                return self.received.drain(..length).collect();
            }
            self.fill_for("a frame");
        }
    }

    #[track_caller]
    fn fill_for(&mut self, what: &str) {
        self.fill(what);
        if self.ended {
            self.fail(&format!("the stream ended before {what}"));
        }
    }

    #[track_caller]
    fn fill(&mut self, what: &str) {
        match self.wire.read(&mut self.received, self.limit) {
            Ok(0) => self.ended = true,
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => self.ended = true,
            Err(error) => self.fail(&format!("reading failed before {what}: {error}")),
        }
    }

    #[track_caller]
    fn fail(&self, why: &str) -> ! {
        let unread = self.received.escape_ascii();
        panic!(
            "mock peer: {why}\n  unread: {unread}\n{}",
            self.wire.explain()
        );
    }
}
