//! A worker's reactor in the simulated world.
//!
//! `wait` never sleeps: it hands out what is ready at once and writes down how long the worker
//! would have waited; the scheduler calls the worker again when that is over or something has
//! become ready.

use std::fmt;
use std::io;
use std::sync::{Arc, Weak};
use std::time::Duration;

use ferromq_core::world::{Interest, Reactor, Ready, Source};

use super::fault::Call;
use super::scheduler::Shared;
use super::state::{Running, State};
use super::trace::Event;

/// A handle to one of the world's reactors. It does not keep the world, which may have look-ups to
/// answer that keep it.
pub(super) struct SimReactor {
    shared: Weak<Shared>,
    id: usize,
}

impl SimReactor {
    pub(super) fn new(shared: &Arc<Shared>) -> Self {
        let id = shared.lock().new_reactor();
        let shared = Arc::downgrade(shared);
        Self { shared, id }
    }

    /// The world in which a worker has its turn.
    fn world(&self) -> Arc<Shared> {
        self.shared
            .upgrade()
            .expect("workers have turns in a world")
    }
}

impl Reactor for SimReactor {
    fn add(&self, source: Source<'_>, token: u64) -> io::Result<()> {
        let world = self.world();
        let mut state = world.lock();
        state.hit(Call::Watch)?;
        let sources = &mut state.reactors[self.id].sources;
        let before = sources.insert(number(source), (token, Interest::default()));
        match before {
            Some(_) => Err(io::ErrorKind::AlreadyExists.into()),
            None => Ok(()),
        }
    }

    fn arm(&self, source: Source<'_>, token: u64, interest: Interest) -> io::Result<()> {
        let world = self.world();
        let mut state = world.lock();
        state.hit(Call::Arm)?;
        let sources = &mut state.reactors[self.id].sources;
        let known = sources
            .get_mut(&number(source))
            .ok_or(io::ErrorKind::NotFound)?;
        *known = (token, interest);
        Ok(())
    }

    fn wait(&self, ready: &mut Vec<Ready>, timeout: Option<Duration>) -> io::Result<()> {
        self.world().lock().wait(self.id, ready, timeout);
        Ok(())
    }

    fn notify(&self) {
        if let Some(world) = self.shared.upgrade() {
            let mut state = world.lock();
            state.reactors[self.id].notified = true;
            state.record(Event::Notified { reactor: self.id });
        }
    }
}

impl fmt::Debug for SimReactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "simulated reactor {}", self.id)
    }
}

impl State {
    fn new_reactor(&mut self) -> usize {
        self.reactors.push(Default::default());
        self.reactors.len() - 1
    }

    fn wait(&mut self, id: usize, ready: &mut Vec<Ready>, timeout: Option<Duration>) {
        let mut news = self.take_ready(id);
        let notified = std::mem::take(&mut self.reactors[id].notified);
        if !news.is_empty() {
            self.record(Event::Reported {
                reactor: id,
                events: news.len(),
            });
        }
        if let Running::Worker(worker) = self.running {
            let until = timeout.map(|timeout| self.clock.saturating_add(timeout));
            let slot = &mut self.workers[worker];
            slot.reactor = Some(id);
            slot.parked = news.is_empty() && !notified;
            slot.until = until;
        }
        self.dice.shuffle(&mut news);
        ready.append(&mut news);
    }

    /// Takes what is ready, silencing each source.
    fn take_ready(&mut self, id: usize) -> Vec<Ready> {
        let mut sources = std::mem::take(&mut self.reactors[id].sources);
        let mut news = Vec::new();
        for (source, (token, interest)) in &mut sources {
            if let Some(ready) = self.ready(*source, *token, *interest) {
                *interest = Interest::default();
                news.push(ready);
            }
        }
        self.reactors[id].sources = sources;
        news
    }

    /// True if a wait on this reactor would return at once.
    pub(super) fn has_news(&self, id: usize) -> bool {
        let armed = &self.reactors[id];
        let mut sources = armed.sources.iter();
        armed.notified
            || sources.any(|(source, (token, want))| self.ready(*source, *token, *want).is_some())
    }

    fn ready(&self, source: u64, token: u64, interest: Interest) -> Option<Ready> {
        if !interest.read && !interest.write {
            return None;
        }
        let now = self.readiness(source);
        let readable = now.failed || interest.read && now.readable;
        let writable = now.failed || interest.write && now.writable;
        (readable || writable).then_some(Ready {
            token,
            readable,
            writable,
        })
    }
}

/// The number of a simulated source.
///
/// # Panics
/// If the source is one of the operating system's.
pub(super) fn number(source: Source<'_>) -> u64 {
    match source {
        Source::Simulated(number, _) => number,
        other => panic!("{other:?} is no part of the simulated world"),
    }
}
