//! A context: the I/O threads and the inproc names that its sockets share.

use std::fmt;
use std::sync::{Arc, Weak};
use std::time::Duration;

#[cfg(feature = "inproc")]
use ferromq_transport::InprocRegistry;

use crate::error::ClosedError;
use crate::io::{IoCommand, IoHandle, IoWorker};
use crate::port::Shell;
use crate::sync::{AtomicBool, Mutex, Ordering};
use crate::world::SystemWorld;
use crate::world::{Running, World};
#[cfg(feature = "inproc")]
use crate::{port::Port, socket::Connecting};

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
/// on with what is queued, and end by themselves; a process that ends before loses it. Handles are
/// cheap to clone.
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

    /// A context with `threads` I/O threads (at least one): connections are spread over them.
    #[doc(alias = "ZMQ_IO_THREADS")]
    pub fn with_io_threads(threads: usize) -> Self {
        Self::with_world(Arc::new(SystemWorld::new()), threads)
    }

    /// A context in another world: a simulated one, in tests.
    #[doc(hidden)]
    pub fn with_world(world: Arc<dyn World>, threads: usize) -> Self {
        let inner = ContextInner {
            world,
            threads: threads.max(1),
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
        f.debug_struct("Context")
            .field("io_threads", &self.inner().workers.lock().len())
            .field("sockets", &self.inner().sockets().len())
            .finish_non_exhaustive()
    }
}

/// The shared part of a context.
pub(crate) struct ContextInner {
    world: Arc<dyn World>,
    threads: usize,
    workers: Mutex<Vec<(IoHandle, Box<dyn Running>)>>,
    #[cfg(feature = "inproc")]
    names: InprocRegistry<Arc<Port>, Connecting>,
    sockets: Mutex<Vec<Weak<dyn Shell>>>,
    down: AtomicBool,
}

impl ContextInner {
    pub(crate) fn world(&self) -> &Arc<dyn World> {
        &self.world
    }

    /// Fails after shutdown.
    pub(crate) fn check_open(&self) -> Result<(), ClosedError> {
        if self.down.load(Ordering::Acquire) {
            Err(ClosedError::Shutdown)
        } else {
            Ok(())
        }
    }

    /// Remembers a socket for shutdown; after it, the socket is shut down at once.
    pub(crate) fn register(&self, socket: &Arc<dyn Shell>) {
        let mut sockets = self.sockets.lock();
        sockets.retain(|other| other.strong_count() > 0);
        sockets.push(Arc::downgrade(socket));
        drop(sockets);
        if self.check_open().is_err() {
            socket.shut_down();
        }
    }

    /// The least loaded I/O thread; starts another one while there are fewer than allowed.
    pub(crate) fn io(&self) -> std::io::Result<IoHandle> {
        let mut workers = self.workers.lock();
        let idlest = workers.iter().map(|(io, _)| io).min_by_key(|io| io.load());
        if let Some(io) = idlest
            && (workers.len() >= self.threads || io.load() == 0)
        {
            return Ok(io.clone());
        }
        let reactor = self.world.reactor()?;
        let io = IoHandle::new(Arc::clone(&reactor));
        let worker = IoWorker::new(io.clone(), Arc::clone(&self.world), reactor);
        let name = format!("ferromq-io-{}", workers.len());
        let running = self.world.start(name, Box::new(worker))?;
        workers.push((io.clone(), running));
        Ok(io)
    }

    /// The sockets bound to inproc names, and the connects that wait for one.
    #[cfg(feature = "inproc")]
    pub(crate) fn names(&self) -> &InprocRegistry<Arc<Port>, Connecting> {
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

impl Drop for Handle {
    /// Every socket is closed here, since each is a handle. Waits for linger and stops the threads;
    /// but an I/O thread, of this context or another one, waits for nobody: what it would wait for
    /// may need it, or wait for it likewise.
    fn drop(&mut self) {
        let workers = std::mem::take(&mut *self.inner.workers.lock());
        let latest = self.inner.world.now() + LONGEST_LINGER + GRACE;
        for (io, _) in &workers {
            io.post(IoCommand::Stop(latest));
        }
        if self.inner.world.is_worker() {
            return;
        }
        for (_, running) in workers {
            running.join();
        }
    }
}
