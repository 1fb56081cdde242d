//! The peers of a socket: waiting until they are there.
//!
//! Observers lie in a list of their own, and are told of whatever might be what they wait for:
//! peers that come and go, what they ask for, and what they answer. A message tells nobody.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use ferromq_transport::{Endpoint, EndpointError};

use super::after::flush_left;
use super::state::State;
use super::{Shared, Socket};
use crate::error::{ClosedError, ConnectError, WaitError};
use crate::pattern::{Pattern, Peer, PipeId};
use crate::wait::Waiter;

impl<P: Pattern> Socket<P> {
    /// How many peers are there now: connected, past the handshake, and taken by the pattern.
    pub fn peer_count(&self) -> usize {
        self.shared.with(|state| state.body.peer_count())
    }

    /// Waits until at least this many peers are [there](Self::peer_count), at most for `timeout`.
    ///
    /// A publisher's peer has not necessarily subscribed yet: see `Pub::wait_subscribed`.
    ///
    /// *Errors*:
    /// - [`WaitError::Closed`]: the socket is closed, by whichever thread;
    /// - [`WaitError::TimedOut`]: there were fewer when time was over.
    pub fn wait_peers(&self, peers: usize, timeout: Duration) -> Result<(), WaitError> {
        self.shared.observe(timeout, enough_peers(peers))
    }

    /// Like [`wait_peers`](Self::wait_peers) without time limit, as a future for any executor.
    ///
    /// *Cancel safety*: dropping the future changes nothing.
    ///
    /// *Errors*: [`ClosedError`]: the socket is closed, by whichever thread.
    pub async fn wait_peers_async(&self, peers: usize) -> Result<(), ClosedError> {
        self.shared.observe_async(enough_peers(peers)).await
    }

    /// Like [`connect`](Self::connect), and waits until the peer is there: at most for `timeout`,
    /// within which the endpoint is tried again and again. Returns who it is.
    ///
    /// *Errors* undo the connect, unless another call has connected to the same. They are those of
    /// `connect`, and
    /// - [`ConnectError::Disconnected`]: another thread has undone it meanwhile;
    /// - [`ConnectError::TimedOut`]: no peer was there in time. [`events`](Self::events) tell why.
    pub fn connect_wait<E>(&self, endpoint: E, timeout: Duration) -> Result<Arc<Peer>, ConnectError>
    where
        E: TryInto<Endpoint>,
        E::Error: Into<EndpointError>,
    {
        let attempt = self.attempt(endpoint)?;
        let peer = self.shared.observe(timeout, peer_of(attempt.pipe));
        attempt.conclude(peer.map_err(|error| match error {
            WaitError::Closed(closed) => closed.into(),
            WaitError::TimedOut { .. } => ConnectError::TimedOut,
        }))
    }

    /// Like [`connect_wait`](Self::connect_wait) without time limit, as a future for any executor.
    ///
    /// *Cancel safety*: dropping the future before it is ready undoes the connect.
    pub async fn connect_wait_async<E>(&self, endpoint: E) -> Result<Arc<Peer>, ConnectError>
    where
        E: TryInto<Endpoint>,
        E::Error: Into<EndpointError>,
    {
        let attempt = self.attempt(endpoint)?;
        let peer = self.shared.observe_async(peer_of(attempt.pipe)).await;
        attempt.conclude(peer.map_err(ConnectError::Closed))
    }

    /// Waits until `look` finds in the pattern what it looks for, at most for `timeout`; what it
    /// finds instead is a number for the error. How a pattern crate adds waits of its own.
    #[doc(hidden)]
    pub fn wait_for<R>(
        &self,
        timeout: Duration,
        mut look: impl FnMut(&mut P) -> Result<R, usize>,
    ) -> Result<R, WaitError> {
        self.shared
            .observe(timeout, |state| look(&mut state.pattern))
    }

    /// The same without time limit, as a future.
    #[doc(hidden)]
    pub async fn wait_for_async<R>(
        &self,
        mut look: impl FnMut(&mut P) -> Result<R, usize>,
    ) -> Result<R, ClosedError> {
        self.shared
            .observe_async(|state| look(&mut state.pattern))
            .await
    }

    fn attempt<E>(&self, endpoint: E) -> Result<Attempt<'_, P>, ConnectError>
    where
        E: TryInto<Endpoint>,
        E::Error: Into<EndpointError>,
    {
        let pipe = self.connect_pipe(endpoint.try_into().map_err(Into::into)?, |_| ())?;
        Ok(Attempt {
            socket: self,
            pipe,
            stays: false,
        })
    }
}

