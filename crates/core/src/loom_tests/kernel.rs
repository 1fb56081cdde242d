//! A modelled kernel: streams whose peer is the model, a reactor, and bells that poll.
//!
//! A stream is readable by level. Each call is one indivisible step, as a system call is; loom puts
//! the steps of other threads between any two of them. What a peer would take time for happens at
//! once, so that a model needs no thread for it: dialing succeeds, the peer's handshake is there,
//! and after `shutdown_write` the peer ends when it is read the next time.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64 as PlainU64, Ordering as Plain};
use std::sync::{Arc, LazyLock, Mutex as PlainMutex};
use std::task::Wake;
use std::time::{Duration, Instant};

use ferromq_testkit::frames::{self, Frames};
use ferromq_transport::{Address, Endpoint, ListenError, TransportOptions};
use loom::sync::{Condvar, Mutex};
use loom::thread;

use crate::world::{
    Bell, Interest, Listener, Reactor, Ready, Resolved, Running, Source, Stream, Worker, World,
};

/// Where every model begins: an exploration does the same each time.
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// What becomes of an I/O thread that waits for a deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Time {
    /// The deadline comes at once.
    Passes,
    /// It never comes: what relies on it is stuck, and loom reports that.
    StandsStill,
}

/// What a model's world is like.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manner {
    pub(super) time: Time,
    /// By how much a sleep on streams moves the clock.
    pub(super) nap: Duration,
    /// How many streams can be dialed.
    pub(super) streams: usize,
}

impl Default for Manner {
    fn default() -> Self {
        Self {
            time: Time::StandsStill,
            nap: Duration::ZERO,
            streams: 1,
        }
    }
}

/// The world of one model: one I/O thread, which the model drives, and streams in the order in
/// which they are dialed.
#[derive(Debug)]
pub(super) struct Kernel {
    manner: Manner,
    elapsed: Arc<PlainU64>,
    reactor: Arc<KernelReactor>,
    worker: PlainMutex<Option<Box<dyn Worker>>>,
    dialed: PlainU64,
}

impl Kernel {
    pub(super) fn new(manner: Manner) -> Arc<Self> {
        let elapsed = Arc::new(PlainU64::new(0));
        let streams = (0..manner.streams).map(KernelStream::new).map(Arc::new);
        let reactor = KernelReactor {
            streams: streams.collect(),
            time: manner.time,
            elapsed: Arc::clone(&elapsed),
            expired: PlainU64::new(0),
            sleeper: Arc::default(),
        };
        Arc::new(Self {
            manner,
            elapsed,
            reactor: Arc::new(reactor),
            worker: PlainMutex::new(None),
            dialed: PlainU64::new(0),
        })
    }

    /// The stream that is dialed as number `at`.
    pub(super) fn stream(&self, at: usize) -> Arc<KernelStream> {
        Arc::clone(&self.reactor.streams[at])
    }

    /// The I/O thread's work, once it has been started.
    pub(super) fn take_worker(&self) -> Box<dyn Worker> {
        let worker = self.worker.lock().unwrap().take();
        worker.expect("the I/O thread was started")
    }
}

impl fmt::Debug for dyn Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Worker")
    }
}

fn now(elapsed: &PlainU64) -> Instant {
    *START + Duration::from_nanos(elapsed.load(Plain::Relaxed))
}

fn pass(elapsed: &PlainU64, time: Duration) {
    let time = u64::try_from(time.as_nanos()).unwrap();
    elapsed.fetch_add(time, Plain::Relaxed);
}

impl World for Kernel {
    fn now(&self) -> Instant {
        now(&self.elapsed)
    }

    fn random(&self) -> u64 {
        0
    }

    fn start(&self, _: String, worker: Box<dyn Worker>) -> io::Result<Box<dyn Running>> {
        *self.worker.lock().unwrap() = Some(worker);
        Ok(Box::new(Driven))
    }

