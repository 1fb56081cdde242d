//! PUSH: hands messages out, round robin.
//!
//! ```text
//!   send ──► the next peer with room; nobody has room: wait
//! ```

use std::sync::Arc;

use ferromq_core::strategy::RoundRobin;
use ferromq_core::{
    Actions, Admit, Conflates, Dropped, Kind, Message, Origin, Pattern, Peer, PipeId, Readiness,
    Refusal, Refused, Requeues, Room, Route, Sends, SocketType, socket_type,
};

/// The behaviour of a PUSH socket.
#[derive(Debug, Default)]
pub struct PushPattern {
    outgoing: RoundRobin,
}

impl Pattern for PushPattern {
    const KIND: Kind = Kind {
        socket_type: SocketType::Push,
        announces_routing_id: false,
        requeues: true,
        eager: false,
        receives: false,
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
    }

    fn writable(&mut self, pipe: PipeId) {
        self.outgoing.writable(pipe);
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
        Ok(None)
    }

    #[inline]
    fn admit(&mut self, _: PipeId, _: &mut Message, _: &mut Actions) -> Admit {
        Admit::Skip(Dropped::Unwanted)
    }

    fn readiness(&self, room: &dyn Room) -> Readiness {
        Readiness {
            send: self.outgoing.has_room(room),
            receive: false,
        }
    }
}

impl Sends for PushPattern {}
impl Requeues for PushPattern {}
impl Conflates for PushPattern {}

socket_type! {
    /// A PUSH socket: hands messages out to PULL peers, round robin, each whole to one of them.
    ///
    /// With no peer, or none that has room, `send` waits. What a peer that is gone has not been
    /// given is handed to the next peers, in order, before new messages (libzmq loses it), or what
    /// [`OnPeerLost`](ferromq_core::OnPeerLost) says.
    ///
    /// It only sends: receiving from it does not compile.
    ///
    /// ```compile_fail,E0277
    /// let push = ferromq_pipeline::Push::new(&ferromq_core::Context::new());
    /// let message = push.recv();
    /// ```
    #[doc(alias = "ZMQ_PUSH")]
    pub struct Push(PushPattern);
}

#[cfg(test)]
mod tests;
