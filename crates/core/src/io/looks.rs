//! When an I/O thread looks at connections that senders have left unwritten.
//!
//! It looks at once when a burst begins: what goes to each of many peers it writes then, else what
//! has lain for 100 µs. While it finds something to write it looks each 100 µs; while the senders
//! write themselves, less and less often, since a look takes the processor from a sender beside it.
//! Where it writes to many and messages come faster than they can be written one by one, it leaves
//! two thirds of the time to others: more messages then go with each write, and wake a peer once.

use std::time::{Duration, Instant};

use crate::outbound::{FEW, STRAGGLER};

/// How long after its last look it looks again at most, but where it writes a flood to many.
const SELDOM: Duration = Duration::from_micros(400);

/// How many messages a write has, on average, where they come faster than they can be written.
const MANY: usize = 4;

/// For how long nothing is written then, in multiples of what the look took, and at most: it may
/// have taken long because the whole process was stopped.
const REST: u32 = 2;
const LONGEST: Duration = Duration::from_millis(2);

/// The looks of one I/O thread.
#[derive(Debug)]
pub(super) struct Looks {
    /// When the next one is; none: at once, or never if there is nothing to look at.
    at: Option<Instant>,
    /// How long after it the one after it is, if nothing is written.
    patience: Duration,
}

/// What was written in one look.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Written {
    writes: usize,
    messages: usize,
}

impl Written {
    /// One write more, of so many messages.
    pub(super) fn count(&mut self, messages: u32) {
        self.writes += 1;
        self.messages += messages as usize;
    }

    fn is_flood(&self) -> bool {
        self.writes > FEW && self.messages >= MANY * self.writes
    }
}

impl Default for Looks {
    fn default() -> Self {
        Self {
            at: None,
            patience: STRAGGLER,
        }
    }
}

impl Looks {
    /// When the next look is, if a time was set.
    pub(super) fn next(&self) -> Option<Instant> {
        self.at
    }

    /// A burst has begun: it is looked at at once, and what else lies there.
    pub(super) fn begin(&mut self) {
        *self = Self::default();
    }

    /// Nothing is left to look at.
    pub(super) fn end(&mut self) {
        self.at = None;
    }

    /// True if it is time for a look.
    pub(super) fn are_due(&self, now: Instant) -> bool {
        self.at.is_none_or(|at| now >= at)
    }

    /// A look that began then is over, with something left to look at.
    pub(super) fn go_on(&mut self, began: Instant, written: Written, now: impl Fn() -> Instant) {
        let patience = match written.writes {
            0 => self.patience,
            _ => STRAGGLER,
        };
        self.patience = SELDOM.min(2 * patience);
        let mut at = began + patience;
        if written.is_flood() {
            let ended = now();
            let took = ended.saturating_duration_since(began);
            at = at.max(ended + LONGEST.min(REST * took));
        }
        self.at = Some(at);
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;
    use crate::world::{SystemWorld, World};

    fn now() -> Instant {
        SystemWorld::new().now()
    }

    fn written(writes: usize, messages: usize) -> Written {
        Written { writes, messages }
    }

    /// How long after a look that took so long the next one begins.
    fn pause(looks: &mut Looks, took: Duration, written: Written) -> Duration {
        let began = now();
        looks.go_on(began, written, || began + took);
        let at = looks.next().unwrap();
        assert!(looks.are_due(at) && !looks.are_due(at - Duration::from_nanos(1)));
        at - began
    }

    #[test]
    fn burst_is_looked_at_at_once() {
        let mut looks = Looks::default();
        pause(&mut looks, STRAGGLER, written(1, 1));
        looks.begin();
        assert!(looks.are_due(now()) && looks.next().is_none());
    }

    #[test]
    fn looks_at_senders_that_write_become_rarer() {
        let mut looks = Looks::default();
        let pauses = [1, 2, 4, 4].map(|times| times * STRAGGLER);
        assert_eq!(
            pauses.map(|_| pause(&mut looks, STRAGGLER, written(0, 0))),
            pauses
        );
        assert_eq!(pause(&mut looks, STRAGGLER, written(1, 1)), STRAGGLER);
    }

    #[test]
    fn flood_to_many_leaves_two_thirds_of_the_time() {
        let took = 3 * STRAGGLER;
        let mut looks = Looks::default();
        let few = pause(&mut looks, took, written(32, 32 * MANY - 1));
        let many = pause(&mut looks, took, written(32, 32 * MANY));
        assert_eq!((few, many), (STRAGGLER, 3 * took));
        let to_few = pause(&mut looks, took, written(FEW, 1000));
        let at_no_cost = pause(&mut looks, Duration::ZERO, written(32, 1000));
        assert_eq!((to_few, at_no_cost), (STRAGGLER, STRAGGLER));
        let stopped = Duration::from_secs(60);
        let after_stop = pause(&mut looks, stopped, written(32, 1000));
        assert_eq!(after_stop, stopped + LONGEST);
    }
}
