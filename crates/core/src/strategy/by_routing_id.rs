//! Addressing by routing id: every peer has a name, unique in its socket.
//!
//! A peer's name is what it announced; else one is made: five bytes, a zero and a counter (RFC 37
//! reserves a leading zero for this). Names from outside that begin with a zero are accepted as
//! long as they are not in use, and made names avoid them.
//!
//! Invariant: `pipes` and `names` are inverse to each other, but for pipes that are
//! [retired](ByRoutingId::retire): these have names, which lead elsewhere or nowhere.

use std::collections::HashMap;

use super::PipeMap;
use crate::{Part, PipeId, Refusal};

/// The two-way map between routing ids and pipes; by default, made names count from 0 on.
#[derive(Clone, Debug, Default)]
pub struct ByRoutingId {
    pipes: HashMap<Part, PipeId>,
    names: PipeMap<Part>,
    next: u32,
}

impl ByRoutingId {
    /// An empty map whose made names count from `first` on, wrapping around.
    pub fn new(first: u32) -> Self {
        Self {
            pipes: HashMap::new(),
            names: PipeMap::new(),
            next: first,
        }
    }

    /// Names a pipe; a name that it had before is free again.
    ///
    /// # Errors
    ///
    /// - [`Refusal::DuplicateRoutingId`]: another pipe has this name. Nothing changes.
    pub fn assign(&mut self, pipe: PipeId, name: Part) -> Result<(), Refusal> {
        if self.pipes.get(&name).is_some_and(|owner| *owner != pipe) {
            return Err(Refusal::DuplicateRoutingId);
        }
        self.remove(pipe);
        self.pipes.insert(name.clone(), pipe);
        self.names.insert(pipe, name);
        Ok(())
    }

    /// Gives a pipe a made name and returns it; a name that it had before is free again.
    pub fn assign_made(&mut self, pipe: PipeId) -> Part {
        self.remove(pipe);
        let name = self.make();
        self.pipes.insert(name.clone(), pipe);
        self.names.insert(pipe, name.clone());
        name
    }

    /// Frees the name of a pipe, by which it is known still for what it has brought.
    pub fn retire(&mut self, pipe: PipeId) {
        if let Some(name) = self.names.get(pipe)
            && self.pipes.get(name) == Some(&pipe)
        {
            self.pipes.remove(name);
        }
    }

    /// Forgets a pipe and returns its name; `None` if it had none.
    pub fn remove(&mut self, pipe: PipeId) -> Option<Part> {
        self.retire(pipe);
        self.names.remove(pipe)
    }

    /// The pipe that has this name.
    #[inline]
    pub fn pipe(&self, name: &[u8]) -> Option<PipeId> {
        self.pipes.get(name).copied()
    }

    /// The name of a pipe.
    #[inline]
    pub fn name(&self, pipe: PipeId) -> Option<&Part> {
        self.names.get(pipe)
    }

    /// All pipes that have a name, retired ones included.
    pub fn pipes(&self) -> impl Iterator<Item = PipeId> {
        self.names.iter().map(|(pipe, _)| pipe)
    }

    /// A name that nobody has.
    fn make(&mut self) -> Part {
        loop {
            let [a, b, c, d] = self.next.to_be_bytes();
            self.next = self.next.wrapping_add(1);
            let name = [0, a, b, c, d];
            if !self.pipes.contains_key(name.as_slice()) {
                return Part::from(name);
            }
        }
    }
}
