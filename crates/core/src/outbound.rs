//! The outgoing queue of a stream pipe: canonical frames, their ends, and the right to write them.
//!
//! What is queued is a [`Rope`] of plaintext frames and a ring of message ends (offsets in the
//! pipe's stream of frames). A message leaves the queue when the kernel has taken its last
//! byte; until then its bytes are kept from its first one on, so that it can be sent again whole on
//! another connection, or be taken back as a message.
//!
//! The *token* (`writing`) is the right to write: its holder takes the rope out, writes without a
//! lock, and puts back what is left. Whoever finds it taken leaves his message to the holder, who
//! looks again before giving the token back. So no byte is overtaken, and no lock is held in a
//! system call.
//!
//! Room is exact: a pipe refuses only while `queued >= SNDHWM` *and* the gate is shut, that is when
//! a write has just returned would-block, another thread is inside one, or there is no connection.
//! So it is with the mark in bytes, if there is one ([`weighing`]).

mod blocked;
mod commands;
mod job;
mod weighing;

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64 as PlainU64, Ordering as PlainOrdering};
use std::time::{Duration, Instant};

use ferromq_wire::{Encoder, Message, Part, Seal, Writing};

use self::job::Job;
use self::weighing::Scales;
use crate::looking::Looking;
use crate::pace::{Pace, Rhythm};
use crate::rope::Rope;
use crate::sealed::{Plain, Sealed};
use crate::stats::Counters;
use crate::sync::{AtomicBool, AtomicU8, AtomicU32, Mutex, Ordering, fence};
use crate::unsent::Unsent;
use crate::world::{Habit, Stream, World, is_for_later};

/// Bytes queued from which a burst is written at once.
const WRITE_AT: u64 = 64 * 1024;

/// How long a message may lie before the I/O thread writes it, if it looks then: first so long
/// after it was told, then less and less often while senders write themselves.
pub(crate) const STRAGGLER: Duration = Duration::from_micros(100);

/// Up to this many peers a fan-out is written like single messages; one to more is left to the I/O
/// thread ([`Manner::Fan`]).
pub(crate) const FEW: usize = 4;

/// How often the holder of the token goes on for others before it lets the I/O thread do it.
const ROUNDS: u32 = if cfg!(loom) { 2 } else { 16 };

/// Connected, nobody writes, the kernel had room when last asked.
const OPEN: u8 = 0;
/// A writer is inside, the kernel's buffer is full, or there is no connection.
const SHUT: u8 = 1;
/// Nothing is taken: the pipe is over, or has no connection and takes nothing without one.
const CLOSED: u8 = 2;

/// The outgoing half of a stream pipe.
#[derive(Debug)]
pub(crate) struct Outbound {
    state: Mutex<State>,
    queued: AtomicU32,
    gate: AtomicU8,
    heard: AtomicBool,
    thirst: AtomicBool,
    /// How often a thirst was quenched. Written by the holder of the token.
    quenched: PlainU64,
    mark: u32,
    scales: Scales,
    /// Messages queued from which a burst is written, and up to which sleepers are woken.
    half: u32,
    habit: Habit,
    /// Of senders that wait for the kernel.
    looking: Looking,
    /// Takes nothing without a connection.
    immediate: bool,
}

#[derive(Debug)]
struct State {
    rope: Rope,
    ends: VecDeque<u64>,
    /// What each message weighs, if that is asked for.
    weights: VecDeque<u64>,
    control: Vec<u8>,
    control_written: usize,
    link: Option<Link>,
    writing: bool,
    blocked: bool,
    dirty: bool,
    left: bool,
    dead: bool,
    left_at: Option<Instant>,
    rhythm: Rhythm,
    /// Messages that the kernel has taken whole, over all connections.
    carried: u64,
    /// Bytes that the kernel took, on whichever connection, modulo 2⁶⁴.
    taken: u64,
    used: bool,
    /// More commands are to follow.
    refill: bool,
}

/// The connection that the queue is written to.
#[derive(Debug)]
struct Link {
    stream: Arc<dyn Stream>,
    encoder: Encoder,
    /// The boxes that what is written goes in, if it does; out while somebody writes.
    sealed: Option<Box<Sealed>>,
    failed: bool,
}

