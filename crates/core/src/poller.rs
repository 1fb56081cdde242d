//! Waiting for sockets, descriptors and timers, again and again.
//!
//! As in [`poll`](crate::poll), a wait enters every socket's list of watchers, then looks, then
//! sleeps by its bell: whatever may change what a look finds rings. With descriptors it sleeps in a
//! poll over these and the bell. The connections of watched sockets are armed, so the I/O threads
//! read them, and whoever waits here needs no processor.

#[cfg_attr(not(unix), path = "poller/none.rs")]
mod descriptors;

use std::fmt;
#[cfg(unix)]
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use self::descriptors::Descriptors;
use crate::context::Context;
use crate::pattern::{Pattern, Readiness};
use crate::poll::Pollable;
use crate::socket::{Socket, flush_left};
use crate::timers::{TimerId, Timers};
use crate::wait::Waiter;
use crate::world::{Bell, World};

/// Waits for any of several sockets, descriptors and timers, each named by a key of the
/// application's: an enum, a number, an index.
///
/// Level-triggered: what is ready is told at every [`wait`](Self::wait) until it is used, so
/// nothing has to be used up at once. A timer is told once each time it goes off ([`Timers`] says
/// when that is). A wait costs time in proportion to what is watched, and nothing while it sleeps.
///
/// *Compatibility*: libzmq's `zmq_poller` is a draft; a thread may change its sockets' owner there,
/// while sockets here have none.
#[doc(alias = "zmq_poller_new")]
pub struct Poller<'a, K> {
    world: Arc<dyn World>,
    sockets: Vec<Watched<'a, K>>,
    descriptors: Descriptors<'a, K>,
    timers: Timers<K>,
    timer_ids: Vec<(K, TimerId)>,
}

impl<'a, K: Clone + PartialEq> Poller<'a, K> {
    /// A poller of nothing yet, with the clock of this context.
    pub fn new(context: &Context) -> Self {
        Self {
            world: Arc::clone(context.inner().world()),
            sockets: Vec::new(),
            descriptors: Descriptors::new(),
            timers: Timers::new(),
            timer_ids: Vec::new(),
        }
    }

    /// Watches a socket, under a key that nothing else here has. (One that is closed is ready for
    /// both: either fails at once.)
    ///
    /// *Errors*: [`PollError::DuplicateKey`].
    #[doc(alias = "zmq_poller_add")]
    pub fn add<P: Pattern>(
        &mut self,
        key: K,
        socket: &'a Socket<P>,
        wanted: Readiness,
    ) -> Result<(), PollError> {
        self.check_free(&key)?;
        self.sockets.push(Watched {
            key,
            socket: &**socket.shared(),
            wanted,
        });
        Ok(())
    }

    /// Watches a descriptor: *receive* is that it is readable, *send* that it is writable; one that
    /// has failed, or whose other side has hung up, is both.
    ///
    /// *Errors*: [`PollError::DuplicateKey`]; [`PollError::Descriptor`] on systems other than
    /// Linux.
    #[cfg(unix)]
    #[doc(alias = "zmq_poller_add_fd")]
    pub fn add_descriptor(
        &mut self,
        key: K,
        descriptor: &'a impl AsFd,
        wanted: Readiness,
    ) -> Result<(), PollError> {
        self.check_free(&key)?;
        let bell = self.world.bell();
        let now = self.world.now();
        self.descriptors
            .add(key, descriptor.as_fd(), wanted, &*bell, now)
    }

    /// Adds a timer that goes off when `interval` is over, again and again.
    ///
    /// *Errors*: [`PollError::DuplicateKey`].
    pub fn add_timer(&mut self, key: K, interval: Duration) -> Result<(), PollError> {
        self.check_free(&key)?;
        let now = self.world.now();
        let id = self.timers.add(key.clone(), interval, now);
        self.timer_ids.push((key, id));
        Ok(())
    }

    /// Watches a socket or descriptor for something else; for [neither](Readiness::NEITHER), it
    /// stays, and is left out.
    ///
    /// *Errors*: [`PollError::UnknownKey`].
    #[doc(alias = "zmq_poller_modify")]
    pub fn modify(&mut self, key: &K, wanted: Readiness) -> Result<(), PollError> {
        let mut sockets = self.sockets.iter_mut();
        if let Some(watched) = sockets.find(|watched| watched.key == *key) {
            watched.wanted = wanted;
            return Ok(());
        }
        known(self.descriptors.modify(key, wanted))
    }

    /// Gives a timer another interval, which begins now.
    ///
    /// *Errors*: [`PollError::UnknownKey`].
    pub fn set_interval(&mut self, key: &K, interval: Duration) -> Result<(), PollError> {
        let id = self.timer(key)?;
        known(self.timers.set_interval(id, interval, self.world.now()))
    }

    /// Begins a timer's interval anew.
    ///
    /// *Errors*: [`PollError::UnknownKey`].
    pub fn restart(&mut self, key: &K) -> Result<(), PollError> {
        let id = self.timer(key)?;
        known(self.timers.restart(id, self.world.now()))
    }

    /// Forgets a socket, a descriptor or a timer.
    ///
    /// *Errors*: [`PollError::UnknownKey`].
    #[doc(alias = "zmq_poller_remove")]
    pub fn remove(&mut self, key: &K) -> Result<(), PollError> {
        if let Ok(id) = self.timer(key) {
            self.timer_ids.retain(|(_, other)| *other != id);
            self.timers.cancel(id);
            return Ok(());
        }
        if let Some(at) = self.sockets.iter().position(|it| it.key == *key) {
            self.sockets.remove(at);
            return Ok(());
        }
        known(self.descriptors.remove(key))
    }

