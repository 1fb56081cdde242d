//! Round trips with 64 requests under way: DEALER and ROUTER.

use std::time::{Duration, Instant};

use super::echo;
use crate::Outcome;
use crate::cell::Role;
use crate::link::Phase;
use crate::opponent::{Kind, Opponent, Setup, Socket};
use crate::payload::Payload;
use crate::sample::Sample;
use crate::side::{Count, Side};

/// How many requests are under way.
const DEPTH: u64 = 64;

/// Runs the side that asks, or the one that answers.
pub(super) fn run<O: Opponent>(side: Side<O>) -> Outcome<Sample> {
    match side.role {
        Role::Binds => echo::run(side, Kind::Router),
        Role::Connects => ask(side),
    }
}

fn ask<O: Opponent>(mut side: Side<O>) -> Outcome<Sample> {
    let mut socket = O::socket(&side.context, Setup::of(Kind::Dealer))?;
    side.door()?.open(&mut socket)?;
    let size = side.task.cell.size;
    let mut client = Client {
        requests: Payload::new(size, 0),
        replies: Payload::new(size, 0),
        sent: 0,
        answered: 0,
        socket,
    };
    let mut measured = 0;
    for phase in Phase::RUN {
        side.enter(phase)?;
        let length = side.task.length(phase);
        match phase {
            Phase::Join | Phase::Warm => _ = client.turns(length)?,
            Phase::Measured => measured = client.turns(length)?,
            Phase::Idle => side.rest(),
            Phase::Leave => echo::leave(&mut client.socket)?,
            Phase::Extra | Phase::Over => {}
        }
    }
    drop(client.socket);
    side.close()?;
    side.sample(Count {
        measured,
        total: client.answered,
        lost: 0,
    })
}

struct Client<S> {
    socket: S,
    requests: Payload,
    replies: Payload,
    sent: u64,
    answered: u64,
}

impl<S: Socket> Client<S> {
    /// Asks for so long, and takes all replies; how many.
    fn turns(&mut self, length: Duration) -> Outcome<u64> {
        let (end, first) = (Instant::now() + length, self.answered);
        while self.sent < self.answered + DEPTH {
            self.send()?;
        }
        while Instant::now() < end {
            self.recv()?;
            self.send()?;
        }
        while self.answered < self.sent {
            self.recv()?;
        }
        Ok(self.answered - first)
    }

    fn send(&mut self) -> Outcome {
        self.socket.send(self.requests.number(self.sent))?;
        self.sent += 1;
        Ok(())
    }

    fn recv(&mut self) -> Outcome {
        let (replies, number) = (&mut self.replies, self.answered);
        self.answered += 1;
        self.socket.recv(|bytes| replies.check(bytes, number))?
    }
}
