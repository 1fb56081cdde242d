//! What PUB and XPUB have in common: the index of subscriptions and the fan-out over it.

use std::time::Duration;

use ferromq_core::strategy::{FanOut, PipeMap};
use ferromq_core::{Actions, Message, PipeId, Refusal, Room, Route, enough};

use crate::index::Index;
use crate::request::Request;

/// The peers of a publisher and what they subscribed to.
#[derive(Debug, Default)]
pub(crate) struct Publisher {
    index: Index,
    outgoing: FanOut,
    settings: PublisherSettings,
    /// The next message is for this peer alone.
    only: Option<PipeId>,
    /// The next message has waited long enough.
    hurries: bool,
    /// Who subscribed to the message that is sent.
    matched: PipeMap<()>,
}

/// The options that publishers have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublisherSettings {
    /// Whether sending waits for a subscriber without room.
    pub(crate) no_drop: bool,
    pub(crate) slow: SlowSubscriber,
    /// Whether those get a message who did not subscribe to it.
    pub(crate) invert_matching: bool,
    /// What each peer may subscribe to.
    pub(crate) subscriptions: Subscriptions,
}

impl AsMut<Self> for PublisherSettings {
    fn as_mut(&mut self) -> &mut Self {
        self
    }
}

impl Default for PublisherSettings {
    fn default() -> Self {
        Self {
            no_drop: false,
            slow: SlowSubscriber::default(),
            invert_matching: false,
            subscriptions: Subscriptions {
                count: 1 << 20,
                bytes: 64 * 1024 * 1024,
            },
        }
    }
}

/// Subscriptions of one peer: how many, and the bytes of their topics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Subscriptions {
    pub(crate) count: usize,
    pub(crate) bytes: usize,
}

/// What becomes of a message for a subscriber without room: one for which as many messages wait as
/// the high-water mark allows, and from which the kernel takes no more. Subscribers with room are
/// sent the message in any case.
///
/// Each subscriber's losses are counted beside those of the socket
/// ([`PeerStats`](ferromq_core::PeerStats)), by their reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SlowSubscriber {
    /// It misses the message: [`Dropped::HighWaterMark`](ferromq_core::Dropped::HighWaterMark).
    #[default]
    DropNewest,
    /// It misses the oldest message that waits for it
    /// ([`Dropped::Displaced`](ferromq_core::Dropped::Displaced)). What is laid out for writing
    /// (up to 64 KiB, or half the mark) or has been received by a socket of the same process
    /// stays.
    DropOldest,
    /// Sending waits for it, at most for so long, and nobody is sent the message before; then it
    /// misses the message ([`Dropped::HighWaterMark`](ferromq_core::Dropped::HighWaterMark)), and
    /// is not waited for again until it has room.
    ///
    /// A send timeout that is over first refuses the message; `try_send` refuses it at once.
    Block(Duration),
    /// It misses the message ([`Dropped::HighWaterMark`](ferromq_core::Dropped::HighWaterMark)) and
    /// its connection is ended, for
    /// [`Refusal::TooSlow`](ferromq_core::Refusal::TooSlow); what waits for it is dropped
    /// ([`Dropped::PeerGone`](ferromq_core::Dropped::PeerGone)). A subscriber that has connected
    /// does so again, and subscribes anew; what the publisher has connected to, it connects to
    /// again, with what waits. Within the process nobody does: it is over until one of them
    /// connects again.
    Disconnect,
}

impl Publisher {
    pub(crate) fn new(settings: PublisherSettings) -> Self {
        Self {
            settings,
            ..Self::default()
        }
    }

    /// The options as they are now.
    pub(crate) fn settings(&self) -> PublisherSettings {
        self.settings
    }

    /// Changes them.
    pub(crate) fn adjust(&mut self, settings: PublisherSettings) {
        self.settings = settings;
    }

    /// True if this is one of its pipes.
    pub(crate) fn has(&self, pipe: PipeId) -> bool {
        self.outgoing.contains(pipe)
    }

    /// The next message is for this peer alone, if it subscribed to it.
    pub(crate) fn send_next_to(&mut self, pipe: PipeId) {
        self.only = Some(pipe);
    }

    pub(crate) fn attach(&mut self, pipe: PipeId) {
        self.outgoing.attach(pipe);
    }

    /// Forgets what a pipe subscribed to; `orphan` is told the topics without subscribers left.
    pub(crate) fn forget(&mut self, pipe: PipeId, orphan: impl FnMut(Vec<u8>)) {
        self.index.remove(pipe, orphan);
    }

    pub(crate) fn detach(&mut self, pipe: PipeId) {
        self.only = self.only.filter(|only| *only != pipe);
        self.outgoing.detach(pipe);
    }

    pub(crate) fn writable(&mut self, pipe: PipeId) {
        self.outgoing.writable(pipe);
    }

    /// Names the topics that a pipe subscribed to.
    pub(crate) fn topics_of(&self, pipe: PipeId, topic: impl FnMut(Vec<u8>)) {
        self.index.topics_of(pipe, topic);
    }

