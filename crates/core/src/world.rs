//! The seam between the engine and the world: time, threads, streams, readiness, names, randomness.
//!
//! The operating system implements it once ([`SystemWorld`]), the testkit's simulation once.
//! Nothing else in `core` names a clock, a thread or a socket of the standard library, so whole
//! sockets run in the simulated world: single-threaded, with the same trace for the same seed.
//!
//! Laws:
//! - no call but [`Bell::wait`] and [`Reactor::wait`] blocks;
//! - streams and listeners are non-blocking: `WouldBlock` means "arm and wait", and so does
//!   `Interrupted`;
//! - registration is one-shot: after an event, a source is silent until it is armed again;
//! - a source is disarmed and deregistered by dropping it; its token may appear in events already
//!   taken.

mod bell;
mod crew;
mod doorbell;
mod fork;
/// What the operating system knows of readiness: one of three modules of the same shape.
#[cfg_attr(
    all(target_os = "linux", not(ferromq_polling)),
    path = "world/epoll.rs"
)]
#[cfg_attr(
    not(all(target_os = "linux", not(ferromq_polling))),
    path = "world/polling.rs"
)]
#[cfg(any(feature = "tcp", all(unix, feature = "ipc")))]
mod kernel;
#[cfg(not(any(feature = "tcp", all(unix, feature = "ipc"))))]
#[path = "world/absent.rs"]
mod kernel;
#[cfg(any(feature = "tcp", all(unix, feature = "ipc")))]
mod streams;
mod system;
#[cfg(test)]
#[cfg(not(loom))]
#[cfg(any(feature = "tcp", all(unix, feature = "ipc")))]
mod tests;

use std::fmt;
use std::io;
#[cfg(unix)]
use std::os::fd::BorrowedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use ferromq_transport::{
    Address, BoundListener, ConnectedStream, Endpoint, StreamError, TransportOptions,
};

pub(crate) use self::fork::Process;
#[cfg(not(any(feature = "tcp", all(unix, feature = "ipc"))))]
use self::kernel as streams;
pub use self::kernel::SystemSource;
pub use self::system::SystemWorld;

/// Everything that the engine needs from outside.
pub trait World: fmt::Debug + Send + Sync + 'static {
    /// The current time; never goes back.
    fn now(&self) -> Instant;

    /// 64 random bits: for jitter, counters' starting points and the order of addresses.
    fn random(&self) -> u64;

    /// A number that no other call has returned, nor does until all of them are used up: no two
    /// pipes of this process have one name, whatever their sockets. A world of one's own may count
    /// for itself, so that the same seed gives the same numbers.
    fn serial(&self) -> u32 {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        NEXT.fetch_add(1, Ordering::Relaxed)
    }

    /// Fills `into` with random bytes that are fit for secrets. A world that has none fails, and
    /// with it every handshake that needs them.
    fn entropy(&self, into: &mut [u8]) -> io::Result<()> {
        let _ = into;
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Starts an I/O worker: `worker.turn()` is called again and again until it returns
    /// [`Turn::Stop`].
    fn start(&self, name: String, worker: Box<dyn Worker>) -> io::Result<Box<dyn Running>>;

    /// True on a thread that runs an I/O worker, of this world or another of its kind: there nobody
    /// may wait for I/O.
    fn is_worker(&self) -> bool {
        false
    }

    /// Makes a reactor for one I/O worker.
    fn reactor(&self) -> io::Result<Arc<dyn Reactor>>;

    /// The bell by which the calling thread sleeps. The same bell for every call on one thread.
    fn bell(&self) -> Arc<dyn Bell>;

    /// Makes a descriptor that others may poll, not readable yet. `Unsupported`: there are none.
    #[cfg(unix)]
    fn level(&self) -> io::Result<Arc<dyn Level>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Starts listening on a tcp or ipc endpoint.
    fn listen(
        &self,
        endpoint: &Endpoint,
        options: &TransportOptions,
    ) -> Result<Box<dyn Listener>, ferromq_transport::ListenError>;

    /// Takes over a socket that listens already. `Unsupported`: there are none.
    fn adopt(
        &self,
        bound: BoundListener,
        options: &TransportOptions,
    ) -> Result<Box<dyn Listener>, ferromq_transport::ListenError> {
        let _ = (bound, options);
        Err(ferromq_transport::ListenError::Unsupported)
    }

    /// Takes over a stream that is connected already; what it is called comes with it.
    /// `Unsupported`: there are none.
    fn adopt_stream(
        &self,
        connected: ConnectedStream,
        options: &TransportOptions,
    ) -> Result<(Arc<dyn Stream>, Endpoint), StreamError> {
        let _ = (connected, options);
        Err(StreamError::Unsupported)
    }

    /// Starts connecting to a resolved address. The stream is writable when it is decided:
    /// then [`Stream::finish_connect`] tells how.
    fn dial(&self, address: &Address, options: &TransportOptions) -> io::Result<Arc<dyn Stream>>;

    /// Who reads and who writes connections. Tests force either way; the default adapts. A world
    /// whose bells cannot sleep on streams says here that receivers never claim, and one whose
    /// timers are coarse that senders always write.
    fn tuning(&self) -> Tuning {
        Tuning::default()
    }

    /// Resolves an endpoint's name off the calling thread, and calls `reply` from any thread.
    fn resolve(&self, endpoint: &Endpoint, reply: Resolved);

    /// Runs something that may take its time where it keeps nobody from I/O; where too much waits
    /// for that, with [`QuotaExceeded`](io::ErrorKind::QuotaExceeded). A world of one thread has no
    /// better place than that.
    fn offload(&self, job: Job) {
        job(Ok(()));
    }
}

