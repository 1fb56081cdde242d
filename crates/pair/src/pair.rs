//! PAIR: exactly one peer at a time.
//!
//! ```text
//!   alone ──attach──► paired (further peers are refused) ──detach──► alone
//! ```

use ferromq_core::{
    Actions, Admit, Kind, Message, Origin, Pattern, PipeId, Readiness, Receives, Refusal, Refused,
    Room, Route, Sends, SocketType, socket_type,
};

/// The behaviour of a PAIR socket.
#[derive(Debug, Default)]
pub struct PairPattern {
    peer: Option<PipeId>,
    /// The peer has messages for us.
    readable: bool,
}

impl Pattern for PairPattern {
    const KIND: Kind = Kind {
        socket_type: SocketType::Pair,
        announces_routing_id: false,
        requeues: false,
        eager: false,
        receives: true,
        drops_at_close: false,
    };

    fn attach(&mut self, pipe: PipeId, _: &Origin, _: &mut Actions) -> Result<(), Refusal> {
        if self.peer.is_some() {
            return Err(Refusal::Occupied);
        }
        self.peer = Some(pipe);
        self.readable = false;
        Ok(())
    }

    fn detach(&mut self, pipe: PipeId, _: &mut Actions) {
        self.peer.take_if(|peer| *peer == pipe);
    }

    fn readable(&mut self, pipe: PipeId) {
        self.readable |= self.peer == Some(pipe);
    }

    fn drained(&mut self, pipe: PipeId) {
        self.readable &= self.peer != Some(pipe);
    }

    #[inline]
    fn route(&mut self, _: &Message, room: &dyn Room, _: &mut Actions) -> Route<'_> {
        match self.peer {
            Some(pipe) if room.has_room(pipe) => Route::To {
                pipe,
                strip: 0,
                prefix: &[],
            },
            _ => Route::Park,
        }
    }

    #[inline]
    fn next(&mut self) -> Result<Option<PipeId>, Refused> {
        Ok(self.peer.filter(|_| self.readable))
    }

    #[inline]
    fn admit(&mut self, _: PipeId, _: &mut Message, _: &mut Actions) -> Admit {
        Admit::Deliver
    }

    fn readiness(&self, room: &dyn Room) -> Readiness {
        Readiness {
            send: self.peer.is_some_and(|pipe| room.has_room(pipe)),
            receive: true,
        }
    }
}

impl Sends for PairPattern {}
impl Receives for PairPattern {}

socket_type! {
    /// A PAIR socket: exchanges messages with exactly one PAIR peer at a time.
    ///
    /// The first peer wins; others are refused until it leaves. Without a peer, or while it has no
    /// room, `send` waits.
    #[doc(alias = "ZMQ_PAIR")]
    pub struct Pair(PairPattern);
}

#[cfg(test)]
mod tests;