    /// Whether anybody subscribed to this topic.
    pub(crate) fn has_topic(&self, topic: &[u8]) -> bool {
        self.index.has(topic)
    }

    /// Whether a pipe subscribed to this topic.
    pub(crate) fn holds(&self, pipe: PipeId, topic: &[u8]) -> bool {
        self.index.holds(pipe, topic)
    }

    /// Applies a request of a peer; ends its connection if it has more subscriptions then than it
    /// may.
    pub(crate) fn ask(&mut self, pipe: PipeId, request: Request<'_>, then: &mut Actions) {
        if self.allows(None, pipe, request, then) {
            self.apply(pipe, request);
        }
    }

    /// Whether a peer may ask for this beside what it `asked` for (`None`: subscribed to); else its
    /// connection is ended.
    pub(crate) fn allows(
        &self,
        asked: Option<&Index>,
        pipe: PipeId,
        request: Request<'_>,
        then: &mut Actions,
    ) -> bool {
        let most = self.settings.subscriptions;
        let allowed = match request {
            Request::Subscribe(topic) => asked.unwrap_or(&self.index).has_room(pipe, topic, most),
            Request::Cancel(_) => true,
        };
        if !allowed {
            then.end(pipe, Refusal::TooManySubscriptions);
        }
        allowed
    }

    /// Applies a request. True if it was the first for its topic, or took the last away.
    pub(crate) fn apply(&mut self, pipe: PipeId, request: Request<'_>) -> bool {
        match request {
            Request::Subscribe(topic) => self.index.subscribe(pipe, topic),
            Request::Cancel(topic) => self.index.unsubscribe(pipe, topic),
        }
    }

    /// To every peer that subscribed to the beginning of the first part, as far as it has room.
    #[inline]
    pub(crate) fn route(
        &mut self,
        message: &Message,
        room: &dyn Room,
        then: &mut Actions,
    ) -> Route<'_> {
        let topic = message.part(0).map_or(&[][..], |part| part.as_bytes());
        let outgoing = &mut self.outgoing;
        outgoing.begin();
        if self.settings.invert_matching || self.only.is_some() {
            self.offer_to_some(topic, room);
        } else {
            self.index
                .for_each_match(topic, |pipe| outgoing.offer(pipe, room));
        }
        if self.outgoing.skipped() > 0 && self.is_held_up(then) {
            return Route::Park;
        }
        self.only = None;
        self.hurries = false;
        self.outgoing.route()
    }

    /// Deals with those who have no room. True: they are waited for.
    #[cold]
    fn is_held_up(&mut self, then: &mut Actions) -> bool {
        match self.settings.slow {
            _ if self.settings.no_drop => return true,
            SlowSubscriber::DropNewest | SlowSubscriber::DropOldest => {}
            SlowSubscriber::Block(_) if !self.hurries => return self.outgoing.waits(),
            SlowSubscriber::Block(_) => self.outgoing.give_up(|_| ()),
            SlowSubscriber::Disconnect => {
                let end = |pipe| then.end(pipe, Refusal::TooSlow);
                self.outgoing.give_up(end);
            }
        }
        false
    }

    /// How long a message waits for those who have no room.
    pub(crate) fn patience(&self) -> Option<Duration> {
        match self.settings.slow {
            SlowSubscriber::Block(patience) if !self.settings.no_drop => Some(patience),
            _ => None,
        }
    }

    /// The next message has waited long enough.
    pub(crate) fn hurry(&mut self) {
        self.hurries = true;
    }

    /// Offers the message to one peer alone, or to those who did not subscribe.
    fn offer_to_some(&mut self, topic: &[u8], room: &dyn Room) {
        self.matched.clear();
        self.index
            .for_each_match(topic, |pipe| self.matched.insert(pipe, ()));
        let mut at = 0;
        while let Some(&pipe) = self.outgoing.pipes().get(at) {
            at += 1;
            let wanted = self.matched.contains(pipe) != self.settings.invert_matching;
            if wanted && self.only.is_none_or(|only| only == pipe) {
                self.outgoing.offer(pipe, room);
            }
        }
    }

    /// How many peers would be given a message whose first part is `topic`, had they room.
    pub(crate) fn subscriber_count(&mut self, topic: &[u8]) -> usize {
        let mut count = 0;
        self.index.for_each_match(topic, |_| count += 1);
        count
    }

    /// Looks whether so many peers have subscribed to the beginning of `topic`; else, how many.
    pub(crate) fn look_for(&mut self, topic: &[u8], subscribers: usize) -> Result<(), usize> {
        enough(self.subscriber_count(topic), subscribers)
    }

    /// How many messages a peer has missed for lack of room.
    pub(crate) fn missed(&self, pipe: PipeId) -> u64 {
        self.outgoing.missed(pipe)
    }

    /// How many different topics are subscribed to.
    pub(crate) fn topics(&self) -> usize {
        self.index.topics()
    }
}
