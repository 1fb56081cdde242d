//! Messages one way: from one or several senders to one or several receivers.
//!
//! The side that sends conducts. In each phase every sender sends for a while and then a mark,
//! again and again until each receiver has acknowledged it over the link. What was sent before a
//! mark has arrived by then or is lost, and so a phase has an end even if the last message is lost.
//! The clock runs from the first `send` of a phase to the last acknowledgement.

mod board;
mod receiving;
mod sending;

use std::ops::Range;
use std::time::Duration;

use crate::Outcome;
use crate::cell::{Role, Work};
use crate::link::Phase;
use crate::opponent::{Kind, Marks, Opponent, Setup};
use crate::sample::Sample;
use crate::side::Side;

/// Runs the side that sends, or the one that receives.
pub(super) fn run<O: Opponent>(side: Side<O>) -> Outcome<Sample> {
    let shape = Shape::of(side.task.cell.work, side.task.cell.size);
    if side.role == shape.sends() {
        sending::run(side, shape)
    } else {
        receiving::run(side, shape)
    }
}

/// Who sends to whom, and how.
#[derive(Clone, Copy, Debug)]
struct Shape {
    sender: Kind,
    receiver: Kind,
    work: Work,
    senders: usize,
    receivers: usize,
    /// How often a message is sent; `None`: whenever there is room.
    pace: Option<Duration>,
    /// How many messages a publisher may be ahead of its slowest subscriber, since it must not
    /// drop any; `None`: it waits for room.
    window: Option<u64>,
    marks: Marks,
    /// Whether the first receiver stops reading in a phase of its own.
    stalls: bool,
}

impl Shape {
    fn of(work: Work, size: usize) -> Self {
        let one_way = Self {
            sender: Kind::Push,
            receiver: Kind::Pull,
            work,
            senders: 1,
            receivers: 1,
            pace: None,
            window: None,
            marks: Marks::Default,
            stalls: false,
        };
        match work {
            Work::Paced(microseconds) => Self {
                pace: Some(Duration::from_micros(microseconds.into())),
                ..one_way
            },
            Work::Publish(subscribers) => Self {
                sender: Kind::Pub,
                receiver: Kind::Sub,
                receivers: subscribers as usize,
                window: Some(10_000.min((64 << 20) / size as u64)),
                marks: Marks::Unlimited,
                ..one_way
            },
            Work::Republished => Self::of(Work::Publish(1), size),
            Work::Stalled => Self {
                sender: Kind::Pub,
                receiver: Kind::Sub,
                receivers: 100,
                // Within the marks of everybody, which now must do their work.
                window: Some(500),
                stalls: true,
                ..one_way
            },
            Work::FanIn => Self {
                senders: 4,
                ..one_way
            },
            Work::FanOut => Self {
                receivers: 4,
                ..one_way
            },
            Work::Pair => Self {
                sender: Kind::Pair,
                receiver: Kind::Pair,
                ..one_way
            },
            _ => one_way,
        }
    }

    /// The side that has one socket binds.
    fn sends(&self) -> Role {
        if self.senders == 1 {
            Role::Binds
        } else {
            Role::Connects
        }
    }

    fn sending(&self) -> Setup {
        Setup {
            kind: self.sender,
            marks: self.marks,
            peers: self.receivers,
            curve: None,
        }
        .secured(self.work, self.sends())
    }

    fn receiving(&self) -> Setup {
        Setup {
            kind: self.receiver,
            marks: self.marks,
            peers: self.senders,
            curve: None,
        }
        .secured(self.work, self.sends().other())
    }

    fn phases(&self) -> &'static [Phase] {
        if self.stalls {
            &Phase::ALL
        } else {
            &Phase::RUN
        }
    }

    /// The receivers that read in a phase.
    fn readers(&self, phase: Phase) -> Range<usize> {
        let stalled = usize::from(self.stalls && phase == Phase::Extra);
        stalled..self.receivers
    }

    /// How many receivers get each message.
    fn copies(&self) -> usize {
        match self.sender {
            Kind::Pub => self.receivers,
            _ => 1,
        }
    }
}