/// What a sender knows about the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Received messages wait for the application: what is sent now is one of many.
    Busy,
    /// One of many peers that get the same message: the I/O thread writes.
    Fan,
    /// One of a batch, behind which the sender writes what it has left.
    Batch,
    /// Nothing received waits: a message after a received one is a reply, and is written at once.
    Quiet,
}

/// What the caller of [`Outbound::push`] has to do, after releasing the socket's lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Pushed {
    /// Nothing: somebody else writes it, or nobody can now.
    Queued,
    /// Tell the I/O thread, which writes it.
    Handed,
    /// Remember to write it before waiting; tell the I/O thread if `dirty`.
    Left {
        /// The I/O thread does not know of this burst yet.
        dirty: bool,
    },
    /// Write: the caller holds the token.
    Write,
}

/// How a write ended. The token is given back in each case.
#[derive(Debug)]
#[must_use]
pub(crate) enum Wrote {
    /// Everything is with the kernel.
    All,
    /// The kernel's buffer is full: the I/O thread has to wait for writability.
    Blocked,
    /// Others keep pushing: the I/O thread has to go on.
    More,
    /// The stream failed; what is unsent stays.
    Failed,
    /// The connection was taken away meanwhile: whoever did so waits for this.
    Orphaned,
}

/// What the I/O thread finds when it looks after a burst.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// The burst is over and written.
    Clean,
    /// The sender is still at it.
    Again,
    /// Stragglers: the I/O thread holds the token and writes.
    Write,
}

impl Outbound {
    /// An empty queue for `mark` messages (0: unlimited), without a connection.
    /// `habit`: whether senders write.
    pub(crate) fn new(mark: u32, habit: Habit) -> Self {
        let state = State {
            rope: Rope::default(),
            ends: VecDeque::new(),
            weights: VecDeque::new(),
            control: Vec::new(),
            control_written: 0,
            link: None,
            writing: false,
            blocked: false,
            dirty: false,
            left: false,
            dead: false,
            left_at: None,
            rhythm: Rhythm::default(),
            carried: 0,
            taken: 0,
            used: false,
            refill: false,
        };
        Self {
            state: Mutex::new(state),
            queued: AtomicU32::new(0),
            gate: AtomicU8::new(SHUT),
            heard: AtomicBool::new(false),
            thirst: AtomicBool::new(false),
            quenched: PlainU64::new(0),
            mark: if mark == 0 { u32::MAX } else { mark },
            scales: Scales::default(),
            half: half(mark),
            habit,
            looking: Looking::default(),
            immediate: false,
        }
    }

    /// The same; if `immediate`, it takes nothing without a connection.
    pub(crate) fn immediate(self, immediate: bool) -> Self {
        let gate = if immediate { CLOSED } else { SHUT };
        Self {
            gate: AtomicU8::new(gate),
            immediate,
            ..self
        }
    }

    /// Would a message be accepted now? Exact under the socket's lock.
    #[inline]
    pub(crate) fn has_room(&self) -> bool {
        match self.gate.load(Ordering::Acquire) {
            OPEN => true,
            CLOSED => false,
            _ => !self.is_full(),
        }
    }

    /// True if the mark is reached, or that in bytes.
    #[inline]
    fn is_full(&self) -> bool {
        self.queued.load(Ordering::Acquire) >= self.mark || self.scales.are_full()
    }

    /// Like [`has_room`](Self::has_room); a refusal is remembered for
    /// [`take_thirst`](Self::take_thirst). Either the writer that makes room sees the thirst, or
    /// the second look here sees the room.
    #[inline]
    pub(crate) fn has_room_or_thirst(&self) -> bool {
        self.has_room() || self.thirsts()
    }

    #[cold]
    fn thirsts(&self) -> bool {
        self.thirst.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        self.has_room()
    }

    /// After a write: true if somebody was refused since, and sleepers may go on (half the mark is
    /// free).
    pub(crate) fn take_thirst(&self) -> bool {
        fence(Ordering::SeqCst);
        let quenched = self.thirst.load(Ordering::Relaxed)
            && self.has_room()
            && self.queued() <= self.half()
            && !self.scales.are_half_full()
            && self.thirst.swap(false, Ordering::AcqRel);
        if quenched {
            self.quenched.fetch_add(1, PlainOrdering::Relaxed);
        }
        quenched
    }

