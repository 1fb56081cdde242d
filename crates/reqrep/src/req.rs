//! REQ: one request, then its reply, strictly in turn; and requests side by side.
//!
//! ```text
//!            route (envelope before the request)           admit (the asked peer's reply)
//!   Idle ─────────────────────────────────────────► Asked ─────────────────────────────► Answered
//!    ▲                                             │     ▲ relaxed: another request           │
//!    │                                             └─────┘                                    │
//!    └────────────────────────── taken (the application has it) ──────────────────────────────┘
//! ```
//!
//! Only the asked peer's reply counts; what others send is dropped as stale. If the asked peer is
//! gone for good, any peer's reply is accepted. What anybody had sent before a request is dropped
//! when that is routed, so a surplus reply is never taken for the reply to a later request.
//!
//! The envelope is a delimiter; if correlated, the request's id (four bytes) and a delimiter. Any
//! REP, and any ROUTER that keeps envelopes, returns it with the reply. [`Asks`] is the second way:
//! each request of [`requests`] has an id, from the same counter, so the two ways tell their
//! replies apart by the envelope and do not disturb each other.

mod requests;

use std::sync::Arc;

use ferromq_core::strategy::{FairQueue, RoundRobin};
use ferromq_core::{
    Actions, Adjusts, Admit, Asks, Builder, Dropped, Kind, Message, Origin, Part, Pattern, Peer,
    PipeId, Progress, Readiness, Receives, Refusal, Refused, Requeues, Room, Route, Sends,
    SocketType, socket_type,
};

use requests::Requests;

/// The behaviour of a REQ socket.
#[derive(Debug, Default)]
pub struct ReqPattern {
    settings: ReqSettings,
    outgoing: RoundRobin,
    incoming: FairQueue,
    state: State,
    /// The id of the latest request of either way.
    id: u32,
    /// The application's one request has an id, and which, whatever the next one will have.
    correlated: bool,
    asked_id: u32,
    /// An id and a delimiter, as last sent.
    envelope: [Part; 2],
    requests: Requests,
}

/// The options of REQ sockets alone, set by [`ReqOptions`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReqSettings {
    relaxed: bool,
    correlate: bool,
}

/// What the builder of a [`Req`] has beside the options of all sockets. Both are about `send` and
/// `recv`; [`request`](ferromq_core::Socket::request) correlates always.
pub trait ReqOptions: Sized {
    /// Whether another request may be sent before the reply to the one before is received: that one
    /// is given up. Without [`correlate`](Self::correlate), a late reply of the peer that is asked
    /// again is taken for the newer request's, as in libzmq. Default: false.
    #[doc(alias = "ZMQ_REQ_RELAXED")]
    fn relaxed(self, relaxed: bool) -> Self;

    /// Whether requests carry an id (four bytes, before the delimiter) which the reply has to have:
    /// others are dropped as stale. REP returns it; a ROUTER application has to. Default: false.
    #[doc(alias = "ZMQ_REQ_CORRELATE")]
    fn correlate(self, correlate: bool) -> Self;

    /// Whether each new peer is sent an empty message first: so a ROUTER that was dialed learns
    /// that we are there. Others drop it. Default: false.
    #[doc(alias = "ZMQ_PROBE_ROUTER")]
    fn probe_router(self, probe: bool) -> Self;
}

impl ReqOptions for Builder<Req> {
    fn relaxed(self, relaxed: bool) -> Self {
        self.set(|settings| settings.relaxed = relaxed)
    }

    fn correlate(self, correlate: bool) -> Self {
        self.set(|settings| settings.correlate = correlate)
    }

    fn probe_router(self, probe: bool) -> Self {
        self.announce(|messages| messages.probe = probe)
    }
}

impl From<ReqSettings> for ReqPattern {
    fn from(settings: ReqSettings) -> Self {
        Self {
            settings,
            ..Self::default()
        }
    }
}

impl Adjusts<ReqSettings> for ReqPattern {
    fn settings(&self) -> ReqSettings {
        self.settings
    }

