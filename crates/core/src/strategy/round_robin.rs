//! Round robin: messages go to the peers in turn, one whole message each.
//!
//! A pipe that turns out to have no room leaves the rotation until it is writable, and then takes
//! its place at the back, so the pipes that are served under saturation are those that drain.
//! Dialed pipes whose connection was lost are spares: they are given messages only while every
//! attached pipe is one. A dialed pipe that never had a connection is not a spare.

use super::{PipeMap, Ring};
use crate::{PipeId, Room};

/// Chooses the peer for the next message among those with room.
#[derive(Clone, Debug, Default)]
pub struct RoundRobin {
    members: PipeMap<Connection>,
    /// Pipes that are not lost and may have room.
    ready: Ring,
    /// Lost pipes that may have room.
    spare: Ring,
    /// How many members are not lost.
    alive: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Connection {
    Alive,
    Lost,
}

impl RoundRobin {
    /// A rotation without pipes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a pipe, last in turn.
    pub fn attach(&mut self, pipe: PipeId) {
        self.members.insert(pipe, Connection::Alive);
        self.alive += 1;
        self.ready.push_back(pipe);
    }

    /// The pipe lost its connection: it is a spare until [`restored`](Self::restored).
    pub fn lost(&mut self, pipe: PipeId) {
        if !self.turn(pipe, Connection::Lost) {
            return;
        }
        self.alive -= 1;
        if self.ready.remove(pipe) {
            self.spare.push_back(pipe);
        }
    }

    /// The pipe has a connection again: last in turn. Without effect on a pipe that was not lost.
    pub fn restored(&mut self, pipe: PipeId) {
        if !self.turn(pipe, Connection::Alive) {
            return;
        }
        self.alive += 1;
        self.spare.remove(pipe);
        self.ready.push_back(pipe);
    }

    /// Removes a pipe.
    pub fn detach(&mut self, pipe: PipeId) {
        if self.members.remove(pipe) == Some(Connection::Alive) {
            self.alive -= 1;
        }
        self.ready.remove(pipe);
        self.spare.remove(pipe);
    }

    /// The pipe may have room again.
    pub fn writable(&mut self, pipe: PipeId) {
        match self.members.get(pipe) {
            Some(Connection::Alive) => self.ready.push_back(pipe),
            Some(Connection::Lost) => self.spare.push_back(pipe),
            None => false,
        };
    }

    /// The pipe for the next message, which moves to the back; `None` if nobody has room.
    ///
    /// O(1) amortised: each pipe found full is asked again only after [`writable`](Self::writable).
    #[inline]
    pub fn pick(&mut self, room: &dyn Room) -> Option<PipeId> {
        let ring = match self.alive {
            0 => &mut self.spare,
            _ => &mut self.ready,
        };
        while let Some(pipe) = ring.front() {
            if room.has_room(pipe) {
                ring.rotate();
                return Some(pipe);
            }
            ring.remove(pipe);
        }
        None
    }

    /// True if [`pick`](Self::pick) would find a pipe.
    pub fn has_room(&self, room: &dyn Room) -> bool {
        let ring = match self.alive {
            0 => &self.spare,
            _ => &self.ready,
        };
        ring.iter().any(|pipe| room.has_room(pipe))
    }

    /// Changes a member's connection; `false` if there is nothing to change.
    fn turn(&mut self, pipe: PipeId, to: Connection) -> bool {
        match self.members.get_mut(pipe) {
            Some(connection) if *connection != to => {
                *connection = to;
                true
            }
            _ => false,
        }
    }
}
