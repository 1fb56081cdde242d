//! One established connection: who reads it, what was read and not decoded, and what a reactor
//! watches.
//!
//! Reading, decoding and queueing are one critical section under the read lock, so the order of
//! messages holds whoever reads. Three states, changed only under that lock:
//!
//! ```text
//!            a receiver reads it               about to sleep on it
//!   Armed ─────────────────────────► Left ────────────────────────────► Claimed
//!     ▲                              │ ▲                                   │
//!     │   the I/O thread's deadline; │ └────────── woken, reads again ─────┘
//!     │   a receive that slept long  │
//!     │   returns; any other wait    │
//!     └──────────────────────────────┘
//! ```
//!
//! *Armed*: registered one-shot, the I/O thread reads. *Left*: silent; a thread inside `recv` reads
//! it, or has returned, and the I/O thread holds a deadline that arms it. *Claimed*: silent, a
//! thread inside `recv` sleeps on the stream. So somebody will look always: the kernel's event, the
//! thread inside, or the deadline. An event for a connection that is not armed is ignored. Interest
//! in writing is a bit of its own, which claiming does not clear.
//!
//! What was read but not decoded, because the high-water mark was reached, raises no event in the
//! kernel: a connection in that state is armed only together with a command to read on, and no
//! receiver sleeps on it. One whose reading side is over, or that its session has retired, counts
//! as armed for good: nobody takes it from its session.
//!
//! The I/O thread may wait for the read lock, for one turn of a receiver at most; its deadline
//! tries it only, and looks again.
//!
//! The heartbeats lie under the read lock too: whoever reads counts a sign of life, without a
//! clock, and the I/O thread compares at the deadline, which is its own.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Instant;

use ferromq_wire::{Beat, Bundle, Bytes, Command, Decoder, Heartbeat, Incoming, Measured, Writing};

use crate::echo;
use crate::event::Reason;
use crate::inbound;
use crate::io::IoCommand;
use crate::pattern::Dropped;
use crate::pipe::StreamPipe;
use crate::pool::{self, CHUNK};
use crate::port::{Note, Port};
use crate::sync::{AtomicBool, Mutex, MutexGuard, Ordering};
use crate::world::{Interest, Reactor, Stream, is_for_later};

/// Bytes read from one connection before others have their turn.
const BUDGET: usize = 256 * 1024;

/// An incomplete frame up to this size is kept in a buffer of its own, and the large one given
/// back.
const SMALL_TAIL: usize = 2 * 1024;

/// Fewer messages than this are taken apart at once.
const FEW: usize = 16;

/// Who looks after the reading side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Watch {
    /// The I/O thread, by the kernel's event.
    Armed,
    /// A thread inside `recv` that sleeps on the stream.
    Claimed,
    /// A thread inside `recv`, or the I/O thread by a deadline.
    Left,
}

/// How a turn of reading ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turned {
    /// The kernel has nothing more now.
    Drained,
    /// The high-water mark is reached: the socket tells when there is room.
    Full,
    /// The budget is used up; there may be more.
    Spent,
    /// The reading side is over.
    Over(Reason),
}

/// What a receiver's own read of a connection came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OwnRead {
    /// Nothing that the socket does not know.
    Nothing,
    /// Messages where there were none: the receiver tells the socket.
    Arrived,
    /// The reading side is over; the socket and the session are told.
    Over,
}

/// An established connection.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) stream: Arc<dyn Stream>,
    read: Mutex<Reading>,
    interest: Mutex<Interest>,
    /// The I/O thread holds a deadline for it. Given back under the read lock.
    deadline: AtomicBool,
    reactor: Arc<dyn Reactor>,
    key: u64,
}

/// The reading side, under the read lock.
#[derive(Debug)]
pub(crate) struct Reading {
    pub(crate) watch: Watch,
    /// Set once the reading side is over; never unset.
    pub(crate) over: Option<Reason>,
    /// Read by a receiver since the I/O thread's deadline last looked.
    pub(crate) touched: bool,
    /// Messages arrived where there were none, and the socket has not been told.
    arrived: bool,
    /// The last turn stopped at the high-water mark: there may be something to decode, of which the
    /// kernel knows nothing.
    full: bool,
    decoder: Decoder,
    pub(crate) heartbeat: Heartbeat,
    chunk: Vec<u8>,
    at: usize,
    items: VecDeque<Incoming>,
}

