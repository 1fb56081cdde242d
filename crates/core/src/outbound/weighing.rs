//! What is queued for a peer, in bytes: kept only where there is a mark in bytes.
//!
//! A message weighs what its parts have in bytes, those that a pattern puts in front included, and
//! framing left out. It is accepted while less than the mark is queued, whatever it weighs itself.
//! Written under the queue's lock, so that it changes together with the number of messages.

use std::collections::VecDeque;

use ferromq_wire::{Message, Part};

use crate::options::unlimited_if_zero;
use crate::sync::{AtomicU64, Ordering};

/// The weight of all that is queued, and its mark.
#[derive(Debug)]
pub(super) struct Scales {
    weight: AtomicU64,
    /// `u64::MAX`: nothing is weighed.
    mark: u64,
}

impl Default for Scales {
    fn default() -> Self {
        Self::new(0)
    }
}

impl Scales {
    /// Scales with a mark in bytes; 0: nothing is weighed.
    pub(super) fn new(mark: u64) -> Self {
        Self {
            weight: AtomicU64::new(0),
            mark: unlimited_if_zero(mark),
        }
    }

    /// True if there is a mark.
    #[inline]
    pub(super) fn are_used(&self) -> bool {
        self.mark != u64::MAX
    }

    /// True if the mark is reached.
    #[inline]
    pub(super) fn are_full(&self) -> bool {
        self.are_used() && self.weight() >= self.mark
    }

    /// True if more than half of it is there: what a burst is written at, and sleepers wait for.
    #[inline]
    pub(super) fn are_half_full(&self) -> bool {
        self.are_used() && self.weight() > self.mark / 2
    }

    /// The weight of all that is queued.
    #[inline]
    pub(super) fn weight(&self) -> u64 {
        self.weight.load(Ordering::Acquire)
    }

    /// Puts a message on without its first `strip` parts, behind `prefix`; its weight goes behind
    /// those of the messages before it. True: more than half of the mark is there.
    #[cold]
    #[inline(never)]
    pub(super) fn put(
        &self,
        prefix: &[Part],
        message: &Message,
        strip: usize,
        weights: &mut VecDeque<u64>,
    ) -> bool {
        let parts = prefix.iter().chain(message.iter().skip(strip));
        let weight = parts.map(|part| part.len() as u64).sum();
        weights.push_back(weight);
        self.weight.store(self.weight() + weight, Ordering::Release);
        self.are_half_full()
    }

    /// Takes messages of these weights off.
    pub(super) fn take(&self, weights: impl Iterator<Item = u64>) {
        let left = self.weight() - weights.sum::<u64>();
        self.weight.store(left, Ordering::Release);
    }
}
