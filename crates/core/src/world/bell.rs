//! The bell of one thread: how it sleeps until somebody rings or a stream is readable.
//!
//! Without streams it parks on a condition variable, with streams it polls them and a descriptor of
//! its own (where the kernel's module can do that), which is made when it is needed first. The
//! argument why no ring is lost is that of
//! [`Doorbell`]; what this file adds is the kernel's part:
//!
//! - parked: the owner looks at the state under the lock and gives the lock up only by waiting; the
//!   ringer changes the state first, then takes the lock once, then notifies. So it notifies either
//!   before the owner has looked (which sees RUNG) or when it waits;
//! - polling: the descriptor is there before POLLING is published, and stays readable until
//!   drained.
//!
//! The standard library's `park` will not do: its token belongs to the application, too, and
//! waiting here would take an `unpark` away that is meant for the application's own executor.

#![expect(
    clippy::disallowed_methods,
    reason = "a bell is a part of the world: it turns deadlines into the time left"
)]

use std::io;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

#[cfg(unix)]
use super::Descriptor;
use super::doorbell::{Doorbell, Sleep};
#[cfg(unix)]
use super::kernel::poll_descriptors;
use super::kernel::{Waker, poll_streams};
use super::{Bell, Stream};

/// How long to sleep at a time when nobody can wake a poll.
const UNWAKEABLE: Duration = Duration::from_millis(1);

/// One thread's bell.
#[derive(Debug)]
pub(super) struct SystemBell {
    doorbell: Doorbell,
    lock: Mutex<()>,
    unparked: Condvar,
    /// Not there as long as it has not been needed, or no descriptor could be had.
    waker: OnceLock<Waker>,
    make_waker: fn() -> io::Result<Waker>,
}

impl SystemBell {
    pub(super) fn new() -> Self {
        Self::with(Waker::new)
    }

    pub(super) fn with(make_waker: fn() -> io::Result<Waker>) -> Self {
        Self {
            doorbell: Doorbell::new(),
            lock: Mutex::new(()),
            unparked: Condvar::new(),
            waker: OnceLock::new(),
            make_waker,
        }
    }

    fn park(&self, deadline: Option<Instant>) {
        if !self.doorbell.fall_asleep(Sleep::Parked) {
            return;
        }
        let mut guard = self.lock.lock();
        while !self.doorbell.is_rung() {
            match deadline {
                None => self.unparked.wait(&mut guard),
                Some(deadline) => {
                    if self.unparked.wait_until(&mut guard, deadline).timed_out() {
                        break;
                    }
                }
            }
        }
        drop(guard);
        self.doorbell.wake_up();
    }

    fn poll(&self, streams: &[&dyn Stream], deadline: Option<Instant>) {
        let waker = self.waker();
        let deadline = match waker {
            Some(_) => deadline,
            None => Some(soon(deadline)),
        };
        if !self.doorbell.fall_asleep(Sleep::Polling) {
            return;
        }
        let timeout = deadline.map(|at| at.saturating_duration_since(Instant::now()));
        let polled = poll_streams(streams, waker, timeout);
        self.doorbell.wake_up();
        // Out of memory, or more streams than descriptors are allowed: neither fail nor spin.
        if polled.is_err() {
            self.park(Some(soon(deadline)));
        }
    }

    fn waker(&self) -> Option<&Waker> {
        self.waker.get().or_else(|| {
            let made = (self.make_waker)().ok()?;
            Some(self.waker.get_or_init(|| made))
        })
    }
}

impl Bell for SystemBell {
    fn ring(&self) {
        match self.doorbell.ring() {
            None => {}
            Some(Sleep::Parked) => {
                drop(self.lock.lock());
                self.unparked.notify_one();
            }
            Some(Sleep::Polling) => {
                if let Some(waker) = self.waker.get() {
                    waker.wake();
                }
            }
        }
    }

    fn wait(&self, streams: &[&dyn Stream], deadline: Option<Instant>) {
        if streams.is_empty() {
            self.park(deadline)
        } else {
            self.poll(streams, deadline)
        }
    }

    /// Looks at the descriptors even if the bell was rung already.
    #[cfg(unix)]
    fn wait_for_descriptors(
        &self,
        descriptors: &mut [Descriptor<'_>],
        deadline: Option<Instant>,
    ) -> io::Result<()> {
        let waker = self.waker();
        let may_sleep = self.doorbell.fall_asleep(Sleep::Polling);
        let deadline = match waker {
            _ if !may_sleep => Some(Instant::now()),
            Some(_) => deadline,
            None => Some(soon(deadline)),
        };
        let timeout = deadline.map(|at| at.saturating_duration_since(Instant::now()));
        let polled = poll_descriptors(descriptors, waker, timeout);
        if may_sleep {
            self.doorbell.wake_up();
        }
        polled
    }
}

fn soon(deadline: Option<Instant>) -> Instant {
    let soon = Instant::now() + UNWAKEABLE;
    deadline.map_or(soon, |deadline| deadline.min(soon))
}
