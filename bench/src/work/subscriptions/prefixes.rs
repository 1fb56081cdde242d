//! One SUB with very many prefixes of 30 random bytes.
//!
//! Then the publisher sends topics that differ from a prefix in the last byte only, so that
//! matching goes all the way and nothing else is to be done: the time of `send` is that of
//! matching. In the end come topics that do match, and each of them must arrive.

use std::time::Instant;

use super::{announce, announcement, nothing_else, take_until};
use crate::Outcome;
use crate::cell::Role;
use crate::link::Phase;
use crate::machine::memory;
use crate::opponent::{Kind, Opponent, Setup, Socket};
use crate::sample::{Figure, Sample, Times};
use crate::side::{Count, Side};

/// How many topics miss by a byte, and how many match.
const MISSES: u64 = 100_000;
const MATCHES: u64 = 10_000;

pub(in crate::work) fn run<O: Opponent>(side: Side<O>, count: u32) -> Outcome<Sample> {
    match side.role {
        Role::Binds => publish(side, count.into()),
        Role::Connects => subscribe(side, count.into()),
    }
}

fn subscribe<O: Opponent>(mut side: Side<O>, count: u64) -> Outcome<Sample> {
    let mut socket = O::socket(&side.context, Setup::unlimited(Kind::Sub))?;
    socket.subscribe(announcement(Phase::Join))?;
    socket.subscribe(announcement(Phase::Extra))?;
    side.door()?.open(&mut socket)?;
    side.enter(Phase::Join)?;
    take_until(&mut socket, Phase::Join, nothing_else)?;

    let before = memory();
    side.enter(Phase::Measured)?;
    for number in 0..count {
        socket.subscribe(&prefix(number))?;
    }
    socket.subscribe(announcement(Phase::Measured))?;
    take_until(&mut socket, Phase::Measured, nothing_else)?;
    side.put(Figure::ConnectMemory, memory() as f64 - before as f64);

    side.enter(Phase::Extra)?;
    let mut received = 0;
    take_until(&mut socket, Phase::Extra, |bytes| {
        if bytes != prefix(chosen(received, count)) {
            return Err(format!("not match {received}: {bytes:?}").into());
        }
        received += 1;
        Ok(())
    })?;
    side.enter(Phase::Idle)?;
    side.rest();
    drop(socket);
    side.close()?;
    side.sample(Count {
        measured: count,
        total: count,
        lost: MATCHES - received,
    })
}

fn publish<O: Opponent>(mut side: Side<O>, count: u64) -> Outcome<Sample> {
    let (door, stage) = (side.door()?, side.stage());
    let (context, figures) = (side.context.clone(), side.figures());
    side.spawn("publisher".to_owned(), move || {
        let mut socket = O::socket(&context, Setup::unlimited(Kind::Pub))?;
        door.open(&mut socket)?;
        announce(&mut socket, &stage, Phase::Join)?;
        let before = memory();
        announce(&mut socket, &stage, Phase::Measured)?;
        figures.put(Figure::BindMemory, memory() as f64 - before as f64);

        stage.wait_for(Phase::Extra);
        let mut times = Times::new();
        for turn in 0..MISSES {
            let mut topic = prefix(chosen(turn, count));
            topic[LENGTH - 1] ^= 0xFF;
            let start = Instant::now();
            socket.send(&topic)?;
            times.push(start.elapsed().as_nanos() as u64);
        }
        figures.extend(times.percentiles());
        for turn in 0..MATCHES {
            socket.send(&prefix(chosen(turn, count)))?;
        }
        announce(&mut socket, &stage, Phase::Extra)?;
        stage.wait_for(Phase::Over);
        Ok(())
    })?;
    side.follow()?;
    side.sample(Count::default())
}

/// The bytes of a prefix.
const LENGTH: usize = 30;

/// Prefix number `number`: random, but the same on both sides. None begins like an announcement.
fn prefix(number: u64) -> [u8; LENGTH] {
    let mut bytes = [0; LENGTH];
    for (index, chunk) in (1..).zip(bytes.chunks_mut(8)) {
        let random = scramble(number.wrapping_mul(4).wrapping_add(index)).to_le_bytes();
        chunk.copy_from_slice(&random[..chunk.len()]);
    }
    if bytes[0] == b'!' {
        bytes[0] = b'?';
    }
    bytes
}

/// Which prefix is next, as random.
fn chosen(turn: u64, count: u64) -> u64 {
    scramble(!turn) % count
}

/// Splitmix64: each number another one, without visible order.
fn scramble(number: u64) -> u64 {
    let mut bits = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    bits = (bits ^ bits >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ bits >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ bits >> 31
}
