//! REQ: one request, then its reply, strictly in turn.
//!
//! ```text
//!            route (delimiter before the request)          admit (the asked peer's reply)
//!   Idle ─────────────────────────────────────────► Asked ─────────────────────────────► Answered
//!    ▲                                                                                      │
//!    └────────────────────────── taken (the application has it) ────────────────────────────┘
//! ```
//!
//! Only the asked peer's reply counts; what others send is dropped as stale. If the asked peer is
//! gone for good, any peer's reply is accepted. What a peer had sent before it was asked is dropped
//! when it is asked, so a surplus reply is never taken for the reply to a later request.

use std::sync::Arc;

use ferromq_core::strategy::{FairQueue, RoundRobin};
use ferromq_core::{
    Actions, Admit, Dropped, Kind, Message, Origin, Part, Pattern, Peer, PipeId, Readiness,
    Receives, Refusal, Refused, Room, Route, Sends, SocketType, socket_type,
};

/// The behaviour of a REQ socket.
#[derive(Debug, Default)]
pub struct ReqPattern {
    outgoing: RoundRobin,
    incoming: FairQueue,
    state: State,
}

impl Pattern for ReqPattern {
    const KIND: Kind = Kind {
        socket_type: SocketType::Req,
        announces_routing_id: true,
        requeues: true,
        eager: false,
        receives: true,
        drops_at_close: false,
    };

    fn attach(&mut self, pipe: PipeId, _: &Origin, _: &mut Actions) -> Result<(), Refusal> {
        self.outgoing.attach(pipe);
        Ok(())
    }

    fn hiccup(&mut self, pipe: PipeId, _: &Arc<Peer>, _: &mut Actions) -> Result<(), Refusal> {
        self.outgoing.restored(pipe);
        Ok(())
    }

    fn lost(&mut self, pipe: PipeId, _: &mut Actions) {
        self.outgoing.lost(pipe);
    }

    fn detach(&mut self, pipe: PipeId, _: &mut Actions) {
        self.outgoing.detach(pipe);
        self.incoming.detach(pipe);
        if self.state == State::Asked(Some(pipe)) {
            self.state = State::Asked(None);
        }
    }

    fn writable(&mut self, pipe: PipeId) {
        self.outgoing.writable(pipe);
    }

    fn readable(&mut self, pipe: PipeId) {
        self.incoming.readable(pipe);
    }

    fn drained(&mut self, pipe: PipeId) {
        self.incoming.drained(pipe);
    }

    #[inline]
    fn route(&mut self, _: &Message, room: &dyn Room, then: &mut Actions) -> Route<'_> {
        if let Some(refused) = self.refusal() {
            return Route::Refuse(refused);
        }
        match self.ask(room, then) {
            Some(pipe) => Route::To {
                pipe,
                strip: 0,
                prefix: &[Part::EMPTY],
            },
            None => Route::Park,
        }
    }

    /// The request that came back is asked again, elsewhere. If it was answered meanwhile, it is
    /// sent for nothing, and the reply is dropped as stale.
    fn reroute(&mut self, room: &dyn Room, then: &mut Actions) -> Option<PipeId> {
        match self.state {
            State::Asked(_) => self.ask(room, then),
            State::Idle | State::Answered => self.outgoing.pick(room),
        }
    }

    fn refusal(&self) -> Option<Refused> {
        (self.state != State::Idle).then_some(Refused::WrongState)
    }

    #[inline]
    fn next(&mut self) -> Result<Option<PipeId>, Refused> {
        match self.state {
            State::Idle => Err(Refused::WrongState),
            State::Asked(_) => Ok(self.incoming.next()),
            State::Answered => Ok(None),
        }
    }

    #[inline]
    fn admit(&mut self, pipe: PipeId, message: &mut Message, _: &mut Actions) -> Admit {
        self.incoming.served(pipe);
        match self.state {
            State::Asked(asked) if asked.is_none_or(|asked| asked == pipe) => {}
            _ => return Admit::Skip(Dropped::Stale),
        }
        let delimiter = message.pop_front();
        if !delimiter.is_some_and(|part| part.is_empty()) || message.is_empty() {
            return Admit::Skip(Dropped::Malformed);
        }
        self.state = State::Answered;
        Admit::Deliver
    }

    fn taken(&mut self) {
        if self.state == State::Answered {
            self.state = State::Idle;
        }
    }

    fn readiness(&self, room: &dyn Room) -> Readiness {
        let idle = self.state == State::Idle;
        Readiness {
            send: idle && self.outgoing.has_room(room),
            receive: !idle,
        }
    }
}

impl Sends for ReqPattern {}
impl Receives for ReqPattern {}

socket_type! {
    /// A REQ socket: sends a request to a REP or ROUTER peer, then receives its reply, in turn.
    ///
    /// Sending or receiving out of turn fails with [`Refused::WrongState`]. Requests go to the
    /// peers round robin; with no peer, or none that has room, `send` waits. If the asked peer
    /// never answers, the socket keeps waiting, as RFC 28 says.
    #[doc(alias = "ZMQ_REQ")]
    pub struct Req(ReqPattern);
}

impl ReqPattern {
    /// Chooses the peer for a request and waits for its reply from now on.
    fn ask(&mut self, room: &dyn Room, then: &mut Actions) -> Option<PipeId> {
        let pipe = self.outgoing.pick(room)?;
        then.discard_incoming(pipe);
        self.state = State::Asked(Some(pipe));
        Some(pipe)
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// A request may be sent.
    #[default]
    Idle,
    /// A request was sent to this peer; `None`: the peer is gone, any reply will do.
    Asked(Option<PipeId>),
    /// The reply is on its way to the application.
    Answered,
}

#[cfg(test)]
mod tests;
