//! Deadlines of one I/O thread, earliest first; outdated ones are dropped when they come up, but
//! for those of heartbeats, which peers may set as they like.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};
use std::time::Instant;

/// Of (deadline, key): a heap, and a set of those that can be moved.
#[derive(Debug, Default)]
pub(super) struct Timers {
    heap: BinaryHeap<Reverse<(Instant, u64)>>,
    movable: BTreeSet<(Instant, u64)>,
}

impl Timers {
    /// Calls `key` up at `at`, possibly besides earlier deadlines of the same key.
    pub(super) fn set(&mut self, at: Instant, key: u64) {
        self.heap.push(Reverse((at, key)));
    }

    /// Calls `key` up at `to` and no longer at `from`, which was set in this way.
    pub(super) fn shift(&mut self, from: Option<Instant>, to: Option<Instant>, key: u64) {
        if let Some(from) = from {
            self.movable.remove(&(from, key));
        }
        if let Some(to) = to {
            self.movable.insert((to, key));
        }
    }

    /// The earliest deadline.
    pub(super) fn next(&self) -> Option<Instant> {
        let fixed = self.heap.peek().map(|Reverse((at, _))| *at);
        let movable = self.movable.first().map(|(at, _)| *at);
        fixed.into_iter().chain(movable).min()
    }

    /// A key whose deadline has passed.
    pub(super) fn pop(&mut self, now: Instant) -> Option<u64> {
        if self.movable.first().is_some_and(|(at, _)| *at <= now) {
            return self.movable.pop_first().map(|(_, key)| key);
        }
        let Reverse((at, _)) = self.heap.peek()?;
        if *at > now {
            return None;
        }
        self.heap.pop().map(|Reverse((_, key))| key)
    }
}
