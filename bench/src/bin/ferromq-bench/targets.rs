//! What is aimed at, cell by cell: ratios to what was measured beside it.

use std::fmt;

use ferromq_bench::cell::{Cell, Placement, Transport, Work};
use ferromq_bench::sample::Figure;

use crate::report::three_digits;
use crate::subject::{BEST, LIBZMQ, RAW};

const KIB: usize = 1024;

/// A bound on a figure, as a multiple of somebody's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Target {
    pub(crate) figure: Figure,
    pub(crate) bound: Bound,
}

/// What must hold of our figure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Bound {
    /// The median of the ratios.
    AtLeast(f64, &'static str),
    AtMost(f64, &'static str),
    /// Better in two thirds of the runs: where a machine varies so much that a median says little.
    Ahead(&'static str),
    /// Our median, as a share of that of the same work without a proxy.
    OfDirect(f64),
    /// Our median, and by how much it may exceed that of the same work without CURVE.
    Added(f64),
    /// Our worst run, as a share of our median.
    Steady(f64),
    /// Our median, whatever that of others.
    Least(f64),
    Most(f64),
}

/// All targets of a cell.
pub(crate) fn of(cell: &Cell) -> Vec<Target> {
    let scale = scale(cell.work);
    if cell.placement == Placement::Unpinned || !scale.is_empty() {
        return scale;
    }
    let mut targets = match cell.work {
        Work::OneWay => one_way(cell),
        Work::Paced(_) => vec![
            at_most(Figure::P50, 0.8, LIBZMQ),
            at_most(Figure::P99, 1.0, LIBZMQ),
            at_most(Figure::P999, 1.0, LIBZMQ),
        ],
        Work::Hot => hot(cell),
        Work::Cold => vec![
            at_most(Figure::P50, 0.75, LIBZMQ),
            at_most(Figure::P50, 1.3, RAW),
        ],
        Work::CurveOneWay => vec![at_least(1.0, LIBZMQ)],
        Work::CurveHot => {
            // 10 µs for each of the two messages.
            let added = Target {
                figure: Figure::P50,
                bound: Bound::Added(20.0),
            };
            vec![at_most(Figure::P50, 1.0, LIBZMQ), added]
        }
        Work::Pipelined => vec![at_least(2.5, LIBZMQ), at_least(1.0, RAW)],
        Work::Brokered | Work::Republished => {
            let of_direct = Target {
                figure: Figure::Rate,
                bound: Bound::OfDirect(0.6),
            };
            vec![at_least(2.0, LIBZMQ), of_direct]
        }
        Work::Publish(_) => vec![at_least(3.0, LIBZMQ)],
        Work::FanIn | Work::FanOut => vec![at_least(2.5, LIBZMQ)],
        _ => Vec::new(),
    };
    // A paced sender looks at the clock all the time.
    let has_cost = !matches!(cell.work, Work::Paced(_)) && cell.size < 256 * KIB;
    if !targets.is_empty() && has_cost {
        // Against bare sockets this would follow from the rate.
        targets.push(at_most(Figure::Cpu, 1.0, LIBZMQ));
    }
    match targets.first().map(|target| target.figure) {
        Some(Figure::Rate) => targets.push(at_least(1.0, BEST)),
        Some(figure) => targets.push(at_most(figure, 1.0, BEST)),
        None => {}
    }
    targets
}

fn one_way(cell: &Cell) -> Vec<Target> {
    let ratios = match (cell.transport, cell.size) {
        (Transport::Inproc, 16 | 64) => {
            let steady = Target {
                figure: Figure::Rate,
                bound: Bound::Steady(0.7),
            };
            return vec![at_least(3.0, LIBZMQ), steady];
        }
        (Transport::Inproc, _) => return vec![at_least(1.0, LIBZMQ)],
        (_, size) if size >= 256 * KIB => return vec![ahead(Figure::Rate)],
        _ if cell.placement == Placement::OneCore => return Vec::new(),
        (Transport::Tcp, 16) => (6.0, 0.5),
        (Transport::Tcp, 64) => (4.0, 0.6),
        (Transport::Tcp, 256) => (3.5, 0.7),
        (Transport::Tcp, KIB) => (3.0, 0.75),
        (Transport::Tcp, _) => (3.0, 0.85),
        (Transport::Ipc, 16) => (6.0, 0.4),
        (Transport::Ipc, 64) => (5.0, 0.45),
        (Transport::Ipc, KIB) => (6.0, 0.7),
        (Transport::Ipc, 0x4000) => (4.5, 0.8),
        (Transport::Ipc, _) => return Vec::new(),
    };
    vec![at_least(ratios.0, LIBZMQ), at_least(ratios.1, RAW)]
}

fn hot(cell: &Cell) -> Vec<Target> {
    if cell.size >= 256 * KIB {
        return vec![ahead(Figure::P50)];
    }
    let (libzmq, raw) = match (cell.transport, cell.placement) {
        (Transport::Inproc, Placement::OneCore) => (0.8, None),
        (Transport::Inproc, _) => (0.3, None),
        (_, Placement::OneCore) => (0.45, Some(1.4)),
        _ => (0.2, Some(0.35)),
    };
    let figures = [Figure::P50, Figure::P99].into_iter();
    let against_libzmq = figures
        .clone()
        .map(|figure| at_most(figure, libzmq, LIBZMQ));
    let against_raw = figures.filter_map(|figure| Some(at_most(figure, raw?, RAW)));
    against_libzmq.chain(against_raw).collect()
}

/// Those that are not about rates and times beside others'.
fn scale(work: Work) -> Vec<Target> {
    if let Work::Attack(_) = work {
        return vec![at_most(Figure::P99, 1.0, LIBZMQ)];
    }
    let targets = match work {
        Work::Connections(count) => vec![
            (Figure::BindMemory, Bound::Most(8192.0 * f64::from(count))),
            (
                Figure::ConnectMemory,
                Bound::Most(8192.0 * f64::from(count)),
            ),
            (Figure::Descriptors, Bound::Most(1.01)),
            // The one I/O thread that all connections have.
            (Figure::Threads, Bound::Most(1.0)),
            (Figure::WakeUps, Bound::Most(0.5)),
        ],
        Work::Prefixes(count) => vec![
            (Figure::Rate, Bound::Least(500e3)),
            (Figure::BindMemory, Bound::Most(120.0 * f64::from(count))),
            (Figure::P99, Bound::Most(2.0)),
        ],
        Work::Stalled => vec![(Figure::Stalled, Bound::Least(0.9))],
        _ => Vec::new(),
    };
    let targets = targets.into_iter();
    targets
        .map(|(figure, bound)| Target { figure, bound })
        .collect()
}

fn at_least(ratio: f64, against: &'static str) -> Target {
    Target {
        figure: Figure::Rate,
        bound: Bound::AtLeast(ratio, against),
    }
}

fn at_most(figure: Figure, ratio: f64, against: &'static str) -> Target {
    Target {
        figure,
        bound: Bound::AtMost(ratio, against),
    }
}

fn ahead(figure: Figure) -> Target {
    Target {
        figure,
        bound: Bound::Ahead(LIBZMQ),
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let figure = self.figure;
        match self.bound {
            Bound::AtLeast(ratio, against) => write!(f, "{figure} ≥ {ratio} × {against}"),
            Bound::AtMost(ratio, against) => write!(f, "{figure} ≤ {ratio} × {against}"),
            Bound::Ahead(against) => write!(f, "{figure} ahead of {against} in ⅔ of the runs"),
            Bound::OfDirect(share) => write!(f, "{figure} ≥ {share} × without proxy"),
            Bound::Added(most) => write!(f, "{figure} ≤ without CURVE + {most} µs"),
            Bound::Steady(share) => write!(f, "worst {figure} ≥ {share} of the median"),
            Bound::Least(least) => write!(f, "{figure} ≥ {}", three_digits(least)),
            Bound::Most(most) => write!(f, "{figure} ≤ {}", three_digits(most)),
        }
    }
}
