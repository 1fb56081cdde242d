//! DEALER: sends round robin, receives fairly queued, changes nothing.
//!
//! ```text
//!   send ──► the next peer with room; nobody has room: wait
//!   recv ◄── the next peer with a message; nobody has one: wait
//! ```

use std::sync::Arc;

use ferromq_core::strategy::{FairQueue, RoundRobin};
use ferromq_core::{
    Actions, Admit, Builder, Conflates, Kind, Message, Origin, Pattern, Peer, PipeId, Readiness,
    Receives, Refusal, Refused, Requeues, Room, Route, Sends, SocketType, socket_type,
};

/// The behaviour of a DEALER socket.
#[derive(Debug, Default)]
pub struct DealerPattern {
    outgoing: RoundRobin,
    incoming: FairQueue,
}

impl Pattern for DealerPattern {
    const KIND: Kind = Kind {
        socket_type: SocketType::Dealer,
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

    /// It is given nothing more, and keeps no other from it.
    fn ending(&mut self, pipe: PipeId, _: &mut Actions) -> bool {
        self.outgoing.lost(pipe);
        true
    }

    fn detach(&mut self, pipe: PipeId, _: &mut Actions) {
        self.outgoing.detach(pipe);
        self.incoming.detach(pipe);
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
    fn route(&mut self, _: &Message, room: &dyn Room, _: &mut Actions) -> Route<'_> {
        match self.outgoing.pick(room) {
            Some(pipe) => Route::To {
                pipe,
                strip: 0,
                prefix: &[],
            },
            None => Route::Park,
        }
    }

    fn reroute(&mut self, room: &dyn Room, _: &mut Actions) -> Option<PipeId> {
        self.outgoing.pick(room)
    }

    #[inline]
    fn next(&mut self) -> Result<Option<PipeId>, Refused> {
        Ok(self.incoming.next())
    }

    #[inline]
    fn admit(&mut self, pipe: PipeId, _: &mut Message, _: &mut Actions) -> Admit {
        self.incoming.served(pipe);
        Admit::Deliver
    }

    fn readiness(&self, room: &dyn Room) -> Readiness {
        Readiness {
            send: self.outgoing.has_room(room),
            receive: true,
        }
    }
}

impl Sends for DealerPattern {}
impl Receives for DealerPattern {}
impl Requeues for DealerPattern {}
impl Conflates for DealerPattern {}

socket_type! {
    /// A DEALER socket: sends to REP, DEALER and ROUTER peers round robin, and receives one message
    /// of each in turn. Nothing is added to messages and nothing removed.
    ///
    /// With no peer, or none that has room, `send` waits. What a peer that is gone has not been
    /// given is handed to the next peers, in order, before new messages (libzmq loses it), or what
    /// [`OnPeerLost`](ferromq_core::OnPeerLost) says.
    #[doc(alias = "ZMQ_DEALER")]
    pub struct Dealer(DealerPattern);
}

/// The options of a DEALER socket: methods of its builder.
pub trait DealerOptions: Sized {
    /// Whether each new peer is sent an empty message first, behind the
    /// [`hello_message`](Self::hello_message): so a ROUTER that was dialed learns that we are
    /// there. Default: false.
    #[doc(alias = "ZMQ_PROBE_ROUTER")]
    fn probe_router(self, probe: bool) -> Self;

    /// What each new peer is sent first, on every connection. Default: nothing.
    #[doc(alias = "ZMQ_HELLO_MSG")]
    fn hello_message(self, message: impl Into<Message>) -> Self;

    /// What is received, as if it came from the peer and behind what did come, when a connection
    /// that was dialed is lost. Concerns tcp and ipc only. Default: nothing.
    #[doc(alias = "ZMQ_HICCUP_MSG")]
    fn hiccup_message(self, message: impl Into<Message>) -> Self;
}

impl DealerOptions for Builder<Dealer> {
    fn probe_router(self, probe: bool) -> Self {
        self.announce(|messages| messages.probe = probe)
    }

    fn hello_message(self, message: impl Into<Message>) -> Self {
        self.announce(|messages| messages.hello = Some(message.into()))
    }

    fn hiccup_message(self, message: impl Into<Message>) -> Self {
        self.announce(|messages| messages.lost = Some(message.into()))
    }
}

#[cfg(test)]
mod tests;