    /// Messages of which the kernel has not taken the last byte.
    pub(crate) fn queued(&self) -> u32 {
        self.queued.load(Ordering::Acquire)
    }

    /// Messages that the kernel has taken whole, and bytes, over all connections.
    pub(crate) fn carried(&self) -> (u64, u64) {
        let state = self.state.lock();
        (state.carried, state.taken)
    }

    /// How often it was found full, having had room.
    pub(crate) fn times_full(&self) -> u64 {
        let thirsty = self.thirst.load(Ordering::Relaxed) && self.is_full();
        self.quenched.load(PlainOrdering::Relaxed) + u64::from(thirsty)
    }

    /// The same; bursts are written as if it were one for `mark` messages.
    pub(crate) fn written_as(self, mark: u32) -> Self {
        Self {
            half: half(mark),
            ..self
        }
    }

    /// The same, with a mark in bytes (0: none).
    pub(crate) fn weighed(self, mark: u64) -> Self {
        let scales = Scales::new(mark);
        Self { scales, ..self }
    }

    /// What the messages queued weigh, where there is a mark in bytes.
    pub(crate) fn weight(&self) -> u64 {
        self.scales.weight()
    }

    /// Half the high-water mark: where sleeping senders are woken.
    pub(crate) fn half(&self) -> u32 {
        self.half
    }

    /// True if the kernel has taken all commands, and more were to follow them.
    pub(crate) fn after_write(&self) -> bool {
        self.state.lock().take_refill()
    }

    /// More commands are to follow those queued until now. True: the kernel has these already.
    /// Else whoever writes them sees it [afterwards](Self::after_write); without a connection it is
    /// forgotten.
    pub(crate) fn ask_refill(&self) -> bool {
        let mut state = self.state.lock();
        state.refill = state.link.as_ref().is_some_and(|link| !link.failed);
        state.take_refill()
    }

    /// Something arrived from the peer: the next message is a reply, or it may be.
    pub(crate) fn note_heard(&self) {
        self.heard.store(true, Ordering::Relaxed);
    }

    /// Queues a message without its first `strip` parts behind `prefix`.
    pub(crate) fn push(
        &self,
        prefix: &[Part],
        message: &Message,
        strip: usize,
        manner: Manner,
        world: &dyn World,
        pace: &mut Pace,
    ) -> Pushed {
        let mut state = self.state.lock();
        let weights = &mut state.weights;
        let is_heavy = self.scales.are_used() && self.scales.put(prefix, message, strip, weights);
        let before = state.rope.end();
        state.rope.push_message(prefix, message, strip);
        let end = state.rope.end();
        state.ends.push_back(end);
        let queued = self.queued.load(Ordering::Relaxed) + 1;
        self.queued.store(queued, Ordering::Release);
        let reply = manner == Manner::Quiet && self.heard.load(Ordering::Relaxed);
        let half_full = is_heavy | (queued >= self.half());
        let pushed = match manner {
            _ if self.habit == Habit::Always => state.plan_always(),
            _ if self.habit == Habit::Never => state.plan_never(half_full),
            Manner::Fan => state.plan_fan(half_full),
            Manner::Batch => state.plan_batch(half_full),
            Manner::Busy | Manner::Quiet => {
                let (bytes, busy) = (end - before, manner == Manner::Busy);
                state.plan(bytes, half_full, reply, busy, world, pace)
            }
        };
        if pushed == Pushed::Write {
            self.heard.store(false, Ordering::Relaxed);
            self.gate.store(SHUT, Ordering::Release);
        }
        pushed
    }

    /// How far the writing is. What somebody else is writing now waits: it may be commands.
    pub(crate) fn writing(&self) -> Writing {
        let state = self.state.lock();
        Writing {
            taken: state.taken,
            waits: state.writing || !state.control.is_empty(),
        }
    }

    /// Takes the token if there is something to write and nobody else can. True: the caller writes.
    pub(crate) fn claim_write(&self) -> bool {
        let mut state = self.state.lock();
        state.has_unsent() && self.take_token(&mut state)
    }

