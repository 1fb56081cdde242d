//! Many SUB with a thousand topics each, such that each topic has a tenth of them.

use super::{announce, announcement, nothing_else, take_until};
use crate::Outcome;
use crate::cell::Role;
use crate::link::Phase;
use crate::machine::memory;
use crate::opponent::{Kind, Opponent, Setup, Socket};
use crate::sample::{Figure, Sample};
use crate::side::{Count, Side};

/// The topics of each subscriber, and of all.
const EACH: u32 = 1000;
const ALL: u32 = 10 * EACH;
/// How many messages are published; a subscriber gets a tenth.
const MESSAGES: u32 = 2000;

pub(in crate::work) fn run<O: Opponent>(side: Side<O>, count: u32) -> Outcome<Sample> {
    match side.role {
        Role::Binds => publish(side),
        Role::Connects => subscribe(side, count),
    }
}

fn subscribe<O: Opponent>(mut side: Side<O>, count: u32) -> Outcome<Sample> {
    let door = side.door()?;
    let before = memory();
    side.enter(Phase::Join)?;
    let mut sockets = Vec::new();
    for _ in 0..count {
        let mut socket = O::socket(&side.context, Setup::unlimited(Kind::Sub))?;
        socket.subscribe(announcement(Phase::Join))?;
        socket.subscribe(announcement(Phase::Extra))?;
        door.open(&mut socket)?;
        sockets.push(socket);
    }
    for socket in &mut sockets {
        take_until(socket, Phase::Join, nothing_else)?;
    }

    side.enter(Phase::Measured)?;
    for (socket, number) in sockets.iter_mut().zip(0..) {
        for index in 0..EACH {
            socket.subscribe(topic(10 * index + number % 10).as_bytes())?;
        }
        socket.subscribe(announcement(Phase::Measured))?;
    }
    for socket in &mut sockets {
        take_until(socket, Phase::Measured, nothing_else)?;
    }
    side.put(Figure::ConnectMemory, memory() as f64 - before as f64);

    side.enter(Phase::Extra)?;
    let mut received = 0;
    for (socket, number) in sockets.iter_mut().zip(0..) {
        received += take_all(socket, number)?;
    }
    side.enter(Phase::Idle)?;
    side.rest();
    drop(sockets);
    side.close()?;
    let seconds = side.meter.spent(Phase::Extra)?.seconds;
    side.put(Figure::Deliveries, received as f64 / seconds);
    side.sample(Count {
        measured: u64::from(count * EACH),
        total: u64::from(count * EACH),
        lost: u64::from(count * MESSAGES / 10) - received,
    })
}

/// Takes all messages for a subscriber, in order; how many.
fn take_all(socket: &mut impl Socket, number: u32) -> Outcome<u64> {
    let mut received = 0;
    let mut own = (0..MESSAGES).filter(|message| message % 10 == number % 10);
    take_until(socket, Phase::Extra, |bytes| {
        received += 1;
        if own.any(|message| bytes == topic(message).as_bytes()) {
            return Ok(());
        }
        Err(format!("not for subscriber {number}: {bytes:?}").into())
    })?;
    Ok(received)
}

fn publish<O: Opponent>(mut side: Side<O>) -> Outcome<Sample> {
    let (door, stage) = (side.door()?, side.stage());
    let (context, figures) = (side.context.clone(), side.figures());
    side.spawn("publisher".to_owned(), move || {
        let mut socket = O::socket(&context, Setup::unlimited(Kind::Pub))?;
        door.open(&mut socket)?;
        let before = memory();
        announce(&mut socket, &stage, Phase::Join)?;
        announce(&mut socket, &stage, Phase::Measured)?;
        figures.put(Figure::BindMemory, memory() as f64 - before as f64);
        stage.wait_for(Phase::Extra);
        for message in 0..MESSAGES {
            socket.send(topic(message).as_bytes())?;
        }
        announce(&mut socket, &stage, Phase::Extra)?;
        stage.wait_for(Phase::Over);
        Ok(())
    })?;
    side.follow()?;
    side.sample(Count::default())
}

/// The topic of a message; none is the beginning of another.
fn topic(message: u32) -> String {
    format!("weather.europe.{:05}", message % ALL)
}
