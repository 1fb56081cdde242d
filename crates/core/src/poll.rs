//! Waiting for several sockets at once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::error::ClosedError;
use crate::pattern::{Pattern, Readiness};
use crate::port::Port;
use crate::socket::{Shared, Socket, flush_left};
use crate::wait::Waiter;
use crate::world::World;

/// One socket to wait for, what to wait for, and what was found.
pub struct PollItem<'a> {
    socket: &'a dyn Pollable,
    wanted: Readiness,
    found: Readiness,
}

impl std::fmt::Debug for PollItem<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PollItem")
            .field("wanted", &self.wanted)
            .field("found", &self.found)
            .finish_non_exhaustive()
    }
}

impl<'a> PollItem<'a> {
    /// Waits until `recv` would not.
    pub fn receive<P: Pattern>(socket: &'a Socket<P>) -> Self {
        Self::new(socket, Readiness::RECEIVE)
    }

    /// Waits until `send` would not.
    pub fn send<P: Pattern>(socket: &'a Socket<P>) -> Self {
        Self::new(socket, Readiness::SEND)
    }

    /// Waits for either.
    pub fn either<P: Pattern>(socket: &'a Socket<P>) -> Self {
        Self::new(socket, Readiness::EITHER)
    }

    /// True if `recv` would not wait. (On a closed socket it fails at once.)
    pub fn is_receivable(&self) -> bool {
        self.found.receive
    }

    /// True if `send` would not wait.
    pub fn is_sendable(&self) -> bool {
        self.found.send
    }

    fn new<P: Pattern>(socket: &'a Socket<P>, wanted: Readiness) -> Self {
        Self {
            socket: &**socket.shared(),
            wanted,
            found: Readiness::default(),
        }
    }

    fn look(&mut self) -> bool {
        self.found = self.socket.look().of(self.wanted);
        self.found != Readiness::NEITHER
    }
}

/// Waits until one of `items` is ready, at most for `timeout` (`None`: without limit). How many
/// are.
///
/// Level-triggered: what is ready stays ready until it is used. An empty list returns 0 at once.
#[doc(alias = "zmq_poll")]
pub fn poll(items: &mut [PollItem<'_>], timeout: Option<Duration>) -> usize {
    let Some(first) = items.first() else {
        return 0;
    };
    let world = Arc::clone(first.socket.world());
    let deadline: Option<Instant> = timeout.and_then(|timeout| world.now().checked_add(timeout));
    let bell = world.bell();
    let waiter = Arc::new(Waiter::Thread(Arc::clone(&bell)));
    loop {
        items.iter().for_each(|item| item.socket.watch(&waiter));
        let ready = items.iter_mut().map(|item| usize::from(item.look())).sum();
        let expired = deadline.is_some_and(|at| world.now() >= at);
        if ready > 0 || expired {
            items.iter().for_each(|item| item.socket.unwatch(&waiter));
            return ready;
        }
        flush_left();
        bell.wait(&[], deadline);
    }
}

/// A socket of any type, as `poll` and a proxy see it.
pub(crate) trait Pollable: Sync {
    fn world(&self) -> &Arc<dyn World>;
    fn look(&self) -> Readiness;
    /// From now on, whatever may change what `look` finds wakes the waiter, once.
    fn watch(&self, waiter: &Arc<Waiter>);
    /// The same for the leader, who reads the connections itself.
    fn watch_leading(&self, waiter: &Arc<Waiter>);
    fn unwatch(&self, waiter: &Arc<Waiter>);
    /// Why it cannot be used any more.
    fn closed(&self) -> Option<ClosedError>;
}

impl<P: Pattern> Pollable for Shared<P> {
    fn world(&self) -> &Arc<dyn World> {
        &self.port().world
    }

    fn look(&self) -> Readiness {
        let port: &Arc<Port> = self.port();
        self.with(|state| state.readiness(port))
    }

    fn watch(&self, waiter: &Arc<Waiter>) {
        self.watch_leading(waiter);
        self.arm_left();
    }

    fn watch_leading(&self, waiter: &Arc<Waiter>) {
        self.with(|state| state.body.watchers.enter(waiter, false));
    }

    fn unwatch(&self, waiter: &Arc<Waiter>) {
        self.with(|state| state.body.watchers.leave(waiter));
    }

    fn closed(&self) -> Option<ClosedError> {
        self.with(|state| state.body.closed)
    }
}
