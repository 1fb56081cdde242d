//! Sending, in four forms over one attempt.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};
use std::time::{Duration, Instant};

use ferromq_wire::{Message, Part};

use super::after::{After, flush_left};
use super::alarms::Alarm;
use super::state::{Body, State};
use super::{Shared, Socket};
use crate::error::{SendError, SendErrorKind};
use crate::io::IoCommand;
use crate::options::Overflow;
use crate::outbound::{FEW, Manner, Pushed};
use crate::pattern::{Dropped, Pattern, PipeId, Route, Sends};
use crate::pipe::{Link, StreamPipe};
use crate::port::Port;
use crate::wait::Waiter;

impl<P: Sends> Socket<P> {
    /// Sends a message, waiting for a peer with room, at most for the send timeout (default:
    /// without limit).
    ///
    /// Returning `Ok` means accepted: the message is with the kernel or in a queue that is written
    /// in the background. From a socket that drops for slow peers (PUB) it returns at once.
    ///
    /// *Errors* hand the message back:
    /// - [`SendErrorKind::Closed`]: the socket is closed, by whichever thread;
    /// - [`SendErrorKind::NoParts`]: the message is empty;
    /// - [`SendErrorKind::Refused`]: the pattern does not allow it now (a REQ that waits for a
    ///   reply), or there is no such peer (ROUTER);
    /// - [`SendErrorKind::TimedOut`]: no peer had room in time.
    ///
    /// [Differs from libzmq](https://docs.rs/ferromq/latest/ferromq/differences/).
    #[doc(alias = "zmq_send")]
    pub fn send(&self, message: impl Into<Message>) -> Result<(), SendError> {
        let mut message = message.into();
        match self.shared().send(&mut message, None) {
            Ok(()) => Ok(()),
            Err(kind) => Err(SendError { kind, message }),
        }
    }

    /// Sends a message if a peer has room now. Never waits.
    ///
    /// *Errors*: [`SendErrorKind::Full`] if none has, and otherwise those of [`send`](Self::send).
    pub fn try_send(&self, message: impl Into<Message>) -> Result<(), SendError> {
        let mut message = message.into();
        match self.shared().try_send(&mut message) {
            Ok(()) => Ok(()),
            Err(kind) => Err(SendError { kind, message }),
        }
    }

    /// Like [`send`](Self::send), waiting at most for `timeout`.
    pub fn send_timeout(
        &self,
        message: impl Into<Message>,
        timeout: Duration,
    ) -> Result<(), SendError> {
        let mut message = message.into();
        match self.shared().send(&mut message, Some(timeout)) {
            Ok(()) => Ok(()),
            Err(kind) => Err(SendError { kind, message }),
        }
    }

    /// Like [`send`](Self::send) without time limit, as a future for any executor.
    ///
    /// *Errors*: also [`SendErrorKind::NoThread`]: the pattern waits for a limited time (a
    /// publisher that blocks for slow subscribers), and no I/O thread could be started that ends
    /// it.
    ///
    /// *Cancel safety*: the future owns the message until it is accepted whole. Dropping it before
    /// it is ready means that the message was not sent; [`SendFuture::cancel`] gives it back.
    pub fn send_async(&self, message: impl Into<Message>) -> SendFuture<'_, P> {
        SendFuture {
            shared: self.shared(),
            message: Some(message.into()),
            waiter: None,
            patience: None,
        }
    }
}

/// A message on its way to being accepted. Made by [`Socket::send_async`].
#[must_use = "a future does nothing unless it is polled"]
pub struct SendFuture<'a, P: Pattern> {
    shared: &'a Shared<P>,
    message: Option<Message>,
    waiter: Option<Arc<Waiter>>,
    /// Until when the pattern waits for peers without room, if it is not for ever.
    patience: Option<Alarm>,
}

impl<P: Pattern> SendFuture<'_, P> {
    /// Gives the message back if it was not accepted; `None`: it was.
    pub fn cancel(mut self) -> Option<Message> {
        self.message.take()
    }
}

