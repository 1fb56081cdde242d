//! One stream endpoint's life on its I/O thread: dial, shake hands, carry messages, part, try
//! again.
//!
//! ```text
//!            ┌────────────── pause ◄───────────┐ (dialed only)
//!            ▼                                 │
//!   Resolving ─► Dialing ─► Shaking ─► Live ─► Orphan? ─► over (accepted)
//!                              ▲        │
//!          accepted ───────────┘        └─► Parting ─► over (closing)
//!                              └─► Refusing ─► pause (dialed), over (accepted)
//! ```
//!
//! *Dialing*: a race of the endpoint's addresses, which are looked up anew each time.
//!
//! *Refusing* and *Parting*: everything is said, and what the peer still sends is dropped, until it
//! ends: a plain close with unread input would make the kernel drop what it has accepted from us.
//!
//! *Orphan*: the connection is over, but a thread is still inside a write to it; its queue is
//! touched only when that thread has left. *Leaving*: the same at the end of the session.

mod arriving;
mod asking;
mod beating;
mod dialing;

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ferromq_transport::Endpoint;
use ferromq_wire::{Established, HandshakeConfig, Heartbeat, Incoming, Message};
use smallvec::SmallVec;

use super::IoHandle;
use super::entrance::Seat;
use super::racing::Race;
use super::shaking::{Progress, Shaking};
use super::socks::Socks;
use super::timers::Timers;
use crate::authentication;
use crate::close::Life;
use crate::connection::{Connection, Turned, Watch, tell};
use crate::event::{ConnectionId, Event, Reason};
use crate::options::Options;
use crate::pattern::{Dropped, Origin, Refusal};
use crate::pipe::{Link, Rest, StreamPipe};
use crate::pool;
use crate::port::{Note, Port};
use crate::world::{Interest, Reactor, Stream, World, is_for_later};

/// How long the reading side of a connection may live on after a write to it has failed.
const AFTER_WRITE_ERROR: Duration = Duration::from_secs(1);

/// How long a connection that a receiver has left is not looked after.
const LEFT: Duration = Duration::from_millis(2);

/// How long a peer that is refused may go on sending before the stream is just closed.
const AFTER_REFUSAL: Duration = Duration::from_secs(1);

/// How often a closing session looks whether the last writer has left.
const PARTING_LOOK: Duration = Duration::from_millis(1);

/// What a session may use of its I/O thread.
pub(super) struct Context<'a> {
    pub(super) world: &'a Arc<dyn World>,
    pub(super) reactor: &'a Arc<dyn Reactor>,
    pub(super) timers: &'a mut Timers,
    pub(super) io: &'a IoHandle,
    pub(super) now: Instant,
    pub(super) scratch: &'a mut Vec<u8>,
}

/// Whether a session goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(super) enum Fate {
    Lives,
    Over,
}

/// A dialed endpoint, or an accepted connection.
pub(super) struct Session {
    key: u64,
    port: Life,
    endpoint: Endpoint,
    options: Arc<Options>,
    role: Role,
    phase: Phase,
    pipe: Option<Arc<StreamPipe>>,
    connection: ConnectionId,
    /// How many attempts have failed, or made a connection that ended soon.
    attempt: u32,
    /// When there was a connection last, unless the pause after that is known.
    established: Option<Instant>,
    deadline: Option<Instant>,
    left: Option<Instant>,
    /// When the heartbeats of the connection are looked at.
    beat: Option<Instant>,
    /// Until when the peer is to speak first.
    silent: Option<Instant>,
    /// A write to the connection failed: the deadline ends it, unless its end is read before.
    write_failed: bool,
    /// The application closes: the end of linger.
    closing: Option<Instant>,
}

enum Role {
    Dialed,
    Accepted { by: u64, seat: Arc<Seat> },
}

enum Phase {
    Resolving,
    Dialing(Race),
    Shaking(Box<Shaking>),
    Refusing(Arc<dyn Stream>),
    Live(Arc<Connection>),
    Orphan,
    Leaving,
    Pausing,
    Parting(Arc<dyn Stream>),
}

impl Session {
    /// A session that looks for its endpoint at once.
    pub(super) fn dial(
        pipe: Arc<StreamPipe>,
        endpoint: Endpoint,
        port: Life,
        cx: &mut Context<'_>,
    ) -> Self {
        let options = Arc::clone(&pipe.options);
        let mut session = Self::new(pipe.key, port, endpoint, options, Role::Dialed);
        session.pipe = Some(pipe);
        session.resolve(cx);
        session
    }