/// What a look is to give that has found so many of those wanted: the number, if that is too few.
#[doc(hidden)]
pub fn enough(found: usize, wanted: usize) -> Result<(), usize> {
    if found >= wanted { Ok(()) } else { Err(found) }
}

/// Looks whether so many peers are there; else, how many.
fn enough_peers<P: Pattern>(wanted: usize) -> impl FnMut(&mut State<P>) -> Result<(), usize> {
    move |state| enough(state.body.peer_count(), wanted)
}

/// Looks whether a pipe has a peer, or will never have one.
fn peer_of<P: Pattern>(
    pipe: PipeId,
) -> impl FnMut(&mut State<P>) -> Result<Option<Arc<Peer>>, usize> {
    move |state| match state.body.pipes.get(pipe).map(|entry| &entry.peer) {
        Some(None) => Err(0),
        Some(Some(peer)) => Ok(Some(Arc::clone(peer))),
        None => Ok(None),
    }
}

/// A connect that is undone when dropped, unless its peer was there.
struct Attempt<'a, P: Pattern> {
    socket: &'a Socket<P>,
    pipe: PipeId,
    stays: bool,
}

impl<P: Pattern> Attempt<'_, P> {
    fn conclude(
        mut self,
        found: Result<Option<Arc<Peer>>, ConnectError>,
    ) -> Result<Arc<Peer>, ConnectError> {
        let peer = found?.ok_or(ConnectError::Disconnected)?;
        self.stays = true;
        Ok(peer)
    }
}

impl<P: Pattern> Drop for Attempt<'_, P> {
    fn drop(&mut self) {
        if !self.stays {
            self.socket.give_up(self.pipe);
        }
    }
}

/// Somebody who waits as a future: no longer in the list when dropped.
struct Observer<'a, P: Pattern> {
    shared: &'a Shared<P>,
    waiter: Arc<Waiter>,
}

impl<P: Pattern> Drop for Observer<'_, P> {
    fn drop(&mut self) {
        self.shared
            .with(|state| state.body.observers.leave(&self.waiter));
    }
}

impl<P: Pattern> Shared<P> {
    /// Waits until `look` finds what it looks for, at most for `timeout`.
    fn observe<R>(
        &self,
        timeout: Duration,
        mut look: impl FnMut(&mut State<P>) -> Result<R, usize>,
    ) -> Result<R, WaitError> {
        let world = self.context.world();
        let deadline = world.now().checked_add(timeout);
        let bell = world.bell();
        let waiter = Arc::new(Waiter::Thread(Arc::clone(&bell)));
        loop {
            let found = match self.look_or_enter(&waiter, &mut look)? {
                Ok(result) => return Ok(result),
                Err(found) => found,
            };
            if deadline.is_some_and(|at| world.now() >= at) {
                self.with(|state| state.body.observers.leave(&waiter));
                return Err(WaitError::TimedOut { found });
            }
            flush_left();
            self.arm_left();
            bell.wait(&[], deadline);
        }
    }

    /// The same without time limit, as a future.
    async fn observe_async<R>(
        &self,
        mut look: impl FnMut(&mut State<P>) -> Result<R, usize>,
    ) -> Result<R, ClosedError> {
        let observer = Observer {
            shared: self,
            waiter: Waiter::task(),
        };
        let waiter = &observer.waiter;
        poll_fn(|context| {
            drop(waiter.set_waker(context.waker()));
            match self.look_or_enter(waiter, &mut look) {
                Err(closed) => Poll::Ready(Err(closed)),
                Ok(Ok(result)) => Poll::Ready(Ok(result)),
                Ok(Err(_)) => {
                    flush_left();
                    self.arm_left();
                    Poll::Pending
                }
            }
        })
        .await
    }

    /// One look; if it does not find what it looks for, the waiter is in the list.
    fn look_or_enter<R>(
        &self,
        waiter: &Arc<Waiter>,
        look: &mut impl FnMut(&mut State<P>) -> Result<R, usize>,
    ) -> Result<Result<R, usize>, ClosedError> {
        self.with(|state| {
            let found = match state.body.closed {
                Some(closed) => Err(closed),
                None => Ok(look(state)),
            };
            match found {
                Ok(Err(_)) => state.body.observers.enter(waiter, false),
                _ => {
                    state.body.observers.leave(waiter);
                }
            }
            found
        })
    }
}
