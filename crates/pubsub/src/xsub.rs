//! XSUB: receives whatever the publishers send, and subscribes by sending messages.
//!
//! ```text
//!   send [1 topic] ──► subscribe at every publisher, now and whenever one is connected (again)
//!        [0 topic] ──► take one subscription back; the last one is cancelled at every publisher
//!        others    ──► every publisher with room; those without: dropped, counted
//!   recv ◄── the next publisher with a message, unfiltered; nobody has one: wait
//! ```

use std::sync::Arc;

use ferromq_core::{
    Actions, Adjusts, Admit, Builder, ClosedError, Command, Kind, Message, Origin, Pattern, Peer,
    PipeId, Readiness, Receives, Refusal, Refused, Room, Route, Sends, SocketType, socket_type,
};

use crate::request::Request;
use crate::subscriber::Subscriber;

/// The behaviour of an XSUB socket.
#[derive(Debug, Default)]
pub struct XsubPattern {
    subscriber: Subscriber,
    settings: XsubSettings,
}

/// The options that XSUB alone has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct XsubSettings {
    verbose_unsubscribe: bool,
    first_only: bool,
}

impl From<XsubSettings> for XsubPattern {
    fn from(settings: XsubSettings) -> Self {
        Self {
            settings,
            ..Self::default()
        }
    }
}

impl Adjusts<XsubSettings> for XsubPattern {
    fn settings(&self) -> XsubSettings {
        self.settings
    }

    fn adjust(&mut self, settings: XsubSettings) -> Result<(), &'static str> {
        self.settings = settings;
        Ok(())
    }
}

impl Pattern for XsubPattern {
    const KIND: Kind = Kind {
        socket_type: SocketType::Xsub,
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

    fn writable(&mut self, pipe: PipeId) {
        self.subscriber.writable(pipe);
    }

    fn readable(&mut self, pipe: PipeId) {
        self.subscriber.readable(pipe);
    }

    fn drained(&mut self, pipe: PipeId) {
        self.subscriber.drained(pipe);
    }

    #[inline]
    fn route(&mut self, message: &Message, room: &dyn Room, then: &mut Actions) -> Route<'_> {
        let Some(requests) = Request::of_message(message, self.settings.first_only) else {
            return self.subscriber.route_to_all(room);
        };
        for request in requests {
            self.apply(request, then);
        }
        Route::Done
    }

    #[inline]
    fn next(&mut self) -> Result<Option<PipeId>, Refused> {
        Ok(self.subscriber.next())
    }

    #[inline]
    fn admit(&mut self, pipe: PipeId, _: &mut Message, _: &mut Actions) -> Admit {
        self.subscriber.served(pipe);
        Admit::Deliver
    }

    fn missed(&self, pipe: PipeId) -> u64 {
        self.subscriber.missed(pipe)
    }

    fn readiness(&self, _: &dyn Room) -> Readiness {
        Readiness {
            send: true,
            receive: true,
        }
    }
}

impl Sends for XsubPattern {}
impl Receives for XsubPattern {}

socket_type! {
    /// An XSUB socket: receives what PUB and XPUB peers send, and subscribes by sending messages.
    ///
    /// A message whose first part begins with a byte 1 subscribes to the rest of the part, with a
    /// byte 0 takes one such subscription back, as do its further parts; a cancellation of what is
    /// not subscribed to is ignored. Other messages go to every publisher. `send` never waits: a
    /// publisher without room misses the message, which is counted. Received messages are not
    /// filtered here.
    #[doc(alias = "ZMQ_XSUB")]
    pub struct Xsub(XsubPattern) with XsubSettings;
}

impl Xsub {
    /// How many different topics this socket subscribes to now.
    ///
    /// # Errors
    ///
    /// - [`ClosedError`]: the socket was closed.
    #[doc(alias = "ZMQ_TOPICS_COUNT")]
    pub fn topics(&self) -> Result<usize, ClosedError> {
        self.with_pattern(|pattern, _| pattern.topics())
    }
}

/// The options of an XSUB socket: methods of its builder.
pub trait XsubOptions: Sized {
    /// Whether every cancellation is sent to the publishers, not only the last one of a topic.
    /// Default: false.
    #[doc(alias = "ZMQ_XSUB_VERBOSE_UNSUBSCRIBE")]
    fn verbose_unsubscribe(self, verbose: bool) -> Self;

    /// Whether only the first part of a message that is sent is looked at as a subscription or
    /// cancellation; the others are ignored. Default: false, each part that is one is a further
    /// one.
    #[doc(alias = "ZMQ_ONLY_FIRST_SUBSCRIBE")]
    fn only_first_subscribe(self, first_only: bool) -> Self;
}

impl XsubOptions for Builder<Xsub> {
    fn verbose_unsubscribe(self, verbose: bool) -> Self {
        self.set(|settings| settings.verbose_unsubscribe = verbose)
    }

    fn only_first_subscribe(self, first_only: bool) -> Self {
        self.set(|settings| settings.first_only = first_only)
    }
}

impl XsubPattern {
    /// How many different topics are subscribed to.
    pub fn topics(&self) -> usize {
        self.subscriber.topics()
    }

    /// Applies a request of the application. Taking back what is not there does nothing.
    fn apply(&mut self, request: Request<'_>, then: &mut Actions) {
        match request {
            Request::Subscribe(topic) => self.subscriber.subscribe(topic, then),
            Request::Cancel(topic) => {
                let told = self.subscriber.topics();
                let _ = self.subscriber.unsubscribe(topic, then);
                if self.settings.verbose_unsubscribe && self.subscriber.topics() == told {
                    let command = Command::Cancel(topic.to_vec().into());
                    self.subscriber.tell_all(command, then);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
