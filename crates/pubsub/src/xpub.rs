//! XPUB: sends to every peer that subscribed, and tells the application who wants what.
//!
//! ```text
//!   send ──► every peer with a matching subscription and room; without room: dropped, counted
//!   recv ◄── [1 topic]  a topic got its first subscriber
//!            [0 topic]  a topic lost its last subscriber, or that peer
//!            others     what the peers sent, unchanged
//!   manual: a topic is only told of; who is asked for it is sent it if `subscribe` says so
//! ```

mod manual;

use std::time::Duration;

use ferromq_core::{
    Actions, Adjusts, Admit, Builder, ClosedError, Command, Kind, Message, Origin, Pattern, PipeId,
    Readiness, Receives, Refusal, Refused, Room, Route, Sends, SocketType, WaitError, socket_type,
};

pub use self::manual::AnswerError;
use self::manual::Manual;
use crate::publisher::{Publisher, PublisherSettings};
use crate::request::Request;

/// The behaviour of an XPUB socket.
#[derive(Debug, Default)]
pub struct XpubPattern {
    publisher: Publisher,
    settings: XpubSettings,
    manual: Manual,
}

/// The options that XPUB alone has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct XpubSettings {
    publisher: PublisherSettings,
    told: Told,
    manual: bool,
    last_value: bool,
    first_only: bool,
}

impl AsMut<PublisherSettings> for XpubSettings {
    fn as_mut(&mut self) -> &mut PublisherSettings {
        &mut self.publisher
    }
}

/// What the application is told of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Told {
    /// A topic's first subscription and last cancellation.
    #[default]
    Turns,
    /// All subscriptions, and last cancellations.
    Subscriptions,
    /// All subscriptions and cancellations.
    Everything,
}

impl From<XpubSettings> for XpubPattern {
    fn from(settings: XpubSettings) -> Self {
        Self {
            publisher: Publisher::new(settings.publisher),
            settings,
            manual: Manual::default(),
        }
    }
}

impl Adjusts<XpubSettings> for XpubPattern {
    fn settings(&self) -> XpubSettings {
        self.settings
    }

    fn adjust(&mut self, settings: XpubSettings) -> Result<(), &'static str> {
        // What waits to be received is marked with its sender, or not.
        if settings.manual != self.settings.manual {
            return Err("manual");
        }
        self.publisher.adjust(settings.publisher);
        self.settings = settings;
        Ok(())
    }
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
    fn route(&mut self, message: &Message, room: &dyn Room, then: &mut Actions) -> Route<'_> {
        self.publisher.route(message, room, then)
    }

    #[inline]
    fn next(&mut self) -> Result<Option<PipeId>, Refused> {
        Ok(None)
    }

    #[inline]
    fn admit(&mut self, pipe: PipeId, message: &mut Message, then: &mut Actions) -> Admit {
        let Some(requests) = Request::of_message(message, self.settings.first_only) else {
            if self.settings.manual {
                message.push_front(manual::mark(pipe));
            }
            return Admit::Deliver;
        };
        for request in requests {
            self.apply(pipe, request, then);
        }
        Admit::Done
    }

    fn taken(&mut self, message: &mut Message) {
        if self.settings.manual {
            self.manual.taken(message);
            if self.settings.last_value
                && message.part(0).is_some_and(|part| part.first() == Some(&1))
                && let Some(pipe) = self.asker()
            {
                self.publisher.send_next_to(pipe);
            }
        }
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
    pub struct Xpub(XpubPattern) with XpubSettings;
}

impl Xpub {
    /// With [`manual`](XpubOptions::manual): subscribes the peer whose message was received last to
    /// `topic`, whatever it asked for.
    ///
    /// # Errors
    ///
    /// - [`AnswerError::Closed`]: the socket was closed.
    /// - [`AnswerError::NoPeer`]: nothing was received yet, that peer is gone, or the socket is not
    ///   manual.
    #[doc(alias = "ZMQ_SUBSCRIBE")]
    pub fn subscribe(&self, topic: impl AsRef<[u8]>) -> Result<(), AnswerError> {
        self.with_pattern(|pattern, _| pattern.answer(Request::Subscribe(topic.as_ref())))?
    }

    /// The opposite of [`subscribe`](Self::subscribe), with the same errors. A topic to which that
    /// peer is not subscribed is ignored.
    #[doc(alias = "ZMQ_UNSUBSCRIBE")]
    pub fn unsubscribe(&self, topic: impl AsRef<[u8]>) -> Result<(), AnswerError> {
        self.with_pattern(|pattern, _| pattern.answer(Request::Cancel(topic.as_ref())))?
    }

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
        let look =
            |pattern: &mut XpubPattern| pattern.publisher.look_for(topic.as_ref(), subscribers);
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
            |pattern: &mut XpubPattern| pattern.publisher.look_for(topic.as_ref(), subscribers);
        self.wait_for_async(look).await
    }
}