    fn new(key: u64, port: Life, endpoint: Endpoint, options: Arc<Options>, role: Role) -> Self {
        Self {
            key,
            port,
            endpoint,
            options,
            role,
            phase: Phase::Pausing,
            pipe: None,
            connection: ConnectionId(0),
            attempt: 0,
            established: None,
            deadline: None,
            left: None,
            beat: None,
            silent: None,
            write_failed: false,
            closing: None,
        }
    }

    /// The reactor reported this session's stream.
    pub(super) fn handle_ready(
        &mut self,
        readable: bool,
        writable: bool,
        cx: &mut Context<'_>,
    ) -> Fate {
        match &mut self.phase {
            Phase::Dialing(_) => self.go_on_dialing(cx),
            Phase::Shaking(_) => self.go_on_shaking(cx),
            Phase::Live(connection) => {
                let connection = Arc::clone(connection);
                self.go_on_live(&connection, readable, writable, cx)
            }
            Phase::Refusing(stream) | Phase::Parting(stream) => {
                let stream = Arc::clone(stream);
                self.discard(&*stream, cx)
            }
            Phase::Resolving | Phase::Orphan | Phase::Leaving | Phase::Pausing => Fate::Lives,
        }
    }

    /// A deadline of this session may have passed.
    pub(super) fn handle_timer(&mut self, cx: &mut Context<'_>) -> Fate {
        if self.closing.is_some_and(|until| cx.now >= until) {
            self.port.closing.cut_short();
            return self.finish();
        }
        if self.left.is_some_and(|at| cx.now >= at) && self.look_after_left(cx) == Fate::Over {
            return Fate::Over;
        }
        if self.beat.is_some_and(|at| cx.now >= at) && self.handle_beat(cx) == Fate::Over {
            return Fate::Over;
        }
        if self.silent.is_some_and(|at| cx.now >= at) && self.speak_up(cx) == Fate::Over {
            return Fate::Over;
        }
        if self.deadline.is_none_or(|at| cx.now < at) {
            return Fate::Lives;
        }
        self.deadline = None;
        match &self.phase {
            Phase::Pausing => {
                self.resolve(cx);
                Fate::Lives
            }
            Phase::Dialing(_) => self.go_on_dialing(cx),
            Phase::Shaking(_) => self.fail_shake(Reason::TimedOut, cx),
            Phase::Refusing(_) => self.leave(cx),
            Phase::Live(_) if !self.write_failed => self.look_at_parting(cx),
            Phase::Live(connection) => {
                let connection = Arc::clone(connection);
                self.end(&connection, Reason::Io(io::ErrorKind::BrokenPipe), cx)
            }
            _ => Fate::Lives,
        }
    }

    /// Somebody asks for what is queued to be written.
    pub(super) fn handle_write(&mut self, held: bool, cx: &mut Context<'_>) -> Fate {
        let Some(pipe) = &self.pipe else {
            return Fate::Lives;
        };
        if held {
            pipe.write();
        } else {
            pipe.flush();
        }
        self.look_at_parting(cx)
    }

    /// A writer found the kernel's buffer full.
    pub(super) fn handle_blocked(&mut self, cx: &mut Context<'_>) -> Fate {
        if let Phase::Live(connection) = &self.phase
            && let Err(error) = connection.watch_write()
        {
            let connection = Arc::clone(connection);
            return self.end(&connection, Reason::Io(error.kind()), cx);
        }
        Fate::Lives
    }

    /// A write failed: what the peer sent before is read first; then its end is seen there. (Who
    /// tells may come so late that there is another connection.)
    pub(super) fn handle_write_failed(&mut self, cx: &mut Context<'_>) -> Fate {
        let failed = self.pipe.as_ref().is_some_and(|pipe| pipe.out.has_failed());
        if failed && matches!(self.phase, Phase::Live(_)) {
            self.write_failed = true;
            self.set_deadline(cx.now + AFTER_WRITE_ERROR, cx);
            return self.handle_resume(cx);
        }
        Fate::Lives
    }

