//! A connection of the simulated network: two ends, a lane of bytes towards each.
//!
//! ```text
//!   Connecting ──► Open ──► (an end is dropped, reset or shut) ──► gone when both ends are dropped
//!        └───────► Refused
//! ```
//!
//! As with a kernel's sockets: dropping an end with unread bytes resets the other one and loses
//! what is still in flight to it; bytes sent to a dropped end are answered by a reset; after a
//! reset what had arrived can still be read, then one operation fails with `ConnectionReset`, then
//! reading ends and writing fails with `BrokenPipe`.

use std::fmt;
use std::io;

use super::fault::Faults;
use super::lane::Lane;
use super::place::Place;

/// Names a connection of the simulated network: numbered from 0 in the order of dialing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId(pub(super) u64);

impl fmt::Debug for LinkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "link {}", self.0)
    }
}

/// One side of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// The side that connected.
    Dialer,
    /// The side that listened.
    Acceptor,
}

impl Side {
    /// The other side.
    pub const fn other(self) -> Self {
        match self {
            Self::Dialer => Self::Acceptor,
            Self::Acceptor => Self::Dialer,
        }
    }

    pub(super) const fn index(self) -> usize {
        self as usize
    }
}

/// Where a connection is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Connecting,
    Open,
    Refused,
}

/// A connection.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) target: Place,
    pub(super) origin: Place,
    pub(super) phase: Phase,
    /// Nothing is delivered.
    pub(super) held: bool,
    ends: [End; 2],
}

impl Link {
    /// A link that this host dials.
    pub(super) fn new(host: usize, origin: Place, target: Place) -> Self {
        let dialer = End {
            host: Some(host),
            ..End::default()
        };
        Self {
            target,
            origin,
            phase: Phase::Connecting,
            held: false,
            ends: [dialer, End::default()],
        }
    }

    pub(super) fn end(&self, side: Side) -> &End {
        &self.ends[side.index()]
    }

    pub(super) fn end_mut(&mut self, side: Side) -> &mut End {
        &mut self.ends[side.index()]
    }

    /// Nobody can use it any more.
    pub(super) fn is_gone(&self) -> bool {
        match self.phase {
            Phase::Connecting | Phase::Refused => self.end(Side::Dialer).dropped,
            Phase::Open => self.ends.iter().all(|end| end.dropped),
        }
    }

    /// Reading at this side would not block.
    pub(super) fn is_readable(&self, side: Side) -> bool {
        let end = self.end(side);
        match self.phase {
            Phase::Connecting => end.inbox.is_ended(),
            Phase::Refused => true,
            Phase::Open => end.inbox.available() > 0 || end.inbox.is_ended() || end.fails_read(),
        }
    }

    /// Writing at this side would not block.
    pub(super) fn is_writable(&self, side: Side, capacity: usize) -> bool {
        let end = self.end(side);
        match self.phase {
            Phase::Connecting => end.shut,
            Phase::Refused => true,
            Phase::Open => {
                end.shut || end.fails_write() || self.end(side.other()).inbox.room(capacity) > 0
            }
        }
    }

    /// A poller reports this side whatever it asked for.
    pub(super) fn is_hung_up(&self, side: Side) -> bool {
        let end = self.end(side);
        let ended_both_ways = end.shut && end.inbox.is_ended();
        self.phase == Phase::Refused || end.failed || end.reset || ended_both_ways
    }

    /// Resets one end: what it had sent is lost, what has arrived there can still be read.
    pub(super) fn reset(&mut self, side: Side) {
        self.end_mut(side.other()).inbox.lose_flight();
        let end = self.end_mut(side);
        end.inbox.end();
        end.reset = true;
        end.failed = true;
        end.shut = true;
    }
}

/// One end of a connection.
#[derive(Debug, Default)]
pub(super) struct End {
    /// Whose it is, once somebody has it.
    pub(super) host: Option<usize>,
    /// The bytes towards this end.
    pub(super) inbox: Lane,
    /// Its stream was dropped.
    pub(super) dropped: bool,
    /// It writes no more.
    pub(super) shut: bool,
    /// It was reset, and has not been told yet.
    pub(super) reset: bool,
    /// It was reset.
    pub(super) failed: bool,
    pub(super) read_faults: Faults,
    pub(super) write_faults: Faults,
}

impl End {
    fn fails_read(&self) -> bool {
        self.reset || !self.read_faults.is_empty()
    }

    fn fails_write(&self) -> bool {
        self.reset || !self.write_faults.is_empty()
    }

    /// Fails once after a reset.
    pub(super) fn check_reset(&mut self) -> io::Result<()> {
        match std::mem::take(&mut self.reset) {
            true => Err(io::ErrorKind::ConnectionReset.into()),
            false => Ok(()),
        }
    }
}
