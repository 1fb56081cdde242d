//! The contract between the socket shell and a pattern: who gets which message.
//!
//! A [`Pattern`] is a plain state machine over opaque [`PipeId`]s. It never sees a socket, a thread
//! or a clock. The shell calls it under the socket's lock, one call at a time, in this order for
//! every pipe:
//!
//! ```text
//!   attach ──► (unread | hiccup | lost | refill | echoed | writable | readable | command | admit)*
//!          ──► (ending ──► admit*) ──► detach
//! ```
//!
//! Invariants the shell keeps:
//! - a `PipeId` is never used again after `detach`;
//! - `admit` and `command` are called in the order in which the peer sent;
//! - after `route` returned [`Route::To`] or [`Route::Each`], the message is accepted by those
//!   pipes;
//! - `taken` follows `admit` once the application really has the message.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ferromq_wire::{Command, Message, Part, SocketType, Version};

use crate::authentication::User;
use crate::event::ConnectionId;

/// Names one pipe of one socket. No other pipe of the process, of this or another socket, has the
/// same name, before 2³² pipes have come and gone.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PipeId {
    index: u32,
    generation: u32,
}

impl PipeId {
    /// A pipe id from its slot and who has that now.
    pub const fn new(index: u32, generation: u32) -> Self {
        Self { index, generation }
    }

    /// The slot in the pipe table: small, dense, reused under another generation.
    pub const fn index(self) -> usize {
        self.index as usize
    }

    /// Which of all pipes that have had a slot of this number.
    pub const fn generation(self) -> u32 {
        self.generation
    }
}

impl fmt::Debug for PipeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pipe {}.{}", self.index, self.generation)
    }
}

/// What is fixed about a socket type.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// The type announced in READY; it also decides which peers are legal.
    pub socket_type: SocketType,
    /// Announces the socket's routing id in READY (REQ, DEALER, ROUTER).
    pub announces_routing_id: bool,
    /// Unsent messages of a lost peer go to the next peers (PUSH, DEALER, REQ).
    pub requeues: bool,
    /// Incoming messages are admitted when they arrive, not when the application receives
    /// (PUB, XPUB: what arrives there are subscriptions).
    pub eager: bool,
    /// Has a receiving half: received messages wait for the application.
    pub receives: bool,
    /// Unsent messages are dropped at close rather than flushed, unless linger is set (SUB, XSUB).
    pub drops_at_close: bool,
}

impl Kind {
    /// Connecting again to an endpoint is without effect: one connection to a peer does all that
    /// several could (DEALER, REQ, PUB, SUB; as in libzmq).
    pub(crate) const fn connects_once(&self) -> bool {
        matches!(
            self.socket_type,
            SocketType::Dealer | SocketType::Req | SocketType::Pub | SocketType::Sub
        )
    }

    /// Sending and receiving take turns (REQ, REP).
    pub(crate) const fn alternates(&self) -> bool {
        matches!(self.socket_type, SocketType::Req | SocketType::Rep)
    }
}

/// How a pipe came to be, as told to [`Pattern::attach`].
#[derive(Clone, Debug)]
pub enum Origin {
    /// By `connect`: the peer is not known until the first [`Pattern::hiccup`].
    Dialed,
    /// By a listener: the handshake is over.
    Accepted(Arc<Peer>),
    /// Within the process: both sides are known.
    Inproc(Arc<Peer>),
}

impl Origin {
    /// The peer, where it is known already.
    pub fn peer(&self) -> Option<&Arc<Peer>> {
        match self {
            Self::Dialed => None,
            Self::Accepted(peer) | Self::Inproc(peer) => Some(peer),
        }
    }
}

/// What is known about the other side of a pipe after the handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Peer {
    /// The pipe of our socket that leads there.
    pub pipe: PipeId,
    /// The connection, as events name it.
    pub connection: ConnectionId,
    /// The version of ZMTP that it speaks: major, minor. `None` in the same process.
    pub version: Option<Version>,
    /// Its socket type, where it announced one.
    pub socket_type: Option<SocketType>,
    /// The routing id that it announced; empty if none.
    pub routing_id: Part,
    /// Its address as text: `127.0.0.1:40112`; an ipc path that was dialed, or of who was accepted
    /// there `:USER:GROUP:PROCESS`, where the system tells them; or an inproc name.
    pub address: String,
    /// The further properties of its READY: names as sent.
    pub metadata: Vec<(String, Part)>,
    /// Who it is, where whoever decided about it has said so
    /// ([`Builder::authenticator`](crate::Builder::authenticator)).
    pub user: Option<User>,
}