impl<P: Pattern> SendFuture<'_, P> {
    /// From now on the pattern waits for so long; then the future is woken.
    fn begin_patience(&mut self, patience: Duration, waiter: &Arc<Waiter>) -> io::Result<()> {
        let now = self.shared.context.world().now();
        if let Some(at) = now.checked_add(patience) {
            self.patience = Some(self.shared.set_alarm(at, waiter, None)?);
        }
        Ok(())
    }
}

impl<P: Pattern> std::fmt::Debug for SendFuture<'_, P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SendFuture")
            .field("accepted", &self.message.is_none())
            .finish()
    }
}

impl<P: Pattern> Unpin for SendFuture<'_, P> {}

impl<P: Pattern> Future for SendFuture<'_, P> {
    type Output = Result<(), SendError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let Some(mut message) = this.message.take() else {
            return Poll::Ready(Ok(()));
        };
        let had_turn = this.waiter.is_some();
        let waiter = Arc::clone(this.waiter.get_or_insert_with(Waiter::task));
        drop(waiter.set_waker(cx.waker()));
        let world = this.shared.context.world();
        let hurries = this.patience.take_if(|it| world.now() >= it.at()).is_some();
        let mut patience = None;
        let offered = this.shared.with(|state| {
            if hurries {
                state.pattern.hurry();
            }
            let offered = state.offer(&mut message, &this.shared.port);
            match offered {
                Offer::Park => {
                    state.body.senders.enter(&waiter, had_turn);
                    patience = state.pattern.patience().filter(|_| !had_turn);
                }
                _ => {
                    state.body.senders.leave(&waiter);
                    state.body.cancel_alarm(this.patience.take());
                }
            }
            offered
        });
        match offered {
            Offer::Park => {
                if let Some(patience) = patience
                    && let Err(error) = this.begin_patience(patience, &waiter)
                {
                    let kind = SendErrorKind::NoThread(error.kind());
                    return Poll::Ready(Err(SendError { kind, message }));
                }
                this.message = Some(message);
                flush_left();
                this.shared.arm_left();
                Poll::Pending
            }
            Offer::Done => {
                this.waiter = None;
                Poll::Ready(Ok(()))
            }
            Offer::Refused(kind) => {
                this.waiter = None;
                Poll::Ready(Err(SendError { kind, message }))
            }
        }
    }
}

impl<P: Pattern> Drop for SendFuture<'_, P> {
    fn drop(&mut self) {
        if let Some(waiter) = self.waiter.take() {
            self.shared.with(|state| {
                state.body.cancel_alarm(self.patience.take());
                state.body.pass_on_send(&waiter);
            });
        }
    }
}

/// What became of one attempt to send.
pub(super) enum Offer {
    Done,
    Park,
    Refused(SendErrorKind),
}

impl Offer {
    /// For who does not wait.
    fn now(self) -> Result<(), SendErrorKind> {
        match self {
            Self::Done => Ok(()),
            Self::Park => Err(SendErrorKind::Full),
            Self::Refused(kind) => Err(kind),
        }
    }
}

impl<P: Pattern> Shared<P> {
    /// Would a send be accepted, or fail, at once?
    pub(crate) fn can_send(&self) -> bool {
        self.with(|state| state.can_send())
    }

    fn try_send(&self, message: &mut Message) -> Result<(), SendErrorKind> {
        self.with(|state| state.offer(message, &self.port)).now()
    }

    /// Like `try_send` for one of a batch, behind which the caller [flushes](flush_left).
    pub(crate) fn try_send_batched(&self, message: &mut Message) -> Result<(), SendErrorKind> {
        let offered = self.with(|state| {
            state.body.batching = true;
            let offered = state.offer(message, &self.port);
            state.body.batching = false;
            offered
        });
        offered.now()
    }

    /// `timeout`: `None` for that of the socket.
    fn send(&self, message: &mut Message, timeout: Option<Duration>) -> Result<(), SendErrorKind> {
        let offered = self.with(|state| {
            let offered = state.offer(message, &self.port);
            state.may_wait(timeout, &self.port);
            offered
        });
        match offered {
            Offer::Done => Ok(()),
            Offer::Park => self.send_waiting(message, timeout),
            Offer::Refused(kind) => Err(kind),
        }
    }

