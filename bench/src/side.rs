//! One side of a run: its context, its threads, its link to the other side, and its meter.
//!
//! One of the two sides *conducts*: it says when each [`Phase`] begins. The other *follows*, and
//! notes the same moments, since each process can read its own processor time only.

use std::collections::BTreeMap;
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use crate::Outcome;
use crate::cell::{Broker, Role};
use crate::link::{Link, Note, Phase, Writer, lock};
use crate::meter::Meter;
use crate::opponent::{Opponent, Socket};
use crate::runner::Task;
use crate::sample::{Figure, Sample};
use crate::stage::Stage;

/// One side, in the thread that holds its link; sockets are often in threads of their own.
pub(crate) struct Side<O: Opponent> {
    pub(crate) task: Task,
    pub(crate) role: Role,
    pub(crate) context: O::Context,
    pub(crate) meter: Meter,
    figures: Figures,
    link: Link,
    threads: Vec<JoinHandle<()>>,
    /// Ends the proxy, if this side has one.
    end_proxy: Option<Box<dyn FnOnce() -> Outcome + Send>>,
    stage: Arc<Stage>,
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
            meter: Meter::default(),
            figures: Figures::default(),
            link: Link::new(stream)?,
            threads: Vec::new(),
            end_proxy: None,
            stage: Arc::default(),
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
            Role::Binds => match self.task.cell.work.proxied() {
                Some((broker, _)) => self.proxy(broker),
                None => Ok(Door::Bind(self.task.endpoint.clone(), self.writer())),
            },
            Role::Connects => loop {
                match self.next()? {
                    Note::Endpoint(endpoint) => return Ok(Door::Connect(endpoint)),
                    Note::Phase(phase) => self.note(phase),
                    note => return Err(format!("{note:?} instead of an endpoint").into()),
                }
            },
        }
    }

    /// Starts a proxy, to which both sides connect: those who answer or publish are here.
    fn proxy(&mut self, broker: Broker) -> Outcome<Door> {
        let proxy = O::proxy(&self.context, broker, &self.task.endpoint)?;
        self.end_proxy = Some(proxy.end);
        let (here, there) = match broker {
            Broker::Requests => (proxy.back, proxy.front),
            Broker::Publications => (proxy.front, proxy.back),
        };
        self.writer().tell(&Note::Endpoint(there))?;
        Ok(Door::Connect(here))
    }

    pub(crate) fn next(&mut self) -> Outcome<Note> {
        self.link.next()
    }

    /// Waits for the acknowledgement of the only receiver; how many messages it has.
    pub(crate) fn acknowledged(&mut self) -> Outcome<u64> {
        match self.next()? {
            Note::Ack { received, .. } => Ok(received),
            note => Err(format!("{note:?} instead of an acknowledgement").into()),
        }
    }

    pub(crate) fn writer(&self) -> Writer {
        self.link.writer().clone()
    }

    /// For the threads of this side: in which phase it is.
    pub(crate) fn stage(&self) -> Arc<Stage> {
        Arc::clone(&self.stage)
    }

    /// Conducting: begins a phase on both sides.
    pub(crate) fn enter(&mut self, phase: Phase) -> Outcome {
        self.note(phase);
        self.link.writer().tell(&Note::Phase(phase))
    }

    /// Conducting: ends the run, on this side first, so that the other one can take what is left.
    pub(crate) fn close(&mut self) -> Outcome {
        self.stage.enter(Phase::Over);
        self.join()?;
        self.enter(Phase::Over)
    }

    /// Following: notes the phases until all is over.
    pub(crate) fn follow(&mut self) -> Outcome {
        loop {
            match self.next()? {
                Note::Phase(phase) => self.note(phase),
                note => return Err(format!("{note:?} out of place").into()),
            }
            match self.stage.phase() {
                Some(Phase::Idle) => self.rest(),
                Some(Phase::Over) => return self.join(),
                _ => {}
            }
        }
    }

    /// While nothing is sent: measures what is used nevertheless. Each side does so by itself,
    /// since saying when would be something to do.
    pub(crate) fn rest(&mut self) {
        self.meter.rest(self.task.idle);
    }

    /// Where the threads of this side put what they have measured.
    pub(crate) fn figures(&self) -> Figures {
        self.figures.clone()
    }

    pub(crate) fn put(&self, figure: Figure, value: f64) {
        self.figures.put(figure, value);
    }

    /// What this side has used, and what it has measured.
    pub(crate) fn sample(&self, count: Count) -> Outcome<Sample> {
        let measured = self.meter.spent(Phase::Measured)?;
        let at_rest = self.meter.at_rest();
        let is_counting = count.total > 0;
        Ok(Sample {
            count: count.measured,
            total: count.total,
            lost: count.lost,
            seconds: if is_counting { measured.seconds } else { 0.0 },
            cpu: measured.cpu,
            idle: at_rest.cores,
            wake_ups: at_rest.wake_ups,
            figures: std::mem::take(&mut *lock(&self.figures.0)),
        })
    }

    fn note(&mut self, phase: Phase) {
        self.meter.enter(phase);
        self.stage.enter(phase);
    }

    /// Waits for the threads of this side.
    fn join(&mut self) -> Outcome {
        for thread in self.threads.drain(..) {
            thread.join().map_err(|_| "a thread has panicked")?;
        }
        if let Some(end) = self.end_proxy.take() {
            end()?;
        }
        self.link.writer().failure()
    }
}

/// What the threads of a side have measured.
#[derive(Clone, Default)]
pub(crate) struct Figures(Arc<Mutex<BTreeMap<Figure, f64>>>);

impl Figures {
    pub(crate) fn put(&self, figure: Figure, value: f64) {
        lock(&self.0).insert(figure, value);
    }

    pub(crate) fn extend(&self, figures: BTreeMap<Figure, f64>) {
        lock(&self.0).extend(figures);
    }
}

/// How many messages or round trips there were; on the side that conducts, since it knows.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Count {
    /// Those in the measured phase.
    pub(crate) measured: u64,
    /// Those of the whole run.
    pub(crate) total: u64,
    /// Those sent in the measured phase that did not come.
    pub(crate) lost: u64,
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
