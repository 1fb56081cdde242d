//! What one I/O thread does in a turn: commands, readiness, deadlines, bursts that were left.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use super::arriving::Arriving;
use super::listening::Listening;
use super::looks::{Looks, Written};
use super::session::{Context, Fate, Session};
use super::timers::Timers;
use super::{IoCommand, IoHandle};
use crate::outbound::Look;
use crate::pipe::StreamPipe;
use crate::port::Shell;
use crate::world::{Reactor, Ready, Stream, Turn, Worker, World};

/// One I/O thread.
pub(crate) struct IoWorker {
    io: IoHandle,
    world: Arc<dyn World>,
    reactor: Arc<dyn Reactor>,
    sessions: HashMap<u64, Session>,
    listeners: HashMap<u64, Listening>,
    timers: Timers,
    /// Sockets to be told of a time, and how many were before.
    alarms: BTreeMap<(Instant, u64), Weak<dyn Shell>>,
    alarms_set: u64,
    /// What senders have left, and when it is looked at.
    dirty: Vec<Arc<StreamPipe>>,
    looks: Looks,
    commands: Vec<IoCommand>,
    ready: Vec<Ready>,
    scratch: Vec<u8>,
    stop: Option<Instant>,
    /// Commands came while the thread was about to sleep.
    hurry: bool,
}

impl IoWorker {
    pub(crate) fn new(io: IoHandle, world: Arc<dyn World>, reactor: Arc<dyn Reactor>) -> Self {
        Self {
            io,
            world,
            reactor,
            sessions: HashMap::new(),
            listeners: HashMap::new(),
            timers: Timers::default(),
            alarms: BTreeMap::new(),
            alarms_set: 0,
            dirty: Vec::new(),
            looks: Looks::default(),
            commands: Vec::new(),
            ready: Vec::new(),
            scratch: Vec::new(),
            stop: None,
            hurry: false,
        }
    }

    fn wait(&mut self) {
        let alarm = self.alarms.keys().next().map(|(at, _)| *at);
        let deadlines = [self.timers.next(), alarm, self.looks.next(), self.stop];
        let next = deadlines.into_iter().flatten().min();
        let mut timeout = next.map(|at| at.saturating_duration_since(self.world.now()));
        if self.hurry {
            timeout = Some(Duration::ZERO);
        }
        self.ready.clear();
        let waited = self.reactor.wait(&mut self.ready, timeout);
        self.io.wake_up();
        debug_assert!(waited.is_ok(), "{waited:?}");
    }