    #[cold]
    fn send_waiting(
        &self,
        message: &mut Message,
        timeout: Option<Duration>,
    ) -> Result<(), SendErrorKind> {
        let world = self.context.world();
        let timeout = timeout.or_else(|| self.port.options().send_timeout);
        let deadline: Option<Instant> =
            timeout.and_then(|timeout| world.now().checked_add(timeout));
        let bell = world.bell();
        let waiter = Arc::new(Waiter::Thread(Arc::clone(&bell)));
        let patience = self.with(|state| state.pattern.patience());
        let mut patience = patience.and_then(|patience| world.now().checked_add(patience));
        let mut had_turn = false;
        loop {
            let now = world.now();
            let expired = deadline.is_some_and(|at| now >= at);
            let hurries = patience.take_if(|at| now >= *at).is_some();
            let offered = self.with(|state| {
                if hurries {
                    state.pattern.hurry();
                }
                let offered = state.offer(message, &self.port);
                state.may_wait(timeout, &self.port);
                match offered {
                    Offer::Park if !expired => state.body.senders.enter(&waiter, had_turn),
                    Offer::Park => state.body.pass_on_send(&waiter),
                    _ => {
                        state.body.senders.leave(&waiter);
                    }
                }
                offered
            });
            match offered {
                Offer::Done => return Ok(()),
                Offer::Refused(kind) => return Err(kind),
                Offer::Park if expired => return Err(SendErrorKind::TimedOut),
                Offer::Park => {}
            }
            flush_left();
            self.arm_left();
            bell.wait(&[], deadline.into_iter().chain(patience).min());
            had_turn = true;
        }
    }
}

impl<P: Pattern> State<P> {
    /// The caller may wait for so long. Where its write finds the kernel full it waits a little,
    /// if nobody else is to be served meanwhile, and the pattern waits for room as well.
    #[inline]
    fn may_wait(&mut self, timeout: Option<Duration>, port: &Port) {
        let may = || timeout.or_else(|| port.options().send_timeout) != Some(Duration::ZERO);
        if !self.body.after.is_empty() {
            let is_alone = !P::KIND.eager && self.body.pipe_count() == 1;
            self.body.after.waits = is_alone && may();
        }
    }

    /// One attempt to send. The message is moved out only if an inproc peer took it.
    #[inline]
    pub(super) fn offer(&mut self, message: &mut Message, port: &Arc<Port>) -> Offer {
        if let Some(closed) = self.body.closed {
            return Offer::Refused(closed.into());
        }
        if message.is_empty() {
            return Offer::Refused(SendErrorKind::NoParts);
        }
        if !self.body.requeued.is_empty() {
            self.place_requeued(port);
            if !self.body.requeued.is_empty() {
                let refused = self.pattern.refusal();
                return refused.map_or(Offer::Park, |why| Offer::Refused(why.into()));
            }
        }
        let offered = match self.route(message, port) {
            Offer::Park => self.offer_again(message, port),
            offered => offered,
        };
        if matches!(offered, Offer::Done) {
            self.tell_turn();
        }
        offered
    }

    /// Before refusing: patterns remember who was full, and are told at steps only.
    #[cold]
    fn offer_again(&mut self, message: &mut Message, port: &Arc<Port>) -> Offer {
        match self.ask_again() {
            true => self.route(message, port),
            false => Offer::Park,
        }
    }

    /// Tells the pattern who has room. True: somebody.
    #[cold]
    pub(super) fn ask_again(&mut self) -> bool {
        let mut any = false;
        for (pipe, entry) in self.body.pipes.iter() {
            if entry.link.has_room() {
                self.pattern.writable(pipe);
                any = true;
            }
        }
        any
    }

