//! The socket shell: one lock over a pattern and its pipes, and every operation in four forms.
//!
//! The lock is short: no system call, no wait, no user code under it. What follows from a call
//! (wake-ups, writes, notes to other sockets) is collected in [`After`] and carried out when the
//! lock is released; notes that arrived meanwhile are drained then. Two sockets' locks are never
//! held together.

mod after;
mod alarms;
mod arrivals;
mod backlog;
mod changing;
mod effects;
mod ending;
mod endpoints;
#[cfg(feature = "inproc")]
mod inproc;
mod keeping;
mod leading;
mod observing;
mod peers;
mod ready;
mod receipt;
mod receiving;
mod requesting;
mod returning;
mod sending;
#[cfg(unix)]
mod signal;
mod state;
#[cfg(feature = "futures")]
mod streaming;
mod taking;

use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

pub(crate) use after::flush_left;
pub use arrivals::Arrival;
#[cfg(feature = "inproc")]
pub(crate) use inproc::{Bound, Connecting};
pub(crate) use leading::{Claim, sleep};
#[doc(hidden)]
pub use observing::enough;
pub use peers::PeerInfo;
#[doc(hidden)]
pub use receipt::Receipt;
pub use receiving::RecvFuture;
pub use requesting::{Request, RequestFuture};
pub use sending::SendFuture;
#[cfg(unix)]
pub use signal::ReceiveFd;
pub(crate) use state::State;
#[cfg(feature = "futures")]
pub use streaming::{MessageSink, MessageStream};

use self::arrivals::Changes;
use self::ready::Ready;
use crate::close::{CloseReport, Life};
use crate::context::{Context, ContextInner, Handle};
use crate::error::ClosedError;
use crate::event::Events;
use crate::looking::Looking;
use crate::options::Options;
use crate::pattern::{Actions, Pattern, Readiness};
use crate::port::{Port, Shell};
use crate::stats::{PeerStats, Stats};
use crate::sync::{Mutex, MutexGuard};
use crate::wait::Waiter;

/// How much longer than linger a close waits for the I/O threads. They end it on time if they get a
/// core; a report before they are done would be short.
const GRACE: Duration = Duration::from_secs(2);

/// A socket of one pattern. Usable from several threads at once; dropping it closes it.
///
/// Dropping does not wait: what is queued is flushed in the background within linger (5 s by
/// default), for which dropping the last handle of the [`Context`] waits. [`close`](Self::close)
/// waits and reports.
pub struct Socket<P: Pattern> {
    shared: Arc<Shared<P>>,
    /// Goes last: it may be the handle that waits for linger.
    _context: Arc<Handle>,
}

pub(crate) struct Shared<P: Pattern> {
    port: Arc<Port>,
    context: Arc<ContextInner>,
    state: Mutex<State<P>>,
    looking: Looking,
    /// The same for the rest of a large message.
    following: Looking,
}

impl<P: Pattern> Socket<P> {
    /// A socket without endpoints.
    pub(crate) fn build(context: &Context, pattern: P, options: Options) -> Self {
        Self::build_with(
            Arc::clone(context.inner()),
            context.handle(),
            pattern,
            options,
        )
    }

    /// A socket that is none of the application's: it does not keep the context alive.
    #[cfg(feature = "inproc")]
    pub(crate) fn inside(context: &Arc<ContextInner>, options: Options) -> Self
    where
        P: Default,
    {
        let none = Context::with_world(Arc::clone(context.world()), 1);
        Self::build_with(Arc::clone(context), none.handle(), P::default(), options)
    }

    fn build_with(
        inner: Arc<ContextInner>,
        handle: Arc<Handle>,
        mut pattern: P,
        mut options: Options,
    ) -> Self {
        inner.complete(&mut options);
        pattern.seed(&|| inner.world().random());
        let mut port = Port::new(P::KIND, options, Arc::clone(inner.world()));
        port.process = inner.process();
        #[cfg(feature = "inproc")]
        {
            port.context = Arc::downgrade(&inner);
        }
        let port = Arc::new(port);
        let mut state = State::new(pattern);
        let options = port.options();
        state.body.ready = Ready::new(&options);
        state.body.changes = Changes::new(options.tell_peers);
        let shared = Arc::new(Shared {
            port,
            context: inner,
            state: Mutex::new(state),
            looking: Looking::default(),
            following: Looking::default(),
        });
        let shell: Arc<dyn Shell> = Arc::clone(&shared) as Arc<dyn Shell>;
        shared.port.set_shell(Arc::downgrade(&shell));
        if let Err(why) = shared.context.register(&shell) {
            shared.begin_close(why);
        }
        Self {
            shared,
            _context: handle,
        }
    }

