//! The world as the operating system has it.

#![expect(
    clippy::disallowed_methods,
    reason = "this is the one place where the clock is read and threads are started"
)]

use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Instant;

use ferromq_transport::{Address, Endpoint, ListenError, TransportOptions, needs_resolver};

use super::bell::SystemBell;
use super::resolver::Resolver;
use super::{
    Bell, Listener, Reactor, Resolved, Running, Source, Stream, Tuning, Turn, Worker, World,
};

/// The operating system: its clock, threads, sockets, readiness and names.
///
/// Bells belong to threads, not to a world: two worlds on one thread share one. On unixes other
/// than Linux readiness comes from `poll(2)`; that is tested on Linux only.
#[derive(Debug)]
pub struct SystemWorld {
    resolver: Resolver,
    tuning: Tuning,
}

impl SystemWorld {
    /// A world without any thread; the resolver's threads are started when a name comes.
    pub fn new() -> Self {
        Self {
            resolver: Resolver::new(),
            tuning: Tuning::from_environment(),
        }
    }
}

impl Default for SystemWorld {
    fn default() -> Self {
        Self::new()
    }
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

    fn start(&self, name: String, mut worker: Box<dyn Worker>) -> io::Result<Box<dyn Running>> {
        let run = move || while worker.turn() == Turn::Continue {};
        let handle = thread::Builder::new().name(name).spawn(run)?;
        Ok(Box::new(SystemThread(handle)))
    }

    #[cfg(target_os = "linux")]
    fn reactor(&self) -> io::Result<Arc<dyn Reactor>> {
        Ok(Arc::new(super::reactor::EpollReactor::new()?))
    }

    #[cfg(not(target_os = "linux"))]
    fn reactor(&self) -> io::Result<Arc<dyn Reactor>> {
        Ok(super::reactor_poll::PollReactor::new()?)
    }

    fn tuning(&self) -> Tuning {
        self.tuning
    }

    fn bell(&self) -> Arc<dyn Bell> {
        thread_local!(static BELL: Arc<SystemBell> = Arc::new(SystemBell::new()));
        // A thread that is ending, and has lost its bell already, gets another one.
        BELL.try_with(Arc::clone)
            .unwrap_or_else(|_| Arc::new(SystemBell::new()))
    }

    fn listen(
        &self,
        endpoint: &Endpoint,
        options: &TransportOptions,
    ) -> Result<Box<dyn Listener>, ListenError> {
        let listener = ferromq_transport::Listener::bind(endpoint, options)?;
        Ok(Box::new(SystemListener(listener)))
    }

    fn dial(&self, address: &Address, options: &TransportOptions) -> io::Result<Arc<dyn Stream>> {
        let stream = ferromq_transport::Stream::dial(address, options)?;
        Ok(Arc::new(SystemStream(stream)))
    }

    /// Answers at once, on the calling thread, if there is nothing to look up.
    fn resolve(&self, endpoint: &Endpoint, reply: Resolved) {
        if needs_resolver(endpoint) {
            self.resolver.resolve(endpoint.clone(), reply);
        } else {
            reply(ferromq_transport::resolve(endpoint));
        }
    }
}

/// A started I/O thread.
struct SystemThread(JoinHandle<()>);

impl Running for SystemThread {
    fn join(self: Box<Self>) {
        // A worker that has panicked has said so on standard error; it is not running any more.
        let _ = self.0.join();
    }

    fn is_current(&self) -> bool {
        self.0.thread().id() == thread::current().id()
    }
}

/// A stream of the system.
#[derive(Debug)]
struct SystemStream(ferromq_transport::Stream);

impl Stream for SystemStream {
    fn read(&self, into: &mut Vec<u8>, most: usize) -> io::Result<usize> {
        self.0.read(into, most)
    }

    fn write(&self, slices: &[io::IoSlice<'_>]) -> io::Result<usize> {
        self.0.write(slices)
    }

    fn finish_connect(&self) -> io::Result<()> {
        self.0.finish_connect()
    }

    fn shutdown_write(&self) -> io::Result<()> {
        self.0.shutdown_write()
    }

    fn shutdown(&self) {
        self.0.shutdown();
    }

    fn peer_address(&self) -> String {
        self.0.peer_address()
    }

    fn source(&self) -> Source<'_> {
        Source::Fd(self.0.as_fd())
    }
}

/// A listener of the system.
#[derive(Debug)]
struct SystemListener(ferromq_transport::Listener);

impl Listener for SystemListener {
    fn accept(&self) -> io::Result<Arc<dyn Stream>> {
        Ok(Arc::new(SystemStream(self.0.accept()?)))
    }

    fn endpoint(&self) -> Endpoint {
        self.0.endpoint()
    }

    fn source(&self) -> Source<'_> {
        Source::Fd(self.0.as_fd())
    }
}

#[cfg(not(target_os = "linux"))]
impl Drop for SystemStream {
    fn drop(&mut self) {
        super::reactor_poll::forget(self.0.as_fd());
    }
}

#[cfg(not(target_os = "linux"))]
impl Drop for SystemListener {
    fn drop(&mut self) {
        super::reactor_poll::forget(self.0.as_fd());
    }
}