impl Connection {
    /// A connection after the handshake; `rest` is what the peer sent behind it, `implied` what it
    /// asks for before that.
    pub(crate) fn new(
        stream: Arc<dyn Stream>,
        decoder: Decoder,
        heartbeat: Heartbeat,
        rest: Vec<u8>,
        implied: Option<Command>,
        reactor: Arc<dyn Reactor>,
        key: u64,
    ) -> Self {
        let reading = Reading {
            watch: Watch::Armed,
            over: None,
            touched: false,
            arrived: false,
            full: false,
            decoder,
            heartbeat,
            chunk: rest,
            at: 0,
            items: implied.into_iter().map(Incoming::Command).collect(),
        };
        Self {
            stream,
            read: Mutex::new(reading),
            interest: Mutex::new(Interest::default()),
            deadline: AtomicBool::new(false),
            reactor,
            key,
        }
    }

    /// The reading side. Held over a read, a decode and a queueing; never while sleeping.
    pub(crate) fn reading(&self) -> MutexGuard<'_, Reading> {
        self.read.lock()
    }

    /// A receiver reads the connection itself: takes it from the I/O thread, if that had it. It
    /// sleeps on the stream later, arms the connection or leaves it.
    pub(crate) fn read_claimed(&self, pipe: &StreamPipe, port: &Port) -> OwnRead {
        let mut reading = self.read.lock();
        if reading.over.is_some() {
            return OwnRead::Over;
        }
        if reading.watch == Watch::Armed && self.watch_read(false).is_err() {
            return OwnRead::Nothing;
        }
        reading.watch = Watch::Left;
        self.take_turn(reading, pipe, port)
    }

    /// Reads the connection if neither the I/O thread nor a sleeping receiver has it. Who looks
    /// after it stays the same: taken from the I/O thread, it would be left without a deadline.
    pub(crate) fn read_left(&self, pipe: &StreamPipe, port: &Port) -> OwnRead {
        let reading = self.read.lock();
        if reading.watch == Watch::Left {
            self.take_turn(reading, pipe, port)
        } else {
            OwnRead::Nothing
        }
    }

    /// A receiver's turn. If the reading side is over, the socket is told what came before, then
    /// the session.
    fn take_turn(
        &self,
        mut reading: MutexGuard<'_, Reading>,
        pipe: &StreamPipe,
        port: &Port,
    ) -> OwnRead {
        reading.touched = true;
        let turned = reading.turn(&*self.stream, pipe, port, false);
        if matches!(turned, Turned::Over(_)) {
            reading.watch = Watch::Armed;
            tell(reading, pipe, port);
            pipe.io.post(IoCommand::Resume(pipe.key));
            OwnRead::Over
        } else if std::mem::take(&mut reading.arrived) {
            OwnRead::Arrived
        } else {
            OwnRead::Nothing
        }
    }

    /// A receiver is about to sleep. True: on the stream. False: the stream would not wake it for
    /// what is left to be decoded; the I/O thread goes on with it, and tells of it.
    pub(crate) fn claim(&self, pipe: &StreamPipe) -> bool {
        let mut reading = self.read.lock();
        if reading.full {
            drop(reading);
            self.arm(pipe, true);
            return false;
        }
        if reading.watch == Watch::Left {
            reading.watch = Watch::Claimed;
        }
        true
    }

    /// A receiver goes without having slept long: the I/O thread arms the connection unless it is
    /// read again soon.
    ///
    /// A deadline that is set is given back under the read lock only, and the caller has read since
    /// it was there: seen here, it is still to come, or has found the connection left and armed it.
    pub(crate) fn leave(&self, pipe: &StreamPipe) {
        if !self.deadline.load(Ordering::Relaxed) && !self.deadline.swap(true, Ordering::Relaxed) {
            pipe.io.post(IoCommand::Left(pipe.key));
        }
    }

    /// Gives the connection to the I/O thread. True unless something is left to be decoded: then,
    /// if `anyway`, the I/O thread is asked to go on with it; else nothing is changed.
    pub(crate) fn arm(&self, pipe: &StreamPipe, anyway: bool) -> bool {
        let mut reading = self.read.lock();
        if reading.watch == Watch::Armed {
            return true;
        }
        if reading.full && !anyway {
            reading.watch = Watch::Left;
            return false;
        }
        reading.watch = Watch::Armed;
        if reading.full || self.watch_read(true).is_err() {
            drop(reading);
            pipe.io.post(IoCommand::Resume(pipe.key));
        }
        true
    }

    /// The I/O thread's look at the heartbeats: what is to be done, and when to look again. Before
    /// a peer is given up, what has come is read, whoever looks after the connection: its reader
    /// may be late, as after a pause of the process. An error: the reading side is over.
    pub(crate) fn beat(
        &self,
        pipe: &StreamPipe,
        port: &Port,
    ) -> Result<(Beat, Option<Instant>), Reason> {
        let mut reading = self.read.lock();
        let writing = pipe.out.writing();
        let mut beat = reading.poll_heartbeat(writing, port);
        if let Beat::Dead(_) = beat {
            let starves = reading.watch == Watch::Armed;
            reading.turn(&*self.stream, pipe, port, starves);
            beat = reading.poll_heartbeat(writing, port);
        }
        let deadline = reading.heartbeat.deadline();
        let over = reading.over;
        tell(reading, pipe, port);
        over.map_or(Ok((beat, deadline)), Err)
    }

    /// Writes a heartbeat, or leaves it to who writes now; it is dropped if commands wait already.
    pub(crate) fn say(&self, command: &Command, pipe: &StreamPipe) {
        let mut writing = pipe.out.writing();
        let held = pipe.out.control_alone(command);
        if held {
            pipe.write();
            writing = pipe.out.writing();
        }
        if !held || writing.waits {
            self.read.lock().heartbeat.handle_unsaid(writing.taken);
        }
    }

    /// The session does something else with the stream, or nothing more: from now on nobody reads
    /// or watches it through this connection, whoever still holds it.
    pub(crate) fn retire(&self, reason: Reason) {
        let mut reading = self.read.lock();
        reading.over.get_or_insert(reason);
        reading.watch = Watch::Armed;
    }

    /// The I/O thread's deadline is over: true if it looks after the connection from now on;
    /// `None`: look again.
    pub(crate) fn take_over(&self) -> Option<bool> {
        let mut reading = self.read.try_lock()?;
        if reading.watch == Watch::Left && std::mem::take(&mut reading.touched) {
            return None;
        }
        self.deadline.store(false, Ordering::Relaxed);
        let left = reading.watch == Watch::Left;
        if left {
            reading.watch = Watch::Armed;
        }
        Some(left)
    }

    /// Watches for reading, or stops to.
    pub(crate) fn watch_read(&self, read: bool) -> io::Result<()> {
        self.change(|interest| interest.read = read)
    }

    /// Watches for writing.
    pub(crate) fn watch_write(&self) -> io::Result<()> {
        self.change(|interest| interest.write = true)
    }

    /// The reactor reported: everything is silent now. Returns what was waited for.
    pub(crate) fn fired(&self) -> Interest {
        std::mem::take(&mut *self.interest.lock())
    }

    /// Watches again for what was not reported.
    pub(crate) fn rewatch(&self, kept: Interest) -> io::Result<()> {
        self.change(|interest| {
            interest.read |= kept.read;
            interest.write |= kept.write;
        })
    }

    fn change(&self, change: impl FnOnce(&mut Interest)) -> io::Result<()> {
        let mut interest = self.interest.lock();
        let mut changed = *interest;
        change(&mut changed);
        if *interest != changed {
            self.reactor.arm(self.stream.source(), self.key, changed)?;
            *interest = changed;
        }
        Ok(())
    }
}

