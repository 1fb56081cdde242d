//! What happened in a simulated world, in order, with virtual times; and its hash.
//!
//! The hash covers everything since the world was made, contents of writes included; the entries
//! themselves are kept for the last few thousand events only.

use std::collections::VecDeque;
use std::fmt::{self, Write};
use std::time::Duration;

use super::link::{LinkId, Side};

const KEPT: usize = 4096;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A worker was started.
    Started {
        /// Its number, from 0.
        worker: usize,
        /// Its name.
        name: String,
    },
    /// A worker had a turn.
    Turned {
        /// Its number.
        worker: usize,
    },
    /// A worker stopped.
    Stopped {
        /// Its number.
        worker: usize,
    },
    /// A reactor handed out ready sources.
    Reported {
        /// Its number, from 0.
        reactor: usize,
        /// How many.
        events: usize,
    },
    /// Somebody ended a reactor's wait.
    Notified {
        /// Its number.
        reactor: usize,
    },
    /// The bell was rung.
    Rung,
    /// A listener was opened on this place.
    Listening(String),
    /// A listener was closed.
    Closed(String),
    /// A connect was begun to this place.
    Dialed(LinkId, String),
    /// A connect succeeded; the listener has a connection waiting.
    Connected(LinkId),
    /// A connect was refused.
    Refused(LinkId),
    /// A listener handed out a connection.
    Accepted(LinkId),
    /// Bytes were written; their hash makes contents part of the trace.
    Wrote {
        /// The connection.
        link: LinkId,
        /// Who wrote.
        side: Side,
        /// How many bytes.
        bytes: usize,
        /// FNV-1a of them.
        hash: u64,
    },
    /// Bytes became readable.
    Arrived {
        /// The connection.
        link: LinkId,
        /// Who may read them.
        side: Side,
        /// How many bytes.
        bytes: usize,
    },
    /// Bytes were read.
    Read {
        /// The connection.
        link: LinkId,
        /// Who read.
        side: Side,
        /// How many bytes.
        bytes: usize,
    },
    /// This side has learnt that the other one writes no more.
    Ended(LinkId, Side),
    /// This side's connection was reset.
    Reset(LinkId, Side),
    /// This side called `shutdown_write` or `shutdown`.
    Shut(LinkId, Side),
    /// This side dropped its stream.
    Dropped(LinkId, Side),
    /// A look-up was answered.
    Resolved(String),
    /// A test interfered (cut, hold, release, …).
    Weather(&'static str),
}

/// The record of a world's events.
#[derive(Debug, Default)]
pub(super) struct Trace {
    entries: VecDeque<(Duration, Event)>,
    pub(super) count: u64,
    hash: Fnv,
    text: String,
}

impl Trace {
    pub(super) fn add(&mut self, at: Duration, event: Event) {
        self.text.clear();
        let _ = write!(self.text, "{} {event:?};", at.as_nanos());
        self.hash.add(self.text.as_bytes());
        self.count += 1;
        if self.entries.len() == KEPT {
            self.entries.pop_front();
        }
        self.entries.push_back((at, event));
    }

    pub(super) fn hash(&self) -> u64 {
        self.hash.value
    }

    pub(super) fn entries(&self) -> Vec<(Duration, Event)> {
        self.entries.iter().cloned().collect()
    }

    /// Writes the last `count` entries, one line each.
    pub(super) fn tail(&self, f: &mut dyn fmt::Write, count: usize) -> fmt::Result {
        let skipped = self.entries.len().saturating_sub(count);
        for (at, event) in self.entries.iter().skip(skipped) {
            writeln!(f, "    {at:>14?} {event:?}")?;
        }
        Ok(())
    }
}

/// FNV-1a, 64 bits.
#[derive(Clone, Debug)]
pub(super) struct Fnv {
    pub(super) value: u64,
}

impl Fnv {
    pub(super) fn of(bytes: &[u8]) -> u64 {
        let mut hash = Self::default();
        hash.add(bytes);
        hash.value
    }

    fn add(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.value = (self.value ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

impl Default for Fnv {
    fn default() -> Self {
        Self {
            value: 0xcbf2_9ce4_8422_2325,
        }
    }
}
