//! PUB: sends to every peer that subscribed; never waits.
//!
//! ```text
//!   send ──► every peer with a matching subscription and room; without room: dropped, counted
//! ```

use std::time::Duration;

use ferromq_core::{
    Actions, Adjusts, Admit, ClosedError, Command, Conflates, Dropped, Kind, Message, Origin,
    Pattern, PipeId, Readiness, Refusal, Refused, Room, Route, Sends, SocketType, WaitError,
    socket_type,
};

use crate::publisher::{Publisher, PublisherSettings};
use crate::request::Request;

/// The behaviour of a PUB socket.
#[derive(Debug, Default)]
pub struct PubPattern {
    publisher: Publisher,
}

impl From<PublisherSettings> for PubPattern {
    fn from(settings: PublisherSettings) -> Self {
        Self {
            publisher: Publisher::new(settings),
        }
    }
}

impl Adjusts<PublisherSettings> for PubPattern {
    fn settings(&self) -> PublisherSettings {
        self.publisher.settings()
    }

    fn adjust(&mut self, settings: PublisherSettings) -> Result<(), &'static str> {
        self.publisher.adjust(settings);
        Ok(())
    }
}

impl Pattern for PubPattern {
    const KIND: Kind = Kind {
        socket_type: SocketType::Pub,
        announces_routing_id: false,
        requeues: false,
        eager: true,
        receives: false,
        drops_at_close: false,
    };

    fn attach(&mut self, pipe: PipeId, _: &Origin, _: &mut Actions) -> Result<(), Refusal> {
        self.publisher.attach(pipe);
        Ok(())
    }

    fn lost(&mut self, pipe: PipeId, _: &mut Actions) {
        self.publisher.forget(pipe, drop);
    }

    fn detach(&mut self, pipe: PipeId, _: &mut Actions) {
        self.publisher.forget(pipe, drop);
        self.publisher.detach(pipe);
    }

    fn writable(&mut self, pipe: PipeId) {
        self.publisher.writable(pipe);
    }

    fn command(&mut self, pipe: PipeId, command: Command, then: &mut Actions) {
        if let Some(request) = Request::of_command(&command) {
            self.publisher.ask(pipe, request, then);
        }
    }

    #[inline]
    fn route(&mut self, message: &Message, room: &dyn Room, then: &mut Actions) -> Route<'_> {
        self.publisher.route(message, room, then)
    }

    #[inline]
    fn next(&mut self) -> Result<Option<PipeId>, Refused> {
        Ok(None)
    }

    #[inline]
    fn admit(&mut self, pipe: PipeId, message: &mut Message, then: &mut Actions) -> Admit {
        let Some(requests) = Request::of_message(message, false) else {
            return Admit::Skip(Dropped::Unwanted);
        };
        for request in requests {
            self.publisher.ask(pipe, request, then);
        }
        Admit::Done
    }

    fn patience(&self) -> Option<Duration> {
        self.publisher.patience()
    }

    fn hurry(&mut self) {
        self.publisher.hurry();
    }

    fn missed(&self, pipe: PipeId) -> u64 {
        self.publisher.missed(pipe)
    }

    fn readiness(&self, _: &dyn Room) -> Readiness {
        Readiness {
            send: true,
            receive: false,
        }
    }
}

impl Sends for PubPattern {}
impl Conflates for PubPattern {}

socket_type! {
    /// A PUB socket: sends every message to the SUB and XSUB peers that subscribed to the beginning
    /// of its first part.
    ///
    /// `send` never waits: a subscriber without room misses the message, which is counted; another
    /// [`SlowSubscriber`] policy can be asked for.
    #[doc(alias = "ZMQ_PUB")]
    pub struct Pub(PubPattern) with PublisherSettings;
}

impl Pub {
    /// How many different topics are subscribed to at this socket now.
    ///
    /// # Errors
    ///
    /// - [`ClosedError`]: the socket was closed.
    #[doc(alias = "ZMQ_TOPICS_COUNT")]
    pub fn topics(&self) -> Result<usize, ClosedError> {
        self.with_pattern(|pattern, _| pattern.topics())
    }

    /// How many peers would be sent a message whose first part is `topic` now, had they room: those
    /// that have subscribed to the beginning of it.
    ///
    /// # Errors
    ///
    /// - [`ClosedError`]: the socket was closed.
    pub fn subscriber_count(&self, topic: impl AsRef<[u8]>) -> Result<usize, ClosedError> {
        self.with_pattern(|pattern, _| pattern.subscriber_count(topic.as_ref()))
    }

    /// Waits until at least this many peers have [subscribed](Self::subscriber_count) to the
    /// beginning of `topic`, at most for `timeout`. What is sent afterwards is not missed by them
    /// for being early.
    ///
    /// # Errors
    ///
    /// - [`WaitError::Closed`]: the socket was closed.
    /// - [`WaitError::TimedOut`]: there were fewer when time was over.
    ///
    /// [Differs from libzmq](https://docs.rs/ferromq/latest/ferromq/differences/).
    pub fn wait_subscribed(
        &self,
        topic: impl AsRef<[u8]>,
        subscribers: usize,
        timeout: Duration,
    ) -> Result<(), WaitError> {
        let look =
            |pattern: &mut PubPattern| pattern.publisher.look_for(topic.as_ref(), subscribers);
        self.wait_for(timeout, look)
    }

    /// Like [`wait_subscribed`](Self::wait_subscribed) without time limit, as a future for any
    /// executor.
    ///
    /// *Cancel safety*: dropping the future changes nothing.
    ///
    /// *Errors*: [`ClosedError`]: the socket is closed, by whichever thread.
    pub async fn wait_subscribed_async(
        &self,
        topic: impl AsRef<[u8]>,
        subscribers: usize,
    ) -> Result<(), ClosedError> {
        let look =
            |pattern: &mut PubPattern| pattern.publisher.look_for(topic.as_ref(), subscribers);
        self.wait_for_async(look).await
    }
}

impl PubPattern {
    /// How many different topics are subscribed to at this socket.
    pub fn topics(&self) -> usize {
        self.publisher.topics()
    }

    /// How many peers would be sent a message whose first part is `topic`, had they room.
    pub fn subscriber_count(&mut self, topic: &[u8]) -> usize {
        self.publisher.subscriber_count(topic)
    }
}

#[cfg(test)]
mod tests;
