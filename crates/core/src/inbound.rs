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
//!
//! There may be a mark in bytes beside the one in messages. Then both sides count the *weight* of
//! messages too (the bytes of their parts), a message fits while less than that mark is there, and
//! the emptier looks at `starved` at half of it as well: a filler that this mark has starved left
//! at least so much to consume. Woken at the one step, it may find the other mark in its way; then
//! it is starved again, by what is there still.

mod newest;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64 as PlainU64, Ordering as Plain};

#[cfg(feature = "inproc")]
use ferromq_wire::{Bundle, put_message};
use ferromq_wire::{Command, Incoming, Message};

use self::newest::{Newest, is_gap};
use crate::options::{Overflow, unlimited_if_zero};
use crate::pool::{self, CHUNK};
use crate::stats::add;
use crate::sync::{AtomicBool, AtomicU8, AtomicU64, Mutex, Ordering, Padded, fence};

/// The incoming half of a pipe.
#[derive(Debug)]
pub(crate) struct Inbound {
    queue: Padded<Mutex<Queue>>,
    produced: Padded<Produced>,
    consumed: Padded<Consumed>,
    starved: AtomicBool,
    mark: AtomicU64,
    /// The mark in bytes; [`UNWEIGHED`]: none. Once it is lifted, there is none for good.
    weight_mark: PlainU64,
    /// Bytes read for it, and how often that stopped at the mark: the filling side writes them.
    bytes: PlainU64,
    full: PlainU64,
    /// How often the filling side was woken: only the emptying side writes it.
    fed: PlainU64,
    /// Which messages give way to later ones: an [`Overflow`].
    overflow: AtomicU8,
    /// Messages that a later one took the place of: the filling side writes it.
    replaced: PlainU64,
    /// Messages put in that are none of the sender's application: the filling side writes it.
    #[cfg(feature = "inproc")]
    announced: PlainU64,
}

/// Without a mark in bytes, weights are not counted.
const UNWEIGHED: u64 = u64::MAX;

/// What the filling side counts.
#[derive(Debug)]
struct Produced {
    messages: AtomicU64,
    /// What it last saw consumed: looking again for each message would cost more than the rest.
    seen: AtomicU64,
    weight: AtomicU64,
    weight_seen: AtomicU64,
}

/// What the emptying side counts.
#[derive(Debug)]
struct Consumed {
    messages: AtomicU64,
    weight: AtomicU64,
}

/// What was put in and not taken out.
#[derive(Debug)]
struct Queue {
    items: VecDeque<Incoming>,
    /// Where messages give way to later ones of the same key: which these are.
    newest: Option<Box<Newest>>,
    /// The emptying side is gone.
    abandoned: bool,
    /// The emptying side has found nothing: whoever fills next tells it. (Telling it whenever the
    /// queue was empty would mean telling it of nearly every message, where both sides are equally
    /// fast.)
    idle: bool,
}

/// The emptying side's part: what it has taken out and not consumed yet.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    items: VecDeque<Incoming>,
    consumed: u64,
    since_step: u64,
    weight: u64,
    weight_since_step: u64,
}

