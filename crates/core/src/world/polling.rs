//! Readiness on other systems than Linux, by the crate `polling`: kqueue, event ports, or Windows'
//! completion ports.
//!
//! - Threads cannot sleep on streams and a bell at once here, so receivers claim nothing: only I/O
//!   threads read connections.
//! - What is not armed is not registered, since errors and hang-ups are reported even where nothing
//!   was asked for, and on Windows again and again.
//! - On kqueue a source that is armed for both directions is reported once for each.
//! - Windows waits for whole milliseconds, of which it may make 16. So senders write at once there,
//!   instead of leaving something for 100 µs.
//!
//! Beside `fork.rs` this file alone has unsafe code: `polling` may only be given sockets that are
//! taken out again before they are closed. [`Watched`] owns a socket and sees to that; nothing else
//! can be watched.

#![expect(
    unsafe_code,
    reason = "polling asks its callers to promise that sockets are taken out before they are closed"
)]

#[path = "unpolled.rs"]
mod unpolled;

use std::io;
use std::ops::Deref;
#[cfg(unix)]
use std::os::fd::BorrowedFd as BorrowedSocket;
#[cfg(windows)]
use std::os::windows::io::BorrowedSocket;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use polling::{AsSource, Event, Events, Poller};

pub(super) use self::unpolled::{Waker, poll_streams};
#[cfg(unix)]
pub(super) use self::unpolled::{level, poll_descriptors};
use super::{Habit, Interest, Reactor, Ready, Source, Tuning};

/// Receivers claim nothing; where timers are coarse, senders write at once.
pub(super) fn allowed(wanted: Tuning) -> Tuning {
    Tuning {
        claim: Habit::Never,
        write: if cfg!(windows) {
            Habit::Always
        } else {
            wanted.write
        },
    }
}

/// Nobody sleeps on one stream here.
pub(super) fn wait_writable(_: SystemSource<'_>, _: Duration) -> bool {
    false
}

/// Makes a reactor.
pub(super) fn reactor() -> io::Result<Arc<dyn Reactor>> {
    Ok(Arc::new(PollingReactor {
        poller: Arc::new(Poller::new()?),
        events: Mutex::new(Events::new()),
    }))
}

/// A socket that a reactor can watch. When it is dropped, it is taken out before it is closed.
#[derive(Debug)]
pub(super) struct Watched<T: AsSource> {
    /// Never replaced.
    socket: T,
    place: Mutex<Place>,
}

/// Where a socket is watched.
#[derive(Debug, Default)]
struct Place {
    /// Set once, by the reactor to which it was added.
    poller: Option<Arc<Poller>>,
    /// The poller has the socket.
    armed: bool,
}

/// What a reactor watches: a socket, and its place.
#[derive(Clone, Copy, Debug)]
pub struct SystemSource<'a> {
    socket: BorrowedSocket<'a>,
    place: &'a Mutex<Place>,
}

impl<T: AsSource> Watched<T> {
    pub(super) fn new(socket: T) -> Self {
        let place = Mutex::default();
        Self { socket, place }
    }

    pub(super) fn source(&self) -> SystemSource<'_> {
        SystemSource {
            socket: self.socket.source(),
            place: &self.place,
        }
    }
}

impl<T: AsSource> Deref for Watched<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.socket
    }
}

impl<T: AsSource> Drop for Watched<T> {
    fn drop(&mut self) {
        let place = self.place.get_mut();
        if place.armed
            && let Some(poller) = &place.poller
        {
            // If it cannot be taken out, the kernel does so when it closes it.
            let _ = poller.delete(self.socket.source());
        }
    }
}

/// One I/O worker's poller. Tokens must fit into a pointer and be below its largest value.
#[derive(Debug)]
struct PollingReactor {
    poller: Arc<Poller>,
    /// Locked by the one thread that waits.
    events: Mutex<Events>,
}

impl Reactor for PollingReactor {
    fn add(&self, source: Source<'_>, _token: u64) -> io::Result<()> {
        let mut place = of_system(source)?.place.lock();
        if place.poller.is_some() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        place.poller = Some(Arc::clone(&self.poller));
        Ok(())
    }

    fn arm(&self, source: Source<'_>, token: u64, interest: Interest) -> io::Result<()> {
        let SystemSource { socket, place } = of_system(source)?;
        let mut place = place.lock();
        if !matches!(&place.poller, Some(poller) if Arc::ptr_eq(poller, &self.poller)) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let key = usize::try_from(token).map_err(|_| io::ErrorKind::InvalidInput)?;
        let event = Event::new(key, interest.read, interest.write);
        let armed = interest != Interest::default();
        match (place.armed, armed) {
            (true, true) => self.poller.modify(socket, event)?,
            (true, false) => self.poller.delete(socket)?,
            // SAFETY: the socket is that of a `Watched`, borrowed together with its place, and
            // `Watched` neither replaces nor closes it while it lives. From now on, under the lock
            // that is held here, its place says that this poller has the socket; so dropping the
            // `Watched` deletes it from this poller, and closes it after that.
            (false, true) => unsafe { self.poller.add(&socket, event)? },
            (false, false) => {}
        }
        place.armed = armed;
        Ok(())
    }

    fn wait(&self, ready: &mut Vec<Ready>, timeout: Option<Duration>) -> io::Result<()> {
        let mut events = self.events.lock();
        events.clear();
        self.poller.wait(&mut events, timeout)?;
        ready.extend(events.iter().map(|event| Ready {
            token: event.key as u64,
            readable: event.readable,
            writable: event.writable,
        }));
        Ok(())
    }

    fn notify(&self) {
        // It can only fail for want of memory; whoever is notified looks at its deadlines anyway.
        let _ = self.poller.notify();
    }
}

fn of_system(source: Source<'_>) -> io::Result<SystemSource<'_>> {
    match source {
        Source::System(source) => Ok(source),
        Source::Simulated(..) => Err(io::ErrorKind::InvalidInput.into()),
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;

    #[test]
    fn source_belongs_to_the_reactor_to_which_it_was_added() {
        let listener = Watched::new(socket());
        let source = Source::System(listener.source());
        let (first, second) = (reactor().unwrap(), reactor().unwrap());
        let read = Interest {
            read: true,
            write: false,
        };
        let kind = |outcome: io::Result<()>| outcome.unwrap_err().kind();
        assert_eq!(kind(first.arm(source, 1, read)), io::ErrorKind::NotFound);
        first.add(source, 1).unwrap();
        assert_eq!(kind(second.add(source, 1)), io::ErrorKind::AlreadyExists);
        assert_eq!(kind(second.arm(source, 1, read)), io::ErrorKind::NotFound);
        first.arm(source, 1, read).unwrap();
    }

    #[test]
    fn receivers_claim_nothing_whatever_is_wanted() {
        let allowed = allowed(Tuning::all(Habit::Always));
        assert_eq!(
            (allowed.claim, allowed.write),
            (Habit::Never, Habit::Always)
        );
        let adaptive = super::allowed(Tuning::default()).write;
        let expected = if cfg!(windows) {
            Habit::Always
        } else {
            Habit::Adaptive
        };
        assert_eq!(adaptive, expected);
    }

    #[expect(
        clippy::disallowed_types,
        reason = "the world of the system is tested with the system"
    )]
    fn socket() -> std::net::TcpListener {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        listener
    }
}
