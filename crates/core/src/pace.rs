//! How often a socket writes single messages, over all its pipes.
//!
//! A message on an idle connection is written at once. A sender in a tight loop over several peers
//! would find each of them idle again after it has written to the others, and pay a system call for
//! every message. Hence such writes have a rate per socket: [`BURST`] at once, then one per
//! [`IDLE`]; what is beyond is left like any burst. The state is one point in time, from which each
//! write takes an interval (the generic cell rate algorithm of ITU-T I.371). With one peer it never
//! says no: its connection is idle [`IDLE`] after a write at the earliest.

use std::time::{Duration, Instant};

/// A connection that has been silent for this long is idle: the next message is written at once.
pub(crate) const IDLE: Duration = Duration::from_micros(20);

/// How many idle connections a socket writes to at once.
const BURST: u32 = 4;

/// The writes to idle connections of one socket.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    /// Up to when intervals are taken.
    taken: Option<Instant>,
}

impl Pace {
    /// Whether a connection that is idle may be written to now.
    pub(crate) fn admits(&mut self, now: Instant) -> bool {
        let from = self.taken.map_or(now, |taken| taken.max(now));
        let admitted = from - now <= IDLE * (BURST - 1);
        if admitted {
            self.taken = Some(from + IDLE);
        }
        admitted
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;
    use crate::world::{SystemWorld, World};

    #[test]
    fn burst_then_one_per_interval() {
        let start = SystemWorld::new().now();
        let mut pace = Pace::default();
        let mut admitted = |micros| pace.admits(start + Duration::from_micros(micros));
        assert_eq!((0..10).filter(|_| admitted(0)).count(), 4);
        assert!(!admitted(19));
        let steady = (20..1020).filter(|&micros| admitted(micros)).count();
        assert_eq!(steady, 50);
        // After a pause, a burst again.
        assert_eq!((0..10).filter(|_| admitted(9000)).count(), 4);
    }

    #[test]
    fn one_connection_that_is_idle_is_always_written_to() {
        let start = SystemWorld::new().now();
        let mut pace = Pace::default();
        assert!((0..1000).all(|time| pace.admits(start + IDLE * time)));
    }
}