/// Messages that gave way to later ones.
#[derive(Debug, Default)]
pub(crate) struct Replaced {
    /// To the one that tells of the same.
    pub(crate) conflated: VecDeque<Incoming>,
    /// For lack of room.
    pub(crate) displaced: VecDeque<Incoming>,
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
            queue: Padded(Mutex::new(Queue {
                items: VecDeque::new(),
                newest: None,
                abandoned: false,
                idle: true,
            })),
            produced: Padded(Produced {
                messages: AtomicU64::new(0),
                seen: AtomicU64::new(0),
                weight: AtomicU64::new(0),
                weight_seen: AtomicU64::new(0),
            }),
            consumed: Padded(Consumed {
                messages: AtomicU64::new(0),
                weight: AtomicU64::new(0),
            }),
            starved: AtomicBool::new(false),
            mark: AtomicU64::new(unlimited_if_zero(mark)),
            weight_mark: PlainU64::new(UNWEIGHED),
            bytes: PlainU64::new(0),
            full: PlainU64::new(0),
            fed: PlainU64::new(0),
            overflow: AtomicU8::new(Overflow::Refuse as u8),
            replaced: PlainU64::new(0),
            #[cfg(feature = "inproc")]
            announced: PlainU64::new(0),
        }
    }

    /// The same, with a mark in bytes (0: none).
    pub(crate) fn weighed(self, mark: u64) -> Self {
        let weight_mark = PlainU64::new(unlimited_if_zero(mark));
        Self {
            weight_mark,
            ..self
        }
    }

    /// The same, in which messages give way to later ones.
    pub(crate) fn giving_way(self, overflow: Overflow) -> Self {
        self.give_way(overflow);
        self
    }

    /// From now on messages give way to later ones. Where only one is kept, there is room always.
    pub(crate) fn give_way(&self, overflow: Overflow) {
        self.overflow.store(overflow as u8, Ordering::Release);
        let mut queue = self.queue.0.lock();
        queue.finish();
        queue.newest = None;
        drop(queue);
        if overflow == Overflow::KeepLatest {
            self.lift_marks();
        }
    }

    /// True if messages give way to later ones.
    #[inline]
    pub(crate) fn gives_way(&self) -> bool {
        self.overflow.load(Ordering::Relaxed) != Overflow::Refuse as u8
    }

    /// Filler: like [`append`](Self::append), and takes out the messages that give way, as if they
    /// had never come. (Others may be with the emptying side already.)
    pub(crate) fn replace(
        &self,
        items: &mut VecDeque<Incoming>,
        messages: usize,
    ) -> (bool, Replaced) {
        let mut replaced = Replaced::default();
        self.count_all(items, messages);
        let mut queue = self.queue.0.lock();
        if queue.abandoned {
            return (false, replaced);
        }
        let new = items.len();
        queue.items.append(items);
        let overflow = self.overflow.load(Ordering::Relaxed);
        if overflow == Overflow::KeepLatest as u8 {
            replaced.conflated = queue.conflate(new, |_| &[]);
        } else if overflow == Overflow::KeepTopics as u8 {
            replaced.conflated = queue.conflate(new, topic);
        }
        self.uncount(&replaced.conflated);
        add(&self.replaced, replaced.conflated.len() as u64);
        while self.is_overfull(&queue.items)
            && let Some(oldest) = queue.take_oldest()
        {
            self.uncount([&oldest]);
            replaced.displaced.push_back(oldest);
        }
        let tell = !queue.items.is_empty() && std::mem::take(&mut queue.idle);
        (tell, replaced)
    }

    /// Changes the mark (an inproc peer adds its own). Lowering drops nothing.
    #[cfg(feature = "inproc")]
    pub(crate) fn set_mark(&self, mark: u64) {
        self.mark.store(unlimited_if_zero(mark), Ordering::Release);
    }

    /// The same for the mark in bytes, if there was one.
    #[cfg(feature = "inproc")]
    pub(crate) fn set_weight_mark(&self, mark: u64) {
        if self.is_weighed() {
            self.weight_mark
                .store(unlimited_if_zero(mark), Plain::Relaxed);
        }
    }

    fn lift_marks(&self) {
        self.mark.store(u64::MAX, Ordering::Release);
        self.weight_mark.store(UNWEIGHED, Plain::Relaxed);
    }

    /// Filler: true if a message fits now.
    pub(crate) fn has_room(&self) -> bool {
        self.has_room_in_messages() && self.weight_left() > 0
    }

    #[inline]
    fn has_room_in_messages(&self) -> bool {
        let Produced { messages, seen, .. } = &self.produced.0;
        let mark = self.mark.load(Ordering::Relaxed);
        let produced = messages.load(Ordering::Relaxed);
        if produced - seen.load(Ordering::Relaxed) < mark {
            return true;
        }
        let consumed = self.consumed.0.messages.load(Ordering::Acquire);
        seen.store(consumed, Ordering::Relaxed);
        produced - consumed < mark
    }

    /// True if there is a mark in bytes.
    #[inline]
    pub(crate) fn is_weighed(&self) -> bool {
        self.weight_mark.load(Plain::Relaxed) != UNWEIGHED
    }

    /// Filler: how many bytes there may be more before nothing fits, at the least; 0: nothing fits.
    #[inline]
    pub(crate) fn weight_left(&self) -> u64 {
        match self.weight_mark.load(Plain::Relaxed) {
            UNWEIGHED => u64::MAX,
            mark => self.weight_below(mark),
        }
    }

    #[cold]
    fn weight_below(&self, mark: u64) -> u64 {
        let Produced {
            weight,
            weight_seen,
            ..
        } = &self.produced.0;
        let produced = weight.load(Ordering::Relaxed);
        let left = mark.saturating_sub(produced - weight_seen.load(Ordering::Relaxed));
        if left > 0 {
            return left;
        }
        let consumed = self.consumed.0.weight.load(Ordering::Acquire);
        weight_seen.store(consumed, Ordering::Relaxed);
        mark.saturating_sub(produced - consumed)
    }

    /// Filler: how many messages fit now, if they weigh little.
    pub(crate) fn room(&self) -> u64 {
        if self.weight_left() == 0 {
            return 0;
        }
        self.mark
            .load(Ordering::Relaxed)
            .saturating_sub(self.outstanding())
    }

    /// Messages put in and not consumed by the application.
    pub(crate) fn outstanding(&self) -> u64 {
        let consumed = self.consumed.0.messages.load(Ordering::Acquire);
        let produced = self.produced.0.messages.load(Ordering::Acquire);
        produced.saturating_sub(consumed)
    }

    /// Messages ever put in.
    pub(crate) fn produced(&self) -> u64 {
        self.produced.0.messages.load(Ordering::Acquire)
    }

    /// Of these, those of the sender's application. (Its farewell may be on its way meanwhile.)
    #[cfg(feature = "inproc")]
    pub(crate) fn sent(&self) -> u64 {
        let announced = self.announced.load(Plain::Relaxed);
        self.produced().saturating_sub(announced)
    }

    /// Filler: declares itself starved. True: there is room after all.
    pub(crate) fn starve(&self) -> bool {
        self.starved.swap(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        let room = self.has_room();
        if room {
            self.starved.store(false, Ordering::Relaxed);
        }
        room
    }

    /// Filler: appends what was decoded, of which `messages` count. True: the emptying side has to
    /// be told. What is left in `items` is for nobody: that side is gone.
    pub(crate) fn append(&self, items: &mut VecDeque<Incoming>, messages: usize) -> bool {
        self.count_all(items, messages);
        let mut queue = self.queue.0.lock();
        if queue.abandoned {
            return false;
        }
        if queue.items.is_empty() {
            std::mem::swap(&mut queue.items, items);
        } else {
            queue.items.append(items);
        }
        std::mem::take(&mut queue.idle)
    }

    /// Filler: appends a message, which is moved straight into the queue. True: the emptying side
    /// has to be told.
    #[cfg(feature = "inproc")]
    pub(crate) fn push(&self, message: &mut Message) -> bool {
        self.count(1);
        if self.is_weighed() {
            self.count_weight(message.size() as u64);
        }
        self.put(|| Incoming::Message(std::mem::take(message)))
    }

    /// Filler: appends a message that is none of its application's: in a bundle, as no other one
    /// is within the process, so that none gives way to it, nor it to others, and it is never taken
    /// back. True: the emptying side has to be told.
    #[cfg(feature = "inproc")]
    pub(crate) fn announce(&self, message: &Message) -> bool {
        let mut bytes = Vec::new();
        put_message(&mut bytes, message);
        add(&self.announced, 1);
        let bundle = Incoming::Bundle(Bundle::new(bytes, 0, 1));
        self.append(&mut VecDeque::from([bundle]), 1)
    }

    /// Filler: appends a command, which does not count. True: the emptying side has to be told.
    #[cfg(feature = "inproc")]
    pub(crate) fn push_command(&self, command: Command) -> bool {
        self.put(|| Incoming::Command(command))
    }

    #[cfg(feature = "inproc")]
    #[inline]
    fn put(&self, item: impl FnOnce() -> Incoming) -> bool {
        let mut queue = self.queue.0.lock();
        queue.items.push_back(item());
        std::mem::take(&mut queue.idle)
    }

    /// The emptying side goes: from now on there is room without end, and what comes is for nobody.
    /// Who fills a stream's queue is told to read on, if the mark has stopped it.
    pub(crate) fn abandon(&self) {
        self.queue.0.lock().abandoned = true;
        self.lift_marks();
    }

    /// Takes back everything that the other side has not taken out.
    pub(crate) fn take_back(&self) -> VecDeque<Incoming> {
        self.queue.0.lock().take()
    }

    /// Messages that the other side has not taken out.
    pub(crate) fn waiting(&self) -> u64 {
        let queue = self.queue.0.lock();
        let gaps = queue.newest.as_ref().map_or(0, |newest| newest.gaps());
        messages(&queue.items) - gaps as u64
    }

    /// True if messages or commands are there that the other side has not taken out.
    pub(crate) fn has_items(&self) -> bool {
        !self.queue.0.lock().items.is_empty()
    }

    /// Filler: so many bytes were read.
    pub(crate) fn count_bytes(&self, bytes: usize) {
        add(&self.bytes, bytes as u64);
    }

    /// Filler: the mark has stopped reading.
    pub(crate) fn count_full(&self) {
        add(&self.full, 1);
    }

    /// How many messages gave their place to a later one.
    pub(crate) fn replaced(&self) -> u64 {
        self.replaced.load(Plain::Relaxed)
    }

    /// Bytes ever read.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Plain::Relaxed)
    }

    /// How often reading stopped at the mark.
    pub(crate) fn times_full(&self) -> u64 {
        self.full.load(Plain::Relaxed)
    }

    /// How often the filling side has waited for room, or waits.
    #[cfg(feature = "inproc")]
    pub(crate) fn times_starved(&self) -> u64 {
        let starved = self.starved.load(Ordering::Relaxed);
        self.fed.load(Plain::Relaxed) + u64::from(starved)
    }

    /// Filler: so many messages came.
    pub(crate) fn count(&self, messages: u64) {
        let count = &self.produced.0.messages;
        count.store(count.load(Ordering::Relaxed) + messages, Ordering::Release);
    }

    /// Filler: these came, of which `messages` count.
    fn count_all(&self, items: &VecDeque<Incoming>, messages: usize) {
        self.count(messages as u64);
        if self.is_weighed() {
            self.count_weight(items.iter().map(weight).sum());
        }
    }

    #[cold]
    fn count_weight(&self, weight: u64) {
        let count = &self.produced.0.weight;
        count.store(count.load(Ordering::Relaxed) + weight, Ordering::Release);
    }

    /// Filler: these messages came and are gone again.
    fn uncount<'a>(&self, gone: impl IntoIterator<Item = &'a Incoming>) {
        let Produced {
            messages, weight, ..
        } = &self.produced.0;
        let is_weighed = self.is_weighed();
        for item in gone {
            messages.store(messages.load(Ordering::Relaxed) - 1, Ordering::Release);
            if is_weighed {
                let left = weight.load(Ordering::Relaxed) - self::weight(item);
                weight.store(left, Ordering::Release);
            }
        }
    }

    /// Filler: true if there was no room for the newest of these messages.
    fn is_overfull(&self, items: &VecDeque<Incoming>) -> bool {
        if self.outstanding() > self.mark.load(Ordering::Relaxed) {
            return true;
        }
        let is_message = |item: &&Incoming| matches!(item, Incoming::Message(_));
        let newest = items.iter().rfind(is_message).map_or(0, weight);
        let mark = self.weight_mark.load(Plain::Relaxed);
        mark != UNWEIGHED && self.outstanding_weight().saturating_sub(newest) >= mark
    }

    /// What is put in and not consumed by the application weighs so much, if it is weighed.
    fn outstanding_weight(&self) -> u64 {
        let consumed = self.consumed.0.weight.load(Ordering::Acquire);
        let produced = self.produced.0.weight.load(Ordering::Acquire);
        produced.saturating_sub(consumed)
    }

    fn step(&self) -> bool {
        fence(Ordering::SeqCst);
        let woken =
            self.starved.load(Ordering::Relaxed) && self.starved.swap(false, Ordering::AcqRel);
        if woken {
            add(&self.fed, 1);
        }
        woken
    }
}

