//! What a run has measured.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// The result of one run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// Messages received, or round trips, while measuring.
    pub count: u64,
    /// The same for the whole run, with what was before.
    pub total: u64,
    /// Messages sent but not received.
    pub lost: u64,
    /// How long that took.
    pub seconds: f64,
    /// The processor time of it in seconds, user and system, all threads.
    pub cpu: f64,
    /// How many processors were busy while everything was open and nothing was sent.
    pub idle: f64,
    /// How often a thread woke up then, per second.
    pub wake_ups: f64,
    /// What else was measured.
    pub figures: BTreeMap<Figure, f64>,
}

impl Sample {
    /// A figure, if it was measured.
    pub fn get(&self, figure: Figure) -> Option<f64> {
        let count = self.count as f64;
        match figure {
            Figure::Rate => (self.count > 0).then(|| count / self.seconds),
            Figure::Cpu => (self.count > 0).then(|| self.cpu * 1e6 / count),
            Figure::Idle => Some(self.idle * 1e6),
            Figure::WakeUps => Some(self.wake_ups),
            _ => self.figures.get(&figure).copied(),
        }
    }

    /// Both sides together: one of them has counted, each has used something.
    pub fn merge(mut self, other: Self) -> Self {
        self.count += other.count;
        self.total += other.total;
        self.lost += other.lost;
        self.seconds += other.seconds;
        self.cpu += other.cpu;
        self.idle += other.idle;
        self.wake_ups += other.wake_ups;
        self.figures.extend(other.figures);
        self
    }
}

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Figure {
    /// Messages received, or round trips, per second.
    Rate,
    /// Of 100 times, 50 are at most so long, in microseconds.
    P50,
    /// Of 100 times, 99 are at most so long, in microseconds.
    P99,
    /// Of 1000 times, 999 are at most so long, in microseconds.
    P999,
    /// Processor time for each message or round trip, in microseconds.
    Cpu,
    /// Processor time for each idle second, in microseconds.
    Idle,
    /// Threads that woke up in each idle second.
    WakeUps,
    /// The rate with a receiver that does not read, as a share of the one without.
    Stalled,
    /// Until everything was connected, in milliseconds.
    Up,
    /// What it came to occupy on the side that binds, in bytes.
    BindMemory,
    /// The same on the side that connects.
    ConnectMemory,
    /// Descriptors for each connection, on the side that binds.
    Descriptors,
    /// Threads of the implementation, on the side that binds.
    Threads,
    /// Messages delivered per second.
    Deliveries,
    /// Messages taken from a sender whose receiver does not read.
    Accepted,
    /// The median time to make and drop a socket, in microseconds.
    Socket,
    /// System calls for each message or round trip.
    SystemCalls,
    /// Hostile connections that have come.
    Hostile,
}

impl Figure {
    /// What it is counted in.
    pub fn unit(self) -> &'static str {
        match self {
            Self::Rate | Self::Deliveries | Self::WakeUps => "/s",
            Self::P50 | Self::P99 | Self::P999 | Self::Socket => "µs",
            Self::Up => "ms",
            Self::BindMemory | Self::ConnectMemory => "B",
            Self::Threads | Self::Accepted | Self::Hostile => "",
            Self::Cpu => "µs each",
            Self::Idle => "µs/s",
            Self::Stalled => "×",
            Self::Descriptors | Self::SystemCalls => "each",
        }
    }

    /// Whether this ratio of ours to theirs means that ours is better.
    pub fn is_ahead(self, ratio: f64) -> bool {
        match self {
            Self::Rate | Self::Deliveries | Self::Stalled => ratio > 1.0,
            _ => ratio < 1.0,
        }
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rate => "rate",
            Self::P50 => "p50",
            Self::P99 => "p99",
            Self::P999 => "p99.9",
            Self::Cpu => "cpu",
            Self::Idle => "idle",
            Self::WakeUps => "wake-ups",
            Self::Up => "until up",
            Self::BindMemory => "memory, binding side",
            Self::ConnectMemory => "memory, connecting side",
            Self::Descriptors => "descriptors",
            Self::Threads => "threads",
            Self::Deliveries => "deliveries",
            Self::Accepted => "messages taken",
            Self::Socket => "socket alone",
            Self::Stalled => "rate with one stalled",
            Self::SystemCalls => "system calls",
            Self::Hostile => "hostile connections",
        })
    }
}

/// Times, in nanoseconds, to be summed up as percentiles.
pub(crate) struct Times(Vec<u32>);

impl Times {
    /// So many fit without touching a page for the first time while the clock runs.
    const READY: usize = 500_000;

    pub(crate) fn new() -> Self {
        // Other than zero, or the pages would not be touched.
        let mut times = vec![u32::MAX; Self::READY];
        times.clear();
        Self(times)
    }

    #[inline]
    pub(crate) fn push(&mut self, nanoseconds: u64) {
        self.0.push(u32::try_from(nanoseconds).unwrap_or(u32::MAX));
    }

    pub(crate) fn count(&self) -> u64 {
        self.0.len() as u64
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// In microseconds.
    pub(crate) fn percentiles(mut self) -> BTreeMap<Figure, f64> {
        self.0.sort_unstable();
        let count = self.0.len();
        let rank = |thousandth: usize| (count * thousandth).div_ceil(1000).saturating_sub(1);
        let figures = [(Figure::P50, 500), (Figure::P99, 990), (Figure::P999, 999)];
        let time = |thousandth| self.0.get(rank(thousandth));
        figures
            .into_iter()
            .filter_map(|(figure, thousandth)| Some((figure, time(thousandth)?)))
            .map(|(figure, &nanoseconds)| (figure, f64::from(nanoseconds) / 1e3))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_times_that_occurred() {
        let mut times = Times::new();
        (1..=1000).rev().for_each(|time| times.push(1000 * time));
        let figures = times.percentiles();
        let expected = [
            (Figure::P50, 500.0),
            (Figure::P99, 990.0),
            (Figure::P999, 999.0),
        ];
        assert_eq!(figures, BTreeMap::from(expected));
    }

    #[test]
    fn no_times_have_no_percentiles() {
        assert!(Times::new().percentiles().is_empty());
    }

    #[test]
    fn sides_are_added_up() {
        let conductor = Sample {
            count: 4,
            seconds: 2.0,
            cpu: 1.0,
            idle: 0.25,
            ..Sample::default()
        };
        let follower = Sample {
            cpu: 3.0,
            idle: 0.5,
            figures: BTreeMap::from([(Figure::P50, 7.0)]),
            ..Sample::default()
        };
        let both = conductor.merge(follower);
        assert_eq!(both.get(Figure::Rate), Some(2.0));
        assert_eq!(both.get(Figure::Cpu), Some(1e6));
        assert_eq!(both.get(Figure::Idle), Some(0.75e6));
        assert_eq!(both.get(Figure::P50), Some(7.0));
        assert_eq!(both.get(Figure::P99), None);
    }
}
