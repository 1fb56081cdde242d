//! What a side uses: processor time by phase, and at rest.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use crate::Outcome;
use crate::link::Phase;
use crate::machine::{cpu_time, wake_ups};

/// How long after the last message an opponent may still be busy.
const SETTLE: Duration = Duration::from_millis(10);

/// When each phase began, and the processor time that this process had used by then.
#[derive(Default)]
pub(crate) struct Meter {
    begun: BTreeMap<Phase, (Instant, Duration)>,
    at_rest: AtRest,
}

impl Meter {
    pub(crate) fn enter(&mut self, phase: Phase) {
        self.begun.insert(phase, (Instant::now(), cpu_time()));
    }

    /// What passed between the beginning of this phase and the next.
    ///
    /// *Errors*: it has not ended.
    pub(crate) fn spent(&self, phase: Phase) -> Outcome<Spent> {
        let mut from = self.begun.range(phase..).map(|(_, &moment)| moment);
        let (Some((start, cpu)), Some((end, cpu_then))) = (from.next(), from.next()) else {
            return Err(format!("{phase:?} has not ended").into());
        };
        Ok(Spent {
            seconds: (end - start).as_secs_f64(),
            cpu: cpu_then.saturating_sub(cpu).as_secs_f64(),
        })
    }

    /// Does nothing for so long, and measures what is used nevertheless.
    pub(crate) fn rest(&mut self, length: Duration) {
        thread::sleep(SETTLE);
        let (switches, start, cpu) = (wake_ups(), Instant::now(), cpu_time());
        thread::sleep(length);
        let (used, seconds) = (
            cpu_time().saturating_sub(cpu),
            start.elapsed().as_secs_f64(),
        );
        self.at_rest = AtRest {
            cores: used.as_secs_f64() / seconds,
            wake_ups: wake_ups().saturating_sub(switches) as f64 / seconds,
        };
    }

    /// What the last rest has shown.
    pub(crate) fn at_rest(&self) -> &AtRest {
        &self.at_rest
    }
}

/// What a phase took.
pub(crate) struct Spent {
    pub(crate) seconds: f64,
    pub(crate) cpu: f64,
}

/// What was used while nothing was sent.
#[derive(Default)]
pub(crate) struct AtRest {
    /// The share of a processor.
    pub(crate) cores: f64,
    /// How often per second a thread began to run, other than the one that measures.
    pub(crate) wake_ups: f64,
}