impl Reading {
    /// Reads, decodes and queues as far as the kernel, the high-water mark and the budget allow.
    /// `starves`: at the high-water mark, the socket is to tell when there is room (a receiver
    /// comes again by itself).
    pub(crate) fn turn(
        &mut self,
        stream: &dyn Stream,
        pipe: &StreamPipe,
        port: &Port,
        starves: bool,
    ) -> Turned {
        if let Some(reason) = self.over {
            return Turned::Over(reason);
        }
        let mut turned = self.go_on(stream, pipe, port);
        while turned == Turned::Full && starves && pipe.inbound.starve() {
            turned = self.go_on(stream, pipe, port);
        }
        let was_full = std::mem::replace(&mut self.full, turned == Turned::Full);
        if !self.full {
            self.heartbeat.handle_hearing();
        } else if !was_full {
            pipe.inbound.count_full();
        }
        if let Turned::Over(reason) = turned {
            self.over = Some(reason);
        }
        self.tidy();
        turned
    }

    fn poll_heartbeat(&mut self, writing: Writing, port: &Port) -> Beat {
        self.heartbeat.poll(self.full, writing, port.world.now())
    }

    fn go_on(&mut self, stream: &dyn Stream, pipe: &StreamPipe, port: &Port) -> Turned {
        let mut budget = BUDGET;
        let mut more = true;
        loop {
            match self.decode(pipe, port) {
                Err(reason) => return Turned::Over(reason),
                Ok(false) => return Turned::Full,
                Ok(true) if !more => return Turned::Drained,
                Ok(true) if budget == 0 => return Turned::Spent,
                Ok(true) => {}
            }
            match self.fill(stream) {
                Ok((0, _)) => return Turned::Over(Reason::Ended),
                Ok((read, whole)) => {
                    pipe.inbound.count_bytes(read);
                    self.heartbeat.handle_traffic();
                    budget = budget.saturating_sub(read);
                    more = whole;
                }
                Err(error) if is_for_later(&error) => return Turned::Drained,
                Err(error) => return Turned::Over(Reason::Io(error.kind())),
            }
        }
    }