    /// Like [`claim_write`](Self::claim_write) after the kernel has reported room.
    pub(crate) fn unblock(&self) -> bool {
        let mut state = self.state.lock();
        state.blocked = false;
        let write = state.has_unsent() && self.take_token(&mut state);
        if !write {
            self.settle_gate(&state);
        }
        write
    }

    /// The I/O thread's look after a burst that a sender left.
    pub(crate) fn look(&self, now: Instant) -> Look {
        let mut state = self.state.lock();
        // A link that failed takes nothing more; its session ends it.
        let written = state.link.as_ref().is_some_and(|link| !link.failed) && !state.blocked;
        if !state.has_unsent() || !written {
            state.dirty = state.rhythm.was_written(now, STRAGGLER) && written;
            return if state.dirty {
                Look::Again
            } else {
                Look::Clean
            };
        }
        let due = state.left_at.is_none_or(|at| now >= at + STRAGGLER);
        if due && self.take_token(&mut state) {
            Look::Write
        } else {
            Look::Again
        }
    }

    /// Writes what is queued, and what others queue meanwhile. The caller holds the token. What has
    /// left the queue is counted: whoever finds it empty finds the accounts complete.
    pub(crate) fn write(&self, world: &dyn World, counters: &Counters) -> Wrote {
        for _ in 0..ROUNDS {
            let Some(mut job) = self.begin() else {
                return Wrote::Orphaned;
            };
            let result = job.write();
            if let Some(wrote) = self.finish(job, result, world, counters) {
                return wrote;
            }
        }
        let mut state = self.state.lock();
        state.writing = false;
        self.settle_gate(&state);
        if state.link.is_some() {
            Wrote::More
        } else {
            Wrote::Orphaned
        }
    }

    /// Gives the queue a connection, on which these greetings are to be the first messages. Nothing
    /// of an unfinished message was sent on it yet. Where the connection has another framing than
    /// the one before, all that waits is laid out anew, under the lock: that is so for peers of
    /// ZMTP 1.0 only, and for one that was one.
    ///
    /// With a sealer, all that is written to it goes in boxes.
    pub(crate) fn connect(
        &self,
        stream: Arc<dyn Stream>,
        encoder: Encoder,
        sealer: Option<Box<dyn Seal>>,
        greetings: &[Message],
    ) {
        let mut state = self.state.lock();
        state.rope.rewind();
        if let Some(ends) = state.rope.reframe(encoder.framing()) {
            state.ends = ends;
        }
        state.control.clear();
        for greeting in greetings {
            encoder.encode_message(greeting, &mut state.control);
        }
        state.control_written = 0;
        state.blocked = false;
        state.left = false;
        state.used = false;
        state.refill = false;
        state.link = Some(Link {
            stream,
            encoder,
            sealed: sealer.map(|sealer| Box::new(Sealed::new(sealer))),
            failed: false,
        });
        self.settle_gate(&state);
    }

    /// True if a sender has left something that nobody has written since.
    pub(crate) fn is_left(&self) -> bool {
        let state = self.state.lock();
        state.left && state.link.is_some()
    }

    /// True if there is a connection, and a write to it has failed.
    pub(crate) fn has_failed(&self) -> bool {
        let state = self.state.lock();
        state.link.as_ref().is_some_and(|link| link.failed)
    }

    /// Takes the connection away. False: a writer is still inside; its write returns
    /// [`Wrote::Orphaned`], and only then may the queue be connected or taken again.
    pub(crate) fn disconnect(&self) -> bool {
        let mut state = self.state.lock();
        state.link = None;
        state.refill = false;
        self.settle_gate(&state);
        !state.writing
    }

    /// Takes back every message of which the kernel has not taken the last byte. Nothing while
    /// there is a connection, or a writer inside.
    pub(crate) fn take_unsent(&self) -> Unsent {
        let mut state = self.state.lock();
        if state.link.is_some() || state.writing {
            return Unsent::default();
        }
        let rope = state.rope.take();
        let messages = std::mem::take(&mut state.ends).len();
        self.queued.store(0, Ordering::Release);
        self.scales.take(state.weights.drain(..));
        self.settle_gate(&state);
        Unsent::of_rope(rope, messages as u64)
    }

