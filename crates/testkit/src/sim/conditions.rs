//! The weather of a simulated world: how late, how cut up and how narrow its network is.

use std::ops::RangeInclusive;
use std::time::Duration;

use ferromq_core::world::Tuning;

/// How the simulated network and clock behave; changed at any time with `SimWorld::weather`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conditions {
    /// How long bytes travel, one way. Bytes of one direction never overtake each other.
    /// Default: 20 to 200 µs.
    pub latency: RangeInclusive<Duration>,
    /// How long deciding a connect takes. Default: 50 to 500 µs.
    pub connect_latency: RangeInclusive<Duration>,
    /// How long looking up a name takes. Default: 100 µs to 5 ms.
    pub resolve_latency: RangeInclusive<Duration>,
    /// Cuts reads, writes and deliveries at random points. Default: true.
    pub splits: bool,
    /// How many bytes one direction of a link holds, in flight and unread together, before a write
    /// would block. At least 1. Default: 65 536.
    pub capacity: usize,
    /// By how much asking for the time moves the clock: what makes loops that spin on the clock
    /// end. Default: 20 ns; with zero, virtual time passes only while nothing can run.
    pub clock_cost: Duration,
    /// By how much each read and write moves the clock. Default: not at all.
    pub call_cost: Duration,
    /// Workers get no core: those that have waited on a reactor have no more turns. Default: false.
    pub starved: bool,
    /// How many turns of workers may follow each other without a byte moving or the scheduler
    /// moving the clock, before the world panics with "livelock". Default: 100 000.
    pub patience: u64,
    /// Who reads and writes connections. Default: what `FERROMQ_TUNING` says, else adaptive.
    pub tuning: Tuning,
}

impl Conditions {
    /// A network without delays and cuts, and a clock that stands still while somebody runs: for
    /// tests that check exact times.
    pub fn calm() -> Self {
        let none = Duration::ZERO..=Duration::ZERO;
        Self {
            latency: none.clone(),
            connect_latency: none.clone(),
            resolve_latency: none,
            splits: false,
            clock_cost: Duration::ZERO,
            ..Self::default()
        }
    }
}

impl Default for Conditions {
    fn default() -> Self {
        Self {
            latency: Duration::from_micros(20)..=Duration::from_micros(200),
            connect_latency: Duration::from_micros(50)..=Duration::from_micros(500),
            resolve_latency: Duration::from_micros(100)..=Duration::from_millis(5),
            splits: true,
            capacity: 64 * 1024,
            clock_cost: Duration::from_nanos(20),
            call_cost: Duration::ZERO,
            starved: false,
            patience: 100_000,
            tuning: Tuning::from_environment(),
        }
    }
}
