//! Fan-out: a message goes to every peer, or to every peer that wants it, as far as they have room.
//!
//! A pipe that turns out to have no room is skipped, without asking it again, until it is writable.

use super::PipeMap;
use crate::{PipeId, Room, Route};

/// Collects the peers that are given a message: [`begin`](Self::begin), then
/// [`offer`](Self::offer) per peer, then [`route`](Self::route).
#[derive(Clone, Debug, Default)]
pub struct FanOut {
    pipes: Vec<PipeId>,
    members: PipeMap<Member>,
    chosen: Vec<PipeId>,
    skipped: Vec<PipeId>,
}

#[derive(Clone, Copy, Debug)]
struct Member {
    /// Where in `pipes` it is.
    place: usize,
    full: bool,
    /// It is not to be waited for, until it has room again.
    given_up: bool,
    /// How many messages it was not given.
    missed: u64,
}

impl FanOut {
    /// A fan-out without pipes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a pipe.
    pub fn attach(&mut self, pipe: PipeId) {
        let place = self.pipes.len();
        self.pipes.push(pipe);
        let member = Member {
            place,
            full: false,
            given_up: false,
            missed: 0,
        };
        self.members.insert(pipe, member);
    }

    /// Removes a pipe.
    pub fn detach(&mut self, pipe: PipeId) {
        let Some(Member { place, .. }) = self.members.remove(pipe) else {
            return;
        };
        self.pipes.swap_remove(place);
        let moved = self.pipes.get(place).copied();
        if let Some(member) = moved.and_then(|pipe| self.members.get_mut(pipe)) {
            member.place = place;
        }
    }

    /// The pipe may have room again.
    pub fn writable(&mut self, pipe: PipeId) {
        if let Some(member) = self.members.get_mut(pipe) {
            member.full = false;
            member.given_up = false;
        }
    }

    /// Starts the choice for a message.
    #[inline]
    pub fn begin(&mut self) {
        self.chosen.clear();
        self.skipped.clear();
    }

    /// Chooses this pipe if it has room, else counts it as skipped. To be called once per pipe and
    /// message.
    #[inline]
    pub fn offer(&mut self, pipe: PipeId, room: &dyn Room) {
        let Some(member) = self.members.get_mut(pipe) else {
            return;
        };
        member.full = member.full || !room.has_room(pipe);
        if member.full {
            self.skipped.push(pipe);
        } else {
            self.chosen.push(pipe);
        }
    }

    /// Offers the message to every pipe.
    pub fn offer_all(&mut self, room: &dyn Room) {
        let mut place = 0;
        while let Some(pipe) = self.pipes.get(place) {
            self.offer(*pipe, room);
            place += 1;
        }
    }

    /// True if this is one of the pipes.
    pub fn contains(&self, pipe: PipeId) -> bool {
        self.members.contains(pipe)
    }

    /// How many were offered the message and had no room.
    pub fn skipped(&self) -> usize {
        self.skipped.len()
    }

    /// True if one was offered the message that had no room, and was not [given
    /// up](Self::give_up).
    pub fn waits(&self) -> bool {
        let mut members = self
            .skipped
            .iter()
            .filter_map(|pipe| self.members.get(*pipe));
        members.any(|member| !member.given_up)
    }

    /// Gives those up that had no room, until they have: `tell` is called with each that was not
    /// given up before.
    pub fn give_up(&mut self, mut tell: impl FnMut(PipeId)) {
        for pipe in &self.skipped {
            let member = self.members.get_mut(*pipe);
            if member.is_some_and(|member| !std::mem::replace(&mut member.given_up, true)) {
                tell(*pipe);
            }
        }
    }

    /// The choice. Those that were skipped miss the message.
    #[inline]
    pub fn route(&mut self) -> Route<'_> {
        for pipe in &self.skipped {
            if let Some(member) = self.members.get_mut(*pipe) {
                member.missed += 1;
            }
        }
        Route::Each {
            pipes: &self.chosen,
            skipped: self.skipped.len(),
        }
    }

    /// How many messages a pipe was not given for lack of room.
    pub fn missed(&self, pipe: PipeId) -> u64 {
        self.members.get(pipe).map_or(0, |member| member.missed)
    }

    /// All attached pipes, in no particular order.
    pub fn pipes(&self) -> &[PipeId] {
        &self.pipes
    }
}