/// The options that XPUB has beside those of [PUB](crate::PubOptions): methods of its builder.
///
/// If more is told than a topic's first subscription and last cancellation, it is dropped, and
/// counted, while as many messages as the receive high-water mark wait. With
/// [`manual`](Self::manual), each peer's first and last of a topic are told like those of a topic.
pub trait XpubOptions: Sized {
    /// Whether every subscription is received, not only the first one of a topic. Default: false.
    #[doc(alias = "ZMQ_XPUB_VERBOSE")]
    fn verbose(self, verbose: bool) -> Self;

    /// Whether every subscription and every cancellation is received, those that follow from the
    /// loss of a peer too. Default: false.
    #[doc(alias = "ZMQ_XPUB_VERBOSER")]
    fn verboser(self, verboser: bool) -> Self;

    /// Whether the application decides what peers are sent: their subscriptions and cancellations,
    /// all of them and those of peers that are lost, are received only, and [`Xpub::subscribe`] and
    /// [`Xpub::unsubscribe`] are for the peer whose message was received last. Default: false.
    #[doc(alias = "ZMQ_XPUB_MANUAL")]
    fn manual(self, manual: bool) -> Self;

    /// Whether, with [`manual`](Self::manual), which this implies, the next message that is sent
    /// after a subscription was received goes to that subscriber alone: the last value of its
    /// topic, for example. Default: false.
    #[doc(alias = "ZMQ_XPUB_MANUAL_LAST_VALUE")]
    fn manual_last_value(self, last_value: bool) -> Self;

    /// What each new peer is sent first, on every connection, whatever it subscribed to. (A SUB
    /// peer receives it if it did.) Default: nothing.
    #[doc(alias = "ZMQ_XPUB_WELCOME_MSG")]
    fn welcome_message(self, message: impl Into<Message>) -> Self;

    /// Whether only the first part of a peer's message is looked at as a subscription or
    /// cancellation; the others are ignored. Default: false, each part that is one is a further
    /// one.
    ///
    /// [Differs from libzmq](https://docs.rs/ferromq/latest/ferromq/differences/).
    #[doc(alias = "ZMQ_ONLY_FIRST_SUBSCRIBE")]
    fn only_first_subscribe(self, first_only: bool) -> Self;
}

impl XpubOptions for Builder<Xpub> {
    fn verbose(self, verbose: bool) -> Self {
        let told = if verbose {
            Told::Subscriptions
        } else {
            Told::Turns
        };
        self.set(|settings| settings.told = told)
    }

    fn verboser(self, verboser: bool) -> Self {
        let told = if verboser {
            Told::Everything
        } else {
            Told::Turns
        };
        self.set(|settings| settings.told = told)
    }

    fn manual(self, manual: bool) -> Self {
        self.set(|settings| settings.manual = manual)
    }

    fn manual_last_value(self, last_value: bool) -> Self {
        self.set(|settings| {
            settings.manual = last_value;
            settings.last_value = last_value;
        })
    }

    fn welcome_message(self, message: impl Into<Message>) -> Self {
        self.announce(|messages| messages.hello = Some(message.into()))
    }

    fn only_first_subscribe(self, first_only: bool) -> Self {
        self.set(|settings| settings.first_only = first_only)
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

    fn apply(&mut self, pipe: PipeId, request: Request<'_>, then: &mut Actions) {
        let asked = self.settings.manual.then(|| self.manual.asked());
        if !self.publisher.allows(asked, pipe, request, then) {
            return;
        }
        if self.settings.manual {
            return self.manual.ask(pipe, request, then);
        }
        let held = match request {
            Request::Cancel(topic) if self.settings.told == Told::Everything => {
                self.publisher.holds(pipe, topic)
            }
            Request::Cancel(_) | Request::Subscribe(_) => false,
        };
        let turn = self.publisher.apply(pipe, request);
        match (self.settings.told, request) {
            _ if turn => then.notify(request.to_message()),
            (Told::Turns, _) => {}
            (_, Request::Subscribe(_)) => then.deliver(request.to_message()),
            (_, Request::Cancel(_)) if held => then.deliver(request.to_message()),
            (_, Request::Cancel(_)) => {}
        }
    }

    fn answer(&mut self, request: Request<'_>) -> Result<(), AnswerError> {
        let pipe = self.asker().ok_or(AnswerError::NoPeer)?;
        self.publisher.apply(pipe, request);
        Ok(())
    }

    /// The peer whose message was received last, if it is still there.
    fn asker(&self) -> Option<PipeId> {
        let asker = self.manual.asker();
        asker.filter(|pipe| self.publisher.has(*pipe))
    }

    fn forget(&mut self, pipe: PipeId, then: &mut Actions) {
        if self.settings.manual {
            self.publisher.forget(pipe, drop);
            return self.manual.forget(pipe, then);
        }
        let mut topics = Vec::new();
        if self.settings.told == Told::Everything {
            self.publisher.topics_of(pipe, |topic| topics.push(topic));
        }
        let cancelled = |topic: &[u8]| Request::Cancel(topic).to_message();
        self.publisher
            .forget(pipe, |topic| then.notify(cancelled(&topic)));
        topics.retain(|topic| self.publisher.has_topic(topic));
        topics
            .iter()
            .for_each(|topic| then.deliver(cancelled(topic)));
    }
}

#[cfg(test)]
mod tests;
