//! One direction of a link: bytes in flight, bytes that have arrived, and how it ends.
//!
//! ```text
//!   write ──► in flight (each with its time of arrival, in order) ──► arrived ──► read
//! ```
//!
//! In flight and arrived together are limited, as a kernel's buffers are.

use std::collections::VecDeque;
use std::time::Duration;

use super::random::Random;

/// What travels.
#[derive(Debug)]
pub(super) enum Item {
    Bytes(Vec<u8>),
    /// The writer writes no more.
    End,
    /// The writer's side is gone, or refused what it was sent.
    Reset,
}

/// What has just arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    Bytes(usize),
    End,
    Reset,
}

/// One direction of a link.
#[derive(Debug, Default)]
pub(super) struct Lane {
    flight: VecDeque<(Duration, Item)>,
    arrived: VecDeque<u8>,
    in_flight: usize,
    ended: bool,
}

impl Lane {
    /// Sends an item off, to arrive at `at` or when everything before it has; tells when.
    pub(super) fn send(&mut self, item: Item, at: Duration) -> Duration {
        let at = self.flight.back().map_or(at, |(last, _)| at.max(*last));
        if let Item::Bytes(bytes) = &item {
            self.in_flight += bytes.len();
        }
        self.flight.push_back((at, item));
        at
    }

    /// Takes in the first item if its time has come.
    pub(super) fn arrive(&mut self, now: Duration) -> Option<Arrival> {
        if self.flight.front()?.0 > now {
            return None;
        }
        let (_, item) = self.flight.pop_front()?;
        Some(match item {
            Item::Bytes(bytes) => {
                self.in_flight -= bytes.len();
                self.arrived.extend(&bytes);
                Arrival::Bytes(bytes.len())
            }
            Item::End => {
                self.ended = true;
                Arrival::End
            }
            Item::Reset => {
                self.ended = true;
                Arrival::Reset
            }
        })
    }

    /// True if an item should have arrived before: the clock moves while whoever reads is running.
    pub(super) fn is_late(&self, now: Duration) -> bool {
        self.flight.front().is_some_and(|(at, _)| *at < now)
    }

    /// Appends up to `most` bytes that have arrived to `into`.
    pub(super) fn read(&mut self, into: &mut Vec<u8>, most: usize) -> usize {
        let count = most.min(self.arrived.len());
        into.extend(self.arrived.drain(..count));
        count
    }

    /// Loses what is in flight.
    pub(super) fn lose_flight(&mut self) {
        self.flight.clear();
        self.in_flight = 0;
    }

    /// Loses what has arrived, and ends.
    pub(super) fn discard(&mut self) {
        self.arrived.clear();
        self.ended = true;
    }

    /// Ends now, behind what has arrived.
    pub(super) fn end(&mut self) {
        self.ended = true;
    }

    /// Postpones what is in flight, so that nothing arrives before `now`; tells the times.
    pub(super) fn resume(&mut self, now: Duration) -> Vec<Duration> {
        self.flight
            .iter_mut()
            .map(|(at, _)| {
                *at = now.max(*at);
                *at
            })
            .collect()
    }

    /// How many bytes may be written now.
    pub(super) fn room(&self, capacity: usize) -> usize {
        capacity
            .max(1)
            .saturating_sub(self.in_flight + self.arrived.len())
    }

    /// How many bytes may be read now.
    pub(super) fn available(&self) -> usize {
        self.arrived.len()
    }

    pub(super) fn in_flight(&self) -> usize {
        self.in_flight
    }

    pub(super) fn is_ended(&self) -> bool {
        self.ended
    }
}

/// Cuts bytes that were written together into one to three pieces.
pub(super) fn pieces(bytes: Vec<u8>, dice: &mut Random, splits: bool) -> Vec<Vec<u8>> {
    let mut rest = bytes;
    let mut pieces = Vec::new();
    while splits && pieces.len() < 2 && rest.len() > 1 {
        let tail = rest.split_off(dice.prefix(rest.len()));
        pieces.push(std::mem::replace(&mut rest, tail));
    }
    if !rest.is_empty() {
        pieces.push(rest);
    }
    pieces
}
