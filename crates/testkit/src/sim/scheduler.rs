//! The scheduler: who runs next on the one thread, and when the clock moves.
//!
//! ```text
//!   step:  a worker can run, or something is due?  ── yes ──► one of them, by the dice
//!          └─ no ─► somebody waits for a time?      ── yes ──► move the clock there
//!                   └─ no ─► nothing can ever happen
//! ```
//!
//! A worker can run if it has not had its first turn, its last turn waited on nothing or was told
//! something (so that it computes its timeout anew), its reactor has news, or its timeout is over.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ferromq_core::world::{Bell, Running as Started, Stream, Turn, Worker};
use parking_lot::{Mutex, MutexGuard};

use super::conditions::Conditions;
use super::fault::Call;
use super::reactor::number;
use super::state::{Due, Running, Slot, State};
use super::trace::Event;

/// The state behind its lock, and what runs without the lock.
pub(super) struct Shared {
    state: Mutex<State>,
}

/// What a step did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Something happened, or the clock moved to where something will.
    Did,
    /// Nothing was left to do before the limit; the clock stands there.
    Limit,
    /// Nothing can ever happen.
    Nothing,
}

enum Task {
    Turn(usize, Box<dyn Worker>),
    Reply(Box<dyn FnOnce() + Send>),
    Step(Step),
}

impl Shared {
    pub(super) fn new(seed: u64, conditions: Conditions) -> Self {
        Self {
            state: Mutex::new(State::new(seed, conditions)),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    /// Does one thing; moves the clock up to `limit` at most.
    pub(super) fn step(&self, limit: Option<Duration>) -> Step {
        let task = self.lock().choose(limit);
        match task {
            Task::Turn(number, worker) => self.turn(number, worker),
            Task::Reply(reply) => {
                let _back = self.lend(Running::Reply);
                reply();
            }
            Task::Step(step) => return step,
        }
        Step::Did
    }

    /// Runs until `done`.
    ///
    /// # Panics
    /// If nothing can ever happen before that.
    pub(super) fn run_until(&self, mut done: impl FnMut() -> bool) {
        while !done() {
            if self.step(None) == Step::Nothing {
                self.deadlock();
            }
        }
    }

    pub(super) fn deadlock(&self) -> ! {
        let dump = self.lock().dump();
        panic!("deadlock in the simulated world: nothing can ever happen\n{dump}");
    }

    fn turn(&self, number: usize, mut worker: Box<dyn Worker>) {
        let turn = {
            let _back = self.lend(Running::Worker(number));
            worker.turn()
        };
        match turn {
            Turn::Continue => self.lock().put_back(number, worker),
            Turn::Stop => {
                drop(worker);
                self.lock().stop(number);
            }
        }
    }

    /// Gives the thread to somebody until the result is dropped, by a panic too.
    fn lend(&self, to: Running) -> Lent<'_> {
        self.lock().running = to;
        Lent { shared: self }
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.state.try_lock() {
            Some(state) => write!(f, "simulated world\n{}", state.dump()),
            None => f.write_str("simulated world (in use)"),
        }
    }
}

impl State {
    /// Its number.
    pub(super) fn add_worker(
        &mut self,
        host: usize,
        name: String,
        worker: Box<dyn Worker>,
    ) -> usize {
        let number = self.workers.len();
        self.record(Event::Started {
            worker: number,
            name: name.clone(),
        });
        self.workers.push(Slot {
            host,
            name,
            worker: Some(worker),
            stopped: false,
            reactor: None,
            parked: false,
            moves: [0; 2],
            until: None,
            rung: false,
            sources: Vec::new(),
        });
        number
    }

    fn choose(&mut self, limit: Option<Duration>) -> Task {
        self.check();
        let able: Vec<usize> = (0..self.workers.len())
            .filter(|n| self.can_run(*n))
            .collect();
        let due = self.is_due();
        if able.is_empty() && !due {
            return Task::Step(self.pass_time(limit));
        }
        let choice = self.dice.below(able.len() + usize::from(due));
        match able.get(choice).copied() {
            Some(worker) => self.begin_turn(worker),
            None => self.happen(),
        }
    }

    fn check(&mut self) {
        let running = self.running;
        assert!(
            running == Running::Application,
            "the simulated world was made to wait from within {running:?}\n{}",
            self.dump()
        );
        self.restless += 1;
        let patience = self.conditions.patience;
        assert!(
            self.restless <= patience,
            "livelock in the simulated world: {patience} steps and nothing moved\n{}",
            self.dump()
        );
    }

    /// True if something can happen without the clock moving.
    pub(super) fn is_busy(&self) -> bool {
        self.is_due() || (0..self.workers.len()).any(|number| self.can_run(number))
    }

    fn can_run(&self, number: usize) -> bool {
        let slot = &self.workers[number];
        if slot.worker.is_none() || self.is_starved(slot) {
            return false;
        }
        let over = slot.until.is_some_and(|until| until <= self.clock);
        let awake = !slot.parked || over || slot.rung;
        let mut sources = slot.sources.iter();
        awake
            || slot.reactor.is_some_and(|reactor| self.has_news(reactor))
            || sources.any(|source| self.readiness(*source).readable)
    }