    /// How long it is until the next timer goes off; `None`: there is none.
    pub fn next_timer(&self) -> Option<Duration> {
        let next = self.timers.next()?;
        Some(next.saturating_duration_since(self.world.now()))
    }

    /// Waits until something is ready or a timer goes off, at most for `timeout` (`None`: without
    /// limit). What is ready: sockets, timers and descriptors, each kind in the order of adding
    /// (timers as they were due); empty if there was nothing in time.
    ///
    /// *Errors*:
    /// - [`PollError::Nothing`]: nothing is watched and there is no limit, so this would not end;
    /// - [`PollError::Descriptor`]: the system cannot wait for so many descriptors.
    #[doc(alias = "zmq_poller_wait_all")]
    pub fn wait(&mut self, timeout: Option<Duration>) -> Result<Vec<PollEvent<K>>, PollError> {
        let deadline = timeout.and_then(|timeout| self.world.now().checked_add(timeout));
        if deadline.is_none() && !self.has_anything() {
            return Err(PollError::Nothing);
        }
        let bell = self.world.bell();
        let waiter = Arc::new(Waiter::Thread(Arc::clone(&bell)));
        let events = self.wait_watching(&waiter, &*bell, deadline);
        self.watched()
            .for_each(|watched| watched.socket.unwatch(&waiter));
        events
    }

    fn wait_watching(
        &mut self,
        waiter: &Arc<Waiter>,
        bell: &dyn Bell,
        deadline: Option<Instant>,
    ) -> Result<Vec<PollEvent<K>>, PollError> {
        let mut events = Vec::new();
        loop {
            self.watched()
                .for_each(|watched| watched.socket.watch(waiter));
            events.extend(self.watched().filter_map(Watched::look));
            let now = self.world.now();
            self.timers
                .expire(now, |_, key| events.push(PollEvent::due(key)));
            let over = !events.is_empty() || deadline.is_some_and(|at| now >= at);
            let until = match over {
                true => Some(now),
                false => deadline.into_iter().chain(self.timers.next()).min(),
            };
            if !over {
                flush_left();
            }
            if self.descriptors.are_wanted() {
                self.descriptors.wait(bell, until, &mut events)?;
            } else if !over {
                bell.wait(&[], until);
            }
            if over || !events.is_empty() {
                return Ok(events);
            }
        }
    }

    fn watched(&self) -> impl Iterator<Item = &Watched<'a, K>> {
        let wanted = |it: &&Watched<'a, K>| it.wanted != Readiness::NEITHER;
        self.sockets.iter().filter(wanted)
    }

    fn has_anything(&self) -> bool {
        let timer = self.timers.next().is_some();
        timer || self.watched().next().is_some() || self.descriptors.are_wanted()
    }

    fn timer(&self, key: &K) -> Result<TimerId, PollError> {
        let mut ids = self.timer_ids.iter();
        let found = ids.find(|(other, _)| other == key);
        found.map(|(_, id)| *id).ok_or(PollError::UnknownKey)
    }

    fn check_free(&self, key: &K) -> Result<(), PollError> {
        let used = self.sockets.iter().any(|watched| watched.key == *key)
            || self.timer(key).is_ok()
            || self.descriptors.contains(key);
        match used {
            true => Err(PollError::DuplicateKey),
            false => Ok(()),
        }
    }
}

impl<K> fmt::Debug for Poller<'_, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Poller")
            .field("sockets", &self.sockets.len())
            .field("timers", &self.timers.len())
            .finish_non_exhaustive()
    }
}

/// What a [`Poller`] found under a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PollEvent<K> {
    key: K,
    readiness: Readiness,
    due: bool,
}

impl<K> PollEvent<K> {
    /// The key under which it was added.
    pub fn key(&self) -> &K {
        &self.key
    }

    /// True if `recv` would not wait, or the descriptor is readable.
    pub fn is_receivable(&self) -> bool {
        self.readiness.receive
    }

    /// True if `send` would not wait, or the descriptor is writable.
    pub fn is_sendable(&self) -> bool {
        self.readiness.send
    }

    /// True if it is a timer that went off.
    pub fn is_due(&self) -> bool {
        self.due
    }

    /// `None` if it is ready for neither.
    fn ready(key: &K, readiness: Readiness) -> Option<Self>
    where
        K: Clone,
    {
        (readiness != Readiness::NEITHER).then(|| Self {
            key: key.clone(),
            readiness,
            due: false,
        })
    }

    fn due(key: &K) -> Self
    where
        K: Clone,
    {
        Self {
            key: key.clone(),
            readiness: Readiness::NEITHER,
            due: true,
        }
    }
}

/// A [`Poller`] was asked for what it cannot do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PollError {
    /// The system does not wait for this descriptor, or for so many.
    #[error("failed to poll: descriptors cannot be waited for: {0}")]
    Descriptor(std::io::ErrorKind),
    /// Something else here has this key.
    #[error("failed to poll: the key is in use")]
    DuplicateKey,
    /// There is nothing to wait for, and no time limit.
    #[error("failed to poll: nothing to wait for, and no time limit")]
    Nothing,
    /// Nothing here that this could be done to has this key.
    #[error("failed to poll: nothing has this key")]
    UnknownKey,
}

/// A socket that is watched.
struct Watched<'a, K> {
    key: K,
    socket: &'a dyn Pollable,
    wanted: Readiness,
}

impl<K: Clone> Watched<'_, K> {
    fn look(&self) -> Option<PollEvent<K>> {
        PollEvent::ready(&self.key, self.socket.look().of(self.wanted))
    }
}

fn known(found: bool) -> Result<(), PollError> {
    found.then_some(()).ok_or(PollError::UnknownKey)
}
