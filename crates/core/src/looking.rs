//! Looking without sleeping: for a short while, and only while that has lately paid off.
//!
//! Who sleeps has to be woken, and whoever wakes him is held up by that for longer than most waits
//! last. But who looks keeps a core busy, and where both ends share one, what is looked for cannot
//! come about. So each success earns two looks, each failure costs one; without credit, one wait in
//! 64 to 256 tries again.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::world::World;

/// How often one looks at most: a bound for clocks that stand still.
pub(crate) const LOOKS: u32 = if cfg!(loom) { 1 } else { 1000 };

/// How much looking has to pay off: each success adds, each failure takes one away.
const SUCCESS: u32 = 2;
/// The most credit.
const CREDIT: u32 = 16;
/// Without credit, one look in so many waits tries again; after each that failed in twice as many,
/// lest it be one of a hundred that takes longer.
const PROBE: u32 = 64;
const RAREST_PROBE: u32 = 256;

/// Whether looking without sleeping has paid off lately.
#[derive(Debug)]
pub(crate) struct Looking {
    credit: AtomicU32,
    /// Waits without a look, and after how many there is one again.
    waits: AtomicU32,
    probe: AtomicU32,
}

impl Default for Looking {
    fn default() -> Self {
        Self {
            credit: AtomicU32::new(CREDIT / 2),
            waits: AtomicU32::new(0),
            probe: AtomicU32::new(PROBE),
        }
    }
}

impl Looking {
    /// Whether to look before this wait. Who does [learns](Self::learn) from it.
    pub(crate) fn is_worth_it(&self) -> bool {
        if self.credit.load(Ordering::Relaxed) > 0 {
            return true;
        }
        let waits = self.waits.load(Ordering::Relaxed) + 1;
        let probes = waits >= self.probe.load(Ordering::Relaxed);
        let waits = if probes { 0 } else { waits };
        self.waits.store(waits, Ordering::Relaxed);
        probes
    }

    /// Looks for so long whether something is there; true: it is.
    pub(crate) fn look(
        &self,
        world: &dyn World,
        at_most: Duration,
        mut is_there: impl FnMut() -> bool,
    ) -> bool {
        let end = world.now() + at_most;
        let mut found = false;
        for _ in 0..LOOKS {
            found = is_there();
            if found || world.now() >= end {
                break;
            }
            std::hint::spin_loop();
        }
        self.learn(found);
        found
    }

    /// Whether a look has found something.
    pub(crate) fn learn(&self, found: bool) {
        let credit = self.credit.load(Ordering::Relaxed);
        if found {
            let more = (credit + SUCCESS).min(CREDIT);
            self.credit.store(more, Ordering::Relaxed);
            self.probe.store(PROBE, Ordering::Relaxed);
        } else if credit > 0 {
            self.credit.store(credit - 1, Ordering::Relaxed);
        } else {
            let probe = self.probe.load(Ordering::Relaxed);
            self.probe
                .store((2 * probe).min(RAREST_PROBE), Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;

    /// Looks in so many waits, each of which fails.
    fn looks_in(looking: &Looking, waits: u32) -> usize {
        let looks = |_: &u32| {
            looking
                .is_worth_it()
                .then(|| looking.learn(false))
                .is_some()
        };
        (0..waits).filter(looks).count()
    }

    #[test]
    fn looks_that_fail_become_rare_until_one_has_found_something() {
        let looking = Looking::default();
        assert_eq!(looks_in(&looking, CREDIT / 2), CREDIT as usize / 2);
        assert_eq!(looks_in(&looking, PROBE), 1);
        assert_eq!(looks_in(&looking, 2 * PROBE), 1);
        assert_eq!(looks_in(&looking, 100 * RAREST_PROBE), 100);
        while !looking.is_worth_it() {}
        looking.learn(true);
        assert_eq!(looks_in(&looking, SUCCESS), SUCCESS as usize);
        assert_eq!(looks_in(&looking, PROBE), 1);
    }
}