    /// Calls a session, and forgets it if it is over.
    fn with_session(
        &mut self,
        key: u64,
        call: impl FnOnce(&mut Session, &mut Context<'_>) -> Fate,
    ) {
        let mut cx = Context {
            world: &self.world,
            reactor: &self.reactor,
            timers: &mut self.timers,
            io: &self.io,
            now: self.world.now(),
            scratch: &mut self.scratch,
        };
        if let Some(session) = self.sessions.get_mut(&key)
            && call(session, &mut cx) == Fate::Over
        {
            session.set_beat(None, &mut cx);
            self.sessions.remove(&key);
            self.io.add_load(0, 1);
        }
    }

    fn with_context<R>(&mut self, call: impl FnOnce(&mut Context<'_>) -> R) -> R {
        call(&mut Context {
            world: &self.world,
            reactor: &self.reactor,
            timers: &mut self.timers,
            io: &self.io,
            now: self.world.now(),
            scratch: &mut self.scratch,
        })
    }

    fn run_commands(&mut self) {
        let mut commands = std::mem::take(&mut self.commands);
        self.io.take_commands(&mut commands);
        for command in commands.drain(..) {
            self.run(command);
        }
        self.commands = commands;
    }

    fn run(&mut self, command: IoCommand) {
        match command {
            IoCommand::Beat(key) => self.with_session(key, Session::handle_beat),
            IoCommand::Alarm(at, shell) => self.set_alarm(at, shell),
            IoCommand::Blocked(key) => self.with_session(key, Session::handle_blocked),
            IoCommand::Close(key, until) => self.close(key, until),
            IoCommand::Decided(key) => self.with_session(key, Session::go_on_shaking),
            IoCommand::Dial(pipe, endpoint, port) => {
                let key = pipe.key;
                let session = self.with_context(|cx| Session::dial(pipe, endpoint, port, cx));
                self.insert(key, session);
            }
            IoCommand::Displaced(key) => self.with_session(key, Session::handle_displaced),
            IoCommand::Dirty(pipe) => {
                self.dirty.push(pipe);
                self.looks.begin();
            }
            IoCommand::Drop(key) => self.with_session(key, |session, _| session.finish()),
            IoCommand::Listen(key, listener, port, options) => {
                let new = self.with_context(|cx| Listening::new(key, listener, port, options, cx));
                self.listeners.insert(key, new);
                self.io.add_load(1, 0);
            }
            IoCommand::Orphaned(key) => self.with_session(key, Session::handle_orphaned),
            IoCommand::Refused(key, connection, refusal) => {
                self.with_session(key, |session, cx| {
                    session.handle_refused(connection, refusal, cx)
                });
            }
            IoCommand::Resolved(key, result) => {
                self.with_session(key, |session, cx| session.handle_resolved(result, cx));
            }
            IoCommand::Echoed(key, number) => {
                self.with_session(key, |session, _| session.handle_echoed(number));
            }
            IoCommand::Refill(key) => self.with_session(key, |session, _| session.handle_refill()),
            IoCommand::Left(key) => self.with_session(key, Session::handle_left),
            IoCommand::Resume(key) => self.with_session(key, Session::handle_resume),
            IoCommand::Stop(at) => self.stop = Some(at),
            IoCommand::Take(arriving) => self.take(arriving),
            IoCommand::Unlisten(key, until, ack) => {
                self.unlisten(key, until);
                if let Some(ack) = ack {
                    ack.finish();
                }
            }
            IoCommand::Write(key) => {
                self.with_session(key, |session, cx| session.handle_write(false, cx));
            }
            IoCommand::WriteHeld(key) => {
                self.with_session(key, |session, cx| session.handle_write(true, cx));
            }
            IoCommand::WriteFailed(key) => self.with_session(key, Session::handle_write_failed),
        }
    }

    fn insert(&mut self, key: u64, session: Session) {
        self.sessions.insert(key, session);
        self.io.add_load(1, 0);
    }

    fn close(&mut self, key: u64, until: Instant) {
        self.with_session(key, |session, cx| session.handle_close(until, cx));
    }

    /// Closes a listener, if it is there; what came by it ends within the deadline.
    fn unlisten(&mut self, key: u64, until: Instant) {
        let listening = self.listeners.remove(&key);
        for came in self.keys(|session| session.came_by(key)) {
            self.close(came, until);
        }
        if let Some(listening) = listening {
            self.io.add_load(0, 1);
            listening.close();
        }
    }

    /// The sessions for which this is true, in the order in which they were made: the table has
    /// another one in each run.
    fn keys(&self, wanted: impl Fn(&Session) -> bool) -> Vec<u64> {
        let sessions = self.sessions.iter().filter(|(_, session)| wanted(session));
        let mut keys: Vec<u64> = sessions.map(|(&key, _)| key).collect();
        keys.sort_unstable();
        keys
    }

    fn dispatch(&mut self, ready: Ready) {
        let Some(mut listening) = self.listeners.remove(&ready.token) else {
            self.with_session(ready.token, |session, cx| {
                session.handle_ready(ready.readable, ready.writable, cx)
            });
            return;
        };
        let accepted = self.with_context(|cx| listening.handle_ready(cx));
        for stream in &accepted {
            self.accept(&listening, stream);
        }
        self.listeners.insert(ready.token, listening);
    }

    fn accept(&mut self, listening: &Listening, stream: &Arc<dyn Stream>) {
        let by = (listening.key, &listening.endpoint, &listening.options);
        match Arriving::enter(stream, by, &self.io, &listening.port) {
            Ok(arriving) => self.take(arriving),
            Err(crowd) => listening.turn_away(&**stream, crowd),
        }
    }

    fn take(&mut self, arriving: Arriving) {
        let key = arriving.key;
        if let Some(session) = self.with_context(|cx| Session::accept(arriving, cx)) {
            self.insert(key, session);
            self.with_session(key, Session::go_on_shaking);
        }
    }

    fn fire_timers(&mut self) {
        let now = self.world.now();
        while let Some(key) = self.timers.pop(now) {
            if let Some(mut listening) = self.listeners.remove(&key) {
                self.with_context(|cx| listening.watch(cx));
                self.listeners.insert(key, listening);
            } else {
                self.with_session(key, Session::handle_timer);
            }
        }
    }

    fn set_alarm(&mut self, at: Instant, shell: Weak<dyn Shell>) {
        // The far one that a nearer one has outdated is the next again, and still there.
        let mut present = self.alarms.range((at, 0)..=(at, u64::MAX));
        if present.any(|(_, other)| other.ptr_eq(&shell)) {
            return;
        }
        self.alarms_set += 1;
        self.alarms.insert((at, self.alarms_set), shell);
    }

    fn fire_alarms(&mut self) {
        let now = self.world.now();
        while let Some(first) = self.alarms.first_entry()
            && first.key().0 <= now
        {
            let ((at, _), shell) = first.remove_entry();
            let next = shell.upgrade().and_then(|socket| socket.alarm(at));
            if let Some(next) = next {
                self.set_alarm(next, shell);
            }
        }
    }

    /// Writes for senders that have stopped, and looks again after those that have not.
    fn look_at_dirty(&mut self) {
        if self.dirty.is_empty() {
            return self.looks.end();
        }
        let began = self.world.now();
        if !self.looks.are_due(began) {
            return;
        }
        let mut written = Written::default();
        self.dirty.retain(|pipe| match pipe.out.look(began) {
            Look::Clean => false,
            Look::Again => true,
            Look::Write => {
                written.count(pipe.out.queued());
                pipe.write();
                true
            }
        });
        match self.dirty.is_empty() {
            true => self.looks.end(),
            false => self.looks.go_on(began, written, || self.world.now()),
        }
    }

    fn is_over(&mut self) -> bool {
        let Some(at) = self.stop else {
            return false;
        };
        if !self.sessions.is_empty() && self.world.now() >= at {
            for key in self.keys(|_| true) {
                self.with_session(key, |session, _| session.finish());
            }
        }
        self.sessions.is_empty()
    }
}

impl Worker for IoWorker {
    fn turn(&mut self) -> Turn {
        self.wait();
        self.run_commands();
        let mut ready = std::mem::take(&mut self.ready);
        for event in ready.drain(..) {
            self.dispatch(event);
        }
        self.ready = ready;
        self.fire_timers();
        self.fire_alarms();
        self.run_commands();
        self.look_at_dirty();
        self.hurry = !self.io.fall_asleep();
        if self.is_over() {
            Turn::Stop
        } else {
            Turn::Continue
        }
    }
}