    /// The commands of the connection are written: the socket is told, from here and not by who
    /// wrote them, so that no sender has to write the whole list.
    pub(super) fn handle_refill(&mut self) -> Fate {
        if let (Phase::Live(_), Some(pipe)) = (&self.phase, &self.pipe) {
            self.port.post(Note::Refill(pipe.id));
        }
        Fate::Lives
    }

    /// The peer has answered. The socket is told from here: who reads holds the read lock.
    pub(super) fn handle_echoed(&mut self, number: u64) -> Fate {
        if let (Phase::Live(_), Some(pipe)) = (&self.phase, &self.pipe) {
            self.port.post(Note::Echoed(pipe.id, number));
        }
        Fate::Lives
    }

    /// The application has made room, or asks to read on here.
    pub(super) fn handle_resume(&mut self, cx: &mut Context<'_>) -> Fate {
        let Phase::Live(connection) = &self.phase else {
            return Fate::Lives;
        };
        let connection = Arc::clone(connection);
        self.read(&connection, cx)
    }

    /// A receiver has left the connection: look after it unless it comes back soon.
    pub(super) fn handle_left(&mut self, cx: &mut Context<'_>) -> Fate {
        let at = cx.now + LEFT;
        self.left = Some(at);
        cx.timers.set(at, self.key);
        Fate::Lives
    }

    fn look_after_left(&mut self, cx: &mut Context<'_>) -> Fate {
        self.left = None;
        let Phase::Live(connection) = &self.phase else {
            return Fate::Lives;
        };
        let connection = Arc::clone(connection);
        match connection.take_over() {
            None => self.handle_left(cx),
            Some(true) => self.read(&connection, cx),
            Some(false) => Fate::Lives,
        }
    }

    /// The last writer has left the queue of a lost connection.
    pub(super) fn handle_orphaned(&mut self, cx: &mut Context<'_>) -> Fate {
        match self.phase {
            Phase::Orphan => self.after_end(cx),
            Phase::Leaving => self.let_go(),
            _ => Fate::Lives,
        }
    }

    /// The pattern did not take the peer that came by this connection.
    pub(super) fn handle_refused(
        &mut self,
        refused: ConnectionId,
        refusal: Refusal,
        cx: &mut Context<'_>,
    ) -> Fate {
        match &self.phase {
            Phase::Live(connection) if refused == self.connection => {
                let connection = Arc::clone(connection);
                self.end(&connection, Reason::Refusal(refusal), cx)
            }
            _ => Fate::Lives,
        }
    }

    /// Another handshake takes the place of this one, unless the rest of it has come by now.
    pub(super) fn handle_displaced(&mut self, cx: &mut Context<'_>) -> Fate {
        if self.go_on_shaking(cx) == Fate::Over {
            return Fate::Over;
        }
        match self.phase {
            Phase::Shaking(_) => self.fail_shake(Reason::Displaced, cx),
            Phase::Refusing(_) => self.leave(cx),
            _ => Fate::Lives,
        }
    }

    /// The application closes: flush until `until`, and take nothing more. What the peer sends that
    /// nobody will receive is read on and dropped: it may have to send before it reads.
    pub(super) fn handle_close(&mut self, until: Instant, cx: &mut Context<'_>) -> Fate {
        if self.closing.is_some() {
            return self.handle_resume(cx);
        }
        self.closing = Some(until);
        cx.timers.set(until, self.key);
        let unsent = self.pipe.as_ref().is_some_and(|pipe| {
            pipe.out.kill();
            pipe.out.queued() > 0
        });
        match &self.phase {
            Phase::Live(_) if cx.now < until => match self.handle_resume(cx) {
                Fate::Lives => self.look_at_parting(cx),
                Fate::Over => Fate::Over,
            },
            Phase::Parting(_) | Phase::Orphan | Phase::Leaving => Fate::Lives,
            _ if unsent && cx.now < until => Fate::Lives,
            _ => self.finish(),
        }
    }

    /// Ends at once.
    pub(super) fn finish(&mut self) -> Fate {
        let live = match std::mem::replace(&mut self.phase, Phase::Pausing) {
            Phase::Live(connection) => Some(connection),
            Phase::Parting(stream) | Phase::Refusing(stream) => {
                stream.shutdown();
                None
            }
            Phase::Dialing(race) => {
                race.give_up();
                None
            }
            Phase::Shaking(shaking) => {
                shaking.stream.shutdown();
                self.report_shake(Reason::Closed);
                None
            }
            Phase::Resolving | Phase::Orphan | Phase::Leaving | Phase::Pausing => None,
        };
        if let Some(connection) = live {
            connection.retire(Reason::Closed);
            connection.stream.shutdown();
            self.report_end(Reason::Closed);
        }
        self.let_go()
    }

