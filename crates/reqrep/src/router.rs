//! ROUTER: receives with the peer's routing id in front, sends by it.
//!
//! ```text
//!   send [id][parts…] ──► the peer of that name; it has no room: wait for it alone
//!   recv [id][parts…] ◄── the next peer with a message; nobody has one: wait
//! ```
//!
//! A dialed peer has no name, and cannot be sent to, until its handshake is over, unless it was
//! given one when it was dialed.

use std::sync::Arc;

use ferromq_core::strategy::{ByRoutingId, FairQueue, PipeMap};
use ferromq_core::{
    Actions, Adjusts, Admit, Builder, ClosedError, ConnectError, Dropped, Endpoint, EndpointError,
    Kind, Message, Origin, Part, Pattern, Peer, PipeId, Readiness, Receives, Refusal, Refused,
    Room, Route, Sends, SocketType, is_routing_id, socket_type,
};

/// The behaviour of a ROUTER socket.
#[derive(Debug, Default)]
pub struct RouterPattern {
    peers: ByRoutingId,
    /// Where each attached pipe's name comes from.
    naming: PipeMap<Naming>,
    incoming: FairQueue,
    /// Who sent what dialed pipes have brought before, of each pipe in the order in which it came.
    former: Vec<Former>,
    /// The name for the pipe that is dialed next.
    given: Option<Part>,
    settings: RouterSettings,
}

/// The options that ROUTER alone has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RouterSettings {
    drop_unroutable: bool,
    handover: bool,
}

impl From<RouterSettings> for RouterPattern {
    fn from(settings: RouterSettings) -> Self {
        Self {
            settings,
            ..Self::default()
        }
    }
}

impl Adjusts<RouterSettings> for RouterPattern {
    fn settings(&self) -> RouterSettings {
        self.settings
    }

