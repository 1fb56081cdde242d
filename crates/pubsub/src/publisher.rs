//! What PUB and XPUB have in common: the index of subscriptions and the fan-out over it.

use ferromq_core::strategy::FanOut;
use ferromq_core::{Message, PipeId, Room, Route};

use crate::index::Index;
use crate::request::Request;

/// The peers of a publisher and what they subscribed to.
#[derive(Debug, Default)]
pub(crate) struct Publisher {
    index: Index,
    outgoing: FanOut,
}

impl Publisher {
    pub(crate) fn attach(&mut self, pipe: PipeId) {
        self.outgoing.attach(pipe);
    }

    /// Forgets what a pipe subscribed to; `orphan` is told the topics without subscribers left.
    pub(crate) fn forget(&mut self, pipe: PipeId, orphan: impl FnMut(Vec<u8>)) {
        self.index.remove(pipe, orphan);
    }

    pub(crate) fn detach(&mut self, pipe: PipeId) {
        self.outgoing.detach(pipe);
    }

    pub(crate) fn writable(&mut self, pipe: PipeId) {
        self.outgoing.writable(pipe);
    }

    /// Applies a request of a peer. True if it was the first for its topic, or took the last away.
    pub(crate) fn apply(&mut self, pipe: PipeId, request: Request<'_>) -> bool {
        match request {
            Request::Subscribe(topic) => self.index.subscribe(pipe, topic),
            Request::Cancel(topic) => self.index.unsubscribe(pipe, topic),
        }
    }

    /// To every peer that subscribed to the beginning of the first part, as far as it has room.
    #[inline]
    pub(crate) fn route(&mut self, message: &Message, room: &dyn Room) -> Route<'_> {
        let topic = message.part(0).map_or(&[][..], |part| part.as_bytes());
        let outgoing = &mut self.outgoing;
        outgoing.begin();
        self.index
            .for_each_match(topic, |pipe| outgoing.offer(pipe, room));
        outgoing.route()
    }

    /// How many peers would be given a message whose first part is `topic`, had they room.
    pub(crate) fn subscriber_count(&mut self, topic: &[u8]) -> usize {
        let mut count = 0;
        self.index.for_each_match(topic, |_| count += 1);
        count
    }

    /// How many different topics are subscribed to.
    pub(crate) fn topics(&self) -> usize {
        self.index.topics()
    }
}