    fn shake(&mut self, stream: Arc<dyn Stream>, cx: &mut Context<'_>) -> io::Result<()> {
        let kind = self.port.kind;
        let options = &self.options;
        let mut config = HandshakeConfig::new(kind.socket_type);
        config.routing_id = kind
            .announces_routing_id
            .then(|| options.routing_id.clone().unwrap_or_default());
        config.metadata = options.metadata.clone();
        config.limits = options.limits;
        config.minimum = options.min_zmtp;
        config.as_server = options.security.is_server();
        let asks = authentication::asks_about_null(options);
        let answers = matches!(&self.role, Role::Accepted { seat, .. } if seat.is_late());
        let mechanism = options.security.mechanism(asks, answers, &**cx.world)?;
        let socks = match (&self.role, &self.endpoint) {
            (Role::Dialed, Endpoint::Tcp(target)) => {
                let proxy = options.proxy_for(&self.endpoint);
                proxy.map(|proxy| Socks::new(proxy, target))
            }
            _ => None,
        };
        let shaking = Shaking::new(stream, config, mechanism, socks);
        self.phase = Phase::Shaking(Box::new(shaking));
        if !options.handshake_timeout.is_zero() {
            self.set_deadline(cx.now + options.handshake_timeout, cx);
        }
        if answers {
            self.listen_first(cx);
        }
        Ok(())
    }

    pub(super) fn go_on_shaking(&mut self, cx: &mut Context<'_>) -> Fate {
        let Phase::Shaking(shaking) = &mut self.phase else {
            return Fate::Lives;
        };
        match shaking.advance(cx.reactor, self.key) {
            Ok(Progress::Waits) => Fate::Lives,
            Ok(Progress::Asks(claim)) => {
                self.ask(claim, cx);
                self.go_on_shaking(cx)
            }
            Ok(Progress::Over(established)) => self.establish(*established, cx),
            Err(reason) => self.fail_shake(reason, cx),
        }
    }

    fn fail_shake(&mut self, reason: Reason, cx: &mut Context<'_>) -> Fate {
        self.report_denied(reason);
        let Phase::Shaking(shaking) = &self.phase else {
            return Fate::Lives;
        };
        let stream = Arc::clone(&shaking.stream);
        self.phase = Phase::Refusing(Arc::clone(&stream));
        self.report_shake(reason);
        if !reason.is_told() || stream.shutdown_write().is_err() {
            return self.leave(cx);
        }
        self.set_deadline(cx.now + AFTER_REFUSAL, cx);
        self.discard(&*stream, cx)
    }

    /// Nothing is to be expected of the stream any more.
    fn leave(&mut self, cx: &mut Context<'_>) -> Fate {
        if let Phase::Refusing(stream) | Phase::Parting(stream) = &self.phase {
            stream.shutdown();
        }
        let refused = matches!(self.phase, Phase::Refusing(_));
        match self.role {
            Role::Dialed if refused && self.options.reconnect.stop.handshake_failed => {
                self.let_go()
            }
            Role::Dialed if refused => self.pause(cx),
            _ => self.let_go(),
        }
    }

    fn report_shake(&self, reason: Reason) {
        self.port.counters.fail_handshake();
        self.port.events.report(|| Event::HandshakeFailed {
            connection: self.connection,
            endpoint: self.endpoint.clone(),
            reason,
            initiator: reason.initiator(),
        });
    }

    fn report_end(&self, reason: Reason) {
        self.port.events.report(|| Event::Disconnected {
            connection: self.connection,
            endpoint: self.endpoint.clone(),
            reason,
            initiator: reason.initiator(),
        });
    }