impl Peer {
    /// A peer that has announced nothing: for tests of patterns.
    #[doc(hidden)]
    pub fn silent(pipe: PipeId) -> Self {
        Self {
            pipe,
            connection: ConnectionId(0),
            version: None,
            socket_type: None,
            routing_id: Part::default(),
            address: String::new(),
            metadata: Vec::new(),
            user: None,
        }
    }
}

/// Whether a pipe would take a message now.
///
/// Patterns remember a `false` and ask again only after [`Pattern::writable`].
pub trait Room {
    /// True if a message pushed now would be accepted by this pipe.
    fn has_room(&self, pipe: PipeId) -> bool;
}

impl<F: Fn(PipeId) -> bool> Room for F {
    fn has_room(&self, pipe: PipeId) -> bool {
        self(pipe)
    }
}

/// Where a message goes.
#[derive(Debug)]
pub enum Route<'a> {
    /// To one pipe: without its first `strip` parts, with `prefix` put before the rest.
    To {
        /// The pipe; it has room.
        pipe: PipeId,
        /// How many leading parts are not sent (a ROUTER's routing id).
        strip: usize,
        /// Parts sent before the message (a delimiter, a saved envelope).
        prefix: &'a [Part],
    },
    /// To each of these pipes, whole.
    Each {
        /// The pipes; each has room and is named once.
        pipes: &'a [PipeId],
        /// How many more would have been given it, had they had room: one drop
        /// ([`Dropped::HighWaterMark`]) each. If this is 0 and there are no pipes either, then
        /// nobody wanted the message.
        skipped: usize,
    },
    /// Consumed by the pattern itself (an XSUB's subscription): accepted, and not a drop.
    Done,
    /// Accepted and dropped, for this reason.
    Discard(Dropped),
    /// Nowhere to go now: wait for a peer or for room.
    Park,
    /// Not allowed now.
    Refuse(Refused),
}

/// Why a pattern refuses an operation of the application.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// The message lacks a part that the pattern needs (a ROUTER's routing id).
    #[error("message has too few parts for this socket type")]
    MissingPart,
    /// No peer has the routing id in the first part.
    #[error("no peer has this routing id")]
    NoRoute,
    /// A request is awaited before a reply, or a reply before the next request.
    #[error("operation not allowed in the socket's current state")]
    WrongState,
}

/// Why a message was dropped, one counter each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Dropped {
    /// The pipe's high-water mark was reached (PUB); or nobody had read a notice, beyond the mark,
    /// when its opposite came about (XPUB).
    HighWaterMark,
    /// The socket was closed and linger was over, or it was received and never read.
    Closed,
    /// A later message took its place ([`conflate`](crate::Builder::conflate), or by topic).
    Conflated,
    /// A newer message took its place at the high-water mark (PUB, XPUB, if asked for).
    Displaced,
    /// Malformed for the pattern (a request without delimiter).
    Malformed,
    /// The peer it was for is gone.
    PeerGone,
    /// Nobody wanted it (no subscription matches).
    Unwanted,
    /// A reply that nobody waits for.
    Stale,
}

impl Dropped {
    /// Every reason, in declaration order.
    pub const ALL: [Self; 8] = [
        Self::HighWaterMark,
        Self::Closed,
        Self::Conflated,
        Self::Displaced,
        Self::Malformed,
        Self::PeerGone,
        Self::Unwanted,
        Self::Stale,
    ];
}

/// Why a pattern does not take a pipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// Another peer has this routing id.
    #[error("the routing id is in use by another peer")]
    DuplicateRoutingId,
    /// Another peer came with this routing id, and has taken it over (ROUTER).
    #[error("another peer has taken the routing id over")]
    HandedOver,
    /// The peer has more subscriptions than it may, or longer ones (PUB, XPUB).
    #[error("the peer has too many subscriptions")]
    TooManySubscriptions,
    /// The socket has its one peer already (PAIR).
    #[error("the socket has a peer already")]
    Occupied,
    /// The peer did not take its messages in time, and is not to be waited for (PUB, XPUB).
    #[error("the peer is too slow")]
    TooSlow,
}

/// What became of a message that arrived.
#[derive(Debug)]
pub enum Admit {
    /// For the application, as it is now.
    Deliver,
    /// Not for the application.
    Skip(Dropped),
    /// Consumed by the pattern itself (a subscription).
    Done,
}

/// What a socket could do now without waiting.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Readiness {
    /// A send would be accepted.
    pub send: bool,
    /// The pattern allows receiving in its current state (whether there is a message, the shell
    /// knows).
    pub receive: bool,
}

