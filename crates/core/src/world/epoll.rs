//! Readiness on Linux: epoll with one-shot registrations for I/O threads, poll(2) for bells, and an
//! eventfd to wake either.
//!
//! - Silent means silent: the kernel reports errors and hang-ups even where nothing was asked for,
//!   so what is not armed is registered with a token of its own, which `wait` drops.
//! - `notify` makes a system call only if the worker sleeps (see [`Doorbell`]).
//! - epoll's timeout is in milliseconds (`epoll_pwait2` needs Linux 5.11). A shorter one is waited
//!   for by polling the epoll descriptor itself, with nanoseconds: one system call more if
//!   something happens.

use std::io;
use std::mem::MaybeUninit;
use std::ops::Deref;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::io::Errno;
use rustix::time::{Nsecs, Secs};
use smallvec::SmallVec;

use super::doorbell::{Doorbell, Sleep};
use super::{Descriptor, Interest, Level, Reactor, Ready, Source, Stream, Tuning};

/// The token of the reactor's own eventfd.
const DOORBELL: u64 = u64::MAX;

/// The token of what is not armed.
const SILENT: u64 = u64::MAX - 1;

/// The most events that are taken at a time.
const EVENTS: usize = 256;

/// Timeouts from here on need no more than milliseconds.
const COARSE: Duration = Duration::from_millis(20);

/// The longest time that is waited in one go; waking early is allowed.
const LONGEST: Duration = Duration::from_secs(i32::MAX as u64);

/// Everything: receivers may claim, and timers are fine.
pub(super) fn allowed(wanted: Tuning) -> Tuning {
    wanted
}

/// Makes a reactor.
pub(super) fn reactor() -> io::Result<Arc<dyn Reactor>> {
    Ok(Arc::new(EpollReactor::new()?))
}

/// What a reactor or a bell watches: a descriptor.
#[derive(Clone, Copy, Debug)]
pub struct SystemSource<'a>(BorrowedFd<'a>);

/// A socket that can be watched.
#[derive(Debug)]
pub(super) struct Watched<T>(T);

impl<T: AsFd> Watched<T> {
    pub(super) fn new(socket: T) -> Self {
        Self(socket)
    }

    pub(super) fn source(&self) -> SystemSource<'_> {
        SystemSource(self.0.as_fd())
    }
}

impl<T> Deref for Watched<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

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
        Source::System(SystemSource(fd)) if token < SILENT => Ok(fd),
        Source::System(_) | Source::Simulated(..) => Err(io::ErrorKind::InvalidInput.into()),
    }
}

/// A descriptor that is readable from the first `wake` until `drain`: an eventfd.
#[derive(Debug)]
pub(super) struct Waker(OwnedFd);

impl Waker {
    pub(super) fn new() -> io::Result<Self> {
        let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
        Ok(Self(eventfd(0, flags)?))
    }

    pub(super) fn wake(&self) {
        // It can only fail because it is readable already (the counter is full).
        let _ = rustix::io::write(&self.0, &1_u64.to_ne_bytes());
    }

    fn drain(&self) {
        let _ = rustix::io::read(&self.0, &mut [0; 8]);
    }
}

impl AsFd for Waker {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Level for Waker {
    fn set(&self, readable: bool) {
        match readable {
            true => self.wake(),
            false => self.drain(),
        }
    }

    fn descriptor(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Makes a descriptor for others to poll.
pub(super) fn level() -> io::Result<Arc<dyn Level>> {
    Ok(Arc::new(Waker::new()?))
}

/// As many descriptors to poll need no memory.
const FEW: usize = 5;

/// Sleeps until one of these streams is readable (or has failed), the waker is woken, or the time
/// is over; drains the waker. May return early.
pub(super) fn poll_streams(
    streams: &[&dyn Stream],
    waker: Option<&Waker>,
    timeout: Option<Duration>,
) -> io::Result<()> {
    let fds = streams.iter().filter_map(|stream| match stream.source() {
        Source::System(SystemSource(fd)) => Some(PollFd::from_borrowed_fd(fd, PollFlags::IN)),
        // There are none in this world.
        Source::Simulated(..) => None,
    });
    let waking = waker.map(|waker| PollFd::new(waker, PollFlags::IN));
    let mut fds: SmallVec<[PollFd<'_>; FEW]> = waking.into_iter().chain(fds).collect();
    match poll(&mut fds, timeout.map(timespec).as_ref()) {
        Err(Errno::INTR) => return Ok(()),
        Err(error) => return Err(error.into()),
        Ok(_) => {}
    }
    if let (Some(waker), Some(first)) = (waker, fds.first())
        && !first.revents().is_empty()
    {
        waker.drain();
    }
    Ok(())
}

/// Sleeps until this can be written to (or has failed): true; or the time is over. May return
/// early.
pub(super) fn wait_writable(SystemSource(fd): SystemSource<'_>, at_most: Duration) -> bool {
    let mut fds = [PollFd::from_borrowed_fd(fd, PollFlags::OUT)];
    matches!(poll(&mut fds, Some(&timespec(at_most))), Ok(1))
}

/// Sleeps until one of these descriptors is ready (or has failed), the waker is woken, or the time
/// is over; drains the waker. May return early.
pub(super) fn poll_descriptors(
    descriptors: &mut [Descriptor<'_>],
    waker: Option<&Waker>,
    timeout: Option<Duration>,
) -> io::Result<()> {
    let failed = PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL;
    let mut fds: SmallVec<[PollFd<'_>; FEW]> = SmallVec::new();
    fds.extend(waker.map(|waker| PollFd::new(waker, PollFlags::IN)));
    let first = fds.len();
    for descriptor in descriptors.iter_mut() {
        descriptor.found = Interest::default();
        let mut flags = PollFlags::empty();
        flags.set(PollFlags::IN, descriptor.wanted.read);
        flags.set(PollFlags::OUT, descriptor.wanted.write);
        // Failures are reported even of what is not waited for.
        if !flags.is_empty() {
            fds.push(PollFd::from_borrowed_fd(descriptor.fd, flags));
        }
    }
    match poll(&mut fds, timeout.map(timespec).as_ref()) {
        Err(Errno::INTR) => return Ok(()),
        Err(error) => return Err(error.into()),
        Ok(_) => {}
    }
    if let (Some(waker), Some(woken)) = (waker, fds.first())
        && !woken.revents().is_empty()
    {
        waker.drain();
    }
    let waited = descriptors.iter_mut();
    let waited = waited.filter(|it| it.wanted != Interest::default());
    for (descriptor, fd) in waited.zip(fds.iter().skip(first)) {
        let (wanted, happened) = (descriptor.wanted, fd.revents());
        descriptor.found = Interest {
            read: wanted.read && happened.intersects(PollFlags::IN | failed),
            write: wanted.write && happened.intersects(PollFlags::OUT | failed),
        };
    }
    Ok(())
}

/// How long to wait in the kernel's terms.
fn timespec(timeout: Duration) -> Timespec {
    let timeout = timeout.min(LONGEST);
    Timespec {
        tv_sec: timeout.as_secs() as Secs,
        tv_nsec: timeout.subsec_nanos() as Nsecs,
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;

    #[test]
    fn waker_is_readable_until_drained() {
        let waker = Waker::new().unwrap();
        let readable = || {
            let mut fds = [PollFd::new(&waker, PollFlags::IN)];
            poll(&mut fds, Some(&Timespec::default())).unwrap() == 1
        };
        assert!(!readable());
        for _ in 0..100_000 {
            waker.wake();
        }
        assert!(readable());
        waker.drain();
        assert!(!readable());
        waker.wake();
        assert!(readable());
    }
}