impl Queue {
    /// Of the last items, so many are new: takes the earlier ones of the same keys out.
    fn conflate(&mut self, new: usize, key: fn(&Message) -> &[u8]) -> VecDeque<Incoming> {
        match &mut self.newest {
            Some(newest) => newest.admit(&mut self.items, new),
            none => {
                let all = self.items.len();
                let newest = none.insert(Box::new(Newest::new(key)));
                newest.admit(&mut self.items, all)
            }
        }
    }

    /// Takes the first message out, if another one is behind it.
    fn take_oldest(&mut self) -> Option<Incoming> {
        let is_message = |item: &Incoming| matches!(item, Incoming::Message(_)) && !is_gap(item);
        let oldest = self.items.iter().position(is_message)?;
        let newest = self.items.iter().rposition(is_message)?;
        if oldest == newest {
            return None;
        }
        match &mut self.newest {
            Some(newest) => newest.remove(&mut self.items, oldest),
            None => self.items.remove(oldest),
        }
    }

    /// What is there is taken over.
    #[inline]
    fn finish(&mut self) {
        if let Some(newest) = &mut self.newest {
            newest.finish(&mut self.items);
        }
    }

    fn take(&mut self) -> VecDeque<Incoming> {
        self.finish();
        std::mem::take(&mut self.items)
    }
}