impl Readiness {
    /// Sending alone: what a [`Poller`](crate::Poller) is told to wait for.
    pub const SEND: Self = Self {
        send: true,
        receive: false,
    };
    /// Receiving alone.
    pub const RECEIVE: Self = Self {
        send: false,
        receive: true,
    };
    /// Either.
    pub const EITHER: Self = Self {
        send: true,
        receive: true,
    };
    /// Neither.
    pub const NEITHER: Self = Self {
        send: false,
        receive: false,
    };

    /// What of `wanted` is so.
    pub(crate) fn of(self, wanted: Self) -> Self {
        Self {
            send: self.send && wanted.send,
            receive: self.receive && wanted.receive,
        }
    }
}

/// An effect that a pattern asks the shell for.
#[derive(Debug)]
#[non_exhaustive]
pub enum Action {
    /// Send this command (SUBSCRIBE, CANCEL), ahead of messages and outside the high-water mark.
    /// Dropped while the pipe has no connection: the next [`Pattern::hiccup`] sends anew.
    Command(PipeId, Command),
    /// The same for what the application has just asked for: written when a message would be, and
    /// so together with others that follow at once.
    Request(PipeId, Command),
    /// Drop every message received on this pipe until now and not admitted yet, each counted as
    /// [`Dropped::Stale`].
    DiscardIncoming(PipeId),
    /// Deliver this to the application, after what was delivered before; beyond the receive
    /// high-water mark it is dropped, and counted.
    Deliver(Message),
    /// End this pipe's connection, as one that the pattern does not take, with this reason. What it
    /// brought can still be received.
    End(PipeId, Refusal),
    /// Deliver this to the application, after what was delivered before: its last part is a byte
    /// that says which of two things has come about, and the subject, to which parts before it
    /// belong. Of two about one subject beyond the receive high-water mark, the later is void if it
    /// says the same, and with its opposite both are: counted as [`Dropped::HighWaterMark`].
    Notify(Message),
    /// Call [`Pattern::refill`] when the commands sent on this pipe until now are with the kernel,
    /// or the peer. Forgotten if the connection is lost before.
    Refill(PipeId),
    /// Call [`Pattern::echoed`] with this number when the peer has taken the commands sent on this
    /// pipe until now. Forgotten if the connection is lost before, or the peer does not answer.
    Echo(PipeId, u64),
    /// Drop what was delivered to the application and not taken yet, counted as
    /// [`Dropped::Stale`]: the pattern has changed its mind.
    Retract,
    /// This is the reply to the request of this number (see [`Asks`]).
    Answer(u32, Message),
    /// Something has become of the request of this number: who waits for its reply looks again.
    Tell(u32),
}

/// The effects collected during one call of a pattern, carried out in order after it.
///
/// Those of [`Pattern::route`] and [`Pattern::reroute`] are carried out before the message is
/// handed to a pipe, so that a quick reply is not taken for an old one.
#[derive(Debug, Default)]
pub struct Actions {
    list: Vec<Action>,
}

impl Actions {
    /// Sends a command on a pipe, at once.
    pub fn command(&mut self, pipe: PipeId, command: Command) {
        self.list.push(Action::Command(pipe, command));
    }

    /// Sends a command that the application has just asked for: of many in a row, several are
    /// written together.
    pub fn request(&mut self, pipe: PipeId, command: Command) {
        self.list.push(Action::Request(pipe, command));
    }

    /// Drops what was received on a pipe and not admitted yet.
    pub fn discard_incoming(&mut self, pipe: PipeId) {
        self.list.push(Action::DiscardIncoming(pipe));
    }

    /// Asks for [`Pattern::refill`]: there are more commands to send on a pipe.
    pub fn refill(&mut self, pipe: PipeId) {
        self.list.push(Action::Refill(pipe));
    }

    /// Asks for [`Pattern::echoed`]: whether a peer has taken what was sent on a pipe until now.
    pub fn echo(&mut self, pipe: PipeId, number: u64) {
        self.list.push(Action::Echo(pipe, number));
    }

    /// Delivers a message to the application.
    pub fn deliver(&mut self, message: Message) {
        self.list.push(Action::Deliver(message));
    }

    /// Ends a pipe's connection.
    pub fn end(&mut self, pipe: PipeId, why: Refusal) {
        self.list.push(Action::End(pipe, why));
    }

    /// Tells the application something that has come about.
    pub fn notify(&mut self, notice: Message) {
        self.list.push(Action::Notify(notice));
    }

    /// Takes back what was delivered to the application and not taken yet.
    pub fn retract(&mut self) {
        self.list.push(Action::Retract);
    }