    #[inline]
    fn route(&mut self, message: &mut Message, port: &Arc<Port>) -> Offer {
        let Self {
            pattern,
            body,
            actions,
            ..
        } = self;
        let route = pattern.route(message, &body.pipes, actions);
        body.carry_out(actions, port);
        match route {
            Route::To {
                pipe,
                strip,
                prefix,
            } => {
                port.counters.accept();
                body.send_to(pipe, prefix, message, strip, port);
            }
            Route::Each { pipes, skipped } => {
                let skipped = skipped as u64;
                port.counters.accept_messages(skipped);
                port.counters.drop_sending(Dropped::HighWaterMark, skipped);
                body.send_to_each(pipes, message, port);
            }
            Route::Done => {}
            Route::Discard(reason) => {
                port.counters.accept();
                port.counters.drop_sending(reason, 1);
            }
            Route::Park => return Offer::Park,
            Route::Refuse(refused) => return Offer::Refused(refused.into()),
        }
        Offer::Done
    }
}

impl Body {
    /// Hands a message to one pipe, which has room.
    #[inline]
    pub(super) fn send_to(
        &mut self,
        pipe: PipeId,
        prefix: &[Part],
        message: &mut Message,
        strip: usize,
        port: &Port,
    ) {
        if port.overflow != Overflow::Refuse {
            return self.send_behind(pipe, message, port);
        }
        self.push_to(pipe, prefix, message, strip, port);
    }

    /// The same, in its turn.
    #[inline]
    pub(super) fn push_to(
        &mut self,
        pipe: PipeId,
        prefix: &[Part],
        message: &mut Message,
        strip: usize,
        port: &Port,
    ) {
        let Some(entry) = self.pipes.get(pipe) else {
            debug_assert!(false, "routed to a pipe that is gone");
            return;
        };
        let manner = match self.batching {
            true => Manner::Batch,
            false if self.ready.is_empty() && entry.batch.is_consumed() => Manner::Quiet,
            false => Manner::Busy,
        };
        match &entry.link {
            Link::Stream(stream) => {
                let (world, pace) = (&*port.world, &mut self.pace);
                let pushed = stream.out.push(prefix, message, strip, manner, world, pace);
                self.after.follow(pushed, stream);
            }
            #[cfg(feature = "inproc")]
            Link::Inproc(inproc) => {
                if !prefix.is_empty() || strip > 0 {
                    let parts = std::mem::take(message).into_iter().skip(strip);
                    *message = prefix.iter().cloned().chain(parts).collect();
                }
                if inproc.is_joined() {
                    port.counters.hand_inside();
                }
                if inproc.outgoing.gives_way() {
                    let replaced = inproc.replace(Some(std::mem::take(message)));
                    let is_joined = inproc.is_joined();
                    return self.note_replaced(pipe, replaced, is_joined, port);
                }
                self.after.tell(inproc.send(message));
            }
        }
    }

    /// Hands a message to each of these pipes, which have room.
    fn send_to_each(&mut self, pipes: &[PipeId], message: &mut Message, port: &Port) {
        if let &[pipe] = pipes {
            port.counters.accept();
            return self.send_to(pipe, &[], message, 0, port);
        }
        let few = match port.overflow {
            Overflow::Refuse => FEW,
            _ => usize::MAX,
        };
        for &pipe in pipes {
            port.counters.accept();
            let Some(entry) = self.pipes.get(pipe) else {
                continue;
            };
            match &entry.link {
                Link::Stream(stream) if pipes.len() > few => {
                    let pushed =
                        stream
                            .out
                            .push(&[], message, 0, Manner::Fan, &*port.world, &mut self.pace);
                    self.after.follow(pushed, stream);
                }
                _ => self.send_to(pipe, &[], &mut message.clone(), 0, port),
            }
        }
    }
}

impl After {
    /// Notes what a push asks its caller to do.
    #[inline]
    pub(super) fn follow(&mut self, pushed: Pushed, pipe: &Arc<StreamPipe>) {
        match pushed {
            Pushed::Queued => return,
            Pushed::Handed => {
                let command = IoCommand::Dirty(Arc::clone(pipe));
                self.commands.push((pipe.io.clone(), command));
            }
            Pushed::Left { dirty } => self.left.push((Arc::clone(pipe), dirty)),
            Pushed::Write => self.writes.push(Arc::clone(pipe)),
        }
        self.any = true;
    }
}