    /// Decodes what was read. False: the high-water mark stopped it.
    fn decode(&mut self, pipe: &StreamPipe, port: &Port) -> Result<bool, Reason> {
        loop {
            let room = if port.kind.receives {
                pipe.inbound.room()
            } else {
                u64::MAX
            };
            if room == 0 {
                return Ok(false);
            }
            if self.is_decoded() {
                return Ok(true);
            }
            let room = usize::try_from(room).unwrap_or(usize::MAX);
            // With a mark in bytes they are decoded one by one: each may be the last that fits.
            let mut weight = pipe.inbound.weight_left();
            let is_weighed = weight != u64::MAX && port.kind.receives;
            let is_looked_at = is_weighed || port.kind.eager || pipe.inbound.gives_way();
            if port.kind.receives && !is_looked_at {
                let messages = self.take_bundle(room);
                if messages > 0 {
                    self.queue(messages, pipe, port);
                    continue;
                }
            }
            let most = if is_weighed { 1 } else { room };
            let mut input = self.chunk.get(self.at..).unwrap_or_default();
            let mut messages = 0;
            let decoded = loop {
                let decoded = self.decoder.decode(&mut input, most, &mut self.items);
                messages += decoded.unwrap_or_default();
                if !is_weighed || decoded != Ok(1) {
                    break decoded;
                }
                weight = weight.saturating_sub(self.items.back().map_or(0, inbound::weight));
                if weight == 0 || messages == room {
                    break decoded;
                }
            };
            self.at = self.chunk.len() - input.len();
            let done = match decoded {
                Ok(done) => done,
                Err(violation) => {
                    let messages = inbound::messages(&self.items);
                    self.queue(messages as usize, pipe, port);
                    return Err(Reason::Violation(violation));
                }
            };
            self.queue(messages, pipe, port);
            if done < most {
                return Ok(true);
            }
        }
    }

    /// Takes whole messages as they came, to be taken apart when they are received: with the
    /// buffer, or copied out of it where they would keep one of more than four times their size.
    /// How many; none where there are few.
    fn take_bundle(&mut self, room: usize) -> usize {
        if !self.items.is_empty() {
            return 0;
        }
        let input = self.rest();
        let Measured { messages, bytes } = self.decoder.measure(input, room);
        if messages < FEW {
            return 0;
        }
        let (whole, tail) = input.split_at_checked(bytes).unwrap_or((input, &[]));
        let bundle = if bytes < tail.len().max(self.chunk.capacity() / 4) {
            let copy = whole.to_vec();
            self.at += bytes;
            Bundle::new(copy, 0, messages)
        } else {
            let next = chunk_behind(tail);
            let chunk = std::mem::replace(&mut self.chunk, next);
            Bundle::new(chunk, std::mem::take(&mut self.at), messages)
        };
        self.items.push_back(Incoming::Bundle(bundle));
        messages
    }

    /// True if nothing is left to decode or queue, as for a receiver that looks and finds nothing.
    fn is_decoded(&self) -> bool {
        self.at == self.chunk.len() && !self.decoder.is_mid_message() && self.items.is_empty()
    }

