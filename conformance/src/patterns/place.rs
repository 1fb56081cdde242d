//! Where a case of the pattern suites runs: a transport, and a context of its own.

use std::thread;
use std::time::{Duration, Instant};

use ferromq::{Context, Endpoint, Event, Message, SocketType, Stats};

use crate::socket::{self, AnySocket, Settings, WAIT};
use crate::vacancy::Vacancy;

/// Long enough for what is not to happen to happen, if it does.
pub(super) const MOMENT: Duration = Duration::from_millis(10);

/// A transport and a context.
#[derive(Debug)]
pub(crate) struct Place {
    transport: &'static str,
    context: Context,
}

impl Place {
    pub(super) fn new(transport: &'static str) -> Self {
        Self {
            transport,
            context: Context::new(),
        }
    }

    /// Messages go from queue to queue: there is no connection, and no kernel between.
    pub(super) fn is_inproc(&self) -> bool {
        self.transport == "inproc"
    }

    pub(super) fn socket(&self, socket_type: SocketType) -> Box<dyn AnySocket> {
        self.socket_with(socket_type, &Settings::default())
    }

    pub(super) fn socket_with(
        &self,
        socket_type: SocketType,
        settings: &Settings,
    ) -> Box<dyn AnySocket> {
        socket::make(socket_type, &self.context, settings)
    }

    pub(super) fn sockets(&self, socket_type: SocketType, count: usize) -> Vec<Box<dyn AnySocket>> {
        (0..count).map(|_| self.socket(socket_type)).collect()
    }

    /// A place where nobody listens.
    pub(super) fn vacancy(&self) -> Vacancy {
        match self.transport {
            "inproc" => Vacancy::inproc(),
            "ipc" => Vacancy::ipc(),
            _ => Vacancy::tcp(),
        }
    }

    /// Binds to a new endpoint.
    pub(super) fn bind(&self, socket: &dyn AnySocket) -> Endpoint {
        match self.transport {
            "inproc" => socket.bind(&Vacancy::inproc().endpoint().to_string()),
            "ipc" => socket.bind("ipc://*"),
            _ => socket.bind("tcp://127.0.0.1:*"),
        }
    }

    /// Returns when the I/O thread has gone through everything that was ready for it.
    pub(super) fn meet_io_thread(&self, socket: &dyn AnySocket) {
        if !self.is_inproc() {
            let endpoint = socket.bind("tcp://127.0.0.1:*");
            socket.unbind(&endpoint);
        }
    }

    /// Connects two sockets; each has its peer when this returns.
    pub(super) fn join(&self, listening: &dyn AnySocket, dialing: &dyn AnySocket) -> Endpoint {
        let endpoint = self.bind(listening);
        self.dial(dialing, &endpoint, listening);
        endpoint
    }

    /// Connects a socket to another that is bound; each has its peer when this returns.
    pub(super) fn dial(
        &self,
        dialing: &dyn AnySocket,
        endpoint: &Endpoint,
        listening: &dyn AnySocket,
    ) {
        let before = listening.pipes();
        let events = dialing.events();
        dialing.connect(endpoint);
        if !self.is_inproc() {
            let made = |event: &Event| matches!(event, Event::HandshakeSucceeded { .. });
            assert!(events.wait_for(WAIT, made).is_some(), "no connection");
        }
        until("the peer is attached", || listening.pipes() > before);
    }

    /// Connects one socket with several, in their order. The one binds, or dials.
    pub(super) fn star(&self, hub: &dyn AnySocket, others: &[Box<dyn AnySocket>], binds: bool) {
        for other in others {
            match binds {
                true => drop(self.join(hub, &**other)),
                false => drop(self.join(&**other, hub)),
            }
        }
    }
}

/// Waits for a state that no event tells of.
#[track_caller]
pub(super) fn until(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + WAIT;
    while !done() {
        assert!(Instant::now() < deadline, "not in time: {what}");
        thread::yield_now();
    }
}

/// The counters at a moment when nothing is on its way from one to another: then every message that
/// was accepted is in exactly one of them.
#[track_caller]
pub(super) fn accounted(socket: &dyn AnySocket) -> Stats {
    let mut stats = socket.stats();
    until("every message is accounted for", || {
        stats = socket.stats();
        stats.accepted == stats.queued + stats.handed_over + stats.dropped_in_all()
    });
    stats
}

/// The number of a round as a message.
pub(super) fn number(number: usize) -> Message {
    Message::from(number.to_string())
}

/// Messages of every kind that is hard on who handles them.
pub(super) fn contents() -> Vec<Message> {
    let all: Vec<u8> = (0..=255).collect();
    let parts = [&b""[..], b"\0", b"\x01topic", &all, b"", &[0xFF; 255], b""];
    let mut messages = vec![
        Message::from(""),
        Message::from("text"),
        Message::from(all.clone()),
        Message::from(vec![0xA5; 256]),
        Message::from(vec![7; 1 << 20]),
        Message::from(["", ""]),
    ];
    messages.push(parts.into_iter().collect());
    messages.push((0..1_000).map(|at: usize| at.to_string()).collect());
    messages
}

/// Receives this many messages.
pub(super) fn receive(socket: &dyn AnySocket, count: usize) -> Vec<Message> {
    (0..count).map(|_| socket.recv()).collect()
}
