//! A pipe's incoming queue with an exact high-water mark.
//!
//! One side fills it (whoever reads the connection, under its read lock; or the sending socket of
//! an inproc pipe, under that socket's lock), one side empties it (the receiving socket, under its
//! lock). `produced` and `consumed` count messages; only the filling side writes the one, only the
//! emptying side the other, so that room is exact at once and neither pays for the other's cache
//! line.
//!
//! Waking the filling side: it sets `starved` and looks at `consumed` again; the emptying side
//! stores `consumed` and looks at `starved` at each step (half the mark, and whenever its batch is
//! used up). With a full fence between the store and the load on both sides, one of them sees the
//! other:
//!
//! ```text
//!   filler:  starved = true;  fence;  read consumed   -> room after all: go on
//!   emptier: consumed = n;    fence;  read starved    -> set: wake the filler
//! ```
//!
//! A starved filler left at least `mark` messages to consume, so the emptier reaches a step later.

use std::collections::VecDeque;

use ferromq_wire::{Command, Incoming, Message};

use crate::sync::{AtomicBool, AtomicU64, Mutex, Ordering, Padded, fence};

/// The incoming half of a pipe.
#[derive(Debug)]
pub(crate) struct Inbound {
    queue: Mutex<VecDeque<Incoming>>,
    produced: Padded<AtomicU64>,
    consumed: Padded<AtomicU64>,
    starved: AtomicBool,
    mark: AtomicU64,
}

/// The emptying side's part: what it has taken out and not consumed yet.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    items: VecDeque<Incoming>,
    consumed: u64,
    since_step: u64,
}

/// What the emptying side has taken out.
#[derive(Debug)]
pub(crate) enum Taken {
    /// A message, which counts as consumed. `wake`: the filler waits for that.
    Message {
        wake: bool,
    },
    Command(Command),
    Nothing,
}

impl Inbound {
    /// An empty queue for `mark` messages (0: unlimited).
    pub(crate) fn new(mark: u64) -> Self {
        Self {
            queue: Mutex::new(VecDeque::new()),
            produced: Padded(AtomicU64::new(0)),
            consumed: Padded(AtomicU64::new(0)),
            starved: AtomicBool::new(false),
            mark: AtomicU64::new(unlimited_if_zero(mark)),
        }
    }

    /// Changes the mark (an inproc peer adds its own). Lowering drops nothing.
    #[cfg(feature = "inproc")]
    pub(crate) fn set_mark(&self, mark: u64) {
        self.mark.store(unlimited_if_zero(mark), Ordering::Release);
    }

    /// How many messages fit now.
    pub(crate) fn room(&self) -> u64 {
        self.mark
            .load(Ordering::Relaxed)
            .saturating_sub(self.outstanding())
    }

    /// Messages put in and not consumed by the application.
    pub(crate) fn outstanding(&self) -> u64 {
        let consumed = self.consumed.0.load(Ordering::Acquire);
        self.produced
            .0
            .load(Ordering::Acquire)
            .saturating_sub(consumed)
    }

    /// Messages ever put in.
    #[cfg(feature = "inproc")]
    pub(crate) fn produced(&self) -> u64 {
        self.produced.0.load(Ordering::Acquire)
    }

    /// Filler: declares itself starved. True: there is room after all.
    pub(crate) fn starve(&self) -> bool {
        self.starved.swap(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        let room = self.room() > 0;
        if room {
            self.starved.store(false, Ordering::Relaxed);
        }
        room
    }

    /// Filler: appends what was decoded, of which `messages` count. True: the queue was empty.
    pub(crate) fn append(&self, items: &mut VecDeque<Incoming>, messages: usize) -> bool {
        self.count(messages as u64);
        let mut queue = self.queue.lock();
        let was_empty = queue.is_empty();
        if was_empty {
            std::mem::swap(&mut *queue, items);
        } else {
            queue.append(items);
        }
        was_empty
    }

    /// Filler: appends one message, or a command that does not count. True: the queue was empty.
    #[cfg(feature = "inproc")]
    pub(crate) fn push(&self, item: Incoming) -> bool {
        if matches!(item, Incoming::Message(_)) {
            self.count(1);
        }
        let mut queue = self.queue.lock();
        let was_empty = queue.is_empty();
        queue.push_back(item);
        was_empty
    }

    /// Takes back everything that the other side has not taken out.
    pub(crate) fn take_back(&self) -> VecDeque<Incoming> {
        std::mem::take(&mut *self.queue.lock())
    }

    /// Messages and commands that the other side has not taken out.
    pub(crate) fn waiting(&self) -> usize {
        self.queue.lock().len()
    }

    fn count(&self, messages: u64) {
        let produced = self.produced.0.load(Ordering::Relaxed) + messages;
        self.produced.0.store(produced, Ordering::Release);
    }

    fn step(&self) -> bool {
        fence(Ordering::SeqCst);
        self.starved.load(Ordering::Relaxed) && self.starved.swap(false, Ordering::AcqRel)
    }
}

impl Batch {
    /// Emptier: takes the next item; a new batch out of `from` if this one is used up. A message
    /// goes to `into`, which owns nothing yet: dropping that would have the message moved twice.
    #[inline]
    pub(crate) fn take(&mut self, from: &Inbound, into: &mut Message) -> Taken {
        if self.items.is_empty() {
            std::mem::swap(&mut *from.queue.lock(), &mut self.items);
        }
        match self.items.pop_front() {
            Some(Incoming::Message(message)) => {
                debug_assert!(into.is_empty(), "what is forgotten here owns nothing");
                std::mem::forget(std::mem::replace(into, message));
                let wake = self.consume(from);
                Taken::Message { wake }
            }
            Some(Incoming::Command(command)) => Taken::Command(command),
            None => Taken::Nothing,
        }
    }

    /// One message is consumed. True: wake the filler.
    #[inline]
    fn consume(&mut self, from: &Inbound) -> bool {
        self.consumed += 1;
        self.since_step += 1;
        from.consumed.0.store(self.consumed, Ordering::Release);
        let mark = from.mark.load(Ordering::Relaxed);
        if !self.items.is_empty() && self.since_step < mark / 2 + mark % 2 {
            return false;
        }
        self.since_step = 0;
        from.step()
    }

    /// Emptier: drops everything that is here and there. The items, and whether to wake the filler.
    pub(crate) fn discard(&mut self, from: &Inbound) -> (VecDeque<Incoming>, bool) {
        if self.is_empty(from) {
            return (VecDeque::new(), false);
        }
        let items = self.drain(from);
        let messages = items
            .iter()
            .filter(|item| matches!(item, Incoming::Message(_)))
            .count();
        self.consumed += messages as u64;
        from.consumed.0.store(self.consumed, Ordering::Release);
        self.since_step = 0;
        (items, from.step())
    }

    /// True if nothing is left here or there.
    pub(crate) fn is_empty(&self, from: &Inbound) -> bool {
        self.items.is_empty() && from.waiting() == 0
    }

    /// Items taken out and not consumed.
    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }

    /// Everything that is left here and there.
    pub(crate) fn drain(&mut self, from: &Inbound) -> VecDeque<Incoming> {
        let mut items = std::mem::take(&mut self.items);
        items.append(&mut from.take_back());
        items
    }

    /// Gives memory back before a long wait.
    pub(crate) fn relax(&mut self) {
        if self.items.is_empty() && self.items.capacity() > 64 {
            self.items = VecDeque::new();
        }
    }
}

fn unlimited_if_zero(mark: u64) -> u64 {
    if mark == 0 { u64::MAX } else { mark }
}