impl Batch {
    /// Emptier: takes the next item; a new batch out of `from` if this one is used up. A message
    /// changes places with `into`, which owns nothing yet: it is moved once, and as a whole. (Out
    /// of an `Incoming` that was taken off it would be moved in the pieces of a command.)
    #[inline]
    pub(crate) fn take(&mut self, from: &Inbound, into: &mut Message) -> Taken {
        if from.is_weighed() {
            return self.take_weighed(from, into);
        }
        self.take_unweighed(from, into)
    }

    #[cold]
    fn take_weighed(&mut self, from: &Inbound, into: &mut Message) -> Taken {
        match self.take_unweighed(from, into) {
            Taken::Message { wake } => Taken::Message {
                wake: self.consume_weight(from, into.size() as u64) || wake,
            },
            other => other,
        }
    }

    #[inline]
    fn take_unweighed(&mut self, from: &Inbound, into: &mut Message) -> Taken {
        if self.items.is_empty() {
            let mut queue = from.queue.0.lock();
            queue.idle = queue.items.is_empty();
            queue.finish();
            std::mem::swap(&mut queue.items, &mut self.items);
        }
        match self.items.front_mut() {
            Some(Incoming::Bundle(bundle)) => {
                let is_there = bundle.pop_into(into);
                debug_assert!(is_there, "a bundle of which nothing is left is dropped");
                if bundle.is_empty() {
                    self.drop_bundle();
                }
            }
            Some(Incoming::Message(message)) => {
                debug_assert!(into.is_empty(), "what is forgotten here owns nothing");
                std::mem::swap(into, message);
                std::mem::forget(self.items.pop_front());
            }
            _ => return self.take_command(),
        }
        let wake = self.consume(from);
        Taken::Message { wake }
    }

