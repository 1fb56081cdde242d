//! A context: the I/O threads and the inproc names that its sockets share.

mod builder;

use std::fmt;
use std::sync::{Arc, Weak};
use std::time::Duration;

#[cfg(feature = "inproc")]
use ferromq_transport::InprocRegistry;

use crate::error::ClosedError;
use crate::io::{IoCommand, IoHandle, IoWorker};
use crate::options::{LINGER, Options};
use crate::port::Shell;
use crate::sync::{AtomicBool, Mutex, Ordering};
use crate::world::{Process, Running, SystemWorld, Turn, Worker, World};

pub use self::builder::ContextBuilder;
#[cfg(feature = "inproc")]
use crate::socket::{Bound, Connecting};

/// How much longer than the longest linger the end of a context may take.
const GRACE: Duration = Duration::from_millis(100);

/// The longest linger that can be set: each session ends within its own.
pub(crate) const LONGEST_LINGER: Duration = Duration::from_secs(24 * 3600);

/// What sockets share: I/O threads, started when the first tcp or ipc endpoint needs one, and
/// inproc names.
///
/// Dropping the last handle (sockets count as handles) waits until what closed sockets have queued
/// is written and their peers have ended their side, at most for the sockets' linger (5 s by
/// default); it does not wait where nothing was sent. Then it stops the threads. Only on an I/O
/// thread itself (a waker may drop a handle there, or a payload) it does not wait: the threads go
/// on with what is queued, and end by themselves; a process that ends before loses it. The same
/// goes for `std::process::exit`, which drops nothing: end sockets and contexts before it. Handles
/// are cheap to clone.
///
/// After a fork, contexts and sockets are the parent's. In the child every operation fails with
/// [`ClosedError::Forked`], at once; dropping them does nothing, to the parent's connections
/// either; and a new context is of use. (The child has copies of the descriptors until it ends or
/// calls `exec`: each closes itself then.)
#[derive(Clone)]
pub struct Context {
    handle: Arc<Handle>,
}

/// What an application holds: contexts and sockets. The last one to go waits for linger. (I/O
/// threads hold what is inside for moments, and must never be the last.)
pub(crate) struct Handle {
    inner: Arc<ContextInner>,
}

impl Context {
    /// A context with one I/O thread, not started yet. Cannot fail; starting the thread may, in
    /// `bind` and `connect`.
    #[doc(alias = "zmq_ctx_new")]
    pub fn new() -> Self {
        Self::with_world(Arc::new(SystemWorld::new()), 1)
    }

    /// Options of a context to be made.
    pub fn builder() -> ContextBuilder {
        ContextBuilder::new(Arc::new(SystemWorld::new()))
    }

    /// Options of a context in another world.
    #[doc(hidden)]
    pub fn builder_with_world(world: Arc<dyn World>) -> ContextBuilder {
        ContextBuilder::new(world)
    }

    /// A context with `threads` I/O threads (1 to 1024, else the nearest of these): connections are
    /// spread over them.
    #[doc(alias = "ZMQ_IO_THREADS")]
    pub fn with_io_threads(threads: usize) -> Self {
        Self::with_world(Arc::new(SystemWorld::new()), threads)
    }

    /// A context in another world: a simulated one, in tests.
    #[doc(hidden)]
    pub fn with_world(world: Arc<dyn World>, threads: usize) -> Self {
        let settings = Settings {
            threads: threads.clamp(1, MOST_THREADS),
            ..Settings::default()
        };
        Self::with_settings(world, settings)
    }

    fn with_settings(world: Arc<dyn World>, settings: Settings) -> Self {
        let inner = ContextInner {
            world,
            process: Process::this(),
            settings,
            workers: Mutex::new(Vec::new()),
            #[cfg(feature = "inproc")]
            names: InprocRegistry::new(),
            sockets: Mutex::new(Vec::new()),
            down: AtomicBool::new(false),
        };
        let handle = Handle {
            inner: Arc::new(inner),
        };
        Self {
            handle: Arc::new(handle),
        }
    }

