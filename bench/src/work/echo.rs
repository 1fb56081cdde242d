//! The side that sends everything back, until it is told to leave.

use crate::Outcome;
use crate::link::{Mark, Phase};
use crate::opponent::{Kind, Opponent, Setup, Socket};
use crate::payload::{mark, parse_mark};
use crate::sample::Sample;
use crate::side::{Count, Side};

/// What the asking side sends last.
const LAST: Mark = Mark {
    lane: 0,
    phase: Phase::Leave,
};

/// Follows the side that asks.
pub(super) fn run<O: Opponent>(mut side: Side<O>, kind: Kind) -> Outcome<Sample> {
    let (door, stage) = (side.door()?, side.stage());
    let context = side.context.clone();
    let setup = Setup::of(kind).secured(side.task.cell.work, side.role);
    side.spawn("echo".to_owned(), move || {
        let mut socket = O::socket(&context, setup)?;
        door.open(&mut socket)?;
        while !socket.echo(|bytes| parse_mark(bytes) == Some(LAST))? {}
        socket.meanwhile(move || stage.wait_for(Phase::Over));
        Ok(())
    })?;
    side.follow()?;
    side.sample(Count::default())
}

/// Ends the loop on the other side.
pub(super) fn leave(socket: &mut impl Socket) -> Outcome {
    socket.send(&mark(LAST))?;
    let is_last = socket.recv(|bytes| parse_mark(bytes) == Some(LAST))?;
    if is_last {
        Ok(())
    } else {
        Err("a reply too many".into())
    }
}
