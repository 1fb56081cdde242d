//! What is measured: a cell is a workload, a transport, a size and a placement.

use std::fmt;

use super::machine::Core;

/// One line of the tables.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cell {
    pub(crate) work: Work,
    pub(crate) transport: Transport,
    /// Bytes of payload, at least 8: they begin with the sequence number.
    pub(crate) size: usize,
    pub(crate) placement: Placement,
}

/// What the two ends do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// PUSH to PULL, as fast as it goes.
    OneWay,
    /// REQ and REP, each request as soon as the reply before it is there.
    Hot,
    /// REQ and REP, a request every 100 ms.
    Cold,
}

/// How the two ends are connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    Inproc,
    Ipc,
    Tcp,
}

/// Where the two ends run, each with all of its threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Placement {
    OneCore,
    TwoCores,
}

/// Who does it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    Ferromq,
    Raw,
}

impl Cell {
    /// All cells over a transport; `quick` leaves out the slowest.
    pub(crate) fn plan(transport: Transport, quick: bool) -> Vec<Self> {
        let sizes = |work| match work {
            Work::OneWay => &[16, 64, 1024, 16 * 1024][..],
            Work::Hot => &[64, 16 * 1024],
            Work::Cold if quick => &[64],
            Work::Cold => &[64, 16 * 1024],
        };
        let works = match transport {
            Transport::Inproc => &[Work::OneWay][..],
            Transport::Ipc | Transport::Tcp => &[Work::OneWay, Work::Hot, Work::Cold],
        };
        let mut cells = Vec::new();
        for &work in works {
            for placement in [Placement::TwoCores, Placement::OneCore] {
                cells.extend(sizes(work).iter().map(|&size| Self {
                    work,
                    transport,
                    size,
                    placement,
                }));
            }
        }
        cells
    }

    /// How many messages to begin with; later as many as fit into the time.
    pub(crate) fn first_count(&self, quick: bool) -> usize {
        match (self.work, self.size) {
            (Work::OneWay, 0..=64) => 500_000,
            (Work::OneWay, 65..=1024) => 100_000,
            (Work::OneWay, _) => 10_000,
            (Work::Hot, _) => 3_000,
            (Work::Cold, _) if quick => 8,
            (Work::Cold, _) => 30,
        }
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {} {} ",
            self.work.name(),
            self.transport.name(),
            size(self.size)
        )?;
        f.write_str(self.placement.name())
    }
}

impl Work {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::OneWay => "one-way",
            Self::Hot => "hot",
            Self::Cold => "cold",
        }
    }
}

impl Transport {
    pub(crate) const ALL: [Self; 3] = [Self::Tcp, Self::Ipc, Self::Inproc];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Inproc => "inproc",
            Self::Ipc => "ipc",
            Self::Tcp => "tcp",
        }
    }

    /// What to bind to: an endpoint of its own for each run.
    pub(crate) fn endpoint(self) -> &'static str {
        match self {
            Self::Inproc => "inproc://bench",
            Self::Ipc => "ipc://*",
            Self::Tcp => "tcp://127.0.0.1:*",
        }
    }
}

impl Placement {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::OneCore => "one core",
            Self::TwoCores => "two cores",
        }
    }

    /// The core of the end that binds.
    pub(crate) fn server(self) -> Core {
        Core(0)
    }

    /// The core of the end that connects.
    pub(crate) fn client(self) -> Core {
        match self {
            Self::OneCore => Core(0),
            Self::TwoCores => Core(1),
        }
    }
}

impl Subject {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ferromq => "ferromq",
            Self::Raw => "raw",
        }
    }
}

/// A size for people: `64 B`, `16 KiB`.
pub(crate) fn size(bytes: usize) -> String {
    if bytes >= 1024 {
        format!("{} KiB", bytes / 1024)
    } else {
        format!("{bytes} B")
    }
}