    /// A socket with default options: what [`socket_type!`](crate::socket_type) makes `new` of.
    #[doc(hidden)]
    pub fn with_defaults(context: &Context) -> Self
    where
        P: Default,
    {
        Self::build(context, P::default(), Options::default())
    }

    /// Ends the socket: every blocked call returns, nothing more is accepted, and what is queued is
    /// written within linger. Waits for that and reports.
    ///
    /// *Blocking*: at most linger (5 s by default); 2 s more if the I/O threads get no core then. A
    /// second call reports what the first has left.
    ///
    /// [Differs from libzmq](https://docs.rs/ferromq/latest/ferromq/differences/).
    pub fn close(&self) -> CloseReport {
        if self.shared.is_forked() {
            return CloseReport::default();
        }
        let until = self.shared.begin_close(ClosedError::Closed);
        let world = self.shared.context.world();
        let bell = world.bell();
        let waiter = Arc::new(Waiter::Thread(Arc::clone(&bell)));
        let latest = until + GRACE;
        while !self.shared.port.closing.is_over(&waiter) && world.now() < latest {
            bell.wait(&[], Some(latest));
        }
        self.shared.report(&waiter)
    }

    /// Like [`close`](Self::close), as a future. The I/O threads end linger, so it always
    /// completes.
    pub async fn close_async(&self) -> CloseReport {
        if self.shared.is_forked() {
            return CloseReport::default();
        }
        self.shared.begin_close(ClosedError::Closed);
        let waiter = Waiter::task();
        poll_fn(|context| {
            drop(waiter.set_waker(context.waker()));
            match self.shared.port.closing.is_over(&waiter) {
                true => Poll::Ready(self.shared.report(&waiter)),
                false => Poll::Pending,
            }
        })
        .await
    }

    /// The events of this socket from now on. Every reader gets each of them.
    ///
    /// [Differs from libzmq](https://docs.rs/ferromq/latest/ferromq/differences/).
    pub fn events(&self) -> Events {
        let port = &self.shared.port;
        let room = match port.process.is_this() {
            true => port.options().event_backlog,
            false => 0,
        };
        port.events
            .subscribe(room, Arc::clone(&port.world), port.process)
    }

    /// The socket's counters now.
    ///
    /// [Differs from libzmq](https://docs.rs/ferromq/latest/ferromq/differences/).
    pub fn stats(&self) -> Stats {
        let port = &self.shared.port;
        self.shared
            .with(|state| port.counters.snapshot(&state.body.carried()))
    }

    /// How many peers the socket has now. A dialed endpoint counts before its peer is there.
    pub fn pipes(&self) -> usize {
        self.shared.with(|state| state.body.pipe_count())
    }

    /// What could be done now without waiting. Exact, until somebody else does something.
    #[doc(alias = "ZMQ_EVENTS")]
    pub fn readiness(&self) -> Readiness {
        let port = &self.shared.port;
        self.shared.arm_left();
        self.shared.with(|state| state.readiness(port))
    }

    /// Calls the pattern under the socket's lock: how a pattern crate adds operations of its own.
    #[doc(hidden)]
    pub fn with_pattern<R>(
        &self,
        call: impl FnOnce(&mut P, &mut Actions) -> R,
    ) -> Result<R, ClosedError> {
        let port = &self.shared.port;
        self.shared.with(|state| state.with_pattern(port, call))
    }

    pub(crate) fn shared(&self) -> &Arc<Shared<P>> {
        &self.shared
    }
}

impl<P: Pattern> Drop for Socket<P> {
    /// In a forked child it is left as it is, for ever: it is the parent's.
    fn drop(&mut self) {
        match self.shared.is_forked() {
            true => std::mem::forget(Arc::clone(&self.shared)),
            false => _ = self.shared.begin_close(ClosedError::Closed),
        }
    }
}

