//! Many subscriptions at one PUB: how fast they come into force, what they occupy, and what it
//! takes to match a message.
//!
//! The side that subscribes conducts. Of what has been subscribed in order, the last is in force
//! last: the publisher goes on announcing the end of a phase until the phase is over.

pub(super) mod prefixes;
pub(super) mod topics;

use std::time::Duration;

use crate::Outcome;
use crate::link::Phase;
use crate::opponent::Socket;
use crate::stage::Stage;

/// Between two announcements, at first and at most: each is a message for every subscriber.
const PATIENCE: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(100));

/// What the publisher sends again and again while a phase is over for it, but not for others.
fn announcement(phase: Phase) -> &'static [u8] {
    match phase {
        Phase::Join => b"!joined",
        Phase::Measured => b"!added",
        _ => b"!published",
    }
}

/// Publishing: waits for the end of a phase.
fn announce(socket: &mut impl Socket, stage: &Stage, phase: Phase) -> Outcome {
    stage.wait_for(phase);
    let (mut patience, most) = PATIENCE;
    loop {
        socket.send(announcement(phase))?;
        socket.flush()?;
        if stage.has_left(phase, patience) {
            return Ok(());
        }
        patience = most.min(2 * patience);
    }
}

/// Subscribing: takes what comes until the end of a phase is announced. Announcements of earlier
/// phases are ignored.
fn take_until(
    socket: &mut impl Socket,
    phase: Phase,
    mut take: impl FnMut(&[u8]) -> Outcome,
) -> Outcome {
    let end = announcement(phase);
    loop {
        let is_end = socket.recv(|bytes| match bytes {
            _ if bytes == end => Ok(true),
            [b'!', ..] => Ok(false),
            _ => take(bytes).map(|()| false),
        })?;
        if is_end? {
            return Ok(());
        }
    }
}

/// The end of a phase must come first.
fn nothing_else(bytes: &[u8]) -> Outcome {
    Err(format!("not subscribed: {bytes:?}").into())
}
