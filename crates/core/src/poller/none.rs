//! The descriptors of a poller where there are none.

use std::marker::PhantomData;
use std::time::Instant;

use super::{PollError, PollEvent};
use crate::pattern::Readiness;
use crate::world::Bell;

/// None.
pub(super) struct Descriptors<'a, K>(PhantomData<(&'a (), K)>);

impl<K> Descriptors<'_, K> {
    pub(super) fn new() -> Self {
        Self(PhantomData)
    }

    pub(super) fn modify(&mut self, _key: &K, _wanted: Readiness) -> bool {
        false
    }

    pub(super) fn remove(&mut self, _key: &K) -> bool {
        false
    }

    pub(super) fn wait(
        &mut self,
        bell: &dyn Bell,
        until: Option<Instant>,
        _events: &mut Vec<PollEvent<K>>,
    ) -> Result<(), PollError> {
        bell.wait(&[], until);
        Ok(())
    }

    pub(super) fn contains(&self, _key: &K) -> bool {
        false
    }

    pub(super) fn are_wanted(&self) -> bool {
        false
    }
}
