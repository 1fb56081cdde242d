//! What SUB and XSUB have in common: the counted topics, and telling every publisher of them.

use ferromq_core::strategy::{FairQueue, FanOut, PipeMap};
use ferromq_core::{Actions, ClosedError, Command, Message, Origin, PipeId, Room, Route, enough};

use crate::arena::Walk;
use crate::topics::Topics;

/// The topics of a subscriber and its publishers.
///
/// Who wants to know whether a publisher has taken a subscription asks for an [echo](Actions::echo)
/// behind it. Echoes are numbered, and each connection begins a new count: what a publisher has
/// confirmed since is everything that was sent before that number.
#[derive(Debug, Default)]
pub(crate) struct Subscriber {
    topics: Topics,
    publishers: FanOut,
    /// The publishers that are being told the topics that were there when they were connected.
    told: PipeMap<Walk>,
    incoming: FairQueue,
    /// The number of the last echo asked for; 0: none ever.
    asked: u64,
    confirmed: PipeMap<Confirmed>,
}

/// What a publisher has confirmed.
#[derive(Clone, Copy, Debug, Default)]
struct Confirmed {
    /// The last number that was asked for before this connection.
    before: u64,
    /// The last number answered on it; 0: none.
    number: u64,
}

impl Subscriber {
    /// Adds a publisher, and subscribes there if it is connected already.
    pub(crate) fn attach(&mut self, pipe: PipeId, origin: &Origin, then: &mut Actions) {
        self.publishers.attach(pipe);
        if origin.peer().is_some() {
            self.subscribe_at(pipe, then);
        }
    }

    /// Begins to send all topics to one publisher. What changes meanwhile it is told at once, like
    /// everybody; so it knows everything in the end, and some topics twice.
    pub(crate) fn subscribe_at(&mut self, pipe: PipeId, then: &mut Actions) {
        self.told.insert(pipe, Walk::default());
        self.refill(pipe, then);
    }

    /// Sends the next topics to a publisher that has taken those before.
    pub(crate) fn refill(&mut self, pipe: PipeId, then: &mut Actions) {
        let Some(walk) = self.told.get_mut(pipe) else {
            return;
        };
        let tell = |topic: Vec<u8>| then.command(pipe, Command::Subscribe(topic.into()));
        if self.topics.tell(walk, tell) {
            then.refill(pipe);
        } else {
            self.told.remove(pipe);
            if self.asked > 0 {
                self.asked += 1;
                then.echo(pipe, self.asked);
            }
        }
    }

    /// Asks every publisher to confirm what was sent to it until now, and gives the number of that.
    /// Who is still being told the topics is asked when it knows them all: an answer before that
    /// would confirm what others have asked for on the connection before.
    pub(crate) fn ask(&mut self, then: &mut Actions) -> u64 {
        self.asked += 1;
        for pipe in self.publishers.pipes() {
            if !self.told.contains(*pipe) {
                then.echo(*pipe, self.asked);
            }
        }
        self.asked
    }

    /// A publisher has taken everything that was sent before this number, unless that was on
    /// another connection.
    pub(crate) fn echoed(&mut self, pipe: PipeId, number: u64) {
        let confirmed = self.confirmed.entry(pipe);
        if number > confirmed.before && number <= self.asked {
            confirmed.number = confirmed.number.max(number);
        }
    }

    /// Looks whether so many publishers have confirmed what was sent before this number; else, how
    /// many.
    pub(crate) fn look_for(&self, number: u64, publishers: usize) -> Result<(), usize> {
        let confirmed = self.confirmed.iter();
        let confirmed = confirmed.filter(|(_, it)| it.number >= number);
        enough(confirmed.count(), publishers)
    }

    /// The connection is lost: the next one begins anew.
    pub(crate) fn lost(&mut self, pipe: PipeId) {
        self.told.remove(pipe);
        let begun = Confirmed {
            before: self.asked,
            number: 0,
        };
        self.confirmed.insert(pipe, begun);
    }

    /// The publisher is gone, and has messages still: it takes none, nor topics.
    pub(crate) fn ending(&mut self, pipe: PipeId) {
        self.publishers.detach(pipe);
    }

    pub(crate) fn detach(&mut self, pipe: PipeId) {
        self.told.remove(pipe);
        self.confirmed.remove(pipe);
        self.publishers.detach(pipe);
        self.incoming.detach(pipe);
    }

    pub(crate) fn writable(&mut self, pipe: PipeId) {
        self.publishers.writable(pipe);
    }

    pub(crate) fn readable(&mut self, pipe: PipeId) {
        self.incoming.readable(pipe);
    }

    pub(crate) fn drained(&mut self, pipe: PipeId) {
        self.incoming.drained(pipe);
    }

    #[inline]
    pub(crate) fn next(&self) -> Option<PipeId> {
        self.incoming.next()
    }

    pub(crate) fn served(&mut self, pipe: PipeId) {
        self.incoming.served(pipe);
    }

    /// Counts a topic once more and tells every publisher, every time.
    pub(crate) fn subscribe(&mut self, topic: &[u8], then: &mut Actions) {
        self.topics.add(topic);
        self.tell_all(Command::Subscribe(topic.to_vec().into()), then);
    }

    /// Counts a topic once less, and tells every publisher when that was the last time.
    pub(crate) fn unsubscribe(
        &mut self,
        topic: &[u8],
        then: &mut Actions,
    ) -> Result<(), NotSubscribed> {
        if self.topics.remove(topic).ok_or(NotSubscribed)? == 0 {
            self.tell_all(Command::Cancel(topic.to_vec().into()), then);
        }
        Ok(())
    }

    /// How many different topics there are.
    pub(crate) fn topics(&self) -> usize {
        self.topics.len()
    }

    /// True if the message begins with a topic.
    pub(crate) fn wants(&self, message: &Message) -> bool {
        message
            .part(0)
            .is_some_and(|part| self.topics.matches(part))
    }

    /// To every publisher, as far as it has room.
    pub(crate) fn route_to_all(&mut self, room: &dyn Room) -> Route<'_> {
        self.publishers.begin();
        self.publishers.offer_all(room);
        self.publishers.route()
    }

    /// How many messages a publisher has missed for lack of room.
    pub(crate) fn missed(&self, pipe: PipeId) -> u64 {
        self.publishers.missed(pipe)
    }

    pub(crate) fn tell_all(&self, command: Command, then: &mut Actions) {
        for pipe in self.publishers.pipes() {
            then.request(*pipe, command.clone());
        }
    }
}

/// The topic is not subscribed to, so there is no subscription to be taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the topic is not subscribed to")]
pub struct NotSubscribed;

/// A subscription was not taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnsubscribeError {
    /// The socket was closed, or its context shut down.
    #[error("failed to unsubscribe: {0}")]
    Closed(#[from] ClosedError),
    /// The topic is not subscribed to.
    #[error("failed to unsubscribe: {0}")]
    NotSubscribed(#[from] NotSubscribed),
}