    fn reactor(&self) -> io::Result<Arc<dyn Reactor>> {
        Ok(Arc::clone(&self.reactor) as Arc<dyn Reactor>)
    }

    fn bell(&self) -> Arc<dyn Bell> {
        Arc::new(KernelBell {
            sleeper: Arc::default(),
            reactor: Arc::clone(&self.reactor),
            nap: self.manner.nap,
        })
    }

    fn listen(&self, _: &Endpoint, _: &TransportOptions) -> Result<Box<dyn Listener>, ListenError> {
        Err(ListenError::Unsupported)
    }

    fn dial(&self, _: &Address, _: &TransportOptions) -> io::Result<Arc<dyn Stream>> {
        let at = self.dialed.fetch_add(1, Plain::Relaxed) as usize;
        match self.reactor.streams.get(at) {
            Some(stream) => Ok(Arc::clone(stream) as Arc<dyn Stream>),
            None => panic!("dialed more often than the model expects"),
        }
    }

    fn resolve(&self, endpoint: &Endpoint, reply: Resolved) {
        reply(ferromq_transport::resolve(endpoint));
    }
}

/// The model runs the I/O thread itself, and waits for its end.
struct Driven;

impl Running for Driven {
    fn join(self: Box<Self>) {}
}

/// Somebody inside a wait. (Not loom's `Notify`: that wakes without reason, too, and each time an
/// I/O thread's turn more has to be explored.)
#[derive(Default)]
pub(super) struct Sleeper {
    woken: Mutex<bool>,
    wakes: Condvar,
}

impl Sleeper {
    fn rouse(&self) {
        *self.woken.lock().unwrap() = true;
        self.wakes.notify_one();
    }

    pub(super) fn sleep(&self) {
        let mut woken = self.woken.lock().unwrap();
        while !std::mem::take(&mut *woken) {
            woken = self.wakes.wait(woken).unwrap();
        }
    }
}

impl Wake for Sleeper {
    fn wake(self: Arc<Self>) {
        self.rouse();
    }
}

impl fmt::Debug for Sleeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sleeper")
    }
}

/// A level-triggered, one-shot reactor.
#[derive(Debug)]
struct KernelReactor {
    streams: Vec<Arc<KernelStream>>,
    time: Time,
    elapsed: Arc<PlainU64>,
    /// How many deadlines have come since anything else happened.
    expired: PlainU64,
    sleeper: Arc<Sleeper>,
}

impl KernelReactor {
    fn stream(&self, source: Source<'_>) -> &KernelStream {
        match source {
            Source::Simulated(at, _) => &self.streams[at as usize],
            Source::System(_) => unreachable!("there are no descriptors here"),
        }
    }

    /// What is ready; it is silent from then on.
    fn scan(&self, ready: &mut Vec<Ready>) {
        ready.extend(self.streams.iter().filter_map(|stream| stream.report()));
    }
}

impl Reactor for KernelReactor {
    fn add(&self, _: Source<'_>, _: u64) -> io::Result<()> {
        Ok(())
    }

    fn arm(&self, source: Source<'_>, token: u64, interest: Interest) -> io::Result<()> {
        if self.stream(source).arm(token, interest, &self.sleeper)? {
            self.sleeper.rouse();
        }
        Ok(())
    }

    fn wait(&self, ready: &mut Vec<Ready>, timeout: Option<Duration>) -> io::Result<()> {
        self.scan(ready);
        if !ready.is_empty() || timeout.is_some_and(|timeout| timeout.is_zero()) {
            self.expired.store(0, Plain::Relaxed);
            return Ok(());
        }
        if let (Time::Passes, Some(timeout)) = (self.time, timeout) {
            pass(&self.elapsed, timeout);
            // Somebody may have to go on for this to end.
            if self.expired.fetch_add(1, Plain::Relaxed) > 1 {
                thread::yield_now();
            }
            return Ok(());
        }
        self.sleeper.sleep();
        self.expired.store(0, Plain::Relaxed);
        self.scan(ready);
        Ok(())
    }

