//! The descriptors of a poller.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::Instant;

use super::{PollError, PollEvent};
use crate::pattern::Readiness;
use crate::world::{Bell, Descriptor, Interest};

/// Descriptors of the application's, by key.
pub(super) struct Descriptors<'a, K> {
    keys: Vec<K>,
    watched: Vec<Descriptor<'a>>,
}

impl<'a, K: Clone + PartialEq> Descriptors<'a, K> {
    pub(super) fn new() -> Self {
        Self {
            keys: Vec::new(),
            watched: Vec::new(),
        }
    }

    /// Adds one, after a first look: whether it can be polled at all.
    pub(super) fn add(
        &mut self,
        key: K,
        fd: BorrowedFd<'a>,
        wanted: Readiness,
        bell: &dyn Bell,
        now: Instant,
    ) -> Result<(), PollError> {
        let mut descriptor = Descriptor {
            fd,
            wanted: interest(wanted),
            found: Interest::default(),
        };
        let alone = std::slice::from_mut(&mut descriptor);
        bell.wait_for_descriptors(alone, Some(now))
            .map_err(refused)?;
        self.keys.push(key);
        self.watched.push(descriptor);
        Ok(())
    }

    /// False: there is none with this key.
    pub(super) fn modify(&mut self, key: &K, wanted: Readiness) -> bool {
        let at = self.position(key);
        let watched = at.and_then(|at| self.watched.get_mut(at));
        watched.map(|it| it.wanted = interest(wanted)).is_some()
    }

    /// False: there was none with this key.
    pub(super) fn remove(&mut self, key: &K) -> bool {
        let Some(at) = self.position(key) else {
            return false;
        };
        self.keys.remove(at);
        self.watched.remove(at);
        true
    }

    /// Waits as the bell does, and tells which are ready.
    pub(super) fn wait(
        &mut self,
        bell: &dyn Bell,
        until: Option<Instant>,
        events: &mut Vec<PollEvent<K>>,
    ) -> Result<(), PollError> {
        bell.wait_for_descriptors(&mut self.watched, until)
            .map_err(refused)?;
        let ready = self.keys.iter().zip(&self.watched);
        events.extend(ready.filter_map(|(key, it)| PollEvent::ready(key, readiness(it.found))));
        Ok(())
    }

    pub(super) fn contains(&self, key: &K) -> bool {
        self.position(key).is_some()
    }

    /// True if one of them is to be waited for.
    pub(super) fn are_wanted(&self) -> bool {
        let wanted = |it: &Descriptor<'_>| it.wanted != Interest::default();
        self.watched.iter().any(wanted)
    }

    fn position(&self, key: &K) -> Option<usize> {
        self.keys.iter().position(|other| other == key)
    }
}

fn interest(wanted: Readiness) -> Interest {
    Interest {
        read: wanted.receive,
        write: wanted.send,
    }
}

fn readiness(found: Interest) -> Readiness {
    Readiness {
        send: found.write,
        receive: found.read,
    }
}

fn refused(error: io::Error) -> PollError {
    PollError::Descriptor(error.kind())
}
