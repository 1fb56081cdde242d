//! A listener on its I/O thread. Out of descriptors, it pauses and reports; it does not spin. Then
//! handshakes that have had their time make room, so that those who never finish theirs keep nobody
//! out.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use ferromq_transport::{Endpoint, is_out_of_descriptors};

use super::IoCommand;
use super::session::Context;
use crate::close::Life;
use crate::event::{Crowd, Event};
use crate::options::Options;
use crate::port::Port;
use crate::world::{Interest, Listener, Stream, is_for_later};

/// Connections taken in one turn.
const AT_ONCE: usize = 64;

/// How long accepting pauses after the system refused (no more descriptors, no memory).
const PAUSE: Duration = Duration::from_millis(100);

/// A listener and the socket that it serves.
pub(super) struct Listening {
    pub(super) key: u64,
    pub(super) port: Life,
    pub(super) endpoint: Endpoint,
    pub(super) options: Arc<Options>,
    listener: Arc<dyn Listener>,
    /// The reactor knows it.
    added: bool,
}

impl Listening {
    /// Starts to watch a listener.
    pub(super) fn new(
        key: u64,
        listener: Arc<dyn Listener>,
        port: Life,
        options: Arc<Options>,
        cx: &mut Context<'_>,
    ) -> Self {
        let mut listening = Self {
            key,
            port,
            endpoint: listener.endpoint(),
            options,
            listener,
            added: false,
        };
        listening.watch(cx);
        listening
    }

    /// Takes what is there, and watches again: at once, or after a pause.
    pub(super) fn handle_ready(&mut self, cx: &mut Context<'_>) -> Vec<Arc<dyn Stream>> {
        let mut accepted = Vec::new();
        for _ in 0..AT_ONCE {
            match self.listener.accept() {
                Ok(stream) => accepted.push(stream),
                Err(error) if is_for_later(&error) => break,
                // It is over with one connection; the next one may be there.
                Err(error) if is_of_one_connection(&error) => self.report(&error),
                Err(error) => {
                    self.report(&error);
                    if is_out_of_descriptors(&error) {
                        self.make_room(cx);
                    }
                    cx.timers.set(cx.now + PAUSE, self.key);
                    return accepted;
                }
            }
        }
        self.watch(cx);
        accepted
    }

    /// Ends handshakes that have had their time, for their descriptors.
    fn make_room(&self, cx: &Context<'_>) {
        for (io, key) in self.port.entrance.make_room(cx.now) {
            io.post(IoCommand::Displaced(key));
        }
    }

    /// Watches for connections. If the system refuses that, again after a pause.
    pub(super) fn watch(&mut self, cx: &mut Context<'_>) {
        if let Err(error) = self.try_watch(cx) {
            self.report(&error);
            cx.timers.set(cx.now + PAUSE, self.key);
        }
    }

    fn try_watch(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        let source = self.listener.source();
        if !self.added {
            cx.reactor.add(source, self.key)?;
            self.added = true;
        }
        let read = Interest {
            read: true,
            write: false,
        };
        cx.reactor.arm(source, self.key, read)
    }

    /// Closes the listener: its address is free.
    pub(super) fn close(self) {
        let Self {
            port,
            endpoint,
            listener,
            ..
        } = self;
        drop(listener);
        port.events.report(|| Event::Unbound { endpoint });
    }

    /// Closes a connection for which there is no room.
    pub(super) fn turn_away(&self, stream: &dyn Stream, crowd: Crowd) {
        self.port.counters.turn_away();
        self.port.events.report(|| Event::TurnedAway {
            endpoint: self.endpoint.clone(),
            peer_address: stream.peer_address(),
            crowd,
        });
        stream.shutdown();
    }

    fn report(&self, error: &io::Error) {
        report_failed(&self.port, &self.endpoint, error);
    }
}

/// True if a connection has ended already, or is of nobody who is allowed (or whom a firewall lets
/// through).
fn is_of_one_connection(error: &io::Error) -> bool {
    let kinds = [
        io::ErrorKind::ConnectionAborted,
        io::ErrorKind::PermissionDenied,
    ];
    kinds.contains(&error.kind())
}

/// Tells that a connection could not be taken.
pub(super) fn report_failed(port: &Port, endpoint: &Endpoint, error: &io::Error) {
    port.events.report(|| Event::AcceptFailed {
        endpoint: endpoint.clone(),
        error: error.kind(),
        code: error.raw_os_error(),
    });
}
