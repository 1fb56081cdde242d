//! The pipes that subscribed to one topic: mostly one, sometimes very many.

use std::collections::HashMap;

use ferromq_core::PipeId;

use crate::trie::Value;

/// From how many pipes on they are found through a table rather than one by one.
const CROWDED: usize = 16;

/// A pipe, and where in its own list this topic stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Holder {
    pub(crate) pipe: PipeId,
    pub(crate) place: u32,
}

/// A set of pipes in 16 bytes, the first of them inside.
#[derive(Debug, Default)]
pub(crate) enum Holders {
    #[default]
    None,
    One(Holder),
    Many(Box<Crowd>),
}

#[derive(Debug)]
pub(crate) struct Crowd {
    list: Vec<Holder>,
    /// Where in `list` a pipe is; empty while the list is short.
    places: HashMap<PipeId, usize>,
}

impl Holders {
    /// Adds a pipe; `false` if it is there already.
    pub(crate) fn insert(&mut self, holder: Holder) -> bool {
        match self {
            Self::None => *self = Self::One(holder),
            Self::One(one) if one.pipe == holder.pipe => return false,
            Self::One(one) => *self = Self::Many(Box::new(Crowd::new([*one, holder]))),
            Self::Many(crowd) => return crowd.insert(holder),
        }
        true
    }

    /// Removes a pipe and returns its place; `None` if it is not there.
    pub(crate) fn remove(&mut self, pipe: PipeId) -> Option<u32> {
        match self {
            Self::One(one) if one.pipe == pipe => {
                let place = one.place;
                *self = Self::None;
                Some(place)
            }
            Self::None | Self::One(_) => None,
            Self::Many(crowd) => {
                let removed = crowd.remove(pipe)?;
                if let [one] = crowd.list[..] {
                    *self = Self::One(one);
                }
                Some(removed.place)
            }
        }
    }

    /// Changes the place of a pipe that is there.
    pub(crate) fn relocate(&mut self, pipe: PipeId, place: u32) {
        match self {
            Self::One(one) if one.pipe == pipe => one.place = place,
            Self::None | Self::One(_) => {}
            Self::Many(crowd) => {
                let at = crowd.find(pipe);
                if let Some(holder) = at.and_then(|at| crowd.list.get_mut(at)) {
                    holder.place = place;
                }
            }
        }
    }

    pub(crate) fn contains(&self, pipe: PipeId) -> bool {
        match self {
            Self::None => false,
            Self::One(one) => one.pipe == pipe,
            Self::Many(crowd) => crowd.find(pipe).is_some(),
        }
    }

    #[inline]
    pub(crate) fn as_slice(&self) -> &[Holder] {
        match self {
            Self::None => &[],
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(crowd) => &crowd.list,
        }
    }

    pub(crate) fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }
}

impl Value for Holders {
    #[inline]
    fn is_empty(&self) -> bool {
        self.is_none()
    }
}

impl Crowd {
    fn new(first: [Holder; 2]) -> Self {
        Self {
            list: first.to_vec(),
            places: HashMap::new(),
        }
    }

    fn insert(&mut self, holder: Holder) -> bool {
        if self.find(holder.pipe).is_some() {
            return false;
        }
        self.list.push(holder);
        if !self.places.is_empty() {
            self.places.insert(holder.pipe, self.list.len() - 1);
        } else if self.list.len() >= CROWDED {
            self.places = self.list.iter().map(|held| held.pipe).zip(0..).collect();
        }
        true
    }

    fn remove(&mut self, pipe: PipeId) -> Option<Holder> {
        let at = self.find(pipe)?;
        let removed = self.list.swap_remove(at);
        self.places.remove(&pipe);
        if self.list.len() < CROWDED / 2 {
            self.places = HashMap::new();
        } else if let Some(place) = self.list.get(at).and_then(|h| self.places.get_mut(&h.pipe)) {
            *place = at;
        }
        if self.list.len() * 4 <= self.list.capacity() {
            self.list.shrink_to(self.list.len() * 2);
            self.places.shrink_to(self.list.len() * 2);
        }
        Some(removed)
    }

    fn find(&self, pipe: PipeId) -> Option<usize> {
        if self.places.is_empty() {
            return self.list.iter().position(|held| held.pipe == pipe);
        }
        self.places.get(&pipe).copied()
    }
}
