//! What the tests of this crate have in common: pipes, peers, and patterns driven by hand.

use std::sync::Arc;

use ferromq_core::{
    Action, Actions, Admit, Command, Dropped, Message, Origin, Part, Pattern, Peer, PipeId,
    Readiness, Refusal, Refused, Room, Route,
};

pub(crate) fn pipe(index: u32) -> PipeId {
    PipeId::new(index, 0)
}

/// A peer that announced this routing id.
pub(crate) fn peer(routing_id: &str) -> Arc<Peer> {
    Arc::new(Peer {
        socket_type: None,
        routing_id: Part::from(routing_id),
        address: String::new(),
        metadata: Vec::new(),
    })
}

/// What a call of [`Pattern::route`] decided, owned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    To(PipeId, Message),
    Each(Vec<PipeId>, usize),
    Done,
    Discarded(Dropped),
    Parked,
    Refused(Refused),
}

/// What became of the message of a pipe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Got {
    Message(Message),
    Skipped(Dropped),
    Done,
}

/// A pattern under test, with the actions that it asked for.
#[derive(Debug, Default)]
pub(crate) struct Driven<P> {
    pub(crate) pattern: P,
    pub(crate) then: Actions,
}

impl<P: Pattern + Default> Driven<P> {
    /// A pattern with this many accepted peers without routing id.
    pub(crate) fn with_peers(count: u32) -> Self {
        let mut driven = Self::default();
        for n in 0..count {
            driven.accept(n, "").expect("the pattern takes these peers");
        }
        driven
    }

    pub(crate) fn accept(&mut self, n: u32, routing_id: &str) -> Result<(), Refusal> {
        let origin = Origin::Accepted(peer(routing_id));
        self.pattern.attach(pipe(n), &origin, &mut self.then)
    }

    pub(crate) fn dial(&mut self, n: u32, routing_id: Option<&str>) -> Result<(), Refusal> {
        let routing_id = routing_id.map(Part::from);
        let origin = Origin::Dialed { routing_id };
        self.pattern.attach(pipe(n), &origin, &mut self.then)
    }

    pub(crate) fn hiccup(&mut self, n: u32, routing_id: &str) -> Result<(), Refusal> {
        let peer = peer(routing_id);
        self.pattern.hiccup(pipe(n), &peer, &mut self.then)
    }

    pub(crate) fn lose(&mut self, n: u32) {
        self.pattern.lost(pipe(n), &mut self.then);
    }

    pub(crate) fn detach(&mut self, n: u32) {
        self.pattern.detach(pipe(n), &mut self.then);
    }

    /// Sends while every pipe has room.
    pub(crate) fn send(&mut self, message: impl Into<Message>) -> Sent {
        self.send_within(message, &|_| true)
    }

    /// Sends; a [`Sent::To`] carries what the peer would see.
    pub(crate) fn send_within(&mut self, message: impl Into<Message>, room: &dyn Room) -> Sent {
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
    pub(crate) fn admit(&mut self, n: u32, message: impl Into<Message>) -> Got {
        match self.pattern.admit(pipe(n), message.into(), &mut self.then) {
            Admit::Deliver(message) => Got::Message(message),
            Admit::Skip(why) => Got::Skipped(why),
            Admit::Done => Got::Done,
        }
    }

    /// Like `admit`, and the application takes it.
    pub(crate) fn receive(&mut self, n: u32, message: impl Into<Message>) -> Got {
        let got = self.admit(n, message);
        if matches!(got, Got::Message(_)) {
            self.pattern.taken();
        }
        got
    }

    pub(crate) fn readiness(&self) -> Readiness {
        self.pattern.readiness(&|_| true)
    }

    /// Takes the actions asked for so far.
    pub(crate) fn actions(&mut self) -> Vec<Action> {
        self.then.drain().collect()
    }
}

/// A message of these parts.
pub(crate) fn parts<const N: usize>(parts: [&str; N]) -> Message {
    Message::from(parts)
}

pub(crate) fn subscribe(topic: &str) -> Command {
    Command::Subscribe(topic.as_bytes().to_vec().into())
}

pub(crate) fn cancel(topic: &str) -> Command {
    Command::Cancel(topic.as_bytes().to_vec().into())
}

/// The commands among the actions asked for so far, in order.
pub(crate) fn commands<P: Pattern + Default>(driven: &mut Driven<P>) -> Vec<(usize, Command)> {
    let actions = driven.actions().into_iter();
    let commands = actions.filter_map(|action| match action {
        Action::Command(pipe, command) => Some((pipe.index(), command)),
        _ => None,
    });
    commands.collect()
}

/// The pipes that a message goes to, sorted.
pub(crate) fn receivers(sent: Sent) -> Vec<usize> {
    let Sent::Each(pipes, _) = sent else {
        panic!("unexpected {sent:?}");
    };
    let mut pipes: Vec<_> = pipes.iter().map(|pipe| pipe.index()).collect();
    pipes.sort();
    pipes
}
