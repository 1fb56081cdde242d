//! What is measured: a cell is a workload, a transport, a size, a placement and the kind of ends.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::machine::Core;

/// One line of the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cell {
    /// What the two sides do.
    pub work: Work,
    /// How they are connected.
    pub transport: Transport,
    /// Bytes of payload, at least 16: they begin and end with the number of the message.
    pub size: usize,
    /// Where the two sides run.
    pub placement: Placement,
    /// What the two sides are.
    pub ends: Ends,
}

/// What the two sides do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Work {
    /// PUSH to PULL, as fast as it goes.
    OneWay,
    /// PUSH to PULL, one message every so many microseconds.
    Paced(u32),
    /// REQ and REP, each request as soon as the reply before it is there.
    Hot,
    /// REQ and REP, a request every 100 ms.
    Cold,
    /// DEALER and ROUTER, 64 requests under way.
    Pipelined,
    /// The same through a proxy of ROUTER and DEALER, on the side that answers.
    Brokered,
    /// PUB to so many SUB.
    Publish(u32),
    /// PUB to one SUB through a proxy of XSUB and XPUB, on the side that publishes.
    Republished,
    /// Four PUSH to one PULL.
    FanIn,
    /// One PUSH to four PULL.
    FanOut,
    /// PUSH to PULL with CURVE, as fast as it goes.
    CurveOneWay,
    /// REQ and REP with CURVE, each request as soon as the reply before it is there.
    CurveHot,
    /// PAIR to PAIR, as fast as it goes.
    Pair,
    /// PAIR and PAIR, there and back.
    PairHot,
    /// PUB to a hundred SUB, first all reading, then all but one.
    Stalled,
    /// So many connections from one PUSH to one PULL, idle.
    Connections(u32),
    /// A SUB with so many subscriptions, at one PUB.
    Prefixes(u32),
    /// So many SUB, each with a thousand subscriptions, at one PUB.
    Topics(u32),
    /// Contexts and sockets made and dropped.
    StartUp,
    /// PUSH to a PULL that does not read.
    Backlog,
    /// REQ and REP while so many hostile connections attack.
    Attack(u32),
}

impl Work {
    /// Whether it is about PAIR, which not everybody has.
    pub fn needs_pair(self) -> bool {
        matches!(self, Self::Pair | Self::PairHot)
    }

    /// Whether it is about CURVE, which not everybody has.
    pub fn is_secured(self) -> bool {
        matches!(self, Self::CurveOneWay | Self::CurveHot)
    }

    /// The proxy that it goes through, and the same work without.
    pub fn proxied(self) -> Option<(Broker, Self)> {
        match self {
            Self::Brokered => Some((Broker::Requests, Self::Pipelined)),
            Self::Republished => Some((Broker::Publications, Self::Publish(1))),
            _ => None,
        }
    }

    /// The same work without the proxy, or the mechanism, that it is about.
    pub fn without(self) -> Option<Self> {
        match self {
            Self::CurveOneWay => Some(Self::OneWay),
            Self::CurveHot => Some(Self::Hot),
            _ => self.proxied().map(|(_, direct)| direct),
        }
    }

    /// Whether it is about numbers of things rather than a rate or a time.
    pub fn is_scale(self) -> bool {
        matches!(
            self,
            Self::Attack(_)
                | Self::Stalled
                | Self::Connections(_)
                | Self::Prefixes(_)
                | Self::Topics(_)
                | Self::StartUp
                | Self::Backlog
        )
    }
}

/// The two sockets of a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broker {
    /// ROUTER before clients, DEALER before workers.
    Requests,
    /// XSUB before publishers, XPUB before subscribers.
    Publications,
}

/// How the two sides are connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Transport {
    /// Within a process.
    Inproc,
    /// Over a Unix-domain socket.
    Ipc,
    /// Over the loopback interface.
    Tcp,
}

/// Where the two sides run, each with all of its threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Placement {
    /// Both on core 0.
    OneCore,
    /// The side that binds on core 0, the other on core 1.
    TwoCores,
    /// Wherever the scheduler puts them.
    Unpinned,
}

/// What the two sides are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ends {
    /// Threads of one process.
    Threads,
    /// A process each.
    Processes,
}

/// One of the two sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Role {
    /// The one that binds.
    Binds,
    /// The one that connects.
    Connects,
}

impl Role {
    /// The other one.
    pub(crate) fn other(self) -> Self {
        match self {
            Self::Binds => Self::Connects,
            Self::Connects => Self::Binds,
        }
    }
}

impl Cell {
    /// Where a side runs; `None`: anywhere.
    pub(crate) fn core(&self, role: Role) -> Option<Core> {
        match (self.placement, role) {
            (Placement::Unpinned, _) => None,
            (Placement::TwoCores, Role::Connects) => Some(Core(1)),
            (Placement::OneCore | Placement::TwoCores, _) => Some(Core(0)),
        }
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            work,
            transport,
            placement,
            ..
        } = self;
        if work.is_scale() {
            return write!(f, "{work}");
        }
        let size = Size(self.size);
        write!(f, "{work} {transport} {size} {placement}")?;
        match self.ends {
            Ends::Threads => Ok(()),
            Ends::Processes => f.write_str(" two processes"),
        }
    }
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OneWay => f.write_str("one-way"),
            Self::Paced(pace) => write!(f, "paced {pace} µs"),
            Self::Hot => f.write_str("hot"),
            Self::CurveOneWay => f.write_str("CURVE one-way"),
            Self::CurveHot => f.write_str("CURVE hot"),
            Self::Cold => f.write_str("cold"),
            Self::Pipelined => f.write_str("pipelined"),
            Self::Brokered => f.write_str("pipelined, proxy"),
            Self::Publish(subscribers) => write!(f, "PUB→{subscribers}"),
            Self::Republished => f.write_str("PUB→1, proxy"),
            Self::FanIn => f.write_str("fan-in 4→1"),
            Self::FanOut => f.write_str("fan-out 1→4"),
            Self::Pair => f.write_str("PAIR one-way"),
            Self::PairHot => f.write_str("PAIR hot"),
            Self::Stalled => f.write_str("PUB→100, one stalls"),
            Self::Connections(count) => write!(f, "{count} connections"),
            Self::Prefixes(count) => write!(f, "{count} prefixes"),
            Self::Topics(count) => write!(f, "{count} SUB × 1000 topics"),
            Self::StartUp => f.write_str("start-up"),
            Self::Backlog => f.write_str("backlog of 1 KiB messages"),
            Self::Attack(count) => write!(f, "attack by {count} connections"),
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Inproc => "inproc",
            Self::Ipc => "ipc",
            Self::Tcp => "tcp",
        })
    }
}

impl fmt::Display for Placement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OneCore => "one core",
            Self::TwoCores => "two cores",
            Self::Unpinned => "unpinned",
        })
    }
}

/// A number of bytes, for people: `64 B`, `16 KiB`, `1 MiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size(pub usize);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            bytes @ ..1024 => write!(f, "{bytes} B"),
            bytes @ ..0x10_0000 => write!(f, "{} KiB", bytes / 1024),
            bytes => write!(f, "{} MiB", bytes / 0x10_0000),
        }
    }
}