    /// Ends the pipe: it never has room again.
    pub(crate) fn kill(&self) {
        let mut state = self.state.lock();
        state.dead = true;
        self.settle_gate(&state);
    }

    /// True if the present connection carried a message of ours, whole or in part.
    pub(crate) fn was_used(&self) -> bool {
        self.state.lock().used
    }

    /// True if neither a message nor a command waits, and nobody is writing one.
    pub(crate) fn is_empty(&self) -> bool {
        let state = self.state.lock();
        !state.writing && !state.has_unsent()
    }

    fn take_token(&self, state: &mut State) -> bool {
        let free = state.can_write();
        if free {
            state.writing = true;
            self.settle_gate(state);
        }
        free
    }

    fn settle_gate(&self, state: &State) {
        let gate = match state {
            State { dead: true, .. } => CLOSED,
            State { link: None, .. } if self.immediate => CLOSED,
            state if state.can_write() => OPEN,
            _ => SHUT,
        };
        self.gate.store(gate, Ordering::Release);
    }

    fn begin(&self) -> Option<Job> {
        let mut state = self.state.lock();
        let Some(link) = &mut state.link else {
            state.writing = false;
            self.settle_gate(&state);
            return None;
        };
        let (stream, sealed) = (Arc::clone(&link.stream), link.sealed.take());
        // Boxes that are not written yet come before any command.
        let pending = sealed.as_ref().is_some_and(|sealed| !sealed.is_empty());
        let boundary = !pending && (state.rope.is_at_boundary() || state.control_written > 0);
        let limit = match state.ends.front() {
            Some(&end) if !boundary && !state.control.is_empty() => end - state.rope.written(),
            _ => u64::MAX,
        };
        let control = if boundary {
            std::mem::take(&mut state.control)
        } else {
            Vec::new()
        };
        Some(Job {
            stream,
            sealed,
            control_written: state.control_written,
            control,
            rope: state.rope.take(),
            limit,
        })
    }

    /// Puts back what is left of a job and decides how to go on; `None`: write again.
    fn finish(
        &self,
        mut job: Job,
        result: io::Result<usize>,
        world: &dyn World,
        counters: &Counters,
    ) -> Option<Wrote> {
        let taken = result.as_ref().map_or(0, |&written| written);
        let gone = job.sealed.as_mut().map(|sealed| sealed.advance(taken));
        let mut state = self.state.lock();
        let control = job.control.len() - job.control_written;
        state.put_back(job);
        let done = match gone {
            None => state.account(taken, control),
            Some(gone) => state.account_sealed(gone),
        };
        state.taken = state.taken.wrapping_add(taken as u64);
        counters.hand_over(u64::from(done));
        self.queued.fetch_sub(done, Ordering::AcqRel);
        if self.scales.are_used() {
            self.scales.take(state.weights.drain(..done as usize));
        }
        let wrote = match result {
            _ if state.link.is_none() => Wrote::Orphaned,
            Err(error) if is_for_later(&error) => {
                state.blocked = true;
                Wrote::Blocked
            }
            Err(_) => {
                state.fail();
                Wrote::Failed
            }
            Ok(_) if state.has_unsent() => return None,
            Ok(_) => {
                state.left = false;
                state.rhythm.rest(world.now());
                Wrote::All
            }
        };
        state.writing = false;
        self.settle_gate(&state);
        Some(wrote)
    }
}

/// Half a high-water mark (0: unlimited).
fn half(mark: u32) -> u32 {
    let mark = if mark == 0 { u32::MAX } else { mark };
    (mark / 2).max(1)
}

impl State {
    /// What becomes of a message just queued.
    #[inline]
    fn plan(
        &mut self,
        bytes: u64,
        half_full: bool,
        heard: bool,
        busy: bool,
        world: &dyn World,
        pace: &mut Pace,
    ) -> Pushed {
        if !self.can_write() {
            return Pushed::Queued;
        }
        let looks = self.rhythm.count(bytes, pace);
        let is_much = self.is_much(half_full) || self.rhythm.is_long();
        if is_much || heard || (looks && self.is_due(world.now(), busy, pace)) {
            self.writing = true;
            return Pushed::Write;
        }
        self.leave()
    }

