//! Storage for many small values of one type, addressed by 32-bit ids that stay valid.
//!
//! Values live in chunks, so that growing never moves what is there (no pause under the socket's
//! lock) and a chunk whose values are all gone gives its memory back.
//!
//! Invariant: a chunk is in `open` exactly if it has a free place. An id is used from the insertion
//! of its value until that is removed, so chunk and place are there, as of a slice's index.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unreachable,
    reason = "an id names a value that is stored; a stale one is a bug of the tree above"
)]

use std::num::NonZeroU32;

const CHUNK: usize = 1024;

/// The id of a value in an [`Arena`]: its place, counted from one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Id(NonZeroU32);

impl Id {
    /// As four bytes, for tight places.
    #[inline]
    pub(crate) fn to_bytes(self) -> [u8; 4] {
        self.0.get().to_ne_bytes()
    }

    /// From [`to_bytes`](Self::to_bytes).
    #[inline]
    pub(crate) fn from_bytes(bytes: [u8; 4]) -> Option<Self> {
        NonZeroU32::new(u32::from_ne_bytes(bytes)).map(Self)
    }

    fn new(chunk: usize, place: usize) -> Self {
        let id = u32::try_from(chunk * CHUNK + place + 1).ok();
        Self(
            id.and_then(NonZeroU32::new)
                .expect("2^32 values are beyond all limits"),
        )
    }

    /// The chunk and the place within.
    #[inline]
    fn split(self) -> (usize, usize) {
        let id = self.0.get() as usize - 1;
        (id / CHUNK, id % CHUNK)
    }
}

/// How far a walk over an arena has come.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Walk {
    next: usize,
}

/// A growing and shrinking store of values.
#[derive(Debug)]
pub(crate) struct Arena<T> {
    chunks: Vec<Chunk<T>>,
    open: Vec<usize>,
}

impl<T> Arena<T> {
    pub(crate) const fn new() -> Self {
        Self {
            chunks: Vec::new(),
            open: Vec::new(),
        }
    }

    /// Stores a value under a new id.
    pub(crate) fn insert(&mut self, value: T) -> Id {
        let index = self
            .open
            .last()
            .copied()
            .unwrap_or_else(|| self.add_chunk());
        let chunk = &mut self.chunks[index];
        if index > 0 && chunk.used == 0 {
            // Only the first chunk grows step by step; small steps of many leave holes.
            chunk.slots.reserve_exact(CHUNK);
        }
        let place = chunk.insert(value);
        if chunk.is_full() {
            self.open.pop();
        }
        Id::new(index, place)
    }

    /// Takes a value out; its id may be used again.
    pub(crate) fn remove(&mut self, id: Id) -> T {
        let (index, place) = id.split();
        let chunk = &mut self.chunks[index];
        if chunk.is_full() {
            self.open.push(index);
        }
        chunk.remove(place)
    }

    /// The next place that a walk over all places looks at, and moves on: the value there with its
    /// id, or nothing. `None`: there are no more places.
    ///
    /// What is stored all the time while a walk lasts is found exactly once, whatever else comes
    /// and goes meanwhile.
    pub(crate) fn look(&self, walk: &mut Walk) -> Option<Option<(Id, &T)>> {
        loop {
            let (index, place) = (walk.next / CHUNK, walk.next % CHUNK);
            match self.chunks.get(index)?.slots.get(place) {
                None => walk.next = (index + 1) * CHUNK,
                Some(slot) => {
                    walk.next += 1;
                    return Some(match slot {
                        Slot::Used(value) => Some((Id::new(index, place), value)),
                        Slot::Free { .. } => None,
                    });
                }
            }
        }
    }

    /// All values with their ids, in no particular order.
    #[cfg(test)]
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Id, &T)> {
        let mut walk = Walk::default();
        std::iter::from_fn(move || self.look(&mut walk)).flatten()
    }

    /// How many values the allocated memory would hold.
    #[cfg(test)]
    pub(crate) fn capacity(&self) -> usize {
        self.chunks.iter().map(|chunk| chunk.slots.capacity()).sum()
    }

    fn add_chunk(&mut self) -> usize {
        let index = self.chunks.len();
        self.chunks.push(Chunk::new());
        self.open.push(index);
        index
    }
}

impl<T> std::ops::Index<Id> for Arena<T> {
    type Output = T;

    #[inline]
    fn index(&self, id: Id) -> &T {
        let (index, place) = id.split();
        match &self.chunks[index].slots[place] {
            Slot::Used(value) => value,
            Slot::Free { .. } => unreachable!("an id is used only while its value is stored"),
        }
    }
}

impl<T> std::ops::IndexMut<Id> for Arena<T> {
    #[inline]
    fn index_mut(&mut self, id: Id) -> &mut T {
        let (index, place) = id.split();
        match &mut self.chunks[index].slots[place] {
            Slot::Used(value) => value,
            Slot::Free { .. } => unreachable!("an id is used only while its value is stored"),
        }
    }
}

#[derive(Debug)]
struct Chunk<T> {
    slots: Vec<Slot<T>>,
    /// The first free place among `slots`.
    free: Option<u16>,
    used: usize,
}

#[derive(Debug)]
pub(crate) enum Slot<T> {
    Used(T),
    Free { next: Option<u16> },
}

impl<T> Chunk<T> {
    const fn new() -> Self {
        Self {
            slots: Vec::new(),
            free: None,
            used: 0,
        }
    }

    fn is_full(&self) -> bool {
        self.used == CHUNK
    }

    fn insert(&mut self, value: T) -> usize {
        self.used += 1;
        let Some(place) = self.free else {
            self.slots.push(Slot::Used(value));
            return self.slots.len() - 1;
        };
        let slot = &mut self.slots[usize::from(place)];
        if let Slot::Free { next } = std::mem::replace(slot, Slot::Used(value)) {
            self.free = next;
        }
        usize::from(place)
    }

    fn remove(&mut self, place: usize) -> T {
        let next = self.free;
        let Slot::Used(value) = std::mem::replace(&mut self.slots[place], Slot::Free { next })
        else {
            unreachable!("a value is removed once");
        };
        self.free = Some(u16::try_from(place).expect("a chunk has fewer than 2^16 places"));
        self.used -= 1;
        if self.used == 0 {
            *self = Self::new();
        }
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arena_after_removal_reuses_places_and_keeps_other_ids() {
        let mut arena = Arena::new();
        let ids: Vec<_> = (0..3000).map(|n| arena.insert(n)).collect();
        for id in ids.iter().step_by(3) {
            arena.remove(*id);
        }
        let capacity = arena.capacity();
        for n in 0..1000 {
            arena.insert(10_000 + n);
        }
        assert_eq!(arena.capacity(), capacity);
        assert_eq!(arena[ids[1]], 1);
        assert_eq!(arena[ids[2999]], 2999);
        assert_eq!(arena.iter().count(), 3000);
    }

    #[test]
    fn arena_iterated_names_every_value_by_its_id() {
        let mut arena = Arena::new();
        let ids: Vec<_> = (0..2500).map(|n| arena.insert(n)).collect();
        assert!(arena.iter().all(|(id, value)| ids[*value] == id));
    }

    #[test]
    fn arena_emptied_gives_its_memory_back() {
        let mut arena = Arena::new();
        let ids: Vec<_> = (0..5000).map(|n| arena.insert(n)).collect();
        for id in ids {
            arena.remove(id);
        }
        assert_eq!(arena.capacity(), 0);
        assert_eq!(arena.iter().count(), 0);
    }
}