    fn notify(&self) {
        self.sleeper.rouse();
    }
}

/// The bell of one thread.
#[derive(Debug)]
struct KernelBell {
    sleeper: Arc<Sleeper>,
    reactor: Arc<KernelReactor>,
    nap: Duration,
}

impl Bell for KernelBell {
    fn ring(&self) {
        self.sleeper.rouse();
    }

    /// A deadline never comes: models give deadlines only that have passed already.
    fn wait(&self, streams: &[&dyn Stream], _: Option<Instant>) {
        let streams = || {
            let sources = streams.iter().map(|stream| stream.source());
            sources.map(|source| self.reactor.stream(source))
        };
        if streams().all(|stream| stream.poll(&self.sleeper)) {
            self.sleeper.sleep();
            pass(&self.reactor.elapsed, self.nap);
        }
        streams().for_each(|stream| stream.poll_no_more(&self.sleeper));
    }
}

/// A stream, and its peer as the model plays it.
pub(super) struct KernelStream {
    at: u64,
    state: Mutex<State>,
    /// Who plays the peer waits here for what the socket does.
    peer: Sleeper,
}

struct State {
    input: VecDeque<u8>,
    ended: bool,
    ending: bool,
    full: bool,
    output: Vec<u8>,
    armed: Option<(u64, Interest, Arc<Sleeper>)>,
    polling: Vec<Arc<Sleeper>>,
    watched_twice: bool,
    refuses: bool,
}

impl State {
    fn is_readable(&self) -> bool {
        self.ended || !self.input.is_empty()
    }

    fn is_ready_for(&self, interest: Interest) -> Ready {
        Ready {
            token: 0,
            readable: interest.read && self.is_readable(),
            writable: interest.write && (self.ended || !self.full),
        }
    }

    /// Notes whether both the reactor and a sleeper wait for something to read.
    fn note_watchers(&mut self) {
        let armed = matches!(&self.armed, Some((_, interest, _)) if interest.read);
        self.watched_twice |= armed && !self.polling.is_empty();
    }

    /// Who is to be woken now.
    fn woken(&self) -> Vec<Arc<Sleeper>> {
        let mut woken = Vec::new();
        if let Some((_, interest, sleeper)) = &self.armed {
            let ready = self.is_ready_for(*interest);
            if ready.readable || ready.writable {
                woken.push(Arc::clone(sleeper));
            }
        }
        if self.is_readable() {
            woken.extend(self.polling.iter().cloned());
        }
        woken
    }
}

impl KernelStream {
    fn new(at: usize) -> Self {
        let handshake = frames::greeting().then(frames::ready("PAIR"));
        let state = State {
            input: handshake.bytes().iter().copied().collect(),
            ended: false,
            ending: false,
            full: false,
            output: Vec::new(),
            armed: None,
            polling: Vec::new(),
            watched_twice: false,
            refuses: false,
        };
        Self {
            at: at as u64,
            state: Mutex::new(state),
            peer: Sleeper::default(),
        }
    }

    /// The peer sends this.
    pub(super) fn feed(&self, frames: &Frames) {
        self.change(|state| state.input.extend(frames.bytes()));
    }

    /// The peer ends.
    pub(super) fn end(&self) {
        self.change(|state| state.ended = true);
    }

    /// The kernel's buffer for what is written is full, or not.
    pub(super) fn set_full(&self, full: bool) {
        self.change(|state| state.full = full);
    }

    /// The kernel has no memory to watch the stream the next time.
    pub(super) fn refuse_once(&self) {
        self.state.lock().unwrap().refuses = true;
    }

    /// Waits until the socket has written this.
    pub(super) fn expect(&self, frames: &Frames) {
        self.expect_that(|state| {
            let wanted = frames.bytes();
            let mut windows = state.output.windows(wanted.len());
            windows.any(|window| window == wanted)
        });
    }

