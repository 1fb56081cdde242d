//! The reactor on Linux: epoll with one-shot registrations, and an eventfd as its doorbell.
//!
//! - Silent means silent: the kernel reports errors and hang-ups even where nothing was asked for,
//!   so what is not armed is registered with a token of its own, which `wait` drops.
//! - `notify` makes a system call only if the worker sleeps (see [`Doorbell`]).
//! - epoll's timeout is in milliseconds (`epoll_pwait2` needs Linux 5.11). A shorter one is waited
//!   for by polling the epoll descriptor itself, with nanoseconds: one system call more if
//!   something happens.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::bell::timespec;
use super::doorbell::{Doorbell, Sleep, Waker};
use super::{Interest, Reactor, Ready, Source};

/// The token of the reactor's own eventfd.
const DOORBELL: u64 = u64::MAX;

/// The token of what is not armed.
const SILENT: u64 = u64::MAX - 1;

/// The most events that are taken at a time.
const EVENTS: usize = 256;

/// Timeouts from here on need no more than milliseconds.
const COARSE: Duration = Duration::from_millis(20);

/// One I/O worker's epoll. Tokens must be below `u64::MAX - 1`.
#[derive(Debug)]
pub(super) struct EpollReactor {
    epoll: OwnedFd,
    doorbell: Doorbell,
    waker: Waker,
}

impl EpollReactor {
    pub(super) fn new() -> io::Result<Self> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        let waker = Waker::new()?;
        // Level-triggered for good: drained by the wait that sees it.
        epoll::add(&epoll, &waker, EventData::new_u64(DOORBELL), EventFlags::IN)?;
        Ok(Self {
            epoll,
            doorbell: Doorbell::new(),
            waker,
        })
    }

    /// Sleeps until the epoll descriptor is readable, if the timeout is too short for epoll's own.
    /// Returns the timeout that is left to epoll; `None`: the time is over already.
    fn sleep_finely(&self, timeout: Option<Duration>) -> io::Result<Option<Option<Timespec>>> {
        match timeout {
            Some(fine) if !fine.is_zero() && fine < COARSE => {
                let mut fds = [PollFd::new(&self.epoll, PollFlags::IN)];
                let count = poll(&mut fds, Some(&timespec(fine)))?;
                Ok((count > 0).then(|| Some(Timespec::default())))
            }
            // The longest that epoll_wait takes is not quite 25 days; waking early is allowed.
            Some(coarse) => Ok(Some(Some(timespec(
                coarse.min(Duration::from_secs(86_400)),
            )))),
            None => Ok(Some(None)),
        }
    }

    fn wait_for_events(&self, ready: &mut Vec<Ready>, timeout: Option<Duration>) -> io::Result<()> {
        let Some(timeout) = self.sleep_finely(timeout)? else {
            return Ok(());
        };
        let mut space = [const { MaybeUninit::uninit() }; EVENTS];
        let (events, _) = epoll::wait(&self.epoll, &mut space, timeout.as_ref())?;
        for event in events {
            match event.data.u64() {
                DOORBELL => self.waker.drain(),
                SILENT => {}
                token => ready.push(as_ready(token, event.flags)),
            }
        }
        Ok(())
    }
}

impl Reactor for EpollReactor {
    fn add(&self, source: Source<'_>, token: u64) -> io::Result<()> {
        let fd = fd_of(source, token)?;
        epoll::add(
            &self.epoll,
            fd,
            EventData::new_u64(SILENT),
            EventFlags::ONESHOT,
        )?;
        Ok(())
    }

    fn arm(&self, source: Source<'_>, token: u64, interest: Interest) -> io::Result<()> {
        let fd = fd_of(source, token)?;
        let mut flags = EventFlags::ONESHOT;
        flags.set(EventFlags::IN, interest.read);
        flags.set(EventFlags::OUT, interest.write);
        let token = if interest == Interest::default() {
            SILENT
        } else {
            token
        };
        epoll::modify(&self.epoll, fd, EventData::new_u64(token), flags)?;
        Ok(())
    }

    fn wait(&self, ready: &mut Vec<Ready>, timeout: Option<Duration>) -> io::Result<()> {
        let may_sleep = self.doorbell.fall_asleep(Sleep::Polling);
        let timeout = if may_sleep {
            timeout
        } else {
            Some(Duration::ZERO)
        };
        let waited = self.wait_for_events(ready, timeout);
        if may_sleep {
            self.doorbell.wake_up();
        }
        match waited {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            decided => decided,
        }
    }

    fn notify(&self) {
        if self.doorbell.ring().is_some() {
            self.waker.wake();
        }
    }
}

fn as_ready(token: u64, flags: EventFlags) -> Ready {
    let failed = EventFlags::HUP | EventFlags::ERR;
    Ready {
        token,
        readable: flags.intersects(EventFlags::IN | failed),
        writable: flags.intersects(EventFlags::OUT | failed),
    }
}

fn fd_of(source: Source<'_>, token: u64) -> io::Result<BorrowedFd<'_>> {
    match source {
        Source::Fd(fd) if token < SILENT => Ok(fd),
        Source::Fd(_) | Source::Simulated(..) => Err(io::ErrorKind::InvalidInput.into()),
    }
}