    fn is_starved(&self, slot: &Slot) -> bool {
        self.conditions.starved && slot.reactor.is_some()
    }

    fn begin_turn(&mut self, number: usize) -> Task {
        self.record(Event::Turned { worker: number });
        let slot = &mut self.workers[number];
        slot.parked = false;
        slot.until = None;
        match slot.worker.take() {
            Some(worker) => Task::Turn(number, worker),
            None => Task::Step(Step::Did),
        }
    }

    fn put_back(&mut self, number: usize, worker: Box<dyn Worker>) {
        let moves = self.moves;
        let slot = &mut self.workers[number];
        slot.worker = Some(worker);
        self.idle_turns += u64::from(slot.moves == [moves; 2]);
        slot.moves = [moves, slot.moves[0]];
    }

    fn stop(&mut self, number: usize) {
        self.workers[number].stopped = true;
        self.record(Event::Stopped { worker: number });
    }

    /// Does what the agenda has next.
    fn happen(&mut self) -> Task {
        match self.take_due() {
            Some(Due::Arrive(link, side)) => self.arrive(link, side),
            Some(Due::Decide(link)) => self.decide(link),
            Some(Due::Reply(name, reply)) => {
                self.record(Event::Resolved(name));
                self.moved();
                return Task::Reply(reply);
            }
            None => {}
        }
        Task::Step(Step::Did)
    }

    /// Moves the clock to the next time at which something happens.
    fn pass_time(&mut self, limit: Option<Duration>) -> Step {
        let timeouts = self
            .workers
            .iter()
            .filter(|slot| !slot.stopped && !self.is_starved(slot))
            .filter_map(|s| s.until);
        let (next, step) = match (timeouts.chain(self.next_due()).min(), limit) {
            (None, None) => return Step::Nothing,
            (Some(next), Some(limit)) if limit < next => (limit, Step::Limit),
            (Some(next), _) => (next, Step::Did),
            (None, Some(limit)) => (limit, Step::Limit),
        };
        if next > self.clock {
            self.clock = next;
            self.restless = 0;
        }
        step
    }
}

/// Returns the thread to the application when dropped.
struct Lent<'a> {
    shared: &'a Shared,
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        let was = std::mem::replace(&mut state.running, Running::Application);
        if let (Running::Worker(number), true) = (was, std::thread::panicking()) {
            state.stop(number);
        }
    }
}

/// The handle to a started worker.
pub(super) struct SimRunning {
    shared: Arc<Shared>,
    number: usize,
}

impl SimRunning {
    /// Registers a worker.
    pub(super) fn start(
        shared: &Arc<Shared>,
        host: usize,
        name: String,
        worker: Box<dyn Worker>,
    ) -> io::Result<Self> {
        let mut state = shared.lock();
        state.hit(Call::Start)?;
        let number = state.add_worker(host, name, worker);
        drop(state);
        Ok(Self {
            shared: shared.clone(),
            number,
        })
    }
}

impl Started for SimRunning {
    /// Runs the world until the worker has stopped; returns at once while the test is failing.
    fn join(self: Box<Self>) {
        if !std::thread::panicking() {
            let Self { shared, number } = *self;
            shared.run_until(|| shared.lock().workers[number].stopped);
        }
    }
}

/// The bell of the one thread.
pub(super) struct SimBell {
    shared: Arc<Shared>,
}

impl SimBell {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }
}

impl fmt::Debug for SimBell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("simulated bell")
    }
}

impl Bell for SimBell {
    fn ring(&self) {
        let mut state = self.shared.lock();
        state.rung = true;
        state.record(Event::Rung);
    }

    /// Runs the world meanwhile.
    fn wait(&self, streams: &[&dyn Stream], deadline: Option<Instant>) {
        let sources: Vec<u64> = streams
            .iter()
            .map(|stream| number(stream.source()))
            .collect();
        let deadline = deadline.map(|deadline| self.shared.lock().offset(deadline));
        loop {
            if self.shared.lock().is_awake(&sources, deadline) {
                return;
            }
            if self.shared.step(deadline) == Step::Nothing {
                self.shared.deadlock();
            }
        }
    }
}

impl State {
    /// Whether a thread need not wait; if it has to, what it waits for is noted.
    pub(super) fn is_thread_awake(
        &mut self,
        number: usize,
        sources: &[u64],
        deadline: Option<Instant>,
    ) -> bool {
        let until = deadline.map(|deadline| self.offset(deadline));
        let has_come = self.has_come(sources, until);
        let slot = &mut self.workers[number];
        let awake = std::mem::take(&mut slot.rung) || has_come;
        slot.parked = !awake;
        slot.until = until.filter(|_| !awake);
        slot.sources = match awake {
            true => Vec::new(),
            false => sources.to_vec(),
        };
        awake
    }

    fn is_awake(&mut self, sources: &[u64], deadline: Option<Duration>) -> bool {
        let has_come = self.has_come(sources, deadline);
        std::mem::take(&mut self.rung) || has_come
    }

    /// Whether there is something to read, or the time is over.
    fn has_come(&self, sources: &[u64], until: Option<Duration>) -> bool {
        let is_over = until.is_some_and(|until| until <= self.clock);
        let mut sources = sources.iter();
        is_over || sources.any(|source| self.readiness(*source).readable)
    }
}
