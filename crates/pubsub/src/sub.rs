//! SUB: receives what it subscribed to, fairly queued.
//!
//! ```text
//!   subscribe ──► every publisher, now and whenever one is connected (again)
//!   recv ◄── the next publisher with a message that begins with a topic; nobody has one: wait
//! ```
//!
//! Messages are filtered here too, so a publisher that does not filter, or has not yet heard of an
//! `unsubscribe`, does no harm.

use std::sync::Arc;

use ferromq_core::{
    Actions, Admit, ClosedError, Dropped, Kind, Message, Origin, Pattern, Peer, PipeId, Readiness,
    Receives, Refusal, Refused, Room, Route, SocketType, socket_type,
};

use crate::subscriber::{NotSubscribed, Subscriber, UnsubscribeError};

/// The behaviour of a SUB socket.
#[derive(Debug, Default)]
pub struct SubPattern {
    subscriber: Subscriber,
}

impl Pattern for SubPattern {
    const KIND: Kind = Kind {
        socket_type: SocketType::Sub,
        announces_routing_id: false,
        requeues: false,
        eager: false,
        receives: true,
        drops_at_close: true,
    };

    fn attach(&mut self, pipe: PipeId, origin: &Origin, then: &mut Actions) -> Result<(), Refusal> {
        self.subscriber.attach(pipe, origin, then);
        Ok(())
    }

    fn hiccup(&mut self, pipe: PipeId, _: &Arc<Peer>, then: &mut Actions) -> Result<(), Refusal> {
        self.subscriber.subscribe_at(pipe, then);
        Ok(())
    }

    fn lost(&mut self, pipe: PipeId, _: &mut Actions) {
        self.subscriber.lost(pipe);
    }

    fn refill(&mut self, pipe: PipeId, then: &mut Actions) {
        self.subscriber.refill(pipe, then);
    }

    fn detach(&mut self, pipe: PipeId, _: &mut Actions) {
        self.subscriber.detach(pipe);
    }

    fn readable(&mut self, pipe: PipeId) {
        self.subscriber.readable(pipe);
    }

    fn drained(&mut self, pipe: PipeId) {
        self.subscriber.drained(pipe);
    }

    fn route(&mut self, _: &Message, _: &dyn Room, _: &mut Actions) -> Route<'_> {
        Route::Refuse(Refused::WrongState)
    }

    fn next(&mut self) -> Result<Option<PipeId>, Refused> {
        Ok(self.subscriber.next())
    }

    fn admit(&mut self, pipe: PipeId, message: &mut Message, _: &mut Actions) -> Admit {
        self.subscriber.served(pipe);
        if self.subscriber.wants(message) {
            Admit::Deliver
        } else {
            Admit::Skip(Dropped::Unwanted)
        }
    }

    fn readiness(&self, _: &dyn Room) -> Readiness {
        Readiness {
            send: false,
            receive: true,
        }
    }
}

impl Receives for SubPattern {}

socket_type! {
    /// A SUB socket: receives the messages of PUB and XPUB peers that it subscribed to; nothing
    /// before the first [`subscribe`](Self::subscribe).
    #[doc(alias = "ZMQ_SUB")]
    pub struct Sub(SubPattern);
}

impl Sub {
    /// Subscribes to messages whose first part begins with `topic`; an empty topic means all.
    ///
    /// Every publisher is told, now and at every later connection. Topics are counted: each
    /// `subscribe` needs an [`unsubscribe`](Self::unsubscribe) of its own.
    ///
    /// # Errors
    ///
    /// - [`ClosedError`]: the socket was closed.
    #[doc(alias = "ZMQ_SUBSCRIBE")]
    pub fn subscribe(&self, topic: impl AsRef<[u8]>) -> Result<(), ClosedError> {
        self.with_pattern(|pattern, then| pattern.subscribe(topic.as_ref(), then))
    }

    /// Takes one subscription back; messages stop when the last one of the topic is gone.
    ///
    /// # Errors
    ///
    /// - [`UnsubscribeError::Closed`]: the socket was closed.
    /// - [`UnsubscribeError::NotSubscribed`]: the topic is not subscribed to; nothing changes.
    ///   (libzmq reports success.)
    #[doc(alias = "ZMQ_UNSUBSCRIBE")]
    pub fn unsubscribe(&self, topic: impl AsRef<[u8]>) -> Result<(), UnsubscribeError> {
        self.with_pattern(|pattern, then| pattern.unsubscribe(topic.as_ref(), then))??;
        Ok(())
    }
}

impl SubPattern {
    /// Subscribes to messages whose first part begins with `topic`; an empty topic means all.
    ///
    /// Topics are counted: each `subscribe` needs an [`unsubscribe`](Self::unsubscribe) of its own.
    pub fn subscribe(&mut self, topic: &[u8], then: &mut Actions) {
        self.subscriber.subscribe(topic, then);
    }

    /// Takes one subscription back; messages stop when the last one of the topic is gone.
    ///
    /// # Errors
    ///
    /// - [`NotSubscribed`]: the topic is not subscribed to. Nothing changes. (libzmq reports
    ///   success.)
    pub fn unsubscribe(&mut self, topic: &[u8], then: &mut Actions) -> Result<(), NotSubscribed> {
        self.subscriber.unsubscribe(topic, then)
    }
}

#[cfg(test)]
mod tests;
