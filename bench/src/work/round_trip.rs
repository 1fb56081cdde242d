//! Round trips, each after the one before: from the call of `send` to the return of `recv`.

use std::thread;
use std::time::{Duration, Instant};

use super::attack::Attack;
use super::echo;
use crate::Outcome;
use crate::cell::{Role, Work};
use crate::link::Phase;
use crate::opponent::{Kind, Opponent, Setup, Socket};
use crate::payload::Payload;
use crate::sample::{Figure, Sample, Times};
use crate::side::{Count, Side};

/// Before each request when cold.
const PAUSE: Duration = Duration::from_millis(100);

/// Runs the side that asks, or the one that answers.
pub(super) fn run<O: Opponent>(side: Side<O>, asks: Kind, answers: Kind) -> Outcome<Sample> {
    match side.role {
        Role::Binds => echo::run(side, answers),
        Role::Connects => ask(side, asks),
    }
}

fn ask<O: Opponent>(mut side: Side<O>, kind: Kind) -> Outcome<Sample> {
    let setup = Setup::of(kind).secured(side.task.cell.work, side.role);
    let mut socket = O::socket(&side.context, setup)?;
    let door = side.door()?;
    door.open(&mut socket)?;
    let mut client = Client {
        payload: Payload::new(side.task.cell.size, 0),
        pause: (side.task.cell.work == Work::Cold).then_some(PAUSE),
        number: 0,
        times: Times::new(),
        socket,
    };
    let (mut measured, mut attack) = (0, None);
    for phase in Phase::RUN {
        side.enter(phase)?;
        let length = side.task.length(phase);
        match phase {
            Phase::Join => client.turn()?,
            Phase::Warm => {
                client.turns(length)?;
                attack = Attack::of(side.task.cell.work, &door)?;
            }
            Phase::Measured => measured = client.turns(length)?,
            Phase::Idle => {
                if let Some(attack) = attack.take() {
                    side.put(Figure::Hostile, attack.end() as f64);
                }
                side.rest();
            }
            Phase::Leave => echo::leave(&mut client.socket)?,
            Phase::Extra | Phase::Over => {}
        }
    }
    drop(client.socket);
    side.close()?;
    side.figures().extend(client.times.percentiles());
    side.sample(Count {
        measured,
        total: client.number,
        lost: 0,
    })
}

struct Client<S> {
    socket: S,
    payload: Payload,
    pause: Option<Duration>,
    number: u64,
    /// Those of the last series.
    times: Times,
}

impl<S: Socket> Client<S> {
    /// Takes turns for so long, at least once; how many.
    fn turns(&mut self, length: Duration) -> Outcome<u64> {
        self.times.clear();
        let (end, first) = (Instant::now() + length, self.number);
        loop {
            if let Some(pause) = self.pause {
                thread::sleep(pause);
            }
            let start = Instant::now();
            self.turn()?;
            let now = Instant::now();
            self.times.push((now - start).as_nanos() as u64);
            if now >= end {
                return Ok(self.number - first);
            }
        }
    }

    #[inline]
    fn turn(&mut self) -> Outcome {
        let (payload, number) = (&mut self.payload, self.number);
        self.number += 1;
        self.socket.send(payload.number(number))?;
        self.socket.recv(|bytes| payload.check(bytes, number))?
    }
}
