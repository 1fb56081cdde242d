//! Receiving, in four forms over one attempt.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};
use std::time::{Duration, Instant};

use ferromq_wire::Message;

use super::after::flush_left;
use super::leading::{Claim, Led};
use super::receipt::Receipt;
use super::state::{Body, State};
use super::{Shared, Socket};
use crate::error::RecvError;
use crate::pattern::{Pattern, Peer, PipeId, Receives};
use crate::port::Port;
use crate::wait::Waiter;

impl<P: Receives> Socket<P> {
    /// Receives a message, waiting for one, at most for the receive timeout (default: without
    /// limit).
    ///
    /// *Errors*:
    /// - [`RecvError::Closed`]: the socket is closed, by whichever thread;
    /// - [`RecvError::Refused`]: the pattern does not allow it now (a REQ that has not asked);
    /// - [`RecvError::TimedOut`]: no message came in time.
    #[doc(alias = "zmq_recv")]
    #[inline(always)]
    pub fn recv(&self) -> Result<Message, RecvError> {
        self.shared().recv(None)
    }

    /// Receives a message if one is there; [`RecvError::Empty`] otherwise. Never waits.
    pub fn try_recv(&self) -> Result<Message, RecvError> {
        let mut message = Message::new();
        match self.shared().try_recv(&mut message)? {
            true => Ok(message),
            false => Err(RecvError::Empty),
        }
    }

    /// Like [`recv`](Self::recv), waiting at most for `timeout`.
    pub fn recv_timeout(&self, timeout: Duration) -> Result<Message, RecvError> {
        self.shared().recv(Some(timeout))
    }

    /// Like [`recv`](Self::recv) without time limit, as a future for any executor.
    ///
    /// *Cancel safety*: the future takes its message in the poll that returns it; dropping it
    /// before loses nothing.
    pub fn recv_async(&self) -> RecvFuture<'_, P> {
        RecvFuture::new(self.shared())
    }

    /// Like [`recv`](Self::recv), and tells which peer has sent the message: its address, its
    /// routing id, the other properties that it announced, and the names of its pipe and of its
    /// connection, as [`peers`](Self::peers) and [`events`](Self::events) have them.
    ///
    /// `None`: it is from no single peer (an XPUB's notice of a subscription). Waiting and errors
    /// are those of [`recv`](Self::recv).
    ///
    /// (libzmq's messages carry their peer along. Here only who asks pays for it: a counted
    /// reference for each message would be an atomic operation for each.)
    ///
    /// [Differs from libzmq](https://docs.rs/ferromq/latest/ferromq/differences/).
    #[doc(alias = "zmq_msg_gets")]
    pub fn recv_from(&self) -> Result<(Message, Option<Arc<Peer>>), RecvError> {
        self.shared().recv(None)
    }

    /// [`try_recv`](Self::try_recv) with the [sender](Self::recv_from).
    pub fn try_recv_from(&self) -> Result<(Message, Option<Arc<Peer>>), RecvError> {
        let mut received = Default::default();
        match self.shared().try_recv(&mut received)? {
            true => Ok(received),
            false => Err(RecvError::Empty),
        }
    }

    /// [`recv_timeout`](Self::recv_timeout) with the [sender](Self::recv_from).
    pub fn recv_from_timeout(
        &self,
        timeout: Duration,
    ) -> Result<(Message, Option<Arc<Peer>>), RecvError> {
        self.shared().recv(Some(timeout))
    }

    /// [`recv_async`](Self::recv_async) with the [sender](Self::recv_from).
    ///
    /// *Cancel safety*: as there.
    pub fn recv_from_async(&self) -> RecvFuture<'_, P, (Message, Option<Arc<Peer>>)> {
        RecvFuture::new(self.shared())
    }
}

/// A message that is waited for. Made by [`Socket::recv_async`].
#[must_use = "a future does nothing unless it is polled"]
pub struct RecvFuture<'a, P: Pattern, R = Message> {
    shared: &'a Shared<P>,
    waiter: Option<Arc<Waiter>>,
    received: PhantomData<fn() -> R>,
}