    fn take_command(&mut self) -> Taken {
        match self.items.pop_front() {
            Some(Incoming::Command(command)) => Taken::Command(command),
            _ => Taken::Nothing,
        }
    }

    /// The first item is a bundle of which nothing is left. Its buffer may be read into again,
    /// unless it was made for what it held.
    #[cold]
    fn drop_bundle(&mut self) {
        if let Some(Incoming::Bundle(bundle)) = self.items.pop_front() {
            let buffer = bundle.into_buffer();
            if buffer.capacity() >= CHUNK {
                pool::give(buffer);
            }
        }
    }

    /// One message is consumed. True: wake the filler.
    #[inline]
    fn consume(&mut self, from: &Inbound) -> bool {
        self.consumed += 1;
        self.since_step += 1;
        let consumed = &from.consumed.0.messages;
        consumed.store(self.consumed, Ordering::Release);
        let mark = from.mark.load(Ordering::Relaxed);
        if !self.items.is_empty() && self.since_step * 2 < mark {
            return false;
        }
        self.since_step = 0;
        from.step()
    }

    /// The same for its bytes.
    fn consume_weight(&mut self, from: &Inbound, weight: u64) -> bool {
        self.weight += weight;
        self.weight_since_step += weight;
        let consumed = &from.consumed.0.weight;
        consumed.store(self.weight, Ordering::Release);
        let mark = from.weight_mark.load(Plain::Relaxed);
        if !self.items.is_empty() && self.weight_since_step < mark.div_ceil(2) {
            return false;
        }
        self.weight_since_step = 0;
        from.step()
    }

