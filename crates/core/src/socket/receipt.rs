//! What a receive call gives: the message, or the message and who has sent it.
//!
//! Under the socket's lock the body remembers of the last message admitted only which pipe brought
//! it, as which of its messages: two words. Who that is, is looked up for those who ask.

use std::collections::HashMap;
use std::sync::Arc;

use ferromq_wire::Message;
use smallvec::SmallVec;

use super::arrivals::Change;
use super::ready::Ready;
use super::state::Body;
use crate::pattern::{Peer, PipeId};

/// What a receive call gives.
#[doc(hidden)]
pub trait Receipt: Default {
    /// Where the message goes.
    #[doc(hidden)]
    fn message(&mut self) -> &mut Message;

    /// Notes who has sent it; `find` looks it up.
    #[doc(hidden)]
    fn note(&mut self, find: impl FnOnce() -> Option<Arc<Peer>>);

    /// Whether peers that come and go are told of, too.
    #[doc(hidden)]
    const TELLS: bool = false;

    /// There is no message, but this.
    #[doc(hidden)]
    fn tell(&mut self, change: Change) {
        let _ = change;
    }
}

impl Receipt for Message {
    #[inline]
    fn message(&mut self) -> &mut Message {
        self
    }

    #[inline]
    fn note(&mut self, _: impl FnOnce() -> Option<Arc<Peer>>) {}
}

impl Receipt for (Message, Option<Arc<Peer>>) {
    fn message(&mut self) -> &mut Message {
        &mut self.0
    }

    fn note(&mut self, find: impl FnOnce() -> Option<Arc<Peer>>) {
        self.1 = find();
    }
}

/// Which pipe brought a message, and as which of its messages, counted from 1.
#[derive(Clone, Copy, Debug)]
pub(super) struct Came {
    pub(super) pipe: PipeId,
    pub(super) number: u64,
}

/// Who sent what a pipe brings: with each connection, from the message behind this one on.
#[derive(Debug, Default)]
pub(super) struct Senders(SmallVec<[(u64, Arc<Peer>); 1]>);

impl Senders {
    /// From the message behind `before` on it is this peer. What was `consumed` needs no sender.
    pub(super) fn add(&mut self, peer: &Arc<Peer>, before: u64, consumed: u64) {
        let behind = self.0.iter().rposition(|(first, _)| *first <= consumed);
        self.0.drain(..behind.unwrap_or(0));
        self.0.retain(|(first, _)| *first < before);
        self.0.push((before, Arc::clone(peer)));
    }

    /// True if nobody has been there.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn of(&self, number: u64) -> Option<&Arc<Peer>> {
        let mut senders = self.0.iter().rev();
        let found = senders.find(|(before, _)| *before < number);
        found.map(|(_, peer)| peer)
    }
}

/// The senders of pipes that are gone, and of which messages wait for the application.
///
/// Which these are is looked up now and then: when there are twice as many as the last time, or as
/// many as messages. So a pipe that goes costs the same, however many are gone and wait.
#[derive(Debug, Default)]
pub(super) struct Departed {
    senders: HashMap<PipeId, Senders>,
    /// How many there may be before it is looked up which of them are needed.
    most: usize,
}

/// How many are kept without a look.
const FEW: usize = 16;

impl Departed {
    fn add(&mut self, pipe: PipeId, senders: Senders, ready: &Ready) {
        if ready.is_empty() {
            return self.senders.clear();
        }
        self.senders.insert(pipe, senders);
        if self.senders.len() > self.most.max(FEW) {
            let needed = ready.pipes();
            self.senders.retain(|pipe, _| needed.contains(pipe));
            self.most = ready.len().max(2 * self.senders.len());
        }
    }
}

impl Body {
    /// A pipe goes: its senders are kept as long as they may be asked for.
    pub(super) fn keep_senders(&mut self, pipe: PipeId, senders: Senders) {
        self.departed.add(pipe, senders, &self.ready);
    }

    /// Who sent the message admitted last, or taken last from those admitted before.
    pub(super) fn sender(&self) -> Option<Arc<Peer>> {
        let Came { pipe, number } = self.came?;
        let entry = self.pipes.get(pipe).map(|entry| &entry.senders);
        let senders = entry.or_else(|| self.departed.senders.get(&pipe))?;
        senders.of(number).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A message that this pipe brought.
    fn push(ready: &mut Ready, pipe: PipeId) {
        ready.push_back(Message::from("a"), Some(Came { pipe, number: 1 }));
    }

    #[test]
    fn departed_are_as_many_as_messages_at_most_and_those_needed_are_kept() {
        let (mut departed, mut ready) = (Departed::default(), Ready::default());
        let kept = PipeId::new(7, 0);
        (0..100).for_each(|_| push(&mut ready, kept));
        departed.add(kept, Senders::default(), &ready);
        // An interpreter is slow.
        let generations = if cfg!(miri) { 300 } else { 10_000 };
        for generation in 1..generations {
            let pipe = PipeId::new(7, generation);
            departed.add(pipe, Senders::default(), &ready);
            assert!(departed.senders.len() <= 101, "{generation}");
            assert!(departed.senders.contains_key(&kept), "{generation}");
        }
        while ready.pop_front().is_some() {}
        departed.add(PipeId::new(8, 0), Senders::default(), &ready);
        assert!(departed.senders.is_empty());
    }
}
