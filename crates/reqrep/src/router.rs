//! ROUTER: receives with the peer's routing id in front, sends by it.
//!
//! ```text
//!   send [id][parts…] ──► the peer of that name; it has no room: wait for it alone
//!   recv [id][parts…] ◄── the next peer with a message; nobody has one: wait
//! ```
//!
//! A dialed peer has no name, and cannot be sent to, until its handshake is over.

use std::sync::Arc;

use ferromq_core::strategy::{ByRoutingId, FairQueue, PipeMap};
use ferromq_core::{
    Actions, Admit, ClosedError, Dropped, Kind, Message, Origin, Part, Pattern, Peer, PipeId,
    Readiness, Receives, Refusal, Refused, Room, Route, Sends, SocketType, socket_type,
};

/// The behaviour of a ROUTER socket.
#[derive(Debug, Default)]
pub struct RouterPattern {
    peers: ByRoutingId,
    /// Where each attached pipe's name comes from.
    naming: PipeMap<Naming>,
    incoming: FairQueue,
    drop_unroutable: bool,
}

impl Pattern for RouterPattern {
    const KIND: Kind = Kind {
        socket_type: SocketType::Router,
        announces_routing_id: true,
        requeues: false,
        eager: false,
        receives: true,
        drops_at_close: false,
    };

    fn attach(&mut self, pipe: PipeId, origin: &Origin, _: &mut Actions) -> Result<(), Refusal> {
        let naming = match origin {
            Origin::Dialed => Naming::Unknown,
            Origin::Accepted(peer) | Origin::Inproc(peer) => self.name(pipe, peer)?,
        };
        self.naming.insert(pipe, naming);
        Ok(())
    }

    fn hiccup(&mut self, pipe: PipeId, peer: &Arc<Peer>, _: &mut Actions) -> Result<(), Refusal> {
        let made = self.naming.get(pipe) == Some(&Naming::Made);
        if !made || !peer.routing_id.is_empty() {
            let naming = self.name(pipe, peer)?;
            self.naming.insert(pipe, naming);
        }
        Ok(())
    }

    fn detach(&mut self, pipe: PipeId, _: &mut Actions) {
        self.peers.remove(pipe);
        self.naming.remove(pipe);
        self.incoming.detach(pipe);
    }

    fn readable(&mut self, pipe: PipeId) {
        self.incoming.readable(pipe);
    }

    fn drained(&mut self, pipe: PipeId) {
        self.incoming.drained(pipe);
    }

    #[inline]
    fn route(&mut self, message: &Message, room: &dyn Room, _: &mut Actions) -> Route<'_> {
        let Some(name) = message.part(0).filter(|_| message.len() > 1) else {
            return Route::Refuse(Refused::MissingPart);
        };
        match self.peers.pipe(name) {
            Some(pipe) if room.has_room(pipe) => Route::To {
                pipe,
                strip: 1,
                prefix: &[],
            },
            Some(_) => Route::Park,
            None if self.drop_unroutable => Route::Discard(Dropped::PeerGone),
            None => Route::Refuse(Refused::NoRoute),
        }
    }

    #[inline]
    fn next(&mut self) -> Result<Option<PipeId>, Refused> {
        Ok(self.incoming.next())
    }

    #[inline]
    fn admit(&mut self, pipe: PipeId, message: &mut Message, _: &mut Actions) -> Admit {
        self.incoming.served(pipe);
        // Who is refused at its first handshake may have sent already, and has no name.
        let Some(name) = self.peers.name(pipe) else {
            return Admit::Skip(Dropped::PeerGone);
        };
        message.push_front(name.clone());
        Admit::Deliver
    }

    /// Ready to send if any named peer has room: O(peers) while none has.
    fn readiness(&self, room: &dyn Room) -> Readiness {
        Readiness {
            send: self.drop_unroutable || self.peers.pipes().any(|pipe| room.has_room(pipe)),
            receive: true,
        }
    }
}

impl Sends for RouterPattern {}
impl Receives for RouterPattern {}

socket_type! {
    /// A ROUTER socket: receives messages of REQ, DEALER and ROUTER peers with the sender's routing
    /// id as first part, and sends each message to the peer that its first part names.
    ///
    /// A peer's routing id is what it announced, else five bytes made here. A message to an unknown
    /// peer fails with [`Refused::NoRoute`] (libzmq drops it), unless
    /// [`set_drop_unroutable`](Self::set_drop_unroutable); a message to a peer without room waits
    /// for that peer (libzmq drops it), while others can be sent to.
    #[doc(alias = "ZMQ_ROUTER")]
    pub struct Router(RouterPattern);
}

impl Router {
    /// Whether a message to an unknown peer is dropped, and counted, rather than refused with
    /// [`Refused::NoRoute`]. Default: false.
    ///
    /// # Errors
    ///
    /// - [`ClosedError`]: the socket was closed.
    #[doc(alias = "ZMQ_ROUTER_MANDATORY")]
    pub fn set_drop_unroutable(&self, drop: bool) -> Result<(), ClosedError> {
        self.with_pattern(|pattern, _| pattern.set_drop_unroutable(drop))
    }
}

impl RouterPattern {
    /// Whether a message to an unknown peer is dropped, and counted, rather than refused with
    /// [`Refused::NoRoute`]. Off by default.
    pub fn set_drop_unroutable(&mut self, drop: bool) {
        self.drop_unroutable = drop;
    }

    /// The routing id by which a pipe is addressed; `None` before a dialed peer is known.
    pub fn routing_id(&self, pipe: PipeId) -> Option<&Part> {
        self.peers.name(pipe)
    }

    /// Names a pipe as its peer announced, or by a made name.
    fn name(&mut self, pipe: PipeId, peer: &Peer) -> Result<Naming, Refusal> {
        if peer.routing_id.is_empty() {
            self.peers.assign_made(pipe);
            return Ok(Naming::Made);
        }
        self.peers.assign(pipe, peer.routing_id.clone())?;
        Ok(Naming::Announced)
    }
}

/// Where a pipe's name comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Naming {
    /// It has none yet.
    Unknown,
    /// The peer announced it.
    Announced,
    /// The peer announced none: five bytes of our own.
    Made,
}

#[cfg(test)]
mod tests;