    /// Emptier: true if nothing is left; the next filler tells, as after a [`take`](Self::take) of
    /// nothing.
    pub(crate) fn is_used_up(&self, from: &Inbound) -> bool {
        if !self.items.is_empty() {
            return false;
        }
        let mut queue = from.queue.0.lock();
        queue.idle = queue.items.is_empty();
        queue.idle
    }

    /// Emptier: drops everything that is here and there. The items, and whether to wake the filler.
    pub(crate) fn discard(&mut self, from: &Inbound) -> (VecDeque<Incoming>, bool) {
        if self.is_empty(from) {
            return (VecDeque::new(), false);
        }
        let items = self.drain(from);
        self.consumed += messages(&items);
        let consumed = &from.consumed.0;
        consumed.messages.store(self.consumed, Ordering::Release);
        if from.is_weighed() {
            self.weight += items.iter().map(weight).sum::<u64>();
            consumed.weight.store(self.weight, Ordering::Release);
        }
        self.since_step = 0;
        self.weight_since_step = 0;
        (items, from.step())
    }

    /// True if nothing is left here or there.
    pub(crate) fn is_empty(&self, from: &Inbound) -> bool {
        self.items.is_empty() && !from.has_items()
    }

    /// Messages ever consumed.
    #[inline]
    pub(crate) fn consumed(&self) -> u64 {
        self.consumed
    }

    /// True if nothing is taken out that is not consumed.
    #[inline]
    pub(crate) fn is_consumed(&self) -> bool {
        self.items.is_empty()
    }

    /// Messages taken out and not consumed.
    pub(crate) fn waiting(&self) -> u64 {
        messages(&self.items)
    }

    /// Everything that is left here and there.
    pub(crate) fn drain(&mut self, from: &Inbound) -> VecDeque<Incoming> {
        let mut items = std::mem::take(&mut self.items);
        items.append(&mut from.take_back());
        items
    }

    /// True if it has room for many messages.
    pub(crate) fn is_roomy(&self) -> bool {
        self.items.capacity() > 64
    }

    /// Gives memory back before a long wait.
    pub(crate) fn relax(&mut self) {
        if self.items.is_empty() && self.is_roomy() {
            self.items = VecDeque::new();
        }
    }
}

/// The bytes of a message's parts; a command weighs nothing. (Of what is weighed, hardly anything
/// is in bundles.)
pub(crate) fn weight(item: &Incoming) -> u64 {
    match item {
        Incoming::Message(message) => message.size() as u64,
        Incoming::Command(_) => 0,
        Incoming::Bundle(bundle) => {
            let mut bundle = bundle.clone();
            let messages = std::iter::from_fn(|| bundle.pop_front());
            messages.map(|message| message.size() as u64).sum()
        }
    }
}

/// How many messages there are.
pub(crate) fn messages(items: &VecDeque<Incoming>) -> u64 {
    items.iter().map(|item| item.messages() as u64).sum()
}

/// What a message is about: its first part.
pub(crate) fn topic(message: &Message) -> &[u8] {
    message.part(0).map_or(&[], |part| part.as_bytes())
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests;
