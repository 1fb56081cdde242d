//! Everything a simulated world consists of, behind one lock; and the agenda of what comes when.
//!
//! Nothing of others is called or dropped under this lock: workers, replies and wakers are taken
//! out first. Streams, listeners and reactors are named here by number only.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::{self, Write};
use std::time::{Duration, Instant};

use ferromq_core::world::{Interest, Worker};

use super::conditions::Conditions;
use super::fault::{Call, Faults};
use super::link::{Link, LinkId, Side};
use super::place::{Names, Place};
use super::random::Random;
use super::trace::{Event, Trace};

/// The world's state.
pub(super) struct State {
    pub(super) seed: u64,
    base: Instant,
    pub(super) clock: Duration,
    /// Decides what the world does.
    pub(super) dice: Random,
    /// Answers `World::random`, apart, so that asking does not change the weather.
    pub(super) handed_out: Random,
    /// How often `World::serial` was asked.
    pub(super) serials: u32,
    pub(super) conditions: Conditions,
    pub(super) trace: Trace,
    agenda: BTreeMap<(Duration, u64), Due>,
    scheduled: u64,
    pub(super) links: BTreeMap<LinkId, Link>,
    pub(super) links_made: u64,
    pub(super) listeners: BTreeMap<u64, Listening>,
    pub(super) listeners_made: u64,
    pub(super) next_port: u16,
    pub(super) cut_off: BTreeSet<Place>,
    pub(super) accept_faults: BTreeMap<Place, Faults>,
    pub(super) dial_faults: Faults,
    pub(super) call_faults: BTreeMap<Call, Faults>,
    pub(super) names: Names,
    pub(super) reactors: Vec<Armed>,
    pub(super) workers: Vec<Slot>,
    pub(super) rung: bool,
    pub(super) running: Running,
    /// Turns since a byte moved or the scheduler moved the clock.
    pub(super) restless: u64,
    /// How often something moved.
    pub(super) moves: u64,
    /// Turns of workers in which nothing moved, nor had since the last turn but one.
    pub(super) idle_turns: u64,
    pub(super) hosts_made: usize,
    /// Those that have crashed.
    pub(super) down: BTreeSet<usize>,
}

impl State {
    pub(super) fn new(seed: u64, conditions: Conditions) -> Self {
        Self {
            seed,
            base: Instant::now(),
            clock: Duration::ZERO,
            dice: Random::new(seed),
            handed_out: Random::new(!seed),
            serials: 0,
            conditions,
            trace: Trace::default(),
            agenda: BTreeMap::new(),
            scheduled: 0,
            links: BTreeMap::new(),
            links_made: 0,
            listeners: BTreeMap::new(),
            listeners_made: 0,
            next_port: 40_000,
            cut_off: BTreeSet::new(),
            accept_faults: BTreeMap::new(),
            dial_faults: Faults::default(),
            call_faults: BTreeMap::new(),
            names: BTreeMap::new(),
            reactors: Vec::new(),
            workers: Vec::new(),
            rung: false,
            running: Running::Application,
            restless: 0,
            moves: 0,
            idle_turns: 0,
            hosts_made: 1,
            down: BTreeSet::new(),
        }
    }

    /// The virtual time as an instant.
    pub(super) fn instant(&self) -> Instant {
        self.base + self.clock
    }

    /// An instant as virtual time; zero for instants before the world was made.
    pub(super) fn offset(&self, instant: Instant) -> Duration {
        instant.saturating_duration_since(self.base)
    }

    pub(super) fn record(&mut self, event: Event) {
        self.trace.add(self.clock, event);
    }

    /// Something moved: the world is not in a livelock.
    pub(super) fn moved(&mut self) {
        self.restless = 0;
        self.moves += 1;
    }

    pub(super) fn schedule(&mut self, at: Duration, due: Due) {
        self.agenda.insert((at, self.scheduled), due);
        self.scheduled += 1;
    }

    /// Whether the first item of the agenda is due.
    pub(super) fn is_due(&self) -> bool {
        self.next_due().is_some_and(|at| at <= self.clock)
    }

    /// When the first item of the agenda is due.
    pub(super) fn next_due(&self) -> Option<Duration> {
        self.agenda.first_key_value().map(|((at, _), _)| *at)
    }

