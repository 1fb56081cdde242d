//! PULL: collects messages, fairly queued.
//!
//! ```text
//!   recv ◄── the next peer with a message; nobody has one: wait
//! ```

use ferromq_core::strategy::FairQueue;
use ferromq_core::{
    Actions, Admit, Conflates, Kind, Message, Origin, Pattern, PipeId, Readiness, Receives,
    Refusal, Refused, Room, Route, SocketType, socket_type,
};

/// The behaviour of a PULL socket.
#[derive(Debug, Default)]
pub struct PullPattern {
    incoming: FairQueue,
}

impl Pattern for PullPattern {
    const KIND: Kind = Kind {
        socket_type: SocketType::Pull,
        announces_routing_id: false,
        requeues: false,
        eager: false,
        receives: true,
        drops_at_close: false,
    };

    fn attach(&mut self, _: PipeId, _: &Origin, _: &mut Actions) -> Result<(), Refusal> {
        Ok(())
    }

    fn detach(&mut self, pipe: PipeId, _: &mut Actions) {
        self.incoming.detach(pipe);
    }

    fn readable(&mut self, pipe: PipeId) {
        self.incoming.readable(pipe);
    }

    fn drained(&mut self, pipe: PipeId) {
        self.incoming.drained(pipe);
    }

    #[inline]
    fn route(&mut self, _: &Message, _: &dyn Room, _: &mut Actions) -> Route<'_> {
        Route::Refuse(Refused::WrongState)
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

    fn readiness(&self, _: &dyn Room) -> Readiness {
        Readiness {
            send: false,
            receive: true,
        }
    }
}

impl Receives for PullPattern {}
impl Conflates for PullPattern {}

socket_type! {
    /// A PULL socket: collects messages from PUSH peers, one of each in turn.
    ///
    /// It only receives: sending on it does not compile.
    ///
    /// ```compile_fail,E0277
    /// let pull = ferromq_pipeline::Pull::new(&ferromq_core::Context::new());
    /// pull.send("work");
    /// ```
    #[doc(alias = "ZMQ_PULL")]
    pub struct Pull(PullPattern);
}

#[cfg(test)]
mod tests;
