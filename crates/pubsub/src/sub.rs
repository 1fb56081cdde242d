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
use std::time::Duration;

use ferromq_core::{
    Actions, Adjusts, Admit, Builder, ClosedError, Conflates, Dropped, Kind, Message, Origin,
    Overflow, Pattern, Peer, PipeId, Readiness, Receives, Refusal, Refused, Room, Route,
    SocketType, WaitError, socket_type,
};

use crate::subscriber::{NotSubscribed, Subscriber, UnsubscribeError};

/// The behaviour of a SUB socket.
#[derive(Debug, Default)]
pub struct SubPattern {
    subscriber: Subscriber,
    settings: SubSettings,
}

/// The options that SUB alone has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SubSettings {
    invert_matching: bool,
}

impl From<SubSettings> for SubPattern {
    fn from(settings: SubSettings) -> Self {
        Self {
            settings,
            ..Self::default()
        }
    }
}

impl Adjusts<SubSettings> for SubPattern {
    fn settings(&self) -> SubSettings {
        self.settings
    }

    fn adjust(&mut self, settings: SubSettings) -> Result<(), &'static str> {
        self.settings = settings;
        Ok(())
    }
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

    fn echoed(&mut self, pipe: PipeId, number: u64) {
        self.subscriber.echoed(pipe, number);
    }

    fn ending(&mut self, pipe: PipeId, _: &mut Actions) -> bool {
        self.subscriber.ending(pipe);
        true
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

    #[inline]
    fn route(&mut self, _: &Message, _: &dyn Room, _: &mut Actions) -> Route<'_> {
        Route::Refuse(Refused::WrongState)
    }

    #[inline]
    fn next(&mut self) -> Result<Option<PipeId>, Refused> {
        Ok(self.subscriber.next())
    }

    #[inline]
    fn admit(&mut self, pipe: PipeId, message: &mut Message, _: &mut Actions) -> Admit {
        self.subscriber.served(pipe);
        if self.subscriber.wants(message) != self.settings.invert_matching {
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
impl Conflates for SubPattern {}

socket_type! {
    /// A SUB socket: receives the messages of PUB and XPUB peers that it subscribed to; nothing
    /// before the first [`subscribe`](Self::subscribe).
    #[doc(alias = "ZMQ_SUB")]
    pub struct Sub(SubPattern) with SubSettings;
}

impl Sub {
    /// How many different topics this socket subscribes to now.
    ///
    /// # Errors
    ///
    /// - [`ClosedError`]: the socket was closed.
    #[doc(alias = "ZMQ_TOPICS_COUNT")]
    pub fn topics(&self) -> Result<usize, ClosedError> {
        self.with_pattern(|pattern, _| pattern.topics())
    }

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

    /// Like [`subscribe`](Self::subscribe), and waits until at least so many publishers have
    /// confirmed it, at most for `timeout`: also those that are connected meanwhile. What a
    /// publisher of ours sends after that is not missed for being early.
    ///
    /// # Errors
    ///
    /// The subscription stays.
    ///
    /// - [`WaitError::Closed`]: the socket was closed.
    /// - [`WaitError::TimedOut`]: fewer had confirmed it when time was over.
    ///
    /// # Compatibility
    ///
    /// Peers of ZMTP 3.1 confirm it (by the PONG to a PING that follows, RFC 37). That of libzmq's
    /// publisher says that the subscription has reached its I/O thread; the socket applies it with
    /// one of its next operations, about a millisecond later at most. Peers of ZMTP 3.0 and before
    /// confirm nothing.
    ///
    /// [Differs from libzmq](https://docs.rs/ferromq/latest/ferromq/differences/).
    pub fn subscribe_acked(
        &self,
        topic: impl AsRef<[u8]>,
        publishers: usize,
        timeout: Duration,
    ) -> Result<(), WaitError> {
        let number = self.subscribe_and_ask(topic.as_ref())?;
        self.wait_for(timeout, |pattern| pattern.look_for(number, publishers))
    }

    /// Like [`subscribe_acked`](Self::subscribe_acked) without time limit, as a future for any
    /// executor.
    ///
    /// *Cancel safety*: the subscription is made when the future is first polled, and stays if it
    /// is dropped after that.
    ///
    /// *Errors*: [`ClosedError`]: the socket is closed, by whichever thread.
    pub async fn subscribe_acked_async(
        &self,
        topic: impl AsRef<[u8]>,
        publishers: usize,
    ) -> Result<(), ClosedError> {
        let number = self.subscribe_and_ask(topic.as_ref())?;
        self.wait_for_async(|pattern| pattern.look_for(number, publishers))
            .await
    }

    /// Takes one subscription back; messages stop when the last one of the topic is gone.
    ///
    /// # Errors
    ///
    /// - [`UnsubscribeError::Closed`]: the socket was closed.
    /// - [`UnsubscribeError::NotSubscribed`]: the topic is not subscribed to; nothing changes.
    ///   (libzmq reports success.)
    ///
    /// [Differs from libzmq](https://docs.rs/ferromq/latest/ferromq/differences/).
    #[doc(alias = "ZMQ_UNSUBSCRIBE")]
    pub fn unsubscribe(&self, topic: impl AsRef<[u8]>) -> Result<(), UnsubscribeError> {
        self.with_pattern(|pattern, then| pattern.unsubscribe(topic.as_ref(), then))??;
        Ok(())
    }

    fn subscribe_and_ask(&self, topic: &[u8]) -> Result<u64, ClosedError> {
        self.with_pattern(|pattern, then| {
            pattern.subscribe(topic, then);
            pattern.subscriber.ask(then)
        })
    }
}

/// The options of a SUB socket: methods of its builder.
pub trait SubOptions: Sized {
    /// Whether those messages are received that were *not* subscribed to. The publishers have to be
    /// [told](crate::PubOptions::invert_matching) too. Default: false.
    #[doc(alias = "ZMQ_INVERT_MATCHING")]
    fn invert_matching(self, invert: bool) -> Self;

    /// Whether of the messages that wait for the application only the last one of each topic is
    /// kept, from each publisher: of those whose first part is the same, whole, in their order.
    /// What is replaced is counted as [`Conflated`](ferromq_core::Dropped::Conflated). The
    /// high-water mark is how many topics wait. Default: false.
    ///
    /// [Differs from libzmq](https://docs.rs/ferromq/latest/ferromq/differences/).
    fn conflate_topics(self, conflate: bool) -> Self;
}

impl SubOptions for Builder<Sub> {
    fn conflate_topics(self, conflate: bool) -> Self {
        self.overflow(Overflow::KeepTopics, conflate)
    }

    fn invert_matching(self, invert: bool) -> Self {
        self.set(|settings| settings.invert_matching = invert)
    }
}

impl SubPattern {
    /// How many different topics are subscribed to.
    pub fn topics(&self) -> usize {
        self.subscriber.topics()
    }

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

    fn look_for(&self, number: u64, publishers: usize) -> Result<(), usize> {
        self.subscriber.look_for(number, publishers)
    }
}

#[cfg(test)]
mod tests;
