//! What closing waits for, and what it reports.
//!
//! Every session and every listener of a socket is a [`Life`]. A closed socket is over with the
//! last of them: then its report is final, and its events end.

use std::ops::Deref;
use std::sync::{Arc, Weak};

use crate::pipe::StreamPipe;
use crate::port::Port;
use crate::sync::Mutex;
use crate::wait::{WaitList, Waiter};

/// What became of the messages that were queued when a socket was closed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CloseReport {
    /// Messages that the kernel had not taken when linger was over; they are lost, unless an I/O
    /// thread that got no core until now still writes them. Those for endpoints that were unbound
    /// or disconnected shortly before are among them.
    pub unsent: u64,
    /// True if every connection was ended in an orderly way within linger.
    pub complete: bool,
}

/// Counts a socket's lives, and what closing it loses.
#[derive(Debug, Default)]
pub(crate) struct Closing {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    lives: usize,
    closed: bool,
    unsent: u64,
    /// Pipes that I/O threads are to end.
    parting: Vec<Weak<StreamPipe>>,
    /// Linger was over before a session was.
    cut_short: bool,
    waiters: WaitList,
}

impl Closing {
    /// The socket is closed: what is lost from now on is reported.
    pub(crate) fn begin(&self) {
        self.state.lock().closed = true;
    }

    /// An I/O thread is to end this pipe, and to tell what is lost.
    pub(crate) fn part(&self, pipe: &Arc<StreamPipe>) {
        let mut state = self.state.lock();
        if state.parting.len() == state.parting.capacity() {
            // As many more before the next look: one that closes has thousands of them.
            state.parting.retain(|other| other.strong_count() > 0);
            let ending = state.parting.len();
            state.parting.reserve(ending + 1);
        }
        state.parting.push(Arc::downgrade(pipe));
    }

    /// Messages are lost.
    pub(crate) fn lose(&self, unsent: u64) {
        let mut state = self.state.lock();
        state.unsent += if state.closed { unsent } else { 0 };
    }

    /// Linger is over, and a session is not.
    pub(crate) fn cut_short(&self) {
        let mut state = self.state.lock();
        state.cut_short |= state.closed;
    }

    /// True if the closed socket is over; else the waiter is woken when it is.
    pub(crate) fn is_over(&self, waiter: &Arc<Waiter>) -> bool {
        let mut state = self.state.lock();
        let over = state.is_over();
        if !over {
            state.waiters.enter(waiter, false);
        }
        over
    }

    /// The report, final if the socket is over; else what is still queued counts as unsent. The
    /// waiter waits no longer.
    pub(crate) fn report(&self, waiter: &Arc<Waiter>) -> CloseReport {
        let mut state = self.state.lock();
        state.waiters.leave(waiter);
        if state.is_over() {
            return CloseReport {
                unsent: state.unsent,
                complete: state.unsent == 0 && !state.cut_short,
            };
        }
        let parting: Vec<_> = state.parting.iter().filter_map(Weak::upgrade).collect();
        let lost = state.unsent;
        drop(state);
        let queued: u64 = parting
            .iter()
            .map(|pipe| u64::from(pipe.out.queued()))
            .sum();
        CloseReport {
            unsent: lost + queued,
            complete: false,
        }
    }

    /// One life less. True: it was the last one of a closed socket.
    fn end(&self) -> bool {
        let mut woken = Vec::new();
        let mut state = self.state.lock();
        state.lives -= 1;
        let over = state.is_over();
        if over {
            state.waiters.take(usize::MAX, &mut woken);
        }
        drop(state);
        woken.iter().for_each(|waiter| waiter.wake());
        over
    }
}

impl State {
    fn is_over(&self) -> bool {
        self.closed && self.lives == 0
    }
}

/// What a closed socket waits for: a session, a listener, or closing itself. Ends when dropped.
#[derive(Debug)]
pub(crate) struct Life {
    port: Arc<Port>,
}

impl Life {
    /// One more life of the socket behind this port.
    pub(crate) fn of(port: &Arc<Port>) -> Self {
        port.closing.state.lock().lives += 1;
        let port = Arc::clone(port);
        Self { port }
    }
}

impl Deref for Life {
    type Target = Arc<Port>;

    fn deref(&self) -> &Arc<Port> {
        &self.port
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        if self.port.closing.end() {
            self.port.events.end();
        }
    }
}