/// Whether callers read and write connections themselves, instead of the I/O threads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tuning {
    /// Receivers read their sockets' few connections themselves.
    pub claim: Habit,
    /// Senders write what they have queued themselves.
    pub write: Habit,
}

impl Tuning {
    /// The same habit for reading and writing.
    pub fn all(habit: Habit) -> Self {
        Self {
            claim: habit,
            write: habit,
        }
    }

    /// In builds with debug assertions, the habit that the environment variable `FERROMQ_TUNING`
    /// names (`always`, `never`), so that a whole test suite runs in each mode; adaptive otherwise.
    pub fn from_environment() -> Self {
        let named = std::env::var("FERROMQ_TUNING")
            .ok()
            .filter(|_| cfg!(debug_assertions));
        Self::all(match named.as_deref() {
            Some("always") => Habit::Always,
            Some("never") => Habit::Never,
            _ => Habit::Adaptive,
        })
    }
}

/// How often a thread does what an I/O thread could do as well.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Habit {
    /// Where it pays off.
    #[default]
    Adaptive,
    /// Whenever it is possible.
    Always,
    /// Not at all, but that a send at half the high-water mark writes: room was promised there.
    Never,
}

/// What is called with the addresses of a name.
pub type Resolved = Box<dyn FnOnce(io::Result<Vec<Address>>) + Send>;

/// What is run elsewhere; with an error if there is no thread for it.
pub type Job = Box<dyn FnOnce(io::Result<()>) + Send>;

/// What an I/O thread does, one turn at a time.
pub trait Worker: Send {
    /// Waits on its reactor (at most once) and handles what has happened.
    fn turn(&mut self) -> Turn;
}

/// Whether a worker goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Call `turn` again.
    Continue,
    /// The worker is done.
    Stop,
}

/// A started worker.
pub trait Running: Send + Sync {
    /// Waits until the worker has stopped. Must not be called from a worker. (Dropped instead, the
    /// worker goes on by itself.)
    fn join(self: Box<Self>);
}

/// True if a call is to be made again when its source is ready: it would have blocked, or was
/// interrupted.
pub(crate) fn is_for_later(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
    )
}

/// Runs what the application has made: if it panics, the thread goes on. `None`: it has panicked.
pub(crate) fn contain<R>(call: impl FnOnce() -> R) -> Option<R> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(result) => Some(result),
        Err(thrown) => {
            // It is the application's, too, and might panic when it is dropped.
            std::mem::forget(thrown);
            None
        }
    }
}

/// What a reactor reports: the token given when the source was armed, and what it is ready for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ready {
    /// The token of the source.
    pub token: u64,
    /// Reading (or accepting) would not block, or the stream has ended or failed.
    pub readable: bool,
    /// Writing would not block, or the stream has failed.
    pub writable: bool,
}

/// What to wait for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Interest {
    /// Wake when reading would not block.
    pub read: bool,
    /// Wake when writing would not block.
    pub write: bool,
}