    fn adjust(&mut self, settings: ReqSettings) -> Result<(), &'static str> {
        self.settings = settings;
        Ok(())
    }
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

    const EXAMINES: bool = true;

    /// Ids begin anywhere: a reply to who had our routing id before is not taken for ours.
    fn seed(&mut self, random: &dyn Fn() -> u64) {
        self.id = (random() >> 32) as u32;
    }

    fn admits_early(&self) -> bool {
        self.requests.have_begun()
    }

    /// The application's one request goes elsewhere, unless another one has taken its place:
    /// without ids, that one was asked of somebody else, or both are asked again, the later one
    /// last. Of those side by side each asker asks anew.
    fn returned(&mut self, pipe: PipeId, message: &Message, then: &mut Actions) -> bool {
        match id_of(message) {
            Some(id) if self.correlated && id == self.asked_id => true,
            Some(id) => self.requests.unsent(id, pipe, then),
            None => self.state == State::Asked(Some(pipe)),
        }
    }

    fn attach(&mut self, pipe: PipeId, origin: &Origin, _: &mut Actions) -> Result<(), Refusal> {
        self.outgoing.attach(pipe);
        if origin.peer().is_some() {
            self.requests.connected(pipe);
        }
        Ok(())
    }

    fn hiccup(&mut self, pipe: PipeId, _: &Arc<Peer>, _: &mut Actions) -> Result<(), Refusal> {
        self.outgoing.restored(pipe);
        self.requests.connected(pipe);
        Ok(())
    }

    fn lost(&mut self, pipe: PipeId, then: &mut Actions) {
        self.outgoing.lost(pipe);
        self.requests.lost(pipe, then);
    }

    /// It is given nothing more, and keeps no other from it.
    fn ending(&mut self, pipe: PipeId, _: &mut Actions) -> bool {
        self.outgoing.lost(pipe);
        true
    }

    fn detach(&mut self, pipe: PipeId, then: &mut Actions) {
        self.outgoing.detach(pipe);
        self.incoming.detach(pipe);
        self.requests.detach(pipe, then);
        if self.state == State::Asked(Some(pipe)) {
            self.state = State::Asked(None);
        }
    }

    fn writable(&mut self, pipe: PipeId) {
        self.outgoing.writable(pipe);
        self.requests.writable(pipe);
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
        let Some(pipe) = self.ask_one(room, then) else {
            return Route::Park;
        };
        let correlate = self.settings.correlate;
        self.correlated = correlate;
        if correlate {
            self.asked_id = self.next_id();
            self.envelope[0] = id_part(self.asked_id);
        }
        Route::To {
            pipe,
            strip: 0,
            prefix: match correlate {
                true => &self.envelope,
                false => self.envelope.get(1..).unwrap_or_default(),
            },
        }
    }

    /// The request that came back is asked again, elsewhere. If it was answered meanwhile, it is
    /// sent for nothing, and the reply is dropped as stale.
    fn reroute(&mut self, room: &dyn Room, then: &mut Actions) -> Option<PipeId> {
        match self.state {
            State::Asked(_) => self.ask_one(room, then),
            State::Idle | State::Answered => self.outgoing.pick(room),
        }
    }

    /// The request was never asked: another one may be.
    fn withdrawn(&mut self, pipe: PipeId) {
        if self.state == State::Asked(Some(pipe)) {
            self.state = State::Idle;
        }
    }

    fn refusal(&self) -> Option<Refused> {
        (self.state != State::Idle && !self.settings.relaxed).then_some(Refused::WrongState)
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
    fn admit(&mut self, pipe: PipeId, message: &mut Message, then: &mut Actions) -> Admit {
        self.incoming.served(pipe);
        let id = id_of(message);
        if let Some(id) = id
            && let Some(settled) = self.requests.settle(id, pipe, message, then)
        {
            return settled;
        }
        match self.state {
            State::Asked(asked) if asked.is_none_or(|asked| asked == pipe) => {}
            _ => return Admit::Skip(Dropped::Stale),
        }
        match id {
            Some(id) if self.correlated && id == self.asked_id => message.pop_front(),
            Some(_) if self.correlated || self.requests.have_begun() => {
                return Admit::Skip(Dropped::Stale);
            }
            None if self.correlated => return Admit::Skip(Dropped::Malformed),
            _ => None,
        };
        let delimiter = message.pop_front();
        if !delimiter.is_some_and(|part| part.is_empty()) || message.is_empty() {
            return Admit::Skip(Dropped::Malformed);
        }
        self.state = State::Answered;
        Admit::Deliver
    }

    fn taken(&mut self, _: &mut Message) {
        if self.state == State::Answered {
            self.state = State::Idle;
        }
    }

    fn readiness(&self, room: &dyn Room) -> Readiness {
        let idle = self.state == State::Idle;
        Readiness {
            send: (idle || self.settings.relaxed) && self.outgoing.has_room(room),
            receive: !idle,
        }
    }
}

