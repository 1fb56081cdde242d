//! XPUB: sends to every peer that subscribed, and tells the application who wants what.
//!
//! ```text
//!   send ──► every peer with a matching subscription and room; without room: dropped, counted
//!   recv ◄── [1 topic]  a topic got its first subscriber
//!            [0 topic]  a topic lost its last subscriber, or that peer
//!            others     what the peers sent, unchanged
//! ```

use std::time::Duration;

use ferromq_core::{
    Actions, Admit, ClosedError, Command, Kind, Message, Origin, Pattern, PipeId, Readiness,
    Receives, Refusal, Refused, Room, Route, Sends, SocketType, WaitError, socket_type,
};

use crate::publisher::Publisher;
use crate::request::Request;

/// The behaviour of an XPUB socket.
#[derive(Debug, Default)]
pub struct XpubPattern {
    publisher: Publisher,
}

impl Pattern for XpubPattern {
    const KIND: Kind = Kind {
        socket_type: SocketType::Xpub,
        announces_routing_id: false,
        requeues: false,
        eager: true,
        receives: true,
        drops_at_close: false,
    };

    fn attach(&mut self, pipe: PipeId, _: &Origin, _: &mut Actions) -> Result<(), Refusal> {
        self.publisher.attach(pipe);
        Ok(())
    }

    fn lost(&mut self, pipe: PipeId, then: &mut Actions) {
        self.forget(pipe, then);
    }

    fn detach(&mut self, pipe: PipeId, then: &mut Actions) {
        self.forget(pipe, then);
        self.publisher.detach(pipe);
    }

    fn writable(&mut self, pipe: PipeId) {
        self.publisher.writable(pipe);
    }

    fn command(&mut self, pipe: PipeId, command: Command, then: &mut Actions) {
        if let Some(request) = Request::of_command(&command) {
            self.apply(pipe, request, then);
        }
    }

    #[inline]
    fn route(&mut self, message: &Message, room: &dyn Room, _: &mut Actions) -> Route<'_> {
        self.publisher.route(message, room)
    }

    #[inline]
    fn next(&mut self) -> Result<Option<PipeId>, Refused> {
        Ok(None)
    }

    #[inline]
    fn admit(&mut self, pipe: PipeId, message: &mut Message, then: &mut Actions) -> Admit {
        let Some(requests) = Request::of_message(message) else {
            return Admit::Deliver;
        };
        for request in requests {
            self.apply(pipe, request, then);
        }
        Admit::Done
    }

    fn readiness(&self, _: &dyn Room) -> Readiness {
        Readiness {
            send: true,
            receive: true,
        }
    }
}

impl Sends for XpubPattern {}
impl Receives for XpubPattern {}

socket_type! {
    /// An XPUB socket: like [`Pub`](crate::Pub), and receives what its peers subscribe to.
    ///
    /// A received message of one part is a subscription (a byte 1 and the topic) when a topic gets
    /// its first subscriber, and a cancellation (a byte 0 and the topic) when it loses its last.
    /// Other messages are what XSUB peers sent; while as many as the receive high-water mark wait,
    /// further ones are dropped, and counted. Beyond it, a subscription and the cancellation that
    /// follows take each other back if nobody has received the first, and the other way round; both
    /// are counted. What is received last about a topic is true in any case. (libzmq keeps all of
    /// them, without limit, and also reports cancellations of topics that nobody had subscribed
    /// to.)
    #[doc(alias = "ZMQ_XPUB")]
    pub struct Xpub(XpubPattern);
}

impl Xpub {
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
    pub fn wait_subscribed(
        &self,
        topic: impl AsRef<[u8]>,
        subscribers: usize,
        timeout: Duration,
    ) -> Result<(), WaitError> {
        let look = |pattern: &mut XpubPattern| pattern.look_for(topic.as_ref(), subscribers);
        self.wait_for(timeout, look)
    }

    /// Like [`wait_subscribed`](Self::wait_subscribed) without time limit, as a future for any
    /// executor.
    ///
    /// *Cancel safety*: dropping the future changes nothing.
    pub async fn wait_subscribed_async(
        &self,
        topic: impl AsRef<[u8]>,
        subscribers: usize,
    ) -> Result<(), ClosedError> {
        let look = |pattern: &mut XpubPattern| pattern.look_for(topic.as_ref(), subscribers);
        self.wait_for_async(look).await
    }
}

impl XpubPattern {
    /// How many different topics are subscribed to at this socket.
    pub fn topics(&self) -> usize {
        self.publisher.topics()
    }

    /// How many peers would be sent a message whose first part is `topic`, had they room.
    pub fn subscriber_count(&mut self, topic: &[u8]) -> usize {
        self.publisher.subscriber_count(topic)
    }

    /// Looks whether so many peers have subscribed to the beginning of `topic`; else, how many.
    fn look_for(&mut self, topic: &[u8], subscribers: usize) -> Result<(), usize> {
        match self.subscriber_count(topic) {
            found if found >= subscribers => Ok(()),
            found => Err(found),
        }
    }

    fn apply(&mut self, pipe: PipeId, request: Request<'_>, then: &mut Actions) {
        if self.publisher.apply(pipe, request) {
            then.notify(request.to_message());
        }
    }

    fn forget(&mut self, pipe: PipeId, then: &mut Actions) {
        self.publisher.forget(pipe, |topic| {
            then.notify(Request::Cancel(&topic).to_message());
        });
    }
}

#[cfg(test)]
mod tests;
