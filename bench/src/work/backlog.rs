//! PUSH to a PULL that does not read: how many messages are taken, and the memory they occupy.
//!
//! In the end all are read, and none may be missing.

use std::thread;
use std::time::{Duration, Instant};

use crate::Outcome;
use crate::cell::Role;
use crate::link::{Mark, Phase};
use crate::machine::memory;
use crate::opponent::{Kind, Opponent, Setup, Socket};
use crate::payload::{Checker, Payload, mark, parse_mark};
use crate::sample::{Figure, Sample};
use crate::side::{Count, Side};

/// Without room for so long, there will be none.
const FULL: Duration = Duration::from_millis(200);
/// Before the next attempt.
const PAUSE: Duration = Duration::from_millis(1);
/// What is sent last.
const LAST: Mark = Mark {
    lane: 0,
    phase: Phase::Leave,
};

pub(super) fn run<O: Opponent>(side: Side<O>) -> Outcome<Sample> {
    match side.role {
        Role::Binds => receive(side),
        Role::Connects => send(side),
    }
}

fn send<O: Opponent>(mut side: Side<O>) -> Outcome<Sample> {
    let mut socket = O::socket(&side.context, Setup::of(Kind::Push))?;
    side.door()?.open(&mut socket)?;
    let mut payload = Payload::new(side.task.cell.size, 0);
    side.enter(Phase::Join)?;
    socket.send(payload.number(0))?;
    side.acknowledged()?;

    let before = memory();
    side.enter(Phase::Measured)?;
    let accepted = fill(&mut socket, &mut payload)?;
    side.enter(Phase::Idle)?;
    side.rest();
    side.put(Figure::ConnectMemory, memory() as f64 - before as f64);
    side.put(Figure::Accepted, accepted as f64);

    side.enter(Phase::Leave)?;
    socket.send(&mark(LAST))?;
    let received = side.acknowledged()?;
    drop(socket);
    side.close()?;
    side.sample(Count {
        measured: received,
        total: received,
        lost: accepted - received,
    })
}

/// Sends until there is no room any more; how many messages.
fn fill(socket: &mut impl Socket, payload: &mut Payload) -> Outcome<u64> {
    let mut accepted = 0;
    let mut last = Instant::now();
    while last.elapsed() < FULL {
        if socket.try_send(payload.number(accepted + 1))? {
            accepted += 1;
            last = Instant::now();
        } else {
            thread::sleep(PAUSE);
        }
    }
    Ok(accepted)
}

fn receive<O: Opponent>(mut side: Side<O>) -> Outcome<Sample> {
    let (door, stage, link) = (side.door()?, side.stage(), side.writer());
    let (context, size, figures) = (side.context.clone(), side.task.cell.size, side.figures());
    side.spawn("receiver".to_owned(), move || {
        let mut socket = O::socket(&context, Setup::of(Kind::Pull))?;
        door.open(&mut socket)?;
        let mut checker = Checker::new(size, 1, false);
        socket.recv(|bytes| checker.check(bytes).map(drop))??;
        let before = memory();
        link.acknowledge(Phase::Join, 1)?;
        stage.wait_for(Phase::Leave);
        figures.put(Figure::BindMemory, memory() as f64 - before as f64);
        let mut received = 0;
        let mut take = |bytes: &[u8]| match parse_mark(bytes) {
            Some(mark) => Ok(mark == LAST),
            None => checker.check(bytes).map(|_| false),
        };
        while !socket.recv(&mut take)?? {
            received += 1;
        }
        link.acknowledge(Phase::Leave, received)?;
        stage.wait_for(Phase::Over);
        Ok(())
    })?;
    side.follow()?;
    side.sample(Count::default())
}