    /// The handshake is over: the socket gets the pipe, and messages flow.
    fn establish(&mut self, established: Established, cx: &mut Context<'_>) -> Fate {
        let Phase::Shaking(mut shaking) = std::mem::replace(&mut self.phase, Phase::Pausing) else {
            return Fate::Lives;
        };
        self.deadline = None;
        self.write_failed = false;
        self.established = Some(cx.now);
        let Established {
            peer,
            encoder,
            decoder,
            sealer,
            implied,
        } = established;
        let version = peer.version;
        let pipe = self.pipe.get_or_insert_with(|| {
            let id = self.port.new_pipe();
            Arc::new(StreamPipe::new(
                id,
                self.key,
                cx.io.clone(),
                Arc::clone(&self.port),
                Arc::clone(&self.options),
            ))
        });
        let pipe = Arc::clone(pipe);
        if let Role::Accepted { seat, .. } = &self.role {
            seat.settle();
            pipe.sit(seat);
        }
        let peer = shaking.describe(peer, pipe.id, self.connection);
        let Shaking { stream, input, .. } = *shaking;
        pipe.inbound.count_bytes(input.len());
        let reactor = Arc::clone(cx.reactor);
        let heartbeat = Heartbeat::new(self.options.heartbeat, version, cx.now);
        self.set_beat(heartbeat.deadline(), cx);
        let connection = Connection::new(
            stream, decoder, heartbeat, input, implied, reactor, self.key,
        );
        let connection = Arc::new(connection);
        let announcements = &self.options.announcements;
        let greetings: SmallVec<[Message; 2]> = announcements.greetings().collect();
        pipe.out
            .connect(Arc::clone(&connection.stream), encoder, sealer, &greetings);
        let before = pipe.inbound.produced();
        let joined = put(announcements.arrival(), &pipe, &self.port);
        pipe.set_connection(Some(Arc::clone(&connection)));
        self.phase = Phase::Live(Arc::clone(&connection));
        self.port.post(match self.role {
            Role::Dialed => Note::Hiccup(pipe.id, Arc::clone(&peer), before),
            Role::Accepted { .. } => {
                let link = Link::Stream(Arc::clone(&pipe));
                Note::Attached(pipe.id, link, Origin::Accepted(Arc::clone(&peer)))
            }
        });
        if joined {
            self.port.post(Note::Readable(pipe.id));
        }
        self.port.events.report(|| Event::HandshakeSucceeded {
            connection: self.connection,
            endpoint: self.endpoint.clone(),
            peer,
        });
        pipe.flush();
        if self.read(&connection, cx) == Fate::Over {
            return Fate::Over;
        }
        self.look_at_parting(cx)
    }

    fn go_on_live(
        &mut self,
        connection: &Arc<Connection>,
        readable: bool,
        writable: bool,
        cx: &mut Context<'_>,
    ) -> Fate {
        let waited = connection.fired();
        let kept = Interest {
            read: waited.read && !readable,
            write: waited.write && !writable,
        };
        if let Err(error) = connection.rewatch(kept) {
            return self.end(connection, Reason::Io(error.kind()), cx);
        }
        if writable
            && let Some(pipe) = &self.pipe
            && pipe.out.unblock()
        {
            pipe.write();
        }
        if readable && self.read(connection, cx) == Fate::Over {
            return Fate::Over;
        }
        self.look_at_parting(cx)
    }

    /// Reads what is there, unless somebody else looks after the connection, and watches again.
    fn read(&mut self, connection: &Arc<Connection>, cx: &mut Context<'_>) -> Fate {
        let Some(pipe) = self.pipe.clone() else {
            return Fate::Lives;
        };
        let mut reading = connection.reading();
        if reading.watch != Watch::Armed {
            return Fate::Lives;
        }
        let turned = reading.turn(&*connection.stream, &pipe, &self.port, true);
        let watched = match turned {
            Turned::Drained | Turned::Spent => connection.watch_read(true),
            Turned::Full | Turned::Over(_) => Ok(()),
        };
        let deaf = turned == Turned::Full && reading.heartbeat.handle_deaf(cx.now);
        let beat = deaf.then(|| reading.heartbeat.deadline()).flatten();
        tell(reading, &pipe, &self.port);
        self.expect_beat(beat, cx);
        match (turned, watched) {
            (Turned::Over(reason), _) => self.end(connection, reason, cx),
            (_, Err(error)) => self.end(connection, Reason::Io(error.kind()), cx),
            _ => Fate::Lives,
        }
    }

