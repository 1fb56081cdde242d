//! What closing waits for, and what it reports.

use std::sync::Arc;

use crate::sync::Mutex;
use crate::wait::{WaitList, Waiter};

/// What became of the messages that were queued when a socket was closed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CloseReport {
    /// Messages that the kernel had not taken when linger was over; they are lost.
    pub unsent: u64,
    /// True if every connection was ended in an orderly way within linger.
    pub complete: bool,
}

/// Counts the sessions that a close still waits for.
#[derive(Debug, Default)]
pub(crate) struct Closing {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    open: usize,
    unsent: u64,
    /// Linger was over before a session was.
    cut_short: bool,
    waiters: WaitList,
}

impl Closing {
    /// One more session to wait for.
    pub(crate) fn begin(&self) {
        self.state.lock().open += 1;
    }

    /// Messages that are lost.
    pub(crate) fn lose(&self, unsent: u64) {
        self.state.lock().unsent += unsent;
    }

    /// Linger is over, and a session is not.
    pub(crate) fn cut_short(&self) {
        self.state.lock().cut_short = true;
    }

    /// A session is over.
    pub(crate) fn finish(&self, unsent: u64) {
        let mut woken = Vec::new();
        let mut state = self.state.lock();
        state.open = state.open.saturating_sub(1);
        state.unsent += unsent;
        if state.open == 0 {
            state.waiters.take(usize::MAX, &mut woken);
        }
        drop(state);
        woken.iter().for_each(|waiter| waiter.wake());
    }

    /// The report, if everything is over; else the waiter is woken when it is.
    pub(crate) fn poll(&self, waiter: &Arc<Waiter>) -> Option<CloseReport> {
        let mut state = self.state.lock();
        if state.open > 0 {
            state.waiters.enter(waiter, false);
            return None;
        }
        Some(CloseReport {
            unsent: state.unsent,
            complete: state.unsent == 0 && !state.cut_short,
        })
    }

    /// The report so far, for a caller that waits no longer.
    pub(crate) fn give_up(&self, waiter: &Arc<Waiter>) -> CloseReport {
        let mut state = self.state.lock();
        state.waiters.leave(waiter);
        CloseReport {
            unsent: state.unsent,
            complete: state.open == 0,
        }
    }
}