/// Something a reactor can watch.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Source<'a> {
    /// A stream or listener of the operating system.
    System(SystemSource<'a>),
    /// A stream or listener of a simulated world.
    Simulated(u64, std::marker::PhantomData<&'a ()>),
}

/// One I/O worker's readiness queue. `arm`, `disarm` and `notify` may be called from any thread.
pub trait Reactor: fmt::Debug + Send + Sync {
    /// Registers a source, silent until armed.
    fn add(&self, source: Source<'_>, token: u64) -> io::Result<()>;

    /// Reports the source once, as soon as it is ready for one of `interest` (level-triggered,
    /// one-shot). An empty interest silences it.
    fn arm(&self, source: Source<'_>, token: u64, interest: Interest) -> io::Result<()>;

    /// Waits until something is ready, somebody notifies, or the time is over; then appends what is
    /// ready. `None` waits without limit. An interrupted wait returns without events.
    fn wait(&self, ready: &mut Vec<Ready>, timeout: Option<Duration>) -> io::Result<()>;

    /// Ends the present or the next `wait`.
    fn notify(&self);
}

/// How a thread sleeps until somebody rings.
pub trait Bell: fmt::Debug + Send + Sync {
    /// Ends the present or the next `wait` of the bell's thread. May be called from any thread.
    fn ring(&self);

    /// Sleeps until the bell is rung, one of `streams` is readable (or has failed), or the deadline
    /// has passed. Consumes the ring. May return early without reason. Only its own thread calls
    /// this.
    fn wait(&self, streams: &[&dyn Stream], deadline: Option<Instant>);

    /// Like [`wait`](Self::wait), on descriptors of the application's; what each is ready for is
    /// noted there. (A ring may end it before anything is noted.) `Unsupported`: there are none.
    #[cfg(unix)]
    fn wait_for_descriptors(
        &self,
        descriptors: &mut [Descriptor<'_>],
        deadline: Option<Instant>,
    ) -> io::Result<()> {
        let _ = (descriptors, deadline);
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// A descriptor of the application's: what to wait for, and what was found.
#[cfg(unix)]
#[derive(Debug)]
pub struct Descriptor<'a> {
    /// The descriptor.
    pub fd: BorrowedFd<'a>,
    /// What to wait for; with nothing it is left out.
    pub wanted: Interest,
    /// What of that it was ready for, or had failed for, when it was last waited for.
    pub found: Interest,
}

/// A descriptor for others to poll: readable or not, as it is told.
#[cfg(unix)]
pub trait Level: fmt::Debug + Send + Sync {
    /// Makes it readable, or not.
    fn set(&self, readable: bool);

    /// The descriptor itself.
    fn descriptor(&self) -> BorrowedFd<'_>;
}

/// A connected byte stream.
pub trait Stream: fmt::Debug + Send + Sync {
    /// Appends at most `most` bytes to `into`, within its spare capacity. `Ok(0)`: the peer has
    /// ended its side.
    fn read(&self, into: &mut Vec<u8>, most: usize) -> io::Result<usize>;

    /// Writes what fits of these slices, in order; never raises a signal.
    fn write(&self, slices: &[io::IoSlice<'_>]) -> io::Result<usize>;

    /// Sleeps until more can be written, or the time is over. True: it can, or the stream has
    /// failed. Worlds in which a thread cannot sleep so say at once that it cannot.
    fn wait_writable(&self, at_most: Duration) -> bool {
        let _ = at_most;
        false
    }

    /// After the stream became writable for the first time: how connecting ended. `WouldBlock`: not
    /// yet.
    fn finish_connect(&self) -> io::Result<()>;

    /// Tells the peer that nothing more will be written.
    fn shutdown_write(&self) -> io::Result<()>;

    /// Ends both directions at once; every reader and poller wakes.
    fn shutdown(&self);

    /// The peer's address as text.
    fn peer_address(&self) -> String;

    /// What a reactor watches.
    fn source(&self) -> Source<'_>;
}

/// A listening endpoint. Dropping it closes it and removes its own ipc file.
pub trait Listener: fmt::Debug + Send + Sync {
    /// The next connection. `WouldBlock`: none now.
    fn accept(&self) -> io::Result<Arc<dyn Stream>>;

    /// The concrete endpoint: wildcards and port 0 resolved; usable by `connect` and `unbind`.
    fn endpoint(&self) -> Endpoint;

    /// What a reactor watches.
    fn source(&self) -> Source<'_>;
}
