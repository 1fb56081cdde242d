//! The options of PUB and XPUB, which both publish.

use ferromq_core::{BuildableSocket, Builder, Overflow};

use crate::publisher::{PublisherSettings, SlowSubscriber, Subscriptions};

/// The options of PUB and XPUB sockets: methods of their builders.
pub trait PubOptions: Sized {
    /// Whether sending waits while a subscriber of the message has no room, and nobody is sent it
    /// before: without limit, whatever [`slow_subscriber`](Self::slow_subscriber) says. Default:
    /// false.
    #[doc(alias = "ZMQ_XPUB_NODROP")]
    fn no_drop(self, no_drop: bool) -> Self;

    /// Whether a message goes to the peers that did *not* subscribe to it. SUB peers have to be
    /// [told](crate::SubOptions::invert_matching) too. Default: false.
    #[doc(alias = "ZMQ_INVERT_MATCHING")]
    fn invert_matching(self, invert: bool) -> Self;

    /// How many topics a peer may subscribe to, and how many bytes these may have together; one
    /// more ends its connection, as
    /// [`TooManySubscriptions`](ferromq_core::Refusal::TooManySubscriptions). Defaults: 1 048 576,
    /// and 64 MiB (libzmq: no limit). 0 lets no peer subscribe.
    ///
    /// [Differs from libzmq](https://docs.rs/ferromq/latest/ferromq/differences/).
    fn max_subscriptions(self, topics: usize, bytes: usize) -> Self;

    /// What becomes of a message for a subscriber without room. Default:
    /// [`SlowSubscriber::DropNewest`].
    ///
    /// [Differs from libzmq](https://docs.rs/ferromq/latest/ferromq/differences/).
    fn slow_subscriber(self, policy: SlowSubscriber) -> Self;

    /// Whether of the messages that wait for a subscriber only the last one of each topic is kept:
    /// of those whose first part is the same, whole, in the order in which they were sent. What is
    /// replaced is counted as [`Conflated`](ferromq_core::Dropped::Conflated), for the subscriber
    /// too. The high-water mark is how many topics wait; beyond it the oldest gives way, as with
    /// [`SlowSubscriber::DropOldest`]. Default: false.
    ///
    /// [Differs from libzmq](https://docs.rs/ferromq/latest/ferromq/differences/).
    fn conflate_topics(self, conflate: bool) -> Self;
}

impl<S: BuildableSocket> PubOptions for Builder<S>
where
    S::Settings: AsMut<PublisherSettings>,
{
    fn slow_subscriber(self, policy: SlowSubscriber) -> Self {
        let drops_oldest = policy == SlowSubscriber::DropOldest;
        self.overflow(Overflow::DropOldest, drops_oldest)
            .set(|settings| settings.as_mut().slow = policy)
    }

    fn conflate_topics(self, conflate: bool) -> Self {
        self.overflow(Overflow::KeepTopics, conflate)
    }

    fn no_drop(self, no_drop: bool) -> Self {
        self.set(|settings| settings.as_mut().no_drop = no_drop)
    }

    fn invert_matching(self, invert: bool) -> Self {
        self.set(|settings| settings.as_mut().invert_matching = invert)
    }

    fn max_subscriptions(self, topics: usize, bytes: usize) -> Self {
        let most = Subscriptions {
            count: topics,
            bytes,
        };
        self.set(|settings| settings.as_mut().subscriptions = most)
    }
}
