//! What it takes to begin: a context with a socket that is bound, made and dropped, and a socket
//! alone.

use std::time::{Duration, Instant};

use crate::Outcome;
use crate::cell::Role;
use crate::link::Phase;
use crate::opponent::{Kind, Opponent, Setup, Socket};
use crate::sample::{Figure, Sample, Times};
use crate::side::{Count, Side};

pub(super) fn run<O: Opponent>(mut side: Side<O>) -> Outcome<Sample> {
    if side.role == Role::Binds {
        side.follow()?;
        return side.sample(Count::default());
    }
    let mut whole = Times::new();
    let mut alone = Times::new();
    for phase in Phase::ALL {
        side.enter(phase)?;
        let length = side.task.length(phase);
        match phase {
            Phase::Warm => repeat(length, &mut Times::new(), || make_all::<O>(&side))?,
            Phase::Measured => repeat(length, &mut whole, || make_all::<O>(&side))?,
            Phase::Extra => repeat(length, &mut alone, || {
                O::socket(&side.context, Setup::of(Kind::Push)).map(drop)
            })?,
            Phase::Idle => side.rest(),
            Phase::Join | Phase::Leave | Phase::Over => {}
        }
    }
    side.close()?;
    let measured = whole.count();
    side.figures().extend(whole.percentiles());
    let alone = alone.percentiles();
    side.put(
        Figure::Socket,
        alone.get(&Figure::P50).copied().unwrap_or_default(),
    );
    side.sample(Count {
        measured,
        total: measured,
        lost: 0,
    })
}

fn make_all<O: Opponent>(side: &Side<O>) -> Outcome {
    let context = O::context()?;
    let mut socket = O::socket(&context, Setup::of(Kind::Push))?;
    socket.bind(&side.task.endpoint).map(drop)
}

/// The most turns of one kind: what is dropped may take a while to be given back.
const MOST: u64 = 1000;

/// Does it for so long, and takes the time of each.
fn repeat(length: Duration, times: &mut Times, mut work: impl FnMut() -> Outcome) -> Outcome {
    let end = Instant::now() + length;
    loop {
        let start = Instant::now();
        work()?;
        let now = Instant::now();
        times.push((now - start).as_nanos() as u64);
        if now >= end || times.count() == MOST {
            return Ok(());
        }
    }
}