    /// Hands over what was decoded, answering the commands that are ours to answer.
    fn queue(&mut self, messages: usize, pipe: &StreamPipe, port: &Port) {
        if self.items.is_empty() {
            return;
        }
        pipe.out.note_heard();
        if self.items.len() > messages {
            self.keep(port.kind.eager, pipe, port);
        }
        if !port.kind.receives && !port.kind.eager {
            pipe.inbound.count(messages as u64);
            port.counters
                .drop_receiving(Dropped::Unwanted, messages as u64);
            self.items.clear();
        }
        if self.items.is_empty() {
            return;
        }
        if pipe.inbound.gives_way() {
            let (tell, replaced) = pipe.inbound.replace(&mut self.items, messages);
            self.arrived |= tell;
            port.counters
                .drop_receiving(Dropped::Conflated, replaced.conflated.len() as u64);
        } else {
            self.arrived |= pipe.inbound.append(&mut self.items, messages);
        }
        if !self.items.is_empty() {
            self.keep(false, pipe, port);
            port.counters
                .drop_receiving(Dropped::Closed, messages as u64);
            self.items.clear();
        }
    }

    /// Keeps what is for the socket, and handles the rest here. Without `subscriptions`, nobody
    /// there wants them.
    fn keep(&mut self, subscriptions: bool, pipe: &StreamPipe, port: &Port) {
        let heartbeat = &mut self.heartbeat;
        self.items.retain(|item| match item {
            Incoming::Message(_) | Incoming::Bundle(_) => true,
            Incoming::Command(Command::Subscribe(_) | Command::Cancel(_)) => subscriptions,
            Incoming::Command(Command::Ping { ttl, context }) => {
                if heartbeat.handle_ping(*ttl, port.world.now()) {
                    pipe.io.post(IoCommand::Beat(pipe.key));
                }
                if !subscriptions {
                    answer(context, pipe);
                }
                subscriptions
            }
            Incoming::Command(Command::Pong { context }) => {
                heartbeat.handle_pong();
                if let Some(number) = echo::number(context) {
                    pipe.io.post(IoCommand::Echoed(pipe.key, number));
                }
                false
            }
            Incoming::Command(_) => false,
        });
    }

    /// Reads once. How much, and whether the kernel may have more.
    fn fill(&mut self, stream: &dyn Stream) -> io::Result<(usize, bool)> {
        if let Some(body) = self.decoder.body() {
            let most = usize::try_from(body.missing).unwrap_or(usize::MAX);
            let most = most.min(body.buffer.capacity() - body.buffer.len());
            let read = stream.read(body.buffer, most)?;
            return Ok((read, read == most));
        }
        self.compact();
        let most = self.chunk.capacity() - self.chunk.len();
        let read = stream.read(&mut self.chunk, most)?;
        Ok((read, read == most))
    }

    /// Makes room for a large read behind the incomplete frame.
    fn compact(&mut self) {
        let tail = self.chunk.len() - self.at;
        if self.chunk.capacity() - tail < CHUNK {
            let larger = chunk_behind(self.rest());
            pool::give(std::mem::replace(&mut self.chunk, larger));
        } else if self.at > 0 {
            self.chunk.copy_within(self.at.., 0);
            self.chunk.truncate(tail);
        }
        self.at = 0;
    }

    /// What was read and not decoded.
    fn rest(&self) -> &[u8] {
        self.chunk.get(self.at..).unwrap_or_default()
    }

    /// Gives the large buffer back: an idle connection keeps only an incomplete frame.
    fn tidy(&mut self) {
        let tail = self.chunk.len() - self.at;
        if tail > SMALL_TAIL || self.chunk.capacity() <= SMALL_TAIL {
            return;
        }
        let kept = self.rest().to_vec();
        pool::give(std::mem::replace(&mut self.chunk, kept));
        self.at = 0;
        if self.items.capacity() > 64 {
            self.items = VecDeque::new();
        }
    }
}

/// A buffer with these bytes, and room for a large read behind them.
fn chunk_behind(tail: &[u8]) -> Vec<u8> {
    let mut chunk = pool::take();
    chunk.reserve(tail.len() + CHUNK);
    chunk.extend_from_slice(tail);
    chunk
}

/// Releases the reading side, then tells the socket what arrived: that may run wakers, so no lock
/// is held.
pub(crate) fn tell(mut reading: MutexGuard<'_, Reading>, pipe: &StreamPipe, port: &Port) {
    let arrived = std::mem::take(&mut reading.arrived);
    drop(reading);
    if arrived {
        port.post(Note::Readable(pipe.id));
    }
}

/// Answers a PING here. (Where there are subscriptions, the socket does when those before it are in
/// force.)
fn answer(context: &Bytes, pipe: &StreamPipe) {
    let context = context.clone();
    if pipe.out.control(&Command::Pong { context }) {
        pipe.io.post(IoCommand::WriteHeld(pipe.key));
    }
}