    /// Gives a request its reply.
    pub fn answer(&mut self, request: u32, reply: Message) {
        self.list.push(Action::Answer(request, reply));
    }

    /// Whoever waits for the reply to a request looks what has become of it.
    pub fn tell(&mut self, request: u32) {
        self.list.push(Action::Tell(request));
    }

    /// Takes what was collected.
    pub fn drain(&mut self) -> std::vec::Drain<'_, Action> {
        self.list.drain(..)
    }

    /// True if nothing was asked for.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}

/// A socket type's behaviour. See the module documentation for the order of calls.
///
/// Every method is called under the socket's lock: it must not wait, do I/O, read a clock or run
/// user code, and is O(1) amortised (fan-out: O(topic + matches)).
pub trait Pattern: Default + Send + 'static {
    /// What is fixed about this socket type.
    const KIND: Kind;

    /// Whether what is taken back from lost peers ([`Kind::requeues`]) is shown to
    /// [`returned`](Self::returned), which costs decoding it.
    const EXAMINES: bool = false;

    /// Called once, before anything else: random numbers are to be had here.
    fn seed(&mut self, random: &dyn Fn() -> u64) {
        let _ = random;
    }

    /// True: incoming messages are admitted when they arrive, as those of [`Kind::eager`] types
    /// are. Once true, true for good.
    #[inline]
    fn admits_early(&self) -> bool {
        false
    }

    /// A message that was not sent came back from a peer that is lost; `lost` or `detach` of that
    /// peer follows. True: it goes where [`OnPeerLost`](crate::OnPeerLost) says. False: it is
    /// dropped ([`Dropped::PeerGone`]).
    fn returned(&mut self, pipe: PipeId, message: &Message, then: &mut Actions) -> bool {
        let _ = (pipe, message, then);
        true
    }

    /// A pipe came. An error refuses it: the pipe is closed and `detach` is not called.
    fn attach(&mut self, pipe: PipeId, origin: &Origin, then: &mut Actions) -> Result<(), Refusal>;

    /// A dialed pipe has a (new) connection: learn the peer, subscribe again. `lost` came before,
    /// unless this is the first. An error ends the connection; the pipe stays and dials again.
    fn hiccup(
        &mut self,
        pipe: PipeId,
        peer: &Arc<Peer>,
        then: &mut Actions,
    ) -> Result<(), Refusal> {
        let _ = (pipe, peer, then);
        Ok(())
    }

    /// So many messages that a dialed pipe has brought, by the connections that it had before, are
    /// not admitted yet; [`hiccup`](Self::hiccup) follows, with the next peer.
    fn unread(&mut self, pipe: PipeId, messages: u64) {
        let _ = (pipe, messages);
    }

    /// A dialed pipe lost its connection and stays: it will have another one later. Whatever
    /// belonged to that connection is to be forgotten now: a pending reply, the peer's
    /// subscriptions.
    fn lost(&mut self, pipe: PipeId, then: &mut Actions) {
        let _ = (pipe, then);
    }

    /// The pipe has taken the commands sent until now, and the pattern had
    /// [more](Actions::refill) to send: a long list of commands goes out in pieces of a few KiB, so
    /// that neither the lock is held for long nor the list made at once. Stale after `lost`: then
    /// there is nothing to send, or another list.
    fn refill(&mut self, pipe: PipeId, then: &mut Actions) {
        let _ = (pipe, then);
    }

    /// The peer has taken the commands that had been sent on this pipe when
    /// [asked](Actions::echo) under this number. May come late, from the connection before.
    fn echoed(&mut self, pipe: PipeId, number: u64) {
        let _ = (pipe, number);
    }

    /// A pipe takes no more messages; `detach` follows when those received before are admitted.
    /// False: none of them is wanted.
    fn ending(&mut self, pipe: PipeId, then: &mut Actions) -> bool {
        let _ = (pipe, then);
        true
    }

    /// A pipe is gone for good.
    fn detach(&mut self, pipe: PipeId, then: &mut Actions);

    /// The pipe may have room again. A hint: it may repeat or be stale, but it always comes once a
    /// pipe that [`Room`] called full has room again, before the next `route`.
    fn writable(&mut self, pipe: PipeId) {
        let _ = pipe;
    }

    /// The pipe has incoming messages. A hint: it may repeat or be stale.
    fn readable(&mut self, pipe: PipeId) {
        let _ = pipe;
    }

    /// The pipe that [`next`](Self::next) named turned out to have no message now; `readable` will
    /// name it again.
    fn drained(&mut self, pipe: PipeId) {
        let _ = pipe;
    }

    /// A SUBSCRIBE or CANCEL arrived (only for [`Kind::eager`] types).
    fn command(&mut self, pipe: PipeId, command: Command, then: &mut Actions) {
        let _ = (pipe, command, then);
    }

    /// Where does this message go? Changes the state only if the answer is `To`, `Each`,
    /// `Done` or `Discard`.
    fn route(&mut self, message: &Message, room: &dyn Room, then: &mut Actions) -> Route<'_>;

    /// Where does a message go that was taken back from a lost peer ([`Kind::requeues`])? It
    /// carries its envelope already. `None`: nowhere now.
    fn reroute(&mut self, room: &dyn Room, then: &mut Actions) -> Option<PipeId> {
        let _ = (room, then);
        None
    }

    /// What this pipe was sent and not given comes back to the application, or is dropped
    /// ([`OnPeerLost`](crate::OnPeerLost)): nobody will answer it.
    fn withdrawn(&mut self, pipe: PipeId) {
        let _ = pipe;
    }

    /// Why nothing may be sent now, whoever has room: asked while a message that was taken back
    /// ([`Kind::requeues`]) has nowhere to go, for new ones are behind it.
    fn refusal(&self) -> Option<Refused> {
        None
    }

    /// Whose head is to be taken next; `None`: nobody has one; an error: receiving is not allowed
    /// now.
    fn next(&mut self) -> Result<Option<PipeId>, Refused>;

    /// A message of this pipe, in order; changed in place where the application gets it in another
    /// form. Called for the pipe named by `next` (or at arrival for eager types). The turn passes
    /// to the next pipe.
    fn admit(&mut self, pipe: PipeId, message: &mut Message, then: &mut Actions) -> Admit;

    /// The application is given this message, delivered before.
    fn taken(&mut self, message: &mut Message) {
        let _ = message;
    }

    /// How long a message waits at most for those without room ([`Route::Park`]), after which
    /// [`hurry`](Self::hurry) is called and the message routed again. `None`: as long as its sender
    /// does.
    fn patience(&self) -> Option<Duration> {
        None
    }

    /// The message that is routed next has waited long enough.
    fn hurry(&mut self) {}

    /// How many messages a pipe was not given for lack of room.
    fn missed(&self, pipe: PipeId) -> u64 {
        let _ = pipe;
        0
    }

    /// What could be done now without waiting; exact.
    fn readiness(&self, room: &dyn Room) -> Readiness;
}

