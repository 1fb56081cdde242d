//! What the models have instead of a world and a pattern.

use std::collections::VecDeque;
use std::io;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU32 as PlainU32, Ordering as Plain};
use std::sync::{Arc, LazyLock, Mutex as PlainMutex};
use std::time::{Duration, Instant};

use ferromq_transport::{Address, Endpoint, ListenError, TransportOptions};
use ferromq_wire::{Message, SocketType};
use loom::sync::Notify;

use crate::pattern::{
    Actions, Admit, Dropped, Kind, Origin, Pattern, PipeId, Readiness, Receives, Refusal, Refused,
    Room, Route, Sends,
};
use crate::strategy::{FairQueue, RoundRobin};
use crate::sync::{AtomicBool, Ordering};
use crate::world::{
    Bell, Interest, Listener, Reactor, Ready, Resolved, Running, Source, Stream, Worker, World,
};

/// A world without threads and network.
#[derive(Debug)]
pub(super) struct StubWorld;

/// Its clock stands still: a model that is explored does the same each time.
static NOW: LazyLock<Instant> = LazyLock::new(Instant::now);

impl World for StubWorld {
    fn now(&self) -> Instant {
        *NOW
    }

    fn random(&self) -> u64 {
        0
    }

    fn start(&self, _: String, _: Box<dyn Worker>) -> io::Result<Box<dyn Running>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn reactor(&self) -> io::Result<Arc<dyn Reactor>> {
        Ok(Arc::new(StubReactor::default()))
    }

    fn bell(&self) -> Arc<dyn Bell> {
        Arc::new(StubBell::default())
    }

    fn listen(&self, _: &Endpoint, _: &TransportOptions) -> Result<Box<dyn Listener>, ListenError> {
        Err(ListenError::Unsupported)
    }

    fn dial(&self, _: &Address, _: &TransportOptions) -> io::Result<Arc<dyn Stream>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn resolve(&self, _: &Endpoint, reply: Resolved) {
        reply(Err(io::ErrorKind::Unsupported.into()));
    }
}

/// A bell. A deadline never comes: models give deadlines only that have passed already.
#[derive(Debug, Default)]
pub(super) struct StubBell(Notify);

impl Bell for StubBell {
    fn ring(&self) {
        self.0.notify();
    }

    fn wait(&self, _: &[&dyn Stream], _: Option<Instant>) {
        self.0.wait();
    }
}

/// A reactor on which nothing becomes ready; it only wakes by `notify`.
#[derive(Debug, Default)]
pub(super) struct StubReactor(Notify);

impl Reactor for StubReactor {
    fn add(&self, _: Source<'_>, _: u64) -> io::Result<()> {
        Ok(())
    }

    fn arm(&self, _: Source<'_>, _: u64, _: Interest) -> io::Result<()> {
        Ok(())
    }

    fn wait(&self, _: &mut Vec<Ready>, timeout: Option<Duration>) -> io::Result<()> {
        if timeout.is_none() {
            self.0.wait();
        }
        Ok(())
    }

    fn notify(&self) {
        self.0.notify();
    }
}

/// What a stream does at one write; after its script it takes everything.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// Takes at most so many bytes.
    Take(usize),
    /// Would block.
    Full,
}

/// A stream that remembers what was written, and fails the model if two write at once.
#[derive(Debug)]
pub(super) struct StubStream {
    script: PlainMutex<VecDeque<Step>>,
    taken: PlainMutex<Vec<u8>>,
    inside: AtomicBool,
}

impl StubStream {
    pub(super) fn new(script: &[Step]) -> Self {
        Self {
            script: PlainMutex::new(script.iter().copied().collect()),
            taken: PlainMutex::new(Vec::new()),
            inside: AtomicBool::new(false),
        }
    }

    /// Everything written so far.
    pub(super) fn taken(&self) -> Vec<u8> {
        self.taken.lock().unwrap().clone()
    }

    fn take(&self, slices: &[io::IoSlice<'_>]) -> io::Result<usize> {
        let step = self.script.lock().unwrap().pop_front();
        let most = match step {
            None => usize::MAX,
            Some(Step::Take(most)) => most,
            Some(Step::Full) => return Err(io::ErrorKind::WouldBlock.into()),
        };
        let bytes = slices
            .iter()
            .flat_map(|slice| slice.iter().copied())
            .take(most);
        let bytes: Vec<u8> = bytes.collect();
        self.taken.lock().unwrap().extend_from_slice(&bytes);
        Ok(bytes.len())
    }
}

impl Stream for StubStream {
    fn read(&self, _: &mut Vec<u8>, _: usize) -> io::Result<usize> {
        Err(io::ErrorKind::WouldBlock.into())
    }

    fn write(&self, slices: &[io::IoSlice<'_>]) -> io::Result<usize> {
        assert!(
            !self.inside.swap(true, Ordering::AcqRel),
            "two threads write"
        );
        let result = self.take(slices);
        self.inside.store(false, Ordering::Release);
        result
    }

    fn finish_connect(&self) -> io::Result<()> {
        Ok(())
    }

    fn shutdown_write(&self) -> io::Result<()> {
        Ok(())
    }

    fn shutdown(&self) {}

    fn peer_address(&self) -> String {
        String::new()
    }

    fn source(&self) -> Source<'_> {
        Source::Simulated(0, PhantomData)
    }
}

/// What [`Toy`] passes over.
pub(super) const UNWANTED: &str = "unwanted";

/// A pattern that sends round robin and receives fairly. Counts the notes that it is told of.
#[derive(Debug, Default)]
pub(super) struct Toy {
    peers: RoundRobin,
    incoming: FairQueue,
    pub(super) told: Arc<PlainU32>,
}

impl Pattern for Toy {
    const KIND: Kind = Kind {
        socket_type: SocketType::Pair,
        announces_routing_id: false,
        requeues: false,
        eager: false,
        receives: true,
        drops_at_close: false,
    };

    fn attach(&mut self, pipe: PipeId, _: &Origin, _: &mut Actions) -> Result<(), Refusal> {
        self.peers.attach(pipe);
        Ok(())
    }

    fn detach(&mut self, pipe: PipeId, _: &mut Actions) {
        self.peers.detach(pipe);
        self.incoming.detach(pipe);
    }

    fn writable(&mut self, pipe: PipeId) {
        self.told.fetch_add(1, Plain::Relaxed);
        self.peers.writable(pipe);
    }

    fn readable(&mut self, pipe: PipeId) {
        self.incoming.readable(pipe);
    }

    fn drained(&mut self, pipe: PipeId) {
        self.incoming.drained(pipe);
    }

    fn route(&mut self, _: &Message, room: &dyn Room, _: &mut Actions) -> Route<'_> {
        match self.peers.pick(room) {
            Some(pipe) => Route::To {
                pipe,
                strip: 0,
                prefix: &[],
            },
            None => Route::Park,
        }
    }

    fn next(&mut self) -> Result<Option<PipeId>, Refused> {
        Ok(self.incoming.next())
    }

    fn admit(&mut self, pipe: PipeId, message: &mut Message, _: &mut Actions) -> Admit {
        self.incoming.served(pipe);
        if message.part_str(0) == Ok(UNWANTED) {
            return Admit::Skip(Dropped::Unwanted);
        }
        Admit::Deliver
    }

    fn readiness(&self, _: &dyn Room) -> Readiness {
        Readiness::default()
    }
}

impl Sends for Toy {}
impl Receives for Toy {}
