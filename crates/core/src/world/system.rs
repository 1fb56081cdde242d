//! The world as the operating system has it.

#![expect(
    clippy::disallowed_methods,
    reason = "this is the one place where the clock is read and threads are started"
)]

use std::cell::{Cell, RefCell};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Instant;

use ferromq_transport::{
    Address, BoundListener, ConnectedStream, Endpoint, ListenError, StreamError, TransportOptions,
};

#[cfg(unix)]
use super::Level;
use super::bell::SystemBell;
use super::crew::Crew;
use super::fork::Process;
use super::{Bell, Job, Listener, Reactor, Resolved, Running, Stream, Tuning, Turn, Worker, World};
use super::{kernel, streams};

/// How many names wait at most to be looked up: who dials them tries again after the pause.
#[cfg(feature = "tcp")]
const UNRESOLVED: usize = 1024;

/// How many peers wait at most for somebody who can decide about them.
const UNDECIDED: usize = 1024;

/// The operating system: its clock, threads, sockets, readiness and names.
///
/// Bells belong to threads, not to a world: two worlds on one thread share one. On other systems
/// than Linux, readiness comes from the crate `polling`, and only I/O threads read connections.
#[derive(Debug)]
pub struct SystemWorld {
    #[cfg(feature = "tcp")]
    resolvers: Crew,
    /// Those who wait for what the application decides must not wait for names.
    crew: Crew,
    tuning: Tuning,
}

impl SystemWorld {
    /// A world without any thread; those of its crews are started when there is something to do.
    pub fn new() -> Self {
        Self {
            #[cfg(feature = "tcp")]
            resolvers: Crew::new("ferromq-resolve", UNRESOLVED),
            crew: Crew::new("ferromq-decide", UNDECIDED),
            tuning: kernel::allowed(Tuning::from_environment()),
        }
    }
}

impl Default for SystemWorld {
    fn default() -> Self {
        Self::new()
    }
}

thread_local! {
    /// Where this thread is an I/O thread.
    static WORKS_IN: Cell<Option<Process>> = const { Cell::new(None) };
    static BELL: RefCell<OwnBell> = RefCell::new(OwnBell::new());
}

impl World for SystemWorld {
    fn now(&self) -> Instant {
        Instant::now()
    }

    /// From the keys of the standard library's hash maps: seeded by the system once per thread, and
    /// different at each call. Not for secrets.
    fn random(&self) -> u64 {
        RandomState::new().build_hasher().finish()
    }

    #[cfg(feature = "curve")]
    fn entropy(&self, into: &mut [u8]) -> io::Result<()> {
        getrandom::fill(into).map_err(io::Error::other)
    }

    fn start(&self, name: String, mut worker: Box<dyn Worker>) -> io::Result<Box<dyn Running>> {
        let run = move || {
            WORKS_IN.set(Some(Process::this()));
            while worker.turn() == Turn::Continue {}
        };
        let handle = thread::Builder::new().name(name).spawn(run)?;
        Ok(Box::new(SystemThread(handle)))
    }

    fn is_worker(&self) -> bool {
        WORKS_IN.get().is_some_and(Process::is_this)
    }

    fn reactor(&self) -> io::Result<Arc<dyn Reactor>> {
        kernel::reactor()
    }

    fn tuning(&self) -> Tuning {
        self.tuning
    }

    fn bell(&self) -> Arc<dyn Bell> {
        // A thread that is ending, and has lost its bell already, gets another one.
        BELL.try_with(|own| own.borrow_mut().get())
            .unwrap_or_else(|_| Arc::new(SystemBell::new()))
    }

    #[cfg(unix)]
    fn level(&self) -> io::Result<Arc<dyn Level>> {
        kernel::level()
    }

    fn listen(
        &self,
        endpoint: &Endpoint,
        options: &TransportOptions,
    ) -> Result<Box<dyn Listener>, ListenError> {
        streams::listen(endpoint, options)
    }

    fn adopt(
        &self,
        bound: BoundListener,
        options: &TransportOptions,
    ) -> Result<Box<dyn Listener>, ListenError> {
        streams::adopt(bound, options)
    }

    fn adopt_stream(
        &self,
        connected: ConnectedStream,
        options: &TransportOptions,
    ) -> Result<(Arc<dyn Stream>, Endpoint), StreamError> {
        streams::adopt_stream(connected, options)
    }

    fn dial(&self, address: &Address, options: &TransportOptions) -> io::Result<Arc<dyn Stream>> {
        streams::dial(address, options)
    }

    /// Answers at once, on the calling thread, if there is nothing to look up.
    fn resolve(&self, endpoint: &Endpoint, reply: Resolved) {
        #[cfg(feature = "tcp")]
        if ferromq_transport::needs_resolver(endpoint) {
            let endpoint = endpoint.clone();
            let job = move |able: io::Result<()>| {
                reply(able.and_then(|()| ferromq_transport::resolve(&endpoint)));
            };
            return self.resolvers.run(Box::new(job));
        }
        reply(streams::resolve(endpoint));
    }

    fn offload(&self, job: Job) {
        self.crew.run(job);
    }
}

/// The bell of one thread.
struct OwnBell {
    bell: Arc<SystemBell>,
    process: Process,
}

impl OwnBell {
    fn new() -> Self {
        Self {
            bell: Arc::new(SystemBell::new()),
            process: Process::this(),
        }
    }

    /// The bell; a new one after a fork, for a thread of the parent hears the one before.
    fn get(&mut self) -> Arc<SystemBell> {
        if !self.process.is_this() {
            *self = Self::new();
        }
        Arc::clone(&self.bell)
    }
}

/// A started I/O thread.
struct SystemThread(JoinHandle<()>);

impl Running for SystemThread {
    fn join(self: Box<Self>) {
        // A worker that has panicked has said so on standard error; it is not running any more.
        let _ = self.0.join();
    }
}
