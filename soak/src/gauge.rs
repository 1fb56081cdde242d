//! What the system says of this process, and a line through it.

use std::fmt;
use std::fs;

use crate::{Outcome, live};

/// What a process holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gauges {
    /// Bytes that were asked for and not given back.
    pub(crate) live: usize,
    /// Bytes of memory that the process takes up.
    pub(crate) resident: u64,
    descriptors: usize,
    threads: usize,
}

impl Gauges {
    pub(crate) fn read() -> Outcome<Self> {
        let status = fs::read_to_string("/proc/self/status");
        let status = status.map_err(|error| format!("/proc/self/status: {error}"))?;
        Ok(Self {
            live: live::bytes(),
            resident: resident(&status).ok_or("/proc/self/status has no VmRSS")?,
            descriptors: count("/proc/self/fd")?,
            threads: count("/proc/self/task")?,
        })
    }

    /// What is not as it was, beside memory.
    pub(crate) fn differs_from(&self, before: &Self) -> Option<String> {
        let counts = |gauges: &Self| (gauges.descriptors, gauges.threads);
        (counts(self) != counts(before)).then(|| format!("now {self}, before {before}"))
    }
}

impl fmt::Display for Gauges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            live,
            resident,
            descriptors,
            threads,
        } = self;
        let resident = resident / 1024;
        write!(f, "{live} bytes in use, {resident} KiB resident, ")?;
        write!(f, "{descriptors} descriptors, {threads} threads")
    }
}

/// The bytes of `VmRSS`.
fn resident(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib * 1024)
}

fn count(directory: &str) -> Outcome<usize> {
    let entries = fs::read_dir(directory).map_err(|error| format!("{directory}: {error}"))?;
    Ok(entries.count())
}

/// The straight line that is nearest to points in seconds and bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line {
    /// Bytes per second.
    pub(crate) slope: f64,
    /// Bytes by which points differ from it, mostly.
    scatter: f64,
    seconds: f64,
}

impl Line {
    /// `None`: the points are too few, or all at once.
    pub(crate) fn through(points: &[(f64, f64)]) -> Option<Self> {
        let count = points.len() as f64;
        let (first, last) = (points.first()?, points.last()?);
        let mean_x = points.iter().map(|(x, _)| x).sum::<f64>() / count;
        let mean_y = points.iter().map(|(_, y)| y).sum::<f64>() / count;
        let spread: f64 = points.iter().map(|(x, _)| (x - mean_x).powi(2)).sum();
        if points.len() < 10 || spread <= 0.0 {
            return None;
        }
        let both = points.iter().map(|(x, y)| (x - mean_x) * (y - mean_y));
        let slope = both.sum::<f64>() / spread;
        let off = |(x, y): &(f64, f64)| (y - mean_y - slope * (x - mean_x)).powi(2);
        Some(Self {
            slope,
            scatter: (points.iter().map(off).sum::<f64>() / count).sqrt(),
            seconds: last.0 - first.0,
        })
    }

    /// Bytes between its ends.
    pub(crate) fn growth(&self) -> f64 {
        self.slope * self.seconds
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (growth, scatter) = (self.growth() / 1024.0, self.scatter / 1024.0);
        let Self { slope, seconds, .. } = self;
        write!(f, "{growth:+.1} KiB in {seconds:.0} s ")?;
        write!(f, "({slope:+.1} bytes/s, scatter {scatter:.1} KiB)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_has_the_slope_of_its_points() {
        let points: Vec<_> = (0..20).map(f64::from).map(|x| (x, 7.0 + 3.0 * x)).collect();
        let line = Line::through(&points).unwrap();
        assert!((line.slope - 3.0).abs() < 1e-9 && line.scatter < 1e-6);
        assert!((line.growth() - 57.0).abs() < 1e-6);
        assert!(Line::through(&points[..9]).is_none());
        assert!(Line::through(&[(1.0, 2.0); 20]).is_none());
    }

    #[test]
    fn resident_memory_is_read() {
        assert_eq!(resident("Name:\ta\nVmRSS:\t  1234 kB\n"), Some(1234 * 1024));
        assert_eq!(resident("Name:\ta\n"), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_descriptor_more_is_a_difference() {
        let before = Gauges::read().unwrap();
        assert!(before.resident > 0);
        let more = Gauges {
            descriptors: before.descriptors + 1,
            ..before
        };
        assert_eq!(before.differs_from(&before), None);
        assert!(more.differs_from(&before).is_some());
    }
}