/// Socket types with which several requests can be under way at once, each waiting for its own
/// reply. A reply is handed over by [`Actions::answer`].
pub trait Asks: Sends + Receives {
    /// Opens a request: its number, which no other open one has. From the first one on the pattern
    /// [admits early](Pattern::admits_early).
    fn open(&mut self) -> u32;

    /// Whom to ask? [`Route::To`], or [`Route::Park`], from which on the request is
    /// [unasked](Progress::Unasked). It may be asked again; a reply of anybody who was asked
    /// counts.
    fn ask(&mut self, request: u32, room: &dyn Room, then: &mut Actions) -> Route<'_>;

    /// What has become of a request that has no reply.
    fn progress(&self, request: u32) -> Progress;

    /// Nobody waits for this reply any more. Unknown numbers are ignored.
    fn forget(&mut self, request: u32);
}

/// What has become of a request, as long as there is no reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Nobody was asked, or the request came back unsent, or nobody had room when it was to be
    /// asked again: it is to be asked (again).
    Unasked,
    /// Somebody was asked.
    Asked,
    /// Who was asked last is gone, and may have had the request.
    Lost,
}

/// Socket types whose queues may be [conflated](crate::Builder::conflate).
#[diagnostic::on_unimplemented(
    message = "this socket type cannot keep the last message only",
    label = "PUB, SUB, PUSH, PULL and DEALER sockets can"
)]
pub trait Conflates: Pattern {}

/// Socket types that can send.
#[diagnostic::on_unimplemented(
    message = "this socket type has no sending half",
    label = "PULL and SUB sockets only receive"
)]
pub trait Sends: Pattern {}

/// Socket types whose messages may go to another peer instead ([`Kind::requeues`]).
#[diagnostic::on_unimplemented(
    message = "this socket type gives no peer's messages to another",
    label = "PUSH, DEALER and REQ sockets do"
)]
pub trait Requeues: Sends {
    /// Takes off what the pattern had put before a message of the application.
    fn restore(message: &mut Message) {
        let _ = message;
    }
}

/// Socket types that can receive.
#[diagnostic::on_unimplemented(
    message = "this socket type has no receiving half",
    label = "PUSH and PUB sockets only send"
)]
pub trait Receives: Pattern {}
