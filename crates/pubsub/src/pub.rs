//! PUB: sends to every peer that subscribed; never waits.
//!
//! ```text
//!   send ──► every peer with a matching subscription and room; without room: dropped, counted
//! ```

use ferromq_core::{
    Actions, Admit, ClosedError, Command, Dropped, Kind, Message, Origin, Pattern, PipeId,
    Readiness, Refusal, Refused, Room, Route, Sends, SocketType, socket_type,
};

use crate::publisher::Publisher;
use crate::request::Request;

/// The behaviour of a PUB socket.
#[derive(Debug, Default)]
pub struct PubPattern {
    publisher: Publisher,
}

impl Pattern for PubPattern {
    const KIND: Kind = Kind {
        socket_type: SocketType::Pub,
        announces_routing_id: false,
        requeues: false,
        eager: true,
        receives: false,
        drops_at_close: false,
    };

    fn attach(&mut self, pipe: PipeId, _: &Origin, _: &mut Actions) -> Result<(), Refusal> {
        self.publisher.attach(pipe);
        Ok(())
    }

    fn lost(&mut self, pipe: PipeId, _: &mut Actions) {
        self.publisher.forget(pipe, drop);
    }

    fn detach(&mut self, pipe: PipeId, _: &mut Actions) {
        self.publisher.forget(pipe, drop);
        self.publisher.detach(pipe);
    }

    fn writable(&mut self, pipe: PipeId) {
        self.publisher.writable(pipe);
    }

    fn command(&mut self, pipe: PipeId, command: Command, _: &mut Actions) {
        if let Some(request) = Request::of_command(&command) {
            self.publisher.apply(pipe, request);
        }
    }

    fn route(&mut self, message: &Message, room: &dyn Room, _: &mut Actions) -> Route<'_> {
        self.publisher.route(message, room)
    }

    fn next(&mut self) -> Result<Option<PipeId>, Refused> {
        Ok(None)
    }

    fn admit(&mut self, pipe: PipeId, message: &mut Message, _: &mut Actions) -> Admit {
        let Some(requests) = Request::of_message(message) else {
            return Admit::Skip(Dropped::Unwanted);
        };
        for request in requests {
            self.publisher.apply(pipe, request);
        }
        Admit::Done
    }

    fn readiness(&self, _: &dyn Room) -> Readiness {
        Readiness {
            send: true,
            receive: false,
        }
    }
}

impl Sends for PubPattern {}

socket_type! {
    /// A PUB socket: sends every message to the SUB and XSUB peers that subscribed to the beginning
    /// of its first part.
    ///
    /// `send` never waits: a subscriber without room misses the message, which is counted.
    #[doc(alias = "ZMQ_PUB")]
    pub struct Pub(PubPattern);
}

impl Pub {
    /// How many different topics are subscribed to at this socket now.
    ///
    /// # Errors
    ///
    /// - [`ClosedError`]: the socket was closed.
    #[doc(alias = "ZMQ_TOPICS_COUNT")]
    pub fn topics(&self) -> Result<usize, ClosedError> {
        self.with_pattern(|pattern, _| pattern.topics())
    }
}

impl PubPattern {
    /// How many different topics are subscribed to at this socket.
    pub fn topics(&self) -> usize {
        self.publisher.topics()
    }
}

#[cfg(test)]
mod tests;
