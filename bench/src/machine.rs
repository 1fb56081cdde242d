//! The machine: pinning, clocks, the latency between two cores, and what else runs.

use std::fs;
use std::hint::spin_loop;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CpuSet, gettid, sched_setaffinity};
use rustix::time::{ClockId, Timespec, clock_gettime};

use crate::Outcome;

/// A processor, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Core(pub usize);

impl Core {
    /// Keeps this thread, and those that it starts from now on, on the core.
    pub(crate) fn pin(self) -> Outcome {
        let mut set = CpuSet::new();
        set.set(self.0);
        Ok(sched_setaffinity(None, &set)?)
    }
}

/// The processor time that all threads of this process have used, user and system.
pub(crate) fn cpu_time() -> Duration {
    since_zero(clock_gettime(ClockId::ProcessCPUTime))
}

/// A clock that all processes share, in nanoseconds.
#[inline]
pub(crate) fn nanoseconds() -> u64 {
    since_zero(clock_gettime(ClockId::Monotonic)).as_nanos() as u64
}

#[inline]
fn since_zero(time: Timespec) -> Duration {
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec as u32)
}

/// The bytes of memory that this process occupies.
pub(crate) fn memory() -> u64 {
    const PAGE: u64 = 4096;
    let text = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = text.split(' ').nth(1).and_then(|word| word.parse().ok());
    PAGE * pages.unwrap_or(0)
}

/// How many descriptors this process has open, with the one that finds out.
pub(crate) fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").map_or(0, Iterator::count)
}

/// Lets this process have as many descriptors as it may: how many.
pub(crate) fn raise_descriptors() -> Outcome<u64> {
    let limit = getrlimit(Resource::Nofile);
    let most = limit
        .maximum
        .unwrap_or(MOST_DESCRIPTORS)
        .min(MOST_DESCRIPTORS);
    let raised = Rlimit {
        current: Some(most),
        maximum: limit.maximum,
    };
    setrlimit(Resource::Nofile, raised)?;
    Ok(most)
}

/// More would not help anybody.
const MOST_DESCRIPTORS: u64 = 1 << 20;

/// How many threads this process has.
pub(crate) fn threads() -> usize {
    fs::read_dir("/proc/self/task").map_or(0, Iterator::count)
}

/// How often the other threads of this process have gone to sleep, and so woke up, so far.
pub(crate) fn wake_ups() -> u64 {
    let own = gettid().as_raw_nonzero().to_string();
    let Ok(tasks) = fs::read_dir("/proc/self/task") else {
        return 0;
    };
    let others = tasks.flatten().filter(|task| *task.file_name() != *own);
    let statuses = others.filter_map(|task| fs::read_to_string(task.path().join("status")).ok());
    let switches = |status: String| {
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        line.and_then(|number| number.trim().parse::<u64>().ok())
    };
    statuses.filter_map(switches).sum()
}

/// How many nanoseconds a cache line takes from core 0 to core 1 and back: the best of 20 batches,
/// since either thread may be interrupted.
///
/// *Errors*: there are no two cores.
pub fn core_to_core() -> Outcome<f64> {
    const BATCHES: u32 = 20;
    const TURNS: u32 = 500;
    let line = Arc::new(AtomicU32::new(0));
    let other = Arc::clone(&line);
    let echo = thread::spawn(move || -> Outcome {
        Core(1).pin()?;
        for turn in 0..BATCHES * TURNS {
            await_value(&other, 2 * turn + 1);
            other.store(2 * turn + 2, Ordering::Release);
        }
        Ok(())
    });
    let asker = thread::spawn(move || -> Outcome<f64> {
        Core(0).pin()?;
        let mut best = f64::INFINITY;
        for batch in 0..BATCHES {
            let start = Instant::now();
            for turn in batch * TURNS..(batch + 1) * TURNS {
                line.store(2 * turn + 1, Ordering::Release);
                await_value(&line, 2 * turn + 2);
            }
            best = best.min(start.elapsed().as_secs_f64() * 1e9 / f64::from(TURNS));
        }
        Ok(best)
    });
    echo.join().map_err(|_| "the probe has panicked")??;
    asker.join().map_err(|_| "the probe has panicked")?
}

fn await_value(line: &AtomicU32, value: u32) {
    while line.load(Ordering::Acquire) != value {
        spin_loop();
    }
}

/// What other processes use meanwhile.
#[derive(Debug)]
pub struct Others {
    start: Instant,
    busy: Duration,
    own: Duration,
}

impl Others {
    /// From now on.
    pub fn watch() -> Self {
        Self {
            start: Instant::now(),
            busy: busy_time(),
            own: own_time(),
        }
    }

    /// How many cores the others have used on average since. This process and those that it has
    /// started and waited for are no others.
    pub fn cores(&self) -> f64 {
        let own = own_time().saturating_sub(self.own);
        let others = busy_time().saturating_sub(self.busy).saturating_sub(own);
        others.as_secs_f64() / self.start.elapsed().as_secs_f64()
    }
}

/// The time that all processors have not been idle since the start of the machine.
fn busy_time() -> Duration {
    let text = fs::read_to_string("/proc/stat").unwrap_or_default();
    let words = text.lines().next().unwrap_or_default().split_whitespace();
    let ticks: Vec<u64> = words.skip(1).filter_map(|word| word.parse().ok()).collect();
    // user nice system idle iowait irq softirq steal.
    from_ticks(ticks.iter().take(8).sum::<u64>() - ticks.iter().skip(3).take(2).sum::<u64>())
}

/// The time that this process and its ended children have used.
fn own_time() -> Duration {
    let text = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // Behind the name, which may contain anything, the third word is the first here.
    let words = text
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace();
    let times = words.skip(11).take(4);
    from_ticks(times.filter_map(|word| word.parse::<u64>().ok()).sum())
}

/// The kernel tells these times in hundredths of a second.
fn from_ticks(ticks: u64) -> Duration {
    Duration::from_millis(10 * ticks)
}

/// The processor and the system, in one line.
pub fn describe() -> String {
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    let info = read("/proc/cpuinfo");
    let model = info.lines().find(|line| line.starts_with("model name"));
    let model = model.and_then(|line| line.split(": ").nth(1));
    let cores = thread::available_parallelism().map_or(0, usize::from);
    let system = read("/proc/sys/kernel/osrelease");
    format!(
        "{cores} × {}, Linux {}",
        model.unwrap_or("unknown"),
        system.trim()
    )
}