impl Sends for ReqPattern {}
impl Receives for ReqPattern {}

impl Asks for ReqPattern {
    fn open(&mut self) -> u32 {
        let id = self.next_id();
        self.requests.open(id);
        id
    }

    fn ask(&mut self, request: u32, room: &dyn Room, _: &mut Actions) -> Route<'_> {
        let Some(pipe) = self.requests.ask(request, room) else {
            return Route::Park;
        };
        self.envelope[0] = id_part(request);
        Route::To {
            pipe,
            strip: 0,
            prefix: &self.envelope,
        }
    }

    fn progress(&self, request: u32) -> Progress {
        self.requests.progress(request)
    }

    fn forget(&mut self, request: u32) {
        self.requests.forget(request);
    }
}

impl Requeues for ReqPattern {
    fn restore(message: &mut Message) {
        if id_of(message).is_some() {
            message.pop_front();
        }
        message.pop_front();
    }
}

socket_type! {
    /// A REQ socket: sends a request to a REP or ROUTER peer, then receives its reply, in turn.
    ///
    /// Sending or receiving out of turn fails with [`Refused::WrongState`]. Requests go to the
    /// peers round robin; with no peer, or none that has room, `send` waits. If the asked peer
    /// never answers, the socket keeps waiting, as RFC 28 says.
    ///
    /// [`request`](ferromq_core::Socket::request) does both in one call and cannot be stuck: it has
    /// a timeout, notices a peer that is gone, asks again if it is told to, and many of them may be
    /// under way at once. The two ways may be mixed on one socket: neither sees the other's
    /// replies, nor takes part in its turns.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use ferromq_core::{Context, RequestErrorKind};
    /// use ferromq_reqrep::{Rep, Req};
    ///
    /// let context = Context::new();
    /// let (client, server) = (Req::new(&context), Rep::new(&context));
    /// client.connect(server.bind("tcp://127.0.0.1:*")?)?;
    /// std::thread::spawn(move || {
    ///     let question = server.recv()?;
    ///     assert_eq!(question.part_str(0), Ok("Are you OK?"));
    ///     server.send("I am OK!")?;
    ///     Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// });
    /// let reply = client.request("Are you OK?").wait()?;
    /// assert_eq!(reply.part_str(0), Ok("I am OK!"));
    ///
    /// let lonely = Req::new(&context);
    /// let request = lonely.request("Anybody?").timeout(Duration::from_millis(10));
    /// let error = request.retries(1).wait().unwrap_err();
    /// assert_eq!(error.kind, RequestErrorKind::NotSent);
    /// assert_eq!(error.message.part_str(0), Ok("Anybody?")); // to be asked elsewhere
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "ZMQ_REQ")]
    pub struct Req(ReqPattern) with ReqSettings;
}

impl ReqPattern {
    /// Chooses the peer for the application's one request and waits for its reply from now on.
    fn ask_one(&mut self, room: &dyn Room, then: &mut Actions) -> Option<PipeId> {
        let pipe = self.outgoing.pick(room)?;
        if self.state == State::Answered {
            then.retract();
        }
        // Where replies are admitted as they come, there are none to be discarded but others'.
        if !self.requests.have_begun() {
            then.discard_incoming(pipe);
            let others = self.incoming.pipes().filter(|other| *other != pipe);
            others.for_each(|other| then.discard_incoming(other));
        }
        self.state = State::Asked(Some(pipe));
        Some(pipe)
    }

    fn next_id(&mut self) -> u32 {
        loop {
            self.id = self.id.wrapping_add(1);
            if !self.requests.is_open(self.id) {
                return self.id;
            }
        }
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

/// The id in a message's envelope, if that has the form of a correlated request's.
fn id_of(message: &Message) -> Option<u32> {
    let id = message.part(0)?.as_bytes().try_into().ok()?;
    let delimiter = message.part(1)?;
    delimiter.is_empty().then(|| u32::from_ne_bytes(id))
}

fn id_part(id: u32) -> Part {
    Part::from(id.to_ne_bytes())
}

#[cfg(test)]
mod tests;
