//! Patterns driven by hand: what the unit tests of the pattern crates have in common.

use std::sync::Arc;

use ferromq_core::{
    Action, Actions, Admit, Dropped, Message, Origin, Part, Pattern, Peer, PipeId, Readiness,
    Refusal, Refused, Room, Route,
};

/// The first pipe of this slot.
pub fn pipe(index: u32) -> PipeId {
    PipeId::new(index, 0)
}

/// A peer that announced this routing id.
pub fn peer(routing_id: &str) -> Arc<Peer> {
    let mut peer = Peer::silent(pipe(0));
    peer.routing_id = Part::from(routing_id);
    Arc::new(peer)
}

/// What a call of [`Pattern::route`] decided, owned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sent {
    /// To one pipe, as the peer would see it.
    To(PipeId, Message),
    /// To each of these, and so many more had no room.
    Each(Vec<PipeId>, usize),
    /// Consumed by the pattern.
    Done,
    /// Accepted and dropped.
    Discarded(Dropped),
    /// Nowhere to go now.
    Parked,
    /// Not allowed now.
    Refused(Refused),
}

/// What became of the message of a pipe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Got {
    /// For the application.
    Message(Message),
    /// Not for the application.
    Skipped(Dropped),
    /// Consumed by the pattern.
    Done,
}

/// A pattern under test, with the actions that it asked for.
#[derive(Debug, Default)]
pub struct Driven<P> {
    /// The pattern itself.
    pub pattern: P,
    /// What it asked for and nobody has taken.
    pub then: Actions,
}

impl<P: Pattern + Default> Driven<P> {
    /// A pattern with this many accepted peers without routing id.
    pub fn with_peers(count: u32) -> Self {
        let mut driven = Self::default();
        for n in 0..count {
            driven.accept(n, "").expect("the pattern takes these peers");
        }
        driven
    }

    /// A peer with this routing id came by a listener.
    pub fn accept(&mut self, n: u32, routing_id: &str) -> Result<(), Refusal> {
        let origin = Origin::Accepted(peer(routing_id));
        self.pattern.attach(pipe(n), &origin, &mut self.then)
    }

    /// The application connects; the peer is not known yet.
    pub fn dial(&mut self, n: u32) -> Result<(), Refusal> {
        self.pattern
            .attach(pipe(n), &Origin::Dialed, &mut self.then)
    }

    /// A dialed pipe has a connection to a peer with this routing id.
    pub fn hiccup(&mut self, n: u32, routing_id: &str) -> Result<(), Refusal> {
        let peer = peer(routing_id);
        self.pattern.hiccup(pipe(n), &peer, &mut self.then)
    }

    /// A dialed pipe lost its connection.
    pub fn lose(&mut self, n: u32) {
        self.pattern.lost(pipe(n), &mut self.then);
    }

    /// A pipe has taken the commands asked for so far.
    pub fn refill(&mut self, n: u32) {
        self.pattern.refill(pipe(n), &mut self.then);
    }

    /// A pipe is gone for good.
    pub fn detach(&mut self, n: u32) {
        self.pattern.detach(pipe(n), &mut self.then);
    }

    /// Sends while every pipe has room.
    pub fn send(&mut self, message: impl Into<Message>) -> Sent {
        self.send_within(message, &|_| true)
    }

    /// Sends; a [`Sent::To`] carries what the peer would see.
    pub fn send_within(&mut self, message: impl Into<Message>, room: &dyn Room) -> Sent {
        let message = message.into();
        match self.pattern.route(&message, room, &mut self.then) {
            Route::To {
                pipe,
                strip,
                prefix,
            } => {
                let parts = prefix.iter().chain(message.iter().skip(strip)).cloned();
                Sent::To(pipe, parts.collect())
            }
            Route::Each { pipes, skipped } => Sent::Each(pipes.to_vec(), skipped),
            Route::Done => Sent::Done,
            Route::Discard(why) => Sent::Discarded(why),
            Route::Park => Sent::Parked,
            Route::Refuse(why) => Sent::Refused(why),
        }
    }

    /// A message of this pipe arrives and is looked at at once.
    pub fn admit(&mut self, n: u32, message: impl Into<Message>) -> Got {
        let mut message = message.into();
        match self.pattern.admit(pipe(n), &mut message, &mut self.then) {
            Admit::Deliver => Got::Message(message),
            Admit::Skip(why) => Got::Skipped(why),
            Admit::Done => Got::Done,
        }
    }

    /// Like `admit`, and the application takes it.
    pub fn receive(&mut self, n: u32, message: impl Into<Message>) -> Got {
        let mut got = self.admit(n, message);
        if let Got::Message(message) = &mut got {
            self.pattern.taken(message);
        }
        got
    }

    /// The readiness while every pipe has room.
    pub fn readiness(&self) -> Readiness {
        self.pattern.readiness(&|_| true)
    }

    /// Takes the actions asked for so far.
    pub fn actions(&mut self) -> Vec<Action> {
        self.then.drain().collect()
    }
}

/// A message of these parts.
pub fn parts<const N: usize>(parts: [&str; N]) -> Message {
    Message::from(parts)
}