    /// What becomes of a message that goes to many: the I/O thread writes it, as soon as it is
    /// awake.
    fn plan_fan(&mut self, half_full: bool) -> Pushed {
        if !self.can_write() {
            return Pushed::Queued;
        }
        if self.is_much(half_full) {
            self.writing = true;
            return Pushed::Write;
        }
        self.left_at = None;
        self.leave()
    }

    /// What becomes of a message of a batch: only what is much is written before its end, and the
    /// I/O thread need not know of the rest.
    fn plan_batch(&mut self, half_full: bool) -> Pushed {
        if !self.can_write() {
            return Pushed::Queued;
        }
        if self.is_much(half_full) {
            self.writing = true;
            return Pushed::Write;
        }
        match std::mem::replace(&mut self.left, true) {
            true => Pushed::Queued,
            false => Pushed::Left { dirty: false },
        }
    }

    fn plan_always(&mut self) -> Pushed {
        if !self.can_write() {
            return Pushed::Queued;
        }
        self.writing = true;
        Pushed::Write
    }

    /// At half the mark the sender writes in any case: an open gate promises room.
    fn plan_never(&mut self, half_full: bool) -> Pushed {
        if half_full {
            return self.plan_always();
        }
        if !self.can_write() || std::mem::replace(&mut self.dirty, true) {
            return Pushed::Queued;
        }
        Pushed::Handed
    }

    fn leave(&mut self) -> Pushed {
        if self.left {
            return Pushed::Queued;
        }
        self.left = true;
        let dirty = !std::mem::replace(&mut self.dirty, true);
        Pushed::Left { dirty }
    }

    /// Whether so much is queued that it is written at once, whatever the manner.
    fn is_much(&self, half_full: bool) -> bool {
        half_full || self.rope.unwritten() >= WRITE_AT
    }

    fn is_due(&mut self, now: Instant, busy: bool, pace: &mut Pace) -> bool {
        if self.rhythm.is_first() {
            self.left_at = Some(now);
        }
        self.rhythm.is_due(now, busy, pace)
    }

    fn can_write(&self) -> bool {
        !self.writing && !self.blocked && self.link.as_ref().is_some_and(|link| !link.failed)
    }

    fn has_unsent(&self) -> bool {
        self.rope.unwritten() > 0 || !self.control.is_empty()
    }

    /// While somebody is writing, commands may not be taken though none is queued.
    fn take_refill(&mut self) -> bool {
        let taken = self.control.is_empty() && !self.writing;
        taken && std::mem::take(&mut self.refill)
    }

    fn fail(&mut self) {
        if let Some(link) = &mut self.link {
            link.failed = true;
        }
    }

    fn put_back(&mut self, job: Job) {
        if let Some(link) = &mut self.link {
            link.sealed = job.sealed;
        }
        let newer = std::mem::replace(&mut self.rope, job.rope);
        self.rope.append(newer);
        if !job.control.is_empty() {
            let newer = std::mem::replace(&mut self.control, job.control);
            self.control.extend_from_slice(&newer);
        }
    }

    /// Counts bytes that the kernel took: first of the commands that were to be written (`control`
    /// bytes; newer ones wait for the next boundary), then of messages. Returns how many messages
    /// are over.
    fn account(&mut self, mut taken: usize, control: usize) -> u32 {
        let of_control = taken.min(control);
        self.control_written += of_control;
        taken -= of_control;
        if of_control == control {
            self.control.drain(..self.control_written);
            self.control_written = 0;
        }
        self.account_messages(taken)
    }

    /// The same for what has gone in boxes: whole commands, and whole frames of messages.
    fn account_sealed(&mut self, gone: Plain) -> u32 {
        self.control.drain(..gone.control);
        self.account_messages(gone.messages)
    }

    fn account_messages(&mut self, taken: usize) -> u32 {
        self.used |= taken > 0;
        self.rope.advance(taken as u64);
        let written = self.rope.written();
        let over = self.ends.iter().take_while(|&&end| end <= written).count();
        if let Some(&last) = over.checked_sub(1).and_then(|at| self.ends.get(at)) {
            self.rope.release(last);
            self.ends.drain(..over);
        }
        self.carried += over as u64;
        over as u32
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests;