    /// A connection that carried messages is over.
    fn end(&mut self, connection: &Arc<Connection>, reason: Reason, cx: &mut Context<'_>) -> Fate {
        connection.retire(reason);
        connection.stream.shutdown();
        self.report_end(reason);
        self.deadline = None;
        self.set_beat(None, cx);
        self.phase = Phase::Orphan;
        let Some(pipe) = &self.pipe else {
            return Fate::Over;
        };
        pipe.set_connection(None);
        let is_dialed = matches!(self.role, Role::Dialed);
        let farewell = self.options.announcements.farewell(is_dialed);
        if put(farewell, pipe, &self.port) {
            self.port.post(Note::Readable(pipe.id));
        }
        if pipe.out.disconnect() {
            self.after_end(cx)
        } else {
            Fate::Lives
        }
    }

    /// Nobody writes any more: what is unsent goes elsewhere, or waits for the next connection.
    fn after_end(&mut self, cx: &mut Context<'_>) -> Fate {
        let Some(pipe) = &self.pipe else {
            return Fate::Over;
        };
        match self.role {
            Role::Accepted { .. } => self.let_go(),
            Role::Dialed if self.closing.is_none() => {
                self.port.post(Note::Lost(pipe.id));
                self.pause(cx)
            }
            Role::Dialed if pipe.out.queued() > 0 => self.pause(cx),
            Role::Dialed => self.let_go(),
        }
    }

    /// The session is over, as soon as nobody writes any more: what is left in its queue goes back
    /// to the socket.
    fn let_go(&mut self) -> Fate {
        let Some(pipe) = &self.pipe else {
            return Fate::Over;
        };
        pipe.set_connection(None);
        pipe.out.kill();
        if !pipe.out.disconnect() {
            self.phase = Phase::Leaving;
            return Fate::Lives;
        }
        let rest = Rest::Stream(Arc::clone(pipe));
        self.port.post(Note::Gone(pipe.id, rest));
        Fate::Over
    }

    fn set_deadline(&mut self, at: Instant, cx: &mut Context<'_>) {
        self.deadline = Some(at);
        cx.timers.set(at, self.key);
    }

    /// While closing: parts as soon as everything is with the kernel.
    fn look_at_parting(&mut self, cx: &mut Context<'_>) -> Fate {
        match &self.phase {
            Phase::Live(connection) if self.closing.is_some() => {
                let connection = Arc::clone(connection);
                self.part(&connection, cx)
            }
            _ => Fate::Lives,
        }
    }

    fn part(&mut self, connection: &Arc<Connection>, cx: &mut Context<'_>) -> Fate {
        let Some(pipe) = self.pipe.clone() else {
            return self.finish();
        };
        if self.write_failed {
            return Fate::Lives;
        }
        pipe.flush();
        if !pipe.out.is_empty() {
            // One look is enough, whatever happens until then.
            if self.deadline.is_none() {
                self.set_deadline(cx.now + PARTING_LOOK, cx);
            }
            return Fate::Lives;
        }
        let stream = Arc::clone(&connection.stream);
        pipe.set_connection(None);
        connection.retire(Reason::Closed);
        self.report_end(Reason::Closed);
        if !pipe.out.was_used() || stream.shutdown_write().is_err() {
            stream.shutdown();
            return self.let_go();
        }
        self.deadline = None;
        self.phase = Phase::Parting(Arc::clone(&stream));
        self.discard(&*stream, cx)
    }

    /// Reads and drops until the peer ends: what it has not taken yet must not be thrown away by a
    /// reset.
    fn discard(&mut self, stream: &dyn Stream, cx: &mut Context<'_>) -> Fate {
        for _ in 0..16 {
            cx.scratch.clear();
            cx.scratch.reserve(pool::CHUNK);
            match stream.read(cx.scratch, cx.scratch.capacity()) {
                Ok(0) => return self.leave(cx),
                Ok(_) => {}
                Err(error) if is_for_later(&error) => break,
                Err(_) => return self.leave(cx),
            }
        }
        let read = Interest {
            read: true,
            write: false,
        };
        match cx.reactor.arm(stream.source(), self.key, read) {
            Ok(()) => Fate::Lives,
            Err(_) => self.leave(cx),
        }
    }
}

/// Queues a message as if the peer had sent it. Nobody else fills the queue: the connection has not
/// begun, or is retired. True: the socket has to be told.
fn put(announced: Option<Message>, pipe: &StreamPipe, port: &Port) -> bool {
    let Some(message) = announced else {
        return false;
    };
    let mut items = VecDeque::from([Incoming::Message(message)]);
    let told = pipe.inbound.append(&mut items, 1);
    port.counters
        .drop_receiving(Dropped::Closed, items.len() as u64);
    told
}