impl<P: Pattern> fmt::Debug for Socket<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Socket");
        out.field("type", &P::KIND.socket_type);
        if let Some((pipes, queued, waiting)) = self.shared.glance() {
            out.field("pipes", &pipes);
            out.field("queued", &queued).field("waiting", &waiting);
        }
        out.finish_non_exhaustive()
    }
}

impl<P: Pattern> Shared<P> {
    pub(crate) fn port(&self) -> &Arc<Port> {
        &self.port
    }

    /// Calls `call` under the lock, notes drained before and after.
    #[inline]
    pub(crate) fn with<R>(&self, call: impl FnOnce(&mut State<P>) -> R) -> R {
        if self.is_forked() {
            return Self::with_nothing(call);
        }
        let mut state = self.state.lock();
        if self.port.has_notes() {
            state.drain(&self.port);
        }
        let result = call(&mut state);
        self.release(state);
        if self.port.look_again() {
            self.settle();
        }
        result
    }

    /// In a forked child: calls `call` with a socket that is closed and has nothing. Whether the
    /// lock is free is chance there, and what it guards is the parent's.
    #[cold]
    fn with_nothing<R>(call: impl FnOnce(&mut State<P>) -> R) -> R {
        let mut state = State::new(P::default());
        state.body.closed = Some(ClosedError::Forked);
        call(&mut state)
    }

    #[inline]
    fn is_forked(&self) -> bool {
        !self.port.process.is_this()
    }

    /// How many pipes there are, messages queued, and waiting. `None`: somebody has the lock, or
    /// notes to drain. Changes nothing, so that printing a socket hides no fault of it; but notes
    /// that come meanwhile are left to this holder, too.
    fn glance(&self) -> Option<(usize, u64, u64)> {
        if self.is_forked() || self.port.has_notes() {
            return None;
        }
        let state = self.state.try_lock()?;
        let PeerStats {
            queued, waiting, ..
        } = state.body.carried();
        let pipes = state.body.pipe_count();
        drop(state);
        if self.port.look_again() {
            self.settle();
        }
        Some((pipes, queued, waiting))
    }

    /// Unlocks, then carries out what follows.
    #[inline]
    fn release(&self, state: MutexGuard<'_, State<P>>) {
        if !state.body.after.is_empty() {
            self.follow_up(state);
        }
    }

    #[cold]
    fn follow_up(&self, mut state: MutexGuard<'_, State<P>>) {
        #[cfg(unix)]
        let signal = state.update_signal(&self.port);
        let mut after = after::spare();
        std::mem::swap(&mut after, &mut state.body.after);
        #[cfg(unix)]
        {
            // Whatever is done next to a socket with a signal may change what that has to show.
            state.body.after.any = signal.is_some();
        }
        drop(state);
        after.run();
        after::give(after);
        #[cfg(unix)]
        if let Some(signal) = signal {
            signal.show();
        }
    }

    /// Ends everything. The time until which linger lasts; the first call decides.
    fn begin_close(&self, why: ClosedError) -> Instant {
        let now = self.context.world().now();
        let options = self.port.options();
        let linger = match options.linger {
            None if P::KIND.drops_at_close => Duration::ZERO,
            _ => options.linger(),
        };
        let until = now + linger;
        let _life = Life::of(&self.port);
        let closed = self.with(|state| state.close(why, until, &self.port));
        if closed {
            #[cfg(feature = "inproc")]
            self.release_names();
        }
        until
    }

    /// What closing has come to. Notes may still tell of what was lost.
    fn report(&self, waiter: &Arc<Waiter>) -> CloseReport {
        self.with(|_| ());
        self.port.closing.report(waiter)
    }
}

impl<P: Pattern> Shell for Shared<P> {
    #[cold]
    fn settle(&self) {
        loop {
            self.port.announce();
            let Some(mut state) = self.state.try_lock() else {
                return;
            };
            state.drain(&self.port);
            self.release(state);
            if !self.port.look_again() {
                return;
            }
        }
    }

    fn shut_down(&self) {
        self.begin_close(ClosedError::Shutdown);
    }

    fn alarm(&self, at: Instant) -> Option<Instant> {
        let now = self.context.world().now();
        self.with(|state| state.body.ring_alarm(at, now))
    }
}