    /// Ends every operation of every socket of this context with [`ClosedError::Shutdown`], in
    /// whichever thread it waits, and allows no new ones. What is queued is still written within
    /// linger. Does not wait.
    #[doc(alias = "zmq_ctx_shutdown")]
    pub fn shutdown(&self) {
        if self.inner().is_forked() {
            return;
        }
        self.inner().down.store(true, Ordering::Release);
        for socket in self.inner().sockets() {
            socket.shut_down();
        }
    }

    pub(crate) fn inner(&self) -> &Arc<ContextInner> {
        &self.handle.inner
    }

    /// Keeps the context alive as the application's handles do.
    pub(crate) fn handle(&self) -> Arc<Handle> {
        Arc::clone(&self.handle)
    }
}

impl Default for Context {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.inner().is_forked() {
            return f.write_str("Context of the parent process");
        }
        f.debug_struct("Context")
            .field(
                "io_threads",
                &self.inner().workers.lock().iter().flatten().count(),
            )
            .field("sockets", &self.inner().sockets().len())
            .finish_non_exhaustive()
    }
}

/// The most I/O threads of a context.
const MOST_THREADS: usize = 1024;

/// An I/O thread that has been started.
type Started = (IoHandle, Box<dyn Running>);

/// What is called on each I/O thread as it starts, with its number.
type OnStart = Arc<dyn Fn(usize) + Send + Sync>;

/// The options of a context, and what its sockets have that are not told otherwise.
#[derive(Clone)]
struct Settings {
    threads: usize,
    max_sockets: usize,
    name_prefix: Arc<str>,
    on_start: Option<OnStart>,
    linger: Duration,
    ipv6: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            threads: 1,
            max_sockets: usize::MAX,
            name_prefix: "ferromq-io-".into(),
            on_start: None,
            linger: LINGER,
            ipv6: true,
        }
    }
}

/// An I/O thread before whose first turn something is called.
struct Starting {
    call: Option<(OnStart, usize)>,
    worker: Box<dyn Worker>,
}

impl Worker for Starting {
    fn turn(&mut self) -> Turn {
        if let Some((call, number)) = self.call.take() {
            call(number);
        }
        self.worker.turn()
    }
}

/// The shared part of a context.
pub(crate) struct ContextInner {
    world: Arc<dyn World>,
    process: Process,
    settings: Settings,
    /// By number; those that no endpoint has needed are not there.
    workers: Mutex<Vec<Option<Started>>>,
    #[cfg(feature = "inproc")]
    names: InprocRegistry<Bound, Connecting>,
    sockets: Mutex<Vec<Weak<dyn Shell>>>,
    down: AtomicBool,
}

impl ContextInner {
    pub(crate) fn world(&self) -> &Arc<dyn World> {
        &self.world
    }

    /// Where it was made.
    pub(crate) fn process(&self) -> Process {
        self.process
    }

    /// True in a child: everything inside is the parent's, its locks too.
    fn is_forked(&self) -> bool {
        !self.process.is_this()
    }

    /// Fails after shutdown, and in a forked child.
    pub(crate) fn check_open(&self) -> Result<(), ClosedError> {
        if self.is_forked() {
            Err(ClosedError::Forked)
        } else if self.down.load(Ordering::Acquire) {
            Err(ClosedError::Shutdown)
        } else {
            Ok(())
        }
    }

    /// Remembers a socket for shutdown.
    ///
    /// *Errors*: the context was shut down, or has as many sockets as it may.
    pub(crate) fn register(&self, socket: &Arc<dyn Shell>) -> Result<(), ClosedError> {
        if self.is_forked() {
            return Err(ClosedError::Forked);
        }
        let mut sockets = self.sockets.lock();
        sockets.retain(|other| other.strong_count() > 0);
        if sockets.len() >= self.settings.max_sockets {
            return Err(ClosedError::TooManySockets);
        }
        sockets.push(Arc::downgrade(socket));
        drop(sockets);
        self.check_open()
    }

