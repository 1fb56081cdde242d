//! Who subscribed to what: the prefix tree of a publisher.
//!
//! Finding the subscribers of a message costs O(topic + matches), however many subscriptions there
//! are. A subscriber that leaves costs O(its own subscriptions).
//!
//! Invariant: `subscribers[p].held[h.place]` is the node of the tree in whose holders `h`, with
//! `h.pipe == p`, stands: both directions are O(1).

mod holders;

use ferromq_core::PipeId;
use ferromq_core::strategy::PipeMap;

use crate::arena::Id;
use crate::publisher::Subscriptions;
use crate::trie::Trie;
use holders::{Holder, Holders};

/// The subscriptions of all peers of a publisher. Per peer it is a set: subscribing twice is the
/// same as subscribing once.
#[derive(Debug)]
pub(crate) struct Index {
    tree: Trie<Holders>,
    subscribers: PipeMap<Subscriber>,
    /// The number of the current match, to name each pipe once.
    round: u64,
    topics: usize,
}

impl Index {
    pub(crate) fn new() -> Self {
        Self {
            tree: Trie::new(),
            subscribers: PipeMap::new(),
            round: 0,
            topics: 0,
        }
    }

    /// Adds a subscription. True if nobody had subscribed to this topic before.
    #[expect(
        clippy::expect_used,
        reason = "a node holds a pipe once, and ids are 32 bits"
    )]
    pub(crate) fn subscribe(&mut self, pipe: PipeId, topic: &[u8]) -> bool {
        let node = self.tree.insert(topic);
        let holders = self.tree.value_mut(node);
        let first = holders.is_none();
        let subscriber = self.subscribers.entry(pipe);
        let held = &mut subscriber.held;
        let place =
            u32::try_from(held.len()).expect("a node holds a pipe once, and ids are 32 bits");
        if holders.insert(Holder { pipe, place }) {
            held.push(node);
            subscriber.bytes += topic.len();
        }
        self.topics += usize::from(first);
        first
    }

    /// Removes a subscription; one that does not exist is ignored. True if the topic has no
    /// subscriber any more.
    pub(crate) fn unsubscribe(&mut self, pipe: PipeId, topic: &[u8]) -> bool {
        let Some(node) = self.tree.find(topic) else {
            return false;
        };
        let holders = self.tree.value_mut(node);
        let Some(place) = holders.remove(pipe) else {
            return false;
        };
        let last = holders.is_none();
        self.release(pipe, place, topic.len());
        self.vacate(last, node);
        last
    }

    /// Removes all subscriptions of a pipe; `orphan` is told the topics that have no subscriber
    /// any more.
    pub(crate) fn remove(&mut self, pipe: PipeId, mut orphan: impl FnMut(Vec<u8>)) {
        let Some(subscriber) = self.subscribers.remove(pipe) else {
            return;
        };
        for node in subscriber.held {
            let holders = self.tree.value_mut(node);
            holders.remove(pipe);
            let last = holders.is_none();
            if last {
                orphan(self.tree.key(node));
            }
            self.vacate(last, node);
        }
    }

    /// Names each pipe with a subscription that this topic begins with, once.
    #[inline]
    pub(crate) fn for_each_match(&mut self, topic: &[u8], mut found: impl FnMut(PipeId)) {
        self.round += 1;
        for holder in self.tree.prefixes(topic).flat_map(Holders::as_slice) {
            let Some(subscriber) = self.subscribers.get_mut(holder.pipe) else {
                continue;
            };
            if subscriber.round != self.round {
                subscriber.round = self.round;
                found(holder.pipe);
            }
        }
    }

    /// Names the topics that a pipe subscribed to, in no particular order.
    pub(crate) fn topics_of(&self, pipe: PipeId, mut topic: impl FnMut(Vec<u8>)) {
        let held = self.subscribers.get(pipe).map(|it| &it.held);
        for node in held.into_iter().flatten() {
            topic(self.tree.key(*node));
        }
    }

    /// To how many topics a pipe subscribed.
    pub(crate) fn held_by(&self, pipe: PipeId) -> usize {
        self.subscribers.get(pipe).map_or(0, |it| it.held.len())
    }

    /// Whether anybody subscribed to this topic.
    pub(crate) fn has(&self, topic: &[u8]) -> bool {
        self.tree.get(topic).is_some()
    }

    /// Whether a pipe subscribed to this topic.
    pub(crate) fn holds(&self, pipe: PipeId, topic: &[u8]) -> bool {
        let holders = self.tree.get(topic);
        holders.is_some_and(|holders| holders.contains(pipe))
    }

    /// True if a pipe that subscribes to this topic has not more than `most`.
    pub(crate) fn has_room(&self, pipe: PipeId, topic: &[u8], most: Subscriptions) -> bool {
        let subscriber = self.subscribers.get(pipe);
        let (count, bytes) = subscriber.map_or((0, 0), |it| (it.held.len(), it.bytes));
        let fits = count < most.count && bytes.saturating_add(topic.len()) <= most.bytes;
        fits || self.holds(pipe, topic)
    }

    /// How many different topics are subscribed to.
    pub(crate) fn topics(&self) -> usize {
        self.topics
    }

    /// The storage that is held, in nodes of 64 bytes.
    #[cfg(test)]
    pub(crate) fn capacity(&self) -> usize {
        self.tree.capacity()
    }

    /// Takes an entry out of a pipe's list and tells the entry that moved its new place.
    fn release(&mut self, pipe: PipeId, place: u32, length: usize) {
        let Some(Subscriber { held, bytes, .. }) = self.subscribers.get_mut(pipe) else {
            return;
        };
        *bytes -= length;
        held.swap_remove(place as usize);
        if held.len() * 4 <= held.capacity() {
            held.shrink_to(held.len() * 2);
        }
        if let Some(moved) = held.get(place as usize) {
            self.tree.value_mut(*moved).relocate(pipe, place);
        }
    }

    fn vacate(&mut self, last: bool, node: Id) {
        if last {
            self.topics -= 1;
            self.tree.prune(node);
        }
    }
}

impl Default for Index {
    fn default() -> Self {
        Self::new()
    }
}

#[derive(Debug, Default)]
struct Subscriber {
    /// The nodes of its topics.
    held: Vec<Id>,
    /// How long they are together.
    bytes: usize,
    /// The match that last named this pipe.
    round: u64,
}

#[cfg(test)]
mod tests;