impl<'a, P: Pattern, R> RecvFuture<'a, P, R> {
    pub(super) fn new(shared: &'a Shared<P>) -> Self {
        Self {
            shared,
            waiter: None,
            received: PhantomData,
        }
    }
}

impl<P: Pattern, R> std::fmt::Debug for RecvFuture<'_, P, R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RecvFuture")
            .field("waiting", &self.waiter.is_some())
            .finish()
    }
}

impl<P: Pattern, R: Receipt> Future for RecvFuture<'_, P, R> {
    type Output = Result<R, RecvError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let had_turn = this.waiter.is_some();
        let waiter = Arc::clone(this.waiter.get_or_insert_with(Waiter::task));
        drop(waiter.set_waker(cx.waker()));
        let mut received = R::default();
        let taken = this.shared.take_or_enter(&waiter, had_turn, &mut received);
        if let Ok(false) = taken {
            flush_left();
            this.shared.arm_left();
            return Poll::Pending;
        }
        this.waiter = None;
        Poll::Ready(taken.map(|_| received))
    }
}

impl<P: Pattern, R> Drop for RecvFuture<'_, P, R> {
    fn drop(&mut self) {
        if let Some(waiter) = self.waiter.take() {
            self.shared
                .with(|state| state.body.pass_on_receive(&waiter));
        }
    }
}

/// What a receiver that may wait does next.
enum Next {
    Return,
    Lead(Arc<Claim>),
    Sleep,
}

impl<P: Pattern> Shared<P> {
    /// One attempt, after a look at what nobody else reads. True: a message is in `into`.
    pub(crate) fn try_recv<R: Receipt>(&self, into: &mut R) -> Result<bool, RecvError> {
        if self.take(into)? {
            return Ok(true);
        }
        self.read_left();
        self.take(into)
    }

    /// One attempt. True: a message is in `into`.
    #[inline]
    pub(crate) fn take<R: Receipt>(&self, into: &mut R) -> Result<bool, RecvError> {
        self.with(|state| state.receive(&self.port, into))
    }

    /// The same; without a message, the waiter is in the list.
    pub(super) fn take_or_enter<R: Receipt>(
        &self,
        waiter: &Arc<Waiter>,
        had_turn: bool,
        into: &mut R,
    ) -> Result<bool, RecvError> {
        self.with(|state| state.take_or_enter(waiter, had_turn, &self.port, into))
    }

    /// One attempt; without a message, the receiver leads, or is in the list. This is one step: a
    /// leader that leaves finds everybody in the list who did not get its place.
    fn take_or_lead<R: Receipt>(
        &self,
        waiter: &Arc<Waiter>,
        had_turn: bool,
        into: &mut R,
    ) -> Result<Next, RecvError> {
        let most = self.most();
        self.with(|state| {
            let taken = state.receive(&self.port, into);
            if !matches!(taken, Ok(false)) {
                state.body.receivers.leave(waiter);
            }
            if taken? {
                return Ok(Next::Return);
            }
            if let Some(claim) = state.body.lead(most) {
                return Ok(Next::Lead(claim));
            }
            state.body.enter_receiver(waiter, had_turn);
            Ok(Next::Sleep)
        })
    }

    /// Inlined, so that the message is made where the caller wants it.
    /// `timeout`: `None` for that of the socket.
    #[inline(always)]
    pub(super) fn recv<R: Receipt>(&self, timeout: Option<Duration>) -> Result<R, RecvError> {
        let mut received = R::default();
        self.recv_into(timeout, &mut received)?;
        Ok(received)
    }

    #[inline(never)]
    fn recv_into<R: Receipt>(
        &self,
        timeout: Option<Duration>,
        into: &mut R,
    ) -> Result<(), RecvError> {
        if self.take(into)? {
            return Ok(());
        }
        self.recv_waiting(timeout, into)
    }