    /// Fills in what a socket was not told.
    pub(crate) fn complete(&self, options: &mut Options) {
        options.usual_linger = self.settings.linger;
        options.transport.ipv6 = options.ipv6.unwrap_or(self.settings.ipv6);
    }

    /// True if a socket with this affinity has an I/O thread to go to.
    pub(crate) fn has_thread(&self, affinity: u64) -> bool {
        (0..self.settings.threads).any(|thread| is_allowed(affinity, thread))
    }

    /// The least loaded of the I/O threads that a bit mask allows (0: all); starts another one
    /// while there are fewer than allowed.
    pub(crate) fn io(&self, affinity: u64) -> std::io::Result<IoHandle> {
        let mut workers = self.workers.lock();
        workers.resize_with(self.settings.threads, || None);
        let started = workers.iter().enumerate();
        let started = started.filter(|(number, _)| is_allowed(affinity, *number));
        let started = started.filter_map(|(_, slot)| slot.as_ref().map(|(io, _)| io));
        let idlest = started.min_by_key(|io| io.load()).cloned();
        let mut numbered = workers.iter_mut().enumerate();
        let vacant =
            numbered.find(|(number, slot)| slot.is_none() && is_allowed(affinity, *number));
        match (idlest, vacant) {
            (Some(io), None) => Ok(io),
            (Some(io), _) if io.load() == 0 => Ok(io),
            (_, Some((number, slot))) => {
                let (io, running) = self.start(number)?;
                *slot = Some((io.clone(), running));
                Ok(io)
            }
            (None, None) => Err(std::io::ErrorKind::InvalidInput.into()),
        }
    }

    fn start(&self, number: usize) -> std::io::Result<Started> {
        let reactor = self.world.reactor()?;
        let io = IoHandle::new(Arc::clone(&reactor));
        let worker = IoWorker::new(io.clone(), Arc::clone(&self.world), reactor);
        let mut worker: Box<dyn Worker> = Box::new(worker);
        if let Some(call) = self.settings.on_start.clone() {
            let call = Some((call, number));
            worker = Box::new(Starting { call, worker });
        }
        let name = format!("{}{number}", self.settings.name_prefix);
        let running = self.world.start(name, worker)?;
        Ok((io, running))
    }

    /// The sockets bound to inproc names, and the connects that wait for one.
    #[cfg(feature = "inproc")]
    pub(crate) fn names(&self) -> &InprocRegistry<Bound, Connecting> {
        &self.names
    }

    fn sockets(&self) -> Vec<Arc<dyn Shell>> {
        self.sockets
            .lock()
            .iter()
            .filter_map(Weak::upgrade)
            .collect()
    }
}

/// Whether a bit mask allows the I/O thread with this number; 0 allows all.
fn is_allowed(affinity: u64, thread: usize) -> bool {
    let bit = u32::try_from(thread)
        .ok()
        .and_then(|thread| 1_u64.checked_shl(thread));
    affinity == 0 || bit.is_some_and(|bit| affinity & bit != 0)
}

impl Drop for Handle {
    /// Every socket is closed here, since each is a handle. Waits for linger and stops the threads;
    /// but an I/O thread, of this context or another one, waits for nobody: what it would wait for
    /// may need it, or wait for it likewise.
    fn drop(&mut self) {
        if self.inner.is_forked() {
            // Left as it is, for ever: threads of another process cannot be told or waited for.
            return std::mem::forget(Arc::clone(&self.inner));
        }
        let workers = std::mem::take(&mut *self.inner.workers.lock());
        let latest = self.inner.world.now() + LONGEST_LINGER + GRACE;
        for (io, _) in workers.iter().flatten() {
            io.post(IoCommand::Stop(latest));
        }
        if self.inner.world.is_worker() {
            return;
        }
        for (_, running) in workers.into_iter().flatten() {
            running.join();
        }
    }
}
