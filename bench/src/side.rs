//! One side of a run: its context, its threads, its link to the other side, and its meter.
//!
//! One of the two sides *conducts*: it says when each [`Phase`] begins. The other *follows*, and
//! notes the same moments, since each process can read its own processor time only.

use std::collections::BTreeMap;
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::Outcome;
use crate::cell::Role;
use crate::link::{Link, Note, Phase, Writer, lock};
use crate::machine::cpu_time;
use crate::opponent::{Opponent, Socket};
use crate::runner::Task;
use crate::sample::{Figure, Sample};

/// How long after the last message an opponent may still be busy.
const SETTLE: Duration = Duration::from_millis(10);

/// One side, in the thread that holds its link; sockets are in threads of their own.
pub(crate) struct Side<O: Opponent> {
    pub(crate) task: Task,
    pub(crate) role: Role,
    pub(crate) context: O::Context,
    link: Link,
    meter: Meter,
    /// The share of a processor that was used at rest.
    idle: f64,
    threads: Vec<JoinHandle<()>>,
    over: Arc<Gate>,
}

impl<O: Opponent> Side<O> {
    pub(crate) fn new(
        task: &Task,
        role: Role,
        context: O::Context,
        stream: UnixStream,
    ) -> Outcome<Self> {
        Ok(Self {
            task: task.clone(),
            role,
            context,
            link: Link::new(stream)?,
            meter: Meter::default(),
            idle: 0.0,
            threads: Vec::new(),
            over: Arc::default(),
        })
    }

    /// Runs `work` in a thread; an error of it ends the run.
    pub(crate) fn spawn(
        &mut self,
        name: String,
        work: impl FnOnce() -> Outcome + Send + 'static,
    ) -> Outcome {
        let link = self.writer();
        let report = move || match catch_unwind(AssertUnwindSafe(work)) {
            Ok(Ok(())) => {}
            Ok(Err(error)) => link.fail(error.to_string()),
            Err(_) => link.fail("a thread has panicked".to_owned()),
        };
        let thread = thread::Builder::new().name(name).spawn(report)?;
        self.threads.push(thread);
        Ok(())
    }

    /// How a socket gets its connections. If it connects, waits until the other side has bound.
    pub(crate) fn door(&mut self) -> Outcome<Door> {
        match self.role {
            Role::Binds => Ok(Door::Bind(self.task.endpoint.clone(), self.writer())),
            Role::Connects => loop {
                match self.next()? {
                    Note::Endpoint(endpoint) => return Ok(Door::Connect(endpoint)),
                    Note::Phase(phase) => self.meter.enter(phase),
                    note => return Err(format!("{note:?} instead of an endpoint").into()),
                }
            },
        }
    }

    pub(crate) fn next(&mut self) -> Outcome<Note> {
        self.link.next()
    }

    pub(crate) fn writer(&self) -> Writer {
        self.link.writer().clone()
    }

    /// What the threads wait for before they close their sockets.
    pub(crate) fn over(&self) -> Arc<Gate> {
        Arc::clone(&self.over)
    }

    /// Conducting: begins a phase on both sides.
    pub(crate) fn enter(&mut self, phase: Phase) -> Outcome {
        self.meter.enter(phase);
        self.link.writer().tell(&Note::Phase(phase))
    }

    /// While nothing is sent: measures what is used nevertheless. Each side does so by itself,
    /// since saying when would be something to do.
    pub(crate) fn rest(&mut self) {
        thread::sleep(SETTLE);
        let (start, cpu) = (Instant::now(), cpu_time());
        thread::sleep(self.task.idle);
        let (used, passed) = (cpu_time().saturating_sub(cpu), start.elapsed());
        self.idle = used.as_secs_f64() / passed.as_secs_f64();
    }

    /// Following: notes the phases until all is over.
    pub(crate) fn follow(&mut self) -> Outcome {
        while self.meter.phase != Some(Phase::Over) {
            match self.next()? {
                Note::Phase(phase) => self.meter.enter(phase),
                note => return Err(format!("{note:?} out of place").into()),
            }
            if self.meter.phase == Some(Phase::Idle) {
                self.rest();
            }
        }
        self.over.open();
        self.join()
    }

    /// Waits for the threads of this side.
    pub(crate) fn join(&mut self) -> Outcome {
        for thread in self.threads.drain(..) {
            thread.join().map_err(|_| "a thread has panicked")?;
        }
        self.link.writer().failure()
    }

    /// What this side has used, and what it has measured. The one that conducts knows how many
    /// messages there were and how long they took.
    pub(crate) fn sample(
        &self,
        count: u64,
        lost: u64,
        figures: BTreeMap<Figure, f64>,
    ) -> Outcome<Sample> {
        let measured = self.meter.spent(Phase::Measured)?;
        Ok(Sample {
            count,
            lost,
            seconds: if count > 0 { measured.seconds } else { 0.0 },
            cpu: measured.cpu,
            idle: self.idle,
            figures,
        })
    }
}

/// How a socket gets its connections.
#[derive(Clone)]
pub(crate) enum Door {
    /// It binds, and tells the other side where.
    Bind(String, Writer),
    Connect(String),
}

impl Door {
    pub(crate) fn open(&self, socket: &mut impl Socket) -> Outcome {
        match self {
            Self::Bind(endpoint, link) => link.tell(&Note::Endpoint(socket.bind(endpoint)?)),
            Self::Connect(endpoint) => socket.connect(endpoint),
        }
    }
}

/// Opened once, for all who wait.
#[derive(Default)]
pub(crate) struct Gate {
    is_open: Mutex<bool>,
    opened: Condvar,
}

impl Gate {
    pub(crate) fn wait(&self) {
        let guard = lock(&self.is_open);
        let guard = self.opened.wait_while(guard, |is_open| !*is_open);
        drop(guard.unwrap_or_else(PoisonError::into_inner));
    }

    fn open(&self) {
        *lock(&self.is_open) = true;
        self.opened.notify_all();
    }
}

/// When each phase began, and the processor time that this process had used by then.
#[derive(Default)]
struct Meter {
    phase: Option<Phase>,
    begun: BTreeMap<Phase, (Instant, Duration)>,
}

impl Meter {
    fn enter(&mut self, phase: Phase) {
        self.phase = Some(phase);
        self.begun.insert(phase, (Instant::now(), cpu_time()));
    }

    /// What passed between the beginning of this phase and the next.
    fn spent(&self, phase: Phase) -> Outcome<Spent> {
        let mut from = self.begun.range(phase..).map(|(_, &moment)| moment);
        let (Some((start, cpu)), Some((end, cpu_then))) = (from.next(), from.next()) else {
            return Err(format!("{phase:?} has not ended").into());
        };
        Ok(Spent {
            seconds: (end - start).as_secs_f64(),
            cpu: cpu_then.saturating_sub(cpu).as_secs_f64(),
        })
    }
}

struct Spent {
    seconds: f64,
    cpu: f64,
}