    /// Waits until a thread sleeps on the stream.
    pub(super) fn expect_sleeper(&self) {
        self.expect_that(|state| !state.polling.is_empty());
    }

    /// True if there was a moment in which both the reactor and a sleeper waited for something to
    /// read.
    pub(super) fn was_watched_twice(&self) -> bool {
        self.state.lock().unwrap().watched_twice
    }

    /// True if an event would be reported for something to read.
    pub(super) fn is_armed(&self) -> bool {
        let state = self.state.lock().unwrap();
        let armed = state.armed.as_ref();
        armed.is_some_and(|(_, interest, _)| interest.read)
    }

    fn expect_that(&self, is_so: impl Fn(&State) -> bool) {
        while !is_so(&self.state.lock().unwrap()) {
            self.peer.sleep();
        }
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state.lock().unwrap();
        change(&mut state);
        let woken = state.woken();
        drop(state);
        woken.iter().for_each(|sleeper| sleeper.rouse());
    }

    /// True if it is ready now.
    fn arm(&self, token: u64, interest: Interest, sleeper: &Arc<Sleeper>) -> io::Result<bool> {
        let mut state = self.state.lock().unwrap();
        if std::mem::take(&mut state.refuses) {
            return Err(io::ErrorKind::OutOfMemory.into());
        }
        let some = interest != Interest::default();
        state.armed = some.then(|| (token, interest, Arc::clone(sleeper)));
        state.note_watchers();
        let ready = state.is_ready_for(interest);
        Ok(ready.readable || ready.writable)
    }

    fn report(&self) -> Option<Ready> {
        let mut state = self.state.lock().unwrap();
        let (token, interest, _) = state.armed.as_ref()?;
        let ready = Ready {
            token: *token,
            ..state.is_ready_for(*interest)
        };
        if !ready.readable && !ready.writable {
            return None;
        }
        state.armed = None;
        Some(ready)
    }

    /// False: it is readable, do not sleep.
    fn poll(&self, sleeper: &Arc<Sleeper>) -> bool {
        let mut state = self.state.lock().unwrap();
        let sleeps = !state.is_readable();
        if sleeps {
            state.polling.push(Arc::clone(sleeper));
            state.note_watchers();
        }
        drop(state);
        self.peer.rouse();
        sleeps
    }

    fn poll_no_more(&self, sleeper: &Arc<Sleeper>) {
        let mut state = self.state.lock().unwrap();
        state.polling.retain(|other| !Arc::ptr_eq(other, sleeper));
    }
}

impl fmt::Debug for KernelStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KernelStream({})", self.at)
    }
}

impl Stream for KernelStream {
    fn read(&self, into: &mut Vec<u8>, most: usize) -> io::Result<usize> {
        let mut state = self.state.lock().unwrap();
        if state.input.is_empty() && !state.ended {
            let ends = std::mem::take(&mut state.ending);
            drop(state);
            if ends {
                self.end();
            }
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let count = most.min(state.input.len());
        into.extend(state.input.drain(..count));
        Ok(count)
    }

    fn write(&self, slices: &[io::IoSlice<'_>]) -> io::Result<usize> {
        let mut state = self.state.lock().unwrap();
        if state.full {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let before = state.output.len();
        for slice in slices {
            state.output.extend_from_slice(slice);
        }
        let count = state.output.len() - before;
        drop(state);
        self.peer.rouse();
        Ok(count)
    }

    fn finish_connect(&self) -> io::Result<()> {
        Ok(())
    }

    fn shutdown_write(&self) -> io::Result<()> {
        self.change(|state| state.ending = true);
        Ok(())
    }

    fn shutdown(&self) {
        self.end();
    }

    fn peer_address(&self) -> String {
        String::new()
    }

    fn source(&self) -> Source<'_> {
        Source::Simulated(self.at, PhantomData)
    }
}