    #[cold]
    fn recv_waiting<R: Receipt>(
        &self,
        timeout: Option<Duration>,
        into: &mut R,
    ) -> Result<(), RecvError> {
        flush_left();
        let world = self.context.world();
        let timeout = timeout.or_else(|| self.port.options().receive_timeout);
        let deadline: Option<Instant> =
            timeout.and_then(|timeout| world.now().checked_add(timeout));
        let bell = world.bell();
        let waiter = Arc::new(Waiter::Thread(Arc::clone(&bell)));
        let mut had_turn = false;
        if self.look_inside(into)? {
            return Ok(());
        }
        loop {
            match self.take_or_lead(&waiter, had_turn, into)? {
                Next::Return => return Ok(()),
                Next::Lead(claim) => match self.lead(&claim, &waiter, &bell, deadline, into)? {
                    Led::Received => return Ok(()),
                    Led::Stale => continue,
                },
                Next::Sleep => {}
            }
            if deadline.is_some_and(|at| world.now() >= at) {
                self.with(|state| state.body.pass_on_receive(&waiter));
                return Err(RecvError::TimedOut);
            }
            bell.wait(&[], deadline);
            had_turn = true;
        }
    }
}

impl<P: Pattern> State<P> {
    /// One attempt to receive; without a message, the waiter is in the list.
    pub(super) fn take_or_enter<R: Receipt>(
        &mut self,
        waiter: &Arc<Waiter>,
        had_turn: bool,
        port: &Arc<Port>,
        into: &mut R,
    ) -> Result<bool, RecvError> {
        let taken = self.receive(port, into);
        if let Ok(false) = taken {
            self.body.enter_receiver(waiter, had_turn);
        } else {
            self.body.receivers.leave(waiter);
        }
        taken
    }

    /// One attempt to receive. True: a message is in `into`.
    #[inline]
    pub(super) fn receive<R: Receipt>(
        &mut self,
        port: &Arc<Port>,
        into: &mut R,
    ) -> Result<bool, RecvError> {
        if let Some(closed) = self.body.closed {
            return Err(closed.into());
        }
        if R::TELLS
            && let Some(change) = self.body.due_change()
        {
            into.tell(change);
            return Ok(true);
        }
        Ok(self.take(port, into)?)
    }
}

/// How receivers share what is there.
impl<P: Pattern> State<P> {
    /// A receiver has its message: if there are more and others wait, the next one gets its turn.
    /// (A pipe tells of its first message only; more may come before that one is taken.)
    #[inline]
    pub(super) fn share_rest(&mut self, port: &Arc<Port>) {
        if !self.body.receivers.is_empty() || !self.body.watchers.is_empty() {
            self.share_rest_among_waiters(port);
        }
    }

    #[cold]
    fn share_rest_among_waiters(&mut self, port: &Arc<Port>) {
        if !self.body.ready.is_empty() || self.has_more(port) {
            self.body.wake_receivers(1);
        }
    }

    /// True if a message is there. Of the pipes only those are asked whose turn it is: there may be
    /// thousands. (Where nobody has a turn now, as in a REP that is to answer, all of them: each
    /// that has nothing is to tell of the next.)
    fn has_more(&mut self, port: &Arc<Port>) -> bool {
        loop {
            let Ok(next) = self.pattern.next() else {
                let mut pipes = self.body.pipes.iter();
                return pipes.any(|(_, entry)| !entry.is_used_up());
            };
            let Some(pipe) = next else {
                return false;
            };
            let entry = self.body.pipes.get(pipe);
            if entry.is_some_and(|entry| !entry.is_used_up()) {
                return true;
            }
            self.handle_drained(pipe, port);
        }
    }
}

impl Body {
    /// A pipe has nothing left: whether that leaves room.
    pub(super) fn note_roomy(&mut self, pipe: PipeId) {
        let entry = self.pipes.get(pipe);
        if entry.is_some_and(|entry| entry.batch.is_roomy()) {
            self.roomy.insert(pipe);
        }
    }

    /// A receiver is about to wait: memory is given back.
    pub(super) fn enter_receiver(&mut self, waiter: &Arc<Waiter>, had_turn: bool) {
        for pipe in self.roomy.drain() {
            if let Some(entry) = self.pipes.get_mut(pipe) {
                entry.batch.relax();
            }
        }
        self.receivers.enter(waiter, had_turn);
    }
}
