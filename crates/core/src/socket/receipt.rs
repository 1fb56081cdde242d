//! What a receive call gives: the message, or the message and who has sent it.
//!
//! Under the socket's lock the body remembers of the last message admitted only which pipe brought
//! it, as which of its messages: two words. Who that is, is looked up for those who ask.

use std::collections::HashMap;
use std::sync::Arc;

use ferromq_wire::Message;
use smallvec::SmallVec;

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
#[derive(Debug, Default)]
pub(super) struct Departed(HashMap<PipeId, Senders>);

impl Body {
    /// A pipe goes: its senders are kept as long as they may be asked for.
    pub(super) fn keep_senders(&mut self, pipe: PipeId, senders: Senders) {
        let ready = &self.ready;
        self.departed.0.retain(|pipe, _| ready.came_by(*pipe));
        if ready.came_by(pipe) {
            self.departed.0.insert(pipe, senders);
        }
    }

    /// Who sent the message admitted last, or taken last from those admitted before.
    pub(super) fn sender(&self) -> Option<Arc<Peer>> {
        let Came { pipe, number } = self.came?;
        let entry = self.pipes.get(pipe).map(|entry| &entry.senders);
        let senders = entry.or_else(|| self.departed.0.get(&pipe))?;
        senders.of(number).cloned()
    }
}
