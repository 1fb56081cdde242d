//! The reactor on other unixes: poll(2) over everything that is armed.
//!
//! Simple and portable, O(armed) per wait; tested on Linux, where epoll takes its place.
//!
//! A poll needs descriptors that live as long as it does, and only their owner can promise that. So
//! the reactor has a duplicate of each source, which would keep a stream open that was dropped.
//! Therefore the world's streams and listeners call [`forget`] when they are dropped: it gives the
//! duplicates up, and returns only when no poll uses them any more. Then the descriptor really is
//! closed, and an address is free again when its listener is gone.

use std::collections::HashMap;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;

use super::bell::timespec;
use super::doorbell::{Doorbell, Sleep, Waker};
use super::{Interest, Reactor, Ready, Source};

/// All reactors of the process, for [`forget`].
static REACTORS: Mutex<Vec<Weak<PollReactor>>> = Mutex::new(Vec::new());

/// Gives up what reactors have of a descriptor that is about to be closed.
pub(super) fn forget(fd: BorrowedFd<'_>) {
    let reactors: Vec<_> = REACTORS.lock().iter().filter_map(Weak::upgrade).collect();
    for reactor in reactors {
        reactor.forget(fd.as_raw_fd());
    }
}

/// One I/O worker's table of sources.
#[derive(Debug)]
pub(super) struct PollReactor {
    doorbell: Doorbell,
    waker: Waker,
    table: Mutex<Table>,
    polled: Condvar,
}

#[derive(Debug, Default)]
struct Table {
    sources: HashMap<RawFd, Registered>,
    /// A poll is under way, on a snapshot of the table.
    polling: bool,
    /// Counts polls that have ended.
    polls: u64,
}

/// What a poll is about, while the table may change.
type Snapshot = Vec<(RawFd, Registered)>;

#[derive(Clone, Debug)]
struct Registered {
    duplicate: Arc<OwnedFd>,
    token: u64,
    interest: Interest,
}

impl PollReactor {
    pub(super) fn new() -> io::Result<Arc<Self>> {
        let reactor = Arc::new(Self {
            doorbell: Doorbell::new(),
            waker: Waker::new()?,
            table: Mutex::default(),
            polled: Condvar::new(),
        });
        let mut reactors = REACTORS.lock();
        reactors.retain(|reactor| reactor.strong_count() > 0);
        reactors.push(Arc::downgrade(&reactor));
        Ok(reactor)
    }

    fn forget(&self, fd: RawFd) {
        let mut table = self.table.lock();
        if table.sources.remove(&fd).is_none() {
            return;
        }
        let polls = table.polls;
        self.notify();
        while table.polling && table.polls == polls {
            self.polled.wait(&mut table);
        }
    }

    /// Polls the armed sources; returns which of them are ready, and for what.
    fn poll(&self, armed: &Snapshot, timeout: Option<Duration>) -> io::Result<Vec<PollFlags>> {
        let mut fds: Vec<_> = armed.iter().map(|(_, source)| source.poll_fd()).collect();
        fds.push(PollFd::new(&self.waker, PollFlags::IN));
        match poll(&mut fds, timeout.map(timespec).as_ref()) {
            Ok(_) => {}
            Err(Errno::INTR) => return Ok(Vec::new()),
            Err(error) => return Err(error.into()),
        }
        if fds.pop().is_some_and(|waker| !waker.revents().is_empty()) {
            self.waker.drain();
        }
        Ok(fds.iter().map(PollFd::revents).collect())
    }
}

impl Reactor for PollReactor {
    fn add(&self, source: Source<'_>, token: u64) -> io::Result<()> {
        let fd = fd_of(source)?;
        let duplicate = Arc::new(fd.try_clone_to_owned()?);
        let registered = Registered {
            duplicate,
            token,
            interest: Interest::default(),
        };
        let before = self.table.lock().sources.insert(fd.as_raw_fd(), registered);
        debug_assert!(
            before.is_none(),
            "a source is added once, and forgotten when it is dropped"
        );
        Ok(())
    }

    fn arm(&self, source: Source<'_>, token: u64, interest: Interest) -> io::Result<()> {
        let fd = fd_of(source)?.as_raw_fd();
        let mut table = self.table.lock();
        let registered = table.sources.get_mut(&fd).ok_or(io::ErrorKind::NotFound)?;
        (registered.token, registered.interest) = (token, interest);
        if table.polling {
            self.notify();
        }
        Ok(())
    }

    fn wait(&self, ready: &mut Vec<Ready>, timeout: Option<Duration>) -> io::Result<()> {
        let armed = self.table.lock().begin();
        let may_sleep = self.doorbell.fall_asleep(Sleep::Polling);
        let polled = self.poll(
            &armed,
            if may_sleep {
                timeout
            } else {
                Some(Duration::ZERO)
            },
        );
        if may_sleep {
            self.doorbell.wake_up();
        }
        let mut table = self.table.lock();
        if let Ok(flags) = &polled {
            for ((fd, source), flags) in armed.iter().zip(flags) {
                ready.extend(table.take(*fd, source, *flags));
            }
        }
        drop(armed);
        table.polling = false;
        table.polls += 1;
        self.polled.notify_all();
        polled.map(drop)
    }

    fn notify(&self) {
        if self.doorbell.ring().is_some() {
            self.waker.wake();
        }
    }
}

impl Table {
    /// Begins a poll: what is armed now.
    fn begin(&mut self) -> Snapshot {
        self.polling = true;
        let armed = self.sources.iter().filter(|(_, source)| source.is_armed());
        armed.map(|(fd, source)| (*fd, source.clone())).collect()
    }

    /// Reports and silences a source that was polled, unless meanwhile it has been forgotten or
    /// waits for something else.
    fn take(&mut self, fd: RawFd, polled: &Registered, flags: PollFlags) -> Option<Ready> {
        let now = self.sources.get_mut(&fd)?;
        if !Arc::ptr_eq(&now.duplicate, &polled.duplicate) {
            return None;
        }
        let failed = flags.intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL);
        let readable = failed || flags.contains(PollFlags::IN);
        let writable = failed || flags.contains(PollFlags::OUT);
        if !(readable && now.interest.read || writable && now.interest.write) {
            return None;
        }
        now.interest = Interest::default();
        Some(Ready {
            token: now.token,
            readable,
            writable,
        })
    }
}

impl Registered {
    fn is_armed(&self) -> bool {
        self.interest != Interest::default()
    }

    fn poll_fd(&self) -> PollFd<'_> {
        let mut flags = PollFlags::empty();
        flags.set(PollFlags::IN, self.interest.read);
        flags.set(PollFlags::OUT, self.interest.write);
        PollFd::new(&*self.duplicate, flags)
    }
}

fn fd_of(source: Source<'_>) -> io::Result<BorrowedFd<'_>> {
    match source {
        Source::Fd(fd) => Ok(fd),
        Source::Simulated(..) => Err(io::ErrorKind::InvalidInput.into()),
    }
}
