//! REP: one request, then its reply, strictly in turn.
//!
//! ```text
//!            admit (the envelope is kept)            taken
//!   Idle ──────────────────────────────► Admitted ─────────► Asked
//!    ▲                                                         │
//!    └──────────── route (the envelope before the reply) ──────┘
//! ```
//!
//! A reply never waits: if the peer that asked is gone, has another connection, or has no room, the
//! reply is dropped and counted, and the next request may be received.

use std::collections::HashSet;

use ferromq_core::strategy::FairQueue;
use ferromq_core::{
    Actions, Admit, Dropped, Kind, Message, Origin, Part, Pattern, PipeId, Readiness, Receives,
    Refusal, Refused, Room, Route, Sends, SocketType, socket_type,
};

/// The behaviour of a REP socket.
#[derive(Debug, Default)]
pub struct RepPattern {
    incoming: FairQueue,
    state: State,
    /// Who asked; `None`: that peer, or its connection, is gone.
    asker: Option<PipeId>,
    /// The parts before the request, with the delimiter.
    envelope: Vec<Part>,
    /// Pipes that take no reply any more, and have requests still.
    ending: HashSet<PipeId>,
}

impl Pattern for RepPattern {
    const KIND: Kind = Kind {
        socket_type: SocketType::Rep,
        announces_routing_id: false,
        requeues: false,
        eager: false,
        receives: true,
        drops_at_close: false,
    };

    fn attach(&mut self, _: PipeId, _: &Origin, _: &mut Actions) -> Result<(), Refusal> {
        Ok(())
    }

    fn lost(&mut self, pipe: PipeId, _: &mut Actions) {
        self.forget(pipe);
    }

    fn ending(&mut self, pipe: PipeId, _: &mut Actions) -> bool {
        self.forget(pipe);
        self.ending.insert(pipe);
        true
    }

    fn detach(&mut self, pipe: PipeId, _: &mut Actions) {
        self.incoming.detach(pipe);
        self.forget(pipe);
        self.ending.remove(&pipe);
    }

    fn readable(&mut self, pipe: PipeId) {
        self.incoming.readable(pipe);
    }

    fn drained(&mut self, pipe: PipeId) {
        self.incoming.drained(pipe);
    }

    #[inline]
    fn route(&mut self, _: &Message, room: &dyn Room, _: &mut Actions) -> Route<'_> {
        if self.state != State::Asked {
            return Route::Refuse(Refused::WrongState);
        }
        self.state = State::Idle;
        match self.asker.take() {
            None => Route::Discard(Dropped::PeerGone),
            Some(pipe) if room.has_room(pipe) => Route::To {
                pipe,
                strip: 0,
                prefix: &self.envelope,
            },
            Some(_) => Route::Discard(Dropped::HighWaterMark),
        }
    }

    #[inline]
    fn next(&mut self) -> Result<Option<PipeId>, Refused> {
        match self.state {
            State::Idle => Ok(self.incoming.next()),
            State::Admitted => Ok(None),
            State::Asked => Err(Refused::WrongState),
        }
    }

    #[inline]
    fn admit(&mut self, pipe: PipeId, message: &mut Message, _: &mut Actions) -> Admit {
        self.incoming.served(pipe);
        let Some(envelope) = message.split_envelope().filter(|_| !message.is_empty()) else {
            return Admit::Skip(Dropped::Malformed);
        };
        self.state = State::Admitted;
        self.asker = (!self.ending.contains(&pipe)).then_some(pipe);
        self.envelope = envelope;
        Admit::Deliver
    }

    fn taken(&mut self, _: &mut Message) {
        if self.state == State::Admitted {
            self.state = State::Asked;
        }
    }

    fn readiness(&self, _: &dyn Room) -> Readiness {
        let asked = self.state == State::Asked;
        Readiness {
            send: asked,
            receive: !asked,
        }
    }
}

impl Sends for RepPattern {}
impl Receives for RepPattern {}

socket_type! {
    /// A REP socket: receives a request of a REQ or DEALER peer, then sends the reply, in turn.
    ///
    /// Sending or receiving out of turn fails with [`Refused::WrongState`]. `send` never waits: the
    /// reply to a peer that is gone, or has no room, is dropped and counted.
    #[doc(alias = "ZMQ_REP")]
    pub struct Rep(RepPattern);
}

impl RepPattern {
    /// The connection that the request came by is gone: a reply has nowhere to go.
    fn forget(&mut self, pipe: PipeId) {
        self.asker.take_if(|asker| *asker == pipe);
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// A request may be received.
    #[default]
    Idle,
    /// A request is on its way to the application.
    Admitted,
    /// The application has the request: a reply may be sent.
    Asked,
}

#[cfg(test)]
mod tests;
