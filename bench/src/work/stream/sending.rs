//! The side that sends, and conducts.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Shape;
use super::board::{Board, Totals};
use crate::Outcome;
use crate::link::{Mark, Note, Phase};
use crate::machine::nanoseconds;
use crate::opponent::{Opponent, Socket};
use crate::payload::{Payload, mark};
use crate::runner::Task;
use crate::sample::{Figure, Sample};
use crate::side::{Count, Side};
use crate::stage::Stage;

/// The most bytes, and messages, sent between two looks at the clock.
const BATCH: (usize, usize) = (16 * 1024, 256);
/// How long a sender waits, at first and at most, before it sends its mark again.
const PATIENCE: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(50));

pub(super) fn run<O: Opponent>(mut side: Side<O>, shape: Shape) -> Outcome<Sample> {
    let board = Arc::new(Board::new(&shape));
    let door = side.door()?;
    for lane in 0..shape.senders {
        let (board, door, context) = (Arc::clone(&board), door.clone(), side.context.clone());
        let (task, stage) = (side.task.clone(), side.stage());
        side.spawn(format!("sender-{lane}"), move || {
            let mut socket = O::socket(&context, shape.sending())?;
            door.open(&mut socket)?;
            let lane = Lane {
                socket,
                lane,
                shape,
                payload: Payload::new(task.cell.size, lane),
                number: 0,
                slowest: 0,
                board,
                stage,
            };
            lane.run(&task)
        })?;
    }
    let (mut count, mut extra) = (Count::default(), None);
    for &phase in shape.phases() {
        let totals = play(&mut side, &board, &shape, phase)?;
        count.total += totals.received;
        match phase {
            Phase::Measured => {
                let copies = shape.copies() as u64;
                count.measured = totals.received;
                count.lost = (totals.sent * copies).saturating_sub(totals.received);
            }
            Phase::Extra => extra = Some(totals.received as f64),
            _ => {}
        }
    }
    side.close()?;
    if let Some(received) = extra {
        let with = received / side.meter.spent(Phase::Extra)?.seconds;
        let without = count.measured as f64 / side.meter.spent(Phase::Measured)?.seconds;
        side.put(Figure::Stalled, with / without);
    }
    side.sample(count)
}

/// Lets the senders play a phase, and returns when it is over.
fn play<O: Opponent>(
    side: &mut Side<O>,
    board: &Board,
    shape: &Shape,
    phase: Phase,
) -> Outcome<Totals> {
    board.open(phase, shape.senders * shape.readers(phase).len());
    (0..shape.readers(phase).start).for_each(|stalled| board.advance(stalled, u64::MAX));
    side.enter(phase)?;
    if phase == Phase::Idle {
        side.rest();
        return Ok(Totals::default());
    }
    loop {
        match side.next()? {
            Note::Ack { mark, received, .. } => {
                if let Some(totals) = board.acknowledge(mark, received) {
                    return Ok(totals);
                }
            }
            Note::Progress { receiver, next } => board.advance(receiver, next),
            note => return Err(format!("{note:?} out of place").into()),
        }
    }
}

/// One sender.
struct Lane<S> {
    socket: S,
    lane: usize,
    shape: Shape,
    payload: Payload,
    /// How many messages were sent so far.
    number: u64,
    /// How far each receiver is known to have got.
    slowest: u64,
    board: Arc<Board>,
    stage: Arc<Stage>,
}

impl<S: Socket> Lane<S> {
    fn run(mut self, task: &Task) -> Outcome {
        for &phase in self.shape.phases() {
            if phase == Phase::Idle {
                continue;
            }
            self.wait_for(phase);
            let first = self.number;
            match self.shape.pace {
                Some(pace) => self.send_paced(pace, task.length(phase))?,
                None => self.send_all(task.length(phase))?,
            }
            self.board.add_sent(self.number - first);
            self.send_marks(phase)?;
        }
        self.wait_for(Phase::Over);
        Ok(())
    }

    fn wait_for(&mut self, phase: Phase) {
        let stage = Arc::clone(&self.stage);
        self.socket.meanwhile(move || stage.wait_for(phase));
    }

    /// Sends for so long.
    fn send_all(&mut self, length: Duration) -> Outcome {
        let (bytes, most) = BATCH;
        let batch = (bytes / self.payload.size()).clamp(1, most);
        let end = Instant::now() + length;
        while Instant::now() < end {
            self.keep_in_window(batch as u64);
            for _ in 0..batch {
                self.socket.send(self.payload.number(self.number))?;
                self.number += 1;
            }
        }
        Ok(())
    }

    /// Sends for so long, a message whenever it is due. Late ones are sent at once: the times are
    /// fixed in advance.
    fn send_paced(&mut self, pace: Duration, length: Duration) -> Outcome {
        let (start, pace) = (nanoseconds(), pace.as_nanos() as u64);
        let end = start + length.as_nanos() as u64;
        let mut due = start;
        while due < end {
            let mut now = nanoseconds();
            while now < due {
                self.socket.pause();
                now = nanoseconds();
            }
            self.socket.send(self.payload.stamped(self.number, now))?;
            self.socket.flush()?;
            self.number += 1;
            due += pace;
        }
        Ok(())
    }

    /// Sends marks until the phase is over.
    fn send_marks(&mut self, phase: Phase) -> Outcome {
        let bytes = mark(Mark {
            lane: self.lane,
            phase,
        });
        let (mut patience, most) = PATIENCE;
        loop {
            for _ in 0..self.shape.receivers.div_ceil(self.shape.copies()) {
                self.socket.send(&bytes)?;
            }
            self.socket.flush()?;
            let stage = Arc::clone(&self.stage);
            let has_left = move || stage.has_left(phase, patience);
            if self.socket.meanwhile(has_left) {
                return Ok(());
            }
            patience = most.min(2 * patience);
        }
    }

    /// Waits until so many more messages are within the window.
    #[inline]
    fn keep_in_window(&mut self, messages: u64) {
        if let Some(window) = self.shape.window {
            let least = (self.number + messages).saturating_sub(window);
            if self.slowest < least {
                let board = Arc::clone(&self.board);
                let slowest = move || board.wait_for_slowest(least);
                self.slowest = self.socket.meanwhile(slowest);
            }
        }
    }
}
