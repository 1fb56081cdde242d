//! The side that receives, and follows.

use std::collections::BTreeMap;

use super::Shape;
use crate::Outcome;
use crate::link::{Mark, Note, Phase, Writer};
use crate::machine::nanoseconds;
use crate::opponent::{Kind, Opponent, Socket};
use crate::payload::{Checker, parse_mark, stamp};
use crate::sample::{Figure, Sample, Times};
use crate::side::{Count, Side};

/// Progress is reported so many times per window.
const REPORTS: u64 = 4;

pub(super) fn run<O: Opponent>(mut side: Side<O>, shape: Shape) -> Outcome<Sample> {
    let door = side.door()?;
    for index in 0..shape.receivers {
        let (door, stage, context) = (door.clone(), side.stage(), side.context.clone());
        let mut receiver = Receiver::new(index, &shape, side.task.cell.size, side.writer());
        let figures = side.figures();
        side.spawn(format!("receiver-{index}"), move || {
            let mut socket = O::socket(&context, shape.receiving())?;
            if shape.receiver == Kind::Sub {
                socket.subscribe(b"")?;
            }
            door.open(&mut socket)?;
            loop {
                match socket.recv(|bytes| receiver.take(bytes))?? {
                    Taken::More => {}
                    Taken::Stall => stage.wait_for(Phase::Leave),
                    Taken::Last => break,
                }
            }
            figures.extend(receiver.figures);
            socket.meanwhile(move || stage.wait_for(Phase::Over));
            Ok(())
        })?;
    }
    side.follow()?;
    side.sample(Count::default())
}

/// What a receiver does after a message.
enum Taken {
    More,
    Stall,
    Last,
}

/// One receiver: checks and counts what arrives.
struct Receiver {
    index: usize,
    stalls: bool,
    link: Writer,
    checker: Checker,
    /// By lane: the messages since its last mark, and the phase of that.
    lanes: Vec<(u64, Option<Phase>)>,
    /// How many messages came in all, if that is to be reported, and at which step.
    progress: Option<(u64, u64)>,
    /// How long the messages took, if that is to be measured.
    times: Option<Times>,
    figures: BTreeMap<Figure, f64>,
}

impl Receiver {
    fn new(index: usize, shape: &Shape, size: usize, link: Writer) -> Self {
        Self {
            index,
            stalls: shape.stalls && index == 0,
            link,
            checker: Checker::new(size, shape.senders, shape.pace.is_some()),
            lanes: vec![(0, None); shape.senders],
            progress: shape.window.map(|window| (0, (window / REPORTS).max(1))),
            times: shape.pace.map(|_| Times::new()),
            figures: BTreeMap::new(),
        }
    }

    /// Takes a message or a mark.
    #[inline]
    fn take(&mut self, bytes: &[u8]) -> Outcome<Taken> {
        if let Some(mark) = parse_mark(bytes) {
            return self.take_mark(mark);
        }
        if let Some(times) = &mut self.times {
            times.push(nanoseconds().saturating_sub(stamp(bytes)));
        }
        let lane = self.checker.check(bytes)?;
        self.lanes[lane].0 += 1;
        if let Some((received, step)) = &mut self.progress {
            *received += 1;
            if received.is_multiple_of(*step) {
                self.link.tell(&Note::Progress {
                    receiver: self.index,
                    next: self.checker.next(lane),
                })?;
            }
        }
        Ok(Taken::More)
    }

    fn take_mark(&mut self, mark: Mark) -> Outcome<Taken> {
        let (count, last) = &mut self.lanes[mark.lane];
        if *last >= Some(mark.phase) {
            return Ok(Taken::More);
        }
        *last = Some(mark.phase);
        let received = std::mem::take(count);
        if mark.phase <= Phase::Measured
            && let Some(times) = &mut self.times
        {
            self.figures = std::mem::replace(times, Times::new()).percentiles();
        }
        self.link.tell(&Note::Ack {
            receiver: self.index,
            mark,
            received,
        })?;
        let have_left = |(_, last): &(u64, Option<Phase>)| *last == Some(Phase::Leave);
        Ok(if self.lanes.iter().all(have_left) {
            Taken::Last
        } else if self.stalls && mark.phase == Phase::Measured {
            Taken::Stall
        } else {
            Taken::More
        })
    }
}
