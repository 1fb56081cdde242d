//! A rotation of pipes: a circular list in which every operation is O(1).
//!
//! ```text
//!          front ─► a ⇄ b ⇄ c ─┐         rotate: front = b
//!                   ▲          │
//!                   └──────────┘
//! ```
//!
//! Invariant: the links of the members form one circle; `front` is a member unless there is none.

use super::PipeMap;
use crate::PipeId;

/// An ordered set of pipes with a front: push at the back, remove anywhere, rotate.
#[derive(Clone, Debug, Default)]
pub struct Ring {
    links: PipeMap<Link>,
    front: Option<PipeId>,
}

#[derive(Clone, Copy, Debug)]
struct Link {
    before: PipeId,
    after: PipeId,
}

impl Ring {
    /// An empty ring.
    pub const fn new() -> Self {
        Self {
            links: PipeMap::new(),
            front: None,
        }
    }

    /// Puts a pipe at the back. A pipe that is a member keeps its place: `false`.
    pub fn push_back(&mut self, pipe: PipeId) -> bool {
        if self.contains(pipe) {
            return false;
        }
        let front = *self.front.get_or_insert(pipe);
        let back = self.links.get(front).map_or(pipe, |link| link.before);
        let link = Link {
            before: back,
            after: front,
        };
        self.links.insert(pipe, link);
        self.join(back, pipe);
        self.join(pipe, front);
        true
    }

    /// Takes a pipe out. `false` if it was not a member.
    pub fn remove(&mut self, pipe: PipeId) -> bool {
        let Some(Link { before, after }) = self.links.remove(pipe) else {
            return false;
        };
        if before == pipe {
            self.front = None;
            return true;
        }
        self.join(before, after);
        if self.front == Some(pipe) {
            self.front = Some(after);
        }
        true
    }

    /// Makes the front pipe the last one.
    #[inline]
    pub fn rotate(&mut self) {
        if let Some(link) = self.front.and_then(|front| self.links.get(front)) {
            self.front = Some(link.after);
        }
    }

    /// The pipe whose turn it is.
    #[inline]
    pub fn front(&self) -> Option<PipeId> {
        self.front
    }

    /// True if the pipe is a member.
    #[inline]
    pub fn contains(&self, pipe: PipeId) -> bool {
        self.links.contains(pipe)
    }

    /// True if there are no members.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.front.is_none()
    }

    /// The members, from the front on.
    pub fn iter(&self) -> impl Iterator<Item = PipeId> {
        std::iter::successors(self.front, |pipe| {
            let after = self.links.get(*pipe)?.after;
            (Some(after) != self.front).then_some(after)
        })
    }

    fn join(&mut self, before: PipeId, after: PipeId) {
        if let Some(link) = self.links.get_mut(before) {
            link.after = after;
        }
        if let Some(link) = self.links.get_mut(after) {
            link.before = before;
        }
    }
}
