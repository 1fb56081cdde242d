//! Which charts there are, and where they are written.

use std::fs;
use std::path::{Path, PathBuf};

use ferromq_bench::Outcome;
use ferromq_bench::cell::{Cell, Ends, Placement, Size, Transport, Work};
use ferromq_bench::sample::Figure;

use super::Results;
use super::chart::{Chart, Line};

/// A chart: its file, its title, what it shows of which cells, and where each of them is.
struct Plan {
    file: &'static str,
    title: &'static str,
    figure: Figure,
    place: fn(&Cell) -> Option<String>,
}

const PLANS: [Plan; 7] = [
    Plan {
        file: "throughput-tcp.svg",
        title: "one way over TCP, by message size",
        figure: Figure::Rate,
        place: |cell| by_size(cell, Work::OneWay, Transport::Tcp),
    },
    Plan {
        file: "throughput-ipc.svg",
        title: "one way over IPC, by message size",
        figure: Figure::Rate,
        place: |cell| by_size(cell, Work::OneWay, Transport::Ipc),
    },
    Plan {
        file: "throughput-inproc.svg",
        title: "one way within a process, by message size",
        figure: Figure::Rate,
        place: |cell| by_size(cell, Work::OneWay, Transport::Inproc),
    },
    Plan {
        file: "latency-tcp.svg",
        title: "median round trip over TCP, by message size",
        figure: Figure::P50,
        place: |cell| by_size(cell, Work::Hot, Transport::Tcp),
    },
    Plan {
        file: "latency-ipc.svg",
        title: "median round trip over IPC, by message size",
        figure: Figure::P50,
        place: |cell| by_size(cell, Work::Hot, Transport::Ipc),
    },
    Plan {
        file: "latency-paced-tcp.svg",
        title: "median from send to recv over TCP, by pace",
        figure: Figure::P50,
        place: |cell| match cell.work {
            Work::Paced(pace) if cell.transport == Transport::Tcp => Some(format!("{pace} µs")),
            _ => None,
        },
    },
    Plan {
        file: "scaling-publish.svg",
        title: "deliveries over TCP, 64 B, by number of SUB",
        figure: Figure::Rate,
        place: |cell| match cell.work {
            Work::Publish(subscribers) if cell.size == 64 => Some(subscribers.to_string()),
            _ => None,
        },
    },
];

impl Results {
    /// Writes the charts for which anything was measured; where they are.
    pub(crate) fn draw(&self, directory: &Path) -> Outcome<Vec<PathBuf>> {
        let mut files = Vec::new();
        for plan in &PLANS {
            if let Some(svg) = self.chart(plan).svg() {
                let path = directory.join(plan.file);
                fs::write(&path, svg)?;
                files.push(path);
            }
        }
        Ok(files)
    }

    fn chart(&self, plan: &Plan) -> Chart {
        let mut places = Vec::new();
        let mut rows = Vec::new();
        for row in &self.rows {
            if let Some(place) = (plan.place)(&row.cell) {
                places.push(place);
                rows.push(row);
            }
        }
        let line = |name: &str| Line {
            name: name.to_owned(),
            points: rows
                .iter()
                .map(|row| row.spread(name, plan.figure))
                .collect(),
        };
        Chart {
            title: plan.title.to_owned(),
            unit: plan.figure.unit(),
            places,
            lines: self.names().map(line).collect(),
        }
    }
}

/// The cells of a workload that differ in size only.
fn by_size(cell: &Cell, work: Work, transport: Transport) -> Option<String> {
    let plain = cell.placement == Placement::TwoCores && cell.ends == Ends::Threads;
    let is_one = plain && cell.work == work && cell.transport == transport;
    is_one.then(|| Size(cell.size).to_string())
}
