//! Which cells there are.

use std::time::Duration;

use ferromq_bench::cell::{Cell, Ends, Placement, Transport, Work};

use Placement::{OneCore, TwoCores, Unpinned};
use Transport::{Inproc, Ipc, Tcp};

const KIB: usize = 1024;
const MIB: usize = KIB * KIB;

/// All cells, in the order of the tables.
pub(crate) fn all() -> Vec<Cell> {
    let mut cells = Vec::new();
    let mut add = |works: &[Work], transports: &[Transport], placement, sizes: &[usize]| {
        for &work in works {
            for &transport in transports {
                cells.extend(sizes.iter().map(|&size| Cell {
                    work,
                    transport,
                    size,
                    placement,
                    ends: Ends::Threads,
                }));
            }
        }
    };
    let sizes = [16, 64, 256, KIB, 16 * KIB, 256 * KIB, MIB];
    add(&[Work::OneWay], &[Tcp, Ipc], TwoCores, &sizes);
    add(
        &[Work::OneWay],
        &[Inproc],
        TwoCores,
        &[16, 64, KIB, 16 * KIB],
    );
    add(&[Work::OneWay], &[Tcp, Ipc, Inproc], OneCore, &[64]);
    add(&[Work::OneWay], &[Tcp], Unpinned, &[64]);
    let paces = [100, 30, 10, 5, 2, 1].map(Work::Paced);
    add(&paces, &[Tcp, Ipc], TwoCores, &[64]);
    add(&[Work::Hot], &[Tcp, Ipc], TwoCores, &sizes[1..]);
    add(&[Work::Hot], &[Tcp, Ipc], OneCore, &[64, 16 * KIB]);
    add(&[Work::Hot], &[Tcp], Unpinned, &[64]);
    add(&[Work::Hot], &[Inproc], TwoCores, &[64]);
    add(&[Work::Hot], &[Inproc], OneCore, &[64]);
    add(&[Work::Cold], &[Tcp, Ipc], TwoCores, &[64]);
    add(&[Work::Pipelined], &[Tcp], TwoCores, &[64, KIB, 16 * KIB]);
    add(&[Work::Brokered], &[Tcp], TwoCores, &[64, KIB]);
    let publish = [1, 8, 32].map(Work::Publish);
    add(&publish, &[Tcp], TwoCores, &[64, KIB]);
    add(&[Work::Republished], &[Tcp], TwoCores, &[64, KIB]);
    add(&[Work::FanIn, Work::FanOut], &[Tcp], TwoCores, &[64, KIB]);
    let curve = [Work::CurveOneWay, Work::CurveHot];
    add(&curve, &[Tcp], TwoCores, &[64, KIB]);
    add(&curve[..1], &[Tcp], TwoCores, &[64 * KIB]);
    add(&[Work::Pair, Work::PairHot], &[Inproc], TwoCores, &[64]);
    let two_processes = [(Work::OneWay, Tcp), (Work::Hot, Tcp)];
    cells.extend(two_processes.map(|(work, transport)| Cell {
        work,
        transport,
        size: 64,
        placement: TwoCores,
        ends: Ends::Processes,
    }));
    cells.extend(scale());
    cells
}

/// Cells about numbers of things rather than rates.
fn scale() -> impl Iterator<Item = Cell> {
    let cell = |work, ends| Cell {
        work,
        transport: Tcp,
        size: if work == Work::Backlog { KIB } else { 64 },
        placement: Unpinned,
        ends,
    };
    let in_two_processes = [
        Work::Connections(1000),
        Work::Connections(10_000),
        Work::Prefixes(1_000_000),
        Work::Topics(1000),
        Work::Backlog,
        Work::Attack(10_000),
    ];
    let in_one = [Work::StartUp, Work::Stalled];
    let two = in_two_processes.map(|work| cell(work, Ends::Processes));
    let one = in_one.map(|work| cell(work, Ends::Threads));
    two.into_iter().chain(one)
}

/// Whether a quick look includes this cell.
pub(crate) fn is_quick(cell: &Cell) -> bool {
    let plain = cell.ends == Ends::Threads && cell.placement != Unpinned;
    let work = match cell.work {
        Work::OneWay => {
            cell.placement == TwoCores && cell.transport != Ipc && cell.size <= 16 * KIB
        }
        Work::Hot => cell.size == 64,
        Work::Paced(pace) => pace == 10 && cell.transport == Tcp,
        Work::Publish(subscribers) => subscribers == 8 && cell.size == 64,
        Work::Cold | Work::PairHot | Work::CurveOneWay | Work::CurveHot => false,
        _ => cell.size == 64,
    };
    plain && work
}

/// Whether README's table and chart show this cell.
pub(crate) fn is_summary(cell: &Cell) -> bool {
    let plain = cell.ends == Ends::Threads && cell.placement != Unpinned;
    let on_two = cell.placement == TwoCores;
    let work = match (cell.work, cell.transport) {
        (Work::OneWay, Tcp) => on_two,
        (Work::OneWay, Inproc) => on_two && cell.size == 64,
        (Work::Hot, Tcp) => cell.size == 64,
        (Work::Pipelined | Work::Brokered | Work::FanIn, _) => cell.size == 64,
        (Work::Publish(1 | 8) | Work::Republished, _) => cell.size == 64,
        _ => false,
    };
    plain && work
}

/// How many runs of a cell a round has: where results vary most, more; what takes longest, in the
/// first round only.
pub(crate) fn runs(cell: &Cell, round: usize) -> usize {
    match cell.work {
        Work::Connections(_) | Work::Prefixes(_) | Work::Topics(_) => usize::from(round == 0),
        Work::Attack(_) => usize::from(round < 3),
        Work::Stalled => 2,
        _ if cell.size >= 256 * KIB => 3,
        _ => 1,
    }
}

/// How long a run of a cell measures if that is not as long as any other.
pub(crate) fn measured(cell: &Cell) -> Option<Duration> {
    // Fifty round trips; and what an attack does, by chance or not.
    let is_slow = matches!(cell.work, Work::Cold | Work::Attack(_));
    is_slow.then_some(Duration::from_secs(5))
}

/// How long a run of a cell then rests if that is not as long as any other.
pub(crate) fn idle(cell: &Cell) -> Option<Duration> {
    matches!(cell.work, Work::Connections(_)).then_some(Duration::from_secs(10))
}
