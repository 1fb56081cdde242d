//! Further threads of the application: of all of a world's, one runs at a time.
//!
//! Such a thread has turns as a worker has, chosen by the same dice. A turn ends where the thread
//! waits for its bell, or with it; meanwhile whoever runs the world stands still. So everything
//! between two waits is one step, and what is chosen decides alone in which order things happen.

use std::any::Any;
use std::cell::RefCell;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use ferromq_core::world::{Bell, Stream, Turn, Worker};
use parking_lot::Mutex;

use super::reactor::number;
use super::scheduler::Shared;
use super::trace::Event;

thread_local! {
    /// The bell of this thread, if a world has started it.
    static OWN: RefCell<Option<Arc<ThreadBell>>> = const { RefCell::new(None) };
}

/// The bell of this thread, if a world has started it.
pub(super) fn own_bell() -> Option<Arc<ThreadBell>> {
    OWN.with_borrow(Clone::clone)
}

/// A thread that [`SimWorld::spawn`](super::SimWorld::spawn) has started.
pub struct SimThread<T> {
    shared: Arc<Shared>,
    number: usize,
    result: Receiver<T>,
}

impl<T: Send + 'static> SimThread<T> {
    pub(super) fn start(
        shared: &Arc<Shared>,
        host: usize,
        name: String,
        body: impl FnOnce() -> T + Send + 'static,
    ) -> Self {
        let (go, told) = mpsc::channel();
        let (stands, standing) = mpsc::channel();
        let (done, result) = mpsc::channel();
        let mut state = shared.lock();
        let number = state.workers.len();
        let bell = ThreadBell {
            shared: shared.clone(),
            number,
            told: Mutex::new(told),
            stands: Mutex::new(stands.clone()),
        };
        let thread = thread::spawn(move || {
            let bell = Arc::new(bell);
            OWN.set(Some(Arc::clone(&bell)));
            bell.begin();
            let end = catch_unwind(AssertUnwindSafe(body));
            // Nobody may want to know.
            let end = end.map(|result| drop(done.send(result)));
            let _ = stands.send(Stands::Over);
            end
        });
        let thread = Guest {
            go: Some(go),
            standing,
            thread: Some(thread),
        };
        state.add_worker(host, name, Box::new(thread));
        drop(state);
        Self {
            shared: shared.clone(),
            number,
            result,
        }
    }

    /// True if it has ended, or its host has crashed.
    pub fn is_over(&self) -> bool {
        self.shared.lock().workers[self.number].stopped
    }

    /// Runs the world until it has ended; what it returned. `None`: its host has crashed.
    ///
    /// # Panics
    /// With "deadlock" if nothing can ever happen before that.
    pub fn join(self) -> Option<T> {
        self.shared.run_until(|| self.is_over());
        self.result.try_recv().ok()
    }
}

impl<T> fmt::Debug for SimThread<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "simulated thread {}", self.number)
    }
}

/// What a thread ends with.
type End = Result<(), Box<dyn Any + Send>>;

/// Why a thread's turn is over.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stands {
    /// It waits for its bell.
    Waiting,
    Over,
}

/// A thread as the scheduler sees it.
struct Guest {
    /// Has it run on. Dropped, it unwinds.
    go: Option<Sender<()>>,
    standing: Receiver<Stands>,
    thread: Option<JoinHandle<End>>,
}

impl Guest {
    /// Waits for its end, thread locals included.
    fn end(&mut self) -> End {
        self.go = None;
        let thread = self.thread.take();
        thread.map_or(Ok(()), |thread| thread.join().and_then(|end| end))
    }
}

impl Worker for Guest {
    /// A panic of the thread is one of who runs the world.
    fn turn(&mut self) -> Turn {
        let runs = self.go.as_ref().is_some_and(|go| go.send(()).is_ok());
        if runs && self.standing.recv() == Ok(Stands::Waiting) {
            return Turn::Continue;
        }
        match self.end() {
            Ok(()) => Turn::Stop,
            Err(panic) => resume_unwind(panic),
        }
    }
}

impl Drop for Guest {
    /// Its host has crashed: what it had on its stack goes without a sound.
    fn drop(&mut self) {
        let _ = self.end();
    }
}

/// The bell of a thread.
pub(super) struct ThreadBell {
    shared: Arc<Shared>,
    number: usize,
    told: Mutex<Receiver<()>>,
    stands: Mutex<Sender<Stands>>,
}

impl ThreadBell {
    /// Waits for the first turn.
    fn begin(&self) {
        if self.told.lock().recv().is_err() {
            resume_unwind(Box::new(Crashed));
        }
    }

    /// Ends the turn, and waits for the next one.
    fn stand(&self) {
        let stands = self.stands.lock().send(Stands::Waiting).is_ok();
        let goes_on = stands && self.told.lock().recv().is_ok();
        if !goes_on && !thread::panicking() {
            resume_unwind(Box::new(Crashed));
        }
    }
}

/// What a thread unwinds with whose host has crashed.
struct Crashed;

impl Bell for ThreadBell {
    fn ring(&self) {
        let mut state = self.shared.lock();
        state.workers[self.number].rung = true;
        state.record(Event::Rung);
    }

    /// The others run meanwhile.
    fn wait(&self, streams: &[&dyn Stream], deadline: Option<Instant>) {
        let sources = streams.iter().map(|stream| number(stream.source()));
        let sources: Vec<u64> = sources.collect();
        while !self
            .shared
            .lock()
            .is_thread_awake(self.number, &sources, deadline)
        {
            self.stand();
        }
    }
}

impl fmt::Debug for ThreadBell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "simulated bell of thread {}", self.number)
    }
}
