//! Many idle connections: one PUSH connects so often to one PULL, and each connection carries one
//! message.
//!
//! Measured are the time until all of these have come, and what the connections occupy on either
//! side, at rest. PUSH sends in turn, so a connection that is not up keeps its message.

use crate::Outcome;
use crate::cell::Role;
use crate::link::Phase;
use crate::machine::{descriptors, memory, threads};
use crate::opponent::{Kind, Opponent, Setup, Socket};
use crate::payload::{Payload, number};
use crate::sample::{Figure, Sample};
use crate::side::{Count, Side};

pub(super) fn run<O: Opponent>(side: Side<O>, count: u32) -> Outcome<Sample> {
    match side.role {
        Role::Binds => receive(side, count),
        Role::Connects => connect(side, count),
    }
}

fn connect<O: Opponent>(mut side: Side<O>, count: u32) -> Outcome<Sample> {
    let mut socket = O::socket(&side.context, Setup::of(Kind::Push))?;
    let door = side.door()?;
    let mut payload = Payload::new(side.task.cell.size, 0);
    let before = memory();
    side.enter(Phase::Measured)?;
    for _ in 0..count {
        door.open(&mut socket)?;
    }
    for number in 0..count {
        socket.send(payload.number(number.into()))?;
    }
    socket.flush()?;
    let received = side.acknowledged()?;
    side.enter(Phase::Idle)?;
    side.rest();
    side.put(Figure::ConnectMemory, memory() as f64 - before as f64);
    side.enter(Phase::Leave)?;
    side.acknowledged()?;
    drop(socket);
    side.close()?;
    let up = side.meter.spent(Phase::Measured)?.seconds;
    side.put(Figure::Up, up * 1e3);
    side.sample(Count {
        measured: received,
        total: received,
        lost: u64::from(count) - received,
    })
}

fn receive<O: Opponent>(mut side: Side<O>, count: u32) -> Outcome<Sample> {
    let (door, stage, link) = (side.door()?, side.stage(), side.writer());
    let (context, size) = (side.context.clone(), side.task.cell.size);
    let figures = side.figures();
    side.spawn("receiver".to_owned(), move || {
        let mut socket = O::socket(&context, Setup::of(Kind::Pull))?;
        door.open(&mut socket)?;
        let before = (memory(), descriptors());
        receive_each(&mut socket, count, size)?;
        link.acknowledge(Phase::Measured, count.into())?;
        stage.wait_for(Phase::Leave);
        let opened = descriptors() - before.1;
        figures.put(Figure::BindMemory, memory() as f64 - before.0 as f64);
        figures.put(Figure::Descriptors, opened as f64 / f64::from(count));
        figures.put(Figure::Threads, (threads() - OWN_THREADS) as f64);
        link.acknowledge(Phase::Leave, 0)?;
        stage.wait_for(Phase::Over);
        Ok(())
    })?;
    side.follow()?;
    side.sample(Count::default())
}

/// The thread that holds the link, and the one that has the socket.
const OWN_THREADS: usize = 2;

/// Receives each message once, in any order.
fn receive_each(socket: &mut impl Socket, count: u32, size: usize) -> Outcome {
    let mut is_missing = vec![true; count as usize];
    let mut expected = Payload::new(size, 0);
    for _ in 0..count {
        let number = socket.recv(|bytes| {
            let number = number(bytes);
            expected.check(bytes, number).map(|()| number)
        })??;
        let is_new = is_missing.get_mut(number as usize).map(std::mem::take);
        if is_new != Some(true) {
            return Err(format!("message {number} once more").into());
        }
    }
    Ok(())
}