    pub(super) fn take_due(&mut self) -> Option<Due> {
        self.agenda.pop_first().map(|(_, due)| due)
    }

    /// The state as text, for the message of a failed test.
    pub(super) fn dump(&self) -> String {
        let mut text = String::new();
        let _ = self.write_dump(&mut text);
        text
    }

    fn write_dump(&self, f: &mut String) -> fmt::Result {
        writeln!(f, "  seed {}, virtual time {:?}", self.seed, self.clock)?;
        writeln!(f, "  running: {:?}; bell rung: {}", self.running, self.rung)?;
        for (number, slot) in self.workers.iter().enumerate() {
            writeln!(f, "  worker {number}: {slot:?}")?;
        }
        for (number, armed) in self.reactors.iter().enumerate() {
            writeln!(f, "  reactor {number}: {armed:?}")?;
        }
        for listening in self.listeners.values() {
            writeln!(f, "  {listening:?}")?;
        }
        for (id, link) in &self.links {
            self.write_link(f, *id, link)?;
        }
        for ((at, _), due) in &self.agenda {
            writeln!(f, "  at {at:?}: {due:?}")?;
        }
        writeln!(f, "  last events:")?;
        self.trace.tail(f, 40)
    }

    fn write_link(&self, f: &mut String, id: LinkId, link: &Link) -> fmt::Result {
        let held = if link.held { ", held" } else { "" };
        let (phase, target) = (link.phase, &link.target);
        writeln!(f, "  {id:?} to {target}: {phase:?}{held}")?;
        for side in [Side::Dialer, Side::Acceptor] {
            let end = link.end(side);
            writeln!(
                f,
                "    {side:?}: unread {}, in flight {}, ended {}, shut {}, reset {}, dropped {}",
                end.inbox.available(),
                end.inbox.in_flight(),
                end.inbox.is_ended(),
                end.shut,
                end.failed,
                end.dropped,
            )?;
        }
        Ok(())
    }
}

/// What the agenda holds.
pub(super) enum Due {
    /// An item arrives at this side.
    Arrive(LinkId, Side),
    /// A connect is decided.
    Decide(LinkId),
    /// A look-up is answered.
    Reply(String, Box<dyn FnOnce() + Send>),
}

impl fmt::Debug for Due {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Arrive(link, side) => write!(f, "something arrives at {link:?}, {side:?}"),
            Self::Decide(link) => write!(f, "the connect of {link:?} is decided"),
            Self::Reply(name, _) => write!(f, "the look-up of {name} is answered"),
        }
    }
}

/// An open listener.
#[derive(Debug)]
pub(super) struct Listening {
    pub(super) host: usize,
    pub(super) place: Place,
    pub(super) backlog: VecDeque<LinkId>,
}

/// Who has the one thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Running {
    /// The test, in its own code or in a wait.
    Application,
    /// The worker of this number, in a turn.
    Worker(usize),
    /// Whoever asked for a name.
    Reply,
}

/// What one reactor watches.
#[derive(Debug, Default)]
pub(super) struct Armed {
    pub(super) sources: BTreeMap<u64, (u64, Interest)>,
    pub(super) notified: bool,
}

/// One worker.
pub(super) struct Slot {
    pub(super) host: usize,
    pub(super) name: String,
    /// Taken out while it runs and when it has stopped.
    pub(super) worker: Option<Box<dyn Worker>>,
    pub(super) stopped: bool,
    /// The reactor on which its last turn waited.
    pub(super) reactor: Option<usize>,
    /// Its last turn waited and was told nothing.
    pub(super) parked: bool,
    /// How often something had moved after its last turn, and after the one before.
    pub(super) moves: [u64; 2],
    /// When the wait of its last turn times out.
    pub(super) until: Option<Duration>,
    /// Of a thread: its bell was rung.
    pub(super) rung: bool,
    /// Of a thread: the streams that end its wait when they can be read.
    pub(super) sources: Vec<u64>,
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} stopped {}, parked {}, until {:?}, reactor {:?}",
            self.name, self.stopped, self.parked, self.until, self.reactor
        )
    }
}
