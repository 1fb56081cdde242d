//! Fair queueing: messages are received from the peers in turn, one whole message each.
//!
//! A pipe is in the rotation from the hint that it is readable until it is found empty.

use super::Ring;
use crate::PipeId;

/// Chooses the peer whose message is received next.
#[derive(Clone, Debug, Default)]
pub struct FairQueue {
    readable: Ring,
}

impl FairQueue {
    /// A rotation without pipes.
    pub const fn new() -> Self {
        Self {
            readable: Ring::new(),
        }
    }

    /// The pipe has messages. It is last in turn, unless it has a turn already.
    pub fn readable(&mut self, pipe: PipeId) {
        self.readable.push_back(pipe);
    }

    /// A message of this pipe was taken: it is last in turn. A pipe that was not in turn stays out.
    #[inline]
    pub fn served(&mut self, pipe: PipeId) {
        if self.readable.front() == Some(pipe) {
            self.readable.rotate();
        } else if self.readable.remove(pipe) {
            self.readable.push_back(pipe);
        }
    }

    /// The pipe has no messages now.
    pub fn drained(&mut self, pipe: PipeId) {
        self.readable.remove(pipe);
    }

    /// Removes a pipe.
    pub fn detach(&mut self, pipe: PipeId) {
        self.readable.remove(pipe);
    }

    /// All pipes that may have messages, in turn.
    pub fn pipes(&self) -> impl Iterator<Item = PipeId> {
        self.readable.iter()
    }

    /// The pipe whose turn it is; `None` if none is readable.
    #[inline]
    pub fn next(&self) -> Option<PipeId> {
        self.readable.front()
    }
}
