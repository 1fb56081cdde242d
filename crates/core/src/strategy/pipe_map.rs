//! A table from pipes to values, indexed by the pipe's slot.
//!
//! Invariant: an entry belongs to one generation of its slot; an id of another generation does not
//! find it, so late hints about a pipe that is gone do no harm.

use crate::PipeId;

/// A map from [`PipeId`]s to values: every operation is one array access.
#[derive(Clone, Debug)]
pub struct PipeMap<T> {
    slots: Vec<Option<(PipeId, T)>>,
}

impl<T> PipeMap<T> {
    /// An empty map.
    pub const fn new() -> Self {
        Self { slots: Vec::new() }
    }

    /// Sets the value of a pipe. What was in its slot before is dropped, whatever its generation.
    pub fn insert(&mut self, pipe: PipeId, value: T) {
        *self.slot(pipe) = Some((pipe, value));
    }

    /// Removes a pipe and returns its value; `None` if it had none.
    pub fn remove(&mut self, pipe: PipeId) -> Option<T> {
        let slot = self.slots.get_mut(pipe.index())?;
        let (_, value) = slot.take_if(|(owner, _)| *owner == pipe)?;
        Some(value)
    }

    /// The value of a pipe, to be changed.
    #[inline]
    pub fn get_mut(&mut self, pipe: PipeId) -> Option<&mut T> {
        match self.slots.get_mut(pipe.index()) {
            Some(Some((owner, value))) if *owner == pipe => Some(value),
            _ => None,
        }
    }

    /// The value of a pipe, to be changed; the default value is inserted if it had none.
    pub fn entry(&mut self, pipe: PipeId) -> &mut T
    where
        T: Default,
    {
        let slot = self.slot(pipe);
        let entry = match slot.take() {
            Some((owner, value)) if owner == pipe => (owner, value),
            _ => (pipe, T::default()),
        };
        &mut slot.insert(entry).1
    }

    /// The value of a pipe.
    #[inline]
    pub fn get(&self, pipe: PipeId) -> Option<&T> {
        match self.slots.get(pipe.index()) {
            Some(Some((owner, value))) if *owner == pipe => Some(value),
            _ => None,
        }
    }

    /// Removes all pipes.
    pub fn clear(&mut self) {
        self.slots.clear();
    }

    /// True if the pipe has a value.
    pub fn contains(&self, pipe: PipeId) -> bool {
        self.get(pipe).is_some()
    }

    /// All pipes with their values, in the order of their slots.
    pub fn iter(&self) -> impl Iterator<Item = (PipeId, &T)> {
        self.slots
            .iter()
            .filter_map(|slot| slot.as_ref().map(|(pipe, value)| (*pipe, value)))
    }

    /// The same, to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (PipeId, &mut T)> {
        let held = self.slots.iter_mut().flatten();
        held.map(|(pipe, value)| (*pipe, value))
    }

    #[expect(
        clippy::indexing_slicing,
        reason = "what was too short was made longer"
    )]
    fn slot(&mut self, pipe: PipeId) -> &mut Option<(PipeId, T)> {
        if self.slots.len() <= pipe.index() {
            self.slots.resize_with(pipe.index() + 1, || None);
        }
        &mut self.slots[pipe.index()]
    }
}

impl<T> Default for PipeMap<T> {
    fn default() -> Self {
        Self::new()
    }
}