    fn adjust(&mut self, settings: RouterSettings) -> Result<(), &'static str> {
        self.settings = settings;
        Ok(())
    }
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

    /// Made names begin anywhere: a peer of an earlier socket is not mistaken for one of this.
    fn seed(&mut self, random: &dyn Fn() -> u64) {
        self.peers = ByRoutingId::new((random() >> 32) as u32);
    }

    fn attach(&mut self, pipe: PipeId, origin: &Origin, then: &mut Actions) -> Result<(), Refusal> {
        let naming = match (origin, self.given.take()) {
            (Origin::Dialed, None) => Naming::Unknown,
            (Origin::Dialed, Some(name)) => {
                self.peers.assign(pipe, name)?;
                Naming::Given
            }
            (Origin::Accepted(peer) | Origin::Inproc(peer), _) => {
                self.hand_over(peer, then);
                self.name(pipe, peer)?
            }
        };
        self.naming.insert(pipe, naming);
        Ok(())
    }

    fn unread(&mut self, pipe: PipeId, messages: u64) {
        let mut known = 0;
        for former in self.former.iter_mut().filter(|it| it.pipe == pipe) {
            match former.left {
                Some(left) => known += left,
                // Whoever was refused last.
                None => return former.left = Some(messages.saturating_sub(known)),
            }
        }
        if messages > known {
            self.former.push(Former {
                pipe,
                name: self.peers.name(pipe).cloned(),
                left: Some(messages - known),
            });
        }
    }

    fn hiccup(&mut self, pipe: PipeId, peer: &Arc<Peer>, _: &mut Actions) -> Result<(), Refusal> {
        let is_over = |it: &Former| it.pipe == pipe && it.left.is_none_or(|left| left == 0);
        self.former.retain(|it| !is_over(it));
        let renamed = match self.naming.get(pipe) {
            Some(Naming::Given) => false,
            Some(Naming::Made) => !peer.routing_id.is_empty(),
            Some(Naming::Announced | Naming::Unknown) | None => true,
        };
        if !renamed {
            return Ok(());
        }
        let named = self.name(pipe, peer);
        match named {
            Ok(naming) => self.naming.insert(pipe, naming),
            // What it has sent all the same is nobody's.
            Err(_) => self.former.push(Former {
                pipe,
                name: None,
                left: None,
            }),
        }
        named.map(drop)
    }

    /// Nobody is there any more: the name is free, under which what the peer sent is received.
    fn ending(&mut self, pipe: PipeId, _: &mut Actions) -> bool {
        self.peers.retire(pipe);
        true
    }

    fn detach(&mut self, pipe: PipeId, _: &mut Actions) {
        self.peers.remove(pipe);
        self.former.retain(|it| it.pipe != pipe);
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
            None if self.settings.drop_unroutable => Route::Discard(Dropped::PeerGone),
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
        let name = match self.former.is_empty() {
            true => self.peers.name(pipe).cloned(),
            false => self.next_name(pipe),
        };
        let Some(name) = name else {
            return Admit::Skip(Dropped::PeerGone);
        };
        message.push_front(name);
        Admit::Deliver
    }

    /// Ready to send if any named peer has room: O(peers) while none has.
    fn readiness(&self, room: &dyn Room) -> Readiness {
        Readiness {
            send: self.settings.drop_unroutable
                || self.peers.pipes().any(|pipe| room.has_room(pipe)),
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
    /// peer, or one that is gone, fails with [`Refused::NoRoute`] (libzmq drops it), unless
    /// [`set_drop_unroutable`](Self::set_drop_unroutable); a message to a peer without room waits
    /// for that peer (libzmq drops it), while others can be sent to.
    #[doc(alias = "ZMQ_ROUTER")]
    pub struct Router(RouterPattern) with RouterSettings;
}

impl Router {
    /// Whether a message to an unknown peer is dropped, and counted, rather than refused with
    /// [`Refused::NoRoute`]. Default: false.
    ///
    /// # Errors
    ///
    /// - [`ClosedError`]: the socket was closed.
    ///
    /// [Differs from libzmq](https://docs.rs/ferromq/latest/ferromq/differences/).
    #[doc(alias = "ZMQ_ROUTER_MANDATORY")]
    pub fn set_drop_unroutable(&self, drop: bool) -> Result<(), ClosedError> {
        self.with_pattern(|pattern, _| pattern.set_drop_unroutable(drop))
    }

    /// Connects to a peer that is known by this routing id here, whatever it announces, from now
    /// on: what is sent to it waits until it is there. 1 to 255 bytes, not beginning with a zero
    /// byte.
    ///
    /// # Errors
    ///
    /// - [`ConnectError::Refusal`]: another peer has this routing id. (libzmq aborts the process.)
    /// - [`ConnectError::RoutingId`]: it is empty, too long, or begins with a zero byte.
    /// - the other ones of [`connect`](ferromq_core::Socket::connect).
    ///
    /// [Differs from libzmq](https://docs.rs/ferromq/latest/ferromq/differences/).
    #[doc(alias = "ZMQ_CONNECT_ROUTING_ID")]
    pub fn connect_as<E>(&self, id: impl Into<Part>, endpoint: E) -> Result<(), ConnectError>
    where
        E: TryInto<Endpoint>,
        E::Error: Into<EndpointError>,
    {
        let id = id.into();
        if !is_routing_id(&id) {
            return Err(ConnectError::RoutingId);
        }
        self.connect_told(endpoint, |pattern| pattern.given = Some(id))
    }
}

/// The options of a ROUTER socket: methods of its builder.
pub trait RouterOptions: Sized {
    /// Whether a peer that comes with the routing id of another one, by a listener or in process,
    /// takes its place: the other is known by a made routing id until what it sent is received (in
    /// process, that goes back to it), and its connection ends. Default: false, the newcomer is
    /// refused.
    ///
    /// [Differs from libzmq](https://docs.rs/ferromq/latest/ferromq/differences/).
    #[doc(alias = "ZMQ_ROUTER_HANDOVER")]
    fn handover(self, handover: bool) -> Self;

    /// Whether a message of the routing id and an empty part is received when a peer has come
    /// (before what it sends), and when it has gone (behind what it sent). Concerns tcp and ipc
    /// only. Default: neither.
    ///
    /// There, that of peers gone takes the place of
    /// [`disconnect_message`](Self::disconnect_message).
    ///
    /// [Differs from libzmq](https://docs.rs/ferromq/latest/ferromq/differences/).
    #[doc(alias = "ZMQ_ROUTER_NOTIFY")]
    fn notify(self, come: bool, gone: bool) -> Self;

    /// Whether each new peer is sent an empty message first, behind the
    /// [`hello_message`](Self::hello_message): so a ROUTER that was dialed learns that we are
    /// there. Default: false.
    #[doc(alias = "ZMQ_PROBE_ROUTER")]
    fn probe_router(self, probe: bool) -> Self;

    /// What each new peer is sent first, on every connection. Default: nothing.
    #[doc(alias = "ZMQ_HELLO_MSG")]
    fn hello_message(self, message: impl Into<Message>) -> Self;

    /// What is received, behind the peer's routing id and what it sent, when a peer that had come
    /// by a listener, or in process, has gone. Default: nothing.
    #[doc(alias = "ZMQ_DISCONNECT_MSG")]
    fn disconnect_message(self, message: impl Into<Message>) -> Self;
}

impl RouterOptions for Builder<Router> {
    fn handover(self, handover: bool) -> Self {
        self.set(|settings| settings.handover = handover)
    }

    fn notify(self, come: bool, gone: bool) -> Self {
        self.announce(|messages| {
            messages.come = come;
            messages.gone = gone;
        })
    }

    fn probe_router(self, probe: bool) -> Self {
        self.announce(|messages| messages.probe = probe)
    }

    fn hello_message(self, message: impl Into<Message>) -> Self {
        self.announce(|messages| messages.hello = Some(message.into()))
    }

    fn disconnect_message(self, message: impl Into<Message>) -> Self {
        self.announce(|messages| messages.left = Some(message.into()))
    }
}

impl RouterPattern {
    /// Whether a message to an unknown peer is dropped, and counted, rather than refused with
    /// [`Refused::NoRoute`]. Off by default.
    pub fn set_drop_unroutable(&mut self, drop: bool) {
        self.settings.drop_unroutable = drop;
    }

    /// The routing id by which a pipe is addressed; `None` before a dialed peer is known.
    pub fn routing_id(&self, pipe: PipeId) -> Option<&Part> {
        self.peers.name(pipe)
    }

    /// Makes way for a peer that has the name of another one, if that is wanted.
    fn hand_over(&mut self, peer: &Peer, then: &mut Actions) {
        if self.settings.handover
            && let Some(other) = self.peers.pipe(&peer.routing_id)
        {
            self.peers.assign_made(other);
            self.naming.insert(other, Naming::Made);
            then.end(other, Refusal::HandedOver);
        }
    }

    /// The name under which the next message of a pipe is received.
    #[cold]
    fn next_name(&mut self, pipe: PipeId) -> Option<Part> {
        let Some(former) = self.former.iter_mut().find(|it| it.pipe == pipe) else {
            return self.peers.name(pipe).cloned();
        };
        let name = former.name.clone();
        if let Some(left) = &mut former.left {
            *left -= 1;
            if *left == 0 {
                let is_over = |it: &Former| it.pipe == pipe && it.left == Some(0);
                self.former.retain(|it| !is_over(it));
            }
        }
        name
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

/// Who sent messages that a dialed pipe brought by a connection before.
#[derive(Clone, Debug)]
struct Former {
    pipe: PipeId,
    /// None: who was refused.
    name: Option<Part>,
    /// How many of them are not received yet; none while they may still come. Never zero.
    left: Option<u64>,
}

/// Where a pipe's name comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Naming {
    /// It has none yet.
    Unknown,
    /// The peer announced it.
    Announced,
    /// The application gave it, when it connected.
    Given,
    /// The peer announced none: five bytes of our own.
    Made,
}

#[cfg(test)]
mod tests;
